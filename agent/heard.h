/*
 * When this host last heard of those that keep it open, in files of `state` (a line each: the boot
 * and milliseconds of CLOCK_BOOTTIME, which runs on while a host is frozen). They say nothing after
 * another boot, so they are not synced. Any number of processes.
 */
#ifndef AGENT_HEARD_H
#define AGENT_HEARD_H

#include "agent/config.h"

enum agent_heard {
	AGENT_HEARD_CONTROLLER, /* a session's request counted */
	AGENT_HEARD_PEER,	/* a peer said that it follows this host */
	AGENT_HEARD_WATCH,	/* the watch looked last */
	AGENT_HEARD_GRACE,	/* the first watch of this boot began */
};

int64_t agent_boot_ms(void);
#define AGENT_BOOT_ID 37
/* The kernel's name of this boot, "" where it has none. */
void agent_boot_id(char out[AGENT_BOOT_ID]);

/* 0: never in this boot. DRO_EAGAIN: another process holds the file. */
int agent_heard_read(int64_t *out_ms, const struct agent_config *config, enum agent_heard which,
	struct dro_error *err);
/* Later counts, but where `instead_of` is what stands there (0: nothing is) `at_ms` takes its
 * place. `at_ms` may be in the future: what was promised until then. */
int agent_heard_touch(const struct agent_config *config, enum agent_heard which, int64_t at_ms,
	int64_t instead_of, struct dro_error *err);

#endif
