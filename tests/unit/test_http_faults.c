/* The HTTP client against servers that misbehave, and what it says may have happened. */
#include "unit/http_fixture.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- limits ---------------------------------------------------------------------------------- */

START_TEST(answers_are_capped)
{
	struct raw_answer endless = {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
		RAW_ENDLESS, "800\r\n", 0};
	struct dro_buf chunk = DRO_BUF_INIT(4096);
	struct dro_http_request request;
	int i;

	dro_buf_puts(&chunk, "400\r\n");
	for (i = 0; i < 1024; i++)
		dro_buf_puts(&chunk, "x");
	dro_buf_puts(&chunk, "\r\n");
	endless.repeat = dro_buf_str(&chunk);
	server = raw_server_start(&endless, 1);
	ck_assert_int_eq(get_safely(20000), DRO_EPROTO);
	ck_assert_ptr_nonnull(strstr(err.message, "more than"));
	request = request_of("POST", 20000);
	request.response_max = 100000;
	ck_assert_int_eq(send_it(&request, NULL), DRO_ETIMEDOUT);
	ck_assert_int_eq(err.http_status, 200);
	ck_assert_uint_eq(raw_server_requests(server), 2);
	raw_server_stop(server); /* it may still be sending the chunk */
	server = NULL;
	dro_buf_free(&chunk);
}
END_TEST

START_TEST(headers_are_capped)
{
	struct raw_answer endless = {
		"HTTP/1.1 200 OK\r\n", 0, RAW_ENDLESS, "X-More: of the same\r\n", 0};
	struct raw_answer long_line = {
		"HTTP/1.1 200 OK\r\nX-Long: ", 0, RAW_ENDLESS, "0123456789", 0};

	server = raw_server_start(&endless, 1);
	ck_assert_int_eq(get_safely(5000), DRO_EPROTO);
	raw_server_stop(server);
	server = raw_server_start(&long_line, 1);
	ck_assert_int_lt(get_safely(5000), 0);
	ck_assert_int_eq(post(5000), DRO_ETIMEDOUT);
}
END_TEST

/* What is coded though we asked for no coding is handed on as it came, never blown up. */
START_TEST(nothing_is_decompressed)
{
	static const char bomb[] = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
				   "Content-Length: 4\r\n\r\n\x1f\x8b\x08\x01";

	serve(bomb, RAW_KEEP);
	ck_assert_int_eq(get_safely(3000), 0);
	ck_assert_uint_eq(answer->body_length, 4);
	ck_assert_int_eq(memcmp(answer->body, "\x1f\x8b\x08\x01", 4), 0);
}
END_TEST

static void expect_end_in_time(const char *bytes, enum raw_end end)
{
	uint64_t began = dro_now_ms(), took;

	raw_server_stop(server);
	serve(bytes, end);
	ck_assert_int_eq(post(400), DRO_ETIMEDOUT);
	took = dro_now_ms() - began;
	ck_assert_uint_ge(took, 350);
	ck_assert_uint_lt(took, 3000);
	ck_assert_uint_eq(raw_server_requests(server), 1);
	ck_assert_int_eq(get_safely(400), DRO_EAGAIN);
}

START_TEST(waits_are_bounded)
{
	expect_end_in_time("", RAW_SILENT);
	expect_end_in_time("HTTP/1.1 200 OK\r\nContent-Len", RAW_SILENT);
	expect_end_in_time("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234", RAW_SILENT);
	expect_end_in_time("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789", RAW_DRIP);
	expect_end_in_time("HTTP/1.1 100 Continue\r\n\r\n", RAW_SILENT);
}
END_TEST

START_TEST(too_late_already)
{
	serve(OK_HELLO, RAW_KEEP);
	ck_assert_int_eq(post(0), DRO_EAGAIN);
	ck_assert_uint_eq(raw_server_requests(server), 0);
}
END_TEST

/*
 * The resolver that libcurl finds: this program's own, which is in no hurry over one name. Public,
 * so that a library loaded later meets it before libc's.
 */
