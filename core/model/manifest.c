#include "model/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define MAX_TOTAL (1ull << 53) /* JSON numbers are exact up to here */

static const char *const kind_names[] = {"directory", "sqlite", "mariadb"};

static int no_memory(struct dro_error *err)
{
	return dro_fail(err, DRO_ENOMEM, "out of memory");
}

/* ---- names -------------------------------------------------------------------------------- */

void dro_backup_id_new(char out[DRO_BACKUP_ID_MAX + 1], int64_t time_ms)
{
	char text[DRO_TIME_TEXT], random[7];
	size_t used = 0, i;

	dro_time_format(text, time_ms - (time_ms % 1000));
	for (i = 0; text[i]; i++)
		if (text[i] != '-' && text[i] != ':')
			out[used++] = text[i];
	dro_random_id(random, sizeof(random) - 1);
	snprintf(out + used, DRO_BACKUP_ID_MAX + 1 - used, "-%s", random);
}

int64_t dro_backup_id_time(const char *id)
{
	char text[DRO_TIME_TEXT];
	int64_t time_ms;

	/* "20261120T195553Z…" -> "2026-11-20T19:55:53Z" */
	if (strlen(id) < 16 || id[8] != 'T' || id[15] != 'Z')
		return DRO_EINVAL;
	snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", id, id + 4, id + 6, id + 9,
		id + 11, id + 13);
	return dro_time_parse(text, &time_ms) < 0 ? DRO_EINVAL : time_ms;
}

bool dro_backup_id_valid(const char *id)
{
	size_t length = strlen(id);

	return length > 0 && length <= DRO_BACKUP_ID_MAX && id[0] != '.' &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       length;
}

bool dro_backup_repository_valid(const char *name)
{
	return name[0] == '.' && dro_backup_id_valid(name + 1);
}

bool dro_backup_key_valid(const char *key)
{
	const char *segment = key, *end, *c;

	if (!*key || strlen(key) > DRO_BACKUP_KEY_MAX)
		return false;
	for (c = key; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '\\')
			return false;
	for (;; segment = end + 1) {
		size_t length;

		end = strchrnul(segment, '/');
		length = (size_t)(end - segment);
		if (length == 0 || (length == 1 && segment[0] == '.') ||
			(length == 2 && memcmp(segment, "..", 2) == 0))
			return false;
		if (!*end)
			return true;
	}
}

