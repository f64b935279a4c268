#include "agent/mariadb.h"

#include <errmsg.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/secret.h"
#include "store/fault.h"

#define LOCK "'drorch-agent'"
#define LATE_MAX 16 /* how often libmariadb may go on after it was told of the deadline */

uint64_t agent_mariadb_left(uint64_t deadline_ms)
{
	uint64_t now = dro_now_ms();

	return now < deadline_ms ? deadline_ms - now : 0;
}

/* ---- waiting ------------------------------------------------------------------------------ */

/* What libmariadb waits for has come, or the deadline: MYSQL_WAIT_TIMEOUT. */
static int await(MYSQL *mysql, int want, uint64_t deadline_ms)
{
	struct pollfd fd = {.fd = mysql_get_socket(mysql)};
	uint64_t left = agent_mariadb_left(deadline_ms);
	int got = 0;

	if (want & MYSQL_WAIT_READ)
		fd.events |= POLLIN;
	if (want & MYSQL_WAIT_WRITE)
		fd.events |= POLLOUT;
	if (want & MYSQL_WAIT_EXCEPT)
		fd.events |= POLLPRI;
	if (!left || poll(&fd, 1, left > 60000 ? 60000 : (int)left) <= 0)
		return agent_mariadb_left(deadline_ms) ? 0 : MYSQL_WAIT_TIMEOUT;
	if (fd.revents & (POLLIN | POLLHUP | POLLERR))
		got |= want & MYSQL_WAIT_READ;
	if (fd.revents & (POLLOUT | POLLHUP | POLLERR))
		got |= want & MYSQL_WAIT_WRITE;
	if (fd.revents & POLLPRI)
		got |= want & MYSQL_WAIT_EXCEPT;
	return got ? got : want;
}

/*
 * The next status for libmariadb's _cont; never 0 (a poll that was interrupted is repeated). Once
 * past the deadline the socket is shut, so that nothing in there can wait any more.
 */
static int next(MYSQL *mysql, int want, uint64_t deadline_ms)
{
	int got;

	do
		got = await(mysql, want, deadline_ms);
	while (!got);
	if (got == MYSQL_WAIT_TIMEOUT)
		shutdown(mysql_get_socket(mysql), SHUT_RDWR);
	return got;
}

/* ---- errors ------------------------------------------------------------------------------- */

unsigned agent_mariadb_errno(const struct agent_mariadb *db)
{
	return db->mysql ? mysql_errno(db->mysql) : 0;
}

static int code_of(unsigned number)
{
	switch (number) {
	case 1044: /* access denied: database */
	case 1045: /* account */
	case 1095: /* somebody else's thread */
	case 1142: /* table */
	case 1227: /* privilege */
	case 1698: /* unix_socket */
		return DRO_EAUTH;
	case 1040: /* too many connections */
	case 1203:
	case 1205: /* lock wait */
	case 1969: /* max_statement_time */
		return DRO_EAGAIN;
	case 1317: /* interrupted */
	case 1927: /* connection was killed */
		return DRO_ETIMEDOUT;
	default:
		return number >= CR_MIN_ERROR && number <= CR_MAX_ERROR ? DRO_ETIMEDOUT : DRO_EIO;
	}
}

bool agent_mariadb_away(const struct dro_error *err)
{
	return strcmp(err->provider_code, "2002") == 0;
}

int agent_mariadb_unsure(int rc, bool changed, struct dro_error *err)
{
	if (rc != DRO_EAGAIN || !changed)
		return rc;
	if (err)
		err->code = DRO_ETIMEDOUT;
	return DRO_ETIMEDOUT;
}

static int failed(
	struct agent_mariadb *db, bool connecting, uint64_t deadline_ms, struct dro_error *err)
{
	unsigned number = mysql_errno(db->mysql);
	bool ours = number >= CR_MIN_ERROR && number <= CR_MAX_ERROR;
	int code = code_of(number);
	const char *text = mysql_error(db->mysql);

	if (connecting && code == DRO_ETIMEDOUT)
		code = DRO_EAGAIN; /* no statement was sent */
	if (ours && !agent_mariadb_left(deadline_ms))
		text = "the server did not answer by the deadline";
	code = dro_fail(err, code, "MariaDB at %.255s: %.600s",
		db->host ? db->host : db->config->socket, text);
	if (err)
		snprintf(err->provider_code, sizeof(err->provider_code), "%u", number);
	/* After these the connection is gone, or its next answer would be this one's. */
	if (connecting || ours || number == 1927 || number == 1969 || number == 1317)
		agent_mariadb_drop(db);
	return code;
}

/* ---- connection --------------------------------------------------------------------------- */

void agent_mariadb_drop(struct agent_mariadb *db)
{
	if (db->mysql)
		mysql_close(db->mysql);
	db->mysql = NULL;
	db->holds = false;
}

