#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/uri.h"
#include "store/fault.h"

#define DATABASE "drorch.db"
#define TEXT_MAX (64 << 20) /* of one value: a plan of a large service is some MiB */

int store_fail(struct dro_store *store, struct dro_error *err)
{
	const char *text = sqlite3_errmsg(store->db);

	switch (sqlite3_errcode(store->db)) {
	case SQLITE_NOMEM:
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return dro_fail(
			err, DRO_EAGAIN, "%s: another process keeps it locked", store->path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return dro_fail(err, DRO_ECORRUPT,
			"%s is damaged (%s): stop drorch, keep a copy of the folder, then put back "
			"a backup of it or what `sqlite3 %s .recover` saves",
			store->path, text, DATABASE);
	case SQLITE_TOOBIG:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return dro_fail(err, DRO_EINVAL, "%s: %s", store->path, text);
	default: /* full, I/O error, cannot open, read-only */
		return dro_fail(err, DRO_EIO, "%s: %s", store->path, text);
	}
}

static int sync_failed(const struct dro_store *store, struct dro_error *err)
{
	return dro_fail(err, DRO_EIO,
		"%s: what was written is not on the disk: the disk is full or broken", store->path);
}

/* In WAL mode NORMAL is FULL without the sync at each commit. What comes later is never on the disk
 * before what came earlier. */
static int begin(struct dro_store *store, bool soon, struct dro_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&store->lock);
	if (store->lost)
		rc = sync_failed(store, err);
	else if (store->soon != soon)
		rc = store_run(store, err,
			soon ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL", "");
	if (rc == 0) {
		store->soon = soon;
		rc = store_run(store, err, "BEGIN IMMEDIATE", "");
	}
	if (rc < 0)
		pthread_mutex_unlock(&store->lock);
	return rc;
}

int store_begin(struct dro_store *store, struct dro_error *err)
{
	return begin(store, false, err);
}

int store_begin_soon(struct dro_store *store, struct dro_error *err)
{
	return begin(store, true, err);
}

int store_end(struct dro_store *store, int rc, struct dro_error *err)
{
	if (rc == 0 && dro_fail_point())
		rc = dro_fail(err, DRO_EIO, "%s: database or disk is full", store->path);
	if (rc == 0)
		rc = store_run(store, err, "COMMIT", "");
	if (rc == 0) {
		store->version++;
		store->behind = store->behind || store->soon;
	} else if (!sqlite3_get_autocommit(store->db)) { /* some failures roll back by themselves */
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	}
	pthread_mutex_unlock(&store->lock);
	return rc;
}

/* By SQLite's own handle, which knows whether the log's place in its folder is to be synced too. */
static bool sync_log(struct dro_store *store)
{
	sqlite3_file *log = NULL;

	return !dro_fail_point() &&
	       sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER,
		       (void *)&log) == SQLITE_OK &&
	       log && log->pMethods && log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) == SQLITE_OK;
}

int dro_store_sync(struct dro_store *store, struct dro_error *err)
{
	int rc;

	pthread_mutex_lock(&store->lock);
	store->lost = store->lost || (store->behind && !sync_log(store));
	store->behind = false;
	rc = store->lost ? sync_failed(store, err) : 0;
	pthread_mutex_unlock(&store->lock);
	return rc;
}

/*
 * The file is made here and not by SQLite, for its mode. Never opened when it is there: closing it
 * would drop the POSIX locks that another handle of this process has on it.
 */
static int create(const char *dir, const char *path, struct dro_error *err)
{
	int fd, rc;

	if (access(path, F_OK) == 0)
		return 0;
	if ((rc = dro_dir_make(dir, 0700, err)) < 0)
		return rc;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno != EEXIST)
		return dro_fail_errno(err, "%s", path);
	if (fd >= 0)
		close(fd);
	return 0;
}

static int connect_file(struct dro_store *store, const char *name, int flags, struct dro_error *err)
{
	int rc = sqlite3_open_v2(
		name, &store->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);

	if (!store->db)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (rc != SQLITE_OK)
		return store_fail(store, err);
	sqlite3_busy_timeout(store->db, BUSY_MS);
	sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH, TEXT_MAX);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	if (sqlite3_exec(store->db,
		    "PRAGMA cache_size = -512; PRAGMA mmap_size = 0; PRAGMA synchronous = FULL;",
		    NULL, NULL, NULL) != SQLITE_OK)
		return store_fail(store, err);
	return store_schema(store, flags & SQLITE_OPEN_READONLY, err);
}

/*
 * A database in WAL mode wants a file beside it even for reading. On a disk that turned read-only
 * there is none to be had; nothing can change there either, so that it may be read as it lies.
 */
static int connect_immutable(struct dro_store *store, struct dro_error *err)
{
	struct dro_buf name = DRO_BUF_INIT(16384);
	char *log = NULL;
	int rc;

	if (asprintf(&log, "%s-wal", store->path) < 0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	rc = access(log, F_OK) == 0 ? DRO_EIO : 0; /* it holds changes: `err` says what failed */
	free(log);
	if (rc < 0)
		return rc;
	store_forget_statements(store);
	sqlite3_close(store->db);
	store->db = NULL;
	dro_buf_puts(&name, "file:");
	dro_uri_encode(&name, store->path);
	dro_buf_puts(&name, "?immutable=1");
	if ((rc = dro_buf_check(&name, err)) == 0)
		rc = connect_file(
			store, dro_buf_str(&name), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
	dro_buf_free(&name);
	return rc;
}

int dro_store_open(struct dro_store **out, const char *dir, bool read_only, struct dro_error *err)
{
	struct dro_store *store = calloc(1, sizeof(*store));
	pthread_mutexattr_t recursive;
	int rc;

	if (!store)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&store->lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	if (!(store->path = dro_path_join(dir, DATABASE))) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if (read_only && access(store->path, F_OK) < 0) {
		rc = dro_fail_errno(err, "%s", store->path);
		goto out;
	}
	if (!read_only && (rc = create(dir, store->path, err)) < 0)
		goto out;
	rc = connect_file(
		store, store->path, read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, err);
	if (rc == DRO_EIO && read_only && access(dir, W_OK) < 0)
		rc = connect_immutable(store, err);
	if (rc < 0)
		goto out;
	*out = store;
	store = NULL;
out:
	dro_store_close(store);
	return rc;
}

void dro_store_close(struct dro_store *store)
{
	if (!store)
		return;
	store_forget_statements(store);
	sqlite3_finalize(store->data_version);
	sqlite3_close(store->db);
	pthread_mutex_destroy(&store->lock);
	free(store->path);
	free(store);
}

int dro_store_version(struct dro_store *store, uint64_t *version, struct dro_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&store->lock);
	if (!store->data_version)
		rc = store_query(store, &store->data_version, err, "PRAGMA data_version", "");
	if (rc == 0 && (rc = store_next(store, store->data_version, err)) > 0) {
		int64_t now = sqlite3_column_int64(store->data_version, 0);

		/* It tells of other connections only; store_end counts our own. */
		if (now != store->seen)
			store->version++;
		store->seen = now;
		*version = store->version;
		rc = 0;
	}
	sqlite3_reset(store->data_version);
	pthread_mutex_unlock(&store->lock);
	return rc;
}
