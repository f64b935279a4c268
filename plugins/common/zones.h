/*
 * The ids of DNS zones that an account has asked for, by name. An id never changes while its zone
 * lives, so it is asked for once. Any thread may call; names are compared as DNS does.
 */
#ifndef DRORCH_PLUGINS_COMMON_ZONES_H
#define DRORCH_PLUGINS_COMMON_ZONES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct dro_zones {
	pthread_mutex_t lock; /* never held across a request */
	struct dro_zone *first;
};

void dro_zones_init(struct dro_zones *zones);
void dro_zones_fini(struct dro_zones *zones);

/* false: not known, or too long for `size` bytes. */
bool dro_zones_find(struct dro_zones *zones, const char *name, char *id, size_t size);
/* Two workers may have asked at once: the later answer stands. */
int dro_zones_keep(
	struct dro_zones *zones, const char *name, const char *id, struct dro_error *err);
/* The id is no longer known there: ask anew the next time. */
void dro_zones_forget(struct dro_zones *zones, const char *name);

#endif
