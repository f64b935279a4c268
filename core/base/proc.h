/* Child processes with a deadline: no shell, no inherited descriptors, killed with their group. */
#ifndef DRORCH_BASE_PROC_H
#define DRORCH_BASE_PROC_H

#include <stdint.h>

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

#endif
