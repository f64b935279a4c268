#include "agent/mariadb_backup.h"

#include <errno.h>
#include <fts.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/child.h"
#include "agent/mariadb.h"
#include "base/clock.h"
#include "base/file.h"
#include "net/secret.h"

#define OPTIONS_MAX (2 * DRO_SECRET_MAX_BYTES + 8192)
#define MARGIN (64ull << 20) /* that a copy leaves free: the server shares the disk with it */
#define LOOK_MS 10000

/* ---- a walk of a folder ------------------------------------------------------------------- */

/* Calls `visit` for all below `path`, and for itself last. */
static int walk(const char *path,
	int (*visit)(void *arg, const FTSENT *entry, struct dro_error *err), void *arg,
	struct dro_error *err)
{
	char *copy = strdup(path), *paths[] = {copy, NULL};
	FTS *fts = copy ? fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
	const FTSENT *entry;
	int rc = 0;

	if (!fts) {
		free(copy);
		return dro_fail_errno(err, "%s", path);
	}
	errno = 0;
	while (rc == 0 && (entry = fts_read(fts)) != NULL) {
		if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR ||
			entry->fts_info == FTS_NS) {
			/* What went while we walked needs no room. */
			errno = entry->fts_errno;
			if (errno != ENOENT || entry->fts_level == 0)
				rc = dro_fail_errno(err, "%s", entry->fts_path);
		} else if (entry->fts_info != FTS_D) {
			rc = visit(arg, entry, err);
		}
	}
	fts_close(fts);
	free(copy);
	return rc;
}

static int count(void *arg, const FTSENT *entry, struct dro_error *err)
{
	struct agent_tally *tally = arg;

	(void)err;
	if (entry->fts_level == 0)
		return 0;
	tally->entries++;
	if (entry->fts_info == FTS_F)
		tally->bytes += (uint64_t)entry->fts_statp->st_size;
	return 0;
}

int agent_mariadb_tally(struct agent_tally *out, const char *path, struct dro_error *err)
{
	*out = (struct agent_tally){0};
	return walk(path, count, out, err);
}

static int give_away(void *arg, const FTSENT *entry, struct dro_error *err)
{
	const struct passwd *account = arg;

	if (lchown(entry->fts_path, account->pw_uid, account->pw_gid) < 0)
		return dro_fail_errno(err, "%s", entry->fts_path);
	return 0;
}

int agent_mariadb_own(const char *path, const char *account, struct dro_error *err)
{
	struct passwd found, *result = NULL;
	char text[4096];

	if (geteuid() != 0)
		return 0;
	if (getpwnam_r(account, &found, text, sizeof(text), &result) != 0 || !result)
		return dro_fail(err, DRO_EINVAL, "this host has no account \"%.64s\"", account);
	return walk(path, give_away, &found, err);
}

/* ---- room --------------------------------------------------------------------------------- */

/* "binlog.000042": logs are not copied. */
static bool is_log(const char *name)
{
	const char *end = strrchr(name, '.');

	if (strncmp(name, "ibtmp", 5) == 0)
		return true;
	return end && strlen(end + 1) >= 6 && strspn(end + 1, "0123456789") == strlen(end + 1);
}

static int count_data(void *arg, const FTSENT *entry, struct dro_error *err)
{
	return entry->fts_level == 1 && is_log(entry->fts_name) ? 0 : count(arg, entry, err);
}

static int check_room(const char *from, const char *folder, struct dro_error *err)
{
	struct agent_tally data = {0};
	struct statvfs disk;
	uint64_t free_bytes;
	int rc = walk(from, count_data, &data, err);

	if (rc < 0)
		return rc;
	if (statvfs(folder, &disk) < 0)
		return dro_fail_errno(err, "%s", folder);
	free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (free_bytes < data.bytes + MARGIN)
		return dro_fail(err, DRO_ECONFLICT,
			"%s has %llu MiB free, and a copy of %s needs %llu MiB", folder,
			(unsigned long long)(free_bytes >> 20), from,
			(unsigned long long)((data.bytes + MARGIN) >> 20));
	return 0;
}

/* ---- making one --------------------------------------------------------------------------- */

static void put_option(struct dro_buf *text, const char *name, const char *value)
{
	dro_buf_printf(text, "%s=\"", name);
	for (; *value; value++)
		dro_buf_printf(text, *value == '\\' || *value == '"' ? "\\%c" : "%c", *value);
	dro_buf_puts(text, "\"\n");
}

/* An option file in memory with the account; its descriptor. */
static int make_options(char path[AGENT_CHILD_PATH], const struct agent_database *database,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(OPTIONS_MAX);
	struct dro_secret password = DRO_SECRET_INIT;
	int rc = 0;

	if (database->password.kind != DRO_SECRET_NONE &&
		(rc = dro_secret_resolve(&password, &database->password, NULL, deadline_ms, err)) <
			0)
		return rc;
	dro_buf_puts(&text, "[client]\n");
	put_option(&text, "user", database->user);
	put_option(&text, "socket", database->socket);
	if (password.value)
		put_option(&text, "password", password.value);
	if ((rc = dro_buf_check(&text, err)) == 0)
		rc = agent_child_file(path, text.data, text.length, err);
	if (text.data)
		explicit_bzero(text.data, text.capacity);
	dro_buf_free(&text);
	dro_secret_free(&password);
	return rc;
}

struct making {
	int64_t point_ms; /* our clock, just before the last commits were held up */
	bool full;
};

static void listen(void *arg, const char *line, bool error)
{
	struct making *making = arg;

	(void)error;
	if (strstr(line, "Starting BACKUP STAGE BLOCK_COMMIT"))
		making->point_ms = dro_wall_ms();
	if (strstr(line, "No space left on device"))
		making->full = true;
}

