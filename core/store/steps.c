#include "store/internal.h"

#include "store/fault.h"

static int write_record(struct dro_store *store, const struct dro_lease *lease, const char *run,
	const struct dro_step_record *record, struct dro_error *err)
{
	const struct dro_step_row *row = &record->row;
	int rc;

	rc = store_run(store, err,
		"UPDATE steps SET state = ?, outputs = ?, note = ?, error = ?, attempts = ?,"
		" started_ms = ?, ended_ms = ?"
		" WHERE run = (SELECT id FROM runs WHERE id = ? AND service = ?) AND id = ?",
		"ttttiiittt", row->state, row->outputs ? row->outputs : "{}", row->note, row->error,
		(int64_t)row->attempts, row->started_ms, row->ended_ms, run, lease->service,
		row->id);
	if (rc == 0 && sqlite3_changes(store->db) == 0)
		rc = dro_fail(err, DRO_ENOTFOUND, "%s: run %s has no step %s", lease->service, run,
			row->id);
	if (rc == 0)
		rc = store_journal_add(store, run, row->id, record->event, record->data, err);
	return rc;
}

int dro_store_steps(struct dro_store *store, const struct dro_lease *lease, const char *run,
	const struct dro_step_record *records, size_t count, struct dro_error *err)
{
	size_t i;
	int rc;

	dro_kill_point();
	if ((rc = store_begin_soon(store, err)) < 0)
		return rc;
	rc = store_lease_check(store, lease, err);
	for (i = 0; i < count && rc == 0; i++)
		rc = write_record(store, lease, run, &records[i], err);
	rc = store_end(store, rc, err);
	dro_kill_point();
	return rc;
}

int dro_store_step(struct dro_store *store, const struct dro_lease *lease, const char *run,
	const struct dro_step_row *row, const char *event, const char *data, struct dro_error *err)
{
	const struct dro_step_record record = {*row, event, data};

	return dro_store_steps(store, lease, run, &record, 1, err);
}

int dro_store_step_list(struct dro_store *store, const char *run,
	int (*emit)(void *arg, const struct dro_step_row *row), void *arg, struct dro_error *err)
{
	sqlite3_stmt *query;
	int rc;

	pthread_mutex_lock(&store->lock);
	rc = store_query(store, &query, err,
		"SELECT id, state, outputs, note, error, attempts, started_ms, ended_ms FROM steps"
		" WHERE run = ? ORDER BY n",
		"t", run);
	while (rc == 0 && (rc = store_next(store, query, err)) > 0) {
		const struct dro_step_row row = {
			.id = (char *)store_text(query, 0),
			.state = (char *)store_text(query, 1),
			.outputs = (char *)store_text(query, 2),
			.note = (char *)store_text(query, 3),
			.error = (char *)store_text(query, 4),
			.attempts = sqlite3_column_int(query, 5),
			.started_ms = sqlite3_column_int64(query, 6),
			.ended_ms = sqlite3_column_int64(query, 7),
		};

		rc = emit(arg, &row);
	}
	store_done(store, query);
	pthread_mutex_unlock(&store->lock);
	return rc;
}

int dro_store_journal(struct dro_store *store, const char *run, uint64_t after,
	int (*emit)(void *arg, const struct dro_journal_row *row), void *arg, struct dro_error *err)
{
	sqlite3_stmt *query;
	int rc;

	pthread_mutex_lock(&store->lock);
	rc = store_query(store, &query, err,
		"SELECT seq, time_ms, run, step, event, data FROM journal"
		" WHERE run = ? AND seq > ? ORDER BY seq",
		"ti", run, (int64_t)after);
	while (rc == 0 && (rc = store_next(store, query, err)) > 0) {
		const struct dro_journal_row row = {
			.seq = (uint64_t)sqlite3_column_int64(query, 0),
			.time_ms = sqlite3_column_int64(query, 1),
			.run = store_text(query, 2),
			.step = store_text(query, 3),
			.event = store_text(query, 4),
			.data = store_text(query, 5),
		};

		rc = emit(arg, &row);
	}
	store_done(store, query);
	pthread_mutex_unlock(&store->lock);
	return rc;
}
