#include "plan/promote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/marks.h"
#include "plan/build.h"

/* How long a step may take before it counts as failed. */
enum {
	PROBE_MS = 15000,
	PRECHECK_MS = 30000,
	FENCE_MS = 90000,
	LAUNCH_MS = 180000,
	BOOT_MS = 900000,
	RESTORE_MS = 4 * 3600000,
	APP_MS = 600000,
	SWITCH_MS = 180000,
	COMMIT_MS = 30000,
	MONITOR_SLACK_MS = 120000,
};

struct build {
	struct dro_build base;
	const struct dro_promote_facts *facts;
};

/* ---- prechecks: all side by side ------------------------------------------------------------- */

/* `spare`: another way is there, so that its failure does not end the run. */
static void probe(struct build *build, const char *account, bool spare)
{
	struct dro_step *step;
	char id[128];

	snprintf(id, sizeof(id), "probe-%s", account);
	if (build->base.rc < 0 || dro_plan_step(build->base.plan, id))
		return;
	step = dro_build_step(&build->base, "provider.probe", account, PROBE_MS, "%s", id);
	if (!step)
		return;
	step->may_fail = spare;
	dro_build_input(&build->base, step, "account", account);
}

/*
 * Only the switch waits for it: the launch has no use for the name. One that fails is on the
 * record, and the switch tries all the same.
 */
static void find_traffic(struct build *build, const struct dro_traffic *traffic)
{
	struct dro_step *step = dro_build_step(
		&build->base, "traffic.find", traffic->name, PROBE_MS, "find-%s", traffic->key);
	char id[128];

	if (!step)
		return;
	step->may_fail = true;
	dro_build_input(&build->base, step, "traffic", traffic->key);
	snprintf(id, sizeof(id), "probe-%s", traffic->paths[0].provider);
	dro_build_after(&build->base, step, id);
}

static void add_prechecks(struct build *build)
{
	const struct dro_promote_facts *facts = build->facts;
	struct dro_step *step;
	size_t i, j;

	probe(build, facts->to->provider, false);
	for (i = 0; i < facts->service->traffic_count; i++)
		for (j = 0; j < facts->service->traffic[i].path_count; j++)
			probe(build, facts->service->traffic[i].paths[j].provider,
				facts->service->traffic[i].path_count > 1);
	step = dro_build_step(
		&build->base, "backup.check", facts->backup->id, PRECHECK_MS, "check-backup");
	if (!step)
		return;
	dro_build_input(&build->base, step, "policy", facts->policy->name);
	dro_build_input(&build->base, step, "id", facts->backup->id);
	dro_build_input(&build->base, step, "manifest_sha256", facts->backup->manifest_sha256);
	for (i = 0; i < facts->service->traffic_count; i++)
		find_traffic(build, &facts->service->traffic[i]);
	for (i = 0; i < facts->to->group_count; i++) {
		step = dro_build_step(&build->base, "compute.capacity", facts->to->groups[i].type,
			PRECHECK_MS, "capacity-%s", facts->to->groups[i].name);
		if (!step)
			return;
		dro_build_input(&build->base, step, "site", facts->to->name);
		dro_build_input(&build->base, step, "group", facts->to->groups[i].name);
		dro_build_input(&build->base, step, "image", facts->images[i]);
	}
}

static void after_prechecks(struct build *build, struct dro_step *step)
{
	dro_build_after_kind(&build->base, step, "provider.probe");
	dro_build_after_kind(&build->base, step, "backup.check");
	dro_build_after_kind(&build->base, step, "compute.capacity");
}

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

/* Wherever one of the names points: there the old site may still answer. */
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
	return array;
}

static void add_fence(struct build *build)
{
	const struct dro_promote_facts *facts = build->facts;
	struct dro_step *step = dro_build_step(&build->base, "site.fence", facts->from->name,
		FENCE_MS, "fence-%s", facts->from->name);

	if (!step)
		return;
	step->class = DRO_STEP_CONTROL_PLANE;
	dro_build_input(&build->base, step, "site", facts->from->name);
	dro_build_input_json(&build->base, step, "addresses", old_addresses(facts));
	after_prechecks(build, step);
}

/* ---- the new site ---------------------------------------------------------------------------- */

/* What the instance is told at its first boot. The first group holds the data. */
static cJSON *user_data(const struct build *build, bool restores)
{
	const struct dro_promote_facts *facts = build->facts;
	cJSON *json = cJSON_CreateObject(), *backup, *store;

	cJSON_AddNumberToObject(json, "drorch", 1);
	cJSON_AddStringToObject(json, "service", facts->service->name);
	cJSON_AddStringToObject(json, "site", facts->to->name);
	cJSON_AddStringToObject(json, "role", "primary");
	cJSON_AddStringToObject(json, "run", build->base.plan->id);
	if (!restores)
		return json;
	backup = cJSON_AddObjectToObject(json, "backup");
	cJSON_AddStringToObject(backup, "id", facts->backup->id);
	cJSON_AddStringToObject(backup, "policy", facts->policy->name);
	cJSON_AddStringToObject(backup, "manifest_sha256", facts->backup->manifest_sha256);
	store = cJSON_AddObjectToObject(backup, "store");
	cJSON_AddStringToObject(store, "bucket", facts->policy->bucket);
	cJSON_AddStringToObject(store, "prefix", facts->policy->prefix);
	cJSON_AddStringToObject(store, "region", facts->policy->region);
	return json;
}

