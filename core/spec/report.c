#include "spec/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define MESSAGE_MAX 2000

static char *format_message(const char *format, va_list args)
{
	struct dro_buf raw = DRO_BUF_INIT(MESSAGE_MAX);
	struct dro_buf message = DRO_BUF_INIT(4 * MESSAGE_MAX + 1);

	dro_buf_vprintf(&raw, format, args);
	if (raw.failed == DRO_EINVAL)
		dro_buf_puts(&message, "(too long)");
	else
		dro_buf_escape(&message, dro_buf_str(&raw), raw.length);
	dro_buf_free(&raw);
	return dro_buf_take(&message);
}

void dro_report_add(
	struct dro_report *report, const struct dro_place *place, const char *format, ...)
{
	struct dro_report_item *items, *item;
	va_list args;

	if (report->count >= DRO_REPORT_MAX)
		goto drop;
	items = realloc(report->items, (report->count + 1) * sizeof(*items));
	if (!items)
		goto drop;
	report->items = items;
	item = &items[report->count];
	item->file = strdup(place->file ? place->file : "");
	item->line = place->line;
	item->column = place->column;
	va_start(args, format);
	item->message = format_message(format, args);
	va_end(args);
	if (item->file && item->message) {
		report->count++;
		return;
	}
	free(item->file);
	free(item->message);
drop:
	report->dropped++;
}

static int compare(const struct dro_report_item *a, const struct dro_report_item *b)
{
	int by_file = strcmp(a->file, b->file);

	if (by_file)
		return by_file;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->column < b->column ? -1 : a->column > b->column;
}

/* Insertion sort: stable, and the items are few and nearly in order as they come. */
void dro_report_sort(struct dro_report *report)
{
	size_t i, j;

	for (i = 1; i < report->count; i++) {
		struct dro_report_item item = report->items[i];

		for (j = i; j > 0 && compare(&report->items[j - 1], &item) > 0; j--)
			report->items[j] = report->items[j - 1];
		report->items[j] = item;
	}
}

void dro_report_print(const struct dro_report *report, struct dro_buf *out)
{
	size_t i;

	for (i = 0; i < report->count; i++) {
		const struct dro_report_item *item = &report->items[i];

		dro_buf_escape(out, item->file, strlen(item->file));
		if (item->line)
			dro_buf_printf(out, ":%d:%d", item->line, item->column);
		dro_buf_printf(out, ": %s\n", item->message);
	}
	if (report->dropped)
		dro_buf_printf(out, "and %zu more\n", report->dropped);
}

size_t dro_report_total(const struct dro_report *report)
{
	return report->count + report->dropped;
}

void dro_report_fini(struct dro_report *report)
{
	size_t i;

	if (!report)
		return;
	for (i = 0; i < report->count; i++) {
		free(report->items[i].file);
		free(report->items[i].message);
	}
	free(report->items);
	*report = (struct dro_report)DRO_REPORT_INIT;
}
