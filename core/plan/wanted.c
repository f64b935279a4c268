/* The records that the spec and the state ask for, in one zone at one provider. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rdata.h"
#include "model/marks.h"
#include "model/page.h"
#include "model/record.h"
#include "plan/differ.h"

#define VALUE_MAX 65536

/* One zone's list being made. */
struct making {
	struct differ *differ;
	const struct dro_seen_zone *zone;
	struct wanted_list *out;
};

void differ_wanted_free(struct wanted_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		cJSON_Delete(list->items[i].json);
		free(list->items[i].after[0]);
		free(list->items[i].after[1]);
	}
	for (i = 0; i < list->kept_count; i++)
		free(list->kept[i]);
	dro_record_list_free(&list->records);
	free(list->items);
	free(list->kept);
	*list = (struct wanted_list){0};
}

cJSON *differ_wanted_json(struct wanted *wanted)
{
	if (!wanted->json)
		wanted->json = dro_record_json(wanted->record);
	return wanted->json;
}

/* "WWW.Memphis.Example." -> "www.memphis.example" */
static void clean_name(char *out, size_t size, const char *name)
{
	size_t i;

	for (i = 0; name[i] && i + 1 < size; i++)
		out[i] = (char)tolower((unsigned char)name[i]);
	if (i > 0 && out[i - 1] == '.')
		i--;
	out[i] = '\0';
}

/* Its records stay as they are, whatever they are. */
static void keep(const struct making *making, const char *name, const char *type)
{
	struct wanted_list *list = making->out;
	char **grown = realloc(list->kept, (list->kept_count + 1) * sizeof(*grown));
	char clean[300];

	clean_name(clean, sizeof(clean), name);
	if (grown)
		list->kept = grown;
	if (!grown || asprintf(&list->kept[list->kept_count], "%s %s", clean, type) < 0)
		differ_no_memory(making->differ);
	else
		list->kept_count++;
}

/* Of a name that leads to a site: an address, or a page's CNAME. */
static void keep_traffic(const struct making *making, const struct dro_traffic *traffic)
{
	keep(making, traffic->name, traffic->type);
	keep(making, traffic->name, "CNAME");
}

/* Takes `json` over; that or `record` is given. */
static struct wanted *add(const struct making *making, const struct dro_record *record, cJSON *json)
{
	struct wanted_list *list = making->out;
	struct wanted *item;

	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		struct wanted *grown = realloc(list->items, capacity * sizeof(*grown));

		if (!grown) {
			cJSON_Delete(json);
			differ_no_memory(making->differ);
			return NULL;
		}
		list->items = grown;
		list->capacity = capacity;
	}
	item = &list->items[list->count];
	*item = (struct wanted){.record = record,
		.json = json,
		.name = record ? record->name : dro_json_text(json, "name"),
		.type = record ? record->type : dro_json_text(json, "type"),
		.set_id = record ? record->set_id : dro_json_text(json, "set_id")};
	if (!*item->name) {
		cJSON_Delete(json);
		differ_no_memory(making->differ);
		return NULL;
	}
	list->count++;
	return item;
}

/* The step that it has to wait for, "" where there is none. */
static void add_after(const struct making *making, struct wanted *item, const char *step)
{
	char **place = item->after[0] ? &item->after[1] : &item->after[0];

	if (*step && !(*place = strdup(step)))
		differ_no_memory(making->differ);
}

/* ---- static entries -------------------------------------------------------------------------- */

static bool clean_values(
	const struct making *making, const struct dro_dns_entry *entry, char **values)
{
	struct dro_buf value = DRO_BUF_INIT(VALUE_MAX);
	struct dro_error why = DRO_ERROR_INIT;
	bool good = true;
	size_t i;

	for (i = 0; i < entry->value_count && good; i++) {
		dro_buf_reset(&value);
		good = dro_rdata_clean(&value, entry->type, entry->values[i], &why) == 0;
		if (good && !(values[i] = strdup(dro_buf_str(&value))))
			differ_no_memory(making->differ);
	}
	if (!good)
		differ_finding(making->differ, DRO_FINDING_LEFT, entry->name,
			"dns.%s is left as it is: %s", entry->key, why.message);
	dro_buf_free(&value);
	return good && making->differ->base.rc == 0;
}

