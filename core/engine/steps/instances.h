/* From the spec's instance group, or image policy, to the provider's instance spec. */
#ifndef DRORCH_ENGINE_STEPS_INSTANCES_H
#define DRORCH_ENGINE_STEPS_INSTANCES_H

#include "engine/steps/steps.h"

/* An instance spec and what its pointers point to. Not to be moved. Free with launch_spec_free. */
struct launch_spec {
	struct dro_instance_spec spec;
	struct dro_pair tags[7];
	struct dro_pair *options;
	struct dro_buf user_data;
	char name[200];
};

/*
 * Reads inputs {site, group, image, user_data, count: the group's where not given}; of a build's
 * machine {provider, region, build, image, type, user_data}. User-data is an object, given as JSON,
 * or text. To be freed also after a failure.
 */
int launch_spec_init(struct launch_spec *out, const struct dro_step_context *context,
	struct dro_provider **provider, struct dro_error *err);
void launch_spec_free(struct launch_spec *launch);

#endif
