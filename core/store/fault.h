/*
 * Where the fault tests end the program or fill its disk, in builds with DRORCH_FAULTS; nothing in
 * others. DRORCH_KILL_AT=N: SIGKILL at the Nth kill point of the process. DRORCH_KILL_COUNT=FILE:
 * the number of points passed so far is kept there. DRORCH_FAIL_WRITE_AT=N: the Nth write to the
 * store fails as on a full disk; N+: it and all after it.
 */
#ifndef DRORCH_STORE_FAULT_H
#define DRORCH_STORE_FAULT_H

#include <stdbool.h>

#ifdef DRORCH_FAULTS
void dro_kill_point(void);
bool dro_fail_point(void); /* must this write fail? */
#else
static inline void dro_kill_point(void)
{
}
static inline bool dro_fail_point(void)
{
	return false;
}
#endif

#endif
