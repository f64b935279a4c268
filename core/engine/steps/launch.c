/*
 * compute.launch {site, group, image, user_data} -> {ids}: creates the group's instances, once. The
 * key makes a repeat harmless where the provider has tokens; where it has none, the tags tell what
 * an earlier try made.
 */
#include "engine/steps/instances.h"

#include <stdlib.h>

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

static void output_ids(struct dro_step_context *context, const struct dro_instance_list *list)
{
	cJSON *ids = cJSON_CreateArray();
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (!counts(list->items[i]))
			continue;
		cJSON_AddItemToArray(ids, cJSON_CreateString(list->items[i]->id));
		dro_buf_printf(&context->note, "%s%s", context->note.length ? ", " : "",
			list->items[i]->id);
	}
	dro_step_output(context, "ids", ids);
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
	output_ids(context, &made);
out:
	launch_spec_free(&launch);
	dro_instance_list_free(&made);
	return rc;
}

int dro_step_unlaunch(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_instance_list made = {0};
	const struct dro_site *site;
	struct dro_provider *provider;
	const char **ids = NULL;
	size_t count = 0, i;
	int rc;

	if ((rc = dro_step_site(context, "site", &site, &provider, err)) < 0 ||
		(rc = find_made(&made, context, provider, site->region, err)) < 0)
		goto out;
	ids = calloc(made.count + 1, sizeof(*ids));
	if (!ids) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	for (i = 0; i < made.count; i++)
		if (counts(made.items[i]))
			ids[count++] = made.items[i]->id;
	if (count > 0)
		rc = dro_provider_terminate_instances(
			provider, site->region, ids, count, &context->call, err);
	if (rc == 0)
		dro_buf_printf(&context->note, "%zu terminated", count);
out:
	free(ids);
	dro_instance_list_free(&made);
	return rc;
}
