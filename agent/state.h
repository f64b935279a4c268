/*
 * The agent's own small files, in its state folder. Each is replaced as a whole, so that a reader
 * sees one version of it; who reads and then writes takes a lock (lock.h). Any process and thread.
 */
#ifndef AGENT_STATE_H
#define AGENT_STATE_H

#include <stddef.h>

#include "base/buf.h"

/* Fills `out` from the file's text. */
typedef int agent_state_parse(void *out, const struct dro_buf *text, struct dro_error *err);

/*
 * Reads DIR/NAME, of `max` bytes at most. 0 also where there is no such file: nothing is parsed
 * then. DRO_ECORRUPT, which names the file: `parse` failed.
 */
int agent_state_read(const char *dir, const char *name, size_t max, agent_state_parse *parse,
	void *out, struct dro_error *err);

/* Writes it, for its owner alone; frees `text`. */
int agent_state_write(
	const char *dir, const char *name, struct dro_buf *text, struct dro_error *err);

#endif
