#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "store/fault.h"

/* abort_wanted: an enum dro_run_wish. */
#define RUN_COLUMNS(plan)                                                                          \
	"id, service, kind, mode, from_site, to_site, state, " plan                                \
	", outcome, created_ms, started_ms, ended_ms, epoch, abort_wanted"

/* Of a run that is over; it may still be resumed. */
static bool is_end(const char *state)
{
	static const char *const ends[] = {
		"completed", "completed-with-exceptions", "rolled-back", "failed", "aborted"};
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(state, ends[i]) == 0)
			return true;
	return false;
}

/* The strings stay the statement's. */
static void read_run(struct dro_run_row *run, sqlite3_stmt *query)
{
	char **const texts[] = {&run->id, &run->service, &run->kind, &run->mode, &run->from,
		&run->to, &run->state, &run->plan, &run->outcome};
	int i, count = (int)(sizeof(texts) / sizeof(texts[0]));

	for (i = 0; i < count; i++)
		*texts[i] = (char *)store_text(query, i);
	run->created_ms = sqlite3_column_int64(query, count);
	run->started_ms = sqlite3_column_int64(query, count + 1);
	run->ended_ms = sqlite3_column_int64(query, count + 2);
	run->epoch = (uint64_t)sqlite3_column_int64(query, count + 3);
	run->wish = (enum dro_run_wish)sqlite3_column_int(query, count + 4);
}

static struct dro_run_row *copy_run(const struct dro_run_row *run)
{
	struct dro_run_row *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *run;
	copy->id = strdup(run->id);
	copy->service = strdup(run->service);
	copy->kind = strdup(run->kind);
	copy->mode = strdup(run->mode);
	copy->from = strdup(run->from);
	copy->to = strdup(run->to);
	copy->state = strdup(run->state);
	copy->plan = strdup(run->plan);
	copy->outcome = strdup(run->outcome);
	if (copy->id && copy->service && copy->kind && copy->mode && copy->from && copy->to &&
		copy->state && copy->plan && copy->outcome)
		return copy;
	dro_run_row_free(copy);
	return NULL;
}

void dro_run_row_free(struct dro_run_row *run)
{
	if (!run)
		return;
	free(run->id);
	free(run->service);
	free(run->kind);
	free(run->mode);
	free(run->from);
	free(run->to);
	free(run->state);
	free(run->plan);
	free(run->outcome);
	free(run);
}

static int add_steps(struct dro_store *store, const char *run, const char *const *ids, size_t count,
	struct dro_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < count; i++)
		rc = store_run(store, err,
			"INSERT INTO steps (run, n, id, state, outputs, note, error, attempts,"
			" started_ms, ended_ms) VALUES (?, ?, ?, 'pending', '{}', '', '', 0, 0, 0)",
			"tit", run, (int64_t)i, ids[i]);
	return rc;
}

/* A state as the journal keeps it. */
static int add_state(
	struct dro_store *store, const char *run, const char *state, struct dro_error *err)
{
	struct dro_buf data = DRO_BUF_INIT(4096);
	int rc;

	dro_buf_puts(&data, "{\"state\":");
	dro_json_quote(&data, state);
	dro_buf_puts(&data, "}");
	if ((rc = dro_buf_check(&data, err)) == 0)
		rc = store_journal_add(store, run, "", "state", dro_buf_str(&data), err);
	dro_buf_free(&data);
	return rc;
}

int dro_store_run_add(struct dro_store *store, const struct dro_lease *lease,
	const struct dro_run_row *run, const char *const *step_ids, size_t step_count,
	struct dro_error *err)
{
	int64_t now = dro_wall_ms();
	int rc;

