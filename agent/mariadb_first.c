#include "agent/mariadb_first.h"

#include <stdio.h>
#include <string.h>

#include "agent/bootfile.h"
#include "agent/child.h"
#include "agent/heard.h"
#include "agent/lease.h"
#include "agent/mariadb.h"
#include "agent/session.h"
#include "base/clock.h"

#define LOOK_MS 100
#define VERB_MS 30000
#define START_MS (10 * 60 * 1000) /* from the start to the first answer */

/* ---- the server --------------------------------------------------------------------------- */

static int start_server(
	const struct agent_config *config, uint64_t deadline_ms, struct dro_error *err)
{
	int rc = agent_child_run(
		&(struct agent_child){.argv = (const char *const *)config->database.server.start,
			.stop = -1,
			.deadline_ms = deadline_ms},
		err);

	return rc < 0 ? dro_error_context(err, "the database server does not start") : 0;
}

/* Until it answers: a start may return before it does. */
static int await_server(struct agent_mariadb *db, uint64_t deadline_ms, struct dro_error *err)
{
	int rc;

	while ((rc = agent_mariadb_begin(db, deadline_ms, err)) == DRO_EAGAIN &&
		agent_mariadb_left(deadline_ms) > 2 * LOOK_MS)
		dro_clock_real.sleep_ms(&dro_clock_real, LOOK_MS);
	return rc < 0 ? dro_error_context(err, "the restored server") : 0;
}

/* ---- where its log goes on from ----------------------------------------------------------- */

static int set_state(
	struct agent_mariadb *db, const char *gtid, uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf sql = DRO_BUF_INIT(2 * AGENT_GTID_MAX);
	int64_t logs = 0;
	int rc;

	if ((rc = agent_mariadb_int(db, &logs, "SELECT @@global.log_bin", deadline_ms, err)) < 0)
		return rc;
	/*
	 * Its log is new and holds nothing of the backup: that it holds what came before has to be
	 * said, or those that have all of the backup could not go on from here.
	 */
	if (logs == 1) {
		if ((rc = agent_mariadb_query(db, NULL, "RESET MASTER", deadline_ms, err)) < 0)
			return rc;
		dro_buf_puts(&sql, "SET GLOBAL gtid_binlog_state=");
		agent_mariadb_quote(db, &sql, gtid);
		if ((rc = dro_buf_check(&sql, err)) == 0)
			rc = agent_mariadb_query(db, NULL, dro_buf_str(&sql), deadline_ms, err);
		dro_buf_reset(&sql);
	}
	if (rc == 0) {
		dro_buf_puts(&sql, "SET GLOBAL gtid_slave_pos=");
		agent_mariadb_quote(db, &sql, gtid);
		if ((rc = dro_buf_check(&sql, err)) == 0)
			rc = agent_mariadb_query(db, NULL, dro_buf_str(&sql), deadline_ms, err);
	}
	dro_buf_free(&sql);
	return rc;
}

static int check_state(
	struct agent_mariadb *db, const char *gtid, uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf now = DRO_BUF_INIT(AGENT_GTID_MAX);
	bool has = false;
	int rc;

	if (!*gtid)
		return 0;
	if ((rc = agent_mariadb_text(
		     db, &now, "SELECT @@global.gtid_current_pos", deadline_ms, err)) == 0 &&
		(rc = agent_mariadb_contains(db, gtid, &has, deadline_ms, err)) == 0 &&
		(!has || now.length != strlen(gtid)))
		rc = dro_fail(err, DRO_ECORRUPT,
			"the restored server is at %.400s, and the backup at %.400s",
			dro_buf_str(&now), gtid);
	dro_buf_free(&now);
	return rc;
}

static int settle(struct agent_mariadb *db, const struct agent_config *config,
	struct agent_restored *restored, uint64_t deadline_ms, struct dro_error *err)
{
	int rc;

	if ((rc = agent_mariadb_query(db, NULL, "SET GLOBAL read_only=1", deadline_ms, err)) < 0 ||
		(rc = set_state(db, restored->gtid, deadline_ms, err)) < 0 ||
		(rc = check_state(db, restored->gtid, deadline_ms, err)) < 0)
		return rc;
	restored->settled = true;
	return agent_restored_write(config->state, restored, err);
}

