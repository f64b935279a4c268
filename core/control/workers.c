/* Processes that drive runs: ours, and runs that nobody drives. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/internal.h"
#include "control/pause.h"
#include "engine/engine.h"

#define AGAIN_MAX_MS 300000

void control_worker_add(struct dro_controller *controller, const struct dro_control_worker *handle,
	const char *run, bool slot)
{
	struct control_worker *worker = calloc(1, sizeof(*worker));

	if (!worker) {
		/* It lives on; we only do not hear of its end, and init collects it after ours. */
		if (handle->news_fd >= 0)
			close(handle->news_fd);
		if (slot)
			control_slot_give(controller);
		return;
	}
	worker->handle = *handle;
	if (handle->news_fd >= 0)
		fcntl(handle->news_fd, F_SETFL, O_NONBLOCK);
	worker->slot = slot;
	memccpy(worker->run, run, '\0', sizeof(worker->run) - 1);
	worker->next = controller->workers;
	controller->workers = worker;
}

/* What it tells is that something changed; that it closes its end, that it is as good as over. */
static void drain(struct control_worker *worker)
{
	char bytes[512];
	ssize_t got;

	if (worker->handle.news_fd < 0)
		return;
	got = read(worker->handle.news_fd, bytes, sizeof(bytes));
	if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	close(worker->handle.news_fd);
	worker->handle.news_fd = -1;
}

static bool is_over(const struct control_worker *worker)
{
	pid_t pid = waitpid(worker->handle.pid, NULL, WNOHANG);

	return pid == worker->handle.pid || (pid < 0 && errno == ECHILD);
}

static void free_worker(struct control_worker *worker)
{
	if (worker->handle.news_fd >= 0)
		close(worker->handle.news_fd);
	free(worker);
}

void control_workers_reap(struct dro_controller *controller)
{
	struct control_worker **at = &controller->workers;

	while (*at) {
		struct control_worker *worker = *at;

		drain(worker);
		if (!is_over(worker)) {
			at = &worker->next;
			continue;
		}
		*at = worker->next;
		if (worker->slot)
			control_slot_give(controller);
		free_worker(worker);
		controller->version = 0; /* its run wants a look */
	}
}

/* ---- runs that nobody drives ----------------------------------------------------------------- */

static bool is_ours(const struct dro_controller *controller, const char *run)
{
	const struct control_worker *worker;

	for (worker = controller->workers; worker; worker = worker->next)
		if (strcmp(worker->run, run) == 0)
			return true;
	return false;
}

static struct control_orphan *orphan_of(struct dro_controller *controller, const char *run)
{
	struct control_orphan *orphan;

	for (orphan = controller->orphans; orphan; orphan = orphan->next)
		if (strcmp(orphan->run, run) == 0)
			return orphan;
	if (strlen(run) >= sizeof(orphan->run) || !(orphan = calloc(1, sizeof(*orphan))))
		return NULL;
	memcpy(orphan->run, run, strlen(run));
	orphan->next = controller->orphans;
	controller->orphans = orphan;
	return orphan;
}

/* Reconcile runs wait for a worker of theirs, and for the end of a pause; a promote waits for
 * nobody. */
static bool may_take(struct dro_controller *controller, const struct dro_run_row *run, bool *slot)
{
	struct dro_pause pause;

	*slot = false;
	if (strcmp(run->kind, "reconcile") != 0)
		return true;
	if (dro_pause_get(controller->config.store, run->service, dro_wall_ms(), &pause, NULL) == 0)
		return false;
	return *slot = control_slot_take(controller);
}

