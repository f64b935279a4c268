#include "agent/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/last.h"
#include "agent/mariadb_backup.h"
#include "agent/parts.h"
#include "agent/restic_backup.h"
#include "agent/site.h"
#include "agent/sqlite.h"
#include "base/clock.h"
#include "base/file.h"

#define MIB ((uint64_t)1 << 20)

/* One backup. */
struct backup {
	const struct agent_config *config;
	const struct dro_log *log;
	uint64_t deadline_ms;
	bool full;
	struct dro_buf site; /* that this host is */
	int lock;
	char *scratch; /* folder of the part in hand */
	char *copy;    /* SQLite: of the database, beside it */
	struct agent_remote *remote;
	struct dro_manifest *manifest;
};

/* One backup of a host at a time; the lock goes with the process, however it ends. */
static int take_lock(struct backup *backup, struct dro_error *err)
{
	char *path = dro_path_join(backup->config->state, "backup.lock");
	int rc = 0;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	backup->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (backup->lock < 0)
		rc = dro_fail_errno(err, "%s", path);
	else if (flock(backup->lock, LOCK_EX | LOCK_NB) < 0)
		rc = errno == EWOULDBLOCK
			     ? dro_fail(err, DRO_EBUSY, "another backup of this host is running")
			     : dro_fail_errno(err, "%s", path);
	free(path);
	return rc;
}

/* With the lock held, what an earlier backup left behind is nobody's. */
static int prepare(struct backup *backup, struct dro_error *err)
{
	const struct agent_config *config = backup->config;
	int rc;

	if ((rc = agent_site_read(&backup->site, config, err)) < 0)
		return rc;
	if (!*config->source.path || !backup->site.length)
		return dro_fail(err, DRO_EINVAL, "a backup needs `%s` in the configuration",
			*config->source.path ? "site" : "source");
	if ((rc = dro_dir_make(config->state, 0700, err)) < 0 || (rc = take_lock(backup, err)) < 0)
		return rc;
	backup->scratch = dro_path_join(config->state, "backup");
	if (!backup->scratch ||
		asprintf(&backup->copy, "%s.drorch-backup", config->source.path) < 0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (config->source.kind == DRO_BACKUP_SQLITE)
		agent_sqlite_remove(backup->copy);
	if ((rc = dro_dir_remove(backup->scratch, err)) < 0)
		return rc;
	return dro_dir_make(backup->scratch, 0700, err);
}

static int new_manifest(struct backup *backup, int64_t time_ms, struct dro_error *err)
{
	char id[DRO_BACKUP_ID_MAX + 1];

	dro_backup_id_new(id, time_ms);
	return dro_manifest_new(&backup->manifest, id, backup->config->service,
		dro_buf_str(&backup->site), backup->config->source.kind, time_ms, err);
}

/* Packs `path` into objects. */
static int put_data(
	struct backup *backup, const char *path, struct agent_tally *tally, struct dro_error *err)
{
	struct agent_parts *parts = NULL;
	struct agent_sink sink;
	int rc;

	if ((rc = agent_parts_new(&parts, backup->remote, backup->manifest, backup->scratch,
		     (uint64_t)backup->config->part_mib * MIB, backup->deadline_ms, err)) < 0)
		return rc;
	sink = agent_parts_sink(parts);
	rc = backup->config->source.kind == DRO_BACKUP_SQLITE
		     ? agent_pack_file(path, &sink, tally, err)
		     : agent_pack_directory(path, &sink, tally, backup->log, err);
	if (rc == 0)
		rc = agent_parts_finish(parts, err);
	agent_parts_free(parts);
	return rc;
}

static int put_directory(struct backup *backup, struct dro_error *err)
{
	cJSON *mark = cJSON_CreateObject();
	struct agent_tally tally;
	int rc;

	if (!mark)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = new_manifest(backup, dro_wall_ms(), err)) < 0 ||
		(rc = put_data(backup, backup->config->source.path, &tally, err)) < 0)
		goto out;
	if (!cJSON_AddNumberToObject(mark, "entries", (double)tally.entries) ||
		!cJSON_AddNumberToObject(mark, "bytes", (double)tally.bytes)) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	rc = dro_manifest_mark(backup->manifest, mark, err);
	mark = NULL;
out:
	cJSON_Delete(mark);
	return rc;
}

