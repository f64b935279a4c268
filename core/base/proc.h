/* Child processes with a deadline: no shell, no inherited descriptors, killed with their group. */
#ifndef DRORCH_BASE_PROC_H
#define DRORCH_BASE_PROC_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct dro_proc_result {
	int exit_code; /* -1 where a signal ended it */
	int signal;    /* 0, or the signal */
};

/*
 * Runs argv[0] (looked up in PATH) to its end. `input` (may be NULL) goes to its standard input,
 * `out` and `errors` (either may be NULL: dropped) get at most their caps. `env` (NULL: ours) is
 * the whole environment. Past `deadline_ms` (monotonic) the whole process group is killed:
 * DRO_ETIMEDOUT. A child that ran and exited non-zero is a success here: look at `result`.
 * Thread-safe.
 */
int dro_proc_run(char *const argv[], char *const env[], const struct dro_buf *input,
	struct dro_buf *out, struct dro_buf *errors, uint64_t deadline_ms,
	struct dro_proc_result *result, struct dro_error *err);

/*
 * Starts argv[0] (looked up in PATH) in a process group of its own, with these three descriptors
 * and no other, and no signal blocked. Whoever starts it ends it: dro_proc_kill. Thread-safe.
 */
int dro_proc_start(pid_t *pid, char *const argv[], char *const env[], int in, int out, int errors,
	struct dro_error *err);
/* Kills its whole group and reaps it; 0 is no child. */
void dro_proc_kill(pid_t pid);

/* What a child writes, as it comes; <0 ends it, and is what the run returns. */
typedef int dro_proc_sink(void *arg, const char *data, size_t length, struct dro_error *err);

struct dro_proc {
	char *const *argv, *const *env;
	const struct dro_buf *input; /* may be NULL */
	dro_proc_sink *out, *errors; /* NULL: dropped */
	void *arg;		     /* of both */
	int stop;		     /* a descriptor that can be read ends the child; -1: none */
	uint64_t deadline_ms;
	/* Ended by deadline or `stop`, its group gets so long after a SIGTERM before it is killed.
	 */
	uint64_t grace_ms;
};

/* The same for a child that is listened to while it runs. DRO_ECANCELLED: `stop` ended it. */
int dro_proc_watch(
	const struct dro_proc *proc, struct dro_proc_result *result, struct dro_error *err);

/*
 * A child's environment from ours: "NAME=VALUE" of each name (the list ends with NULL) that is set,
 * malloc'd, into `env`, which has room for `room` and its NULL. The rest of ours may hold secrets.
 */
void dro_env_pick(char **env, size_t room, const char *const *names);
void dro_env_free(char **env); /* its strings */

/* Appends the path of the program, as our PATH has it; DRO_ENOTFOUND. */
int dro_proc_find(struct dro_buf *out, const char *name, struct dro_error *err);

#endif
