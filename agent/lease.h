/*
 * Whose word counts on this host: the highest epoch that a session has brought, and the role that
 * was given with it. Kept in `lease.json` in the state folder, synced before anything is changed.
 * Any number of processes: a lock file beside it, held for moments only.
 */
#ifndef AGENT_LEASE_H
#define AGENT_LEASE_H

#include "agent/config.h"
#include "base/buf.h"

struct agent_lease {
	int64_t epoch;		/* 0: none has come yet */
	int64_t serial;		/* of the last verb that changes something */
	enum agent_role role;	/* the configuration's until a verb says otherwise */
	bool fenced;		/* the host was fenced, and not opened since */
	int64_t self_fenced_ms; /* Unix time: it fenced itself then, and was not opened since; 0 */
	char pending[16];	/* the verb that was begun and has not ended well; "" : none */
};

int agent_lease_read(struct agent_lease *out, const struct agent_config *config,
	uint64_t deadline_ms, struct dro_error *err);
/*
 * Begins `verb` in the name of `epoch`: DRO_ESAFETY where a newer one is known, and nothing is
 * written then. A fence is on record from here on. *out is what was before, with the new epoch,
 * serial and pending.
 */
int agent_lease_begin(struct agent_lease *out, const struct agent_config *config, int64_t epoch,
	const char *verb, bool fence, uint64_t deadline_ms, struct dro_error *err);
/* Records role and fence of `lease`. DRO_ESAFETY where another verb has begun since: its word
 * counts, nothing is written. */
int agent_lease_end(const struct agent_lease *lease, const struct agent_config *config,
	uint64_t deadline_ms, struct dro_error *err);
/*
 * Begins a fence that nobody asked for, on record from here on: only where no verb has begun since
 * `lease` was read (DRO_ESAFETY), which becomes what stands there now.
 */
int agent_lease_fence_self(struct agent_lease *lease, const struct agent_config *config,
	uint64_t deadline_ms, struct dro_error *err);

typedef int agent_lease_work(void *arg, const struct agent_lease *now, struct dro_error *err);
/* Runs `work` (NULL: nothing) under the lease's lock, so that no verb begins meanwhile; DRO_ESAFETY
 * where one has begun since `lease` was. */
int agent_lease_while(const struct agent_lease *lease, const struct agent_config *config,
	agent_lease_work *work, void *arg, uint64_t deadline_ms, struct dro_error *err);

/*
 * A descriptor, to be closed by the caller, that can be read once a verb has begun or ended since;
 * DRO_ECONFLICT where none ever has.
 */
int agent_lease_watch(const struct agent_config *config, struct dro_error *err);

const char *agent_role_name(enum agent_role role);

#endif
