#include <stdlib.h>
#include <string.h>

#include "observe/backups.h"

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every key of the manifest, sorted, as the store has them. NULL: out of memory. */
static char **keys_of(const struct dro_manifest *manifest, const struct dro_backup_policy *policy)
{
	char **keys = calloc(manifest->object_count + 1, sizeof(*keys));
	size_t i;

	for (i = 0; keys && i < manifest->object_count; i++) {
		keys[i] = dro_backup_key(
			policy, dro_manifest_folder(manifest), manifest->objects[i].key);
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
	const struct dro_manifest *manifest, char *const *keys, size_t count,
	const struct dro_call *call, struct dro_error *err)
{
	char *prefix = dro_backup_key(policy, dro_manifest_folder(manifest), "");
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
			"backup %s is torn: %zu of %zu objects are there; it is left as it is",
			manifest->id, found, count);
	dro_object_list_free(&list);
	free(prefix);
	return rc;
}

/* ---- what others need ---------------------------------------------------------------------- */

/* The keys of one removal; those that another backup names are taken out. */
struct removal {
	struct dro_provider *provider;
	const struct dro_backup_policy *policy;
	const struct dro_manifest *manifest;
	const struct dro_call *call;
	char **keys; /* sorted */
	size_t count;
};

static int spare_keys(
	struct removal *removal, const struct dro_manifest *other, struct dro_error *err)
{
	size_t left = 0, i;
	char **theirs;

	if (strcmp(other->repository, removal->manifest->repository) != 0)
		return 0;
	theirs = keys_of(other, removal->policy);
	if (!theirs)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; i < removal->count; i++)
		if (bsearch(&removal->keys[i], theirs, other->object_count, sizeof(*theirs),
			    by_key))
			free(removal->keys[i]);
		else
			removal->keys[left++] = removal->keys[i];
	removal->count = left;
	free_keys(theirs, other->object_count);
	return 0;
}

/* `id` may be a backup that was never finished: that one names nothing. */
static int spare_backup(struct removal *removal, const char *id, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(DRO_MANIFEST_MAX_BYTES);
	struct dro_manifest *other = NULL;
	int rc = dro_backup_get_manifest(
		&text, removal->provider, removal->policy, id, removal->call, err);

	if (rc == DRO_ENOTFOUND) {
		rc = 0;
	} else if (rc == 0) {
		rc = dro_manifest_parse(&other, dro_buf_str(&text), text.length, err);
		if (rc == 0)
			rc = spare_keys(removal, other, err);
		else if (rc != DRO_ENOMEM)
			rc = dro_fail(err, DRO_ECORRUPT,
				"backup %s is left as it is: the manifest of %s makes no sense, "
				"and that one may need the same objects",
				removal->manifest->id, id);
	}
	dro_manifest_free(other);
	dro_buf_free(&text);
	return rc;
}

/* Newest first: the next backup of a repository names nearly all that an older one does. */
static int spare_others(struct removal *removal, struct dro_error *err)
{
	const struct dro_backup_policy *policy = removal->policy;
	struct dro_object_query query = {.size = sizeof(query),
		.region = dro_backup_region(policy, removal->provider),
		.bucket = policy->bucket,
		.prefix = policy->prefix,
		.delimiter = "/"};
	struct dro_object_list list = {0};
	size_t i;
	int rc;

	if (!*removal->manifest->repository)
		return 0;
	rc = dro_provider_list_objects(removal->provider, &query, &list, removal->call, err);
	for (i = list.count; rc == 0 && removal->count > 0 && i-- > 0;) {
		const char *key = list.items[i]->key + strlen(policy->prefix);
		char id[DRO_BACKUP_ID_MAX + 1];
		size_t length = strcspn(key, "/");

		if (!list.items[i]->is_prefix || length >= sizeof(id))
			continue;
		memcpy(id, key, length);
		id[length] = '\0';
		if (dro_backup_id_valid(id) && strcmp(id, removal->manifest->id) != 0)
			rc = spare_backup(removal, id, err);
	}
	dro_object_list_free(&list);
	return rc;
}

/* ---- removal ------------------------------------------------------------------------------- */

/* The manifest goes last: until then a repeat knows what is still to go. */
static int remove_objects(const struct removal *removal, struct dro_error *err)
{
	const char *region = dro_backup_region(removal->policy, removal->provider);
	const char *bucket = removal->policy->bucket;
	char *manifest = dro_backup_key(removal->policy, removal->manifest->id, DRO_MANIFEST_KEY);
	const char *last[] = {manifest};
	int rc = manifest ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");

	if (rc == 0 && removal->count > 0)
		rc = dro_provider_delete_objects(removal->provider, region, bucket,
			(const char *const *)removal->keys, removal->count, removal->call, err);
	if (rc == 0)
		rc = dro_provider_delete_objects(
			removal->provider, region, bucket, last, 1, removal->call, err);
	free(manifest);
	return rc;
}

int dro_backup_remove(struct dro_accounts *accounts, const struct dro_service *service,
	const struct dro_backup_policy *policy, const char *id, bool repeated,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(DRO_MANIFEST_MAX_BYTES);
	struct removal removal = {.policy = policy, .call = call};
	struct dro_manifest *manifest = NULL;
	int rc;

	if ((rc = dro_accounts_get(accounts, policy->provider, &removal.provider, err)) < 0)
		return rc;
	rc = dro_backup_get_manifest(&text, removal.provider, policy, id, call, err);
	if (rc == DRO_ENOTFOUND) {
		rc = 0;
		goto out;
	}
	if (rc < 0 ||
		(rc = dro_manifest_parse(&manifest, dro_buf_str(&text), text.length, err)) < 0 ||
		(rc = dro_manifest_expect(manifest, id, service->name, err)) < 0)
		goto out;
	removal.manifest = manifest;
	removal.keys = keys_of(manifest, policy);
	if (!removal.keys) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	removal.count = manifest->object_count;
	if ((!repeated && (rc = check_whole(removal.provider, policy, manifest, removal.keys,
				   removal.count, call, err)) < 0) ||
		(rc = spare_others(&removal, err)) < 0)
		goto out;
	rc = remove_objects(&removal, err);
out:
	free_keys(removal.keys, removal.count);
	dro_manifest_free(manifest);
	dro_buf_free(&text);
	return rc;
}
