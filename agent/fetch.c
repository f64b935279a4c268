#include "agent/parts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pool.h"

#define AHEAD 3	    /* objects fetched side by side; so many lie in the folder */
#define ATTEMPTS 3  /* at an object that came wrong */
#define CHUNK 65536 /* bytes given out at once */

/* A place for an object that is fetched or read; the objects take turns. */
struct slot {
	struct agent_fetch *fetch;
	size_t index; /* which object */
	int fd;
	bool ready; /* under the lock */
	int rc;
	struct dro_error err;
};

struct agent_fetch {
	struct agent_remote *remote;
	const struct dro_manifest *manifest;
	struct agent_progress *progress;
	uint64_t deadline_ms;
	struct dro_pool *pool;
	pthread_mutex_t lock; /* of `ready`, `stop` and `done_bytes` */
	pthread_cond_t wake;
	bool stop;
	uint64_t done_bytes;
	struct slot slots[AHEAD];
	size_t index;	 /* the object being read */
	uint64_t offset; /* in it */
	char chunk[CHUNK];
};

static bool stopped(struct agent_fetch *fetch)
{
	bool stop;

	pthread_mutex_lock(&fetch->lock);
	stop = fetch->stop;
	pthread_mutex_unlock(&fetch->lock);
	return stop;
}

/* Fetches the object once and compares it with the manifest. */
static int fetch_once(struct slot *slot, const char *key)
{
	const struct agent_fetch *fetch = slot->fetch;
	const struct dro_manifest_object *object = &fetch->manifest->objects[slot->index];

	return agent_remote_get_checked(fetch->remote, key, slot->fd, object->length,
		object->sha256, fetch->deadline_ms, &slot->err);
}

static void fetch_object(void *arg)
{
	struct slot *slot = arg;
	struct agent_fetch *fetch = slot->fetch;
	const struct dro_manifest_object *object = &fetch->manifest->objects[slot->index];
	char *key = dro_path_join(fetch->manifest->id, object->key);
	int rc = DRO_ECANCELLED, i;

	if (!key)
		rc = dro_fail(&slot->err, DRO_ENOMEM, "out of memory");
	/* What came wrong may have been spoilt on its way: it gets another chance. */
	for (i = 0; key && i < ATTEMPTS && !stopped(fetch); i++) {
		rc = fetch_once(slot, key);
		if (rc != DRO_ECORRUPT)
			break;
	}
	free(key);
	pthread_mutex_lock(&fetch->lock);
	slot->rc = rc;
	slot->ready = true;
	if (rc == 0) {
		fetch->done_bytes += object->length;
		agent_progress_done(fetch->progress, fetch->done_bytes);
	}
	pthread_cond_signal(&fetch->wake);
	pthread_mutex_unlock(&fetch->lock);
}

/* Lets the slot fetch object `index`, if there is one. */
static int begin(struct agent_fetch *fetch, struct slot *slot, size_t index, struct dro_error *err)
{
	slot->index = index;
	slot->ready = false;
	if (index >= fetch->manifest->object_count)
		return 0;
	return dro_pool_submit(fetch->pool, fetch_object, slot, err);
}

int agent_fetch_new(struct agent_fetch **out, struct agent_remote *remote,
	const struct dro_manifest *manifest, const char *dir, struct agent_progress *progress,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_fetch *fetch = calloc(1, sizeof(*fetch));
	size_t i;
	int rc = 0;

	if (!fetch)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	fetch->remote = remote;
	fetch->manifest = manifest;
	fetch->progress = progress;
	fetch->deadline_ms = deadline_ms;
	pthread_mutex_init(&fetch->lock, NULL);
	pthread_cond_init(&fetch->wake, NULL);
	for (i = 0; i < AHEAD; i++)
		fetch->slots[i] = (struct slot){.fetch = fetch, .fd = -1, .err = DRO_ERROR_INIT};
	if ((rc = dro_pool_new(&fetch->pool, AHEAD, err)) < 0)
		goto out;
	for (i = 0; i < AHEAD; i++)
		if ((rc = fetch->slots[i].fd = agent_scratch_open(dir, err)) < 0 ||
			(rc = begin(fetch, &fetch->slots[i], i, err)) < 0)
			goto out;
	*out = fetch;
	fetch = NULL;
out:
	agent_fetch_free(fetch);
	return rc < 0 ? rc : 0;
}

void agent_fetch_free(struct agent_fetch *fetch)
{
	size_t i;

	if (!fetch)
		return;
	pthread_mutex_lock(&fetch->lock);
	fetch->stop = true;
	pthread_mutex_unlock(&fetch->lock);
	dro_pool_free(fetch->pool);
	for (i = 0; i < AHEAD; i++)
		if (fetch->slots[i].fd >= 0)
			close(fetch->slots[i].fd);
	pthread_cond_destroy(&fetch->wake);
	pthread_mutex_destroy(&fetch->lock);
	free(fetch);
}

/* Waits for the object in turn; fetches end by their deadline, so this does. */
static int wait_for(struct agent_fetch *fetch, struct slot *slot, struct dro_error *err)
{
	pthread_mutex_lock(&fetch->lock);
	while (!slot->ready)
		pthread_cond_wait(&fetch->wake, &fetch->lock);
	pthread_mutex_unlock(&fetch->lock);
	if (slot->rc < 0 && err)
		*err = slot->err;
	return slot->rc;
}

static int read_objects(void *arg, const void **data, size_t *length, struct dro_error *err)
{
	struct agent_fetch *fetch = arg;
	int rc;

	*length = 0;
	while (fetch->index < fetch->manifest->object_count) {
		struct slot *slot = &fetch->slots[fetch->index % AHEAD];
		ssize_t got;

		if ((rc = wait_for(fetch, slot, err)) < 0)
			return rc;
		got = pread(slot->fd, fetch->chunk, CHUNK, (off_t)fetch->offset);
		if (got < 0)
			return dro_fail_errno(err, "temporary file");
		if (got > 0) {
			fetch->offset += (uint64_t)got;
			*data = fetch->chunk;
			*length = (size_t)got;
			return 0;
		}
		if ((rc = begin(fetch, slot, fetch->index + AHEAD, err)) < 0)
			return rc;
		fetch->index++;
		fetch->offset = 0;
	}
	return 0;
}

struct agent_source agent_fetch_source(struct agent_fetch *fetch)
{
	return (struct agent_source){read_objects, fetch};
}
