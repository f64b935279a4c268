#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "repo/repo.h"
#include "repo/select.h"

struct walk {
	struct dro_tree *tree;
	size_t entries;
	bool all;
};

static enum repo_kind kind_of(const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return REPO_FILE;
	if (S_ISDIR(st->st_mode))
		return REPO_FOLDER;
	return S_ISLNK(st->st_mode) ? REPO_LINK : REPO_OTHER;
}

static int walk_dir(struct walk *walk, const char *dir, const char *below, struct dro_error *err);

static int take_file(struct walk *walk, const char *file, const char *path, struct dro_error *err)
{
	struct dro_buf data = DRO_BUF_INIT(DRO_TREE_FILE_MAX);
	int rc;

	if ((rc = dro_file_read(&data, file, err)) == 0)
		rc = dro_tree_add(walk->tree, path, dro_buf_str(&data), data.length, err);
	dro_buf_free(&data);
	return rc;
}

static int take(struct walk *walk, const char *dir, const char *below, const char *name,
	struct dro_error *err)
{
	char *file = dro_path_join(dir, name), *path = repo_join(below, name);
	enum repo_kind kind;
	struct stat st;
	int rc;

	if (!file || !path) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if (lstat(file, &st) < 0) {
		rc = dro_fail_errno(err, "%s", file);
		goto out;
	}
	kind = kind_of(&st);
	if ((rc = repo_select(path, kind, walk->all, err)) < 0)
		dro_error_context(err, "%s", walk->tree->origin);
	else if (rc > 0)
		rc = kind == REPO_FOLDER ? walk_dir(walk, file, path, err)
					 : take_file(walk, file, path, err);
out:
	free(file);
	free(path);
	return rc;
}

static int walk_dir(struct walk *walk, const char *dir, const char *below, struct dro_error *err)
{
	struct dirent *entry;
	DIR *stream = opendir(dir);
	int rc = 0;

	if (!stream)
		return dro_fail_errno(err, "%s", dir);
	while (rc == 0 && (errno = 0, entry = readdir(stream))) {
		if (entry->d_name[0] == '.')
			continue;
		if ((rc = repo_count(&walk->entries, err)) == 0)
			rc = take(walk, dir, below, entry->d_name, err);
	}
	if (rc == 0 && errno)
		rc = dro_fail_errno(err, "%s", dir);
	closedir(stream);
	return rc;
}

static int read_dir(const char *dir, bool all, struct dro_tree **out, struct dro_error *err)
{
	size_t length = strlen(dir);
	char *origin = length && dir[length - 1] == '/' ? strdup(dir) : dro_path_join(dir, "");
	struct walk walk = {.all = all};
	int rc;

	if (!origin)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = dro_tree_new(&walk.tree, "", origin, err)) < 0 ||
		(rc = walk_dir(&walk, dir, "", err)) < 0)
		goto out;
	repo_sort(walk.tree);
	*out = walk.tree;
	walk.tree = NULL;
out:
	dro_tree_free(walk.tree);
	free(origin);
	return rc;
}

int dro_repo_read_dir(const char *dir, struct dro_tree **out, struct dro_error *err)
{
	return read_dir(dir, false, out, err);
}

int dro_repo_read_dir_all(const char *dir, struct dro_tree **out, struct dro_error *err)
{
	return read_dir(dir, true, out, err);
}
