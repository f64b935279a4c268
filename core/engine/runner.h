/* The engine's own: a run being driven. Shared by run.c (the loop), record.c (load, journal) and
 * undo.c. */
#ifndef DRORCH_ENGINE_RUNNER_H
#define DRORCH_ENGINE_RUNNER_H

#include <pthread.h>

#include "base/pool.h"
#include "engine/engine.h"

struct runner;

/* A step under way. All but the fields marked [lock] belong to the loop's thread. */
struct slot {
	struct runner *runner;
	const struct dro_step *step;
	const struct dro_step_kind *kind;
	struct slot **before; /* those of step->after */
	enum dro_step_state state;
	cJSON *outputs;
	char *note, *error;
	int attempts, retries;
	int64_t started_ms, ended_ms;	/* wall clock, for the record */
	uint64_t begun_ms, deadline_ms; /* monotonic; 0: not started by this process */
	uint64_t next_ms;		/* when to ask again */
	bool repeated;
	bool in_flight;
	const char *event; /* to be journalled by the next flush, or NULL */
	bool starting;	   /* its call goes out after that flush */
	/* While in flight the context is the worker's. */
	struct dro_step_context context;
	cJSON *inputs;
	char trace[160];
	bool returned;		  /* [lock] */
	int result;		  /* [lock] */
	struct dro_error failure; /* [lock] */
};

struct runner {
	const struct dro_world *world;
	struct dro_plan *plan;
	struct dro_run_row *row;
	enum dro_run_state state;
	struct slot *slots;
	size_t slot_count;
	struct dro_pool *pool;
	pthread_mutex_t lock;
	pthread_cond_t wake; /* CLOCK_MONOTONIC */
	size_t in_flight;
	enum dro_run_wish wish; /* what somebody asked of it; an abort stays */
	uint64_t heard;		/* the store's version then */
	void (*changed)(void *arg);
	void *changed_arg;
};

/* record.c */
int runner_load(struct runner *runner, const char *run, struct dro_error *err);
void runner_unload(struct runner *runner);
/*
 * Journals every slot that has an `event`, as it is now, in one transaction: a result and the
 * intents that it lets begin cost one sync of the disk.
 */
int runner_flush(struct runner *runner, struct dro_error *err);
/* One slot, at once. */
int runner_journal(struct slot *slot, const char *event, struct dro_error *err);
/* Moves the run along the table and stores that; `outcome` NULL: as it was. */
int runner_move(struct runner *runner, enum dro_run_event event, const cJSON *outcome,
	struct dro_error *err);
void slot_set(char **field, const char *text);
struct slot *runner_slot(const struct runner *runner, const char *id);

/* run.c: may a call that failed with `code` be made again, having been made `repeats` times more
 * already? Nothing was changed, or nobody knows. */
bool slot_may_repeat(int code, int repeats);
/* Makes the context for one call of the slot's kind. */
int slot_prepare(struct slot *slot, struct dro_error *err);
void slot_release(struct slot *slot);

/* undo.c: takes back what was done, last first. */
int runner_undo(struct runner *runner, struct dro_error *err);

/* outcome.c: recovery time and point, exceptions. Freed with cJSON_Delete; NULL when out of memory.
 */
cJSON *runner_outcome(const struct runner *runner, const char *error);

#endif