/* A copy of it is wanted. */
static void add_record(const struct making *making, const struct dro_dns_entry *entry,
	const struct dro_record *record)
{
	struct dro_record_list *records = &making->out->records;
	struct dro_error why = DRO_ERROR_INIT;
	int rc = dro_record_list_add(records, record, &why);

	if (rc == 0) {
		add(making, records->items[records->count - 1], NULL);
	} else if (rc == DRO_ENOMEM) {
		differ_no_memory(making->differ);
	} else {
		keep(making, entry->name, entry->type);
		differ_finding(making->differ, DRO_FINDING_LEFT, entry->name,
			"dns.%s is left as it is: %s", entry->key, why.message);
	}
}

static void add_entry(const struct making *making, const struct dro_dns_entry *entry)
{
	const char *service = making->differ->facts->service->name;
	char **values = calloc(entry->value_count + 1, sizeof(*values));
	char *owner = dro_owner_mark(service, entry->key), name[300];
	struct dro_record record = {.size = sizeof(record),
		.ttl_s = entry->ttl_ms > 0 ? (uint32_t)(entry->ttl_ms / 1000) : 0,
		.name = name,
		.type = entry->type,
		.values = (const char *const *)values,
		.value_count = entry->value_count,
		.set_id = "",
		.owner = owner,
		.alias = ""};
	size_t i;

	clean_name(name, sizeof(name), entry->name);
	if (!values || !owner)
		differ_no_memory(making->differ);
	else if (clean_values(making, entry, values))
		add_record(making, entry, &record);
	else
		keep(making, entry->name, entry->type);
	for (i = 0; values && i < entry->value_count; i++)
		free(values[i]);
	free(values);
	free(owner);
}

static bool has_provider(const struct dro_dns_entry *entry, const char *provider)
{
	size_t i;

	for (i = 0; i < entry->provider_count; i++)
		if (strcmp(entry->providers[i], provider) == 0)
			return true;
	return false;
}

static bool in_this_zone(const struct making *making, const struct dro_dns_entry *entry)
{
	return *entry->zone ? strcmp(entry->zone, making->zone->zone) == 0
			    : dro_seen_zone_of(making->differ->facts->seen, making->zone->provider,
				      entry->name) == making->zone;
}

/* ---- traffic --------------------------------------------------------------------------------- */

/* Of every owner, TTL and name of the traffic; values and what a set has are still to come. */
static cJSON *traffic_json(const struct making *making, const struct dro_traffic *traffic,
	const struct dro_path *path, const struct differ_addresses *at)
{
	char *owner = dro_owner_mark(making->differ->facts->service->name, traffic->key);
	char name[300];
	struct dro_record record = {.size = sizeof(record),
		.ttl_s = path->ttl_ms > 0 ? (uint32_t)(path->ttl_ms / 1000) : 0,
		.name = name,
		.type = traffic->type,
		.values = at->items,
		.value_count = at->count,
		.set_id = "",
		.owner = owner ? owner : "",
		.proxied = path->proxied && (making->zone->flags & DRO_DNS_PROXIED),
		.alias = ""};
	cJSON *json;

	clean_name(name, sizeof(name), traffic->name);
	json = owner ? dro_record_json(&record) : NULL;
	if (json && *at->reference)
		cJSON_ReplaceItemInObjectCaseSensitive(
			json, "values", cJSON_CreateString(at->reference));
	free(owner);
	return json;
}

static bool is_nowhere(const struct differ_addresses *at)
{
	return at->count == 0 && !*at->reference;
}

/* The site whose page it leads to, or NULL. */
static const struct dro_site *leads_to_page(
	const struct making *making, const struct dro_record *record)
{
	const struct dro_service *service = making->differ->facts->service;
	size_t i;

	for (i = 0; i < service->site_count; i++) {
		const struct dro_page_place *place =
			differ_page_of(making->differ, &service->sites[i]);

		if (place && dro_page_leads(record, place))
			return &service->sites[i];
	}
	return NULL;
}

/* Is every value the address of an instance of another site that is seen? Then somebody moved the
 * name there, and without a word of that in the state it is not for reconcile to move it back. */
