/*
 * Looks at the providers for reconcile. An observer remembers what it read of zones, instances and
 * health checks, so that services which share a zone or an account share its lists: what began to
 * be read before `fresh_ms` (monotonic) is read again. Thread-safe.
 */
#ifndef DRORCH_OBSERVE_OBSERVER_H
#define DRORCH_OBSERVE_OBSERVER_H

#include "base/log.h"
#include "model/observed.h"
#include "observe/accounts.h"
#include "store/store.h"

struct dro_observer;

/* `shared`: instances are listed for all services at once, as pays where there are many; else by
 * the service's mark. */
int dro_observer_new(struct dro_observer **out, bool shared, struct dro_error *err);
void dro_observer_free(struct dro_observer *observer); /* NULL-safe; after every look is freed */

/*
 * Begins to read what the service's last look read, so that the next one, which has not even begun,
 * finds it. Once an observer, which must not be a shared one. What does not go well is read then.
 * `accounts` and `store` outlive the observer, which waits for it when it is freed.
 */
void dro_observe_early(struct dro_observer *observer, struct dro_accounts *accounts,
	struct dro_store *store, const char *service, uint64_t deadline_ms);

/* What a look is about, and what it stands on; outlives the look. */
struct dro_look_at {
	struct dro_accounts *accounts;
	struct dro_store *store;
	const struct dro_log *log;
	const struct dro_spec *spec;
	const struct dro_service *service;
	uint64_t fresh_ms;    /* nothing older than this */
	uint64_t deadline_ms; /* monotonic */
	/* Also what must be known to launch or adopt instances: what they would be launched from,
	 * and what is there without our marks. */
	bool launching;
};

/*
 * Asks everything that reconcile of the service must know, side by side. A source that cannot be
 * read has its error in the result; <0 only where there is no result at all.
 */
int dro_observe(struct dro_observed **out, struct dro_observer *observer,
	const struct dro_look_at *at, struct dro_error *err);
void dro_observed_free(struct dro_observed *observed); /* NULL-safe */

#endif
