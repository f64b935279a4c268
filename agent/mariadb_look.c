/* The verbs that only look, and what the others need to see. */
#include "agent/mariadb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define POSITION_MAX 4096
#define REPORT_MS 500 /* kept of a wait's time to tell why it was in vain */

/* ---- replication -------------------------------------------------------------------------- */

/* One row by the names of its columns. */
struct row {
	MYSQL_FIELD *fields;
	MYSQL_ROW values;
	unsigned count;
};

static const char *column(const struct row *row, const char *name)
{
	unsigned i;

	for (i = 0; i < row->count; i++)
		if (strcmp(row->fields[i].name, name) == 0)
			return row->values[i];
	return NULL;
}

static int64_t number(const struct row *row, const char *name)
{
	const char *text = column(row, name);

	return text && *text ? strtoll(text, NULL, 10) : -1;
}

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

static bool says(const struct row *row, const char *name, const char *word)
{
	const char *text = column(row, name);

	return text && strcmp(text, word) == 0;
}

static int read_replica(const struct row *row, struct agent_replica *out, struct dro_error *err)
{
	const char *seen = column(row, "Gtid_IO_Pos"), *using = column(row, "Using_Gtid");

	if (!using || !column(row, "Slave_IO_Running") || !column(row, "Slave_SQL_Running"))
		return dro_fail(err, DRO_EPROTO, "MariaDB: SHOW SLAVE STATUS lacks a column");
	if (seen && strlen(seen) >= sizeof(out->seen))
		return dro_fail(err, DRO_EPROTO, "MariaDB: Gtid_IO_Pos is too long");
	out->configured = true;
	out->io = says(row, "Slave_IO_Running", "Yes");
	out->connecting = !out->io && !says(row, "Slave_IO_Running", "No");
	out->sql = says(row, "Slave_SQL_Running", "Yes");
	out->gtid = strcmp(using, "No") != 0;
	out->fed = column(row, "Master_Log_File") && *column(row, "Master_Log_File");
	out->lag = number(row, "Seconds_Behind_Master");
	out->port = number(row, "Master_Port");
	out->primary_id = number(row, "Master_Server_Id");
	out->io_errno = number(row, "Last_IO_Errno");
	out->sql_errno = number(row, "Last_SQL_Errno");
	copy(out->host, sizeof(out->host), column(row, "Master_Host"));
	copy(out->seen, sizeof(out->seen), seen);
	copy(out->io_error, sizeof(out->io_error), column(row, "Last_IO_Error"));
	copy(out->sql_error, sizeof(out->sql_error), column(row, "Last_SQL_Error"));
	return 0;
}

int agent_mariadb_replica(struct agent_mariadb *db, struct agent_replica *out, uint64_t deadline_ms,
	struct dro_error *err)
{
	MYSQL_RES *result;
	struct row row;
	int rc;

	*out = (struct agent_replica){.lag = -1};
	if ((rc = agent_mariadb_query(db, &result, "SHOW SLAVE STATUS", deadline_ms, err)) < 0)
		return rc;
	row = (struct row){
		mysql_fetch_fields(result), mysql_fetch_row(result), mysql_num_fields(result)};
	if (row.values)
		rc = read_replica(&row, out, err);
	mysql_free_result(result);
	return rc;
}

static void put_replica(struct agent_facts *out, const struct agent_replica *replica)
{
	struct agent_facts facts;

	if (!replica->configured) {
		agent_facts_null(out, "replica");
		return;
	}
	agent_facts_init(&facts);
	agent_facts_text(&facts, "host", replica->host);
	agent_facts_int(&facts, "port", replica->port);
	agent_facts_text(&facts, "io",
		replica->io	      ? "running"
		: replica->connecting ? "connecting"
				      : "stopped");
	agent_facts_text(&facts, "sql", replica->sql ? "running" : "stopped");
	/* NULL is "it cannot be told", never zero. */
	if (replica->lag < 0)
		agent_facts_null(&facts, "lag_s");
	else
		agent_facts_int(&facts, "lag_s", replica->lag);
	agent_facts_bool(&facts, "broken", !replica->io || !replica->sql || replica->lag < 0);
	agent_facts_text(&facts, "seen", replica->seen);
	agent_facts_text(&facts, "io_error", replica->io_error);
	agent_facts_text(&facts, "sql_error", replica->sql_error);
	agent_facts_put(out, "replica", &facts);
}

/* ---- status ------------------------------------------------------------------------------- */

