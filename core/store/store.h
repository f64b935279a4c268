/*
 * What must survive: runs with their journal, state (which site is active), leases, events. One
 * handle may be used from any thread. Every function that changes something has done so for every
 * process when it returns 0, and for the time after a power failure as well, but for those that say
 * "soon": they wait for no disk; dro_store_sync, and whatever is written later and is not "soon",
 * takes what they wrote to the disk before itself. An error means that nothing was changed. Reads
 * return copies; what an `emit` callback is shown lives for its call only. A callback may read the
 * store, not change it; where it returns other than 0 the list ends with that.
 *
 * DRO_EIO: full or broken disk. DRO_EAGAIN: another process kept the database locked for seconds.
 * DRO_ECORRUPT: the file is damaged, and the message says what to do.
 *
 * The schema is versioned; a database of a newer version is refused, an older one is migrated in
 * one transaction. Rows of `journal` and `events` are hash-chained: dro_store_check finds a changed
 * one.
 */
#ifndef DRORCH_STORE_STORE_H
#define DRORCH_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct dro_store;

/* Opens (and makes, mode 0600 in a 0700 folder) DIR/drorch.db. `read_only`: never creates or
 * migrates. */
int dro_store_open(struct dro_store **out, const char *dir, bool read_only, struct dro_error *err);
void dro_store_close(struct dro_store *store); /* NULL-safe */
/* integrity_check and the hash chains. DRO_ECORRUPT names the table and row. */
int dro_store_check(struct dro_store *store, struct dro_error *err);
/* A number that grows with every change any process makes: cheap to ask again and again. It is
 * this handle's own: compare it with what the same handle said before. */
int dro_store_version(struct dro_store *store, uint64_t *version, struct dro_error *err);

/*
 * What was written "soon" by this handle is on the disk when it returns 0. DRO_EIO: it is not, and
 * no later try mends that, for a disk may forget what it could not write: from then on this handle
 * writes nothing, with the same error.
 */
int dro_store_sync(struct dro_store *store, struct dro_error *err);

/* ---- leases: one run at a time a service --------------------------------------------------- */

struct dro_lease {
	char service[128];
	/* "host:pid:start:namespace:boot": one on this host that is dead loses its lease at once */
	char holder[128];
	uint64_t epoch;	    /* grows by one with every change of holder; every mutation names it */
	int64_t expires_ms; /* wall clock */
};

/*
 * Takes the service's lease for `ttl_ms`, or renews our own. DRO_EBUSY, with the holder named,
 * while another live one has it. Taking it from a dead or expired holder raises the epoch. All
 * three are written soon: a power failure leaves no holder alive.
 */
int dro_store_lease_take(struct dro_store *store, const char *service, const char *holder,
	int64_t ttl_ms, struct dro_lease *out, struct dro_error *err);
/* The same from whoever has it: the epoch keeps that one from changing anything more. */
int dro_store_lease_seize(struct dro_store *store, const char *service, const char *holder,
	int64_t ttl_ms, struct dro_lease *out, struct dro_error *err);
/* DRO_EBUSY once it is no longer ours. */
int dro_store_lease_renew(
	struct dro_store *store, struct dro_lease *lease, int64_t ttl_ms, struct dro_error *err);
int dro_store_lease_release(
	struct dro_store *store, const struct dro_lease *lease, struct dro_error *err);
/* DRO_ENOTFOUND where nobody holds it; `alive` tells whether the holder still can be. */
int dro_store_lease_get(struct dro_store *store, const char *service, struct dro_lease *out,
	bool *alive, struct dro_error *err);
/* The service's epochs go on from `epoch` where they are below it: somebody else has seen that one.
 */
int dro_store_epoch_raise(
	struct dro_store *store, const char *service, uint64_t epoch, struct dro_error *err);
/* This process, as a holder. */
void dro_store_holder(char out[128]);

/* ---- runs ---------------------------------------------------------------------------------- */

/* As the store keeps them. */
enum dro_run_wish {
	DRO_WISH_NONE,
	DRO_WISH_ABORT,	    /* take back what was done */
	DRO_WISH_GIVE_WAY,  /* stop where it is: something more important waits */
	DRO_WISH_DOWNGRADE, /* go on without the old site: a switchover becomes a failover */
};

struct dro_run_row {
	char *id, *service, *kind, *mode, *from, *to;
	char *state;   /* the engine's word */
	char *plan;    /* JSON, as dro_plan_print wrote it */
	char *outcome; /* JSON object, "{}" until it ended: recovery time and point, exceptions */
	int64_t created_ms, started_ms, ended_ms; /* 0: not yet */
	uint64_t epoch;				  /* of the lease that drives it */
	enum dro_run_wish wish;			  /* what somebody asked of it meanwhile */
};

struct dro_step_row {
	char *id, *state; /* the engine's words */
	char *outputs;	  /* JSON object */
	char *note;	  /* progress or result, for people */
	char *error;	  /* or "" */
	int attempts;
	int64_t started_ms, ended_ms; /* 0: not yet */
};

/* All of these that take a lease fail with DRO_EBUSY, changing nothing, when its epoch is no longer
 * the service's. */

