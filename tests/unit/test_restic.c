/* What the agent has of restic without running it: the repository's table, the server, a copy's own
 * words, and children. */
#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/child.h"
#include "agent/mariadb_backup.h"
#include "agent/restic_server.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"

#define SOON (dro_now_ms() + 30000)
#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct dro_error err;
static char dir[64];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/drorch-restic-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	err = (struct dro_error)DRO_ERROR_INIT;
}

static void teardown(void)
{
	dro_dir_remove(dir, NULL);
}

static void put(const char *name, const char *text)
{
	char *path = dro_path_join(dir, name);

	ck_assert_int_eq(dro_file_write(path, text, strlen(text), 0600, &err), 0);
	free(path);
}

/* ---- the table ---------------------------------------------------------------------------- */

static struct agent_restic_store *new_store(void)
{
	struct agent_restic_store *store;

	ck_assert_int_eq(agent_restic_store_new(&store, NULL, ".restic-1", dir, SOON, &err), 0);
	ck_assert_int_eq(agent_restic_store_add(store, "snapshots/" B, 3, NULL, &err), 0);
	ck_assert_int_eq(agent_restic_store_add(store, "data/aa/" A, 2, NULL, &err), 0);
	ck_assert_int_eq(agent_restic_store_add(store, "config", 1, A, &err), 0);
	ck_assert_int_eq(agent_restic_store_add(store, "locks/" A, 9, NULL, &err), 0);
	ck_assert_int_eq(agent_restic_store_add(store, "data/notes.txt", 9, NULL, &err), 0);
	return store;
}

static int count(void *arg, const char *key, uint64_t length, struct dro_error *error)
{
	(void)key;
	(void)error;
	*(uint64_t *)arg += length;
	return 0;
}

START_TEST(only_what_is_restics_counts)
{
	struct agent_restic_store *store = new_store();
	char snapshot[DRO_SHA256_HEX];
	uint64_t bytes = 0, length;

	ck_assert_int_eq(agent_restic_store_each(store, "", count, &bytes, &err), 0);
	ck_assert_uint_eq(bytes, 6);
	ck_assert_int_eq(agent_restic_store_length(store, "data/aa/" A, &length, &err), 0);
	ck_assert_uint_eq(length, 2);
	ck_assert_int_eq(
		agent_restic_store_length(store, "locks/" A, &length, &err), DRO_ENOTFOUND);
	ck_assert_int_eq(agent_restic_store_snapshot(store, "bbbb", snapshot, &err), 0);
	ck_assert_str_eq(snapshot, B);
	ck_assert_int_eq(agent_restic_store_snapshot(store, "abcd", snapshot, &err), DRO_ENOTFOUND);
	ck_assert_int_eq(agent_restic_store_snapshot(store, "", snapshot, &err), DRO_ENOTFOUND);
	ck_assert_int_eq(agent_restic_store_remove(store, "data/aa/" A, &err), DRO_ESAFETY);
	agent_restic_store_free(store);
}
END_TEST

START_TEST(locks_stay_here)
{
	struct agent_restic_store *store = new_store();
	char sha256[DRO_SHA256_HEX], key[80];
	uint64_t length;
	int fd;

	ck_assert_int_eq(dro_sha256_hex(sha256, "lock", 4), 0);
	snprintf(key, sizeof(key), "locks/%s", sha256);
	fd = agent_restic_store_scratch(store, &err);
	ck_assert_int_eq(dro_write_all(fd, "lock", 4, &err), 0);
	ck_assert_int_eq(agent_restic_store_put(store, key, fd, 4, &err), 0);
	fd = agent_restic_store_get(store, key, &length, &err);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(length, 4);
	close(fd);
	ck_assert_uint_eq(agent_restic_store_sent(store), 0);
	ck_assert_int_eq(agent_restic_store_remove(store, key, &err), 0);
	ck_assert_int_eq(agent_restic_store_remove(store, key, &err), DRO_ENOTFOUND);
	/* Bytes that are not what the name says, and a second config. */
	fd = agent_restic_store_scratch(store, &err);
	ck_assert_int_eq(dro_write_all(fd, "luck", 4, &err), 0);
	ck_assert_int_eq(agent_restic_store_put(store, key, fd, 4, &err), DRO_ECORRUPT);
	fd = agent_restic_store_scratch(store, &err);
	ck_assert_int_eq(agent_restic_store_put(store, "config", fd, 0, &err), DRO_ECONFLICT);
	ck_assert_int_eq(agent_restic_store_failure(store, &err), 0);
	agent_restic_store_free(store);
}
END_TEST

