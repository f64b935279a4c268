#include "cloudflare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "lab/cloudflare_balance.h"
#include "lab/dns.h"

#define ZONES "client/v4/zones"
#define RECORDS ZONES "/*/dns_records"
#define BALANCERS ZONES "/*/load_balancers"
#define BALANCING "client/v4/accounts/*/load_balancers"
#define POOLS BALANCING "/pools"
#define MONITORS BALANCING "/monitors"

static void verify_token(const struct cloudflare_call *c)
{
	cJSON *result = cJSON_CreateObject();

	cJSON_AddStringToObject(result, "id", c->cf->token_id);
	cJSON_AddStringToObject(result, "status", "active");
	cloudflare_result(c->reply, result, NULL);
}

static cJSON *account_object(const struct cloudflare_call *c)
{
	cJSON *account = cJSON_CreateObject();

	cJSON_AddStringToObject(account, "id", c->cf->account_id);
	cJSON_AddStringToObject(account, "name", "Lab");
	cJSON_AddStringToObject(account, "type", "standard");
	cJSON_AddItemToObject(account, "settings", cJSON_CreateObject());
	cJSON_AddStringToObject(account, "created_on", "2026-01-01T00:00:00.000000Z");
	return account;
}

static void accounts_list(const struct cloudflare_call *c)
{
	cJSON *all = cJSON_CreateArray();

	cJSON_AddItemToArray(all, account_object(c));
	cloudflare_page(c, all, 20, 5, 50);
}

static void accounts_get(const struct cloudflare_call *c)
{
	if (strcmp(c->ids[0], c->cf->account_id) == 0)
		cloudflare_result(c->reply, account_object(c), NULL);
	else
		cloudflare_refuse_with(
			c->reply, 403, 9109, "Unauthorized to access requested resource");
}

static const struct route {
	const char *method;
	const char *path; /* "*" is an id */
	const char *operation;
	void (*handle)(const struct cloudflare_call *c);
	int unknown_token; /* the code for it; the status is 401 for 1000, else 403 */
} routes[] = {
	{"GET", "client/v4/user/tokens/verify", "VerifyToken", verify_token, 1000},
	{"GET", "client/v4/accounts", "ListAccounts", accounts_list, 9109},
	{"GET", "client/v4/accounts/*", "GetAccount", accounts_get, 9109},
	{"GET", "client/v4/accounts/*/tokens/verify", "VerifyToken", verify_token, 1000},
	{"GET", ZONES, "ListZones", cloudflare_zones_list, 9109},
	{"POST", ZONES, "CreateZone", cloudflare_zones_create, 9109},
	{"GET", ZONES "/*", "GetZone", cloudflare_zones_get, 9109},
	{"DELETE", ZONES "/*", "DeleteZone", cloudflare_zones_delete, 9109},
	{"POST", RECORDS "/batch", "BatchDnsRecords", cloudflare_records_batch, 10000},
	{"GET", RECORDS, "ListDnsRecords", cloudflare_records_list, 10000},
	{"POST", RECORDS, "CreateDnsRecord", cloudflare_records_create, 10000},
	{"GET", RECORDS "/*", "GetDnsRecord", cloudflare_records_get, 10000},
	{"PUT", RECORDS "/*", "UpdateDnsRecord", cloudflare_records_put, 10000},
	{"PATCH", RECORDS "/*", "EditDnsRecord", cloudflare_records_patch, 10000},
	{"DELETE", RECORDS "/*", "DeleteDnsRecord", cloudflare_records_delete, 10000},
	{"GET", BALANCERS, "ListLoadBalancers", cloudflare_balancers_list, 10000},
	{"POST", BALANCERS, "CreateLoadBalancer", cloudflare_balancers_create, 10000},
	{"GET", BALANCERS "/*", "GetLoadBalancer", cloudflare_balancers_get, 10000},
	{"PUT", BALANCERS "/*", "UpdateLoadBalancer", cloudflare_balancers_put, 10000},
	{"PATCH", BALANCERS "/*", "EditLoadBalancer", cloudflare_balancers_patch, 10000},
	{"DELETE", BALANCERS "/*", "DeleteLoadBalancer", cloudflare_balancers_delete, 10000},
	{"GET", POOLS, "ListPools", cloudflare_pools_list, 10000},
	{"POST", POOLS, "CreatePool", cloudflare_pools_create, 10000},
	{"GET", POOLS "/*", "GetPool", cloudflare_pools_get, 10000},
	{"PUT", POOLS "/*", "UpdatePool", cloudflare_pools_put, 10000},
	{"PATCH", POOLS "/*", "EditPool", cloudflare_pools_patch, 10000},
	{"DELETE", POOLS "/*", "DeletePool", cloudflare_pools_delete, 10000},
	{"GET", MONITORS, "ListMonitors", cloudflare_monitors_list, 10000},
	{"POST", MONITORS, "CreateMonitor", cloudflare_monitors_create, 10000},
	{"GET", MONITORS "/*", "GetMonitor", cloudflare_monitors_get, 10000},
	{"PUT", MONITORS "/*", "UpdateMonitor", cloudflare_monitors_put, 10000},
	{"PATCH", MONITORS "/*", "EditMonitor", cloudflare_monitors_patch, 10000},
	{"DELETE", MONITORS "/*", "DeleteMonitor", cloudflare_monitors_delete, 10000},
	{"GET", POOLS "/*/health", "GetPoolHealth", cloudflare_pool_health, 10000},
	{"GET", POOLS "/*/references", "ListPoolReferences", cloudflare_pools_references, 10000},
	{"GET", MONITORS "/*/references", "ListMonitorReferences", cloudflare_monitors_references,
		10000},
	{"GET", BALANCING "/regions", "ListRegions", cloudflare_regions_list, 10000},
};

