/*
 * A growing list of name and value pairs that owns its texts: form bodies, queries, headers, and a
 * plugin's copy of its options. Failures stick: append freely, then look at dro_params_check once.
 */
#ifndef DRORCH_PLUGINS_COMMON_PARAMS_H
#define DRORCH_PLUGINS_COMMON_PARAMS_H

#include <stdbool.h>

#include "base/buf.h"

struct dro_params {
	struct dro_pair *items;
	size_t count, capacity;
	int failed;
};

#define DRO_PARAMS_INIT                                                                            \
	{                                                                                          \
		0                                                                                  \
	}

void dro_params_add(struct dro_params *params, const char *name, const char *value);
/* Nothing where `value` is NULL or "". */
void dro_params_add_set(struct dro_params *params, const char *name, const char *value);
/* The same with a printed name: dro_params_addf(&p, id, "InstanceId.%zu", i + 1). */
void dro_params_addf(struct dro_params *params, const char *value, const char *name, ...)
	__attribute__((format(printf, 3, 4)));
/* Copies `pairs`: the host's options live for the call of open() alone. */
int dro_params_copy(struct dro_params *params, const struct dro_pair *pairs, size_t count,
	struct dro_error *err);
int dro_params_check(const struct dro_params *params, struct dro_error *err);
void dro_params_free(struct dro_params *params);

/* The value of the first of that name, or `fallback`. */
const char *dro_params_get(const struct dro_params *params, const char *name, const char *fallback);
const char *dro_pair_get(
	const struct dro_pair *pairs, size_t count, const char *name, const char *fallback);
/* "true", "yes" and "1" are true; absent and anything else false: the host checks options. */
bool dro_pair_true(const struct dro_pair *pairs, size_t count, const char *name);

/* "a=1&b=x%20y": an application/x-www-form-urlencoded body. */
void dro_params_form(struct dro_buf *out, const struct dro_params *params);

#endif
