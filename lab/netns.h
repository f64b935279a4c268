/* Work inside network namespaces: by a thread of its own, since a thread is moved there for good.
 */
#ifndef DRORCH_LAB_NETNS_H
#define DRORCH_LAB_NETNS_H

#include <stdint.h>

#include "base/buf.h"

/* A new one; it lives as long as *fd, the caller's, or a process in it. */
int lab_netns_new(int *fd, struct dro_error *err);
/* Runs `work` in there and waits for it; its code. */
int lab_netns_run(
	int fd, int (*work)(void *arg, struct dro_error *err), void *arg, struct dro_error *err);
/* A listening TCP socket in there, close-on-exec and non-blocking where that is asked for. */
int lab_netns_listen(
	int fd, const char *address, uint16_t port, int flags, int *out, struct dro_error *err);

#endif
