#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/inputs.h"
#include "engine/runner.h"

#define WORKERS 16
#define TICK_MS 250	   /* how late an abort asked for elsewhere may be seen */
#define CALL_MAX_MS 120000 /* one call of a step's function */
#define RETRY_FIRST_MS 200
#define RETRY_MAX_MS 10000
#define NONSENSE_MAX 3 /* an answer that makes no sense may be one that was cut on its way */
#define NOTE_MAX 512

/* ---- one call ------------------------------------------------------------------------------ */

static const cJSON *outputs_of(const void *arg, const char *step)
{
	const struct slot *slot = runner_slot(arg, step);

	return slot && slot->state == DRO_STEP_IS_DONE ? slot->outputs : NULL;
}

int slot_prepare(struct slot *slot, struct dro_error *err)
{
	struct runner *runner = slot->runner;
	struct dro_step_context *context = &slot->context;
	uint64_t now = runner->world->clock->now_ms(runner->world->clock);
	int rc;

	if ((rc = dro_inputs_fill(&slot->inputs, slot->step->inputs, outputs_of, runner, err)) < 0)
		return rc;
	snprintf(slot->trace, sizeof(slot->trace), "%s/%s", runner->plan->id, slot->step->id);
	*context = (struct dro_step_context){
		.world = runner->world,
		.plan = runner->plan,
		.step = slot->step,
		.inputs = slot->inputs,
		.outputs = slot->outputs,
		.note = DRO_BUF_INIT(NOTE_MAX),
		.repeated = slot->repeated,
		.downgraded = runner->wish == DRO_WISH_DOWNGRADE,
		.elapsed_ms = now - slot->begun_ms,
		.call = {.size = sizeof(struct dro_call),
			.deadline_ms = slot->deadline_ms < now + CALL_MAX_MS ? slot->deadline_ms
									     : now + CALL_MAX_MS,
			.idem_key = slot->step->idem_key,
			.trace = slot->trace},
	};
	return 0;
}

void slot_release(struct slot *slot)
{
	cJSON_Delete(slot->inputs);
	slot->inputs = NULL;
	dro_buf_free(&slot->context.note);
}

static void work(void *arg)
{
	struct slot *slot = arg;
	struct runner *runner = slot->runner;
	struct dro_error failure = DRO_ERROR_INIT;
	int result = slot->kind->run(&slot->context, &failure);

	pthread_mutex_lock(&runner->lock);
	slot->result = result;
	slot->failure = failure;
	slot->returned = true;
	pthread_cond_signal(&runner->wake);
	pthread_mutex_unlock(&runner->lock);
}

static int submit(struct slot *slot, struct dro_error *err)
{
	int rc;

	if ((rc = slot_prepare(slot, err)) < 0)
		return rc;
	slot->returned = false;
	if ((rc = dro_pool_submit(slot->runner->pool, work, slot, err)) < 0) {
		slot_release(slot);
		return rc;
	}
	slot->in_flight = true;
	slot->runner->in_flight++;
	return 0;
}

/* ---- starting ------------------------------------------------------------------------------ */

static bool ready(const struct slot *slot)
{
	size_t i;

	for (i = 0; i < slot->step->after_count; i++) {
		const struct slot *before = slot->before[i];

		if (before->state != DRO_STEP_IS_DONE &&
			before->state != DRO_STEP_IS_FAILED_IGNORED &&
			before->state != DRO_STEP_IS_SKIPPED)
			return false;
	}
	return true;
}

/* Makes it ready to go out: its intent goes to the journal first, with the next flush. */
static int start(struct slot *slot, struct dro_error *err)
{
	struct runner *runner = slot->runner;
	const struct dro_clock *clock = runner->world->clock;

	slot->repeated = slot->state == DRO_STEP_IS_RUNNING;
	slot->begun_ms = clock->now_ms(clock);
	slot->deadline_ms = slot->begun_ms + (uint64_t)slot->step->timeout_ms;
	slot->state = DRO_STEP_IS_RUNNING;
	slot->attempts++;
	slot->retries = 0;
	if (!slot->started_ms)
		slot->started_ms = clock->wall_ms(clock);
	slot->ended_ms = 0;
	slot_set(&slot->error, "");
	slot->event = "intent";
	slot->starting = true;
	if (slot->kind->monitors && runner->state != DRO_RUN_MONITORING)
		return runner_move(runner, DRO_RUN_MONITORS, NULL, err);
	return 0;
}

