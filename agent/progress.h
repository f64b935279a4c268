/*
 * How far the first boot is, told over HTTP: GET /v1/progress, nothing else. Read-only, small, and
 * up before a restore begins, so that the controller sees it. Thread-safe.
 */
#ifndef AGENT_PROGRESS_H
#define AGENT_PROGRESS_H

#include <stdbool.h>

#include "base/buf.h"

enum agent_state {
	AGENT_STARTING,
	AGENT_RESTORING,
	AGENT_VERIFYING,
	AGENT_STARTING_SERVICE,
	AGENT_READY,
	AGENT_FAILED,
};

struct agent_progress;

int agent_progress_new(struct agent_progress **out, struct dro_error *err);
void agent_progress_free(struct agent_progress *progress); /* NULL-safe; stops listening */

/* `port` 0: any. *bound gets the port; `address` is a numeric one. */
int agent_progress_listen(struct agent_progress *progress, const char *address, int port,
	int *bound, struct dro_error *err);

/* Each copies what it is given; too long a name or error is cut short. */
void agent_progress_who(struct agent_progress *progress, const char *service, const char *site);
void agent_progress_state(struct agent_progress *progress, enum agent_state state);
void agent_progress_backup(struct agent_progress *progress, const char *id, uint64_t total_bytes);
void agent_progress_done(struct agent_progress *progress, uint64_t done_bytes);
/* What the data is of: a moment (Unix ms; 0: none), and MariaDB's position. */
void agent_progress_recovered(struct agent_progress *progress, int64_t time_ms, const char *gtid);
void agent_progress_started(struct agent_progress *progress, bool started);
/* Also the state: AGENT_FAILED where `failed`. */
void agent_progress_error(struct agent_progress *progress, const char *message, bool failed);

/* What a reader of the endpoint gets. */
void agent_progress_print(struct agent_progress *progress, struct dro_buf *out);

#endif
