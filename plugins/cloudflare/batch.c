/*
 * A change as one transaction: what is there is compared with what is wanted, and only the
 * difference goes out, as patches, posts and deletes of one batch. A repeated apply therefore finds
 * everything as wanted and changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/rdata.h"
#include "plugins/cloudflare/cloudflare.h"

struct change {
	struct cf *cf;
	const char *zone;
	struct cf_records there;
	bool *used; /* of `there`: it stays, or was dealt with */
	const struct dro_call *call;
	struct dro_error *err;
	/* The batch that is being filled. */
	cJSON *batch, *deletes, *patches, *posts;
	size_t operations;
};

static int no_memory(struct change *change)
{
	return cf_no_memory(change->cf, change->err);
}

static int batch_begin(struct change *change)
{
	cJSON_Delete(change->batch);
	change->operations = 0;
	change->batch = cJSON_CreateObject();
	change->deletes = cJSON_AddArrayToObject(change->batch, "deletes");
	change->patches = cJSON_AddArrayToObject(change->batch, "patches");
	change->posts = cJSON_AddArrayToObject(change->batch, "posts");
	return change->deletes && change->patches && change->posts ? 0 : no_memory(change);
}

static void drop_empty(cJSON *batch)
{
	cJSON *list, *next;

	for (list = batch->child; list; list = next) {
		next = list->next;
		if (!list->child)
			cJSON_Delete(cJSON_DetachItemViaPointer(batch, list));
	}
}

/* Does nothing where there is nothing to do. */
static int batch_send(struct change *change)
{
	struct dro_buf body = DRO_BUF_INIT(8u << 20);
	char id[CF_ID_MAX + 1];
	struct cf_ask ask = {
		.method = "POST", .path = {"zones", id, "dns_records", "batch"}, .mutation = true};
	cJSON *answer = NULL;
	int rc;

	if (!change->operations)
		return 0;
	if ((rc = cf_zone_id(change->cf, change->zone, id, change->call, change->err)) < 0)
		return rc;
	drop_empty(change->batch);
	dro_json_print(&body, change->batch);
	if ((rc = dro_buf_check(&body, change->err)) < 0)
		goto out;
	ask.body = dro_buf_str(&body);
	if ((rc = cf_ask(change->cf, &ask, &answer, change->call, change->err)) < 0)
		goto out;
	if (!cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(answer, "result"))) {
		rc = cf_nonsense(change->cf, &ask, "no result of the batch", change->err);
		goto out;
	}
	rc = batch_begin(change);
out:
	cJSON_Delete(answer);
	dro_buf_free(&body);
	return rc;
}

static cJSON *operation(struct change *change, cJSON *list, const char *id)
{
	cJSON *entry = cJSON_CreateObject();

	if (!entry || (id && !cJSON_AddStringToObject(entry, "id", id)) ||
		!cJSON_AddItemToArray(list, entry)) {
		cJSON_Delete(entry);
		return NULL;
	}
	change->operations++;
	return entry;
}

static uint32_t ttl_of(const struct dro_record *set)
{
	return set->proxied ? 0 : set->ttl_s;
}

static bool same_rest(const struct cf_record *record, const struct dro_record *set)
{
	return record->proxied == (set->proxied != 0) && record->ttl_s == ttl_of(set) &&
	       strcmp(record->comment, set->owner) == 0;
}

static bool write_rest(cJSON *entry, const struct dro_record *set)
{
	uint32_t ttl = ttl_of(set);

	return cJSON_AddNumberToObject(entry, "ttl", ttl ? ttl : 1) &&
	       (!cf_type_proxied(set->type) ||
		       cJSON_AddBoolToObject(entry, "proxied", set->proxied != 0)) &&
	       cJSON_AddStringToObject(entry, "comment", set->owner);
}

/* `value` NULL: it stays as it is. */
static int patch(struct change *change, const struct cf_record *record,
	const struct dro_record *set, const char *value)
{
	cJSON *entry = operation(change, change->patches, record->id);

	if (!entry || !write_rest(entry, set))
		return no_memory(change);
	return value ? cf_value_write(entry, set->type, value, change->err) : 0;
}

static int post(struct change *change, const struct dro_record *set, const char *value)
{
	cJSON *entry = operation(change, change->posts, NULL);

	if (!entry || !cJSON_AddStringToObject(entry, "name", set->name) ||
		!cJSON_AddStringToObject(entry, "type", set->type) || !write_rest(entry, set))
		return no_memory(change);
	return cf_value_write(entry, set->type, value, change->err);
}

/* The record among `count` from `first` that holds `value` (NULL: any) and was not dealt with. */
static struct cf_record *take(struct change *change, size_t first, size_t count, const char *value)
{
	size_t i;

	for (i = first; i < first + count; i++) {
		if (change->used[i] || (value && strcmp(change->there.items[i].value, value) != 0))
			continue;
		change->used[i] = true;
		return &change->there.items[i];
	}
	return NULL;
}