/* ---- the server --------------------------------------------------------------------------- */

/* The whole answer to one request. `password` NULL: none is sent. */
static void ask(struct dro_buf *answer, const char *url, const char *what, const char *body,
	const char *password)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct dro_buf text = DRO_BUF_INIT(4096), pair = DRO_BUF_INIT(256);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char chunk[4096];
	ssize_t got;

	dro_buf_printf(&text, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", what);
	if (password) {
		dro_buf_puts(&text, "Authorization: Basic ");
		dro_base64(&pair, password, strcspn(password, "@"));
		dro_buf_printf(&text, "%s\r\n", dro_buf_str(&pair));
	}
	dro_buf_printf(&text, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(dro_write_all(fd, text.data, text.length, &err), 0);
	dro_buf_reset(answer);
	while ((got = read(fd, chunk, sizeof(chunk))) > 0)
		dro_buf_append(answer, chunk, (size_t)got);
	close(fd);
	dro_buf_free(&text);
	dro_buf_free(&pair);
}

START_TEST(speaks_as_restic_expects)
{
	struct agent_restic_store *store = new_store();
	struct agent_restic_server *server;
	struct dro_buf answer = DRO_BUF_INIT(65536);
	char sha256[DRO_SHA256_HEX], what[128];
	const char *url, *password;

	ck_assert_int_eq(agent_restic_server_new(&server, store, &err), 0);
	url = agent_restic_server_url(server);
	ck_assert_int_eq(strncmp(url, "rest:http://", 12), 0);
	password = url + 12;
	ask(&answer, url, "GET /data/", "", NULL);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answer), " 401 "));
	ask(&answer, url, "GET /data/", "", "agent:wrong@");
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answer), " 401 "));
	ask(&answer, url, "GET /data/", "", password);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answer), "application/vnd.x.restic.rest.v2"));
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answer), "[{\"name\":\"" A "\",\"size\":2}]"));
	ask(&answer, url, "HEAD /config", "", password);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answer), " 200 "));
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answer), "Content-Length: 1\r\n"));
	ask(&answer, url, "GET /data/../../etc/passwd", "", password);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answer), " 404 "));
	ask(&answer, url, "DELETE /data/" A, "", password);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answer), " 403 "));
	ask(&answer, url, "GET /locks/", "", password);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answer), "\r\n\r\n[]"));
	ck_assert_int_eq(dro_sha256_hex(sha256, "lock", 4), 0);
	snprintf(what, sizeof(what), "POST /locks/%s", sha256);
	ask(&answer, url, what, "lock", password);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answer), " 200 "));
	snprintf(what, sizeof(what), "GET /locks/%s", sha256);
	ask(&answer, url, what, "", password);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answer), "\r\n\r\nlock"));
	agent_restic_server_free(server);
	agent_restic_store_free(store);
	dro_buf_free(&answer);
}
END_TEST

/* ---- a copy's own words ------------------------------------------------------------------- */

