/* A service that is left alone for a while: `drorch pause`. Ends by itself. Thread-safe. */
#ifndef DRORCH_CONTROL_PAUSE_H
#define DRORCH_CONTROL_PAUSE_H

#include "store/store.h"

struct dro_pause {
	char by[128];		    /* "ann@host" */
	char reason[512];	    /* for people */
	int64_t since_ms, until_ms; /* wall clock */
};

/* DRO_ENOTFOUND where the service is not paused at `now_ms` (wall clock). */
int dro_pause_get(struct dro_store *store, const char *service, int64_t now_ms,
	struct dro_pause *out, struct dro_error *err);
/* Begins, or replaces the one there is; with an event. DRO_EINVAL: no reason, one that is too long,
 * or an end that is over. */
int dro_pause_begin(struct dro_store *store, const char *service, const struct dro_pause *pause,
	struct dro_error *err);
/* Ends it, with an event. DRO_ENOTFOUND: it is not paused. */
int dro_pause_end(struct dro_store *store, const char *service, const char *by, int64_t now_ms,
	struct dro_error *err);

#endif
