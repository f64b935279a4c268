/* From the spec's instance group, or image policy, to the provider's instance spec. */
#ifndef DRORCH_ENGINE_STEPS_INSTANCES_H
#define DRORCH_ENGINE_STEPS_INSTANCES_H

#include "engine/steps/steps.h"

#define STEP_MARKS_MAX 7

/* What every instance of ours is called and bears. Not to be moved. */
struct step_marks {
	struct dro_pair tags[STEP_MARKS_MAX]; /* the first is its Name */
	size_t count;
	char name[200];
};

/* `last` is the group's or the image's name; `site` "" : of none, a build's machine. */
void step_marks_init(struct step_marks *marks, const struct dro_step_context *context,
	const char *site, const char *last);
/* One more; the texts are the caller's. */
void step_mark(struct step_marks *marks, const char *name, const char *value);

/* An instance spec and what its pointers point to. Not to be moved. Free with launch_spec_free. */
struct launch_spec {
	struct dro_instance_spec spec;
	struct step_marks marks;
	struct dro_pair *options;
	struct dro_buf user_data;
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
