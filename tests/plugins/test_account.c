/* An account over real HTTP: credentials reach the server, and nothing else. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/http.h"
#include "provider/provider.h"
#include "support/raw_server.h"

#define SECRET "canary-secret-4711"
#define ACTIVE                                                                                     \
	"HTTP/1.1 200 OK\r\nContent-Length: 61\r\n\r\n"                                            \
	"{\"success\":true,\"result\":{\"id\":\"t1\",\"status\":\"active\"      }}"
#define DENIED                                                                                     \
	"HTTP/1.1 401 Unauthorized\r\nContent-Length: 95\r\n\r\n"                                  \
	"{\"success\":false,\"errors\":[{\"code\":1000,\"message\":\"bad token " SECRET            \
	", so there\"}]}  "

static struct raw_server *server;
static struct dro_net *net;
static struct dro_redactor *redactor;
static struct dro_registry *registry;
static struct dro_provider *provider;
static struct dro_error err;
static char folder[64];

static struct dro_setting setting = {.name = "endpoint", .place = {"providers.yaml", 4, 5}};
static struct dro_credential credential = {.name = "token", .place = {"providers.yaml", 5, 5}};
static struct dro_account account = {.name = "cdn",
	.plugin = "cloudflare",
	.settings = &setting,
	.setting_count = 1,
	.credentials = &credential,
	.credential_count = 1,
	.place = {"providers.yaml", 3, 3}};

/* The last word before a mutation's request goes out, where a test has one. */
static int send_rc, asked;

static int may_send(void *arg, struct dro_error *refused)
{
	(void)arg;
	asked++;
	return send_rc ? dro_fail(refused, send_rc, "the disk is full") : 0;
}

static void start(const struct raw_answer *answers, size_t count, struct dro_secret_ref ref)
{
	struct dro_registry_config config = {
		.plugin_dir = TEST_BUILD_DIR "/plugins", .may_send = may_send};

	server = raw_server_start(answers, count);
	ck_assert_int_eq(dro_net_new(&net, NULL, &err), 0);
	ck_assert_int_eq(dro_redactor_new(&redactor, &err), 0);
	config.net = net;
	config.redactor = redactor;
	ck_assert_int_eq(dro_registry_new(&registry, &config, &err), 0);
	setting.value = (char *)(uintptr_t)raw_server_url(server);
	credential.ref = ref;
	ck_assert_msg(
		dro_provider_open(&provider, registry, &account, &err) == 0, "%s", err.message);
}

