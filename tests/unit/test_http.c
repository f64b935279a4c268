/* The HTTP client at its ordinary work: what goes out, where it may go, who it says it is. */
#include "unit/http_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "net/sigv4.h"

#define SECRET "canary/secret+value=0123456789"
#define KEY_ID "AKIDEXAMPLE"

/* ---- ordinary work --------------------------------------------------------------------------- */

START_TEST(plain_get)
{
	static const char *const path[] = {"v4", "a b", "..", "", "x/y"};
	static const struct dro_pair query[] = {{"versioning", NULL}, {"q", "1+1=2&x"}};
	static const struct dro_pair headers[] = {{"X-One", "1"}, {"X-Empty", ""}};
	struct dro_http_request request;
	const char *sent;

	serve("HTTP/1.1 200 OK\r\nX-Thing:  a b \r\nETag: \"e\"\r\nContent-Length: 5\r\n\r\nhello",
		RAW_KEEP);
	request = request_of("GET", 5000);
	request.path = path;
	request.path_count = 5;
	request.query = query;
	request.query_count = 2;
	request.headers = headers;
	request.header_count = 2;
	ck_assert_int_eq(send_it(&request, NULL), 0);
	ck_assert_int_eq(answer->status, 200);
	ck_assert_str_eq(answer->body, "hello");
	ck_assert_uint_eq(answer->body_length, 5);
	ck_assert_str_eq(answer->headers[0].name, "x-thing");
	ck_assert_str_eq(answer->headers[0].value, "a b");
	ck_assert_str_eq(dro_http_header(answer, "etag"), "\"e\"");
	ck_assert_ptr_null(dro_http_header(answer, "x-none"));
	sent = raw_server_request(server, 0);
	ck_assert_ptr_eq(
		strstr(sent, "GET /v4/a%20b/..//x%2Fy?versioning&q=1%2B1%3D2%26x HTTP/1.1\r\n"),
		sent);
	ck_assert_ptr_nonnull(strstr(sent, "\r\nX-One: 1\r\n"));
	ck_assert_ptr_nonnull(strstr(sent, "\r\nX-Empty:\r\n"));
	ck_assert_ptr_nonnull(strstr(sent, "\r\nAccept-Encoding: identity\r\n"));
	ck_assert_ptr_nonnull(strstr(sent, "\r\nUser-Agent: drorch/"));
	ck_assert_ptr_null(strstr(sent, "Expect"));
}
END_TEST

START_TEST(connections_are_kept)
{
	int i;

	serve(OK_HELLO, RAW_KEEP);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(get_safely(5000), 0);
	ck_assert_uint_eq(raw_server_requests(server), 10);
	ck_assert_uint_eq(raw_server_connections(server), 1);
}
END_TEST

START_TEST(bodies)
{
	char path[] = "/tmp/drorch-http-XXXXXX";
	int fd = mkstemp(path);
	struct dro_http_request request;

	unlink(path);
	ck_assert_int_eq(dro_write_all(fd, "0123456789", 10, &err), 0);
	serve(OK_HELLO, RAW_KEEP);
	request = request_of("PUT", 5000);
	request.body_fd = fd;
	request.body_offset = 3;
	request.body_length = 4;
	ck_assert_int_eq(send_it(&request, NULL), 0);
	ck_assert_ptr_nonnull(strstr(raw_server_request(server, 0), "\r\n\r\n3456"));
	ck_assert_ptr_nonnull(strstr(raw_server_request(server, 0), "Content-Length: 4\r\n"));
	ck_assert_int_eq(post(5000), 0);
	ck_assert_ptr_nonnull(strstr(raw_server_request(server, 1), "\r\n\r\nAction=RunInstances"));
	ck_assert_ptr_null(strstr(raw_server_request(server, 1), "Content-Type"));
	request = request_of("POST", 5000);
	ck_assert_int_eq(send_it(&request, NULL), 0);
	ck_assert_ptr_nonnull(strstr(raw_server_request(server, 2), "Content-Length: 0\r\n"));
	request = request_of("DELETE", 5000);
	ck_assert_int_eq(send_it(&request, NULL), 0);
	ck_assert_ptr_null(strstr(raw_server_request(server, 3), "Content-Length"));
	/* A file that is shorter than promised. */
	request = request_of("PUT", 5000);
	request.body_fd = fd;
	request.body_length = 11;
	ck_assert_int_eq(send_it(&request, NULL), DRO_ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(err.message, "ends early"));
	close(fd);
}
END_TEST

