/*
 * What the application keeps beside its database. A replica fetches it by rsync from whom its
 * database follows: so the files go the way that the writes do, and a primary, fenced or not,
 * fetches nothing. What the other has not is removed; but by the first fetch from another host than
 * before it is put into DIRECTORY.drorch-old, for it may be all that is left of it. One fetch at a
 * time on a host. A verb that begins ends the fetch that is under
 * way, so that none of an old primary's files comes over those of a new one.
 */
#ifndef AGENT_FILES_H
#define AGENT_FILES_H

#include "agent/session.h"

/*
 * One fetch of all directories, for whoever holds `epoch` (0: the host's own timer, which fetches
 * for whoever gave this host its role). *facts gets "from", "files" and "bytes" that came,
 * "deleted", "kept" (what was deleted stands in .drorch-old), "ms", and "last_age_ms", how old the
 * fetch before it was (null: there was none).
 *
 * DRO_EUNSUPPORTED: none are configured. DRO_ESAFETY: this host is no replica, an older epoch.
 * DRO_ECONFLICT: it follows nobody. DRO_EAGAIN: the other host cannot be reached, or a verb has
 * begun meanwhile. DRO_ETIMEDOUT: not done by `deadline_ms`; what came by then stays, and the next
 * fetch goes on with the rest. *facts has the counts then too.
 */
int agent_files_fetch(struct agent_session *session, int64_t epoch, struct agent_facts *facts,
	uint64_t deadline_ms, struct dro_error *err);

/* How long a fetch by the host's own timer may take. */
#define AGENT_FILES_MS 300000

/*
 * For a verb that has begun and opens this host: returns when no fetch runs any more, and none
 * begins until the verb has ended. DRO_EAGAIN: one did not end.
 */
int agent_files_stop(
	const struct agent_config *config, uint64_t deadline_ms, struct dro_error *err);

/* ---- the last one, in `files.json` in the state folder --------------------------------------- */

struct agent_files_last {
	int64_t at_ms; /* Unix time when it began: what was there by then is here; 0: none was made
			*/
	int64_t files, bytes; /* that came */
	char from[256];
};

int agent_files_last_read(
	struct agent_files_last *out, const struct agent_config *config, struct dro_error *err);
int agent_files_last_write(const struct agent_files_last *last, const struct agent_config *config,
	struct dro_error *err);
/* "files": {"age_ms", "from", "files", "bytes"}, of the last fetch ("age_ms" null: none); nothing
 * where none are configured. */
int agent_files_facts(
	struct agent_facts *facts, const struct agent_config *config, struct dro_error *err);

#endif
