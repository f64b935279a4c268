/* Which instances run where: as many as each site's part asks for, of the right type, powered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/marks.h"
#include "plan/differ.h"

enum {
	LAUNCH_MS = 180000,
	BOOT_MS = 900000,
	POWER_MS = 300000,
	TERMINATE_MS = 120000,
	AT_ONCE = 500, /* launched by one step: providers bound a call, and advise smaller ones */
};

/* One site being compared. */
struct part {
	struct differ *differ;
	const struct dro_seen_site *seen;
	const struct dro_site *site;
	bool active;
};

/* Its members, the one that holds the data first, then by age. */
struct members {
	const struct dro_instance **items;
	size_t count;
};

static const char *service_of(const struct part *part)
{
	return part->differ->facts->service->name;
}

static bool is_active(const struct differ *differ, const struct dro_site *site)
{
	return strcmp(site->name, differ->facts->active) == 0;
}

int differ_group_count(const struct differ *differ, const struct dro_site *site, size_t group)
{
	return is_active(differ, site) ? site->groups[group].count : dro_standby_count(site, group);
}

const char *differ_group_type(
	const struct differ *differ, const struct dro_site *site, size_t group)
{
	return is_active(differ, site) ? site->groups[group].type : dro_standby_type(site, group);
}

static int older_first(const void *a, const void *b)
{
	const struct dro_instance *x = *(const struct dro_instance *const *)a,
				  *y = *(const struct dro_instance *const *)b;

	if (x->created_ms != y->created_ms)
		return x->created_ms < y->created_ms ? -1 : 1;
	return strcmp(x->id, y->id);
}

static bool in_group(const struct part *part, const struct dro_instance *instance, const char *name)
{
	return strcmp(dro_instance_group_name(instance, service_of(part), part->site), name) == 0;
}

static bool known_group(const struct part *part, const struct dro_instance *instance)
{
	size_t i;

	for (i = 0; i < part->site->group_count; i++)
		if (in_group(part, instance, part->site->groups[i].name))
			return true;
	return false;
}

/* Whatever its age: it is not the one that goes. */
static void data_host_first(struct members *members, const char *id)
{
	const struct dro_instance *found;
	size_t i;

	for (i = 1; i < members->count; i++)
		if (strcmp(members->items[i]->id, id) == 0) {
			found = members->items[i];
			memmove(&members->items[1], &members->items[0],
				i * sizeof(*members->items));
			members->items[0] = found;
			return;
		}
}

/* Those of the group; `name` NULL: those of none that the spec has. */
static bool collect(struct members *out, const struct part *part, const char *name)
{
	size_t i;

	*out = (struct members){calloc(part->seen->count + 1, sizeof(*out->items)), 0};
	if (!out->items) {
		differ_no_memory(part->differ);
		return false;
	}
	for (i = 0; i < part->seen->count; i++) {
		const struct dro_instance *instance = part->seen->instances[i];

		if (name ? in_group(part, instance, name) : !known_group(part, instance))
			out->items[out->count++] = instance;
	}
	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), older_first);
	data_host_first(out, differ_data_host_id(part->differ, part->site));
	return true;
}

static void site_text(char *out, size_t size, const struct part *part, const char *what)
{
	snprintf(out, size, "%s of %s at %s", what, part->site->name, part->site->provider);
}

/* `like` has what is special about it; `id` is the instance's, or its group's. */
static void change(const struct part *part, const char *id, const struct dro_step *step,
	struct dro_change like)
{
	char target[300];

	site_text(target, sizeof(target), part, id);
	like.thing = DRO_THING_INSTANCE;
	like.target = target;
	like.step = step->id;
	differ_change(part->differ, &like);
}

static cJSON *ids_of(const struct members *members, size_t from, size_t to)
{
	cJSON *ids = cJSON_CreateArray();

	for (; from < to; from++)
		cJSON_AddItemToArray(ids, cJSON_CreateString(members->items[from]->id));
	return ids;
}

/* "boot-SITE-GROUP": until they run; gives their addresses. */
static void add_wait(const struct part *part, const char *group, const char *ids, cJSON *list,
	const struct dro_step *after)
{
	struct dro_build *build = &part->differ->base;
	struct dro_step *step;
	char id[200];

	snprintf(id, sizeof(id), "boot-%s-%s", part->site->name, group);
	step = differ_step(part->differ, "compute.wait", part->site->name, BOOT_MS, id);
	if (!step) {
		cJSON_Delete(list);
		return;
	}
	dro_build_input(build, step, "site", part->site->name);
	if (list)
		dro_build_input_json(build, step, "ids", list);
	else
		dro_build_input(build, step, "ids", ids);
	dro_build_after(build, step, after->id);
}

static cJSON *user_data(const struct part *part)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "drorch", 1);
	cJSON_AddStringToObject(json, "service", service_of(part));
	cJSON_AddStringToObject(json, "site", part->site->name);
	cJSON_AddStringToObject(json, "role", part->active ? "primary" : "standby");
	cJSON_AddStringToObject(json, "run", part->differ->base.plan->id);
	return json;
}

