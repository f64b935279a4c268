/* From the schedule to the pool and back: what a visit, and a run, makes of a service. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/internal.h"
#include "control/pause.h"
#include "engine/engine.h"

#define RUNS_MAX 3 /* in a row; after that something is wrong that more runs do not mend */

void dro_visit_fini(struct dro_visit *visit)
{
	cJSON_Delete(visit->seen);
	visit->seen = NULL;
}

static void free_job(struct control_job *job)
{
	dro_visit_fini(&job->visit);
	free(job->service);
	free(job);
}

/* ---- on the pool ----------------------------------------------------------------------------- */

/* Asked when there is something to do: a pause may have begun since. */
static bool may_store(void *arg)
{
	struct control_job *job = arg;
	struct dro_controller *controller = job->controller;
	struct dro_pause pause;

	if (atomic_load(&controller->stopping) ||
		dro_pause_get(controller->config.store, job->service, dro_wall_ms(), &pause,
			NULL) != DRO_ENOTFOUND)
		return false;
	job->slot = control_slot_take(controller);
	return job->slot;
}

static void visit(void *arg)
{
	struct control_job *job = arg, **at;
	struct dro_controller *controller = job->controller;
	const struct dro_controller_ops *ops = controller->config.ops;
	struct dro_error err = DRO_ERROR_INIT;

	ops->visit(ops->arg, &job->ask, &job->visit);
	/* A run that has no worker yet is taken over like any other. */
	if (job->visit.end == DRO_VISIT_RUN &&
		ops->start(ops->arg, job->visit.run, &job->worker, &err) < 0)
		dro_log(controller->config.log, DRO_LOG_WARNING, "%s: run %s: %s", job->service,
			job->visit.run, err.message);
	if (job->slot && !job->worker.pid) {
		control_slot_give(controller);
		job->slot = false;
	}
	pthread_mutex_lock(&controller->lock);
	for (at = &controller->jobs; *at != job; at = &(*at)->next)
		;
	*at = job->next;
	job->next = controller->finished;
	controller->finished = job;
	pthread_mutex_unlock(&controller->lock);
	control_wake(controller);
}

/* ---- beginning ------------------------------------------------------------------------------- */

static struct control_job *make_job(
	struct dro_controller *controller, const struct control_service *service)
{
	struct control_job *job = calloc(1, sizeof(*job));
	uint64_t now = control_now(), half = controller->config.period_ms / 2;

	if (!job || !(job->service = strdup(service->name))) {
		free(job);
		return NULL;
	}
	job->controller = controller;
	job->spec = controller->spec;
	job->worker.news_fd = -1;
	job->visit = (struct dro_visit){.end = DRO_VISIT_FAILED, .err = DRO_ERROR_INIT};
	job->ask = (struct dro_visit_ask){.spec = job->spec->spec,
		.service = dro_spec_service(job->spec->spec, service->name),
		.world = job->spec->world,
		.fresh_ms = now > half ? now - half : 0,
		.deadline_ms = now + controller->config.look_ms,
		.may_store = may_store,
		.may_store_arg = job};
	/* Services that share a zone share its list, but not across a change of ours. */
	if (service->fresh_ms > job->ask.fresh_ms)
		job->ask.fresh_ms = service->fresh_ms;
	return job;
}

static void submit(struct dro_controller *controller, struct control_service *service)
{
	struct control_job *job = make_job(controller, service), **at;
	struct dro_error err = DRO_ERROR_INIT;

	if (!job) {
		dro_schedule_done(controller->schedule, service->name, DRO_SCHEDULE_FAILED);
		return;
	}
	pthread_mutex_lock(&controller->lock);
	job->next = controller->jobs;
	controller->jobs = job;
	controller->job_count++;
	pthread_mutex_unlock(&controller->lock);
	job->spec->users++;
	service->state = CONTROL_VISITED;
	snprintf(service->attempted, sizeof(service->attempted), "%s", job->spec->spec->commit);
	if (dro_pool_submit(controller->pool, visit, job, &err) == 0)
		return;
	pthread_mutex_lock(&controller->lock);
	for (at = &controller->jobs; *at != job; at = &(*at)->next)
		;
	*at = job->next;
	controller->job_count--;
	pthread_mutex_unlock(&controller->lock);
	control_spec_release(controller, job->spec);
	service->state = CONTROL_IDLE;
	dro_schedule_done(controller->schedule, service->name, DRO_SCHEDULE_FAILED);
	control_report(controller, service, "failed", "%s", err.message);
	free_job(job);
}

static bool is_paused(struct dro_controller *controller, struct control_service *service)
{
	char time[DRO_TIME_TEXT];
	struct dro_pause pause;

	if (dro_pause_get(controller->config.store, service->name, dro_wall_ms(), &pause, NULL) !=
		0)
		return false;
	dro_schedule_done(controller->schedule, service->name, DRO_SCHEDULE_WELL);
	dro_time_format(time, pause.until_ms / 1000 * 1000);
	control_report(
		controller, service, "paused", "until %s by %s: %s", time, pause.by, pause.reason);
	service->settled = true;
	return true;
}

