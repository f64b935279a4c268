/* The state file that remembers this host's last backup, for those who ask how old it is. */
#ifndef AGENT_LAST_H
#define AGENT_LAST_H

#include "model/manifest.h"

/* The moment (Unix ms) whose data the last backup holds; 0: none was made. */
int agent_last_read(int64_t *time_ms, const char *state_dir, struct dro_error *err);
int agent_last_write(
	const struct dro_manifest *manifest, const char *state_dir, struct dro_error *err);

#endif
