#include "store/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOOT_DIGITS 16

/* A holder taken apart. */
struct holder {
	char host[65], boot[BOOT_DIGITS + 1];
	uint64_t namespace, start;
	pid_t pid;
};

/* The beginning of a small file of /proc; "" where it cannot be read. */
static void read_proc(char *out, size_t size, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, size - 1);

	out[got > 0 ? got : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* State and start time (in ticks since boot) of a process; false where it cannot be read. */
static bool read_stat(pid_t pid, char *state, uint64_t *start)
{
	char path[64], text[1024], *next;
	int field;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	read_proc(text, sizeof(text), path);
	next = strrchr(text, ')'); /* the name before it may hold anything */
	if (!next || sscanf(next, ") %c", state) != 1)
		return false;
	for (field = 2; field < 22 && next; field++)
		next = strchr(next + 1, ' ');
	return next && sscanf(next, " %" SCNu64, start) == 1;
}

static void read_boot(char out[BOOT_DIGITS + 1])
{
	char text[64];
	size_t i, used = 0;

	read_proc(text, sizeof(text), "/proc/sys/kernel/random/boot_id");
	for (i = 0; text[i] && text[i] != '\n' && used < BOOT_DIGITS; i++)
		if (text[i] != '-')
			out[used++] = text[i];
	out[used] = '\0';
}

/* Process ids mean something within their namespace only: containers may share the store. */
static uint64_t read_namespace(void)
{
	char text[64];
	uint64_t id = 0;
	ssize_t got = readlink("/proc/self/ns/pid", text, sizeof(text) - 1);

	text[got > 0 ? got : 0] = '\0';
	return sscanf(text, "pid:[%" SCNu64, &id) == 1 ? id : 0;
}

static void read_self(struct holder *self)
{
	char state;

	*self = (struct holder){.pid = getpid(), .namespace = read_namespace()};
	if (gethostname(self->host, sizeof(self->host)) < 0)
		memcpy(self->host, "?", 2);
	self->host[sizeof(self->host) - 1] = '\0';
	read_boot(self->boot);
	read_stat(self->pid, &state, &self->start);
}

void dro_store_holder(char out[128])
{
	struct holder self;

	read_self(&self);
	snprintf(out, 128, "%s:%d:%" PRIu64 ":%" PRIu64 ":%s", self.host, (int)self.pid, self.start,
		self.namespace, self.boot);
}

bool store_holder_dead(const char *text)
{
	struct holder self, other = {0};
	uint64_t start;
	char state;
	int pid, end = -1;

	if (sscanf(text, "%64[^:]:%d:%" SCNu64 ":%" SCNu64 ":%16[0-9a-f]%n", other.host, &pid,
		    &other.start, &other.namespace, other.boot, &end) != 5 ||
		text[end] || pid <= 0)
		return false; /* not of our making: only time ends it */
	read_self(&self);
	if (strcmp(other.host, self.host) != 0)
		return false;
	if (strcmp(other.boot, self.boot) != 0)
		return true;
	if (other.namespace != self.namespace)
		return false;
	if (!read_stat((pid_t)pid, &state, &start))
		/* Hidden from us is not gone. */
		return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
	return start != other.start || state == 'Z' || state == 'X';
}
