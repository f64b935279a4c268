/* Processes by number: whether they are still the same, and the trees below them. */
#ifndef DRORCH_LAB_PROCESS_H
#define DRORCH_LAB_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* When it started, in ticks since the computer did; 0: there is none. With the number it names a
 * process for good. */
uint64_t lab_process_start(pid_t pid);
bool lab_process_alive(pid_t pid, uint64_t start);
/* Its child with the lowest number; 0: none. */
pid_t lab_process_child(pid_t pid);
/* SIGKILL to everything below `pid`, again and again until nothing is left or a second is over. */
void lab_process_kill_below(pid_t pid);
/* cp -a, sharing blocks where the file system can. `to` must not be there; it appears whole. */
int lab_copy_tree(const char *from, const char *to, struct dro_error *err);

#endif
