/* The edge with short time-outs of its own: no peer makes it wait for ever, and none but itself. */
#include <arpa/inet.h>
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/edge_internal.h"
#include "support/raw_server.h"

#define GET "GET / HTTP/1.1\r\nHost: app.example.test\r\n"
#define ANSWER_MAX (4u << 20)

struct fixture {
	struct edge *edge;
	struct edge_routes *routes;
	struct raw_server *origin;
	uint32_t answer_ms; /* 0: 400 */
};

static void start_at(struct fixture *f, int origin_port)
{
	static const struct edge_record records[] = {
		{"example.test", "ZONE", "", false}, {"app.example.test", "A", "127.0.0.1", true}};
	struct edge_options options = {.origin_port = (uint16_t)origin_port};
	struct dro_error err = DRO_ERROR_INIT;

	/* Short where a test waits for it; the origin's are longer than the client's. */
	options.times = (struct edge_times){.client_idle = 300,
		.client_head = 300,
		.connect = 400,
		.origin_answer = f->answer_ms ? f->answer_ms : 400,
		.stall = 600,
		.exchange = 5000,
		.origin_idle = 1000,
		.linger = 300};
	ck_assert_int_eq(edge_routes_new(&f->routes, &err), 0);
	ck_assert_int_eq(edge_routes_publish(f->routes, records, 2, 0, &err), 0);
	options.routes = f->routes;
	ck_assert_msg(edge_start(&f->edge, &options, &err) == 0, "%s", err.message);
}

static void start(struct fixture *f, const struct raw_answer *answers, size_t count)
{
	f->origin = raw_server_start(answers, count);
	start_at(f, raw_server_port(f->origin));
}

static void stop(struct fixture *f)
{
	edge_stop(f->edge);
	edge_routes_free(f->routes);
	raw_server_stop(f->origin);
	*f = (struct fixture){0};
}

