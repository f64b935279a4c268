#include "plan/promote_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/marks.h"

enum {
	LAUNCH_MS = 180000,
	SWITCH_MS = 180000,
	COMMIT_MS = 30000,
	MONITOR_SLACK_MS = 120000,
};

/* ---- prechecks: all side by side ------------------------------------------------------------- */

void promote_probe(struct promote *promote, const char *account, bool spare)
{
	struct dro_step *step;
	char id[128];

	snprintf(id, sizeof(id), "probe-%s", account);
	if (promote->base.rc < 0 || dro_plan_step(promote->base.plan, id))
		return;
	step = dro_build_step(
		&promote->base, "provider.probe", account, PROMOTE_PROBE_MS, "%s", id);
	if (!step)
		return;
	step->may_fail = spare;
	dro_build_input(&promote->base, step, "account", account);
}

/*
 * Only the switch waits for it: the launch has no use for the name. One that fails is on the
 * record, and the switch tries all the same.
 */
static void find_traffic(struct promote *promote, const struct dro_traffic *traffic)
{
	struct dro_step *step = dro_build_step(&promote->base, "traffic.find", traffic->name,
		PROMOTE_PROBE_MS, "find-%s", traffic->key);
	char id[128];

	if (!step)
		return;
	step->may_fail = true;
	dro_build_input(&promote->base, step, "traffic", traffic->key);
	snprintf(id, sizeof(id), "probe-%s", traffic->paths[0].provider);
	dro_build_after(&promote->base, step, id);
}

void promote_precheck_traffic(struct promote *promote)
{
	const struct dro_service *service = promote->facts->service;
	size_t i, j;

	for (i = 0; i < service->traffic_count; i++)
		for (j = 0; j < service->traffic[i].path_count; j++)
			promote_probe(promote, service->traffic[i].paths[j].provider,
				service->traffic[i].path_count > 1);
	for (i = 0; i < service->traffic_count; i++)
		find_traffic(promote, &service->traffic[i]);
}

void promote_after_prechecks(struct promote *promote, struct dro_step *step)
{
	dro_build_after_kind(&promote->base, step, "provider.probe");
	dro_build_after_kind(&promote->base, step, "backup.check");
	dro_build_after_kind(&promote->base, step, "compute.capacity");
	dro_build_after_kind(&promote->base, step, "agent.open");
}

/* ---- instances ------------------------------------------------------------------------------- */

static void input_group(struct promote *promote, struct dro_step *step, size_t index, int count)
{
	const struct dro_promote_facts *facts = promote->facts;

	dro_build_input(&promote->base, step, "site", facts->to->name);
	dro_build_input(&promote->base, step, "group", facts->to->groups[index].name);
	dro_build_input(&promote->base, step, "image", facts->images[index]);
	dro_build_input_json(&promote->base, step, "count", cJSON_CreateNumber(count));
}

void promote_capacity(struct promote *promote, size_t index, int count)
{
	const struct dro_instance_group *group = &promote->facts->to->groups[index];
	struct dro_step *step = dro_build_step(&promote->base, "compute.capacity", group->type,
		PROMOTE_PRECHECK_MS, "capacity-%s", group->name);

	if (step)
		input_group(promote, step, index, count);
}

cJSON *promote_user_data(const struct promote *promote, const char *role)
{
	const struct dro_promote_facts *facts = promote->facts;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "drorch", 1);
	cJSON_AddStringToObject(json, "service", facts->service->name);
	cJSON_AddStringToObject(json, "site", facts->to->name);
	cJSON_AddStringToObject(json, "role", role);
	cJSON_AddStringToObject(json, "run", promote->base.plan->id);
	return json;
}

struct dro_step *promote_launch(struct promote *promote, size_t index, int count, cJSON *user_data)
{
	const char *name = promote->facts->to->groups[index].name;
	struct dro_step *step = dro_build_step(
		&promote->base, "compute.launch", name, LAUNCH_MS, "launch-%s", name);

	if (!step) {
		cJSON_Delete(user_data);
		return NULL;
	}
	step->class = DRO_STEP_CONTROL_PLANE;
	input_group(promote, step, index, count);
	dro_build_input_json(&promote->base, step, "user_data", user_data);
	promote_after_prechecks(promote, step);
	return step;
}

/* ---- the fence ------------------------------------------------------------------------------- */

static bool holds(const cJSON *array, const char *text)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, array)
	{
		if (strcmp(item->valuestring, text) == 0)
			return true;
	}
	return false;
}

/* Wherever one of the names points, or pointed before a page was put up: there the old site may
 * still answer. */
