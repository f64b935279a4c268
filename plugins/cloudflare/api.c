#include <stdio.h>
#include <string.h>

#include "plugins/cloudflare/cloudflare.h"
#include "plugins/common/answer.h"

#define ANSWER_MAX (16u << 20)

/* Cloudflare's own numbers, where they say more than the status does. */
static const struct dro_word words[] = {
	{"971", DRO_EAGAIN},	 /* please slow down */
	{"1000", DRO_EAUTH},	 /* invalid token */
	{"1001", DRO_ENOTFOUND}, /* no such zone */
	{"6003", DRO_EAUTH},	 /* invalid request headers: a token that is not one */
	{"6111", DRO_EAUTH},	 /* invalid Authorization header */
	{"7000", DRO_ENOTFOUND}, /* no route: an id that is not there */
	{"7003", DRO_ENOTFOUND},
	{"9103", DRO_EAUTH}, /* unknown key */
	{"9109", DRO_EAUTH}, /* unauthorized to access the resource */
	{"10000", DRO_EAUTH},
	{"81044", DRO_ENOTFOUND}, /* the record does not exist */
	{"81045", DRO_EQUOTA},	  /* the record quota is used up */
	{"81053", DRO_ECONFLICT}, /* A, AAAA and CNAME of one name */
	{"81054", DRO_ECONFLICT},
	{"81055", DRO_ECONFLICT},
	{"81056", DRO_ECONFLICT},
	{"81057", DRO_ECONFLICT}, /* the record is there already */
	{"81058", DRO_ECONFLICT},
	{NULL, 0},
};

/* The same numbers mean other things to the load balancers, their pools and monitors. */
static const struct dro_word balance_words[] = {
	{"1001", DRO_ENOTFOUND},
	{"1002", DRO_EINVAL},	 /* validation failed; also: not in this zone's plan */
	{"1003", DRO_ECONFLICT}, /* a name that is taken */
	{"1005", DRO_ECONFLICT}, /* others refer to it */
	{NULL, 0},
};

int cf_no_memory(struct cf *cf, struct dro_error *err)
{
	return cf->host->fail(err, DRO_ENOMEM, NULL, "out of memory");
}

int cf_nonsense(struct cf *cf, const struct cf_ask *ask, const char *what, struct dro_error *err)
{
	if (ask->mutation)
		return cf->host->fail(err, DRO_ETIMEDOUT, NULL,
			"Cloudflare's answer cannot be read (%s): the change may have been made",
			what);
	return cf->host->fail(
		err, DRO_EPROTO, NULL, "Cloudflare's answer cannot be read (%s)", what);
}

/* The first error of {"errors":[{"code":…,"message":…}]}; "" where there is none. */
static const char *first_error(const cJSON *json, char *word, size_t word_size)
{
	const cJSON *error =
		cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, "errors"), 0);
	int64_t code = 0;

	word[0] = '\0';
	if (!cJSON_IsObject(error))
		return "";
	if (dro_json_int(error, "code", 0, &code, NULL) == 0 && code > 0)
		snprintf(word, word_size, "%lld", (long long)code);
	return dro_json_text(error, "message");
}

static int refused(struct cf *cf, const struct cf_ask *ask,
	const struct dro_http_response *response, const cJSON *json, struct dro_error *err)
{
	char word[32];
	const char *message = first_error(json, word, sizeof(word));
	int code = 0;

	/* A server that broke may have broken after the change, whatever it says about it. */
	if (response->status < 500 && response->status != 429) {
		if (ask->path[2] && strcmp(ask->path[2], "load_balancers") == 0)
			code = dro_word_code(balance_words, word);
		code = code ? code : dro_word_code(words, word);
	}
	if (!code)
		code = dro_answer_ok(response) ? DRO_EINVAL
					       : dro_answer_code(response->status, ask->mutation);
	return dro_answer_fail(cf->host, response, code, word, message, err);
}

