#include "repo/select.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length > tail && strcmp(text + length - tail, end) == 0;
}

/* Is it `folder`, or something below it? */
static bool is_within(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) == 0 && (!path[length] || path[length] == '/');
}

static bool is_spec(const char *path)
{
	return ends_with(path, ".yaml") || ends_with(path, ".yml") ||
	       (is_within(path, "pages") && path[strlen("pages")]);
}

static int depth_of(const char *path)
{
	int depth = 1;

	for (; *path; path++)
		depth += *path == '/';
	return depth;
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

int repo_select(const char *path, enum repo_kind kind, bool all, struct dro_error *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	if (!*name || *name == '.')
		return 0;
	if (kind == REPO_FOLDER) {
		if (depth_of(path) > REPO_DEPTH_MAX)
			return dro_fail(err, DRO_EINVAL, "%s: more than %d folders deep", path,
				REPO_DEPTH_MAX);
		return 1;
	}
	if (!all && !is_spec(path) &&
		(kind == REPO_FILE || (!is_within(path, "services") && !is_within(path, "pages"))))
		return 0;
	if (has_control(path))
		return dro_fail(err, DRO_EINVAL, "a file's name has control characters in it");
	switch (kind) {
	case REPO_LINK:
		return dro_fail(
			err, DRO_EINVAL, "%s: a symbolic link; only regular files are read", path);
	case REPO_MODULE:
		return dro_fail(
			err, DRO_EINVAL, "%s: a submodule; only regular files are read", path);
	case REPO_OTHER:
		return dro_fail(err, DRO_EINVAL, "%s: not a regular file", path);
	default:
		return 1;
	}
}

static int compare(const void *a, const void *b)
{
	const struct dro_tree_file *left = a, *right = b;

	return strcmp(left->path, right->path);
}

void repo_sort(struct dro_tree *tree)
{
	if (tree->file_count > 1)
		qsort(tree->files, tree->file_count, sizeof(tree->files[0]), compare);
}

int repo_count(size_t *entries, struct dro_error *err)
{
	if (++*entries > REPO_ENTRIES_MAX)
		return dro_fail(err, DRO_EINVAL, "more than %d files", REPO_ENTRIES_MAX);
	return 0;
}

char *repo_join(const char *dir, const char *name)
{
	return *dir ? dro_path_join(dir, name) : strdup(name);
}
