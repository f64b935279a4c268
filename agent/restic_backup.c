#include "agent/restic_backup.h"

#include <stdio.h>
#include <string.h>

#include "agent/restic.h"
#include "base/clock.h"

#define FIRST ".restic-"
#define OBJECTS_MAX 40000 /* then another is begun: a manifest holds no more than 50,000 */

/* The newest repository of the store, and what is in it. */
struct newest {
	char name[DRO_BACKUP_ID_MAX + 16]; /* "" : there is none */
	size_t first, count;		   /* its objects in the listing */
	bool config, keys;
};

/* Its objects stand side by side: the listing is sorted. */
static void look(struct newest *newest, const struct agent_remote *remote,
	const struct dro_object_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		const char *key = agent_remote_key(remote, list->items[i]);
		size_t length = strcspn(key, "/");

		if (!key[length] || length >= sizeof(newest->name))
			continue;
		if (strncmp(key, newest->name, length) != 0 || newest->name[length]) {
			*newest = (struct newest){.first = i};
			snprintf(newest->name, sizeof(newest->name), "%.*s", (int)length, key);
		}
		newest->count++;
		newest->config = newest->config || strcmp(key + length, "/config") == 0;
		newest->keys = newest->keys || strncmp(key + length, "/keys/", 6) == 0;
	}
}

/* May it take another backup? Its name tells when it was begun. */
static bool serves(const struct newest *newest, const struct agent_config *config, int64_t now_ms)
{
	int64_t begun_ms;

	if (!newest->config || !newest->keys || newest->count > OBJECTS_MAX ||
		!dro_backup_repository_valid(newest->name))
		return false;
	begun_ms = dro_backup_id_time(newest->name + strlen(FIRST));
	return begun_ms >= 0 && now_ms - begun_ms < config->full_every_ms;
}

static int fill(struct agent_restic_store *store, const struct newest *newest,
	const struct agent_remote *remote, const struct dro_object_list *list,
	struct dro_error *err)
{
	size_t length = strlen(newest->name) + 1, i;
	int rc = 0;

	for (i = newest->first; rc == 0 && i < newest->first + newest->count; i++)
		rc = agent_restic_store_add(store,
			agent_remote_key(remote, list->items[i]) + length, list->items[i]->length,
			NULL, err);
	return rc;
}

/* One backup, as it is put. */
struct put {
	struct dro_manifest *manifest;
	struct agent_remote *remote;
	const struct agent_config *config;
	const char *folder, *scratch;
	const struct dro_log *log;
	uint64_t *sent;
	uint64_t deadline_ms;
};

static int put_snapshot(struct put *put, struct agent_restic_store *store,
	struct agent_restic *restic, const char *name, struct dro_error *err)
{
	struct dro_buf version = DRO_BUF_INIT(64);
	char snapshot[DRO_SHA256_HEX];
	uint64_t bytes;
	int rc;

	if ((rc = agent_restic_version(&version, restic->deadline_ms, err)) < 0 ||
		(rc = agent_restic_backup(
			 restic, put->folder, put->manifest->id, snapshot, &bytes, err)) < 0 ||
		(rc = agent_restic_store_list(store, put->manifest, err)) < 0 ||
		(rc = dro_manifest_repository(put->manifest, name, snapshot, bytes, err)) < 0)
		goto out;
	*put->sent = agent_restic_store_sent(store);
	rc = dro_manifest_tool(put->manifest, "restic", dro_buf_str(&version), err);
out:
	dro_buf_free(&version);
	return rc;
}

/* What is wrong with the repository, and would be with every backup in it; not who is asked. */
static bool is_damage(int rc)
{
	return rc == DRO_EIO || rc == DRO_ECORRUPT || rc == DRO_ENOTFOUND;
}

/*
 * Into the repository that is there; 1: it is damaged. What restic finds in its index it does not
 * put again: an object that has gone would be missing in this backup too, and nobody would know.
 */
