#include "agent/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define TAIL_MAX 600
#define LOOK_MS 5

struct child {
	char *const *argv;
	pid_t pid; /* 0: not started, or reaped */
};

/* In the child: only what may be done between fork and exec. */
static void become(char *const argv[], int in, int out, int log, pid_t parent)
{
	sigset_t none;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(log, 2) < 0)
		_exit(127);
	for (fd = 3; fd < 64; fd++)
		close(fd);
	execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int start(struct child *child, int in, int out, int log, struct dro_error *err)
{
	pid_t parent = getpid();

	child->pid = fork();
	if (child->pid < 0) {
		child->pid = 0;
		return dro_fail_errno(err, "%s", child->argv[0]);
	}
	if (child->pid == 0)
		become(child->argv, in, out, log, parent);
	return 0;
}

static void end(struct child *child)
{
	if (!child->pid)
		return;
	kill(-child->pid, SIGKILL);
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	child->pid = 0;
}

/* The end of what they complained of, on one line. */
static void tail(char out[TAIL_MAX], int log)
{
	off_t size = lseek(log, 0, SEEK_END);
	ssize_t got = pread(log, out, TAIL_MAX - 1, size > TAIL_MAX ? size - TAIL_MAX + 1 : 0), i;

	out[got > 0 ? got : 0] = '\0';
	for (i = 0; i < got; i++)
		if ((unsigned char)out[i] < ' ' || (unsigned char)out[i] > '~')
			out[i] = ' ';
}

static int await(struct child *child, int log, uint64_t deadline_ms, struct dro_error *err)
{
	char text[TAIL_MAX];
	int status;

	for (;;) {
		pid_t got = waitpid(child->pid, &status, WNOHANG);

		if (got == child->pid)
			break;
		if (got < 0 && errno != EINTR)
			return dro_fail_errno(err, "waitpid");
		if (dro_now_ms() >= deadline_ms)
			return dro_fail(
				err, DRO_ETIMEDOUT, "%s did not end in time", child->argv[0]);
		dro_clock_real.sleep_ms(&dro_clock_real, LOOK_MS);
	}
	child->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	tail(text, log);
	return dro_fail(err, DRO_EIO, "%s failed (%s %d): %s", child->argv[0],
		WIFEXITED(status) ? "status" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), text);
}

static int run_two(struct child *from, struct child *to, int null, int log, uint64_t deadline_ms,
	struct dro_error *err)
{
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return dro_fail_errno(err, "pipe");
	rc = start(from, null, fds[1], log, err);
	if (rc == 0)
		rc = start(to, fds[0], null, log, err);
	close(fds[0]);
	close(fds[1]);
	/* Where both fail it is mostly the first that knows why. */
	if (rc == 0 && (rc = await(from, log, deadline_ms, err)) == 0)
		rc = await(to, log, deadline_ms, err);
	return rc;
}

int agent_pipe_run(char *const from[], char *const to[], const char *log_path, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct child one = {.argv = from}, two = {.argv = to};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log = open(
		log_path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (null < 0 || log < 0)
		rc = dro_fail_errno(err, "%s", log < 0 ? log_path : "/dev/null");
	else if (to)
		rc = run_two(&one, &two, null, log, deadline_ms, err);
	else if ((rc = start(&one, null, null, log, err)) == 0)
		rc = await(&one, log, deadline_ms, err);
	end(&one);
	end(&two);
	if (null >= 0)
		close(null);
	if (log >= 0)
		close(log);
	return rc;
}
