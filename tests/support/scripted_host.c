#include "support/scripted_host.h"

#include <check.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/uri.h"

#define TEXT_MAX (64 * 1024 * 1024)
#define WALL_MS INT64_C(1763669000000) /* 2025-11-20T20:03:20Z */

struct answer {
	char *path_end; /* reserved for such a path; NULL: the next request's */
	bool given;
	int code; /* where no answer comes */
	int status;
	char *body;
	size_t length;
	struct dro_pair headers[16];
	size_t header_count;
};

struct response {
	struct dro_http_response public;
	char *body;
};

struct scripted {
	struct dro_host host;
	void *library;
	const struct dro_provider_v1 *provider;
	void *accounts[8];
	size_t account_count;
	pthread_mutex_t lock; /* of answers and requests: a plugin may have threads */
	struct answer answers[512];
	size_t answer_count;
	struct scripted_request requests[512], aside[64];
	size_t request_count, aside_count;
	char *decoded[4096]; /* what scripted_form handed out */
	size_t decoded_count;
	_Atomic uint64_t now_ms, slept_ms;
};

static char *copy_text(const char *text)
{
	char *copy = strdup(text ? text : "");

	ck_assert_ptr_nonnull(copy);
	return copy;
}

static char *copy_bytes(const void *data, size_t length)
{
	char *copy = malloc(length + 1);

	ck_assert_ptr_nonnull(copy);
	if (length)
		memcpy(copy, data, length);
	copy[length] = '\0';
	return copy;
}

/* ---- the host's functions ------------------------------------------------------------------ */

static void record_body(struct scripted_request *to, const struct dro_http_request *from)
{
	size_t done = 0;

	to->body_length = from->body || from->body_fd >= 0 ? from->body_length : 0;
	if (from->body_fd < 0) {
		to->body = copy_bytes(from->body, to->body_length);
		return;
	}
	to->body = copy_bytes("", 0);
	to->body = realloc(to->body, to->body_length + 1);
	ck_assert_ptr_nonnull(to->body);
	while (done < to->body_length) {
		ssize_t got = pread(from->body_fd, to->body + done, to->body_length - done,
			(off_t)(from->body_offset + done));

		ck_assert_msg(got > 0, "the body's file ends early");
		done += (size_t)got;
	}
	to->body[done] = '\0';
}

