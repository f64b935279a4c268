#include "plugins/common/when.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool sensible(int year, int month, int day, int hour, int minute, int second)
{
	return year >= 1970 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= 31 &&
	       hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 &&
	       second <= 60;
}

/* Days from 1970-01-01: whole years from March on, so that the leap day ends its year. */
static int64_t days_from_civil(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t unix_ms(int year, int month, int day, int hour, int minute, int second)
{
	int64_t days = days_from_civil(year, month, day);

	return ((days * 24 + hour) * 60 + minute) * INT64_C(60000) + second * INT64_C(1000);
}

static int64_t fraction_ms(const char **text)
{
	int64_t ms = 0;
	int64_t unit = 100;

	if (**text != '.')
		return 0;
	for ((*text)++; **text >= '0' && **text <= '9'; (*text)++) {
		ms += (**text - '0') * unit;
		unit /= 10;
	}
	return ms;
}

int64_t dro_when_iso(const char *text)
{
	int year, month, day, hour, minute, second, used = 0;
	unsigned offset_hour, offset_minute;
	int64_t ms;
	char sign;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second,
		    &used) != 6 ||
		!sensible(year, month, day, hour, minute, second))
		return 0;
	text += used;
	ms = unix_ms(year, month, day, hour, minute, second) + fraction_ms(&text);
	if (*text == '\0' || strcmp(text, "Z") == 0)
		return ms;
	if (sscanf(text, "%c%2u:%2u%n", &sign, &offset_hour, &offset_minute, &used) != 3 ||
		text[used] || (sign != '+' && sign != '-') || offset_hour > 14 ||
		offset_minute > 59)
		return 0;
	ms += (sign == '+' ? -1 : 1) * (int64_t)(offset_hour * 60 + offset_minute) * 60000;
	return ms;
}

int64_t dro_when_http(const char *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int year, day, hour, minute, second, used = 0;
	const char *found;
	char month[4];
	int index;

	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &day, month, &year,
		    &hour, &minute, &second, &used) != 6 ||
		used == 0 || text[used])
		return 0;
	found = strstr(months, month);
	if (!found || strlen(month) != 3 || (found - months) % 3 != 0)
		return 0;
	index = (int)(found - months) / 3 + 1;
	if (!sensible(year, index, day, hour, minute, second))
		return 0;
	return unix_ms(year, index, day, hour, minute, second);
}
