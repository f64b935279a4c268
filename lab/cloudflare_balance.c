/* Pools and monitors of the account. */
#include "cloudflare_balance.h"

#include <string.h>

/* What the two have in common: where they stand, what a client may set, who may refer to them. */
struct kind {
	const char *key;
	const char *singular;
	const char *const *fields;
	size_t field_count;
	int (*check)(const struct cloudflare *cf, cJSON *object, struct cloudflare_error *error);
	cJSON *(*references)(const struct cloudflare *cf, const char *id);
};

const cJSON *cloudflare_list_find(const cJSON *list, const char *key, const char *value)
{
	const cJSON *item;

	cJSON_ArrayForEach(
		item, list) if (strcmp(dro_json_text(item, key), value) == 0) return item;
	return NULL;
}

cJSON *cloudflare_account_find(const struct cloudflare *cf, const char *key, const char *id)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(cf->account, key), *item;

	cJSON_ArrayForEach(item, list) if (strcmp(dro_json_text(item, "id"), id) == 0) return item;
	return NULL;
}

cJSON *cloudflare_object_update(
	const cJSON *old, const cJSON *body, const char *const *keys, size_t count, bool whole)
{
	static const char *const servers[] = {"id", "created_on", "zone_name"};
	cJSON *object = old && !whole ? cJSON_Duplicate(old, true) : cJSON_CreateObject();
	char id[CLOUDFLARE_ID];
	size_t i;

	for (i = 0; old && whole && i < sizeof(servers) / sizeof(servers[0]); i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(old, servers[i]);

		if (item)
			cJSON_AddItemToObject(object, servers[i], cJSON_Duplicate(item, true));
	}
	if (!old) {
		cloudflare_new_id(id);
		cJSON_AddStringToObject(object, "id", id);
		cJSON_AddItemToObject(object, "created_on", cloudflare_now());
	}
	for (i = 0; i < count; i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, keys[i]);

		if (!item)
			continue;
		cJSON_DeleteItemFromObjectCaseSensitive(object, keys[i]);
		cJSON_AddItemToObject(object, keys[i], cJSON_Duplicate(item, true));
	}
	cJSON_DeleteItemFromObjectCaseSensitive(object, "modified_on");
	cJSON_AddItemToObject(object, "modified_on", cloudflare_now());
	return object;
}

/* ---- who refers to whom -----------------------------------------------------------------------
 */

static void add_reference(
	cJSON *list, const char *way, const char *type, const cJSON *of, const char *name)
{
	cJSON *reference = cJSON_CreateObject();

	cJSON_AddStringToObject(reference, "reference_type", way);
	cJSON_AddStringToObject(reference, "resource_id", dro_json_text(of, "id"));
	cJSON_AddStringToObject(reference, "resource_name", dro_json_text(of, name));
	cJSON_AddStringToObject(reference, "resource_type", type);
	cJSON_AddItemToArray(list, reference);
}

static cJSON *monitor_references(const struct cloudflare *cf, const char *id)
{
	cJSON *list = cJSON_CreateArray();
	const cJSON *pool;

	cJSON_ArrayForEach(
		pool, cJSON_GetObjectItemCaseSensitive(cf->account,
			      "pools")) if (strcmp(dro_json_text(pool, "monitor"), id) == 0)
		add_reference(list, "referrer", "pool", pool, "name");
	return list;
}

static cJSON *pool_references(const struct cloudflare *cf, const char *id)
{
	cJSON *list = cJSON_CreateArray();
	const cJSON *entry, *balancer;

	cJSON_ArrayForEach(entry, cf->zones)
	{
		cJSON_ArrayForEach(
			balancer, cJSON_GetObjectItemCaseSensitive(entry, "load_balancers"))
		{
			if (cloudflare_balancer_uses(balancer, id))
				add_reference(list, "referrer", "load_balancer", balancer, "name");
		}
	}
	return list;
}

static const char *const monitor_fields[] = {"type", "description", "method", "path", "header",
	"port", "timeout", "retries", "interval", "consecutive_up", "consecutive_down",
	"expected_body", "expected_codes", "follow_redirects", "allow_insecure", "probe_zone"};
static const char *const pool_fields[] = {"name", "description", "enabled", "origins", "monitor",
	"minimum_origins", "check_regions", "latitude", "longitude", "load_shedding",
	"origin_steering", "notification_email", "notification_filter"};
static const struct kind monitors = {"monitors", "monitor", monitor_fields,
	sizeof(monitor_fields) / sizeof(monitor_fields[0]), cloudflare_check_monitor,
	monitor_references};
static const struct kind pools = {"pools", "pool", pool_fields,
	sizeof(pool_fields) / sizeof(pool_fields[0]), cloudflare_check_pool, pool_references};

/* ---- one of either ----------------------------------------------------------------------------
 */

/* false: refused. */
static bool need_account(const struct cloudflare_call *c)
{
	if (strcmp(c->ids[0], c->cf->account_id) == 0)
		return true;
	cloudflare_refuse_with(c->reply, 403, 10000, "Authentication error");
	return false;
}

/* The one that the path names; else refuses. */
static cJSON *need(const struct cloudflare_call *c, const struct kind *kind)
{
	cJSON *found;

	if (!need_account(c))
		return NULL;
	found = cloudflare_account_find(c->cf, kind->key, c->ids[1]);
	if (!found)
		cloudflare_refuse_with(
			c->reply, 404, 1001, "%s not found: object not found", kind->singular);
	return found;
}

static void commit(const struct cloudflare_call *c, cJSON *account, const char *id, cJSON *result)
{
	struct dro_error err = DRO_ERROR_INIT;

	if (cloudflare_commit_account(c->cf, account, &err) < 0) {
		cJSON_Delete(result);
		cloudflare_refuse_with(c->reply, 500, 1000, "%s", err.message);
		return;
	}
	lab_reply_id(c->reply, id);
	cloudflare_result(c->reply, result, NULL);
}

