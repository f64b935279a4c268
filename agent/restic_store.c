#include "agent/restic_store.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/parts.h"
#include "base/file.h"

#define KEPT 8	   /* objects that lie in the scratch folder; restic reads five at once */
#define ATTEMPTS 3 /* at an object that came wrong */
#define LOCKS "locks/"

struct entry {
	char *key;
	uint64_t length;
	char sha256[DRO_SHA256_HEX]; /* "" : not known yet */
	int fd;			     /* of a lock, which is nowhere else; -1 */
	bool fetched;		     /* counted as progress */
};

/* An object in the scratch folder, or on its way there. */
struct kept {
	char *key; /* NULL: free */
	int fd;
	bool coming;   /* one thread fetches it, and others wait */
	uint64_t used; /* when, in turns */
};

struct agent_restic_store {
	struct agent_remote *remote;
	char *name, *scratch;
	uint64_t deadline_ms;
	pthread_mutex_t lock;	/* of all below */
	pthread_cond_t wake;	/* a kept object is ready, or has failed */
	struct entry **entries; /* sorted by key */
	size_t count, capacity;
	struct kept kept[KEPT];
	uint64_t turn;
	struct agent_progress *progress;
	uint64_t done, total, sent;
	int stop;
	int rc; /* the first failure */
	struct dro_error err;
};

/* ---- the table ---------------------------------------------------------------------------- */

