/*
 * One pass over one service: look, compare, judge; and where something is to be done, store the
 * run that does it. `drorch plan`, `diff`, `apply`, `adopt` and the controller are its callers.
 * Blocks; any thread.
 */
#ifndef DRORCH_CONTROL_PASS_H
#define DRORCH_CONTROL_PASS_H

#include "engine/start.h"
#include "observe/observer.h"
#include "plan/reconcile.h"
#include "plan/safety.h"
#include "session/session.h"

struct dro_pass_ask {
	const struct dro_spec *spec;
	const struct dro_service *service;
	struct dro_accounts *accounts;
	struct dro_observer *observer;
	struct dro_sessions *sessions; /* NULL: databases are not asked */
	struct dro_store *store;
	const struct dro_log *log;
	const char *plugins;  /* digest of the plugins in use: a plan made with others is stale */
	uint64_t fresh_ms;    /* monotonic: nothing observed before counts; 0: whatever is known */
	uint64_t deadline_ms; /* monotonic: of the looking */
	struct dro_adopt adopt;
};

struct dro_pass {
	struct dro_plan *plan; /* without steps: nothing is to do */
	struct dro_diff *diff;
	char active[128];	     /* site */
	char behind[128];	     /* the site behind it, where that is a page; or "" */
	char newest[DRO_RUN_ID_MAX]; /* the service's newest run when the look began */
	struct dro_refusal refusals[DRO_RULES_MAX]; /* rules that forbid the plan */
	size_t refusal_count;
};

/*
 * Looks, plans and judges; changes nothing at a provider, and in the store only what it knows of
 * instances, images, and where something of ours may be left. DRO_EBUSY where a run of the service
 * is not over: it silences reconcile.
 */
int dro_pass_look(struct dro_pass **out, const struct dro_pass_ask *ask, struct dro_error *err);
void dro_pass_free(struct dro_pass *pass); /* NULL-safe */

/* Stores the pass's plan as a run for a worker to drive: see dro_run_add. The caller has heard the
 * refusals. */
int dro_pass_store(struct dro_pass *pass, const struct dro_pass_ask *ask, struct dro_error *err);

#endif