static const struct {
	const char *checkpoints, *binlog, *slave, *gtid, *why;
} copies[] = {
	{"backup_type = log-applied\n", "binlog.000002\t270520\t0-1-5,\n3-1-1\n", NULL,
		"0-1-5,3-1-1", ""},
	{"backup_type = log-applied\n", "binlog.000002\t328\n", NULL, "", ""},
	{"backup_type = log-applied\n", "binlog.000002\t328\t0-2-11\n",
		"SET GLOBAL gtid_slave_pos = '0-2-9';\n", "0-2-11", ""},
	{"backup_type = log-applied\n", NULL,
		"SET GLOBAL gtid_slave_pos = '0-1-9';\nCHANGE MASTER TO master_use_gtid = "
		"slave_pos\n",
		"0-1-9", ""},
	{"backup_type = log-applied\n", NULL, NULL, "", "log_bin"},
	{"backup_type = log-applied\n", "b\t1\t'; DROP\n", NULL, "", "no GTID position"},
	{"backup_type = full-backuped\n", "b\t1\t0-1-5\n", NULL, "", "no prepared copy"},
};

START_TEST(a_copy_tells_its_position)
{
	struct agent_mariadb_copy copy;
	int rc;

	put("xtrabackup_checkpoints", copies[_i].checkpoints);
	put("xtrabackup_info", "uuid = x\nserver_version = 10.11.14-MariaDB\nend\n");
	if (copies[_i].binlog)
		put("xtrabackup_binlog_info", copies[_i].binlog);
	if (copies[_i].slave)
		put("xtrabackup_slave_info", copies[_i].slave);
	rc = agent_mariadb_copy_read(&copy, dir, &err);
	if (*copies[_i].why) {
		ck_assert_int_lt(rc, 0);
		ck_assert_msg(strstr(err.message, copies[_i].why), "%s", err.message);
		return;
	}
	ck_assert_msg(rc == 0, "%s", err.message);
	ck_assert_str_eq(copy.gtid, copies[_i].gtid);
	ck_assert_str_eq(copy.version, "10.11.14-MariaDB");
	ck_assert_uint_eq(copy.tally.entries, 2 + !!copies[_i].binlog + !!copies[_i].slave);
}
END_TEST

/* ---- children ----------------------------------------------------------------------------- */

static void keep_line(void *arg, const char *line, bool error)
{
	if (!error)
		dro_buf_printf(arg, "%s|", line);
}

static int shell(const char *script, struct dro_buf *said)
{
	const char *const argv[] = {"sh", "-c", script, NULL}, *const env[] = {"ONLY=this", NULL};

	return agent_child_run(&(struct agent_child){.argv = argv,
				       .env = env,
				       .line = keep_line,
				       .arg = said,
				       .stop = -1,
				       .deadline_ms = SOON},
		&err);
}

START_TEST(children_say_why)
{
	const char *const nobody[] = {"drorch-no-such-program", NULL};
	struct dro_buf said = DRO_BUF_INIT(1000);
	char path[AGENT_CHILD_PATH], script[128];
	int fd;

	setenv("CANARY", "secret", 1);
	ck_assert_int_eq(shell("echo a; echo \"$CANARY$ONLY\"; printf b", &said), 0);
	ck_assert_str_eq(dro_buf_str(&said), "a|this|b|");
	ck_assert_int_eq(shell("echo one >&2; echo two >&2; exit 3", &said), DRO_EIO);
	ck_assert_str_eq(err.message, "sh exited with 3: one; two");
	ck_assert_int_eq(
		agent_child_run(
			&(struct agent_child){.argv = nobody, .stop = -1, .deadline_ms = SOON},
			&err),
		DRO_EUNSUPPORTED);
	fd = agent_child_file(path, "hidden", 6, &err);
	ck_assert_int_ge(fd, 0);
	snprintf(script, sizeof(script), "cat %s; echo", path);
	dro_buf_reset(&said);
	ck_assert_int_eq(shell(script, &said), 0);
	ck_assert_str_eq(dro_buf_str(&said), "hidden|");
	close(fd);
	dro_buf_free(&said);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("restic");
	TCase *tests = tcase_create("restic");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 90);
	tcase_add_test(tests, only_what_is_restics_counts);
	tcase_add_test(tests, locks_stay_here);
	tcase_add_test(tests, speaks_as_restic_expects);
	tcase_add_loop_test(
		tests, a_copy_tells_its_position, 0, (int)(sizeof(copies) / sizeof(copies[0])));
	tcase_add_test(tests, children_say_why);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
