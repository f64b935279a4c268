/* Which backup a cold site is rebuilt from. Pure. */
#ifndef DRORCH_PLAN_CHOOSE_H
#define DRORCH_PLAN_CHOOSE_H

#include "model/backup.h"
#include "model/service.h"

/* Which site has been the active one, and since when (0: since ever). */
struct dro_active {
	const char *site;
	int64_t since_ms;
};

/*
 * Judges every backup that was read, newest first: one that is torn, foreign, from the future or
 * shrunken gets its reason in `problem`. *out is the newest good one. One older than the policy's
 * max_age is still given, with *stale set: that is a safety rule's matter. `wanted` (may be NULL)
 * names the one to take instead of the newest, also one that was given a reason: a rule again.
 * DRO_ENOTFOUND: there is none; DRO_ESAFETY: `wanted` has no manifest.
 */
int dro_choose_backup(struct dro_backup **out, bool *stale, struct dro_backup_list *list,
	const struct dro_service *service, const struct dro_backup_policy *policy,
	const struct dro_active *active, const char *wanted, int64_t now_ms, struct dro_error *err);

#endif
