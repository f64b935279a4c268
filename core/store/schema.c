#include "store/internal.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

#define APPLICATION_ID 0x44524f31 /* "DRO1": what file(1) and we know our databases by */

/* Each brings the schema from version i to i + 1. Never change one that was released: add one. */
static const char *const migrations[] = {
	/* `n` keeps the order of making; ids are random. */
	"CREATE TABLE runs ("
	" n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, service TEXT NOT NULL,"
	" kind TEXT NOT NULL, mode TEXT NOT NULL, from_site TEXT NOT NULL, to_site TEXT NOT NULL,"
	" state TEXT NOT NULL, plan TEXT NOT NULL, outcome TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,"
	" epoch INTEGER NOT NULL, abort_wanted INTEGER NOT NULL);"
	"CREATE INDEX runs_service ON runs (service, n);"
	"CREATE TABLE steps ("
	" run TEXT NOT NULL REFERENCES runs (id), n INTEGER NOT NULL, id TEXT NOT NULL,"
	" state TEXT NOT NULL, outputs TEXT NOT NULL, note TEXT NOT NULL, error TEXT NOT NULL,"
	" attempts INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,"
	" PRIMARY KEY (run, n), UNIQUE (run, id)) WITHOUT ROWID;"
	"CREATE TABLE journal ("
	" seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, run TEXT NOT NULL REFERENCES runs "
	"(id),"
	" step TEXT NOT NULL, event TEXT NOT NULL, data TEXT NOT NULL, hash BLOB NOT NULL);"
	"CREATE INDEX journal_run ON journal (run, seq);"
	"CREATE TABLE events ("
	" seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, service TEXT NOT NULL,"
	" kind TEXT NOT NULL, run TEXT NOT NULL, text TEXT NOT NULL, hash BLOB NOT NULL);"
	"CREATE INDEX events_service ON events (service, seq);"
	/* The last row of each chain, so that a cut end is seen too. */
	"CREATE TABLE chains (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash BLOB NOT NULL);"
	"INSERT INTO chains VALUES ('journal', 0, zeroblob(32)), ('events', 0, zeroblob(32));"
	"CREATE TABLE leases ("
	" service TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL,"
	" expires_ms INTEGER NOT NULL);"
	"CREATE TABLE facts ("
	" service TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
	" changed_ms INTEGER NOT NULL, PRIMARY KEY (service, key)) WITHOUT ROWID;",
};

#define SCHEMA_VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

static int get_number(struct dro_store *store, const char *pragma, int *out, struct dro_error *err)
{
	sqlite3_stmt *query;
	int rc;

	if ((rc = store_query(store, &query, err, pragma, "")) < 0)
		return rc;
	if ((rc = store_next(store, query, err)) > 0) {
		*out = sqlite3_column_int(query, 0);
		rc = 0;
	}
	store_done(store, query);
	return rc;
}

/* Whose database is it, and of which version? */
static int read_version(struct dro_store *store, int *version, struct dro_error *err)
{
	int application = 0, rc;

	if ((rc = get_number(store, "PRAGMA user_version", version, err)) < 0 ||
		(rc = get_number(store, "PRAGMA application_id", &application, err)) < 0)
		return rc;
	if (*version > 0 && application != APPLICATION_ID)
		return dro_fail(err, DRO_EINVAL, "%s: not a database of drorch", store->path);
	if (*version > SCHEMA_VERSION)
		return dro_fail(err, DRO_EUNSUPPORTED,
			"%s: made by a newer drorch (schema %d, this one knows %d): use that one",
			store->path, *version, SCHEMA_VERSION);
	return 0;
}

static int migrate(struct dro_store *store, struct dro_error *err)
{
	char end[96];
	int version, rc;

	if ((rc = store_begin(store, err)) < 0)
		return rc;
	/* Again, now that nobody else can change it. */
	rc = read_version(store, &version, err);
	for (; rc == 0 && version < SCHEMA_VERSION; version++)
		if (sqlite3_exec(store->db, migrations[version], NULL, NULL, NULL) != SQLITE_OK)
			rc = store_fail(store, err);
	snprintf(end, sizeof(end), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
		APPLICATION_ID, SCHEMA_VERSION);
	if (rc == 0 && sqlite3_exec(store->db, end, NULL, NULL, NULL) != SQLITE_OK)
		rc = store_fail(store, err);
	return store_end(store, rc, err);
}

/* SQLite does not wait by itself where two processes make a new database at once. */
static int use_wal(struct dro_store *store, struct dro_error *err)
{
	uint64_t deadline = dro_now_ms() + BUSY_MS;
	int rc;

	while ((rc = store_run(store, err, "PRAGMA journal_mode = WAL", "")) == DRO_EAGAIN &&
		dro_now_ms() < deadline)
		nanosleep(&(struct timespec){0, 5000000}, NULL);
	return rc;
}

int store_schema(struct dro_store *store, bool read_only, struct dro_error *err)
{
	int version, rc;

	if ((rc = read_version(store, &version, err)) < 0)
		return rc;
	if (version == SCHEMA_VERSION)
		return 0;
	if (read_only && version == 0)
		return dro_fail(err, DRO_ENOTFOUND, "%s: nothing is stored yet", store->path);
	if (read_only)
		return dro_fail(err, DRO_EUNSUPPORTED,
			"%s: made by an older drorch (schema %d); a command that changes something "
			"brings it to %d",
			store->path, version, SCHEMA_VERSION);
	if ((rc = use_wal(store, err)) < 0)
		return rc;
	return migrate(store, err);
}