static int put_there(struct put *put, const struct newest *newest,
	const struct dro_object_list *list, struct dro_error *err)
{
	struct agent_restic restic = {.url_fd = -1};
	struct agent_restic_store *store = NULL;
	int rc;

	if ((rc = agent_restic_store_new(
		     &store, put->remote, newest->name, put->scratch, put->deadline_ms, err)) < 0 ||
		(rc = fill(store, newest, put->remote, list, err)) < 0 ||
		(rc = agent_restic_open(
			 &restic, put->config, store, put->scratch, put->deadline_ms, err)) < 0)
		goto out;
	rc = agent_restic_check(&restic, err);
	if (rc == 0)
		rc = put_snapshot(put, store, &restic, newest->name, err);
	else if (is_damage(rc))
		rc = 1;
out:
	agent_restic_close(&restic);
	agent_restic_store_free(store);
	return rc;
}

static int put_anew(struct put *put, struct dro_error *err)
{
	struct agent_restic restic = {.url_fd = -1};
	struct agent_restic_store *store = NULL;
	char name[DRO_BACKUP_ID_MAX + 16];
	int rc;

	snprintf(name, sizeof(name), FIRST "%s", put->manifest->id);
	dro_log(put->log, DRO_LOG_INFO, "begins the repository %s", name);
	if ((rc = agent_restic_store_new(
		     &store, put->remote, name, put->scratch, put->deadline_ms, err)) < 0 ||
		(rc = agent_restic_open(
			 &restic, put->config, store, put->scratch, put->deadline_ms, err)) < 0 ||
		(rc = agent_restic_init(&restic, err)) < 0)
		goto out;
	rc = put_snapshot(put, store, &restic, name, err);
out:
	agent_restic_close(&restic);
	agent_restic_store_free(store);
	return rc;
}

int agent_restic_put(struct dro_manifest *manifest, uint64_t *sent, struct agent_remote *remote,
	const struct agent_config *config, const char *folder, const char *scratch, bool anew,
	const struct dro_log *log, uint64_t deadline_ms, struct dro_error *err)
{
	struct put put = {.manifest = manifest,
		.remote = remote,
		.config = config,
		.folder = folder,
		.scratch = scratch,
		.log = log,
		.sent = sent,
		.deadline_ms = deadline_ms};
	struct dro_object_list list = {0};
	struct newest newest = {0};
	int rc;

	if ((rc = agent_remote_list(remote, FIRST, "", &list, deadline_ms, err)) < 0)
		goto out;
	look(&newest, remote, &list);
	rc = 1;
	if (!anew && serves(&newest, config, dro_wall_ms()) &&
		(rc = put_there(&put, &newest, &list, err)) == 1)
		dro_log(log, DRO_LOG_WARNING, "the repository %s is damaged, and left: %s",
			newest.name, err->message);
	if (rc == 1)
		rc = put_anew(&put, err);
out:
	dro_object_list_free(&list);
	return rc;
}

int agent_restic_get(const struct dro_manifest *manifest, struct agent_remote *remote,
	const struct agent_config *config, const char *target, const char *scratch,
	struct agent_progress *progress, uint64_t deadline_ms, struct dro_error *err)
{
	struct agent_restic restic = {.url_fd = -1};
	struct agent_restic_store *store = NULL;
	size_t i;
	int rc;

	if ((rc = agent_restic_store_new(
		     &store, remote, manifest->repository, scratch, deadline_ms, err)) < 0)
		return rc;
	agent_restic_store_progress(store, progress, manifest->total);
	for (i = 0; rc == 0 && i < manifest->object_count; i++)
		rc = agent_restic_store_add(store, manifest->objects[i].key,
			manifest->objects[i].length, manifest->objects[i].sha256, err);
	if (rc < 0 ||
		(rc = agent_restic_open(&restic, config, store, scratch, deadline_ms, err)) < 0)
		goto out;
	if ((rc = agent_restic_restore(&restic, manifest->snapshot, target, err)) == 0)
		agent_progress_done(progress, manifest->total);
out:
	agent_restic_close(&restic);
	agent_restic_store_free(store);
	return rc;
}
