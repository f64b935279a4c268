#include "observe/known.h"

#include <ctype.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "drorch/provider.h"
#include "model/marks.h"

#define FACT "instances"
#define FACT_MAX (16u << 20)
#define TRIES 20 /* others who write at the same time are few, and each of them is fast */

const char *dro_instance_state_name(unsigned state)
{
	static const char *const names[] = {"unknown", "pending", "running", "stopping", "stopped",
		"terminating", "terminated"};

	return names[state < sizeof(names) / sizeof(names[0]) ? state : 0];
}

int dro_known_instances_get(
	cJSON **out, struct dro_store *store, const char *service, struct dro_error *err)
{
	char *text = NULL;
	cJSON *json = NULL;
	int rc;

	if ((rc = dro_store_fact_get(store, service, FACT, &text, NULL, err)) < 0)
		return rc;
	if ((rc = dro_json_parse(&json, text, strlen(text), FACT_MAX, err)) == 0 &&
		!cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(json, "instances")))
		rc = dro_fail(err, DRO_ECORRUPT,
			"%s: what is known of its instances is damaged; the next look writes it "
			"anew",
			service);
	if (rc == 0) {
		*out = json;
		json = NULL;
	}
	cJSON_Delete(json);
	free(text);
	return rc;
}

/* ---- one change ------------------------------------------------------------------------------ */

struct fresh {
	const struct dro_known_entry *entry;
	const char *group;
};

/* Trees of tsearch, which own nothing: of entries by id, of host names. */
struct change {
	const struct dro_known_scope *scope;
	struct fresh *fresh; /* by site, group and age */
	size_t fresh_count;
	void *fresh_ids, *gone_ids, *old_ids, *hosts;
	char last_prefix[512]; /* the numbers below `last` are taken there */
	unsigned last;
	cJSON *instances;	   /* as they are to be */
	char seen[DRO_SHA256_HEX]; /* of all fresh ones, where they are all of a site; or "" */
};

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(dro_json_text(a, "id"), dro_json_text(b, "id"));
}

static int by_host(const void *a, const void *b)
{
	return strcmp(dro_json_text(*(cJSON *const *)a, "host"),
		dro_json_text(*(cJSON *const *)b, "host"));
}

static int by_age(const void *a, const void *b)
{
	const struct fresh *one = a, *other = b;
	int64_t age = one->entry->instance->created_ms, other_age;
	int order = strcmp(one->entry->site->name, other->entry->site->name);

	other_age = other->entry->instance->created_ms;
	if (order == 0)
		order = strcmp(one->group, other->group);
	if (order == 0)
		order = (age > other_age) - (age < other_age);
	return order ? order : strcmp(one->entry->instance->id, other->entry->instance->id);
}

static void nothing(void *node)
{
	(void)node;
}

/* Everything that an entry says of them but their host. */
static int hash_fresh(struct change *change, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(FACT_MAX);
	size_t i;
	int rc;

	if (!change->scope->site || change->scope->add || change->gone_ids)
		return 0;
	for (i = 0; i < change->fresh_count; i++) {
		const struct dro_instance *instance = change->fresh[i].entry->instance;
		const struct dro_site *site = change->fresh[i].entry->site;
		const char *const words[] = {instance->id, instance->name, site->name,
			change->fresh[i].group, site->provider,
			*instance->region ? instance->region : site->region, instance->type,
			instance->public_ipv4, instance->private_ipv4,
			dro_instance_state_name(instance->state)};
		size_t j;

		for (j = 0; j < sizeof(words) / sizeof(words[0]); j++)
			dro_buf_append(&text, words[j], strlen(words[j]) + 1);
	}
	if ((rc = dro_buf_check(&text, err)) == 0 &&
		dro_sha256_hex(change->seen, dro_buf_str(&text), text.length) < 0)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	dro_buf_free(&text);
	return rc;
}