void control_visit_start(struct dro_controller *controller)
{
	struct control_service *service;
	const char *name;

	while (!atomic_load(&controller->stopping) &&
		controller->job_count < controller->config.visits &&
		(name = dro_schedule_take(controller->schedule))) {
		service = control_find(controller, name);
		/* Left taken: once is once. */
		if (!service || (controller->config.once && service->settled) ||
			is_paused(controller, service))
			continue;
		submit(controller, service);
	}
}

/* ---- the end of a visit ---------------------------------------------------------------------- */

static void settle(struct dro_controller *controller, struct control_service *service, int once_rc,
	enum dro_schedule_result result)
{
	service->state = CONTROL_IDLE;
	service->waiting_ms = 0;
	service->settled = true;
	if (once_rc < 0 && controller->once_rc == 0)
		controller->once_rc = once_rc;
	dro_schedule_done(controller->schedule, service->name, result);
}

static void failed(struct dro_controller *controller, struct control_service *service,
	const char *text, int once_rc)
{
	bool before = strcmp(service->word, "failed") == 0;

	service->failures++;
	settle(controller, service, once_rc, DRO_SCHEDULE_FAILED);
	control_report(controller, service, "failed", "%s", text);
	if (!before)
		control_event(controller, service->name, "", "reconcile failed: %s", text);
}

static void steady(struct dro_controller *controller, struct control_service *service,
	const struct control_job *job)
{
	bool before = strcmp(service->word, "steady") == 0;

	if (job->visit.unknown) {
		failed(controller, service, "not everything could be read", DRO_EAGAIN);
		return;
	}
	service->runs = 0;
	service->failures = 0;
	snprintf(service->applied, sizeof(service->applied), "%s", job->spec->spec->commit);
	settle(controller, service, 0, DRO_SCHEDULE_WELL);
	control_report(controller, service, "steady", "%s", "");
	if (!before)
		dro_log(controller->config.log, DRO_LOG_INFO, "%s: as the spec says",
			service->name);
}

/* The rules that said no, one line each. */
static void refused(struct dro_controller *controller, struct control_service *service,
	const struct control_job *job)
{
	struct dro_buf text = DRO_BUF_INIT(500);
	const cJSON *refusal;
	bool same;

	cJSON_ArrayForEach(refusal, cJSON_GetObjectItemCaseSensitive(job->visit.seen, "refusals"))
	{
		dro_buf_printf(&text, "%s%s: %s", text.length ? "; " : "",
			dro_json_text(refusal, "rule"), dro_json_text(refusal, "text"));
	}
	same = strcmp(service->word, "refused") == 0 &&
	       strcmp(service->error, dro_buf_str(&text)) == 0;
	settle(controller, service, DRO_ESAFETY, DRO_SCHEDULE_WELL);
	control_report(controller, service, "refused", "%s", dro_buf_str(&text));
	if (!same)
		control_event(
			controller, service->name, "", "not reconciled: %s", dro_buf_str(&text));
	dro_buf_free(&text);
}

/* A run of somebody else's silences us to its end; one that failed, until a person ends it. */
static void busy(struct dro_controller *controller, struct control_service *service,
	const struct control_job *job)
{
	struct dro_store *store = controller->config.store;
	struct dro_run_row *row = NULL;
	enum dro_run_state state;
	char newest[DRO_RUN_ID_MAX];

	service->runs = 0;
	if (!controller->config.once && dro_run_newest(store, service->name, newest, NULL) == 0 &&
		*newest && dro_store_run_get(store, newest, &row, NULL) == 0 &&
		dro_run_state_parse(row->state, &state, NULL) == 0 && !dro_run_ended(state)) {
		service->state = CONTROL_RUNNING;
		memcpy(service->run, newest, sizeof(newest));
		service->run_commit[0] = '\0';
		control_report(controller, service, "busy", "run %s (%s) is %s", newest, row->kind,
			row->state);
	} else {
		settle(controller, service, DRO_EBUSY, DRO_SCHEDULE_WELL);
		control_report(controller, service, "busy", "%s", job->visit.err.message);
	}
	dro_run_row_free(row);
}

static void running(struct dro_controller *controller, struct control_service *service,
	const struct control_job *job)
{
	service->state = CONTROL_RUNNING;
	service->waiting_ms = 0;
	memcpy(service->run, job->visit.run, sizeof(service->run));
	snprintf(service->run_commit, sizeof(service->run_commit), "%s", job->spec->spec->commit);
	control_report(controller, service, "running", "run %s", service->run);
	control_event(controller, service->name, service->run, "reconcile begins");
}