static cJSON *old_addresses(const struct dro_promote_facts *facts)
{
	cJSON *array = cJSON_CreateArray();
	size_t i, j;

	for (i = 0; i < facts->service->traffic_count; i++) {
		const struct dro_traffic_seen *seen = &facts->traffic[i];

		for (j = 0; j < seen->value_count; j++)
			if (!holds(array, seen->values[j]))
				cJSON_AddItemToArray(array, cJSON_CreateString(seen->values[j]));
	}
	for (i = 0; i < facts->from_address_count; i++)
		cJSON_AddItemToArray(array, cJSON_CreateString(facts->from_addresses[i]));
	return array;
}

struct dro_step *promote_fence(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	struct dro_step *step = dro_build_step(&promote->base, "site.fence", facts->from->name,
		PROMOTE_FENCE_MS, "fence-%s", facts->from->name);

	if (!step)
		return NULL;
	step->class = DRO_STEP_CONTROL_PLANE;
	dro_build_input(&promote->base, step, "site", facts->from->name);
	dro_build_input_json(&promote->base, step, "addresses", old_addresses(facts));
	promote_after_prechecks(promote, step);
	return step;
}

/* ---- the traffic ----------------------------------------------------------------------------- */

static const char *ready_step(const struct promote *promote)
{
	return promote->ready ? promote->ready : "verify-app";
}

/* Where the name leads to now, for the way back. */
static void input_previous(
	struct promote *promote, struct dro_step *step, const struct dro_traffic_seen *seen)
{
	const struct dro_promote_facts *facts = promote->facts;

	dro_build_input(&promote->base, step, "from",
		facts->shown ? facts->shown->name : facts->from->name);
	dro_build_input_json(&promote->base, step, "previous",
		dro_json_strings((const char *const *)seen->values, seen->value_count));
	if (facts->shown && *facts->shown_at.host)
		dro_build_input_json(&promote->base, step, "previous_page",
			dro_page_place_json(&facts->shown_at));
}

/* `addresses` NULL: the new site's page. */
static void add_switch(
	struct promote *promote, const struct dro_traffic_seen *seen, cJSON *addresses)
{
	const struct dro_promote_facts *facts = promote->facts;
	char *owner = dro_owner_mark(facts->service->name, seen->traffic->key), id[160];
	struct dro_step *step = dro_build_step(&promote->base, "traffic.switch",
		seen->traffic->name, SWITCH_MS, "switch-%s", seen->traffic->key);

	if (!owner && promote->base.rc == 0)
		promote->base.rc = dro_fail(promote->base.err, DRO_ENOMEM, "out of memory");
	if (!step || !owner) {
		cJSON_Delete(addresses);
		goto out;
	}
	step->class = DRO_STEP_CONTROL_PLANE;
	dro_build_input(&promote->base, step, "traffic", seen->traffic->key);
	dro_build_input(&promote->base, step, "owner", owner);
	if (addresses)
		dro_build_input_json(&promote->base, step, "addresses", addresses);
	else
		dro_build_input_json(
			&promote->base, step, "page", dro_page_place_json(&facts->page.place));
	input_previous(promote, step, seen);
	dro_build_after(&promote->base, step, ready_step(promote));
	dro_build_after_kind(&promote->base, step, "site.fence");
	snprintf(id, sizeof(id), "find-%s", seen->traffic->key);
	dro_build_after(&promote->base, step, id);
out:
	free(owner);
}

/* A page is asked by the way that the switch took: not every way has an edge before it. */
static void input_path(struct promote *promote, struct dro_step *step, const char *key)
{
	char path[160];

	snprintf(path, sizeof(path), "${switch-%s.path}", key);
	if (promote->facts->to->strategy == DRO_STRATEGY_STATIC_PAGE)
		dro_build_input(&promote->base, step, "path", path);
}

static void add_verify(struct promote *promote, const struct dro_traffic *traffic)
{
	struct dro_step *step = dro_build_step(&promote->base, "traffic.verify", traffic->name,
		traffic->verify.timeout_ms, "verify-%s", traffic->key);
	char id[160];

	if (!step)
		return;
	dro_build_input(&promote->base, step, "traffic", traffic->key);
	dro_build_input(&promote->base, step, "site", promote->facts->to->name);
	input_path(promote, step, traffic->key);
	snprintf(id, sizeof(id), "switch-%s", traffic->key);
	dro_build_after(&promote->base, step, id);
}

void promote_switch(struct promote *promote, cJSON *(*addresses)(const struct promote *promote))
{
	size_t i;

	for (i = 0; i < promote->facts->service->traffic_count; i++) {
		const struct dro_traffic_seen *seen = &promote->facts->traffic[i];

		if (!dro_promote_serves(promote->facts, seen->traffic))
			continue;
		add_switch(promote, seen, addresses ? addresses(promote) : NULL);
		add_verify(promote, seen->traffic);
	}
}