/* ---- whether it opens --------------------------------------------------------------------- */

/* Puts the primary's role on record; by the time thaw runs, a session with a newer epoch may have
 * come, and then thaw refuses. */
static int take_role(const struct agent_config *config, int64_t epoch, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct agent_lease lease;
	int rc = agent_lease_begin(&lease, config, epoch, "restore", false, deadline_ms, err);

	if (rc < 0)
		return rc;
	lease.role = AGENT_ROLE_PRIMARY;
	return agent_lease_end(&lease, config, deadline_ms, err);
}

/* By the same verb as a session's, so that it is guarded and recorded as that is. */
static int thaw(struct agent_mariadb *db, const struct agent_config *config, int64_t epoch,
	const struct dro_log *log, uint64_t deadline_ms, struct dro_error *err)
{
	static const char line[] = "{\"id\":\"boot\",\"verb\":\"thaw\",\"epoch\":1}";
	struct agent_session session = {.config = config,
		.driver = agent_driver_find(config->database.kind),
		.db = db,
		.log = log,
		.proven_ms = agent_boot_ms()}; /* whoever made this host lives */
	struct agent_request request;
	struct agent_facts facts;
	int rc;

	agent_facts_init(&facts);
	if ((rc = agent_request_parse(&request, line, strlen(line), err)) == 0) {
		request.epoch = epoch;
		rc = agent_verb_run(&session, &request, &facts, deadline_ms, err);
	}
	agent_request_fini(&request);
	agent_facts_fini(&facts);
	return rc;
}

static int open_primary(struct agent_mariadb *db, const struct agent_config *config,
	const struct agent_userdata *userdata, struct agent_restored *restored,
	const struct dro_log *log, uint64_t deadline_ms, struct dro_error *err)
{
	uint64_t verb_ms = dro_now_ms() + VERB_MS;
	struct agent_lease lease;
	int rc;

	if (strcmp(userdata->role, "primary") != 0) {
		dro_log(log, DRO_LOG_INFO, "the role here is \"%s\": the server stays read-only",
			userdata->role);
		return 0;
	}
	if (verb_ms > deadline_ms)
		verb_ms = deadline_ms;
	if ((rc = agent_lease_read(&lease, config, verb_ms, err)) < 0)
		return rc;
	/* From then on it is for those who hold the lease: another may be the primary by now. */
	if (lease.epoch > userdata->epoch || (lease.epoch > 0 && restored->opened)) {
		dro_log(log, DRO_LOG_INFO,
			"epoch %lld has been heard of: the server stays as it is until a session "
			"says more",
			(long long)lease.epoch);
		return 0;
	}
	if ((rc = take_role(config, userdata->epoch, verb_ms, err)) < 0 ||
		(rc = thaw(db, config, userdata->epoch, log, verb_ms, err)) < 0)
		return rc;
	restored->opened = true;
	dro_log(log, DRO_LOG_INFO, "the server is primary, in epoch %lld",
		(long long)userdata->epoch);
	return agent_restored_write(config->state, restored, err);
}

int agent_mariadb_first(const struct agent_config *config, const struct agent_userdata *userdata,
	struct agent_restored *restored, const struct dro_log *log, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct agent_mariadb db = {.config = &config->database};
	uint64_t start_ms = dro_now_ms() + START_MS;
	int rc;

	if (start_ms > deadline_ms)
		start_ms = deadline_ms;
	if ((rc = agent_boot_file_keep(&config->database, NULL, err)) < 0 ||
		(rc = start_server(config, start_ms, err)) < 0 ||
		(rc = await_server(&db, start_ms, err)) < 0)
		goto out;
	if (!restored->settled && (rc = settle(&db, config, restored, deadline_ms, err)) < 0)
		goto out;
	rc = open_primary(&db, config, userdata, restored, log, deadline_ms, err);
out:
	agent_mariadb_drop(&db);
	return rc;
}
