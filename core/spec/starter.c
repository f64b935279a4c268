#include "spec/starter.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

static int refuse_existing(const char *path, struct dro_error *err)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return dro_fail(err, DRO_ECONFLICT,
			"%s is there already: choose another folder, or remove it first", path);
	return 0;
}

static int write_file(const char *path, const struct dro_starter_file *file, struct dro_error *err)
{
	char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
	int rc;

	if (!folder || !slash) {
		free(folder);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	*slash = '\0';
	if ((rc = dro_dir_make(folder, 0755, err)) == 0)
		rc = dro_file_write(path, file->data, file->length, 0644, err);
	free(folder);
	return rc;
}

/* Does `dir` have the file already, or (`write`) put it there. */
static int each(const char *dir, bool write, struct dro_error *err)
{
	const struct dro_starter_file *file;
	int rc = 0;

	for (file = dro_starter_files; file->path && rc == 0; file++) {
		char *path = dro_path_join(dir, file->path);

		if (!path)
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		rc = write ? write_file(path, file, err) : refuse_existing(path, err);
		free(path);
	}
	return rc;
}

int dro_spec_starter(const char *dir, struct dro_error *err)
{
	int rc;

	if (!*dir)
		return dro_fail(err, DRO_EINVAL, "the folder's name is empty");
	rc = each(dir, false, err);
	return rc < 0 ? rc : each(dir, true, err);
}
