/* Puts a backup where the service will look for it: whole and checked, or not at all. */
#ifndef AGENT_RESTORE_H
#define AGENT_RESTORE_H

#include "agent/config.h"
#include "agent/progress.h"
#include "agent/userdata.h"
#include "base/log.h"

/*
 * Restores the backup that `userdata` names, once: what an earlier call restored is left as it is.
 * Everything is fetched, checked and unpacked beside the target, which one rename then puts in
 * place. DRO_ECONFLICT where something else is there already; nothing is ever overwritten.
 */
int agent_restore(const struct agent_config *config, const struct agent_userdata *userdata,
	struct agent_progress *progress, const struct dro_log *log, struct dro_error *err);

#endif
