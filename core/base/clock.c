#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t real_now(const struct dro_clock *clock)
{
	struct timespec ts;

	(void)clock;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int64_t real_wall(const struct dro_clock *clock)
{
	struct timespec ts;

	(void)clock;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void real_sleep(const struct dro_clock *clock, uint64_t ms)
{
	struct timespec ts = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	(void)clock;
	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

const struct dro_clock dro_clock_real = {real_now, real_wall, real_sleep};

uint64_t dro_now_ms(void)
{
	return real_now(NULL);
}

int64_t dro_wall_ms(void)
{
	return real_wall(NULL);
}

void dro_time_format(char out[DRO_TIME_TEXT], int64_t wall_ms)
{
	int64_t ms = ((wall_ms % 1000) + 1000) % 1000;
	time_t seconds = (time_t)(wall_ms / 1000 - (wall_ms % 1000 < 0));
	struct tm tm;
	size_t used;

	gmtime_r(&seconds, &tm);
	used = strftime(out, DRO_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	if (ms)
		snprintf(out + used, DRO_TIME_TEXT - used, ".%03dZ", (int)ms);
	else
		snprintf(out + used, DRO_TIME_TEXT - used, "Z");
}

/* ".123456" -> 123, moving *text past it. */
static int64_t parse_fraction(const char **text)
{
	int64_t ms = 0;
	int digits = 0;

	if (**text != '.' || !isdigit((unsigned char)(*text)[1]))
		return 0;
	for ((*text)++; isdigit((unsigned char)**text); (*text)++, digits++)
		if (digits < 3)
			ms = ms * 10 + (**text - '0');
	for (; digits < 3; digits++)
		ms *= 10;
	return ms;
}

/* Does `text` begin as `shape` does, where each 0 stands for a digit? */
static bool has_shape(const char *text, const char *shape)
{
	for (; *shape; shape++, text++)
		if (*shape == '0' ? !isdigit((unsigned char)*text) : *text != *shape)
			return false;
	return true;
}

/* "Z", "+02:00", or nothing; <0: something else. */
static int parse_offset(const char *text, int64_t *ms)
{
	int hours, minutes;

	*ms = 0;
	if (!*text || strcmp(text, "Z") == 0)
		return 0;
	if ((*text != '+' && *text != '-') || !has_shape(text + 1, "00:00") || text[6])
		return DRO_EINVAL;
	hours = (text[1] - '0') * 10 + text[2] - '0';
	minutes = (text[4] - '0') * 10 + text[5] - '0';
	if (hours > 23 || minutes > 59)
		return DRO_EINVAL;
	*ms = (hours * 60 + minutes) * (*text == '+' ? 60000 : -60000);
	return 0;
}

int dro_time_parse(const char *text, int64_t *wall_ms)
{
	struct tm tm = {0}, normal;
	int64_t ms, offset, seconds;
	const char *rest;

	/* strptime is content with blanks and fewer digits. */
	if (!has_shape(text, "0000-00-00T00:00:00") ||
		!(rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm)))
		return DRO_EINVAL;
	normal = tm;
	seconds = (int64_t)timegm(&normal);
	if (normal.tm_mday != tm.tm_mday && tm.tm_sec < 60)
		return DRO_EINVAL; /* there is no 31st of February */
	ms = parse_fraction(&rest);
	if (parse_offset(rest, &offset) < 0)
		return DRO_EINVAL;
	*wall_ms = seconds * 1000 + ms - offset;
	return 0;
}

static const struct {
	const char *name;
	int64_t ms;
} units[] = {
	{"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))
#define FIRST_PRINTED 1 /* weeks are read, not printed */

void dro_duration_format(char out[DRO_DURATION_TEXT], int64_t ms)
{
	uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
	size_t i, used = 0;
	int parts = 0;

	if (ms < 0)
		used += (size_t)snprintf(out, DRO_DURATION_TEXT, "-");
	for (i = FIRST_PRINTED; i < UNIT_COUNT && parts < 2; i++) {
		uint64_t count = left / (uint64_t)units[i].ms;

		if (count == 0 && parts == 0 && i + 1 < UNIT_COUNT)
			continue;
		left %= (uint64_t)units[i].ms;
		parts++;
		if (count || parts == 1)
			used += (size_t)snprintf(out + used, DRO_DURATION_TEXT - used, "%s%llu%s",
				parts > 1 ? " " : "", (unsigned long long)count, units[i].name);
	}
}

int dro_duration_parse(const char *text, int64_t *ms)
{
	const int64_t limit = 100LL * 366 * 86400000;
	int64_t total = 0;

	if (!*text)
		return DRO_EINVAL;
	while (*text) {
		int64_t count = 0;
		size_t unit_length, i;

		if (!isdigit((unsigned char)*text))
			return DRO_EINVAL;
		for (; isdigit((unsigned char)*text); text++)
			if ((count = count * 10 + (*text - '0')) > limit)
				return DRO_EINVAL;
		unit_length = strspn(text, "abcdefghijklmnopqrstuvwxyz");
		for (i = 0; i < UNIT_COUNT; i++)
			if (strlen(units[i].name) == unit_length &&
				strncmp(units[i].name, text, unit_length) == 0)
				break;
		if (i == UNIT_COUNT || count > limit / units[i].ms)
			return DRO_EINVAL;
		total += count * units[i].ms;
		if (total > limit)
			return DRO_EINVAL;
		text += unit_length;
	}
	*ms = total;
	return 0;
}
