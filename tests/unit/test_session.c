#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/lease.h"
#include "agent/session.h"
#include "base/clock.h"
#include "base/file.h"

static char dir[] = "/tmp/drorch-session-XXXXXX";
static struct agent_config config;

static void setup(void)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	config = (struct agent_config){.service = "memphis",
		.site = "main",
		.state = dir,
		.database = {.role = AGENT_ROLE_PRIMARY}};
}

static void teardown(void)
{
	dro_dir_remove(dir, NULL);
}

/* ---- requests ----------------------------------------------------------------------------- */

static int parse(const char *line, struct agent_request *out, struct dro_error *err)
{
	return agent_request_parse(out, line, strlen(line), err);
}

START_TEST(request_good)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_request request;

	ck_assert_msg(parse("{\"id\":\"a-1\",\"verb\":\"follow\",\"epoch\":9007199254740991,"
			    "\"host\":\"10.1.0.5\",\"port\":3306,\"deadline_ms\":250}",
			      &request, &err) == 0,
		"%s", err.message);
	ck_assert_str_eq(request.id, "a-1");
	ck_assert_str_eq(request.verb->name, "follow");
	ck_assert_int_eq(request.epoch, 9007199254740991);
	ck_assert_str_eq(request.ask.host, "10.1.0.5");
	ck_assert_int_eq(request.ask.port, 3306);
	ck_assert_int_eq(request.deadline_ms, 250);
	agent_request_fini(&request);
	ck_assert_int_eq(parse("{\"id\":\"2\",\"verb\":\"promote\",\"epoch\":1,"
			       "\"position\":\"0-1-42,7-12-18446744073709551615\","
			       "\"semi_sync\":true}",
				 &request, &err),
		0);
	ck_assert_int_eq(request.deadline_ms, AGENT_REQUEST_MS);
	ck_assert(request.ask.semi_sync);
	agent_request_fini(&request);
}
END_TEST

static const struct {
	const char *line, *says;
	int code;
} bad[] = {
	{"", "", DRO_EPROTO},
	{"[]", "object", DRO_EPROTO},
	{"{\"id\":\"1\",\"verb\":\"hello\"} {}", "", DRO_EPROTO},
	{"{\"id\":\"1\",\"id\":\"2\",\"verb\":\"hello\"}", "id", DRO_EPROTO},
	{"{\"verb\":\"hello\"}", "id", DRO_EINVAL},
	{"{\"id\":7,\"verb\":\"hello\"}", "id", DRO_EINVAL},
	{"{\"id\":\"\",\"verb\":\"hello\"}", "64", DRO_EINVAL},
	{"{\"id\":\"1\"}", "verb", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"drop\"}", "unknown verb", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"hello\",\"user\":\"x\"}", "unknown field", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"check\",\"epoch\":1}", "takes no", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"freeze\"}", "epoch", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"freeze\",\"epoch\":0}", "begin at 1", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"freeze\",\"epoch\":-1}", "epoch", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"freeze\",\"epoch\":9007199254740993}", "epoch", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"freeze\",\"epoch\":\"1\"}", "epoch", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"status\",\"deadline_ms\":0}", "deadline_ms", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"status\",\"deadline_ms\":600001}", "deadline_ms", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"wait\"}", "position", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"wait\",\"position\":\"\"}", "GTID", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"wait\",\"position\":\"0-1-1,\"}", "GTID", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"wait\",\"position\":\"0-1-1' OR 1\"}", "GTID", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"wait\",\"position\":\"0-1\"}", "GTID", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"follow\",\"epoch\":1,\"port\":3306}", "host", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"follow\",\"epoch\":1,\"host\":\"db.example\"}", "port",
		DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"follow\",\"epoch\":1,\"host\":\"a' b\",\"port\":1}", "host",
		DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"follow\",\"epoch\":1,\"host\":\"a.b\",\"port\":65536}", "port",
		DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"rejoin\",\"epoch\":1,\"host\":\"a.b\",\"port\":1,\"allow\":"
	 "\"x\"}",
		"allow", DRO_EINVAL},
	{"{\"id\":\"1\",\"verb\":\"follow\",\"epoch\":1,\"host\":\"a.b\",\"port\":1,"
	 "\"allow\":\"follow\"}",
		"takes no", DRO_EINVAL},
};

START_TEST(request_bad)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_request request;

	ck_assert_int_eq(parse(bad[_i].line, &request, &err), bad[_i].code);
	ck_assert_msg(strstr(err.message, bad[_i].says) != NULL, "%s", err.message);
	agent_request_fini(&request);
}
END_TEST

/* ---- epochs ------------------------------------------------------------------------------- */

static uint64_t soon(void)
{
	return dro_now_ms() + 5000;
}

