/* Time, through a struct so that tests bring their own. Thread-safe. */
#ifndef DRORCH_BASE_CLOCK_H
#define DRORCH_BASE_CLOCK_H

#include <stdint.h>

#include "base/buf.h"

struct dro_clock {
	uint64_t (*now_ms)(const struct dro_clock *clock); /* monotonic: for deadlines */
	int64_t (*wall_ms)(const struct dro_clock *clock); /* Unix time: for records */
	void (*sleep_ms)(const struct dro_clock *clock, uint64_t ms);
};

extern const struct dro_clock dro_clock_real;

uint64_t dro_now_ms(void); /* of the real clock */
int64_t dro_wall_ms(void);

/* "2026-11-20T19:55:53.120Z"; the milliseconds only where they are not 0. */
#define DRO_TIME_TEXT 32
void dro_time_format(char out[DRO_TIME_TEXT], int64_t wall_ms);
/* RFC 3339, any offset, also without a zone (taken as UTC). <0: not a time. */
int dro_time_parse(const char *text, int64_t *wall_ms);

/* "250ms", "1m 30s", "2d 4h": the two largest units, for people. */
#define DRO_DURATION_TEXT 32
void dro_duration_format(char out[DRO_DURATION_TEXT], int64_t ms);
/* "250ms", "90s", "2m", "26h", "7d", "4w", also joined: "1h30m". <0: not one, or over 100 years. */
int dro_duration_parse(const char *text, int64_t *ms);

#endif
