#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/dns_internal.h"

/* ---- what is published ----------------------------------------------------------------------- */

static void version_free(struct dns_version *version)
{
	if (!version)
		return;
	route53_sets_free(&version->sets);
	free(version);
}

static void zone_free(struct dns_zone *zone)
{
	struct dns_version *version, *next;

	if (!zone)
		return;
	for (version = zone->versions; version; version = next) {
		next = version->next;
		version_free(version);
	}
	free(zone->id);
	free(zone->name);
	free(zone);
}

int dns_zones_new(struct dns_zones **out, struct dro_error *err)
{
	struct dns_zones *zones = calloc(1, sizeof(*zones));

	if (!zones)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_init(&zones->lock, NULL);
	*out = zones;
	return 0;
}

void dns_zones_free(struct dns_zones *zones)
{
	struct dns_zone *zone, *next;

	if (!zones)
		return;
	for (zone = zones->first; zone; zone = next) {
		next = zone->next;
		zone_free(zone);
	}
	pthread_mutex_destroy(&zones->lock);
	free(zones);
}

void dns_zones_set_health(
	struct dns_zones *zones, bool (*healthy)(void *arg, const char *check), void *arg)
{
	pthread_mutex_lock(&zones->lock);
	zones->healthy = healthy;
	zones->healthy_arg = arg;
	pthread_mutex_unlock(&zones->lock);
}

void dns_zones_set_balance(struct dns_zones *zones,
	void (*balance)(void *arg, const char *name, const char *type, cJSON *values), void *arg)
{
	pthread_mutex_lock(&zones->lock);
	zones->balance = balance;
	zones->balance_arg = arg;
	pthread_mutex_unlock(&zones->lock);
}

void dns_zones_set_fault(struct dns_zones *zones, enum dns_fault fault, const char *address)
{
	pthread_mutex_lock(&zones->lock);
	zones->fault = fault;
	snprintf(zones->lie, sizeof(zones->lie), "%s", address ? address : "");
	pthread_mutex_unlock(&zones->lock);
}

/* A version with copies of the sets. NULL: out of memory. */
static struct dns_version *version_new(const struct route53_sets *sets)
{
	struct dns_version *version = calloc(1, sizeof(*version));
	size_t i;

	if (!version)
		return NULL;
	version->gone = !sets;
	for (i = 0; sets && i < sets->count; i++) {
		char *key = strdup(sets->items[i].key);
		cJSON *doc = cJSON_Duplicate(sets->items[i].doc, true);

		if (key && doc && route53_sets_insert(&version->sets, i, key, doc) == 0)
			continue;
		free(key);
		cJSON_Delete(doc);
		version_free(version);
		return NULL;
	}
	return version;
}

static struct dns_zone *zone_get(struct dns_zones *zones, const char *id, const char *name)
{
	struct dns_zone **link = &zones->first, *zone;

	for (; (zone = *link); link = &zone->next)
		if (strcmp(zone->id, id) == 0)
			return zone;
	zone = calloc(1, sizeof(*zone));
	if (!zone || !(zone->id = strdup(id)) || !(zone->name = strdup(name))) {
		zone_free(zone);
		return NULL;
	}
	*link = zone;
	return zone;
}

int dns_zones_publish(struct dns_zones *zones, const char *id, const char *name,
	const struct route53_sets *sets, uint64_t due_ms, struct dro_error *err)
{
	struct dns_version *version = version_new(sets), **last;
	struct dns_zone *zone;

	pthread_mutex_lock(&zones->lock);
	zone = version ? zone_get(zones, id, name) : NULL;
	if (zone) {
		for (last = &zone->versions; *last; last = &(*last)->next)
			if ((*last)->due_ms > due_ms) /* never overtakes an earlier one */
				due_ms = (*last)->due_ms;
		version->due_ms = due_ms;
		*last = version;
	}
	pthread_mutex_unlock(&zones->lock);
	if (zone)
		return 0;
	version_free(version);
	return dro_fail(err, DRO_ENOMEM, "out of memory");
}

/* ---- what counts ----------------------------------------------------------------------------- */

/* NULL: the zone is not there yet, or not any more. */
static const struct route53_sets *current(
	const struct dns_zones *zones, struct dns_zone *zone, uint64_t now_ms)
{
	struct dns_version *version;

	while (zones->fault != DNS_STALE && zone->versions && zone->versions->next &&
		zone->versions->next->due_ms <= now_ms) {
		version = zone->versions;
		zone->versions = version->next;
		version_free(version);
	}
	version = zone->versions;
	return version && version->due_ms <= now_ms && !version->gone ? &version->sets : NULL;
}

void dns_zones_forget(struct dns_zones *zones, uint64_t now_ms)
{
	struct dns_zone *zone;

	pthread_mutex_lock(&zones->lock);
	for (zone = zones->first; zone; zone = zone->next)
		current(zones, zone, now_ms);
	pthread_mutex_unlock(&zones->lock);
}

/* How many bytes of the name the zone's has at its end; 0: the name is not in it. */
static size_t covers(const char *zone, const char *name)
{
	size_t length = strlen(name), tail = strlen(zone);

	if (length < tail || strcmp(name + length - tail, zone) != 0 ||
		(length > tail && name[length - tail - 1] != '.'))
		return 0;
	return tail;
}

bool dns_view_find(struct dns_zones *zones, const char *name, uint64_t now_ms, struct dns_view *out)
{
	struct dns_zone **link = &zones->first, *zone;
	size_t best = 0;

	while ((zone = *link)) {
		const struct route53_sets *sets = current(zones, zone, now_ms);
		size_t length = covers(zone->name, name);

		if (!sets && zone->versions && zone->versions->gone && !zone->versions->next &&
			zone->versions->due_ms <= now_ms) {
			*link = zone->next;
			zone_free(zone);
			continue;
		}
		if (sets && length > best) {
			best = length;
			*out = (struct dns_view){zones, zone->name, sets};
		}
		link = &zone->next;
	}
	return best > 0;
}

static bool begins(const char *key, const char *with, const char *breaks)
{
	size_t length = strlen(with);

	return strncmp(key, with, length) == 0 && strchr(breaks, key[length]);
}

struct dns_group dns_group_find(const struct dns_view *view, const char *name, const char *type)
{
	struct dns_group group = {0};
	char *key = route53_key(name, type, "");
	bool found;
	size_t at;

	if (!key)
		return group;
	at = route53_sets_find(view->sets, key, &found);
	group.items = view->sets->items + at;
	while (at + group.count < view->sets->count &&
		begins(group.items[group.count].key, key, ROUTE53_PART_BREAK))
		group.count++;
	free(key);
	return group;
}

/* Where the first set at or below the name stands, or the count. */
static size_t first_at(const struct dns_view *view, const char *name, const char *breaks)
{
	char *key = route53_key(name, "", "");
	size_t at = view->sets->count;
	bool found;

	if (key)
		at = route53_sets_find(view->sets, key, &found);
	if (at < view->sets->count && !begins(view->sets->items[at].key, key, breaks))
		at = view->sets->count;
	free(key);
	return at;
}

bool dns_name_exists(const struct dns_view *view, const char *name)
{
	return first_at(view, name, ROUTE53_PART_BREAK ROUTE53_LABEL_BREAK) < view->sets->count;
}

const char *dns_first_type(const struct dns_view *view, const char *name)
{
	size_t at = first_at(view, name, ROUTE53_PART_BREAK);

	return at < view->sets->count ? dro_json_text(view->sets->items[at].doc, "Type") : NULL;
}
