/*
 * A copy of the local MariaDB server's data, of one moment, while others write: by mariadb-backup,
 * and prepared, so that a server can be started on it. And what such a copy is.
 */
#ifndef AGENT_MARIADB_BACKUP_H
#define AGENT_MARIADB_BACKUP_H

#include "agent/archive.h"
#include "agent/config.h"
#include "agent/restored.h"

struct agent_mariadb_copy {
	char gtid[AGENT_GTID_MAX]; /* what the data holds: the last of each domain; "" : nothing yet
				    */
	char version[64];	   /* of the server it was taken from */
	int64_t time_ms; /* Unix ms: all that was committed by then, at the primary, is in it */
	struct agent_tally tally;
};

/*
 * Into `to`, which must not be there. Beside the server's account it needs to read the files at
 * `source.path`, and room for one more copy of them, which is looked for first: DRO_ECONFLICT where
 * there is none, and where replication is broken, as nobody knows how old the data is then.
 */
int agent_mariadb_copy(struct agent_mariadb_copy *out, const struct agent_config *config,
	const char *to, const struct dro_log *log, uint64_t deadline_ms, struct dro_error *err);
/*
 * mariadb-backup writes the file and offset in the binary log that belong to the copy at `path`,
 * but beside them gtid_current_pos: of what another server wrote first it has what the replica has
 * noted as applied, which it does a moment after it has committed it. This asks the server for what
 * the log has up to that place, and adds it there. Right after the copy was made: DRO_EAGAIN where
 * the log is gone.
 */
int agent_mariadb_copy_complete(const char *path, const struct agent_config *config,
	uint64_t deadline_ms, struct dro_error *err);
/* The copy at `path` again, but for time_ms. DRO_ECORRUPT where it is none, or not prepared. */
int agent_mariadb_copy_read(
	struct agent_mariadb_copy *out, const char *path, struct dro_error *err);
/* Files, folders and links below `path`, and the bytes of the files. */
int agent_mariadb_tally(struct agent_tally *out, const char *path, struct dro_error *err);
/* Makes all below `path`, and itself, the account's; nothing where we are not root. */
int agent_mariadb_own(const char *path, const char *account, struct dro_error *err);

#endif
