#include "s3.h"

#include <stdarg.h>

static const char schema[] =
	"PRAGMA journal_mode=WAL;"
	/* Survives a kill of the lab; the power of a rehearsal machine may cost the last writes. */
	"PRAGMA synchronous=OFF;"
	"PRAGMA foreign_keys=ON;"
	"CREATE TABLE IF NOT EXISTS bucket("
	" name TEXT PRIMARY KEY, region TEXT NOT NULL, created_ms INTEGER NOT NULL) WITHOUT ROWID;"
	/* What a bucket is set up to be: `kind` is "website" or "policy". */
	"CREATE TABLE IF NOT EXISTS setting("
	" bucket TEXT NOT NULL REFERENCES bucket(name) ON DELETE CASCADE, kind TEXT NOT NULL,"
	" value TEXT NOT NULL, PRIMARY KEY(bucket, kind)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS object("
	" bucket TEXT NOT NULL REFERENCES bucket(name), key TEXT NOT NULL, size INTEGER NOT NULL,"
	" etag TEXT NOT NULL, made_ms INTEGER NOT NULL, blob TEXT NOT NULL, headers TEXT NOT NULL,"
	" PRIMARY KEY(bucket, key)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS upload("
	" id TEXT PRIMARY KEY, bucket TEXT NOT NULL REFERENCES bucket(name), key TEXT NOT NULL,"
	" begun_ms INTEGER NOT NULL, headers TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS part("
	" upload TEXT NOT NULL REFERENCES upload(id) ON DELETE CASCADE, number INTEGER NOT NULL,"
	" size INTEGER NOT NULL, etag TEXT NOT NULL, made_ms INTEGER NOT NULL, blob TEXT NOT NULL,"
	" PRIMARY KEY(upload, number)) WITHOUT ROWID;";

static int failed(struct s3 *s3, struct dro_error *err)
{
	return dro_fail(err, DRO_EIO, "s3 index: %s", sqlite3_errmsg(s3->db));
}

int s3_index_open(struct s3 *s3, const char *path, struct dro_error *err)
{
	if (sqlite3_open_v2(path, &s3->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ||
		sqlite3_busy_timeout(s3->db, 5000) ||
		sqlite3_exec(s3->db, schema, NULL, NULL, NULL))
		return failed(s3, err);
	return 0;
}

void s3_index_close(struct s3 *s3)
{
	sqlite3_close(s3->db);
	s3->db = NULL;
}

static int prepare(struct s3 *s3, sqlite3_stmt **out, struct dro_error *err, const char *sql,
	const char *types, va_list args)
{
	int i, rc = sqlite3_prepare_v2(s3->db, sql, -1, out, NULL);

	for (i = 0; rc == SQLITE_OK && types[i]; i++) {
		if (types[i] == 'i')
			rc = sqlite3_bind_int64(*out, i + 1, va_arg(args, int64_t));
		else
			rc = sqlite3_bind_text(
				*out, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
	}
	if (rc == SQLITE_OK)
		return 0;
	failed(s3, err);
	sqlite3_finalize(*out);
	*out = NULL;
	return DRO_EIO;
}

int s3_query(struct s3 *s3, sqlite3_stmt **out, struct dro_error *err, const char *sql,
	const char *types, ...)
{
	va_list args;
	int rc;

	va_start(args, types);
	rc = prepare(s3, out, err, sql, types, args);
	va_end(args);
	return rc;
}

int s3_row(struct s3 *s3, sqlite3_stmt *query, struct dro_error *err)
{
	int rc = sqlite3_step(query);

	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : failed(s3, err);
}

int s3_run(struct s3 *s3, struct dro_error *err, const char *sql, const char *types, ...)
{
	sqlite3_stmt *query = NULL;
	va_list args;
	int rc;

	va_start(args, types);
	rc = prepare(s3, &query, err, sql, types, args);
	va_end(args);
	if (rc == 0)
		while ((rc = s3_row(s3, query, err)) > 0)
			continue;
	sqlite3_finalize(query);
	return rc;
}

const char *s3_text(sqlite3_stmt *query, int column)
{
	const unsigned char *text = sqlite3_column_text(query, column);

	return text ? (const char *)text : "";
}

int s3_end(struct s3 *s3, int rc, struct dro_error *err)
{
	if (rc == 0)
		rc = s3_run(s3, err, "COMMIT", "");
	if (rc < 0)
		sqlite3_exec(s3->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}
