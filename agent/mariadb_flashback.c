/*
 * Writes that nobody else has are taken back: one XA transaction, so that a kill at any moment
 * leaves all of it or nothing. rejoin.json is written between its prepare and its commit.
 */
#include "agent/mariadb_rejoin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define XID "'drorch-rejoin'"
#define FILE_NAME "flashback.sql"
#define STATEMENT_MAX (256u << 20)

static int run(
	struct agent_mariadb *db, const char *sql, uint64_t deadline_ms, struct dro_error *err)
{
	return agent_mariadb_query(db, NULL, sql, deadline_ms, err);
}

/* Is it prepared? Nobody else's is looked at. */
static int is_prepared(
	struct agent_mariadb *db, bool *out, uint64_t deadline_ms, struct dro_error *err)
{
	MYSQL_RES *result;
	MYSQL_ROW row;
	int rc = agent_mariadb_query(db, &result, "XA RECOVER", deadline_ms, err);

	*out = false;
	if (rc < 0)
		return rc;
	while ((row = mysql_fetch_row(result)))
		*out = *out || (row[3] && strcmp(row[3], "drorch-rejoin") == 0);
	mysql_free_result(result);
	return 0;
}

/* ---- the rows ----------------------------------------------------------------------------- */

/* Statements stand as "BINLOG '", lines of base64, and "'" before the delimiter: nothing else of
 * the file is run, since it is all one transaction of ours. */
static int apply_file(struct agent_mariadb *db, FILE *file, const char *path, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct dro_buf sql = DRO_BUF_INIT(STATEMENT_MAX);
	bool inside = false;
	char line[4096];
	int rc = 0;

	while (rc == 0 && fgets(line, sizeof(line), file)) {
		if (!inside && strcmp(line, "BINLOG '\n") != 0)
			continue;
		if (inside && *line == '\'') {
			dro_buf_puts(&sql, "'");
			if ((rc = dro_buf_check(&sql, err)) == 0)
				rc = run(db, sql.data, deadline_ms, err);
			dro_buf_reset(&sql);
			inside = false;
		} else {
			dro_buf_puts(&sql, line);
			inside = true;
		}
	}
	if (rc == 0 && (inside || ferror(file)))
		rc = dro_fail(err, DRO_EIO, "%s ends too early", path);
	dro_buf_free(&sql);
	return rc;
}

static int apply(
	struct agent_mariadb *db, const char *path, uint64_t deadline_ms, struct dro_error *err)
{
	FILE *file = fopen(path, "re");
	int rc;

	if (!file)
		return dro_fail_errno(err, "%s", path);
	if ((rc = run(db, "SET SESSION sql_log_bin=0", deadline_ms, err)) < 0 ||
		(rc = run(db, "XA START " XID, deadline_ms, err)) < 0 ||
		(rc = apply_file(db, file, path, deadline_ms, err)) < 0 ||
		(rc = run(db, "XA END " XID, deadline_ms, err)) < 0)
		goto out;
	rc = run(db, "XA PREPARE " XID, deadline_ms, err);
out:
	fclose(file);
	return rc;
}

/* ---- afterwards --------------------------------------------------------------------------- */

/* As if it had never been: may be repeated until replication starts. */
static int forget(struct agent_mariadb *db, const struct agent_turn *turn,
	struct agent_rejoin *rejoin, uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf sql = DRO_BUF_INIT(3 * AGENT_POSITION_MAX);
	int rc;

	if ((rc = run(db, "STOP SLAVE", deadline_ms, err)) < 0 ||
		(rc = run(db, "RESET SLAVE ALL", deadline_ms, err)) < 0 ||
		(rc = run(db, "RESET MASTER", deadline_ms, err)) < 0)
		goto out;
	dro_buf_puts(&sql, "SET GLOBAL gtid_binlog_state=");
	agent_mariadb_quote(db, &sql, rejoin->binlog_state);
	if ((rc = dro_buf_check(&sql, err)) < 0 || (rc = run(db, sql.data, deadline_ms, err)) < 0)
		goto out;
	dro_buf_reset(&sql);
	dro_buf_puts(&sql, "SET GLOBAL gtid_slave_pos=");
	agent_mariadb_quote(db, &sql, rejoin->slave_pos);
	if ((rc = dro_buf_check(&sql, err)) < 0 || (rc = run(db, sql.data, deadline_ms, err)) < 0)
		goto out;
	rejoin->begun = false;
	rc = agent_rejoin_write(rejoin, turn->config, err);
out:
	dro_buf_free(&sql);
	return rc;
}

