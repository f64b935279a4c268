#include "agent/boot.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/progress.h"
#include "agent/restore.h"
#include "agent/service.h"
#include "agent/site.h"
#include "agent/userdata.h"
#include "base/clock.h"
#include "base/pool.h"

#define STOP_MS 30000 /* what the service has to end in, once told to */

/*
 * The main thread owns signals and the service; a worker restores. So a stop is obeyed at once,
 * whatever the restore waits for.
 */
struct boot {
	const struct agent_config *config;
	const char *userdata_path;
	const struct dro_log *log;
	struct agent_progress *progress;
	struct agent_userdata userdata;
	struct agent_service service;
	char **environment;
	int signals, finished; /* descriptors: signalfd; eventfd of the worker */
	int rc;		       /* of the worker, once `finished` can be read */
	struct dro_error err;
	bool preparing;	   /* the worker is at it */
	uint64_t again_ms; /* when to start the service again; 0: not planned */
	uint64_t kill_ms;  /* when to kill it; 0: we are not stopping */
};

static void fill_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGCHLD);
}

void agent_boot_block_signals(void)
{
	sigset_t set;

	fill_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* ---- the worker --------------------------------------------------------------------------- */

static int check_user(struct boot *boot, struct dro_error *err)
{
	const struct agent_config *config = boot->config;
	const struct agent_userdata *userdata = &boot->userdata;

	if (*userdata->service && strcmp(userdata->service, config->service) != 0)
		return dro_fail(err, DRO_ECONFLICT,
			"the user-data is for the service \"%.128s\", this image is of \"%s\"",
			userdata->service, config->service);
	return 0;
}

static void prepare(void *arg)
{
	struct boot *boot = arg;
	uint64_t one = 1;

	if (*boot->userdata.backup)
		boot->rc = agent_restore(
			boot->config, &boot->userdata, boot->progress, boot->log, &boot->err);
	while (write(boot->finished, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* ---- the service -------------------------------------------------------------------------- */

static bool is_ours(const char *variable)
{
	static const char *const names[] = {"DRORCH_SITE=", "DRORCH_SERVICE=", "DRORCH_ROLE="};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Our environment with the three variables; only the three are ours to free. */
static int make_environment(struct boot *boot, struct dro_error *err)
{
	const char *role = *boot->userdata.role ? boot->userdata.role : "primary";
	const char *site = *boot->userdata.site ? boot->userdata.site : boot->config->site;
	size_t count = 0, used = 3;
	char **from;

	for (from = environ; *from; from++)
		count++;
	boot->environment = calloc(count + 4, sizeof(char *));
	if (!boot->environment)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (asprintf(&boot->environment[0], "DRORCH_SITE=%s", site) < 0 ||
		asprintf(&boot->environment[1], "DRORCH_SERVICE=%s", boot->config->service) < 0 ||
		asprintf(&boot->environment[2], "DRORCH_ROLE=%s", role) < 0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (from = environ; *from; from++)
		if (!is_ours(*from))
			boot->environment[used++] = *from;
	return 0;
}

static void give_up(struct boot *boot, const struct dro_error *err)
{
	dro_log(boot->log, DRO_LOG_ERROR, "%s", err->message);
	agent_progress_error(boot->progress, err->message, true);
}

static void start(struct boot *boot)
{
	struct dro_error err = DRO_ERROR_INIT;

	boot->again_ms = 0;
	agent_progress_state(boot->progress, AGENT_STARTING_SERVICE);
	if (boot->config->command) {
		boot->service.command = boot->config->command;
		boot->service.environment = boot->environment;
		if (agent_service_start(&boot->service, &err) < 0) {
			give_up(boot, &err);
			return;
		}
		agent_progress_started(boot->progress, true);
	}
	agent_progress_state(boot->progress, AGENT_READY);
	dro_log(boot->log, DRO_LOG_INFO, "the service runs");
}

static void on_finished(struct boot *boot)
{
	uint64_t count;

	if (read(boot->finished, &count, sizeof(count)) != sizeof(count))
		return;
	boot->preparing = false;
	if (boot->rc < 0)
		give_up(boot, &boot->err);
	else
		start(boot);
}

static void on_ended(struct boot *boot, int status)
{
	char how[64], text[128];

	agent_service_describe(how, sizeof(how), status);
	snprintf(text, sizeof(text), "the service %s", how);
	dro_log(boot->log, DRO_LOG_WARNING, "%s", text);
	agent_progress_started(boot->progress, false);
	agent_progress_state(boot->progress, AGENT_STARTING_SERVICE);
	agent_progress_error(boot->progress, text, false);
	boot->again_ms = agent_service_again_ms(&boot->service);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static void on_signal(struct boot *boot)
{
	struct signalfd_siginfo info;

	if (read(boot->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		return;
	if (boot->service.pid)
		kill(boot->service.pid, (int)info.ssi_signo);
	if (info.ssi_signo != SIGHUP && !boot->kill_ms)
		boot->kill_ms = dro_now_ms() + STOP_MS;
}

/* Milliseconds until something is due; -1: nothing is. */
static int wait_ms(const struct boot *boot)
{
	uint64_t now = dro_now_ms(), due = boot->kill_ms ? boot->kill_ms : boot->again_ms;

	if (!due)
		return -1;
	return due > now ? (int)(due - now) : 0;
}

/* Until we are told to stop and the service has ended. The exit status. */
static int loop(struct boot *boot)
{
	struct pollfd waits[2] = {
		{.fd = boot->signals, .events = POLLIN}, {.fd = boot->finished, .events = POLLIN}};
	int status = 0;

	for (;;) {
		if (poll(waits, 2, wait_ms(boot)) < 0 && errno != EINTR)
			return EXIT_FAILURE;
		if (waits[0].revents)
			on_signal(boot);
		if (waits[1].revents && !boot->kill_ms)
			on_finished(boot);
		if (agent_service_ended(&boot->service, &status) && !boot->kill_ms)
			on_ended(boot, status);
		if (boot->kill_ms && !boot->service.pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SUCCESS;
		if (boot->kill_ms && dro_now_ms() >= boot->kill_ms)
			kill(boot->service.pid, SIGKILL);
		else if (boot->again_ms && dro_now_ms() >= boot->again_ms)
			start(boot);
	}
}

/* ---- beginning and end -------------------------------------------------------------------- */

static int listen_first(struct boot *boot, struct dro_error *err)
{
	const struct agent_config *config = boot->config;
	int port, rc;

	agent_progress_who(boot->progress, config->service, config->site);
	if ((rc = agent_progress_listen(
		     boot->progress, config->address, config->port, &port, err)) < 0)
		return rc;
	dro_log(boot->log, DRO_LOG_INFO, "progress on http://%s:%d/v1/progress", config->address,
		port);
	return 0;
}

/* Past this point failures are told by the endpoint, which stays up. */
static void begin(struct boot *boot, struct dro_pool *worker)
{
	struct dro_error err = DRO_ERROR_INIT;

	if (agent_userdata_read(&boot->userdata, boot->userdata_path, &err) < 0 ||
		check_user(boot, &err) < 0 ||
		agent_site_keep(boot->config, boot->userdata.site, &err) < 0 ||
		make_environment(boot, &err) < 0) {
		give_up(boot, &err);
		return;
	}
	if (*boot->userdata.site)
		agent_progress_who(boot->progress, boot->config->service, boot->userdata.site);
	boot->preparing = true;
	if (dro_pool_submit(worker, prepare, boot, &err) < 0) {
		boot->preparing = false;
		give_up(boot, &err);
	}
}

static void free_boot(struct boot *boot)
{
	int i;

	agent_progress_free(boot->progress);
	agent_userdata_free(&boot->userdata);
	for (i = 0; boot->environment && i < 3; i++)
		free(boot->environment[i]);
	free(boot->environment);
	if (boot->signals >= 0)
		close(boot->signals);
	if (boot->finished >= 0)
		close(boot->finished);
}

int agent_boot(
	const struct agent_config *config, const char *userdata_path, const struct dro_log *log)
{
	struct boot boot = {.config = config,
		.userdata_path = userdata_path,
		.log = log,
		.err = DRO_ERROR_INIT,
		.finished = eventfd(0, EFD_CLOEXEC)};
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_pool *worker = NULL;
	int status = EXIT_FAILURE;
	sigset_t set;

	fill_signals(&set);
	boot.signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (boot.signals < 0 || boot.finished < 0) {
		dro_fail_errno(&err, "boot");
		goto out;
	}
	if (agent_progress_new(&boot.progress, &err) < 0 || listen_first(&boot, &err) < 0 ||
		dro_pool_new(&worker, 1, &err) < 0)
		goto out;
	begin(&boot, worker);
	status = loop(&boot);
	if (boot.preparing) /* a restore may be cut off anywhere; to wait for it could take long */
		_exit(status);
out:
	if (err.code)
		dro_log(log, DRO_LOG_ERROR, "%s", err.message);
	dro_pool_free(worker);
	free_boot(&boot);
	return status;
}
