/* compute.stop {site, or provider and region; ids}: stops the instances, and waits until they are.
 */
#include "engine/steps/steps.h"

#include <stdlib.h>

#define POLL_LEAST_MS 100
#define POLL_MOST_MS 5000

/* 1: it is off; 0: not yet, and `*runs` where nobody has told it yet; <0: it never will be. */
static int judge(const struct dro_instance *instance, bool *runs, struct dro_error *err)
{
	switch (instance->state) {
	case DRO_INSTANCE_STOPPED:
		return 1;
	case DRO_INSTANCE_TERMINATING:
	case DRO_INSTANCE_TERMINATED:
		return dro_fail(err, DRO_ECONFLICT, "instance %s is %s", instance->id,
			instance->native_state);
	case DRO_INSTANCE_RUNNING:
		*runs = true;
		return 0;
	default:
		return 0;
	}
}

static int look(struct dro_step_context *context, const struct dro_step_place *place,
	const char *const *ids, size_t count, bool *runs, struct dro_error *err)
{
	struct dro_instance_query query = {
		.size = sizeof(query), .region = place->region, .ids = ids, .id_count = count};
	struct dro_instance_list list = {0};
	int off = 0, rc;
	size_t i;

	rc = dro_provider_list_instances(place->provider, &query, &list, &context->call, err);
	for (i = 0; i < list.count && rc >= 0; i++)
		if ((rc = judge(list.items[i], runs, err)) > 0)
			off++;
	dro_instance_list_free(&list);
	return rc < 0 ? rc : off;
}

int dro_step_stop(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_step_place place;
	const char **ids = NULL;
	bool runs = false;
	size_t count = 0;
	int rc;

	if ((rc = dro_step_place(context, &place, err)) < 0 ||
		(rc = dro_step_strings(context, "ids", &ids, &count, err)) < 0)
		goto out;
	if (count == 0) {
		rc = dro_fail(err, DRO_EINVAL, "no instance to stop");
		goto out;
	}
	if ((rc = look(context, &place, ids, count, &runs, err)) < 0)
		goto out;
	if ((size_t)rc == count) {
		dro_buf_printf(&context->note, "%zu stopped", count);
		rc = DRO_STEP_DONE;
		goto out;
	}
	/* It may be told again: what is on its way already is no error. */
	rc = runs ? dro_provider_power_instances(place.provider, place.region, ids, count,
			    DRO_POWER_STOP, &context->call, err)
		  : 0;
	if (rc == 0 || rc == DRO_ECONFLICT) {
		dro_buf_puts(&context->note, "stopping");
		rc = dro_step_pending(context, POLL_LEAST_MS, POLL_MOST_MS);
	}
out:
	free(ids);
	return rc;
}
