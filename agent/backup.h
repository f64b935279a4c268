/* Makes a backup: the data of one moment, as objects in the store, the manifest last. */
#ifndef AGENT_BACKUP_H
#define AGENT_BACKUP_H

#include "agent/config.h"
#include "base/log.h"

/*
 * *out is the manifest of the backup, which is then whole and listed in the store; freed by the
 * caller. After a failure, or a kill at any moment, there is no manifest: what was put counts for
 * nothing. DRO_EBUSY while another backup of this host runs. `full`: nothing of earlier ones is
 * built upon, where the kind does that.
 */
int agent_backup(struct dro_manifest **out, const struct agent_config *config, bool full,
	const struct dro_log *log, struct dro_error *err);

#endif
