/* Worker threads: `pool_size` at most, started as they are needed. */
#ifndef DRORCH_BASE_POOL_H
#define DRORCH_BASE_POOL_H

#include <stddef.h>

#include "base/error.h"

struct dro_pool;

int dro_pool_new(struct dro_pool **out, size_t pool_size, struct dro_error *err);
/* Runs job(arg) on a worker, in the order of the calls. Any thread. `arg` stays the caller's. */
int dro_pool_submit(
	struct dro_pool *pool, void (*job)(void *arg), void *arg, struct dro_error *err);
/* Waits for every job, then for the workers. NULL-safe. Not from a worker. */
void dro_pool_free(struct dro_pool *pool);

#endif