static int delete_rest(struct change *change, size_t first, size_t count)
{
	const struct cf_record *record;

	while ((record = take(change, first, count, NULL)))
		if (!operation(change, change->deletes, record->id))
			return no_memory(change);
	return 0;
}

int cf_clean_values(
	const struct dro_record *set, char **values, size_t *count, struct dro_error *err)
{
	struct dro_buf value = DRO_BUF_INIT(65536);
	size_t i, j;
	int rc = 0;

	for (i = 0; i < set->value_count && rc == 0; i++) {
		rc = dro_rdata_clean(&value, set->type, set->values[i], err);
		if (rc < 0)
			break;
		for (j = 0; j < *count; j++)
			if (strcmp(values[j], dro_buf_str(&value)) == 0)
				break;
		if (j < *count)
			continue;
		values[*count] = strdup(dro_buf_str(&value));
		if (!values[*count])
			rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		else
			++*count;
	}
	dro_buf_free(&value);
	return rc;
}

/* Records that hold a wanted value keep it; the others are given one that is still missing. */
static int put_values(
	struct change *change, const struct dro_record *set, char **values, size_t value_count)
{
	size_t count, first, i;
	struct cf_record *record;
	int rc = 0;

	first = cf_records_find(&change->there, set->name, set->type, &count);
	for (i = 0; i < value_count && rc == 0; i++) {
		record = take(change, first, count, values[i]);
		if (!record)
			continue;
		if (!same_rest(record, set))
			rc = patch(change, record, set, NULL);
		free(values[i]);
		values[i] = NULL;
	}
	for (i = 0; i < value_count && rc == 0; i++) {
		if (!values[i])
			continue;
		record = take(change, first, count, NULL);
		rc = record ? patch(change, record, set, values[i]) : post(change, set, values[i]);
	}
	return rc < 0 ? rc : delete_rest(change, first, count);
}

static int put_set(struct change *change, const struct dro_record *set)
{
	char **values = calloc(set->value_count + 1, sizeof(*values));
	size_t count = 0, i;
	int rc;

	if (!values)
		return no_memory(change);
	rc = cf_clean_values(set, values, &count, change->err);
	if (rc == 0)
		rc = put_values(change, set, values, count);
	for (i = 0; i < count; i++)
		free(values[i]);
	free(values);
	return rc;
}

/* The one name that all the sets have, or "": the whole zone must be read. */
static const char *common_name(const struct cf_sets *put, const struct cf_sets *del)
{
	const char *name = put->count ? put->items[0]->name : del->items[0]->name;
	size_t i;

	for (i = 0; i < put->count; i++)
		if (strcasecmp(put->items[i]->name, name) != 0)
			return "";
	for (i = 0; i < del->count; i++)
		if (strcasecmp(del->items[i]->name, name) != 0)
			return "";
	return name;
}

/*
 * Sends what has gathered before a set that might not fit: only a change of more than batch_max
 * operations is more than one transaction, and no set is cut in two.
 */
static int make_room(struct change *change, const struct dro_record *set, size_t value_count)
{
	size_t there;

	/* Records are given another value before any goes or comes. */
	cf_records_find(&change->there, set->name, set->type, &there);
	if (change->operations + (there > value_count ? there : value_count) <=
		change->cf->batch_max)
		return 0;
	return batch_send(change);
}

static int fill(struct change *change, const struct cf_sets *put, const struct cf_sets *del)
{
	size_t i, first, count;
	int rc;

	for (i = 0; i < del->count; i++) {
		const struct dro_record *set = del->items[i];

		first = cf_records_find(&change->there, set->name, set->type, &count);
		if ((rc = make_room(change, set, 0)) < 0 ||
			(rc = delete_rest(change, first, count)) < 0)
			return rc;
	}
	for (i = 0; i < put->count; i++)
		if ((rc = make_room(change, put->items[i], put->items[i]->value_count)) < 0 ||
			(rc = put_set(change, put->items[i])) < 0)
			return rc;
	return 0;
}

int cf_batch_apply(struct cf *cf, const char *zone, const struct cf_sets *put,
	const struct cf_sets *del, const struct dro_call *call, struct dro_error *err)
{
	struct change change = {.cf = cf, .zone = zone, .call = call, .err = err};
	int rc;

	if (put->count + del->count == 0)
		return 0;
	rc = cf_records_read(cf, &change.there, zone, common_name(put, del), "", call, err);
	if (rc < 0)
		goto out;
	change.used = calloc(change.there.count + 1, sizeof(*change.used));
	if (!change.used) {
		rc = no_memory(&change);
		goto out;
	}
	if ((rc = batch_begin(&change)) < 0 || (rc = fill(&change, put, del)) < 0)
		goto out;
	rc = batch_send(&change);
	if (rc == DRO_ENOTFOUND || rc == DRO_EAUTH)
		dro_zones_forget(&cf->zones, zone);
out:
	cJSON_Delete(change.batch);
	free(change.used);
	cf_records_free(&change.there);
	return rc;
}
