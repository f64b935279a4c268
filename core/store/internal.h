/* What the store's files share. Not for others: they see store.h. */
#ifndef DRORCH_STORE_INTERNAL_H
#define DRORCH_STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/store.h"

#define STORE_STATEMENTS 48

/* A prepared statement that is kept for the next time. */
struct store_statement {
	const char *sql;
	sqlite3_stmt *statement; /* NULL: this place and those behind it are free */
	bool used;
};

struct dro_store {
	sqlite3 *db;
	pthread_mutex_t lock; /* recursive: an emit callback may read */
	struct store_statement statements[STORE_STATEMENTS];
	sqlite3_stmt *data_version;
	char *path;
	int64_t seen;	  /* data_version when last asked */
	uint64_t version; /* dro_store_version's answer */
	bool soon;	  /* as the next commit is to be: on its way to the disk, not there */
	bool behind;	  /* something was committed so, and nothing synced since */
	bool lost;	  /* a sync failed: see dro_store_sync */
};

#define BUSY_MS 5000 /* how long another process's transaction is waited for */

/* What SQLite said last, as ours, beginning with the file's name. */
int store_fail(struct dro_store *store, struct dro_error *err);

/*
 * Prepares `sql` and binds its parameters in turn: `types` has a letter for each, 't' const char *
 * (NULL: ""), 'i' int64_t, 'h' a 32-byte hash. `sql` is a literal: it is known by its address. The
 * caller gives *out back with store_done.
 */
int store_query(struct dro_store *store, sqlite3_stmt **out, struct dro_error *err, const char *sql,
	const char *types, ...);
/* Gives it back; NULL-safe. */
void store_done(struct dro_store *store, sqlite3_stmt *query);
/* Before the database is closed. */
void store_forget_statements(struct dro_store *store);
/* The same to its end, for statements without rows. */
int store_run(
	struct dro_store *store, struct dro_error *err, const char *sql, const char *types, ...);
/* 1: a row, 0: no more, <0: an error. */
int store_next(struct dro_store *store, sqlite3_stmt *query, struct dro_error *err);
/* A column as a C string that the statement owns; never NULL. */
const char *store_text(sqlite3_stmt *query, int column);

/* Locks the handle, and the database for writing. When it fails, store_end must not follow. */
int store_begin(struct dro_store *store, struct dro_error *err);
/* The same for what need not be on the disk before dro_store_sync: it costs no wait for the disk.
 */
int store_begin_soon(struct dro_store *store, struct dro_error *err);
/* Commits where `rc` is 0, else takes everything back; unlocks. Returns rc, or why not committed.
 */
int store_end(struct dro_store *store, int rc, struct dro_error *err);

/* Inside a transaction: is the lease still the service's? DRO_EBUSY with the holder named. */
int store_lease_check(
	struct dro_store *store, const struct dro_lease *lease, struct dro_error *err);

/* Inside a transaction: appends a row to a hash chain. */
int store_journal_add(struct dro_store *store, const char *run, const char *step, const char *event,
	const char *data, struct dro_error *err);
int store_event_add(struct dro_store *store, const char *service, const char *kind, const char *run,
	const char *text, struct dro_error *err);

/* Makes or migrates the schema, or refuses a newer one. */
int store_schema(struct dro_store *store, bool read_only, struct dro_error *err);

#endif
