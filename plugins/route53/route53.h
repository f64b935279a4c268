/*
 * The route53 plugin: record sets of Amazon Route 53, simple and routed ones, and health checks.
 *
 * An account holds options and the ids of zones that were asked for; nothing else is kept, so that
 * every answer is about the world as it is.
 */
#ifndef DRORCH_PLUGINS_ROUTE53_H
#define DRORCH_PLUGINS_ROUTE53_H

#include <stdbool.h>

#include "plugins/common/params.h"
#include "plugins/common/xml.h"
#include "plugins/common/zones.h"

#define R53_ID_MAX 32
#define R53_CHECK_ID_MAX 64
#define R53_NAME_MAX 1024 /* a name with every byte escaped */
/* How the body of a request begins. */
#define R53_XML_BEGIN(root)                                                                        \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<" root                                       \
	" xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">"

struct r53 {
	const struct dro_host *host;
	struct dro_params options; /* owns the text below */
	const char *endpoint;
	struct dro_zones zones;
};

/* ---- api.c: one request, and its answer as a tree -------------------------------------------- */

struct r53_ask {
	const char *method;
	const char *path[4]; /* below /2013-04-01; ends with NULL; a final "" is a final "/" */
	const struct dro_pair *query;
	size_t query_count;
	const struct dro_buf *body; /* XML, or NULL */
	bool mutation;
	bool bare; /* the answer says nothing: *out stays NULL */
};

/*
 * *out is freed with dro_xml_free. Throttling and PriorRequestNotComplete are waited for a few
 * times, then DRO_EAGAIN. A mutation whose answer cannot be read is DRO_ETIMEDOUT.
 */
int r53_ask(struct r53 *r53, const struct r53_ask *ask, struct dro_xml **out,
	const struct dro_call *call, struct dro_error *err);
/* The answer to `ask` has another form than the API's. */
int r53_nonsense(
	struct r53 *r53, const struct r53_ask *ask, const char *what, struct dro_error *err);
int r53_no_memory(const struct r53 *r53, struct dro_error *err);

/* ---- zone.c ---------------------------------------------------------------------------------- */

/* Of the public zone of that name. */
int r53_zone_id(struct r53 *r53, const char *name, char id[R53_ID_MAX + 1],
	const struct dro_call *call, struct dro_error *err);
/* "Z123" of "/hostedzone/Z123" or "/change/Z123"; NULL where it is no such id. */
const char *r53_id(const char *text, const char *prefix);

bool r53_check_id_valid(const char *id); /* of a health check */

/* ---- text.c: names and values, here and there ------------------------------------------------ */

/* "\052.example.com." -> "*.example.com": lower case, no final dot. What would be taken for
 * another name without its escape keeps it. */
void r53_name_read(struct dro_buf *out, const char *name);
/* The way back, as a request has it. */
void r53_name_write(struct dro_buf *out, const char *name);
/* A stored value in its one spelling (base/rdata.h); one that has none as it stands. */
void r53_value_read(struct dro_buf *out, const char *type, const char *value);
/* A value in its one spelling as Route 53 takes it. */
void r53_value_write(struct dro_buf *out, const char *type, const char *value);

/* ---- sets.c: what is there ------------------------------------------------------------------- */

struct r53_set {
	char *name;			 /* as r53_name_read has it */
	const char *type, *set_id;	 /* the answer's */
	const struct dro_xml_node *node; /* <ResourceRecordSet> */
};

struct r53_sets {
	struct r53_set *items; /* by name, type, set_id */
	size_t count, capacity;
	struct r53_mark *marks; /* whose they are; likewise sorted (owner.c) */
	size_t mark_count, mark_capacity;
	struct dro_xml **pages; /* hold the nodes */
	size_t page_count;
};

/* Of the zone, or of `name` and the owner's name beside it where it is not "": added to what
 * another call with another name has read. */
int r53_sets_read(struct r53 *r53, struct r53_sets *out, const char *zone, const char *name,
	const struct dro_call *call, struct dro_error *err);
/* The sets of the zone with that id, without a word about whose they are. */
int r53_sets_read_id(struct r53 *r53, struct r53_sets *out, const char *zone_id,
	const struct dro_call *call, struct dro_error *err);
void r53_sets_free(struct r53_sets *sets);
/* set_id NULL: the first of that name and type. NULL: none. */
const struct r53_set *r53_sets_find(
	const struct r53_sets *sets, const char *name, const char *type, const char *set_id);

enum r53_routing { R53_SIMPLE, R53_WEIGHTED, R53_FAILOVER, R53_OTHER };

/* R53_OTHER: latency, geography, multivalue, … */
enum r53_routing r53_set_routing(const struct r53_set *set);
uint32_t r53_set_failover(const struct r53_set *set); /* enum dro_failover */
/* Can the ABI not say what it is? Routed another way, or an instance of a traffic policy. */
bool r53_set_opaque(const struct r53_set *set);
uint32_t r53_set_number(const struct r53_set *set, const char *element);