START_TEST(sinks)
{
	static const struct raw_answer script[] = {{OK_HELLO, 0, RAW_KEEP, NULL, 0},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", 0, RAW_KEEP, NULL, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 0, RAW_CLOSE, NULL, 0},
		{OK_HELLO, 0, RAW_KEEP, NULL, 0}};
	char path[] = "/tmp/drorch-http-XXXXXX", got[16] = "";
	struct dro_http_request request;
	int fd = mkstemp(path), i;

	unlink(path);
	server = raw_server_start(script, 4);
	for (i = 0; i < 4; i++) {
		request = request_of("GET", 5000);
		request.flags = DRO_HTTP_SAFE;
		request.sink_fd = fd;
		request.response_max = i < 3 ? 1000 : 4;
		if (i == 3) {
			ck_assert_int_eq(send_it(&request, NULL), DRO_EPROTO);
			break;
		}
		ck_assert_int_eq(send_it(&request, NULL), 0);
		ck_assert_str_eq(answer->body, i == 1 ? "gone" : "");
		ck_assert_uint_eq(answer->body_length, i == 1 ? 4 : 5);
		if (i == 2) { /* the second attempt begins anew */
			ck_assert_int_eq(pread(fd, got, sizeof(got), 0), 5);
			ck_assert_str_eq(got, "hello");
		}
	}
	close(fd);
}
END_TEST

struct worker {
	pthread_t thread;
	int rc;
};

static void *work(void *arg)
{
	struct dro_http_request request = request_of("GET", 20000);
	struct dro_http_response *own = NULL;
	struct worker *worker = arg;

	worker->rc = dro_net_request(net, &request, NULL, &own, NULL);
	dro_http_response_free(own);
	return NULL;
}

/* Thirty-two at once, each answered after 300 ms: one after the other would take ten seconds. */
START_TEST(side_by_side)
{
	struct raw_answer slow = {OK_HELLO, 0, RAW_KEEP, NULL, 300};
	struct worker workers[32];
	uint64_t began = dro_now_ms();
	int i;

	server = raw_server_start(&slow, 1);
	for (i = 0; i < 32; i++)
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	for (i = 0; i < 32; i++) {
		pthread_join(workers[i].thread, NULL);
		ck_assert_int_eq(workers[i].rc, 0);
	}
	ck_assert_uint_lt(dro_now_ms() - began, 4800);
}
END_TEST

/* ---- where requests may go ------------------------------------------------------------------- */

START_TEST(refused_endpoints)
{
	static const char *const endpoints[] = {"http://example.com", "http://10.0.0.1",
		"http://127.0.0.1.example.com", "http://localhost.example.com", "ftp://127.0.0.1",
		"file:///etc/passwd", "https://", "https://user:pw@example.com",
		"https://example.com/path", "https://example.com?x", "https://example.com:0",
		"https://example.com:65536", "https://exa mple.com", "https://example.com\r\nX: y",
		"http://[::2]", "http://0x7f.1", "http://2130706433", "http://127.1", "",
		"127.0.0.1"};
	size_t i;

	for (i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		struct dro_http_request request = request_of("GET", 1000);

		request.endpoint = endpoints[i];
		ck_assert_msg(send_it(&request, NULL) == DRO_EINVAL, "%s", endpoints[i]);
	}
}
END_TEST

START_TEST(refused_requests)
{
	static const struct dro_pair headers[] = {{"X-A", "b\r\nX-C: d"}, {"X A", "b"},
		{"Host", "other"}, {"Content-Length", "1"}, {"authorization", "x"}, {"", "x"},
		{"X-Null", NULL}};
	struct dro_net_context context = {.connect_address = "192.0.2.1"};
	struct dro_http_request request;
	size_t i;

	serve(OK_EMPTY, RAW_KEEP);
	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		request = request_of("GET", 1000);
		request.headers = &headers[i];
		request.header_count = 1;
		ck_assert_msg(send_it(&request, NULL) == DRO_EINVAL, "header %zu", i);
	}
	request = request_of("GET / HTTP/1.1\r\nX:", 1000);
	ck_assert_int_eq(send_it(&request, NULL), DRO_EINVAL);
	/* Plain http to loopback, but taken elsewhere. */
	request = request_of("GET", 1000);
	ck_assert_int_eq(send_it(&request, &context), DRO_EINVAL);
	context.connect_address = "edge.example";
	request.endpoint = "https://example.com";
	ck_assert_int_eq(send_it(&request, &context), DRO_EINVAL);
	ck_assert_uint_eq(raw_server_connections(server), 0);
}
END_TEST

START_TEST(connect_override)
{
	struct dro_net_context context = {.connect_address = "127.0.0.1"};
	struct dro_http_request request;
	char endpoint[64];

	serve(OK_HELLO, RAW_KEEP);
	context.connect_port = raw_server_port(server);
	request = request_of("GET", 3000);
	request.endpoint = "http://Booking.Example";
	ck_assert_int_eq(send_it(&request, &context), 0);
	ck_assert_ptr_nonnull(
		strstr(raw_server_request(server, 0), "\r\nHost: booking.example\r\n"));
	snprintf(endpoint, sizeof(endpoint), "http://s3.localhost:%d", raw_server_port(server));
	request.endpoint = endpoint;
	ck_assert_int_eq(send_it(&request, NULL), 0);
	ck_assert_ptr_nonnull(strstr(raw_server_request(server, 1), "\r\nHost: s3.localhost:"));
}
END_TEST

