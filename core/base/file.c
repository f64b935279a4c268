#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int dro_file_read(struct dro_buf *out, const char *path, struct dro_error *err)
{
	char chunk[16384];
	struct stat st;
	ssize_t got;
	int fd, rc = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return dro_fail_errno(err, "%s", path);
	if (fstat(fd, &st) < 0) {
		rc = dro_fail_errno(err, "%s", path);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		rc = dro_fail(err, DRO_EINVAL, "%s: not a regular file", path);
		goto out;
	}
	while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			rc = dro_fail_errno(err, "%s", path);
			goto out;
		}
		dro_buf_append(out, chunk, (size_t)got);
		if ((rc = dro_buf_check(out, err)) < 0) {
			dro_error_context(err, "%s", path);
			goto out;
		}
	}
out:
	close(fd);
	return rc;
}

int dro_write_all(int fd, const void *data, size_t length, struct dro_error *err)
{
	const char *next = data;

	while (length > 0) {
		ssize_t put = write(fd, next, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return dro_fail_errno(err, "write");
		next += put;
		length -= (size_t)put;
	}
	return 0;
}

/* A rename is only as durable as the folder that records it. */
static int sync_parent(const char *path, struct dro_error *err)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	int fd, rc = 0;

	if (!dir)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		rc = dro_fail_errno(err, "%s", dir);
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}

int dro_file_write(
	const char *path, const void *data, size_t length, mode_t mode, struct dro_error *err)
{
	char *temporary = NULL;
	int fd = -1, rc;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		rc = dro_fail_errno(err, "%s", temporary);
		free(temporary);
		return rc;
	}
	if ((rc = dro_write_all(fd, data, length, err)) < 0)
		goto out;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0) {
		rc = dro_fail_errno(err, "%s", path);
		goto out;
	}
	rc = sync_parent(path, err);
out:
	close(fd);
	if (rc < 0)
		unlink(temporary);
	free(temporary);
	return rc;
}

int dro_dir_make(const char *path, mode_t mode, struct dro_error *err)
{
	char *copy = strdup(path), *slash;
	struct stat st;
	int rc = 0;

	if (!copy)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (slash = copy + 1; *copy && (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			rc = dro_fail_errno(err, "%s", copy);
		*slash = '/';
		if (rc < 0)
			goto out;
	}
	if (mkdir(copy, mode) == 0)
		goto out;
	if (errno != EEXIST)
		rc = dro_fail_errno(err, "%s", copy);
	else if (stat(copy, &st) < 0 || !S_ISDIR(st.st_mode))
		rc = dro_fail(err, DRO_EINVAL, "%s: not a folder", copy);
out:
	free(copy);
	return rc;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	(void)st;
	(void)kind;
	(void)walk;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int dro_dir_remove(const char *path, struct dro_error *err)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
		return dro_fail_errno(err, "%s", path);
	return 0;
}

bool dro_file_beside(struct dro_buf *out, const char *path)
{
	char self[PATH_MAX], there[2 * PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (length <= 0)
		return false;
	self[length] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = '\0';
	if ((size_t)snprintf(there, sizeof(there), "%s/%s", self, path) >= sizeof(there) ||
		access(there, F_OK) < 0)
		return false;
	dro_buf_puts(out, there);
	return true;
}

char *dro_path_join(const char *dir, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}