static bool name_valid(const char *name)
{
	const char *c;

	for (c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	return c > name && c - name <= DRO_BACKUP_NAME_MAX;
}

static bool sha256_valid(const char *text)
{
	return strlen(text) == DRO_SHA256_HEX - 1 &&
	       strspn(text, "0123456789abcdef") == DRO_SHA256_HEX - 1;
}

const char *dro_backup_kind_name(enum dro_backup_kind kind)
{
	return kind_names[kind];
}

int dro_backup_kind_parse(const char *name, enum dro_backup_kind *kind, struct dro_error *err)
{
	size_t i;

	for (i = 0; i < sizeof(kind_names) / sizeof(kind_names[0]); i++)
		if (strcmp(kind_names[i], name) == 0) {
			*kind = (enum dro_backup_kind)i;
			return 0;
		}
	return dro_fail(err, DRO_EINVAL,
		"no such kind of backup: \"%.32s\" (there are directory, sqlite and mariadb)",
		name);
}

/* ---- building ----------------------------------------------------------------------------- */

void dro_manifest_free(struct dro_manifest *manifest)
{
	size_t i;

	if (!manifest)
		return;
	for (i = 0; i < manifest->object_count; i++)
		free(manifest->objects[i].key);
	free(manifest->objects);
	free(manifest->id);
	free(manifest->service);
	free(manifest->site);
	free(manifest->tool);
	free(manifest->tool_version);
	free(manifest->repository);
	free(manifest->snapshot);
	cJSON_Delete(manifest->mark);
	free(manifest);
}

int dro_manifest_new(struct dro_manifest **out, const char *id, const char *service,
	const char *site, enum dro_backup_kind kind, int64_t time_ms, struct dro_error *err)
{
	struct dro_manifest *manifest;

	if (!dro_backup_id_valid(id))
		return dro_fail(err, DRO_EINVAL, "\"%.80s\" cannot be a backup's id", id);
	if (!name_valid(service) || !name_valid(site))
		return dro_fail(err, DRO_EINVAL, "\"%.80s\" cannot be a %s's name",
			name_valid(service) ? site : service,
			name_valid(service) ? "site" : "service");
	if (time_ms <= 0)
		return dro_fail(err, DRO_EINVAL, "a backup without its time");
	manifest = calloc(1, sizeof(*manifest));
	if (!manifest)
		return no_memory(err);
	manifest->id = strdup(id);
	manifest->service = strdup(service);
	manifest->site = strdup(site);
	manifest->tool = strdup("drorch-agent");
	manifest->tool_version = strdup(DRORCH_VERSION);
	manifest->repository = strdup("");
	manifest->snapshot = strdup("");
	manifest->mark = cJSON_CreateObject();
	manifest->kind = kind;
	manifest->time_ms = time_ms;
	if (!manifest->id || !manifest->service || !manifest->site || !manifest->tool ||
		!manifest->tool_version || !manifest->repository || !manifest->snapshot ||
		!manifest->mark) {
		dro_manifest_free(manifest);
		return no_memory(err);
	}
	*out = manifest;
	return 0;
}

int dro_manifest_mark(struct dro_manifest *manifest, cJSON *mark, struct dro_error *err)
{
	if (!mark)
		return no_memory(err);
	if (!cJSON_IsObject(mark)) {
		cJSON_Delete(mark);
		return dro_fail(err, DRO_EINVAL, "a backup's mark is not an object");
	}
	cJSON_Delete(manifest->mark);
	manifest->mark = mark;
	return 0;
}

static int set(char **field, const char *text, struct dro_error *err)
{
	char *copy = strdup(text);

	if (!copy)
		return no_memory(err);
	free(*field);
	*field = copy;
	return 0;
}

int dro_manifest_tool(
	struct dro_manifest *manifest, const char *name, const char *version, struct dro_error *err)
{
	int rc = set(&manifest->tool, name, err);

	return rc < 0 ? rc : set(&manifest->tool_version, version, err);
}

int dro_manifest_repository(struct dro_manifest *manifest, const char *name, const char *snapshot,
	uint64_t bytes, struct dro_error *err)
{
	int rc;

	if (!dro_backup_repository_valid(name))
		return dro_fail(err, DRO_EINVAL, "\"%.80s\" cannot be a repository's name", name);
	if (!sha256_valid(snapshot))
		return dro_fail(err, DRO_EINVAL, "\"%.80s\" cannot be a snapshot's id", snapshot);
	if (bytes > manifest->total)
		return dro_fail(err, DRO_EINVAL, "it gives %llu bytes, its objects have only %llu",
			(unsigned long long)bytes, (unsigned long long)manifest->total);
	if ((rc = set(&manifest->repository, name, err)) < 0)
		return rc;
	manifest->total = bytes;
	return set(&manifest->snapshot, snapshot, err);
}

const char *dro_manifest_folder(const struct dro_manifest *manifest)
{
	return *manifest->repository ? manifest->repository : manifest->id;
}

/* Memory grows by doubling: a large backup has tens of thousands of objects. */
static int reserve_object(struct dro_manifest *manifest, struct dro_error *err)
{
	size_t count = manifest->object_count, capacity = count ? count * 2 : 8;
	struct dro_manifest_object *objects;

	if (count >= DRO_MANIFEST_MAX_OBJECTS)
		return dro_fail(err, DRO_EINVAL, "a backup of more than %d objects",
			DRO_MANIFEST_MAX_OBJECTS);
	if (count != 0 && (count < 8 || (count & (count - 1)) != 0))
		return 0;
	objects = realloc(manifest->objects, capacity * sizeof(*objects));
	if (!objects)
		return no_memory(err);
	manifest->objects = objects;
	return 0;
}

int dro_manifest_add(struct dro_manifest *manifest, const char *key, uint64_t length,
	const char *sha256, struct dro_error *err)
{
	struct dro_manifest_object *object;
	int rc;

	if (!dro_backup_key_valid(key) || strcmp(key, DRO_MANIFEST_KEY) == 0)
		return dro_fail(err, DRO_EINVAL, "\"%.80s\" cannot be an object's key", key);
	if (!sha256_valid(sha256))
		return dro_fail(
			err, DRO_EINVAL, "object \"%.80s\": not a SHA-256: \"%.80s\"", key, sha256);
	if (length > MAX_TOTAL - manifest->total)
		return dro_fail(err, DRO_EINVAL, "object \"%.80s\": the backup is too large", key);
	if ((rc = reserve_object(manifest, err)) < 0)
		return rc;
	object = &manifest->objects[manifest->object_count];
	object->key = strdup(key);
	if (!object->key)
		return no_memory(err);
	object->length = length;
	memcpy(object->sha256, sha256, DRO_SHA256_HEX);
	manifest->object_count++;
	manifest->total += length;
	return 0;
}

/* ---- text --------------------------------------------------------------------------------- */

int dro_manifest_print(
	const struct dro_manifest *manifest, struct dro_buf *out, struct dro_error *err)
{
	char time[DRO_TIME_TEXT];
	size_t i;

	dro_time_format(time, manifest->time_ms);
	dro_buf_puts(out, "{\"format\":\"" DRO_MANIFEST_FORMAT "\",\"id\":");
	dro_json_quote(out, manifest->id);
	dro_buf_puts(out, ",\"service\":");
	dro_json_quote(out, manifest->service);
	dro_buf_puts(out, ",\"site\":");
	dro_json_quote(out, manifest->site);
	dro_buf_printf(out, ",\"time\":\"%s\",\"kind\":\"%s\",\"tool\":{\"name\":", time,
		kind_names[manifest->kind]);
	dro_json_quote(out, manifest->tool);
	dro_buf_puts(out, ",\"version\":");
	dro_json_quote(out, manifest->tool_version);
	dro_buf_puts(out, "},\"mark\":");
	dro_json_print(out, manifest->mark);
	if (*manifest->repository) {
		dro_buf_puts(out, ",\"repository\":{\"name\":");
		dro_json_quote(out, manifest->repository);
		dro_buf_printf(out, ",\"snapshot\":\"%s\"}", manifest->snapshot);
	}
	dro_buf_printf(out, ",\"size\":%llu,\"objects\":[", (unsigned long long)manifest->total);
	for (i = 0; i < manifest->object_count; i++) {
		const struct dro_manifest_object *object = &manifest->objects[i];

		dro_buf_puts(out, i ? ",\n{\"key\":" : "\n{\"key\":");
		dro_json_quote(out, object->key);
		dro_buf_printf(out, ",\"size\":%llu,\"sha256\":\"%s\"}",
			(unsigned long long)object->length, object->sha256);
	}
	dro_buf_puts(out, "\n]}\n");
	return dro_buf_check(out, err);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_unique(const struct dro_manifest *manifest, struct dro_error *err)
{
	const char **keys = calloc(manifest->object_count + 1, sizeof(*keys));
	size_t i;
	int rc = 0;

	if (!keys)
		return no_memory(err);
	for (i = 0; i < manifest->object_count; i++)
		keys[i] = manifest->objects[i].key;
	qsort(keys, manifest->object_count, sizeof(*keys), compare_keys);
	for (i = 1; i < manifest->object_count && rc == 0; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			rc = dro_fail(err, DRO_ECORRUPT, "object \"%.80s\" stands twice", keys[i]);
	free(keys);
	return rc;
}

/* In a repository the objects are those of other backups too, and their sum is not the size. */
static int parse_size(struct dro_manifest *manifest, const cJSON *json, struct dro_error *err)
{
	const cJSON *repository;
	const char *name, *snapshot;
	int64_t size;
	int rc;

	if ((rc = dro_json_int_need(json, "size", &size, err)) < 0 ||
		(rc = dro_json_object(json, "repository", &repository, err)) < 0)
		return rc;
	if (size < 0)
		return dro_fail(err, DRO_ECORRUPT, "it gives %lld bytes", (long long)size);
	if (repository) {
		if ((rc = dro_json_string_need(repository, "name", &name, err)) < 0 ||
			(rc = dro_json_string_need(repository, "snapshot", &snapshot, err)) < 0)
			return rc;
		return dro_manifest_repository(manifest, name, snapshot, (uint64_t)size, err);
	}
	if (manifest->kind == DRO_BACKUP_MARIADB)
		return dro_fail(err, DRO_ECORRUPT, "JSON key \"repository\" is missing");
	if ((uint64_t)size != manifest->total)
		return dro_fail(err, DRO_ECORRUPT, "it gives %lld bytes, its objects have %llu",
			(long long)size, (unsigned long long)manifest->total);
	return 0;
}

static int parse_objects(struct dro_manifest *manifest, const cJSON *json, struct dro_error *err)
{
	const cJSON *objects, *item;
	int rc;

	if ((rc = dro_json_array(json, "objects", &objects, err)) < 0)
		return rc;
	if (!objects || !objects->child)
		return dro_fail(err, DRO_ECORRUPT, "it has no objects");
	cJSON_ArrayForEach(item, objects)
	{
		const char *key, *sha256;
		int64_t length;

		if ((rc = dro_json_string_need(item, "key", &key, err)) < 0 ||
			(rc = dro_json_int_need(item, "size", &length, err)) < 0 ||
			(rc = dro_json_string_need(item, "sha256", &sha256, err)) < 0)
			return rc;
		if (length < 0)
			return dro_fail(
				err, DRO_ECORRUPT, "object \"%.80s\" has a negative size", key);
		if ((rc = dro_manifest_add(manifest, key, (uint64_t)length, sha256, err)) < 0)
			return rc;
	}
	if ((rc = parse_size(manifest, json, err)) < 0)
		return rc;
	return check_unique(manifest, err);
}

static int parse_tool(struct dro_manifest *manifest, const cJSON *json, struct dro_error *err)
{
	const char *name, *version;
	const cJSON *tool, *mark;
	int rc;

	if ((rc = dro_json_object(json, "tool", &tool, err)) < 0 ||
		(rc = dro_json_object(json, "mark", &mark, err)) < 0)
		return rc;
	if (!tool || !mark)
		return dro_fail(
			err, DRO_ECORRUPT, "JSON key \"%s\" is missing", tool ? "mark" : "tool");
	if ((rc = dro_json_string_need(tool, "name", &name, err)) < 0 ||
		(rc = dro_json_string_need(tool, "version", &version, err)) < 0)
		return rc;
	if ((rc = dro_manifest_tool(manifest, name, version, err)) < 0)
		return rc;
	return dro_manifest_mark(manifest, cJSON_Duplicate(mark, 1), err);
}

static int parse_json(struct dro_manifest **out, const cJSON *json, struct dro_error *err)
{
	const char *format, *id, *service, *site, *time, *kind_name;
	struct dro_manifest *manifest = NULL;
	enum dro_backup_kind kind = DRO_BACKUP_DIRECTORY;
	int64_t time_ms;
	int rc;

	if ((rc = dro_json_string_need(json, "format", &format, err)) < 0)
		return rc;
	if (strcmp(format, DRO_MANIFEST_FORMAT) != 0)
		return dro_fail(err, DRO_EUNSUPPORTED,
			"format \"%.32s\", this program reads \"" DRO_MANIFEST_FORMAT "\"", format);
	if ((rc = dro_json_string_need(json, "id", &id, err)) < 0 ||
		(rc = dro_json_string_need(json, "service", &service, err)) < 0 ||
		(rc = dro_json_string_need(json, "site", &site, err)) < 0 ||
		(rc = dro_json_string_need(json, "time", &time, err)) < 0 ||
		(rc = dro_json_string_need(json, "kind", &kind_name, err)) < 0 ||
		(rc = dro_backup_kind_parse(kind_name, &kind, err)) < 0)
		return rc;
	if (dro_time_parse(time, &time_ms) < 0)
		return dro_fail(err, DRO_ECORRUPT, "\"%.40s\" is not a time", time);
	if ((rc = dro_manifest_new(&manifest, id, service, site, kind, time_ms, err)) < 0 ||
		(rc = parse_tool(manifest, json, err)) < 0 ||
		(rc = parse_objects(manifest, json, err)) < 0) {
		dro_manifest_free(manifest);
		return rc;
	}
	*out = manifest;
	return 0;
}

int dro_manifest_parse(
	struct dro_manifest **out, const char *text, size_t length, struct dro_error *err)
{
	cJSON *json = NULL;
	int rc = dro_json_parse(&json, text, length, DRO_MANIFEST_MAX_BYTES, err);

	if (rc == 0)
		rc = cJSON_IsObject(json) ? parse_json(out, json, err)
					  : dro_fail(err, DRO_ECORRUPT, "not a JSON object");
	cJSON_Delete(json);
	/* Whichever rule it broke, what is stored is no good. */
	if (rc == DRO_EPROTO || rc == DRO_EINVAL) {
		rc = DRO_ECORRUPT;
		if (err)
			err->code = rc;
	}
	if (rc < 0)
		dro_error_context(err, "manifest");
	return rc;
}

int dro_manifest_expect(const struct dro_manifest *manifest, const char *id, const char *service,
	struct dro_error *err)
{
	if (strcmp(manifest->id, id) != 0)
		return dro_fail(err, DRO_ECORRUPT, "backup \"%.80s\" has the manifest of \"%s\"",
			id, manifest->id);
	if (strcmp(manifest->service, service) != 0)
		return dro_fail(err, DRO_ECORRUPT,
			"backup \"%s\" is of the service \"%s\", not of \"%.128s\"", id,
			manifest->service, service);
	return 0;
}
