/* compute.terminate {site, or provider and region; ids}: ends the instances. There is no way back.
 */
#include "engine/steps/steps.h"

#include <stdlib.h>

int dro_step_terminate(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_step_place place;
	const char **ids = NULL;
	size_t count = 0;
	int rc;

	if ((rc = dro_step_place(context, &place, err)) < 0 ||
		(rc = dro_step_strings(context, "ids", &ids, &count, err)) < 0)
		goto out;
	if (count > 0)
		rc = dro_provider_terminate_instances(
			place.provider, place.region, ids, count, &context->call, err);
	if (rc == 0 || rc == DRO_ENOTFOUND) {
		dro_step_forget(context, place.site, ids, count);
		dro_buf_printf(&context->note, "%zu terminated", count);
		rc = DRO_STEP_DONE;
	}
out:
	free(ids);
	return rc;
}
