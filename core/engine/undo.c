#include "engine/runner.h"

#include <stdlib.h>
#include <string.h>

#define UNDO_MAX_MS 300000
#define RETRY_MS 500

static bool has_begun(const struct slot *slot)
{
	return slot->state == DRO_STEP_IS_DONE || slot->state == DRO_STEP_IS_RUNNING ||
	       slot->state == DRO_STEP_IS_FAILED || slot->state == DRO_STEP_IS_FAILED_IGNORED;
}

/* One undo to its end, asked again while it is pending or may be repeated. */
static int take_back(struct slot *slot, struct dro_error *err)
{
	const struct dro_clock *clock = slot->runner->world->clock;
	int repeats = 0, rc;

	slot->begun_ms = clock->now_ms(clock);
	slot->deadline_ms = slot->begun_ms + UNDO_MAX_MS;
	slot->repeated = slot->state == DRO_STEP_IS_RUNNING;
	for (;;) {
		if ((rc = slot_prepare(slot, err)) < 0)
			return rc;
		rc = slot->kind->undo(&slot->context, err);
		if (slot->context.note.length)
			slot_set(&slot->note, slot->context.note.data);
		slot_release(slot);
		if (rc == DRO_STEP_DONE)
			return 0;
		if (rc < 0 && !slot_may_repeat(rc, repeats++))
			return rc;
		if (clock->now_ms(clock) + RETRY_MS >= slot->deadline_ms)
			return rc < 0 ? rc : dro_fail(err, DRO_ETIMEDOUT, "not undone in time");
		clock->sleep_ms(clock, rc == DRO_STEP_PENDING ? slot->context.poll_ms : RETRY_MS);
	}
}

/* Undoes one step and journals that. *kept: it refused, so what it stands on must stay as well. */
static int undo_step(struct slot *slot, bool *kept, struct dro_error *err)
{
	const struct dro_clock *clock = slot->runner->world->clock;
	struct dro_error failure = DRO_ERROR_INIT;
	int rc, undone;

	if ((rc = runner_journal(slot, "undo-intent", err)) < 0)
		return rc;
	undone = take_back(slot, &failure);
	if (undone == 0) {
		/* Why it failed is why the run goes back: also to who takes that up after a crash.
		 */
		if (slot->state != DRO_STEP_IS_FAILED)
			slot_set(&slot->error, "");
		slot->state = DRO_STEP_IS_UNDONE;
	} else {
		slot_set(&slot->error, failure.message);
		*kept = undone == DRO_ESAFETY;
	}
	slot->ended_ms = clock->wall_ms(clock);
	if ((rc = runner_journal(slot, "undo-result", err)) < 0)
		return rc;
	if (undone < 0 && undone != DRO_ESAFETY) {
		*err = failure;
		return dro_error_context(err, "undo of %s", slot->step->id);
	}
	return 0;
}

/* Is the new site recorded as the active one: by the run's last step, or an abort killed here? */
static bool recorded(const struct runner *runner)
{
	char *active = NULL;
	bool is = dro_store_fact_get(runner->world->store, runner->plan->service, "active-site",
			  &active, NULL, NULL) == 0 &&
		  strcmp(active, runner->plan->to) == 0;

	free(active);
	return is;
}

/* Past a step that had to stay, the site that has the traffic now is the active one. */
static int settle_site(struct runner *runner, bool kept, cJSON *outcome, struct dro_error *err)
{
	const char *active = kept ? runner->plan->to : runner->plan->from;

	if (!*runner->plan->to)
		return 0; /* a run that moves nothing */
	cJSON_AddStringToObject(outcome, "active_site", active);
	return kept == recorded(runner) ? 0
					: dro_store_fact_commit(runner->world->store,
						  runner->world->lease, "active-site", active, err);
}

/* Aborted, where somebody asked for it; else rolled back by itself, as its plan says. */
static int settle(
	struct runner *runner, bool kept, const char *why, bool asked, struct dro_error *err)
{
	cJSON *outcome = runner_outcome(runner, why);
	int rc;

	if (!outcome)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = settle_site(runner, kept, outcome, err)) == 0)
		rc = runner_move(
			runner, asked ? DRO_RUN_IS_ABORTED : DRO_RUN_IS_BACK, outcome, err);
	cJSON_Delete(outcome);
	return rc;
}

/* What the step that failed said, also where it is undone by now. */
static char *first_failure(const struct runner *runner)
{
	size_t i;

	for (i = 0; i < runner->slot_count; i++)
		if (runner->slots[i].state == DRO_STEP_IS_FAILED ||
			(runner->slots[i].state == DRO_STEP_IS_UNDONE && *runner->slots[i].error))
			return strdup(runner->slots[i].error);
	return NULL;
}

int runner_undo(struct runner *runner, struct dro_error *err)
{
	enum dro_run_wish wish = DRO_WISH_NONE;
	bool kept = false;
	const char *why;
	char *failure;
	size_t i;
	int rc;

	dro_store_run_wish(runner->world->store, runner->plan->id, &wish, NULL);
	failure = wish == DRO_WISH_ABORT ? NULL : first_failure(runner);
	why = failure ? failure : wish == DRO_WISH_GIVE_WAY ? "it gave way to another run" : "";
	if ((rc = runner_move(runner, DRO_RUN_ROLLS_BACK, NULL, err)) < 0)
		goto out;
	for (i = runner->slot_count; i-- > 0 && !kept;) {
		struct slot *slot = &runner->slots[i];

		if (slot->state == DRO_STEP_IS_PENDING ||
			(slot->state == DRO_STEP_IS_RUNNING && !slot->kind->undo)) {
			slot->state = DRO_STEP_IS_SKIPPED;
			rc = runner_journal(slot, "undo-result", err);
		} else if (slot->kind->undo && has_begun(slot)) {
			rc = undo_step(slot, &kept, err);
			why = kept ? slot->error : why;
		}
		if (rc < 0) {
			struct dro_error ignored = DRO_ERROR_INIT;
			cJSON *outcome = runner_outcome(runner, err->message);

			/* Stays resumable: an abort that was asked for is taken up again. */
			runner_move(runner, DRO_RUN_FAILS, outcome, &ignored);
			cJSON_Delete(outcome);
			goto out;
		}
	}
	rc = settle(runner, kept, why, wish == DRO_WISH_ABORT, err);
out:
	free(failure);
	return rc;
}
