#include "observe/look.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rdata.h"

struct dro_seen_zone *look_add_zone(struct look *look, const char *provider, const char *zone)
{
	struct dro_observed *seen = &look->seen;
	struct dro_seen_zone *grown;
	size_t i;

	for (i = 0; i < seen->zone_count; i++)
		if (strcmp(seen->zones[i].provider, provider) == 0 &&
			strcmp(seen->zones[i].zone, zone) == 0)
			return &seen->zones[i];
	grown = realloc(seen->zones, (seen->zone_count + 1) * sizeof(*grown));
	if (!grown) {
		look_no_memory(look);
		return NULL;
	}
	seen->zones = grown;
	grown[seen->zone_count] = (struct dro_seen_zone){.provider = provider, .zone = zone};
	return &grown[seen->zone_count++];
}

/* Is nothing more to be asked for: the name fits a zone, or the provider did not answer before? */
static bool fits_one(const struct look *look, const char *provider, const char *name)
{
	size_t i;

	for (i = 0; i < look->seen.zone_count; i++)
		if (strcmp(look->seen.zones[i].provider, provider) == 0 &&
			(look->seen.zones[i].error ||
				dro_name_in_zone(name, look->seen.zones[i].zone)))
			return true;
	return false;
}

/* A provider that is silent leaves time for the others. */
static uint64_t half_way(const struct dro_look_at *at)
{
	uint64_t now = dro_now_ms();

	return now < at->deadline_ms ? now + (at->deadline_ms - now) / 2 : at->deadline_ms;
}

/*
 * The zone of a name that the spec gives none for: asked for from the name upwards. One that could
 * not be read is read once more with the others, for the error it gives: from the cache.
 */
static void find_zone(struct look *look, const char *provider, const char *name)
{
	const char *zone;

	if (fits_one(look, provider, name))
		return;
	for (zone = name; zone && strchr(zone, '.'); zone = strchr(zone, '.') + 1) {
		struct source source = {look, provider, zone, half_way(look->at), NULL};
		struct dro_seen_zone *found;
		int rc;

		look_fetch_zone(&source);
		if (!source.snapshot) {
			look_no_memory(look);
			return;
		}
		rc = source.snapshot->rc;
		dro_snapshots_let_go(look->observer->snapshots, source.snapshot);
		if (rc == DRO_ENOTFOUND)
			continue;
		found = look_add_zone(look, provider, zone);
		if (found && rc < 0)
			found->error = "not read";
		return;
	}
	look_add_zone(look, provider, name);
}

void look_list_zones(struct look *look)
{
	const struct dro_service *service = look->at->service;
	size_t i, j;

	for (i = 0; i < service->traffic_count; i++)
		for (j = 0; j < service->traffic[i].path_count; j++)
			look_add_zone(look, service->traffic[i].paths[j].provider,
				service->traffic[i].paths[j].zone);
	for (i = 0; i < service->dns_count; i++)
		for (j = 0; *service->dns[i].zone && j < service->dns[i].provider_count; j++)
			look_add_zone(look, service->dns[i].providers[j], service->dns[i].zone);
	for (i = 0; i < service->dns_count && !look->failed; i++)
		for (j = 0; !*service->dns[i].zone && j < service->dns[i].provider_count; j++)
			find_zone(look, service->dns[i].providers[j], service->dns[i].name);
}

void look_take_zone(struct look *look, size_t index, const struct source *source)
{
	struct dro_seen_zone *zone = &look->seen.zones[index];
	const char *error = look_hold(look, source);

	/* Of one that is named no more, and gone itself, nothing is left. */
	if (zone->left && source->snapshot && source->snapshot->rc == DRO_ENOTFOUND)
		return;
	if (zone->left && zone->error)
		return;
	zone->error = *error ? error : NULL;
	if (zone->error)
		return;
	zone->flags = source->snapshot->flags;
	zone->records = source->snapshot->records.items;
	zone->count = source->snapshot->records.count;
}
