#include "bookings.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"

#define BUSY_MS 5000 /* a backup or a checkpoint may hold the file for a moment */
#define ID_LENGTH 12

struct bookings {
	sqlite3 *db;
};

/* FULL: with WAL, only then is a commit on the disk when it returns. */
static const char schema[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	"CREATE TABLE IF NOT EXISTS bookings(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
	" guest TEXT NOT NULL, room TEXT NOT NULL, time TEXT NOT NULL) STRICT;";

static int failed(const struct bookings *bookings, struct dro_error *err)
{
	return dro_fail(err, DRO_EIO, "database: %s", sqlite3_errmsg(bookings->db));
}

int bookings_open(struct bookings **out, const char *path, struct dro_error *err)
{
	struct bookings *bookings = calloc(1, sizeof(*bookings));
	int rc;

	if (!bookings)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (sqlite3_open_v2(path, &bookings->db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		    NULL) != SQLITE_OK ||
		sqlite3_busy_timeout(bookings->db, BUSY_MS) != SQLITE_OK ||
		sqlite3_exec(bookings->db, schema, NULL, NULL, NULL) != SQLITE_OK) {
		rc = failed(bookings, err);
		dro_error_context(err, "%s", path);
		bookings_close(bookings);
		return rc;
	}
	*out = bookings;
	return 0;
}

void bookings_close(struct bookings *bookings)
{
	if (!bookings)
		return;
	sqlite3_close(bookings->db);
	free(bookings);
}

static void print(
	struct dro_buf *out, const char *id, const char *guest, const char *room, const char *time)
{
	dro_buf_puts(out, "{\"id\":");
	dro_json_quote(out, id);
	dro_buf_puts(out, ",\"guest\":");
	dro_json_quote(out, guest);
	dro_buf_puts(out, ",\"room\":");
	dro_json_quote(out, room);
	dro_buf_puts(out, ",\"time\":");
	dro_json_quote(out, time);
	dro_buf_puts(out, "}\n");
}

int bookings_add(struct bookings *bookings, const char *guest, const char *room,
	struct dro_buf *out, struct dro_error *err)
{
	char id[ID_LENGTH + 1], time[DRO_TIME_TEXT];
	sqlite3_stmt *stmt = NULL;
	int rc = 0;

	/* Not the row's number: a number lost with a site would soon name another booking. */
	dro_random_id(id, ID_LENGTH);
	dro_time_format(time, dro_wall_ms());
	if (sqlite3_prepare_v2(bookings->db,
		    "INSERT INTO bookings(id, guest, room, time) VALUES (?, ?, ?, ?)", -1, &stmt,
		    NULL) != SQLITE_OK ||
		sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC) != SQLITE_OK ||
		sqlite3_bind_text(stmt, 2, guest, -1, SQLITE_STATIC) != SQLITE_OK ||
		sqlite3_bind_text(stmt, 3, room, -1, SQLITE_STATIC) != SQLITE_OK ||
		sqlite3_bind_text(stmt, 4, time, -1, SQLITE_STATIC) != SQLITE_OK ||
		sqlite3_step(stmt) != SQLITE_DONE)
		rc = failed(bookings, err);
	else
		print(out, id, guest, room, time);
	sqlite3_finalize(stmt);
	return rc;
}

static const char *text(sqlite3_stmt *stmt, int column)
{
	const char *value = (const char *)sqlite3_column_text(stmt, column);

	return value ? value : "";
}

int bookings_get(
	struct bookings *bookings, const char *id, struct dro_buf *out, struct dro_error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = 0, step;

	if (sqlite3_prepare_v2(bookings->db,
		    "SELECT id, guest, room, time FROM bookings WHERE id = ?", -1, &stmt,
		    NULL) != SQLITE_OK ||
		sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC) != SQLITE_OK) {
		rc = failed(bookings, err);
		goto out;
	}
	step = sqlite3_step(stmt);
	if (step == SQLITE_ROW)
		print(out, text(stmt, 0), text(stmt, 1), text(stmt, 2), text(stmt, 3));
	else if (step == SQLITE_DONE)
		rc = dro_fail(err, DRO_ENOTFOUND, "no such booking");
	else
		rc = failed(bookings, err);
out:
	sqlite3_finalize(stmt);
	return rc;
}

int bookings_summary(struct bookings *bookings, struct dro_buf *out, struct dro_error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = 0;

	if (sqlite3_prepare_v2(bookings->db,
		    "SELECT (SELECT count(*) FROM bookings), id, time FROM"
		    " (SELECT 1) LEFT JOIN bookings ORDER BY number DESC LIMIT 1",
		    -1, &stmt, NULL) != SQLITE_OK ||
		sqlite3_step(stmt) != SQLITE_ROW) {
		rc = failed(bookings, err);
		goto out;
	}
	dro_buf_printf(out, "{\"count\":%lld,\"last\":", (long long)sqlite3_column_int64(stmt, 0));
	dro_json_quote(out, text(stmt, 1));
	dro_buf_puts(out, ",\"newest\":");
	dro_json_quote(out, text(stmt, 2));
	dro_buf_puts(out, "}\n");
out:
	sqlite3_finalize(stmt);
	return rc;
}

int bookings_check(struct bookings *bookings, struct dro_error *err)
{
	if (sqlite3_exec(bookings->db, "SELECT number FROM bookings LIMIT 1", NULL, NULL, NULL) !=
		SQLITE_OK)
		return failed(bookings, err);
	return 0;
}
