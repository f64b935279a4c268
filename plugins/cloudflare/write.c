/*
 * Pools and balancers as the API wants them. What a person set beside what a group says, such as
 * session affinity or the regions of the checks, is sent along as it is; nothing is sent where all
 * is as wanted.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/cloudflare/balance.h"

static int no_memory(struct cf_balance *balance)
{
	return cf_no_memory(balance->cf, balance->err);
}

/* Those members of `from` (may be NULL) that are named. */
static cJSON *keep(const cJSON *from, const char *const *keys, size_t count)
{
	cJSON *body = cJSON_CreateObject(), *copy;
	size_t i;

	for (i = 0; body && i < count; i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, keys[i]);

		if (!item || cJSON_IsNull(item))
			continue;
		copy = cJSON_Duplicate(item, true);
		if (!copy || !cJSON_AddItemToObject(body, keys[i], copy)) {
			cJSON_Delete(copy);
			cJSON_Delete(body);
			return NULL;
		}
	}
	return body;
}

/* ---- pools ------------------------------------------------------------------------------------
 */

static const cJSON *find_origin(const cJSON *pool, const char *address)
{
	const cJSON *origin;

	cJSON_ArrayForEach(origin, cJSON_GetObjectItemCaseSensitive(pool,
					   "origins")) if (strcmp(dro_json_text(origin, "address"),
								   address) == 0) return origin;
	return NULL;
}

static bool add_origin(cJSON *origins, const cJSON *pool, const char *address)
{
	static const char *const keys[] = {
		"name", "weight", "header", "port", "virtual_network_id"};
	cJSON *origin = keep(find_origin(pool, address), keys, sizeof(keys) / sizeof(keys[0]));

	if (!origin || !cJSON_AddStringToObject(origin, "address", address) ||
		!cJSON_AddTrueToObject(origin, "enabled") ||
		(!*dro_json_text(origin, "name") &&
			!cJSON_AddStringToObject(origin, "name", address)) ||
		!cJSON_AddItemToArray(origins, origin)) {
		cJSON_Delete(origin);
		return false;
	}
	return true;
}

/* "WEU,ENAM" as a list; nothing where the option is "". */
static bool add_regions(cJSON *body, const char *regions)
{
	cJSON *list = *regions ? cJSON_AddArrayToObject(body, "check_regions") : NULL;

	while (*regions) {
		size_t length = strcspn(regions, ", ");
		char code[16];
		cJSON *item;

		if (length && length < sizeof(code)) {
			memcpy(code, regions, length);
			code[length] = '\0';
			item = cJSON_CreateString(code);
			if (!item || !cJSON_AddItemToArray(list, item)) {
				cJSON_Delete(item);
				return false;
			}
		}
		regions += length + strspn(regions + length, ", ");
	}
	return true;
}

static cJSON *pool_body(const struct cf_balance *balance, const struct cf_group *group,
	const struct cf_member *member, const char *name)
{
	static const char *const keys[] = {"check_regions", "latitude", "longitude",
		"load_shedding", "minimum_origins", "notification_email", "notification_filter",
		"origin_steering"};
	cJSON *body = keep(member->pool, keys, sizeof(keys) / sizeof(keys[0])), *origins;
	size_t kind, i;
	bool done;

	origins = body ? cJSON_AddArrayToObject(body, "origins") : NULL;
	done = origins && cJSON_AddStringToObject(body, "name", name) &&
	       cJSON_AddStringToObject(body, "description", group->owner) &&
	       cJSON_AddTrueToObject(body, "enabled") &&
	       (!*member->health_check ||
		       cJSON_AddStringToObject(body, "monitor", member->health_check)) &&
	       (member->pool || add_regions(body, balance->cf->regions));
	for (kind = 0; kind < CF_KINDS && done; kind++)
		for (i = 0; i < member->values[kind].count && done; i++)
			done = add_origin(origins, member->pool, member->values[kind].items[i]);
	if (done)
		return body;
	cJSON_Delete(body);
	return NULL;
}

static bool same_values(const struct cf_values *a, const struct cf_values *b)
{
	size_t i, j;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		for (j = 0; j < b->count; j++)
			if (strcmp(a->items[i], b->items[j]) == 0)
				break;
		if (j == b->count)
			return false;
	}
	return true;
}