static bool path_matches(const struct lab_request *request, const char *path, const char *ids[2])
{
	size_t i, id = 0;

	for (i = 0; i < request->segment_count; i++) {
		size_t length = strcspn(path, "/");

		if (length == 1 && *path == '*' && id < 2)
			ids[id++] = request->segments[i];
		else if (length == 0 || strlen(request->segments[i]) != length ||
			 strncmp(request->segments[i], path, length) != 0)
			return false;
		path += length;
		if (*path)
			path++;
	}
	return !*path;
}

/* NULL: none; *known: the path is there, with other methods. */
static const struct route *find_route(
	const struct lab_request *request, const char *ids[2], bool *known)
{
	size_t i;

	*known = false;
	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!path_matches(request, routes[i].path, ids))
			continue;
		if (strcmp(routes[i].method, request->method) == 0)
			return &routes[i];
		*known = true;
	}
	return NULL;
}

/* ---- who may, and how often ---------------------------------------------------------------- */

/* false: refused. */
static bool check_token(const struct cloudflare_call *c, const struct route *route)
{
	const char *header = lab_header(c->request, "authorization");
	int code = route ? route->unknown_token : 9109;

	if (!header)
		cloudflare_refuse_with(c->reply, 400, 9106,
			"Missing X-Auth-Key, X-Auth-Email or Authorization headers");
	else if (!lab_bearer(c->request) || !*lab_bearer(c->request))
		cloudflare_refuse_with(
			c->reply, 400, 6111, "Invalid format for Authorization header");
	else if (!lab_secret_equal(
			 lab_bearer(c->request), lab_config(c->cf->lab)->cloudflare_token))
		cloudflare_refuse_with(c->reply, code == 1000 ? 401 : 403, code, "%s",
			code == 1000   ? "Invalid API Token"
			: code == 9109 ? "Invalid access token"
				       : "Authentication error");
	else
		return true;
	return false;
}

