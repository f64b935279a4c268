/*
 * One line of a session: {"id": "7", "verb": "freeze", "epoch": 3, "deadline_ms": 5000, …}.
 */
#ifndef AGENT_REQUEST_H
#define AGENT_REQUEST_H

#include "agent/driver.h"

#define AGENT_REQUEST_MAX 65536
#define AGENT_REQUEST_MS 10000			   /* where no deadline_ms is given */
#define AGENT_REQUEST_MAX_MS 600000		   /* the longest */
#define AGENT_REQUEST_LONG_MS (24 * 3600 * 1000LL) /* of a verb that copies a database */
#define AGENT_ID_MAX 64

/* What a verb takes beside id, verb and deadline_ms. */
enum agent_field {
	AGENT_EPOCH = 1u << 0,
	AGENT_POSITION = 1u << 1,
	AGENT_HOST = 1u << 2, /* and port */
	AGENT_SEMI_SYNC = 1u << 3,
	AGENT_UNFENCE = 1u << 4,
	AGENT_ALLOW = 1u << 5,
	AGENT_LONG = 1u << 6, /* takes up to AGENT_REQUEST_LONG_MS */
};

struct agent_verb {
	const char *name;
	unsigned takes, needs; /* enum agent_field */
};

struct agent_request {
	cJSON *json;	/* the strings below are its */
	const char *id; /* "" where the line did not get so far */
	const struct agent_verb *verb;
	int64_t epoch, deadline_ms; /* deadline_ms: how long it may take */
	struct agent_ask ask;
	bool unfence;
};

extern const struct agent_verb agent_verbs[]; /* ends with a NULL name */

/*
 * DRO_EPROTO: the line is no JSON object; DRO_EINVAL: it says what no verb of ours means, and the
 * message what. `out` is to be freed either way, its id may be there.
 */
int agent_request_parse(
	struct agent_request *out, const char *line, size_t length, struct dro_error *err);
void agent_request_fini(struct agent_request *request);

#endif
