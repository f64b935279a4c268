/*
 * Load balancers as the edge follows them: which addresses are to answer for a name now. Published
 * with the records; which pools and origins are ill comes from the monitors, and counts at once.
 */
#ifndef DRORCH_LAB_EDGE_BALANCE_H
#define DRORCH_LAB_EDGE_BALANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define EDGE_ORIGINS_MAX 16

struct edge_pool {
	const char *id;
	const char *const *addresses; /* of origins that are on; addresses or names */
	size_t count;
	double weight; /* 0..1; 0: none */
};

struct edge_balancer {
	const char *name; /* lower case */
	bool proxied;
	bool by_weight;		       /* else the first pool that is well, in their order */
	const struct edge_pool *pools; /* those that are on */
	size_t pool_count;
	const struct edge_pool *fallback; /* answers where none is well; NULL: nobody */
};

/* What the monitors found ill: texts "POOL" and "POOL ADDRESS". */
struct edge_down {
	const char *const *items;
	size_t count;
};

struct edge_choice {
	const char *addresses[EDGE_ORIGINS_MAX]; /* as long as the balancers are */
	size_t count;				 /* 0: nobody */
	size_t first;				 /* whose turn it is */
};

struct edge_balance;

/* Copies. */
int edge_balance_new(struct edge_balance **out, const struct edge_balancer *balancers, size_t count,
	struct dro_error *err);
void edge_balance_free(struct edge_balance *balance); /* NULL-safe */
/*
 * false: no balancer of that name. One that is not `proxied` as asked is chosen nothing from:
 * the edge is for those that are, DNS for the others. Weights are kept exactly, not by chance:
 * after any hundred requests each pool has had its share. One thread at a time.
 */
bool edge_balance_choose(struct edge_balance *balance, const char *name, bool proxied,
	const struct edge_down *down, struct edge_choice *out);

#endif