int r53_list_records(void *account, const struct dro_record_query *query, dro_emit_record emit,
	void *arg, const struct dro_call *call, struct dro_error *err);

/* ---- owner.c: whose a record is -------------------------------------------------------------- */

/*
 * Route 53 keeps no comment with a record. The mark stands beside it, in a TXT record of the name
 * "drorch-owner.NAME", a value for each set of that name:
 *	"heritage=drorch,owner=MARK,type=A" or "heritage=drorch,owner=MARK,type=A,set=ID"
 */
#define R53_OWNER_PREFIX "drorch-owner."
#define R53_OWNER_TTL 300

/* One value of such a record. Texts in one block that `name` begins. */
struct r53_mark {
	char *name; /* whose set it speaks of */
	const char *type, *set_id, *owner;
};

/* What a TXT value (in its one spelling) says, or false. `text` gets its bytes. */
struct r53_mark_text {
	const char *owner, *type, *set_id;
};
bool r53_mark_parse(const char *value, struct dro_buf *text, struct r53_mark_text *out);

/* Gathers anew the marks of sets that were read, for r53_owner_of. */
int r53_owner_index(struct r53_sets *sets);
void r53_owner_index_free(struct r53_sets *sets);
/* The mark of a set, or "". */
const char *r53_owner_of(
	const struct r53_sets *sets, const char *name, const char *type, const char *set_id);
/* Does the set hold marks and nothing else? It is then no record of the caller's. */
bool r53_owner_is(const struct r53_set *set);
bool r53_owner_valid(const char *owner);

/* ---- batch.c: changes on their way ----------------------------------------------------------- */

struct r53_batch {
	struct r53 *r53;
	const char *zone;
	const struct dro_call *call;
	struct dro_buf body;
	size_t records, characters; /* as the limits count them */
	/* What belongs together and is not cut in two. */
	struct dro_buf unit;
	size_t unit_records, unit_characters;
	char operation[R53_ID_MAX + 1]; /* of the last batch while it spreads, else "" */
};

void r53_batch_init(
	struct r53_batch *batch, struct r53 *r53, const char *zone, const struct dro_call *call);
void r53_batch_fini(struct r53_batch *batch);
/* DELETE with exactly what is stored. */
void r53_batch_delete(struct r53_batch *batch, const struct r53_set *set);
/* What a set is to be. */
struct r53_put {
	const struct dro_record *record; /* name, type, set_id, routing, health check, alias */
	const struct r53_set *old;	 /* UPSERT: of it stays a routing that no record can say.
					    NULL: CREATE */
	enum r53_routing routing;
	uint32_t ttl_s;
	char *const *values; /* in their one spelling */
	size_t count;
	const char *alias_zone; /* id of the alias's zone */
};

void r53_batch_put(struct r53_batch *batch, const struct r53_put *put);
/* The unit is whole: it joins the batch, which is sent before where it would be too large. */
int r53_batch_unit(struct r53_batch *batch, struct dro_error *err);
int r53_batch_send(struct r53_batch *batch, struct dro_error *err);

/* ---- marks.c: the marks of one name in a change ------------------------------------------------
 */

struct r53_change;
struct r53_ref;

/* Adds what the marks beside the name of these refs are to be, where they are not. */
int r53_marks_put(struct r53_change *change, const struct r53_ref *refs, size_t count);

/* ---- values.c ----------------------------------------------------------------------------------
 */

/* The record's values in their one spelling, each once; freed with r53_values_free. */
int r53_values_clean(struct r53 *r53, const struct dro_record *record, char ***out, size_t *count,
	struct dro_error *err);
/* Are the stored values these, in any order? */
bool r53_values_same(const struct r53_set *set, char *const *values, size_t count);
void r53_values_free(char **values, size_t count); /* NULL-safe */

/* ---- apply.c --------------------------------------------------------------------------------- */

int r53_apply(void *account, const char *zone, const struct dro_record *const *put,
	size_t put_count, const struct dro_record *const *del, size_t del_count, char *operation,
	size_t operation_size, const struct dro_call *call, struct dro_error *err);

/* ---- checks.c, check_put.c, check_gone.c: health checks ----------------------------------------
 */

int r53_list_checks(void *account, dro_emit_check emit, void *arg, const struct dro_call *call,
	struct dro_error *err);
int r53_put_check(void *account, const struct dro_health_check *check, char *id, size_t id_size,
	const struct dro_call *call, struct dro_error *err);
int r53_delete_check(
	void *account, const char *id, const struct dro_call *call, struct dro_error *err);
int r53_check_status(void *account, const char *id, dro_emit_vantage emit, void *arg,
	const struct dro_call *call, struct dro_error *err);

#endif
