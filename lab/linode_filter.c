/* X-Filter: {"+or":[{"label":"a"},{"vcpus":{"+gte":12}}],"+order_by":"label"} */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/linode.h"

#define DEPTH_MAX 8

static bool is_filterable(const char *const *filterable, const char *name)
{
	for (; *filterable; filterable++)
		if (strcmp(*filterable, name) == 0)
			return true;
	return false;
}

/* "entity.id" is the id of the entity. */
static const cJSON *field_of(const cJSON *item, const char *name)
{
	const char *dot = strchr(name, '.');
	char first[64];

	if (!dot)
		return cJSON_GetObjectItemCaseSensitive(item, name);
	if ((size_t)(dot - name) >= sizeof(first))
		return NULL;
	snprintf(first, sizeof(first), "%.*s", (int)(dot - name), name);
	return field_of(cJSON_GetObjectItemCaseSensitive(item, first), dot + 1);
}

/* <0, 0, >0; *like: they are of one kind. */
static int compare(const cJSON *a, const cJSON *b, bool *like)
{
	*like = true;
	if (cJSON_IsNumber(a) && cJSON_IsNumber(b))
		return (a->valuedouble > b->valuedouble) - (a->valuedouble < b->valuedouble);
	if (cJSON_IsString(a) && cJSON_IsString(b))
		return strcmp(a->valuestring, b->valuestring);
	if (cJSON_IsBool(a) && cJSON_IsBool(b))
		return cJSON_IsTrue(a) - cJSON_IsTrue(b);
	*like = (!a || cJSON_IsNull(a)) && cJSON_IsNull(b);
	return *like ? 0 : 1;
}

static bool holds(const char *operation, const cJSON *value, const cJSON *wanted)
{
	bool like;
	int order = compare(value, wanted, &like);

	if (strcmp(operation, "+contains") == 0)
		return cJSON_IsString(value) && cJSON_IsString(wanted) &&
		       strstr(value->valuestring, wanted->valuestring);
	if (strcmp(operation, "+neq") == 0)
		return !like || order != 0;
	if (!like)
		return false;
	if (strcmp(operation, "+gt") == 0)
		return order > 0;
	if (strcmp(operation, "+gte") == 0)
		return order >= 0;
	if (strcmp(operation, "+lt") == 0)
		return order < 0;
	if (strcmp(operation, "+lte") == 0)
		return order <= 0;
	return order == 0;
}

/* Of a list any element may pass; +neq wants all of them to. */
static bool judge(const char *operation, const cJSON *value, const cJSON *wanted)
{
	const cJSON *one;
	bool all = strcmp(operation, "+neq") == 0;

	if (!cJSON_IsArray(value))
		return holds(operation, value, wanted);
	cJSON_ArrayForEach(one, value) if (holds(operation, one, wanted) != all) return !all;
	return all;
}

static int judge_field(const cJSON *condition, const cJSON *item, char why[LINODE_WHY])
{
	static const char *const operations[] = {
		"+gt", "+gte", "+lt", "+lte", "+contains", "+neq", NULL};
	const cJSON *value = field_of(item, condition->string), *one;

	if (!cJSON_IsObject(condition))
		return judge("", value, condition);
	cJSON_ArrayForEach(one, condition)
	{
		if (!is_filterable(operations, one->string)) {
			snprintf(why, LINODE_WHY, "Unknown filter operator %.40s", one->string);
			return -1;
		}
		if (!judge(one->string, value, one))
			return 0;
	}
	return 1;
}

static int walk(const cJSON *filter, const cJSON *item, const char *const *filterable,
	char why[LINODE_WHY], int depth);

/* Every condition is looked at, so that a bad one shows whatever the others say. */
static int walk_list(const cJSON *list, const cJSON *item, const char *const *filterable,
	char why[LINODE_WHY], int depth, bool any)
{
	const cJSON *one;
	int result = any ? 0 : 1;

	if (!cJSON_IsArray(list)) {
		snprintf(why, LINODE_WHY, "%.40s must be a list", list->string);
		return -1;
	}
	cJSON_ArrayForEach(one, list)
	{
		int passes = walk(one, item, filterable, why, depth + 1);

		if (passes < 0)
			return passes;
		result = any ? result || passes : result && passes;
	}
	return result;
}

static int walk(const cJSON *filter, const cJSON *item, const char *const *filterable,
	char why[LINODE_WHY], int depth)
{
	const cJSON *one;
	int result = 1, passes;

	if (!cJSON_IsObject(filter) || depth > DEPTH_MAX) {
		snprintf(why, LINODE_WHY, "A filter must be an object");
		return -1;
	}
	cJSON_ArrayForEach(one, filter)
	{
		if (strcmp(one->string, "+and") == 0 || strcmp(one->string, "+or") == 0) {
			passes =
				walk_list(one, item, filterable, why, depth, one->string[1] == 'o');
		} else if (strcmp(one->string, "+order_by") == 0 ||
			   strcmp(one->string, "+order") == 0) {
			passes = 1;
		} else if (!is_filterable(filterable, one->string)) {
			snprintf(why, LINODE_WHY, "Cannot filter on %.40s", one->string);
			passes = -1;
		} else {
			passes = judge_field(one, item, why);
		}
		if (passes < 0)
			return passes;
		result = result && passes;
	}
	return result;
}

int linode_filter(
	const cJSON *filter, const cJSON *item, const char *const *filterable, char why[LINODE_WHY])
{
	return walk(filter, item, filterable, why, 0);
}

/* ---- order ---------------------------------------------------------------------------------- */

struct ordered {
	cJSON *item;
	int index;
};

struct ordering {
	const char *field;
	bool down;
};

static int compare_items(const void *a, const void *b, void *arg)
{
	const struct ordered *x = a, *y = b;
	const struct ordering *ordering = arg;
	bool like;
	int order = compare(
		field_of(x->item, ordering->field), field_of(y->item, ordering->field), &like);

	if (!like || order == 0)
		return x->index - y->index;
	return ordering->down ? -order : order;
}

int linode_order(
	const cJSON *filter, cJSON *items, const char *const *filterable, char why[LINODE_WHY])
{
	struct ordering ordering = {.field = dro_json_text(filter, "+order_by"),
		.down = strcmp(dro_json_text(filter, "+order"), "desc") == 0};
	int count = cJSON_GetArraySize(items), i;
	struct ordered *list;

	if (!*ordering.field || count == 0)
		return 0;
	if (!is_filterable(filterable, ordering.field)) {
		snprintf(why, LINODE_WHY, "Cannot order by %.40s", ordering.field);
		return -1;
	}
	list = calloc((size_t)count, sizeof(*list));
	if (!list)
		return 0;
	for (i = 0; i < count; i++)
		list[i] = (struct ordered){cJSON_DetachItemViaPointer(items, items->child), i};
	qsort_r(list, (size_t)count, sizeof(*list), compare_items, &ordering);
	for (i = 0; i < count; i++)
		cJSON_AddItemToArray(items, list[i].item);
	free(list);
	return 0;
}
