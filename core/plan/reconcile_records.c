/* Records: what the zones hold beside what is wanted in them. One step a zone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/marks.h"
#include "model/record.h"
#include "plan/differ.h"

#define APPLY_MS 600000
#define TEXT_MAX 4096

/* One zone being compared; both lists are sorted by name, type and set. */
struct zone_diff {
	struct differ *differ;
	const struct dro_seen_zone *zone;
	struct wanted_list wanted;
	const struct dro_record **seen;
	struct dro_step *step;	/* made with the first difference */
	cJSON *put, *del, *was; /* inside its inputs */
};

static int compare_record(const struct dro_record *a, const char *name, const char *type)
{
	int order = strcmp(a->name, name);

	return order ? order : strcmp(a->type, type);
}

static int by_key(const void *a, const void *b)
{
	const struct dro_record *x = *(const struct dro_record *const *)a,
				*y = *(const struct dro_record *const *)b;
	int order = compare_record(x, y->name, y->type);

	return order ? order : strcmp(x->set_id, y->set_id);
}

static void target_text(
	char *out, size_t size, const struct zone_diff *zone, const char *name, const char *type)
{
	snprintf(out, size, "%s %s at %s", name, type, zone->zone->provider);
}

/* ---- equal? ---------------------------------------------------------------------------------- */

static bool has_value(const cJSON *values, const char *text)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, values)
	{
		if (strcmp(item->valuestring, text) == 0)
			return true;
	}
	return false;
}

/* No value comes twice, on either side. */
static bool same_values(const cJSON *values, const struct dro_record *record)
{
	size_t i;

	if (!cJSON_IsArray(values) || (size_t)cJSON_GetArraySize(values) != record->value_count)
		return false;
	for (i = 0; i < record->value_count; i++)
		if (!has_value(values, record->values[i]))
			return false;
	return true;
}

static bool same_number(const cJSON *json, const char *key, uint32_t number)
{
	int64_t wanted = 0;

	return dro_json_int(json, key, 0, &wanted, NULL) == 0 && wanted == (int64_t)number;
}

/* A TTL that nobody asked for is the provider's matter. */
static bool same_ttl(const cJSON *json, const struct dro_record *record)
{
	return same_number(json, "ttl_s", 0) || record->proxied ||
	       same_number(json, "ttl_s", record->ttl_s);
}

static bool equal_json(const cJSON *json, const struct dro_record *record)
{
	return strcmp(dro_json_text(json, "owner"), record->owner) == 0 &&
	       same_values(cJSON_GetObjectItemCaseSensitive(json, "values"), record) &&
	       same_ttl(json, record) &&
	       cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "proxied")) ==
		       (record->proxied != 0) &&
	       (!*record->set_id || (same_number(json, "weight", record->weight) &&
					    same_number(json, "failover", record->failover) &&
					    strcmp(dro_json_text(json, "health_check"),
						    record->health_check) == 0));
}

/* An entry of the spec: the same, of which there are thousands. It has no set. */
static bool equal_record(const struct dro_record *wanted, const struct dro_record *record)
{
	size_t i, j;

	if (strcmp(wanted->owner, record->owner) != 0 || record->proxied ||
		wanted->value_count != record->value_count ||
		(wanted->ttl_s && wanted->ttl_s != record->ttl_s))
		return false;
	for (i = 0; i < wanted->value_count; i++) {
		for (j = 0; j < record->value_count; j++)
			if (strcmp(wanted->values[i], record->values[j]) == 0)
				break;
		if (j == record->value_count)
			return false;
	}
	return true;
}

static bool equal_alias(const cJSON *json, const struct dro_record *record)
{
	return strcmp(dro_json_text(json, "alias"), record->alias) == 0 &&
	       strcmp(dro_json_text(json, "owner"), record->owner) == 0;
}

static bool equal(const struct wanted *wanted, const struct dro_record *record)
{
	if (strcmp(wanted->set_id, record->set_id) != 0)
		return false;
	if (*record->alias)
		return !wanted->record && equal_alias(wanted->json, record);
	return wanted->record ? equal_record(wanted->record, record)
			      : equal_json(wanted->json, record);
}

/* ---- the step -------------------------------------------------------------------------------- */

