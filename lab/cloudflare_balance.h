/*
 * The simulated Cloudflare's load balancers: balancers of a zone, pools and monitors of the
 * account, and what the monitors see. All under the vendor's lock, but for the probes themselves.
 *
 * A balancer stands in its zone's entry under "load_balancers"; cf->account is
 * {"pools": [...], "monitors": [...]}. Objects are kept as the API shows them.
 */
#ifndef DRORCH_LAB_CLOUDFLARE_BALANCE_H
#define DRORCH_LAB_CLOUDFLARE_BALANCE_H

#include "lab/cloudflare.h"

/* ---- cloudflare_balance_check.c: makes of what was sent a whole object, or says what is wrong --
 */

int cloudflare_check_monitor(
	const struct cloudflare *cf, cJSON *monitor, struct cloudflare_error *error);
int cloudflare_check_pool(const struct cloudflare *cf, cJSON *pool, struct cloudflare_error *error);
int cloudflare_check_balancer(const struct cloudflare *cf, cJSON *balancer, const cJSON *entry,
	struct cloudflare_error *error);

/* ---- cloudflare_balance.c: pools and monitors --------------------------------------------------
 */

/* The object of that id in cf->account's list `key`, or NULL. */
cJSON *cloudflare_account_find(const struct cloudflare *cf, const char *key, const char *id);
const cJSON *cloudflare_list_find(const cJSON *list, const char *key, const char *value);
void cloudflare_monitors_list(const struct cloudflare_call *c);
void cloudflare_monitors_create(const struct cloudflare_call *c);
void cloudflare_monitors_get(const struct cloudflare_call *c);
void cloudflare_monitors_put(const struct cloudflare_call *c);
void cloudflare_monitors_patch(const struct cloudflare_call *c);
void cloudflare_monitors_delete(const struct cloudflare_call *c);
void cloudflare_monitors_references(const struct cloudflare_call *c);
void cloudflare_pools_list(const struct cloudflare_call *c);
void cloudflare_pools_create(const struct cloudflare_call *c);
void cloudflare_pools_get(const struct cloudflare_call *c);
void cloudflare_pools_put(const struct cloudflare_call *c);
void cloudflare_pools_patch(const struct cloudflare_call *c);
void cloudflare_pools_delete(const struct cloudflare_call *c);
void cloudflare_pools_references(const struct cloudflare_call *c);

/* ---- cloudflare_balancers.c --------------------------------------------------------------------
 */

void cloudflare_balancers_list(const struct cloudflare_call *c);
void cloudflare_balancers_create(const struct cloudflare_call *c);
void cloudflare_balancers_get(const struct cloudflare_call *c);
void cloudflare_balancers_put(const struct cloudflare_call *c);
void cloudflare_balancers_patch(const struct cloudflare_call *c);
void cloudflare_balancers_delete(const struct cloudflare_call *c);
/* Does any pool list of the balancer name that pool? */
bool cloudflare_balancer_uses(const cJSON *balancer, const char *pool_id);
/* An object as PUT (`whole`) or PATCH leaves it: fields of `body` that a client may set, taken over
 * from `old` where they are not sent. */
cJSON *cloudflare_object_update(
	const cJSON *old, const cJSON *body, const char *const *keys, size_t count, bool whole);

/* ---- cloudflare_probe.c: one connection's look at an origin ------------------------------------
 */

struct cloudflare_target {
	char pool[CLOUDFLARE_ID];
	char address[256];
	char host[256];
	char path[1024];
	char method[16];
	char codes[64];
	char body[256]; /* what the answer must hold; "" : nothing */
	uint16_t port;
	bool http;
	uint32_t timeout_ms;
	/* The result. */
	bool healthy;
	int status;
	uint32_t rtt_ms;
	const char *reason;
};
/* Looks at all of them side by side; ends early, with what is there, when the lab ends. */
void cloudflare_probe(struct lab *lab, struct cloudflare_target *targets, size_t count);

/* ---- cloudflare_health.c: the thread that probes, and what it saw ------------------------------
 */

struct cloudflare_health;
int cloudflare_health_start(struct cloudflare *cf, struct dro_error *err);
void cloudflare_health_stop(struct cloudflare *cf); /* without the lock */
void cloudflare_pool_health(const struct cloudflare_call *c);
void cloudflare_regions_list(const struct cloudflare_call *c);
/* Milliseconds between two probes, whatever the monitors say; 0: as they say. */
void cloudflare_health_interval(struct cloudflare *cf, uint32_t ms);
/* A region that sees nothing, or sees again; DRO_EINVAL: there is none of that name. */
int cloudflare_health_blind(struct cloudflare *cf, const char *region, bool blind);
bool cloudflare_region_is(const char *code);
/* Looks again soon: something changed. */
void cloudflare_health_changed(struct cloudflare *cf);

/* ---- cloudflare_publish.c ----------------------------------------------------------------------
 */

/* Tells the edge of every record and balancer of every zone, from `due_ms` on. */
int cloudflare_publish_edge(struct cloudflare *cf, uint64_t due_ms, struct dro_error *err);
/* The same, and the name servers of one zone that changed, or is `gone` from cf->zones. */
int cloudflare_publish(struct cloudflare *cf, const cJSON *entry, bool gone, uint64_t due_ms,
	struct dro_error *err);
/* The same with all zones. */
int cloudflare_publish_all(struct cloudflare *cf, uint64_t due_ms, struct dro_error *err);

#endif
