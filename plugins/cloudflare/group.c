/* Load balancers and pools as they are, read into groups. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/rdata.h"
#include "plugins/cloudflare/balance.h"

const char *const cf_kinds[CF_KINDS] = {"A", "AAAA", "CNAME"};

int cf_kind(const char *type)
{
	int i;

	for (i = 0; i < CF_KINDS; i++)
		if (strcmp(cf_kinds[i], type) == 0)
			return i;
	return -1;
}

static int kind_of_address(const char *address)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, address, bytes) == 1	  ? 0
	       : inet_pton(AF_INET6, address, bytes) == 1 ? 1
							  : 2;
}

int cf_balancers_read(struct cf *cf, const char *zone_id, cJSON **answer, const cJSON **list,
	const struct dro_call *call, struct dro_error *err)
{
	struct cf_ask ask = {.method = "GET", .path = {"zones", zone_id, "load_balancers"}};

	return cf_ask_list(cf, &ask, answer, list, call, err);
}

int cf_pools_read(struct cf *cf, const char *zone, cJSON **answer, const cJSON **list,
	const struct dro_call *call, struct dro_error *err)
{
	char id[CF_ID_MAX + 1];
	struct cf_ask ask = {.method = "GET", .path = {"accounts", id, "load_balancers", "pools"}};
	int rc = cf_account_id(cf, zone, id, call, err);

	return rc < 0 ? rc : cf_ask_list(cf, &ask, answer, list, call, err);
}

/* Absent is on. */
static bool is_on(const cJSON *object)
{
	return !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(object, "enabled"));
}

bool cf_balancer_enabled(const cJSON *balancer)
{
	return is_on(balancer);
}

const cJSON *cf_pool_find(const cJSON *pools, const char *key, const char *value)
{
	const cJSON *pool;

	cJSON_ArrayForEach(
		pool, pools) if (strcmp(dro_json_text(pool, key), value) == 0) return pool;
	return NULL;
}

/* ---- groups -----------------------------------------------------------------------------------
 */

void cf_values_free(struct cf_values *values)
{
	size_t i;

	for (i = 0; i < values->count; i++)
		free(values->items[i]);
	free(values->items);
	*values = (struct cf_values){0};
}

static void member_fini(struct cf_member *member)
{
	size_t kind;

	for (kind = 0; kind < CF_KINDS; kind++)
		cf_values_free(&member->values[kind]);
	free(member->set_id);
	free(member->pool_id);
	free(member->health_check);
}

void cf_group_free(struct cf_group *group)
{
	size_t i;

	for (i = 0; i < group->count; i++)
		member_fini(&group->members[i]);
	free(group->members);
	free(group->name);
	free(group->owner);
	*group = (struct cf_group){0};
}

struct cf_member *cf_group_member(struct cf_group *group, const char *set_id, bool make)
{
	struct cf_member *grown, *member;
	size_t i;

