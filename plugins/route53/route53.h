/*
 * The route53 plugin: record sets of Amazon Route 53, simple and routed ones.
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
#define R53_NAME_MAX 1024 /* a name with every byte escaped */

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
void r53_values_free(char **values, size_t count);

/* ---- sets.c: what is there ------------------------------------------------------------------- */

struct r53_set {
	char *name;			 /* as r53_name_read has it */
	const char *type, *set_id;	 /* the answer's */
	const struct dro_xml_node *node; /* <ResourceRecordSet> */
};

struct r53_sets {
	struct r53_set *items; /* by name, type, set_id */
	size_t count, capacity;
	struct dro_xml **pages; /* hold the nodes */
	size_t page_count;
};

/* Of the zone, or of `name` and the owner's name beside it where it is not "". */
int r53_sets_read(struct r53 *r53, struct r53_sets *out, const char *zone, const char *name,
	const struct dro_call *call, struct dro_error *err);
void r53_sets_free(struct r53_sets *sets);
/* set_id NULL: the first of that name and type. NULL: none. */
const struct r53_set *r53_sets_find(
	const struct r53_sets *sets, const char *name, const char *type, const char *set_id);
/* Can the ABI not say what it is? An alias, or an instance of a traffic policy. */
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

/* The mark of a set, or "". `scratch` holds it. */
const char *r53_owner_of(const struct r53_sets *sets, const char *name, const char *type,
	const char *set_id, struct dro_buf *scratch);
/* Does the set hold marks and nothing else? It is then no record of the caller's. */
bool r53_owner_is(const struct r53_set *set);
/* What the TXT value (in its one spelling) says, or false. `text` gets its bytes. */
struct r53_mark {
	const char *owner, *type, *set_id;
};
bool r53_owner_parse(const char *value, struct dro_buf *text, struct r53_mark *out);
void r53_owner_print(struct dro_buf *out, const struct dro_record *record);
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
/*
 * UPSERT of `old`, or CREATE where it is NULL: `record` with these values and `ttl_s`; of `old`
 * stays what a record cannot say (failover, region, health check, …).
 */
void r53_batch_put(struct r53_batch *batch, const struct r53_set *old,
	const struct dro_record *record, char *const *values, size_t count, uint32_t ttl_s);
/* The unit is whole: it joins the batch, which is sent before where it would be too large. */
int r53_batch_unit(struct r53_batch *batch, struct dro_error *err);
int r53_batch_send(struct r53_batch *batch, struct dro_error *err);

/* ---- apply.c --------------------------------------------------------------------------------- */

int r53_apply(void *account, const char *zone, const struct dro_record *const *put,
	size_t put_count, const struct dro_record *const *del, size_t del_count, char *operation,
	size_t operation_size, const struct dro_call *call, struct dro_error *err);

#endif
