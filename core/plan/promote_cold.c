/* Cold: rebuilt from a backup. */
#include "plan/promote_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a step may take before it counts as failed. */
enum {
	BOOT_MS = 900000,
	RESTORE_MS = 4 * 3600000,
};

static void add_prechecks(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	struct dro_step *step;
	size_t i;

	promote_probe(promote, facts->to->provider, false);
	promote_precheck_traffic(promote);
	step = dro_build_step(&promote->base, "backup.check", facts->backup->id,
		PROMOTE_PRECHECK_MS, "check-backup");
	if (!step)
		return;
	dro_build_input(&promote->base, step, "policy", facts->policy->name);
	dro_build_input(&promote->base, step, "id", facts->backup->id);
	dro_build_input(&promote->base, step, "manifest_sha256", facts->backup->manifest_sha256);
	for (i = 0; i < facts->to->group_count; i++)
		promote_capacity(promote, i, facts->to->groups[i].count);
}

/* ---- the new site ---------------------------------------------------------------------------- */

/* What the instance is told at its first boot. The first group holds the data. */
static cJSON *user_data(const struct promote *promote, bool restores)
{
	const struct dro_promote_facts *facts = promote->facts;
	cJSON *json = promote_user_data(promote, "primary"), *backup, *store;

	if (!restores)
		return json;
	/* As it is planned: what a launch is asked for must be the same whenever it is asked. */
	if (facts->epoch > 0)
		cJSON_AddNumberToObject(json, "epoch", (double)facts->epoch);
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

static void add_launch(struct promote *promote, size_t index)
{
	const struct dro_promote_facts *facts = promote->facts;
	const struct dro_instance_group *group = &facts->to->groups[index];
	char ids[160];
	struct dro_step *step =
		promote_launch(promote, index, group->count, user_data(promote, index == 0));

	if (!step)
		return;
	step = dro_build_step(
		&promote->base, "compute.wait", group->name, BOOT_MS, "boot-%s", group->name);
	if (!step)
		return;
	snprintf(ids, sizeof(ids), "${launch-%s.ids}", group->name);
	dro_build_input(&promote->base, step, "site", facts->to->name);
	dro_build_input(&promote->base, step, "ids", ids);
	snprintf(ids, sizeof(ids), "launch-%s", group->name);
	dro_build_after(&promote->base, step, ids);
}

/* "${boot-web.addresses}": where the group that holds the data and takes the traffic is. */
static cJSON *addresses(const struct promote *promote)
{
	char text[160];

	snprintf(text, sizeof(text), "${boot-%s.addresses}", promote->facts->to->groups[0].name);
	return cJSON_CreateString(text);
}

static void add_restore(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	char boot[160], ids[160];
	struct dro_step *step = dro_build_step(
		&promote->base, "restore.wait", facts->backup->id, RESTORE_MS, "restore");

	if (!step)
		return;
	snprintf(boot, sizeof(boot), "boot-%s", facts->to->groups[0].name);
	dro_build_input(&promote->base, step, "site", facts->to->name);
	dro_build_input(&promote->base, step, "backup", facts->backup->id);
	snprintf(ids, sizeof(ids), "${launch-%s.ids}", facts->to->groups[0].name);
	dro_build_input(&promote->base, step, "ids", ids);
	dro_build_input_json(&promote->base, step, "addresses", addresses(promote));
	dro_build_after(&promote->base, step, boot);
	step = dro_build_step(
		&promote->base, "app.verify", facts->to->name, PROMOTE_APP_MS, "verify-app");
	if (!step)
		return;
	dro_build_input(&promote->base, step, "site", facts->to->name);
	dro_build_input_json(&promote->base, step, "addresses", addresses(promote));
	dro_build_after(&promote->base, step, "restore");
	dro_build_after_kind(&promote->base, step, "compute.wait");
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int describe(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	struct dro_plan *plan = promote->base.plan;
	cJSON *backup = cJSON_AddObjectToObject(plan->facts, "backup");
	char *summary;

	cJSON_AddStringToObject(backup, "id", facts->backup->id);
	cJSON_AddStringToObject(backup, "policy", facts->policy->name);
	cJSON_AddNumberToObject(backup, "time_ms", (double)facts->backup->manifest->time_ms);
	cJSON_AddNumberToObject(backup, "bytes", (double)facts->backup->manifest->total);
	cJSON_AddBoolToObject(backup, "verified", facts->backup->verified);
	cJSON_AddNumberToObject(plan->facts, "recovery_point_ms",
		(double)(facts->now_ms - facts->backup->manifest->time_ms));
	if (asprintf(&summary, "rebuild %s of %s from backup %s and move the traffic to it",
		    facts->to->name, facts->service->name, facts->backup->id) < 0)
		summary = NULL;
	return promote_describe(promote, summary);
}

int promote_plan_cold(struct promote *promote)
{
	const struct dro_site *to = promote->facts->to;
	size_t i;
	int rc;

	if (to->strategy != DRO_STRATEGY_BACKUP_RESTORE)
		return dro_fail(promote->base.err, DRO_EUNSUPPORTED,
			"site %s is %s: it is not rebuilt from a backup", to->name,
			dro_strategy_name(to->strategy));
	if ((rc = describe(promote)) < 0)
		return rc;
	add_prechecks(promote);
	promote_fence(promote);
	for (i = 0; i < to->group_count; i++)
		add_launch(promote, i);
	add_restore(promote);
	promote_switch(promote, addresses);
	promote_end(promote);
	return 0;
}
