/* compute.power {site, ids}: starts the instances. Undone, they are stopped again. */
#include "engine/steps/steps.h"

#include <stdlib.h>

static int power(struct dro_step_context *context, enum dro_power how, struct dro_error *err)
{
	struct dro_provider *provider;
	const struct dro_site *site;
	const char **ids = NULL;
	size_t count = 0;
	int rc;

	if ((rc = dro_step_site(context, "site", &site, &provider, err)) < 0 ||
		(rc = dro_step_strings(context, "ids", &ids, &count, err)) < 0)
		goto out;
	if (count > 0)
		rc = dro_provider_power_instances(
			provider, site->region, ids, count, how, &context->call, err);
	if (rc == 0)
		dro_buf_printf(&context->note, "%zu %s", count,
			how == DRO_POWER_START ? "started" : "stopped");
out:
	free(ids);
	return rc;
}

int dro_step_power(struct dro_step_context *context, struct dro_error *err)
{
	return power(context, DRO_POWER_START, err);
}

int dro_step_unpower(struct dro_step_context *context, struct dro_error *err)
{
	return power(context, DRO_POWER_STOP, err);
}
