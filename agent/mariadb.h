/*
 * One connection to a MariaDB server, the local one or a peer, for the driver's own files.
 * libmariadb's non-blocking calls, so that a server that hangs is left at the deadline and not a
 * second later.
 */
#ifndef AGENT_MARIADB_H
#define AGENT_MARIADB_H

#include <mysql.h>

#include "agent/driver.h"

struct agent_mariadb {
	const struct agent_database *config;
	const char *host; /* NULL: the local socket; else as the replication account */
	int port;
	MYSQL *mysql; /* NULL: not connected */
	bool holds;   /* the server's lock of verbs that change something */
};

/* What SHOW SLAVE STATUS says; strings are cut to their arrays, but never positions. */
struct agent_replica {
	bool configured; /* else nothing below counts */
	bool io, sql;	 /* the thread runs; an IO thread that still connects does not */
	bool connecting;
	bool gtid; /* positions are GTIDs */
	bool fed;  /* the primary took its position and has begun to send; a refusal comes before */
	int64_t lag; /* seconds; -1: NULL, which is broken and not zero */
	char host[256];
	int64_t port;
	int64_t primary_id; /* of the server it reached last: another one since, where it connects
			     */
	char seen[1024];    /* the last GTIDs received from the primary */
	int64_t io_errno, sql_errno;
	char io_error[400], sql_error[400];
};

/*
 * Ready for a verb that only looks: connected, and the server knows how long its statements may
 * run. DRO_EAGAIN where it is away.
 */
int agent_mariadb_begin(struct agent_mariadb *db, uint64_t deadline_ms, struct dro_error *err);
/* The same for one that changes something: no other of the agent's runs beside it. */
int agent_mariadb_begin_change(
	struct agent_mariadb *db, uint64_t deadline_ms, struct dro_error *err);
/* Lets the next one in; drops the connection where that fails. */
void agent_mariadb_end_change(struct agent_mariadb *db, uint64_t deadline_ms);
void agent_mariadb_drop(struct agent_mariadb *db);

/* One statement. *out (may be NULL where it has no rows) goes with mysql_free_result. */
int agent_mariadb_query(struct agent_mariadb *db, MYSQL_RES **out, const char *sql,
	uint64_t deadline_ms, struct dro_error *err);
/* The first column of the first row, appended; nothing for NULL or without a row. */
int agent_mariadb_text(struct agent_mariadb *db, struct dro_buf *out, const char *sql,
	uint64_t deadline_ms, struct dro_error *err);
/* The same as a number; -1 for NULL, DRO_EPROTO for anything else. */
int agent_mariadb_int(struct agent_mariadb *db, int64_t *out, const char *sql, uint64_t deadline_ms,
	struct dro_error *err);
/* Appends 'text', quoted and escaped. */
void agent_mariadb_quote(struct agent_mariadb *db, struct dro_buf *sql, const char *text);
/* The error number of the last statement that failed; 0: it was not the server's. */
unsigned agent_mariadb_errno(const struct agent_mariadb *db);

/* No server is there that could answer: the socket is dead, or refuses. */
bool agent_mariadb_away(const struct dro_error *err);

int agent_mariadb_replica(struct agent_mariadb *db, struct agent_replica *out, uint64_t deadline_ms,
	struct dro_error *err);
/* DRO_ETIMEDOUT: not applied when `deadline_ms` came. */
int agent_mariadb_applied(struct agent_mariadb *db, const char *position, uint64_t deadline_ms,
	struct dro_error *err);
/* Is it here now? */
int agent_mariadb_contains(struct agent_mariadb *db, const char *position, bool *yes,
	uint64_t deadline_ms, struct dro_error *err);
/* Ends the connections of all but the agent, replication and the configuration's `keep`, and waits
 * until those have gone. *count is added to. */
int agent_mariadb_evict(
	struct agent_mariadb *db, int64_t *count, uint64_t deadline_ms, struct dro_error *err);
/* `rc`; where something was `changed` already, "nothing was" becomes DRO_ETIMEDOUT. */
int agent_mariadb_unsure(int rc, bool changed, struct dro_error *err);
/* Milliseconds until `deadline_ms`; 0: past. */
uint64_t agent_mariadb_left(uint64_t deadline_ms);

agent_driver_verb agent_mariadb_status, agent_mariadb_health, agent_mariadb_position,
	agent_mariadb_wait, agent_mariadb_freeze, agent_mariadb_thaw, agent_mariadb_fence,
	agent_mariadb_promote, agent_mariadb_follow, agent_mariadb_withdraw, agent_mariadb_rejoin;

/* See driver.h. */
int agent_mariadb_look(
	void *arg, struct agent_look *out, uint64_t deadline_ms, struct dro_error *err);
int agent_mariadb_open_peer(void **out, const struct agent_database *config, const char *host,
	int port, struct dro_error *err);
int agent_mariadb_confirms(
	void *arg, int64_t id, bool *yes, uint64_t deadline_ms, struct dro_error *err);

#endif
