#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64
#define MAX_INTEGER 9007199254740991.0 /* 2^53 - 1: beyond it a double drops digits */
#define FEW_KEYS 24		       /* of an object: compared each with each */

/* Behind the string that begins before `at`; its bytes are not looked at one by one. */
static const char *behind_string(const char *at, const char *end)
{
	const char *quote = at;

	while ((quote = memchr(quote, '"', (size_t)(end - quote)))) {
		const char *slash = quote;

		while (slash > at && slash[-1] == '\\')
			slash--;
		quote++;
		if ((quote - 1 - slash) % 2 == 0)
			return quote;
	}
	return end;
}

/* cJSON recurses to depth 1000 and knows no depth option: look before it parses. */
static bool too_deep(const char *text, size_t length)
{
	const char *at = text, *end = text + length;
	int depth = 0;

	while (at < end) {
		char c = *at++;

		if (c == '"')
			at = behind_string(at, end);
		else if ((c == '{' || c == '[') && ++depth > MAX_DEPTH)
			return true;
		else if (c == '}' || c == ']')
			depth--;
	}
	return false;
}

/* Is `\u0000` in it? It would end a C string early and make two ids alike. */
static bool has_nul(const char *text, size_t length)
{
	const char *at = text, *end = text + length, *slash;

	if (memchr(text, '\0', length))
		return true;
	while ((at = memmem(at, (size_t)(end - at), "\\u0000", 6))) {
		for (slash = at; slash > text && slash[-1] == '\\'; slash--)
			;
		if ((at - slash) % 2 == 0) /* itself not escaped */
			return true;
		at++;
	}
	return false;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *twice_of_few(const cJSON *json)
{
	const cJSON *child, *other;

	for (child = json->child; child; child = child->next)
		for (other = child->next; other; other = other->next)
			if (child->string[0] == other->string[0] &&
				strcmp(child->string, other->string) == 0)
				return other->string;
	return NULL;
}

static const char *twice_of_many(const cJSON *json, size_t count, bool *failed)
{
	const char **names = malloc(count * sizeof(*names)), *twice = NULL;
	const cJSON *child;
	size_t i = 0;

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
	return twice;
}

/* The key of `json` or below that stands twice in its object, or NULL. *failed: out of memory. */
static const char *duplicate_key(const cJSON *json, bool *failed)
{
	const cJSON *child;
	const char *twice = NULL;

	if (cJSON_IsObject(json)) {
		size_t count = (size_t)cJSON_GetArraySize(json);

		twice = count > FEW_KEYS ? twice_of_many(json, count, failed) : twice_of_few(json);
	}
	cJSON_ArrayForEach(child, json)
	{
		if (twice || *failed)
			break;
		if (child->child)
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

int dro_json_string_list(
	const char ***out, size_t *count, const cJSON *array, struct dro_error *err)
{
	const char **strings = calloc((size_t)cJSON_GetArraySize(array) + 1, sizeof(*strings));
	const cJSON *item;

	if (!strings)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	*count = 0;
	cJSON_ArrayForEach(item, array) if (cJSON_IsString(item)) strings[(*count)++] =
		item->valuestring;
	*out = strings;
	return 0;
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