__attribute__((visibility("default"))) int getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");

	if (node && strcmp(node, "slow.example") == 0) {
		sleep(3);
		return EAI_AGAIN;
	}
	memcpy(&real, &symbol, sizeof(real));
	return real(node, service, hints, out);
}

struct worker {
	pthread_t thread;
	int rc;
	uint64_t took_ms;
};

static void *ask_slow_resolver(void *arg)
{
	struct dro_http_request request = request_of("POST", 300);
	struct worker *worker = arg;
	uint64_t began = dro_now_ms();
	struct dro_http_response *none = NULL;

	request.endpoint = "https://slow.example";
	worker->rc = dro_net_request(net, &request, NULL, &none, NULL);
	worker->took_ms = dro_now_ms() - began;
	return NULL;
}

/* Neither its own request nor any other waits for a silent name server past the deadline. */
START_TEST(slow_name_server)
{
	struct worker worker;
	int i;

	serve(OK_HELLO, RAW_KEEP);
	pthread_create(&worker.thread, NULL, ask_slow_resolver, &worker);
	for (i = 0; i < 60; i++) {
		uint64_t began = dro_now_ms();

		ck_assert_int_eq(post(2000), 0);
		ck_assert_uint_lt(dro_now_ms() - began, 1500);
		dro_clock_real.sleep_ms(&dro_clock_real, 10);
	}
	pthread_join(worker.thread, NULL);
	ck_assert_int_eq(worker.rc, DRO_EAGAIN);
	ck_assert_uint_ge(worker.took_ms, 250);
	ck_assert_uint_lt(worker.took_ms, 1800);
}
END_TEST

/* ---- what may have happened ------------------------------------------------------------------ */

START_TEST(nobody_listens)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(address);
	struct dro_http_request request;
	char endpoint[64];

	/* Bound, not listening: nobody else gets the port, and connecting is refused. */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	getsockname(fd, (struct sockaddr *)&address, &size);
	snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", ntohs(address.sin_port));
	request = request_of("POST", 3000);
	request.endpoint = endpoint;
	ck_assert_int_eq(send_it(&request, NULL), DRO_EAGAIN);
	request = request_of("GET", 300);
	request.endpoint = endpoint;
	request.flags = DRO_HTTP_SAFE;
	ck_assert_int_eq(send_it(&request, NULL), DRO_EAGAIN);
	ck_assert_uint_le(dro_now_ms(), request.deadline_ms + 1000);
	close(fd);
}
END_TEST

START_TEST(unsafe_is_never_sent_twice)
{
	static const char *const broken[] = {"", "HTTP/1.1 200", "not http at all\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"};
	static const enum raw_end ends[] = {RAW_CLOSE, RAW_RESET};
	size_t i, j;

	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		for (j = 0; j < 2; j++) {
			raw_server_stop(server);
			serve(broken[i], ends[j]);
			ck_assert_msg(
				post(3000) == DRO_ETIMEDOUT, "%zu %zu: %s", i, j, err.message);
			ck_assert_uint_eq(raw_server_requests(server), 1);
		}
	raw_server_stop(server);
	serve("HTTP/1.1 503 Slow Down\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", RAW_KEEP);
	ck_assert_int_eq(post(5000), 0);
	ck_assert_int_eq(answer->status, 503);
	ck_assert_uint_eq(dro_http_retry_after_ms(answer), 1000);
	ck_assert_uint_eq(raw_server_requests(server), 1);
}
END_TEST

/* A pooled connection that dies with the second request: the server has it, so it is not repeated.
 */
START_TEST(stale_connection)
{
	static const struct raw_answer script[] = {{OK_HELLO, 0, RAW_KEEP, NULL, 0},
		{"", 0, RAW_CLOSE, NULL, 0}, {OK_HELLO, 0, RAW_KEEP, NULL, 0},
		{"", 0, RAW_CLOSE, NULL, 0}, {OK_HELLO, 0, RAW_KEEP, NULL, 0}};
	struct dro_http_request request;

	server = raw_server_start(script, 5);
	ck_assert_int_eq(post(3000), 0);
	ck_assert_int_eq(post(3000), DRO_ETIMEDOUT);
	ck_assert_uint_eq(raw_server_requests(server), 2);
	ck_assert_int_eq(post(3000), 0);
	/* Without a body there is nothing to rewind, and still it must not go twice. */
	request = request_of("DELETE", 3000);
	ck_assert_int_eq(send_it(&request, NULL), DRO_ETIMEDOUT);
	ck_assert_uint_eq(raw_server_requests(server), 4);
	ck_assert_int_eq(get_safely(3000), 0);
}
END_TEST

