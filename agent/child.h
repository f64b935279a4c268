/*
 * Programs that the agent runs to their end: mariadb-backup, restic, a server's start. They die
 * with the agent, however that ends, get an environment without anything of ours, and no secret in
 * their arguments.
 */
#ifndef AGENT_CHILD_H
#define AGENT_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct agent_child {
	const char *const *argv; /* ends with NULL; looked up in PATH */
	const char *const *env;	 /* NAME=value beside PATH; ends with NULL; may be NULL */
	const char *dir;	 /* where it runs; NULL: where we are */
	const struct dro_buf *input;
	/* Gets each line it writes, without its end; too long ones are cut. May be NULL. */
	void (*line)(void *arg, const char *line, bool error);
	void *arg;
	int stop; /* a descriptor that can be read ends it; -1: none */
	uint64_t deadline_ms;
	uint64_t grace_ms; /* as struct dro_proc has it */
	int *status;	   /* gets its exit status, -1 where it has none; may be NULL */
};

/*
 * 0: it exited with 0. Else DRO_EUNSUPPORTED (it is not installed), DRO_ETIMEDOUT, DRO_ECANCELLED
 * (`stop`), or DRO_EIO: the message ends with what it said last on its standard error. Always from
 * a thread that lives until the child ends.
 */
int agent_child_run(const struct agent_child *child, struct dro_error *err);

/*
 * A file in memory that only we and our children can open, under a path that fits into `path`; gone
 * with us. The descriptor, which the caller closes, or a code.
 */
#define AGENT_CHILD_PATH 64
int agent_child_file(
	char path[AGENT_CHILD_PATH], const void *data, size_t length, struct dro_error *err);

#endif
