/* Being a worker: see cli/worker.h. worker_start.c starts one. */
#include "cli/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/commands.h"
#include "engine/engine.h"
#include "engine/start.h"

#define LEASE_MS 15000
#define RENEW_MS 5000
#define TAKE_MS 2000 /* a promote that is refused holds it for a moment */
#define TAKE_AGAIN_MS 50
#define PLAN_MAX (64u << 20)

/* The lease, kept fresh beside the engine. */
struct keeper {
	struct dro_store *store;
	struct dro_lease lease; /* as taken: epoch and holder do not change */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, synced;
	bool stopping;
	bool sync, syncing;	     /* the journal is to go to the disk; it is on its way */
	_Atomic uint64_t good_until; /* monotonic */
	volatile int lost;
};

/* Locked, but not while it takes. */
static void sync_now(struct keeper *keeper)
{
	keeper->sync = false;
	keeper->syncing = true;
	pthread_mutex_unlock(&keeper->lock);
	dro_store_sync(keeper->store, NULL); /* where it fails it fails again, in may_send */
	pthread_mutex_lock(&keeper->lock);
	keeper->syncing = false;
	pthread_cond_broadcast(&keeper->synced);
}

static void *keep_lease(void *arg)
{
	struct keeper *keeper = arg;
	struct dro_lease lease = keeper->lease;
	uint64_t now, next = dro_now_ms() + RENEW_MS;
	struct timespec until;

	pthread_mutex_lock(&keeper->lock);
	while (!keeper->stopping) {
		if (keeper->sync) {
			sync_now(keeper);
			continue;
		}
		now = dro_now_ms();
		if (now < next) {
			until = (struct timespec){
				(time_t)(next / 1000), (long)(next % 1000) * 1000000};
			pthread_cond_timedwait(&keeper->wake, &keeper->lock, &until);
			continue;
		}
		next = now + RENEW_MS;
		if (dro_store_lease_renew(keeper->store, &lease, LEASE_MS, NULL) == 0)
			keeper->good_until = now + LEASE_MS;
		else if (now >= keeper->good_until)
			keeper->lost = 1;
	}
	pthread_mutex_unlock(&keeper->lock);
	return NULL;
}

/* Every mutation asks: is the lease still ours? A process that was stopped for too long finds out
 * here. Its intent begins its way to the disk, while the plugin looks. */
static int may_mutate(void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct keeper *keeper = arg;
	struct dro_lease now;
	bool alive;
	int rc;

	(void)call;
	if (dro_now_ms() >= keeper->good_until)
		return dro_fail(err, DRO_EBUSY, "our lease on %s ran out", keeper->lease.service);
	if ((rc = dro_store_lease_get(keeper->store, keeper->lease.service, &now, &alive, err)) < 0)
		return rc;
	if (now.epoch != keeper->lease.epoch)
		return dro_fail(err, DRO_EBUSY, "%s is driven by %s now", now.service, now.holder);
	pthread_mutex_lock(&keeper->lock);
	keeper->sync = true;
	pthread_cond_signal(&keeper->wake);
	pthread_mutex_unlock(&keeper->lock);
	return 0;
}

/* The intent is on the disk before the world is changed. Where it is not, the store takes the
 * call's result neither, so the run ends here and the step is asked for again by who takes it up.
 */
static int may_send(void *arg, struct dro_error *err)
{
	struct keeper *keeper = arg;

	pthread_mutex_lock(&keeper->lock);
	while (keeper->sync || keeper->syncing)
		pthread_cond_wait(&keeper->synced, &keeper->lock);
	pthread_mutex_unlock(&keeper->lock);
	return dro_store_sync(keeper->store, err);
}

/* Both at once, for what goes out by no provider. */
static int may_change(void *arg, const struct dro_call *call, struct dro_error *err)
{
	int rc = may_mutate(arg, call, err);

	return rc < 0 ? rc : may_send(arg, err);
}

static int take_lease(struct keeper *keeper, const char *service, struct dro_error *err)
{
	uint64_t until = dro_now_ms() + TAKE_MS;
	char holder[128];
	int rc;

	dro_store_holder(holder);
	for (;;) {
		keeper->good_until = dro_now_ms() + LEASE_MS;
		rc = dro_store_lease_take(
			keeper->store, service, holder, LEASE_MS, &keeper->lease, err);
		if (rc != DRO_EBUSY || dro_now_ms() >= until)
			return rc;
		usleep(TAKE_AGAIN_MS * 1000);
	}
}

