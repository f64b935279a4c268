#include "lab/lab.h"

#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* malloc'd. NULL: a bad escape, a NUL, or out of memory. */
static char *decode(const char *text, size_t length, bool form)
{
	char *out = malloc(length + 1);
	size_t i, used = 0;

	if (!out)
		return NULL;
	for (i = 0; i < length; i++) {
		int high, low;

		if (text[i] == '+' && form) {
			out[used++] = ' ';
			continue;
		}
		if (text[i] != '%') {
			out[used++] = text[i];
			continue;
		}
		if (i + 2 >= length || (high = hex_digit(text[i + 1])) < 0 ||
			(low = hex_digit(text[i + 2])) < 0 || high * 16 + low == 0) {
			free(out);
			return NULL;
		}
		out[used++] = (char)(high * 16 + low);
		i += 2;
	}
	out[used] = '\0';
	return out;
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