/* As the server's own replication does it. */
static void ask_for_tls(struct agent_mariadb *db)
{
	my_bool yes = 1;

	mysql_options(db->mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
	mysql_options(db->mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
	if (*db->config->replication_ca)
		mysql_options(db->mysql, MYSQL_OPT_SSL_CA, db->config->replication_ca);
}

static int connect_server(struct agent_mariadb *db, uint64_t deadline_ms, struct dro_error *err)
{
	const struct agent_database *config = db->config;
	const struct dro_secret_ref *ref =
		db->host ? &config->replication_password : &config->password;
	struct dro_secret password = DRO_SECRET_INIT;
	unsigned off = 0, write_s = 1;
	int want, late = 0, rc = 0;
	MYSQL *done = NULL;

	if (ref->kind != DRO_SECRET_NONE &&
		(rc = dro_secret_resolve(&password, ref, NULL, deadline_ms, err)) < 0)
		return rc;
	db->mysql = mysql_init(NULL);
	if (!db->mysql) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	mysql_options(db->mysql, MYSQL_OPT_NONBLOCK, NULL);
	mysql_options(db->mysql, MYSQL_OPT_LOCAL_INFILE, &off);
	mysql_options(db->mysql, MYSQL_OPT_WRITE_TIMEOUT, &write_s); /* of the last goodbye */
	if (db->host && config->replication_tls)
		ask_for_tls(db);
	want = mysql_real_connect_start(&done, db->mysql, db->host,
		db->host ? config->replication_user : config->user, password.value, NULL,
		(unsigned)db->port, db->host ? NULL : config->socket, CLIENT_REMEMBER_OPTIONS);
	while (want && late < LATE_MAX) {
		int got = next(db->mysql, want, deadline_ms);

		late += got == MYSQL_WAIT_TIMEOUT;
		want = mysql_real_connect_cont(&done, db->mysql, got);
	}
	if (!done)
		rc = failed(db, true, deadline_ms, err);
out:
	dro_secret_free(&password);
	return rc;
}

static int store_result(
	struct agent_mariadb *db, MYSQL_RES **out, uint64_t deadline_ms, struct dro_error *err)
{
	MYSQL_RES *result = NULL;
	int want = mysql_store_result_start(&result, db->mysql), late = 0;

	while (want && late < LATE_MAX) {
		int got = next(db->mysql, want, deadline_ms);

		late += got == MYSQL_WAIT_TIMEOUT;
		want = mysql_store_result_cont(&result, db->mysql, got);
	}
	if (!result && mysql_errno(db->mysql))
		return failed(db, false, deadline_ms, err);
	if (!result && out)
		return dro_fail(err, DRO_EPROTO, "MariaDB: an answer without rows");
	if (out)
		*out = result;
	else
		mysql_free_result(result);
	return 0;
}

int agent_mariadb_query(struct agent_mariadb *db, MYSQL_RES **out, const char *sql,
	uint64_t deadline_ms, struct dro_error *err)
{
	int bad = 0, want, late = 0, rc;

	if (out)
		*out = NULL;
	if (!db->mysql)
		return dro_fail(err, DRO_ETIMEDOUT, "the connection to MariaDB has broken");
	dro_kill_point();
	want = mysql_real_query_start(&bad, db->mysql, sql, strlen(sql));
	while (want && late < LATE_MAX) {
		int got = next(db->mysql, want, deadline_ms);

		late += got == MYSQL_WAIT_TIMEOUT;
		want = mysql_real_query_cont(&bad, db->mysql, got);
	}
	if (bad || want)
		return failed(db, false, deadline_ms, err);
	rc = store_result(db, out, deadline_ms, err);
	dro_kill_point();
	return rc;
}

/* A connection that the server has closed since, or an earlier verb left, is made anew. */
static bool alive(struct agent_mariadb *db)
{
	struct pollfd fd = {.events = POLLIN};

	if (!db->mysql)
		return false;
	/* Nothing is asked: what there is to read can only be the end. */
	fd.fd = mysql_get_socket(db->mysql);
	return poll(&fd, 1, 0) == 0;
}

int agent_mariadb_begin(struct agent_mariadb *db, uint64_t deadline_ms, struct dro_error *err)
{
	uint64_t left;
	char sql[128];
	int rc;

	if (!alive(db)) {
		agent_mariadb_drop(db);
		if ((rc = connect_server(db, deadline_ms, err)) < 0)
			return rc;
	}
	left = agent_mariadb_left(deadline_ms);
	if (!left)
		return dro_fail(err, DRO_EAGAIN, "the deadline has passed");
	/* What outlives its client ends soon after all the same. */
	snprintf(sql, sizeof(sql),
		"SET SESSION lock_wait_timeout=%llu, max_statement_time=%llu.%03llu",
		(unsigned long long)(left / 1000 ? left / 1000 : 1),
		(unsigned long long)(left / 1000), (unsigned long long)(left % 1000));
	rc = agent_mariadb_query(db, NULL, sql, deadline_ms, err);
	if (rc == DRO_ETIMEDOUT) /* nothing but our own session was at stake */
		rc = err ? (err->code = DRO_EAGAIN) : DRO_EAGAIN;
	return rc;
}

/*
 * A killed agent's last statement may still run in the server. It holds this lock until it has
 * ended, whatever became of the process: end it, and wait for that.
 */
int agent_mariadb_begin_change(
	struct agent_mariadb *db, uint64_t deadline_ms, struct dro_error *err)
{
	int64_t owner, got;
	char sql[96];
	int rc;

	if ((rc = agent_mariadb_begin(db, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_int(
			 db, &owner, "SELECT IS_USED_LOCK(" LOCK ")", deadline_ms, err)) < 0)
		goto out;
	if (owner >= 0 && (unsigned long)owner != mysql_thread_id(db->mysql)) {
		snprintf(sql, sizeof(sql), "KILL CONNECTION %lld", (long long)owner);
		rc = agent_mariadb_query(db, NULL, sql, deadline_ms, err);
		if (rc < 0 && agent_mariadb_errno(db) != 1094) /* gone by itself */
			goto out;
	}
	snprintf(sql, sizeof(sql), "SELECT GET_LOCK(" LOCK ", %.3f)",
		(double)agent_mariadb_left(deadline_ms) / 1000.0);
	if ((rc = agent_mariadb_int(db, &got, sql, deadline_ms, err)) < 0)
		goto out;
	if (got != 1)
		rc = dro_fail(err, DRO_EAGAIN,
			"connection %lld of an earlier session of the agent does not end",
			(long long)owner);
	else
		db->holds = true;
out:
	if (rc == DRO_ETIMEDOUT) /* what this verb is for was not begun */
		rc = err ? (err->code = DRO_EAGAIN) : DRO_EAGAIN;
	return rc;
}

void agent_mariadb_end_change(struct agent_mariadb *db, uint64_t deadline_ms)
{
	MYSQL_RES *result = NULL;

	if (!db->mysql || !db->holds)
		return;
	if (agent_mariadb_query(db, &result, "SELECT RELEASE_LOCK(" LOCK ")", deadline_ms, NULL) <
		0)
		agent_mariadb_drop(db);
	else
		mysql_free_result(result);
	db->holds = false;
}

/* ---- answers ------------------------------------------------------------------------------ */

int agent_mariadb_text(struct agent_mariadb *db, struct dro_buf *out, const char *sql,
	uint64_t deadline_ms, struct dro_error *err)
{
	MYSQL_RES *result;
	MYSQL_ROW row;
	int rc = agent_mariadb_query(db, &result, sql, deadline_ms, err);

	if (rc < 0)
		return rc;
	row = mysql_fetch_row(result);
	if (row && row[0])
		dro_buf_puts(out, row[0]);
	mysql_free_result(result);
	return dro_buf_check(out, err);
}

int agent_mariadb_int(struct agent_mariadb *db, int64_t *out, const char *sql, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(64);
	char *end;
	int rc;

	if ((rc = agent_mariadb_text(db, &text, sql, deadline_ms, err)) < 0)
		goto out;
	errno = 0;
	*out = text.length ? strtoll(dro_buf_str(&text), &end, 10) : -1;
	if (text.length && (*end || errno))
		rc = dro_fail(err, DRO_EPROTO, "MariaDB: \"%s\" is no number", dro_buf_str(&text));
out:
	dro_buf_free(&text);
	return rc;
}

void agent_mariadb_quote(struct agent_mariadb *db, struct dro_buf *sql, const char *text)
{
	size_t length = strlen(text);
	char *escaped = malloc(2 * length + 1);

	if (!escaped || !db->mysql) {
		free(escaped);
		sql->failed = DRO_ENOMEM;
		return;
	}
	mysql_real_escape_string(db->mysql, escaped, text, length);
	dro_buf_printf(sql, "'%s'", escaped);
	explicit_bzero(escaped, 2 * length + 1); /* it may be a password */
	free(escaped);
}

/* ---- the driver --------------------------------------------------------------------------- */

static int open_driver(void **out, const struct agent_database *config, struct dro_error *err)
{
	struct agent_mariadb *db = calloc(1, sizeof(*db));

	/* Here, where there is one thread: the first of several connections would do it beside
	 * others. */
	if (!db || mysql_library_init(0, NULL, NULL)) {
		free(db);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	db->config = config;
	*out = db;
	return 0;
}

static void close_driver(void *arg)
{
	struct agent_mariadb *db = arg;

	if (!db)
		return;
	agent_mariadb_drop(db);
	free(db);
}

static const struct agent_driver drivers[] = {{.name = "mariadb",
	.open = open_driver,
	.close = close_driver,
	.status = agent_mariadb_status,
	.freeze = agent_mariadb_freeze,
	.position = agent_mariadb_position,
	.wait = agent_mariadb_wait,
	.promote = agent_mariadb_promote,
	.follow = agent_mariadb_follow,
	.thaw = agent_mariadb_thaw,
	.fence = agent_mariadb_fence,
	.health = agent_mariadb_health,
	.withdraw = agent_mariadb_withdraw,
	.rejoin = agent_mariadb_rejoin,
	.look = agent_mariadb_look,
	.open_peer = agent_mariadb_open_peer,
	.confirms = agent_mariadb_confirms}};

const struct agent_driver *agent_driver_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(drivers[i].name, name) == 0)
			return &drivers[i];
	return NULL;
}
