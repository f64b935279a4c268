/*
 * HTTP for the whole program: one curl-multi thread behind a blocking call that any thread may
 * make. libcurl is loaded and the thread started by the first request, so that commands which make
 * none do not pay for them.
 *
 * https only, and plain http only to loopback or where the caller says so; TLS always verified; no
 * redirects; no proxy; the path goes out as it was given; answers, headers and waits are bounded.
 */
#ifndef DRORCH_NET_HTTP_H
#define DRORCH_NET_HTTP_H

#include "base/log.h"
#include "net/budget.h"
#include "net/secret.h"

struct dro_net;

struct dro_net_options {
	const char *ca_file; /* PEM, instead of the system's; NULL: the system's */
};

/* Whose request it is, and what it may use. Everything may be 0. */
struct dro_net_context {
	/*
	 * Gives the value of the credential `name` ("token", "access_key_id", …), afresh for every
	 * attempt, so that a rotated one is seen; DRO_ENOTFOUND where the account has none of that
	 * name. Called from the requesting thread.
	 */
	int (*credential)(
		void *arg, const char *name, struct dro_secret *out, struct dro_error *err);
	void *credential_arg;
	struct dro_budget *budget; /* NULL: no limit */
	const char *account;	   /* of the budget */
	enum dro_budget_class budget_class;
	/*
	 * Where to connect instead of the endpoint's host and port: an address, and 0 for the
	 * same port. The Host header, the server name of TLS and its verification stay.
	 */
	const char *connect_address;
	int connect_port;
	bool plain; /* http beyond loopback too: for what holds no secret, where the spec asks for
		       it */
	const char *user_agent; /* NULL: "drorch/VERSION" */
	const char *trace;	/* "run/step", for the log */
	const struct dro_log *log;
};

/* `options` may be NULL. Starts nothing yet. */
int dro_net_new(struct dro_net **out, const struct dro_net_options *options, struct dro_error *err);
void dro_net_free(struct dro_net *net); /* NULL-safe; no request may be under way */
/* Begins to start on a thread of its own, for who will make a request in a moment: loading libcurl
 * takes milliseconds. Call it once at most, before any request. */
void dro_net_warm(struct dro_net *net);

/*
 * Makes a request and waits, until request->deadline_ms at the latest. 0: an answer came, whatever
 * its status; free *out with dro_http_response_free. Else *out is NULL and the code says what may
 * have happened:
 * - DRO_EAGAIN: nothing was sent, or the request is DRO_HTTP_SAFE: it may be made again.
 * - DRO_ETIMEDOUT: it was sent, or part of it, and no full answer came: outcome unknown.
 * - DRO_EINVAL, DRO_EAUTH, DRO_EIO, DRO_ENOMEM: nothing was sent.
 * - DRO_EPROTO (DRO_HTTP_SAFE only): the answer breaks HTTP, or is larger than it may be.
 *
 * A DRO_HTTP_SAFE request is repeated within the deadline where the connection failed, and on 429,
 * 502, 503 and 504 (500: once), after Retry-After or an exponential back-off with jitter. The
 * answer of the last attempt counts. No other request is ever sent twice.
 */
int dro_net_request(struct dro_net *net, const struct dro_http_request *request,
	const struct dro_net_context *context, struct dro_http_response **out,
	struct dro_error *err);

void dro_http_response_free(struct dro_http_response *response); /* NULL-safe */

/* The value of the first header of that (lower-case) name, or NULL. */
const char *dro_http_header(const struct dro_http_response *response, const char *name);

/* Retry-After as milliseconds from now (seconds or an HTTP date), 0 where absent or past. */
uint64_t dro_http_retry_after_ms(const struct dro_http_response *response);

#endif
