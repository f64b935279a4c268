/* A visit as a pass: looks, and stores the run where something is to do and no rule forbids it. */
#ifndef DRORCH_CONTROL_LOOK_H
#define DRORCH_CONTROL_LOOK_H

#include "control/pass.h"
#include "control/visit.h"

/* `stand` has accounts, observer, store, log and plugins; the rest comes from `ask`. */
void dro_control_look(
	const struct dro_visit_ask *ask, const struct dro_pass_ask *stand, struct dro_visit *out);

#endif
