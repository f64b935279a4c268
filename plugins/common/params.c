#include "plugins/common/params.h"

#include <stdlib.h>
#include <string.h>

#include "base/uri.h"

#define NAME_MAX_BYTES 256

void dro_params_add(struct dro_params *params, const char *name, const char *value)
{
	struct dro_pair *grown = params->items;
	char *own_name, *own_value;

	if (params->failed)
		return;
	if (params->count == params->capacity) {
		size_t capacity = params->capacity ? params->capacity * 2 : 16;

		grown = realloc(params->items, capacity * sizeof(*grown));
		if (grown) {
			params->items = grown;
			params->capacity = capacity;
		}
	}
	own_name = strdup(name);
	own_value = strdup(value);
	if (!grown || !own_name || !own_value) {
		free(own_name);
		free(own_value);
		params->failed = DRO_ENOMEM;
		return;
	}
	params->items[params->count++] = (struct dro_pair){own_name, own_value};
}

void dro_params_add_set(struct dro_params *params, const char *name, const char *value)
{
	if (value && *value)
		dro_params_add(params, name, value);
}

void dro_params_addf(struct dro_params *params, const char *value, const char *name, ...)
{
	struct dro_buf text = DRO_BUF_INIT(NAME_MAX_BYTES);
	va_list args;

	va_start(args, name);
	dro_buf_vprintf(&text, name, args);
	va_end(args);
	if (text.failed)
		params->failed = text.failed;
	else
		dro_params_add(params, dro_buf_str(&text), value);
	dro_buf_free(&text);
}

int dro_params_copy(struct dro_params *params, const struct dro_pair *pairs, size_t count,
	struct dro_error *err)
{
	size_t i;

	for (i = 0; i < count; i++)
		dro_params_add(params, pairs[i].name, pairs[i].value);
	return dro_params_check(params, err);
}

int dro_params_check(const struct dro_params *params, struct dro_error *err)
{
	if (!params->failed)
		return 0;
	return dro_fail(err, params->failed,
		params->failed == DRO_ENOMEM ? "out of memory" : "a parameter's name is too long");
}

void dro_params_free(struct dro_params *params)
{
	size_t i;

	for (i = 0; i < params->count; i++) {
		free((char *)params->items[i].name);
		free((char *)params->items[i].value);
	}
	free(params->items);
	*params = (struct dro_params)DRO_PARAMS_INIT;
}

const char *dro_params_get(const struct dro_params *params, const char *name, const char *fallback)
{
	return dro_pair_get(params->items, params->count, name, fallback);
}

const char *dro_pair_get(
	const struct dro_pair *pairs, size_t count, const char *name, const char *fallback)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(pairs[i].name, name) == 0)
			return pairs[i].value;
	return fallback;
}

bool dro_pair_true(const struct dro_pair *pairs, size_t count, const char *name)
{
	const char *value = dro_pair_get(pairs, count, name, "");

	return strcmp(value, "true") == 0 || strcmp(value, "yes") == 0 || strcmp(value, "1") == 0;
}

void dro_params_form(struct dro_buf *out, const struct dro_params *params)
{
	dro_uri_query(out, params->items, params->count);
}
