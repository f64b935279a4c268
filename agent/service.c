#include "agent/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define PAUSE_MS 500
#define PAUSE_MAX_MS 30000
#define WELL_MS 60000 /* a service that ran this long begins with the short pause again */

/* In the child: only what is safe between fork and exec. */
static void become(const struct agent_service *service, pid_t parent, int report)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;
	int saved;

	sigemptyset(&none);
	sigaction(SIGPIPE, &plain, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Two of the service at once, an old one and that of a new agent, would share its data. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		execvpe(service->command[0], service->command, service->environment);
	saved = errno;
	if (write(report, &saved, sizeof(saved)) < 0)
		_exit(126);
	_exit(127);
}

int agent_service_start(struct agent_service *service, struct dro_error *err)
{
	pid_t parent = getpid(), pid;
	int ends[2], failure = 0;
	ssize_t got;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return dro_fail_errno(err, "pipe");
	pid = fork();
	if (pid == 0)
		become(service, parent, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return dro_fail_errno(err, "fork");
	}
	/* Closed by a successful exec; else it brings the reason. */
	do
		got = read(ends[0], &failure, sizeof(failure));
	while (got < 0 && errno == EINTR);
	close(ends[0]);
	if (got != 0) {
		waitpid(pid, NULL, 0);
		errno = failure;
		return dro_fail_errno(err, "cannot start %s", service->command[0]);
	}
	service->pid = pid;
	service->started_ms = dro_now_ms();
	return 0;
}

bool agent_service_ended(struct agent_service *service, int *status)
{
	if (service->pid == 0 || waitpid(service->pid, status, WNOHANG) != service->pid)
		return false;
	service->pid = 0;
	return true;
}

uint64_t agent_service_again_ms(struct agent_service *service)
{
	uint64_t now = dro_now_ms(), pause = service->pause_ms * 2;

	if (now - service->started_ms >= WELL_MS || pause < PAUSE_MS)
		pause = PAUSE_MS;
	service->pause_ms = pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS;
	return now + service->pause_ms;
}

void agent_service_describe(char *out, size_t size, int status)
{
	if (WIFSIGNALED(status))
		snprintf(out, size, "was killed by signal %d", WTERMSIG(status));
	else
		snprintf(out, size, "exited with %d", WEXITSTATUS(status));
}