/* Writes what is to be journalled, then sends out what was waiting for that. */
static int flush(struct runner *runner, struct dro_error *err)
{
	size_t i;
	int rc = runner_flush(runner, err);

	for (i = 0; i < runner->slot_count && rc == 0; i++)
		if (runner->slots[i].starting) {
			runner->slots[i].starting = false;
			rc = submit(&runner->slots[i], err);
		}
	return rc;
}

/* ---- collecting ---------------------------------------------------------------------------- */

static void finish(struct slot *slot, enum dro_step_state state)
{
	const struct dro_clock *clock = slot->runner->world->clock;

	slot->state = state;
	slot->ended_ms = clock->wall_ms(clock);
	slot->event = "result";
}

bool slot_may_repeat(int code, int repeats)
{
	return code == DRO_EAGAIN || code == DRO_ETIMEDOUT ||
	       (code == DRO_EPROTO && repeats < NONSENSE_MAX);
}

/* Makes the call again later, where it may be and there is time left. */
static bool retry(struct slot *slot, const struct dro_error *failure)
{
	const struct dro_clock *clock = slot->runner->world->clock;
	uint64_t now = clock->now_ms(clock),
		 wait = RETRY_FIRST_MS << (slot->retries < 6 ? slot->retries : 6);

	if (!slot_may_repeat(failure->code, slot->retries))
		return false;
	if (wait > RETRY_MAX_MS)
		wait = RETRY_MAX_MS;
	if (failure->retry_after_ms > wait)
		wait = failure->retry_after_ms;
	if (now + wait >= slot->deadline_ms)
		return false;
	slot->retries++;
	slot->repeated = slot->repeated || failure->code != DRO_EAGAIN;
	slot->next_ms = now + wait;
	return true;
}

/* Judges one call's return; what is to be journalled waits for the flush. */
static void collect(struct slot *slot)
{
	const struct dro_clock *clock = slot->runner->world->clock;
	struct dro_error *failure = &slot->failure;

	if (slot->context.note.length && strcmp(slot->note, slot->context.note.data) != 0) {
		slot_set(&slot->note, slot->context.note.data);
		slot->event = "progress";
	}
	if (slot->result == DRO_STEP_DONE) {
		finish(slot, DRO_STEP_IS_DONE);
		return;
	}
	if (slot->result == DRO_STEP_PENDING) {
		slot->retries = 0;
		slot->next_ms = clock->now_ms(clock) + slot->context.poll_ms;
		if (clock->now_ms(clock) < slot->deadline_ms)
			return;
		dro_fail(failure, DRO_ETIMEDOUT, "not done after %lld s%s%s",
			(long long)slot->step->timeout_ms / 1000, *slot->note ? "; last: " : "",
			slot->note);
	} else if (retry(slot, failure)) {
		slot_set(&slot->note, failure->message);
		slot->event = "progress";
		return;
	}
	slot_set(&slot->error, failure->message);
	finish(slot, slot->step->may_fail ? DRO_STEP_IS_FAILED_IGNORED : DRO_STEP_IS_FAILED);
}

/* Takes in what workers have returned. */
static void collect_all(struct runner *runner)
{
	size_t i;

	for (i = 0; i < runner->slot_count; i++) {
		struct slot *slot = &runner->slots[i];
		bool returned;

		if (!slot->in_flight)
			continue;
		pthread_mutex_lock(&runner->lock);
		returned = slot->returned;
		pthread_mutex_unlock(&runner->lock);
		if (!returned)
			continue;
		slot->in_flight = false;
		runner->in_flight--;
		collect(slot);
		slot_release(slot);
	}
}

/* ---- the loop ------------------------------------------------------------------------------ */

