/*
 * A pilot light or a warm standby grows to what the spec says before it takes over: instances that
 * are missing are launched, those of another type resized, stopped ones started. It takes minutes,
 * so all of it comes before the freeze. The data host's own resize ends its replication for a
 * while (replica.h): in a switchover the old site goes on meanwhile, in a failover the old one is
 * fenced first, so that nothing comes any more that could be missed.
 */
#include <stdio.h>
#include <string.h>

#include "plan/promote_parts.h"
#include "plan/replica.h"

enum {
	BOOT_MS = 900000,
	POWER_MS = 300000,
	RESIZE_MS = 1800000,
};

bool dro_promote_grows(const struct dro_promote_facts *facts)
{
	return facts->mode != DRO_PROMOTE_COLD && !facts->failback && !facts->as_is &&
	       dro_strategy_grows(facts->to->strategy);
}

static bool in_group(const struct dro_site_member *member, const struct dro_instance_group *group)
{
	return strcmp(member->group, group->name) == 0;
}

static bool is_data_host(const struct promote *promote, const struct dro_site_member *member)
{
	return strcmp(member->id, promote->facts->to_host.id) == 0;
}

/* A type that the provider did not tell is none that is wrong. */
static bool wrong_type(const struct dro_site_member *member, const struct dro_instance_group *group)
{
	return *member->type && strcmp(member->type, group->type) != 0;
}

static int missing(const struct promote *promote, const struct dro_instance_group *group)
{
	const struct dro_promote_facts *facts = promote->facts;
	int count = group->count;
	size_t i;

	for (i = 0; i < facts->member_count; i++)
		count -= in_group(&facts->members[i], group);
	return count < 0 ? 0 : count;
}

void promote_grow_prechecks(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	size_t i;
	int count;

	promote_probe(promote, facts->to->provider, false);
	for (i = 0; i < facts->to->group_count && promote->base.rc == 0; i++) {
		if ((count = missing(promote, &facts->to->groups[i])) == 0)
			continue;
		if (facts->images[i])
			promote_capacity(promote, i, count);
		else
			promote->base.rc = dro_fail(promote->base.err, DRO_ENOTFOUND,
				"%d of %s of %s are to be launched, and no image of theirs is "
				"known; `--as-is` takes over with what runs",
				count, facts->to->groups[i].name, facts->to->name);
	}
}

static struct dro_step *add_step(struct promote *promote, const char *kind, const char *target,
	int64_t timeout_ms, const char *id)
{
	struct dro_step *step = dro_build_step(&promote->base, kind, target, timeout_ms, "%s", id);

	if (!step)
		return NULL;
	step->class = DRO_STEP_CONTROL_PLANE;
	dro_build_input(&promote->base, step, "site", promote->facts->to->name);
	return step;
}

static void resize_id(char *out, size_t size, const struct dro_site_member *member)
{
	char text[300];

	snprintf(text, sizeof(text), "resize-%s", member->id);
	dro_build_id(out, size, text);
}

/* Undone, it keeps its size: the next reconcile sees to that when nobody is in a hurry. */
static void add_resize(struct promote *promote, const struct dro_site_member *member,
	const struct dro_instance_group *group)
{
	char id[300];
	struct dro_step *step;

	resize_id(id, sizeof(id), member);
	step = add_step(promote, "compute.resize", member->id, RESIZE_MS, id);
	if (!step)
		return;
	dro_build_input(&promote->base, step, "id", member->id);
	dro_build_input(&promote->base, step, "type", group->type);
	dro_build_input_json(&promote->base, step, "runs", cJSON_CreateTrue());
	promote_after_prechecks(promote, step);
}

static void add_start(struct promote *promote, const struct dro_instance_group *group)
{
	const struct dro_promote_facts *facts = promote->facts;
	cJSON *ids = cJSON_CreateArray();
	char id[160];
	struct dro_step *step;
	size_t i;

	for (i = 0; i < facts->member_count; i++)
		if (in_group(&facts->members[i], group) && facts->members[i].stopped &&
			!wrong_type(&facts->members[i], group))
			cJSON_AddItemToArray(ids, cJSON_CreateString(facts->members[i].id));
	snprintf(id, sizeof(id), "start-%s", group->name);
	step = cJSON_GetArraySize(ids) > 0
		       ? add_step(promote, "compute.power", group->name, POWER_MS, id)
		       : NULL;
	if (step) {
		dro_build_input_json(&promote->base, step, "ids", ids);
		ids = NULL;
		promote_after_prechecks(promote, step);
	}
	cJSON_Delete(ids);
}

