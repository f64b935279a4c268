/*
 * Load balancers as routed groups of record sets. A balancer is a group: its name is that of the
 * sets, its description their owner. Each of its pools is a member, with one set a type of the
 * pool's addresses.
 *   https://developers.cloudflare.com/api/resources/load_balancers/
 *
 * How a group is told at Cloudflare:
 * - set_id: in the pool's name, which is unique in the account: "www_2eexample_2ecom__eu-west" is
 *   set "eu-west" of www.example.com. A pool of any other name is somebody else's: its name is its
 *   set_id, and it is never written.
 * - weight: steering "random", weight/100 at the API, which takes 0.00..1.00. Where a weight is
 *   above 100 all are scaled to the largest, and the description holds the whole numbers too:
 *   "drorch:shop/www {255,1}". They count as long as the API's weights are what they give.
 * - failover: steering "off"; the first pool is the primary.
 * - health_check: the pool's monitor.
 */
#ifndef DRORCH_PLUGINS_CLOUDFLARE_BALANCE_H
#define DRORCH_PLUGINS_CLOUDFLARE_BALANCE_H

#include "plugins/cloudflare/cloudflare.h"

#define CF_KINDS 3
#define CF_WEIGHT_MAX 255
#define CF_MEMBERS_MAX 64

extern const char *const cf_kinds[CF_KINDS]; /* "A", "AAAA", "CNAME" */
int cf_kind(const char *type);		     /* its index, or -1 */

struct cf_values {
	char **items;
	size_t count;
};

struct cf_member {
	char *set_id;
	char *pool_id;	    /* "" : not made yet */
	const cJSON *pool;  /* as it was listed, or NULL. Not owned */
	char *health_check; /* or "" */
	struct cf_values values[CF_KINDS];
	uint32_t weight;
	uint32_t failover; /* enum dro_failover */
	bool ours;	   /* the pool's name is of our scheme: it may be written */
	bool put;	   /* what it is to be was said */
	bool changed;	   /* put, or without some of its addresses */
};

struct cf_group {
	char *name; /* lower case */
	char *owner;
	char id[CF_ID_MAX + 1]; /* of the balancer, "" where there is none */
	const cJSON *balancer;	/* as it was listed, or NULL. Not owned */
	bool proxied;
	bool by_order;	/* failover */
	uint32_t ttl_s; /* 0: automatic */
	struct cf_member *members;
	size_t count;
};

/* ---- group.c ----------------------------------------------------------------------------------
 */

int cf_balancers_read(struct cf *cf, const char *zone_id, cJSON **answer, const cJSON **list,
	const struct dro_call *call, struct dro_error *err);
/* Of the zone's account, or (zone "") of the only one. */
int cf_pools_read(struct cf *cf, const char *zone, cJSON **answer, const cJSON **list,
	const struct dro_call *call, struct dro_error *err);
bool cf_balancer_enabled(const cJSON *balancer);
const cJSON *cf_pool_find(const cJSON *pools, const char *key, const char *value);

/* Out of memory is the only failure. Whatever comes, free the group. */
int cf_group_read(struct cf_group *out, const cJSON *balancer, const cJSON *pools);
/* A pool alone, as the only member of a group without a name. */
int cf_pool_read(struct cf_group *out, const cJSON *pool);
void cf_group_free(struct cf_group *group);
/* The member of that set_id, made where there is none; NULL: out of memory. */
struct cf_member *cf_group_member(struct cf_group *group, const char *set_id, bool make);
void cf_group_drop(struct cf_group *group, struct cf_member *member);
void cf_values_free(struct cf_values *values);

/* ---- text.c: names and weights as the API holds them ------------------------------------------
 */

void cf_pool_name(struct dro_buf *out, const char *name, const char *set_id);
/* Is it the name of a pool of that group? `set_id` gets which. */
bool cf_pool_name_read(const char *pool, const char *name, struct dro_buf *set_id);
/* Hundredths for the API. */
void cf_weights_scale(const uint32_t *weights, size_t count, uint32_t *hundredths);
void cf_description_write(
	struct dro_buf *out, const char *owner, const uint32_t *weights, size_t count);
/*
 * The owner within a description. `weights` holds hundredths; where the description tells the whole
 * numbers behind them, those take their place.
 */
void cf_description_read(
	struct dro_buf *owner, const char *description, uint32_t *weights, size_t count);

/* ---- balance.c --------------------------------------------------------------------------------
 */

/* What one apply sees of the load balancers, and the groups that it is about. */
struct cf_balance {
	struct cf *cf;
	const char *zone;
	cJSON *balancer_answer, *pool_answer;
	const cJSON *balancers, *pools;
	struct cf_group *groups;
	size_t group_count;
	const struct dro_call *call;
	struct dro_error *err;
};

/* Reads what is there, and makes of it the groups that are wanted. */
int cf_balance_begin(
	struct cf_balance *balance, const struct cf_sets *put, const struct cf_sets *del);
/* Makes and changes the groups that have members; pools that were left go. */
int cf_balance_put(struct cf_balance *balance);
/* Removes the balancers of groups without any, then their pools. */
int cf_balance_remove(struct cf_balance *balance);
void cf_balance_end(struct cf_balance *balance);

/* ---- write.c: one pool, one balancer; nothing is sent where it is as wanted --------------------
 */

/* The member has the pool's id afterwards. */
int cf_pool_put(struct cf_balance *balance, const struct cf_group *group, struct cf_member *member);
int cf_balancer_put(struct cf_balance *balance, const struct cf_group *group);
/* What is gone is a success. */
int cf_balance_delete(struct cf_balance *balance, bool pool, const char *id);

#endif