static int run(
	const char *const *argv, struct making *making, uint64_t deadline_ms, struct dro_error *err)
{
	static const char *const env[] = {"LC_ALL=C", NULL};
	int rc = agent_child_run(&(struct agent_child){.argv = argv,
					 .env = env,
					 .line = listen,
					 .arg = making,
					 .stop = -1,
					 .deadline_ms = deadline_ms},
		err);

	return rc < 0 && making->full ? dro_error_context(err, "the disk is full") : rc;
}

/*
 * A server is run on the copy for a moment. Of a replica that applies in parallel the copy can hold
 * transactions that wait to be committed, prepared and in no binary log (MDEV-36025); a server that
 * starts without the log they might be in refuses to. They are taken back, as the replica they came
 * from would have done after a crash. The redo log is small again afterwards, the size of the
 * server's is nothing to be backed up.
 */
static int settle(
	struct making *making, const char *to, uint64_t deadline_ms, struct dro_error *err)
{
	char *defaults = NULL, *data = NULL, *tmp = NULL;
	const char *argv[] = {"mariadbd", NULL, NULL, NULL, "--bootstrap", "--user=root",
		"--tc-heuristic-recover=ROLLBACK", "--innodb-log-file-size=4M",
		"--innodb-buffer-pool-size=64M", "--innodb-buffer-pool-dump-at-shutdown=OFF", NULL};
	int rc = 0;

	if (asprintf(&defaults, "--defaults-file=%s/backup-my.cnf", to) < 0 ||
		asprintf(&data, "--datadir=%s", to) < 0 || asprintf(&tmp, "--tmpdir=%s", to) < 0)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	argv[1] = defaults;
	argv[2] = data;
	argv[3] = tmp;
	if (rc == 0 && (rc = run(argv, making, deadline_ms, err)) < 0)
		dro_error_context(err, "no server can be run on the copy");
	free(defaults);
	free(data);
	free(tmp);
	return rc;
}

/* How far this host is behind its primary, in ms; 0 where it is none's replica. */
static int look_behind(const struct agent_config *config, int64_t *behind_ms, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct agent_mariadb db = {.config = &config->database};
	uint64_t look_ms = dro_now_ms() + LOOK_MS;
	struct agent_replica replica;
	int rc;

	if (look_ms > deadline_ms)
		look_ms = deadline_ms;
	*behind_ms = 0;
	if ((rc = agent_mariadb_begin(&db, look_ms, err)) == 0 &&
		(rc = agent_mariadb_replica(&db, &replica, look_ms, err)) == 0 &&
		replica.configured) {
		if (!replica.io || !replica.sql || replica.lag < 0)
			rc = dro_fail(err, DRO_ECONFLICT,
				"replication from %s:%lld is broken, so nobody knows how old the "
				"data here is: %.200s%.200s",
				replica.host, (long long)replica.port, replica.io_error,
				replica.sql_error);
		else
			*behind_ms = replica.lag * 1000;
	}
	agent_mariadb_drop(&db);
	return rc;
}

static int copy(struct making *making, const struct agent_config *config, const char *to,
	uint64_t deadline_ms, struct dro_error *err)
{
	char options[AGENT_CHILD_PATH], defaults[AGENT_CHILD_PATH + 32];
	char *from = NULL, *target = NULL;
	const char *backup[] = {
		"mariadb-backup", defaults, "--backup", NULL, NULL, "--slave-info", NULL};
	const char *prepare[] = {"mariadb-backup", "--no-defaults", "--prepare", NULL, NULL};
	int fd = -1, rc;

	if (asprintf(&from, "--datadir=%s", config->source.path) < 0 ||
		asprintf(&target, "--target-dir=%s", to) < 0) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	backup[3] = from;
	backup[4] = prepare[3] = target;
	if ((rc = fd = make_options(options, &config->database, deadline_ms, err)) < 0)
		goto out;
	snprintf(defaults, sizeof(defaults), "--defaults-file=%s", options);
	if ((rc = run(backup, making, deadline_ms, err)) == 0 &&
		(rc = agent_mariadb_copy_complete(to, config, deadline_ms, err)) == 0 &&
		(rc = run(prepare, making, deadline_ms, err)) == 0)
		rc = settle(making, to, deadline_ms, err);
out:
	if (fd >= 0)
		close(fd);
	free(from);
	free(target);
	return rc;
}

int agent_mariadb_copy(struct agent_mariadb_copy *out, const struct agent_config *config,
	const char *to, const struct dro_log *log, uint64_t deadline_ms, struct dro_error *err)
{
	/* Where no line tells the moment, the beginning is one that is not too late. */
	struct making making = {.point_ms = dro_wall_ms()};
	int64_t before_ms, after_ms;
	char *folder = strdup(to), *end = folder ? strrchr(folder, '/') : NULL;
	int rc;

	if (!end) {
		free(folder);
		return dro_fail(err, DRO_EINVAL, "%s is no absolute path", to);
	}
	*end = '\0';
	if ((rc = check_room(config->source.path, folder, err)) < 0 ||
		(rc = look_behind(config, &before_ms, deadline_ms, err)) < 0 ||
		(rc = copy(&making, config, to, deadline_ms, err)) < 0 ||
		(rc = look_behind(config, &after_ms, deadline_ms, err)) < 0 ||
		(rc = agent_mariadb_copy_read(out, to, err)) < 0)
		goto out;
	out->time_ms = making.point_ms - (before_ms > after_ms ? before_ms : after_ms);
	dro_log(log, DRO_LOG_INFO, "copied %llu MiB of MariaDB %s at %s",
		(unsigned long long)(out->tally.bytes >> 20), out->version,
		*out->gtid ? out->gtid : "no position yet");
out:
	free(folder);
	return rc;
}
