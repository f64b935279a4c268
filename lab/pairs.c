#include "lab/lab.h"

#include <stdlib.h>
#include <string.h>

#include "base/uri.h"

/* malloc'd. NULL: a bad escape, a NUL, or out of memory. */
static char *decode(const char *text, size_t length, bool form)
{
	struct dro_buf out = DRO_BUF_INIT(SIZE_MAX / 2);
	char *copy = strndup(text, length);

	if (!copy || dro_uri_decode(&out, copy, form) < 0)
		out.failed = DRO_EINVAL;
	free(copy);
	return dro_buf_take(&out);
}

int lab_decode(char **out, const char *text, size_t length, bool form)
{
	*out = decode(text, length, form);
	return *out ? 0 : DRO_EINVAL;
}

static int add(struct lab_pairs *pairs, char *name, char *value)
{
	struct dro_pair *grown = realloc(pairs->items, (pairs->count + 1) * sizeof(*pairs->items));

	if (!grown)
		return DRO_ENOMEM;
	pairs->items = grown;
	pairs->items[pairs->count++] = (struct dro_pair){name, value};
	return 0;
}

int lab_pairs_add(struct lab_pairs *pairs, const char *name, const char *value)
{
	char *own_name = strdup(name), *own_value = value ? strdup(value) : NULL;

	if (own_name && (own_value || !value) && add(pairs, own_name, own_value) == 0)
		return 0;
	free(own_name);
	free(own_value);
	return DRO_ENOMEM;
}

/* One "name=value" or "name". */
static int parse_one(struct lab_pairs *out, const char *text, size_t length, bool form)
{
	const char *equals = memchr(text, '=', length);
	size_t name_length = equals ? (size_t)(equals - text) : length;
	char *name = decode(text, name_length, form), *value = NULL;

	if (name && equals)
		value = decode(equals + 1, length - name_length - 1, form);
	if (name && (value || !equals) && add(out, name, value) == 0)
		return 0;
	free(name);
	free(value);
	return DRO_EINVAL;
}

int lab_pairs_parse(struct lab_pairs *out, const char *text, bool form)
{
	*out = (struct lab_pairs){0};
	while (*text) {
		size_t length = strcspn(text, "&");
		int rc = length ? parse_one(out, text, length, form) : 0;

		if (rc < 0) {
			lab_pairs_free(out);
			return rc;
		}
		text += length;
		if (*text)
			text++;
	}
	return 0;
}

void lab_pairs_free(struct lab_pairs *pairs)
{
	size_t i;

	for (i = 0; i < pairs->count; i++) {
		free((char *)pairs->items[i].name);
		free((char *)pairs->items[i].value);
	}
	free(pairs->items);
	*pairs = (struct lab_pairs){0};
}

const char *lab_pairs_get(const struct lab_pairs *pairs, const char *name)
{
	size_t i;

	for (i = 0; i < pairs->count; i++)
		if (strcmp(pairs->items[i].name, name) == 0)
			return pairs->items[i].value ? pairs->items[i].value : "";
	return NULL;
}