	if (strcmp(run->service, lease->service) != 0)
		return dro_fail(err, DRO_EINVAL, "run %s: of %s, but the lease is of %s", run->id,
			run->service, lease->service);
	if ((rc = store_begin_soon(store, err)) < 0)
		return rc;
	if ((rc = store_lease_check(store, lease, err)) == 0 &&
		(rc = store_run(store, err,
			 "INSERT INTO runs (id, service, kind, mode, from_site, to_site, state, "
			 "plan,"
			 " outcome, created_ms, started_ms, ended_ms, epoch, abort_wanted)"
			 " VALUES (?, ?, ?, ?, ?, ?, 'planned', ?, '{}', ?, 0, 0, ?, 0)",
			 "tttttttii", run->id, run->service, run->kind, run->mode, run->from,
			 run->to, run->plan, run->created_ms ? run->created_ms : now,
			 (int64_t)lease->epoch)) == 0 &&
		(rc = add_steps(store, run->id, step_ids, step_count, err)) == 0)
		rc = add_state(store, run->id, "planned", err);
	return store_end(store, rc, err);
}

int dro_store_run_state(struct dro_store *store, const struct dro_lease *lease, const char *run,
	const char *state, const char *outcome, struct dro_error *err)
{
	int64_t now = dro_wall_ms();
	int rc;

	dro_kill_point();
	rc = is_end(state) ? store_begin(store, err) : store_begin_soon(store, err);
	if (rc < 0)
		return rc;
	if ((rc = store_lease_check(store, lease, err)) < 0)
		goto out;
	rc = store_run(store, err,
		"UPDATE runs SET state = ?1, epoch = ?2,"
		" outcome = CASE ?3 WHEN '' THEN outcome ELSE ?3 END,"
		" started_ms = CASE WHEN started_ms = 0 AND ?1 <> 'planned' THEN ?4"
		"  ELSE started_ms END,"
		" ended_ms = CASE ?5 WHEN 0 THEN 0 ELSE ?4 END"
		" WHERE id = ?6 AND service = ?7",
		"titiitt", state, (int64_t)lease->epoch, outcome, now, (int64_t)is_end(state), run,
		lease->service);
	if (rc == 0 && sqlite3_changes(store->db) == 0)
		rc = dro_fail(err, DRO_ENOTFOUND, "%s: no run %s", lease->service, run);
	if (rc == 0)
		rc = add_state(store, run, state, err);
	if (rc == 0 && is_end(state))
		rc = store_event_add(store, lease->service, "run", run, state, err);
out:
	rc = store_end(store, rc, err);
	dro_kill_point();
	return rc;
}

int dro_store_run_wish_set(
	struct dro_store *store, const char *run, enum dro_run_wish wish, struct dro_error *err)
{
	static const char *const events[] = {"", "abort", "give-way", "downgrade"};
	struct dro_run_row *row = NULL;
	int rc;

	if ((rc = store_begin(store, err)) < 0)
		return rc;
	if (!*run)
		rc = dro_fail(err, DRO_EINVAL, "which run?");
	else if ((rc = dro_store_run_get(store, run, &row, err)) == 0 && is_end(row->state) &&
		 (strcmp(row->state, "failed") != 0 || wish != DRO_WISH_ABORT))
		rc = dro_fail(err, DRO_ECONFLICT, "run %s is over (%s)", row->id, row->state);
	if (rc == 0 && row->wish != wish && row->wish != DRO_WISH_ABORT &&
		(rc = store_run(store, err, "UPDATE runs SET abort_wanted = ? WHERE id = ?", "it",
			 (int64_t)wish, row->id)) == 0)
		rc = store_journal_add(store, row->id, "", events[wish], "{}", err);
	rc = store_end(store, rc, err);
	dro_run_row_free(row);
	return rc;
}

int dro_store_run_wish(
	struct dro_store *store, const char *run, enum dro_run_wish *out, struct dro_error *err)
{
	sqlite3_stmt *query;
	int rc;

	pthread_mutex_lock(&store->lock);
	if ((rc = store_query(store, &query, err, "SELECT abort_wanted FROM runs WHERE id = ?", "t",
		     run)) < 0)
		goto out;
	if ((rc = store_next(store, query, err)) > 0) {
		*out = (enum dro_run_wish)sqlite3_column_int(query, 0);
		rc = 0;
	} else if (rc == 0) {
		rc = dro_fail(err, DRO_ENOTFOUND, "no run %s", run);
	}
	store_done(store, query);
out:
	pthread_mutex_unlock(&store->lock);
	return rc;
}

