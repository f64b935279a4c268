#include "plugins/common/when.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

int64_t dro_when_iso(const char *text)
{
	int64_t ms;

	return dro_time_parse(text, &ms) < 0 || ms < 0 ? 0 : ms;
}

int64_t dro_when_http(const char *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char day[3], month[4], year[5], time[9], iso[DRO_TIME_TEXT];
	const char *found;
	int used = 0;

	if (sscanf(text, "%*3[A-Za-z], %2[0-9] %3[A-Za-z] %4[0-9] %8[0-9:] GMT%n", day, month, year,
		    time, &used) != 4 ||
		used == 0 || text[used])
		return 0;
	found = strstr(months, month);
	if (!found || strlen(month) != 3 || (found - months) % 3 != 0)
		return 0;
	snprintf(
		iso, sizeof(iso), "%s-%02d-%sT%sZ", year, (int)(found - months) / 3 + 1, day, time);
	return dro_when_iso(iso);
}
