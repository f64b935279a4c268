/* drorch controller: what the controller of control/ takes from here. */
#include "control/controller.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/reconcile.h"
#include "cli/setup.h"
#include "cli/spec_judge.h"
#include "cli/worker.h"
#include "control/look.h"
#include "control/webhook.h"
#include "observe/databases.h"

#define LOOK_MS 120000
#define LATE_MS 30000
#define ORPHAN_MS 5000
#define RETRY_MS 10000
#define VISITS 16
#define HEARTBEAT_MS 5000
#define SHARE 0.5 /* of the background's: the rest is for reconcile runs, see worker.c */
#define LISTEN "127.0.0.1:9480"
#define SECRET_MS 10000
#define TIME_MIN_MS 1000
#define TIME_MAX_MS (24LL * 3600 * 1000)

struct controlling {
	struct dro_cli *cli;
	struct dro_setup setup;
	struct dro_controller_config config;
	struct dro_controller *controller;
	struct dro_webhook *webhook;
	struct dro_secret secret;
	const char *listen;
	pthread_t signals;
	bool listening; /* for signals */
	atomic_bool done;
};

/* What passes over the services of one spec stand on. */
struct world {
	struct dro_accounts *accounts;
	struct dro_observer *observer;
	char plugins[DRO_SHA256_HEX];
};

/* ---- what the controller asks for ------------------------------------------------------------ */

static int poll_git(void *arg, const char *have, struct dro_spec **out, struct dro_error *err)
{
	struct controlling *controlling = arg;

	return dro_spec_poll(out, controlling->setup.config, controlling->setup.store, have, err);
}

static void close_world(void *arg, void *world_arg)
{
	struct world *world = world_arg;

	(void)arg;
	dro_observer_free(world->observer);
	dro_accounts_free(world->accounts);
	free(world);
}

static int open_world(void *arg, const struct dro_spec *spec, void **out, struct dro_error *err)
{
	struct controlling *controlling = arg;
	struct world *world = calloc(1, sizeof(*world));
	int rc;

	if (!world)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = dro_setup_set_budgets(&controlling->setup, spec, err)) < 0 ||
		(rc = dro_plugins_digest(
			 world->plugins, controlling->setup.config->plugins, spec, err)) < 0 ||
		(rc = dro_accounts_new(&world->accounts, controlling->setup.registry, spec, err)) <
			0 ||
		(rc = dro_observer_new(&world->observer, true, err)) < 0) {
		close_world(arg, world);
		return rc;
	}
	*out = world;
	return 0;
}

static void visit(void *arg, const struct dro_visit_ask *ask, struct dro_visit *out)
{
	struct controlling *controlling = arg;
	const struct world *world = ask->world;
	const struct dro_pass_ask stand = {.accounts = world->accounts,
		.observer = world->observer,
		.sessions = controlling->setup.sessions,
		.store = controlling->setup.store,
		.log = &controlling->setup.log,
		.plugins = world->plugins};

	dro_control_look(ask, &stand, out);
}

/* While a run is under way too: the primary is to hear somebody. */
static void heartbeat(void *arg, const struct dro_service *service, uint64_t deadline_ms)
{
	struct controlling *controlling = arg;
	const struct dro_setup *setup = &controlling->setup;
	struct dro_data_host *hosts = NULL;
	struct dro_error err = DRO_ERROR_INIT;
	char *active = NULL;
	int64_t since_ms;

	if (dro_setup_active(&active, &since_ms, setup, service, &err) < 0 ||
		dro_databases_look(
			&hosts, setup->sessions, setup->store, service, deadline_ms, &err) < 0 ||
		(hosts && dro_databases_remember(
				  setup->store, service, hosts, active, dro_wall_ms(), &err) < 0))
		dro_log(&setup->log, DRO_LOG_WARNING, "%s: databases: %s", service->name,
			err.message);
	free(hosts);
	free(active);
}

