/* An old primary becomes a replica again, by the gentlest way that does it. */
#include "agent/mariadb.h"

int agent_mariadb_rejoin(void *arg, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *err)
{
	return agent_mariadb_follow(arg, ask, out, deadline_ms, err);
}
