#include "cloudflare.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 200 /* of the free plan */

/* ---- changes, all on a copy of the zone's records ------------------------------------------ */

struct change {
	const struct cloudflare_call *c;
	const char *zone_name;
	cJSON *records; /* the copy */
	/* Names that `records` has, and perhaps others: where there is none, nothing conflicts. */
	struct hsearch_data *names; /* NULL: not known */
	struct cloudflare_error error;
};

static cJSON *find_record(const cJSON *records, const char *id)
{
	cJSON *record;

	cJSON_ArrayForEach(
		record, records) if (strcmp(dro_json_text(record, "id"), id) == 0) return record;
	return NULL;
}

static cJSON *find_need(struct change *change, const char *id)
{
	cJSON *record = find_record(change->records, id);

	if (!record)
		cloudflare_set_error(&change->error, 404, 81044, "Record does not exist.");
	return record;
}

/* What a client may set; the rest is the server's. */
static void take_fields(cJSON *record, const cJSON *body)
{
	static const char *const keys[] = {"type", "name", "content", "data", "ttl", "proxied",
		"priority", "comment", "tags", "settings"};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, keys[i]);

		if (!item)
			continue;
		cJSON_DeleteItemFromObjectCaseSensitive(record, keys[i]);
		cJSON_AddItemToObject(record, keys[i], cJSON_Duplicate(item, true));
	}
}

/*
 * For many that are made: looking through thousands of records for each takes too long. The names
 * are the records' own, so none of those may go before the table does.
 */
static void know_names(struct change *change, struct hsearch_data *names, int more)
{
	size_t room = (size_t)(cJSON_GetArraySize(change->records) + more) * 2;
	const cJSON *record;
	ENTRY *found;
	int good = hcreate_r(room, names);

	cJSON_ArrayForEach(record, change->records)
	{
		const ENTRY entry = {(char *)dro_json_text(record, "name"), NULL};

		good = good && hsearch_r(entry, ENTER, &found, names);
	}
	change->names = good ? names : NULL;
}

/* Is it certain that no other record has that name? From now on, none has. */
static bool is_new_name(struct change *change, const cJSON *record)
{
	const ENTRY entry = {(char *)dro_json_text(record, "name"), NULL};
	ENTRY *found;

	if (!change->names || hsearch_r(entry, FIND, &found, change->names))
		return false;
	return hsearch_r(entry, ENTER, &found, change->names) != 0;
}

static int check(struct change *change, cJSON *record)
{
	int rc = cloudflare_check_record(record, change->zone_name, &change->error);

	if (rc < 0 || is_new_name(change, record))
		return rc;
	return cloudflare_check_conflict(change->records, record, &change->error);
}

static cJSON *do_create(struct change *change, const cJSON *body)
{
	cJSON *record = cJSON_CreateObject();
	char id[CLOUDFLARE_ID];

	cloudflare_new_id(id);
	cJSON_AddStringToObject(record, "id", id);
	take_fields(record, body);
	if (check(change, record) < 0) {
		cJSON_Delete(record);
		return NULL;
	}
	cJSON_AddItemToObject(record, "created_on", cloudflare_now());
	cJSON_AddItemToObject(record, "modified_on", cloudflare_now());
	cJSON_AddItemToArray(change->records, record);
	lab_reply_id(change->c->reply, id);
	return record;
}

/* PATCH merges; PUT (`whole`) forgets what was not sent. */
static cJSON *do_update(struct change *change, const char *id, const cJSON *body, bool whole)
{
	cJSON *record = find_need(change, id), *made;

	if (!record)
		return NULL;
	if (whole) {
		cJSON *fresh = cJSON_CreateObject();

		made = cJSON_GetObjectItemCaseSensitive(record, "created_on");
		cJSON_AddStringToObject(fresh, "id", id);
		cJSON_AddItemToObject(fresh, "created_on", cJSON_Duplicate(made, true));
		cJSON_ReplaceItemViaPointer(change->records, record, fresh);
		record = fresh;
	}
	take_fields(record, body);
	if (check(change, record) < 0)
		return NULL;
	cJSON_DeleteItemFromObjectCaseSensitive(record, "modified_on");
	cJSON_AddItemToObject(record, "modified_on", cloudflare_now());
	lab_reply_id(change->c->reply, id);
	return record;
}

static cJSON *do_delete(struct change *change, const char *id)
{
	cJSON *record = find_need(change, id);

	if (record) {
		cJSON_DetachItemViaPointer(change->records, record);
		lab_reply_id(change->c->reply, id);
	}
	return record;
}

static cJSON *change_begin(struct change *change, const struct cloudflare_call *c)
{
	cJSON *entry = cloudflare_zone_need(c);

	*change = (struct change){.c = c};
	if (!entry)
		return NULL;
	change->zone_name = dro_json_text(cJSON_GetObjectItemCaseSensitive(entry, "zone"), "name");
	change->records = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(entry, "records"), true);
	return entry;
}