/* Stores a new run in state "planned", all of its steps pending; soon. */
int dro_store_run_add(struct dro_store *store, const struct dro_lease *lease,
	const struct dro_run_row *run, const char *const *step_ids, size_t step_count,
	struct dro_error *err);
/* Also notes when the run started (left "planned") and ended (one of the words for that: then there
 * is an event of kind "run" too; else soon). `outcome` NULL keeps what it has. The journal gets a
 * row of step "", event "state". */
int dro_store_run_state(struct dro_store *store, const struct dro_lease *lease, const char *run,
	const char *state, const char *outcome, struct dro_error *err);
/*
 * Asked for from anywhere, without the lease; the engine sees it. The id as for dro_store_run_get.
 * An abort takes the place of any other wish, and no other that of an abort or of itself.
 * DRO_ECONFLICT where the run is over; one that failed can still be aborted.
 */
int dro_store_run_wish_set(
	struct dro_store *store, const char *run, enum dro_run_wish wish, struct dro_error *err);
/* Cheap to ask again and again. The whole id; DRO_ENOTFOUND. */
int dro_store_run_wish(
	struct dro_store *store, const char *run, enum dro_run_wish *out, struct dro_error *err);
/* DRO_ENOTFOUND. `id` may be a unique beginning of an id (DRO_EINVAL: several begin so), or "" for
 * the newest run. */
int dro_store_run_get(
	struct dro_store *store, const char *id, struct dro_run_row **out, struct dro_error *err);
/* Newest first, without their plans. `service` NULL: all; `limit` 0: all. */
int dro_store_run_list(struct dro_store *store, const char *service, size_t limit,
	int (*emit)(void *arg, const struct dro_run_row *run), void *arg, struct dro_error *err);
/* Those that have not come to an end, of every service: oldest first, without their plans. */
int dro_store_run_list_open(struct dro_store *store,
	int (*emit)(void *arg, const struct dro_run_row *run), void *arg, struct dro_error *err);
void dro_run_row_free(struct dro_run_row *run);

/* ---- steps: each change is one journal row and the step's new row, in one transaction -------- */

/*
 * One journal row: `event` is "intent" (before the call, with key and inputs in `data`), "result",
 * "progress", "undo-intent" or "undo-result"; `row` is the step as it now is, its id names it.
 */
struct dro_step_record {
	struct dro_step_row row;
	const char *event, *data;
};

/* Several of them, all or nothing; soon. Whoever changes the world on the word of an intent calls
 * dro_store_sync first; a lost result is an outcome that is not known. */
int dro_store_steps(struct dro_store *store, const struct dro_lease *lease, const char *run,
	const struct dro_step_record *records, size_t count, struct dro_error *err);
/* One. */
int dro_store_step(struct dro_store *store, const struct dro_lease *lease, const char *run,
	const struct dro_step_row *row, const char *event, const char *data, struct dro_error *err);
/* In the plan's order. */
int dro_store_step_list(struct dro_store *store, const char *run,
	int (*emit)(void *arg, const struct dro_step_row *row), void *arg, struct dro_error *err);

struct dro_journal_row {
	uint64_t seq;
	int64_t time_ms;
	const char *run, *step, *event, *data;
};

/* Rows after `seq`, oldest first. */
int dro_store_journal(struct dro_store *store, const char *run, uint64_t after,
	int (*emit)(void *arg, const struct dro_journal_row *row), void *arg,
	struct dro_error *err);

/* ---- state and events ---------------------------------------------------------------------- */

/* Small facts by (service, key): "active-site", "spec-commit", "backup-verified/<policy>/<id>",
 * "instances" (observe/known.h). */
int dro_store_fact_set(struct dro_store *store, const char *service, const char *key,
	const char *value, struct dro_error *err);
/* Several of them in one transaction. */
struct dro_fact {
	const char *service, *key, *value;
};
int dro_store_facts_set(
	struct dro_store *store, const struct dro_fact *facts, size_t count, struct dro_error *err);
/* As above, refused when the lease is no longer ours; soon: what a run came to follows. */
int dro_store_fact_commit(struct dro_store *store, const struct dro_lease *lease, const char *key,
	const char *value, struct dro_error *err);
/*
 * From `before` (NULL: it is not there) to `value`, for who changes a part of it: DRO_ECONFLICT,
 * changing nothing, where it is something else by now. `lease` NULL: the caller has none; else
 * refused as above.
 */
int dro_store_fact_swap(struct dro_store *store, const struct dro_lease *lease, const char *service,
	const char *key, const char *before, const char *value, struct dro_error *err);
/* malloc'd; DRO_ENOTFOUND. *changed_ms may be NULL. */
int dro_store_fact_get(struct dro_store *store, const char *service, const char *key, char **value,
	int64_t *changed_ms, struct dro_error *err);

struct dro_event {
	uint64_t seq;
	int64_t time_ms;
	const char *service, *kind, *run,
		*text; /* kind: "run", "safety", "backup", "spec", "control"; run may be "" */
};

int dro_store_event_add(struct dro_store *store, const char *service, const char *kind,
	const char *run, const char *text, struct dro_error *err);
/* Newest first. `service` NULL: all; `limit` 0: all. */
int dro_store_event_list(struct dro_store *store, const char *service, size_t limit,
	int (*emit)(void *arg, const struct dro_event *event), void *arg, struct dro_error *err);

#endif
