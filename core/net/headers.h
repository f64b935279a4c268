/* The headers of one attempt: what the caller gave, ours, and the proof of who we are. */
#ifndef DRORCH_NET_HEADERS_H
#define DRORCH_NET_HEADERS_H

#include "net/endpoint.h"
#include "net/http.h"

#define DRO_HEADERS_MAX 64

/* Strings belong to the set and are wiped with it: they may be secrets. */
struct dro_headers {
	struct dro_pair at[DRO_HEADERS_MAX];
	size_t count;
};

/* DRO_EINVAL where a name or value of `request` could break the message, or is ours to set. */
int dro_headers_check(const struct dro_http_request *request, struct dro_error *err);

/*
 * Fills `out`. `wire_path` is the path as it goes out, `payload_hash` the body's SHA-256 where
 * the request is to be signed. Asks the context for credentials; the date is now.
 */
int dro_headers_build(struct dro_headers *out, const struct dro_http_request *request,
	const struct dro_net_context *context, const struct dro_endpoint *endpoint,
	const char *wire_path, const char *payload_hash, struct dro_error *err);

void dro_headers_free(struct dro_headers *headers);

#endif
