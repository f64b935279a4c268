#include <stdio.h>
#include <string.h>

#include "plugins/common/answer.h"
#include "plugins/common/paging.h"
#include "plugins/linode/linode.h"

#define ANSWER_MAX (16u << 20)
#define BODY_MAX (256u << 10)
#define PAGE_SIZE "500"
#define PAGES_MAX 1000

int li_no_memory(const struct li *li, struct dro_error *err)
{
	return li->host->fail(err, DRO_ENOMEM, NULL, "out of memory");
}

int li_pass_on(const struct li *li, const struct dro_error *from, struct dro_error *err)
{
	li->host->fail(err, from->code, *from->provider_code ? from->provider_code : NULL, "%s",
		from->message);
	if (err) {
		err->http_status = from->http_status;
		err->retry_after_ms = from->retry_after_ms;
	}
	return from->code;
}

int li_nonsense(const struct li *li, enum li_kind kind, const char *what, struct dro_error *err)
{
	if (kind == LI_READ)
		return li->host->fail(
			err, DRO_EPROTO, NULL, "Linode's answer cannot be read (%s)", what);
	return li->host->fail(err, DRO_ETIMEDOUT, NULL,
		"Linode's answer cannot be read (%s): the change may have been made", what);
}

void li_id(char out[LI_ID_MAX], const cJSON *object, const char *key)
{
	int64_t id = 0;

	out[0] = '\0';
	if (dro_json_int(object, key, 0, &id, NULL) == 0 && id > 0)
		snprintf(out, LI_ID_MAX, "%lld", (long long)id);
}

int li_check_id(const struct li *li, const char *id, struct dro_error *err)
{
	size_t length = strlen(id);

	if (length == 0 || length >= LI_ID_MAX || strspn(id, "0123456789") != length)
		return li->host->fail(err, DRO_EINVAL, NULL, "\"%.40s\" is no Linode's number", id);
	return 0;
}

const char *li_region(const struct li *li, const char *region)
{
	return region && *region ? region : li->region;
}

/* ---- refusals ------------------------------------------------------------------------------- */

/* A 400 says what it is about in words alone. */
static int code_of_reason(const char *reason)
{
	static const struct dro_word reasons[] = {
		{"Linode busy", DRO_EAGAIN},
		{"must be unique", DRO_ECONFLICT},
		{"Limit reached", DRO_EQUOTA},
		{"limit reached", DRO_EQUOTA},
		{"not currently available", DRO_EQUOTA},
		{"capacity", DRO_EQUOTA},
		{NULL, 0},
	};
	size_t i;

	for (i = 0; reasons[i].word; i++)
		if (strstr(reason, reasons[i].word))
			return reasons[i].code;
	return 0;
}

bool li_is_taken(const struct dro_error *err)
{
	return err->http_status == 400 && err->code == DRO_ECONFLICT &&
	       strcmp(err->provider_code, "label") == 0;
}

/* {"errors":[{"field":…,"reason":…}]}: the first one's field, and all of the reasons. */
static int refused(const struct li *li, const struct li_ask *ask,
	const struct dro_http_response *response, const cJSON *json, struct dro_error *err)
{
	const cJSON *errors = cJSON_GetObjectItemCaseSensitive(json, "errors"), *error;
	struct dro_buf reasons = DRO_BUF_INIT(4096);
	const char *field = "";
	int code = 0;

	cJSON_ArrayForEach(error, errors)
	{
		const char *reason = dro_json_text(error, "reason");

		/* A server that broke may have broken after the change. */
		if (response->status == 400 && !code)
			code = code_of_reason(reason);
		if (error == errors->child)
			field = dro_json_text(error, "field");
		else
			dro_buf_puts(&reasons, "; ");
		if (error != errors->child && *dro_json_text(error, "field"))
			dro_buf_printf(&reasons, "%s: ", dro_json_text(error, "field"));
		dro_buf_puts(&reasons, reason);
	}
	if (!code)
		code = dro_answer_code(response->status, ask->kind != LI_READ);
	code = dro_answer_fail(li->host, response, code, field, dro_buf_str(&reasons), err);
	dro_buf_free(&reasons);
	return code;
}

