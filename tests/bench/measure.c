/*
 * bench-measure [--rounds N] -- PROGRAM ARGUMENTS...: how long a program takes from its start to
 * its exit, and how much memory it and what it leaves behind held at most. A JSON line a round:
 *   {"began_ms":…,"wall_us":…,"cpu_us":…,"exit":…,"rss_kib":…,"left":[{"pid":…,"rss_kib":…}]}
 * "left" are processes that outlived it: this one is their reaper. A process's peak includes that
 * of the children it waited for, and is at least what its parent held at the start: hence a small
 * program and not the driver. Standard input and output are /dev/null, or FILE with --output FILE.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define LEFT_MS 20000 /* what is left behind has this long to end */

extern char **environ;

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t micro(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

static int start(pid_t *pid, char **argv, const char *output)
{
	posix_spawn_file_actions_t actions;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0600);
	rc = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		fprintf(stderr, "bench-measure: %s: %s\n", argv[0], strerror(rc));
	return rc;
}

/* The rest of the family, until it is gone. 1: something is there that does not end. */
static int reap_left(const char *separator)
{
	const struct timespec pause = {0, 1000000};
	uint64_t until = now_us() + LEFT_MS * 1000;
	struct rusage usage;
	pid_t pid;

	while ((pid = wait4(-1, NULL, WNOHANG, &usage)) >= 0) {
		if (pid > 0) {
			printf("%s{\"pid\":%d,\"rss_kib\":%ld}", separator, (int)pid,
				usage.ru_maxrss);
			separator = ",";
		} else if (now_us() > until) {
			return 1;
		} else {
			nanosleep(&pause, NULL);
		}
	}
	return 0;
}

static int measure(char **argv, const char *output)
{
	struct rusage usage;
	int status, left;
	uint64_t began = now_us(), ended;
	struct timespec wall;
	pid_t pid;

	clock_gettime(CLOCK_REALTIME, &wall);
	if (start(&pid, argv, output) != 0 || wait4(pid, &status, 0, &usage) != pid)
		return 1;
	ended = now_us();
	printf("{\"began_ms\":%lld,\"wall_us\":%llu,\"cpu_us\":%llu,\"exit\":%d,\"rss_kib\":%ld,"
	       "\"left\":[",
		(long long)wall.tv_sec * 1000 + wall.tv_nsec / 1000000,
		(unsigned long long)(ended - began),
		(unsigned long long)(micro(&usage.ru_utime) + micro(&usage.ru_stime)),
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), usage.ru_maxrss);
	left = reap_left("");
	printf("]}\n");
	fflush(stdout);
	if (left)
		fprintf(stderr, "bench-measure: %s left a process that does not end\n", argv[0]);
	return left;
}

int main(int argc, char **argv)
{
	const char *output = "/dev/null";
	long rounds = 1, i;
	int at = 1;

	for (; at + 1 < argc && strcmp(argv[at], "--") != 0; at += 2) {
		if (strcmp(argv[at], "--rounds") == 0)
			rounds = strtol(argv[at + 1], NULL, 10);
		else if (strcmp(argv[at], "--output") == 0)
			output = argv[at + 1];
		else
			break;
	}
	if (at + 1 >= argc || strcmp(argv[at], "--") != 0 || rounds < 1) {
		fprintf(stderr, "usage: bench-measure [--rounds N] [--output FILE] -- PROGRAM "
				"[ARGUMENT]...\n");
		return 3;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (i = 0; i < rounds; i++)
		if (measure(argv + at + 1, output) != 0)
			return 1;
	return 0;
}
