/* state.commit {site}: from here on the site is the active one. */
#include "engine/steps/steps.h"

int dro_step_commit(struct dro_step_context *context, struct dro_error *err)
{
	const struct dro_world *world = context->world;
	const char *site;
	int rc;

	if ((rc = dro_json_string_need(context->inputs, "site", &site, err)) < 0 ||
		(rc = dro_store_fact_commit(world->store, world->lease, "active-site", site, err)) <
			0)
		return rc;
	dro_buf_printf(&context->note, "%s is active", site);
	return DRO_STEP_DONE;
}
