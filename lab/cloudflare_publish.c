/* What the edge follows, every record and balancer of every zone, and what the name servers say. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cloudflare_balance.h"
#include "lab/dns.h"

static bool is_on(const cJSON *object)
{
	return !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(object, "enabled"));
}

static bool is_true(const cJSON *object, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* ---- records ----------------------------------------------------------------------------------
 */

static struct edge_record *collect_records(const struct cloudflare *cf, size_t *count)
{
	struct edge_record *records;
	const cJSON *entry, *record;
	size_t room = 1;

	cJSON_ArrayForEach(entry, cf->zones) room +=
		1 + (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(entry, "records"));
	records = calloc(room, sizeof(*records));
	*count = 0;
	if (!records)
		return NULL;
	cJSON_ArrayForEach(entry, cf->zones)
	{
		const cJSON *zone = cJSON_GetObjectItemCaseSensitive(entry, "zone");

		records[(*count)++] =
			(struct edge_record){dro_json_text(zone, "name"), "ZONE", "", false};
		cJSON_ArrayForEach(record, cJSON_GetObjectItemCaseSensitive(entry, "records"))
			records[(*count)++] = (struct edge_record){dro_json_text(record, "name"),
				dro_json_text(record, "type"), dro_json_text(record, "content"),
				is_true(record, "proxied")};
	}
	return records;
}

/* ---- balancers --------------------------------------------------------------------------------
 */

/* Owns the lists of its pools, not the texts, which are the state's. */
struct balancers {
	struct edge_balancer *items;
	size_t count;
};

static void free_pool(const struct edge_pool *pool)
{
	free((void *)(uintptr_t)pool->addresses);
}

static void free_balancers(struct balancers *balancers)
{
	size_t i, j;

	for (i = 0; i < balancers->count; i++) {
		struct edge_balancer *balancer = &balancers->items[i];

		for (j = 0; j < balancer->pool_count; j++)
			free_pool(&balancer->pools[j]);
		if (balancer->fallback)
			free_pool(balancer->fallback);
		free((void *)(uintptr_t)balancer->fallback);
		free((void *)(uintptr_t)balancer->pools);
	}
	free(balancers->items);
}

static bool read_pool(struct edge_pool *out, const cJSON *pool, double weight)
{
	const cJSON *origins = cJSON_GetObjectItemCaseSensitive(pool, "origins"), *origin;
	const char **addresses =
		calloc((size_t)cJSON_GetArraySize(origins) + 1, sizeof(*addresses));

	*out = (struct edge_pool){
		.id = dro_json_text(pool, "id"), .addresses = addresses, .weight = weight};
	if (!addresses)
		return false;
	cJSON_ArrayForEach(origin, origins) if (is_on(origin)) addresses[out->count++] =
		dro_json_text(origin, "address");
	return true;
}

/* What is not named has the default, which is 1. */
static double weight_of(const cJSON *balancer, const char *pool_id)
{
	const cJSON *steering = cJSON_GetObjectItemCaseSensitive(balancer, "random_steering");
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(steering, "pool_weights"), pool_id);

	if (!item)
		item = cJSON_GetObjectItemCaseSensitive(steering, "default_weight");
	return cJSON_IsNumber(item) ? item->valuedouble : 1;
}

/* The lab's edge is in no region: what is steered by distance goes by the order of the pools. */
static bool read_balancer(
	struct edge_balancer *out, const struct cloudflare *cf, const cJSON *balancer)
{
	static const char *const by_weight[] = {
		"random", "least_outstanding_requests", "least_connections"};
	const cJSON *ids = cJSON_GetObjectItemCaseSensitive(balancer, "default_pools"), *id, *pool;
	struct edge_pool *pools = calloc((size_t)cJSON_GetArraySize(ids) + 1, sizeof(*pools));
	struct edge_pool *fallback = calloc(1, sizeof(*fallback));
	size_t i;

	*out = (struct edge_balancer){.name = dro_json_text(balancer, "name"),
		.proxied = is_true(balancer, "proxied"),
		.pools = pools,
		.fallback = fallback};
	if (!pools || !fallback)
		return false;
	for (i = 0; i < sizeof(by_weight) / sizeof(by_weight[0]); i++)
		out->by_weight |=
			strcmp(dro_json_text(balancer, "steering_policy"), by_weight[i]) == 0;
	cJSON_ArrayForEach(id, ids)
	{
		pool = cloudflare_account_find(cf, "pools", id->valuestring);
		if (pool && is_on(pool) &&
			!read_pool(&pools[out->pool_count++], pool,
				weight_of(balancer, id->valuestring)))
			return false;
	}
	pool = cloudflare_account_find(cf, "pools", dro_json_text(balancer, "fallback_pool"));
	return read_pool(fallback, pool, 0);
}

static bool collect_balancers(const struct cloudflare *cf, struct balancers *out)
{
	const cJSON *entry, *balancer;
	size_t room = 1;

	cJSON_ArrayForEach(entry, cf->zones) room += (size_t)cJSON_GetArraySize(
		cJSON_GetObjectItemCaseSensitive(entry, "load_balancers"));
	out->items = calloc(room, sizeof(*out->items));
	if (!out->items)
		return false;
	cJSON_ArrayForEach(entry, cf->zones)
	{
		cJSON_ArrayForEach(
			balancer, cJSON_GetObjectItemCaseSensitive(entry, "load_balancers"))
		{
			if (is_on(balancer) &&
				!read_balancer(&out->items[out->count++], cf, balancer))
				return false;
		}
	}
	return true;
}

/* ---- to whom it is told -----------------------------------------------------------------------
 */

int cloudflare_publish_edge(struct cloudflare *cf, uint64_t due_ms, struct dro_error *err)
{
	struct balancers balancers = {0};
	size_t count;
	struct edge_record *records = collect_records(cf, &count);
	int rc;

	if (!records || !collect_balancers(cf, &balancers))
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else
		rc = edge_routes_publish_all(
			cf->routes, records, count, balancers.items, balancers.count, due_ms, err);
	free_balancers(&balancers);
	free(records);
	return rc;
}

int cloudflare_publish(struct cloudflare *cf, const cJSON *entry, bool gone, uint64_t due_ms,
	struct dro_error *err)
{
	int rc;

	/* Thousands of records a batch, and perhaps nobody who looks. */
	edge_routes_forget(cf->routes, dro_now_ms());
	dns_zones_forget(cf->dns, dro_now_ms());
	rc = cloudflare_publish_edge(cf, due_ms, err);

	return rc < 0 ? rc : cloudflare_dns_publish(cf, entry, gone, due_ms, err);
}

int cloudflare_publish_all(struct cloudflare *cf, uint64_t due_ms, struct dro_error *err)
{
	int rc = cloudflare_publish_edge(cf, due_ms, err);
	const cJSON *entry;

	cJSON_ArrayForEach(entry, cf->zones) if (rc == 0) rc =
		cloudflare_dns_publish(cf, entry, false, due_ms, err);
	return rc;
}
