#include "observe/snapshot.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct entry {
	struct entry *next;
	struct dro_snapshot *newest; /* holds one reference, or NULL */
	bool reading;
	char key[];
};

struct dro_snapshots {
	pthread_mutex_t lock;
	pthread_cond_t read;
	struct entry *entries;
};

int dro_snapshots_new(struct dro_snapshots **out, struct dro_error *err)
{
	struct dro_snapshots *snapshots = calloc(1, sizeof(*snapshots));

	if (!snapshots)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_init(&snapshots->lock, NULL);
	pthread_cond_init(&snapshots->read, NULL);
	*out = snapshots;
	return 0;
}

/* Locked. */
static void let_go(struct dro_snapshot *snapshot)
{
	if (!snapshot || --snapshot->references > 0)
		return;
	dro_record_list_free(&snapshot->records);
	dro_instance_list_free(&snapshot->instances);
	dro_health_check_list_free(&snapshot->checks);
	free(snapshot);
}

void dro_snapshots_free(struct dro_snapshots *snapshots)
{
	struct entry *next;

	if (!snapshots)
		return;
	for (; snapshots->entries; snapshots->entries = next) {
		next = snapshots->entries->next;
		let_go(snapshots->entries->newest);
		free(snapshots->entries);
	}
	pthread_cond_destroy(&snapshots->read);
	pthread_mutex_destroy(&snapshots->lock);
	free(snapshots);
}

/* Finds or makes it. Locked. */
static struct entry *entry_of(struct dro_snapshots *snapshots, const char *key)
{
	struct entry *entry;

	for (entry = snapshots->entries; entry; entry = entry->next)
		if (strcmp(entry->key, key) == 0)
			return entry;
	entry = calloc(1, sizeof(*entry) + strlen(key) + 1);
	if (!entry)
		return NULL;
	memcpy(entry->key, key, strlen(key) + 1);
	entry->next = snapshots->entries;
	snapshots->entries = entry;
	return entry;
}

static struct dro_snapshot *read_list(
	int (*read)(void *arg, struct dro_snapshot *out, struct dro_error *err), void *arg)
{
	struct dro_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	struct dro_error err = DRO_ERROR_INIT;

	if (!snapshot)
		return NULL;
	snapshot->references = 2; /* the entry's and the caller's */
	snapshot->began_ms = dro_now_ms();
	snapshot->rc = read(arg, snapshot, &err);
	if (snapshot->rc < 0)
		snprintf(snapshot->error, sizeof(snapshot->error), "%s", err.message);
	return snapshot;
}

const struct dro_snapshot *dro_snapshots_get(struct dro_snapshots *snapshots, const char *key,
	uint64_t fresh_ms, int (*read)(void *arg, struct dro_snapshot *out, struct dro_error *err),
	void *arg)
{
	struct dro_snapshot *snapshot = NULL;
	struct entry *entry;

	pthread_mutex_lock(&snapshots->lock);
	entry = entry_of(snapshots, key);
	/* A reader is bounded by its own deadline. */
	while (entry && entry->reading)
		pthread_cond_wait(&snapshots->read, &snapshots->lock);
	if (entry && entry->newest && entry->newest->began_ms >= fresh_ms) {
		snapshot = entry->newest;
		snapshot->references++;
	} else if (entry) {
		entry->reading = true;
		pthread_mutex_unlock(&snapshots->lock);
		snapshot = read_list(read, arg);
		pthread_mutex_lock(&snapshots->lock);
		let_go(entry->newest);
		entry->newest = snapshot;
		entry->reading = false;
		pthread_cond_broadcast(&snapshots->read);
	}
	pthread_mutex_unlock(&snapshots->lock);
	return snapshot;
}

void dro_snapshots_let_go(struct dro_snapshots *snapshots, const struct dro_snapshot *snapshot)
{
	pthread_mutex_lock(&snapshots->lock);
	let_go((struct dro_snapshot *)snapshot);
	pthread_mutex_unlock(&snapshots->lock);
}
