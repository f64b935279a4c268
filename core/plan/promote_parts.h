/* What the ways of promoting share, for plan/ itself. */
#ifndef DRORCH_PLAN_PROMOTE_PARTS_H
#define DRORCH_PLAN_PROMOTE_PARTS_H

#include "plan/build.h"
#include "plan/promote.h"

struct promote {
	struct dro_build base;
	const struct dro_promote_facts *facts;
	/* Where the new site is from here on in the plan: references to a step's addresses, of its
	 * data host and of its first group; "" : where it was seen. */
	char new_address[200], new_addresses[200];
	const char *ready; /* the step that says that the new site is; NULL: "verify-app" */
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
/* Would the provider give us so many of the new site's group, by its index? */
void promote_capacity(struct promote *promote, size_t group, int count);
/* "launch-GROUP", after the prechecks; `user_data` is taken over. NULL: it failed. */
struct dro_step *promote_launch(struct promote *promote, size_t group, int count, cJSON *user_data);
/* What an instance is told at its first boot. */
cJSON *promote_user_data(const struct promote *promote, const char *role);
/* After the checks that say whether it can be done at all. */
void promote_after_prechecks(struct promote *promote, struct dro_step *step);
/* Stops the old site; *out may be NULL. */
struct dro_step *promote_fence(struct promote *promote);
/* Every name that the new site can answer for: switched when that is ready and the fence is done,
 * then verified. `addresses` NULL: to its page. */
void promote_switch(struct promote *promote, cJSON *(*addresses)(const struct promote *promote));
/* Watches the new site, and records it. */
void promote_end(struct promote *promote);
/* Mode, sites, commit, summary (taken over; NULL is out of memory), objectives. */
int promote_describe(struct promote *promote, char *summary);

/* promote_grow.c, for a site that grows: what it needs; all but the data host's part, after the
 * prechecks; that one, after the fence where there is one; what waits for all of them. */
void promote_grow_prechecks(struct promote *promote);
void promote_grow(struct promote *promote);
void promote_grow_data(struct promote *promote);
void promote_grow_end(struct promote *promote);
void promote_after_growth(struct promote *promote, struct dro_step *step);

/* The plan to *out, where neither `rc` nor the building has failed; else it is freed. */
int promote_hand_over(struct dro_plan **out, struct promote *promote, int rc);

/* promote_cold.c, promote_hot.c */
int promote_plan_cold(struct promote *promote);
int promote_plan_hot(struct promote *promote);
/* promote_page.c: to a page, or back from one */
int promote_plan_traffic(struct promote *promote);

#endif
