#include "store/internal.h"

#include <string.h>

#include "base/clock.h"
#include "store/fault.h"

static int set_fact(struct dro_store *store, const char *service, const char *key,
	const char *value, struct dro_error *err)
{
	return store_run(store, err,
		"INSERT INTO facts (service, key, value, changed_ms) VALUES (?1, ?2, ?3, ?4)"
		" ON CONFLICT (service, key) DO UPDATE SET value = ?3, changed_ms = ?4",
		"ttti", service, key, value, dro_wall_ms());
}

int dro_store_fact_set(struct dro_store *store, const char *service, const char *key,
	const char *value, struct dro_error *err)
{
	int rc;

	if ((rc = store_begin(store, err)) < 0)
		return rc;
	return store_end(store, set_fact(store, service, key, value, err), err);
}

int dro_store_fact_commit(struct dro_store *store, const struct dro_lease *lease, const char *key,
	const char *value, struct dro_error *err)
{
	int rc;

	dro_kill_point();
	if ((rc = store_begin_soon(store, err)) < 0)
		return rc;
	if ((rc = store_lease_check(store, lease, err)) == 0)
		rc = set_fact(store, lease->service, key, value, err);
	rc = store_end(store, rc, err);
	dro_kill_point();
	return rc;
}

static int fact_is(struct dro_store *store, const char *service, const char *key,
	const char *before, struct dro_error *err)
{
	sqlite3_stmt *query;
	int rc;

	if ((rc = store_query(store, &query, err,
		     "SELECT value FROM facts WHERE service = ? AND key = ?", "tt", service, key)) <
		0)
		return rc;
	if ((rc = store_next(store, query, err)) >= 0) {
		bool same = rc > 0 ? before && strcmp(store_text(query, 0), before) == 0 : !before;

		rc = same ? 0
			  : dro_fail(err, DRO_ECONFLICT, "%s: %s was changed by another process",
				    service, key);
	}
	store_done(store, query);
	return rc;
}

int dro_store_fact_swap(struct dro_store *store, const struct dro_lease *lease, const char *service,
	const char *key, const char *before, const char *value, struct dro_error *err)
{
	int rc;

	if ((rc = store_begin(store, err)) < 0)
		return rc;
	if ((!lease || (rc = store_lease_check(store, lease, err)) == 0) &&
		(rc = fact_is(store, service, key, before, err)) == 0)
		rc = set_fact(store, service, key, value, err);
	return store_end(store, rc, err);
}

int dro_store_fact_get(struct dro_store *store, const char *service, const char *key, char **value,
	int64_t *changed_ms, struct dro_error *err)
{
	sqlite3_stmt *query;
	int rc;

	pthread_mutex_lock(&store->lock);
	rc = store_query(store, &query, err,
		"SELECT value, changed_ms FROM facts WHERE service = ? AND key = ?", "tt", service,
		key);
	if (rc < 0)
		goto out;
	if ((rc = store_next(store, query, err)) == 0) {
		rc = dro_fail(err, DRO_ENOTFOUND, "%s: %s is not known", service, key);
	} else if (rc > 0) {
		if (changed_ms)
			*changed_ms = sqlite3_column_int64(query, 1);
		*value = strdup(store_text(query, 0));
		rc = *value ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");
	}
out:
	store_done(store, query);
	pthread_mutex_unlock(&store->lock);
	return rc;
}

int dro_store_event_add(struct dro_store *store, const char *service, const char *kind,
	const char *run, const char *text, struct dro_error *err)
{
	int rc;

	if ((rc = store_begin(store, err)) < 0)
		return rc;
	return store_end(store, store_event_add(store, service, kind, run, text, err), err);
}

int dro_store_event_list(struct dro_store *store, const char *service, size_t limit,
	int (*emit)(void *arg, const struct dro_event *event), void *arg, struct dro_error *err)
{
	sqlite3_stmt *query;
	int rc;

	pthread_mutex_lock(&store->lock);
	rc = store_query(store, &query, err,
		service && *service ? "SELECT seq, time_ms, service, kind, run, text FROM events"
				      " WHERE service = ?1 ORDER BY seq DESC LIMIT ?2"
				    : "SELECT seq, time_ms, service, kind, run, text FROM events"
				      " WHERE ?1 = '' ORDER BY seq DESC LIMIT ?2",
		"ti", service, limit ? (int64_t)limit : (int64_t)-1);
	while (rc == 0 && (rc = store_next(store, query, err)) > 0) {
		const struct dro_event event = {
			.seq = (uint64_t)sqlite3_column_int64(query, 0),
			.time_ms = sqlite3_column_int64(query, 1),
			.service = store_text(query, 2),
			.kind = store_text(query, 3),
			.run = store_text(query, 4),
			.text = store_text(query, 5),
		};

		rc = emit(arg, &event);
	}
	store_done(store, query);
	pthread_mutex_unlock(&store->lock);
	return rc;
}
