#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/archive.h"
#include "agent/config.h"
#include "agent/progress.h"
#include "agent/restored.h"
#include "agent/sqlite.h"
#include "agent/userdata.h"
#include "base/clock.h"
#include "base/file.h"

static char dir[] = "/tmp/drorch-agent-XXXXXX";
static char room[4096];

/* "DIR/name", good until the next call but three. */
static const char *in_dir(const char *name)
{
	static size_t next;
	char *path = room + 1024 * (next++ % 4);

	snprintf(path, 1024, "%s/%s", dir, name);
	return path;
}

static void setup(void)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	dro_dir_remove(dir, NULL);
}

static void put(const char *name, const char *text, mode_t mode)
{
	ck_assert_int_eq(dro_file_write(in_dir(name), text, strlen(text), mode, NULL), 0);
}

/* ---- archive ------------------------------------------------------------------------------ */

static int to_buf(void *arg, const void *data, size_t length, struct dro_error *err)
{
	dro_buf_append(arg, data, length);
	return dro_buf_check(arg, err);
}

/* Gives a buffer out in small pieces. */
struct pieces {
	const struct dro_buf *buf;
	size_t at, piece, end;
};

static int from_buf(void *arg, const void **data, size_t *length, struct dro_error *err)
{
	struct pieces *pieces = arg;
	size_t left = pieces->end - pieces->at;

	(void)err;
	*data = pieces->buf->data + pieces->at;
	*length = left < pieces->piece ? left : pieces->piece;
	pieces->at += *length;
	return 0;
}

static void make_folder(void)
{
	ck_assert_int_eq(mkdir(in_dir("from"), 0750), 0);
	ck_assert_int_eq(mkdir(in_dir("from/sub"), 0700), 0);
	ck_assert_int_eq(mkdir(in_dir("from/empty"), 0711), 0);
	put("from/a", "alpha", 0640);
	put("from/sub/b", "", 0600);
	put("from/sub/ünï", "names", 0644);
	ck_assert_int_eq(link(in_dir("from/a"), in_dir("from/sub/hard")), 0);
	ck_assert_int_eq(symlink("../a", in_dir("from/sub/soft")), 0);
	ck_assert_int_eq(truncate(in_dir("from/sub/b"), 300000), 0); /* a hole */
}

START_TEST(folder_comes_back)
{
	struct dro_buf packed = DRO_BUF_INIT(1 << 20), text = DRO_BUF_INIT(4096);
	struct agent_sink sink = {to_buf, &packed};
	struct pieces pieces = {.buf = &packed, .piece = 100};
	struct agent_source source = {from_buf, &pieces};
	struct agent_tally in, out;
	struct dro_error err = DRO_ERROR_INIT;
	struct stat one, two;
	char target[64];

	make_folder();
	ck_assert_msg(agent_pack_directory(in_dir("from"), &sink, &in, NULL, &err) == 0, "%s",
		err.message);
	ck_assert_int_eq(mkdir(in_dir("to"), 0700), 0);
	pieces.end = packed.length;
	ck_assert_msg(agent_unpack_directory(in_dir("to"), &source, &out, NULL, &err) == 0, "%s",
		err.message);
	ck_assert_uint_eq(in.entries, 8);
	ck_assert_uint_eq(out.entries, 8);
	ck_assert_uint_eq(in.bytes, 5 + 300000 + 5);
	ck_assert_uint_eq(out.bytes, in.bytes);
	ck_assert_int_eq(stat(in_dir("to"), &one), 0);
	ck_assert_uint_eq(one.st_mode & 0777, 0750);
	ck_assert_int_eq(stat(in_dir("to/empty"), &one), 0);
	ck_assert_uint_eq(one.st_mode & 0777, 0711);
	ck_assert_int_eq(stat(in_dir("to/a"), &one), 0);
	ck_assert_int_eq(stat(in_dir("to/sub/hard"), &two), 0);
	ck_assert_uint_eq(one.st_ino, two.st_ino);
	ck_assert_uint_eq(one.st_mode & 0777, 0640);
	ck_assert_int_eq(stat(in_dir("to/sub/b"), &one), 0);
	ck_assert_int_eq(one.st_size, 300000);
	ck_assert_int_eq(readlink(in_dir("to/sub/soft"), target, sizeof(target)), 4);
	ck_assert_int_eq(dro_file_read(&text, in_dir("to/sub/ünï"), &err), 0);
	ck_assert_str_eq(text.data, "names");
	dro_buf_free(&packed);
	dro_buf_free(&text);
}
END_TEST

