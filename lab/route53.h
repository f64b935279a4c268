/*
 * The simulated Route 53: hosted zones and their record sets over the REST protocol. A batch of
 * changes is tried on a draft of the zone and taken over whole, or not at all.
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/
 */
#ifndef DRORCH_LAB_ROUTE53_H
#define DRORCH_LAB_ROUTE53_H

#include <pthread.h>

#include "lab/lab.h"
#include "plugins/common/xml.h"

#define ROUTE53_NS "https://route53.amazonaws.com/doc/2013-04-01/"
#define ROUTE53_NAME 1024 /* escaped, with its NUL */
#define ROUTE53_BODY_MAX (4u << 20)
/* In keys: below every byte of a name, so that a name comes before what is below it, … */
#define ROUTE53_LABEL_BREAK "\x02"
#define ROUTE53_PART_BREAK "\x01" /* … and below that: all sets of a name come first */

/* The stored form of a name is lower case, with a final dot and octal escapes. */
struct route53_set {
	char *key;  /* orders by reversed labels, type, identifier */
	cJSON *doc; /* an element's name -> its text, an object (AliasTarget), or values */
};

struct route53_sets {
	struct route53_set *items; /* by key */
	size_t count, capacity;
};

struct route53_zone {
	struct route53_zone *next;
	char *key;  /* orders zones by reversed labels */
	cJSON *doc; /* Id, Name, CallerReference, Comment, PrivateZone */
	struct route53_sets sets;
	int64_t busy_until_ms;
};

struct dns_zones;
struct route53_health;

struct route53 {
	struct lab *lab;
	struct dns_zones *dns; /* what the name servers know */
	struct route53_health *health;
	pthread_mutex_t lock;	    /* guards what follows */
	struct route53_zone *zones; /* by key, then id */
	cJSON *tags;		    /* of health checks and zones */
	cJSON *changes;		    /* {Id, SubmittedMs, InsyncMs, Comment}, newest last */
	struct lab_bucket bucket;
	bool limited;
	int64_t insync_ms; /* how long a change spreads */
	int64_t busy_ms;   /* how long a zone takes no other change */
};

struct route53_call {
	struct route53 *r53;
	const struct lab_request *request;
	const struct lab_call *call;
	struct lab_reply *reply;
	const char *id;	       /* of the path, or "" */
	const char *second_id; /* the one behind it, or "" */
	int64_t now_ms;
};

extern const struct lab_vendor lab_vendor_route53;

/* ---- route53.c ------------------------------------------------------------------------------- */

void route53_error(struct route53_call *c, int status, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Parses the body; *out is freed with dro_xml_free. false: answered. */
bool route53_body(struct route53_call *c, const char *root, struct dro_xml **out);
/* MaxItems of the query, `most` where it is absent or more. false: answered. */
bool route53_max_items(struct route53_call *c, int64_t most, int64_t *out);
void route53_begin(struct route53_call *c, const char *response);
void route53_end(struct route53_call *c, const char *response);
/* "Z0123…": a letter and 19 others. */
void route53_new_id(char out[LAB_ID], char letter);

/* ---- route53_sets.c -------------------------------------------------------------------------- */

/* The stored form of a name as given. false: it is none. */
bool route53_name(char out[ROUTE53_NAME], const char *name);
/* malloc'd; type and set_id may be "". */
char *route53_key(const char *name, const char *type, const char *set_id);
/* Where the key is, or would stand; *found says which. */
size_t route53_sets_find(const struct route53_sets *sets, const char *key, bool *found);
/* Takes key and doc over. <0: out of memory, they are still the caller's. */
int route53_sets_insert(struct route53_sets *sets, size_t at, char *key, cJSON *doc);
void route53_sets_free(struct route53_sets *sets);
/* Shares the docs, which are freed with the original. <0: out of memory. */
int route53_sets_copy(struct route53_sets *to, const struct route53_sets *from);
/* <ResourceRecordSet> as JSON, of the documented elements in their order. NULL: *why says. */
cJSON *route53_set_read(const struct dro_xml_node *node, struct dro_buf *why);
void route53_set_write(struct dro_buf *out, const cJSON *doc);
/* The same, whatever the order of the values. */
bool route53_set_equal(const cJSON *a, const cJSON *b);

/* ---- route53_zones.c ------------------------------------------------------------------------- */

int route53_load(struct route53 *r53, struct dro_error *err);
/* Tells the name servers what they know of the zone in insync_ms, or at once. */
int route53_zone_publish(
	struct route53 *r53, const struct route53_zone *zone, bool at_once, struct dro_error *err);
void route53_zone_free(struct route53_zone *zone);
int route53_zone_save(struct route53 *r53, const struct route53_zone *zone, struct dro_error *err);
/* NULL: *why says, with the API's code. */
struct route53_zone *route53_zone_add(struct route53 *r53, const char *name, const char *reference,
	const char *comment, bool private, const char **code, struct dro_buf *why);
/* The zone of the call's path. NULL: answered. */
struct route53_zone *route53_zone_need(struct route53_call *c);
void route53_zones_create(struct route53_call *c);
void route53_zones_list(struct route53_call *c);
void route53_zones_by_name(struct route53_call *c);
void route53_zones_count(struct route53_call *c);
void route53_zones_get(struct route53_call *c);
void route53_zones_delete(struct route53_call *c);

/* ---- route53_check.c ------------------------------------------------------------------------- */

/* Is one set as it may be, by itself? The InvalidInput or the batch's message goes to `why`. */
bool route53_check_set(const char *zone, const cJSON *doc, const char **code, struct dro_buf *why);
/* Does the health check it names exist? One that is deleted does not keep its sets. */
bool route53_check_health(struct route53 *r53, const cJSON *doc, struct dro_buf *why);
/* Do the sets of that one's name stand side by side in the draft? */
bool route53_check_name(
	const char *zone, const struct route53_sets *draft, const cJSON *doc, struct dro_buf *why);

/* ---- route53_health_api.c -------------------------------------------------------------------- */

void route53_health_create(struct route53_call *c);
void route53_health_get(struct route53_call *c);
void route53_health_list(struct route53_call *c);
void route53_health_count(struct route53_call *c);
void route53_health_update(struct route53_call *c);
void route53_health_delete(struct route53_call *c);
void route53_health_status(struct route53_call *c);
void route53_health_failure(struct route53_call *c);
void route53_checker_ranges(struct route53_call *c);

/* ---- route53_change.c, route53_list.c -------------------------------------------------------- */

/* <ChangeInfo> of a new change, which is remembered. */
int route53_change_add(struct route53_call *c, const char *comment, struct dro_error *err);
void route53_sets_change(struct route53_call *c);
void route53_change_get(struct route53_call *c);
void route53_sets_list(struct route53_call *c);

#endif
