/* A replica becomes primary; a server becomes a replica. */
#include "agent/mariadb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/secret.h"

#define LOOK_MS 50

static int run(
	struct agent_mariadb *db, const char *sql, uint64_t deadline_ms, struct dro_error *err)
{
	return agent_mariadb_query(db, NULL, sql, deadline_ms, err);
}

/* ---- promote ------------------------------------------------------------------------------ */

static int need_applied(struct agent_mariadb *db, const struct agent_replica *replica,
	uint64_t deadline_ms, struct dro_error *err)
{
	bool yes = true;
	int rc = 0;

	if (*replica->seen)
		rc = agent_mariadb_contains(db, replica->seen, &yes, deadline_ms, err);
	if (rc == 0 && !yes)
		rc = dro_fail(err, DRO_ECONFLICT,
			"the SQL thread is stopped (%.200s) and has not applied %.200s, which was "
			"received: start it",
			*replica->sql_error ? replica->sql_error : "without an error",
			replica->seen);
	return rc;
}

static int sql_thread_is_stopped(const struct agent_replica *replica, struct dro_error *err)
{
	return dro_fail(err, DRO_ECONFLICT,
		"the SQL thread is stopped (%.200s) while more is received: start it",
		*replica->sql_error ? replica->sql_error : "without an error");
}

/*
 * All that this replica received is applied, and no more comes.
 *
 * A server that starts replication while both threads are stopped throws its relay log away. So the
 * IO thread is stopped only beside a SQL thread that runs, and started again, where the
 * promote fails, only beside one.
 */
static int drain(struct agent_mariadb *db, const struct agent_replica *before,
	struct agent_facts *out, uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_replica now;
	int rc;

	if (!before->sql && (before->io || before->connecting))
		return sql_thread_is_stopped(before, err);
	if (before->sql && (rc = run(db, "STOP SLAVE IO_THREAD", deadline_ms, err)) < 0)
		return rc;
	if ((rc = agent_mariadb_replica(db, &now, deadline_ms, err)) < 0)
		return rc;
	agent_facts_text(out, "seen", now.seen);
	if (!now.sql)
		return need_applied(db, &now, deadline_ms, err);
	if (!*now.seen)
		return 0;
	rc = agent_mariadb_applied(db, now.seen, deadline_ms, err);
	if (rc < 0 && agent_mariadb_replica(db, &now, deadline_ms, NULL) == 0 && now.sql)
		run(db, "START SLAVE IO_THREAD", deadline_ms, NULL);
	return rc;
}

/* Without a replica attached every commit would wait for the time-out: then it stays off. Once on,
 * commits wait also where the last replica has gone. */
static int switch_semi_sync(struct agent_mariadb *db, bool asked, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	int64_t clients = 0;
	bool on = false;
	char sql[160];
	int rc = 0;

	if (asked && (rc = agent_mariadb_int(db, &clients,
			      "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS "
			      "WHERE VARIABLE_NAME='RPL_SEMI_SYNC_MASTER_CLIENTS'",
			      deadline_ms, err)) < 0)
		return rc;
	on = asked && clients > 0;
	snprintf(sql, sizeof(sql),
		"SET GLOBAL rpl_semi_sync_master_timeout=%lld, "
		"GLOBAL rpl_semi_sync_master_wait_no_slave=1",
		(long long)db->config->semi_sync_ms);
	if (on && (rc = run(db, sql, deadline_ms, err)) < 0)
		return rc;
	rc = run(db,
		on ? "SET GLOBAL rpl_semi_sync_master_enabled=1"
		   : "SET GLOBAL rpl_semi_sync_master_enabled=0",
		deadline_ms, err);
	agent_facts_bool(out, "semi_sync", on);
	return rc;
}

/* From here on it is not told any more that nothing was changed. */
static int open_primary(struct agent_mariadb *db, const struct agent_turn *turn,
	uint64_t deadline_ms, struct dro_error *err)
{
	int rc;

	/*
	 * In this order each moment can be repeated: what was received is forgotten last, when
	 * all of it has been applied, so that a restart does not follow the old primary again.
	 */
	if ((rc = run(db, "STOP SLAVE", deadline_ms, err)) < 0 ||
		(rc = agent_turn_opens(turn, deadline_ms, err)) < 0 ||
		(rc = run(db, "SET GLOBAL read_only=0", deadline_ms, err)) < 0)
		return rc;
	return run(db, "RESET SLAVE ALL", deadline_ms, err);
}

