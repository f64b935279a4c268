/* Files in the agent's state folder that one process at a time holds, for moments. */
#ifndef AGENT_LOCK_H
#define AGENT_LOCK_H

#include "agent/config.h"

/*
 * The file's descriptor, made where there is none, and locked until it is closed; or a code. A
 * stopped process may hold it, so not for ever: DRO_EAGAIN at `deadline_ms` (monotonic). Any
 * thread.
 */
int agent_lock(const struct agent_config *config, const char *name, uint64_t deadline_ms,
	struct dro_error *err);

#endif
