/*
 * Whole copies of a MariaDB server's data, through mariadb-backup: one host streams its own,
 * another makes a data folder of it.
 */
#ifndef AGENT_SEED_H
#define AGENT_SEED_H

#include <stdint.h>

#include "agent/config.h"

/*
 * `drorch-agent seed`: becomes mariadb-backup, which streams this host's data to standard output,
 * and complains on standard error. Returns only where it cannot.
 */
int agent_seed(const struct agent_config *config, struct dro_error *err);

/*
 * A copy of `host`'s data as `folder`, prepared, synced and owned as `like` is, and the GTIDs up to
 * which it goes, in `position`. `folder` is made anew. By `deadline_ms`; whatever fails
 * leaves a folder that is no copy.
 */
int agent_seed_fetch(const struct agent_config *config, const char *host, const char *folder,
	const char *like, char *position, size_t size, uint64_t deadline_ms, struct dro_error *err);

/* Of all that is in `folder`, and itself. */
int agent_seed_own(const char *folder, const char *like, struct dro_error *err);
/* Does a server run on this data folder? Its InnoDB holds a lock. */
int agent_seed_in_use(const char *data, bool *out, struct dro_error *err);
/* Both exist on one file system, and change names in one step that is on the disk afterwards. */
int agent_seed_exchange(const char *one, const char *two, struct dro_error *err);

#endif
