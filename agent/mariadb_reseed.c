/*
 * A copy of the new primary's data takes the place of this host's. Which of the two folders is the
 * copy is told by a mark inside of it: while it stands beside the data everything begins anew, and
 * once it is in its place everything goes on.
 */
#include "agent/mariadb_rejoin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/bootfile.h"
#include "agent/pipe.h"
#include "agent/seed.h"
#include "base/clock.h"
#include "base/file.h"
#include "store/fault.h"

#define MARK "drorch-seed.pos"	   /* the GTIDs of the copy */
#define ACCOUNT "seed-account.sql" /* in the state folder */
#define INIT "drorch-seed.sql"	   /* what the server runs at its first start */
#define SQL_MAX 65536
#define LOOK_MS 100

struct places {
	char data[4096], copy[4096], old[4096], mark[4096], init[4096];
};

static void find_places(struct places *out, const struct agent_config *config)
{
	const char *data = config->database.server.data;

	snprintf(out->data, sizeof(out->data), "%s", data);
	snprintf(out->copy, sizeof(out->copy), "%.4000s.drorch-seed", data);
	snprintf(out->old, sizeof(out->old), "%.4000s.drorch-old", data);
	snprintf(out->mark, sizeof(out->mark), "%.4000s/" MARK, data);
	snprintf(out->init, sizeof(out->init), "%.4000s/" INIT, data);
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

bool agent_mariadb_reseed_begun(const struct agent_config *config)
{
	struct places places;

	find_places(&places, config);
	return exists(places.mark);
}

/* ---- before ------------------------------------------------------------------------------- */

static int check_config(
	const struct agent_config *config, const struct places *places, struct dro_error *err)
{
	const struct agent_database *database = &config->database;
	struct stat data, parent;
	char up[4100];

	if (!*database->seed.ssh.identity)
		return dro_fail(err, DRO_EUNSUPPORTED, "reseed needs database.seed.ssh");
	if (!*database->boot_file)
		return dro_fail(err, DRO_EUNSUPPORTED,
			"reseed needs the database's boot_file: the copy must start read-only");
	snprintf(up, sizeof(up), "%s/..", places->data);
	if (stat(places->data, &data) < 0 || stat(up, &parent) < 0)
		return dro_fail_errno(err, "%s", places->data);
	if (data.st_dev != parent.st_dev)
		return dro_fail(err, DRO_EUNSUPPORTED,
			"%s is a file system of its own: the copy cannot take its place",
			places->data);
	return 0;
}

/* The statements that make this account again: of the copy's own accounts none may be ours. */
static int add_account(
	struct agent_mariadb *db, struct dro_buf *sql, uint64_t deadline_ms, struct dro_error *err)
{
	static const char create[] = "CREATE USER ";
	struct dro_buf user = DRO_BUF_INIT(SQL_MAX);
	MYSQL_RES *result = NULL;
	MYSQL_ROW row;
	int rc;

	if ((rc = agent_mariadb_text(db, &user, "SHOW CREATE USER", deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_query(db, &result, "SHOW GRANTS", deadline_ms, err)) < 0)
		goto out;
	if (strncmp(dro_buf_str(&user), create, strlen(create)) != 0) {
		rc = dro_fail(
			err, DRO_EPROTO, "MariaDB: SHOW CREATE USER: %.200s", dro_buf_str(&user));
		goto out;
	}
	dro_buf_printf(sql, "CREATE OR REPLACE USER %s;\n", dro_buf_str(&user) + strlen(create));
	while ((row = mysql_fetch_row(result)))
		if (row[0])
			dro_buf_printf(sql, "%s;\n", row[0]);
	rc = dro_buf_check(sql, err);
out:
	if (result)
		mysql_free_result(result);
	dro_buf_free(&user);
	return rc;
}

/*
 * As it is now, or as an earlier reseed found it where the server does not run; where none did,
 * the copy's accounts must do.
 */
static int find_account(struct agent_mariadb *db, const struct agent_config *config,
	struct dro_buf *sql, uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_error failure = DRO_ERROR_INIT;
	char *path = dro_path_join(config->state, ACCOUNT);
	int rc;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (agent_mariadb_begin(db, deadline_ms, &failure) == 0) {
		if ((rc = add_account(db, sql, deadline_ms, err)) == 0)
			rc = dro_file_write(path, sql->data, sql->length, 0600, err);
	} else if (!agent_mariadb_away(&failure)) {
		rc = dro_fail(err, failure.code, "%s", failure.message);
	} else if ((rc = dro_file_read(sql, path, err)) == DRO_ENOTFOUND) {
		rc = 0;
	}
	free(path);
	return rc;
}

static int write_init(struct agent_mariadb *db, const struct agent_config *config,
	const struct places *places, const char *position, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct dro_buf account = DRO_BUF_INIT(SQL_MAX), sql = DRO_BUF_INIT(2 * SQL_MAX);
	char *init = dro_path_join(places->copy, INIT), *mark = dro_path_join(places->copy, MARK);
	int rc;

	if (!init || !mark) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if ((rc = find_account(db, config, &account, deadline_ms, err)) < 0)
		goto out;
	dro_buf_printf(&sql,
		"SET sql_log_bin=0;\n%sRESET MASTER;\nSET GLOBAL gtid_slave_pos='%s';\n",
		dro_buf_str(&account), position);
	if ((rc = dro_buf_check(&sql, err)) < 0 ||
		(rc = dro_file_write(init, sql.data, sql.length, 0600, err)) < 0 ||
		(rc = dro_file_write(mark, position, strlen(position), 0600, err)) < 0)
		goto out;
	rc = agent_seed_own(places->copy, places->data, err);
out:
	free(init);
	free(mark);
	dro_buf_free(&account);
	dro_buf_free(&sql);
	return rc;
}

/* ---- the exchange ------------------------------------------------------------------------- */

static int run_server(const struct agent_config *config, char *const argv[], uint64_t deadline_ms,
	struct dro_error *err)
{
	char *log = dro_path_join(config->state, "server.log");
	int rc;

	dro_kill_point();
	rc = log ? agent_pipe_run(argv, NULL, log, deadline_ms, err)
		 : dro_fail(err, DRO_ENOMEM, "out of memory");

	free(log);
	return rc;
}

static int stop_server(const struct agent_config *config, const struct places *places,
	uint64_t deadline_ms, struct dro_error *err)
{
	bool in_use = true;
	int rc = run_server(config, config->database.server.stop, deadline_ms, err);

	if (rc == 0)
		rc = agent_seed_in_use(places->data, &in_use, err);
	if (rc == 0 && in_use)
		rc = dro_fail(err, DRO_ETIMEDOUT, "the server was stopped, and runs on %s still",
			places->data);
	return rc;
}

/* What stood in the copy's place before the exchange is this host's old data. */
static int keep_old(const struct places *places, struct dro_error *err)
{
	int rc;

	if (!exists(places->copy))
		return 0;
	if ((rc = dro_dir_remove(places->old, err)) < 0)
		return rc;
	return rename(places->copy, places->old) < 0 ? dro_fail_errno(err, "%s", places->old) : 0;
}

static int exchange(struct agent_mariadb *db, const struct agent_ask *ask,
	const struct places *places, uint64_t deadline_ms, struct dro_error *err)
{
	const struct agent_config *config = ask->turn->config;
	struct agent_rejoin rejoin = {.begun = true, .reseed = true};
	char position[AGENT_POSITION_MAX];
	int rc;

	if ((rc = check_config(config, places, err)) < 0 ||
		(rc = dro_dir_remove(places->old, err)) < 0 ||
		(rc = agent_seed_fetch(config, ask->host, places->copy, places->data, position,
			 sizeof(position), deadline_ms, err)) < 0 ||
		(rc = write_init(db, config, places, position, deadline_ms, err)) < 0)
		return rc;
	agent_mariadb_drop(db);
	/* From here on the server may start on one folder or the other: read-only, whichever. */
	if ((rc = agent_turn_holds(ask->turn, deadline_ms, err)) < 0 ||
		(rc = agent_rejoin_write(&rejoin, config, err)) < 0 ||
		(rc = stop_server(config, places, deadline_ms, err)) < 0 ||
		(rc = agent_turn_holds(ask->turn, deadline_ms, err)) < 0)
		return rc;
	agent_turn_closed(ask->turn, deadline_ms);
	dro_kill_point();
	return agent_seed_exchange(places->copy, places->data, err);
}

/* ---- after -------------------------------------------------------------------------------- */

static int await_server(struct agent_mariadb *db, uint64_t deadline_ms, struct dro_error *err)
{
	int rc;

	while ((rc = agent_mariadb_begin(db, deadline_ms, err)) == DRO_EAGAIN &&
		agent_mariadb_left(deadline_ms) > LOOK_MS)
		dro_clock_real.sleep_ms(&dro_clock_real, LOOK_MS);
	return rc;
}

/* Did the copy's first start do what it had to? */
static int check_start(struct agent_mariadb *db, const struct places *places, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct dro_buf want = DRO_BUF_INIT(AGENT_POSITION_MAX),
		       have = DRO_BUF_INIT(AGENT_POSITION_MAX);
	struct agent_gtids one = {.count = 0}, two = {.count = 0};
	int64_t read_only = 0;
	int rc;

	if ((rc = dro_file_read(&want, places->mark, err)) < 0 ||
		(rc = agent_mariadb_int(
			 db, &read_only, "SELECT @@global.read_only", deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_text(
			 db, &have, "SELECT @@global.gtid_slave_pos", deadline_ms, err)) < 0 ||
		(rc = agent_gtids_add(&one, dro_buf_str(&want), err)) < 0 ||
		(rc = agent_gtids_add(&two, dro_buf_str(&have), err)) < 0)
		goto out;
	if (read_only != 1 || agent_gtids_beyond(&one, &two) || agent_gtids_beyond(&two, &one))
		rc = dro_fail(err, DRO_ECONFLICT,
			"the copy started with read_only=%lld at %.200s, and not at %.200s: does "
			"the server read boot_file?",
			(long long)read_only, dro_buf_str(&have), dro_buf_str(&want));
out:
	dro_buf_free(&want);
	dro_buf_free(&have);
	return rc;
}

static int start_copy(struct agent_mariadb *db, const struct agent_ask *ask,
	const struct places *places, uint64_t deadline_ms, struct dro_error *err)
{
	const struct agent_config *config = ask->turn->config;
	struct agent_rejoin none = {.begun = false};
	int rc;

	/* A server that was started on it meanwhile may not have read the file: again. */
	if ((rc = agent_boot_file_keep(&config->database, places->init, err)) < 0 ||
		(rc = stop_server(config, places, deadline_ms, err)) < 0 ||
		(rc = keep_old(places, err)) < 0 ||
		(rc = run_server(config, config->database.server.start, deadline_ms, err)) < 0 ||
		(rc = await_server(db, deadline_ms, err)) < 0 ||
		(rc = check_start(db, places, deadline_ms, err)) < 0)
		return rc;
	dro_kill_point();
	/* Nothing is replicated yet, so each of these may be done again; the mark goes last. */
	if ((rc = agent_boot_file_keep(&config->database, NULL, err)) < 0)
		return rc;
	dro_kill_point();
	unlink(places->init);
	dro_kill_point();
	if (unlink(places->mark) < 0)
		return dro_fail_errno(err, "%s", places->mark);
	return agent_rejoin_write(&none, config, err);
}

int agent_mariadb_reseed(struct agent_mariadb *db, const struct agent_ask *ask,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct places places;
	int rc = 0;

	find_places(&places, ask->turn->config);
	if (!exists(places.mark))
		rc = exchange(db, ask, &places, deadline_ms, err);
	return rc < 0 ? rc : start_copy(db, ask, &places, deadline_ms, err);
}
