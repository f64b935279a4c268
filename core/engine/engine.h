/*
 * Runs plans. One loop for every plan: it starts the steps whose predecessors are done, side by
 * side on workers, journals intent before and result after each call, polls what is pending, and
 * can be killed at any moment: dro_engine_run on the same run goes on where the journal ends.
 */
#ifndef DRORCH_ENGINE_ENGINE_H
#define DRORCH_ENGINE_ENGINE_H

#include "base/clock.h"
#include "base/log.h"
#include "model/graph.h"
#include "model/service.h"
#include "store/store.h"

struct dro_accounts;
struct dro_net;
struct dro_sessions;
struct dro_step_kind;

/* What steps act on. Everything belongs to the caller and outlives the run. */
struct dro_world {
	const struct dro_spec *spec;
	const struct dro_service *service;
	struct dro_accounts *accounts;
	struct dro_net *net;
	struct dro_store *store;
	const struct dro_lease *lease;
	const struct dro_clock *clock;
	const struct dro_log *log;
	const char *runs;		   /* folder of what runs leave beside the store */
	const struct dro_step_kind *kinds; /* dro_step_kinds, or a test's own */
	struct dro_sessions *sessions;	   /* with the agents; NULL: no step needs any */
	/* For what is no provider's call: as struct dro_registry_config has it. NULL: yes. */
	int (*may_mutate)(void *arg, const struct dro_call *call, struct dro_error *err);
	void *may_mutate_arg;
};

/* A step's function returns one of these, or a negative enum dro_code. */
enum dro_step_result { DRO_STEP_DONE = 0, DRO_STEP_PENDING = 1 };

struct dro_step_context {
	const struct dro_world *world;
	const struct dro_plan *plan;
	const struct dro_step *step;
	const cJSON *inputs;  /* outputs of earlier steps filled in */
	cJSON *outputs;	      /* object; what an earlier try or poll put there is still there */
	struct dro_buf note;  /* progress or result, one line for people; empty at each call */
	struct dro_call call; /* deadline, key, trace: for every call made */
	uint64_t poll_ms;     /* with DRO_STEP_PENDING: ask again after this long */
	uint64_t elapsed_ms;  /* since this process began the step */
	bool repeated;	 /* run: an earlier try's outcome is unknown: look before doing it again;
			  * undo: whether `run` came through is unknown */
	bool downgraded; /* the old site is not waited for any more */
};

/*
 * A row of the step table (steps.c). `run` does a bounded piece of work on a worker thread; `undo`
 * takes back what `run` did and nothing else, or says DRO_ESAFETY where that would leave the
 * service worse; NULL: nothing to undo.
 */
struct dro_step_kind {
	const char *name;
	const char *describe; /* "launch instances" */
	int (*run)(struct dro_step_context *context, struct dro_error *err);
	int (*undo)(struct dro_step_context *context, struct dro_error *err);
	bool monitors; /* the run is "monitoring" while it runs */
	bool graceful; /* left out of a run that is downgraded (DRO_WISH_DOWNGRADE) */
};

extern const struct dro_step_kind dro_step_kinds[]; /* ends with a NULL name */
const struct dro_step_kind *dro_step_kind(const struct dro_step_kind *kinds, const char *name);

enum dro_run_state {
	DRO_RUN_PLANNED,
	DRO_RUN_RUNNING,
	DRO_RUN_WAITING,
	DRO_RUN_MONITORING,
	DRO_RUN_COMPLETED,
	DRO_RUN_COMPLETED_WITH_EXCEPTIONS,
	DRO_RUN_ROLLING_BACK,
	DRO_RUN_ROLLED_BACK,
	DRO_RUN_FAILED,
	DRO_RUN_ABORTED,
	DRO_RUN_STATES
};

enum dro_step_state {
	DRO_STEP_IS_PENDING,
	DRO_STEP_IS_RUNNING,
	DRO_STEP_IS_DONE,
	DRO_STEP_IS_FAILED,
	DRO_STEP_IS_FAILED_IGNORED,
	DRO_STEP_IS_SKIPPED,
	DRO_STEP_IS_UNDONE,
	DRO_STEP_STATES
};

/* The words kept in the store and shown to people. */
const char *dro_run_state_name(enum dro_run_state state);
const char *dro_step_state_name(enum dro_step_state state);
/* DRO_ECORRUPT for a word that is none. */
int dro_run_state_parse(const char *name, enum dro_run_state *out, struct dro_error *err);
int dro_step_state_parse(const char *name, enum dro_step_state *out, struct dro_error *err);
/* Nothing more will happen by itself; a failed run can still be resumed or aborted. */
bool dro_run_ended(enum dro_run_state state);

enum dro_run_event {
	DRO_RUN_STARTS, /* also: goes on after a crash or a failure */
	DRO_RUN_MONITORS,
	DRO_RUN_FINISHES,
	DRO_RUN_FINISHES_WITH_EXCEPTIONS,
	DRO_RUN_FAILS,
	DRO_RUN_ROLLS_BACK,
	DRO_RUN_IS_BACK,
	DRO_RUN_IS_ABORTED,
	DRO_RUN_EVENTS
};

/* The state after `event`, or DRO_EINVAL where it makes no sense in `state`. */
int dro_run_next(enum dro_run_state state, enum dro_run_event event, enum dro_run_state *next,
	struct dro_error *err);

/*
 * Runs the stored run `run` to its end, or as far as it goes. The world's lease must be held; it is
 * renewed by the caller. *cancel (may be NULL) ends the loop early, between steps, when set from
 * elsewhere: DRO_ECANCELLED. `changed` (may be NULL) is called after every journal write, on the
 * loop's thread.
 */
int dro_engine_run(const struct dro_world *world, const char *run, const volatile int *cancel,
	void (*changed)(void *arg), void *changed_arg, enum dro_run_state *state,
	struct dro_error *err);

#endif
