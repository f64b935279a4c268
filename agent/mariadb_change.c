/* Writes: stopped, cut, accepted again. */
#include "agent/mariadb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define LOOK_MS 20
#define FENCE_TRY_MS 1000 /* how long a fence waits for a running write before it cuts again */

/* ---- connections of others ---------------------------------------------------------------- */

/* Threads of the server itself, of replication, of the agent, and what the configuration keeps. */
static bool stays(const struct agent_database *config, const char *user, const char *command)
{
	static const char *const users[] = {"system user", "event_scheduler"};
	size_t i;

	if (strcmp(user, config->user) == 0 || strncmp(command, "Binlog Dump", 11) == 0 ||
		strcmp(command, "Daemon") == 0)
		return true;
	for (i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		if (strcmp(user, users[i]) == 0)
			return true;
	for (i = 0; i < config->keep_count; i++)
		if (strcmp(user, config->keep[i]) == 0)
			return true;
	return false;
}

/* Kills what is there with an id up to `last`. *found: how many there were. */
static int kill_once(struct agent_mariadb *db, int64_t last, int64_t *found, uint64_t deadline_ms,
	struct dro_error *err)
{
	MYSQL_RES *result;
	char sql[160];
	MYSQL_ROW row;
	int rc;

	*found = 0;
	snprintf(sql, sizeof(sql),
		"SELECT ID, USER, COMMAND FROM information_schema.PROCESSLIST "
		"WHERE ID <> CONNECTION_ID() AND ID <= %lld",
		(long long)last);
	if ((rc = agent_mariadb_query(db, &result, sql, deadline_ms, err)) < 0)
		return rc;
	while (rc == 0 && (row = mysql_fetch_row(result))) {
		if (!row[0] || !row[1] || !row[2] || stays(db->config, row[1], row[2]))
			continue;
		(*found)++;
		snprintf(sql, sizeof(sql), "KILL CONNECTION %.20s", row[0]);
		rc = agent_mariadb_query(db, NULL, sql, deadline_ms, err);
		if (rc < 0 && agent_mariadb_errno(db) == 1094) /* gone by itself */
			rc = 0;
	}
	mysql_free_result(result);
	return rc;
}

/* Without PROCESS the list has our own threads only, and looks as if nobody else were there. */
static int need_process(struct agent_mariadb *db, uint64_t deadline_ms, struct dro_error *err)
{
	int64_t found = 0;
	int rc = agent_mariadb_int(db, &found,
		"SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES "
		"WHERE PRIVILEGE_TYPE='PROCESS'",
		deadline_ms, err);

	if (rc == 0 && found < 1)
		rc = dro_fail(
			err, DRO_EAUTH, "the account %s lacks the grant PROCESS", db->config->user);
	return rc;
}

int agent_mariadb_evict(
	struct agent_mariadb *db, int64_t *count, uint64_t deadline_ms, struct dro_error *err)
{
	int64_t last, found = 0, first = -1;
	int rc;

	/* Only those of now: applications connect again, and may then read. */
	if ((rc = need_process(db, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_int(db, &last,
			 "SELECT MAX(ID) FROM information_schema.PROCESSLIST", deadline_ms, err)) <
			0)
		return rc;
	do {
		if (first >= 0)
			dro_clock_real.sleep_ms(&dro_clock_real, LOOK_MS);
		if ((rc = kill_once(db, last, &found, deadline_ms, err)) < 0)
			return rc;
		if (first < 0)
			*count += first = found;
		if (found && !agent_mariadb_left(deadline_ms))
			return dro_fail(err, DRO_ETIMEDOUT,
				"%lld connections do not end, though they were killed",
				(long long)found);
	} while (found);
	return 0;
}

/* ---- verbs -------------------------------------------------------------------------------- */

static int is_read_only(
	struct agent_mariadb *db, bool *out, uint64_t deadline_ms, struct dro_error *err)
{
	int64_t read_only = 0;
	int rc = agent_mariadb_int(db, &read_only, "SELECT @@global.read_only", deadline_ms, err);

	*out = read_only == 1;
	return rc;
}

int agent_mariadb_freeze(void *arg, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_mariadb *db = arg;
	bool was = false, locked = false;
	int64_t evicted = 0;
	int rc;

	if ((rc = agent_mariadb_begin_change(db, deadline_ms, err)) < 0 ||
		(rc = is_read_only(db, &was, deadline_ms, err)) < 0)
		goto out;
	if (!was) {
		/*
		 * read_only is set under the lock: a COMMIT that waits for it would else get
		 * through the moment it is released.
		 */
		rc = agent_mariadb_query(db, NULL, "FLUSH TABLES WITH READ LOCK", deadline_ms, err);
		if (rc == DRO_EAGAIN)
			dro_error_context(err, "writes that run do not end");
		if (rc < 0)
			goto out;
		locked = true;
		rc = agent_mariadb_query(db, NULL, "SET GLOBAL read_only=1", deadline_ms, err);
		if (rc < 0)
			goto out;
		rc = agent_mariadb_query(db, NULL, "UNLOCK TABLES", deadline_ms, err);
		if (rc < 0)
			goto out;
	}
	agent_turn_closed(ask->turn, deadline_ms);
	rc = agent_mariadb_evict(db, &evicted, deadline_ms, err);
	agent_facts_bool(out, "already", was);
	agent_facts_int(out, "evicted", evicted);
out:
	if (rc < 0)
		agent_mariadb_drop(db); /* and whatever lock it has */
	agent_mariadb_end_change(db, deadline_ms);
	return agent_mariadb_unsure(rc, locked, err);
}

int agent_mariadb_thaw(void *arg, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_mariadb *db = arg;
	struct agent_replica replica;
	bool was = false;
	int rc;

	if ((rc = agent_mariadb_begin_change(db, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_replica(db, &replica, deadline_ms, err)) < 0 ||
		(rc = is_read_only(db, &was, deadline_ms, err)) < 0)
		goto out;
	if (replica.configured) {
		rc = dro_fail(err, DRO_ESAFETY,
			"it is a replica of %s:%lld: promote opens one, thaw does not",
			replica.host, (long long)replica.port);
		goto out;
	}
	if (was && (rc = agent_turn_opens(ask->turn, deadline_ms, err)) == 0)
		rc = agent_mariadb_query(db, NULL, "SET GLOBAL read_only=0", deadline_ms, err);
	if (rc == 0)
		agent_facts_bool(out, "already", !was);
out:
	agent_mariadb_end_change(db, deadline_ms);
	return rc;
}

/* Cuts what runs, and again, until nothing keeps the server from being read-only. */
static int cut(
	struct agent_mariadb *db, int64_t *evicted, uint64_t deadline_ms, struct dro_error *err)
{
	int rc;

	if ((rc = agent_mariadb_query(
		     db, NULL, "SET SESSION lock_wait_timeout=1", deadline_ms, err)) < 0)
		return rc;
	do {
		if ((rc = agent_mariadb_evict(db, evicted, deadline_ms, err)) < 0)
			return rc;
		rc = agent_mariadb_query(db, NULL, "SET GLOBAL read_only=1", deadline_ms, err);
	} while (rc == DRO_EAGAIN && db->mysql && agent_mariadb_left(deadline_ms) > FENCE_TRY_MS);
	return rc < 0 ? rc : agent_mariadb_evict(db, evicted, deadline_ms, err);
}

int agent_mariadb_fence(void *arg, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_mariadb *db = arg;
	int64_t evicted = 0;
	bool was = false;
	int rc;

	if ((rc = agent_mariadb_begin_change(db, deadline_ms, err)) < 0 ||
		(rc = is_read_only(db, &was, deadline_ms, err)) < 0)
		goto out;
	rc = was ? agent_mariadb_evict(db, &evicted, deadline_ms, err)
		 : cut(db, &evicted, deadline_ms, err);
	if (rc == 0) {
		agent_turn_closed(ask->turn, deadline_ms);
		agent_facts_bool(out, "already", was);
		agent_facts_int(out, "evicted", evicted);
	}
out:
	agent_mariadb_end_change(db, deadline_ms);
	return agent_mariadb_unsure(rc, true, err);
}
