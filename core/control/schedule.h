/*
 * When each service is looked at next: on a period with jitter, at once when something changed,
 * later and later while it fails. Pure: it knows a clock and names. Not thread-safe.
 */
#ifndef DRORCH_CONTROL_SCHEDULE_H
#define DRORCH_CONTROL_SCHEDULE_H

#include "base/clock.h"

struct dro_schedule;

struct dro_schedule_times {
	uint64_t period_ms;    /* give or take a tenth */
	uint64_t retry_ms;     /* after the first failure; doubled with each one more */
	uint64_t retry_max_ms; /* never later than this */
};

enum dro_schedule_result {
	DRO_SCHEDULE_WELL,   /* a period on */
	DRO_SCHEDULE_FAILED, /* the back-off */
	DRO_SCHEDULE_AGAIN,  /* at once: it was changed; what failed before still counts */
};

/* Same seed, same jitter. */
int dro_schedule_new(struct dro_schedule **out, const struct dro_schedule_times *times,
	const struct dro_clock *clock, uint64_t seed, struct dro_error *err);
void dro_schedule_free(struct dro_schedule *schedule); /* NULL-safe */

/* From now on these services, no others: new ones are due at once, those that stay keep their time,
 * those that are gone are forgotten, also while they are taken. Copies the names. */
int dro_schedule_set(struct dro_schedule *schedule, const char *const *names, size_t count,
	struct dro_error *err);

/*
 * The service that has been due longest, or NULL where none is. It is not given again before
 * dro_schedule_done. The name lives until the next dro_schedule_set.
 */
const char *dro_schedule_take(struct dro_schedule *schedule);
void dro_schedule_done(
	struct dro_schedule *schedule, const char *name, enum dro_schedule_result result);
/* Due at once; one that is taken, as soon as it is done. NULL: all of them. Who waits already keeps
 * its place. */
void dro_schedule_now(struct dro_schedule *schedule, const char *name);

/* Monotonic; of one service, or (NULL) when dro_schedule_take has something next. UINT64_MAX: it is
 * taken, or there is none. */
uint64_t dro_schedule_next_ms(const struct dro_schedule *schedule, const char *name);

#endif