static int read_answer(const struct li *li, const struct li_ask *ask,
	const struct dro_http_response *response, cJSON **out, struct dro_error *err)
{
	struct dro_error why = DRO_ERROR_INIT;
	cJSON *json = NULL;
	int rc;

	rc = dro_json_parse(&json, response->body, response->body_length, ANSWER_MAX, &why);
	if (rc == DRO_ENOMEM)
		return li_no_memory(li, err);
	if (!dro_answer_ok(response)) {
		rc = refused(li, ask, response, json, err);
	} else if (!out) {
		rc = 0;
	} else if (rc < 0 || (!cJSON_IsObject(json) && !cJSON_IsArray(json))) {
		rc = li_nonsense(li, ask->kind, rc < 0 ? why.message : "no object", err);
	} else {
		*out = json;
		json = NULL;
	}
	cJSON_Delete(json);
	return rc;
}

int li_ask(const struct li *li, const struct li_ask *ask, cJSON **out, const struct dro_call *call,
	struct dro_error *err)
{
	const char *path[1 + 5] = {"v4"};
	struct dro_pair headers[2];
	struct dro_http_request request = {
		.size = sizeof(request),
		.flags = ask->kind == LI_ONCE ? 0 : DRO_HTTP_SAFE,
		.method = ask->method,
		.endpoint = li->endpoint,
		.path = path,
		.path_count = 1,
		.query = ask->query,
		.query_count = ask->query_count,
		.headers = headers,
		.body = ask->body,
		.body_length = ask->body ? strlen(ask->body) : 0,
		.body_fd = -1,
		.sink_fd = -1,
		.response_max = ANSWER_MAX,
		.auth = DRO_AUTH_BEARER,
		.deadline_ms = call->deadline_ms,
	};
	struct dro_http_response *response = NULL;
	int rc;

	while (request.path_count < 6 && ask->path[request.path_count - 1]) {
		path[request.path_count] = ask->path[request.path_count - 1];
		request.path_count++;
	}
	if (ask->filter)
		headers[request.header_count++] = (struct dro_pair){"x-filter", ask->filter};
	if (ask->body)
		headers[request.header_count++] =
			(struct dro_pair){"content-type", "application/json"};
	if ((rc = li->host->http(li->host, &request, &response, err)) < 0)
		return rc;
	rc = read_answer(li, ask, response, out, err);
	li->host->http_free(response);
	return rc;
}

int li_send(const struct li *li, struct li_ask *ask, cJSON *body, cJSON **out,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(BODY_MAX);
	int rc;

	dro_json_print(&text, body);
	cJSON_Delete(body);
	if ((rc = dro_buf_check(&text, err)) == 0) {
		ask->body = dro_buf_str(&text);
		rc = li_ask(li, ask, out, call, err);
		ask->body = NULL;
	}
	if (text.data) /* it may hold a password */
		explicit_bzero(text.data, text.length);
	dro_buf_free(&text);
	return rc;
}

/* ---- pages ---------------------------------------------------------------------------------- */

/* Walks one page. The guard's token is the next page's number, "" after the last. */
static int walk(const struct li *li, const cJSON *answer, unsigned asked, char token[16],
	li_each each, void *arg, struct dro_error *err)
{
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(answer, "data"), *item;
	int64_t page, pages;
	int rc;

	token[0] = '\0';
	if (!cJSON_IsArray(data) || dro_json_int_need(answer, "page", &page, NULL) < 0 ||
		dro_json_int_need(answer, "pages", &pages, NULL) < 0)
		return li_nonsense(li, LI_READ, "no page of a list", err);
	if (page != (int64_t)asked)
		return li_nonsense(li, LI_READ, "another page than the one asked for", err);
	cJSON_ArrayForEach(item, data) if ((rc = each(arg, item, err)) != 0) return rc;
	if (page < pages && data->child)
		snprintf(token, 16, "%u", asked + 1);
	return 0;
}

int li_list(const struct li *li, const struct li_ask *ask, li_each each, void *arg,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_paging paging = DRO_PAGING_INIT(ask->path[0], PAGES_MAX);
	bool more = true;
	int rc = 0;

	while (rc == 0 && more) {
		struct dro_pair query[2] = {{"page_size", PAGE_SIZE}, {"page", paging.token}};
		struct li_ask page = *ask;
		cJSON *answer = NULL;
		char token[16];

		page.query = query;
		page.query_count = paging.token ? 2 : 1;
		rc = li_ask(li, &page, &answer, call, err);
		if (rc == 0)
			rc = walk(li, answer, paging.pages + 1, token, each, arg, err);
		cJSON_Delete(answer);
		if (rc == 0) {
			int next = dro_paging_next(&paging, token, err);

			more = next > 0;
			rc = next < 0 ? next : 0;
		}
	}
	dro_paging_free(&paging);
	return rc;
}