static int change_init(struct change *change, const struct dro_known_scope *scope,
	const struct dro_known_entry *entries, size_t count, struct dro_error *err)
{
	size_t kept = 0, i;

	*change = (struct change){.scope = scope};
	change->fresh = calloc(count + 1, sizeof(*change->fresh));
	if (!change->fresh)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; i < count; i++) {
		const struct dro_instance *instance = entries[i].instance;

		if (instance->state == DRO_INSTANCE_TERMINATED ||
			instance->state == DRO_INSTANCE_TERMINATING) {
			if (!tsearch(instance->id, &change->gone_ids, by_text))
				return dro_fail(err, DRO_ENOMEM, "out of memory");
			continue;
		}
		change->fresh[change->fresh_count++] = (struct fresh){&entries[i],
			dro_instance_group_name(instance, scope->service->name, entries[i].site)};
	}
	qsort(change->fresh, change->fresh_count, sizeof(*change->fresh), by_age);
	for (i = 0; i < change->fresh_count; i++) {
		const char *id = change->fresh[i].entry->instance->id;

		if (tfind(id, &change->fresh_ids, by_text))
			continue; /* it was given twice */
		if (!tsearch(id, &change->fresh_ids, by_text))
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		change->fresh[kept++] = change->fresh[i];
	}
	change->fresh_count = kept;
	return hash_fresh(change, err);
}

/* Does the fact say that its last look at the site saw the very same? Read without a parser: `seen`
 * stands before the instances, and holds names and hashes only. */
static bool is_as_seen(const struct change *change, const char *fact)
{
	const char *end = strstr(fact, "\"instances\":["), *at = strstr(fact, "\"seen\":{");
	char word[200];

	if (!*change->seen || !end || !at || at > end)
		return false;
	snprintf(word, sizeof(word), "\"%.100s\":\"%s\"", change->scope->site, change->seen);
	at = strstr(at, word);
	return at && at < end;
}

/* What one try knows; the fresh ones stay. */
static void change_reset(struct change *change)
{
	tdestroy(change->old_ids, nothing);
	tdestroy(change->hosts, nothing);
	cJSON_Delete(change->instances);
	change->old_ids = change->hosts = NULL;
	change->instances = NULL;
	change->last_prefix[0] = '\0';
}

static void change_fini(struct change *change)
{
	change_reset(change);
	tdestroy(change->fresh_ids, nothing);
	tdestroy(change->gone_ids, nothing);
	free(change->fresh);
}

static bool is_replaced(const struct change *change, const cJSON *entry)
{
	const struct dro_known_scope *scope = change->scope;

	if (tfind(dro_json_text(entry, "id"), &change->gone_ids, by_text))
		return true;
	return !scope->add &&
	       (!scope->site || strcmp(dro_json_text(entry, "site"), scope->site) == 0);
}

/* Copies what stays, and keeps in mind which hosts have which names. */
static int keep_old(struct change *change, const cJSON *old, struct dro_error *err)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, old)
	{
		const char *id = dro_json_text(entry, "id");
		bool again = tfind(id, &change->fresh_ids, by_text);

		if (again && !tsearch(entry, &change->old_ids, by_id))
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		if (!again && is_replaced(change, entry))
			continue;
		if (!tsearch(dro_json_text(entry, "host"), &change->hosts, by_text) ||
			(!again && !cJSON_AddItemToArray(
					   change->instances, cJSON_Duplicate(entry, 1))))
			return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	return 0;
}

/* The lowest number that is free in the group. A tag may say anything: what is no name for a host
 * becomes a '-'. */
static int name_host(struct change *change, const struct fresh *fresh, struct dro_buf *out,
	struct dro_error *err)
{
	struct dro_buf prefix = DRO_BUF_INIT(sizeof(change->last_prefix) - 1);
	size_t i;
	int rc;

