/*
 * Self-fencing as sessions tell it: whether this host has closed itself, and by when it will have.
 * The watch (watch.h) does it.
 */
#ifndef AGENT_GUARD_H
#define AGENT_GUARD_H

#include "agent/facts.h"
#include "agent/lease.h"

#define AGENT_WATCH_TICK_MS 500	  /* between two looks of a watch */
#define AGENT_WATCH_LOOK_MS 500	  /* a look at the server takes at most this */
#define AGENT_WATCH_ASK_MS 1000	  /* the peers' last chance */
#define AGENT_WATCH_FENCE_MS 3000 /* to become read-only */
#define AGENT_WATCH_KILL_MS 3000  /* else to be killed */

/* The longest time from the last that was heard to read-only, while a watch runs. */
int64_t agent_guard_within_ms(const struct agent_config *config);
/* The last that was heard of a controller or a peer, in agent_boot_ms; 0: nothing in this boot. */
int agent_guard_heard(int64_t *out_ms, const struct agent_config *config, struct dro_error *err);

/* "fenced", "self_fenced" and how long ago who was heard. */
int agent_guard_facts(struct agent_facts *facts, const struct agent_config *config,
	const struct agent_lease *lease, struct dro_error *err);

#endif