static int finish(struct agent_mariadb *db, const struct agent_turn *turn,
	struct agent_rejoin *rejoin, uint64_t deadline_ms, struct dro_error *err)
{
	bool prepared;
	int rc;

	if ((rc = agent_turn_holds(turn, deadline_ms, err)) < 0 ||
		(rc = is_prepared(db, &prepared, deadline_ms, err)) < 0 ||
		(rc = run(db, "SET SESSION sql_log_bin=0", deadline_ms, err)) < 0 ||
		(prepared && (rc = run(db, "XA COMMIT " XID, deadline_ms, err)) < 0) ||
		(rc = forget(db, turn, rejoin, deadline_ms, err)) < 0)
		return rc;
	return run(db, "SET SESSION sql_log_bin=1", deadline_ms, err);
}

/* Not logged either: in the log it would be one more write that is here alone. */
static int take_back(struct agent_mariadb *db, uint64_t deadline_ms, struct dro_error *err)
{
	int rc;

	if ((rc = run(db, "SET SESSION sql_log_bin=0", deadline_ms, err)) < 0 ||
		(rc = run(db, "XA ROLLBACK " XID, deadline_ms, err)) < 0)
		return rc;
	return run(db, "SET SESSION sql_log_bin=1", deadline_ms, err);
}

int agent_mariadb_flashback_resume(struct agent_mariadb *db, const struct agent_turn *turn,
	bool *done, uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_rejoin *rejoin = calloc(1, sizeof(*rejoin));
	bool prepared = false;
	int rc;

	*done = false;
	if (!rejoin)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = agent_rejoin_read(rejoin, turn->config, err)) < 0)
		goto out;
	if (rejoin->begun && !rejoin->reseed) {
		*done = true;
		rc = finish(db, turn, rejoin, deadline_ms, err);
	} else if (rejoin->begun) {
		/* A reseed that did not get as far as to change anything. */
		rejoin->begun = false;
		rc = agent_rejoin_write(rejoin, turn->config, err);
	} else if ((rc = is_prepared(db, &prepared, deadline_ms, err)) == 0 && prepared) {
		rc = take_back(db, deadline_ms, err);
	}
out:
	free(rejoin);
	return rc;
}

int agent_mariadb_flashback(struct agent_mariadb *db, const struct agent_turn *turn,
	const struct agent_histories *histories, const struct agent_logs *logs,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_rejoin *rejoin = calloc(1, sizeof(*rejoin));
	char *path = dro_path_join(turn->config->state, FILE_NAME);
	int rc;

	if (!rejoin || !path) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if ((rc = agent_logs_print(logs, histories->last, true, path, turn->config->state,
		     deadline_ms, err)) < 0 ||
		(rc = agent_turn_holds(turn, deadline_ms, err)) < 0)
		goto out;
	if ((rc = apply(db, path, deadline_ms, err)) < 0) {
		/* With the connection goes what is not prepared; if it is, the next one ends it. */
		agent_mariadb_drop(db);
		if (rc == DRO_EIO)
			rc = err ? (err->code = DRO_ECONFLICT) : DRO_ECONFLICT;
		goto out;
	}
	rejoin->begun = true;
	memcpy(rejoin->slave_pos, histories->last, sizeof(rejoin->slave_pos));
	memcpy(rejoin->binlog_state, histories->common_text, sizeof(rejoin->binlog_state));
	if ((rc = agent_rejoin_write(rejoin, turn->config, err)) < 0)
		goto out;
	/* By another connection, as after a kill: one way through it. */
	agent_mariadb_drop(db);
	if ((rc = agent_mariadb_begin_change(db, deadline_ms, err)) == 0)
		rc = finish(db, turn, rejoin, deadline_ms, err);
out:
	if (path)
		unlink(path);
	free(path);
	free(rejoin);
	return rc;
}
