/*
 * compute.launch {site, group, image, user_data, count, type} -> {ids}: creates the group's
 * instances, once; count and type are the group's where not given; {provider, region, build, image,
 * type, user_data}: the machine that an image is made on. The key makes a repeat harmless where the
 * provider has tokens; where it has none, the tags tell what an earlier try made.
 */
#include "engine/steps/instances.h"

#include <stdlib.h>
#include <string.h>

#define LAG_MS 20000 /* how late a provider's lists may show what was made */
#define POLL_MS 500

static bool counts(const struct dro_instance *instance)
{
	return instance->state != DRO_INSTANCE_TERMINATED &&
	       instance->state != DRO_INSTANCE_TERMINATING;
}

/* What this step of this run made before, by its tags. */
static int find_made(struct dro_instance_list *out, const struct dro_step_context *context,
	struct dro_provider *provider, const char *region, struct dro_error *err)
{
	const struct dro_pair tags[] = {
		{DRO_TAG_RUN, context->plan->id}, {DRO_TAG_STEP, context->step->id}};
	struct dro_instance_query query = {
		.size = sizeof(query), .region = region, .tags = tags, .tag_count = 2};

	return dro_provider_list_instances(provider, &query, out, &context->call, err);
}

/* All of the group or nothing: what died since it was asked for is not replaced by itself. */
static int output_ids(struct dro_step_context *context, const struct dro_instance_list *list,
	size_t wanted, struct dro_error *err)
{
	cJSON *ids = cJSON_CreateArray();
	size_t alive = 0, i;

	for (i = 0; i < list->count; i++) {
		if (!counts(list->items[i]))
			continue;
		cJSON_AddItemToArray(ids, cJSON_CreateString(list->items[i]->id));
		dro_buf_printf(&context->note, "%s%s", alive++ ? ", " : "", list->items[i]->id);
	}
	if ((size_t)cJSON_GetArraySize(ids) != alive) {
		cJSON_Delete(ids);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	dro_step_output(context, "ids", ids);
	if (alive < wanted)
		return dro_fail(err, DRO_ECONFLICT,
			"%zu of %zu instances live: the others ended as soon as they were made",
			alive, wanted);
	return DRO_STEP_DONE;
}

int dro_step_launch(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_instance_list made = {0};
	struct dro_provider *provider;
	struct launch_spec launch;
	size_t alive = 0, i;
	int rc;

	if ((rc = launch_spec_init(&launch, context, &provider, err)) < 0)
		goto out;
	if (context->repeated) {
		if ((rc = find_made(&made, context, provider, launch.spec.region, err)) < 0)
			goto out;
		for (i = 0; i < made.count; i++)
			alive += counts(made.items[i]);
	}
	if (alive < launch.spec.count) {
		dro_instance_list_free(&made);
		if ((rc = dro_provider_create_instances(
			     provider, &launch.spec, &made, &context->call, err)) < 0)
			goto out;
	}
	rc = output_ids(context, &made, launch.spec.count, err);
out:
	launch_spec_free(&launch);
	dro_instance_list_free(&made);
	return rc;
}

static const struct dro_instance *find_id(const struct dro_instance_list *list, const char *id)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (strcmp(list->items[i]->id, id) == 0)
			return list->items[i];
	return NULL;
}

/* What lives of what this step made: as the provider lists it, and as long as lists may lag, also
 * what it does not list yet. malloc'd, the strings are not its own. */
static const char **find_living(const struct dro_step_context *context,
	const struct dro_instance_list *made, size_t *count, struct dro_error *err)
{
	const cJSON *known = cJSON_GetObjectItemCaseSensitive(context->outputs, "ids"), *id;
	const char **ids =
		calloc(made->count + (size_t)cJSON_GetArraySize(known) + 1, sizeof(*ids));
	size_t i;

	*count = 0;
	if (!ids) {
		dro_fail(err, DRO_ENOMEM, "out of memory");
		return NULL;
	}
	for (i = 0; i < made->count; i++)
		if (counts(made->items[i]))
			ids[(*count)++] = made->items[i]->id;
	cJSON_ArrayForEach(id, known)
	{
		if (context->elapsed_ms < LAG_MS && !find_id(made, id->valuestring))
			ids[(*count)++] = id->valuestring;
	}
	return ids;
}

/*
 * Until lists are up to date, something may live that they do not show: what the launch's answer
 * named, which a provider that does not see it takes for gone; or anything, where the run was
 * killed before the ids were known.
 */
static bool may_hide_more(
	const struct dro_step_context *context, const struct dro_instance_list *made, size_t wanted)
{
	const cJSON *known = cJSON_GetObjectItemCaseSensitive(context->outputs, "ids"), *id;

	if (context->elapsed_ms >= LAG_MS)
		return false;
	cJSON_ArrayForEach(id, known) if (!find_id(made, id->valuestring)) return true;
	return !known && context->repeated && made->count < wanted;
}

/* Also what an earlier try has terminated already. */
static void forget(struct dro_step_context *context, const struct dro_site *site,
	const struct dro_instance_list *made)
{
	const cJSON *known = cJSON_GetObjectItemCaseSensitive(context->outputs, "ids"), *id;
	const char **ids =
		calloc(made->count + (size_t)cJSON_GetArraySize(known) + 1, sizeof(*ids));
	size_t count = 0, i;

	if (!ids)
		return;
	for (i = 0; i < made->count; i++)
		ids[count++] = made->items[i]->id;
	cJSON_ArrayForEach(id, known) ids[count++] = id->valuestring;
	dro_step_forget(context, site, ids, count);
	free(ids);
}

int dro_step_unlaunch(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_instance_list made = {0};
	struct dro_provider *provider;
	struct dro_step_place place;
	struct launch_spec launch;
	const char **ids = NULL;
	size_t count = 0;
	int rc;

	if ((rc = launch_spec_init(&launch, context, &provider, err)) < 0 ||
		(rc = dro_step_place(context, &place, err)) < 0 ||
		(rc = find_made(&made, context, provider, launch.spec.region, err)) < 0)
		goto out;
	ids = find_living(context, &made, &count, err);
	if (!ids) {
		rc = DRO_ENOMEM;
		goto out;
	}
	if (count > 0)
		rc = dro_provider_terminate_instances(
			provider, launch.spec.region, ids, count, &context->call, err);
	if ((rc == 0 || rc == DRO_ENOTFOUND) && may_hide_more(context, &made, launch.spec.count)) {
		dro_buf_puts(&context->note, "waiting until the provider lists what was made");
		rc = dro_step_pending(context, POLL_MS, POLL_MS);
	} else if (rc == 0) {
		forget(context, place.site, &made);
		dro_buf_printf(&context->note, "%zu terminated", count);
	}
out:
	free(ids);
	launch_spec_free(&launch);
	dro_instance_list_free(&made);
	return rc;
}