static void setup(void)
{
	err = (struct dro_error)DRO_ERROR_INIT;
	snprintf(folder, sizeof(folder), "/tmp/drorch-account-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
	dro_provider_close(provider);
	dro_registry_free(registry);
	dro_net_free(net);
	dro_redactor_free(redactor);
	raw_server_stop(server);
	provider = NULL;
	registry = NULL;
	net = NULL;
	redactor = NULL;
	server = NULL;
	ck_assert_int_eq(dro_dir_remove(folder, NULL), 0);
}

static int probe(char *identity, size_t size)
{
	struct dro_call call = {.size = sizeof(call), .deadline_ms = dro_now_ms() + 20000};

	return dro_provider_probe(provider, identity, size, &call, &err);
}

START_TEST(a_token_goes_out_and_no_further)
{
	static const struct raw_answer answers[] = {{.bytes = ACTIVE}, {.bytes = DENIED}};
	char identity[64];

	setenv("DRORCH_TEST_TOKEN", SECRET, 1);
	start(answers, 2, (struct dro_secret_ref){DRO_SECRET_ENV, "DRORCH_TEST_TOKEN", NULL});
	ck_assert_uint_eq(raw_server_requests(server), 0); /* opening asks nobody */
	ck_assert_msg(probe(identity, sizeof(identity)) == 0, "%s", err.message);
	ck_assert_str_eq(identity, "token t1");
	ck_assert_ptr_nonnull(strstr(
		raw_server_request(server, 0), "GET /client/v4/user/tokens/verify HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(
		strcasestr(raw_server_request(server, 0), "authorization: Bearer " SECRET "\r\n"));
	/* A provider that says the secret aloud does not get it into a message. */
	ck_assert_int_eq(probe(identity, sizeof(identity)), DRO_EAUTH);
	ck_assert_ptr_nonnull(strstr(err.message, "cdn: 1000: bad token "));
	ck_assert_ptr_null(strstr(err.message, SECRET));
	unsetenv("DRORCH_TEST_TOKEN");
}
END_TEST

/* How often the password manager was run: it leaves a line each time. */
static size_t lines_of(const char *path)
{
	struct dro_buf text = DRO_BUF_INIT(65536);
	size_t lines = 0, i;

	ck_assert_int_eq(dro_file_read(&text, path, &err), 0);
	for (i = 0; i < text.length; i++)
		lines += text.data[i] == '\n';
	dro_buf_free(&text);
	return lines;
}

START_TEST(a_command_runs_once_until_it_is_refused)
{
	static const struct raw_answer answers[] = {
		{.bytes = ACTIVE}, {.bytes = ACTIVE}, {.bytes = DENIED}, {.bytes = ACTIVE}};
	char script[128], runs[128], text[512], identity[64];
	char *argv[] = {script, NULL};

	snprintf(script, sizeof(script), "%s/pass", folder);
	snprintf(runs, sizeof(runs), "%s/runs", folder);
	snprintf(text, sizeof(text), "#!/bin/sh\necho run >>%s\necho " SECRET "\n", runs);
	ck_assert_int_eq(dro_file_write(script, text, strlen(text), 0700, &err), 0);
	start(answers, 4, (struct dro_secret_ref){DRO_SECRET_COMMAND, "", argv});
	ck_assert_msg(probe(identity, sizeof(identity)) == 0, "%s", err.message);
	ck_assert_int_eq(probe(identity, sizeof(identity)), 0);
	ck_assert_uint_eq(lines_of(runs), 1);
	ck_assert_int_eq(probe(identity, sizeof(identity)), DRO_EAUTH);
	ck_assert_int_eq(probe(identity, sizeof(identity)), 0);
	ck_assert_uint_eq(lines_of(runs), 2);
}
END_TEST

START_TEST(a_missing_secret_is_named)
{
	static const struct raw_answer answers[] = {{.bytes = ACTIVE}};
	char identity[64];

	start(answers, 1, (struct dro_secret_ref){DRO_SECRET_ENV, "DRORCH_TEST_NO_TOKEN", NULL});
	ck_assert_int_eq(probe(identity, sizeof(identity)), DRO_EAUTH);
	ck_assert_ptr_nonnull(strstr(err.message, "DRORCH_TEST_NO_TOKEN"));
	ck_assert_ptr_nonnull(strstr(err.message, "cdn: "));
	ck_assert_uint_eq(raw_server_requests(server), 0);
}
END_TEST

#define ANSWER(length, body) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" body

/* Looking needs no leave; what would change something is not sent without. */
START_TEST(a_change_goes_out_with_leave_only)
{
	static const struct raw_answer answers[] = {
		{.bytes = ANSWER(
			 "52", "{\"success\":true,\"result\":[{\"id\":\"z1\",\"name\":\"a.b\"}]}")},
		{.bytes = ANSWER("28", "{\"success\":true,\"result\":[]}")},
		{.bytes = ANSWER("28", "{\"success\":true,\"result\":[]}")},
		{.bytes = ANSWER("28", "{\"success\":true,\"result\":{}}")},
	};
	const char *values[] = {"192.0.2.1"};
	const struct dro_record record = {.size = sizeof(record),
		.id = "",
		.name = "www.a.b",
		.type = "A",
		.values = values,
		.value_count = 1,
		.set_id = "",
		.owner = ""};
	const struct dro_record *put = &record;
	struct dro_call call = {.size = sizeof(call),
		.deadline_ms = dro_now_ms() + 20000,
		.idem_key = "r-1",
		.trace = ""};

	setenv("DRORCH_TEST_TOKEN", SECRET, 1);
	start(answers, 4, (struct dro_secret_ref){DRO_SECRET_ENV, "DRORCH_TEST_TOKEN", NULL});
	send_rc = DRO_EIO;
	ck_assert_int_eq(
		dro_provider_apply(provider, "a.b", &put, 1, NULL, 0, NULL, 0, &call, &err),
		DRO_EIO);
	ck_assert_ptr_nonnull(strstr(err.message, "the disk is full"));
	ck_assert_uint_eq(raw_server_requests(server), 2);
	ck_assert_int_eq(asked, 1);
	send_rc = 0;
	ck_assert_msg(
		dro_provider_apply(provider, "a.b", &put, 1, NULL, 0, NULL, 0, &call, &err) == 0,
		"%s", err.message);
	ck_assert_uint_eq(raw_server_requests(server), 4);
	ck_assert_int_eq(asked, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("account");
	TCase *tcase = tcase_create("account");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_token_goes_out_and_no_further);
	tcase_add_test(tcase, a_command_runs_once_until_it_is_refused);
	tcase_add_test(tcase, a_missing_secret_is_named);
	tcase_add_test(tcase, a_change_goes_out_with_leave_only);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