/* Do we have a name that leads to the service? Then it has been alive, and had data. */
static bool was_alive(const struct part *part)
{
	const struct dro_service *service = part->differ->facts->service;
	const struct dro_observed *seen = part->differ->facts->seen;
	size_t i, j, k;

	for (i = 0; i < service->traffic_count; i++)
		for (j = 0; j < seen->zone_count; j++)
			for (k = 0; k < seen->zones[j].count; k++)
				if (strcmp(seen->zones[j].records[k]->name,
					    service->traffic[i].name) == 0 &&
					dro_owner_is(
						seen->zones[j].records[k]->owner, service->name))
					return true;
	return false;
}

/* One call's worth. The first is called "launch-SITE-GROUP", later ones end in ".2", ".3": no
 * group is called so. */
static void launch_some(const struct part *part, size_t index, const char *image, size_t count,
	size_t number, bool lost)
{
	const struct dro_instance_group *group = &part->site->groups[index];
	struct dro_build *build = &part->differ->base;
	struct dro_step *step;
	char name[120], id[200], ids[220], text[300];
	size_t i;

	snprintf(name, sizeof(name), number > 1 ? "%s.%zu" : "%s", group->name, number);
	snprintf(id, sizeof(id), "launch-%s-%s", part->site->name, name);
	step = differ_step(part->differ, "compute.launch", group->name, LAUNCH_MS, id);
	if (!step)
		return;
	dro_build_input(build, step, "site", part->site->name);
	dro_build_input(build, step, "group", group->name);
	dro_build_input(build, step, "image", image ? image : "");
	dro_build_input(build, step, "type", differ_group_type(part->differ, part->site, index));
	dro_build_input_json(build, step, "count", cJSON_CreateNumber((double)count));
	dro_build_input_json(build, step, "user_data", user_data(part));
	snprintf(text, sizeof(text), "%s from %s",
		differ_group_type(part->differ, part->site, index), group->image);
	for (i = 0; i < count; i++)
		change(part, group->name, step,
			(struct dro_change){
				.action = DRO_ACTION_CREATE, .wanted = text, .active = lost});
	snprintf(ids, sizeof(ids), "${%s.ids}", id);
	add_wait(part, name, ids, NULL, step);
}

/* `lost`: the active site has none left of the group that holds the data. */
static void launch(const struct part *part, size_t index, size_t count, bool lost)
{
	const struct dro_instance_group *group = &part->site->groups[index];
	const char *image = part->seen->images ? part->seen->images[index] : NULL;
	size_t done, some, number = 1;
	char text[300];

	if (!image && part->seen->images) {
		site_text(text, sizeof(text), part, group->name);
		differ_finding(part->differ, DRO_FINDING_UNKNOWN, text,
			"%zu cannot be launched: %s", count,
			part->seen->image_error ? part->seen->image_error : "there is no image");
		return;
	}
	part->differ->diff->wants_images = part->differ->diff->wants_images || !image;
	for (done = 0; done < count; done += some) {
		some = count - done < AT_ONCE ? count - done : AT_ONCE;
		launch_some(part, index, image, some, number++, lost);
	}
}

static void start(const struct part *part, const char *group, const struct members *stopped)
{
	struct dro_build *build = &part->differ->base;
	struct dro_step *step;
	char id[200];
	size_t i;

	snprintf(id, sizeof(id), "start-%s-%s", part->site->name, group);
	step = differ_step(part->differ, "compute.power", group, POWER_MS, id);
	if (!step)
		return;
	dro_build_input(build, step, "site", part->site->name);
	dro_build_input_json(build, step, "ids", ids_of(stopped, 0, stopped->count));
	for (i = 0; i < stopped->count; i++)
		change(part, stopped->items[i]->id, step,
			(struct dro_change){.action = DRO_ACTION_UPDATE,
				.was = "stopped",
				.wanted = "running"});
	snprintf(id, sizeof(id), "boot-%s-%s", part->site->name, group);
	if (!dro_plan_step(build->plan, id))
		add_wait(part, group, NULL, ids_of(stopped, 0, stopped->count), step);
}

static void resize(const struct part *part, const struct dro_instance *instance, const char *type)
{
	char text[300];

	if (!part->active) {
		differ_resize(part->differ, part->site, instance, type);
		return;
	}
	site_text(text, sizeof(text), part, instance->id);
	differ_finding(part->differ, DRO_FINDING_LEFT, text,
		"is of type %s, not %s: to resize it is to stop it, and the site is active",
		instance->type, type);
}

/* ---- what is too many ------------------------------------------------------------------------ */

static bool may_go(const struct part *part, const struct dro_instance *instance)
{
	const char *name = differ_used_by(part->differ, instance);
	char text[300];

	site_text(text, sizeof(text), part, instance->id);
	if (part->active)
		differ_finding(part->differ, DRO_FINDING_LEFT, text,
			"is more than the spec asks for: an active site is never scaled down");
	else if (instance->id[0] == '?')
		differ_finding(part->differ, DRO_FINDING_LEFT, text,
			"may have been launched: its answer was not heard, and it is looked for");
	else if (name)
		differ_finding(part->differ, DRO_FINDING_LEFT, text,
			"is not wanted any more, and %s leads there, or nobody can tell", name);
	return !part->active && instance->id[0] != '?' && !name;
}

