#include "tests/bench/floor_http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define ANSWER_MAX (8u << 20)
#define HEADERS_MAX 8

struct request {
	const char *method;
	struct dro_buf url;
	const char *body; /* NULL: none */
	struct curl_slist *headers;
};

static size_t on_body(char *data, size_t one, size_t length, void *arg)
{
	struct lane *lane = arg;

	dro_buf_append(&lane->body, data, one * length);
	return lane->body.failed ? 0 : length;
}

static size_t on_header(char *data, size_t one, size_t length, void *arg)
{
	static const char name[] = "x-drorch-site:";
	struct lane *lane = arg;
	size_t skip = sizeof(name) - 1, used = 0;

	length *= one;
	if (length <= skip || strncasecmp(data, name, skip) != 0)
		return length;
	while (skip < length && data[skip] == ' ')
		skip++;
	for (; skip < length && data[skip] > ' ' && used + 1 < sizeof(lane->site); skip++)
		lane->site[used++] = data[skip];
	lane->site[used] = '\0';
	return length;
}

static bool read_key(const char *folder, const char *name, char *out, size_t size)
{
	char path[1024];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	good = file && fgets(out, (int)size, file);
	if (file)
		fclose(file);
	if (!good)
		fprintf(stderr, "bench: there is no %s\n", path);
	else
		out[strcspn(out, "\r\n")] = '\0';
	return good;
}

bool read_keys(struct keys *keys, const char *folder)
{
	return read_key(folder, "access-key-id", keys->access_key, sizeof(keys->access_key)) &&
	       read_key(folder, "secret-access-key", keys->secret_key, sizeof(keys->secret_key)) &&
	       read_key(folder, "cloudflare-token", keys->token, sizeof(keys->token));
}

int lane_init(struct lane *lane, const struct keys *keys, const char *port, const char *bucket)
{
	*lane = (struct lane){.keys = keys,
		.port = port,
		.bucket = bucket,
		.easy = curl_easy_init(),
		.body = DRO_BUF_INIT(ANSWER_MAX)};
	return lane->easy ? 0 : -1;
}

void lane_fini(struct lane *lane)
{
	if (lane->easy)
		curl_easy_cleanup(lane->easy);
	dro_buf_free(&lane->body);
}

static void add_header(struct request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void add_header(struct request *request, const char *format, ...)
{
	char line[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	request->headers = curl_slist_append(request->headers, line);
}

/* Sends, and forgets the request; lane->status is 0 where no answer came. */
static void send_request(struct lane *lane, struct request *request)
{
	CURL *easy = lane->easy;

	dro_buf_reset(&lane->body);
	lane->site[0] = '\0';
	lane->status = 0;
	curl_easy_reset(easy); /* keeps the connection */
	request->headers = curl_slist_append(request->headers, "Expect:");
	curl_easy_setopt(easy, CURLOPT_URL, dro_buf_str(&request->url));
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "bench-floor");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)lane);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, (void *)lane);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
	if (request->body)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	if (curl_easy_perform(easy) == CURLE_OK)
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &lane->status);
	curl_slist_free_all(request->headers);
	dro_buf_free(&request->url);
}

static bool came(const struct lane *lane, const char *what, long wanted)
{
	if (!wanted || lane->status == wanted)
		return true;
	fprintf(stderr, "bench-floor: %s: %ld, %.400s\n", what, lane->status,
		dro_buf_str(&lane->body));
	return false;
}

static void sign(const struct lane *lane, struct request *request, const char *path,
	const struct dro_pair *query, size_t query_count, const char *service, const char *region)
{
	char date[DRO_SIGV4_DATE], hash[DRO_SHA256_HEX], host[64];
	struct dro_buf text = DRO_BUF_INIT(2048), canonical = DRO_BUF_INIT(4096);
	struct dro_sigv4_scope scope = {date, region, service};
	struct dro_pair headers[] = {
		{"host", host}, {"x-amz-date", date}, {"x-amz-content-sha256", hash}};
	struct dro_sigv4_request signed_request = {
		request->method, NULL, query, query_count, headers, 3, hash};

	snprintf(host, sizeof(host), "127.0.0.1:%s", lane->port);
	dro_sigv4_date(date, (int64_t)time(NULL) * 1000);
	dro_sha256_hex(hash, request->body ? request->body : "",
		request->body ? strlen(request->body) : 0);
	dro_sigv4_path(&canonical, path, strcmp(service, "s3") == 0);
	signed_request.path = dro_buf_str(&canonical);
	dro_sigv4_authorization(&text, &signed_request, &scope, lane->keys->access_key,
		lane->keys->secret_key, NULL);
	add_header(request, "X-Amz-Date: %s", date);
	add_header(request, "X-Amz-Content-Sha256: %s", hash);
	add_header(request, "Authorization: %s", dro_buf_str(&text));
	dro_buf_free(&canonical);
	dro_buf_free(&text);
}

