/*
 * The cloudflare plugin: DNS records of Cloudflare API v4, proxied ones included, load balancers as
 * routed groups of record sets, and their monitors as health checks.
 *
 * An account holds options and the ids of zones and accounts that were asked for; nothing else is
 * kept, so that every answer is about the world as it is.
 */
#ifndef DRORCH_PLUGINS_CLOUDFLARE_H
#define DRORCH_PLUGINS_CLOUDFLARE_H

#include "base/json.h"
#include "plugins/common/params.h"
#include "plugins/common/zones.h"

#define CF_ID_MAX 64
#define CF_PATH_MAX 6

struct cf {
	const struct dro_host *host;
	struct dro_params options; /* owns the texts below */
	const char *endpoint;
	const char *account_id; /* "" : whatever the token can see */
	const char *regions;	/* "WEU,ENAM": from where new pools are looked at */
	size_t batch_max;	/* changes of records in one batch */
	struct dro_zones zones;
	struct dro_zones accounts; /* of a zone, by its name; "": the token's only one */
};

/* ---- api.c: one request, and its answer as a checked document -------------------------------- */

struct cf_ask {
	const char *method;
	const char *path[CF_PATH_MAX + 1]; /* below /client/v4; ends with NULL */
	const struct dro_pair *query;
	size_t query_count;
	const char *body; /* JSON, or NULL */
	bool mutation;
};

/*
 * *out is the whole document ("success" is true) and is freed with cJSON_Delete. A mutation whose
 * answer cannot be read is DRO_ETIMEDOUT: it may have been done.
 */
int cf_ask(struct cf *cf, const struct cf_ask *ask, cJSON **out, const struct dro_call *call,
	struct dro_error *err);
/* Its two halves. *out of the first is freed with host->http_free; any thread may call them. */
int cf_fetch(struct cf *cf, const struct cf_ask *ask, struct dro_http_response **out,
	const struct dro_call *call, struct dro_error *err);
int cf_read(struct cf *cf, const struct cf_ask *ask, const struct dro_http_response *response,
	cJSON **out, struct dro_error *err);
/* The answer to `ask` has another form than the API's. */
int cf_nonsense(struct cf *cf, const struct cf_ask *ask, const char *what, struct dro_error *err);

int cf_no_memory(struct cf *cf, struct dro_error *err);
/*
 * The list that `path` answers with, in one piece as the load balancers, pools and monitors come;
 * *list points into *answer, which is freed with cJSON_Delete.
 */
int cf_ask_list(struct cf *cf, const struct cf_ask *ask, cJSON **answer, const cJSON **list,
	const struct dro_call *call, struct dro_error *err);
/* Sends `body` (taken over) with POST or PUT; `id` gets the id of what was made. */
int cf_send(struct cf *cf, struct cf_ask *ask, cJSON *body, char id[CF_ID_MAX + 1],
	const struct dro_call *call, struct dro_error *err);

/* ---- zone.c -----------------------------------------------------------------------------------
 */

int cf_zone_id(struct cf *cf, const char *name, char id[CF_ID_MAX + 1], const struct dro_call *call,
	struct dro_error *err);
/* The account that owns the zone, or (zone "") the only one there is. */
int cf_account_id(struct cf *cf, const char *zone, char id[CF_ID_MAX + 1],
	const struct dro_call *call, struct dro_error *err);

/* ---- value.c: contents as a zone file has them ------------------------------------------------
 */

bool cf_type_proxied(const char *type); /* can it be proxied? */
/* The value of a record of the API, in its one spelling; that of an unknown type as it came. */
int cf_value_read(
	struct dro_buf *out, const char *type, const cJSON *record, struct dro_error *err);
/* Adds content, priority or data of a clean value to a record of the API. */
int cf_value_write(cJSON *record, const char *type, const char *value, struct dro_error *err);

/* ---- records.c: the records of a zone ---------------------------------------------------------
 */

/* The texts are one block, whose start `id` is. */
struct cf_record {
	char *id, *name, *type, *value, *comment;
	bool proxied;
	uint32_t ttl_s; /* 0: automatic, as of every proxied record */
};

struct cf_records {
	struct cf_record *items; /* by name, type, value */
	size_t count, capacity;
};

/* `name` and `type` may be "". */
int cf_records_read(struct cf *cf, struct cf_records *out, const char *zone, const char *name,
	const char *type, const struct dro_call *call, struct dro_error *err);
void cf_records_free(struct cf_records *records);
/* The records of one set: the index of the first, and how many there are. */
size_t cf_records_find(
	const struct cf_records *records, const char *name, const char *type, size_t *count);
/* Is it another set than the one before it? */
bool cf_records_begins(const struct cf_records *records, size_t index);

/* ---- list.c -----------------------------------------------------------------------------------
 */

int cf_list_records(void *account, const struct dro_record_query *query, dro_emit_record emit,
	void *arg, const struct dro_call *call, struct dro_error *err);

/* ---- apply.c, batch.c -------------------------------------------------------------------------
 */

/* Some of the sets that were given. */
struct cf_sets {
	const struct dro_record **items;
	size_t count;
};

int cf_apply(void *account, const char *zone, const struct dro_record *const *put, size_t put_count,
	const struct dro_record *const *del, size_t del_count, char *operation,
	size_t operation_size, const struct dro_call *call, struct dro_error *err);
/* One look at the records that are there, and the batches that the difference takes. */
int cf_batch_apply(struct cf *cf, const char *zone, const struct cf_sets *put,
	const struct cf_sets *del, const struct dro_call *call, struct dro_error *err);
/* The values of a set as Cloudflare will give them back, each once, appended to `values`. */
int cf_clean_values(
	const struct dro_record *set, char **values, size_t *count, struct dro_error *err);

/* ---- health.c: monitors -----------------------------------------------------------------------
 */

extern const struct dro_health_checks cf_health;

#endif
