/*
 * The service's own process: started, watched, started again with a growing pause where it ends by
 * itself, told to stop when we are. It dies with us.
 */
#ifndef AGENT_SERVICE_H
#define AGENT_SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct agent_service {
	char *const *command;	  /* ends with NULL */
	char *const *environment; /* ends with NULL */
	pid_t pid;		  /* 0: not running */
	uint64_t started_ms;	  /* monotonic: when it was last started */
	uint64_t pause_ms;	  /* before it is started again */
};

/* DRO_ENOTFOUND, DRO_EIO: the command cannot be run. Always from the same thread. */
int agent_service_start(struct agent_service *service, struct dro_error *err);
/* Has it ended? Then *status is as waitpid gives it. Does not wait. */
bool agent_service_ended(struct agent_service *service, int *status);
/* When to start it again (monotonic); for a service that has just ended. */
uint64_t agent_service_again_ms(struct agent_service *service);
/* "exited with 3", "was killed by signal 9" */
void agent_service_describe(char *out, size_t size, int status);

#endif
