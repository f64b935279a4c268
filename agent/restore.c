#include "agent/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/mariadb_backup.h"
#include "agent/mariadb_first.h"
#include "agent/parts.h"
#include "agent/restic_backup.h"
#include "agent/restored.h"
#include "agent/sqlite.h"
#include "base/clock.h"
#include "base/file.h"

/* One restore. */
struct restore {
	const struct agent_config *config;
	const struct agent_userdata *userdata;
	struct agent_progress *progress;
	const struct dro_log *log;
	uint64_t deadline_ms;
	char *target;  /* with no link in its folder's path */
	char *beside;  /* what is unpacked until it may be the target */
	char *scratch; /* folder of parts */
	struct agent_remote *remote;
	struct dro_manifest *manifest;
	struct agent_restored restored; /* what is on record of it */
};

/* ---- where ------------------------------------------------------------------------------- */

/* "/var/lib/x" -> its folder, made where it is not there and free of links, and "x". */
static int find_target(struct restore *restore, struct dro_error *err)
{
	const char *path =
		*restore->config->restore ? restore->config->restore : restore->config->source.path;
	char *first = strdup(path), *second = strdup(path), *folder = NULL;
	const char *name, *parent;
	int rc;

	if (!first || !second) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	name = basename(second);
	if (!*path || strcmp(name, "/") == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		rc = dro_fail(err, DRO_EINVAL, "\"%s\" is no path to restore to", path);
		goto out;
	}
	parent = dirname(first);
	if ((rc = dro_dir_make(parent, 0755, err)) < 0)
		goto out;
	folder = realpath(parent, NULL);
	if (!folder) {
		rc = dro_fail_errno(err, "%s", parent);
		goto out;
	}
	restore->target = dro_path_join(folder, name);
	if (!restore->target ||
		asprintf(&restore->beside, "%s.drorch-restore", restore->target) < 0)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
out:
	free(folder);
	free(second);
	free(first);
	return rc;
}

static int taken(const char *path, struct dro_error *err)
{
	return dro_fail(err, DRO_ECONFLICT,
		"%s is there already, and a restore never overwrites data", path);
}

/* Nothing, or an empty folder, may be there; and no old log that SQLite would play back. */
static int check_free(const struct restore *restore, struct dro_error *err)
{
	static const char *const logs[] = {"-wal", "-journal"};
	char *path = NULL;
	size_t i;
	int rc = 0;

	if (rmdir(restore->target) < 0 && errno != ENOENT) {
		if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
			return taken(restore->target, err);
		return dro_fail_errno(err, "%s", restore->target);
	}
	for (i = 0; restore->config->source.kind == DRO_BACKUP_SQLITE && i < 2 && rc == 0; i++) {
		if (asprintf(&path, "%s%s", restore->target, logs[i]) < 0)
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		if (access(path, F_OK) == 0)
			rc = taken(path, err);
		free(path);
	}
	return rc;
}

/* ---- what -------------------------------------------------------------------------------- */

static int get_manifest(struct restore *restore, struct dro_error *err)
{
	const struct agent_userdata *userdata = restore->userdata;
	struct dro_buf text = DRO_BUF_INIT(DRO_MANIFEST_MAX_BYTES);
	char *key = dro_path_join(userdata->backup, DRO_MANIFEST_KEY), sha256[DRO_SHA256_HEX];
	int rc;

	if (!key)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = agent_remote_get_text(restore->remote, key, &text, restore->deadline_ms, err)) <
		0)
		goto out;
	if (dro_sha256_hex(sha256, dro_buf_str(&text), text.length) < 0) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if (strcmp(sha256, userdata->manifest_sha256) != 0) {
		rc = dro_fail(err, DRO_ECORRUPT,
			"the manifest of backup %s is not the one that was chosen: its SHA-256 is "
			"%s, not %s",
			userdata->backup, sha256, userdata->manifest_sha256);
		goto out;
	}
	if ((rc = dro_manifest_parse(&restore->manifest, text.data, text.length, err)) < 0 ||
		(rc = dro_manifest_expect(
			 restore->manifest, userdata->backup, restore->config->service, err)) < 0)
		goto out;
	if (restore->manifest->kind != restore->config->source.kind)
		rc = dro_fail(err, DRO_EINVAL,
			"backup %s is of the kind %s, this host restores the kind %s",
			userdata->backup, dro_backup_kind_name(restore->manifest->kind),
			dro_backup_kind_name(restore->config->source.kind));
out:
	dro_buf_free(&text);
	free(key);
	return rc;
}

/* What is known to have no room is not begun. */
static int check_room(const struct restore *restore, struct dro_error *err)
{
	char *folder = strdup(restore->beside);
	struct statvfs disk;
	int64_t bytes;
	int rc = 0;

	if (!folder)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (statvfs(dirname(folder), &disk) < 0)
		rc = dro_fail_errno(err, "%s", folder);
	else if ((rc = dro_json_int(restore->manifest->mark, "bytes", 0, &bytes, err)) == 0 &&
		 (uint64_t)disk.f_bavail * disk.f_frsize < (uint64_t)bytes)
		rc = dro_fail(err, DRO_ECONFLICT,
			"the disk is full: %s has %llu MiB free, the backup needs %llu MiB", folder,
			(unsigned long long)((uint64_t)disk.f_bavail * disk.f_frsize >> 20),
			(unsigned long long)((uint64_t)bytes >> 20));
	free(folder);
	return rc;
}

