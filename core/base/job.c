#include "base/job.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define STOP_MS 5000
#define LOOK_MS 20
#define NO_PROGRAM 127

struct files {
	char lock[PATH_MAX], out[PATH_MAX], end[PATH_MAX], fresh[PATH_MAX];
};

static int name_files(struct files *files, const char *path, struct dro_error *err)
{
	if (strlen(path) + sizeof(".lock") > PATH_MAX)
		return dro_fail(err, DRO_EINVAL, "the path %.60s… is too long", path);
	snprintf(files->lock, sizeof(files->lock), "%s.lock", path);
	snprintf(files->out, sizeof(files->out), "%s.out", path);
	snprintf(files->end, sizeof(files->end), "%s.end", path);
	snprintf(files->fresh, sizeof(files->fresh), "%s.new", path);
	return 0;
}

/* ---- the keeper: forked from a process with threads, so it makes system calls and no more ------
 */

static void write_end(const struct files *files, int status, bool late)
{
	char text[64];
	int fd = open(files->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int length = snprintf(text, sizeof(text), "%d %d %d\n",
		WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		WIFSIGNALED(status) ? WTERMSIG(status) : 0, late);

	if (fd >= 0 && write(fd, text, (size_t)length) == length && fsync(fd) == 0)
		rename(files->fresh, files->end);
}

static void run_child(const struct dro_job *job, pid_t keeper)
{
	static const char missing[] = "the program cannot be run\n";
	static const int ignored[] = {SIGHUP, SIGINT, SIGPIPE};
	sigset_t none;
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(NO_PROGRAM); /* it died before that */
	setpgid(0, 0);
	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir(job->folder) == 0)
		execve(job->argv[0], job->argv, job->env);
	(void)!write(2, missing, sizeof(missing) - 1);
	_exit(NO_PROGRAM);
}

/* Until the child ends, the time is over, or we are told to stop; *late: it was the time. */
static int wait_child(pid_t child, const sigset_t *signals, uint64_t until_ms, bool *late)
{
	int status = 0;

	for (;;) {
		uint64_t now = dro_now_ms(), left = until_ms > now ? until_ms - now : 0;
		struct timespec pause = {(time_t)(left / 1000), (long)(left % 1000) * 1000000};
		int got;

		if (waitpid(child, &status, WNOHANG) == child)
			return status;
		got = left ? sigtimedwait(signals, NULL, &pause) : -1;
		*late = dro_now_ms() >= until_ms;
		if (got == SIGTERM || *late)
			break;
	}
	kill(-child, SIGKILL);
	kill(child, SIGKILL); /* it may not have got its group yet */
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

enum { LOCK_FD = 3, READY_FD, LEAST_FREE_FD, FAR_FD = 64 };

/* Keeps its four files, under numbers of its own, and lets go of all that belongs to the process it
 * was forked from. */
static bool take_over(const struct files *files, int ready)
{
	const int to[] = {0, 1, LOCK_FD, READY_FD};
	int from[] = {open("/dev/null", O_RDONLY),
		open(files->out, O_WRONLY | O_CREAT | O_APPEND, 0600),
		open(files->lock, O_RDWR | O_CREAT, 0600), ready};
	size_t i;

	for (i = 0; i < 4; i++)
		if (from[i] < 0 || (from[i] = fcntl(from[i], F_DUPFD, FAR_FD)) < 0)
			return false;
	for (i = 0; i < 4; i++)
		dup2(from[i], to[i]);
	dup2(1, 2);
	fcntl(LOCK_FD, F_SETFD, FD_CLOEXEC);
	fcntl(READY_FD, F_SETFD, FD_CLOEXEC);
	return close_range(LEAST_FREE_FD, ~0U, 0) == 0;
}

static void keep(const struct dro_job *job, const struct files *files, int ready)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	pid_t child, self = getpid();
	bool late = false;
	sigset_t signals;
	int status;

	setsid();
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	signal(SIGCHLD, SIG_DFL);
	if (!take_over(files, ready))
		_exit(1);
	/* A process's locks do not pass to its children, and go with it; or with the first
	 * descriptor of the file that it closes, so it has one. */
	if (fcntl(LOCK_FD, F_SETLK, &whole) < 0) {
		(void)!write(READY_FD, ".", 1); /* another one runs it */
		_exit(0);
	}
	unlink(files->end);
	if (ftruncate(1, 0) < 0 || (child = fork()) < 0)
		_exit(1);
	if (child == 0)
		run_child(job, self);
	(void)!write(READY_FD, ".", 1);
	close(READY_FD);
	status = wait_child(child, &signals, dro_now_ms() + job->timeout_ms, &late);
	kill(-child, SIGKILL); /* what it left behind */
	write_end(files, status, late);
	_exit(0);
}

