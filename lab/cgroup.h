/*
 * A control group of a name in whatever layout the host has: pure v2, or v1 with the hierarchies of
 * systemd and v2 beside it (hybrid). Names are one path component.
 */
#ifndef DRORCH_LAB_CGROUP_H
#define DRORCH_LAB_CGROUP_H

#include "lab/lab.h"

/* Makes it where it is not there yet. */
int lab_cgroup_make(const char *name, struct dro_error *err);
/* Moves the calling process there. */
int lab_cgroup_join(const char *name, struct dro_error *err);
/* Needs v2's hierarchy: DRO_EUNSUPPORTED without. Waits until all of it stands still. */
int lab_cgroup_freeze(const char *name, bool frozen, struct dro_error *err);
bool lab_cgroup_is_frozen(const char *name);
/* With what is below it; thaws it, and waits a little for what is dying there. */
void lab_cgroup_remove(const char *name);

#endif
