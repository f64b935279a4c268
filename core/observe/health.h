/* One look at a site's health check, from here. */
#ifndef DRORCH_OBSERVE_HEALTH_H
#define DRORCH_OBSERVE_HEALTH_H

#include "model/service.h"
#include "net/http.h"

struct dro_health_answer {
	bool well;	/* the status that the check wants */
	int status;	/* 0: no answer */
	char site[128]; /* what the answer's site header says, "" where it has none */
	char text[256]; /* for people: "200 from tier2", "connection refused" */
};

/* Where to ask: empty fields are the check's own. */
struct dro_health_target {
	const char *scheme;
	const char *host;    /* Host header and TLS name */
	const char *address; /* to connect to; NULL or "": resolve the host */
	int port;
	/* "" or NULL: the check's own path and status. Else "/" is asked, and well is 200 with a
	 * body, or a header, of this SHA-256 (hex): a page that an edge has changed still has its
	 * header. */
	const char *sha256;
};

/*
 * Asks once, without retries, until `deadline_ms` or the check's own time-out. Always fills `out`:
 * a site that does not answer is a result, not an error.
 */
void dro_health_ask(struct dro_health_answer *out, struct dro_net *net,
	const struct dro_health *health, const struct dro_health_target *target,
	uint64_t deadline_ms);

#endif