START_TEST(no_redirect_no_proxy)
{
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	serve("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n",
		RAW_KEEP);
	ck_assert_int_eq(get_safely(3000), 0);
	ck_assert_int_eq(answer->status, 302);
	ck_assert_uint_eq(raw_server_requests(server), 1);
}
END_TEST

START_TEST(tls_is_verified)
{
	struct raw_answer script = {OK_HELLO, 0, RAW_KEEP, NULL, 0};
	struct dro_net_context context = {.connect_address = "127.0.0.1"};
	struct dro_net_options options;
	struct dro_http_request request;

	server = raw_server_start_tls(&script, 1);
	request = request_of("POST", 3000);
	ck_assert_int_eq(send_it(&request, NULL), DRO_EAGAIN);
	ck_assert_ptr_nonnull(strcasestr(err.message, "certificate"));
	ck_assert_int_eq(get_safely(3000), DRO_EAGAIN);
	ck_assert_uint_eq(raw_server_requests(server), 0);

	dro_net_free(net);
	options.ca_file = raw_server_ca(server);
	ck_assert_int_eq(dro_net_new(&net, &options, &err), 0);
	request = request_of("POST", 3000);
	ck_assert_int_eq(send_it(&request, NULL), 0);
	/* Through a given address: the name is asked for, and verified, all the same. */
	context.connect_port = raw_server_port(server);
	request.endpoint = "https://edge.example";
	ck_assert_int_eq(send_it(&request, &context), 0);
	ck_assert_str_eq(raw_server_sni(server), "edge.example");
	request.endpoint = "https://other.example";
	ck_assert_int_eq(send_it(&request, &context), DRO_EAGAIN);
	ck_assert_uint_eq(raw_server_requests(server), 2);
}
END_TEST

/* ---- credentials ----------------------------------------------------------------------------- */

static int credential(void *arg, const char *name, struct dro_secret *out, struct dro_error *error)
{
	const struct dro_pair *known = arg;

	for (; known->name; known++)
		if (strcmp(known->name, name) == 0)
			return dro_secret_set(out, known->value, strlen(known->value), error);
	return dro_fail(error, DRO_ENOTFOUND, "no %s", name);
}

static struct dro_pair all_credentials[] = {{"token", SECRET}, {"access_key_id", KEY_ID},
	{"secret_access_key", SECRET}, {"session_token", "session"}, {NULL, NULL}};

START_TEST(bearer)
{
	struct dro_pair bad[] = {{"token", "line\r\nX-Other: 1"}, {NULL, NULL}};
	struct dro_pair none[] = {{NULL, NULL}};
	struct dro_net_context context = {.credential = credential};
	struct dro_http_request request;

	serve(OK_HELLO, RAW_KEEP);
	request = request_of("GET", 3000);
	request.auth = DRO_AUTH_BEARER;
	context.credential_arg = all_credentials;
	ck_assert_int_eq(send_it(&request, &context), 0);
	ck_assert_ptr_nonnull(
		strstr(raw_server_request(server, 0), "\r\nAuthorization: Bearer " SECRET "\r\n"));
	context.credential_arg = bad;
	ck_assert_int_eq(send_it(&request, &context), DRO_EAUTH);
	ck_assert_ptr_null(strstr(err.message, "X-Other"));
	context.credential_arg = none;
	ck_assert_int_eq(send_it(&request, &context), DRO_EAUTH);
	ck_assert_int_eq(send_it(&request, NULL), DRO_EAUTH);
	ck_assert_uint_eq(raw_server_requests(server), 1);
}
END_TEST

/* The value of a header in a request as it arrived, malloc'd. */
static char *header_of(const char *request, const char *name)
{
	char line[64];
	const char *at;

	snprintf(line, sizeof(line), "\r\n%s: ", name);
	at = strcasestr(request, line);
	ck_assert_msg(at != NULL, "no %s", name);
	at += strlen(line);
	return strndup(at, strcspn(at, "\r"));
}

