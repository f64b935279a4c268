/* Asking through the public name, as verification and monitoring both do. */
#ifndef DRORCH_ENGINE_STEPS_TRAFFIC_H
#define DRORCH_ENGINE_STEPS_TRAFFIC_H

#include "engine/steps/steps.h"
#include "observe/health.h"

/* Asks the name of input "traffic" once: is it the site of input "site" that answers, and well?
 * Writes the note. */
int dro_step_ask_name(struct dro_step_context *context, const struct dro_site **site, bool *well,
	struct dro_error *err);

/* Points the name at the site's addresses by that path. Of a weighted name the whole group is put,
 * with the shares that hold while `site` is the active one. */
int dro_step_put_traffic(const struct dro_step_context *context, const struct dro_traffic *traffic,
	const struct dro_path *path, const char *site, const char *const *values, size_t count,
	struct dro_error *err);

#endif
