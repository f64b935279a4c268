#include "agent/heard.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/lock.h"
#include "base/clock.h"
#include "base/file.h"

#define LINE_MAX 128
#define LOCK_MS 200

static const char *const names[] = {
	[AGENT_HEARD_CONTROLLER] = "heard",
	[AGENT_HEARD_PEER] = "heard-peer",
	[AGENT_HEARD_WATCH] = "watch",
	[AGENT_HEARD_GRACE] = "watch-began",
};

int64_t agent_boot_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void agent_boot_id(char out[AGENT_BOOT_ID])
{
	struct dro_buf text = DRO_BUF_INIT(LINE_MAX);

	*out = '\0';
	if (dro_file_read(&text, "/proc/sys/kernel/random/boot_id", NULL) == 0)
		snprintf(out, AGENT_BOOT_ID, "%.*s", (int)strcspn(dro_buf_str(&text), "\n"),
			dro_buf_str(&text));
	dro_buf_free(&text);
}

/* The file's descriptor, locked; or a code. */
static int hold(const struct agent_config *config, enum agent_heard which, struct dro_error *err)
{
	return agent_lock(config, names[which], dro_now_ms() + LOCK_MS, err);
}

/* What makes no sense, as after a crash in the middle of it, was never heard. */
static int64_t look(int fd, const char *boot)
{
	char line[LINE_MAX], here[AGENT_BOOT_ID];
	ssize_t got = pread(fd, line, sizeof(line) - 1, 0);
	long long ms = 0;

	if (got <= 0)
		return 0;
	line[got] = '\0';
	if (sscanf(line, "%36s %lld", here, &ms) != 2 || strcmp(here, *boot ? boot : "-") != 0)
		return 0;
	return ms;
}

int agent_heard_read(int64_t *out_ms, const struct agent_config *config, enum agent_heard which,
	struct dro_error *err)
{
	char boot[AGENT_BOOT_ID];
	int fd = hold(config, which, err);

	*out_ms = 0;
	if (fd < 0)
		return fd;
	agent_boot_id(boot);
	*out_ms = look(fd, boot);
	close(fd);
	return 0;
}

int agent_heard_touch(const struct agent_config *config, enum agent_heard which, int64_t at_ms,
	int64_t instead_of, struct dro_error *err)
{
	char boot[AGENT_BOOT_ID], line[LINE_MAX];
	int fd = hold(config, which, err), length, rc = 0;
	int64_t now;

	if (fd < 0)
		return fd;
	agent_boot_id(boot);
	now = look(fd, boot);
	if (at_ms > now || (instead_of && now == instead_of)) {
		length = snprintf(line, sizeof(line), "%-36s %020lld\n", *boot ? boot : "-",
			(long long)at_ms);
		if (pwrite(fd, line, (size_t)length, 0) != length)
			rc = dro_fail_errno(err, "%s/%s", config->state, names[which]);
	}
	close(fd);
	return rc;
}
