/* A stream of bytes as the objects of a backup: cut into parts, each with its hash. */
#ifndef AGENT_PARTS_H
#define AGENT_PARTS_H

#include "agent/archive.h"
#include "agent/progress.h"
#include "agent/remote.h"

/* A file that is gone when it is closed, however we end. */
int agent_scratch_open(const char *dir, struct dro_error *err);

/* ---- to the store ------------------------------------------------------------------------- */

struct agent_parts;

/*
 * What is written goes to objects of `part_bytes` at most, which are added to `manifest`. `dir`
 * holds one part at a time.
 */
int agent_parts_new(struct agent_parts **out, struct agent_remote *remote,
	struct dro_manifest *manifest, const char *dir, uint64_t part_bytes, uint64_t deadline_ms,
	struct dro_error *err);
void agent_parts_free(struct agent_parts *parts); /* NULL-safe */
struct agent_sink agent_parts_sink(struct agent_parts *parts);
int agent_parts_finish(struct agent_parts *parts, struct dro_error *err); /* puts the last one */

/* ---- from the store ----------------------------------------------------------------------- */

struct agent_fetch;

/*
 * Reads the objects of `manifest` in their order. Not a byte of an object is given out before its
 * length and hash were found right (DRO_ECORRUPT). A few are fetched ahead into `dir`.
 */
int agent_fetch_new(struct agent_fetch **out, struct agent_remote *remote,
	const struct dro_manifest *manifest, const char *dir, struct agent_progress *progress,
	uint64_t deadline_ms, struct dro_error *err);
void agent_fetch_free(struct agent_fetch *fetch); /* NULL-safe */
struct agent_source agent_fetch_source(struct agent_fetch *fetch);

#endif
