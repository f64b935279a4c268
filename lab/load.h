/*
 * What the processes of instances have used of the processors, from /proc. One look serves any
 * number of instances.
 */
#ifndef DRORCH_LAB_LOAD_H
#define DRORCH_LAB_LOAD_H

#include "lab/instances.h"

struct lab_processes;

int lab_processes_look(struct lab_processes **out, struct dro_error *err);
void lab_processes_free(struct lab_processes *processes); /* NULL-safe */
/* Ticks (sysconf(_SC_CLK_TCK)) of `pid`, of all below it, and of what they reaped; 0: it is gone.
 */
uint64_t lab_processes_ticks(const struct lab_processes *processes, pid_t pid);

/*
 * (instances locked) The load in percent of all processors, 0..100: since a second ago or longer,
 * when it was last asked for; before that since the boot. <0: it does not run.
 */
double lab_instance_load(struct lab_instance *instance, const struct lab_processes *processes);

#endif
