#include "lab/load.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define STAT_MAX 4096
#define DEPTH_MAX 64
#define FRESH_MS 1000 /* shorter spans say little: a tick is 10 ms */

struct process {
	pid_t pid, parent;
	uint64_t ticks; /* its own, and of those it has reaped */
	uint64_t total; /* and of those below it */
};

struct lab_processes {
	struct process *items; /* by pid */
	size_t count, room;
};

/* /proc/PID/stat: behind the name, which may hold anything, the fields from the third on. */
static bool read_one(struct process *process, pid_t pid)
{
	struct dro_buf text = DRO_BUF_INIT(STAT_MAX);
	unsigned long long user = 0, kernel = 0;
	long long reaped_user = 0, reaped_kernel = 0;
	char path[64];
	const char *at;
	int parent = 0;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	ok = dro_file_read(&text, path, NULL) == 0 && (at = strrchr(dro_buf_str(&text), ')')) &&
	     sscanf(at + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld",
		     &parent, &user, &kernel, &reaped_user, &reaped_kernel) == 5;
	dro_buf_free(&text);
	*process = (struct process){.pid = pid,
		.parent = (pid_t)parent,
		.ticks = user + kernel + (uint64_t)reaped_user + (uint64_t)reaped_kernel};
	return ok;
}

static int add(
	struct lab_processes *processes, const struct process *process, struct dro_error *err)
{
	if (processes->count == processes->room) {
		size_t room = processes->room ? 2 * processes->room : 256;
		struct process *grown = realloc(processes->items, room * sizeof(*grown));

		if (!grown)
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		processes->items = grown;
		processes->room = room;
	}
	processes->items[processes->count++] = *process;
	return 0;
}

static int compare(const void *a, const void *b)
{
	pid_t one = ((const struct process *)a)->pid, two = ((const struct process *)b)->pid;

	return one < two ? -1 : one > two;
}

static struct process *find(const struct lab_processes *processes, pid_t pid)
{
	struct process key = {.pid = pid};

	return processes->count
		       ? bsearch(&key, processes->items, processes->count, sizeof(key), compare)
		       : NULL;
}

/* Each one's ticks count for itself and for all above it. */
static void sum_up(struct lab_processes *processes)
{
	size_t i;

	qsort(processes->items, processes->count, sizeof(*processes->items), compare);
	for (i = 0; i < processes->count; i++) {
		struct process *at = &processes->items[i];
		uint64_t ticks = at->ticks;
		int depth = 0;

		for (; at && depth < DEPTH_MAX; at = find(processes, at->parent), depth++)
			at->total += ticks;
	}
}

int lab_processes_look(struct lab_processes **out, struct dro_error *err)
{
	struct lab_processes *processes = calloc(1, sizeof(*processes));
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int rc = 0;

	if (!processes)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else if (!dir)
		rc = dro_fail_errno(err, "/proc");
	while (rc == 0 && (entry = readdir(dir))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		struct process process;

		/* One that has ended meanwhile is no fault. */
		if (pid > 0 && read_one(&process, pid))
			rc = add(processes, &process, err);
	}
	if (dir)
		closedir(dir);
	if (rc < 0) {
		lab_processes_free(processes);
		return rc;
	}
	sum_up(processes);
	*out = processes;
	return 0;
}

void lab_processes_free(struct lab_processes *processes)
{
	if (!processes)
		return;
	free(processes->items);
	free(processes);
}

uint64_t lab_processes_ticks(const struct lab_processes *processes, pid_t pid)
{
	const struct process *process = find(processes, pid);

	return process ? process->total : 0;
}

double lab_instance_load(struct lab_instance *instance, const struct lab_processes *processes)
{
	struct lab_measure *last = &instance->measure;
	int64_t now_ms = (int64_t)dro_now_ms(), span_ms;
	uint64_t ticks;
	double load;

	if (instance->state != LAB_RUNNING)
		return -1;
	if (instance->idle)
		return 0;
	/* Another boot: what came before it says nothing. */
	if (last->pid != instance->guest.pid || last->pid_start != instance->guest.pid_start)
		*last = (struct lab_measure){.pid = instance->guest.pid,
			.pid_start = instance->guest.pid_start,
			.at_ms = now_ms - (dro_wall_ms() - instance->changed_ms)};
	span_ms = now_ms - last->at_ms;
	if (last->measured && span_ms < FRESH_MS)
		return last->load;
	ticks = lab_processes_ticks(processes, instance->guest.pid);
	if (ticks < last->ticks || span_ms <= 0)
		return last->load;
	load = 100.0 * 1000 * (double)(ticks - last->ticks) / (double)sysconf(_SC_CLK_TCK) /
	       (double)span_ms / (double)sysconf(_SC_NPROCESSORS_ONLN);
	load = load > 100 ? 100 : load;
	/* A guest that has just booted is measured, but the span goes on. */
	if (span_ms >= FRESH_MS)
		*last = (struct lab_measure){
			instance->guest.pid, instance->guest.pid_start, now_ms, ticks, load, true};
	return load;
}
