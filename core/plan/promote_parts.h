/* What the ways of promoting share, for plan/ itself. */
#ifndef DRORCH_PLAN_PROMOTE_PARTS_H
#define DRORCH_PLAN_PROMOTE_PARTS_H

#include "plan/build.h"
#include "plan/promote.h"

struct promote {
	struct dro_build base;
	const struct dro_promote_facts *facts;
};

/* How long a step may take before it counts as failed. */
enum {
	PROMOTE_PROBE_MS = 15000,
	PROMOTE_PRECHECK_MS = 30000,
	PROMOTE_FENCE_MS = 90000,
	PROMOTE_APP_MS = 600000,
};

/* Asks the account; `spare`: another way is there, so that its failure does not end the run. */
void promote_probe(struct promote *promote, const char *account, bool spare);
/* The accounts and names that the switch needs. */
void promote_precheck_traffic(struct promote *promote);
/* After the checks that say whether it can be done at all. */
void promote_after_prechecks(struct promote *promote, struct dro_step *step);
/* Stops the old site; *out may be NULL. */
struct dro_step *promote_fence(struct promote *promote);
/* Every name: switched when "verify-app" and the fence are done, then verified. */
void promote_switch(struct promote *promote, cJSON *(*addresses)(const struct promote *promote));
/* Watches the new site, and records it. */
void promote_end(struct promote *promote);
/* Mode, sites, commit, summary (taken over; NULL is out of memory), objectives. */
int promote_describe(struct promote *promote, char *summary);

/* promote_cold.c, promote_hot.c */
int promote_plan_cold(struct promote *promote);
int promote_plan_hot(struct promote *promote);

#endif
