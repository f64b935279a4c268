/*
 * Everything that is wrong with a spec, gathered so that all of it is shown at once. One line an
 * item: "file:line:column: message", the message saying what to do. Not for sharing between
 * threads.
 */
#ifndef DRORCH_SPEC_REPORT_H
#define DRORCH_SPEC_REPORT_H

#include <stddef.h>

#include "base/buf.h"
#include "model/service.h"

#define DRO_REPORT_MAX 1000 /* items kept; more are only counted */

struct dro_report_item {
	char *file;
	int line, column; /* 0: the file as a whole */
	char *message;
};

struct dro_report {
	struct dro_report_item *items;
	size_t count;
	size_t dropped; /* items past the maximum, or for which there was no memory */
};

#define DRO_REPORT_INIT                                                                            \
	{                                                                                          \
		0                                                                                  \
	}

/* Control characters in the message are escaped. */
void dro_report_add(struct dro_report *report, const struct dro_place *place, const char *format,
	...) __attribute__((format(printf, 3, 4)));
/* By file, line and column; items of one place keep their order. */
void dro_report_sort(struct dro_report *report);
/* One line an item, and a last one for those dropped; nothing for an empty report. */
void dro_report_print(const struct dro_report *report, struct dro_buf *out);
/* All there were: kept and dropped. */
size_t dro_report_total(const struct dro_report *report);
void dro_report_fini(struct dro_report *report); /* NULL-safe; usable again afterwards */

#endif
