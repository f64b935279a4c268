/* A step's inputs with the outputs of earlier steps put in. */
#ifndef DRORCH_ENGINE_INPUTS_H
#define DRORCH_ENGINE_INPUTS_H

#include "base/json.h"

/*
 * A copy of `inputs` in which every string that is as a whole "${STEP.OUTPUT}" is replaced by that
 * output, whatever its type; in a list, one that is a list by its items. `outputs(arg, step)` gives
 * a step's outputs, or NULL. DRO_EINVAL names what is missing; "${STEP.OUTPUT?}" is left out
 * instead.
 */
int dro_inputs_fill(cJSON **out, const cJSON *inputs,
	const cJSON *(*outputs)(const void *arg, const char *step), const void *arg,
	struct dro_error *err);

#endif
