#include "net/budget.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_PER_SECOND 20.0
#define DEFAULT_BURST 100.0
#define BACKGROUND_SHARE 0.4 /* of the rate and of the burst */
#define KEPT_SHARE 0.2	     /* of the burst, which background leaves alone */
#define NAP_MAX_MS 1000

struct bucket {
	char *account, *name;
	struct dro_budget_rate rate;
	double tokens;	    /* what is left for all */
	double background;  /* what of it background may take */
	uint64_t filled_ms; /* when the two were reckoned */
	uint64_t paused_ms; /* nobody takes before */
	unsigned foreground_waiting;
	struct bucket *next;
};

struct dro_budget {
	const struct dro_clock *clock;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct bucket *buckets;
};

int dro_budget_new(struct dro_budget **out, const struct dro_clock *clock, struct dro_error *err)
{
	struct dro_budget *budget = calloc(1, sizeof(*budget));
	pthread_condattr_t attr;

	if (!budget)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	budget->clock = clock ? clock : &dro_clock_real;
	pthread_mutex_init(&budget->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&budget->changed, &attr);
	pthread_condattr_destroy(&attr);
	*out = budget;
	return 0;
}

static void free_bucket(struct bucket *bucket)
{
	free(bucket->account);
	free(bucket->name);
	free(bucket);
}

void dro_budget_free(struct dro_budget *budget)
{
	struct bucket *next;

	if (!budget)
		return;
	for (; budget->buckets; budget->buckets = next) {
		next = budget->buckets->next;
		free_bucket(budget->buckets);
	}
	pthread_cond_destroy(&budget->changed);
	pthread_mutex_destroy(&budget->lock);
	free(budget);
}

static uint64_t now_ms(const struct dro_budget *budget)
{
	return budget->clock->now_ms(budget->clock);
}

static void set_rate(struct bucket *bucket, struct dro_budget_rate rate, uint64_t now)
{
	bucket->rate = rate;
	bucket->tokens = rate.burst;
	bucket->background = fmax(1.0, rate.burst * BACKGROUND_SHARE);
	bucket->filled_ms = now;
}

/* Finds or makes it; NULL: out of memory. Locked. */
static struct bucket *get(struct dro_budget *budget, const char *account, const char *name)
{
	const struct dro_budget_rate rate = {DEFAULT_PER_SECOND, DEFAULT_BURST};
	struct bucket *bucket;

	account = account ? account : "";
	name = name ? name : "";
	for (bucket = budget->buckets; bucket; bucket = bucket->next)
		if (strcmp(bucket->account, account) == 0 && strcmp(bucket->name, name) == 0)
			return bucket;
	bucket = calloc(1, sizeof(*bucket));
	if (!bucket)
		return NULL;
	bucket->account = strdup(account);
	bucket->name = strdup(name);
	if (!bucket->account || !bucket->name) {
		free_bucket(bucket);
		return NULL;
	}
	set_rate(bucket, rate, now_ms(budget));
	bucket->next = budget->buckets;
	budget->buckets = bucket;
	return bucket;
}

int dro_budget_set(struct dro_budget *budget, const char *account, const char *name,
	struct dro_budget_rate rate, struct dro_error *err)
{
	struct bucket *bucket;

	if (!(rate.per_second > 0) || !(rate.burst >= 1))
		return dro_fail(err, DRO_EINVAL, "a rate must be above 0, a burst at least 1");
	pthread_mutex_lock(&budget->lock);
	bucket = get(budget, account, name);
	if (bucket)
		set_rate(bucket, rate, now_ms(budget));
	pthread_cond_broadcast(&budget->changed);
	pthread_mutex_unlock(&budget->lock);
	return bucket ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");
}

static void refill(struct bucket *bucket, uint64_t now)
{
	double seconds = (double)(now - bucket->filled_ms) / 1000.0;
	double share = fmax(1.0, bucket->rate.burst * BACKGROUND_SHARE);

	if (now <= bucket->filled_ms)
		return;
	bucket->tokens =
		fmin(bucket->rate.burst, bucket->tokens + seconds * bucket->rate.per_second);
	bucket->background = fmin(
		share, bucket->background + seconds * bucket->rate.per_second * BACKGROUND_SHARE);
	bucket->filled_ms = now;
}

/* Until `want` tokens are in a pot that fills at `per_second`. */
static uint64_t until_full(double have, double want, double per_second)
{
	return have >= want ? 0 : (uint64_t)ceil((want - have) / per_second * 1000.0);
}

/* How long until this class may take one, as things stand; 0: now. */
static uint64_t wait_for(const struct bucket *bucket, enum dro_budget_class class, uint64_t now)
{
	double rate = bucket->rate.per_second;
	uint64_t wait, share;

	if (now < bucket->paused_ms)
		return bucket->paused_ms - now;
	if (class == DRO_BUDGET_FOREGROUND)
		return until_full(bucket->tokens, 1.0, rate);
	wait = until_full(bucket->tokens,
		fmin(bucket->rate.burst, 1.0 + bucket->rate.burst * KEPT_SHARE), rate);
	share = until_full(bucket->background, 1.0, rate * BACKGROUND_SHARE);
	if (share > wait)
		wait = share;
	return wait == 0 && bucket->foreground_waiting ? 1 : wait;
}

/* Waits for a change, `ms` at most. Locked. */
static void nap(struct dro_budget *budget, uint64_t ms)
{
	struct timespec until;

	if (ms > NAP_MAX_MS)
		ms = NAP_MAX_MS;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&budget->changed, &budget->lock, &until);
}

int dro_budget_take(struct dro_budget *budget, const char *account, const char *name,
	enum dro_budget_class class, uint64_t deadline_ms, struct dro_error *err)
{
	unsigned waiting = class == DRO_BUDGET_FOREGROUND;
	struct bucket *bucket;
	int rc = 0;

	pthread_mutex_lock(&budget->lock);
	bucket = get(budget, account, name);
	if (!bucket) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	for (;;) {
		uint64_t now = now_ms(budget), wait;

		refill(bucket, now);
		wait = wait_for(bucket, class, now);
		if (wait == 0)
			break;
		if (now + wait > deadline_ms) {
			rc = dro_fail(err, DRO_EAGAIN,
				"the rate budget \"%s\" of the account \"%s\" has nothing left in "
				"time",
				bucket->name, bucket->account);
			if (err)
				err->retry_after_ms =
					wait > UINT32_MAX ? UINT32_MAX : (uint32_t)wait;
			goto out;
		}
		bucket->foreground_waiting += waiting;
		nap(budget, wait);
		bucket->foreground_waiting -= waiting;
	}
	bucket->tokens -= 1.0;
	if (class == DRO_BUDGET_BACKGROUND)
		bucket->background -= 1.0;
out:
	pthread_mutex_unlock(&budget->lock);
	return rc;
}

void dro_budget_pause(
	struct dro_budget *budget, const char *account, const char *name, uint64_t until_ms)
{
	struct bucket *bucket;

	pthread_mutex_lock(&budget->lock);
	bucket = get(budget, account, name);
	if (bucket && until_ms > bucket->paused_ms)
		bucket->paused_ms = until_ms;
	pthread_mutex_unlock(&budget->lock);
}