static bool need_step(struct zone_diff *zone)
{
	struct differ *differ = zone->differ;
	char id[300], text[300];

	if (zone->step || differ->base.rc < 0)
		return differ->base.rc == 0;
	snprintf(text, sizeof(text), "dns-%s-%s", zone->zone->provider, zone->zone->zone);
	dro_build_id(id, sizeof(id), text);
	zone->step = differ_step(differ, "dns.apply", zone->zone->zone, APPLY_MS, id);
	if (!zone->step)
		return false;
	dro_build_input(&differ->base, zone->step, "provider", zone->zone->provider);
	dro_build_input(&differ->base, zone->step, "zone", zone->zone->zone);
	zone->put = cJSON_AddArrayToObject(zone->step->inputs, "put");
	zone->del = cJSON_AddArrayToObject(zone->step->inputs, "del");
	zone->was = cJSON_AddArrayToObject(zone->step->inputs, "was");
	if (!zone->put || !zone->del || !zone->was)
		differ_no_memory(differ);
	return differ->base.rc == 0;
}

static void append(struct zone_diff *zone, cJSON *array, cJSON *item)
{
	if (!item || !cJSON_AddItemToArray(array, item)) {
		cJSON_Delete(item);
		differ_no_memory(zone->differ);
	}
}

static void note(struct zone_diff *zone, enum dro_action action, const char *name, const char *type,
	const cJSON *was, const cJSON *wanted, bool active)
{
	struct dro_buf before = DRO_BUF_INIT(TEXT_MAX), after = DRO_BUF_INIT(TEXT_MAX);
	char target[400];

	target_text(target, sizeof(target), zone, name, type);
	if (was)
		dro_record_describe(&before, was);
	if (wanted)
		dro_record_describe(&after, wanted);
	differ_change(zone->differ, &(struct dro_change){.thing = DRO_THING_RECORD,
					    .action = action,
					    .target = target,
					    .was = (char *)dro_buf_str(&before),
					    .wanted = (char *)dro_buf_str(&after),
					    .step = zone->step->id,
					    .active = active});
	dro_buf_free(&before);
	dro_buf_free(&after);
}

static bool ours(const struct zone_diff *zone, const struct dro_record *record)
{
	return dro_owner_is(record->owner, zone->differ->facts->service->name);
}

static void put(struct zone_diff *zone, struct wanted *wanted, const struct dro_record *before)
{
	cJSON *was = before ? dro_record_json(before) : NULL, *json = differ_wanted_json(wanted);
	size_t i;

	if (!need_step(zone)) {
		cJSON_Delete(was);
		return;
	}
	note(zone,
		!before		     ? DRO_ACTION_CREATE
		: ours(zone, before) ? DRO_ACTION_UPDATE
				     : DRO_ACTION_ADOPT,
		wanted->name, wanted->type, was, json, false);
	append(zone, zone->put, cJSON_Duplicate(json, 1));
	if (before)
		append(zone, zone->was, was);
	for (i = 0; i < 2; i++)
		if (wanted->after[i] && zone->differ->base.rc == 0)
			dro_build_after(&zone->differ->base, zone->step, wanted->after[i]);
}

/* Is it the one thing that leads to the active site? */
static bool leads_to_active(const struct zone_diff *zone, const struct dro_record *record)
{
	const struct dro_reconcile_facts *facts = zone->differ->facts;
	size_t i, j;

	for (i = 0; i < facts->seen->site_count; i++) {
		const struct dro_seen_site *site = &facts->seen->sites[i];

		if (strcmp(site->site->name, facts->active) != 0)
			continue;
		for (j = 0; j < site->count && record->value_count; j++)
			if (strcmp(site->instances[j]->public_ipv4, record->values[0]) == 0)
				return true;
	}
	return false;
}

static void del(struct zone_diff *zone, const struct dro_record *record, bool replaced)
{
	cJSON *was = dro_record_json(record);

	if (!need_step(zone)) {
		cJSON_Delete(was);
		return;
	}
	note(zone, DRO_ACTION_DELETE, record->name, record->type, was, NULL,
		!replaced && leads_to_active(zone, record));
	append(zone, zone->del, dro_record_json(record));
	append(zone, zone->was, was);
}

/* ---- one name and type ----------------------------------------------------------------------- */

static bool adopted(const struct zone_diff *zone, const char *name, const char *type)
{
	char key[400];

	snprintf(key, sizeof(key), "%s %s", name, type);
	return differ_adopts(zone->differ, key);
}

static bool kept(const struct zone_diff *zone, const char *name, const char *type)
{
	char text[400], *key = text;
	size_t low = 0, high = zone->wanted.kept_count;

	snprintf(text, sizeof(text), "%s %s", name, type);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(zone->wanted.kept[middle], key);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static void foreign(struct zone_diff *zone, const struct dro_record *record)
{
	char target[400];

	target_text(target, sizeof(target), zone, record->name, record->type);
	differ_finding(zone->differ, DRO_FINDING_FOREIGN, target,
		"is there and %s%s: it is left as it is; `drorch adopt %s '%s %s'` takes it over",
		*record->owner ? "is marked " : "carries no mark", record->owner,
		zone->differ->facts->service->name, record->name, record->type);
}

static const struct dro_record *find_set(
	const struct dro_record *const *seen, size_t count, const char *set_id)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(seen[i]->set_id, set_id) == 0)
			return seen[i];
	return NULL;
}