static void add_encoded(struct dro_buf *out, const char *text)
{
	char *encoded = curl_easy_escape(NULL, text, 0);

	dro_buf_puts(out, encoded ? encoded : "");
	curl_free(encoded);
}

void form_add(struct dro_buf *form, const char *name, const char *format, ...)
{
	char value[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	dro_buf_printf(form, "%s%s=", form->length ? "&" : "", name);
	add_encoded(form, value);
}

bool ask_query(struct lane *lane, const char *service, const char *region,
	const struct dro_buf *form, long wanted)
{
	struct request request = {
		.method = "POST", .url = DRO_BUF_INIT(256), .body = dro_buf_str(form)};

	dro_buf_printf(&request.url, "http://127.0.0.1:%s/", lane->port);
	add_header(&request, "Content-Type: application/x-www-form-urlencoded; charset=utf-8");
	sign(lane, &request, "/", NULL, 0, service, region);
	send_request(lane, &request);
	return came(lane, dro_buf_str(form), wanted);
}

bool ask_s3(struct lane *lane, const char *region, const char *key, const struct dro_pair *query,
	size_t query_count)
{
	struct request request = {.method = "GET", .url = DRO_BUF_INIT(4096)};
	char path[1024];
	size_t i;

	snprintf(path, sizeof(path), "/%s%s%s", lane->bucket, *key ? "/" : "", key);
	dro_buf_printf(&request.url, "http://127.0.0.1:%s%s", lane->port, path);
	for (i = 0; i < query_count; i++) {
		dro_buf_printf(&request.url, "%s%s=", i ? "&" : "?", query[i].name);
		add_encoded(&request.url, query[i].value);
	}
	sign(lane, &request, path, query, query_count, "s3", region);
	send_request(lane, &request);
	return came(lane, path, 200);
}

bool ask_route53(struct lane *lane, const char *path, const char *query)
{
	struct request request = {.method = "GET", .url = DRO_BUF_INIT(4096)};
	struct dro_pair pairs[8];
	char copy[2048], *at = copy;
	size_t count = 0;

	snprintf(copy, sizeof(copy), "%s", query);
	while (at && count < sizeof(pairs) / sizeof(pairs[0])) {
		char *pair = strsep(&at, "&");
		const char *name = strsep(&pair, "=");

		pairs[count++] = (struct dro_pair){name, pair ? pair : ""};
	}
	dro_buf_printf(&request.url, "http://127.0.0.1:%s%s?%s", lane->port, path, query);
	sign(lane, &request, path, pairs, count, "route53", "us-east-1");
	send_request(lane, &request);
	return came(lane, path, 200);
}

bool ask_cloudflare(struct lane *lane, const char *path, const char *body)
{
	struct request request = {
		.method = body ? "POST" : "GET", .url = DRO_BUF_INIT(1024), .body = body};

	dro_buf_printf(&request.url, "http://127.0.0.1:%s/client/v4%s", lane->port, path);
	add_header(&request, "Authorization: Bearer %s", lane->keys->token);
	if (body)
		add_header(&request, "Content-Type: application/json");
	send_request(lane, &request);
	return came(lane, path, 200);
}

void ask_host(struct lane *lane, const char *address, const char *port, const char *path,
	const char *host)
{
	struct request request = {.method = "GET", .url = DRO_BUF_INIT(256)};

	dro_buf_printf(&request.url, "http://%s:%s%s", address, port, path);
	if (host)
		add_header(&request, "Host: %s", host);
	send_request(lane, &request);
}

bool find_text(const char *text, const char *before, const char *after, char *out, size_t out_size)
{
	const char *begin = strstr(text, before), *end;

	begin = begin ? begin + strlen(before) : NULL;
	end = begin ? strstr(begin, after) : NULL;
	if (!end || (size_t)(end - begin) >= out_size)
		return false;
	memcpy(out, begin, (size_t)(end - begin));
	out[end - begin] = '\0';
	return true;
}

bool find_last(const char *text, size_t length, const char *before, char *out, size_t out_size)
{
	const char *from = text + (length > 1024 ? length - 1024 : 0), *found = NULL, *at;
	size_t size;

	for (at = from; (at = strstr(at, before)); at++)
		found = at + strlen(before);
	size = found ? strcspn(found, "<,}") : out_size;
	if (size >= out_size)
		return false;
	memcpy(out, found, size);
	out[size] = '\0';
	return true;
}
