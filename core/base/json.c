#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64
#define MAX_INTEGER 9007199254740991.0 /* 2^53 - 1: beyond it a double drops digits */

/* cJSON recurses to depth 1000 and knows no depth option: look before it parses. */
static bool too_deep(const char *text, size_t length)
{
	bool quoted = false;
	int depth = 0;
	size_t i;

	for (i = 0; i < length; i++) {
		char c = text[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > MAX_DEPTH)
				return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

/* Is `\u0000` in it? It would end a C string early and make two ids alike. */
static bool has_nul(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		if (text[i] == '\0')
			return true;
		if (text[i] != '\\')
			continue;
		if (length - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0)
			return true;
		i++;
	}
	return false;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The key of `json` or below that stands twice in its object, or NULL. *failed: out of memory. */
static const char *duplicate_key(const cJSON *json, bool *failed)
{
	const cJSON *child;
	const char *twice = NULL;

	if (cJSON_IsObject(json) && json->child && json->child->next) {
		size_t count = (size_t)cJSON_GetArraySize(json), i = 0;
		const char **names = malloc(count * sizeof(*names));

		if (!names) {
			*failed = true;
			return NULL;
		}
		cJSON_ArrayForEach(child, json) names[i++] = child->string;
		qsort(names, count, sizeof(*names), compare_names);
		for (i = 1; i < count && !twice; i++)
			if (strcmp(names[i - 1], names[i]) == 0)
				twice = names[i];
		free(names);
	}
	cJSON_ArrayForEach(child, json)
	{
		if (twice || *failed)
			break;
		twice = duplicate_key(child, failed);
	}
	return twice;
}

int dro_json_parse(cJSON **out, const char *text, size_t length, size_t max, struct dro_error *err)
{
	const char *end = NULL, *twice;
	bool failed = false;
	cJSON *json;

	if (length > max)
		return dro_fail(err, DRO_EPROTO, "JSON of %zu bytes, more than %zu", length, max);
	if (too_deep(text, length))
		return dro_fail(err, DRO_EPROTO, "JSON nested deeper than %d", MAX_DEPTH);
	if (has_nul(text, length))
		return dro_fail(err, DRO_EPROTO, "JSON with a NUL character");
	/* The option that demands an end reads one byte past the length: end the text here instead.
	 */
	errno = 0;
	json = cJSON_ParseWithLengthOpts(text, length, &end, 0);
	if (!json && errno == ENOMEM) /* cJSON does not say; good text must not count as bad */
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (!json) {
		size_t at = end ? (size_t)(end - text) : 0;

		return dro_fail(err, DRO_EPROTO, "not JSON, at byte %zu of %zu", at, length);
	}
	while (end < text + length && strchr(" \t\r\n", *end))
		end++;
	if (end < text + length) {
		cJSON_Delete(json);
		return dro_fail(
			err, DRO_EPROTO, "text after the JSON, at byte %zu", (size_t)(end - text));
	}
	twice = duplicate_key(json, &failed);
	if (twice || failed) {
		int rc = failed ? dro_fail(err, DRO_ENOMEM, "out of memory")
				: dro_fail(err, DRO_EPROTO, "JSON key \"%.64s\" stands twice",
					  twice);

		cJSON_Delete(json);
		return rc;
	}
	*out = json;
	return 0;
}

/* The member, or NULL where it is absent or null. */
static const cJSON *member(const cJSON *object, const char *key)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsNull(value) ? NULL : value;
}

static int wrong(const char *key, const char *what, struct dro_error *err)
{
	return dro_fail(err, DRO_EPROTO, "JSON key \"%s\" is not %s", key, what);
}

static int missing(const char *key, struct dro_error *err)
{
	return dro_fail(err, DRO_EPROTO, "JSON key \"%s\" is missing", key);
}

int dro_json_string(const cJSON *object, const char *key, const char *fallback, const char **out,
	struct dro_error *err)
{
	const cJSON *value = member(object, key);

	if (value && !cJSON_IsString(value))
		return wrong(key, "a string", err);
	*out = value ? value->valuestring : fallback;
	return 0;
}

int dro_json_string_need(
	const cJSON *object, const char *key, const char **out, struct dro_error *err)
{
	if (!member(object, key))
		return missing(key, err);
	return dro_json_string(object, key, NULL, out, err);
}

int dro_json_int(
	const cJSON *object, const char *key, int64_t fallback, int64_t *out, struct dro_error *err)
{
	const cJSON *value = member(object, key);

	if (value && (!cJSON_IsNumber(value) || value->valuedouble != floor(value->valuedouble) ||
			     fabs(value->valuedouble) > MAX_INTEGER))
		return wrong(key, "a whole number", err);
	*out = value ? (int64_t)value->valuedouble : fallback;
	return 0;
}

int dro_json_int_need(const cJSON *object, const char *key, int64_t *out, struct dro_error *err)
{
	if (!member(object, key))
		return missing(key, err);
	return dro_json_int(object, key, 0, out, err);
}

int dro_json_bool(
	const cJSON *object, const char *key, bool fallback, bool *out, struct dro_error *err)
{
	const cJSON *value = member(object, key);

	if (value && !cJSON_IsBool(value))
		return wrong(key, "true or false", err);
	*out = value ? cJSON_IsTrue(value) : fallback;
	return 0;
}

int dro_json_object(const cJSON *object, const char *key, const cJSON **out, struct dro_error *err)
{
	*out = member(object, key);
	return *out && !cJSON_IsObject(*out) ? wrong(key, "an object", err) : 0;
}

int dro_json_array(const cJSON *object, const char *key, const cJSON **out, struct dro_error *err)
{
	*out = member(object, key);
	return *out && !cJSON_IsArray(*out) ? wrong(key, "an array", err) : 0;
}

const char *dro_json_text(const cJSON *object, const char *key)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(value) ? value->valuestring : "";
}

cJSON *dro_json_strings(const char *const *strings, size_t count)
{
	return count ? cJSON_CreateStringArray(strings, (int)count) : cJSON_CreateArray();
}

void dro_json_print(struct dro_buf *out, const cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	if (text)
		dro_buf_puts(out, text);
	else
		out->failed = DRO_ENOMEM;
	cJSON_free(text);
}

void dro_json_quote(struct dro_buf *out, const char *text)
{
	dro_buf_append(out, "\"", 1);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			dro_buf_printf(out, "\\%c", c);
		else if (c == '\n')
			dro_buf_puts(out, "\\n");
		else if (c < 0x20 || c == 0x7f)
			dro_buf_printf(out, "\\u%04x", c);
		else
			dro_buf_append(out, text, 1);
	}
	dro_buf_append(out, "\"", 1);
}
