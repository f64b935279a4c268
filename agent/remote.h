/*
 * The object store where backups are, through the storage plugin. Calls are repeated where that
 * cannot do harm, until the deadline. Thread-safe.
 */
#ifndef AGENT_REMOTE_H
#define AGENT_REMOTE_H

#include "agent/config.h"
#include "provider/provider.h"

struct agent_remote;

/* Opens the account; makes no call. `config` may go. */
int agent_remote_open(struct agent_remote **out, const struct agent_config *config,
	const struct dro_log *log, struct dro_error *err);
void agent_remote_close(struct agent_remote *remote); /* NULL-safe */
/* Other places than the configuration's; "" leaves one as it is. Before any call. */
int agent_remote_place(struct agent_remote *remote, const char *bucket, const char *prefix,
	const char *region, struct dro_error *err);

/* `trouble`: that the store does not answer, for people; "" : it does again. On any thread. */
typedef void agent_remote_tell(void *arg, const char *trouble);
/* Before any call: tells of trouble, and no call is repeated once none has succeeded for `away_ms`
 * (0: only deadlines end it). */
void agent_remote_watch(
	struct agent_remote *remote, uint64_t away_ms, agent_remote_tell *tell, void *arg);

/* Keys below are without the prefix: "ID/data/000000". `idem` as struct dro_call wants it. */
int agent_remote_put(struct agent_remote *remote, const char *key, int fd, uint64_t length,
	const char *idem, uint64_t deadline_ms, struct dro_error *err);
/* All that is below `folder` ("ID/"; "" : of the prefix), with their whole keys: agent_remote_key
 * takes the prefix off. With `delimiter` "/" only one level. */
int agent_remote_list(struct agent_remote *remote, const char *folder, const char *delimiter,
	struct dro_object_list *out, uint64_t deadline_ms, struct dro_error *err);
const char *agent_remote_key(const struct agent_remote *remote, const struct dro_object *object);
/* Small text under a key that is not there yet; DRO_ECONFLICT where something else is. */
int agent_remote_put_new(struct agent_remote *remote, const char *key, const struct dro_buf *text,
	const char *idem, uint64_t deadline_ms, struct dro_error *err);
/* Into `fd` from offset 0; what was in it goes. */
int agent_remote_get(struct agent_remote *remote, const char *key, int fd, uint64_t max,
	uint64_t *length, uint64_t deadline_ms, struct dro_error *err);
/* The object that has this length and hash (NULL: any); DRO_ECORRUPT where it has another. */
int agent_remote_get_checked(struct agent_remote *remote, const char *key, int fd, uint64_t length,
	const char *sha256, uint64_t deadline_ms, struct dro_error *err);
int agent_remote_get_text(struct agent_remote *remote, const char *key, struct dro_buf *out,
	uint64_t deadline_ms, struct dro_error *err);
/* Are the objects of the manifest all there, in their sizes? Waits a little for a list that lags.
 */
int agent_remote_check(struct agent_remote *remote, const struct dro_manifest *manifest,
	uint64_t deadline_ms, struct dro_error *err);

#endif