START_TEST(epochs_only_grow)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_lease lease;

	ck_assert_int_eq(agent_lease_read(&lease, &config, soon(), &err), 0);
	ck_assert_int_eq(lease.epoch, 0);
	ck_assert_int_eq(lease.role, AGENT_ROLE_PRIMARY);
	ck_assert_int_eq(agent_lease_begin(&lease, &config, 5, "freeze", false, soon(), &err), 0);
	ck_assert_int_eq(
		agent_lease_begin(&lease, &config, 4, "thaw", false, soon(), &err), DRO_ESAFETY);
	ck_assert_ptr_nonnull(strstr(err.message, "epoch 5"));
	ck_assert_int_eq(agent_lease_begin(&lease, &config, 5, "freeze", false, soon(), &err), 0);
	ck_assert_int_eq(agent_lease_read(&lease, &config, soon(), &err), 0);
	ck_assert_int_eq(lease.epoch, 5);
	ck_assert_int_eq(lease.serial, 2);
	ck_assert_str_eq(lease.pending, "freeze");
	ck_assert(!lease.fenced);
}
END_TEST

/* A process that was stopped between its work and the record of it. */
START_TEST(the_later_word_counts)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_lease old, new, now;

	ck_assert_int_eq(agent_lease_begin(&old, &config, 2, "promote", false, soon(), &err), 0);
	ck_assert_int_eq(agent_lease_begin(&new, &config, 3, "fence", true, soon(), &err), 0);
	old.role = AGENT_ROLE_REPLICA;
	old.fenced = false;
	ck_assert_int_eq(agent_lease_end(&old, &config, soon(), &err), DRO_ESAFETY);
	ck_assert_int_eq(agent_lease_read(&now, &config, soon(), &err), 0);
	ck_assert(now.fenced); /* from its beginning on */
	ck_assert_int_eq(now.role, AGENT_ROLE_PRIMARY);
	ck_assert_int_eq(agent_lease_end(&new, &config, soon(), &err), 0);
	ck_assert_int_eq(agent_lease_read(&now, &config, soon(), &err), 0);
	ck_assert_str_eq(now.pending, "");
	ck_assert(now.fenced);
}
END_TEST

/* Never taken for "no epoch yet". */
START_TEST(damaged_lease_is_refused)
{
	static const char *const texts[] = {"", "{}", "{\"epoch\":1,\"serial\":1,\"role\":\"x\"}",
		"{\"epoch\":-1,\"serial\":1,\"role\":\"primary\"}"};
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_lease lease;
	char path[128];

	snprintf(path, sizeof(path), "%s/lease.json", dir);
	ck_assert_int_eq(dro_file_write(path, texts[_i], strlen(texts[_i]), 0600, NULL), 0);
	ck_assert_int_eq(
		agent_lease_begin(&lease, &config, 9, "thaw", false, soon(), &err), DRO_ECORRUPT);
}
END_TEST

/* ---- sessions ----------------------------------------------------------------------------- */

/* What a session answers to `text`. */
static void talk(const void *text, size_t length, struct dro_buf *answers)
{
	char in[128], out[128];
	struct dro_error err = DRO_ERROR_INIT;
	int from, to;

	snprintf(in, sizeof(in), "%s/in", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	ck_assert_int_eq(dro_file_write(in, text, length, 0600, NULL), 0);
	from = open(in, O_RDONLY);
	to = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(from, 0);
	ck_assert_int_ge(to, 0);
	ck_assert_msg(agent_session(&config, from, to, NULL, &err) == 0, "%s", err.message);
	close(from);
	close(to);
	ck_assert_int_eq(dro_file_read(answers, out, NULL), 0);
}

START_TEST(session_answers_line_by_line)
{
	static const char text[] = "{\"id\":\"1\",\"verb\":\"hello\"}\n"
				   "not JSON\n"
				   "\n"
				   "{\"id\":\"3\",\"verb\":\"status\"}\n"
				   "{\"id\":\"4\",\"verb\":\"hello\"}";
	struct dro_buf answers = DRO_BUF_INIT(1 << 20);
	const char *at;
	int lines = 0;

	talk(text, strlen(text), &answers);
	for (at = dro_buf_str(&answers); (at = strchr(at, '\n')); at++)
		lines++;
	ck_assert_int_eq(lines, 5);
	at = dro_buf_str(&answers);
	ck_assert_ptr_nonnull(strstr(at, "{\"id\":\"1\",\"result\":{\"protocol\":1,"));
	ck_assert_ptr_nonnull(strstr(at, "{\"id\":null,\"error\":{\"code\":\"EPROTO\""));
	ck_assert_ptr_nonnull(strstr(at, "{\"id\":\"3\",\"error\":{\"code\":\"EUNSUPPORTED\""));
	ck_assert_ptr_nonnull(strstr(at, "{\"id\":\"4\",\"result\":"));
	dro_buf_free(&answers);
}
END_TEST

/* The longest line that is read, and one byte more: that is refused once, and what follows is
 * served. */
START_TEST(session_bounds_its_lines)
{
	static const char last[] = "\n{\"id\":\"9\",\"verb\":\"hello\"}\n";
	size_t length = AGENT_REQUEST_MAX + (size_t)_i;
	struct dro_buf answers = DRO_BUF_INIT(1 << 20);
	char *text = malloc(length + sizeof(last));

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', length);
	memcpy(text, "{\"id\":\"1\",\"verb\":\"hello\"}", 25);
	memcpy(text + length, last, sizeof(last));
	talk(text, length + sizeof(last) - 1, &answers);
	if (_i == 0)
		ck_assert_ptr_nonnull(strstr(dro_buf_str(&answers), "{\"id\":\"1\",\"result\""));
	else
		ck_assert_ptr_nonnull(strstr(dro_buf_str(&answers), "at most 65536 bytes"));
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answers), "{\"id\":\"9\",\"result\""));
	ck_assert_ptr_null(strstr(dro_buf_str(&answers), "EPROTO"));
	free(text);
	dro_buf_free(&answers);
}
END_TEST