	dro_buf_printf(&prefix, "%s-%s", change->scope->service->name, fresh->entry->site->name);
	if (*fresh->group)
		dro_buf_printf(&prefix, "-%s", fresh->group);
	if ((rc = dro_buf_check(&prefix, err)) < 0)
		goto out;
	for (i = 0; i < prefix.length; i++)
		if (!isalnum((unsigned char)prefix.data[i]) && !strchr("._-", prefix.data[i]))
			prefix.data[i] = '-';
	if (strcmp(prefix.data, change->last_prefix) != 0)
		change->last = 0;
	memcpy(change->last_prefix, prefix.data, prefix.length + 1);
	do {
		dro_buf_reset(out);
		dro_buf_printf(out, "%s-%u", prefix.data, ++change->last);
		rc = dro_buf_check(out, err);
	} while (rc == 0 && tfind(out->data, &change->hosts, by_text));
out:
	dro_buf_free(&prefix);
	return rc;
}

/* The old entry with the id of `key`, or NULL. */
static const cJSON *find_old(const struct change *change, const cJSON *key)
{
	void *node = tfind(key, &change->old_ids, by_id);

	return node ? *(const cJSON **)node : NULL;
}

static int add_fresh(struct change *change, const struct fresh *fresh, struct dro_error *err)
{
	const struct dro_instance *instance = fresh->entry->instance;
	const struct dro_site *site = fresh->entry->site;
	struct dro_buf host = DRO_BUF_INIT(600);
	cJSON *entry = cJSON_CreateObject();
	const cJSON *known;
	int rc = 0;

	cJSON_AddStringToObject(entry, "id", instance->id);
	known = find_old(change, entry);
	if (known && strcmp(dro_json_text(known, "site"), site->name) == 0 &&
		strcmp(dro_json_text(known, "group"), fresh->group) == 0)
		dro_buf_puts(&host, dro_json_text(known, "host"));
	if (!host.length && (rc = name_host(change, fresh, &host, err)) < 0)
		goto out;
	cJSON_AddStringToObject(entry, "host", dro_buf_str(&host));
	cJSON_AddStringToObject(entry, "name", instance->name);
	cJSON_AddStringToObject(entry, "site", site->name);
	cJSON_AddStringToObject(entry, "group", fresh->group);
	cJSON_AddStringToObject(entry, "provider", site->provider);
	cJSON_AddStringToObject(
		entry, "region", *instance->region ? instance->region : site->region);
	cJSON_AddStringToObject(entry, "type", instance->type);
	cJSON_AddStringToObject(entry, "public_ipv4", instance->public_ipv4);
	cJSON_AddStringToObject(entry, "private_ipv4", instance->private_ipv4);
	cJSON_AddStringToObject(entry, "state", dro_instance_state_name(instance->state));
	if (tsearch(dro_json_text(entry, "host"), &change->hosts, by_text) &&
		cJSON_AddItemToArray(change->instances, entry))
		entry = NULL;
	else
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
out:
	cJSON_Delete(entry);
	dro_buf_free(&host);
	return rc;
}

static int sort_instances(struct change *change, struct dro_error *err)
{
	size_t count = (size_t)cJSON_GetArraySize(change->instances), i;
	cJSON **items = calloc(count + 1, sizeof(*items));

	if (!items)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; i < count; i++)
		items[i] = cJSON_DetachItemFromArray(change->instances, 0);
	qsort(items, count, sizeof(*items), by_host);
	for (i = 0; i < count; i++)
		cJSON_AddItemToArray(change->instances, items[i]);
	free(items);
	return 0;
}

/* The looks that still hold: the others', unless somebody else gave instances, and this one. */
static cJSON *seen_now(const struct change *change, const cJSON *fact)
{
	const cJSON *before = cJSON_GetObjectItemCaseSensitive(fact, "seen");
	bool keep = change->scope->site && !change->scope->add && cJSON_IsObject(before);
	cJSON *seen = keep ? cJSON_Duplicate(before, 1) : cJSON_CreateObject();

	if (keep)
		cJSON_DeleteItemFromObjectCaseSensitive(seen, change->scope->site);
	if (*change->seen && !cJSON_AddStringToObject(seen, change->scope->site, change->seen)) {
		cJSON_Delete(seen);
		seen = NULL;
	}
	return seen;
}

