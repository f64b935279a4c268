/*
 * The cloudflare plugin: DNS records of Cloudflare API v4, proxied ones included.
 *
 * An account holds options and the ids of zones that were asked for; nothing else is kept, so that
 * every answer is about the world as it is.
 */
#ifndef DRORCH_PLUGINS_CLOUDFLARE_H
#define DRORCH_PLUGINS_CLOUDFLARE_H

#include "base/json.h"
#include "plugins/common/params.h"
#include "plugins/common/zones.h"

#define CF_ID_MAX 64

struct cf {
	const struct dro_host *host;
	struct dro_params options; /* owns the texts below */
	const char *endpoint;
	const char *account_id; /* "" : whatever the token can see */
	struct dro_zones zones;
};

/* ---- api.c: one request, and its answer as a checked document -------------------------------- */

struct cf_ask {
	const char *method;
	const char *path[5]; /* below /client/v4; ends with NULL */
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
/* The answer to `ask` has another form than the API's. */
int cf_nonsense(struct cf *cf, const struct cf_ask *ask, const char *what, struct dro_error *err);

/* ---- zone.c ------------------------------------------------------------------------------------
 */

int cf_zone_id(struct cf *cf, const char *name, char id[CF_ID_MAX + 1], const struct dro_call *call,
	struct dro_error *err);

/* ---- value.c: contents as a zone file has them
 * --------------------------------------------------- */

bool cf_type_proxied(const char *type); /* can it be proxied? */
/* The value of a record of the API, in its one spelling; that of an unknown type as it came. */
int cf_value_read(
	struct dro_buf *out, const char *type, const cJSON *record, struct dro_error *err);
/* Adds content, priority or data of a clean value to a record of the API. */
int cf_value_write(cJSON *record, const char *type, const char *value, struct dro_error *err);

/* ---- list.c
 * --------------------------------------------------------------------------------------- */

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

int cf_list_records(void *account, const struct dro_record_query *query, dro_emit_record emit,
	void *arg, const struct dro_call *call, struct dro_error *err);

/* ---- apply.c
 * --------------------------------------------------------------------------------------- */

int cf_apply(void *account, const char *zone, const struct dro_record *const *put, size_t put_count,
	const struct dro_record *const *del, size_t del_count, char *operation,
	size_t operation_size, const struct dro_call *call, struct dro_error *err);

#endif
