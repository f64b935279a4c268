/*
 * Strict JSON: one document, size first, no trailing text, no duplicate keys, depth 64. Ids stay
 * text: numbers of 2^53 and more are refused by the integer getters.
 */
#ifndef DRORCH_BASE_JSON_H
#define DRORCH_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* *out is freed with cJSON_Delete. At most `max` bytes. */
int dro_json_parse(cJSON **out, const char *text, size_t length, size_t max, struct dro_error *err);

/*
 * Getters by key of an object. Absent or null: `fallback`, or DRO_EPROTO where the name ends in
 * _need. Present with another type: DRO_EPROTO naming the key. Strings stay the document's.
 */
int dro_json_string(const cJSON *object, const char *key, const char *fallback, const char **out,
	struct dro_error *err);
int dro_json_string_need(
	const cJSON *object, const char *key, const char **out, struct dro_error *err);
int dro_json_int(const cJSON *object, const char *key, int64_t fallback, int64_t *out,
	struct dro_error *err);
int dro_json_int_need(const cJSON *object, const char *key, int64_t *out, struct dro_error *err);
int dro_json_bool(
	const cJSON *object, const char *key, bool fallback, bool *out, struct dro_error *err);
/* NULL in *out where absent or null. */
int dro_json_object(const cJSON *object, const char *key, const cJSON **out, struct dro_error *err);
int dro_json_array(const cJSON *object, const char *key, const cJSON **out, struct dro_error *err);
/* Never fails: the string at `key`, or "" where it is absent or something else. */
const char *dro_json_text(const cJSON *object, const char *key);

/* The strings of an array (NULL: none), which stay the document's; anything else in it is passed
 * over. *out is to be freed. */
int dro_json_string_list(
	const char ***out, size_t *count, const cJSON *array, struct dro_error *err);
/* An array of them; `strings` may be NULL where there are none. NULL: out of memory. */
cJSON *dro_json_strings(const char *const *strings, size_t count);

/* Compact text of `json`, appended. */
void dro_json_print(struct dro_buf *out, const cJSON *json);
/* `text` as a JSON string with its quotes, control characters escaped. */
void dro_json_quote(struct dro_buf *out, const char *text);

#endif
