/*
 * What was written on this host alone: found in its binary logs, and told.
 */
#ifndef AGENT_DIVERGED_H
#define AGENT_DIVERGED_H

#include "agent/facts.h"
#include "agent/gtid.h"

#define AGENT_LOGS_MAX 1024

struct agent_logs {
	char *paths[AGENT_LOGS_MAX + 1]; /* of binary logs, NULL-terminated */
	size_t count;
	int64_t bytes;
};

struct agent_diverged {
	char from[4096];   /* the last GTIDs in common */
	char report[4096]; /* path; "": there is none, and the counts are not known */
	int64_t transactions, rows, ddl;
	int64_t updates, deletes; /* of the rows */
	int64_t statements;	  /* transactions that were not logged as rows */
	int64_t plain;		  /* that are not transactional */
	char head[4096];	  /* the first lines of the report */
};

/*
 * The logs to read for what comes after `common`: from the last one that begins with nothing else.
 * `index` is the server's file of their names. DRO_EUNSUPPORTED: they do not go back so far, or
 * make no sense. *out is to be freed either way.
 */
int agent_logs_find(struct agent_logs *out, const char *index, const struct agent_gtids *common,
	struct dro_error *err);
void agent_logs_free(struct agent_logs *logs);

/* mariadb-binlog over `logs` from `from` on, into the new file `path` (0600). */
int agent_logs_print(const struct agent_logs *logs, const char *from, bool flashback,
	const char *path, const char *state, uint64_t deadline_ms, struct dro_error *err);
/* Writes the report as `name` into `state` and fills *out; out->from is given. */
int agent_diverged_report(struct agent_diverged *out, const struct agent_logs *logs,
	const char *state, const char *name, uint64_t deadline_ms, struct dro_error *err);
void agent_diverged_facts(struct agent_facts *facts, const struct agent_diverged *diverged);

#endif
