/* Where a request goes: the parts of "scheme://host[:port]", and whether we may go there. */
#ifndef DRORCH_NET_ENDPOINT_H
#define DRORCH_NET_ENDPOINT_H

#include <stdbool.h>

#include "base/buf.h"

#define DRO_HOST_MAX 256

struct dro_endpoint {
	bool https;
	char host[DRO_HOST_MAX]; /* lower case; an IPv6 address in its brackets */
	int port;		 /* 0: the scheme's */
};

/* DRO_EINVAL for anything but http and https, for user information, a path, odd characters. */
int dro_endpoint_parse(struct dro_endpoint *out, const char *text, struct dro_error *err);
/* 127.0.0.0/8, ::1 (also in brackets), localhost, *.localhost; by name, nothing is asked. */
bool dro_host_is_loopback(const char *host);
/* An IPv4 or IPv6 address without brackets. */
bool dro_host_is_address(const char *host);
/* "host" or "host:port", as the Host header has it. */
void dro_endpoint_host(struct dro_buf *out, const struct dro_endpoint *endpoint);

#endif
