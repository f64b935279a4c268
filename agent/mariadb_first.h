/* The first start of a server on restored data: where its log goes on from, and whether it opens.
 */
#ifndef AGENT_MARIADB_FIRST_H
#define AGENT_MARIADB_FIRST_H

#include "agent/config.h"
#include "agent/restored.h"
#include "agent/userdata.h"
#include "base/log.h"

/*
 * Starts the server, read-only, and sets its GTID state to `restored->gtid`, so that others can
 * follow it; that once, on record in the state folder before it opens. It opens only where the
 * user-data's role is primary: in the name of the user-data's epoch, on record in lease.json, and
 * then at the first boot only; where there is no epoch, and never was one, at every boot. May be
 * repeated after a failure, or a kill at any moment.
 */
int agent_mariadb_first(const struct agent_config *config, const struct agent_userdata *userdata,
	struct agent_restored *restored, const struct dro_log *log, uint64_t deadline_ms,
	struct dro_error *err);

#endif