static int keeper_start(
	struct keeper *keeper, struct dro_store *store, const char *service, struct dro_error *err)
{
	pthread_condattr_t attr;
	int rc;

	keeper->store = store;
	if ((rc = take_lease(keeper, service, err)) < 0)
		return rc;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&keeper->lock, NULL);
	pthread_cond_init(&keeper->wake, &attr);
	pthread_cond_init(&keeper->synced, NULL);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&keeper->thread, NULL, keep_lease, keeper) != 0) {
		dro_store_lease_release(store, &keeper->lease, NULL);
		return dro_fail(err, DRO_ENOMEM, "no thread could be started");
	}
	return 0;
}

static void keeper_stop(struct keeper *keeper)
{
	pthread_mutex_lock(&keeper->lock);
	keeper->stopping = true;
	pthread_cond_signal(&keeper->wake);
	pthread_mutex_unlock(&keeper->lock);
	pthread_join(keeper->thread, NULL);
	dro_store_lease_release(keeper->store, &keeper->lease, NULL);
	pthread_cond_destroy(&keeper->wake);
	pthread_cond_destroy(&keeper->synced);
	pthread_mutex_destroy(&keeper->lock);
}

/* The pipe that it was started with, or -1: the number may be free, and a file's before long. */
static int take_news(void)
{
	struct stat st;

	if (fstat(DRO_WORKER_NEWS_FD, &st) < 0 || !S_ISFIFO(st.st_mode))
		return -1;
	fcntl(DRO_WORKER_NEWS_FD, F_SETFD, FD_CLOEXEC);
	fcntl(DRO_WORKER_NEWS_FD, F_SETFL, O_NONBLOCK);
	return DRO_WORKER_NEWS_FD;
}

static void tell(void *arg)
{
	const int *news = arg;

	/* Nobody may be reading, or the pipe may be full of news already. */
	if (*news >= 0)
		(void)!write(*news, ".", 1);
}

/* A working copy has no commit to go back to: with other sites the run would do other things, and
 * not find what it did. An abort may be the way out. */
static int check_spec(
	const struct dro_setup *setup, const struct dro_run_row *row, struct dro_error *err)
{
	struct dro_plan *plan = NULL;
	const char *digest;
	int rc;

	if (row->wish == DRO_WISH_ABORT)
		return 0;
	if ((rc = dro_plan_parse(&plan, row->plan, strlen(row->plan), err)) < 0)
		return rc;
	digest = dro_json_text(plan->facts, "spec");
	if (!*plan->commit && *digest && strcmp(digest, setup->spec->digest) != 0)
		rc = dro_fail(err, DRO_ECONFLICT,
			"the spec is not the one that run %s was planned with: put it back, or "
			"`drorch abort %s`",
			row->id, row->id);
	dro_plan_free(plan);
	return rc;
}

static int drive(struct dro_setup *setup, struct dro_cli *cli, struct keeper *keeper,
	const struct dro_run_row *row, int *news, struct dro_error *err)
{
	struct dro_world world = {.store = setup->store,
		.lease = &keeper->lease,
		.clock = &dro_clock_real,
		.log = &setup->log,
		.kinds = dro_step_kinds,
		.sessions = setup->sessions,
		.may_mutate = may_change,
		.may_mutate_arg = keeper};
	enum dro_run_state state = DRO_RUN_FAILED;
	char *runs = NULL;
	int rc;

	world.spec = setup->spec;
	world.accounts = setup->accounts;
	world.net = setup->net;
	world.service = dro_spec_service(setup->spec, row->service);
	if (!world.service)
		return dro_fail(err, DRO_ENOTFOUND, "the spec has no service \"%s\" any more",
			row->service);
	if ((rc = check_spec(setup, row, err)) < 0)
		return rc;
	world.runs = runs = dro_path_join(setup->config->state, "runs");
	if (!runs)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	rc = dro_engine_run(&world, row->id, &keeper->lost, tell, news, &state, err);
	if (rc == 0)
		dro_log(&cli->log, DRO_LOG_INFO, "run %s is %s", row->id,
			dro_run_state_name(state));
	free(runs);
	return rc;
}

/* Of two that were started for one run the second finds it driven already: not its turn. */
static bool untouched(struct dro_store *store, const struct dro_run_row *row)
{
	struct dro_run_row *now = NULL;
	bool same = dro_store_run_get(store, row->id, &now, NULL) == 0 && now->epoch == row->epoch;

	dro_run_row_free(now);
	return same;
}