	for (i = 0; i < group->count; i++)
		if (strcmp(group->members[i].set_id, set_id) == 0)
			return &group->members[i];
	if (!make)
		return NULL;
	grown = realloc(group->members, (group->count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	group->members = grown;
	member = &grown[group->count];
	*member = (struct cf_member){.set_id = strdup(set_id),
		.pool_id = strdup(""),
		.health_check = strdup(""),
		.ours = true};
	group->count++;
	return member->set_id && member->pool_id && member->health_check ? member : NULL;
}

void cf_group_drop(struct cf_group *group, struct cf_member *member)
{
	size_t index = (size_t)(member - group->members);

	member_fini(member);
	group->count--;
	memmove(member, member + 1, (group->count - index) * sizeof(*member));
}

static int add_value(struct cf_member *member, const char *address)
{
	int kind = kind_of_address(address);
	struct cf_values *values = &member->values[kind];
	struct dro_buf clean = DRO_BUF_INIT(1024);
	char **grown = realloc(values->items, (values->count + 1) * sizeof(*grown));

	if (!grown)
		return DRO_ENOMEM;
	values->items = grown;
	if (dro_rdata_clean(&clean, cf_kinds[kind], address, NULL) < 0) {
		dro_buf_reset(&clean);
		dro_buf_puts(&clean, address);
	}
	grown[values->count] = dro_buf_take(&clean);
	if (!grown[values->count])
		return DRO_ENOMEM;
	values->count++;
	return 0;
}

/* What a pool that is switched off holds gets no traffic: it shows no values. */
static int read_pool(struct cf_member *member, const cJSON *pool)
{
	const cJSON *origin;
	char *monitor = strdup(dro_json_text(pool, "monitor"));
	int rc = 0;

	if (!monitor)
		return DRO_ENOMEM;
	free(member->health_check);
	member->health_check = monitor;
	member->pool = pool;
	if (!is_on(pool))
		return 0;
	cJSON_ArrayForEach(origin, cJSON_GetObjectItemCaseSensitive(pool, "origins"))
	{
		const char *address = dro_json_text(origin, "address");

		if (*address && is_on(origin) && rc == 0)
			rc = add_value(member, address);
	}
	return rc;
}

static int read_member(struct cf_group *group, const char *pool_id, const cJSON *pools)
{
	const cJSON *pool = cf_pool_find(pools, "id", pool_id);
	const char *name = *dro_json_text(pool, "name") ? dro_json_text(pool, "name") : pool_id;
	struct dro_buf set_id = DRO_BUF_INIT(1024);
	bool ours = cf_pool_name_read(name, group->name, &set_id);
	struct cf_member *member = cf_group_member(group, ours ? dro_buf_str(&set_id) : name, true);

	dro_buf_free(&set_id);
	if (!member)
		return DRO_ENOMEM;
	if (*member->pool_id) /* listed twice */
		return 0;
	free(member->pool_id);
	member->pool_id = strdup(pool_id);
	member->ours = ours;
	if (!member->pool_id)
		return DRO_ENOMEM;
	return pool ? read_pool(member, pool) : 0;
}

int cf_pool_read(struct cf_group *out, const cJSON *pool)
{
	struct cf_member *member = cf_group_member(out, "", true);

	return member ? read_pool(member, pool) : DRO_ENOMEM;
}

/* In hundredths. What random_steering does not name has its default. */
static uint32_t weight_of(const cJSON *balancer, const char *pool_id)
{
	const cJSON *steering = cJSON_GetObjectItemCaseSensitive(balancer, "random_steering");
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(steering, "pool_weights"), pool_id);

	if (!cJSON_IsNumber(item))
		item = cJSON_GetObjectItemCaseSensitive(steering, "default_weight");
	if (!cJSON_IsNumber(item))
		return 100;
	if (!(item->valuedouble > 0))
		return 0;
	return item->valuedouble > 1 ? 100 : (uint32_t)(item->valuedouble * 100 + 0.5);
}

static bool has_entries(const cJSON *balancer, const char *key)
{
	const cJSON *map = cJSON_GetObjectItemCaseSensitive(balancer, key);

	return map && map->child;
}

/* Where neither weights nor the order decide, all weigh nothing: a wanted group never does. */
static void read_steering(
	struct cf_group *group, const cJSON *balancer, uint32_t weights[CF_MEMBERS_MAX])
{
	static const char *const by_weight[] = {
		"random", "least_outstanding_requests", "least_connections"};
	const char *policy = dro_json_text(balancer, "steering_policy");
	bool geo = has_entries(balancer, "region_pools") ||
		   has_entries(balancer, "country_pools") || has_entries(balancer, "pop_pools");
	size_t i, j;

	group->by_order = strcmp(policy, "off") == 0 || (!*policy && !geo);
	for (i = 0; i < group->count; i++) {
		struct cf_member *member = &group->members[i];

		weights[i] = 0;
		for (j = 0; j < sizeof(by_weight) / sizeof(by_weight[0]); j++)
			if (strcmp(policy, by_weight[j]) == 0)
				weights[i] = weight_of(balancer, member->pool_id);
		member->failover = !group->by_order ? DRO_FAILOVER_NONE
				   : i == 0	    ? DRO_FAILOVER_PRIMARY
						    : DRO_FAILOVER_SECONDARY;
	}
}

int cf_group_read(struct cf_group *out, const cJSON *balancer, const cJSON *pools)
{
	const cJSON *pool, *ttl = cJSON_GetObjectItemCaseSensitive(balancer, "ttl");
	struct dro_buf owner = DRO_BUF_INIT(4096);
	uint32_t weights[CF_MEMBERS_MAX] = {0};
	size_t i;
	int rc = 0;
	char *c;

	out->balancer = balancer;
	out->name = strdup(dro_json_text(balancer, "name"));
	if (!out->name)
		return DRO_ENOMEM;
	for (c = out->name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (strlen(dro_json_text(balancer, "id")) <= CF_ID_MAX)
		memcpy(out->id, dro_json_text(balancer, "id"),
			strlen(dro_json_text(balancer, "id")) + 1);
	out->proxied = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(balancer, "proxied"));
	if (!out->proxied && cJSON_IsNumber(ttl) && ttl->valuedouble > 1 &&
		ttl->valuedouble <= INT32_MAX)
		out->ttl_s = (uint32_t)ttl->valuedouble;
	cJSON_ArrayForEach(pool, cJSON_GetObjectItemCaseSensitive(balancer, "default_pools"))
	{
		if (cJSON_IsString(pool) && rc == 0 && out->count < CF_MEMBERS_MAX)
			rc = read_member(out, pool->valuestring, pools);
	}
	if (rc == 0)
		read_steering(out, balancer, weights);
	cf_description_read(&owner, dro_json_text(balancer, "description"), weights,
		rc == 0 && !out->by_order ? out->count : 0);
	for (i = 0; i < out->count && rc == 0; i++)
		out->members[i].weight = weights[i];
	out->owner = strdup(dro_buf_str(&owner));
	dro_buf_free(&owner);
	return rc < 0 || !out->owner ? DRO_ENOMEM : 0;
}