/* `position`, where it was given, is here. */
static int need_position(struct agent_mariadb *db, const struct agent_ask *ask,
	const struct agent_replica *replica, uint64_t deadline_ms, struct dro_error *err)
{
	bool yes = true;
	int rc;

	if (!*ask->position)
		return 0;
	if (replica->configured && replica->sql)
		return agent_mariadb_applied(db, ask->position, deadline_ms, err);
	if ((rc = agent_mariadb_contains(db, ask->position, &yes, deadline_ms, err)) == 0 && !yes)
		rc = dro_fail(err, DRO_ECONFLICT, "%.400s is not in this database", ask->position);
	return rc;
}

int agent_mariadb_promote(void *arg, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_mariadb *db = arg;
	struct agent_replica replica;
	int64_t read_only = 1;
	bool begun = false;
	int rc;

	if ((rc = agent_mariadb_begin_change(db, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_replica(db, &replica, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_int(
			 db, &read_only, "SELECT @@global.read_only", deadline_ms, err)) < 0)
		goto out;
	if (replica.configured && !replica.gtid)
		rc = dro_fail(err, DRO_EUNSUPPORTED, "replication here is not by GTID");
	else if (!replica.configured && read_only == 1)
		rc = dro_fail(err, DRO_ECONFLICT,
			"it is no replica: thaw opens a primary, promote does not");
	if (rc < 0 || (rc = need_position(db, ask, &replica, deadline_ms, err)) < 0)
		goto out;
	if (replica.configured) {
		begun = replica.sql;
		if ((rc = drain(db, &replica, out, deadline_ms, err)) < 0)
			goto out;
		begun = true;
		if ((rc = open_primary(db, ask->turn, deadline_ms, err)) < 0)
			goto out;
	}
	begun = true;
	agent_facts_bool(out, "already", !replica.configured);
	rc = switch_semi_sync(db, ask->semi_sync, out, deadline_ms, err);
out:
	agent_mariadb_end_change(db, deadline_ms);
	return agent_mariadb_unsure(rc, begun, err);
}

/* ---- withdraw ----------------------------------------------------------------------------- */

int agent_mariadb_withdraw(void *arg, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_mariadb *db = arg;
	struct agent_replica replica;
	bool begun = false;
	int rc;

	(void)ask;
	if ((rc = agent_mariadb_begin_change(db, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_replica(db, &replica, deadline_ms, err)) < 0)
		goto out;
	if (!replica.configured)
		rc = dro_fail(err, DRO_ECONFLICT, "it is no replica");
	else if (!replica.sql && (replica.io || replica.connecting))
		rc = sql_thread_is_stopped(&replica, err);
	if (rc < 0)
		goto out;
	agent_facts_bool(out, "already", !replica.io && !replica.connecting);
	begun = replica.io || replica.connecting;
	if (begun && ((rc = run(db, "STOP SLAVE IO_THREAD", deadline_ms, err)) < 0 ||
			     (rc = agent_mariadb_replica(db, &replica, deadline_ms, err)) < 0))
		goto out;
	agent_facts_text(out, "seen", replica.seen);
out:
	agent_mariadb_end_change(db, deadline_ms);
	return agent_mariadb_unsure(rc, begun, err);
}

/* ---- follow ------------------------------------------------------------------------------- */

static int change_master(struct agent_mariadb *db, const struct agent_ask *ask,
	uint64_t deadline_ms, struct dro_error *err)
{
	const struct agent_database *config = db->config;
	struct dro_secret password = DRO_SECRET_INIT;
	struct dro_buf sql = DRO_BUF_INIT(16384);
	int rc = 0;

	if (config->replication_password.kind != DRO_SECRET_NONE &&
		(rc = dro_secret_resolve(
			 &password, &config->replication_password, NULL, deadline_ms, err)) < 0)
		goto out;
	dro_buf_puts(&sql, "CHANGE MASTER TO MASTER_HOST=");
	agent_mariadb_quote(db, &sql, ask->host);
	dro_buf_printf(&sql, ", MASTER_PORT=%d, MASTER_USER=", ask->port);
	agent_mariadb_quote(db, &sql, config->replication_user);
	dro_buf_puts(&sql, ", MASTER_PASSWORD=");
	agent_mariadb_quote(db, &sql, password.value ? password.value : "");
	/* DEMOTE: what was written here as a primary is where replication goes on from. */
	dro_buf_puts(&sql, ", MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos, "
			   "MASTER_DEMOTE_TO_SLAVE=1");
	if (config->replication_tls) {
		dro_buf_puts(&sql, ", MASTER_SSL=1, MASTER_SSL_VERIFY_SERVER_CERT=1");
		if (*config->replication_ca) {
			dro_buf_puts(&sql, ", MASTER_SSL_CA=");
			agent_mariadb_quote(db, &sql, config->replication_ca);
		}
	} else {
		dro_buf_puts(&sql, ", MASTER_SSL=0");
	}
	if ((rc = dro_buf_check(&sql, err)) == 0)
		rc = run(db, dro_buf_str(&sql), deadline_ms, err);
out:
	if (sql.data)
		explicit_bzero(sql.data, sql.capacity);
	dro_buf_free(&sql);
	dro_secret_free(&password);
	return rc;
}

static bool follows(const struct agent_replica *replica, const struct agent_ask *ask)
{
	return replica->configured && replica->gtid && strcmp(replica->host, ask->host) == 0 &&
	       replica->port == ask->port;
}

/* Both threads run. What the server itself calls fatal is not waited for. */
static int await_threads(struct agent_mariadb *db, struct agent_replica *replica,
	uint64_t deadline_ms, struct dro_error *err)
{
	int rc;

	for (;;) {
		if ((rc = agent_mariadb_replica(db, replica, deadline_ms, err)) < 0)
			return rc;
		if (replica->io && replica->sql && replica->fed)
			return 0;
		if (!replica->sql)
			return dro_fail(err, DRO_ECONFLICT, "its SQL thread has stopped: %.400s",
				replica->sql_error);
		if (!replica->io && !replica->connecting)
			return dro_fail(err, DRO_ECONFLICT, "its IO thread has stopped: %.400s",
				replica->io_error);
		if (agent_mariadb_left(deadline_ms) <= 2 * LOOK_MS)
			return dro_fail(err, DRO_ETIMEDOUT,
				"it does not reach %.200s:%lld yet: %.400s", replica->host,
				(long long)replica->port, replica->io_error);
		dro_clock_real.sleep_ms(&dro_clock_real, LOOK_MS);
	}
}

int agent_mariadb_follow(void *arg, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_mariadb *db = arg;
	struct agent_replica replica;
	int64_t evicted = 0;
	bool begun = false;
	int rc;

	if (!*db->config->replication_user)
		return dro_fail(
			err, DRO_EINVAL, "the configuration names no account for replication");
	if ((rc = agent_mariadb_begin_change(db, deadline_ms, err)) < 0)
		goto out;
	begun = true;
	/* A replica that is written to is none; a primary that is demoted ends its writers first.
	 */
	if ((rc = run(db, "SET GLOBAL read_only=1", deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_evict(db, &evicted, deadline_ms, err)) < 0)
		goto out;
	agent_turn_closed(ask->turn, deadline_ms);
	if ((rc = run(db, "SET GLOBAL rpl_semi_sync_master_enabled=0", deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_replica(db, &replica, deadline_ms, err)) < 0)
		goto out;
	agent_facts_bool(out, "already", follows(&replica, ask) && replica.io && replica.sql);
	if (!follows(&replica, ask) || !replica.sql || (!replica.io && !replica.connecting)) {
		if ((rc = run(db, "STOP SLAVE", deadline_ms, err)) < 0 ||
			(rc = change_master(db, ask, deadline_ms, err)) < 0 ||
			(rc = run(db, "START SLAVE", deadline_ms, err)) < 0)
			goto out;
	}
	rc = await_threads(db, &replica, deadline_ms, err);
out:
	agent_mariadb_end_change(db, deadline_ms);
	return agent_mariadb_unsure(rc, begun, err);
}