/* Cut anywhere, it is an error and never a silent success. */
START_TEST(broken_archive_is_refused)
{
	struct dro_buf packed = DRO_BUF_INIT(1 << 20);
	struct agent_sink sink = {to_buf, &packed};
	struct pieces pieces = {.buf = &packed, .piece = 64};
	struct agent_source source = {from_buf, &pieces};
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_tally tally;
	size_t cut;

	make_folder();
	ck_assert_int_eq(agent_pack_file(in_dir("from/a"), &sink, &tally, &err), 0);
	for (cut = 0; cut < packed.length; cut++) {
		pieces = (struct pieces){.buf = &packed, .piece = 64, .end = cut};
		/* An empty stream is an empty file; lengths are the manifest's to check. */
		if (cut > 0)
			ck_assert_int_eq(agent_unpack_file(in_dir("file"), &source, &tally, &err),
				DRO_ECORRUPT);
		unlink(in_dir("file"));
	}
	dro_buf_free(&packed);
}
END_TEST

START_TEST(sink_error_is_kept)
{
	struct dro_buf small = DRO_BUF_INIT(10);
	struct agent_sink sink = {to_buf, &small};
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_tally tally;

	make_folder();
	ck_assert_int_eq(
		agent_pack_directory(in_dir("from"), &sink, &tally, NULL, &err), DRO_EINVAL);
	ck_assert_str_eq(err.message, "more than 10 bytes");
	dro_buf_free(&small);
}
END_TEST

/* ---- sqlite ------------------------------------------------------------------------------- */

static sqlite3 *open_db(const char *path, const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	return db;
}

