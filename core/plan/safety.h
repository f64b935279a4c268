/* Safety rules, judged on what would be after the change. Pure. */
#ifndef DRORCH_PLAN_SAFETY_H
#define DRORCH_PLAN_SAFETY_H

#include "plan/promote.h"
#include "plan/reconcile.h"

#define DRO_RULES_MAX 8

struct dro_refusal {
	const char *rule; /* its name, for --override-rule */
	char text[800];
};

/* What forbids this promote; `out` has room for DRO_RULES_MAX. Returns how many. */
size_t dro_safety_promote(struct dro_refusal *out, const struct dro_promote_facts *facts);
/* What forbids that these differences are ended; likewise. */
size_t dro_safety_reconcile(struct dro_refusal *out, const struct dro_reconcile_facts *facts,
	const struct dro_diff *diff);

#endif
