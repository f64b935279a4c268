#include "control/schedule.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	char *name;
	uint64_t due_ms;
	unsigned failures; /* in a row */
	bool taken;
	bool again;  /* wanted while it was taken */
	bool called; /* it came out of turn, maybe with all others: the next time is spread */
};

struct dro_schedule {
	const struct dro_clock *clock;
	struct dro_schedule_times times;
	uint64_t random;
	struct entry *entries;
	size_t count;
};

int dro_schedule_new(struct dro_schedule **out, const struct dro_schedule_times *times,
	const struct dro_clock *clock, uint64_t seed, struct dro_error *err)
{
	struct dro_schedule *schedule = calloc(1, sizeof(*schedule));

	if (!schedule)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	schedule->clock = clock;
	schedule->times = *times;
	schedule->random = seed;
	*out = schedule;
	return 0;
}

static void free_entries(struct entry *entries, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(entries[i].name);
	free(entries);
}

void dro_schedule_free(struct dro_schedule *schedule)
{
	if (!schedule)
		return;
	free_entries(schedule->entries, schedule->count);
	free(schedule);
}

static uint64_t now_ms(const struct dro_schedule *schedule)
{
	return schedule->clock->now_ms(schedule->clock);
}

/* splitmix64: good enough to keep services apart. */
static uint64_t next_random(struct dro_schedule *schedule)
{
	uint64_t z = schedule->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Evenly between two shares, in thousandths, of `ms`. */
static uint64_t between(struct dro_schedule *schedule, uint64_t ms, uint64_t low, uint64_t high)
{
	uint64_t share = low + next_random(schedule) % (high - low + 1);

	return ms / 1000 * share + ms % 1000 * share / 1000;
}

static struct entry *find(const struct dro_schedule *schedule, const char *name)
{
	size_t i;

	for (i = 0; i < schedule->count; i++)
		if (strcmp(schedule->entries[i].name, name) == 0)
			return &schedule->entries[i];
	return NULL;
}

int dro_schedule_set(struct dro_schedule *schedule, const char *const *names, size_t count,
	struct dro_error *err)
{
	struct entry *entries = calloc(count + 1, sizeof(*entries)), *before;
	uint64_t now = now_ms(schedule);
	size_t i;

	if (!entries)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; i < count; i++) {
		before = find(schedule, names[i]);
		entries[i] = before ? *before : (struct entry){.due_ms = now, .called = true};
		if (!(entries[i].name = strdup(names[i]))) {
			free_entries(entries, i);
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		}
	}
	free_entries(schedule->entries, schedule->count);
	schedule->entries = entries;
	schedule->count = count;
	return 0;
}

/* The one that is not taken and is due first; of equals the first in the list. */
static struct entry *earliest(const struct dro_schedule *schedule)
{
	struct entry *best = NULL;
	size_t i;

	for (i = 0; i < schedule->count; i++) {
		struct entry *entry = &schedule->entries[i];

		if (!entry->taken && (!best || entry->due_ms < best->due_ms))
			best = entry;
	}
	return best;
}

const char *dro_schedule_take(struct dro_schedule *schedule)
{
	struct entry *entry = earliest(schedule);

	if (!entry || entry->due_ms > now_ms(schedule))
		return NULL;
	entry->taken = true;
	entry->again = false;
	return entry->name;
}

static uint64_t back_off(struct dro_schedule *schedule, unsigned failures)
{
	uint64_t wait = schedule->times.retry_ms;

	for (; failures > 1 && wait < schedule->times.retry_max_ms; failures--)
		wait *= 2;
	if (wait > schedule->times.retry_max_ms)
		wait = schedule->times.retry_max_ms;
	/* Never over the limit: what failed together does not come back together. */
	return between(schedule, wait, 800, 1000);
}

void dro_schedule_done(
	struct dro_schedule *schedule, const char *name, enum dro_schedule_result result)
{
	struct entry *entry = find(schedule, name);
	uint64_t now = now_ms(schedule), period = schedule->times.period_ms;

	if (!entry || !entry->taken)
		return;
	entry->taken = false;
	if (result == DRO_SCHEDULE_FAILED)
		entry->failures++;
	else if (result == DRO_SCHEDULE_WELL)
		entry->failures = 0;
	if (entry->again || result == DRO_SCHEDULE_AGAIN) {
		entry->due_ms = now;
		return;
	}
	if (result == DRO_SCHEDULE_FAILED)
		entry->due_ms = now + back_off(schedule, entry->failures);
	else if (entry->called)
		entry->due_ms = now + between(schedule, period, 500, 1000);
	else
		entry->due_ms = now + between(schedule, period, 900, 1100);
	entry->called = false;
}

static void call(struct entry *entry, uint64_t now)
{
	entry->called = true;
	entry->again = true;
	if (!entry->taken && entry->due_ms > now)
		entry->due_ms = now;
}

void dro_schedule_now(struct dro_schedule *schedule, const char *name)
{
	uint64_t now = now_ms(schedule);
	struct entry *entry;
	size_t i;

	if (name) {
		if ((entry = find(schedule, name)))
			call(entry, now);
		return;
	}
	for (i = 0; i < schedule->count; i++)
		call(&schedule->entries[i], now);
}

uint64_t dro_schedule_next_ms(const struct dro_schedule *schedule, const char *name)
{
	const struct entry *entry = name ? find(schedule, name) : earliest(schedule);

	return !entry || entry->taken ? UINT64_MAX : entry->due_ms;
}
