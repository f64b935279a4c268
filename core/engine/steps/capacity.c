/* compute.capacity {site, group, image}: would the provider give us the instances? Changes nothing.
 */
#include "engine/steps/instances.h"

int dro_step_capacity(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_provider *provider;
	struct launch_spec launch;
	int rc;

	if ((rc = launch_spec_init(&launch, context, &provider, err)) == 0)
		rc = dro_provider_check_capacity(provider, &launch.spec, &context->call, err);
	if (rc == 0) {
		dro_buf_printf(&context->note, "%u x %s", launch.spec.count, launch.spec.type);
	} else if (rc == DRO_EUNSUPPORTED) {
		dro_buf_puts(&context->note, "the provider cannot tell beforehand");
		rc = 0;
	}
	launch_spec_free(&launch);
	return rc;
}
