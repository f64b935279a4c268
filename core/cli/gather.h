/* What a promote must know before it plans: asked of the providers side by side. */
#ifndef DRORCH_CLI_GATHER_H
#define DRORCH_CLI_GATHER_H

#include "cli/setup.h"
#include "plan/promote.h"

struct dro_gathered {
	struct dro_promote_facts facts; /* points into the rest */
	const char *wanted;		/* set before: the backup's id; NULL: the newest good one */
	bool mode_given;		/* set before: facts.mode is what is wanted, not a guess */
	struct dro_backup_list backups;
	char **images;
	struct dro_traffic_seen *traffic;
	cJSON *addresses; /* of the new site, where it runs already */
	const char **address_list;
	cJSON *known; /* of the new site, where it grows */
	struct dro_site_member *members;
	cJSON *behind; /* addresses of the site behind a page */
	const char **behind_list;
	char heard[256], page_error[400];
};

/*
 * facts.spec, service, from, to, mode, as_is, failback, allow and last_promote_ms are set by the
 * caller; a mode other than cold is one of the two hot ones, which the answers decide. `meanwhile`
 * (may be NULL) is called, on another thread, while answers are on their way. The chosen backup is
 * verified, object by object, where it never was. Free with dro_gathered_free, also after a
 * failure.
 */
int dro_gather(struct dro_gathered *gathered, const struct dro_setup *setup,
	void (*meanwhile)(void *arg), void *arg, struct dro_error *err);
void dro_gathered_free(struct dro_gathered *gathered);

#endif
