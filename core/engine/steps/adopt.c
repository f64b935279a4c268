/*
 * compute.adopt {site, group, ids, unnamed, was} -> {ids}: puts on instances that are there the
 * marks that a launch puts on new ones; a name only on those that had none (`unnamed`). `was` has
 * the marks that some had, by id: whoever changed them since is not overruled. Undone, instances
 * that this step marked have the marks of before again.
 */
#include "engine/steps/instances.h"

#include <stdlib.h>
#include <string.h>

#define POLL_LEAST_MS 200
#define POLL_MOST_MS 5000

struct adopting {
	struct dro_step_context *context;
	const struct dro_site *site;
	struct dro_provider *provider;
	struct step_marks marks;
	const char **ids, **unnamed;
	size_t count, unnamed_count;
};

static int init(struct adopting *adopting, struct dro_step_context *context, struct dro_error *err)
{
	const char *group;
	int rc;

	*adopting = (struct adopting){.context = context};
	if ((rc = dro_step_site(context, "site", &adopting->site, &adopting->provider, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "group", &group, err)) < 0 ||
		(rc = dro_step_strings(context, "ids", &adopting->ids, &adopting->count, err)) <
			0 ||
		(rc = dro_step_strings(context, "unnamed", &adopting->unnamed,
			 &adopting->unnamed_count, err)) < 0)
		return rc;
	step_marks_init(&adopting->marks, context, adopting->site->name, group);
	step_mark(&adopting->marks, DRO_TAG_GROUP, group);
	return 0;
}

static void fini(struct adopting *adopting)
{
	free(adopting->ids);
	free(adopting->unnamed);
}

static bool bears(
	const struct adopting *adopting, const struct dro_instance *instance, const char *name)
{
	const char *value = dro_instance_tag(instance, name);
	size_t i;

	for (i = 0; value && i < adopting->marks.count; i++)
		if (strcmp(adopting->marks.tags[i].name, name) == 0)
			return strcmp(adopting->marks.tags[i].value, value) == 0;
	return false;
}

/* By what makes it ours, whichever run put it there. */
static bool is_marked(const struct adopting *adopting, const struct dro_instance *instance)
{
	return bears(adopting, instance, DRO_TAG_SERVICE) &&
	       bears(adopting, instance, DRO_TAG_SITE) && bears(adopting, instance, DRO_TAG_GROUP);
}

/* A mark that is neither ours, nor what the plan saw: somebody else's, since. */
static int check_unclaimed(
	const struct adopting *adopting, const struct dro_instance *instance, struct dro_error *err)
{
	static const char *const names[] = {DRO_TAG_SERVICE, DRO_TAG_SITE, DRO_TAG_ROLE};
	const cJSON *was = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(adopting->context->inputs, "was"), instance->id);
	size_t i;

	if (instance->state == DRO_INSTANCE_TERMINATED ||
		instance->state == DRO_INSTANCE_TERMINATING)
		return dro_fail(err, DRO_ECONFLICT, "instance %s is %s", instance->id,
			instance->native_state);
	if (is_marked(adopting, instance))
		return 0;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = dro_instance_tag(instance, names[i]);

		if (value && strcmp(value, dro_json_text(was, names[i])) != 0)
			return dro_fail(err, DRO_ECONFLICT,
				"instance %s is marked %s=%s now: somebody else took it meanwhile",
				instance->id, names[i], value);
	}
	return 0;
}

static int look(struct dro_instance_list *out, const struct adopting *adopting,
	const char *const *ids, size_t count, struct dro_error *err)
{
	const struct dro_instance_query query = {.size = sizeof(query),
		.region = adopting->site->region,
		.ids = ids,
		.id_count = count};
	int rc;

	dro_instance_list_free(out);
	rc = dro_provider_list_instances(
		adopting->provider, &query, out, &adopting->context->call, err);
	return rc == 0 && out->count != count
		       ? dro_fail(err, DRO_ENOTFOUND, "%zu of %zu instances are there", out->count,
				 count)
		       : rc;
}

/* How many are not marked yet, as far as the provider shows; their ids, where `ids` is given. */
static size_t unmarked(
	const struct adopting *adopting, const struct dro_instance_list *list, const char **ids)
{
	size_t count = 0, i;

	for (i = 0; i < list->count; i++)
		if (!is_marked(adopting, list->items[i])) {
			if (ids)
				ids[count] = list->items[i]->id;
			count++;
		}
	return count;
}

static int mark(const struct adopting *adopting, const char *const *ids, size_t count,
	const struct dro_pair *tags, size_t tag_count, struct dro_error *err)
{
	const struct dro_instance_marks marks = {.size = sizeof(marks),
		.region = adopting->site->region,
		.ids = ids,
		.id_count = count,
		.tags = tags,
		.tag_count = tag_count};

	return count ? dro_provider_mark_instances(
			       adopting->provider, &marks, &adopting->context->call, err)
		     : 0;
}