static void add_launch(struct build *build, size_t index)
{
	const struct dro_promote_facts *facts = build->facts;
	const struct dro_instance_group *group = &facts->to->groups[index];
	char ids[160];
	struct dro_step *step = dro_build_step(
		&build->base, "compute.launch", group->name, LAUNCH_MS, "launch-%s", group->name);

	if (!step)
		return;
	step->class = DRO_STEP_CONTROL_PLANE;
	dro_build_input(&build->base, step, "site", facts->to->name);
	dro_build_input(&build->base, step, "group", group->name);
	dro_build_input(&build->base, step, "image", facts->images[index]);
	dro_build_input_json(&build->base, step, "user_data", user_data(build, index == 0));
	after_prechecks(build, step);
	step = dro_build_step(
		&build->base, "compute.wait", group->name, BOOT_MS, "boot-%s", group->name);
	if (!step)
		return;
	snprintf(ids, sizeof(ids), "${launch-%s.ids}", group->name);
	dro_build_input(&build->base, step, "site", facts->to->name);
	dro_build_input(&build->base, step, "ids", ids);
	snprintf(ids, sizeof(ids), "launch-%s", group->name);
	dro_build_after(&build->base, step, ids);
}

/* "${boot-web.addresses}": where the group that holds the data and takes the traffic is. */
static void input_addresses(struct build *build, struct dro_step *step)
{
	char text[160];

	snprintf(text, sizeof(text), "${boot-%s.addresses}", build->facts->to->groups[0].name);
	dro_build_input(&build->base, step, "addresses", text);
}

static void add_restore(struct build *build)
{
	const struct dro_promote_facts *facts = build->facts;
	char boot[160], ids[160];
	struct dro_step *step = dro_build_step(
		&build->base, "restore.wait", facts->backup->id, RESTORE_MS, "restore");

	if (!step)
		return;
	snprintf(boot, sizeof(boot), "boot-%s", facts->to->groups[0].name);
	dro_build_input(&build->base, step, "site", facts->to->name);
	dro_build_input(&build->base, step, "backup", facts->backup->id);
	snprintf(ids, sizeof(ids), "${launch-%s.ids}", facts->to->groups[0].name);
	dro_build_input(&build->base, step, "ids", ids);
	input_addresses(build, step);
	dro_build_after(&build->base, step, boot);
	step = dro_build_step(&build->base, "app.verify", facts->to->name, APP_MS, "verify-app");
	if (!step)
		return;
	dro_build_input(&build->base, step, "site", facts->to->name);
	input_addresses(build, step);
	dro_build_after(&build->base, step, "restore");
	dro_build_after_kind(&build->base, step, "compute.wait");
}

/* ---- the traffic ----------------------------------------------------------------------------- */

static void add_switch(struct build *build, const struct dro_traffic_seen *seen)
{
	const struct dro_promote_facts *facts = build->facts;
	char *owner = dro_owner_mark(facts->service->name, seen->traffic->key), id[160];
	struct dro_step *step = dro_build_step(&build->base, "traffic.switch", seen->traffic->name,
		SWITCH_MS, "switch-%s", seen->traffic->key);

	if (!step || !owner)
		goto out;
	step->class = DRO_STEP_CONTROL_PLANE;
	dro_build_input(&build->base, step, "traffic", seen->traffic->key);
	dro_build_input(&build->base, step, "from", facts->from->name);
	dro_build_input(&build->base, step, "owner", owner);
	input_addresses(build, step);
	dro_build_input_json(&build->base, step, "previous",
		dro_json_strings((const char *const *)seen->values, seen->value_count));
	dro_build_after(&build->base, step, "verify-app");
	dro_build_after_kind(&build->base, step, "site.fence");
	snprintf(id, sizeof(id), "find-%s", seen->traffic->key);
	dro_build_after(&build->base, step, id);
	step = dro_build_step(&build->base, "traffic.verify", seen->traffic->name,
		seen->traffic->verify.timeout_ms, "verify-%s", seen->traffic->key);
	if (!step)
		goto out;
	snprintf(id, sizeof(id), "switch-%s", seen->traffic->key);
	dro_build_input(&build->base, step, "traffic", seen->traffic->key);
	dro_build_input(&build->base, step, "site", facts->to->name);
	dro_build_after(&build->base, step, id);
out:
	if (build->base.rc == 0 && !owner)
		build->base.rc = dro_fail(build->base.err, DRO_ENOMEM, "out of memory");
	free(owner);
}

