/*
 * A session: one JSON request a line, one answer a line, until the end of the input. What ssh's
 * forced command runs; docs/agent.md has the verbs.
 *
 *   {"id": "7", "result": {…}}
 *   {"id": "7", "error": {"code": "ESAFETY", "message": "…"}, "facts": {…}}
 *
 * "id" is null where a line had none that could be read. "facts" is what was found all the same.
 */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include "agent/config.h"
#include "agent/request.h"
#include "base/log.h"

struct agent_session {
	const struct agent_config *config;
	const struct agent_driver *driver; /* NULL: this host has no database */
	void *db;
	const struct dro_log *log;
	/*
	 * The newest moment (agent_boot_ms) after which the other side certainly lived: the answer
	 * before the request that is served. The request itself may have waited here while this
	 * host was frozen.
	 */
	int64_t proven_ms;
};

/* With its driver, where there is a database; makes no call. To be closed either way. */
int agent_session_open(struct agent_session *out, const struct agent_config *config,
	const struct dro_log *log, struct dro_error *err);
void agent_session_close(struct agent_session *session);

/* 0 at the end of the input; DRO_EIO where an answer cannot be written. */
int agent_session(const struct agent_config *config, int in, int out, const struct dro_log *log,
	struct dro_error *err);
/* One verb, by `deadline_ms` (monotonic). */
int agent_verb_run(struct agent_session *session, const struct agent_request *request,
	struct agent_facts *facts, uint64_t deadline_ms, struct dro_error *err);

#endif