/* Makes one (`old` NULL) or changes it. */
static void change(
	const struct cloudflare_call *c, const struct kind *kind, const cJSON *old, bool whole)
{
	struct cloudflare_error error;
	cJSON *body = cloudflare_body(c), *object, *account, *list;

	if (!body)
		return;
	object = cloudflare_object_update(old, body, kind->fields, kind->field_count, whole);
	cJSON_Delete(body);
	if (kind->check(c->cf, object, &error) < 0) {
		cJSON_Delete(object);
		cloudflare_refuse(c->reply, &error);
		return;
	}
	account = cJSON_Duplicate(c->cf->account, true);
	list = cJSON_GetObjectItemCaseSensitive(account, kind->key);
	if (old) {
		const cJSON *all = cJSON_GetObjectItemCaseSensitive(c->cf->account, kind->key);
		const cJSON *item;
		int index = 0;

		for (item = all->child; item != old; item = item->next)
			index++;
		cJSON_ReplaceItemInArray(list, index, object);
	} else {
		cJSON_AddItemToArray(list, object);
	}
	commit(c, account, dro_json_text(object, "id"), cJSON_Duplicate(object, true));
}

static void delete_one(const struct cloudflare_call *c, const struct kind *kind)
{
	const cJSON *object = need(c, kind), *item;
	cJSON *used, *account, *list, *result;
	int index = 0;

	if (!object)
		return;
	used = kind->references(c->cf, c->ids[1]);
	if (used->child) {
		cJSON_Delete(used);
		cloudflare_refuse_with(c->reply, 412, 1005,
			"This object is referenced by other objects, delete them first.");
		return;
	}
	cJSON_Delete(used);
	for (item = cJSON_GetObjectItemCaseSensitive(c->cf->account, kind->key)->child;
		item != object; item = item->next)
		index++;
	account = cJSON_Duplicate(c->cf->account, true);
	list = cJSON_GetObjectItemCaseSensitive(account, kind->key);
	cJSON_DeleteItemFromArray(list, index);
	result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "id", c->ids[1]);
	commit(c, account, c->ids[1], result);
}

static void list(const struct cloudflare_call *c, const struct kind *kind)
{
	const char *monitor = lab_query(c->request, "monitor");
	cJSON *all = cJSON_CreateArray(), *info;
	const cJSON *item;
	int count;

	if (!need_account(c)) {
		cJSON_Delete(all);
		return;
	}
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(c->cf->account, kind->key))
	{
		if (kind != &pools || !monitor ||
			strcmp(dro_json_text(item, "monitor"), monitor) == 0)
			cJSON_AddItemToArray(all, cJSON_Duplicate(item, true));
	}
	count = cJSON_GetArraySize(all);
	info = cJSON_CreateObject();
	cJSON_AddNumberToObject(info, "page", 1);
	cJSON_AddNumberToObject(info, "per_page", count);
	cJSON_AddNumberToObject(info, "count", count);
	cJSON_AddNumberToObject(info, "total_count", count);
	cloudflare_result(c->reply, all, info);
}

static void get(const struct cloudflare_call *c, const struct kind *kind)
{
	const cJSON *object = need(c, kind);

	if (object)
		cloudflare_result(c->reply, cJSON_Duplicate(object, true), NULL);
}

static void update(const struct cloudflare_call *c, const struct kind *kind, bool whole)
{
	const cJSON *object = need(c, kind);

	if (object)
		change(c, kind, object, whole);
}

void cloudflare_monitors_list(const struct cloudflare_call *c)
{
	list(c, &monitors);
}

void cloudflare_monitors_create(const struct cloudflare_call *c)
{
	if (need_account(c))
		change(c, &monitors, NULL, true);
}

void cloudflare_monitors_get(const struct cloudflare_call *c)
{
	get(c, &monitors);
}

void cloudflare_monitors_put(const struct cloudflare_call *c)
{
	update(c, &monitors, true);
}

void cloudflare_monitors_patch(const struct cloudflare_call *c)
{
	update(c, &monitors, false);
}

void cloudflare_monitors_delete(const struct cloudflare_call *c)
{
	delete_one(c, &monitors);
}

void cloudflare_monitors_references(const struct cloudflare_call *c)
{
	if (need(c, &monitors))
		cloudflare_result(c->reply, monitor_references(c->cf, c->ids[1]), NULL);
}

void cloudflare_pools_list(const struct cloudflare_call *c)
{
	list(c, &pools);
}

void cloudflare_pools_create(const struct cloudflare_call *c)
{
	if (need_account(c))
		change(c, &pools, NULL, true);
}

void cloudflare_pools_get(const struct cloudflare_call *c)
{
	get(c, &pools);
}

void cloudflare_pools_put(const struct cloudflare_call *c)
{
	update(c, &pools, true);
}

void cloudflare_pools_patch(const struct cloudflare_call *c)
{
	update(c, &pools, false);
}

void cloudflare_pools_delete(const struct cloudflare_call *c)
{
	delete_one(c, &pools);
}

/* Balancers refer to it, it refers to its monitor. */
void cloudflare_pools_references(const struct cloudflare_call *c)
{
	const cJSON *pool = need(c, &pools), *monitor;
	cJSON *all;

	if (!pool)
		return;
	all = pool_references(c->cf, c->ids[1]);
	monitor = cloudflare_account_find(c->cf, "monitors", dro_json_text(pool, "monitor"));
	if (monitor)
		add_reference(all, "referral", "monitor", monitor, "description");
	cloudflare_result(c->reply, all, NULL);
}
