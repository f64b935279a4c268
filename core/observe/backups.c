#include "observe/backups.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"

#define AT_ONCE 8 /* manifests that are read side by side */

/* The objects of one policy, sorted by key. */
struct listing {
	const struct dro_backup_policy *policy;
	struct dro_object_list objects;
};

const char *dro_backup_region(
	const struct dro_backup_policy *policy, const struct dro_provider *provider)
{
	return *policy->region ? policy->region : dro_provider_option(provider, "region");
}

/* The id that the object belongs to: "offsite/20261120T…/db" -> "20261120T…". False: none. */
static bool id_of(const struct listing *listing, size_t index, char id[DRO_BACKUP_ID_MAX + 1])
{
	const char *key = listing->objects.items[index]->key + strlen(listing->policy->prefix);
	size_t length = strcspn(key, "/");

	if (!key[length] || length == 0 || length > DRO_BACKUP_ID_MAX)
		return false;
	memcpy(id, key, length);
	id[length] = '\0';
	return dro_backup_id_valid(id);
}

/* Right below its id: "offsite/20261120T…/manifest.json". */
static bool is_manifest(const struct listing *listing, size_t index)
{
	const char *key = listing->objects.items[index]->key + strlen(listing->policy->prefix);

	return strcmp(key + strcspn(key, "/"), "/" DRO_MANIFEST_KEY) == 0;
}

static struct dro_backup *find_id(struct dro_backup_list *list, const char *id)
{
	size_t i;

	/* Keys come sorted: an id that is there is nearly always the last one. */
	for (i = list->count; i-- > 0;)
		if (strcmp(list->items[i].id, id) == 0)
			return &list->items[i];
	return NULL;
}

static int add_id(struct dro_backup_list *list, const char *id, struct dro_backup **out,
	struct dro_error *err)
{
	struct dro_backup *items = realloc(list->items, (list->count + 1) * sizeof(*items));
	struct dro_backup *backup;

	if (!items)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	list->items = items;
	backup = &items[list->count];
	*backup = (struct dro_backup){.id = strdup(id), .problem = strdup("")};
	if (!backup->id || !backup->problem) {
		free(backup->id);
		free(backup->problem);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	list->count++;
	*out = backup;
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	return strcmp(((const struct dro_backup *)b)->id, ((const struct dro_backup *)a)->id);
}

static int group(struct dro_backup_list *out, const struct listing *listing, struct dro_error *err)
{
	char id[DRO_BACKUP_ID_MAX + 1];
	size_t i;
	int rc;

	for (i = 0; i < listing->objects.count; i++) {
		struct dro_backup *backup;

		if (listing->objects.items[i]->is_prefix || !id_of(listing, i, id))
			continue;
		backup = find_id(out, id);
		if (!backup && (rc = add_id(out, id, &backup, err)) < 0)
			return rc;
		backup->bytes += listing->objects.items[i]->length;
		backup->finished = backup->finished || is_manifest(listing, i);
	}
	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), newest_first);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(struct dro_object *const *)a)->key, (*(struct dro_object *const *)b)->key);
}

char *dro_backup_key(const struct dro_backup_policy *policy, const char *folder, const char *key)
{
	char *text = NULL;

	return asprintf(&text, "%s%s/%s", policy->prefix, folder, key) < 0 ? NULL : text;
}

/* *out: the listed object of that key in that folder, or NULL. */
static int listed(const struct dro_object **out, const struct listing *listing, const char *folder,
	const char *key, struct dro_error *err)
{
	struct dro_object wanted = {.key = dro_backup_key(listing->policy, folder, key)},
			  *name = &wanted;
	struct dro_object **found;

	if (!wanted.key)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	found = bsearch(
		&name, listing->objects.items, listing->objects.count, sizeof(name), by_key);
	free((char *)wanted.key);
	*out = found ? *found : NULL;
	return 0;
}

/* Is every object of the manifest there, with its size? */
static int compare(struct dro_backup *backup, const struct listing *listing, struct dro_error *err)
{
	size_t i;

	for (i = 0; i < backup->manifest->object_count; i++) {
		const struct dro_manifest_object *want = &backup->manifest->objects[i];
		const struct dro_object *have;
		int rc = listed(
			&have, listing, dro_manifest_folder(backup->manifest), want->key, err);

		if (rc < 0)
			return rc;
		if (!have)
			return dro_backup_refuse(backup, err, "torn: %s is missing", want->key);
		if (have->length != want->length)
			return dro_backup_refuse(backup, err, "torn: %s has %llu bytes, not %llu",
				want->key, (unsigned long long)have->length,
				(unsigned long long)want->length);
	}
	return 0;
}