/* An archive may end before its last object does: that one is checked all the same. */
static int drain(const struct agent_source *source, struct dro_error *err)
{
	const void *data;
	size_t length;
	int rc;

	do
		rc = source->read(source->arg, &data, &length, err);
	while (rc == 0 && length > 0);
	return rc;
}

/* The snapshot's files, which are then the server's. */
static int unpack_snapshot(
	struct restore *restore, struct agent_tally *tally, struct dro_error *err)
{
	int rc;

	if ((rc = check_room(restore, err)) < 0)
		return rc;
	if (mkdir(restore->beside, 0700) < 0)
		return dro_fail_errno(err, "%s", restore->beside);
	if ((rc = agent_restic_get(restore->manifest, restore->remote, restore->config,
		     restore->beside, restore->scratch, restore->progress, restore->deadline_ms,
		     err)) < 0)
		return rc;
	return agent_mariadb_tally(tally, restore->beside, err);
}

static int unpack(struct restore *restore, struct agent_tally *tally, struct dro_error *err)
{
	struct agent_fetch *fetch = NULL;
	struct agent_source source;
	int rc;

	if (restore->manifest->kind == DRO_BACKUP_MARIADB)
		return unpack_snapshot(restore, tally, err);
	if ((rc = agent_fetch_new(&fetch, restore->remote, restore->manifest, restore->scratch,
		     restore->progress, restore->deadline_ms, err)) < 0)
		return rc;
	source = agent_fetch_source(fetch);
	if (restore->manifest->kind == DRO_BACKUP_SQLITE)
		rc = agent_unpack_file(restore->beside, &source, tally, err);
	else if (mkdir(restore->beside, 0700) < 0)
		rc = dro_fail_errno(err, "%s", restore->beside);
	else
		rc = agent_unpack_directory(restore->beside, &source, tally, restore->log, err);
	if (rc == 0)
		rc = drain(&source, err);
	agent_fetch_free(fetch);
	return rc;
}

/* The copy says its position itself: it must be the manifest's. */
static int verify_mariadb(struct restore *restore, struct dro_error *err)
{
	struct agent_mariadb_copy *copy = malloc(sizeof(*copy));
	const char *gtid;
	int rc;

	if (!copy)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = dro_json_string_need(restore->manifest->mark, "gtid", &gtid, err)) < 0 ||
		(rc = agent_mariadb_copy_read(copy, restore->beside, err)) < 0)
		goto out;
	if (strcmp(gtid, copy->gtid) != 0)
		rc = dro_fail(err, DRO_ECORRUPT,
			"the data is of %.400s, the backup's mark of %.400s", copy->gtid, gtid);
	else
		rc = agent_mariadb_own(restore->beside, restore->config->owner, err);
	snprintf(restore->restored.gtid, sizeof(restore->restored.gtid), "%s", copy->gtid);
out:
	free(copy);
	return rc;
}

/* Is what was unpacked what the backup's mark says? */
static int verify(struct restore *restore, const struct agent_tally *tally, struct dro_error *err)
{
	int64_t entries, bytes;
	int rc;

	if (restore->manifest->kind == DRO_BACKUP_SQLITE)
		return agent_sqlite_check(
			restore->beside, restore->manifest->mark, restore->deadline_ms, err);
	if ((rc = dro_json_int(restore->manifest->mark, "entries", -1, &entries, err)) < 0 ||
		(rc = dro_json_int(restore->manifest->mark, "bytes", -1, &bytes, err)) < 0)
		return rc;
	if ((entries >= 0 && (uint64_t)entries != tally->entries) ||
		(bytes >= 0 && (uint64_t)bytes != tally->bytes))
		return dro_fail(err, DRO_ECORRUPT,
			"%llu entries with %llu bytes came back, the backup had %lld with %lld",
			(unsigned long long)tally->entries, (unsigned long long)tally->bytes,
			(long long)entries, (long long)bytes);
	return restore->manifest->kind == DRO_BACKUP_MARIADB ? verify_mariadb(restore, err) : 0;
}