/* Where the key is, or would be. True: it is there. */
static bool find(const struct agent_restic_store *store, const char *key, size_t *at)
{
	size_t low = 0, high = store->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(store->entries[middle]->key, key);

		if (order == 0) {
			*at = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return false;
}

static void free_entry(struct entry *entry)
{
	if (!entry)
		return;
	if (entry->fd >= 0)
		close(entry->fd);
	free(entry->key);
	free(entry);
}

/* Takes `fd`. */
static int insert(struct agent_restic_store *store, const char *key, uint64_t length,
	const char *sha256, int fd, struct dro_error *err)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	size_t at;

	if (store->count == store->capacity) {
		size_t capacity = store->capacity ? store->capacity * 2 : 64;
		struct entry **entries = realloc(store->entries, capacity * sizeof(*entries));

		if (entries) {
			store->entries = entries;
			store->capacity = capacity;
		}
	}
	if (!entry || store->count == store->capacity || !(entry->key = strdup(key))) {
		free(entry);
		if (fd >= 0)
			close(fd);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	entry->length = length;
	entry->fd = fd;
	snprintf(entry->sha256, sizeof(entry->sha256), "%s", sha256);
	if (find(store, key, &at)) {
		free_entry(store->entries[at]);
		store->entries[at] = entry;
		return 0;
	}
	memmove(&store->entries[at + 1], &store->entries[at],
		(store->count - at) * sizeof(*store->entries));
	store->entries[at] = entry;
	store->count++;
	return 0;
}

/* The hash that the key names; NULL: none. */
static const char *named_hash(const char *key)
{
	const char *name = strrchr(key, '/');

	if (!name || strlen(name + 1) != DRO_SHA256_HEX - 1 ||
		strspn(name + 1, "0123456789abcdef") != DRO_SHA256_HEX - 1)
		return NULL;
	return name + 1;
}

int agent_restic_store_add(struct agent_restic_store *store, const char *key, uint64_t length,
	const char *sha256, struct dro_error *err)
{
	if (!sha256)
		sha256 = named_hash(key);
	if (!sha256 && strcmp(key, "config") != 0)
		return 0;
	if (strncmp(key, LOCKS, strlen(LOCKS)) == 0)
		return 0;
	return insert(store, key, length, sha256 ? sha256 : "", -1, err);
}

static void empty(struct kept *kept)
{
	if (kept->key && kept->fd >= 0)
		close(kept->fd);
	free(kept->key);
	*kept = (struct kept){.fd = -1};
}

/* ---- life --------------------------------------------------------------------------------- */

int agent_restic_store_new(struct agent_restic_store **out, struct agent_remote *remote,
	const char *name, const char *scratch, uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_restic_store *store = calloc(1, sizeof(*store));

	if (!store)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->wake, NULL);
	store->remote = remote;
	store->deadline_ms = deadline_ms;
	store->name = strdup(name);
	store->scratch = strdup(scratch);
	store->stop = eventfd(0, EFD_CLOEXEC);
	if (!store->name || !store->scratch || store->stop < 0) {
		agent_restic_store_free(store);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	*out = store;
	return 0;
}

void agent_restic_store_free(struct agent_restic_store *store)
{
	size_t i;

	if (!store)
		return;
	for (i = 0; i < store->count; i++)
		free_entry(store->entries[i]);
	for (i = 0; i < KEPT; i++)
		empty(&store->kept[i]);
	free(store->entries);
	free(store->name);
	free(store->scratch);
	if (store->stop >= 0)
		close(store->stop);
	pthread_cond_destroy(&store->wake);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

void agent_restic_store_progress(
	struct agent_restic_store *store, struct agent_progress *progress, uint64_t total)
{
	store->progress = progress;
	store->total = total;
}

int agent_restic_store_stop(const struct agent_restic_store *store)
{
	return store->stop;
}

int agent_restic_store_scratch(const struct agent_restic_store *store, struct dro_error *err)
{
	return agent_scratch_open(store->scratch, err);
}

int agent_restic_store_fail(struct agent_restic_store *store, int rc, const struct dro_error *err)
{
	uint64_t one = 1;

	pthread_mutex_lock(&store->lock);
	if (store->rc == 0) {
		store->rc = rc;
		store->err = *err;
	}
	pthread_mutex_unlock(&store->lock);
	return write(store->stop, &one, sizeof(one)) < 0 ? rc : rc;
}

int agent_restic_store_failure(struct agent_restic_store *store, struct dro_error *err)
{
	int rc;

	pthread_mutex_lock(&store->lock);
	rc = store->rc;
	if (rc < 0 && err)
		*err = store->err;
	pthread_mutex_unlock(&store->lock);
	return rc;
}

/* ---- reading ------------------------------------------------------------------------------ */

static int missing(const char *key, struct dro_error *err)
{
	return dro_fail(err, DRO_ENOTFOUND, "%s is not in the repository", key);
}

int agent_restic_store_length(
	struct agent_restic_store *store, const char *key, uint64_t *length, struct dro_error *err)
{
	size_t at;
	int rc = 0;

	pthread_mutex_lock(&store->lock);
	if (find(store, key, &at))
		*length = store->entries[at]->length;
	else
		rc = missing(key, err);
	pthread_mutex_unlock(&store->lock);
	return rc;
}

/* Under the lock: the object's place. NULL: wait, it comes, or all places are taken. */
static struct kept *find_kept(struct agent_restic_store *store, const char *key)
{
	struct kept *oldest = NULL;
	size_t i;

	for (i = 0; i < KEPT; i++) {
		struct kept *kept = &store->kept[i];

		if (kept->key && strcmp(kept->key, key) == 0)
			return kept->coming ? NULL : kept;
		if (!kept->coming && (!oldest || kept->used < oldest->used))
			oldest = kept;
	}
	return oldest;
}

/* Fetches into `kept`, without the lock; `entry` stays, as only locks go. */
static int fetch(struct agent_restic_store *store, const struct entry *entry, struct kept *kept,
	struct dro_error *err)
{
	const char *sha256 = *entry->sha256 ? entry->sha256 : NULL;
	char *key = dro_path_join(store->name, entry->key);
	int rc = key ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory"), i;

	if (rc == 0 && (kept->fd = agent_scratch_open(store->scratch, err)) < 0)
		rc = kept->fd;
	for (i = 0; rc == 0 && i < ATTEMPTS; i++) {
		rc = agent_remote_get_checked(store->remote, key, kept->fd, entry->length, sha256,
			store->deadline_ms, err);
		if (rc != DRO_ECORRUPT)
			break;
		/* What came wrong may have been spoilt on its way. */
		rc = i + 1 < ATTEMPTS ? 0 : rc;
	}
	free(key);
	return rc;
}

static void count_progress(struct agent_restic_store *store, struct entry *entry)
{
	if (entry->fetched)
		return;
	entry->fetched = true;
	store->done += entry->length;
	if (store->progress)
		agent_progress_done(
			store->progress, store->done < store->total ? store->done : store->total);
}

/* Puts the object into this place. Under the lock, which it lets go meanwhile. */
static int bring(struct agent_restic_store *store, struct entry *entry, struct kept *kept,
	struct dro_error *err)
{
	int rc;

	empty(kept);
	kept->key = strdup(entry->key);
	if (!kept->key)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	kept->coming = true;
	pthread_mutex_unlock(&store->lock);
	rc = fetch(store, entry, kept, err);
	if (rc == 0 && !*entry->sha256)
		rc = dro_sha256_fd(entry->sha256, kept->fd, 0, entry->length, err);
	if (rc < 0)
		agent_restic_store_fail(store, rc, err);
	pthread_mutex_lock(&store->lock);
	kept->coming = false;
	if (rc == 0)
		count_progress(store, entry);
	else
		empty(kept);
	pthread_cond_broadcast(&store->wake);
	return rc;
}

int agent_restic_store_get(
	struct agent_restic_store *store, const char *key, uint64_t *length, struct dro_error *err)
{
	struct entry *entry;
	struct kept *kept;
	int fd = -1, rc = 0;
	size_t at;

	pthread_mutex_lock(&store->lock);
	if (!find(store, key, &at)) {
		rc = missing(key, err);
		goto out;
	}
	entry = store->entries[at];
	*length = entry->length;
	if (entry->fd >= 0) {
		fd = fcntl(entry->fd, F_DUPFD_CLOEXEC, 0);
		goto out;
	}
	while ((kept = find_kept(store, key)) == NULL)
		pthread_cond_wait(&store->wake, &store->lock);
	if ((!kept->key || strcmp(kept->key, key) != 0) &&
		(rc = bring(store, entry, kept, err)) < 0)
		goto out;
	kept->used = ++store->turn;
	fd = fcntl(kept->fd, F_DUPFD_CLOEXEC, 0);
out:
	if (rc == 0 && fd < 0)
		rc = dro_fail_errno(err, "%s", key);
	pthread_mutex_unlock(&store->lock);
	return rc < 0 ? rc : fd;
}

/* ---- writing ------------------------------------------------------------------------------ */

/* The bytes are what the key says, and nothing else stands under it. */
static int check_new(struct agent_restic_store *store, const char *key, int fd, uint64_t length,
	char sha256[DRO_SHA256_HEX], struct dro_error *err)
{
	const char *named = named_hash(key);
	uint64_t there;
	int rc;

	if (!named && strcmp(key, "config") != 0)
		return dro_fail(err, DRO_EINVAL, "%.120s is no object of a repository", key);
	if ((rc = dro_sha256_fd(sha256, fd, 0, length, err)) < 0)
		return rc;
	if (named && strcmp(named, sha256) != 0)
		return dro_fail(err, DRO_ECORRUPT, "%s came with the SHA-256 %s", key, sha256);
	if (!named && agent_restic_store_length(store, key, &there, NULL) == 0)
		return dro_fail(err, DRO_ECONFLICT, "the repository is there already");
	return 0;
}

static int send(struct agent_restic_store *store, const char *key, int fd, uint64_t length,
	const char *sha256, struct dro_error *err)
{
	char *full = dro_path_join(store->name, key), idem[DRO_BACKUP_ID_MAX + 1];
	int rc;

	if (!full)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	snprintf(idem, sizeof(idem), "%.60s", sha256);
	rc = agent_remote_put(store->remote, full, fd, length, idem, store->deadline_ms, err);
	free(full);
	return rc;
}

int agent_restic_store_put(struct agent_restic_store *store, const char *key, int fd,
	uint64_t length, struct dro_error *err)
{
	bool lock = strncmp(key, LOCKS, strlen(LOCKS)) == 0;
	char sha256[DRO_SHA256_HEX];
	int rc;

	if ((rc = check_new(store, key, fd, length, sha256, err)) < 0)
		goto out;
	if (!lock && (rc = send(store, key, fd, length, sha256, err)) < 0) {
		agent_restic_store_fail(store, rc, err);
		goto out;
	}
	pthread_mutex_lock(&store->lock);
	store->sent += lock ? 0 : length;
	rc = insert(store, key, length, sha256, lock ? fd : -1, err);
	pthread_mutex_unlock(&store->lock);
	fd = lock ? -1 : fd;
out:
	if (fd >= 0)
		close(fd);
	return rc;
}

int agent_restic_store_remove(
	struct agent_restic_store *store, const char *key, struct dro_error *err)
{
	size_t at;
	int rc = 0;

	if (strncmp(key, LOCKS, strlen(LOCKS)) != 0)
		return dro_fail(err, DRO_ESAFETY, "%.120s stays", key);
	pthread_mutex_lock(&store->lock);
	if (find(store, key, &at)) {
		free_entry(store->entries[at]);
		memmove(&store->entries[at], &store->entries[at + 1],
			(--store->count - at) * sizeof(*store->entries));
	} else {
		rc = missing(key, err);
	}
	pthread_mutex_unlock(&store->lock);
	return rc;
}

/* ---- listing ------------------------------------------------------------------------------ */

int agent_restic_store_each(struct agent_restic_store *store, const char *begins,
	int (*emit)(void *arg, const char *key, uint64_t length, struct dro_error *err), void *arg,
	struct dro_error *err)
{
	size_t length = strlen(begins), at;
	int rc = 0;

	pthread_mutex_lock(&store->lock);
	find(store, begins, &at);
	for (; rc == 0 && at < store->count; at++) {
		const struct entry *entry = store->entries[at];

		if (strncmp(entry->key, begins, length) != 0)
			break;
		rc = emit(arg, entry->key, entry->length, err);
	}
	pthread_mutex_unlock(&store->lock);
	return rc;
}

uint64_t agent_restic_store_sent(struct agent_restic_store *store)
{
	uint64_t sent;

	pthread_mutex_lock(&store->lock);
	sent = store->sent;
	pthread_mutex_unlock(&store->lock);
	return sent;
}

static int keep_first(void *arg, const char *key, uint64_t length, struct dro_error *err)
{
	char *out = arg;

	(void)length;
	(void)err;
	snprintf(out, DRO_SHA256_HEX, "%.64s", strrchr(key, '/') + 1);
	return 1;
}

int agent_restic_store_snapshot(struct agent_restic_store *store, const char *begins,
	char out[DRO_SHA256_HEX], struct dro_error *err)
{
	char key[128];
	int rc;

	snprintf(key, sizeof(key), "snapshots/%.64s", begins);
	rc = *begins ? agent_restic_store_each(store, key, keep_first, out, err) : 0;
	return rc == 1 ? 0
		       : dro_fail(err, DRO_ENOTFOUND, "snapshot %.64s is not in the repository",
				 begins);
}

/* The one object without its hash in its name may not have been read yet. */
static int read_config(struct agent_restic_store *store, struct dro_error *err)
{
	uint64_t length;
	int fd = agent_restic_store_get(store, "config", &length, err);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int agent_restic_store_list(
	struct agent_restic_store *store, struct dro_manifest *manifest, struct dro_error *err)
{
	size_t i;
	int rc = read_config(store, err);

	pthread_mutex_lock(&store->lock);
	for (i = 0; i < store->count && rc == 0; i++) {
		const struct entry *entry = store->entries[i];

		if (entry->fd < 0)
			rc = dro_manifest_add(
				manifest, entry->key, entry->length, entry->sha256, err);
	}
	pthread_mutex_unlock(&store->lock);
	return rc;
}