/* Columns of one row of system variables, in the order they are asked for. */
static const struct {
	const char *key, *sql;
	enum { TEXT, NUMBER, SWITCH } kind;
} variables[] = {{"version", "@@version", TEXT}, {"server_id", "@@global.server_id", NUMBER},
	{"read_only", "@@global.read_only", SWITCH},
	{"gtid_binlog_pos", "@@global.gtid_binlog_pos", TEXT},
	{"gtid_current_pos", "@@global.gtid_current_pos", TEXT},
	{"gtid_slave_pos", "@@global.gtid_slave_pos", TEXT},
	{"event_scheduler", "@@global.event_scheduler", TEXT},
	{"semi_sync_master", "@@global.rpl_semi_sync_master_enabled", SWITCH},
	{"semi_sync_wait_point", "@@global.rpl_semi_sync_master_wait_point", TEXT},
	{"semi_sync_timeout_ms", "@@global.rpl_semi_sync_master_timeout", NUMBER},
	{"semi_sync_wait_no_replica", "@@global.rpl_semi_sync_master_wait_no_slave", SWITCH},
	{"semi_sync_replica", "@@global.rpl_semi_sync_slave_enabled", SWITCH}};

#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

static int put_variables(struct agent_mariadb *db, struct agent_facts *out, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct dro_buf sql = DRO_BUF_INIT(4096);
	MYSQL_RES *result = NULL;
	MYSQL_ROW row;
	size_t i;
	int rc;

	for (i = 0; i < VARIABLES; i++)
		dro_buf_printf(&sql, "%s%s", i ? ", " : "SELECT ", variables[i].sql);
	if ((rc = dro_buf_check(&sql, err)) < 0 ||
		(rc = agent_mariadb_query(db, &result, dro_buf_str(&sql), deadline_ms, err)) < 0)
		goto out;
	row = mysql_fetch_row(result);
	if (!row || mysql_num_fields(result) != VARIABLES) {
		rc = dro_fail(err, DRO_EPROTO, "MariaDB: no row of variables");
		goto out;
	}
	for (i = 0; i < VARIABLES; i++) {
		const char *value = row[i] ? row[i] : "";

		if (variables[i].kind == TEXT)
			agent_facts_text(out, variables[i].key, value);
		else if (variables[i].kind == NUMBER)
			agent_facts_int(out, variables[i].key, strtoll(value, NULL, 10));
		else
			agent_facts_bool(out, variables[i].key, strcmp(value, "0") != 0);
	}
out:
	if (result)
		mysql_free_result(result);
	dro_buf_free(&sql);
	return rc;
}

static const struct {
	const char *name, *key;
	bool is_switch;
} semi_sync[] = {{"Rpl_semi_sync_master_status", "semi_sync_master_on", true},
	{"Rpl_semi_sync_slave_status", "semi_sync_replica_on", true},
	{"Rpl_semi_sync_master_clients", "semi_sync_clients", false},
	{"Rpl_semi_sync_master_no_tx", "semi_sync_no_tx", false},
	{"Rpl_semi_sync_master_yes_tx", "semi_sync_yes_tx", false},
	{"Rpl_semi_sync_master_wait_sessions", "semi_sync_waiting", false}};

/* What of semi-sync is really on: a master that timed out goes on without, says "enabled" still. */
static int put_semi_sync(struct agent_mariadb *db, struct agent_facts *out, uint64_t deadline_ms,
	struct dro_error *err)
{
	MYSQL_RES *result;
	MYSQL_ROW row;
	int rc = agent_mariadb_query(db, &result,
		"SHOW GLOBAL STATUS WHERE Variable_name IN ('Rpl_semi_sync_master_clients', "
		"'Rpl_semi_sync_master_status', 'Rpl_semi_sync_master_no_tx', "
		"'Rpl_semi_sync_master_yes_tx', 'Rpl_semi_sync_master_wait_sessions', "
		"'Rpl_semi_sync_slave_status')",
		deadline_ms, err);
	size_t i;

	if (rc < 0)
		return rc;
	while ((row = mysql_fetch_row(result)) && row[0] && row[1]) {
		for (i = 0; i < sizeof(semi_sync) / sizeof(semi_sync[0]); i++) {
			if (strcmp(row[0], semi_sync[i].name) != 0)
				continue;
			if (semi_sync[i].is_switch)
				agent_facts_bool(out, semi_sync[i].key, strcmp(row[1], "ON") == 0);
			else
				agent_facts_int(out, semi_sync[i].key, strtoll(row[1], NULL, 10));
		}
	}
	mysql_free_result(result);
	return 0;
}

