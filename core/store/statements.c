/*
 * Statements. Preparing one takes longer than running it, and a run writes the same few again and
 * again: they are kept.
 */
#include "store/internal.h"

#include <string.h>

#include "base/hash.h"

/* One that is kept and not in use, or a new one. */
static int get(struct dro_store *store, sqlite3_stmt **out, const char *sql)
{
	struct store_statement *kept = store->statements, *end = kept + STORE_STATEMENTS;
	int rc;

	for (; kept < end && kept->statement; kept++)
		if (kept->sql == sql && !kept->used) {
			kept->used = true;
			*out = kept->statement;
			return SQLITE_OK;
		}
	rc = sqlite3_prepare_v2(store->db, sql, -1, out, NULL);
	/* Some pragmas do their work while they are prepared. */
	if (rc == SQLITE_OK && kept < end && strncmp(sql, "PRAGMA", 6) != 0)
		*kept = (struct store_statement){sql, *out, true};
	return rc;
}

static int prepare(struct dro_store *store, sqlite3_stmt **out, struct dro_error *err,
	const char *sql, const char *types, va_list args)
{
	const char *text;
	int rc, i;

	*out = NULL;
	rc = get(store, out, sql);
	for (i = 0; rc == SQLITE_OK && types[i]; i++) {
		switch (types[i]) {
		case 't':
			text = va_arg(args, const char *);
			rc = sqlite3_bind_text(*out, i + 1, text ? text : "", -1, SQLITE_STATIC);
			break;
		case 'h':
			rc = sqlite3_bind_blob(*out, i + 1, va_arg(args, const void *),
				DRO_SHA256_BYTES, SQLITE_STATIC);
			break;
		default:
			rc = sqlite3_bind_int64(*out, i + 1, va_arg(args, int64_t));
		}
	}
	if (rc == SQLITE_OK)
		return 0;
	rc = store_fail(store, err);
	store_done(store, *out);
	*out = NULL;
	return rc;
}

int store_query(struct dro_store *store, sqlite3_stmt **out, struct dro_error *err, const char *sql,
	const char *types, ...)
{
	va_list args;
	int rc;

	va_start(args, types);
	rc = prepare(store, out, err, sql, types, args);
	va_end(args);
	return rc;
}

int store_run(
	struct dro_store *store, struct dro_error *err, const char *sql, const char *types, ...)
{
	sqlite3_stmt *query;
	va_list args;
	int rc;

	va_start(args, types);
	rc = prepare(store, &query, err, sql, types, args);
	va_end(args);
	while (rc == 0 && (rc = store_next(store, query, err)) > 0)
		rc = 0;
	store_done(store, query);
	return rc;
}

int store_next(struct dro_store *store, sqlite3_stmt *query, struct dro_error *err)
{
	switch (sqlite3_step(query)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return store_fail(store, err);
	}
}

const char *store_text(sqlite3_stmt *query, int column)
{
	const char *text = (const char *)sqlite3_column_text(query, column);

	return text ? text : "";
}

void store_done(struct dro_store *store, sqlite3_stmt *query)
{
	struct store_statement *kept = store->statements, *end = kept + STORE_STATEMENTS;

	for (; kept < end && kept->statement; kept++)
		if (kept->statement == query) {
			sqlite3_reset(query);
			sqlite3_clear_bindings(query);
			kept->used = false;
			return;
		}
	sqlite3_finalize(query);
}

void store_forget_statements(struct dro_store *store)
{
	size_t i;

	for (i = 0; i < STORE_STATEMENTS; i++)
		sqlite3_finalize(store->statements[i].statement);
	memset(store->statements, 0, sizeof(store->statements));
}
