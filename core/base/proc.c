#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

extern char **environ;

struct pipes {
	int in[2], out[2], errors[2];
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_pipes(struct pipes *p)
{
	int i;

	for (i = 0; i < 2; i++) {
		close_fd(&p->in[i]);
		close_fd(&p->out[i]);
		close_fd(&p->errors[i]);
	}
}

int dro_proc_start(pid_t *pid, char *const argv[], char *const env[], int in, int out, int errors,
	struct dro_error *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	int rc;

	sigemptyset(&none);
	sigfillset(&defaults);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, errors, 2);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	rc = posix_spawnp(pid, argv[0], &actions, &attr, argv, env ? env : environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (rc) {
		errno = rc;
		return dro_fail_errno(err, "%s", argv[0]);
	}
	return 0;
}

void dro_proc_kill(pid_t pid)
{
	int status;

	if (pid <= 0)
		return;
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

/* One of its outputs. <0: the sink wants no more. */
static int take(int *fd, dro_proc_sink *sink, void *arg, struct dro_error *err)
{
	char chunk[16384];
	ssize_t got = read(*fd, chunk, sizeof(chunk));

	if (got > 0)
		return sink ? sink(arg, chunk, (size_t)got, err) : 0;
	if (got == 0 || (errno != EINTR && errno != EAGAIN))
		close_fd(fd);
	return 0;
}

static void give(int *fd, const struct dro_buf *input, size_t *sent)
{
	ssize_t put = 0;

	if (input && *sent < input->length)
		put = write(*fd, input->data + *sent, input->length - *sent);
	if (put > 0)
		*sent += (size_t)put;
	if ((put < 0 && errno != EAGAIN && errno != EINTR) || !input || *sent >= input->length)
		close_fd(fd);
}

/* Moves what is ready between the child and us until both of its outputs are closed. */
static int converse(struct pipes *p, const struct dro_proc *proc, struct dro_error *err)
{
	size_t sent = 0;
	int rc = 0;

	while (rc == 0 && (p->out[0] >= 0 || p->errors[0] >= 0)) {
		struct pollfd fds[4] = {{p->out[0], POLLIN, 0}, {p->errors[0], POLLIN, 0},
			{p->in[1], POLLOUT, 0}, {proc->stop, POLLIN, 0}};
		uint64_t now = dro_now_ms(), left = proc->deadline_ms - now;
		int ready;

		if (now >= proc->deadline_ms)
			return dro_fail(err, DRO_ETIMEDOUT, "it did not end in time");
		ready = poll(fds, 4, left > 60000 ? 60000 : (int)left);
		if (ready < 0 && errno != EINTR)
			return dro_fail_errno(err, "poll");
		if (ready <= 0)
			continue;
		if (fds[3].revents)
			return dro_fail(err, DRO_ECANCELLED, "it was told to stop");
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
			rc = take(&p->out[0], proc->out, proc->arg, err);
		if (rc == 0 && fds[1].revents & (POLLIN | POLLHUP | POLLERR))
			rc = take(&p->errors[0], proc->errors, proc->arg, err);
		if (fds[2].revents)
			give(&p->in[1], proc->input, &sent);
	}
	return rc;
}

/* Waits for the child itself, which may have closed its outputs and gone on. */
static int reap(pid_t pid, uint64_t deadline_ms, int *status, struct dro_error *err)
{
	struct timespec pause = {0, 50000}; /* its outputs are closed: it is about to end */

	for (;;) {
		pid_t got = waitpid(pid, status, WNOHANG);

		if (got == pid)
			return 0;
		if (got < 0 && errno != EINTR)
			return dro_fail_errno(err, "waitpid");
		if (dro_now_ms() >= deadline_ms)
			return dro_fail(err, DRO_ETIMEDOUT, "it did not end in time");
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 2000000)
			pause.tv_nsec *= 2;
	}
}

/* Whoever leads the group may put things in order; what is left of it then is killed. */
static void let_end(pid_t pid, uint64_t grace_ms)
{
	int status;

	kill(-pid, SIGTERM);
	if (reap(pid, dro_now_ms() + grace_ms, &status, NULL) < 0)
		dro_proc_kill(pid);
	else
		kill(-pid, SIGKILL);
}

int dro_proc_watch(
	const struct dro_proc *proc, struct dro_proc_result *result, struct dro_error *err)
{
	struct pipes p = {{-1, -1}, {-1, -1}, {-1, -1}};
	sigset_t broken, before;
	pid_t pid = -1;
	int status = 0, rc;

	/* A child that does not read its input must not kill us. */
	sigemptyset(&broken);
	sigaddset(&broken, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &broken, &before);
	if (pipe2(p.in, O_CLOEXEC) < 0 || pipe2(p.out, O_CLOEXEC) < 0 ||
		pipe2(p.errors, O_CLOEXEC) < 0) {
		rc = dro_fail_errno(err, "pipe");
		goto out;
	}
	if ((rc = dro_proc_start(
		     &pid, proc->argv, proc->env, p.in[0], p.out[1], p.errors[1], err)) < 0)
		goto out;
	close_fd(&p.in[0]);
	close_fd(&p.out[1]);
	close_fd(&p.errors[1]);
	fcntl(p.in[1], F_SETFL, O_NONBLOCK);
	if ((rc = converse(&p, proc, err)) < 0 ||
		(rc = reap(pid, proc->deadline_ms, &status, err)) < 0) {
		if (proc->grace_ms)
			let_end(pid, proc->grace_ms);
		else
			dro_proc_kill(pid);
		dro_error_context(err, "%s", proc->argv[0]);
		goto out;
	}
	result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
out:
	close_pipes(&p);
	while (sigtimedwait(&broken, NULL, &(struct timespec){0, 0}) > 0)
		;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static int keep_out(void *arg, const char *data, size_t length, struct dro_error *err)
{
	struct dro_buf *const *sinks = arg;

	if (!sinks[0])
		return 0;
	dro_buf_append(sinks[0], data, length);
	return dro_buf_check(sinks[0], err);
}

static int keep_errors(void *arg, const char *data, size_t length, struct dro_error *err)
{
	return keep_out((struct dro_buf **)arg + 1, data, length, err);
}

int dro_proc_run(char *const argv[], char *const env[], const struct dro_buf *input,
	struct dro_buf *out, struct dro_buf *errors, uint64_t deadline_ms,
	struct dro_proc_result *result, struct dro_error *err)
{
	struct dro_buf *sinks[2] = {out, errors};

	return dro_proc_watch(&(struct dro_proc){.argv = argv,
				      .env = env,
				      .input = input,
				      .out = keep_out,
				      .errors = keep_errors,
				      .arg = sinks,
				      .stop = -1,
				      .deadline_ms = deadline_ms},
		result, err);
}

void dro_env_pick(char **env, size_t room, const char *const *names)
{
	size_t used = 0;

	for (; *names && used + 1 < room; names++) {
		const char *value = getenv(*names);

		if (value && asprintf(&env[used], "%s=%s", *names, value) > 0)
			used++;
	}
	env[used] = NULL;
}

void dro_env_free(char **env)
{
	for (; *env; env++)
		free(*env);
}

int dro_proc_find(struct dro_buf *out, const char *name, struct dro_error *err)
{
	const char *path = getenv("PATH");
	int rc;

	path = path ? path : "/usr/local/bin:/usr/bin:/bin";
	while (*path) {
		size_t length = strcspn(path, ":");

		dro_buf_reset(out);
		dro_buf_printf(out, "%.*s/%s", (int)length, path, name);
		if ((rc = dro_buf_check(out, err)) < 0)
			return rc;
		if (out->data[0] == '/' && access(out->data, X_OK) == 0)
			return 0;
		path += length + (path[length] == ':');
	}
	return dro_fail(err, DRO_ENOTFOUND, "there is no program %s", name);
}
