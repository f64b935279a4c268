#include <sqlite3.h>
#include <stdlib.h>

#include "bookings_driver.h"

#define BUSY_MS 5000 /* a backup or a checkpoint may hold the file for a moment */

/* FULL: with WAL, only then is a commit on the disk when it returns. */
static const char schema[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	"CREATE TABLE IF NOT EXISTS bookings(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
	" guest TEXT NOT NULL, room TEXT NOT NULL, time TEXT NOT NULL) STRICT;";

static int failed(sqlite3 *db, struct dro_error *err)
{
	return dro_fail(err, DRO_EIO, "database: %s", sqlite3_errmsg(db));
}

static int add(void *handle, const struct bookings_row *row, struct dro_error *err)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = handle;
	int rc = 0;

	if (sqlite3_prepare_v2(db,
		    "INSERT INTO bookings(id, guest, room, time) VALUES (?, ?, ?, ?)", -1, &stmt,
		    NULL) != SQLITE_OK ||
		sqlite3_bind_text(stmt, 1, row->id, -1, SQLITE_STATIC) != SQLITE_OK ||
		sqlite3_bind_text(stmt, 2, row->guest, -1, SQLITE_STATIC) != SQLITE_OK ||
		sqlite3_bind_text(stmt, 3, row->room, -1, SQLITE_STATIC) != SQLITE_OK ||
		sqlite3_bind_text(stmt, 4, row->time, -1, SQLITE_STATIC) != SQLITE_OK ||
		sqlite3_step(stmt) != SQLITE_DONE)
		rc = failed(db, err);
	if (rc < 0 && sqlite3_extended_errcode(db) == SQLITE_CONSTRAINT_UNIQUE)
		rc = dro_fail(err, DRO_ECONFLICT, "the id is taken");
	sqlite3_finalize(stmt);
	return rc;
}

static const char *text(sqlite3_stmt *stmt, int column)
{
	const char *value = (const char *)sqlite3_column_text(stmt, column);

	return value ? value : "";
}

static int get(
	void *handle, const char *id, bookings_found *found, void *arg, struct dro_error *err)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = handle;
	int rc = 0, step;

	if (sqlite3_prepare_v2(db, "SELECT id, guest, room, time FROM bookings WHERE id = ?", -1,
		    &stmt, NULL) != SQLITE_OK ||
		sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC) != SQLITE_OK) {
		rc = failed(db, err);
		goto out;
	}
	step = sqlite3_step(stmt);
	if (step == SQLITE_ROW)
		found(arg, &(struct bookings_row){
				   text(stmt, 0), text(stmt, 1), text(stmt, 2), text(stmt, 3)});
	else if (step == SQLITE_DONE)
		rc = dro_fail(err, DRO_ENOTFOUND, "no such booking");
	else
		rc = failed(db, err);
out:
	sqlite3_finalize(stmt);
	return rc;
}

static int summary(void *handle, struct dro_buf *out, struct dro_error *err)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = handle;
	int rc = 0;

	if (sqlite3_prepare_v2(db,
		    "SELECT (SELECT count(*) FROM bookings), id, time FROM"
		    " (SELECT 1) LEFT JOIN bookings ORDER BY number DESC LIMIT 1",
		    -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		bookings_print_summary(
			out, sqlite3_column_int64(stmt, 0), text(stmt, 1), text(stmt, 2));
	else
		rc = failed(db, err);
	sqlite3_finalize(stmt);
	return rc;
}

static int check(void *handle, struct dro_error *err)
{
	sqlite3 *db = handle;

	if (sqlite3_exec(db, "SELECT number FROM bookings LIMIT 1", NULL, NULL, NULL) != SQLITE_OK)
		return failed(db, err);
	return 0;
}

static void close_handle(void *handle)
{
	sqlite3_close(handle);
}

static const struct bookings_driver driver = {
	.add = add, .get = get, .summary = summary, .check = check, .close = close_handle};

int bookings_open_sqlite(struct bookings **out, const char *path, struct dro_error *err)
{
	sqlite3 *db = NULL;
	void *handle;
	int rc;

	if (sqlite3_open_v2(path, &db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		    NULL) != SQLITE_OK ||
		sqlite3_busy_timeout(db, BUSY_MS) != SQLITE_OK ||
		sqlite3_exec(db, schema, NULL, NULL, NULL) != SQLITE_OK) {
		rc = failed(db, err);
		dro_error_context(err, "%s", path);
		sqlite3_close(db);
		return rc;
	}
	handle = db;
	return bookings_new(out, &driver, &handle, 1, err);
}
