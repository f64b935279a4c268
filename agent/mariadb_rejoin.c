/* An old primary becomes a replica again, by the gentlest way that does it. */
#include "agent/mariadb_rejoin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of InnoDB's own flags: 1 and 2, a delete cascades or sets null; 8, an update sets null. What an
 * update cascades, it cascades back. */
#define CASCADES "SELECT COUNT(*) FROM information_schema.INNODB_SYS_FOREIGN WHERE TYPE & "

/* ---- two histories ------------------------------------------------------------------------ */

static int add_variable(struct agent_mariadb *db, struct agent_gtids *out, const char *name,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(65536);
	char sql[80];
	int rc;

	snprintf(sql, sizeof(sql), "SELECT @@global.%s", name);
	if ((rc = agent_mariadb_text(db, &text, sql, deadline_ms, err)) == 0)
		rc = agent_gtids_add(out, dro_buf_str(&text), err);
	dro_buf_free(&text);
	return rc;
}

/* All that a server holds: what stands in its logs, and what it had from another before those. */
static int read_history(struct agent_mariadb *db, struct agent_gtids *out, uint64_t deadline_ms,
	struct dro_error *err)
{
	int rc = add_variable(db, out, "gtid_binlog_state", deadline_ms, err);

	return rc < 0 ? rc : add_variable(db, out, "gtid_slave_pos", deadline_ms, err);
}

static int read_text(struct agent_mariadb *db, char *out, size_t size, const char *sql,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(size - 1);
	int rc = agent_mariadb_text(db, &text, sql, deadline_ms, err);

	snprintf(out, size, "%s", dro_buf_str(&text));
	dro_buf_free(&text);
	return rc;
}

