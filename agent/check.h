/*
 * Is this host fit to be, or to become, the primary? Each thing with its value, its limit, and
 * whether it is well.
 */
#ifndef AGENT_CHECK_H
#define AGENT_CHECK_H

#include "agent/session.h"

/*
 * "ok" (nothing is known to be wrong), and "checks": by name {"value", "limit", "unit", "ok",
 * "note"}. What cannot be told here has the value and the "ok" null, and a note why. Fails only
 * where memory runs out: a database that does not answer is a finding.
 */
int agent_check(struct agent_session *session, struct agent_facts *facts, uint64_t deadline_ms,
	struct dro_error *err);

#endif