/* Is the pool as the member says? Read as a member itself, it compares with what was wanted. */
static int pool_as_wanted(const struct cf_group *group, const struct cf_member *member, bool *same)
{
	struct cf_group there = {0};
	struct cf_member *read;
	size_t kind;
	int rc = cf_pool_read(&there, member->pool);

	read = rc == 0 ? &there.members[0] : NULL;
	*same = read && strcmp(dro_json_text(member->pool, "description"), group->owner) == 0 &&
		strcmp(read->health_check, member->health_check) == 0;
	for (kind = 0; kind < CF_KINDS && *same; kind++)
		*same = same_values(&read->values[kind], &member->values[kind]);
	cf_group_free(&there);
	return rc;
}

/* An id that is the member's from now on. */
static int take_id(struct cf_balance *balance, struct cf_member *member, const char *id)
{
	char *copy = strdup(id);

	if (!copy)
		return no_memory(balance);
	free(member->pool_id);
	member->pool_id = copy;
	member->ours = true;
	return 0;
}

int cf_pool_put(struct cf_balance *balance, const struct cf_group *group, struct cf_member *member)
{
	struct dro_buf name = DRO_BUF_INIT(2048);
	char account[CF_ID_MAX + 1], id[CF_ID_MAX + 1] = "";
	struct cf_ask ask = {
		.method = "POST", .path = {"accounts", account, "load_balancers", "pools"}};
	cJSON *body;
	bool same = false;
	int rc;

	cf_pool_name(&name, group->name, member->set_id);
	if ((rc = dro_buf_check(&name, balance->err)) < 0)
		goto out;
	if (!member->ours || !member->pool)
		member->pool = cf_pool_find(balance->pools, "name", dro_buf_str(&name));
	if (member->pool && (rc = pool_as_wanted(group, member, &same)) < 0) {
		rc = no_memory(balance);
		goto out;
	}
	if (member->pool && (rc = take_id(balance, member, dro_json_text(member->pool, "id"))) < 0)
		goto out;
	if (same)
		goto out;
	rc = cf_account_id(balance->cf, balance->zone, account, balance->call, balance->err);
	if (rc < 0)
		goto out;
	body = pool_body(balance, group, member, dro_buf_str(&name));
	if (!body) {
		rc = no_memory(balance);
		goto out;
	}
	if (member->pool) {
		ask.method = "PUT";
		ask.path[4] = member->pool_id;
	}
	rc = cf_send(balance->cf, &ask, body, id, balance->call, balance->err);
	if (rc == 0)
		rc = take_id(balance, member, id);
out:
	dro_buf_free(&name);
	return rc;
}

/* ---- balancers --------------------------------------------------------------------------------
 */

/* The one that answers where all are ill: the primary, or the heaviest. */
static const struct cf_member *fallback_of(const struct cf_group *group)
{
	const struct cf_member *best = &group->members[0];
	size_t i;

	for (i = 1; i < group->count && !group->by_order; i++)
		if (group->members[i].weight > best->weight)
			best = &group->members[i];
	return best;
}

static bool add_weights(cJSON *body, const struct cf_group *group, const uint32_t *hundredths)
{
	cJSON *steering = cJSON_AddObjectToObject(body, "random_steering");
	cJSON *map = steering ? cJSON_AddObjectToObject(steering, "pool_weights") : NULL;
	size_t i;

	for (i = 0; i < group->count && map; i++)
		if (!cJSON_AddNumberToObject(map, group->members[i].pool_id, hundredths[i] / 100.0))
			return false;
	return map != NULL;
}

static cJSON *balancer_body(
	const struct cf_group *group, const uint32_t *hundredths, const char *description)
{
	static const char *const keys[] = {"adaptive_routing", "location_strategy",
		"session_affinity", "session_affinity_attributes", "session_affinity_ttl",
		"region_pools", "country_pools", "pop_pools", "rules"};
	cJSON *body = keep(group->balancer, keys, sizeof(keys) / sizeof(keys[0])), *pools;
	bool done;
	size_t i;

	pools = body ? cJSON_AddArrayToObject(body, "default_pools") : NULL;
	done = pools && cJSON_AddStringToObject(body, "name", group->name) &&
	       cJSON_AddStringToObject(body, "description", description) &&
	       cJSON_AddTrueToObject(body, "enabled") &&
	       cJSON_AddBoolToObject(body, "proxied", group->proxied) &&
	       cJSON_AddStringToObject(
		       body, "steering_policy", group->by_order ? "off" : "random") &&
	       cJSON_AddStringToObject(body, "fallback_pool", fallback_of(group)->pool_id) &&
	       (!group->ttl_s || cJSON_AddNumberToObject(body, "ttl", group->ttl_s)) &&
	       (group->by_order || add_weights(body, group, hundredths));
	for (i = 0; i < group->count && done; i++) {
		cJSON *id = cJSON_CreateString(group->members[i].pool_id);

		done = id && cJSON_AddItemToArray(pools, id);
		if (!done)
			cJSON_Delete(id);
	}
	if (done)
		return body;
	cJSON_Delete(body);
	return NULL;
}

