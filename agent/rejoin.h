/*
 * `rejoin.json` in `state`: that a rejoin has begun what only a rejoin may end. Until then no verb
 * may open this host or let it follow.
 */
#ifndef AGENT_REJOIN_H
#define AGENT_REJOIN_H

#include "agent/config.h"

#define AGENT_POSITION_MAX 4096

struct agent_rejoin {
	bool begun;
	bool reseed; /* else a flashback that is prepared, and these: */
	char slave_pos[AGENT_POSITION_MAX], binlog_state[AGENT_POSITION_MAX];
};

/* DRO_ECORRUPT: what is there makes no sense. */
int agent_rejoin_read(
	struct agent_rejoin *out, const struct agent_config *config, struct dro_error *err);
/* Synced; begun = false removes it. */
int agent_rejoin_write(const struct agent_rejoin *rejoin, const struct agent_config *config,
	struct dro_error *err);

#endif
