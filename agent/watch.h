/*
 * The resident half of the agent: `drorch-agent watch`.
 *
 * Writes the role log's "found", and where the configuration has `self_fence`, closes a server that
 * accepts writes when for `after` neither a controller nor a peer was heard (guard.h). It only ever
 * closes: who opens is a session.
 */
#ifndef AGENT_WATCH_H
#define AGENT_WATCH_H

#include "agent/config.h"
#include "base/log.h"

/* Before there are threads. */
void agent_watch_block_signals(void);
/* Until SIGTERM or SIGINT: 0. DRO_EBUSY: another watch runs on this `state`. */
int agent_watch(
	const struct agent_config *config, const struct dro_log *log, struct dro_error *err);

#endif
