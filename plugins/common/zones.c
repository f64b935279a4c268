#include "plugins/common/zones.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct dro_zone {
	struct dro_zone *next;
	char *name;
	char *id;
};

static void zone_free(struct dro_zone *zone)
{
	if (!zone)
		return;
	free(zone->name);
	free(zone->id);
	free(zone);
}

static struct dro_zone *zone_new(const char *name, const char *id)
{
	struct dro_zone *zone = calloc(1, sizeof(*zone));

	if (!zone)
		return NULL;
	zone->name = strdup(name);
	zone->id = strdup(id);
	if (!zone->name || !zone->id) {
		zone_free(zone);
		return NULL;
	}
	return zone;
}

/* With the lock held. */
static struct dro_zone **look(struct dro_zones *zones, const char *name)
{
	struct dro_zone **link = &zones->first;

	while (*link && strcasecmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

/* With the lock held: `zone`, or nothing, in the place of what is known by that name. */
static void replace(struct dro_zones *zones, const char *name, struct dro_zone *zone)
{
	struct dro_zone **link = look(zones, name), *old = *link;
	struct dro_zone *rest = old ? old->next : NULL;

	if (zone)
		zone->next = rest;
	*link = zone ? zone : rest;
	zone_free(old);
}

void dro_zones_init(struct dro_zones *zones)
{
	pthread_mutex_init(&zones->lock, NULL);
	zones->first = NULL;
}

void dro_zones_fini(struct dro_zones *zones)
{
	while (zones->first) {
		struct dro_zone *zone = zones->first;

		zones->first = zone->next;
		zone_free(zone);
	}
	pthread_mutex_destroy(&zones->lock);
}

bool dro_zones_find(struct dro_zones *zones, const char *name, char *id, size_t size)
{
	const struct dro_zone *zone;
	bool found;

	pthread_mutex_lock(&zones->lock);
	zone = *look(zones, name);
	found = zone && strlen(zone->id) < size;
	if (found)
		memcpy(id, zone->id, strlen(zone->id) + 1);
	pthread_mutex_unlock(&zones->lock);
	return found;
}

int dro_zones_keep(struct dro_zones *zones, const char *name, const char *id, struct dro_error *err)
{
	struct dro_zone *zone = zone_new(name, id);

	if (!zone)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_lock(&zones->lock);
	replace(zones, name, zone);
	pthread_mutex_unlock(&zones->lock);
	return 0;
}

void dro_zones_forget(struct dro_zones *zones, const char *name)
{
	pthread_mutex_lock(&zones->lock);
	replace(zones, name, NULL);
	pthread_mutex_unlock(&zones->lock);
}
