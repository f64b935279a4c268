/* What a promote must know before it plans: asked of the providers side by side. */
#ifndef DRORCH_CLI_GATHER_H
#define DRORCH_CLI_GATHER_H

#include "cli/setup.h"
#include "plan/promote.h"

struct dro_gathered {
	struct dro_promote_facts facts; /* points into the rest */
	struct dro_backup_list backups;
	char **images;
	struct dro_traffic_seen *traffic;
	char heard[256];
};

/*
 * facts.spec, service, from, to and last_promote_ms are set by the caller. `wanted` (may be NULL)
 * names the backup. `meanwhile` (may be NULL) is called, on another thread, while
 * answers are on their way. The
 * chosen backup is verified, object by object, where it never was. Free with
 * dro_gathered_free, also after a failure.
 */
int dro_gather(struct dro_gathered *gathered, const struct dro_setup *setup, const char *wanted,
	void (*meanwhile)(void *arg), void *arg, struct dro_error *err);
void dro_gathered_free(struct dro_gathered *gathered);

#endif