static void take_over(struct dro_controller *controller, struct control_orphan *orphan,
	const struct dro_run_row *run)
{
	const struct dro_controller_ops *ops = controller->config.ops;
	struct dro_control_worker handle = {.news_fd = -1};
	struct dro_error err = DRO_ERROR_INIT;
	uint64_t wait = controller->config.orphan_ms;
	unsigned i;
	bool slot;

	if (!may_take(controller, run, &slot))
		return;
	for (i = 0; i < orphan->tries && wait < AGAIN_MAX_MS; i++)
		wait *= 2;
	orphan->tries++;
	orphan->next_ms = control_now() + (wait < AGAIN_MAX_MS ? wait : AGAIN_MAX_MS);
	if (ops->start(ops->arg, run->id, &handle, &err) < 0) {
		if (slot)
			control_slot_give(controller);
		dro_log(controller->config.log, DRO_LOG_WARNING, "%s: run %s: %s", run->service,
			run->id, err.message);
		return;
	}
	control_worker_add(controller, &handle, run->id, slot);
	control_event(controller, run->service, run->id,
		"nobody drove this run (%s, %s): the controller has it gone on with%s", run->kind,
		run->state, orphan->tries > 1 ? ", once more" : "");
}

/* The runs that are open; copied, since a callback of the store may not change it. */
struct open_runs {
	struct dro_run_row *rows;
	size_t count, capacity;
	bool failed;
};

static int keep_run(void *arg, const struct dro_run_row *run)
{
	struct open_runs *runs = arg;
	struct dro_run_row *rows;

	if (runs->count == runs->capacity) {
		size_t capacity = runs->capacity ? runs->capacity * 2 : 16;

		if (!(rows = realloc(runs->rows, capacity * sizeof(*rows)))) {
			runs->failed = true;
			return 1;
		}
		runs->rows = rows;
		runs->capacity = capacity;
	}
	rows = &runs->rows[runs->count];
	*rows = (struct dro_run_row){.id = strdup(run->id),
		.service = strdup(run->service),
		.kind = strdup(run->kind),
		.state = strdup(run->state)};
	runs->count++;
	if (rows->id && rows->service && rows->kind && rows->state)
		return 0;
	runs->failed = true;
	return 1;
}

static void look_at(struct dro_controller *controller, const struct dro_run_row *run)
{
	struct control_orphan *orphan = orphan_of(controller, run->id);
	uint64_t now = control_now();
	struct dro_lease lease;
	bool alive = false;

	if (!orphan)
		return;
	orphan->open = true;
	if (is_ours(controller, run->id) || strcmp(run->state, "waiting-for-human") == 0 ||
		(dro_store_lease_get(
			 controller->config.store, run->service, &lease, &alive, NULL) == 0 &&
			alive)) {
		orphan->since_ms = 0;
		return;
	}
	if (!orphan->since_ms)
		orphan->since_ms = now;
	/* Whoever stored it has a moment to start its worker. */
	if (now - orphan->since_ms >= controller->config.orphan_ms && now >= orphan->next_ms)
		take_over(controller, orphan, run);
}

static void forget_closed(struct dro_controller *controller)
{
	struct control_orphan **at = &controller->orphans, *orphan;

	while ((orphan = *at)) {
		if (orphan->open) {
			orphan->open = false;
			at = &orphan->next;
			continue;
		}
		*at = orphan->next;
		free(orphan);
	}
}

void control_orphans_scan(struct dro_controller *controller)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct open_runs runs = {0};
	size_t i;

	if (dro_store_run_list_open(controller->config.store, keep_run, &runs, &err) < 0 ||
		runs.failed) {
		dro_log(controller->config.log, DRO_LOG_WARNING, "open runs: %s",
			runs.failed ? "out of memory" : err.message);
	} else {
		for (i = 0; i < runs.count; i++)
			look_at(controller, &runs.rows[i]);
		forget_closed(controller);
	}
	for (i = 0; i < runs.count; i++) {
		free(runs.rows[i].id);
		free(runs.rows[i].service);
		free(runs.rows[i].kind);
		free(runs.rows[i].state);
	}
	free(runs.rows);
}

void control_workers_free(struct dro_controller *controller)
{
	struct control_worker *worker;
	struct control_orphan *orphan;

	while ((worker = controller->workers)) {
		controller->workers = worker->next;
		free_worker(worker);
	}
	while ((orphan = controller->orphans)) {
		controller->orphans = orphan->next;
		free(orphan);
	}
}
