/* Starting a worker, at once or in advance. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/follow.h"
#include "cli/worker.h"
#include "engine/start.h"

#define ARGUMENTS_MAX 20
#define LEAVE_MS 2000 /* one that is not needed has this long to see it */
#define LEAVE_AGAIN_MS 1

extern char **environ;

/* What the new process gets as 0 to 3; all others are closed. */
struct streams {
	int input;	 /* -1: nothing */
	const char *log; /* standard output and error */
	int news;
};

static int spawn(
	pid_t *pid, char *const argv[], const struct streams *streams, struct dro_error *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	int rc;

	sigemptyset(&none);
	sigfillset(&defaults);
	sigdelset(&defaults, SIGHUP); /* a terminal that goes away is not the run's matter */
	posix_spawn_file_actions_init(&actions);
	if (streams->input >= 0)
		posix_spawn_file_actions_adddup2(&actions, streams->input, 0);
	else
		posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(
		&actions, 1, streams->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	posix_spawn_file_actions_adddup2(&actions, streams->news, DRO_WORKER_NEWS_FD);
	posix_spawn_file_actions_addclosefrom_np(&actions, DRO_WORKER_NEWS_FD + 1);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	rc = posix_spawn(pid, "/proc/self/exe", &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc ? dro_fail(err, DRO_EIO, "no worker could be started: %s", strerror(rc)) : 0;
}

static void make_arguments(const char *argv[ARGUMENTS_MAX], const struct dro_cli *cli,
	const struct dro_config *config, const char *run)
{
	const char *const first[] = {"drorch", "worker", run, "--state", config->state, "--repo",
		config->url, "--branch", config->branch, "--plugins", config->plugins};
	int argc = sizeof(first) / sizeof(first[0]);

	memcpy(argv, first, sizeof(first));
	if (dro_cli_value(cli, "config")) {
		argv[argc++] = "--config";
		argv[argc++] = dro_cli_value(cli, "config");
	}
	if (*config->path) {
		argv[argc++] = "--path";
		argv[argc++] = config->path;
	}
	argv[argc++] = "--verbose";
	if (cli->log.level == DRO_LOG_DEBUG)
		argv[argc++] = "--verbose";
	argv[argc] = NULL;
}

/* The run's log, its folder made; malloc'd. */
static int make_log(
	char **out, const struct dro_config *config, const char *run, struct dro_error *err)
{
	char *folder = NULL, *log = NULL;
	int rc;

	if (asprintf(&folder, "%s/runs", config->state) < 0)
		folder = NULL;
	if (!folder || asprintf(&log, "%s/%s.log", folder, run) < 0) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		log = NULL;
	} else {
		rc = dro_dir_make(folder, 0700, err);
	}
	free(folder);
	if (rc == 0)
		*out = log;
	else
		free(log);
	return rc;
}

static void close_both(int pipes[2])
{
	if (pipes[0] >= 0)
		close(pipes[0]);
	if (pipes[1] >= 0)
		close(pipes[1]);
}

/* ---- in advance ------------------------------------------------------------------------------ */

/* One line to a worker that waits: it is short, so that it goes whole or not at all. */
static bool tell(int fd, const char *line)
{
	char text[DRO_WORKER_LINE_MAX + 1];
	int length = snprintf(text, sizeof(text), "%s\n", line);

	return length > 0 && length < (int)sizeof(text) &&
	       write(fd, text, (size_t)length) == length;
}

void dro_worker_prepare(struct dro_worker_ready *ready, const struct dro_cli *cli,
	const struct dro_config *config, const char *commit)
{
	const char *argv[ARGUMENTS_MAX];
	int input[2] = {-1, -1}, news[2] = {-1, -1};
	struct streams streams = {.log = "/dev/null"};
	pid_t pid;

	make_arguments(argv, cli, config, DRO_WORKER_WAITS);
	if (pipe2(input, O_CLOEXEC) < 0 || pipe2(news, O_CLOEXEC) < 0)
		goto out;
	streams.input = input[0];
	streams.news = news[1];
	if (spawn(&pid, (char *const *)argv, &streams, NULL) < 0)
		goto out;
	*ready = (struct dro_worker_ready){.pid = pid, .tell_fd = input[1], .news_fd = news[0]};
	input[1] = news[0] = -1;
	if (!tell(ready->tell_fd, commit))
		dro_worker_dismiss(ready);
out:
	close_both(input);
	close_both(news);
}

void dro_worker_dismiss(struct dro_worker_ready *ready)
{
	uint64_t until = dro_now_ms() + LEAVE_MS;
	pid_t gone;

	if (!ready->pid)
		return;
	close(ready->tell_fd);
	close(ready->news_fd);
	while ((gone = waitpid(ready->pid, NULL, WNOHANG)) == 0 && dro_now_ms() < until)
		usleep(LEAVE_AGAIN_MS * 1000);
	if (gone == 0) {
		kill(ready->pid, SIGKILL);
		waitpid(ready->pid, NULL, 0);
	}
	*ready = (struct dro_worker_ready){0};
}

/* Hands the run over; false where the worker is gone meanwhile. */
static bool hand_over(struct dro_worker_ready *ready, const char *run, int *news_fd)
{
	if (!ready || !ready->pid)
		return false;
	if (!tell(ready->tell_fd, run)) {
		dro_worker_dismiss(ready);
		return false;
	}
	close(ready->tell_fd);
	*news_fd = ready->news_fd;
	*ready = (struct dro_worker_ready){0};
	return true;
}

/* ---- at once --------------------------------------------------------------------------------- */

int dro_worker_spawn(const struct dro_cli *cli, const struct dro_config *config, const char *run,
	int *news_fd, pid_t *pid, struct dro_error *err)
{
	const char *argv[ARGUMENTS_MAX];
	struct streams streams = {.input = -1};
	int news[2] = {-1, -1}, rc;
	char *log = NULL;

	if ((rc = make_log(&log, config, run, err)) < 0)
		return rc;
	make_arguments(argv, cli, config, run);
	if (pipe2(news, O_CLOEXEC) < 0) {
		rc = dro_fail_errno(err, "pipe");
		goto out;
	}
	streams.log = log;
	streams.news = news[1];
	if ((rc = spawn(pid, (char *const *)argv, &streams, err)) == 0) {
		*news_fd = news[0];
		news[0] = -1;
	}
out:
	close_both(news);
	free(log);
	return rc;
}

int dro_worker_start(const struct dro_cli *cli, const struct dro_config *config, const char *run,
	struct dro_worker_ready *ready, int *news_fd, struct dro_error *err)
{
	char *log = NULL;
	pid_t pid;
	int rc;

	/* One that waits opens its log when it is told its run: the folder is made for it. */
	rc = make_log(&log, config, run, err);
	free(log);
	if (rc < 0 || hand_over(ready, run, news_fd))
		return rc;
	return dro_worker_spawn(cli, config, run, news_fd, &pid, err);
}

int dro_worker_run(struct dro_cli *cli, struct dro_setup *setup, const struct dro_plan *plan,
	const char *newest, struct dro_worker_ready *ready)
{
	struct dro_error err = DRO_ERROR_INIT;
	int news_fd;

	if (dro_run_add(setup->store, plan, newest, &err) < 0 ||
		dro_worker_start(cli, setup->config, plan->id, ready, &news_fd, &err) < 0)
		return dro_cli_error(cli, &err);
	/* Beside the worker, which waits for the same before it changes anything. */
	if (dro_store_sync(setup->store, &err) < 0)
		dro_cli_error(cli, &err);
	if (!cli->json)
		printf("Run %s\n", plan->id);
	/* While the worker works, and not at the end. */
	dro_setup_free_providers(setup);
	return dro_follow(cli, setup->store, plan->id, news_fd, 0);
}