static bool same_weights(const cJSON *is, const cJSON *wanted)
{
	const cJSON *weight, *there,
		*map = cJSON_GetObjectItemCaseSensitive(
			cJSON_GetObjectItemCaseSensitive(wanted, "random_steering"),
			"pool_weights");
	const cJSON *now = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(is, "random_steering"), "pool_weights");

	cJSON_ArrayForEach(weight, map)
	{
		there = cJSON_GetObjectItemCaseSensitive(now, weight->string);
		if (!cJSON_IsNumber(there) || (int)(there->valuedouble * 100 + 0.5) !=
						      (int)(weight->valuedouble * 100 + 0.5))
			return false;
	}
	return true;
}

/* Members that `wanted` has; an automatic ttl is whatever it is. */
static bool balancer_as_wanted(const cJSON *is, const cJSON *wanted)
{
	static const char *const keys[] = {"default_pools", "description", "proxied",
		"steering_policy", "fallback_pool", "ttl"};
	size_t i;

	if (!is || !cf_balancer_enabled(is) || !same_weights(is, wanted))
		return false;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(wanted, keys[i]);

		if (cJSON_IsString(item)) { /* absent is "" */
			if (strcmp(item->valuestring, dro_json_text(is, keys[i])) != 0)
				return false;
		} else if (item && !cJSON_Compare(item,
					   cJSON_GetObjectItemCaseSensitive(is, keys[i]), true)) {
			return false;
		}
	}
	return true;
}

int cf_balancer_put(struct cf_balance *balance, const struct cf_group *group)
{
	uint32_t weights[CF_MEMBERS_MAX], hundredths[CF_MEMBERS_MAX];
	struct dro_buf description = DRO_BUF_INIT(4096);
	char zone[CF_ID_MAX + 1], id[CF_ID_MAX + 1];
	struct cf_ask ask = {.method = "POST", .path = {"zones", zone, "load_balancers"}};
	cJSON *body = NULL;
	size_t i;
	int rc;

	for (i = 0; i < group->count; i++)
		weights[i] = group->members[i].weight;
	cf_weights_scale(weights, group->count, hundredths);
	cf_description_write(
		&description, group->owner, weights, group->by_order ? 0 : group->count);
	if ((rc = dro_buf_check(&description, balance->err)) < 0 ||
		(rc = cf_zone_id(balance->cf, balance->zone, zone, balance->call, balance->err)) <
			0)
		goto out;
	body = balancer_body(group, hundredths, dro_buf_str(&description));
	if (!body) {
		rc = no_memory(balance);
		goto out;
	}
	if (balancer_as_wanted(group->balancer, body))
		goto out;
	if (*group->id) {
		ask.method = "PUT";
		ask.path[3] = group->id;
	}
	rc = cf_send(balance->cf, &ask, body, id, balance->call, balance->err);
	body = NULL;
out:
	cJSON_Delete(body);
	dro_buf_free(&description);
	return rc;
}

int cf_balance_delete(struct cf_balance *balance, bool pool, const char *id)
{
	char owner[CF_ID_MAX + 1];
	struct cf_ask ask = {.method = "DELETE",
		.path = {pool ? "accounts" : "zones", owner, "load_balancers", pool ? "pools" : id,
			pool ? id : NULL},
		.mutation = true};
	cJSON *answer = NULL;
	int rc;

	rc = pool ? cf_account_id(balance->cf, balance->zone, owner, balance->call, balance->err)
		  : cf_zone_id(balance->cf, balance->zone, owner, balance->call, balance->err);
	if (rc == 0)
		rc = cf_ask(balance->cf, &ask, &answer, balance->call, balance->err);
	cJSON_Delete(answer);
	return rc == DRO_ENOTFOUND ? 0 : rc;
}
