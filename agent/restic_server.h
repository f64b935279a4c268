/*
 * restic's REST protocol (version 2) on loopback, for the one restic that we start: it asks here
 * for the objects of agent/restic_store.h. Who does not know the password, new with every server,
 * gets nothing.
 */
#ifndef AGENT_RESTIC_SERVER_H
#define AGENT_RESTIC_SERVER_H

#include "agent/restic_store.h"

struct agent_restic_server;

/* `store` outlives it. */
int agent_restic_server_new(
	struct agent_restic_server **out, struct agent_restic_store *store, struct dro_error *err);
/* Waits for what is being answered, which ends by the store's deadline. NULL-safe. */
void agent_restic_server_free(struct agent_restic_server *server);
/* What restic calls the repository, with the password: not for argv, environment or logs. */
const char *agent_restic_server_url(const struct agent_restic_server *server);

#endif
