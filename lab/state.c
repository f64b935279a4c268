#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/internal.h"

#define STATE_MAX (64u << 20)

static char *state_path(const struct lab *lab, const char *name, const char *suffix)
{
	struct dro_buf path = DRO_BUF_INIT(4096);

	dro_buf_printf(&path, "%s/state/%s%s", lab->config.dir, name, suffix);
	return dro_buf_take(&path);
}

/* No fsync: the lab promises to survive its own death, not the computer's, and must answer fast. */
static int replace(
	const char *temporary, const char *path, const struct dro_buf *text, struct dro_error *err)
{
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), rc;

	if (fd < 0)
		return dro_fail_errno(err, "%s", temporary);
	rc = dro_write_all(fd, text->data, text->length, err);
	if (close(fd) < 0 && rc == 0)
		rc = dro_fail_errno(err, "%s", temporary);
	if (rc == 0 && rename(temporary, path) < 0)
		rc = dro_fail_errno(err, "%s", path);
	if (rc < 0)
		unlink(temporary);
	return rc;
}

int lab_state_save(
	const struct lab *lab, const char *name, const cJSON *json, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(STATE_MAX);
	char random[9];
	struct dro_buf suffix = DRO_BUF_INIT(32);
	char *path = state_path(lab, name, ".json"), *temporary = NULL;
	int rc;

	dro_random_id(random, 8);
	dro_buf_printf(&suffix, ".%s.new", random);
	temporary = state_path(lab, name, dro_buf_str(&suffix));
	dro_json_print(&text, json);
	dro_buf_puts(&text, "\n");
	if (!path || !temporary)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else if ((rc = dro_buf_check(&text, err)) == 0)
		rc = replace(temporary, path, &text, err);
	dro_buf_free(&text);
	dro_buf_free(&suffix);
	free(path);
	free(temporary);
	return rc;
}

int lab_state_load(const struct lab *lab, const char *name, cJSON **out, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(STATE_MAX);
	char *path = state_path(lab, name, ".json");
	int rc;

	*out = NULL;
	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	rc = dro_file_read(&text, path, err);
	if (rc == 0)
		rc = dro_json_parse(out, text.data, text.length, STATE_MAX, err);
	else if (rc == DRO_ENOTFOUND)
		rc = 0;
	if (rc < 0)
		dro_error_context(err, "%s", path);
	dro_buf_free(&text);
	free(path);
	return rc;
}

int lab_state_remove(const struct lab *lab, const char *name, struct dro_error *err)
{
	char *path = state_path(lab, name, ".json");
	int rc = 0;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (unlink(path) < 0 && errno != ENOENT)
		rc = dro_fail_errno(err, "%s", path);
	free(path);
	return rc;
}

static int load_one(const struct lab *lab, const char *file,
	int (*each)(void *arg, const cJSON *json, struct dro_error *err), void *arg,
	struct dro_error *err)
{
	char *name = strndup(file, strlen(file) - strlen(".json"));
	cJSON *json = NULL;
	int rc;

	if (!name)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	rc = lab_state_load(lab, name, &json, err);
	if (rc == 0 && json)
		rc = each(arg, json, err);
	if (rc < 0)
		dro_error_context(err, "state %s", name);
	cJSON_Delete(json);
	free(name);
	return rc;
}

int lab_state_each(const struct lab *lab, const char *prefix,
	int (*each)(void *arg, const cJSON *json, struct dro_error *err), void *arg,
	struct dro_error *err)
{
	char *folder = dro_path_join(lab->config.dir, "state");
	DIR *dir = folder ? opendir(folder) : NULL;
	struct dirent *entry;
	int rc = 0;

	free(folder);
	if (!dir)
		return dro_fail_errno(err, "state folder");
	while (rc == 0 && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);

		if (length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0 &&
			strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			rc = load_one(lab, entry->d_name, each, arg, err);
	}
	closedir(dir);
	return rc;
}
