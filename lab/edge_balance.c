#include "edge_balance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct pool {
	char *id;
	char **addresses;
	size_t count;
	double weight;
	double credit; /* smooth weighted round robin: the richest is next */
	size_t turn;   /* of the addresses */
};

struct balancer {
	char *name;
	bool proxied, by_weight;
	struct pool *pools;
	size_t count;
	struct pool fallback; /* without id: none */
};

struct edge_balance {
	size_t count;
	struct balancer items[];
};

static void pool_fini(struct pool *pool)
{
	size_t i;

	for (i = 0; i < pool->count; i++)
		free(pool->addresses[i]);
	free(pool->addresses);
	free(pool->id);
}

void edge_balance_free(struct edge_balance *balance)
{
	size_t i, j;

	for (i = 0; balance && i < balance->count; i++) {
		struct balancer *balancer = &balance->items[i];

		for (j = 0; j < balancer->count; j++)
			pool_fini(&balancer->pools[j]);
		pool_fini(&balancer->fallback);
		free(balancer->pools);
		free(balancer->name);
	}
	free(balance);
}

static bool copy_pool(struct pool *out, const struct edge_pool *pool)
{
	out->id = strdup(pool->id);
	out->addresses = calloc(pool->count + 1, sizeof(*out->addresses));
	out->weight = pool->weight;
	if (!out->id || !out->addresses)
		return false;
	for (; out->count < pool->count; out->count++) {
		out->addresses[out->count] = strdup(pool->addresses[out->count]);
		if (!out->addresses[out->count])
			return false;
	}
	return true;
}

static bool copy_balancer(struct balancer *out, const struct edge_balancer *balancer)
{
	out->name = strdup(balancer->name);
	out->proxied = balancer->proxied;
	out->by_weight = balancer->by_weight;
	out->pools = calloc(balancer->pool_count + 1, sizeof(*out->pools));
	if (!out->name || !out->pools)
		return false;
	while (out->count < balancer->pool_count) {
		out->count++;
		if (!copy_pool(&out->pools[out->count - 1], &balancer->pools[out->count - 1]))
			return false;
	}
	return !balancer->fallback || copy_pool(&out->fallback, balancer->fallback);
}

int edge_balance_new(struct edge_balance **out, const struct edge_balancer *balancers, size_t count,
	struct dro_error *err)
{
	struct edge_balance *balance =
		calloc(1, sizeof(*balance) + count * sizeof(balance->items[0]));

	while (balance && balance->count < count) {
		balance->count++;
		if (!copy_balancer(
			    &balance->items[balance->count - 1], &balancers[balance->count - 1])) {
			edge_balance_free(balance);
			balance = NULL;
		}
	}
	if (!balance)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	*out = balance;
	return 0;
}

/* `address` NULL: the pool itself. */
static bool is_down(const struct edge_down *down, const char *pool, const char *address)
{
	size_t i, length = strlen(pool);

	for (i = 0; i < down->count; i++) {
		const char *item = down->items[i];

		if (strncmp(item, pool, length) != 0)
			continue;
		if (address ? item[length] == ' ' && strcmp(item + length + 1, address) == 0
			    : !item[length])
			return true;
	}
	return false;
}

static bool can_serve(
	const struct balancer *balancer, const struct pool *pool, const struct edge_down *down)
{
	return pool->count && (!balancer->by_weight || pool->weight > 0) &&
	       !is_down(down, pool->id, NULL);
}

static struct pool *next_pool(struct balancer *balancer, const struct edge_down *down)
{
	struct pool *best = NULL;
	double total = 0;
	size_t i;

	for (i = 0; i < balancer->count; i++) {
		struct pool *pool = &balancer->pools[i];

		if (!can_serve(balancer, pool, down))
			continue;
		if (!balancer->by_weight)
			return pool;
		pool->credit += pool->weight;
		total += pool->weight;
		if (!best || pool->credit > best->credit + 1e-9)
			best = pool;
	}
	if (best)
		best->credit -= total;
	else if (balancer->fallback.id)
		best = &balancer->fallback;
	return best;
}

/* The pool's origins that are well; all of them where none is. */
static void take_addresses(struct pool *pool, const struct edge_down *down, struct edge_choice *out)
{
	size_t i, all;

	for (all = 0; all < 2 && out->count == 0; all++)
		for (i = 0; i < pool->count && out->count < EDGE_ORIGINS_MAX; i++)
			if (all || !is_down(down, pool->id, pool->addresses[i]))
				out->addresses[out->count++] = pool->addresses[i];
	if (out->count)
		out->first = pool->turn++ % out->count;
}

bool edge_balance_choose(struct edge_balance *balance, const char *name, bool proxied,
	const struct edge_down *down, struct edge_choice *out)
{
	struct pool *pool;
	size_t i;

	*out = (struct edge_choice){0};
	for (i = 0; balance && i < balance->count; i++) {
		struct balancer *balancer = &balance->items[i];

		if (strcasecmp(balancer->name, name) != 0)
			continue;
		pool = balancer->proxied == proxied ? next_pool(balancer, down) : NULL;
		if (pool)
			take_addresses(pool, down, out);
		return true;
	}
	return false;
}
