/*
 * The keeper: one small process between the lab and each instance. It starts the boot program as a
 * session of its own, adopts whatever escapes from it, and ends all of it when it is told to, when
 * the boot program ends, and when the lab is gone (its standard input closes).
 */
#ifndef DRORCH_LAB_KEEPER_H
#define DRORCH_LAB_KEEPER_H

#include <signal.h>
#include <stdbool.h>

/* Words on the keeper's standard input. */
#define LAB_KEEPER_STOP 's'	 /* SIGTERM, and SIGKILL after a grace */
#define LAB_KEEPER_STOP_DEAF 'd' /* as stop, of one that cannot hear it: a short grace */
#define LAB_KEEPER_KILL 'k'
#define LAB_KEEPER_GRACE_MS 5000
#define LAB_KEEPER_DEAF_MS 3000

/* The verb the lab starts itself with: `drorch-lab keeper BOOT`. */
#define LAB_KEEPER_VERB "keeper"

/* Runs `boot` in the current folder and environment; the exit code of the keeper. */
int lab_keeper_main(char *boot);

/*
 * Any keeper: `start` runs in the child, which begins a session, and never returns; `before` is the
 * signal mask to put back. `apart`: the child is process 1 of a PID namespace, and everything in it
 * dies with it, as it does with the keeper. SIGTERM is blocked when `start` begins.
 */
int lab_keeper_run(
	void (*start)(void *arg, const sigset_t *before), void *arg, bool apart, int grace_ms);

#endif