/* ---- configuration ------------------------------------------------------------------------ */

START_TEST(config_of_a_database)
{
	static const char text[] =
		"service: memphis\nstore: {plugin: aws, bucket: memphis-dr}\n"
		"source: {kind: directory, path: /srv}\n"
		"database: {kind: mariadb, keep: [monitor], password: {file: /etc/p},\n"
		"  replication: {user: repl, password: {env: P}, tls: false},\n"
		"  server: {stop: [service, mariadb, stop]},\n"
		"  seed: {ssh: {identity: /etc/k, known_hosts: /etc/h}}}\n"
		"self_fence: {after: 20s, peers: [{host: db2.example}, {host: db3.example, port: "
		"3307}]}\n"
		"check: {disk: 80, lag: 5s, services: [mariadb.service]}\n";
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_config *read = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/agent.yaml", dir);
	ck_assert_int_eq(dro_file_write(path, text, strlen(text), 0600, NULL), 0);
	ck_assert_msg(agent_config_load(&read, path, &err) == 0, "%s", err.message);
	ck_assert(read->database.given);
	ck_assert_str_eq(read->database.socket, "/run/mysqld/mysqld.sock");
	ck_assert_str_eq(read->database.keep[0], "monitor");
	ck_assert_int_eq(read->database.role, AGENT_ROLE_REPLICA);
	ck_assert_int_eq(read->database.password.kind, DRO_SECRET_FILE);
	ck_assert_str_eq(read->database.replication_user, "repl");
	ck_assert(!read->database.replication_tls);
	ck_assert_int_eq(read->limits.disk, 80);
	ck_assert_int_eq(read->limits.inodes, 90);
	ck_assert_int_eq(read->limits.lag_ms, 5000);
	ck_assert_int_eq(read->database.semi_sync_ms, 365 * 24 * 3600 * 1000LL);
	ck_assert_str_eq(read->database.server.data, "/var/lib/mysql");
	ck_assert_str_eq(read->database.server.start[0], "systemctl");
	ck_assert_ptr_null(read->database.server.start[3]);
	ck_assert_str_eq(read->database.server.stop[2], "stop");
	ck_assert_ptr_null(read->database.server.stop[3]);
	ck_assert_int_eq(read->database.seed.ssh.port, 22);
	ck_assert_str_eq(read->database.seed.ssh.user, "root");
	ck_assert(read->self_fence.given);
	ck_assert_int_eq(read->self_fence.after_ms, 20000);
	ck_assert_uint_eq(read->self_fence.peer_count, 2);
	ck_assert_int_eq(read->self_fence.peers[0].port, 3306);
	ck_assert_int_eq(read->self_fence.peers[1].port, 3307);
	ck_assert_ptr_nonnull(agent_driver_find(read->database.kind));
	ck_assert_ptr_null(agent_driver_find("oracle"));
	agent_config_free(read);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *tests = tcase_create("session");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, request_good);
	tcase_add_loop_test(tests, request_bad, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tests, epochs_only_grow);
	tcase_add_test(tests, the_later_word_counts);
	tcase_add_loop_test(tests, damaged_lease_is_refused, 0, 4);
	tcase_add_test(tests, session_answers_line_by_line);
	tcase_add_loop_test(tests, session_bounds_its_lines, 0, 2);
	tcase_add_test(tests, config_of_a_database);
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
