/* Shared by the files that make an answer. Everything here wants the zones' lock held. */
#ifndef DRORCH_LAB_DNS_INTERNAL_H
#define DRORCH_LAB_DNS_INTERNAL_H

#include <ldns/ldns.h>
#include <pthread.h>

#include "lab/dns.h"

#define DNS_CHASE_MAX 8	     /* CNAMEs or aliases, one behind the other */
#define DNS_CHOSEN_MAX 8     /* sets that answer one question: multi-value answers */
#define DNS_RECORDS_MAX 4096 /* of one answer */

struct dns_version {
	struct dns_version *next; /* published later */
	uint64_t due_ms;
	struct route53_sets sets;
	bool gone;
};

struct dns_zone {
	struct dns_zone *next;
	char *id;
	char *name;
	struct dns_version *versions; /* the one that counts, then those to come */
};

struct dns_zones {
	pthread_mutex_t lock;	/* guards what follows */
	struct dns_zone *first; /* in the order of their first publication */
	bool (*healthy)(void *arg, const char *check);
	void *healthy_arg;
	void (*balance)(void *arg, const char *name, const char *type, cJSON *values);
	void *balance_arg;
	enum dns_fault fault;
	char lie[LAB_ADDRESS];
};

/* A zone as it counts now. */
struct dns_view {
	struct dns_zones *zones;
	const char *name;
	const struct route53_sets *sets;
};

/* The sets of one name and type, side by side. */
struct dns_group {
	const struct route53_set *items;
	size_t count;
};

struct dns_answer {
	ldns_pkt_rcode rcode;
	bool authoritative;
	ldns_rr_list *answer, *authority, *additional; /* the caller's */
};

/* ---- dns_zones.c ----------------------------------------------------------------------------- */

/* The nearest zone at or above the name. false: there is none. */
bool dns_view_find(
	struct dns_zones *zones, const char *name, uint64_t now_ms, struct dns_view *out);
struct dns_group dns_group_find(const struct dns_view *view, const char *name, const char *type);
/* Is there a set at the name, or below it? */
bool dns_name_exists(const struct dns_view *view, const char *name);
/* The type of the first set at the name, or NULL. */
const char *dns_first_type(const struct dns_view *view, const char *name);

/* ---- dns_pick.c ------------------------------------------------------------------------------ */

/* The records that answer for a group now, by its routing and health, owned by `owner`. */
void dns_pick(
	const struct dns_view *view, struct dns_group group, const char *owner, ldns_rr_list *out);

/* ---- dns_record.c ---------------------------------------------------------------------------- */

/* The stored form of a name on the wire. false: too long for one. */
bool dns_name_text(char out[ROUTE53_NAME], const ldns_rdf *name);
/* NULL: the value is none of that type. */
ldns_rr *dns_record(const char *owner, const char *type, uint32_t ttl, const char *value);
/* The set's values as records of `owner`. */
void dns_records_of(const cJSON *set, const char *owner, ldns_rr_list *out);

/* ---- dns_answer.c ---------------------------------------------------------------------------- */

void dns_answer_find(
	struct dns_zones *zones, const char *name, ldns_rr_type type, struct dns_answer *out);

#endif
