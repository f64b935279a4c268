#include "engine/inputs.h"

#include <string.h>

/* "${launch-web.ids}" -> step "launch-web", output "ids}". One that may be missing ends in "?}". */
static bool split(const char *text, char step[256], const char **output)
{
	size_t length = strlen(text);
	const char *dot = strrchr(text, '.');

	if (length < 6 || strncmp(text, "${", 2) != 0 || text[length - 1] != '}' || !dot ||
		(size_t)(dot - text - 2) >= 256)
		return false;
	memcpy(step, text + 2, (size_t)(dot - text - 2));
	step[dot - text - 2] = '\0';
	*output = dot + 1;
	return true;
}

static bool may_miss(const char *text)
{
	size_t length = strlen(text);

	return length > 2 && strcmp(text + length - 2, "?}") == 0;
}

static cJSON *find(const char *text, const cJSON *(*outputs)(const void *arg, const char *step),
	const void *arg, struct dro_error *err)
{
	const cJSON *child;
	const char *output;
	char step[256];

	if (!split(text, step, &output)) {
		dro_fail(err, DRO_EINVAL, "\"%s\" names no step's output", text);
		return NULL;
	}
	cJSON_ArrayForEach(child, outputs(arg, step))
	{
		size_t length = strlen(child->string);

		if (strncmp(child->string, output, length) == 0 &&
			(strcmp(output + length, "}") == 0 || strcmp(output + length, "?}") == 0))
			return cJSON_Duplicate(child, 1);
	}
	dro_fail(err, DRO_EINVAL, "step \"%s\" has not given %s", step, text);
	return NULL;
}

static int index_of(const cJSON *array, const cJSON *item)
{
	const cJSON *child;
	int index = 0;

	for (child = array->child; child && child != item; child = child->next)
		index++;
	return index;
}

static void move_all(cJSON *to, cJSON *from, int first)
{
	cJSON *item;

	while ((item = cJSON_DetachItemFromArray(from, first)))
		cJSON_AddItemToArray(to, item);
}

/* In a list, what is a list itself comes in its place, one by one. */
static void put(cJSON *json, cJSON *at, cJSON *value)
{
	cJSON *rest;
	int index;

	if (cJSON_IsObject(json)) {
		cJSON_ReplaceItemInObjectCaseSensitive(json, at->string, value);
	} else if (cJSON_IsArray(value)) {
		index = index_of(json, at);
		rest = cJSON_CreateArray();
		cJSON_Delete(cJSON_DetachItemViaPointer(json, at));
		move_all(rest, json, index);
		move_all(json, value, 0);
		move_all(json, rest, 0);
		cJSON_Delete(rest);
		cJSON_Delete(value);
	} else {
		cJSON_ReplaceItemViaPointer(json, at, value);
	}
}

static int fill(cJSON *json, const cJSON *(*outputs)(const void *arg, const char *step),
	const void *arg, struct dro_error *err)
{
	cJSON *child, *next;
	int rc;

	for (child = json->child; child; child = next) {
		next = child->next;
		if (cJSON_IsString(child) && strncmp(child->valuestring, "${", 2) == 0) {
			cJSON *value = find(child->valuestring, outputs, arg,
				may_miss(child->valuestring) ? NULL : err);

			if (!value && !may_miss(child->valuestring))
				return DRO_EINVAL;
			if (!value) {
				cJSON_Delete(cJSON_DetachItemViaPointer(json, child));
				continue;
			}
			put(json, child, value);
		} else if ((rc = fill(child, outputs, arg, err)) < 0) {
			return rc;
		}
	}
	return 0;
}

int dro_inputs_fill(cJSON **out, const cJSON *inputs,
	const cJSON *(*outputs)(const void *arg, const char *step), const void *arg,
	struct dro_error *err)
{
	cJSON *copy = cJSON_Duplicate(inputs, 1);
	int rc;

	if (!copy)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = fill(copy, outputs, arg, err)) < 0) {
		cJSON_Delete(copy);
		return rc;
	}
	*out = copy;
	return 0;
}