/* Counts the call; false: too many, refused. */
static bool check_limit(const struct cloudflare_call *c)
{
	struct cloudflare_limit *limit = &c->cf->limit;
	int64_t now = (int64_t)dro_now_ms(), left;

	if (now >= limit->window_end_ms) {
		limit->window_end_ms = now + limit->window_ms;
		limit->used = 0;
	}
	if (now >= limit->blocked_until_ms && ++limit->used > limit->calls) {
		limit->blocked_until_ms = now + limit->window_ms;
		limit->window_end_ms = limit->blocked_until_ms;
	}
	left = limit->used < limit->calls ? limit->calls - limit->used : 0;
	lab_reply_header(c->reply, "Ratelimit", "\"default\";r=%lld;t=%lld", (long long)left,
		(long long)((limit->window_end_ms - now + 999) / 1000));
	lab_reply_header(c->reply, "Ratelimit-Policy", "\"default\";q=%lld;w=%lld",
		(long long)limit->calls, (long long)(limit->window_ms / 1000));
	if (now >= limit->blocked_until_ms)
		return true;
	lab_reply_header(c->reply, "Retry-After", "%lld",
		(long long)((limit->blocked_until_ms - now + 999) / 1000));
	cloudflare_refuse_with(
		c->reply, 429, 971, "Please wait and consider throttling your request speed");
	return false;
}

/* ---- the vendor ---------------------------------------------------------------------------- */

static bool matches(const struct lab_request *request)
{
	return request->segment_count >= 2 && strcmp(request->segments[0], "client") == 0 &&
	       strcmp(request->segments[1], "v4") == 0;
}

static void classify(void *state, const struct lab_request *request, struct lab_call *call)
{
	const char *ids[2] = {"", ""};
	bool known;
	const struct route *route = find_route(request, ids, &known);

	(void)state;
	if (route)
		snprintf(call->operation, sizeof(call->operation), "%s", route->operation);
}

static void handle(void *state, const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply)
{
	struct lab_request form = *request; /* '+' is a blank in this vendor's queries */
	struct lab_pairs query;
	struct cloudflare_call c = {state, &form, call, reply, {"", ""}};
	bool known;
	const struct route *route = find_route(request, c.ids, &known);

	if (lab_pairs_parse(&query, request->raw_query, true) < 0) {
		cloudflare_refuse_with(reply, 400, 6003, "Invalid request parameters");
		return;
	}
	form.query = query.items;
	form.query_count = query.count;
	lab_reply_header(
		reply, "CF-RAY", "%.8s%.4s%.4s-LAB", call->id, call->id + 9, call->id + 14);
	pthread_mutex_lock(&c.cf->lock);
	if (check_token(&c, route) && check_limit(&c)) {
		if (route)
			route->handle(&c);
		else if (known)
			cloudflare_refuse_with(
				reply, 405, 10405, "Method not allowed for this endpoint");
		else
			cloudflare_refuse_with(reply, 404, 7003,
				"Could not route to %s, perhaps your object identifier is invalid?",
				request->raw_path);
	}
	pthread_mutex_unlock(&c.cf->lock);
	lab_pairs_free(&query);
}

static void fail(const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply, int status, const char *code, const char *message)
{
	int number = code	     ? (int)strtol(code, NULL, 10)
		     : status == 429 ? 971
		     : status == 403 ? 10000
				     : 1000;

	(void)request;
	(void)call;
	cloudflare_refuse_with(reply, status, number ? number : 1000, "%s",
		message && *message ? message : "Internal error");
}

static void close_state(void *state)
{
	struct cloudflare *cf = state;

	if (!cf)
		return;
	cloudflare_health_stop(cf);
	cJSON_Delete(cf->zones);
	cJSON_Delete(cf->account);
	edge_routes_free(cf->routes);
	dns_zones_free(cf->dns);
	pthread_mutex_destroy(&cf->lock);
	free(cf);
}

static int open_state(struct lab *lab, void **state, struct dro_error *err)
{
	struct cloudflare *cf = calloc(1, sizeof(*cf));
	char hash[DRO_SHA256_HEX];
	int rc;

	if (!cf)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	cf->lab = lab;
	cf->limit = (struct cloudflare_limit){.calls = 1200, .window_ms = 300000};
	pthread_mutex_init(&cf->lock, NULL);
	/* Ids that last: made of what they stand for. */
	dro_sha256_hex(hash, lab_config(lab)->account, strlen(lab_config(lab)->account));
	memcpy(cf->account_id, hash, CLOUDFLARE_ID - 1);
	memcpy(cf->token_id, hash + CLOUDFLARE_ID - 1, CLOUDFLARE_ID - 1);
	if ((rc = edge_routes_new(&cf->routes, err)) < 0 ||
		(rc = cloudflare_dns_new(cf, err)) < 0 || (rc = cloudflare_load(cf, err)) < 0 ||
		(rc = cloudflare_health_start(cf, err)) < 0) {
		close_state(cf);
		return rc;
	}
	*state = cf;
	return 0;
}