static const struct dro_site *leads_elsewhere(
	const struct making *making, const struct dro_traffic *traffic)
{
	const struct dro_reconcile_facts *facts = making->differ->facts;
	const struct dro_site *site;
	char name[300];
	size_t i, j, k;

	clean_name(name, sizeof(name), traffic->name);
	for (i = 0; i < making->zone->count; i++) {
		const struct dro_record *record = making->zone->records[i];

		if (strcmp(record->name, name) != 0)
			continue;
		if ((site = leads_to_page(making, record)))
			return site;
		if (strcmp(record->type, traffic->type) != 0 || record->value_count == 0)
			continue;
		for (j = 0; j < facts->seen->site_count; j++) {
			const struct dro_seen_site *seen = &facts->seen->sites[j];

			for (k = 0; k < seen->count; k++)
				if (strcmp(seen->instances[k]->public_ipv4, record->values[0]) ==
						0 &&
					strcmp(seen->site->name, facts->active) != 0)
					return seen->site;
		}
	}
	return NULL;
}

/* While a page is the active site, whatever the name's policy: where the page is shown. */
static void add_page(const struct making *making, const struct dro_traffic *traffic,
	const struct dro_path *path, const struct dro_site *site)
{
	const struct dro_page_place *place = differ_page_of(making->differ, site);
	char *owner = dro_owner_mark(making->differ->facts->service->name, traffic->key);
	struct dro_record record = {.size = sizeof(record),
		.ttl_s = path->ttl_ms > 0 ? (uint32_t)(path->ttl_ms / 1000) : 0,
		.set_id = "",
		.owner = owner ? owner : "",
		.proxied = path->proxied && (making->zone->flags & DRO_DNS_PROXIED),
		.health_check = "",
		.alias = "",
		.alias_zone = ""};
	const char *value;
	char name[300];

	if (!place || !dro_page_serves(place, site, traffic->name)) {
		keep_traffic(making, traffic); /* differ_pages has said why */
	} else {
		clean_name(name, sizeof(name), traffic->name);
		record.name = name;
		dro_page_record(&record, &value, place, making->zone->flags);
		add(making, NULL, dro_record_json(&record));
	}
	free(owner);
}

static void add_failover(
	const struct making *making, const struct dro_traffic *traffic, const struct dro_path *path)
{
	const struct dro_reconcile_facts *facts = making->differ->facts;
	const struct dro_site *site = dro_service_site(facts->service, facts->active), *other;
	struct differ_addresses at = {0};
	struct wanted *item;

	if (site)
		differ_addresses_of(making->differ, site, &at);
	other = facts->active_given ? NULL : leads_elsewhere(making, traffic);
	if (!site || is_nowhere(&at) || other) {
		keep_traffic(making, traffic);
		if (other)
			differ_finding(making->differ, DRO_FINDING_LEFT, traffic->name,
				"leads to %s, and no promote to it is known: it is left there; "
				"`drorch promote %s` says so for good",
				other->name, other->name);
		else
			differ_finding(making->differ,
				at.unknown ? DRO_FINDING_UNKNOWN : DRO_FINDING_LEFT, traffic->name,
				"is left as it is: %s",
				at.unknown ? "where the active site's "
					     "instances are is not known"
					   : "the active site has no instance "
					     "that runs");
	} else if ((item = add(making, NULL, traffic_json(making, traffic, path, &at)))) {
		add_after(making, item, at.step);
	}
	free(at.items);
}

/* One site's part in a weighted name. */
struct member {
	const struct dro_site *site;
	int share;
	struct differ_addresses at;
};

static void add_member(const struct making *making, const struct dro_traffic *traffic,
	const struct dro_path *path, const struct member *member)
{
	char check[300], step[200]; /* known: see add_weighted */
	struct wanted *item = add(making, NULL, traffic_json(making, traffic, path, &member->at));

	if (!item)
		return;
	differ_check_of(making->differ, path->provider, member->site, check, step);
	cJSON_AddStringToObject(item->json, "set_id", member->site->name);
	cJSON_AddNumberToObject(item->json, "weight", member->share);
	cJSON_AddNumberToObject(item->json, "failover", DRO_FAILOVER_NONE);
	if (!cJSON_AddStringToObject(item->json, "health_check", check))
		differ_no_memory(making->differ);
	item->set_id = dro_json_text(item->json, "set_id");
	add_after(making, item, member->at.step);
	add_after(making, item, step);
}

