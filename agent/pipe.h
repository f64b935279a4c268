/*
 * One child, or two with the first's output as the second's input, to their end. They die with this
 * process. For programs whose output is too much to hold; else base/proc.h.
 */
#ifndef AGENT_PIPE_H
#define AGENT_PIPE_H

#include <stdint.h>

#include "base/error.h"

/*
 * Looked up in PATH; `to` may be NULL, then what `from` prints is dropped. What both complain of
 * goes to the file `log` (0600, made anew), whose end is told where one of them fails: DRO_EIO.
 * Past `deadline_ms` (monotonic) both are killed with their groups: DRO_ETIMEDOUT.
 */
int agent_pipe_run(char *const from[], char *const to[], const char *log, uint64_t deadline_ms,
	struct dro_error *err);

#endif
