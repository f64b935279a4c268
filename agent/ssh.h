/* How the agent logs in at another host: by one key, to a host whose key is known, and for no
 * longer than the link lives. */
#ifndef AGENT_SSH_H
#define AGENT_SSH_H

#include <limits.h>

#include "agent/config.h"

#define AGENT_SSH_WORDS 40

struct agent_ssh_line {
	char *words[AGENT_SSH_WORDS]; /* "ssh" and its options; ends with NULL */
	char port[16], hosts[PATH_MAX + 32], control[PATH_MAX + 32];
};

/*
 * *out points into itself and to `ssh`. `control`: the socket of a connection that is kept for a
 * minute for those who come with the same path, which must be of one host alone; "": none.
 */
int agent_ssh_line(struct agent_ssh_line *out, const struct agent_ssh *ssh, const char *control,
	struct dro_error *err);

#endif
