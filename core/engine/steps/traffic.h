/* Asking through the public name, as verification and monitoring both do. */
#ifndef DRORCH_ENGINE_STEPS_TRAFFIC_H
#define DRORCH_ENGINE_STEPS_TRAFFIC_H

#include "engine/steps/steps.h"
#include "observe/health.h"

/* Asks the name of input "traffic" once: is it the site of input "site" that answers, and well?
 * Writes the note. */
int dro_step_ask_name(struct dro_step_context *context, const struct dro_site **site, bool *well,
	struct dro_error *err);

#endif
