/*
 * Sessions with drorch-agent on the sites' hosts (docs/agent.md#session): one ssh child a host,
 * opened when it is first asked and kept, so that a verb costs a round trip. Thread-safe; verbs of
 * one host follow each other, but for those that are asked aside; those of different hosts run side
 * by side.
 */
#ifndef DRORCH_SESSION_SESSION_H
#define DRORCH_SESSION_SESSION_H

#include <cjson/cJSON.h>

#include "model/service.h"
#include "net/secret.h"

/* Whom to ask. The strings are read during the call only; `agent` is the spec's. */
struct dro_session_host {
	const char *name; /* ours, "memphis-main-web-1": known_hosts has its key under this name */
	const char *address;	    /* where it is now */
	const char *service, *site; /* what its agent must be of; site "" : any */
	const struct dro_agent *agent;
	bool aside; /* in a session of its own: for what takes long, so that no verb waits for it */
};

struct dro_sessions;

/* `redactor` (may be NULL) outlives it. */
int dro_sessions_new(
	struct dro_sessions **out, struct dro_redactor *redactor, struct dro_error *err);
void dro_sessions_free(struct dro_sessions *sessions); /* NULL-safe; after the last call */

/*
 * Asks `verb` with `fields` (an object, taken over; NULL: none) until `deadline_ms` (monotonic).
 * *result is freed with cJSON_Delete: the answer, or beside an error of the agent's the facts it
 * gave (NULL where there are none).
 *
 * DRO_EAGAIN: it was not asked, for the host cannot be reached; DRO_ETIMEDOUT: asked, and what
 * became of it is not known; DRO_EAUTH: ssh was refused, or the host is not the known one;
 * DRO_ECONFLICT: the agent is of another service or site. Else what the agent answered.
 */
int dro_session_ask(cJSON **result, struct dro_sessions *sessions,
	const struct dro_session_host *host, const char *verb, cJSON *fields, uint64_t deadline_ms,
	struct dro_error *err);

#endif
