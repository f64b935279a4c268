/*
 * The peers of a watch, asked side by side: a thread each, so that one that hangs (also in a name
 * server) delays nobody.
 */
#ifndef AGENT_PEERS_H
#define AGENT_PEERS_H

#include "agent/driver.h"
#include "base/log.h"

struct agent_peers;

/* `config`, `driver` and `log` must live until the process ends: see agent_peers_stop. */
int agent_peers_start(struct agent_peers **out, const struct agent_config *config,
	const struct agent_driver *driver, const struct dro_log *log, struct dro_error *err);
/* Asks them all whether they follow the server `id`; the answers come later. Never waits. */
void agent_peers_ask(struct agent_peers *peers, int64_t id);
/*
 * When (agent_boot_ms) the question was put that a peer has said yes to last; 0: none has. With
 * `deadline_ms` (monotonic) it waits until one is newer than `since_ms`, or all have answered the
 * last question.
 */
int64_t agent_peers_confirmed(struct agent_peers *peers, int64_t since_ms, uint64_t deadline_ms);
/* NULL-safe. A thread that hangs is left to the end of the process, with what it needs. */
void agent_peers_stop(struct agent_peers *peers);

#endif
