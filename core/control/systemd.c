#include "control/systemd.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

#define MESSAGE_MAX 4096

struct dro_systemd {
	int fd; /* -1: nobody is to be told */
	struct sockaddr_un to;
	socklen_t to_length;
	uint64_t watchdog_ms;
};

/* A path, or '@' and a name in the abstract namespace. */
static int set_address(struct dro_systemd *systemd, const char *socket_name, struct dro_error *err)
{
	size_t length = strlen(socket_name);

	if ((socket_name[0] != '/' && socket_name[0] != '@') || length < 2 ||
		length >= sizeof(systemd->to.sun_path))
		return dro_fail(err, DRO_EINVAL,
			"NOTIFY_SOCKET: '%.120s' is neither a path nor an abstract socket",
			socket_name);
	systemd->to.sun_family = AF_UNIX;
	memcpy(systemd->to.sun_path, socket_name, length);
	if (socket_name[0] == '@')
		systemd->to.sun_path[0] = '\0';
	systemd->to_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length +
					 (socket_name[0] == '/'));
	return 0;
}

/* A watchdog of another process, such as our parent's, is not ours to feed. */
static uint64_t read_watchdog(void)
{
	const char *pid = getenv("WATCHDOG_PID"), *usec = getenv("WATCHDOG_USEC");
	char *end;
	unsigned long long value;

	if (!usec || !*usec)
		return 0;
	if (pid && *pid && strtoll(pid, NULL, 10) != (long long)getpid())
		return 0;
	errno = 0;
	value = strtoull(usec, &end, 10);
	return errno || *end || value < 2000 ? 0 : value / 2000;
}

int dro_systemd_open(struct dro_systemd **out, struct dro_error *err)
{
	struct dro_systemd *systemd = calloc(1, sizeof(*systemd));
	const char *name = getenv("NOTIFY_SOCKET");
	int rc = 0;

	if (!systemd)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	systemd->fd = -1;
	if (name && *name) {
		if ((rc = set_address(systemd, name, err)) < 0)
			goto out;
		systemd->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (systemd->fd < 0) {
			rc = dro_fail_errno(err, "a socket for systemd");
			goto out;
		}
		systemd->watchdog_ms = read_watchdog();
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	*out = systemd;
	systemd = NULL;
out:
	dro_systemd_close(systemd);
	return rc;
}

void dro_systemd_close(struct dro_systemd *systemd)
{
	if (!systemd)
		return;
	if (systemd->fd >= 0)
		close(systemd->fd);
	free(systemd);
}

int dro_systemd_tell(struct dro_systemd *systemd, struct dro_error *err, const char *format, ...)
{
	struct dro_buf text = DRO_BUF_INIT(MESSAGE_MAX);
	va_list args;
	int rc;

	if (!systemd || systemd->fd < 0)
		return 0;
	va_start(args, format);
	dro_buf_vprintf(&text, format, args);
	va_end(args);
	if ((rc = dro_buf_check(&text, err)) == 0 &&
		sendto(systemd->fd, dro_buf_str(&text), text.length, MSG_NOSIGNAL,
			(const struct sockaddr *)&systemd->to, systemd->to_length) < 0)
		rc = dro_fail(err, DRO_EIO, "systemd was not told: %s", strerror(errno));
	dro_buf_free(&text);
	return rc;
}

uint64_t dro_systemd_watchdog_ms(const struct dro_systemd *systemd)
{
	return systemd ? systemd->watchdog_ms : 0;
}
