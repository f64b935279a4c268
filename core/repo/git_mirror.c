#include "repo/git.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"

#define REF_PREFIX "refs/drorch/"

int git_mirror_open(git_repository **out, const char *path, struct dro_error *err)
{
	int rc;

	if (access(path, F_OK) < 0)
		return errno == ENOENT
			       ? dro_fail(err, DRO_ENOTFOUND, "%s: there is no mirror yet", path)
			       : dro_fail_errno(err, "%s", path);
	if ((rc = git_repository_open_bare(out, path)) < 0) {
		git_fail(err, rc, "%s is damaged (remove it, it is fetched again)", path);
		return err->code = DRO_ECORRUPT;
	}
	return 0;
}

/* Made under another name: one that was killed half-way is never taken for a mirror. */
static int make(const char *path, struct dro_error *err)
{
	git_repository *repo = NULL;
	char *fresh = NULL;
	int rc;

	if (asprintf(&fresh, "%s.new", path) < 0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = dro_dir_remove(fresh, err)) < 0 || (rc = dro_dir_make(fresh, 0700, err)) < 0)
		goto out;
	if ((rc = git_repository_init(&repo, fresh, 1)) < 0) {
		rc = git_fail(err, rc, "%s", fresh);
		goto out;
	}
	if (rename(fresh, path) < 0)
		rc = dro_fail_errno(err, "%s", path);
out:
	git_repository_free(repo);
	free(fresh);
	return rc;
}

static void remove_from(const char *path, const char *folder, const char *prefix)
{
	char name[4096];
	struct dirent *entry;
	DIR *stream;

	snprintf(name, sizeof(name), "%s/%s", path, folder);
	if (!(stream = opendir(name)))
		return;
	while ((entry = readdir(stream)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			unlinkat(dirfd(stream), entry->d_name, 0);
	closedir(stream);
}

/* What a killed predecessor left behind would stop us, or fill the disk. */
static void clean(const char *path)
{
	char name[4096];

	remove_from(path, "objects/pack", "pack_git2_");
	snprintf(name, sizeof(name), "%s/" REF_PREFIX "fetched.lock", path);
	unlink(name);
	snprintf(name, sizeof(name), "%s/" REF_PREFIX "good.lock", path);
	unlink(name);
}

static int take_lock(int *lock, const char *path, struct dro_error *err)
{
	char *name = NULL, *slash;
	int rc = 0;

	if (asprintf(&name, "%s.lock", path) < 0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	slash = strrchr(name, '/');
	if (slash && slash != name) {
		*slash = '\0';
		rc = dro_dir_make(name, 0700, err);
		*slash = '/';
	}
	if (rc == 0) {
		*lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		/* Who started us ends the wait. */
		if (*lock < 0 || flock(*lock, LOCK_EX) < 0)
			rc = dro_fail_errno(err, "%s", name);
	}
	free(name);
	return rc;
}

int git_mirror_lock(git_repository **out, int *lock, const char *path, struct dro_error *err)
{
	int rc;

	if (strlen(path) > 3900)
		return dro_fail(err, DRO_EINVAL, "the mirror's path is too long");
	if ((rc = take_lock(lock, path, err)) < 0)
		return rc;
	if (access(path, F_OK) < 0 && (rc = make(path, err)) < 0)
		return rc;
	clean(path);
	return git_mirror_open(out, path, err);
}

int git_mirror_keep(
	git_repository *repo, const char *name, const git_oid *commit, struct dro_error *err)
{
	git_reference *ref = NULL;
	char full[64];
	int rc;

	snprintf(full, sizeof(full), REF_PREFIX "%s", name);
	rc = git_reference_create(&ref, repo, full, commit, 1, NULL);
	git_reference_free(ref);
	return rc < 0 ? git_fail(err, rc, "%s", full) : 0;
}
