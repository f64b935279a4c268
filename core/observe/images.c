#include "observe/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/marks.h"

#define PRIVATE "private/" /* how one provider names an account's own */

static const char *bare(const char *name)
{
	return strncmp(name, PRIVATE, strlen(PRIVATE)) == 0 ? name + strlen(PRIVATE) : name;
}

bool dro_image_is_of(const struct dro_image *image, const char *name)
{
	const char *tag = dro_image_tag(image, DRO_TAG_IMAGE);
	size_t length;

	name = bare(name);
	length = strlen(name);
	if (tag)
		return strcmp(tag, name) == 0;
	return strncmp(image->name, name, length) == 0 &&
	       (image->name[length] == '\0' || image->name[length] == '-');
}

static bool is_better(const struct dro_image *image, const struct dro_image *best, bool newest)
{
	if (image->state != DRO_IMAGE_AVAILABLE)
		return false;
	return !best || (newest && image->created_ms > best->created_ms);
}

int dro_image_find(char **out, struct dro_provider *provider, const char *region, const char *name,
	bool newest, uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_image_query query = {
		.size = sizeof(query), .region = region, .name = newest ? "" : name};
	const struct dro_call call = {
		.size = sizeof(call), .deadline_ms = deadline_ms, .trace = "observe"};
	const struct dro_image *best = NULL;
	struct dro_image_list list = {0};
	size_t i;
	int rc;

	if ((rc = dro_provider_list_images(provider, &query, &list, &call, err)) < 0)
		goto out;
	for (i = 0; i < list.count; i++)
		if ((!newest || dro_image_is_of(list.items[i], name)) &&
			is_better(list.items[i], best, newest))
			best = list.items[i];
	if (!best) {
		rc = dro_fail(err, DRO_ENOTFOUND, "%s has no image \"%s\" in %s",
			dro_provider_name(provider), name, region);
		goto out;
	}
	*out = strdup(best->id);
	if (!*out)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
out:
	dro_image_list_free(&list);
	return rc;
}

int dro_image_resolve(char **out, struct dro_accounts *accounts, struct dro_store *store,
	const struct dro_log *log, const struct dro_service *service, const struct dro_site *site,
	const struct dro_instance_group *group, uint64_t deadline_ms, struct dro_error *err)
{
	char *before = NULL, key[300];
	struct dro_provider *provider;
	int rc;

	snprintf(key, sizeof(key), "image/%s/%s", site->name, group->name);
	if (dro_store_fact_get(store, service->name, key, &before, NULL, NULL) < 0)
		before = NULL;
	*out = NULL;
	if ((rc = dro_accounts_get(accounts, site->provider, &provider, err)) == 0)
		rc = dro_image_find(out, provider, site->region, group->image, group->image_newest,
			deadline_ms, err);
	if (rc == 0 && (!before || strcmp(before, *out) != 0))
		rc = dro_store_fact_set(store, service->name, key, *out, err);
	if ((rc == DRO_EAGAIN || rc == DRO_ETIMEDOUT) && before) {
		dro_log(log, DRO_LOG_WARNING, "%s; using the image known last, %s", err->message,
			before);
		*out = before;
		before = NULL;
		rc = 0;
	}
	free(before);
	return rc;
}
