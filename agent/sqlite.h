/* SQLite databases: a copy of one moment, and whether a copy is sound. */
#ifndef AGENT_SQLITE_H
#define AGENT_SQLITE_H

#include "base/json.h"

/*
 * Copies the database at `path` as it is at one moment, while others write it, to `copy`, which
 * must not be there, and checks the copy. *time_ms gets the moment (Unix ms); `mark` the numbers
 * that a restored copy must have again. DRO_ETIMEDOUT past the deadline.
 */
int agent_sqlite_copy(const char *path, const char *copy, cJSON *mark, int64_t *time_ms,
	uint64_t deadline_ms, struct dro_error *err);
/* integrity_check, and the numbers of `mark`. DRO_ECORRUPT says what is wrong. */
int agent_sqlite_check(
	const char *path, const cJSON *mark, uint64_t deadline_ms, struct dro_error *err);
/* Removes the database and the files that SQLite keeps beside one. */
void agent_sqlite_remove(const char *path);

#endif
