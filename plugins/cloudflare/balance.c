/*
 * Groups as they are wanted. Pools come first, then one call for the balancer, so that weights or
 * order change at once; then the pools that nothing uses go. There are no tokens for a repeated
 * call: what an earlier one made is found by its name.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/cloudflare/balance.h"

static int no_memory(struct cf_balance *balance)
{
	return cf_no_memory(balance->cf, balance->err);
}

/* ---- what is wanted ---------------------------------------------------------------------------
 */

static const cJSON *find_balancer(const struct cf_balance *balance, const char *name)
{
	const cJSON *balancer;

	cJSON_ArrayForEach(balancer, balance->balancers)
	{
		if (strcasecmp(dro_json_text(balancer, "name"), name) == 0)
			return balancer;
	}
	return NULL;
}

static struct cf_group *group_of(struct cf_balance *balance, const char *name)
{
	struct cf_group *last = &balance->groups[balance->group_count];
	const cJSON *balancer = find_balancer(balance, name);

	/* The sets come sorted by name. */
	if (balance->group_count && strcmp(last[-1].name, name) == 0)
		return &last[-1];
	balance->group_count++;
	if (balancer)
		return cf_group_read(last, balancer, balance->pools) < 0 ? NULL : last;
	last->name = strdup(name);
	last->owner = strdup("");
	return last->name && last->owner ? last : NULL;
}

static int wrong(struct cf_balance *balance, const struct cf_group *group, const char *what)
{
	return balance->cf->host->fail(
		balance->err, DRO_EINVAL, NULL, "%s: the sets of a group %s", group->name, what);
}

static bool any_put(const struct cf_group *group)
{
	size_t i;

	for (i = 0; i < group->count; i++)
		if (group->members[i].put)
			return true;
	return false;
}

/* What the sets of a group have in common; the first says it. */
static int put_group(struct cf_balance *balance, struct cf_group *group,
	const struct dro_record *set, bool first)
{
	bool by_order = set->failover != DRO_FAILOVER_NONE;
	uint32_t ttl_s = set->proxied ? 0 : set->ttl_s;
	char *owner;

	if (!first) {
		if (strcmp(group->owner, set->owner) != 0 ||
			group->proxied != (set->proxied != 0) || group->ttl_s != ttl_s)
			return wrong(balance, group, "differ in owner, proxied or ttl");
		if (group->by_order != by_order)
			return wrong(balance, group, "are all of failover, or none is");
		return 0;
	}
	owner = strdup(set->owner);
	if (!owner)
		return no_memory(balance);
	free(group->owner);
	group->owner = owner;
	group->proxied = set->proxied != 0;
	group->ttl_s = ttl_s;
	group->by_order = by_order;
	return 0;
}

static int put_member(
	struct cf_balance *balance, struct cf_group *group, const struct dro_record *set)
{
	struct cf_member *member = cf_group_member(group, set->set_id, true);
	struct cf_values *values;
	char *check = strdup(set->health_check);

	if (!member || !check) {
		free(check);
		return no_memory(balance);
	}
	if (member->put && (member->weight != set->weight || member->failover != set->failover ||
				   strcmp(member->health_check, check) != 0)) {
		free(check);
		return wrong(balance, group,
			"of one identifier differ in weight, failover or health check");
	}
	free(member->health_check);
	member->health_check = check;
	member->weight = set->weight;
	member->failover = set->failover;
	member->put = member->changed = true;
	values = &member->values[cf_kind(set->type)];
	cf_values_free(values);
	values->items = calloc(set->value_count + 1, sizeof(*values->items));
	if (!values->items)
		return no_memory(balance);
	return cf_clean_values(set, values->items, &values->count, balance->err);
}

static bool is_empty(const struct cf_member *member)
{
	size_t kind;

	for (kind = 0; kind < CF_KINDS; kind++)
		if (member->values[kind].count)
			return false;
	return true;
}

static void del_member(struct cf_group *group, const struct dro_record *set)
{
	struct cf_member *member = cf_group_member(group, set->set_id, false);
	int kind = cf_kind(set->type);

	if (!member || kind < 0)
		return;
	cf_values_free(&member->values[kind]);
	member->changed = true;
	if (is_empty(member))
		cf_group_drop(group, member);
}

/* Where the primary stands: the one that was put, else the one that was; -1: none, or several. */
static int find_primary(const struct cf_group *group)
{
	int place = -1;
	bool put = false;
	size_t i;

	for (i = 0; i < group->count; i++) {
		const struct cf_member *member = &group->members[i];

		if (member->failover != DRO_FAILOVER_PRIMARY || (put && !member->put))
			continue;
		if (member->put && put)
			return -1;
		put = member->put;
		place = (int)i;
	}
	return place;
}