static void add_end(struct build *build)
{
	const struct dro_promote_facts *facts = build->facts;
	int64_t window = facts->service->safety.monitor_ms;
	struct dro_step *step;
	size_t i;

	for (i = 0; window > 0 && i < facts->service->traffic_count; i++) {
		const char *key = facts->service->traffic[i].key;

		step = dro_build_step(&build->base, "run.monitor", facts->service->traffic[i].name,
			window + MONITOR_SLACK_MS, "monitor-%s", key);
		if (!step)
			return;
		dro_build_input(&build->base, step, "traffic", key);
		dro_build_input(&build->base, step, "site", facts->to->name);
		dro_build_input_json(
			&build->base, step, "window_ms", cJSON_CreateNumber((double)window));
		dro_build_after_kind(&build->base, step, "traffic.verify");
	}
	step = dro_build_step(&build->base, "state.commit", facts->to->name, COMMIT_MS, "commit");
	if (!step)
		return;
	step->class = DRO_STEP_DATA_PLANE;
	dro_build_input(&build->base, step, "site", facts->to->name);
	dro_build_after_kind(&build->base, step, "run.monitor");
	dro_build_after_kind(&build->base, step, "traffic.verify");
	dro_build_after(&build->base, step, "verify-app");
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int64_t objective(int64_t site, int64_t service)
{
	return site != DRO_UNSET ? site : service;
}

static int describe(struct build *build)
{
	const struct dro_promote_facts *facts = build->facts;
	struct dro_plan *plan = build->base.plan;
	int64_t rto = objective(facts->to->objectives.rto_ms, facts->service->objectives.rto_ms);
	int64_t rpo = objective(facts->to->objectives.rpo_ms, facts->service->objectives.rpo_ms);
	cJSON *backup = cJSON_AddObjectToObject(plan->facts, "backup");

	cJSON_AddStringToObject(backup, "id", facts->backup->id);
	cJSON_AddStringToObject(backup, "policy", facts->policy->name);
	cJSON_AddNumberToObject(backup, "time_ms", (double)facts->backup->manifest->time_ms);
	cJSON_AddNumberToObject(backup, "bytes", (double)facts->backup->manifest->total);
	cJSON_AddBoolToObject(backup, "verified", facts->backup->verified);
	cJSON_AddNumberToObject(plan->facts, "recovery_point_ms",
		(double)(facts->now_ms - facts->backup->manifest->time_ms));
	if (rto != DRO_UNSET)
		cJSON_AddNumberToObject(plan->facts, "rto_ms", (double)rto);
	if (rpo != DRO_UNSET)
		cJSON_AddNumberToObject(plan->facts, "rpo_ms", (double)rpo);
	if (!cJSON_AddStringToObject(plan->facts, "spec", facts->spec->digest))
		return dro_fail(build->base.err, DRO_ENOMEM, "out of memory");
	free(plan->mode);
	free(plan->from);
	free(plan->to);
	free(plan->commit);
	free(plan->summary);
	plan->mode = strdup("cold");
	plan->from = strdup(facts->from->name);
	plan->to = strdup(facts->to->name);
	plan->commit = strdup(facts->spec->commit);
	if (asprintf(&plan->summary, "rebuild %s of %s from backup %s and move the traffic to it",
		    facts->to->name, facts->service->name, facts->backup->id) < 0)
		plan->summary = NULL;
	if (!plan->mode || !plan->from || !plan->to || !plan->commit || !plan->summary)
		return dro_fail(build->base.err, DRO_ENOMEM, "out of memory");
	return 0;
}

int dro_plan_promote(
	struct dro_plan **out, const struct dro_promote_facts *facts, struct dro_error *err)
{
	struct build build = {.facts = facts, .base = {.err = err}};
	size_t i;

	if (facts->to->strategy != DRO_STRATEGY_BACKUP_RESTORE)
		return dro_fail(err, DRO_EUNSUPPORTED,
			"site %s is %s: this version promotes backup-restore sites only",
			facts->to->name, dro_strategy_name(facts->to->strategy));
	if (facts->to->group_count == 0)
		return dro_fail(err, DRO_EINVAL, "site %s has no instances", facts->to->name);
	for (i = 0; i < facts->service->traffic_count; i++)
		if (strcmp(facts->service->traffic[i].type, "A") != 0)
			return dro_fail(err, DRO_EUNSUPPORTED,
				"traffic %s is of type %s: this version moves A records only",
				facts->service->traffic[i].key, facts->service->traffic[i].type);
	if ((build.base.rc = dro_plan_new(&build.base.plan, "promote", facts->service->name, err)) <
		0)
		return build.base.rc;
	build.base.rc = describe(&build);
	if (build.base.rc == 0)
		add_prechecks(&build);
	add_fence(&build);
	for (i = 0; i < facts->to->group_count; i++)
		add_launch(&build, i);
	add_restore(&build);
	for (i = 0; i < facts->service->traffic_count; i++)
		add_switch(&build, &facts->traffic[i]);
	add_end(&build);
	if (build.base.rc == 0) {
		*out = build.base.plan;
		build.base.plan = NULL;
	}
	dro_plan_free(build.base.plan);
	return build.base.rc;
}