static void record(struct scripted_request *to, const struct dro_http_request *from)
{
	struct dro_buf path = DRO_BUF_INIT(TEXT_MAX), query = DRO_BUF_INIT(TEXT_MAX);
	size_t i;

	ck_assert_uint_eq(from->size, sizeof(*from));
	ck_assert_ptr_nonnull(from->method);
	ck_assert_ptr_nonnull(from->endpoint);
	ck_assert_msg(from->deadline_ms > 0, "a request without a deadline");
	dro_uri_path(&path, from->path, from->path_count);
	dro_uri_query(&query, from->query, from->query_count);
	to->flags = from->flags;
	to->auth = from->auth;
	to->method = copy_text(from->method);
	to->endpoint = copy_text(from->endpoint);
	to->path = dro_buf_take(&path);
	to->query = dro_buf_take(&query);
	record_body(to, from);
	to->body_sha256 = copy_text(from->body_sha256);
	to->auth_service = copy_text(from->auth_service);
	to->auth_region = copy_text(from->auth_region);
	to->budget = copy_text(from->budget);
	to->deadline_ms = from->deadline_ms;
	to->response_max = from->response_max;
	to->to_sink = from->sink_fd >= 0;
	to->headers = calloc(from->header_count + 1, sizeof(*to->headers));
	to->header_count = from->header_count;
	for (i = 0; i < from->header_count; i++)
		to->headers[i] = (struct dro_pair){
			copy_text(from->headers[i].name), copy_text(from->headers[i].value)};
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* The one that is reserved for the path, else the next one; NULL: the script has none. */
static struct answer *find_answer(struct scripted *scripted, const char *path)
{
	struct answer *next = NULL;
	size_t i;

	for (i = 0; i < scripted->answer_count; i++) {
		struct answer *answer = &scripted->answers[i];

		if (answer->given)
			continue;
		if (answer->path_end && ends_with(path, answer->path_end))
			return answer;
		if (!answer->path_end && !next)
			next = answer;
	}
	return next;
}

/* Records the request, and finds its answer. */
static struct answer *take(struct scripted *scripted, const struct dro_http_request *request)
{
	struct scripted_request asked = {0};
	struct answer *answer;

	record(&asked, request);
	pthread_mutex_lock(&scripted->lock);
	ck_assert_msg(
		scripted->request_count < 512 && scripted->aside_count < 64, "too many requests");
	answer = find_answer(scripted, asked.path);
	if (answer && answer->path_end)
		scripted->aside[scripted->aside_count++] = asked;
	else
		scripted->requests[scripted->request_count++] = asked;
	ck_assert_msg(answer != NULL, "request %zu has no scripted answer: %s %s%s?%s\n%s",
		scripted->request_count, asked.method, asked.endpoint, asked.path, asked.query,
		asked.body);
	answer->given = true;
	pthread_mutex_unlock(&scripted->lock);
	return answer;
}

static int host_http(const struct dro_host *host, const struct dro_http_request *request,
	struct dro_http_response **out, struct dro_error *err)
{
	struct answer *answer = take(host->impl, request);
	struct response *response;

	if (answer->code)
		return dro_fail(err, answer->code, "scripted: no answer");
	if (request->response_max && answer->length > request->response_max)
		return dro_fail(err, DRO_EPROTO, "scripted: longer than response_max");
	response = calloc(1, sizeof(*response));
	ck_assert_ptr_nonnull(response);
	response->public = (struct dro_http_response){.size = sizeof(response->public),
		.status = answer->status,
		.body_length = answer->length,
		.headers = answer->headers,
		.header_count = answer->header_count};
	if (request->sink_fd >= 0 && answer->status / 100 == 2) {
		ck_assert_int_eq(pwrite(request->sink_fd, answer->body, answer->length, 0),
			(ssize_t)answer->length);
		response->body = copy_text("");
	} else {
		response->body = copy_bytes(answer->body, answer->length);
	}
	response->public.body = response->body;
	*out = &response->public;
	return 0;
}

static void host_http_free(struct dro_http_response *public)
{
	struct response *response = (struct response *)public;

	if (!response)
		return;
	free(response->body);
	free(response);
}

static int host_fail(
	struct dro_error *err, int code, const char *provider_code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	dro_vfail(err, code, provider_code, format, args);
	va_end(args);
	return code;
}

static void host_log(const struct dro_host *host, int level, const char *format, ...)
{
	(void)host, (void)level, (void)format;
}

static uint64_t host_now_ms(const struct dro_host *host)
{
	return ((struct scripted *)host->impl)->now_ms;
}

static int64_t host_wall_ms(const struct dro_host *host)
{
	return WALL_MS + (int64_t)scripted_slept_ms(host->impl);
}

static int host_sleep_ms(
	const struct dro_host *host, uint64_t ms, uint64_t deadline_ms, struct dro_error *err)
{
	struct scripted *scripted = host->impl;

	if (scripted->now_ms + ms > deadline_ms)
		return dro_fail(err, DRO_ETIMEDOUT, "scripted: the deadline passed");
	scripted->now_ms += ms;
	scripted->slept_ms += ms;
	return 0;
}

/* ---- life ---------------------------------------------------------------------------------- */

struct scripted *scripted_new(const char *name)
{
	struct scripted *scripted = calloc(1, sizeof(*scripted));
	char path[4096];

	ck_assert_ptr_nonnull(scripted);
	snprintf(path, sizeof(path), "%s/plugins/%s.so", TEST_BUILD_DIR, name);
	scripted->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(scripted->library != NULL, "%s", scripted->library ? "" : dlerror());
	scripted->provider = dlsym(scripted->library, DRO_PROVIDER_SYMBOL);
	ck_assert_ptr_nonnull(scripted->provider);
	pthread_mutex_init(&scripted->lock, NULL);
	scripted->now_ms = 1000000;
	scripted->host = (struct dro_host){.size = sizeof(scripted->host),
		.abi_major = DRO_ABI_MAJOR,
		.abi_minor = DRO_ABI_MINOR,
		.impl = scripted,
		.http = host_http,
		.http_free = host_http_free,
		.fail = host_fail,
		.log = host_log,
		.now_ms = host_now_ms,
		.wall_ms = host_wall_ms,
		.sleep_ms = host_sleep_ms};
	return scripted;
}

static void request_fini(struct scripted_request *request)
{
	size_t i;

	free(request->method);
	free(request->endpoint);
	free(request->path);
	free(request->query);
	free(request->body);
	free(request->body_sha256);
	free(request->auth_service);
	free(request->auth_region);
	free(request->budget);
	for (i = 0; i < request->header_count; i++) {
		free((char *)request->headers[i].name);
		free((char *)request->headers[i].value);
	}
	free(request->headers);
}

static void answer_fini(struct answer *answer)
{
	size_t i;

	free(answer->path_end);
	free(answer->body);
	for (i = 0; i < answer->header_count; i++) {
		free((char *)answer->headers[i].name);
		free((char *)answer->headers[i].value);
	}
}

void scripted_free(struct scripted *scripted)
{
	size_t left = 0, i;

	for (i = 0; i < scripted->account_count; i++)
		scripted->provider->close(scripted->accounts[i]);
	for (i = 0; i < scripted->request_count; i++)
		request_fini(&scripted->requests[i]);
	for (i = 0; i < scripted->aside_count; i++)
		request_fini(&scripted->aside[i]);
	for (i = 0; i < scripted->answer_count; i++) {
		left += !scripted->answers[i].given;
		answer_fini(&scripted->answers[i]);
	}
	for (i = 0; i < scripted->decoded_count; i++)
		free(scripted->decoded[i]);
	dlclose(scripted->library);
	pthread_mutex_destroy(&scripted->lock);
	free(scripted);
	ck_assert_msg(left == 0, "%zu scripted answers were never asked for", left);
}

const struct dro_provider_v1 *scripted_provider(struct scripted *scripted)
{
	return scripted->provider;
}

const struct dro_host *scripted_host(struct scripted *scripted)
{
	return &scripted->host;
}

void *scripted_open(struct scripted *scripted, ...)
{
	struct dro_pair pairs[32];
	struct dro_error err = DRO_ERROR_INIT;
	const struct dro_option *const *option;
	size_t count = 0, i;
	void *account = NULL;
	const char *name;
	va_list args;

	va_start(args, scripted);
	while ((name = va_arg(args, const char *)))
		pairs[count++] = (struct dro_pair){name, va_arg(args, const char *)};
	va_end(args);
	for (option = scripted->provider->options; *option; option++) {
		for (i = 0; i < count && strcmp(pairs[i].name, (*option)->name) != 0; i++)
			;
		if (i == count && (*option)->fallback &&
			!((*option)->flags & DRO_OPTION_CREDENTIAL))
			pairs[count++] = (struct dro_pair){(*option)->name, (*option)->fallback};
	}
	ck_assert_msg(scripted->provider->open(&scripted->host, pairs, count, &account, &err) == 0,
		"open: %s", err.message);
	scripted->accounts[scripted->account_count++] = account;
	return account;
}

/* ---- the script ---------------------------------------------------------------------------- */

static struct answer *new_answer(struct scripted *scripted)
{
	ck_assert_msg(scripted->answer_count < 512, "too many answers");
	return &scripted->answers[scripted->answer_count++];
}

static void fill_answer(struct answer *answer, int status, const char *body, va_list headers)
{
	const char *name;

	answer->status = status;
	answer->length = strlen(body);
	answer->body = copy_text(body);
	while ((name = va_arg(headers, const char *)))
		answer->headers[answer->header_count++] = (struct dro_pair){
			copy_text(name), copy_text(va_arg(headers, const char *))};
}

void scripted_answer(struct scripted *scripted, int status, const char *body, ...)
{
	va_list headers;

	va_start(headers, body);
	fill_answer(new_answer(scripted), status, body, headers);
	va_end(headers);
}

void scripted_answer_at(
	struct scripted *scripted, const char *path_end, int status, const char *body, ...)
{
	struct answer *answer = new_answer(scripted);
	va_list headers;

	answer->path_end = copy_text(path_end);
	va_start(headers, body);
	fill_answer(answer, status, body, headers);
	va_end(headers);
}

void scripted_answer_bytes(struct scripted *scripted, int status, const void *body, size_t length)
{
	struct answer *answer = new_answer(scripted);

	answer->status = status;
	answer->body = copy_bytes(body, length);
	answer->length = length;
}

void scripted_no_answer(struct scripted *scripted, int code)
{
	new_answer(scripted)->code = code;
}

/* ---- what was asked ------------------------------------------------------------------------ */

size_t scripted_count(const struct scripted *scripted)
{
	return scripted->request_count;
}

const struct scripted_request *scripted_request(const struct scripted *scripted, size_t index)
{
	ck_assert_msg(index < scripted->request_count, "only %zu requests were made",
		scripted->request_count);
	return &scripted->requests[index];
}

static const struct scripted_request *find_aside(
	const struct scripted *scripted, const char *path_end, size_t index, size_t *count)
{
	const struct scripted_request *found = NULL;
	size_t i;

	*count = 0;
	for (i = 0; i < scripted->aside_count; i++)
		if (ends_with(scripted->aside[i].path, path_end) && (*count)++ == index)
			found = &scripted->aside[i];
	return found;
}

size_t scripted_count_at(const struct scripted *scripted, const char *path_end)
{
	size_t count;

	find_aside(scripted, path_end, 0, &count);
	return count;
}

const struct scripted_request *scripted_request_at(
	const struct scripted *scripted, const char *path_end, size_t index)
{
	size_t count;
	const struct scripted_request *found = find_aside(scripted, path_end, index, &count);

	ck_assert_msg(found != NULL, "only %zu requests to …%s were made", count, path_end);
	return found;
}

static char *decode(struct scripted *scripted, const char *text, size_t length)
{
	struct dro_buf out = DRO_BUF_INIT(TEXT_MAX);
	char *encoded = copy_bytes(text, length);

	ck_assert_int_eq(dro_uri_decode(&out, encoded, true), 0);
	free(encoded);
	ck_assert_msg(scripted->decoded_count < 4096, "too many look-ups");
	return scripted->decoded[scripted->decoded_count++] = dro_buf_take(&out);
}

static const char *find_pair(struct scripted *scripted, const char *text, const char *name)
{
	while (*text) {
		size_t length = strcspn(text, "&");
		size_t key = strcspn(text, "=&");

		if (strcmp(decode(scripted, text, key), name) == 0)
			return text[key] == '=' ? decode(scripted, text + key + 1, length - key - 1)
						: "";
		text += length;
		text += *text == '&';
	}
	return NULL;
}

const char *scripted_form(struct scripted *scripted, size_t index, const char *name)
{
	return find_pair(scripted, scripted_request(scripted, index)->body, name);
}

const char *scripted_query(struct scripted *scripted, size_t index, const char *name)
{
	return find_pair(scripted, scripted_request(scripted, index)->query, name);
}

const char *scripted_header(const struct scripted *scripted, size_t index, const char *name)
{
	const struct scripted_request *request = scripted_request(scripted, index);
	size_t i;

	for (i = 0; i < request->header_count; i++)
		if (strcasecmp(request->headers[i].name, name) == 0)
			return request->headers[i].value;
	return NULL;
}

size_t scripted_form_count(const struct scripted *scripted, size_t index)
{
	const char *text = scripted_request(scripted, index)->body;
	size_t count = *text != '\0';

	for (; *text; text++)
		count += *text == '&';
	return count;
}

struct dro_call scripted_call(struct scripted *scripted, const char *idem_key)
{
	return (struct dro_call){.size = sizeof(struct dro_call),
		.deadline_ms = scripted->now_ms + 60000,
		.idem_key = idem_key,
		.trace = "run-1/step"};
}

uint64_t scripted_slept_ms(const struct scripted *scripted)
{
	return scripted->slept_ms;
}
