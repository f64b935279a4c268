#include "engine/runner.h"

/* When the public name first gave the new site's answer: the latest of the steps that watched for
 * it. */
static int64_t recovered_at(const struct runner *runner)
{
	int64_t at = 0;
	size_t i;

	for (i = 0; i < runner->slot_count; i++) {
		int64_t seen;

		if (runner->slots[i].state == DRO_STEP_IS_DONE &&
			dro_json_int(runner->slots[i].outputs, "recovered_ms", 0, &seen, NULL) ==
				0 &&
			seen > at)
			at = seen;
	}
	return at;
}

/*
 * Of a promote to a site that had the data: what is known to be lost. A switchover that was
 * downgraded was planned to lose none: where others may be lost too, nobody knows when the last
 * that came over was made.
 */
static void add_lost(cJSON *outcome, const struct runner *runner)
{
	int64_t point = -1;
	size_t i;

	dro_json_int(outcome, "recovery_point_ms", -1, &point, NULL);
	for (i = 0; i < runner->slot_count; i++) {
		const cJSON *outputs = runner->slots[i].outputs;
		const cJSON *lost = cJSON_GetObjectItemCaseSensitive(outputs, "writes_lost");

		if (!lost || runner->slots[i].state != DRO_STEP_IS_DONE)
			continue;
		cJSON_AddItemToObject(outcome, "writes_lost", cJSON_Duplicate(lost, 1));
		if (point == 0 &&
			(lost->valuedouble > 0 || cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(
							  outputs, "certain"))))
			cJSON_DeleteItemFromObjectCaseSensitive(outcome, "recovery_point_ms");
	}
}

static void add_exceptions(cJSON *outcome, const struct runner *runner)
{
	cJSON *list = cJSON_AddArrayToObject(outcome, "exceptions");
	size_t i;

	for (i = 0; i < runner->slot_count; i++) {
		const struct slot *slot = &runner->slots[i];
		cJSON *item;

		if (slot->state != DRO_STEP_IS_FAILED_IGNORED)
			continue;
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "step", slot->step->id);
		cJSON_AddStringToObject(item, "error", slot->error);
		cJSON_AddItemToArray(list, item);
	}
}

cJSON *runner_outcome(const struct runner *runner, const char *error)
{
	static const char *const copied[] = {
		"rto_ms", "rpo_ms", "recovery_point_ms", "files_age_ms"};
	int64_t recovered = recovered_at(runner);
	cJSON *outcome = cJSON_CreateObject();
	size_t i;

	if (!outcome)
		return NULL;
	if (recovered)
		cJSON_AddNumberToObject(
			outcome, "recovery_time_ms", (double)(recovered - runner->row->created_ms));
	/* Nothing was recovered: then there is nothing to hold against the objectives. */
	for (i = 0; recovered && i < sizeof(copied) / sizeof(copied[0]); i++) {
		const cJSON *fact =
			cJSON_GetObjectItemCaseSensitive(runner->plan->facts, copied[i]);

		if (fact)
			cJSON_AddItemToObject(outcome, copied[i], cJSON_Duplicate(fact, 1));
	}
	add_lost(outcome, runner);
	add_exceptions(outcome, runner);
	if (*error)
		cJSON_AddStringToObject(outcome, "error", error);
	return outcome;
}