START_TEST(database_copy_of_one_moment)
{
	sqlite3 *db = open_db(in_dir("db"),
		"PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1);"
		"BEGIN; INSERT INTO t VALUES (2)"); /* not committed: not in the copy */
	struct dro_error err = DRO_ERROR_INIT;
	cJSON *mark = cJSON_CreateObject();
	int64_t time_ms = 0;
	sqlite3_stmt *stmt;
	sqlite3 *copy;

	ck_assert_msg(agent_sqlite_copy(in_dir("db"), in_dir("copy"), mark, &time_ms,
			      dro_now_ms() + 10000, &err) == 0,
		"%s", err.message);
	ck_assert_int_gt(time_ms, 0);
	ck_assert_int_eq(agent_sqlite_check(in_dir("copy"), mark, dro_now_ms() + 10000, &err), 0);
	copy = open_db(in_dir("copy"), "SELECT 1");
	sqlite3_prepare_v2(copy, "SELECT count(*) FROM t", -1, &stmt, NULL);
	ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
	ck_assert_int_eq(sqlite3_column_int(stmt, 0), 1);
	sqlite3_finalize(stmt);
	ck_assert_int_eq(sqlite3_exec(copy, "CREATE TABLE u(b)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(copy);
	/* It is another one now. */
	ck_assert_int_eq(
		agent_sqlite_check(in_dir("copy"), mark, dro_now_ms() + 10000, &err), DRO_ECORRUPT);
	sqlite3_close(db);
	cJSON_Delete(mark);
}
END_TEST

START_TEST(database_damage_is_found)
{
	sqlite3 *db = open_db(in_dir("db"),
		"CREATE TABLE t(a); CREATE INDEX i ON t(a);"
		"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000)"
		" INSERT INTO t SELECT x FROM c");
	struct dro_error err = DRO_ERROR_INIT;
	cJSON *mark = cJSON_CreateObject();
	int64_t time_ms;
	char dirt[64];
	int fd;

	sqlite3_close(db);
	memset(dirt, 0x5a, sizeof(dirt));
	fd = open(in_dir("db"), O_WRONLY);
	ck_assert_int_eq(pwrite(fd, dirt, sizeof(dirt), 4096 * 3), sizeof(dirt));
	close(fd);
	ck_assert_int_eq(agent_sqlite_copy(in_dir("db"), in_dir("copy"), mark, &time_ms,
				 dro_now_ms() + 10000, &err),
		DRO_ECORRUPT);
	ck_assert_int_ne(access(in_dir("copy"), F_OK), 0);
	ck_assert_int_lt(agent_sqlite_copy(in_dir("none"), in_dir("copy"), mark, &time_ms,
				 dro_now_ms() + 10000, &err),
		0);
	cJSON_Delete(mark);
}
END_TEST

/* ---- user-data ---------------------------------------------------------------------------- */

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define WHO "{\"drorch\":1,\"service\":\"memphis\",\"site\":\"tier2\""

START_TEST(userdata_good)
{
	static const char text[] = WHO ",\"role\":\"standby\",\"run\":\"r-1\",\"backup\":{"
				       "\"id\":\"20261120T195553Z-k3x7qa\",\"policy\":\"offsite\","
				       "\"store\":{\"bucket\":\"b\",\"prefix\":\"p/\"},"
				       "\"manifest_sha256\":\"" SUM "\"}}";
	struct agent_userdata userdata;

	ck_assert_int_eq(agent_userdata_parse(&userdata, text, sizeof(text) - 1, NULL), 0);
	ck_assert_str_eq(userdata.site, "tier2");
	ck_assert_str_eq(userdata.backup, "20261120T195553Z-k3x7qa");
	ck_assert_str_eq(userdata.bucket, "b");
	ck_assert_str_eq(userdata.region, "");
	ck_assert_str_eq(userdata.manifest_sha256, SUM);
	agent_userdata_free(&userdata);
	ck_assert_int_eq(agent_userdata_parse(&userdata, WHO "}", strlen(WHO "}"), NULL), 0);
	ck_assert_str_eq(userdata.backup, "");
	agent_userdata_free(&userdata);
}
END_TEST

static const struct {
	const char *text;
	int code;
} bad_userdata[] = {
	{"#!/bin/sh", DRO_EPROTO},
	{"{}", DRO_EPROTO},
	{"[]", DRO_EPROTO},
	{"{\"drorch\":2,\"service\":\"a\",\"site\":\"b\"}", DRO_EUNSUPPORTED},
	{"{\"drorch\":1,\"site\":\"b\"}", DRO_EPROTO},
	{WHO ",\"backup\":\"x\"}", DRO_EPROTO},
	{WHO ",\"backup\":{\"id\":\"x\"}}", DRO_EPROTO},
	{WHO ",\"backup\":{\"id\":\"../x\",\"manifest_sha256\":\"" SUM "\"}}", DRO_EPROTO},
	{WHO ",\"backup\":{\"id\":\"x\",\"manifest_sha256\":\"abc\"}}", DRO_EPROTO},
	{WHO ",\"backup\":{\"manifest_sha256\":\"" SUM "\"}}", DRO_EPROTO},
};

START_TEST(userdata_bad)
{
	struct agent_userdata userdata;
	const char *text = bad_userdata[_i].text;

	ck_assert_int_eq(
		agent_userdata_parse(&userdata, text, strlen(text), NULL), bad_userdata[_i].code);
}
END_TEST

START_TEST(userdata_file)
{
	struct agent_userdata userdata;

	put("empty", "", 0600);
	ck_assert_int_eq(agent_userdata_read(&userdata, "", NULL), 0);
	ck_assert_str_eq(userdata.service, "");
	ck_assert_int_eq(agent_userdata_read(&userdata, in_dir("empty"), NULL), 0);
	ck_assert_str_eq(userdata.backup, "");
	/* Named but lost: to start as an empty primary would be the wrong guess. */
	ck_assert_int_eq(agent_userdata_read(&userdata, in_dir("none"), NULL), DRO_ENOTFOUND);
	/* What cloud-init kept may be for somebody else. */
	put("cloud", "#cloud-config\n", 0600);
	ck_assert_str_eq(agent_userdata_find(in_dir("none")), "");
	ck_assert_str_eq(agent_userdata_find(in_dir("cloud")), "");
	put("cloud", "{\"drorch\":1}", 0600);
	ck_assert_str_ne(agent_userdata_find(in_dir("cloud")), "");
}
END_TEST

/* ---- the rest ----------------------------------------------------------------------------- */

START_TEST(restored_is_remembered)
{
	struct agent_restored restored;

	ck_assert_int_eq(agent_restored_read(&restored, dir, NULL), 0);
	ck_assert_str_eq(restored.backup, "");
	restored = (struct agent_restored){.backup = "b-1", .time_ms = 12, .gtid = "0-1-5"};
	ck_assert_int_eq(agent_restored_write(dir, &restored, NULL), 0);
	ck_assert_int_eq(agent_restored_read(&restored, dir, NULL), 0);
	ck_assert(!restored.done && !restored.settled && !restored.opened);
	ck_assert_int_eq(restored.time_ms, 12);
	ck_assert_str_eq(restored.gtid, "0-1-5");
	restored.done = restored.settled = restored.opened = true;
	ck_assert_int_eq(agent_restored_write(dir, &restored, NULL), 0);
	ck_assert_int_eq(agent_restored_read(&restored, dir, NULL), 0);
	ck_assert(restored.done && restored.settled && restored.opened);
	ck_assert_str_eq(restored.backup, "b-1");
	ck_assert_int_eq(agent_restored_clear(dir, NULL), 0);
	ck_assert_int_eq(agent_restored_clear(dir, NULL), 0);
	ck_assert_int_eq(agent_restored_read(&restored, dir, NULL), 0);
	ck_assert_str_eq(restored.backup, "");
	/* As agents wrote it before there was more to know. */
	put("restored.json", "{\"backup\":\"b-1\",\"done\":true,\"time\":\"x\"}", 0600);
	ck_assert_int_eq(agent_restored_read(&restored, dir, NULL), 0);
	ck_assert(restored.done && restored.time_ms == 0 && !*restored.gtid);
	put("restored.json", "{", 0600);
	ck_assert_int_eq(agent_restored_read(&restored, dir, NULL), DRO_ECORRUPT);
}
END_TEST

START_TEST(progress_text)
{
	struct dro_buf text = DRO_BUF_INIT(4096);
	struct agent_progress *progress;

	ck_assert_int_eq(agent_progress_new(&progress, NULL), 0);
	agent_progress_who(progress, "mem\"phis", "tier2");
	agent_progress_backup(progress, "b-1", 100);
	agent_progress_done(progress, 40);
	agent_progress_error(progress, "no\nluck", true);
	agent_progress_print(progress, &text);
	ck_assert_str_eq(dro_buf_str(&text),
		"{\"version\":1,\"service\":\"mem\\\"phis\",\"site\":\"tier2\","
		"\"state\":\"failed\",\"backup\":\"b-1\",\"done_bytes\":40,\"total_bytes\":100,"
		"\"error\":\"no\\nluck\",\"recovery_time\":\"\",\"recovery_gtid\":\"\","
		"\"started\":false}\n");
	dro_buf_reset(&text);
	agent_progress_recovered(progress, 1795204553120, "0-1-5,3-1-1");
	agent_progress_print(progress, &text);
	ck_assert_ptr_nonnull(
		strstr(dro_buf_str(&text), "\"recovery_time\":\"2026-11-20T19:55:53.120Z\","
					   "\"recovery_gtid\":\"0-1-5,3-1-1\""));
	agent_progress_free(progress);
	dro_buf_free(&text);
}
END_TEST

START_TEST(config_good)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_config *config = NULL;

	put("agent.yaml",
		"service: memphis\nsite: main\nstate: /var/lib/x\n"
		"store:\n  plugin: aws\n  region: us-west-2\n  bucket: memphis-dr\n"
		"  prefix: offsite/\n  credentials: {access_key_id: {env: KEY}}\n"
		"source: {kind: sqlite, path: /srv/db}\nrestore: {deadline: 20m}\n"
		"start: {command: [/bin/a, b]}\nlisten: {address: 127.0.0.9, port: 0}\n",
		0600);
	ck_assert_msg(
		agent_config_load(&config, in_dir("agent.yaml"), &err) == 0, "%s", err.message);
	ck_assert_str_eq(config->store.account.plugin, "aws");
	ck_assert_uint_eq(config->store.account.setting_count, 1);
	ck_assert_str_eq(config->store.account.settings[0].value, "us-west-2");
	ck_assert_uint_eq(config->store.account.credential_count, 1);
	ck_assert_str_eq(config->store.prefix, "offsite/");
	ck_assert_int_eq(config->source.kind, DRO_BACKUP_SQLITE);
	ck_assert_str_eq(config->restore, "");
	ck_assert_int_eq(config->restore_ms, 20 * 60 * 1000);
	ck_assert_str_eq(config->command[1], "b");
	ck_assert_ptr_null(config->command[2]);
	ck_assert_int_eq(config->port, 0);
	ck_assert_int_eq(config->part_mib, 64);
	agent_config_free(config);
}
END_TEST

START_TEST(config_bad)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_config *config = NULL;

	put("agent.yaml",
		"service: memphis\nstoer: {}\nsource: {kind: tape, path: srv}\n"
		"backup: {part_mib: 65}\n",
		0600);
	ck_assert_int_eq(agent_config_load(&config, in_dir("agent.yaml"), &err), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "agent.yaml:2:1: "));
	ck_assert_ptr_nonnull(strstr(err.message, "'store'"));
	ck_assert_ptr_nonnull(strstr(err.message, "tape"));
	ck_assert_ptr_nonnull(strstr(err.message, "65"));
	ck_assert_int_eq(agent_config_load(&config, in_dir("none"), &err), DRO_ENOTFOUND);
}
END_TEST

