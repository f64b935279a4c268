/* The ways of a rejoin, for the driver's own files. */
#ifndef AGENT_MARIADB_REJOIN_H
#define AGENT_MARIADB_REJOIN_H

#include "agent/diverged.h"
#include "agent/mariadb.h"
#include "agent/rejoin.h"

/* What is here, and on the new primary. */
struct agent_histories {
	struct agent_gtids here, there, common;
	char last[AGENT_POSITION_MAX]; /* of what is in common, a GTID for each domain */
	char common_text[AGENT_POSITION_MAX];
	char index[1024]; /* file of the local binary logs' names */
	char row_image[32];
	/* Foreign keys by which a row that goes or changes takes others along, which is not logged.
	 */
	int64_t cascades_of_deletes, cascades_of_updates;
};

/*
 * Takes back what is not in common, and leaves the server as one that never had it: read-only, no
 * replica. DRO_ECONFLICT: it cannot be taken back, and nothing was.
 */
int agent_mariadb_flashback(struct agent_mariadb *db, const struct agent_turn *turn,
	const struct agent_histories *histories, const struct agent_logs *logs,
	uint64_t deadline_ms, struct dro_error *err);
/* Ends what a killed one left: *done where it had been prepared, else it is taken back. */
int agent_mariadb_flashback_resume(struct agent_mariadb *db, const struct agent_turn *turn,
	bool *done, uint64_t deadline_ms, struct dro_error *err);

/* Is there a copy in the data folder's place that nobody has started to the end? */
bool agent_mariadb_reseed_begun(const struct agent_config *config);
/*
 * A copy of host:port's data takes the place of this host's, which need not run. Leaves a
 * server that is no replica yet. Not with the lock of a change held: the server goes away.
 */
int agent_mariadb_reseed(struct agent_mariadb *db, const struct agent_ask *ask,
	uint64_t deadline_ms, struct dro_error *err);

#endif