/* Makes ready what can go out; *next_ms: when to look again. */
static int start_all(struct runner *runner, uint64_t *next_ms, struct dro_error *err)
{
	uint64_t now = runner->world->clock->now_ms(runner->world->clock);
	size_t i;
	int rc;

	for (i = 0; i < runner->slot_count; i++) {
		struct slot *slot = &runner->slots[i];

		if (slot->in_flight)
			continue;
		if (slot->state == DRO_STEP_IS_RUNNING && slot->deadline_ms) {
			if (slot->next_ms > now) {
				*next_ms = slot->next_ms < *next_ms ? slot->next_ms : *next_ms;
				continue;
			}
			slot->starting = true;
			rc = 0;
		} else if (slot->state == DRO_STEP_IS_RUNNING ||
			   (slot->state == DRO_STEP_IS_PENDING && ready(slot))) {
			rc = start(slot, err);
		} else {
			continue;
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Sleeps until a worker returns or the time comes. */
static void wait_for_news(struct runner *runner, uint64_t until_ms)
{
	struct timespec ts = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
	bool news = false;
	size_t i;

	pthread_mutex_lock(&runner->lock);
	for (i = 0; i < runner->slot_count; i++)
		news = news || (runner->slots[i].in_flight && runner->slots[i].returned);
	if (!news)
		pthread_cond_timedwait(&runner->wake, &runner->lock, &ts);
	pthread_mutex_unlock(&runner->lock);
}

static size_t count(const struct runner *runner, enum dro_step_state state)
{
	size_t i, n = 0;

	for (i = 0; i < runner->slot_count; i++)
		n += runner->slots[i].state == state;
	return n;
}

/* What somebody asked of the run meanwhile. */
static void hear(struct runner *runner)
{
	enum dro_run_wish wish;
	uint64_t version;

	if (dro_store_version(runner->world->store, &version, NULL) < 0 || version == runner->heard)
		return;
	runner->heard = version;
	if (dro_store_run_wish(runner->world->store, runner->plan->id, &wish, NULL) == 0 &&
		wish != DRO_WISH_NONE)
		runner->wish = wish;
}

/* Downgraded: what waits for the old site's good will is not waited for any more. */
static void leave_out(struct runner *runner)
{
	size_t i;

	for (i = 0; i < runner->slot_count; i++) {
		struct slot *slot = &runner->slots[i];

		if (!slot->kind->graceful || slot->in_flight ||
			(slot->state != DRO_STEP_IS_PENDING && slot->state != DRO_STEP_IS_RUNNING &&
				slot->state != DRO_STEP_IS_FAILED))
			continue;
		slot_set(&slot->note, "left out: the run goes on without the old site");
		finish(slot, DRO_STEP_IS_SKIPPED);
	}
}

/* What the first failed step said. */
static const char *first_error(const struct runner *runner)
{
	size_t i;

	for (i = 0; i < runner->slot_count; i++)
		if (runner->slots[i].state == DRO_STEP_IS_FAILED)
			return runner->slots[i].error;
	return "";
}

/* Stops where it is: what was not begun, or not heard of, is the next pass's to find. */
static int give_way(struct runner *runner, struct dro_error *err)
{
	cJSON *outcome;
	size_t i;
	int rc;

	for (i = 0; i < runner->slot_count; i++)
		if (runner->slots[i].state == DRO_STEP_IS_PENDING ||
			runner->slots[i].state == DRO_STEP_IS_RUNNING) {
			runner->slots[i].state = DRO_STEP_IS_SKIPPED;
			runner->slots[i].event = "result";
		}
	outcome = runner_outcome(runner, "it gave way to another run");
	if (!outcome)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = runner_flush(runner, err)) == 0)
		rc = runner_move(runner, DRO_RUN_FINISHES_WITH_EXCEPTIONS, outcome, err);
	cJSON_Delete(outcome);
	return rc;
}

/* Does the plan say so: "rollback", that a failure takes back what was done; "give_way_back", that
 * giving way does? */
static bool plan_says(const struct runner *runner, const char *what)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(runner->plan->facts, what));
}

static int end(struct runner *runner, struct dro_error *err)
{
	bool failed = count(runner, DRO_STEP_IS_FAILED) > 0;
	cJSON *outcome = runner_outcome(runner, first_error(runner));
	enum dro_run_event event = failed ? DRO_RUN_FAILS
				   : count(runner, DRO_STEP_IS_FAILED_IGNORED) > 0
					   ? DRO_RUN_FINISHES_WITH_EXCEPTIONS
					   : DRO_RUN_FINISHES;
	int rc = outcome ? runner_move(runner, event, outcome, err)
			 : dro_fail(err, DRO_ENOMEM, "out of memory");

	cJSON_Delete(outcome);
	return rc;
}