int agent_mariadb_status(void *arg, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_mariadb *db = arg;
	struct agent_replica replica;
	int rc;

	(void)ask;
	if ((rc = agent_mariadb_begin(db, deadline_ms, err)) < 0 ||
		(rc = put_variables(db, out, deadline_ms, err)) < 0 ||
		(rc = put_semi_sync(db, out, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_replica(db, &replica, deadline_ms, err)) < 0)
		return rc;
	put_replica(out, &replica);
	agent_facts_int(out, "time_ms", dro_wall_ms());
	return 0;
}

int agent_mariadb_health(void *arg, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_mariadb *db = arg;
	struct agent_facts connections;
	struct agent_replica replica;
	int64_t used, most;
	int rc;

	(void)ask;
	if ((rc = agent_mariadb_begin(db, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_int(
			 db, &most, "SELECT @@global.max_connections", deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_int(db, &used,
			 "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS "
			 "WHERE VARIABLE_NAME='THREADS_CONNECTED'",
			 deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_replica(db, &replica, deadline_ms, err)) < 0)
		return rc;
	agent_facts_init(&connections);
	agent_facts_int(&connections, "used", used);
	agent_facts_int(&connections, "max", most);
	agent_facts_put(out, "connections", &connections);
	put_replica(out, &replica);
	return 0;
}

int agent_mariadb_position(void *arg, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf position = DRO_BUF_INIT(POSITION_MAX);
	struct agent_mariadb *db = arg;
	int64_t read_only;
	int rc;

	(void)ask;
	/* In this order: a position read before the server was read-only is not the last one. */
	if ((rc = agent_mariadb_begin(db, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_int(
			 db, &read_only, "SELECT @@global.read_only", deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_text(
			 db, &position, "SELECT @@global.gtid_binlog_pos", deadline_ms, err)) < 0)
		goto out;
	agent_facts_text(out, "position", dro_buf_str(&position));
	agent_facts_bool(out, "final", read_only == 1);
	agent_facts_int(out, "time_ms", dro_wall_ms());
out:
	dro_buf_free(&position);
	return rc;
}

/* ---- wait --------------------------------------------------------------------------------- */

static int gtid_wait(struct agent_mariadb *db, const char *position, uint64_t wait_ms, bool *there,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf sql = DRO_BUF_INIT(2 * POSITION_MAX + 128);
	int64_t got = -1;
	int rc;

	dro_buf_puts(&sql, "SELECT MASTER_GTID_WAIT(");
	agent_mariadb_quote(db, &sql, position);
	dro_buf_printf(&sql, ", %llu.%03llu)", (unsigned long long)(wait_ms / 1000),
		(unsigned long long)(wait_ms % 1000));
	if ((rc = dro_buf_check(&sql, err)) == 0)
		rc = agent_mariadb_int(db, &got, dro_buf_str(&sql), deadline_ms, err);
	*there = rc == 0 && got == 0;
	dro_buf_free(&sql);
	return rc;
}

int agent_mariadb_contains(struct agent_mariadb *db, const char *position, bool *yes,
	uint64_t deadline_ms, struct dro_error *err)
{
	return gtid_wait(db, position, 0, yes, deadline_ms, err);
}

int agent_mariadb_applied(
	struct agent_mariadb *db, const char *position, uint64_t deadline_ms, struct dro_error *err)
{
	uint64_t left = agent_mariadb_left(deadline_ms);
	/* The server's answer "not yet" must come before the statement is cut. */
	uint64_t wait_ms = left > 4 * REPORT_MS ? left - REPORT_MS : left - left / 4;
	bool there;
	int rc = gtid_wait(db, position, wait_ms, &there, deadline_ms, err);

	if (rc == 0 && !there)
		rc = dro_fail(err, DRO_ETIMEDOUT, "%.400s was not applied within %llu ms", position,
			(unsigned long long)wait_ms);
	return rc;
}

int agent_mariadb_wait(void *arg, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf applied = DRO_BUF_INIT(POSITION_MAX);
	struct agent_mariadb *db = arg;
	struct agent_replica replica;
	int rc;

	if ((rc = agent_mariadb_begin(db, deadline_ms, err)) < 0)
		goto out;
	rc = agent_mariadb_applied(db, ask->position, deadline_ms, err);
	if (rc < 0 && !db->mysql)
		goto out;
	/* Also in vain it must be known how far it came: the difference is what would be lost. */
	if (agent_mariadb_text(db, &applied, "SELECT @@global.gtid_slave_pos", deadline_ms, NULL) <
			0 ||
		agent_mariadb_replica(db, &replica, deadline_ms, NULL) < 0)
		goto out;
	agent_facts_text(out, "applied", dro_buf_str(&applied));
	put_replica(out, &replica);
	if (rc == DRO_ETIMEDOUT && err && replica.configured &&
		(!replica.io || !replica.sql || replica.lag < 0))
		dro_error_context(err, "replication is broken, the last write seen is %.200s",
			*replica.seen ? replica.seen : dro_buf_str(&applied));
out:
	dro_buf_free(&applied);
	return rc;
}