static int put_sqlite(struct backup *backup, struct dro_error *err)
{
	cJSON *mark = cJSON_CreateObject();
	struct agent_tally tally;
	int64_t time_ms;
	int rc;

	if (!mark)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = agent_sqlite_copy(backup->config->source.path, backup->copy, mark, &time_ms,
		     backup->deadline_ms, err)) < 0 ||
		(rc = new_manifest(backup, time_ms, err)) < 0 ||
		(rc = put_data(backup, backup->copy, &tally, err)) < 0)
		goto out;
	rc = dro_manifest_mark(backup->manifest, mark, err);
	mark = NULL;
out:
	agent_sqlite_remove(backup->copy);
	cJSON_Delete(mark);
	return rc;
}

/* The data folder's copy, and from there to the repository. */
static int put_mariadb(struct backup *backup, struct dro_error *err)
{
	struct agent_mariadb_copy *copy = malloc(sizeof(*copy));
	char *folder = dro_path_join(backup->scratch, "copy");
	cJSON *mark = cJSON_CreateObject();
	uint64_t sent = 0;
	int rc;

	if (!copy || !folder || !mark) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if ((rc = agent_mariadb_copy(
		     copy, backup->config, folder, backup->log, backup->deadline_ms, err)) < 0 ||
		(rc = new_manifest(backup, copy->time_ms, err)) < 0 ||
		(rc = agent_restic_put(backup->manifest, &sent, backup->remote, backup->config,
			 folder, backup->scratch, backup->full, backup->log, backup->deadline_ms,
			 err)) < 0)
		goto out;
	dro_log(backup->log, DRO_LOG_INFO, "sent %llu KiB, a restore needs %llu KiB",
		(unsigned long long)(sent >> 10),
		(unsigned long long)(backup->manifest->total >> 10));
	if (!cJSON_AddStringToObject(mark, "gtid", copy->gtid) ||
		!cJSON_AddStringToObject(mark, "server_version", copy->version) ||
		!cJSON_AddNumberToObject(mark, "entries", (double)copy->tally.entries) ||
		!cJSON_AddNumberToObject(mark, "bytes", (double)copy->tally.bytes)) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	rc = dro_manifest_mark(backup->manifest, mark, err);
	mark = NULL;
out:
	cJSON_Delete(mark);
	free(folder);
	free(copy);
	return rc;
}

static int put_source(struct backup *backup, struct dro_error *err)
{
	switch (backup->config->source.kind) {
	case DRO_BACKUP_SQLITE:
		return put_sqlite(backup, err);
	case DRO_BACKUP_MARIADB:
		return put_mariadb(backup, err);
	default:
		return put_directory(backup, err);
	}
}

/* Only this makes it a backup. */
static int put_manifest(struct backup *backup, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(DRO_MANIFEST_MAX_BYTES);
	char *key = dro_path_join(backup->manifest->id, DRO_MANIFEST_KEY);
	char idem[DRO_BACKUP_ID_MAX + 1];
	int rc;

	if (!key)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	snprintf(idem, sizeof(idem), "%.50s-manifest", backup->manifest->id);
	if ((rc = dro_manifest_print(backup->manifest, &text, err)) == 0)
		rc = agent_remote_put_new(
			backup->remote, key, &text, idem, backup->deadline_ms, err);
	dro_buf_free(&text);
	free(key);
	return rc;
}

int agent_backup(struct dro_manifest **out, const struct agent_config *config, bool full,
	const struct dro_log *log, struct dro_error *err)
{
	struct backup backup = {.config = config,
		.full = full,
		.log = log,
		.deadline_ms = dro_now_ms() + (uint64_t)config->backup_ms,
		.site = DRO_BUF_INIT(DRO_BACKUP_NAME_MAX),
		.lock = -1};
	int rc;

	if ((rc = prepare(&backup, err)) < 0 ||
		(rc = agent_remote_open(&backup.remote, config, log, err)) < 0)
		goto out;
	if ((rc = put_source(&backup, err)) < 0 ||
		(rc = agent_remote_check(backup.remote, backup.manifest, backup.deadline_ms, err)) <
			0 ||
		(rc = put_manifest(&backup, err)) < 0)
		goto out;
	/* It is one, whether this host remembers it or not. */
	if (agent_last_write(backup.manifest, config->state, NULL) < 0)
		dro_log(log, DRO_LOG_WARNING, "%s: cannot remember the backup", config->state);
	*out = backup.manifest;
	backup.manifest = NULL;
out:
	agent_remote_close(backup.remote);
	dro_manifest_free(backup.manifest);
	if (backup.scratch)
		dro_dir_remove(backup.scratch, NULL);
	free(backup.scratch);
	free(backup.copy);
	dro_buf_free(&backup.site);
	if (backup.lock >= 0)
		close(backup.lock);
	return rc;
}