/* Ends the youngest ones. `small`: the site is to have none or few, now that another one is active.
 */
static void terminate(const struct part *part, const char *group, const struct members *members,
	size_t keep, bool small)
{
	struct members going = {calloc(members->count + 1, sizeof(*going.items)), 0};
	struct dro_step *step = NULL;
	char id[200];
	size_t i;

	if (!going.items)
		differ_no_memory(part->differ);
	for (i = keep; going.items && i < members->count; i++)
		if (may_go(part, members->items[i]))
			going.items[going.count++] = members->items[i];
	snprintf(id, sizeof(id), "terminate-%s-%s", part->site->name, *group ? group : "others");
	if (going.count)
		step = differ_step(
			part->differ, "compute.terminate", part->site->name, TERMINATE_MS, id);
	if (step) {
		dro_build_input(&part->differ->base, step, "site", part->site->name);
		dro_build_input_json(
			&part->differ->base, step, "ids", ids_of(&going, 0, going.count));
		for (i = 0; i < going.count; i++)
			change(part, going.items[i]->id, step,
				(struct dro_change){.action = DRO_ACTION_DELETE,
					.was = (char *)going.items[i]->native_state,
					.active = part->active,
					.expected = small});
	}
	free(going.items);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void compare_members(
	const struct part *part, size_t index, const struct members *members, size_t keep)
{
	const struct dro_instance_group *group = &part->site->groups[index];
	const char *type = differ_group_type(part->differ, part->site, index);
	struct members stopped = {calloc(members->count + 1, sizeof(*stopped.items)), 0};
	size_t i;

	if (!stopped.items)
		differ_no_memory(part->differ);
	for (i = 0; stopped.items && i < keep && i < members->count; i++) {
		const struct dro_instance *instance = members->items[i];

		if (*instance->type && strcmp(instance->type, type) != 0)
			resize(part, instance, type);
		else if (instance->state == DRO_INSTANCE_STOPPED)
			stopped.items[stopped.count++] = instance;
	}
	if (stopped.count)
		start(part, group->name, &stopped);
	free(stopped.items);
}

static void compare_group(const struct part *part, size_t index)
{
	const struct dro_instance_group *group = &part->site->groups[index];
	int wanted = differ_group_count(part->differ, part->site, index);
	struct members members;
	size_t missing;

	if (wanted < 0 || !collect(&members, part, group->name))
		return;
	missing = members.count < (size_t)wanted ? (size_t)wanted - members.count : 0;
	if (missing)
		missing -= differ_alike(part->differ, part->seen, index, missing);
	if (missing)
		launch(part, index, missing,
			part->active && index == 0 && members.count == 0 && was_alive(part));
	compare_members(part, index, &members, (size_t)wanted);
	if (members.count > (size_t)wanted)
		terminate(part, group->name, &members, (size_t)wanted,
			wanted == 0 || dro_strategy_grows(part->site->strategy));
	free(members.items);
}

/* A former primary is not touched; that it runs is worth a word. */
static void look_at_unmanaged(const struct part *part)
{
	size_t i;

	for (i = 0; i < part->seen->count; i++)
		if (part->seen->instances[i]->state == DRO_INSTANCE_RUNNING) {
			differ_finding(part->differ, DRO_FINDING_LEFT, part->site->name,
				"runs, though %s is the active site: it is left as it is",
				part->differ->facts->active);
			return;
		}
}

static void compare_site(const struct part *part)
{
	struct members others;
	size_t i;

	if (part->site->strategy == DRO_STRATEGY_STATIC_PAGE)
		return;
	if (part->seen->error) {
		differ_finding(part->differ, DRO_FINDING_UNKNOWN, part->site->name,
			"its instances could not be listed: %s", part->seen->error);
		return;
	}
	part->differ->diff->things += part->seen->count;
	/* It holds the data, and may be the one that comes back: nothing of it is ended, and
	 * nothing empty is put in its place. */
	if (strcmp(part->site->name, dro_reconcile_behind(part->differ->facts)) == 0) {
		differ_finding(part->differ, DRO_FINDING_LEFT, part->site->name,
			"stands behind the page of %s: nothing of it is launched or ended",
			part->differ->facts->active);
		return;
	}
	if (!part->active && part->site->strategy == DRO_STRATEGY_NONE) {
		look_at_unmanaged(part);
		return;
	}
	for (i = 0; i < part->site->group_count; i++)
		compare_group(part, i);
	if (!collect(&others, part, NULL))
		return;
	if (others.count)
		terminate(part, "", &others, 0, false);
	free(others.items);
}

void differ_instances(struct differ *differ)
{
	const struct dro_observed *seen = differ->facts->seen;
	size_t i;

	for (i = 0; i < seen->site_count && differ->base.rc == 0; i++) {
		const struct part part = {.differ = differ,
			.seen = &seen->sites[i],
			.site = seen->sites[i].site,
			.active = is_active(differ, seen->sites[i].site)};

		compare_site(&part);
	}
}