static int start(void *arg, const char *run, struct dro_control_worker *out, struct dro_error *err)
{
	struct controlling *controlling = arg;

	return dro_worker_spawn(
		controlling->cli, controlling->setup.config, run, &out->news_fd, &out->pid, err);
}

/* ---- signals and hooks ----------------------------------------------------------------------- */

static void which_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

static void *hear_signals(void *arg)
{
	struct controlling *controlling = arg;
	sigset_t set;
	int signal_number;

	which_signals(&set);
	while (sigwait(&set, &signal_number) == 0 && !atomic_load(&controlling->done)) {
		if (signal_number == SIGHUP)
			dro_controller_poll_now(controlling->controller);
		else
			dro_controller_stop(controlling->controller);
	}
	return NULL;
}

static void poll_now(void *arg)
{
	struct controlling *controlling = arg;

	dro_controller_poll_now(controlling->controller);
}

static bool is_well(void *arg)
{
	struct controlling *controlling = arg;

	return dro_controller_is_well(controlling->controller);
}

static int start_webhook(struct controlling *controlling, struct dro_error *err)
{
	const struct dro_webhook_config config = {.listen = controlling->listen,
		.secret = controlling->secret.value,
		.secret_length = controlling->secret.length,
		.log = &controlling->setup.log,
		.poll_now = poll_now,
		.is_well = is_well,
		.arg = controlling};
	int rc;

	if (!*controlling->listen || controlling->config.once)
		return 0;
	if ((rc = dro_webhook_start(&controlling->webhook, &config, err)) == 0)
		dro_log(&controlling->setup.log, DRO_LOG_INFO, "listening on port %d%s",
			dro_webhook_port(controlling->webhook),
			controlling->secret.value ? "" : ", without a webhook: it has no secret");
	return rc;
}

/* ---- settings -------------------------------------------------------------------------------- */

/* The flag's time, or the configuration's. */
static int read_time(struct dro_cli *cli, const char *name, int64_t fallback, uint64_t *out)
{
	const char *text = dro_cli_value(cli, name);
	int64_t ms = fallback;

	if (text && (dro_duration_parse(text, &ms) < 0 || ms < TIME_MIN_MS || ms > TIME_MAX_MS))
		return dro_cli_usage(cli, "--%s: \"%s\" is no time of 1s to 1d", name, text);
	*out = (uint64_t)ms;
	return 0;
}

static int read_settings(struct controlling *controlling, struct dro_cli *cli)
{
	const struct dro_config_controller *settings = &controlling->setup.config->controller;
	struct dro_controller_config *config = &controlling->config;
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	if ((rc = read_time(cli, "poll", settings->poll_ms, &config->poll_ms)) != 0 ||
		(rc = read_time(cli, "period", settings->period_ms, &config->period_ms)) != 0)
		return rc;
	config->workers = (size_t)settings->workers;
	config->visits = VISITS;
	config->heartbeat_ms = HEARTBEAT_MS;
	config->look_ms = LOOK_MS;
	config->late_ms = LATE_MS;
	config->orphan_ms = ORPHAN_MS;
	config->retry_ms = RETRY_MS < config->period_ms ? RETRY_MS : config->period_ms;
	config->once = dro_cli_flag(cli, "once");
	controlling->listen = dro_cli_value(cli, "listen");
	if (!controlling->listen)
		controlling->listen = settings->listen;
	if (settings->webhook_secret.kind != DRO_SECRET_NONE) {
		if (!*controlling->listen)
			controlling->listen = LISTEN;
		if (dro_secret_resolve(&controlling->secret, &settings->webhook_secret,
			    controlling->setup.redactor, dro_now_ms() + SECRET_MS, &err) < 0)
			return dro_cli_error(cli, &err);
	}
	config->listen = controlling->listen;
	return 0;
}

/* ---- the command ----------------------------------------------------------------------------- */

