#include "base/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct job {
	void (*run)(void *arg);
	void *arg;
	struct job *next;
};

struct dro_pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job *first, **last;
	size_t queued, idle, started, size;
	bool stopping;
	pthread_t threads[];
};

static void *work(void *arg)
{
	struct dro_pool *pool = arg;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		struct job *job = pool->first;

		if (job) {
			pool->first = job->next;
			pool->queued--;
			if (!pool->first)
				pool->last = &pool->first;
			pthread_mutex_unlock(&pool->lock);
			job->run(job->arg);
			free(job);
			pthread_mutex_lock(&pool->lock);
			continue;
		}
		if (pool->stopping)
			break;
		pool->idle++;
		pthread_cond_wait(&pool->wake, &pool->lock);
		pool->idle--;
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

int dro_pool_new(struct dro_pool **out, size_t pool_size, struct dro_error *err)
{
	struct dro_pool *pool = calloc(1, sizeof(*pool) + pool_size * sizeof(pthread_t));

	if (!pool)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pool->last = &pool->first;
	pool->size = pool_size;
	*out = pool;
	return 0;
}

int dro_pool_submit(struct dro_pool *pool, void (*job)(void *arg), void *arg, struct dro_error *err)
{
	struct job *entry = calloc(1, sizeof(*entry));
	int rc = 0;

	if (!entry)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	entry->run = job;
	entry->arg = arg;
	pthread_mutex_lock(&pool->lock);
	/* A worker that was woken for an earlier job still counts as idle. */
	if (pool->idle <= pool->queued && pool->started < pool->size) {
		if (pthread_create(&pool->threads[pool->started], NULL, work, pool) == 0)
			pool->started++;
		else if (pool->started == 0)
			rc = dro_fail(err, DRO_ENOMEM, "no thread could be started");
	}
	if (rc == 0) {
		*pool->last = entry;
		pool->last = &entry->next;
		pool->queued++;
		/* All of them: glibc before 2.41 may give a signal to nobody where several wait. */
		pthread_cond_broadcast(&pool->wake);
	}
	pthread_mutex_unlock(&pool->lock);
	if (rc < 0)
		free(entry);
	return rc;
}

void dro_pool_free(struct dro_pool *pool)
{
	size_t i;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < pool->started; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
