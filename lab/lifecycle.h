/* `drorch-lab up` and `down`: a lab as a process. */
#ifndef DRORCH_LAB_LIFECYCLE_H
#define DRORCH_LAB_LIFECYCLE_H

#include "lab/internal.h"

/* Runs a lab until a signal; in the background where `foreground` is false. The exit code. */
int lab_up(const struct lab_options *options, bool foreground);
/* Ends the lab of `dir`, and whatever a killed one left running. The exit code. */
int lab_down(const char *dir);

#endif
