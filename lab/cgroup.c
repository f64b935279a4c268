#include "lab/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"

#define ROOT "/sys/fs/cgroup"
#define DEPTH_MAX 32
#define SETTLE_MS 2000

static bool is_v2(const char *path)
{
	struct statfs about;

	return statfs(path, &about) == 0 && (unsigned long)about.f_type == CGROUP2_SUPER_MAGIC;
}

static bool is_pure(void)
{
	return is_v2(ROOT);
}

/* The hierarchies that count; those of v1's controllers are nobody's here. */
static const char *const *hierarchies(void)
{
	static const char *const pure[] = {ROOT, NULL};
	static const char *const hybrid[] = {ROOT "/systemd", ROOT "/unified", NULL};

	return is_pure() ? pure : hybrid;
}

static char *path_of(const char *hierarchy, const char *name, const char *file)
{
	struct dro_buf path = DRO_BUF_INIT(4096);

	dro_buf_printf(&path, "%s/%s%s%s", hierarchy, name, file ? "/" : "", file ? file : "");
	return dro_buf_take(&path);
}

static int write_word(const char *path, const char *word, struct dro_error *err)
{
	int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -1, rc = 0;

	if (fd < 0)
		return dro_fail_errno(err, "%s", path ? path : "cgroup");
	if (write(fd, word, strlen(word)) < 0)
		rc = dro_fail_errno(err, "%s", path);
	close(fd);
	return rc;
}

int lab_cgroup_make(const char *name, struct dro_error *err)
{
	const char *const *hierarchy;
	int rc = 0;

	for (hierarchy = hierarchies(); *hierarchy && rc == 0; hierarchy++) {
		char *path = path_of(*hierarchy, name, NULL);

		if (!path)
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		if (access(*hierarchy, F_OK) == 0 && mkdir(path, 0755) < 0 && errno != EEXIST)
			rc = dro_fail_errno(err, "%s", path);
		free(path);
	}
	return rc;
}

int lab_cgroup_join(const char *name, struct dro_error *err)
{
	const char *const *hierarchy;
	int rc = 0;

	for (hierarchy = hierarchies(); *hierarchy && rc == 0; hierarchy++) {
		char *path = path_of(*hierarchy, name, "cgroup.procs");

		if (access(*hierarchy, F_OK) == 0)
			rc = write_word(path, "0", err);
		free(path);
	}
	return rc;
}

static char *v2_path(const char *name, const char *file)
{
	const char *hierarchy = is_pure() ? ROOT : ROOT "/unified";

	return is_v2(hierarchy) ? path_of(hierarchy, name, file) : NULL;
}

/* Of cgroup.events: "frozen 1". */
static bool stands_still(const char *name)
{
	char *path = v2_path(name, "cgroup.events");
	struct dro_buf text = DRO_BUF_INIT(4096);
	bool still = path && dro_file_read(&text, path, NULL) == 0 &&
		     strstr(dro_buf_str(&text), "frozen 1");

	dro_buf_free(&text);
	free(path);
	return still;
}

bool lab_cgroup_is_frozen(const char *name)
{
	char *path = v2_path(name, "cgroup.freeze");
	struct dro_buf text = DRO_BUF_INIT(64);
	bool frozen = path && dro_file_read(&text, path, NULL) == 0 && *dro_buf_str(&text) == '1';

	dro_buf_free(&text);
	free(path);
	return frozen;
}

int lab_cgroup_freeze(const char *name, bool frozen, struct dro_error *err)
{
	uint64_t until = dro_now_ms() + SETTLE_MS;
	char *path = v2_path(name, "cgroup.freeze");
	int rc;

	if (!path)
		return dro_fail(err, DRO_EUNSUPPORTED, "freezing needs cgroup v2");
	rc = write_word(path, frozen ? "1" : "0", err);
	free(path);
	while (rc == 0 && stands_still(name) != frozen) {
		if (dro_now_ms() > until)
			return dro_fail(err, DRO_ETIMEDOUT, "not all of it stands still");
		dro_clock_real.sleep_ms(&dro_clock_real, 2);
	}
	return rc;
}

/* Deepest first; false: something is alive in it. */
static bool remove_tree(const char *path, int depth)
{
	DIR *dir = depth < DEPTH_MAX ? opendir(path) : NULL;
	struct dirent *entry;
	bool all = true;

	if (!dir)
		return errno == ENOENT;
	while ((entry = readdir(dir))) {
		char *below;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		below = dro_path_join(path, entry->d_name);
		all = below && remove_tree(below, depth + 1) && all;
		free(below);
	}
	closedir(dir);
	return (rmdir(path) == 0 || errno == ENOENT) && all;
}

void lab_cgroup_remove(const char *name)
{
	uint64_t until = dro_now_ms() + SETTLE_MS;
	const char *const *hierarchy;
	char *freeze = v2_path(name, "cgroup.freeze");

	/* Who waits in there for a process that has died must be able to see it. */
	if (freeze)
		write_word(freeze, "0", NULL);
	free(freeze);
	for (hierarchy = hierarchies(); *hierarchy; hierarchy++) {
		char *path = path_of(*hierarchy, name, NULL);

		while (path && !remove_tree(path, 0) && dro_now_ms() < until)
			dro_clock_real.sleep_ms(&dro_clock_real, 5);
		free(path);
	}
}