static int read_there(struct agent_mariadb *db, const struct agent_ask *ask,
	struct agent_gtids *out, uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_mariadb far = {.config = db->config, .host = ask->host, .port = ask->port};
	int64_t here = -1, there = -2;
	int rc;

	if ((rc = agent_mariadb_begin(&far, deadline_ms, err)) < 0 ||
		(rc = read_history(&far, out, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_int(
			 &far, &there, "SELECT @@global.server_id", deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_int(db, &here, "SELECT @@global.server_id", deadline_ms, err)) <
			0)
		goto out;
	if (here == there)
		rc = dro_fail(err, DRO_ECONFLICT, "%.200s:%d is this server, or has its server_id",
			ask->host, ask->port);
out:
	agent_mariadb_drop(&far);
	return rc;
}

static int print_gtids(
	char *out, size_t size, const struct agent_gtids *gtids, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(size - 1);
	int rc;

	agent_gtids_print(&text, gtids);
	rc = dro_buf_check(&text, err);
	snprintf(out, size, "%s", dro_buf_str(&text));
	dro_buf_free(&text);
	return rc;
}

static int compare(struct agent_mariadb *db, const struct agent_ask *ask,
	struct agent_histories *out, uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_gtids *last = calloc(1, sizeof(*last));
	int rc;

	if (!last)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = read_history(db, &out->here, deadline_ms, err)) < 0 ||
		(rc = read_there(db, ask, &out->there, deadline_ms, err)) < 0 ||
		(rc = read_text(db, out->index, sizeof(out->index), "SELECT @@global.log_bin_index",
			 deadline_ms, err)) < 0 ||
		(rc = read_text(db, out->row_image, sizeof(out->row_image),
			 "SELECT @@global.binlog_row_image", deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_int(
			 db, &out->cascades_of_deletes, CASCADES "3", deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_int(
			 db, &out->cascades_of_updates, CASCADES "8", deadline_ms, err)) < 0)
		goto out;
	agent_gtids_common(&out->common, &out->here, &out->there);
	agent_gtids_last(last, &out->common);
	if ((rc = print_gtids(out->last, sizeof(out->last), last, err)) == 0)
		rc = print_gtids(out->common_text, sizeof(out->common_text), &out->common, err);
out:
	free(last);
	return rc;
}

/* ---- what can be done --------------------------------------------------------------------- */

/* Why flashback is no way; "" : it is one. */
static void why_not(char out[400], const struct agent_histories *histories,
	const struct agent_diverged *diverged)
{
	*out = '\0';
	if (diverged->ddl)
		snprintf(out, 400, "%lld of them change tables (DDL)", (long long)diverged->ddl);
	else if (diverged->plain)
		snprintf(
			out, 400, "%lld of them are not transactional", (long long)diverged->plain);
	else if (diverged->statements)
		snprintf(out, 400, "%lld of them were not logged as rows",
			(long long)diverged->statements);
	else if ((diverged->deletes && histories->cascades_of_deletes) ||
		 (diverged->updates && histories->cascades_of_updates))
		snprintf(out, 400,
			"rows were %s, and there are foreign keys that change others with them, "
			"which is not logged",
			diverged->deletes ? "deleted" : "updated");
	else if (strcmp(histories->row_image, "FULL") != 0)
		snprintf(out, 400, "binlog_row_image is %s", histories->row_image);
}

/* Finds the logs and writes the report; what keeps that from being done is in `no_flashback`. */
static void look_closer(struct agent_diverged *diverged, struct agent_logs *logs,
	char no_flashback[400], const struct agent_histories *histories,
	const struct agent_turn *turn, uint64_t deadline_ms)
{
	struct dro_error err = DRO_ERROR_INIT;
	char name[120] = "";
	size_t i;
	int rc = 0;

	/* Named by what it is about, so that asking again makes no second one. */
	for (i = 0; i < histories->here.count; i++) {
		const struct agent_gtid *gtid = &histories->here.list[i];
		uint64_t there = agent_gtids_number(&histories->there, gtid);

		if (!*name && gtid->number > there)
			snprintf(name, sizeof(name), "diverged-%u-%u-%llu-%llu.sql", gtid->domain,
				gtid->server, (unsigned long long)there,
				(unsigned long long)gtid->number);
	}
	snprintf(diverged->from, sizeof(diverged->from), "%s", histories->last);
	if (!*histories->last)
		rc = dro_fail(&err, DRO_EUNSUPPORTED, "nothing is in common");
	else if (!*histories->index)
		rc = dro_fail(&err, DRO_EUNSUPPORTED, "there are no binary logs here");
	if (rc == 0 &&
		(rc = agent_logs_find(logs, histories->index, &histories->common, &err)) == 0)
		rc = agent_diverged_report(
			diverged, logs, turn->config->state, name, deadline_ms, &err);
	if (rc < 0)
		snprintf(no_flashback, 400, "%.390s", err.message);
	else
		why_not(no_flashback, histories, diverged);
}

static int refuse(struct agent_facts *out, enum agent_way needs, enum agent_way allow,
	const char *why, const char *no_flashback, struct dro_error *err)
{
	agent_facts_text(out, "needs", agent_way_name(needs));
	agent_facts_text(out, "why", why);
	if (*no_flashback)
		agent_facts_text(out, "no_flashback", no_flashback);
	return dro_fail(err, DRO_ECONFLICT, "%.600s: needs %s, allowed is %s", why,
		agent_way_name(needs), agent_way_name(allow));
}

/* ---- the ways ----------------------------------------------------------------------------- */

static int end(struct agent_mariadb *db, const struct agent_ask *ask, enum agent_way way,
	const char *why, struct agent_facts *out, uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_facts dropped;
	int rc;

	agent_mariadb_end_change(db, deadline_ms); /* it takes the lock itself */
	agent_facts_init(&dropped);
	rc = agent_mariadb_follow(db, ask, &dropped, deadline_ms, err);
	agent_facts_fini(&dropped);
	if (rc < 0)
		return rc;
	agent_facts_text(out, "way", agent_way_name(way));
	agent_facts_text(out, "why", why);
	if (!cJSON_HasObjectItem(out->json, "diverged"))
		agent_facts_null(out, "diverged");
	return 0;
}

static int reseed(struct agent_mariadb *db, const struct agent_ask *ask, const char *why,
	struct agent_facts *out, uint64_t deadline_ms, struct dro_error *err)
{
	int rc;

	agent_mariadb_end_change(db, deadline_ms);
	rc = agent_mariadb_reseed(db, ask, deadline_ms, err);
	return rc < 0 ? rc : end(db, ask, AGENT_RESEED, why, out, deadline_ms, err);
}

/* Nobody writes here any more, and replication from whomever it was has stopped. */
static int close_server(struct agent_mariadb *db, const struct agent_ask *ask, uint64_t deadline_ms,
	struct dro_error *err)
{
	int64_t evicted = 0;
	int rc;

	if ((rc = agent_mariadb_query(db, NULL, "SET GLOBAL read_only=1", deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_evict(db, &evicted, deadline_ms, err)) < 0)
		return rc;
	agent_turn_closed(ask->turn, deadline_ms);
	return 0;
}

static int part_ways(struct agent_mariadb *db, const struct agent_ask *ask,
	const struct agent_histories *histories, struct agent_facts *out, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct agent_diverged *diverged = calloc(1, sizeof(*diverged));
	struct agent_logs *logs = calloc(1, sizeof(*logs));
	char no_flashback[400] = "", why[600];
	int rc;

	if (!diverged || !logs) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if ((rc = agent_mariadb_query(db, NULL, "STOP SLAVE", deadline_ms, err)) < 0)
		goto out;
	look_closer(diverged, logs, no_flashback, histories, ask->turn, deadline_ms);
	agent_diverged_facts(out, diverged);
	snprintf(why, sizeof(why), "writes after %.200s are here alone",
		*histories->last ? histories->last : "the beginning");
	if (*no_flashback && ask->allow < AGENT_RESEED) {
		rc = refuse(out, AGENT_RESEED, ask->allow, why, no_flashback, err);
	} else if (!*no_flashback && ask->allow < AGENT_FLASHBACK) {
		rc = refuse(out, AGENT_FLASHBACK, ask->allow, why, no_flashback, err);
	} else if (!*no_flashback) {
		rc = agent_mariadb_flashback(db, ask->turn, histories, logs, deadline_ms, err);
		if (rc == 0)
			rc = end(db, ask, AGENT_FLASHBACK, why, out, deadline_ms, err);
		else if (rc == DRO_ECONFLICT)
			snprintf(no_flashback, sizeof(no_flashback), "%.390s", err->message);
		if (rc == DRO_ECONFLICT && ask->allow < AGENT_RESEED)
			rc = refuse(out, AGENT_RESEED, ask->allow, why, no_flashback, err);
	} else {
		rc = DRO_ECONFLICT;
	}
	if (rc == DRO_ECONFLICT && ask->allow >= AGENT_RESEED) {
		if (*no_flashback)
			agent_facts_text(out, "no_flashback", no_flashback);
		rc = reseed(db, ask, why, out, deadline_ms, err);
	}
out:
	if (logs)
		agent_logs_free(logs);
	free(logs);
	free(diverged);
	return rc;
}

/* All that is here is there; what is missing here may be gone there. */
static int just_follow(struct agent_mariadb *db, const struct agent_ask *ask,
	struct agent_facts *out, uint64_t deadline_ms, struct dro_error *err)
{
	char why[600];
	int rc = end(db, ask, AGENT_FOLLOW, "all that is here is there", out, deadline_ms, err);

	if (rc != DRO_ECONFLICT)
		return rc;
	snprintf(why, sizeof(why), "%.590s", err->message);
	if (ask->allow < AGENT_RESEED)
		return refuse(out, AGENT_RESEED, ask->allow, why, "", err);
	return reseed(db, ask, why, out, deadline_ms, err);
}

static int look_and_go(struct agent_mariadb *db, const struct agent_ask *ask,
	struct agent_facts *out, uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_histories *histories = calloc(1, sizeof(*histories));
	bool resumed = false;
	int rc;

	if (!histories)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = close_server(db, ask, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_flashback_resume(db, ask->turn, &resumed, deadline_ms, err)) <
			0 ||
		(rc = compare(db, ask, histories, deadline_ms, err)) < 0)
		goto out;
	if (agent_gtids_beyond(&histories->here, &histories->there))
		rc = part_ways(db, ask, histories, out, deadline_ms, err);
	else if (resumed)
		rc = end(db, ask, AGENT_FLASHBACK, "a flashback that had begun was ended", out,
			deadline_ms, err);
	else
		rc = just_follow(db, ask, out, deadline_ms, err);
out:
	free(histories);
	return rc;
}

int agent_mariadb_rejoin(void *arg, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_mariadb *db = arg;
	int rc;

	if (!*db->config->replication_user)
		return dro_fail(
			err, DRO_EINVAL, "the configuration names no account for replication");
	if (agent_mariadb_reseed_begun(ask->turn->config))
		return reseed(db, ask, "a reseed that had begun was ended", out, deadline_ms, err);
	rc = agent_mariadb_begin_change(db, deadline_ms, err);
	if (rc == DRO_EAGAIN && agent_mariadb_away(err) && ask->allow >= AGENT_RESEED)
		return reseed(db, ask, "the server does not run", out, deadline_ms, err);
	if (rc < 0) {
		agent_mariadb_end_change(db, deadline_ms);
		return rc; /* nothing was changed */
	}
	rc = look_and_go(db, ask, out, deadline_ms, err);
	agent_mariadb_end_change(db, deadline_ms);
	return agent_mariadb_unsure(rc, true, err);
}