static void add_monitor(struct promote *promote, const struct dro_traffic *traffic, int64_t window)
{
	struct dro_step *step = dro_build_step(&promote->base, "run.monitor", traffic->name,
		window + MONITOR_SLACK_MS, "monitor-%s", traffic->key);

	if (!step)
		return;
	dro_build_input(&promote->base, step, "traffic", traffic->key);
	dro_build_input(&promote->base, step, "site", promote->facts->to->name);
	input_path(promote, step, traffic->key);
	dro_build_input_json(&promote->base, step, "window_ms", cJSON_CreateNumber((double)window));
	dro_build_after_kind(&promote->base, step, "traffic.verify");
}

void promote_end(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	int64_t window = facts->service->safety.monitor_ms;
	struct dro_step *step;
	size_t i;

	for (i = 0; window > 0 && i < facts->service->traffic_count; i++)
		if (dro_promote_serves(facts, &facts->service->traffic[i]))
			add_monitor(promote, &facts->service->traffic[i], window);
	step = dro_build_step(&promote->base, "state.commit", facts->to->name, COMMIT_MS, "commit");
	if (!step)
		return;
	step->class = DRO_STEP_DATA_PLANE;
	dro_build_input(&promote->base, step, "site", facts->to->name);
	dro_build_after_kind(&promote->base, step, "run.monitor");
	dro_build_after_kind(&promote->base, step, "traffic.verify");
	dro_build_after(&promote->base, step, ready_step(promote));
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int64_t objective(int64_t site, int64_t service)
{
	return site != DRO_UNSET ? site : service;
}

int promote_describe(struct promote *promote, char *summary)
{
	const struct dro_promote_facts *facts = promote->facts;
	struct dro_plan *plan = promote->base.plan;
	int64_t rto = objective(facts->to->objectives.rto_ms, facts->service->objectives.rto_ms);
	int64_t rpo = objective(facts->to->objectives.rpo_ms, facts->service->objectives.rpo_ms);

	/* A notice is no recovery. */
	if (facts->to->strategy == DRO_STRATEGY_STATIC_PAGE)
		rto = rpo = DRO_UNSET;
	if (rto != DRO_UNSET)
		cJSON_AddNumberToObject(plan->facts, "rto_ms", (double)rto);
	if (rpo != DRO_UNSET)
		cJSON_AddNumberToObject(plan->facts, "rpo_ms", (double)rpo);
	free(plan->mode);
	free(plan->from);
	free(plan->to);
	free(plan->commit);
	free(plan->summary);
	plan->mode = strdup(facts->to->strategy == DRO_STRATEGY_STATIC_PAGE
				    ? "page"
				    : dro_promote_mode_name(facts->mode));
	plan->from = strdup(facts->shown ? facts->shown->name : facts->from->name);
	plan->to = strdup(facts->to->name);
	plan->commit = strdup(facts->spec->commit);
	plan->summary = summary;
	if (!plan->mode || !plan->from || !plan->to || !plan->commit || !plan->summary ||
		!cJSON_AddStringToObject(plan->facts, "spec", facts->spec->digest))
		return dro_fail(promote->base.err, DRO_ENOMEM, "out of memory");
	return 0;
}

const char *dro_promote_mode_name(enum dro_promote_mode mode)
{
	static const char *const names[] = {"cold", "switchover", "failover", "traffic"};

	return names[mode];
}

int promote_hand_over(struct dro_plan **out, struct promote *promote, int rc)
{
	if (rc == 0)
		rc = promote->base.rc;
	if (rc == 0)
		*out = promote->base.plan;
	else
		dro_plan_free(promote->base.plan);
	promote->base.plan = NULL;
	return rc;
}

int dro_plan_promote(
	struct dro_plan **out, const struct dro_promote_facts *facts, struct dro_error *err)
{
	struct promote promote = {.facts = facts, .base = {.err = err}};
	size_t i;
	int rc;

	if (facts->to->strategy != DRO_STRATEGY_STATIC_PAGE && facts->to->group_count == 0)
		return dro_fail(err, DRO_EINVAL, "site %s has no instances", facts->to->name);
	for (i = 0; i < facts->service->traffic_count; i++)
		if (strcmp(facts->service->traffic[i].type, "A") != 0)
			return dro_fail(err, DRO_EUNSUPPORTED,
				"traffic %s is of type %s: this version moves A records only",
				facts->service->traffic[i].key, facts->service->traffic[i].type);
	if ((rc = dro_plan_new(&promote.base.plan, facts->failback ? "failback" : "promote",
		     facts->service->name, err)) < 0)
		return rc;
	rc = facts->mode == DRO_PROMOTE_TRAFFIC ? promote_plan_traffic(&promote)
	     : facts->mode == DRO_PROMOTE_COLD	? promote_plan_cold(&promote)
						: promote_plan_hot(&promote);
	return promote_hand_over(out, &promote, rc);
}