/* ---- in advance ------------------------------------------------------------------------------ */

/* Byte for byte: what follows the line is for later. False: nobody is there any more to tell us. */
static bool read_line(char *out, size_t size)
{
	size_t length = 0;
	ssize_t got;

	for (;;) {
		got = read(0, &out[length], 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got != 1)
			return false;
		if (out[length] == '\n')
			break;
		if (++length == size)
			return false;
	}
	out[length] = '\0';
	return true;
}

static int open_log(const struct dro_config *config, const char *run, struct dro_error *err)
{
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC), out = -1, rc = 0;
	char *path = NULL;

	if (asprintf(&path, "%s/runs/%s.log", config->state, run) < 0)
		path = NULL;
	else
		out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		rc = dro_fail_errno(err, "the log of run %s", run);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	free(path);
	return rc;
}

/*
 * Loads what a run of the spec at the first line's commit needs; then waits for the second line,
 * the run. What fails before that fails again, and is told, when there is a log to tell it to.
 * DRO_ECANCELLED: whoever started us needs no worker after all.
 */
static int wait_for_run(struct dro_setup *setup, struct dro_cli *cli, char *commit, char *run,
	struct dro_error *err)
{
	if (!read_line(commit, DRO_WORKER_LINE_MAX))
		return dro_fail(err, DRO_ECANCELLED, "not needed");
	setup->commit = commit;
	if (dro_setup_open(setup, cli, DRO_NEED_PROVIDERS) == 0)
		dro_accounts_warm(setup->accounts);
	if (!read_line(run, DRO_WORKER_LINE_MAX))
		return dro_fail(err, DRO_ECANCELLED, "not needed");
	if (!setup->config || strchr(run, '/'))
		return dro_fail(err, DRO_EINVAL, "no run: %s", run);
	return open_log(setup->config, run, err);
}

/* The spec is to be that of the run: what was loaded in advance may be of another commit. */
static int open_providers(
	struct dro_setup *setup, struct dro_cli *cli, const struct dro_run_row *row, cJSON **plan)
{
	const char *commit;

	if (dro_json_parse(plan, row->plan, strlen(row->plan), PLAN_MAX, NULL) == 0) {
		commit = dro_json_text(*plan, "commit");
		if (setup->commit && strcmp(setup->commit, commit) != 0) {
			dro_setup_free_providers(setup);
			dro_spec_free(setup->spec);
			setup->spec = NULL;
		}
		setup->commit = commit;
	}
	return dro_setup_open(setup, cli, DRO_NEED_PROVIDERS);
}

int dro_cmd_worker(struct dro_cli *cli)
{
	struct keeper keeper = {0};
	struct dro_setup setup = {.may_mutate = may_mutate,
		.may_send = may_send,
		.may_mutate_arg = &keeper,
		.will_call = true};
	char commit[DRO_WORKER_LINE_MAX], told[DRO_WORKER_LINE_MAX];
	const char *run = cli->args[0];
	struct dro_run_row *row = NULL;
	struct dro_error err = DRO_ERROR_INIT;
	cJSON *plan = NULL;
	int news = take_news(), rc;

	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	if (strcmp(run, DRO_WORKER_WAITS) == 0) {
		run = told;
		rc = wait_for_run(&setup, cli, commit, told, &err);
		if (rc < 0) {
			rc = rc == DRO_ECANCELLED ? 0 : dro_cli_error(cli, &err);
			goto out;
		}
	}
	/* The lease first: whoever looks sees that the run is being driven. */
	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_STORE)) != 0)
		goto out;
	if (dro_store_run_get(setup.store, run, &row, &err) < 0 ||
		keeper_start(&keeper, setup.store, row->service, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	/* Nobody waits for it: the controller has one half of the background's share, its workers
	 * the other. */
	if (!setup.accounts && strcmp(row->kind, DRO_KIND_RECONCILE) == 0)
		setup.background = 0.5 / setup.config->controller.workers;
	rc = untouched(setup.store, row) ? open_providers(&setup, cli, row, &plan) : DRO_EXIT_LEASE;
	if (rc == 0 && drive(&setup, cli, &keeper, row, &news, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		dro_store_event_add(setup.store, row->service, "run", row->id, err.message, NULL);
	}
	keeper_stop(&keeper);
	if (news >= 0)
		close(news); /* whoever follows need not wait for the tidying up */
out:
	dro_setup_free(&setup);
	cJSON_Delete(plan);
	dro_run_row_free(row);
	return rc;
}
