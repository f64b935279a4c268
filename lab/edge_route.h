/*
 * Which addresses stand behind a name: the load balancers and address records of the lab's own
 * zones, as they were published, each publication taking effect after the propagation delay. Names
 * outside the zones are never asked for anywhere.
 */
#ifndef DRORCH_LAB_EDGE_ROUTE_H
#define DRORCH_LAB_EDGE_ROUTE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "lab/edge_balance.h"

#define EDGE_ADDRESSES_MAX 16

/* A record of type A, AAAA or CNAME, or (type "ZONE", no content) the name of a zone. */
struct edge_record {
	const char *name; /* lower case */
	const char *type;
	const char *content;
	bool proxied;
};

struct edge_address {
	struct sockaddr_storage socket; /* port 0 */
	socklen_t length;
	char text[INET6_ADDRSTRLEN];
	bool website; /* the lab's S3, asked for a bucket's website: at its own port */
};

enum edge_found {
	EDGE_FOUND,
	EDGE_NO_ZONE,	/* the name is in none of the zones */
	EDGE_NO_RECORD, /* no proxied record, or one that leads nowhere */
};

struct edge_route {
	size_t count;
	size_t first; /* the one whose turn it is */
	struct edge_address addresses[EDGE_ADDRESSES_MAX];
};

struct edge_routes;

int edge_routes_new(struct edge_routes **out, struct dro_error *err);
void edge_routes_free(struct edge_routes *routes); /* NULL-safe */
/* All records of all zones, copied; they count from `due_ms` (monotonic) on. Any thread. */
int edge_routes_publish(struct edge_routes *routes, const struct edge_record *records, size_t count,
	uint64_t due_ms, struct dro_error *err);
/* The same with the balancers, which come before the records of their name. */
int edge_routes_publish_all(struct edge_routes *routes, const struct edge_record *records,
	size_t count, const struct edge_balancer *balancers, size_t balancer_count, uint64_t due_ms,
	struct dro_error *err);
/* Lets go of those that newer ones have taken the place of. A look does so too. Any thread. */
void edge_routes_forget(struct edge_routes *routes, uint64_t now_ms);
/* What is ill from now on, in the place of what was. Any thread. */
int edge_routes_health(
	struct edge_routes *routes, const struct edge_down *down, struct dro_error *err);
/* Looks up a name of at most 253 characters, without port. Any thread. */
enum edge_found edge_routes_find(
	struct edge_routes *routes, const char *name, uint64_t now_ms, struct edge_route *out);
/* What DNS says of a balancer that is not proxied: the addresses of the pool whose turn it is. */
enum edge_found edge_routes_balanced(
	struct edge_routes *routes, const char *name, uint64_t now_ms, struct edge_route *out);

#endif