int dro_backup_get_manifest(struct dro_buf *text, struct dro_provider *provider,
	const struct dro_backup_policy *policy, const char *id, const struct dro_call *call,
	struct dro_error *err)
{
	char *key = dro_backup_key(policy, id, DRO_MANIFEST_KEY);
	struct dro_object_ref ref = {.size = sizeof(ref),
		.region = dro_backup_region(policy, provider),
		.bucket = policy->bucket,
		.key = key};
	int rc = key ? dro_provider_get_text(provider, &ref, text, call, err)
		     : dro_fail(err, DRO_ENOMEM, "out of memory");

	free(key);
	return rc;
}

static void recall(struct dro_backup *backup, const struct dro_service *service,
	const struct dro_backup_policy *policy, struct dro_store *store)
{
	char key[256], *value = NULL;

	snprintf(key, sizeof(key), "backup-verified/%s/%s", policy->name, backup->id);
	if (store && dro_store_fact_get(store, service->name, key, &value, NULL, NULL) == 0)
		backup->verified = strcmp(value, backup->manifest_sha256) == 0;
	free(value);
}

/* Those not read now that a removal found not to be whole: dro_backup_left tells of it. */
static int recall_left(struct dro_backup_list *list, const struct dro_service *service,
	const struct dro_backup_policy *policy, struct dro_store *store, struct dro_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; store && i < list->count && rc == 0; i++) {
		char key[256], *why = NULL;

		if (list->items[i].read)
			continue;
		snprintf(key, sizeof(key), "backup-left/%s/%s", policy->name, list->items[i].id);
		if (dro_store_fact_get(store, service->name, key, &why, NULL, NULL) == 0)
			rc = dro_backup_refuse(&list->items[i], err, "%s", why);
		free(why);
	}
	return rc;
}

int dro_backup_left(struct dro_store *store, const struct dro_service *service,
	const struct dro_backup_policy *policy, const char *id, const char *why,
	struct dro_error *err)
{
	char key[256];

	snprintf(key, sizeof(key), "backup-left/%s/%s", policy->name, id);
	return dro_store_fact_set(store, service->name, key, why, err);
}

/* Reads one manifest and judges it against the listing. */
static int inspect(struct dro_backup *backup, const struct listing *listing,
	struct dro_provider *provider, const struct dro_backup_policy *policy,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(DRO_MANIFEST_MAX_BYTES);
	struct dro_error wrong = DRO_ERROR_INIT;
	const struct dro_object *manifest;
	int rc;

	backup->read = true;
	if ((rc = listed(&manifest, listing, backup->id, DRO_MANIFEST_KEY, err)) < 0)
		return rc;
	if (!manifest)
		return dro_backup_refuse(
			backup, err, "torn: it has no manifest, so it was never finished");
	if ((rc = dro_backup_get_manifest(&text, provider, policy, backup->id, call, err)) < 0)
		goto out;
	if ((rc = dro_sha256_hex(backup->manifest_sha256, dro_buf_str(&text), text.length)) < 0) {
		dro_fail(err, rc, "out of memory");
		goto out;
	}
	rc = dro_manifest_parse(&backup->manifest, dro_buf_str(&text), text.length, &wrong);
	if (rc == DRO_ENOMEM)
		*err = wrong;
	else if (rc < 0)
		rc = dro_backup_refuse(backup, err, "its manifest is bad: %s", wrong.message);
	else if (strcmp(backup->manifest->id, backup->id) != 0)
		rc = dro_backup_refuse(
			backup, err, "foreign: its manifest is of %s", backup->manifest->id);
	else
		rc = compare(backup, listing, err);
out:
	dro_buf_free(&text);
	return rc;
}

/* One manifest on a worker. */
struct inspection {
	struct dro_backup *backup;
	const struct listing *listing;
	struct dro_provider *provider;
	const struct dro_call *call;
	int rc;
	struct dro_error err;
};

static void inspect_job(void *arg)
{
	struct inspection *job = arg;

	job->rc = inspect(job->backup, job->listing, job->provider, job->listing->policy, job->call,
		&job->err);
}

/* At most AT_ONCE of them. */
static int inspect_some(struct dro_backup *backups, size_t count, const struct inspection *like,
	struct dro_error *err)
{
	struct inspection jobs[AT_ONCE];
	struct dro_pool *pool;
	size_t i;
	int rc;

	if ((rc = dro_pool_new(&pool, count, err)) < 0)
		return rc;
	for (i = 0; i < count; i++) {
		jobs[i] = *like;
		jobs[i].backup = &backups[i];
		if (rc == 0)
			rc = dro_pool_submit(pool, inspect_job, &jobs[i], err);
	}
	dro_pool_free(pool);
	for (i = 0; i < count && rc == 0; i++)
		if ((rc = jobs[i].rc) < 0 && err)
			*err = jobs[i].err;
	return rc;
}

