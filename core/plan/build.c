#include "plan/build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ID_MAX 256

struct dro_step *dro_build_step(struct dro_build *build, const char *kind, const char *target,
	int64_t timeout_ms, const char *format, ...)
{
	struct dro_step *step = NULL;
	char id[ID_MAX];
	va_list args;

	if (build->rc < 0)
		return NULL;
	va_start(args, format);
	vsnprintf(id, sizeof(id), format, args);
	va_end(args);
	build->rc = dro_plan_add(build->plan, &step, id, kind, target, timeout_ms, build->err);
	return build->rc < 0 ? NULL : step;
}

void dro_build_after(struct dro_build *build, struct dro_step *step, const char *id)
{
	if (build->rc == 0)
		build->rc = dro_step_after(build->plan, step, id, build->err);
}

void dro_build_after_kind(struct dro_build *build, struct dro_step *step, const char *kind)
{
	size_t i;

	for (i = 0; build->rc == 0 && i < step->index; i++)
		if (strcmp(build->plan->steps[i]->kind, kind) == 0 &&
			!build->plan->steps[i]->may_fail)
			dro_build_after(build, step, build->plan->steps[i]->id);
}

void dro_build_input(
	struct dro_build *build, struct dro_step *step, const char *key, const char *text)
{
	if (build->rc == 0 && !cJSON_AddStringToObject(step->inputs, key, text))
		build->rc = dro_fail(build->err, DRO_ENOMEM, "out of memory");
}

void dro_build_input_json(
	struct dro_build *build, struct dro_step *step, const char *key, cJSON *json)
{
	if (build->rc == 0 && json && cJSON_AddItemToObject(step->inputs, key, json))
		return;
	cJSON_Delete(json);
	if (build->rc == 0)
		build->rc = dro_fail(build->err, DRO_ENOMEM, "out of memory");
}

void dro_build_id(char *out, size_t size, const char *text)
{
	size_t i;

	for (i = 0; text[i] && i + 1 < size; i++)
		out[i] = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.",
				 text[i])
				 ? text[i]
				 : '-';
	out[i] = '\0';
}