/*
 * The run of exactly this id, else the one that begins so; two are enough to know it is not one. No
 * id has a '~' or what sorts behind it, so that the index finds them.
 */
static int find_run(
	struct dro_store *store, sqlite3_stmt **out, const char *id, struct dro_error *err)
{
	if (!*id)
		return store_query(store, out, err,
			"SELECT " RUN_COLUMNS("plan") " FROM runs ORDER BY n DESC LIMIT 1", "");
	return store_query(store, out, err,
		"SELECT " RUN_COLUMNS("plan") " FROM runs"
					      " WHERE id >= ?1 AND id < ?1 || '~'"
					      " ORDER BY id <> ?1, n DESC LIMIT 2",
		"t", id);
}

int dro_store_run_get(
	struct dro_store *store, const char *id, struct dro_run_row **out, struct dro_error *err)
{
	struct dro_run_row run, *copy = NULL;
	sqlite3_stmt *query = NULL;
	int rc;

	pthread_mutex_lock(&store->lock);
	if ((rc = find_run(store, &query, id, err)) < 0 || (rc = store_next(store, query, err)) < 0)
		goto out;
	if (rc == 0) {
		rc = *id ? dro_fail(err, DRO_ENOTFOUND, "no run %s", id)
			 : dro_fail(err, DRO_ENOTFOUND, "no run yet");
		goto out;
	}
	read_run(&run, query);
	if (!(copy = copy_run(&run))) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	rc = 0;
	if (*id && strcmp(copy->id, id) != 0 && (rc = store_next(store, query, err)) > 0)
		rc = dro_fail(err, DRO_EINVAL, "%s: several runs begin so: %s, %s", id, copy->id,
			store_text(query, 0));
	if (rc == 0) {
		*out = copy;
		copy = NULL;
	}
out:
	store_done(store, query);
	pthread_mutex_unlock(&store->lock);
	dro_run_row_free(copy);
	return rc;
}

int dro_store_run_list(struct dro_store *store, const char *service, size_t limit,
	int (*emit)(void *arg, const struct dro_run_row *run), void *arg, struct dro_error *err)
{
	struct dro_run_row run;
	sqlite3_stmt *query;
	int rc;

	pthread_mutex_lock(&store->lock);
	/* A condition for both would read every run there ever was. */
	rc = store_query(store, &query, err,
		service && *service ? "SELECT " RUN_COLUMNS("''") " FROM runs WHERE service = ?1"
								  " ORDER BY n DESC LIMIT ?2"
				    : "SELECT " RUN_COLUMNS("''") " FROM runs WHERE ?1 = ''"
								  " ORDER BY n DESC LIMIT ?2",
		"ti", service, limit ? (int64_t)limit : (int64_t)-1);
	while (rc == 0 && (rc = store_next(store, query, err)) > 0) {
		read_run(&run, query);
		rc = emit(arg, &run);
	}
	store_done(store, query);
	pthread_mutex_unlock(&store->lock);
	return rc;
}

int dro_store_run_list_open(struct dro_store *store,
	int (*emit)(void *arg, const struct dro_run_row *run), void *arg, struct dro_error *err)
{
	struct dro_run_row run;
	sqlite3_stmt *query;
	int rc;

	pthread_mutex_lock(&store->lock);
	rc = store_query(store, &query, err,
		"SELECT " RUN_COLUMNS("''") " FROM runs WHERE ended_ms = 0 ORDER BY n", "");
	while (rc == 0 && (rc = store_next(store, query, err)) > 0) {
		read_run(&run, query);
		rc = emit(arg, &run);
	}
	store_done(store, query);
	pthread_mutex_unlock(&store->lock);
	return rc;
}