void promote_grow(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	size_t i, j;
	int count;

	for (i = 0; i < facts->to->group_count; i++) {
		const struct dro_instance_group *group = &facts->to->groups[i];

		if ((count = missing(promote, group)) > 0)
			promote_launch(promote, i, count, promote_user_data(promote, "standby"));
		for (j = 0; j < facts->member_count; j++)
			if (in_group(&facts->members[j], group) &&
				!is_data_host(promote, &facts->members[j]) &&
				wrong_type(&facts->members[j], group))
				add_resize(promote, &facts->members[j], group);
		add_start(promote, group);
	}
}

void promote_grow_data(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	struct dro_replica_resize resize = {.site = facts->to,
		.primary_site = facts->from,
		.host = &facts->to_host,
		.primary = facts->mode == DRO_PROMOTE_SWITCHOVER ? &facts->from_host : NULL,
		.how = dro_promote_replication(facts),
		.type = facts->to->groups[0].type,
		.previous = ""};
	struct dro_step *first;
	size_t i;

	for (i = 0; i < facts->member_count; i++) {
		if (!is_data_host(promote, &facts->members[i]) ||
			!wrong_type(&facts->members[i], &facts->to->groups[0]))
			continue;
		dro_build_replica_resize(&promote->base, &resize, &first);
		if (promote->base.rc < 0)
			return;
		promote_after_prechecks(promote, first);
		dro_build_after_kind(&promote->base, first, "site.fence");
		snprintf(promote->new_address, sizeof(promote->new_address), "${boot.%s.addresses}",
			facts->to->name);
		return;
	}
}

/* What of the group changes: how many steps that is; `step` (may be NULL) waits for them. */
static size_t wait_for_group(struct promote *promote, size_t index, struct dro_step *step)
{
	static const char *const verbs[] = {"launch", "start"};
	const struct dro_promote_facts *facts = promote->facts;
	const struct dro_instance_group *group = &facts->to->groups[index];
	size_t count = 0, i;
	char id[300];

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]) + facts->member_count; i++) {
		if (i < 2)
			snprintf(id, sizeof(id), "%s-%s", verbs[i], group->name);
		else if (in_group(&facts->members[i - 2], group))
			resize_id(id, sizeof(id), &facts->members[i - 2]);
		else
			continue;
		if (!dro_plan_step(promote->base.plan, id))
			continue;
		count++;
		if (step)
			dro_build_after(&promote->base, step, id);
	}
	return count;
}

/* "boot-GROUP": all of it, so that one answer has every address. */
static void add_wait(struct promote *promote, size_t index)
{
	const struct dro_promote_facts *facts = promote->facts;
	const struct dro_instance_group *group = &facts->to->groups[index];
	cJSON *ids = cJSON_CreateArray();
	struct dro_step *step;
	char id[160], text[200];
	size_t i;

	for (i = 0; i < facts->member_count; i++)
		if (in_group(&facts->members[i], group))
			cJSON_AddItemToArray(ids, cJSON_CreateString(facts->members[i].id));
	snprintf(id, sizeof(id), "launch-%s", group->name);
	snprintf(text, sizeof(text), "${%s.ids}", id);
	if (dro_plan_step(promote->base.plan, id))
		cJSON_AddItemToArray(ids, cJSON_CreateString(text));
	snprintf(id, sizeof(id), "boot-%s", group->name);
	step = add_step(promote, "compute.wait", group->name, BOOT_MS, id);
	if (!step) {
		cJSON_Delete(ids);
		return;
	}
	step->class = DRO_STEP_READ;
	dro_build_input_json(&promote->base, step, "ids", ids);
	wait_for_group(promote, index, step);
	if (index == 0)
		snprintf(promote->new_addresses, sizeof(promote->new_addresses),
			"${boot-%s.addresses}", group->name);
}

void promote_grow_end(struct promote *promote)
{
	size_t i;

	for (i = 0; i < promote->facts->to->group_count && promote->base.rc == 0; i++)
		if (wait_for_group(promote, i, NULL) > 0)
			add_wait(promote, i);
}

void promote_after_growth(struct promote *promote, struct dro_step *step)
{
	dro_build_after_kind(&promote->base, step, "compute.wait");
	dro_build_after_kind(&promote->base, step, "agent.open");
	dro_build_after_kind(&promote->base, step, "database.guard");
}
