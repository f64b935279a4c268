/*
 * traffic.find {traffic}: a path's provider knows the zone and the name. Beside the boot, so that
 * the switch need not find the zone first, and a lost permission shows early.
 */
#include "engine/steps/steps.h"
#include "model/page.h"

#define PATH_MS 5000 /* what one path may take before the next is asked */

static int look(struct dro_step_context *context, const struct dro_traffic *traffic,
	const struct dro_path *path, size_t *found, struct dro_error *err)
{
	struct dro_record_query query = {
		.size = sizeof(query), .zone = path->zone, .name = traffic->name, .type = ""};
	struct dro_record_list list = {0};
	struct dro_call call = context->call;
	uint64_t soon = dro_now_ms() + PATH_MS;
	struct dro_provider *provider;
	size_t i;
	int rc;

	if (soon < call.deadline_ms)
		call.deadline_ms = soon;
	if ((rc = dro_accounts_get(context->world->accounts, path->provider, &provider, err)) == 0)
		rc = dro_provider_list_records(provider, &query, &list, &call, err);
	for (i = *found = 0; i < list.count; i++)
		*found += dro_traffic_has_type(traffic, list.items[i]->type);
	dro_record_list_free(&list);
	return rc;
}

int dro_step_find_traffic(struct dro_step_context *context, struct dro_error *err)
{
	const struct dro_traffic *traffic;
	size_t found = 0, i;
	int rc;

	if ((rc = dro_step_traffic(context, &traffic, err)) < 0)
		return rc;
	rc = dro_fail(err, DRO_EINVAL, "%s has no path", traffic->name);
	for (i = 0; i < traffic->path_count; i++) {
		if ((rc = look(context, traffic, &traffic->paths[i], &found, err)) == 0)
			break;
		dro_buf_printf(
			&context->note, "%s: %.160s; ", traffic->paths[i].provider, err->message);
	}
	if (rc < 0)
		return rc;
	dro_buf_printf(&context->note, "%s %s %s", traffic->paths[i].provider,
		found ? "has" : "is to make", traffic->name);
	return DRO_STEP_DONE;
}
