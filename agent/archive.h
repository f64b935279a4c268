/*
 * A directory or a file as one stream of zstd-compressed bytes, and back; through libarchive, a
 * directory as a tar in pax format.
 */
#ifndef AGENT_ARCHIVE_H
#define AGENT_ARCHIVE_H

#include "base/log.h"

struct agent_sink {
	int (*write)(void *arg, const void *data, size_t length, struct dro_error *err);
	void *arg;
};

struct agent_source {
	/* The next bytes, valid until the next call; *length 0 at the end. */
	int (*read)(void *arg, const void **data, size_t *length, struct dro_error *err);
	void *arg;
};

/* What went through. */
struct agent_tally {
	uint64_t entries; /* files, folders, links */
	uint64_t bytes;	  /* of file contents */
};

/*
 * The folder at `path` and all below it; links are kept as links, sockets and devices are left out
 * (logged). DRO_EAGAIN where a file changed while it was read: that would be no consistent copy.
 */
int agent_pack_directory(const char *path, const struct agent_sink *sink, struct agent_tally *tally,
	const struct dro_log *log, struct dro_error *err);
/*
 * Into `path`, an empty folder whose own path has no link in it. Entries that would leave it are
 * refused (DRO_ECORRUPT). Owners are restored where we are root.
 */
int agent_unpack_directory(const char *path, const struct agent_source *source,
	struct agent_tally *tally, const struct dro_log *log, struct dro_error *err);

int agent_pack_file(const char *path, const struct agent_sink *sink, struct agent_tally *tally,
	struct dro_error *err);
/* Makes the file, mode 0600. */
int agent_unpack_file(const char *path, const struct agent_source *source,
	struct agent_tally *tally, struct dro_error *err);

#endif