/* The name first: an instance with all of the marks is one that was done with. */
static int mark_rest(const struct adopting *adopting, const struct dro_instance_list *list,
	struct dro_error *err)
{
	const char **ids = calloc(list->count + 1, sizeof(*ids));
	const struct step_marks *marks = &adopting->marks;
	size_t count;
	int rc;

	if (!ids)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	count = unmarked(adopting, list, ids);
	/* The first of the marks is the name. */
	if ((rc = mark(adopting, adopting->unnamed, adopting->unnamed_count, marks->tags, 1,
		     err)) == 0)
		rc = mark(adopting, ids, count, marks->tags + 1, marks->count - 1, err);
	free(ids);
	return rc;
}

static int finish(const struct adopting *adopting, const struct dro_instance_list *list,
	struct dro_error *err)
{
	cJSON *ids = cJSON_CreateStringArray(adopting->ids, (int)adopting->count);
	size_t i;

	if (!ids)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	dro_step_output(adopting->context, "ids", ids);
	for (i = 0; i < adopting->count; i++)
		dro_buf_printf(&adopting->context->note, "%s%s", i ? ", " : "", adopting->ids[i]);
	dro_step_remember(adopting->context, adopting->site, list);
	return DRO_STEP_DONE;
}

int dro_step_adopt(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_instance_list list = {0};
	struct adopting adopting;
	size_t i;
	int rc;

	if ((rc = init(&adopting, context, err)) < 0 ||
		(rc = look(&list, &adopting, adopting.ids, adopting.count, err)) < 0)
		goto out;
	for (i = 0; i < list.count && rc == 0; i++)
		rc = check_unclaimed(&adopting, list.items[i], err);
	if (rc == 0 && unmarked(&adopting, &list, NULL) &&
		(rc = mark_rest(&adopting, &list, err)) == 0)
		rc = look(&list, &adopting, adopting.ids, adopting.count, err);
	if (rc < 0)
		goto out;
	if (unmarked(&adopting, &list, NULL) == 0) {
		rc = finish(&adopting, &list, err);
	} else {
		dro_buf_puts(&context->note, "waiting until the provider shows the marks");
		rc = dro_step_pending(context, POLL_LEAST_MS, POLL_MOST_MS);
	}
out:
	dro_instance_list_free(&list);
	fini(&adopting);
	return rc;
}

/* ---- the way back ---------------------------------------------------------------------------- */

static bool has(const char *const *items, size_t count, const char *item)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(items[i], item) == 0)
			return true;
	return false;
}

/* What it had is put back, what it had not goes. */
static int unmark(const struct adopting *adopting, const char *id, struct dro_error *err)
{
	const cJSON *was = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(adopting->context->inputs, "was"), id);
	struct dro_pair tags[STEP_MARKS_MAX];
	const char *drop[STEP_MARKS_MAX];
	struct dro_instance_marks marks = {.size = sizeof(marks),
		.region = adopting->site->region,
		.ids = &id,
		.id_count = 1,
		.tags = tags,
		.drop = drop};
	size_t i;

	for (i = 0; i < adopting->marks.count; i++) {
		const char *name = adopting->marks.tags[i].name;
		const cJSON *old = cJSON_GetObjectItemCaseSensitive(was, name);

		if (i == 0 && !has(adopting->unnamed, adopting->unnamed_count, id))
			continue; /* the name is its own */
		if (cJSON_IsString(old))
			tags[marks.tag_count++] = (struct dro_pair){name, old->valuestring};
		else
			drop[marks.drop_count++] = name;
	}
	return dro_provider_mark_instances(
		adopting->provider, &marks, &adopting->context->call, err);
}

int dro_step_unadopt(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_instance_list list = {0};
	struct adopting adopting;
	size_t i, done = 0;
	int rc = init(&adopting, context, err);

	for (i = 0; rc == 0 && i < adopting.count; i++) {
		rc = look(&list, &adopting, &adopting.ids[i], 1, err);
		if (rc == 0 && is_marked(&adopting, list.items[0]) &&
			bears(&adopting, list.items[0], DRO_TAG_RUN)) {
			rc = unmark(&adopting, adopting.ids[i], err);
			done++;
		}
		if (rc == DRO_ENOTFOUND) /* it is gone, and its marks with it */
			rc = 0;
	}
	if (rc == 0) {
		dro_step_forget(context, adopting.site, adopting.ids, adopting.count);
		dro_buf_printf(&context->note, "%zu as before", done);
	}
	dro_instance_list_free(&list);
	fini(&adopting);
	return rc;
}
