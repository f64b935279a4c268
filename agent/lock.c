#include "agent/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define LOOK_MS 5

int agent_lock(const struct agent_config *config, const char *name, uint64_t deadline_ms,
	struct dro_error *err)
{
	char *path = dro_path_join(config->state, name);
	int fd = -1, rc = 0;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = dro_dir_make(config->state, 0700, err)) < 0)
		goto out;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		rc = dro_fail_errno(err, "%s", path);
		goto out;
	}
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			rc = dro_fail_errno(err, "%s", path);
			goto out;
		}
		if (dro_now_ms() >= deadline_ms) {
			rc = dro_fail(err, DRO_EAGAIN, "%s: another agent holds it", path);
			goto out;
		}
		dro_clock_real.sleep_ms(&dro_clock_real, LOOK_MS);
	}
out:
	free(path);
	if (rc < 0 && fd >= 0)
		close(fd);
	return rc < 0 ? rc : fd;
}
