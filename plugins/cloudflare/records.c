#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/cloudflare/cloudflare.h"
#include "plugins/common/ahead.h"
#include "plugins/common/paging.h"
#include "plugins/common/params.h"

#define PER_PAGE 5000
#define PAGES_MAX 200

void cf_records_free(struct cf_records *records)
{
	size_t i;

	for (i = 0; i < records->count; i++)
		free(records->items[i].id);
	free(records->items);
	*records = (struct cf_records){0};
}

static int compare_set(const struct cf_record *a, const char *name, const char *type)
{
	int order = strcmp(a->name, name);

	return order ? order : strcmp(a->type, type);
}

static int compare(const void *a, const void *b)
{
	const struct cf_record *x = a, *y = b;
	int order = compare_set(x, y->name, y->type);

	if (order == 0)
		order = strcmp(x->value, y->value);
	return order ? order : strcmp(x->id, y->id);
}

size_t cf_records_find(
	const struct cf_records *records, const char *name, const char *type, size_t *count)
{
	size_t first = 0, end = records->count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (compare_set(&records->items[middle], name, type) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	for (end = first; end < records->count; end++)
		if (compare_set(&records->items[end], name, type) != 0)
			break;
	*count = end - first;
	return first;
}

bool cf_records_begins(const struct cf_records *records, size_t index)
{
	const struct cf_record *record = &records->items[index];

	return index == 0 || compare_set(record - 1, record->name, record->type) != 0;
}

static int reserve(struct cf_records *records)
{
	size_t capacity = records->capacity ? records->capacity * 2 : 64;
	struct cf_record *grown;

	if (records->count < records->capacity)
		return 0;
	grown = realloc(records->items, capacity * sizeof(*grown));
	if (!grown)
		return DRO_ENOMEM;
	records->items = grown;
	records->capacity = capacity;
	return 0;
}

static char *next_text(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = memcpy(*at, text, size);

	*at += size;
	return copy;
}

/* A zone has thousands of them: one block a record. */
static int copy_texts(struct cf_record *record, const char *id, const char *name, const char *type,
	const char *value, const char *comment)
{
	char *at = malloc(
		strlen(id) + strlen(name) + strlen(type) + strlen(value) + strlen(comment) + 5);

	if (!at)
		return DRO_ENOMEM;
	record->id = next_text(&at, id);
	record->name = next_text(&at, name);
	record->type = next_text(&at, type);
	record->value = next_text(&at, value);
	record->comment = next_text(&at, comment);
	return 0;
}

/* One record of an answer; `value` is scratch. */
static int add(
	struct cf_records *records, const cJSON *json, struct dro_buf *value, struct dro_error *err)
{
	struct cf_record *record;
	const char *id, *name, *type;
	int64_t ttl;
	int rc;
	char *c;

	if (reserve(records) < 0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	record = &records->items[records->count];
	*record = (struct cf_record){0};
	if ((rc = dro_json_string_need(json, "id", &id, err)) < 0 ||
		(rc = dro_json_string_need(json, "name", &name, err)) < 0 ||
		(rc = dro_json_string_need(json, "type", &type, err)) < 0 ||
		(rc = dro_json_bool(json, "proxied", false, &record->proxied, err)) < 0 ||
		(rc = dro_json_int(json, "ttl", 1, &ttl, err)) < 0 ||
		(rc = cf_value_read(value, type, json, err)) < 0)
		return rc;
	record->ttl_s = ttl <= 1 || ttl > INT32_MAX || record->proxied ? 0 : (uint32_t)ttl;
	if (copy_texts(record, id, name, type, dro_buf_str(value), dro_json_text(json, "comment")) <
		0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	records->count++;
	for (c = record->name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return 0;
}

static bool wanted(const struct cf_record *record, const char *name, const char *type)
{
	return (!*name || strcasecmp(record->name, name) == 0) &&
	       (!*type || strcmp(record->type, type) == 0);
}

static int add_page(struct cf *cf, const struct cf_ask *ask, struct cf_records *records,
	const cJSON *result, const char *name, const char *type, struct dro_error *err)
{
	struct dro_error why = DRO_ERROR_INIT;
	struct dro_buf value = DRO_BUF_INIT(256 * 1024);
	const cJSON *json;
	int rc = 0;

	cJSON_ArrayForEach(json, result)
	{
		if ((rc = add(records, json, &value, &why)) < 0)
			break;
		/* A filter that the provider did not know is one that it did not use. */
		if (!wanted(&records->items[records->count - 1], name, type))
			free(records->items[--records->count].id);
	}
	dro_buf_free(&value);
	if (rc == DRO_ENOMEM)
		return cf->host->fail(err, rc, NULL, "out of memory");
	return rc < 0 ? cf_nonsense(cf, ask, why.message, err) : 0;
}

/*
 * The guard's token of the next page, "" after the last. A full page is followed by another unless
 * exactly as many as the total says have come: a total that is behind, or ahead, ends nothing. The
 * first record's id shows a provider that does not advance.
 */
static int next_token(struct cf *cf, const struct cf_ask *ask, const cJSON *answer, unsigned page,
	const char **token, struct dro_error *err)
{
	const cJSON *info = cJSON_GetObjectItemCaseSensitive(answer, "result_info");
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(answer, "result");
	int64_t number = page, per_page = PER_PAGE, total = 0, size;

	*token = "";
	if (dro_json_int(info, "page", page, &number, NULL) < 0 ||
		dro_json_int(info, "per_page", PER_PAGE, &per_page, NULL) < 0 || number != page)
		return cf_nonsense(cf, ask, "another page than the one asked for", err);
	if (per_page > PER_PAGE || per_page < 1)
		per_page = PER_PAGE;
	size = cJSON_GetArraySize(result);
	if (dro_json_int(info, "total_count", 0, &total, NULL) < 0)
		total = 0;
	if (size && size >= per_page && (page - 1) * per_page + size != total)
		*token = dro_json_text(result->child, "id");
	return 0;
}

struct reading {
	struct cf *cf;
	const char *zone_id, *name, *type;
	const struct dro_call *call;
};

/* `page` is its number. */
static int fetch(void *arg, const char *page, struct dro_http_response **out, struct dro_error *err)
{
	const struct reading *reading = arg;
	struct dro_params query = DRO_PARAMS_INIT;
	struct cf_ask ask = {.method = "GET", .path = {"zones", reading->zone_id, "dns_records"}};
	char per_page[16];
	int rc;

	snprintf(per_page, sizeof(per_page), "%d", PER_PAGE);
	dro_params_add(&query, "page", page);
	dro_params_add(&query, "per_page", per_page);
	dro_params_add_set(&query, "name", reading->name);
	dro_params_add_set(&query, "type", reading->type);
	ask.query = query.items;
	ask.query_count = query.count;
	if ((rc = dro_params_check(&query, err)) == 0)
		rc = cf_fetch(reading->cf, &ask, out, reading->call, err);
	dro_params_free(&query);
	return rc;
}

/* 1: there is another page. The answer is freed. */
static int take_apart(const struct reading *reading, struct dro_http_response *response,
	struct cf_records *out, struct dro_paging *paging, struct dro_error *err)
{
	const struct cf_ask ask = {.method = "GET", .path = {"zones", "", "dns_records"}};
	struct cf *cf = reading->cf;
	const cJSON *result;
	const char *token;
	cJSON *answer = NULL;
	int rc = cf_read(cf, &ask, response, &answer, err);

	/* Two of these texts and what is made of them are a lot of memory. */
	cf->host->http_free(response);
	result = cJSON_GetObjectItemCaseSensitive(answer, "result");
	if (rc == 0 && !cJSON_IsArray(result))
		rc = cf_nonsense(cf, &ask, "no list of records", err);
	if (rc == 0 &&
		(rc = add_page(cf, &ask, out, result, reading->name, reading->type, err)) == 0 &&
		(rc = next_token(cf, &ask, answer, paging->pages + 1, &token, err)) == 0)
		rc = dro_paging_next(paging, token, err);
	cJSON_Delete(answer);
	return rc;
}

static int read_pages(struct reading *reading, struct cf_records *out, struct dro_error *err)
{
	struct dro_paging paging = DRO_PAGING_INIT("list of DNS records", PAGES_MAX);
	struct dro_ahead ahead = {.host = reading->cf->host, .fetch = fetch, .arg = reading};
	char page[16], next[16];
	int rc;

	do {
		struct dro_http_response *response = NULL;

		snprintf(page, sizeof(page), "%u", paging.pages + 1);
		snprintf(next, sizeof(next), "%u", paging.pages + 2);
		if ((rc = dro_ahead_get(&ahead, page, &response, err)) < 0)
			break;
		if (dro_ahead_number(response, "\"total_pages\":") > paging.pages + 1)
			dro_ahead_start(&ahead, page, next);
		rc = take_apart(reading, response, out, &paging, err);
	} while (rc > 0);
	dro_ahead_fini(&ahead);
	dro_paging_free(&paging);
	return rc;
}

int cf_records_read(struct cf *cf, struct cf_records *out, const char *zone, const char *name,
	const char *type, const struct dro_call *call, struct dro_error *err)
{
	char id[CF_ID_MAX + 1];
	struct reading reading = {cf, id, name, type, call};
	int rc;

	if ((rc = cf_zone_id(cf, zone, id, call, err)) < 0)
		return rc;
	rc = read_pages(&reading, out, err);
	/* Made anew under another id, perhaps: the old one is then nobody's, or somebody else's. */
	if (rc == DRO_ENOTFOUND || rc == DRO_EAUTH)
		dro_zones_forget(&cf->zones, zone);
	if (rc == 0 && out->count)
		qsort(out->items, out->count, sizeof(*out->items), compare);
	return rc;
}