static int sync_path(const char *path, bool all, struct dro_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd < 0 || (all ? syncfs(fd) : fsync(fd)) < 0)
		rc = dro_fail_errno(err, "%s", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int remember(struct restore *restore, bool done, struct dro_error *err)
{
	struct agent_restored *restored = &restore->restored;

	snprintf(restored->backup, sizeof(restored->backup), "%s", restore->manifest->id);
	restored->time_ms = restore->manifest->time_ms;
	restored->done = done;
	return agent_restored_write(restore->config->state, restored, err);
}

/* The rename, on disk before it is remembered as done. */
static int put_in_place(struct restore *restore, struct dro_error *err)
{
	char *folder;
	int rc;

	if ((rc = sync_path(restore->beside, restore->manifest->kind != DRO_BACKUP_SQLITE, err)) <
			0 ||
		(rc = check_free(restore, err)) < 0 || (rc = remember(restore, false, err)) < 0)
		return rc;
	if (rename(restore->beside, restore->target) < 0)
		return dro_fail_errno(err, "%s", restore->target);
	folder = strdup(restore->target);
	if (!folder)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	rc = sync_path(dirname(folder), false, err);
	free(folder);
	return rc < 0 ? rc : remember(restore, true, err);
}

static int remove_beside(const struct restore *restore, struct dro_error *err)
{
	agent_sqlite_remove(restore->beside);
	return dro_dir_remove(restore->beside, err);
}

static void tell(void *arg, const char *trouble)
{
	agent_progress_error(arg, trouble, false);
}

static int run(struct restore *restore, struct dro_error *err)
{
	const struct agent_userdata *userdata = restore->userdata;
	struct agent_tally tally;
	int rc;

	agent_progress_state(restore->progress, AGENT_RESTORING);
	if ((rc = check_free(restore, err)) < 0 || (rc = remove_beside(restore, err)) < 0 ||
		(rc = dro_dir_make(restore->scratch, 0700, err)) < 0 ||
		(rc = agent_remote_open(&restore->remote, restore->config, restore->log, err)) <
			0 ||
		(rc = agent_remote_place(restore->remote, userdata->bucket, userdata->prefix,
			 userdata->region, err)) < 0)
		return rc;
	agent_remote_watch(
		restore->remote, (uint64_t)restore->config->store_away_ms, tell, restore->progress);
	if ((rc = get_manifest(restore, err)) < 0)
		return rc;
	agent_progress_backup(restore->progress, userdata->backup, restore->manifest->total);
	if ((rc = unpack(restore, &tally, err)) < 0)
		return rc;
	agent_progress_state(restore->progress, AGENT_VERIFYING);
	if ((rc = verify(restore, &tally, err)) < 0)
		return rc;
	return put_in_place(restore, err);
}

/* 1: it is restored already, 0: it is not, <0: another one is. */
static int was_restored(struct restore *restore, struct dro_error *err)
{
	struct agent_restored *restored = &restore->restored;
	int rc;

	if ((rc = agent_restored_read(restored, restore->config->state, err)) < 0)
		return rc;
	if (!*restored->backup)
		return 0;
	/* The rename took what was unpacked away: where it still is, there was none. */
	if (!restored->done &&
		(access(restore->beside, F_OK) == 0 || access(restore->target, F_OK) < 0)) {
		*restored = (struct agent_restored){0};
		return agent_restored_clear(restore->config->state, err);
	}
	if (strcmp(restored->backup, restore->userdata->backup) != 0)
		return dro_fail(err, DRO_ECONFLICT,
			"this host was made from backup %s: it is not overwritten with %s",
			restored->backup, restore->userdata->backup);
	if (!restored->done) {
		restored->done = true;
		if ((rc = agent_restored_write(restore->config->state, restored, err)) < 0)
			return rc;
	}
	return 1;
}

static int restore_once(struct restore *restore, struct dro_error *err)
{
	const char *id = restore->userdata->backup;
	int rc;

	if ((rc = find_target(restore, err)) < 0 || (rc = was_restored(restore, err)) < 0)
		return rc;
	if (rc == 1) {
		dro_log(restore->log, DRO_LOG_INFO, "backup %s was restored before", id);
		return 0;
	}
	dro_log(restore->log, DRO_LOG_INFO, "restoring backup %s to %s", id, restore->target);
	rc = run(restore, err);
	if (rc < 0)
		remove_beside(restore, NULL);
	else
		dro_log(restore->log, DRO_LOG_INFO, "restored backup %s", id);
	return rc;
}

int agent_restore(const struct agent_config *config, const struct agent_userdata *userdata,
	struct agent_progress *progress, const struct dro_log *log, struct dro_error *err)
{
	struct restore restore = {.config = config,
		.userdata = userdata,
		.progress = progress,
		.log = log,
		.deadline_ms = dro_now_ms() + (uint64_t)config->restore_ms,
		.scratch = dro_path_join(config->state, "restore")};
	int rc;

	if (!restore.scratch)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	agent_progress_backup(progress, userdata->backup, 0);
	if ((rc = dro_dir_make(config->state, 0700, err)) < 0 ||
		(rc = dro_dir_remove(restore.scratch, err)) < 0 ||
		(rc = restore_once(&restore, err)) < 0)
		goto out;
	agent_progress_recovered(progress, restore.restored.time_ms, restore.restored.gtid);
	if (config->source.kind == DRO_BACKUP_MARIADB) {
		agent_progress_state(progress, AGENT_VERIFYING);
		rc = agent_mariadb_first(
			config, userdata, &restore.restored, log, restore.deadline_ms, err);
	}
out:
	agent_remote_close(restore.remote);
	dro_manifest_free(restore.manifest);
	dro_dir_remove(restore.scratch, NULL);
	free(restore.scratch);
	free(restore.beside);
	free(restore.target);
	return rc;
}
