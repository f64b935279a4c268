/* Tables for people: columns as wide as their widest cell, no trailing blanks. */
#ifndef DRORCH_CLI_PRINT_H
#define DRORCH_CLI_PRINT_H

#include <stdio.h>

#include "base/json.h"

struct dro_table;

/* `columns` ends with NULL; upper-case titles. NULL when out of memory; every call below is
 * NULL-safe. */
struct dro_table *dro_table_new(const char *const *columns);
/* One cell after the other, row by row. Control characters are escaped. */
void dro_table_cell(struct dro_table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void dro_table_print(const struct dro_table *table, FILE *out);
void dro_table_free(struct dro_table *table);

/* One compact line of JSON, safe for a terminal too. */
void dro_print_json(FILE *out, const cJSON *json);
/* {"version":1, NAME: array}: the answer of a command that lists. `array` is taken over. */
void dro_print_json_list(FILE *out, const char *name, cJSON *array);
/* `text` with control characters escaped: what came from outside never moves the cursor. */
void dro_print_safe(FILE *out, const char *text);
/* One line, safe as a whole: what is formatted, and a line feed. */
void dro_print_line(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
