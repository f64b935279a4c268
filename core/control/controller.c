#include "control/controller.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control/internal.h"

#define LEASE_MS 60000
#define RENEW_MS 20000
#define SCAN_MS 1000   /* for runs that nobody drives */
#define STOP_MS 25000  /* what is in flight may take this long when we stop */
#define TURN_MS 1000   /* the loop turns at least so often */
#define REAP_MS 50     /* a worker that has closed its pipe is gone in a moment */
#define STUCK_MS 30000 /* a turn that took longer */
#define FDS_MAX 64

uint64_t control_now(void)
{
	return dro_clock_real.now_ms(&dro_clock_real);
}

void control_wake(struct dro_controller *controller)
{
	const uint64_t one = 1;

	/* Full means that it is awake. */
	(void)!write(controller->wake_fd, &one, sizeof(one));
}

bool control_slot_take(struct dro_controller *controller)
{
	bool taken;

	pthread_mutex_lock(&controller->lock);
	taken = controller->slots < controller->config.workers;
	controller->slots += taken;
	pthread_mutex_unlock(&controller->lock);
	return taken;
}

void control_slot_give(struct dro_controller *controller)
{
	pthread_mutex_lock(&controller->lock);
	controller->slots--;
	pthread_mutex_unlock(&controller->lock);
}

void dro_controller_stop(struct dro_controller *controller)
{
	atomic_store(&controller->stopping, 1);
	control_wake(controller);
}

void dro_controller_poll_now(struct dro_controller *controller)
{
	atomic_store(&controller->poll_wanted, 1);
	control_wake(controller);
}

/* ---- progress -------------------------------------------------------------------------------- */

static bool visits_are_well(struct dro_controller *controller)
{
	const struct control_job *job;
	uint64_t now = control_now();
	bool well = true;

	pthread_mutex_lock(&controller->lock);
	for (job = controller->jobs; job; job = job->next)
		well = well && now < job->ask.deadline_ms + controller->config.late_ms;
	pthread_mutex_unlock(&controller->lock);
	return well;
}

bool dro_controller_is_well(struct dro_controller *controller)
{
	return control_now() < atomic_load(&controller->beat_ms) + STUCK_MS &&
	       visits_are_well(controller) && control_poller_well(controller);
}

/* Fed from the loop, and only while what hangs on it moves: alive is not enough. */
static void feed_watchdog(struct dro_controller *controller)
{
	uint64_t every = dro_systemd_watchdog_ms(controller->config.systemd), now = control_now();

	if (!every || (controller->fed_ms && now - controller->fed_ms < every / 2))
		return;
	if (!dro_controller_is_well(controller)) {
		dro_log(controller->config.log, DRO_LOG_ERROR,
			"no progress past every deadline: the watchdog is left to starve");
		controller->fed_ms = now;
		return;
	}
	controller->fed_ms = now;
	dro_systemd_tell(controller->config.systemd, NULL, "WATCHDOG=1\n");
}

/* ---- one turn -------------------------------------------------------------------------------- */

static int keep_lease(struct dro_controller *controller, struct dro_error *err)
{
	uint64_t now = control_now();
	int rc;

	if (now - controller->renew_ms < RENEW_MS)
		return 0;
	rc = dro_store_lease_renew(controller->config.store, &controller->lease, LEASE_MS, err);
	if (rc == 0)
		controller->renew_ms = now;
	else if (rc != DRO_EBUSY)
		dro_log(controller->config.log, DRO_LOG_ERROR, "lease: %s", err->message);
	return rc == DRO_EBUSY ? dro_error_context(err, "another controller took over") : 0;
}

static void take_news(struct dro_controller *controller)
{
	struct dro_spec *news = control_poller_news(controller);
	struct dro_error err = DRO_ERROR_INIT;

	if (!news)
		return;
	if (controller->stop_ms) {
		dro_spec_free(news);
		return;
	}
	if (control_adopt(controller, news, &err) < 0) {
		dro_log(controller->config.log, DRO_LOG_ERROR, "the new spec: %s", err.message);
		return;
	}
	control_event(
		controller, "", "", "commit %.12s is followed now", controller->spec->spec->commit);
}

/* What any process changed in the store. */
static void look_at_store(struct dro_controller *controller)
{
	uint64_t version = 0;

	if (dro_store_version(controller->config.store, &version, NULL) < 0)
		return;
	if (version != controller->version)
		control_look_after(controller);
	controller->version = version;
}

static int turn(struct dro_controller *controller, struct dro_error *err)
{
	uint64_t now = control_now();
	int rc;

	atomic_store(&controller->beat_ms, now);
	if ((rc = keep_lease(controller, err)) < 0)
		return rc;
	if (atomic_exchange(&controller->poll_wanted, 0))
		control_poller_want(controller);
	control_visit_finish(controller);
	control_workers_reap(controller);
	take_news(controller);
	look_at_store(controller);
	if (!controller->stop_ms) {
		if (now - controller->scan_ms >= SCAN_MS) {
			control_orphans_scan(controller);
			controller->scan_ms = now;
		}
		control_call_waiting(controller);
		control_visit_start(controller);
	}
	control_heartbeats(controller);
	control_report_flush(controller);
	feed_watchdog(controller);
	return 0;
}

/* ---- between turns --------------------------------------------------------------------------- */

static int time_to_wait(const struct dro_controller *controller)
{
	uint64_t now = control_now(), wait = TURN_MS, due, watchdog;

	due = dro_schedule_next_ms(controller->schedule, NULL);
	if (!controller->stop_ms && controller->job_count < controller->config.visits &&
		due < now + wait)
		wait = due > now ? due - now : 0;
	watchdog = dro_systemd_watchdog_ms(controller->config.systemd) / 2;
	if (watchdog && watchdog < wait)
		wait = watchdog;
	return (int)wait;
}