/* The sites that have a part and are somewhere; *unknown: not all of that can be told. */
static size_t find_members(struct member *out, bool *unknown, const struct making *making,
	const struct dro_traffic *traffic, const struct dro_path *path)
{
	const struct dro_reconcile_facts *facts = making->differ->facts;
	size_t count = 0, i;
	char check[300], step[200];

	for (i = 0; i < facts->service->site_count; i++) {
		struct member *member = &out[count];

		*member = (struct member){.site = &facts->service->sites[i]};
		member->share = dro_traffic_share(
			facts->service, traffic, member->site->name, facts->active);
		if (member->share < 0)
			continue;
		differ_addresses_of(making->differ, member->site, &member->at);
		*unknown =
			*unknown || member->at.unknown ||
			!differ_check_of(making->differ, path->provider, member->site, check, step);
		if (is_nowhere(&member->at))
			free(member->at.items);
		else
			count++;
	}
	return count;
}

/* A group is put whole or not at all: with one site unknown it stays as it is. */
static void add_weighted(
	const struct making *making, const struct dro_traffic *traffic, const struct dro_path *path)
{
	struct member *members =
		calloc(making->differ->facts->service->site_count + 1, sizeof(*members));
	size_t count, i;
	bool unknown = false;
	int shares = 0;

	if (!members) {
		differ_no_memory(making->differ);
		return;
	}
	count = find_members(members, &unknown, making, traffic, path);
	for (i = 0; i < count; i++)
		shares += members[i].share;
	if (unknown || !shares) {
		keep_traffic(making, traffic);
		differ_finding(making->differ, unknown ? DRO_FINDING_UNKNOWN : DRO_FINDING_LEFT,
			traffic->name, "is left as it is: %s",
			unknown ? "its sites' instances or checks are not all known"
				: "no site with a weight has an instance that runs");
	}
	for (i = 0; i < count; i++) {
		if (!unknown && shares)
			add_member(making, traffic, path, &members[i]);
		free(members[i].at.items);
	}
	free(members);
}

static void add_traffic(const struct making *making, const struct dro_traffic *traffic)
{
	const struct dro_reconcile_facts *facts = making->differ->facts;
	const struct dro_site *active = dro_service_site(facts->service, facts->active);
	bool page = active && active->strategy == DRO_STRATEGY_STATIC_PAGE;
	size_t i;

	for (i = 0; i < traffic->path_count; i++) {
		const struct dro_path *path = &traffic->paths[i];

		if (strcmp(path->provider, making->zone->provider) != 0 ||
			strcmp(path->zone, making->zone->zone) != 0)
			continue;
		if (strcmp(traffic->type, "A") != 0) {
			keep_traffic(making, traffic);
			differ_finding(making->differ, DRO_FINDING_LEFT, traffic->name,
				"is of type %s: only A records follow a site", traffic->type);
		} else if (page) {
			add_page(making, traffic, path, active);
		} else if (traffic->policy == DRO_POLICY_WEIGHTED) {
			add_weighted(making, traffic, path);
		} else {
			add_failover(making, traffic, path);
		}
	}
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = strcmp(x->type, y->type);
	return order ? order : strcmp(x->set_id, y->set_id);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void differ_wanted(struct differ *differ, const struct dro_seen_zone *zone, struct wanted_list *out)
{
	const struct dro_service *service = differ->facts->service;
	const struct making making = {differ, zone, out};
	size_t i;

	*out = (struct wanted_list){0};
	for (i = 0; i < service->traffic_count && differ->base.rc == 0; i++)
		add_traffic(&making, &service->traffic[i]);
	for (i = 0; i < service->dns_count && differ->base.rc == 0; i++)
		if (has_provider(&service->dns[i], zone->provider) &&
			in_this_zone(&making, &service->dns[i]))
			add_entry(&making, &service->dns[i]);
	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), compare);
	if (out->kept_count)
		qsort(out->kept, out->kept_count, sizeof(*out->kept), by_text);
}
