#include "agent/sqlite.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define STEP_PAGES 4096 /* between two looks at the clock */
#define BUSY_MS 10000

static int failed(sqlite3 *db, const char *path, struct dro_error *err)
{
	int code = sqlite3_extended_errcode(db) & 0xff;

	if (code == SQLITE_INTERRUPT)
		return dro_fail(err, DRO_ETIMEDOUT, "%s: the deadline has passed", path);
	return dro_fail(err,
		code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? DRO_ECORRUPT : DRO_EIO, "%s: %s",
		path, sqlite3_errmsg(db));
}

static int past_deadline(void *arg)
{
	return dro_now_ms() > *(uint64_t *)arg;
}

/* `deadline_ms` stays the caller's while the database is open. */
static int open_database(
	sqlite3 **out, const char *path, int flags, uint64_t *deadline_ms, struct dro_error *err)
{
	int rc;

	if (sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		rc = *out ? failed(*out, path, err) : dro_fail(err, DRO_ENOMEM, "out of memory");
		sqlite3_close(*out);
		*out = NULL;
		return rc;
	}
	sqlite3_busy_timeout(*out, BUSY_MS);
	sqlite3_progress_handler(*out, 10000, past_deadline, deadline_ms);
	return 0;
}

/* The numbers by which two copies of one moment are alike. */
static const char *const numbers[] = {"page_count", "page_size", "schema_version", "user_version"};

static int read_number(
	sqlite3 *db, const char *path, const char *name, int64_t *out, struct dro_error *err)
{
	sqlite3_stmt *stmt = NULL;
	char sql[64];
	int rc = 0;

	snprintf(sql, sizeof(sql), "PRAGMA %s", name);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
		sqlite3_step(stmt) != SQLITE_ROW)
		rc = failed(db, path, err);
	else
		*out = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc;
}

static int check_integrity(sqlite3 *db, const char *path, struct dro_error *err)
{
	sqlite3_stmt *stmt = NULL;
	const char *word;
	int rc = 0;

	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &stmt, NULL) != SQLITE_OK ||
		sqlite3_step(stmt) != SQLITE_ROW) {
		rc = failed(db, path, err);
		goto out;
	}
	word = (const char *)sqlite3_column_text(stmt, 0);
	if (!word || strcmp(word, "ok") != 0)
		rc = dro_fail(err, DRO_ECORRUPT, "%s: integrity_check: %.400s", path,
			word ? word : "no answer");
out:
	sqlite3_finalize(stmt);
	return rc;
}

/* Copies within one read transaction of `from`, so that no writer makes it begin again. */
static int copy_pages(sqlite3 *from, const char *path, sqlite3 *to, int64_t *time_ms,
	uint64_t deadline_ms, struct dro_error *err)
{
	sqlite3_backup *backup;
	int step, rc = 0;

	if (sqlite3_exec(from, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) !=
		SQLITE_OK)
		return failed(from, path, err);
	*time_ms = dro_wall_ms();
	backup = sqlite3_backup_init(to, "main", from, "main");
	if (!backup)
		return failed(to, path, err);
	do {
		step = sqlite3_backup_step(backup, STEP_PAGES);
		if (dro_now_ms() > deadline_ms) {
			rc = dro_fail(err, DRO_ETIMEDOUT, "%s: the deadline has passed", path);
			break;
		}
		if (step == SQLITE_BUSY || step == SQLITE_LOCKED)
			sqlite3_sleep(20);
	} while (step == SQLITE_OK || step == SQLITE_BUSY || step == SQLITE_LOCKED);
	step = sqlite3_backup_finish(backup);
	if (rc == 0 && step != SQLITE_OK)
		rc = dro_fail(err, DRO_EIO, "%s: copying it: %s", path, sqlite3_errstr(step));
	return rc;
}

static int add_mark(sqlite3 *db, const char *path, cJSON *mark, struct dro_error *err)
{
	int64_t value = 0;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if ((rc = read_number(db, path, numbers[i], &value, err)) < 0)
			return rc;
		if (!cJSON_AddNumberToObject(mark, numbers[i], (double)value))
			return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	return 0;
}

int agent_sqlite_copy(const char *path, const char *copy, cJSON *mark, int64_t *time_ms,
	uint64_t deadline_ms, struct dro_error *err)
{
	sqlite3 *from = NULL, *to = NULL;
	int rc;

	if (access(copy, F_OK) == 0)
		return dro_fail(err, DRO_ECONFLICT, "%s is there already", copy);
	/* Read-write, because a reader of a database in WAL mode writes its index. */
	if ((rc = open_database(&from, path, SQLITE_OPEN_READWRITE, &deadline_ms, err)) < 0 ||
		(rc = open_database(&to, copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			 &deadline_ms, err)) < 0 ||
		(rc = copy_pages(from, path, to, time_ms, deadline_ms, err)) < 0 ||
		(rc = check_integrity(to, copy, err)) < 0)
		goto out;
	rc = add_mark(to, copy, mark, err);
out:
	sqlite3_close(to);
	sqlite3_close(from);
	if (rc < 0)
		agent_sqlite_remove(copy);
	return rc;
}

int agent_sqlite_check(
	const char *path, const cJSON *mark, uint64_t deadline_ms, struct dro_error *err)
{
	int64_t want, have = 0;
	sqlite3 *db = NULL;
	size_t i;
	int rc;

	if ((rc = open_database(&db, path, SQLITE_OPEN_READWRITE, &deadline_ms, err)) < 0)
		return rc;
	if ((rc = check_integrity(db, path, err)) < 0)
		goto out;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if ((rc = dro_json_int(mark, numbers[i], -1, &want, err)) < 0 ||
			(rc = read_number(db, path, numbers[i], &have, err)) < 0)
			goto out;
		if (want >= 0 && want != have) {
			rc = dro_fail(err, DRO_ECORRUPT, "%s: its %s is %lld, not %lld", path,
				numbers[i], (long long)have, (long long)want);
			goto out;
		}
	}
out:
	sqlite3_close(db);
	return rc;
}

void agent_sqlite_remove(const char *path)
{
	static const char *const suffixes[] = {"", "-journal", "-wal", "-shm"};
	char *name = NULL;
	size_t i;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (asprintf(&name, "%s%s", path, suffixes[i]) < 0)
			return;
		unlink(name);
		free(name);
	}
}
