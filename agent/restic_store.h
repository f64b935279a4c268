/*
 * A restic repository as the agent has it in the object store: which objects there are, in memory,
 * and their bytes through agent/remote.h. So restic gets no credentials, meets no network and no
 * list that lags, and every object is compared with its hash before it reads a byte. Its locks stay
 * in here: nobody ever removes anything beside a backup. Thread-safe once it is filled.
 */
#ifndef AGENT_RESTIC_STORE_H
#define AGENT_RESTIC_STORE_H

#include "agent/progress.h"
#include "agent/remote.h"

#define AGENT_RESTIC_OBJECT_MAX (256ull << 20) /* bytes of one object */

struct agent_restic_store;

/*
 * The repository in folder `name`, empty as yet. `scratch` is a folder for objects that pass
 * through, of which a few are kept. `progress` (may be NULL) gets the bytes fetched, `total` at
 * most.
 */
int agent_restic_store_new(struct agent_restic_store **out, struct agent_remote *remote,
	const char *name, const char *scratch, uint64_t deadline_ms, struct dro_error *err);
void agent_restic_store_free(struct agent_restic_store *store); /* NULL-safe */
void agent_restic_store_progress(
	struct agent_restic_store *store, struct agent_progress *progress, uint64_t total);
/* An object that is there. `sha256` NULL: as its name says, which is its hash; what has no such
 * name is left out, but for restic's "config". */
int agent_restic_store_add(struct agent_restic_store *store, const char *key, uint64_t length,
	const char *sha256, struct dro_error *err);
/* All objects but locks, as a backup's. */
int agent_restic_store_list(
	struct agent_restic_store *store, struct dro_manifest *manifest, struct dro_error *err);
/* Bytes that were put into the object store. */
uint64_t agent_restic_store_sent(struct agent_restic_store *store);
/* The id of the snapshot whose id begins so; DRO_ENOTFOUND. */
int agent_restic_store_snapshot(struct agent_restic_store *store, const char *begins,
	char out[DRO_SHA256_HEX], struct dro_error *err);

/* ---- what restic asks for ----------------------------------------------------------------- */

/* Keys are the object store's: "data/ab/ab12…", "keys/…", "config". DRO_ENOTFOUND: none such. */
int agent_restic_store_length(
	struct agent_restic_store *store, const char *key, uint64_t *length, struct dro_error *err);
/* A descriptor of its bytes, which the caller closes. */
int agent_restic_store_get(
	struct agent_restic_store *store, const char *key, uint64_t *length, struct dro_error *err);
/* Takes `fd`, with `length` bytes, in any case. DRO_ECORRUPT where they are not what the name says.
 * DRO_ECONFLICT: another config is there. */
int agent_restic_store_put(struct agent_restic_store *store, const char *key, int fd,
	uint64_t length, struct dro_error *err);
/* A lock; anything else is refused (DRO_ESAFETY). */
int agent_restic_store_remove(
	struct agent_restic_store *store, const char *key, struct dro_error *err);
/* Each object whose key begins so, under the lock: `emit` must not call back. */
int agent_restic_store_each(struct agent_restic_store *store, const char *begins,
	int (*emit)(void *arg, const char *key, uint64_t length, struct dro_error *err), void *arg,
	struct dro_error *err);
int agent_restic_store_scratch(const struct agent_restic_store *store, struct dro_error *err);

/* ---- what went wrong ---------------------------------------------------------------------- */

/* Can be read once an object could not be had or put: restic is told to try again for a quarter of
 * an hour, and is better ended. */
int agent_restic_store_stop(const struct agent_restic_store *store);
/* Tells of one; returns `rc`. */
int agent_restic_store_fail(struct agent_restic_store *store, int rc, const struct dro_error *err);
/* The first such failure; 0: none. */
int agent_restic_store_failure(struct agent_restic_store *store, struct dro_error *err);

#endif
