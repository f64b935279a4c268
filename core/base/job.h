/*
 * Long work as a child that outlives whoever started it: a process of our own beside it (the
 * keeper) holds its deadline and writes down how it ended, so that the next who looks, be it after
 * a `kill -9` of the first, finds it running or its end. What is known of it are files:
 *
 *   PATH.lock   the keeper holds a lock on it as long as it lives; the kernel tells its pid
 *   PATH.out    what the child wrote, standard output and error
 *   PATH.end    "EXIT SIGNAL LATE", written once, in one step
 */
#ifndef DRORCH_BASE_JOB_H
#define DRORCH_BASE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct dro_job {
	const char *path;   /* of its files, without their ends; the folder must be there */
	char *const *argv;  /* argv[0] with its path */
	char *const *env;   /* the whole environment */
	const char *folder; /* where it runs */
	uint64_t timeout_ms;
};

enum dro_job_state {
	DRO_JOB_NONE, /* never started, or its keeper died with it: start it */
	DRO_JOB_RUNS,
	DRO_JOB_ENDED,
};

struct dro_job_status {
	enum dro_job_state state;
	int exit_code; /* -1 where a signal ended it */
	int signal;    /* 0, or the signal */
	bool late;     /* killed at its deadline */
};

/*
 * Starts the child, in a session of its own, and forgets the end of an earlier one. Of several who
 * do at once one starts it; to the others it is running. A program that is not there is an end with
 * 127. Any thread.
 */
int dro_job_start(const struct dro_job *job, struct dro_error *err);
int dro_job_look(const char *path, struct dro_job_status *out, struct dro_error *err);
/* Ends it with all its children, where it runs, and waits for that: 5 s at most, DRO_ETIMEDOUT. */
int dro_job_stop(const char *path, struct dro_error *err);

#endif
