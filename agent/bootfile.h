/* The file by which a database server starts read-only: the configuration's `boot_file`. */
#ifndef AGENT_BOOTFILE_H
#define AGENT_BOOTFILE_H

#include "agent/config.h"

/* Writes it, synced, where it says something else; a success where none is configured. `init`
 * (NULL: none) is a file of SQL that the server runs at its start. */
int agent_boot_file_keep(
	const struct agent_database *config, const char *init, struct dro_error *err);

#endif
