#include "cloudflare.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcasecmp(text + length - end_length, end) == 0;
}

/* Does the value pass the filter `suffix` ("" means exact)? */
static bool passes(const char *suffix, const char *value, const char *wanted)
{
	if (!*suffix || strcmp(suffix, ".exact") == 0)
		return strcasecmp(value, wanted) == 0;
	if (strcmp(suffix, ".contains") == 0)
		return strcasestr(value, wanted) != NULL;
	if (strcmp(suffix, ".startswith") == 0)
		return strncasecmp(value, wanted, strlen(wanted)) == 0;
	if (strcmp(suffix, ".endswith") == 0)
		return ends_with(value, wanted);
	if (strcmp(suffix, ".present") == 0)
		return *value != '\0';
	return strcmp(suffix, ".absent") == 0 && !*value;
}

/* Judges one query pair; false: it is no filter. */
static bool judge(const struct dro_pair *pair, const cJSON *record, bool *pass)
{
	static const char *const keys[] = {"name", "content", "comment", "type"};
	const char *value = pair->value ? pair->value : "";
	size_t i;

	if (strcmp(pair->name, "proxied") == 0) {
		*pass = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(record, "proxied")) ==
			(strcmp(value, "true") == 0);
		return true;
	}
	if (strcmp(pair->name, "search") == 0) {
		*pass = false;
		for (i = 0; i < 3; i++)
			*pass |= strcasestr(dro_json_text(record, keys[i]), value) != NULL;
		return true;
	}
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t length = strlen(keys[i]);
		const char *suffix = pair->name + length;

		if (strncmp(pair->name, keys[i], length) != 0 || (*suffix && *suffix != '.'))
			continue;
		*pass = passes(suffix, dro_json_text(record, keys[i]), value);
		return true;
	}
	return false;
}

static bool is_listed(const struct cloudflare_call *c, const cJSON *record)
{
	const char *match = lab_query(c->request, "match");
	bool any = match && strcmp(match, "any") == 0, some = false, filtered = false, pass;
	int64_t made;
	size_t i;

	if (c->call->lag_ms && dro_time_parse(dro_json_text(record, "created_on"), &made) == 0 &&
		made + c->call->lag_ms > dro_wall_ms())
		return false;
	for (i = 0; i < c->request->query_count; i++) {
		if (!judge(&c->request->query[i], record, &pass))
			continue;
		if (!pass && !any)
			return false;
		filtered = true;
		some |= pass;
	}
	return !any || !filtered || some;
}

static int compare(const cJSON *a, const cJSON *b, const char *key)
{
	const cJSON *x = cJSON_GetObjectItemCaseSensitive(a, key);
	const cJSON *y = cJSON_GetObjectItemCaseSensitive(b, key);

	if (cJSON_IsNumber(x) && cJSON_IsNumber(y))
		return (x->valuedouble > y->valuedouble) - (x->valuedouble < y->valuedouble);
	if (cJSON_IsBool(x) && cJSON_IsBool(y))
		return cJSON_IsTrue(x) - cJSON_IsTrue(y);
	return strcmp(dro_json_text(a, key), dro_json_text(b, key));
}

/* Stable; lists are a few hundred records at most. */
static cJSON *sort(cJSON *all, const char *key, bool down)
{
	cJSON *sorted = cJSON_CreateArray(), *best, *item;

	while (all->child) {
		best = all->child;
		cJSON_ArrayForEach(item, all)
		{
			int order = compare(item, best, key);

			if (down ? order > 0 : order < 0)
				best = item;
		}
		cJSON_AddItemToArray(sorted, cJSON_DetachItemViaPointer(all, best));
	}
	cJSON_Delete(all);
	return sorted;
}

void cloudflare_records_list(const struct cloudflare_call *c)
{
	const char *order = lab_query(c->request, "order");
	const char *direction = lab_query(c->request, "direction");
	cJSON *entry = cloudflare_zone_need(c), *all, *record;

	if (!entry)
		return;
	all = cJSON_CreateArray();
	cJSON_ArrayForEach(record,
		cJSON_GetObjectItemCaseSensitive(entry, "records")) if (is_listed(c, record))
		cJSON_AddItemToArray(all, cJSON_Duplicate(record, true));
	if (order)
		all = sort(all, order, direction && strcmp(direction, "desc") == 0);
	cloudflare_page(c, all, 100, 1, 5000000);
}
