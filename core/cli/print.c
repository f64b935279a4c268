#include "cli/print.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define CELL_MAX 4096
#define LINE_MAX_BYTES (1u << 20)
#define JSON_MAX (256u << 20)

struct dro_table {
	const char *const *columns;
	size_t column_count;
	char **cells;
	size_t cell_count, capacity;
	bool failed;
};

struct dro_table *dro_table_new(const char *const *columns)
{
	struct dro_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->columns = columns;
	while (columns[table->column_count])
		table->column_count++;
	return table;
}

void dro_table_cell(struct dro_table *table, const char *format, ...)
{
	struct dro_buf raw = DRO_BUF_INIT(CELL_MAX), safe = DRO_BUF_INIT(CELL_MAX * 4);
	va_list args;

	if (!table)
		return;
	va_start(args, format);
	dro_buf_vprintf(&raw, format, args);
	va_end(args);
	dro_buf_escape(&safe, dro_buf_str(&raw), raw.length);
	dro_buf_free(&raw);
	if (table->cell_count == table->capacity) {
		size_t capacity = table->capacity ? table->capacity * 2 : 64;
		char **cells = realloc(table->cells, capacity * sizeof(*cells));

		if (!cells) {
			table->failed = true;
			dro_buf_free(&safe);
			return;
		}
		table->cells = cells;
		table->capacity = capacity;
	}
	table->cells[table->cell_count++] = dro_buf_take(&safe);
}

/* Columns on a screen, near enough: continuation bytes take no room. */
static size_t width(const char *text)
{
	size_t count = 0;

	for (; text && *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static void print_row(
	FILE *out, const char *const *cells, const size_t *widths, size_t column_count)
{
	size_t last = column_count, i;

	while (last > 0 && width(cells[last - 1]) == 0)
		last--;
	for (i = 0; i < last; i++) {
		const char *cell = cells[i] ? cells[i] : "";

		if (i + 1 == last)
			fputs(cell, out);
		else
			fprintf(out, "%s%*s", cell, (int)(widths[i] - width(cell) + 2), "");
	}
	fputc('\n', out);
}

void dro_table_print(const struct dro_table *table, FILE *out)
{
	size_t *widths, i;

	if (!table || table->failed)
		return;
	widths = calloc(table->column_count + 1, sizeof(*widths));
	if (!widths)
		return;
	for (i = 0; i < table->column_count; i++)
		widths[i] = width(table->columns[i]);
	for (i = 0; i < table->cell_count; i++)
		if (width(table->cells[i]) > widths[i % table->column_count])
			widths[i % table->column_count] = width(table->cells[i]);
	print_row(out, table->columns, widths, table->column_count);
	for (i = 0; i + table->column_count <= table->cell_count; i += table->column_count)
		print_row(out, (const char *const *)&table->cells[i], widths, table->column_count);
	free(widths);
}

void dro_table_free(struct dro_table *table)
{
	size_t i;

	if (!table)
		return;
	for (i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

/* A hidden character can only stand inside a string, where \u says the same; what is no UTF-8 is no
 * JSON. */
static void append_json(struct dro_buf *out, const char *text, size_t length)
{
	size_t at, used;
	uint32_t c;

	for (at = 0; at < length; at += used ? used : 1) {
		used = dro_utf8_next(text + at, length - at, &c);
		if (!used)
			dro_buf_puts(out, "\\ufffd");
		else if (c > 0xffff && dro_char_hidden(c))
			dro_buf_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (unsigned)(c >> 10),
				0xdc00 + (unsigned)(c & 0x3ff));
		else if (dro_char_hidden(c))
			dro_buf_printf(out, "\\u%04x", (unsigned)c);
		else
			dro_buf_append(out, text + at, used);
	}
}

void dro_print_json(FILE *out, const cJSON *json)
{
	struct dro_buf safe = DRO_BUF_INIT(JSON_MAX);
	char *text = cJSON_PrintUnformatted(json);

	if (text)
		append_json(&safe, text, strlen(text));
	fprintf(out, "%s\n", dro_buf_str(&safe));
	cJSON_free(text);
	dro_buf_free(&safe);
}

void dro_print_json_list(FILE *out, const char *name, cJSON *array)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "version", 1);
	cJSON_AddItemToObject(json, name, array);
	dro_print_json(out, json);
	cJSON_Delete(json);
}

static void print_escaped(FILE *out, const char *text, size_t length)
{
	struct dro_buf safe = DRO_BUF_INIT(4 * LINE_MAX_BYTES);

	dro_buf_escape(&safe, text, length);
	fputs(dro_buf_str(&safe), out);
	dro_buf_free(&safe);
}

void dro_print_safe(FILE *out, const char *text)
{
	print_escaped(out, text, strlen(text));
}

void dro_print_line(FILE *out, const char *format, ...)
{
	struct dro_buf text = DRO_BUF_INIT(LINE_MAX_BYTES);
	va_list args;

	va_start(args, format);
	dro_buf_vprintf(&text, format, args);
	va_end(args);
	print_escaped(out, dro_buf_str(&text), text.length);
	fputc('\n', out);
	dro_buf_free(&text);
}
