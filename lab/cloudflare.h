/*
 * The simulated Cloudflare v4: zones and DNS records as JSON objects, kept as the API shows them.
 * One lock around it all; every change is made on a copy of the zone's records and takes the
 * original's place when it is saved, so that a batch is all or nothing.
 */
#ifndef DRORCH_LAB_CLOUDFLARE_H
#define DRORCH_LAB_CLOUDFLARE_H

#include <pthread.h>

#include "lab/edge_route.h"
#include "lab/lab.h"

#define CLOUDFLARE_ID 33 /* 32 hex digits and a NUL */

struct dns_zones;

/* 1200 calls in 300 s, then nothing for as long; adjustable by `drorch-lab cloudflare limit`. */
struct cloudflare_limit {
	int64_t calls;
	int64_t window_ms;
	int64_t used;
	int64_t window_end_ms;
	int64_t blocked_until_ms;
};

struct cloudflare {
	struct lab *lab;
	pthread_mutex_t lock;
	cJSON *zones;	/* [{"zone": {...}, "records": [...], "load_balancers": [...]}] */
	cJSON *account; /* {"pools": [...], "monitors": [...]} */
	char account_id[CLOUDFLARE_ID];
	char token_id[CLOUDFLARE_ID];
	struct cloudflare_limit limit;
	struct edge_routes *routes;	  /* what the edge follows */
	struct dns_zones *dns;		  /* what its name servers know */
	struct cloudflare_health *health; /* what the monitors see */
};

struct cloudflare_error {
	int status;
	int code;
	int chain; /* 0, or the code below a 1004 */
	char message[256];
};

/* One request, routed. Handlers run under the lock and fill the reply. */
struct cloudflare_call {
	struct cloudflare *cf;
	const struct lab_request *request;
	const struct lab_call *call;
	struct lab_reply *reply;
	const char *ids[2]; /* of the path, in their order */
};

/* cloudflare_reply.c: the envelope. All take `result` and `info` over. */
void cloudflare_result(struct lab_reply *reply, cJSON *result, cJSON *info);
void cloudflare_refuse(struct lab_reply *reply, const struct cloudflare_error *error);
void cloudflare_refuse_with(struct lab_reply *reply, int status, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int cloudflare_set_error(struct cloudflare_error *error, int status, int code, const char *format,
	...) __attribute__((format(printf, 4, 5))); /* returns DRO_EINVAL */
/* Puts the asked page of `all` (a JSON array, emptied) into the reply. */
void cloudflare_page(const struct cloudflare_call *c, cJSON *all, int64_t per_page_default,
	int64_t per_page_min, int64_t per_page_max);
/* The body as an object; else refuses the call and returns NULL. */
cJSON *cloudflare_body(const struct cloudflare_call *c);
void cloudflare_new_id(char out[CLOUDFLARE_ID]);
cJSON *cloudflare_now(void); /* a time as the API writes it */

/* cloudflare_check.c: makes of what was sent (or merged) a whole record, or says what is wrong. */
/* "@", "www" and "WWW.example.com." all become the full name in lower case. */
int cloudflare_check_name(cJSON *record, const char *zone, struct cloudflare_error *error);
int cloudflare_check_record(cJSON *record, const char *zone_name, struct cloudflare_error *error);
/* Would `record` collide with another of `records` (itself, by id, left out)? */
int cloudflare_check_conflict(
	const cJSON *records, const cJSON *record, struct cloudflare_error *error);
bool cloudflare_is_name(const char *name, bool wildcard);

/* cloudflare_zones.c */
int cloudflare_load(struct cloudflare *cf, struct dro_error *err);
/* Replaces a list of a zone's ("records", "load_balancers"), saves, and tells the edge and the name
 * servers. Takes `list` over in any case. */
int cloudflare_commit(
	struct cloudflare *cf, cJSON *entry, const char *key, cJSON *list, struct dro_error *err);
/* The same with the account's pools and monitors. */
int cloudflare_commit_account(struct cloudflare *cf, cJSON *account, struct dro_error *err);
int cloudflare_zone_add(
	struct cloudflare *cf, const char *name, cJSON **zone, struct cloudflare_error *error);
/* The entry of that zone; else refuses the call and returns NULL. */
cJSON *cloudflare_zone_need(const struct cloudflare_call *c);
void cloudflare_zones_list(const struct cloudflare_call *c);
void cloudflare_zones_create(const struct cloudflare_call *c);
void cloudflare_zones_get(const struct cloudflare_call *c);
void cloudflare_zones_delete(const struct cloudflare_call *c);

/* cloudflare_dns.c: makes the name servers, which ask cf->routes what the balancers answer. */
int cloudflare_dns_new(struct cloudflare *cf, struct dro_error *err);
/* What they say of a zone (an entry of cf->zones), published; `gone`: nothing any more. */
int cloudflare_dns_publish(struct cloudflare *cf, const cJSON *entry, bool gone, uint64_t due_ms,
	struct dro_error *err);

/* cloudflare_list.c */
void cloudflare_records_list(const struct cloudflare_call *c);
/* cloudflare_records.c */
void cloudflare_records_create(const struct cloudflare_call *c);
void cloudflare_records_get(const struct cloudflare_call *c);
void cloudflare_records_put(const struct cloudflare_call *c);
void cloudflare_records_patch(const struct cloudflare_call *c);
void cloudflare_records_delete(const struct cloudflare_call *c);
void cloudflare_records_batch(const struct cloudflare_call *c);

/* cloudflare.c: what the edge follows, of the vendor's state. */
extern const struct lab_vendor lab_vendor_cloudflare;
struct edge_routes *lab_cloudflare_routes(void *state);

#endif
