/*
 * Rate budgets: a token bucket for each account and budget name, shared by every caller in the
 * process. Foreground callers (a promote) never wait behind background ones (reconcile, lists):
 * background gets at most 40 % of the rate, and leaves the last 20 % of the burst alone.
 * Thread-safe.
 */
#ifndef DRORCH_NET_BUDGET_H
#define DRORCH_NET_BUDGET_H

#include "base/clock.h"

struct dro_budget;

enum dro_budget_class { DRO_BUDGET_FOREGROUND, DRO_BUDGET_BACKGROUND };

struct dro_budget_rate {
	double per_second;
	double burst; /* >= 1 */
};

/* `clock` NULL: the real one. */
int dro_budget_new(struct dro_budget **out, const struct dro_clock *clock, struct dro_error *err);
void dro_budget_free(struct dro_budget *budget); /* NULL-safe; nobody may be waiting */

/* Sets the rate of one bucket; others have 20 a second and bursts of 100. */
int dro_budget_set(struct dro_budget *budget, const char *account, const char *name,
	struct dro_budget_rate rate, struct dro_error *err);

/*
 * Takes one token, waiting for it. DRO_EAGAIN, at once and with retry_after_ms, where none can come
 * before `deadline_ms`. `name` NULL or "": the account's default bucket.
 */
int dro_budget_take(struct dro_budget *budget, const char *account, const char *name,
	enum dro_budget_class class, uint64_t deadline_ms, struct dro_error *err);

/* The provider throttled us: nobody takes from this bucket before `until_ms` (monotonic). */
void dro_budget_pause(
	struct dro_budget *budget, const char *account, const char *name, uint64_t until_ms);

#endif
