/*
 * Hash chains: each row of `journal` and `events` holds sha256(hash of the row before, its own
 * fields), and `chains` the last one, so that a changed, removed or added row is found.
 */
#include "store/internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

#define ROW_MAX (64u << 20)

struct link {
	int64_t seq, time_ms;
	const char *fields[4];
	uint8_t hash[DRO_SHA256_BYTES];
};

/* Lengths are part of it: else a byte could move from one field to the next unseen. */
static int link_hash(
	struct link *link, const uint8_t before[DRO_SHA256_BYTES], struct dro_error *err)
{
	struct dro_buf row = DRO_BUF_INIT(ROW_MAX);
	size_t i;
	int rc;

	dro_buf_append(&row, before, DRO_SHA256_BYTES);
	dro_buf_printf(&row, "%" PRId64 " %" PRId64 "\n", link->seq, link->time_ms);
	for (i = 0; i < 4; i++)
		dro_buf_printf(&row, "%zu %s\n", strlen(link->fields[i]), link->fields[i]);
	if ((rc = dro_buf_check(&row, err)) == 0 &&
		dro_sha256(link->hash, dro_buf_str(&row), row.length) < 0)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	dro_buf_free(&row);
	return rc;
}

/* The end of a chain: *seq is 0 and `hash` zeros for an empty one. */
static int chain_end(struct dro_store *store, const char *name, int64_t *seq,
	uint8_t hash[DRO_SHA256_BYTES], struct dro_error *err)
{
	sqlite3_stmt *query;
	int rc = store_query(
		store, &query, err, "SELECT seq, hash FROM chains WHERE name = ?", "t", name);

	if (rc < 0)
		return rc;
	rc = store_next(store, query, err);
	if (rc > 0 && sqlite3_column_bytes(query, 1) == DRO_SHA256_BYTES) {
		*seq = sqlite3_column_int64(query, 0);
		memcpy(hash, sqlite3_column_blob(query, 1), DRO_SHA256_BYTES);
		rc = 0;
	} else if (rc >= 0) {
		rc = dro_fail(err, DRO_ECORRUPT, "%s: chains: no end of %s", store->path, name);
	}
	store_done(store, query);
	return rc;
}

static int chain_add(struct dro_store *store, const char *name, const char *insert,
	struct link *link, struct dro_error *err)
{
	uint8_t before[DRO_SHA256_BYTES];
	size_t i;
	int rc;

	for (i = 0; i < 4; i++)
		if (!link->fields[i])
			link->fields[i] = "";
	link->time_ms = dro_wall_ms();
	if ((rc = chain_end(store, name, &link->seq, before, err)) < 0)
		return rc;
	link->seq++;
	if ((rc = link_hash(link, before, err)) < 0 ||
		(rc = store_run(store, err, insert, "iitttth", link->seq, link->time_ms,
			 link->fields[0], link->fields[1], link->fields[2], link->fields[3],
			 link->hash)) < 0)
		return rc;
	return store_run(store, err, "UPDATE chains SET seq = ?, hash = ? WHERE name = ?", "iht",
		link->seq, link->hash, name);
}

int store_journal_add(struct dro_store *store, const char *run, const char *step, const char *event,
	const char *data, struct dro_error *err)
{
	struct link link = {.fields = {run, step, event, data}};

	return chain_add(store, "journal",
		"INSERT INTO journal (seq, time_ms, run, step, event, data, hash)"
		" VALUES (?, ?, ?, ?, ?, ?, ?)",
		&link, err);
}

int store_event_add(struct dro_store *store, const char *service, const char *kind, const char *run,
	const char *text, struct dro_error *err)
{
	struct link link = {.fields = {service, kind, run, text}};

	return chain_add(store, "events",
		"INSERT INTO events (seq, time_ms, service, kind, run, text, hash)"
		" VALUES (?, ?, ?, ?, ?, ?, ?)",
		&link, err);
}

static int tampered(struct dro_store *store, const char *name, int64_t seq, const char *how,
	struct dro_error *err)
{
	return dro_fail(
		err, DRO_ECORRUPT, "%s: %s: row %" PRId64 " %s", store->path, name, seq, how);
}

static int chain_check(
	struct dro_store *store, const char *name, const char *select, struct dro_error *err)
{
	uint8_t before[DRO_SHA256_BYTES] = {0}, end[DRO_SHA256_BYTES];
	int64_t last = 0, seq;
	sqlite3_stmt *query;
	struct link link;
	int rc, i;

	if ((rc = store_query(store, &query, err, select, "")) < 0)
		return rc;
	while ((rc = store_next(store, query, err)) > 0) {
		link.seq = sqlite3_column_int64(query, 0);
		link.time_ms = sqlite3_column_int64(query, 1);
		for (i = 0; i < 4; i++)
			link.fields[i] = store_text(query, 2 + i);
		if (link.seq != last + 1) {
			rc = tampered(store, name, last + 1, "is missing", err);
			break;
		}
		if ((rc = link_hash(&link, before, err)) < 0)
			break;
		if (sqlite3_column_bytes(query, 6) != DRO_SHA256_BYTES ||
			memcmp(sqlite3_column_blob(query, 6), link.hash, DRO_SHA256_BYTES) != 0) {
			rc = tampered(store, name, link.seq, "was changed", err);
			break;
		}
		memcpy(before, link.hash, DRO_SHA256_BYTES);
		last = link.seq;
	}
	store_done(store, query);
	if (rc < 0 || (rc = chain_end(store, name, &seq, end, err)) < 0)
		return rc;
	if (seq > last)
		return tampered(store, name, last + 1, "is missing", err);
	if (seq < last || memcmp(before, end, sizeof(end)) != 0)
		return tampered(store, name, last, "is not the one written last", err);
	return 0;
}

static int integrity_check(struct dro_store *store, struct dro_error *err)
{
	sqlite3_stmt *query;
	int rc;

	if ((rc = store_query(store, &query, err, "PRAGMA integrity_check(1)", "")) < 0)
		return rc;
	rc = store_next(store, query, err);
	if (rc > 0 && strcmp(store_text(query, 0), "ok") != 0)
		rc = dro_fail(err, DRO_ECORRUPT, "%s: %s", store->path, store_text(query, 0));
	store_done(store, query);
	return rc < 0 ? rc : 0;
}

int dro_store_check(struct dro_store *store, struct dro_error *err)
{
	int rc;

	/* One snapshot: a writer in between must not look like a forger. */
	pthread_mutex_lock(&store->lock);
	if ((rc = store_run(store, err, "BEGIN", "")) == 0) {
		if ((rc = integrity_check(store, err)) == 0 &&
			(rc = chain_check(store, "journal",
				 "SELECT seq, time_ms, run, step, event, data, hash FROM journal"
				 " ORDER BY seq",
				 err)) == 0)
			rc = chain_check(store, "events",
				"SELECT seq, time_ms, service, kind, run, text, hash FROM events"
				" ORDER BY seq",
				err);
		sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
	}
	pthread_mutex_unlock(&store->lock);
	return rc;
}
