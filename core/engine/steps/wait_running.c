/* compute.wait {site, or provider and region; ids} -> {addresses}: until every instance runs and
 * has an address. */
#include "engine/steps/steps.h"

#include <stdlib.h>

#define POLL_LEAST_MS 10
#define POLL_MOST_MS 2000

static const char *address_of(const struct dro_instance *instance)
{
	return *instance->public_ipv4 ? instance->public_ipv4 : instance->private_ipv4;
}

/* 1: it is up, 0: not yet, <0: it never will be. */
static int judge(const struct dro_instance *instance, struct dro_error *err)
{
	switch (instance->state) {
	case DRO_INSTANCE_STOPPING:
	case DRO_INSTANCE_STOPPED:
	case DRO_INSTANCE_TERMINATING:
	case DRO_INSTANCE_TERMINATED:
		return dro_fail(err, DRO_ECONFLICT, "instance %s is %s: it did not stay up",
			instance->id, instance->native_state);
	case DRO_INSTANCE_RUNNING:
		return *address_of(instance) ? 1 : 0;
	default:
		return 0;
	}
}

/* How many of them are up; their addresses into `addresses`. */
static int count_up(const struct dro_instance_list *list, cJSON *addresses, struct dro_error *err)
{
	int up = 0, rc;
	size_t i;

	for (i = 0; i < list->count; i++) {
		if ((rc = judge(list->items[i], err)) < 0)
			return rc;
		up += rc;
		cJSON_AddItemToArray(addresses, cJSON_CreateString(address_of(list->items[i])));
	}
	return up;
}

/* As dro_step_count_up; `list` gets the instances of the site. */
static int look(struct dro_step_context *context, struct dro_step_place *place,
	struct dro_instance_list *list, cJSON *addresses, size_t *wanted, struct dro_error *err)
{
	struct dro_instance_query query = {.size = sizeof(query)};
	const char **ids = NULL;
	int rc;

	if ((rc = dro_step_place(context, place, err)) < 0 ||
		(rc = dro_step_strings(context, "ids", &ids, &query.id_count, err)) < 0)
		goto out;
	if (query.id_count == 0) { /* a query without ids is for all there are */
		rc = dro_fail(err, DRO_EINVAL, "no instance to wait for");
		goto out;
	}
	*wanted = query.id_count;
	query.region = place->region;
	query.ids = ids;
	rc = dro_provider_list_instances(place->provider, &query, list, &context->call, err);
	if (rc == DRO_ENOTFOUND)
		rc = 0; /* just made: not every part of the provider knows it yet */
	if (rc == 0)
		rc = count_up(list, addresses, err);
out:
	free(ids);
	return rc;
}

int dro_step_count_up(
	struct dro_step_context *context, cJSON *addresses, size_t *wanted, struct dro_error *err)
{
	struct dro_instance_list list = {0};
	struct dro_step_place place;
	int rc = look(context, &place, &list, addresses, wanted, err);

	dro_instance_list_free(&list);
	return rc;
}

int dro_step_wait_running(struct dro_step_context *context, struct dro_error *err)
{
	cJSON *addresses = cJSON_CreateArray(), *address;
	struct dro_instance_list list = {0};
	struct dro_step_place place;
	size_t wanted = 0;
	int rc = look(context, &place, &list, addresses, &wanted, err);

	if (rc < 0)
		goto out;
	if ((size_t)rc < wanted) {
		dro_buf_printf(&context->note, "%d of %zu run", rc, wanted);
		rc = dro_step_pending(context, POLL_LEAST_MS, POLL_MOST_MS);
		goto out;
	}
	cJSON_ArrayForEach(address, addresses) dro_buf_printf(
		&context->note, "%s%s", context->note.length ? ", " : "", address->valuestring);
	dro_step_output(context, "addresses", addresses);
	addresses = NULL;
	dro_step_remember(context, place.site, &list);
	rc = DRO_STEP_DONE;
out:
	dro_instance_list_free(&list);
	cJSON_Delete(addresses);
	return rc;
}