static int loop(struct runner *runner, const volatile int *cancel, struct dro_error *err)
{
	const struct dro_clock *clock = runner->world->clock;
	int rc;

	runner->wish = runner->row->wish;
	for (;;) {
		uint64_t next_ms = clock->now_ms(clock) + TICK_MS;
		bool stopping = cancel && *cancel;
		bool failed;

		collect_all(runner);
		hear(runner);
		if (runner->wish == DRO_WISH_DOWNGRADE)
			leave_out(runner);
		failed = count(runner, DRO_STEP_IS_FAILED) > 0;
		if (runner->wish != DRO_WISH_ABORT && runner->wish != DRO_WISH_GIVE_WAY &&
			!stopping && !failed && (rc = start_all(runner, &next_ms, err)) < 0)
			return rc;
		if ((rc = flush(runner, err)) < 0)
			return rc;
		if (runner->in_flight == 0) {
			if (stopping)
				return dro_fail(err, DRO_ECANCELLED,
					"stopped; `drorch resume %s` goes on", runner->plan->id);
			if (runner->wish == DRO_WISH_ABORT ||
				(failed && runner->wish != DRO_WISH_DOWNGRADE &&
					plan_says(runner, "rollback")))
				return runner_undo(runner, err);
			if (runner->wish == DRO_WISH_GIVE_WAY)
				return plan_says(runner, "give_way_back") ? runner_undo(runner, err)
									  : give_way(runner, err);
			if (failed || count(runner, DRO_STEP_IS_PENDING) +
						      count(runner, DRO_STEP_IS_RUNNING) ==
					      0)
				return end(runner, err);
		}
		wait_for_news(runner, next_ms);
	}
}

/* After an error of the store: workers hold pointers into the runner, so wait for them. */
static void drain(struct runner *runner)
{
	while (runner->in_flight > 0) {
		wait_for_news(runner, runner->world->clock->now_ms(runner->world->clock) + TICK_MS);
		collect_all(runner);
		runner_flush(runner, NULL);
	}
}

/* Was the way back begun, or asked for? Then there is no other: a step that is undone is not done
 * again, and what hangs on it would be left out. */
static bool goes_back(const struct runner *runner)
{
	size_t taken_back = count(runner, DRO_STEP_IS_UNDONE) + count(runner, DRO_STEP_IS_SKIPPED);

	return runner->state == DRO_RUN_ROLLING_BACK || runner->row->wish == DRO_WISH_ABORT ||
	       (runner->state == DRO_RUN_FAILED && taken_back > 0);
}

/* A failed step is tried again when a run is taken up again; what was running is asked for again.
 */
static int take_up(struct runner *runner, struct dro_error *err)
{
	size_t i;

	if (goes_back(runner))
		return 0;
	for (i = 0; i < runner->slot_count; i++)
		if (runner->slots[i].state == DRO_STEP_IS_FAILED)
			runner->slots[i].state = DRO_STEP_IS_RUNNING;
	return runner_move(runner, DRO_RUN_STARTS, NULL, err);
}

int dro_engine_run(const struct dro_world *world, const char *run, const volatile int *cancel,
	void (*changed)(void *arg), void *changed_arg, enum dro_run_state *state,
	struct dro_error *err)
{
	struct runner runner = {.world = world, .changed = changed, .changed_arg = changed_arg};
	pthread_condattr_t attr;
	int rc;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&runner.lock, NULL);
	pthread_cond_init(&runner.wake, &attr);
	pthread_condattr_destroy(&attr);
	if ((rc = runner_load(&runner, run, err)) < 0 || (rc = take_up(&runner, err)) < 0 ||
		(rc = dro_pool_new(&runner.pool, WORKERS, err)) < 0)
		goto out;
	if (goes_back(&runner))
		rc = runner_undo(&runner, err);
	else
		rc = loop(&runner, cancel, err);
	if (rc < 0)
		drain(&runner);
	*state = runner.state;
out:
	dro_pool_free(runner.pool);
	runner_unload(&runner);
	pthread_cond_destroy(&runner.wake);
	pthread_mutex_destroy(&runner.lock);
	return rc;
}