/* The primary first, the others as they stood. */
static int order_members(struct cf_balance *balance, struct cf_group *group)
{
	struct cf_member primary;
	int place;

	if (group->count > CF_MEMBERS_MAX)
		return wrong(balance, group, "are too many");
	if (!group->by_order || !any_put(group))
		return 0;
	place = find_primary(group);
	if (place < 0)
		return wrong(balance, group, "have one primary");
	primary = group->members[place];
	memmove(&group->members[1], &group->members[0], (size_t)place * sizeof(primary));
	group->members[0] = primary;
	return 0;
}

/* Deletes first, so that a set which is in both lists is there afterwards. */
static int want(struct cf_balance *balance, const struct cf_sets *put, const struct cf_sets *del)
{
	size_t i = 0, j = 0, k;
	int rc = 0;

	while (rc == 0 && (i < put->count || j < del->count)) {
		const char *name = i < put->count ? put->items[i]->name : del->items[j]->name;
		struct cf_group *group;

		if (j < del->count && strcmp(del->items[j]->name, name) < 0)
			name = del->items[j]->name;
		group = group_of(balance, name);
		if (!group)
			return no_memory(balance);
		for (; j < del->count && strcmp(del->items[j]->name, name) == 0; j++)
			del_member(group, del->items[j]);
		for (k = i; rc == 0 && i < put->count && strcmp(put->items[i]->name, name) == 0;
			i++)
			if ((rc = put_group(balance, group, put->items[i], i == k)) == 0)
				rc = put_member(balance, group, put->items[i]);
		if (rc == 0)
			rc = order_members(balance, group);
	}
	return rc;
}

int cf_balance_begin(
	struct cf_balance *balance, const struct cf_sets *put, const struct cf_sets *del)
{
	char zone_id[CF_ID_MAX + 1];
	int rc;

	balance->groups = calloc(put->count + del->count + 1, sizeof(*balance->groups));
	if (!balance->groups)
		return no_memory(balance);
	if ((rc = cf_zone_id(balance->cf, balance->zone, zone_id, balance->call, balance->err)) < 0)
		return rc;
	rc = cf_balancers_read(balance->cf, zone_id, &balance->balancer_answer, &balance->balancers,
		balance->call, balance->err);
	if (rc == DRO_ENOTFOUND)
		dro_zones_forget(&balance->cf->zones, balance->zone);
	if (rc < 0 || (rc = cf_pools_read(balance->cf, balance->zone, &balance->pool_answer,
			       &balance->pools, balance->call, balance->err)) < 0)
		return rc;
	return want(balance, put, del);
}

void cf_balance_end(struct cf_balance *balance)
{
	size_t i;

	for (i = 0; i < balance->group_count; i++)
		cf_group_free(&balance->groups[i]);
	free(balance->groups);
	cJSON_Delete(balance->balancer_answer);
	cJSON_Delete(balance->pool_answer);
}

/* ---- doing it ---------------------------------------------------------------------------------
 */

static int put_pools(struct cf_balance *balance, struct cf_group *group)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < group->count && rc == 0; i++)
		/* What is not asked for stays; a pool of somebody else's is never written. */
		if (group->members[i].changed)
			rc = cf_pool_put(balance, group, &group->members[i]);
	return rc;
}

static bool is_used(const struct cf_group *group, const char *pool_id)
{
	size_t i;

	for (i = 0; i < group->count; i++)
		if (strcmp(group->members[i].pool_id, pool_id) == 0)
			return true;
	return false;
}

/* The pools by our names that the group does not use: also those that an earlier try left. */
static int drop_pools(struct cf_balance *balance, const struct cf_group *group)
{
	struct dro_buf set_id = DRO_BUF_INIT(1024);
	const struct dro_host *host = balance->cf->host;
	const cJSON *pool;
	int rc = 0;

	cJSON_ArrayForEach(pool, balance->pools)
	{
		const char *id = dro_json_text(pool, "id"), *name = dro_json_text(pool, "name");

		if (rc < 0 || is_used(group, id) || !cf_pool_name_read(name, group->name, &set_id))
			continue;
		rc = cf_balance_delete(balance, true, id);
		if (rc == DRO_ECONFLICT) { /* somebody's rules use it: it is not in the way */
			host->log(host, DRO_LOG_WARNING, "pool %s stays: it is in use", name);
			rc = 0;
		}
	}
	dro_buf_free(&set_id);
	return rc;
}

int cf_balance_put(struct cf_balance *balance)
{
	size_t i;
	int rc;

	for (i = 0; i < balance->group_count; i++) {
		struct cf_group *group = &balance->groups[i];

		if (!group->count)
			continue;
		if ((rc = put_pools(balance, group)) < 0 ||
			(rc = cf_balancer_put(balance, group)) < 0 ||
			(rc = drop_pools(balance, group)) < 0)
			return rc;
	}
	return 0;
}

int cf_balance_remove(struct cf_balance *balance)
{
	size_t i;
	int rc;

	for (i = 0; i < balance->group_count; i++) {
		struct cf_group *group = &balance->groups[i];

		if (group->count)
			continue;
		if ((*group->id && (rc = cf_balance_delete(balance, false, group->id)) < 0) ||
			(rc = drop_pools(balance, group)) < 0)
			return rc;
	}
	return 0;
}
