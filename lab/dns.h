/*
 * The lab's name servers: what is published of one vendor's zones, and the answers from it. A
 * publication counts from its due time on, so that a change spreads before it is seen.
 */
#ifndef DRORCH_LAB_DNS_H
#define DRORCH_LAB_DNS_H

#include "lab/lab.h"
#include "lab/route53.h"

/* What a vendor's name servers do instead of answering well. */
enum dns_fault {
	DNS_WELL,
	DNS_SILENT,   /* no answer at all */
	DNS_SERVFAIL, /* fails every query */
	DNS_LAME,     /* knows nothing of its zones: refers upwards, not authoritative */
	DNS_STALE,    /* answers from what was published before, whatever comes after */
	DNS_LIE,      /* says another address wherever it has one */
};

struct dns_zones;

int dns_zones_new(struct dns_zones **out, struct dro_error *err);
void dns_zones_free(struct dns_zones *zones); /* NULL-safe */
/*
 * Who knows whether a health check passes; without one they all do. Called with the zones' lock
 * held, by any thread. Set it before the first query.
 */
void dns_zones_set_health(
	struct dns_zones *zones, bool (*healthy)(void *arg, const char *check), void *arg);
/*
 * What a set with a DNS_BALANCER (the name of a load balancer) answers now: its values, which are
 * added to the array. Called as the one above is. Set it before the first query.
 */
#define DNS_BALANCER "Balancer"
void dns_zones_set_balance(struct dns_zones *zones,
	void (*balance)(void *arg, const char *name, const char *type, cJSON *values), void *arg);
/*
 * The record sets of a zone, copied; they count from `due_ms` (monotonic) on. NULL: the zone goes
 * then. Names are in Route 53's stored form (route53_name), values as the zone file writes them,
 * but with octal escapes. Any thread.
 */
int dns_zones_publish(struct dns_zones *zones, const char *id, const char *name,
	const struct route53_sets *sets, uint64_t due_ms, struct dro_error *err);
/* Lets go of what newer sets have taken the place of. A look does so too. Any thread. */
void dns_zones_forget(struct dns_zones *zones, uint64_t now_ms);
/* `address` is what DNS_LIE says. Any thread. */
void dns_zones_set_fault(struct dns_zones *zones, enum dns_fault fault, const char *address);

/*
 * One answer to one query, in wire form; *out is freed with free(). false: nothing is to be sent.
 * Over UDP it fits what the asker takes, or is cut and marked so. Any thread.
 */
bool dns_zones_reply(struct dns_zones *zones, const uint8_t *query, size_t length, bool udp,
	uint8_t **out, size_t *out_length);
/* An IPv4 address of `name`, as who asks these servers finds it; else *rcode says why not. */
bool dns_zones_address(
	struct dns_zones *zones, const char *name, char out[LAB_ADDRESS], int *rcode);

/* ---- dns_server.c: UDP and TCP on one port of 127.0.0.1 for each of the vendors -------------- */

#define DNS_SERVICES 2

struct dns_server;
/* ports[i] 0: chosen by the kernel; they come back as they are. */
int dns_server_start(struct dns_server **out, struct dns_zones *const zones[DNS_SERVICES],
	uint16_t ports[DNS_SERVICES], struct dro_error *err);
void dns_server_stop(struct dns_server *server); /* NULL-safe */

#endif
