#include "model/marks.h"

#include <stdio.h>
#include <string.h>

#include "drorch/provider.h"

#define PREFIX "drorch:"

char *dro_owner_mark(const char *service, const char *key)
{
	char *mark = NULL;

	return asprintf(&mark, PREFIX "%s/%s", service, key) < 0 ? NULL : mark;
}

bool dro_owner_is(const char *owner, const char *service)
{
	size_t prefix = strlen(PREFIX), length = strlen(service);

	return strncmp(owner, PREFIX, prefix) == 0 &&
	       strncmp(owner + prefix, service, length) == 0 && owner[prefix + length] == '/';
}

const char *dro_instance_group_name(
	const struct dro_instance *instance, const char *service, const struct dro_site *site)
{
	const char *group = dro_instance_tag(instance, DRO_TAG_GROUP);
	char name[300];
	size_t i;

	if (group)
		return group;
	for (i = 0; i < site->group_count; i++) {
		snprintf(name, sizeof(name), "%s-%s-%s", service, site->name, site->groups[i].name);
		if (strcmp(instance->name, name) == 0)
			return site->groups[i].name;
	}
	return site->group_count == 1 ? site->groups[0].name : "";
}
