#include "store/fault.h"

#ifdef DRORCH_FAULTS

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Counted per process, over every store handle: the only state of a process, in test builds. */
static atomic_ulong kill_points, writes;

static void record(const char *path, unsigned long count)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%lu\n", count);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, (size_t)length) != length)
		abort(); /* a test that cannot count must not pass */
	close(fd);
}

void dro_kill_point(void)
{
	const char *at = getenv("DRORCH_KILL_AT"), *path = getenv("DRORCH_KILL_COUNT");
	unsigned long passed;

	if (!at && !path)
		return;
	passed = atomic_fetch_add(&kill_points, 1) + 1;
	if (path)
		record(path, passed);
	if (at && strtoul(at, NULL, 10) == passed)
		raise(SIGKILL);
}

bool dro_fail_point(void)
{
	const char *at = getenv("DRORCH_FAIL_WRITE_AT");
	unsigned long passed, wanted;
	char *end;

	if (!at)
		return false;
	passed = atomic_fetch_add(&writes, 1) + 1;
	wanted = strtoul(at, &end, 10);
	return *end == '+' ? passed >= wanted : passed == wanted;
}

#endif
