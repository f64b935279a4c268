/* The webhook over real sockets: what is signed is heard, all else gets its own word. */
#include <arpa/inet.h>
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "control/webhook.h"

#define SECRET "It's a Secret to Everybody"

static struct dro_webhook *hook;
static struct dro_error err;
static atomic_int polls;
static atomic_bool well;

static void poll_now(void *arg)
{
	(void)arg;
	atomic_fetch_add(&polls, 1);
}

static bool is_well(void *arg)
{
	(void)arg;
	return atomic_load(&well);
}

static void start(const char *listen, const char *secret)
{
	const struct dro_webhook_config config = {.listen = listen,
		.secret = secret,
		.secret_length = secret ? strlen(secret) : 0,
		.poll_now = poll_now,
		.is_well = is_well};

	ck_assert_msg(dro_webhook_start(&hook, &config, &err) == 0, "%s", err.message);
}

static void set_up(void)
{
	err = (struct dro_error)DRO_ERROR_INIT;
	atomic_store(&polls, 0);
	atomic_store(&well, true);
	start("127.0.0.1:0", SECRET);
}

static void tear_down(void)
{
	dro_webhook_stop(hook);
}

/* Sends bytes as they are; the answer's status, and in `answer` all of it. */
static int talk(const char *bytes, size_t length, char *answer, size_t size)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)dro_webhook_port(hook)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), status = 0;
	size_t used = 0, sent = 0;
	ssize_t got;

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	while (sent < length) {
		got = send(fd, bytes + sent, length - sent, MSG_NOSIGNAL);
		if (got <= 0) /* an answer may come before all was said */
			break;
		sent += (size_t)got;
	}
	while (used + 1 < size && (got = recv(fd, answer + used, size - 1 - used, 0)) > 0)
		used += (size_t)got;
	answer[used] = '\0';
	close(fd);
	return sscanf(answer, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

static int request(const char *method, const char *path, const char *header, const char *body)
{
	static char answer[4096];
	struct dro_buf text = DRO_BUF_INIT(1 << 20);
	int status;

	dro_buf_printf(&text, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", method, path,
		header);
	if (body)
		dro_buf_printf(&text, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	else
		dro_buf_puts(&text, "\r\n");
	status = talk(dro_buf_str(&text), text.length, answer, sizeof(answer));
	dro_buf_free(&text);
	return status;
}

static int deliver(const char *secret, const char *body)
{
	uint8_t mac[DRO_SHA256_BYTES];
	char hex[DRO_SHA256_HEX], header[200];

	ck_assert_int_eq(dro_hmac_sha256(mac, secret, strlen(secret), body, strlen(body)), 0);
	dro_hex(hex, mac, sizeof(mac));
	snprintf(header, sizeof(header), "X-Hub-Signature-256: sha256=%s\r\n", hex);
	return request("POST", "/hook", header, body);
}

START_TEST(a_signed_hook_polls)
{
	/* GitHub's own example of a signature. */
	ck_assert_int_eq(
		request("POST", "/hook",
			"x-hub-signature-256: sha256="
			"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n",
			"Hello, World!"),
		202);
	ck_assert_int_eq(atomic_load(&polls), 1);
	ck_assert_int_eq(deliver(SECRET, ""), 202);
	ck_assert_int_eq(deliver(SECRET, "{\"ref\":\"refs/heads/main\"}"), 202);
	ck_assert_int_eq(atomic_load(&polls), 3);
}
END_TEST

START_TEST(what_is_not_signed_is_not_heard)
{
	ck_assert_int_eq(request("POST", "/hook", "", "{}"), 401);
	ck_assert_int_eq(deliver("another secret", "{}"), 401);
	ck_assert_int_eq(request("POST", "/hook", "X-Hub-Signature-256: sha256=\r\n", "{}"), 401);
	ck_assert_int_eq(
		request("POST", "/hook",
			"X-Hub-Signature-256: sha1="
			"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n",
			"Hello, World!"),
		401);
	ck_assert_int_eq(
		request("POST", "/hook",
			"X-Hub-Signature-256: sha256="
			"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e18\r\n",
			"Hello, World!"),
		401);
	ck_assert_int_eq(
		request("POST", "/hook",
			"X-Hub-Signature-256: sha256="
			"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n",
			"Hello, World?"),
		401);
	ck_assert_int_eq(atomic_load(&polls), 0);
}
END_TEST

START_TEST(what_is_too_large_is_not_read)
{
	static char answer[4096];
	static const char head[] =
		"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 262145\r\n\r\n";
	static const char chunked[] =
		"POST /hook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n50000\r\n";
	char *body = calloc(1, DRO_WEBHOOK_BODY_MAX + 1);
	struct dro_buf text = DRO_BUF_INIT(1 << 20);

	ck_assert_int_eq(talk(head, sizeof(head) - 1, answer, sizeof(answer)), 413);
	memset(body, 'x', DRO_WEBHOOK_BODY_MAX);
	ck_assert_int_eq(deliver(SECRET, body), 202); /* as much as may be */
	dro_buf_append(&text, chunked, sizeof(chunked) - 1);
	dro_buf_append(&text, body, DRO_WEBHOOK_BODY_MAX);
	dro_buf_append(&text, body, 0x50000 - DRO_WEBHOOK_BODY_MAX);
	dro_buf_puts(&text, "\r\n0\r\n\r\n");
	ck_assert_int_eq(talk(dro_buf_str(&text), text.length, answer, sizeof(answer)), 413);
	ck_assert_int_eq(atomic_load(&polls), 1);
	dro_buf_free(&text);
	free(body);
}
END_TEST

START_TEST(other_paths_and_methods)
{
	ck_assert_int_eq(request("GET", "/", "", NULL), 404);
	ck_assert_int_eq(request("POST", "/hooks", "", "{}"), 404);
	ck_assert_int_eq(request("GET", "/hook", "", NULL), 405);
	ck_assert_int_eq(request("DELETE", "/hook", "", NULL), 405);
	ck_assert_int_eq(request("POST", "/healthz", "", "{}"), 405);
	ck_assert_int_eq(request("GET", "/healthz", "", NULL), 200);
	atomic_store(&well, false);
	ck_assert_int_eq(request("GET", "/healthz", "", NULL), 503);
	ck_assert_int_eq(atomic_load(&polls), 0);
}
END_TEST

START_TEST(without_a_secret_there_is_no_hook)
{
	dro_webhook_stop(hook);
	start("127.0.0.1:0", NULL);
	ck_assert_int_eq(deliver("", "{}"), 404);
	ck_assert_int_eq(request("GET", "/healthz", "", NULL), 200);
}
END_TEST

START_TEST(addresses)
{
	static const char *const bad[] = {"", "127.0.0.1", "localhost:80", ":80", "127.0.0.1:x"};
	struct dro_webhook_config config = {.poll_now = poll_now, .is_well = is_well};
	struct dro_webhook *other = NULL;
	char taken[64];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		config.listen = bad[i];
		ck_assert_int_eq(dro_webhook_start(&other, &config, &err), DRO_EINVAL);
	}
	snprintf(taken, sizeof(taken), "127.0.0.1:%d", dro_webhook_port(hook));
	config.listen = taken;
	ck_assert_int_eq(dro_webhook_start(&other, &config, &err), DRO_EIO);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("webhook");
	TCase *tcase = tcase_create("webhook");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_signed_hook_polls);
	tcase_add_test(tcase, what_is_not_signed_is_not_heard);
	tcase_add_test(tcase, what_is_too_large_is_not_read);
	tcase_add_test(tcase, other_paths_and_methods);
	tcase_add_test(tcase, without_a_secret_there_is_no_hook);
	tcase_add_test(tcase, addresses);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