int dro_job_start(const struct dro_job *job, struct dro_error *err)
{
	struct files files;
	int ready[2], rc;
	ssize_t got;
	pid_t between;
	char byte;

	if ((rc = name_files(&files, job->path, err)) < 0)
		return rc;
	if (pipe2(ready, O_CLOEXEC) < 0)
		return dro_fail_errno(err, "pipe");
	/* Twice, so that it is nobody's child that would have to be collected. */
	between = fork();
	if (between == 0) {
		pid_t keeper = fork();

		if (keeper == 0)
			keep(job, &files, ready[1]);
		_exit(keeper < 0);
	}
	close(ready[1]);
	if (between < 0) {
		close(ready[0]);
		return dro_fail_errno(err, "fork");
	}
	while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
		;
	while ((got = read(ready[0], &byte, 1)) < 0 && errno == EINTR)
		;
	close(ready[0]);
	return got == 1 ? 0 : dro_fail(err, DRO_EIO, "%s could not be started", job->argv[0]);
}

/* ---- looking -----------------------------------------------------------------------------------
 */

/* The keeper's pid, or 0. */
static int find_keeper(const char *lock, pid_t *pid, struct dro_error *err)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(lock, O_RDWR | O_CLOEXEC), rc = 0;

	*pid = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : dro_fail_errno(err, "%s", lock);
	if (fcntl(fd, F_GETLK, &whole) < 0)
		rc = dro_fail_errno(err, "%s", lock);
	else if (whole.l_type != F_UNLCK)
		*pid = whole.l_pid;
	close(fd);
	return rc;
}

int dro_job_look(const char *path, struct dro_job_status *out, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(64);
	struct files files;
	pid_t keeper = 0;
	int late = 0, rc;

	*out = (struct dro_job_status){.state = DRO_JOB_NONE};
	if ((rc = name_files(&files, path, err)) < 0 ||
		(rc = find_keeper(files.lock, &keeper, err)) < 0)
		return rc;
	if (keeper) {
		out->state = DRO_JOB_RUNS;
		return 0;
	}
	if (access(files.end, F_OK) < 0)
		return 0;
	if ((rc = dro_file_read(&text, files.end, err)) == 0) {
		if (sscanf(dro_buf_str(&text), "%d %d %d", &out->exit_code, &out->signal, &late) ==
			3)
			out->state = DRO_JOB_ENDED;
		out->late = late;
	}
	dro_buf_free(&text);
	return rc;
}

int dro_job_stop(const char *path, struct dro_error *err)
{
	uint64_t until = dro_now_ms() + STOP_MS;
	struct files files;
	pid_t keeper;
	int rc;

	if ((rc = name_files(&files, path, err)) < 0)
		return rc;
	for (;;) {
		if ((rc = find_keeper(files.lock, &keeper, err)) < 0 || !keeper)
			return rc;
		if (dro_now_ms() >= until)
			return dro_fail(err, DRO_ETIMEDOUT, "%s: it does not end", path);
		kill(keeper, SIGTERM);
		usleep(LOOK_MS * 1000);
	}
}