START_TEST(safe_is_repeated)
{
	static const struct raw_answer script[] = {{"", 0, RAW_CLOSE, NULL, 0},
		{"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", 0, RAW_KEEP, NULL, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 0, RAW_RESET, NULL, 0},
		{"HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", 0, RAW_KEEP,
			NULL, 0},
		{OK_HELLO, 0, RAW_KEEP, NULL, 0}};
	uint64_t began = dro_now_ms();

	server = raw_server_start(script, 5);
	ck_assert_int_eq(get_safely(20000), 0);
	ck_assert_str_eq(answer->body, "hello");
	ck_assert_uint_eq(raw_server_requests(server), 5);
	ck_assert_uint_ge(dro_now_ms() - began, 1000);
}
END_TEST

START_TEST(safe_gives_up)
{
	static const struct raw_answer twice[] = {
		{"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", 0, RAW_KEEP, NULL, 0}};

	server = raw_server_start(twice, 1);
	ck_assert_int_eq(get_safely(20000), 0);
	ck_assert_int_eq(answer->status, 500);
	ck_assert_uint_eq(raw_server_requests(server), 2);
	raw_server_stop(server);
	/* Told to come back after the deadline: the answer counts, at once. */
	serve("HTTP/1.1 429 Slow\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n", RAW_KEEP);
	ck_assert_int_eq(get_safely(20000), 0);
	ck_assert_int_eq(answer->status, 429);
	ck_assert_uint_eq(raw_server_requests(server), 1);
}
END_TEST

START_TEST(retry_after_forms)
{
	struct dro_pair header = {"retry-after", NULL};
	struct dro_http_response response = {.headers = &header, .header_count = 1};
	char text[64];
	time_t soon = time(NULL) + 100;
	struct tm tm;
	uint64_t got;

	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&soon, &tm));
	header.value = text;
	got = dro_http_retry_after_ms(&response);
	ck_assert(got > 95000 && got <= 100000);
	header.value = "Fri, 01 Jan 1999 00:00:00 GMT";
	ck_assert_uint_eq(dro_http_retry_after_ms(&response), 0);
	header.value = "999999999999999999999";
	ck_assert_uint_eq(dro_http_retry_after_ms(&response), 86400000);
	header.value = "-5";
	ck_assert_uint_eq(dro_http_retry_after_ms(&response), 0);
	header.value = "soon";
	ck_assert_uint_eq(dro_http_retry_after_ms(&response), 0);
}
END_TEST

START_TEST(throttling_pauses_the_budget)
{
	struct dro_net_context context = {.account = "aws"};
	struct dro_http_request request;

	ck_assert_int_eq(dro_budget_new(&context.budget, NULL, &err), 0);
	serve("HTTP/1.1 429 Slow\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n", RAW_KEEP);
	request = request_of("POST", 3000);
	request.budget = "ec2";
	ck_assert_int_eq(send_it(&request, &context), 0);
	ck_assert_int_eq(send_it(&request, &context), DRO_EAGAIN);
	ck_assert_uint_gt(err.retry_after_ms, 50000);
	ck_assert_uint_eq(raw_server_requests(server), 1);
	dro_budget_free(context.budget);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {answers_are_capped, headers_are_capped, nothing_is_decompressed,
		waits_are_bounded, too_late_already, slow_name_server, nobody_listens,
		unsafe_is_never_sent_twice, stale_connection, safe_is_repeated, safe_gives_up,
		retry_after_forms, throttling_pauses_the_budget};

	return run_http_tests("http_faults", tests, sizeof(tests) / sizeof(tests[0]));
}
