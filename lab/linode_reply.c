#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lab/linode.h"

#define PAGE_DEFAULT 100
#define PAGE_MIN 25
#define PAGE_MAX 500
#define FILTER_MAX 65536

void linode_send(struct linode_call *c, cJSON *json)
{
	dro_json_print(&c->reply->body, json);
	cJSON_Delete(json);
}

void linode_send_empty(struct linode_call *c)
{
	linode_send(c, cJSON_CreateObject());
}

static void add_error(cJSON *errors, const char *field, const char *reason)
{
	cJSON *error = cJSON_CreateObject();

	if (field)
		cJSON_AddStringToObject(error, "field", field);
	cJSON_AddStringToObject(error, "reason", reason);
	cJSON_AddItemToArray(errors, error);
}

void linode_refuse(struct linode_call *c, const char *field, const char *format, ...)
{
	char reason[256];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	c->error_status = 400;
	add_error(c->errors, field, reason);
}

void linode_refuse_with(struct linode_call *c, int status, const char *reason)
{
	c->error_status = status;
	add_error(c->errors, NULL, reason);
}

void linode_error_body(struct lab_reply *reply, int status, const char *field, const char *reason)
{
	cJSON *body = cJSON_CreateObject();

	add_error(cJSON_AddArrayToObject(body, "errors"), field, reason);
	dro_buf_reset(&reply->body);
	reply->status = status;
	lab_reply_header(reply, "Content-Type", "application/json");
	dro_json_print(&reply->body, body);
	cJSON_Delete(body);
}

void linode_add_time(cJSON *object, const char *key, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	cJSON_AddStringToObject(object, key, text);
}

/* ---- pages ---------------------------------------------------------------------------------- */

static int64_t read_number(
	struct linode_call *c, const char *name, int64_t fallback, int64_t min, int64_t max)
{
	const char *text = lab_query(c->request, name);
	char *end;
	long long value;

	if (!text)
		return fallback;
	value = strtoll(text, &end, 10);
	if (!*text || *end || value < min || value > max) {
		linode_refuse(c, name, "Must be %lld-%lld", (long long)min, (long long)max);
		return fallback;
	}
	return value;
}

/* NULL where there is none, or it was refused. */
static cJSON *read_filter(struct linode_call *c)
{
	const char *text = lab_header(c->request, "x-filter");
	cJSON *filter = NULL;

	if (!text || !*text)
		return NULL;
	if (dro_json_parse(&filter, text, strlen(text), FILTER_MAX, NULL) < 0 ||
		!cJSON_IsObject(filter)) {
		linode_refuse(c, "X-Filter", "Cannot parse the filter");
		cJSON_Delete(filter);
		filter = NULL;
	}
	return filter;
}

static void apply_filter(
	struct linode_call *c, const cJSON *filter, cJSON *all, const char *const *filterable)
{
	cJSON *item = all->child, *next, *probe;
	char why[LINODE_WHY];
	int passes;

	/* A bad filter is refused, also where there is nothing to be filtered. */
	probe = cJSON_CreateObject();
	passes = linode_filter(filter, probe, filterable, why);
	cJSON_Delete(probe);
	for (; item && passes >= 0; item = next) {
		next = item->next;
		passes = linode_filter(filter, item, filterable, why);
		if (passes == 0)
			cJSON_Delete(cJSON_DetachItemViaPointer(all, item));
	}
	if (passes < 0 || linode_order(filter, all, filterable, why) < 0)
		linode_refuse(c, "X-Filter", "%s", why);
}

void linode_page(struct linode_call *c, cJSON *all, const char *const *filterable)
{
	int64_t page = read_number(c, "page", 1, 1, INT32_MAX);
	int64_t size = read_number(c, "page_size", PAGE_DEFAULT, PAGE_MIN, PAGE_MAX);
	cJSON *filter = read_filter(c), *answer, *data;
	int64_t total, pages, i;

	if (filter)
		apply_filter(c, filter, all, filterable);
	cJSON_Delete(filter);
	total = cJSON_GetArraySize(all);
	pages = total ? (total + size - 1) / size : 1;
	if (page > pages)
		linode_refuse_with(c, 404, "Not found");
	if (c->errors->child) {
		cJSON_Delete(all);
		return;
	}
	answer = cJSON_CreateObject();
	data = cJSON_AddArrayToObject(answer, "data");
	for (i = 0; i < (page - 1) * size; i++)
		cJSON_Delete(cJSON_DetachItemViaPointer(all, all->child));
	for (i = 0; i < size && all->child; i++)
		cJSON_AddItemToArray(data, cJSON_DetachItemViaPointer(all, all->child));
	cJSON_Delete(all);
	cJSON_AddNumberToObject(answer, "page", (double)page);
	cJSON_AddNumberToObject(answer, "pages", (double)pages);
	cJSON_AddNumberToObject(answer, "results", (double)total);
	linode_send(c, answer);
}