#define MARIADB                                                                                    \
	"service: memphis\nstore: {plugin: aws, bucket: memphis-dr}\n"                             \
	"source: {kind: mariadb, path: /var/lib/mysql}\n"

START_TEST(config_mariadb)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_config *config = NULL;

	put("agent.yaml", MARIADB, 0600);
	ck_assert_int_eq(agent_config_load(&config, in_dir("agent.yaml"), &err), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "agent.yaml:3:16: "));
	ck_assert_ptr_nonnull(strstr(err.message, "'database'"));
	ck_assert_ptr_nonnull(strstr(err.message, "'backup.encryption.key'"));
	put("agent.yaml", MARIADB "database: {kind: mariadb}\n", 0600);
	ck_assert_int_eq(agent_config_load(&config, in_dir("agent.yaml"), &err), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "'database.boot_file'"));
	put("agent.yaml",
		MARIADB "database: {kind: mariadb, boot_file: /etc/mysql/zz.cnf}\n"
			"backup: {encryption: {key: {file: /etc/drorch/backup.key}}}\n",
		0600);
	ck_assert_msg(
		agent_config_load(&config, in_dir("agent.yaml"), &err) == 0, "%s", err.message);
	ck_assert_int_eq(config->source.kind, DRO_BACKUP_MARIADB);
	ck_assert_str_eq(config->backup_key.value, "/etc/drorch/backup.key");
	ck_assert_int_eq(config->full_every_ms, 7 * 24 * 3600 * 1000LL);
	ck_assert_str_eq(config->owner, "mysql");
	ck_assert_str_eq(config->database.server.start[0], "systemctl");
	ck_assert_ptr_null(config->database.server.start[3]);
	agent_config_free(config);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent");
	TCase *tests = tcase_create("agent");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, folder_comes_back);
	tcase_add_test(tests, broken_archive_is_refused);
	tcase_add_test(tests, sink_error_is_kept);
	tcase_add_test(tests, database_copy_of_one_moment);
	tcase_add_test(tests, database_damage_is_found);
	tcase_add_test(tests, userdata_good);
	tcase_add_loop_test(
		tests, userdata_bad, 0, (int)(sizeof(bad_userdata) / sizeof(bad_userdata[0])));
	tcase_add_test(tests, userdata_file);
	tcase_add_test(tests, restored_is_remembered);
	tcase_add_test(tests, progress_text);
	tcase_add_test(tests, config_good);
	tcase_add_test(tests, config_bad);
	tcase_add_test(tests, config_mariadb);
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
