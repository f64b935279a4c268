#include <stdlib.h>
#include <string.h>

#include "observe/backups.h"

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every key of the manifest, sorted, as the store has them. NULL: out of memory. */
static char **keys_of(
	const struct dro_manifest *manifest, const struct dro_backup_policy *policy, const char *id)
{
	char **keys = calloc(manifest->object_count + 1, sizeof(*keys));
	size_t i;

	for (i = 0; keys && i < manifest->object_count; i++) {
		keys[i] = dro_backup_key(policy, id, manifest->objects[i].key);
		if (!keys[i])
			return NULL;
	}
	if (keys)
		qsort(keys, manifest->object_count, sizeof(*keys), by_key);
	return keys;
}

static void free_keys(char **keys, size_t count)
{
	size_t i;

	for (i = 0; keys && i < count; i++)
		free(keys[i]);
	free(keys);
}

/* Only what is whole is removed: something else is wrong where it is not. */
static int check_whole(struct dro_provider *provider, const struct dro_backup_policy *policy,
	const char *id, char *const *keys, size_t count, const struct dro_call *call,
	struct dro_error *err)
{
	char *prefix = dro_backup_key(policy, id, "");
	struct dro_object_query query = {.size = sizeof(query),
		.region = dro_backup_region(policy, provider),
		.bucket = policy->bucket,
		.prefix = prefix,
		.delimiter = ""};
	struct dro_object_list list = {0};
	size_t found = 0, i;
	int rc = prefix ? dro_provider_list_objects(provider, &query, &list, call, err)
			: dro_fail(err, DRO_ENOMEM, "out of memory");

	for (i = 0; rc == 0 && count && i < list.count; i++)
		found += bsearch(&list.items[i]->key, keys, count, sizeof(*keys), by_key) != NULL;
	if (rc == 0 && found < count)
		rc = dro_fail(err, DRO_ECORRUPT,
			"backup %s is torn: %zu of %zu objects are there; it is left as it is", id,
			found, count);
	dro_object_list_free(&list);
	free(prefix);
	return rc;
}

/* The manifest goes last: until then a repeat knows what is still to go. */
static int remove_objects(struct dro_provider *provider, const struct dro_backup_policy *policy,
	const char *id, char *const *keys, size_t count, const struct dro_call *call,
	struct dro_error *err)
{
	const char *region = dro_backup_region(policy, provider);
	char *manifest = dro_backup_key(policy, id, DRO_MANIFEST_KEY);
	const char *last[] = {manifest};
	int rc = manifest ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");

	if (rc == 0 && count > 0)
		rc = dro_provider_delete_objects(provider, region, policy->bucket,
			(const char *const *)keys, count, call, err);
	if (rc == 0)
		rc = dro_provider_delete_objects(
			provider, region, policy->bucket, last, 1, call, err);
	free(manifest);
	return rc;
}

int dro_backup_remove(struct dro_accounts *accounts, const struct dro_service *service,
	const struct dro_backup_policy *policy, const char *id, bool repeated,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(DRO_MANIFEST_MAX_BYTES);
	struct dro_manifest *manifest = NULL;
	struct dro_provider *provider;
	char **keys = NULL;
	size_t count = 0;
	int rc;

	if ((rc = dro_accounts_get(accounts, policy->provider, &provider, err)) < 0)
		return rc;
	rc = dro_backup_get_manifest(&text, provider, policy, id, call, err);
	if (rc == DRO_ENOTFOUND) {
		rc = 0;
		goto out;
	}
	if (rc < 0 ||
		(rc = dro_manifest_parse(&manifest, dro_buf_str(&text), text.length, err)) < 0 ||
		(rc = dro_manifest_expect(manifest, id, service->name, err)) < 0)
		goto out;
	count = manifest->object_count;
	keys = keys_of(manifest, policy, id);
	if (!keys) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if (!repeated && (rc = check_whole(provider, policy, id, keys, count, call, err)) < 0)
		goto out;
	rc = remove_objects(provider, policy, id, keys, count, call, err);
out:
	free_keys(keys, count);
	dro_manifest_free(manifest);
	dro_buf_free(&text);
	return rc;
}
