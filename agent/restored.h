/*
 * The state file that remembers which backup this host was made from, so that it is restored once
 * and never over data that the service has written since.
 */
#ifndef AGENT_RESTORED_H
#define AGENT_RESTORED_H

#include <stdbool.h>

#include "model/manifest.h"

#define AGENT_GTID_MAX 4096 /* bytes of a position, with its NUL */

struct agent_restored {
	char backup[DRO_BACKUP_ID_MAX + 1]; /* "" : none */
	bool done;	 /* false: it was about to be put in place, which takes one rename */
	int64_t time_ms; /* Unix: the moment that its data is of; 0: not known */
	char gtid[AGENT_GTID_MAX]; /* mariadb: and the position */
	bool settled;		   /* mariadb: the server's own state says the position too */
	bool opened;		   /* mariadb: it was opened as primary once */
};

/* DRO_ECORRUPT where the file makes no sense. No file: none. */
int agent_restored_read(struct agent_restored *out, const char *state_dir, struct dro_error *err);
int agent_restored_write(
	const char *state_dir, const struct agent_restored *restored, struct dro_error *err);
/* No backup was restored, after all. */
int agent_restored_clear(const char *state_dir, struct dro_error *err);

#endif