/* The sets of one name and type on both sides. Of a routed group all are put if one differs. */
static void compare_sets(struct zone_diff *zone, struct wanted *wanted, size_t wanted_count,
	const struct dro_record *const *seen, size_t seen_count)
{
	bool same = wanted_count == seen_count;
	size_t i, j;

	for (i = 0; i < seen_count; i++)
		if (!ours(zone, seen[i]) && !adopted(zone, seen[i]->name, seen[i]->type)) {
			foreign(zone, seen[i]);
			return;
		}
	for (i = 0; i < wanted_count; i++) {
		const struct dro_record *before = find_set(seen, seen_count, wanted[i].set_id);

		same = same && before && equal(&wanted[i], before);
	}
	if (same)
		return;
	for (i = 0; i < wanted_count; i++)
		put(zone, &wanted[i], find_set(seen, seen_count, wanted[i].set_id));
	for (i = 0; i < seen_count; i++) {
		for (j = 0; j < wanted_count; j++)
			if (strcmp(wanted[j].set_id, seen[i]->set_id) == 0)
				break;
		if (j == wanted_count)
			del(zone, seen[i], true);
	}
}

/* Not wanted: what is ours goes, but where what is wanted cannot be told. */
static void compare_unwanted(
	struct zone_diff *zone, const struct dro_record *const *seen, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (ours(zone, seen[i]) && !kept(zone, seen[i]->name, seen[i]->type))
			del(zone, seen[i], false);
}

/* ---- the zone -------------------------------------------------------------------------------- */

static size_t run_of_wanted(const struct wanted_list *list, size_t from)
{
	size_t end = from + 1;

	while (end < list->count && strcmp(list->items[end].name, list->items[from].name) == 0 &&
		strcmp(list->items[end].type, list->items[from].type) == 0)
		end++;
	return end - from;
}

static size_t run_of_seen(const struct zone_diff *zone, size_t from)
{
	size_t end = from + 1;

	while (end < zone->zone->count && compare_record(zone->seen[end], zone->seen[from]->name,
						  zone->seen[from]->type) == 0)
		end++;
	return end - from;
}

static void merge(struct zone_diff *zone)
{
	size_t i = 0, j = 0, wanted, seen;

	while ((i < zone->wanted.count || j < zone->zone->count) && zone->differ->base.rc == 0) {
		struct wanted *item = i < zone->wanted.count ? &zone->wanted.items[i] : NULL;
		int order = !item ? -1
			    : j == zone->zone->count
				    ? 1
				    : compare_record(zone->seen[j], item->name, item->type);

		wanted = order >= 0 ? run_of_wanted(&zone->wanted, i) : 0;
		seen = order <= 0 ? run_of_seen(zone, j) : 0;
		if (zone->differ->facts->adopt.count &&
			(!wanted || !adopted(zone, item->name, item->type)))
			; /* not what this is about */
		else if (wanted)
			compare_sets(zone, item, wanted, &zone->seen[j], seen);
		else
			compare_unwanted(zone, &zone->seen[j], seen);
		i += wanted;
		j += seen;
	}
}

static void compare_zone(struct differ *differ, const struct dro_seen_zone *seen)
{
	struct zone_diff zone = {.differ = differ, .zone = seen};
	size_t i;

	if (seen->error) {
		differ_finding(differ, DRO_FINDING_UNKNOWN, seen->zone,
			"its records at %s could not be read: %s", seen->provider, seen->error);
		return;
	}
	zone.seen = calloc(seen->count + 1, sizeof(*zone.seen));
	if (!zone.seen) {
		differ_no_memory(differ);
		return;
	}
	for (i = 0; i < seen->count; i++) {
		zone.seen[i] = seen->records[i];
		differ->diff->things += ours(&zone, seen->records[i]);
	}
	/* Plugins mostly list in this order already. */
	for (i = 1; i < seen->count; i++)
		if (by_key(&zone.seen[i - 1], &zone.seen[i]) > 0)
			break;
	if (i < seen->count)
		qsort(zone.seen, seen->count, sizeof(*zone.seen), by_key);
	differ_wanted(differ, seen, &zone.wanted);
	if (differ->base.rc == 0)
		merge(&zone);
	differ_wanted_free(&zone.wanted);
	free(zone.seen);
}

void differ_records(struct differ *differ)
{
	size_t i;

	for (i = 0; i < differ->facts->seen->zone_count && differ->base.rc == 0; i++)
		compare_zone(differ, &differ->facts->seen->zones[i]);
}