/* As many as are still wanted, again and again: torn ones among them make another round. */
static int inspect_newest(struct dro_backup_list *list, size_t good, const struct inspection *like,
	const struct dro_service *service, struct dro_store *store, struct dro_error *err)
{
	size_t seen = 0, next = 0, count;
	int rc;

	while (next < list->count && (good == 0 || seen < good)) {
		count = list->count - next < AT_ONCE ? list->count - next : AT_ONCE;
		if (good && count > good - seen)
			count = good - seen;
		if ((rc = inspect_some(&list->items[next], count, like, err)) < 0)
			return rc;
		for (; count > 0; count--, next++) {
			recall(&list->items[next], service, like->listing->policy, store);
			seen += !*list->items[next].problem;
		}
	}
	return 0;
}

int dro_backups_find(struct dro_backup_list *out, struct dro_accounts *accounts,
	const struct dro_service *service, const struct dro_backup_policy *policy, size_t good,
	struct dro_store *store, const struct dro_call *call, struct dro_error *err)
{
	struct listing listing = {.policy = policy};
	struct inspection like = {.listing = &listing, .call = call, .err = DRO_ERROR_INIT};
	struct dro_object_query query = {.size = sizeof(query),
		.bucket = policy->bucket,
		.prefix = policy->prefix,
		.delimiter = ""};
	int rc;

	if ((rc = dro_accounts_get(accounts, policy->provider, &like.provider, err)) < 0)
		return rc;
	query.region = dro_backup_region(policy, like.provider);
	if ((rc = dro_provider_list_objects(like.provider, &query, &listing.objects, call, err)) <
		0)
		goto out;
	if (listing.objects.count)
		qsort(listing.objects.items, listing.objects.count, sizeof(*listing.objects.items),
			by_key);
	if ((rc = group(out, &listing, err)) < 0)
		goto out;
	if ((rc = inspect_newest(out, good, &like, service, store, err)) == 0)
		rc = recall_left(out, service, policy, store, err);
out:
	dro_object_list_free(&listing.objects);
	return rc;
}

/* ---- verification -------------------------------------------------------------------------- */

static int verify_object(struct dro_backup *backup, const struct dro_manifest_object *object,
	struct dro_provider *provider, const struct dro_backup_policy *policy, int fd,
	const struct dro_call *call, struct dro_error *err)
{
	char *key = dro_backup_key(policy, dro_manifest_folder(backup->manifest), object->key);
	char hash[DRO_SHA256_HEX];
	struct dro_object_ref ref = {.size = sizeof(ref),
		.region = dro_backup_region(policy, provider),
		.bucket = policy->bucket,
		.key = key};
	uint64_t length = 0;
	int rc;

	if (!key)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (ftruncate(fd, 0) < 0) {
		rc = dro_fail_errno(err, "temporary file");
		goto out;
	}
	if ((rc = dro_provider_get_object(provider, &ref, fd, object->length, &length, call, err)) <
		0)
		goto out;
	if ((rc = dro_sha256_fd(hash, fd, 0, length, err)) < 0)
		goto out;
	if (length != object->length || strcmp(hash, object->sha256) != 0) {
		if ((rc = dro_backup_refuse(backup, err,
			     "%s is not what was backed up: its hash differs", object->key)) == 0)
			rc = dro_fail(
				err, DRO_ECORRUPT, "backup %s: %s", backup->id, backup->problem);
	}
out:
	free(key);
	return rc;
}

int dro_backup_verify(struct dro_backup *backup, struct dro_accounts *accounts,
	const struct dro_service *service, const struct dro_backup_policy *policy,
	struct dro_store *store, const struct dro_call *call, struct dro_error *err)
{
	char key[256], folder[] = "/var/tmp";
	struct dro_provider *provider;
	size_t i;
	int fd, rc;

	if (*backup->problem || !backup->manifest)
		return dro_fail(err, DRO_ECORRUPT, "backup %s: %s", backup->id, backup->problem);
	if ((rc = dro_accounts_get(accounts, policy->provider, &provider, err)) < 0)
		return rc;
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return dro_fail_errno(err, "a temporary file in %s", folder);
	for (i = 0; i < backup->manifest->object_count; i++)
		if ((rc = verify_object(backup, &backup->manifest->objects[i], provider, policy, fd,
			     call, err)) < 0)
			goto out;
	backup->verified = true;
	snprintf(key, sizeof(key), "backup-verified/%s/%s", policy->name, backup->id);
	if (store)
		rc = dro_store_fact_set(store, service->name, key, backup->manifest_sha256, err);
out:
	close(fd);
	return rc;
}