static void finish(
	struct dro_controller *controller, struct control_service *service, struct control_job *job)
{
	service->visited_ms = dro_wall_ms();
	if (job->visit.seen || job->visit.end == DRO_VISIT_STEADY) {
		cJSON_Delete(service->seen);
		service->seen = job->visit.seen;
		/* refused() reads it still. */
	}
	switch (job->visit.end) {
	case DRO_VISIT_STEADY:
		steady(controller, service, job);
		break;
	case DRO_VISIT_RUN:
		running(controller, service, job);
		break;
	case DRO_VISIT_REFUSED:
		refused(controller, service, job);
		break;
	case DRO_VISIT_BUSY:
		busy(controller, service, job);
		break;
	case DRO_VISIT_FULL:
		service->state = CONTROL_WAITING;
		if (!service->waiting_ms)
			service->waiting_ms = control_now();
		control_report(controller, service, "waiting", "for a worker");
		break;
	case DRO_VISIT_FAILED:
		failed(controller, service, job->visit.err.message, job->visit.err.code);
		break;
	}
	job->visit.seen = NULL;
}

void control_visit_finish(struct dro_controller *controller)
{
	struct control_service *service;
	struct control_job *job, *next;

	pthread_mutex_lock(&controller->lock);
	job = controller->finished;
	controller->finished = NULL;
	pthread_mutex_unlock(&controller->lock);
	for (; job; job = next) {
		next = job->next;
		controller->job_count--;
		if (job->worker.pid)
			control_worker_add(controller, &job->worker, job->visit.run, job->slot);
		/* It may be gone from the spec by now. */
		service = control_find(controller, job->service);
		if (service && service->state == CONTROL_VISITED)
			finish(controller, service, job);
		control_spec_release(controller, job->spec);
		free_job(job);
	}
}

/* ---- the end of a run ------------------------------------------------------------------------ */

static void run_ended(struct dro_controller *controller, struct control_service *service,
	const struct dro_run_row *row, enum dro_run_state state)
{
	bool good = state == DRO_RUN_COMPLETED;
	char text[200];

	/* Nothing that was seen before its end counts. */
	service->fresh_ms = control_now();
	if (!*service->run_commit) {
		settle(controller, service, 0, DRO_SCHEDULE_AGAIN);
		return;
	}
	control_event(controller, service->name, row->id, "reconcile is %s", row->state);
	if (!good) {
		snprintf(text, sizeof(text), "run %s is %s", row->id, row->state);
		failed(controller, service, text, DRO_EIO);
		return;
	}
	snprintf(service->applied, sizeof(service->applied), "%s", service->run_commit);
	if (++service->runs >= RUNS_MAX) {
		snprintf(text, sizeof(text),
			"%u runs in a row did not bring it to rest: `drorch diff` says what is "
			"left",
			service->runs);
		failed(controller, service, text, DRO_ECONFLICT);
		return;
	}
	settle(controller, service, 0, DRO_SCHEDULE_AGAIN);
	control_report(controller, service, "applied", "by run %s", row->id);
}

static void look_at_run(struct dro_controller *controller, struct control_service *service)
{
	struct dro_run_row *row = NULL;
	enum dro_run_state state;

	if (dro_store_run_get(controller->config.store, service->run, &row, NULL) == 0 &&
		dro_run_state_parse(row->state, &state, NULL) == 0 && dro_run_ended(state))
		run_ended(controller, service, row, state);
	dro_run_row_free(row);
}

void control_look_after(struct dro_controller *controller)
{
	struct dro_pause pause;
	size_t i;

	for (i = 0; i < controller->service_count; i++) {
		struct control_service *service = &controller->services[i];

		if (service->state == CONTROL_RUNNING)
			look_at_run(controller, service);
		else if (service->state == CONTROL_IDLE && strcmp(service->word, "paused") == 0 &&
			 dro_pause_get(controller->config.store, service->name, dro_wall_ms(),
				 &pause, NULL) == DRO_ENOTFOUND) {
			control_report(controller, service, "new", "%s", "");
			dro_schedule_now(controller->schedule, service->name);
		}
	}
}

/* As many as there is room for, those first that have waited longest; they look again, since what
 * they saw is old. */
void control_call_waiting(struct dro_controller *controller)
{
	struct control_service *best;
	size_t called, room, i;

	for (;;) {
		best = NULL;
		called = 0;
		for (i = 0; i < controller->service_count; i++) {
			struct control_service *service = &controller->services[i];

			if (service->state != CONTROL_WAITING)
				called += service->waiting_ms != 0;
			else if (!best || service->waiting_ms < best->waiting_ms)
				best = service;
		}
		pthread_mutex_lock(&controller->lock);
		room = controller->config.workers > controller->slots
			       ? controller->config.workers - controller->slots
			       : 0;
		pthread_mutex_unlock(&controller->lock);
		if (!best || called >= room)
			return;
		best->state = CONTROL_IDLE;
		dro_schedule_done(controller->schedule, best->name, DRO_SCHEDULE_AGAIN);
	}
}
