#include "lab/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/cgroup.h"
#include "lab/process.h"

#define MARK_MAX 65536
#define LAYERS_MAX 32
#define BEGIN_MS 30000
#define ANSWER_MS 5000

bool lab_image_is_machine(const char *folder)
{
	char *mark = dro_path_join(folder, LAB_MACHINE_MARK);
	bool there = mark && access(mark, F_OK) == 0;

	free(mark);
	return there;
}

static int check_layer(const char *path, struct dro_error *err)
{
	struct stat about;

	/* overlayfs separates by them, and a path of the host is meant. */
	if (*path != '/' || strpbrk(path, ":,\\"))
		return dro_fail(
			err, DRO_EINVAL, "a layer is a whole path without : , \\: %s", path);
	if (stat(path, &about) < 0 || !S_ISDIR(about.st_mode))
		return dro_fail(err, DRO_EINVAL, "the layer %s is not there", path);
	return 0;
}

int lab_machine_layers(const char *folder, struct dro_buf *out, struct dro_error *err)
{
	char *mark = dro_path_join(folder, LAB_MACHINE_MARK), *line, *rest;
	struct dro_buf text = DRO_BUF_INIT(MARK_MAX);
	int count = 0, rc;

	rc = mark ? dro_file_read(&text, mark, err) : dro_fail(err, DRO_ENOMEM, "out of memory");
	rest = rc == 0 ? text.data : NULL;
	while (rc == 0 && (line = strsep(&rest, "\n"))) {
		if (!*line || *line == '#')
			continue;
		if (strncmp(line, "layer ", 6) != 0 || count == LAYERS_MAX)
			rc = dro_fail(err, DRO_EINVAL, "%s: not a layer: %.100s", mark, line);
		else if ((rc = check_layer(line + 6, err)) == 0)
			dro_buf_printf(out, "%s%s", count++ ? ":" : "", line + 6);
	}
	if (rc == 0 && count == 0)
		rc = dro_fail(err, DRO_EINVAL, "%s: no \"layer PATH\" in it", mark);
	if (rc == 0)
		rc = dro_buf_check(out, err);
	dro_buf_free(&text);
	free(mark);
	return rc;
}

int lab_machine_folder(const char *disk, const char *path, bool make)
{
	char *copy = strdup(path), *rest = copy, *name;
	int fd = copy ? open(disk, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, below;

	while (fd >= 0 && (name = strsep(&rest, "/"))) {
		bool made = make && mkdirat(fd, name, 0755) == 0;

		below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0 && made)
			fchmod(below, 0755); /* whatever our umask is */
		close(fd);
		fd = below;
	}
	free(copy);
	return fd;
}

void lab_machine_group(pid_t keeper, char out[LAB_MACHINE_GROUP])
{
	snprintf(out, LAB_MACHINE_GROUP, "drorch-lab-%d", (int)keeper);
}

static bool same_program(pid_t a, pid_t b)
{
	char path[64];
	struct stat one, two;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)a);
	if (stat(path, &one) < 0)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)b);
	return stat(path, &two) < 0 || (one.st_dev == two.st_dev && one.st_ino == two.st_ino);
}

/* Keeper, process 1 around it, nspawn, init: only when it is another program it has its root. */
pid_t lab_machine_init(pid_t keeper)
{
	pid_t around = lab_process_child(keeper);
	pid_t nspawn = around ? lab_process_child(around) : 0;
	pid_t init = nspawn ? lab_process_child(nspawn) : 0;

	return init && !same_program(init, nspawn) ? init : 0;
}

/* Before that, systemctl has nobody to talk to; another init than systemd never does. */
static void wait_for_systemd(pid_t keeper, uint64_t start, pid_t init)
{
	uint64_t until = dro_now_ms() + ANSWER_MS;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root/run/systemd/private", (int)init);
	while (access(path, F_OK) < 0 && dro_now_ms() < until && lab_process_alive(keeper, start))
		dro_clock_real.sleep_ms(&dro_clock_real, 20);
}

int lab_machine_enter(pid_t keeper, char *command)
{
	static char target[32];
	char group[LAB_MACHINE_GROUP], inside[LAB_MACHINE_GROUP + 16];
	char *words[] = {"nsenter", "--target", target, "--mount", "--uts", "--ipc", "--net",
		"--pid", "--root", "--wd", "--", "/bin/sh", "-c", command, NULL};
	uint64_t until = dro_now_ms() + BEGIN_MS, start = lab_process_start(keeper);
	struct dro_error err = DRO_ERROR_INIT;
	pid_t init;

	while (!(init = lab_machine_init(keeper)) && dro_now_ms() < until &&
		lab_process_alive(keeper, start))
		dro_clock_real.sleep_ms(&dro_clock_real, 20);
	if (!init) {
		fprintf(stderr, "drorch-lab: its init does not run\n");
		return 1;
	}
	wait_for_systemd(keeper, start, init);
	snprintf(target, sizeof(target), "%d", (int)init);
	lab_machine_group(keeper, group);
	snprintf(inside, sizeof(inside), "%s/sh", group);
	/* It belongs to the machine from here on: also frozen with it. */
	if (lab_cgroup_make(inside, &err) < 0 || lab_cgroup_join(inside, &err) < 0) {
		fprintf(stderr, "drorch-lab: %s\n", err.message);
		return 1;
	}
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execvp(words[0], words);
	fprintf(stderr, "drorch-lab: nsenter: %s\n", strerror(errno));
	return 127;
}