static int dial(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* All until the edge ends the connection; that it does is part of every test. */
static char *hear(int fd)
{
	struct dro_buf text = DRO_BUF_INIT(ANSWER_MAX);
	char chunk[4096];
	ssize_t got;

	while ((got = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		dro_buf_append(&text, chunk, (size_t)got);
	ck_assert_msg(got == 0, "the edge did not end the connection");
	close(fd);
	return dro_buf_take(&text);
}

/* What comes for this request starts so. */
static void expect(struct fixture *f, const char *request, const char *start)
{
	int fd = dial(f->edge->port);
	char *answer;

	say(fd, request);
	answer = hear(fd);
	ck_assert_msg(strncmp(answer, start, strlen(start)) == 0, "%.200s", answer);
	free(answer);
}

START_TEST(silent_origin)
{
	static const struct raw_answer silent = {"", .end = RAW_SILENT};
	static const struct raw_answer half = {
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", .end = RAW_SILENT};
	struct fixture f = {0};

	start(&f, &silent, 1);
	expect(&f, GET "\r\n", "HTTP/1.1 524 ");
	stop(&f);
	start(&f, &half, 1); /* cut, for what has begun as whole must not end as such */
	expect(&f, GET "\r\n", "HTTP/1.1 200 OK");
	stop(&f);
}
END_TEST

START_TEST(resetting_origin)
{
	static const struct raw_answer reset = {"", .end = RAW_RESET};
	struct fixture f = {0};

	start(&f, &reset, 1);
	expect(&f, GET "Connection: close\r\n\r\n", "HTTP/1.1 520 ");
	stop(&f);
}
END_TEST

START_TEST(full_origin)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	struct fixture f = {0};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fds[4], i;

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 0), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	for (i = 0; i < 4; i++) { /* nobody accepts: the next one's SYN is dropped */
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(fds[i], (struct sockaddr *)&address, sizeof(address)) < 0)
			continue;
	}
	start_at(&f, ntohs(address.sin_port));
	expect(&f, GET "Connection: close\r\n\r\n", "HTTP/1.1 522 ");
	stop(&f);
	for (i = 0; i < 4; i++)
		close(fds[i]);
	close(listener);
}
END_TEST

START_TEST(dripping_origin)
{
	static const struct raw_answer drip = {
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		.end = RAW_DRIP};
	struct fixture f = {.answer_ms = 3000};

	start(&f, &drip, 1); /* 20 ms a byte: slower than `stall` altogether, never at once */
	expect(&f, GET "Connection: close\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked");
	stop(&f);
}
END_TEST

START_TEST(slow_clients)
{
	static const struct raw_answer fine = {
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .end = RAW_KEEP};
	struct fixture f = {0};
	char *answer;
	int fd;

	start(&f, &fine, 1);
	expect(&f, "", "");
	expect(&f, "GET / HTTP/1.1\r\nHost: app.exam", "HTTP/1.1 408 ");
	expect(&f, "POST / HTTP/1.1\r\nHost: app.example.test\r\nContent-Length: 9\r\n\r\nhalf",
		"HTTP/1.1 408 ");
	expect(&f, GET "\r\n" GET "\r\n", "HTTP/1.1 200 OK");
	fd = dial(f.edge->port);
	say(fd, GET "\r\n");
	say(fd, GET "Connection: close\r\n\r\n");
	answer = hear(fd);
	ck_assert_ptr_nonnull(strstr(strstr(answer, "ok") + 2, "ok"));
	free(answer);
	stop(&f);
}
END_TEST

START_TEST(client_that_does_not_read)
{
	static const struct raw_answer endless = {"HTTP/1.1 200 OK\r\n\r\n", .end = RAW_ENDLESS,
		.repeat = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
	uint64_t begun = dro_now_ms();
	struct fixture f = {0};
	char byte;
	int fd;

	start(&f, &endless, 1);
	fd = dial(f.edge->port);
	say(fd, GET "\r\n");
	/* Its end shows in a write, as the receive buffer is full of the answer. */
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1 && dro_now_ms() - begun < 20000)
		usleep(20000);
	ck_assert_uint_lt(dro_now_ms() - begun, 20000);
	while (recv(fd, &byte, 1, MSG_DONTWAIT) > 0)
		break;
	close(fd);
	stop(&f);
}
END_TEST

/* A body that is cut anywhere is read as the same body. */
/* A process that is being started has all descriptors for a moment: what the edge ended is ended.
 */
START_TEST(ended_while_another_has_it)
{
	struct fixture f = {0};
	pid_t other;
	char *said;
	int fd, kept;

	start_at(&f, 9);
	fd = dial(f.edge->port);
	kept = dup(fd);
	say(fd, "GET");
	dro_clock_real.sleep_ms(&dro_clock_real, 100); /* the edge has it by now */
	other = fork();
	if (other == 0)
		for (;;)
			pause();
	said = hear(fd); /* it was too slow */
	ck_assert_msg(strncmp(said, "HTTP/1.1 408 ", 13) == 0, "%s", said);
	free(said);
	dro_clock_real.sleep_ms(&dro_clock_real, 1000); /* it waited for our end, in vain */
	say(kept, "more");
	close(kept);
	expect(&f, GET "Connection: close\r\n\r\n", "HTTP/1.1 52");
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	stop(&f);
}
END_TEST

START_TEST(chunks_cut_anywhere)
{
	static const char body[] = "5\r\nhello\r\n1a;a=\"b\"\r\nabcdefghijklmnopqrstuvwxyz\r\n"
				   "0\r\nTrailer: x\r\nOther: y\r\n\r\nNEXT";
	size_t length = sizeof(body) - 1, first, second;
	struct edge_body reader;

	for (first = 0; first < length; first++) {
		for (second = first; second < length; second++) {
			size_t ends[] = {first, second, length}, at = 0, i;

			edge_body_begin(&reader, EDGE_CHUNKED, 0);
			for (i = 0; i < 3; i++) {
				ssize_t got = edge_body_scan(&reader, body + at, ends[i] - at);

				ck_assert_int_ge(got, 0);
				at += (size_t)got;
				if (reader.done)
					break;
			}
			ck_assert(reader.done);
			ck_assert_str_eq(body + at, "NEXT");
		}
	}
}
END_TEST

START_TEST(chunks_malformed)
{
	static const char *const bad[] = {"\r\n", "x\r\n", "5\nhello", "5\r\nhelloX",
		"5\r\nhello\rX", "ffffffffffffffff0\r\n", "-1\r\n", " 5\r\n",
		"5\r\nhello\r\n0\r\n\n", "0\r\nA: b\n\n"};
	struct edge_body reader;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		edge_body_begin(&reader, EDGE_CHUNKED, 0);
		ck_assert_msg(edge_body_scan(&reader, bad[i], strlen(bad[i])) < 0, "%s", bad[i]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lab_edge");
	TCase *tests = tcase_create("lab_edge");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, silent_origin);
	tcase_add_test(tests, resetting_origin);
	tcase_add_test(tests, full_origin);
	tcase_add_test(tests, dripping_origin);
	tcase_add_test(tests, slow_clients);
	tcase_add_test(tests, client_that_does_not_read);
	tcase_add_test(tests, ended_while_another_has_it);
	tcase_add_test(tests, chunks_cut_anywhere);
	tcase_add_test(tests, chunks_malformed);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
