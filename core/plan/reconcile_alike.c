/*
 * Instances that look like the service's and carry no marks: those that ran before drorch came. One
 * that is in the place of a wanted one is told, and none is launched beside it: a second primary
 * would begin empty, and nobody asked for it.
 */
#include <stdio.h>
#include <string.h>

#include "model/marks.h"
#include "plan/differ.h"

bool differ_is_unmarked(const struct dro_instance *instance)
{
	return !dro_instance_tag(instance, DRO_TAG_SERVICE) &&
	       !dro_instance_tag(instance, DRO_TAG_ROLE);
}

/* How much of its name is what a launch calls the group's: "SERVICE-SITE-GROUP", or that and more
 * behind a dash. */
static size_t named_like(const struct dro_instance *instance, const char *service,
	const struct dro_site *site, const char *group)
{
	char name[300];
	size_t length;

	snprintf(name, sizeof(name), "%s-%s-%s", service, site->name, group);
	length = strlen(name);
	return strncmp(instance->name, name, length) == 0 &&
			       (instance->name[length] == '\0' || instance->name[length] == '-')
		       ? length
		       : 0;
}

int differ_looks_like(struct differ *differ, const struct dro_seen_site *seen,
	const struct dro_instance *instance, const char **why)
{
	const struct dro_site *site = seen->site;
	size_t i, length, longest = 0;
	int found = -1;

	for (i = 0; i < site->group_count; i++) {
		length = named_like(
			instance, differ->facts->service->name, site, site->groups[i].name);
		if (length > longest) {
			longest = length;
			found = (int)i;
		}
	}
	if (why)
		*why = "by its name";
	/* Names lead to the first group, and to the active site. */
	if (found < 0 && site->group_count && strcmp(site->name, differ->facts->active) == 0 &&
		differ_name_of(differ, instance)) {
		found = 0;
		if (why)
			*why = "since the service's name leads there";
	}
	return found;
}

size_t differ_alike(
	struct differ *differ, const struct dro_seen_site *seen, size_t group, size_t missing)
{
	const char *service = differ->facts->service->name, *why;
	size_t found = 0, i;

	for (i = 0; i < seen->other_count; i++) {
		const struct dro_instance *instance = seen->others[i];
		char target[300];

		if (!differ_is_unmarked(instance) ||
			differ_looks_like(differ, seen, instance, &why) != (int)group)
			continue;
		found++;
		snprintf(target, sizeof(target), "%s of %s at %s", instance->id, seen->site->name,
			seen->site->provider);
		differ_finding(differ, DRO_FINDING_FOREIGN, target,
			"carries no mark, and looks like %s %s: it is left as it is, and none is "
			"launched beside it; `drorch adopt %s %s` takes it over",
			seen->site->groups[group].name, why, service, instance->id);
	}
	return found < missing ? found : missing;
}
