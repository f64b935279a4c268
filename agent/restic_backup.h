/* A folder as a backup in a restic repository, and back. */
#ifndef AGENT_RESTIC_BACKUP_H
#define AGENT_RESTIC_BACKUP_H

#include "agent/config.h"
#include "agent/progress.h"
#include "agent/remote.h"

/*
 * Puts what is in `folder` into the newest repository below the prefix, or begins another: where
 * there is none, `anew` says so, or it is damaged or has grown old or large. `err` is not NULL.
 * `manifest` gets its objects, and which snapshot it is; *sent the bytes that were put. `scratch`
 * is a folder for what is on its way.
 */
int agent_restic_put(struct dro_manifest *manifest, uint64_t *sent, struct agent_remote *remote,
	const struct agent_config *config, const char *folder, const char *scratch, bool anew,
	const struct dro_log *log, uint64_t deadline_ms, struct dro_error *err);
/* The manifest's snapshot into `target`, an empty folder; of its objects those are fetched, and
 * compared with their hashes, that it needs. */
int agent_restic_get(const struct dro_manifest *manifest, struct agent_remote *remote,
	const struct agent_config *config, const char *target, const char *scratch,
	struct agent_progress *progress, uint64_t deadline_ms, struct dro_error *err);

#endif
