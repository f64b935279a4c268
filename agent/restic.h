/*
 * restic, run as a child on a repository of agent/restic_store.h: it cuts, compresses and encrypts,
 * and knows neither where the objects go nor how. Its password comes to it on its standard input.
 */
#ifndef AGENT_RESTIC_H
#define AGENT_RESTIC_H

#include "agent/child.h"
#include "agent/config.h"
#include "agent/restic_store.h"

struct agent_restic {
	const struct agent_config *config;
	struct agent_restic_store *store;
	struct agent_restic_server *server;
	struct dro_buf password;
	char url[AGENT_CHILD_PATH]; /* of the file with the repository's address, which is a secret
				     */
	int url_fd;
	const char *scratch;
	uint64_t deadline_ms;
};

/* Reads the key that the configuration refers to, and serves the store, which outlives it. */
int agent_restic_open(struct agent_restic *out, const struct agent_config *config,
	struct agent_restic_store *store, const char *scratch, uint64_t deadline_ms,
	struct dro_error *err);
void agent_restic_close(struct agent_restic *restic);
/* "0.14.0" */
int agent_restic_version(struct dro_buf *out, uint64_t deadline_ms, struct dro_error *err);

/* Each is DRO_EAUTH where the key does not open the repository, and what the store failed with
 * where it did. */
int agent_restic_init(struct agent_restic *restic, struct dro_error *err);
/* Does the repository hold all that its index says? DRO_EIO, DRO_ECORRUPT or DRO_ENOTFOUND: no. */
int agent_restic_check(struct agent_restic *restic, struct dro_error *err);
/* The folder's contents as a snapshot, whose id goes to `snapshot`; `bytes` is what a restore needs
 * of the repository. All is read, whatever its times say. */
int agent_restic_backup(struct agent_restic *restic, const char *folder, const char *tag,
	char snapshot[DRO_SHA256_HEX], uint64_t *bytes, struct dro_error *err);
/* Into `target`, an empty folder. */
int agent_restic_restore(struct agent_restic *restic, const char *snapshot, const char *target,
	struct dro_error *err);

#endif
