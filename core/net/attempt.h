/* One request sent once, and what came of it. */
#ifndef DRORCH_NET_ATTEMPT_H
#define DRORCH_NET_ATTEMPT_H

#include "net/headers.h"
#include "net/multi.h"

/* What is the same for every attempt of a request. Pointers are the caller's. */
struct dro_attempt_plan {
	const struct dro_http_request *request;
	const struct dro_net_context *context;
	struct dro_endpoint endpoint;
	const char *url;
	const char *wire_path;
	const char *payload_hash; /* "" where the request is not signed */
	const char *connect_to;	  /* as CURLOPT_CONNECT_TO wants it, or "" */
	const char *ca_file;	  /* the only ones trusted, or NULL */
	const char *ca_dir;	  /* hashed, where ca_file is NULL; both NULL: libcurl's own */
};

/*
 * 0: an answer. <0: as dro_net_request says, and *transient tells whether another attempt of a safe
 * request could do better.
 */
int dro_attempt(const struct dro_attempt_plan *plan, const struct dro_curl *curl,
	struct dro_multi *multi, struct dro_http_response **out, bool *transient,
	struct dro_error *err);

#endif
