/*
 * `roles.jsonl` in `state`: when this host accepted writes. A line for each change, synced; what it
 * says is never less than the truth: "open" is written before a server opens, "closed" after it is
 * read-only, and either only while no other verb has begun (lease.h). Any number of processes.
 *
 *   {"at":"2026-11-20T19:55:53.120Z","wall_ms":…,"boot":"…","boot_ms":…,"epoch":7,
 *    "role":"primary","open":true,"cause":"promote"}
 *
 * At 1 MiB it becomes `roles.1.jsonl`, whose predecessor goes.
 */
#ifndef AGENT_ROLES_H
#define AGENT_ROLES_H

#include "agent/lease.h"

/* The verb that is under way, as its driver sees it. */
struct agent_turn {
	const struct agent_config *config;
	struct agent_lease lease; /* as the verb began */
	enum agent_role role;	  /* that it gives */
	const char *cause;	  /* "thaw", "watch", … */
};

/* To be called right before a server is opened; where it fails, it must not be. DRO_ESAFETY: a
 * newer verb has begun. */
int agent_turn_opens(const struct agent_turn *turn, uint64_t deadline_ms, struct dro_error *err);
/* Right after it is read-only. Where it cannot be written, the log says "open" still. */
void agent_turn_closed(const struct agent_turn *turn, uint64_t deadline_ms);
/* Is it still this verb's turn? Before anything that cannot be undone. */
int agent_turn_holds(const struct agent_turn *turn, uint64_t deadline_ms, struct dro_error *err);

/* What a look found. `before` was read before the look: nothing is written where a verb has begun
 * since, nor "closed" where one has not ended. */
int agent_roles_found(const struct agent_config *config, const struct agent_lease *before,
	bool open, uint64_t deadline_ms, struct dro_error *err);

#endif