/* Commits, or refuses where `result` is NULL. Takes both over. */
static void change_end(struct change *change, cJSON *entry, cJSON *result)
{
	struct dro_error err = DRO_ERROR_INIT;

	if (!result) {
		cJSON_Delete(change->records);
		dro_buf_reset(&change->c->reply->ids);
		cloudflare_refuse(change->c->reply, &change->error);
	} else if (cloudflare_commit(change->c->cf, entry, "records", change->records, &err) < 0) {
		cJSON_Delete(result);
		dro_buf_reset(&change->c->reply->ids);
		cloudflare_refuse_with(change->c->reply, 500, 1000, "%s", err.message);
	} else {
		cloudflare_result(change->c->reply, result, NULL);
	}
}

static void change_one(const struct cloudflare_call *c, bool create, bool whole)
{
	struct change change;
	cJSON *entry = change_begin(&change, c), *body, *record;

	if (!entry)
		return;
	body = cloudflare_body(c);
	if (!body) {
		cJSON_Delete(change.records);
		return;
	}
	record = create ? do_create(&change, body) : do_update(&change, c->ids[1], body, whole);
	change_end(&change, entry, record ? cJSON_Duplicate(record, true) : NULL);
	cJSON_Delete(body);
}

void cloudflare_records_create(const struct cloudflare_call *c)
{
	change_one(c, true, true);
}

void cloudflare_records_put(const struct cloudflare_call *c)
{
	change_one(c, false, true);
}

void cloudflare_records_patch(const struct cloudflare_call *c)
{
	change_one(c, false, false);
}

void cloudflare_records_get(const struct cloudflare_call *c)
{
	cJSON *entry = cloudflare_zone_need(c), *record;

	if (!entry)
		return;
	record = find_record(cJSON_GetObjectItemCaseSensitive(entry, "records"), c->ids[1]);
	if (record)
		cloudflare_result(c->reply, cJSON_Duplicate(record, true), NULL);
	else
		cloudflare_refuse_with(c->reply, 404, 81044, "Record does not exist.");
}

void cloudflare_records_delete(const struct cloudflare_call *c)
{
	struct change change;
	cJSON *entry = change_begin(&change, c), *record, *result = NULL;

	if (!entry)
		return;
	record = do_delete(&change, c->ids[1]);
	if (record) {
		result = cJSON_CreateObject();
		cJSON_AddStringToObject(result, "id", c->ids[1]);
	}
	cJSON_Delete(record);
	change_end(&change, entry, result);
}

/* ---- batch --------------------------------------------------------------------------------- */

static int batch_part(struct change *change, const cJSON *body, const char *part, cJSON *result)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(body, part), *item;
	cJSON *done = cJSON_AddArrayToObject(result, part), *record;
	bool create = strcmp(part, "posts") == 0;
	struct hsearch_data names = {0};

	if (list && !cJSON_IsArray(list) && !cJSON_IsNull(list))
		return cloudflare_set_error(
			&change->error, 400, 6003, "Invalid request: %s must be an array", part);
	if (create) /* they come last */
		know_names(change, &names, cJSON_GetArraySize(list));
	cJSON_ArrayForEach(item, list)
	{
		const char *id = dro_json_text(item, "id");

		if (create)
			record = do_create(change, item);
		else if (strcmp(part, "deletes") == 0)
			record = do_delete(change, id);
		else
			record = do_update(change, id, item, strcmp(part, "puts") == 0);
		if (!record)
			break;
		if (strcmp(part, "deletes") == 0)
			cJSON_AddItemToArray(done, record);
		else
			cJSON_AddItemToArray(done, cJSON_Duplicate(record, true));
	}
	if (create)
		hdestroy_r(&names);
	change->names = NULL;
	return item ? DRO_EINVAL : 0;
}

void cloudflare_records_batch(const struct cloudflare_call *c)
{
	static const char *const parts[] = {"deletes", "patches", "puts", "posts"};
	struct change change;
	cJSON *entry = change_begin(&change, c), *body, *result = cJSON_CreateObject();
	int total = 0, rc = 0;
	size_t i;

	body = entry ? cloudflare_body(c) : NULL;
	if (!body) {
		cJSON_Delete(change.records);
		cJSON_Delete(result);
		return;
	}
	for (i = 0; i < 4; i++)
		total += cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(body, parts[i]));
	if (total == 0 || total > BATCH_MAX)
		rc = cloudflare_set_error(&change.error, 400, 6003,
			"Invalid request: a batch holds 1 to %d changes", BATCH_MAX);
	for (i = 0; i < 4 && rc == 0; i++)
		rc = batch_part(&change, body, parts[i], result);
	if (rc < 0) {
		cJSON_Delete(result);
		result = NULL;
	}
	change_end(&change, entry, result);
	cJSON_Delete(body);
}
