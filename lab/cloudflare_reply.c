#include "cloudflare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"

#define BODY_MAX (4u << 20)

static void send_json(struct lab_reply *reply, int status, cJSON *root)
{
	reply->status = status;
	lab_reply_header(reply, "Content-Type", "application/json");
	dro_json_print(&reply->body, root);
	cJSON_Delete(root);
}

void cloudflare_result(struct lab_reply *reply, cJSON *result, cJSON *info)
{
	cJSON *root = cJSON_CreateObject();

	cJSON_AddItemToObject(root, "result", result);
	cJSON_AddBoolToObject(root, "success", true);
	cJSON_AddArrayToObject(root, "errors");
	cJSON_AddArrayToObject(root, "messages");
	if (info)
		cJSON_AddItemToObject(root, "result_info", info);
	send_json(reply, 200, root);
}

static cJSON *error_object(int code, const char *message)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddNumberToObject(object, "code", code);
	cJSON_AddStringToObject(object, "message", message);
	return object;
}

void cloudflare_refuse(struct lab_reply *reply, const struct cloudflare_error *error)
{
	cJSON *root = cJSON_CreateObject(), *errors, *first;

	cJSON_AddNullToObject(root, "result");
	cJSON_AddBoolToObject(root, "success", false);
	errors = cJSON_AddArrayToObject(root, "errors");
	first = error_object(error->code, error->chain ? "DNS Validation Error" : error->message);
	if (error->chain) {
		cJSON *chain = cJSON_AddArrayToObject(first, "error_chain");

		cJSON_AddItemToArray(chain, error_object(error->chain, error->message));
	}
	cJSON_AddItemToArray(errors, first);
	if (error->code == 7003)
		cJSON_AddItemToArray(errors, error_object(7000, "No route for that URI"));
	cJSON_AddArrayToObject(root, "messages");
	dro_buf_reset(&reply->body);
	send_json(reply, error->status, root);
}

static int set_error(
	struct cloudflare_error *error, int status, int code, const char *format, va_list args)
{
	*error = (struct cloudflare_error){.status = status, .code = code};
	vsnprintf(error->message, sizeof(error->message), format, args);
	return DRO_EINVAL;
}

int cloudflare_set_error(
	struct cloudflare_error *error, int status, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_error(error, status, code, format, args);
	va_end(args);
	return DRO_EINVAL;
}

void cloudflare_refuse_with(struct lab_reply *reply, int status, int code, const char *format, ...)
{
	struct cloudflare_error error;
	va_list args;

	va_start(args, format);
	set_error(&error, status, code, format, args);
	va_end(args);
	cloudflare_refuse(reply, &error);
}

/* <0: refused. */
static int read_number(const struct cloudflare_call *c, const char *name, int64_t fallback,
	int64_t min, int64_t max, int64_t *out)
{
	const char *text = lab_query(c->request, name);
	char *end;

	*out = fallback;
	if (!text)
		return 0;
	*out = strtoll(text, &end, 10);
	if (*text && !*end && *out >= min && *out <= max)
		return 0;
	cloudflare_refuse_with(c->reply, 400, 6003,
		"Invalid request parameters: %s must be %lld..%lld", name, (long long)min,
		(long long)max);
	return DRO_EINVAL;
}

void cloudflare_page(const struct cloudflare_call *c, cJSON *all, int64_t per_page_default,
	int64_t per_page_min, int64_t per_page_max)
{
	int64_t page, per_page, total = cJSON_GetArraySize(all), i, first;
	cJSON *result, *info;

	if (read_number(c, "page", 1, 1, INT32_MAX, &page) < 0 ||
		read_number(c, "per_page", per_page_default, per_page_min, per_page_max,
			&per_page) < 0) {
		cJSON_Delete(all);
		return;
	}
	result = cJSON_CreateArray();
	first = (page - 1) * per_page;
	for (i = 0; i < first && all->child; i++)
		cJSON_Delete(cJSON_DetachItemViaPointer(all, all->child));
	for (i = 0; i < per_page && all->child; i++)
		cJSON_AddItemToArray(result, cJSON_DetachItemViaPointer(all, all->child));
	cJSON_Delete(all);
	info = cJSON_CreateObject();
	cJSON_AddNumberToObject(info, "page", (double)page);
	cJSON_AddNumberToObject(info, "per_page", (double)per_page);
	cJSON_AddNumberToObject(info, "count", cJSON_GetArraySize(result));
	cJSON_AddNumberToObject(info, "total_count", (double)total);
	cJSON_AddNumberToObject(info, "total_pages", (double)((total + per_page - 1) / per_page));
	cloudflare_result(c->reply, result, info);
}

cJSON *cloudflare_body(const struct cloudflare_call *c)
{
	cJSON *body = NULL;
	struct dro_buf text = DRO_BUF_INIT(BODY_MAX);
	char path[32];
	int rc;

	if (c->request->body) {
		rc = dro_json_parse(
			&body, c->request->body, c->request->body_length, BODY_MAX, NULL);
	} else {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", c->request->body_fd);
		rc = dro_file_read(&text, path, NULL);
		if (rc == 0)
			rc = dro_json_parse(&body, text.data, text.length, BODY_MAX, NULL);
		dro_buf_free(&text);
	}
	if (rc == 0 && cJSON_IsObject(body))
		return body;
	cJSON_Delete(body);
	cloudflare_refuse_with(c->reply, 400, 6007, "Malformed JSON in request body");
	return NULL;
}

void cloudflare_new_id(char out[CLOUDFLARE_ID])
{
	uint8_t bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort(); /* no randomness, no ids: nothing sensible can go on */
	dro_hex(out, bytes, sizeof(bytes));
}

cJSON *cloudflare_now(void)
{
	struct timespec now;
	struct tm tm;
	char date[32], text[48];

	clock_gettime(CLOCK_REALTIME, &now);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
	snprintf(text, sizeof(text), "%s.%06ldZ", date, now.tv_nsec / 1000);
	return cJSON_CreateString(text);
}
