/*
 * The keeper: one small process between the lab and each instance. It starts the boot program as a
 * session of its own, adopts whatever escapes from it, and ends all of it when it is told to, when
 * the boot program ends, and when the lab is gone (its standard input closes).
 */
#ifndef DRORCH_LAB_KEEPER_H
#define DRORCH_LAB_KEEPER_H

/* Words on the keeper's standard input. */
#define LAB_KEEPER_STOP 's' /* SIGTERM, and SIGKILL after a grace */
#define LAB_KEEPER_KILL 'k'
#define LAB_KEEPER_GRACE_MS 5000

/* The verb the lab starts itself with: `drorch-lab keeper BOOT`. */
#define LAB_KEEPER_VERB "keeper"

/* Runs `boot` in the current folder and environment; the exit code of the keeper. */
int lab_keeper_main(const char *boot);

#endif
