/* Load balancers of a zone. */
#include <string.h>

#include "cloudflare_balance.h"

static const char *const fields[] = {"name", "description", "enabled", "proxied", "ttl",
	"default_pools", "fallback_pool", "steering_policy", "random_steering", "region_pools",
	"country_pools", "pop_pools", "rules", "adaptive_routing", "location_strategy",
	"session_affinity", "session_affinity_ttl", "session_affinity_attributes"};

static bool names(const cJSON *list, const char *pool_id)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list) if (cJSON_IsString(item) &&
					   strcmp(item->valuestring, pool_id) == 0) return true;
	return false;
}

bool cloudflare_balancer_uses(const cJSON *balancer, const char *pool_id)
{
	static const char *const maps[] = {"region_pools", "country_pools", "pop_pools"};
	const cJSON *list;
	size_t i;

	if (strcmp(dro_json_text(balancer, "fallback_pool"), pool_id) == 0 ||
		names(cJSON_GetObjectItemCaseSensitive(balancer, "default_pools"), pool_id))
		return true;
	for (i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		cJSON_ArrayForEach(list, cJSON_GetObjectItemCaseSensitive(balancer,
						 maps[i])) if (names(list, pool_id)) return true;
	return false;
}

static cJSON *list_of(const cJSON *entry)
{
	return cJSON_GetObjectItemCaseSensitive(entry, "load_balancers");
}

/* Its place in the list of the zone's; -1: refused. */
static int need(const struct cloudflare_call *c, const cJSON *entry)
{
	const cJSON *item;
	int index = 0;

	cJSON_ArrayForEach(item, list_of(entry))
	{
		if (strcmp(dro_json_text(item, "id"), c->ids[1]) == 0)
			return index;
		index++;
	}
	cloudflare_refuse_with(c->reply, 404, 1001, "load balancer not found: object not found");
	return -1;
}

static void commit(
	const struct cloudflare_call *c, cJSON *entry, cJSON *list, const char *id, cJSON *result)
{
	struct dro_error err = DRO_ERROR_INIT;

	if (cloudflare_commit(c->cf, entry, "load_balancers", list, &err) < 0) {
		cJSON_Delete(result);
		cloudflare_refuse_with(c->reply, 500, 1000, "%s", err.message);
		return;
	}
	lab_reply_id(c->reply, id);
	cloudflare_result(c->reply, result, NULL);
}

/* `index` -1: a new one. */
static void change(const struct cloudflare_call *c, cJSON *entry, int index, bool whole)
{
	const cJSON *old = index < 0 ? NULL : cJSON_GetArrayItem(list_of(entry), index);
	struct cloudflare_error error;
	cJSON *body = cloudflare_body(c), *balancer, *list;

	if (!body)
		return;
	balancer = cloudflare_object_update(
		old, body, fields, sizeof(fields) / sizeof(fields[0]), whole);
	cJSON_Delete(body);
	if (cloudflare_check_balancer(c->cf, balancer, entry, &error) < 0) {
		cJSON_Delete(balancer);
		cloudflare_refuse(c->reply, &error);
		return;
	}
	list = cJSON_Duplicate(list_of(entry), true);
	if (index < 0)
		cJSON_AddItemToArray(list, balancer);
	else
		cJSON_ReplaceItemInArray(list, index, balancer);
	commit(c, entry, list, dro_json_text(balancer, "id"), cJSON_Duplicate(balancer, true));
}

void cloudflare_balancers_list(const struct cloudflare_call *c)
{
	const cJSON *entry = cloudflare_zone_need(c);

	if (entry)
		cloudflare_result(c->reply, cJSON_Duplicate(list_of(entry), true), NULL);
}

void cloudflare_balancers_create(const struct cloudflare_call *c)
{
	cJSON *entry = cloudflare_zone_need(c);

	if (entry)
		change(c, entry, -1, true);
}

void cloudflare_balancers_get(const struct cloudflare_call *c)
{
	const cJSON *entry = cloudflare_zone_need(c);
	int index = entry ? need(c, entry) : -1;

	if (index >= 0)
		cloudflare_result(c->reply,
			cJSON_Duplicate(cJSON_GetArrayItem(list_of(entry), index), true), NULL);
}

static void update(const struct cloudflare_call *c, bool whole)
{
	cJSON *entry = cloudflare_zone_need(c);
	int index = entry ? need(c, entry) : -1;

	if (index >= 0)
		change(c, entry, index, whole);
}

void cloudflare_balancers_put(const struct cloudflare_call *c)
{
	update(c, true);
}

void cloudflare_balancers_patch(const struct cloudflare_call *c)
{
	update(c, false);
}

void cloudflare_balancers_delete(const struct cloudflare_call *c)
{
	cJSON *entry = cloudflare_zone_need(c), *list, *result;
	int index = entry ? need(c, entry) : -1;

	if (index < 0)
		return;
	list = cJSON_Duplicate(list_of(entry), true);
	cJSON_DeleteItemFromArray(list, index);
	result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "id", c->ids[1]);
	commit(c, entry, list, c->ids[1], result);
}