/* `once` polls by opening the spec: did that give the newest commit? */
static int once_polled(struct controlling *controlling, struct dro_error *err)
{
	struct dro_spec_attempt attempt;

	if (!controlling->config.once ||
		dro_spec_attempt_get(controlling->setup.store, &attempt, NULL) < 0 ||
		!*attempt.error)
		return 0;
	return dro_fail(err, *attempt.rule ? DRO_ESAFETY : DRO_EAGAIN,
		"the newest commit is not followed: %s", attempt.error);
}

static int open_all(struct controlling *controlling, struct dro_error *err)
{
	struct dro_setup *setup = &controlling->setup;
	struct dro_spec *spec = setup->spec;
	int rc;

	if (!*spec->commit)
		return dro_fail(err, DRO_EINVAL,
			"%s is a folder: the controller follows a branch of a git repository",
			setup->config->url);
	if ((rc = dro_setup_open_registry(setup, err)) < 0 ||
		(rc = dro_sessions_new(&setup->sessions, setup->redactor, err)) < 0)
		return rc;
	setup->spec = NULL;
	if ((rc = dro_controller_new(&controlling->controller, &controlling->config, spec, err)) <
		0)
		return rc;
	if (pthread_create(&controlling->signals, NULL, hear_signals, controlling) != 0)
		return dro_fail(err, DRO_ENOMEM, "no thread could be started");
	controlling->listening = true;
	return start_webhook(controlling, err);
}

static void close_all(struct controlling *controlling)
{
	atomic_store(&controlling->done, true);
	dro_webhook_stop(controlling->webhook);
	if (controlling->listening) {
		pthread_kill(controlling->signals, SIGTERM);
		pthread_join(controlling->signals, NULL);
	}
	dro_controller_free(controlling->controller);
	dro_secret_free(&controlling->secret);
	dro_setup_free(&controlling->setup);
}

static int control(struct controlling *controlling, struct dro_cli *cli)
{
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	if ((rc = read_settings(controlling, cli)) != 0)
		return rc;
	controlling->config.store = controlling->setup.store;
	controlling->config.log = &controlling->setup.log;
	if (open_all(controlling, &err) < 0)
		return dro_cli_error(cli, &err);
	dro_log(&controlling->setup.log, DRO_LOG_INFO, "controller of %s",
		controlling->setup.config->url);
	rc = dro_controller_run(controlling->controller, &err);
	if (rc == DRO_ETIMEDOUT) {
		/* Threads are still at it: there is nothing that may be freed. All that counts is
		 * in the store. */
		dro_log(&controlling->setup.log, DRO_LOG_WARNING, "%s", err.message);
		_exit(DRO_EXIT_OK);
	}
	if (rc == 0)
		rc = once_polled(controlling, &err);
	return rc < 0 ? dro_cli_error(cli, &err) : DRO_EXIT_OK;
}

int dro_cmd_controller(struct dro_cli *cli)
{
	struct controlling controlling = {.cli = cli,
		.setup = {.will_call = true, .background = SHARE},
		.secret = DRO_SECRET_INIT};
	const struct dro_controller_ops ops = {.arg = &controlling,
		.poll = poll_git,
		.open = open_world,
		.close = close_world,
		.visit = visit,
		.heartbeat = heartbeat,
		.start = start};
	struct dro_systemd *systemd = NULL;
	struct dro_error err = DRO_ERROR_INIT;
	sigset_t set;
	int rc;

	/* Before there are threads: the environment, and who hears signals. */
	if (dro_systemd_open(&systemd, &err) < 0)
		return dro_cli_error(cli, &err);
	which_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (cli->log.level == DRO_LOG_WARNING)
		cli->log.level = DRO_LOG_INFO; /* its messages are a log, one line an event */
	controlling.config.ops = &ops;
	controlling.config.systemd = systemd;
	if ((rc = dro_setup_open(&controlling.setup, cli, DRO_NEED_SPEC)) == 0)
		rc = control(&controlling, cli);
	close_all(&controlling);
	dro_systemd_close(systemd);
	return rc;
}
