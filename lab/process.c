#include "lab/process.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"

#define STAT_MAX 4096
#define COPY_MS (10 * 60 * 1000)
#define KILL_MS 1000

/* State, parent and start of a process, from /proc/PID/stat. */
static bool read_stat(pid_t pid, char *state, pid_t *parent, uint64_t *start)
{
	struct dro_buf text = DRO_BUF_INIT(STAT_MAX);
	char path[64];
	const char *at;
	int i, number = 0;
	bool ok = false;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	/* The name stands in brackets and may hold anything: read behind the last one. */
	if (dro_file_read(&text, path, NULL) == 0 && (at = strrchr(dro_buf_str(&text), ')')) &&
		sscanf(at + 1, " %c %d", state, &number) == 2) {
		*parent = (pid_t)number;
		for (i = 0; i < 20 && at; i++)
			at = strchr(at + 1, ' ');
		ok = at && (*start = strtoull(at + 1, NULL, 10)) > 0;
	}
	dro_buf_free(&text);
	return ok;
}

uint64_t lab_process_start(pid_t pid)
{
	uint64_t start;
	pid_t parent;
	char state;

	return pid > 0 && read_stat(pid, &state, &parent, &start) && state != 'Z' ? start : 0;
}

bool lab_process_alive(pid_t pid, uint64_t start)
{
	return start && lab_process_start(pid) == start;
}

pid_t lab_process_child(pid_t pid)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (dir && (entry = readdir(dir))) {
		pid_t child = (pid_t)strtol(entry->d_name, NULL, 10), parent;
		uint64_t start;
		char state;

		if (child > 1 && read_stat(child, &state, &parent, &start) && parent == pid &&
			state != 'Z' && (!found || child < found))
			found = child;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Kills the children of `pid`, theirs first; how many live ones there were. */
static int kill_children(pid_t pid, int depth)
{
	DIR *dir = depth < 64 ? opendir("/proc") : NULL;
	struct dirent *entry;
	int killed = 0;

	while (dir && (entry = readdir(dir))) {
		pid_t child = (pid_t)strtol(entry->d_name, NULL, 10), parent;
		uint64_t start;
		char state;

		if (child <= 1 || !read_stat(child, &state, &parent, &start) || parent != pid ||
			state == 'Z')
			continue;
		/* Held first, so that it starts no more while its own children go. */
		kill(child, SIGSTOP);
		kill_children(child, depth + 1);
		kill(child, SIGKILL);
		killed++;
	}
	if (dir)
		closedir(dir);
	return killed;
}

void lab_process_kill_below(pid_t pid)
{
	uint64_t until = dro_now_ms() + KILL_MS;

	while (kill_children(pid, 0) > 0 && dro_now_ms() < until) {
		if (pid == getpid())
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
		dro_clock_real.sleep_ms(&dro_clock_real, 2);
	}
}

int lab_copy_tree(const char *from, const char *to, struct dro_error *err)
{
	struct dro_buf temporary = DRO_BUF_INIT(4096), errors = DRO_BUF_INIT(4096);
	struct dro_proc_result result = {0};
	int rc;

	dro_buf_printf(&temporary, "%s.new", to);
	if ((rc = dro_buf_check(&temporary, err)) < 0 ||
		(rc = dro_dir_remove(temporary.data, err)) < 0)
		goto out;
	{
		char *const argv[] = {"cp", "-a", "--reflink=auto", "-T", "--", (char *)from,
			temporary.data, NULL};

		rc = dro_proc_run(
			argv, NULL, NULL, NULL, &errors, dro_now_ms() + COPY_MS, &result, err);
	}
	if (rc == 0 && result.exit_code != 0)
		rc = dro_fail(err, DRO_EIO, "cp: %.400s", dro_buf_str(&errors));
	if (rc == 0 && rename(temporary.data, to) < 0)
		rc = dro_fail_errno(err, "%s", to);
	if (rc < 0)
		dro_dir_remove(temporary.data, NULL);
out:
	dro_buf_free(&temporary);
	dro_buf_free(&errors);
	return rc;
}
