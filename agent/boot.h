/* The first boot of a host, and every later one: restore where that is asked for, then serve. */
#ifndef AGENT_BOOT_H
#define AGENT_BOOT_H

#include "agent/config.h"
#include "base/log.h"

/*
 * Returns the program's exit status, when it was told to stop. `userdata_path`: "" for none. Every
 * signal that ends us must be blocked in every thread already (agent_boot_block_signals).
 */
int agent_boot(
	const struct agent_config *config, const char *userdata_path, const struct dro_log *log);
/* Before the first thread is made. */
void agent_boot_block_signals(void);

#endif