static void put_text(struct dro_buf *out, int64_t at_ms, const cJSON *seen, const char *instances)
{
	dro_buf_printf(out, "{\"at_ms\":%lld,\"seen\":", (long long)at_ms);
	dro_json_print(out, seen);
	dro_buf_printf(out, ",\"instances\":%s}", instances);
}

/* The new text of the fact; empty where nothing would change. */
static int change_text(
	struct change *change, const cJSON *fact, struct dro_buf *out, struct dro_error *err)
{
	const cJSON *old = cJSON_GetObjectItemCaseSensitive(fact, "instances");
	int64_t at_ms = 0;
	cJSON *seen = NULL;
	struct dro_buf before = DRO_BUF_INIT(FACT_MAX), after = DRO_BUF_INIT(FACT_MAX);
	size_t i;
	int rc;

	change->instances = cJSON_CreateArray();
	if ((rc = keep_old(change, old, err)) < 0)
		goto out;
	for (i = 0; i < change->fresh_count; i++)
		if ((rc = add_fresh(change, &change->fresh[i], err)) < 0)
			goto out;
	if ((rc = sort_instances(change, err)) < 0)
		goto out;
	dro_json_print(&before, old);
	dro_json_print(&after, change->instances);
	if (!(seen = seen_now(change, fact))) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if (!old || strcmp(dro_buf_str(&before), dro_buf_str(&after)) != 0 ||
		dro_json_int(fact, "at_ms", 0, &at_ms, NULL) < 0 || !at_ms)
		put_text(out, dro_wall_ms(), seen, dro_buf_str(&after));
	else if (!cJSON_Compare(seen, cJSON_GetObjectItemCaseSensitive(fact, "seen"), 1))
		put_text(out, at_ms, seen, dro_buf_str(&after));
	if ((rc = dro_buf_check(&after, err)) == 0)
		rc = dro_buf_check(out, err);
out:
	cJSON_Delete(seen);
	dro_buf_free(&before);
	dro_buf_free(&after);
	return rc;
}

static int try_once(struct change *change, struct dro_store *store, struct dro_error *err)
{
	const struct dro_known_scope *scope = change->scope;
	struct dro_buf text = DRO_BUF_INIT(FACT_MAX);
	char *before = NULL;
	cJSON *old = NULL;
	int rc;

	rc = dro_store_fact_get(store, scope->service->name, FACT, &before, NULL, err);
	if (rc < 0 && rc != DRO_ENOTFOUND)
		goto out;
	if (before && is_as_seen(change, before)) {
		rc = 0;
		goto out;
	}
	/* What cannot be read is seen again, and written anew. */
	if (before)
		dro_json_parse(&old, before, strlen(before), FACT_MAX, NULL);
	rc = change_text(change, old, &text, err);
	if (rc == 0 && text.length)
		rc = dro_store_fact_swap(
			store, scope->lease, scope->service->name, FACT, before, text.data, err);
out:
	change_reset(change); /* its trees point into `old` */
	cJSON_Delete(old);
	free(before);
	dro_buf_free(&text);
	return rc;
}

int dro_known_instances_set(struct dro_store *store, const struct dro_known_scope *scope,
	const struct dro_known_entry *entries, size_t count, struct dro_error *err)
{
	struct change change;
	int rc, tries;

	if ((rc = change_init(&change, scope, entries, count, err)) == 0)
		for (tries = 0; tries < TRIES; tries++)
			if ((rc = try_once(&change, store, err)) != DRO_ECONFLICT)
				break;
	change_fini(&change);
	return rc;
}