static void rest(struct dro_controller *controller)
{
	struct pollfd fds[FDS_MAX] = {{.fd = controller->wake_fd, .events = POLLIN}};
	const struct control_worker *worker;
	int wait = time_to_wait(controller);
	nfds_t count = 1;
	uint64_t woken;

	for (worker = controller->workers; worker && count < FDS_MAX; worker = worker->next) {
		if (worker->handle.news_fd >= 0)
			fds[count++] =
				(struct pollfd){.fd = worker->handle.news_fd, .events = POLLIN};
		else if (wait > REAP_MS)
			wait = REAP_MS;
	}
	if (poll(fds, count, wait) > 0 && (fds[0].revents & POLLIN))
		(void)!read(controller->wake_fd, &woken, sizeof(woken));
}

static bool all_settled(const struct dro_controller *controller)
{
	size_t i;

	for (i = 0; i < controller->service_count; i++)
		if (!controller->services[i].settled)
			return false;
	return controller->job_count == 0 && !controller->workers;
}

/* A visit is not broken off: what it asks of a provider may be under way. */
static bool is_over(struct dro_controller *controller, int *rc, struct dro_error *err)
{
	if (!controller->stop_ms && (atomic_load(&controller->stopping) ||
					    (controller->config.once && all_settled(controller)))) {
		controller->stop_ms = control_now();
		dro_systemd_tell(controller->config.systemd, NULL, "STOPPING=1\n");
		dro_log(controller->config.log, DRO_LOG_INFO, "stopping");
	}
	if (!controller->stop_ms)
		return false;
	if (controller->job_count == 0 && controller->beat_count == 0 &&
		control_poller_stop(controller, false))
		return true;
	if (control_now() < controller->stop_ms + STOP_MS)
		return false;
	*rc = dro_fail(err, DRO_ETIMEDOUT, "what was in flight did not end in time");
	return true;
}

int dro_controller_run(struct dro_controller *controller, struct dro_error *err)
{
	int rc = 0;

	if (!controller->config.once && (rc = control_poller_start(controller, err)) < 0)
		return rc;
	dro_systemd_tell(controller->config.systemd, NULL, "READY=1\n");
	for (;;) {
		if ((rc = turn(controller, err)) < 0 || is_over(controller, &rc, err))
			break;
		rest(controller);
	}
	control_report_flush(controller);
	if (rc == 0 && controller->config.once && controller->once_rc < 0)
		rc = dro_fail(err, controller->once_rc,
			"not every service is as the spec says: `drorch status`");
	return rc;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int take_lease(struct dro_controller *controller, struct dro_error *err)
{
	char holder[128];
	int rc;

	dro_store_holder(holder);
	rc = dro_store_lease_take(controller->config.store, DRO_CONTROLLER_LEASE, holder, LEASE_MS,
		&controller->lease, err);
	controller->renew_ms = control_now();
	return rc == DRO_EBUSY ? dro_error_context(err, "another controller is on this state") : rc;
}

static void init_locks(struct dro_controller *controller)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&controller->lock, NULL);
	pthread_mutex_init(&controller->poller.lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&controller->poller.wake, &attr);
	pthread_condattr_destroy(&attr);
}

int dro_controller_new(struct dro_controller **out, const struct dro_controller_config *config,
	struct dro_spec *spec, struct dro_error *err)
{
	struct dro_controller *controller = calloc(1, sizeof(*controller));
	struct dro_schedule_times times = {
		config->period_ms, config->retry_ms, config->period_ms * 4};
	int rc;

	if (!controller) {
		dro_spec_free(spec);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	controller->config = *config;
	controller->beat_ms = control_now();
	init_locks(controller);
	controller->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (controller->wake_fd < 0) {
		rc = dro_fail_errno(err, "eventfd");
		goto out;
	}
	if ((rc = take_lease(controller, err)) < 0 ||
		(rc = dro_schedule_new(&controller->schedule, &times, &dro_clock_real,
			 (uint64_t)dro_wall_ms(), err)) < 0 ||
		(rc = dro_pool_new(&controller->pool, config->visits, err)) < 0)
		goto out;
	rc = control_adopt(controller, spec, err);
	spec = NULL;
	if (rc < 0)
		goto out;
	*out = controller;
	controller = NULL;
out:
	dro_spec_free(spec);
	dro_controller_free(controller);
	return rc;
}

void dro_controller_free(struct dro_controller *controller)
{
	if (!controller)
		return;
	atomic_store(&controller->stopping, 1);
	control_poller_stop(controller, true);
	dro_pool_free(controller->pool);
	dro_pool_free(controller->heartbeats);
	control_visit_finish(controller);
	controller->stop_ms = controller->stop_ms ? controller->stop_ms : control_now();
	if (controller->spec)
		control_heartbeats(controller);
	control_workers_free(controller);
	dro_spec_free(control_poller_news(controller));
	control_spec_release(controller, controller->spec);
	control_services_free(controller->services, controller->service_count);
	dro_schedule_free(controller->schedule);
	if (controller->lease.epoch)
		dro_store_lease_release(controller->config.store, &controller->lease, NULL);
	if (controller->wake_fd >= 0)
		close(controller->wake_fd);
	pthread_cond_destroy(&controller->poller.wake);
	pthread_mutex_destroy(&controller->poller.lock);
	pthread_mutex_destroy(&controller->lock);
	free(controller);
}