struct edge_routes *lab_cloudflare_routes(void *state)
{
	return ((struct cloudflare *)state)->routes;
}

static int control_zone(
	struct cloudflare *cf, const char *name, struct dro_buf *out, struct dro_error *err)
{
	struct cloudflare_error error;
	cJSON *zone;

	if (cloudflare_zone_add(cf, name, &zone, &error) < 0)
		return dro_fail(err, DRO_EINVAL, "%s", error.message);
	dro_buf_printf(out, "%s\n", dro_json_text(zone, "id"));
	return 0;
}

static int control_limit(struct cloudflare *cf, char **argv, struct dro_error *err)
{
	char *end_calls, *end_seconds;
	long long calls = strtoll(argv[1], &end_calls, 10);
	long long seconds = strtoll(argv[2], &end_seconds, 10);

	if (*end_calls || *end_seconds || calls < 1 || seconds < 1 || seconds > 86400)
		return dro_fail(err, DRO_EINVAL, "limit CALLS SECONDS: two whole numbers");
	cf->limit = (struct cloudflare_limit){.calls = calls, .window_ms = seconds * 1000};
	return 0;
}

static int control_interval(struct cloudflare *cf, const char *text, struct dro_error *err)
{
	char *end;
	long ms = strtol(text, &end, 10);

	if (*end || ms < 0 || ms > 3600000 || (ms && ms < 10))
		return dro_fail(err, DRO_EINVAL, "monitor-interval MS: 10..3600000, or 0");
	cloudflare_health_interval(cf, (uint32_t)ms);
	return 0;
}

static int control_blind(struct cloudflare *cf, char **argv, struct dro_error *err)
{
	bool on = strcmp(argv[2], "on") == 0;

	if ((!on && strcmp(argv[2], "off") != 0) || cloudflare_health_blind(cf, argv[1], on) < 0)
		return dro_fail(err, DRO_EINVAL, "blind REGION on|off, such as WEU");
	return 0;
}

static void control_records(struct cloudflare *cf, struct dro_buf *out)
{
	const cJSON *entry, *record;

	cJSON_ArrayForEach(entry, cf->zones) cJSON_ArrayForEach(
		record, cJSON_GetObjectItemCaseSensitive(entry, "records")) dro_buf_printf(out,
		"%s %s %s %s\n", dro_json_text(record, "name"), dro_json_text(record, "type"),
		dro_json_text(record, "content"),
		cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(record, "proxied")) ? "proxied"
										  : "dns-only");
}

static int control(void *state, int argc, char **argv, struct dro_buf *out, struct dro_error *err)
{
	struct cloudflare *cf = state;
	int rc = 0;

	pthread_mutex_lock(&cf->lock);
	if (argc == 2 && strcmp(argv[0], "zone") == 0)
		rc = control_zone(cf, argv[1], out, err);
	else if (argc == 3 && strcmp(argv[0], "limit") == 0)
		rc = control_limit(cf, argv, err);
	else if (argc == 1 && strcmp(argv[0], "records") == 0)
		control_records(cf, out);
	else if (argc == 2 && strcmp(argv[0], "monitor-interval") == 0)
		rc = control_interval(cf, argv[1], err);
	else if (argc == 3 && strcmp(argv[0], "blind") == 0)
		rc = control_blind(cf, argv, err);
	else
		rc = dro_fail(err, DRO_EINVAL,
			"cloudflare zone NAME | limit CALLS SECONDS | records | "
			"monitor-interval MS | blind REGION on|off");
	pthread_mutex_unlock(&cf->lock);
	return rc;
}

const struct lab_vendor lab_vendor_cloudflare = {
	.name = "cloudflare",
	.open = open_state,
	.close = close_state,
	.matches = matches,
	.classify = classify,
	.handle = handle,
	.fail = fail,
	.control = control,
};