/* What a server that verifies does: from the bytes that arrived to the same signature. */
static void verify(const char *request, const char *target, const char *names[], size_t count,
	const struct dro_pair *query, size_t query_count, bool s3, const char *service)
{
	char *given = header_of(request, "authorization"), *date = header_of(request, "x-amz-date");
	struct dro_sigv4_scope scope = {date, "eu-west-1", service};
	struct dro_buf path = DRO_BUF_INIT(4096), whole = DRO_BUF_INIT(4096);
	struct dro_pair headers[8];
	char hash[DRO_SHA256_HEX];
	struct dro_sigv4_request parts = {"PUT", NULL, query, query_count, headers, count, hash};
	size_t i;

	for (i = 0; i < count; i++)
		headers[i] = (struct dro_pair){names[i], header_of(request, names[i])};
	dro_sha256_hex(
		hash, strstr(request, "\r\n\r\n") + 4, strlen(strstr(request, "\r\n\r\n") + 4));
	dro_sigv4_path(&path, target, s3);
	parts.path = dro_buf_str(&path);
	ck_assert_int_eq(dro_sigv4_authorization(&whole, &parts, &scope, KEY_ID, SECRET, &err), 0);
	ck_assert_str_eq(given, dro_buf_str(&whole));
	for (i = 0; i < count; i++)
		free((char *)headers[i].value);
	dro_buf_free(&path);
	dro_buf_free(&whole);
	free(given);
	free(date);
}

START_TEST(signed_requests)
{
	static const char *const path[] = {"bucket", "a b+c", "..", "", "d*"};
	static const struct dro_pair query[] = {{"z", "1"}, {"a b", "+/="}, {"acl", NULL}};
	static const struct dro_pair given[] = {
		{"Content-Type", "text/plain"}, {"X-Amz-Meta-N", " a   b "}};
	const char *names[] = {"x-amz-date", "x-amz-security-token", "content-type", "host",
		"X-Amz-Meta-N", "x-amz-content-sha256"};
	struct dro_net_context context = {
		.credential = credential, .credential_arg = all_credentials};
	struct dro_http_request request;

	serve(OK_HELLO, RAW_KEEP);
	request = request_of("PUT", 3000);
	request.auth = DRO_AUTH_SIGV4;
	request.auth_region = "eu-west-1";
	request.auth_service = "s3";
	request.path = path;
	request.path_count = 5;
	request.query = query;
	request.query_count = 3;
	request.headers = given;
	request.header_count = 2;
	request.body = "content";
	request.body_length = 7;
	ck_assert_int_eq(send_it(&request, &context), 0);
	verify(raw_server_request(server, 0), "/bucket/a%20b%2Bc/..//d%2A", names, 6, query, 3,
		true, "s3");
	request.auth_service = "route53";
	ck_assert_int_eq(send_it(&request, &context), 0);
	verify(raw_server_request(server, 1), "/bucket/a%20b%2Bc/..//d%2A", names, 5, query, 3,
		false, "route53");
	ck_assert_ptr_null(strstr(raw_server_request(server, 1), SECRET));
	request.auth_region = NULL;
	ck_assert_int_eq(send_it(&request, &context), DRO_EINVAL);
}
END_TEST

/* Failures of every kind with a canary for a credential, then a look at all that people can read.
 */
START_TEST(no_secret_leaks)
{
	static const struct raw_answer script[] = {{"", 0, RAW_CLOSE, NULL, 0},
		{"junk\r\n\r\n", 0, RAW_CLOSE, NULL, 0},
		{"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", 0, RAW_KEEP, NULL, 0},
		{"", 0, RAW_SILENT, NULL, 0}};
	char path[] = "/tmp/drorch-log-XXXXXX", text[65536] = "";
	int fd = mkstemp(path), i;
	struct dro_log log = {DRO_LOG_DEBUG, fd, NULL, NULL};
	struct dro_net_context context = {.credential = credential,
		.credential_arg = all_credentials,
		.log = &log,
		.trace = "run-1/switch"};

	unlink(path);
	server = raw_server_start(script, 4);
	for (i = 0; i < 4; i++) {
		struct dro_http_request request = request_of("POST", 300);

		request.auth = i % 2 ? DRO_AUTH_SIGV4 : DRO_AUTH_BEARER;
		request.auth_region = "eu-west-1";
		request.auth_service = "ec2";
		dro_error_clear(&err);
		send_it(&request, &context);
		ck_assert_ptr_null(strstr(err.message, SECRET));
	}
	ck_assert_int_gt(pread(fd, text, sizeof(text) - 1, 0), 0);
	ck_assert_ptr_nonnull(strstr(text, "run-1/switch"));
	ck_assert_ptr_null(strstr(text, SECRET));
	ck_assert_ptr_null(strstr(text, "Bearer"));
	ck_assert_ptr_null(strstr(text, "Signature"));
	close(fd);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {plain_get, connections_are_kept, bodies, sinks, side_by_side,
		refused_endpoints, refused_requests, connect_override, no_redirect_no_proxy,
		tls_is_verified, bearer, signed_requests, no_secret_leaks};

	return run_http_tests("http", tests, sizeof(tests) / sizeof(tests[0]));
}
