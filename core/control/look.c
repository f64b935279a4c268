#include "control/look.h"

#include <stdio.h>
#include <string.h>

static cJSON *add_item(cJSON *array)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddItemToArray(array, item);
	return item;
}

static void add_changes(cJSON *seen, const struct dro_diff *diff)
{
	cJSON *array = cJSON_AddArrayToObject(seen, "changes");
	size_t i;

	cJSON_AddNumberToObject(seen, "change_count", (double)diff->change_count);
	for (i = 0; i < diff->change_count && i < DRO_VISIT_SHOWN; i++) {
		cJSON *item = add_item(array);

		cJSON_AddStringToObject(item, "action", dro_action_name(diff->changes[i].action));
		cJSON_AddStringToObject(item, "thing", dro_thing_name(diff->changes[i].thing));
		cJSON_AddStringToObject(item, "target", diff->changes[i].target);
	}
}

static void add_findings(cJSON *seen, const struct dro_diff *diff, bool *unknown)
{
	cJSON *array = cJSON_AddArrayToObject(seen, "findings");
	size_t i;

	cJSON_AddNumberToObject(seen, "finding_count", (double)diff->finding_count);
	for (i = 0; i < diff->finding_count; i++) {
		cJSON *item;

		if (diff->findings[i].kind == DRO_FINDING_UNKNOWN)
			*unknown = true;
		if (i >= DRO_VISIT_SHOWN)
			continue;
		item = add_item(array);
		cJSON_AddStringToObject(item, "kind", dro_finding_name(diff->findings[i].kind));
		cJSON_AddStringToObject(item, "target", diff->findings[i].target);
		cJSON_AddStringToObject(item, "text", diff->findings[i].text);
	}
}

static void add_refusals(cJSON *seen, const struct dro_pass *pass)
{
	cJSON *array = cJSON_AddArrayToObject(seen, "refusals");
	size_t i;

	for (i = 0; i < pass->refusal_count; i++) {
		cJSON *item = add_item(array);

		cJSON_AddStringToObject(item, "rule", pass->refusals[i].rule);
		cJSON_AddStringToObject(item, "text", pass->refusals[i].text);
	}
}

void dro_control_look(
	const struct dro_visit_ask *ask, const struct dro_pass_ask *stand, struct dro_visit *out)
{
	struct dro_pass_ask pass_ask = *stand;
	struct dro_pass *pass = NULL;
	int rc;

	pass_ask.spec = ask->spec;
	pass_ask.service = ask->service;
	pass_ask.fresh_ms = ask->fresh_ms;
	pass_ask.deadline_ms = ask->deadline_ms;
	if ((rc = dro_pass_look(&pass, &pass_ask, &out->err)) < 0) {
		out->end = rc == DRO_EBUSY ? DRO_VISIT_BUSY : DRO_VISIT_FAILED;
		return;
	}
	out->seen = cJSON_CreateObject();
	add_changes(out->seen, pass->diff);
	add_findings(out->seen, pass->diff, &out->unknown);
	add_refusals(out->seen, pass);
	if (pass->plan->step_count == 0) {
		out->end = DRO_VISIT_STEADY;
	} else if (pass->refusal_count > 0) {
		out->end = DRO_VISIT_REFUSED;
	} else if (!ask->may_store(ask->may_store_arg)) {
		out->end = DRO_VISIT_FULL;
	} else if ((rc = dro_pass_store(pass, &pass_ask, &out->err)) < 0) {
		/* A run began and ended meanwhile, or another is beginning: look again. */
		out->end = rc == DRO_EBUSY ? DRO_VISIT_BUSY : DRO_VISIT_FAILED;
	} else {
		out->end = DRO_VISIT_RUN;
		snprintf(out->run, sizeof(out->run), "%s", pass->plan->id);
	}
	dro_pass_free(pass);
}