int cf_read(struct cf *cf, const struct cf_ask *ask, const struct dro_http_response *response,
	cJSON **out, struct dro_error *err)
{
	struct dro_error why = DRO_ERROR_INIT;
	cJSON *json = NULL;
	bool success = false;
	int rc;

	rc = dro_json_parse(&json, response->body, response->body_length, ANSWER_MAX, &why);
	if (rc == DRO_ENOMEM)
		return cf->host->fail(err, rc, NULL, "out of memory");
	if (!dro_answer_ok(response)) {
		rc = refused(cf, ask, response, json, err);
	} else if (rc < 0 || !cJSON_IsObject(json)) {
		rc = cf_nonsense(cf, ask, rc < 0 ? why.message : "no object", err);
	} else if (dro_json_bool(json, "success", false, &success, &why) < 0) {
		rc = cf_nonsense(cf, ask, why.message, err);
	} else if (!success) {
		rc = refused(cf, ask, response, json, err);
	} else {
		*out = json;
		json = NULL;
	}
	cJSON_Delete(json);
	return rc;
}

int cf_fetch(struct cf *cf, const struct cf_ask *ask, struct dro_http_response **out,
	const struct dro_call *call, struct dro_error *err)
{
	static const struct dro_pair json_type = {"content-type", "application/json"};
	const char *path[2 + CF_PATH_MAX] = {"client", "v4"};
	struct dro_http_request request = {
		.size = sizeof(request),
		.flags = ask->mutation ? 0 : DRO_HTTP_SAFE,
		.method = ask->method,
		.endpoint = cf->endpoint,
		.path = path,
		.path_count = 2,
		.query = ask->query,
		.query_count = ask->query_count,
		.body = ask->body,
		.body_length = ask->body ? strlen(ask->body) : 0,
		.body_fd = -1,
		.sink_fd = -1,
		.headers = &json_type,
		.header_count = ask->body ? 1 : 0,
		.response_max = ANSWER_MAX,
		.auth = DRO_AUTH_BEARER,
		.deadline_ms = call->deadline_ms,
	};

	while (ask->path[request.path_count - 2]) {
		path[request.path_count] = ask->path[request.path_count - 2];
		request.path_count++;
	}
	return cf->host->http(cf->host, &request, out, err);
}

int cf_ask(struct cf *cf, const struct cf_ask *ask, cJSON **out, const struct dro_call *call,
	struct dro_error *err)
{
	struct dro_http_response *response = NULL;
	int rc = cf_fetch(cf, ask, &response, call, err);

	if (rc == 0)
		rc = cf_read(cf, ask, response, out, err);
	cf->host->http_free(response);
	return rc;
}

int cf_ask_list(struct cf *cf, const struct cf_ask *ask, cJSON **answer, const cJSON **list,
	const struct dro_call *call, struct dro_error *err)
{
	int rc = cf_ask(cf, ask, answer, call, err);

	*list = NULL;
	if (rc < 0)
		return rc;
	*list = cJSON_GetObjectItemCaseSensitive(*answer, "result");
	if (cJSON_IsNull(*list) || cJSON_IsArray(*list))
		return 0;
	return cf_nonsense(cf, ask, "no list", err);
}

int cf_send(struct cf *cf, struct cf_ask *ask, cJSON *body, char id[CF_ID_MAX + 1],
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(1u << 20);
	cJSON *answer = NULL;
	const char *made;
	int rc;

	dro_json_print(&text, body);
	cJSON_Delete(body);
	if ((rc = dro_buf_check(&text, err)) < 0)
		goto out;
	ask->body = dro_buf_str(&text);
	ask->mutation = true;
	if ((rc = cf_ask(cf, ask, &answer, call, err)) < 0)
		goto out;
	made = dro_json_text(cJSON_GetObjectItemCaseSensitive(answer, "result"), "id");
	if (!*made || strlen(made) > CF_ID_MAX)
		rc = cf_nonsense(cf, ask, "no id of what was made", err);
	else
		memcpy(id, made, strlen(made) + 1);
out:
	ask->body = NULL;
	cJSON_Delete(answer);
	dro_buf_free(&text);
	return rc;
}
