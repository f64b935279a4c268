#include "engine/runner.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUTS_MAX (1u << 20)

void slot_set(char **field, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return; /* the old words are better than none */
	free(*field);
	*field = copy;
}

struct slot *runner_slot(const struct runner *runner, const char *id)
{
	const struct dro_step *step = dro_plan_step(runner->plan, id);

	return step ? &runner->slots[step->index] : NULL;
}

struct loading {
	struct runner *runner;
	struct dro_error *err;
};

static int load_step(void *arg, const struct dro_step_row *row)
{
	struct loading *loading = arg;
	struct slot *slot = runner_slot(loading->runner, row->id);
	int rc;

	if (!slot)
		return dro_fail(loading->err, DRO_ECORRUPT,
			"the store holds a step \"%s\" that the plan has not", row->id);
	if ((rc = dro_step_state_parse(row->state, &slot->state, loading->err)) < 0)
		return rc;
	if (row->outputs && *row->outputs) {
		cJSON *outputs;

		if ((rc = dro_json_parse(&outputs, row->outputs, strlen(row->outputs), OUTPUTS_MAX,
			     loading->err)) < 0)
			return rc;
		cJSON_Delete(slot->outputs);
		slot->outputs = outputs;
	}
	slot_set(&slot->note, row->note ? row->note : "");
	slot_set(&slot->error, row->error ? row->error : "");
	slot->attempts = row->attempts;
	slot->started_ms = row->started_ms;
	slot->ended_ms = row->ended_ms;
	return 0;
}

/* Looked at after every step that ends, for every step that waits: so they are found once. */
static int find_before(struct slot *slot, struct dro_error *err)
{
	size_t i;

	slot->before = calloc(slot->step->after_count + 1, sizeof(struct slot *));
	if (!slot->before)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; i < slot->step->after_count; i++)
		slot->before[i] = runner_slot(slot->runner, slot->step->after[i]);
	return 0;
}

static int make_slots(struct runner *runner, struct dro_error *err)
{
	size_t i;
	int rc;

	runner->slots = calloc(runner->plan->step_count + 1, sizeof(*runner->slots));
	if (!runner->slots)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	runner->slot_count = runner->plan->step_count;
	for (i = 0; i < runner->slot_count; i++) {
		struct slot *slot = &runner->slots[i];

		slot->runner = runner;
		slot->step = runner->plan->steps[i];
		slot->kind = dro_step_kind(runner->world->kinds, slot->step->kind);
		slot->outputs = cJSON_CreateObject();
		slot->note = strdup("");
		slot->error = strdup("");
		if (!slot->outputs || !slot->note || !slot->error)
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		if (!slot->kind)
			return dro_fail(err, DRO_EUNSUPPORTED,
				"step \"%s\" is of kind \"%s\", which this version of drorch does "
				"not know",
				slot->step->id, slot->step->kind);
		if ((rc = find_before(slot, err)) < 0)
			return rc;
	}
	return 0;
}

int runner_load(struct runner *runner, const char *run, struct dro_error *err)
{
	struct loading loading = {runner, err};
	int rc;

	if ((rc = dro_store_run_get(runner->world->store, run, &runner->row, err)) < 0 ||
		(rc = dro_run_state_parse(runner->row->state, &runner->state, err)) < 0 ||
		(rc = dro_plan_parse(
			 &runner->plan, runner->row->plan, strlen(runner->row->plan), err)) < 0 ||
		(rc = make_slots(runner, err)) < 0)
		return rc;
	return dro_store_step_list(runner->world->store, run, load_step, &loading, err);
}

void runner_unload(struct runner *runner)
{
	size_t i;

	for (i = 0; i < runner->slot_count; i++) {
		cJSON_Delete(runner->slots[i].outputs);
		free(runner->slots[i].before);
		free(runner->slots[i].note);
		free(runner->slots[i].error);
	}
	free(runner->slots);
	dro_plan_free(runner->plan);
	dro_run_row_free(runner->row);
}

/* A slot's record, and the texts behind it. */
struct record {
	struct dro_buf outputs, data;
};

static int make_record(struct dro_step_record *out, struct record *texts, const struct slot *slot,
	struct dro_error *err)
{
	int rc;

	*texts = (struct record){DRO_BUF_INIT(OUTPUTS_MAX), DRO_BUF_INIT(OUTPUTS_MAX)};
	dro_json_print(&texts->outputs, slot->outputs);
	if (strcmp(slot->event, "intent") == 0) {
		dro_buf_puts(&texts->data, "{\"key\":");
		dro_json_quote(&texts->data, slot->step->idem_key);
		dro_buf_printf(&texts->data, ",\"attempt\":%d}", slot->attempts);
	} else {
		dro_buf_puts(&texts->data, "{}");
	}
	if ((rc = dro_buf_check(&texts->outputs, err)) < 0 ||
		(rc = dro_buf_check(&texts->data, err)) < 0)
		return rc;
	*out = (struct dro_step_record){.row = {.id = slot->step->id,
						.state = (char *)dro_step_state_name(slot->state),
						.outputs = texts->outputs.data,
						.note = slot->note,
						.error = slot->error,
						.attempts = slot->attempts,
						.started_ms = slot->started_ms,
						.ended_ms = slot->ended_ms},
		.event = slot->event,
		.data = texts->data.data};
	return 0;
}

int runner_flush(struct runner *runner, struct dro_error *err)
{
	struct dro_step_record *records = calloc(runner->slot_count + 1, sizeof(*records));
	struct record *texts = calloc(runner->slot_count + 1, sizeof(*texts));
	size_t count = 0, i;
	int rc = 0;

	if (!records || !texts)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; i < runner->slot_count && rc == 0; i++)
		if (runner->slots[i].event) {
			rc = make_record(&records[count], &texts[count], &runner->slots[i], err);
			runner->slots[i].event = NULL;
			count++;
		}
	if (rc == 0 && count > 0) {
		rc = dro_store_steps(runner->world->store, runner->world->lease, runner->plan->id,
			records, count, err);
		if (rc == 0 && runner->changed)
			runner->changed(runner->changed_arg);
	}
	for (i = 0; i < count; i++) {
		dro_buf_free(&texts[i].outputs);
		dro_buf_free(&texts[i].data);
	}
	free(records);
	free(texts);
	return rc;
}

int runner_journal(struct slot *slot, const char *event, struct dro_error *err)
{
	slot->event = event;
	return runner_flush(slot->runner, err);
}

int runner_move(struct runner *runner, enum dro_run_event event, const cJSON *outcome,
	struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(OUTPUTS_MAX);
	enum dro_run_state next;
	int rc;

	if ((rc = dro_run_next(runner->state, event, &next, err)) < 0)
		return rc;
	if (outcome)
		dro_json_print(&text, outcome);
	else
		dro_buf_puts(&text, runner->row->outcome);
	if ((rc = dro_buf_check(&text, err)) == 0)
		rc = dro_store_run_state(runner->world->store, runner->world->lease,
			runner->plan->id, dro_run_state_name(next), text.data, err);
	if (rc == 0) {
		runner->state = next;
		if (runner->changed)
			runner->changed(runner->changed_arg);
	}
	dro_buf_free(&text);
	return rc;
}
