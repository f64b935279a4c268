/*
 * The monitors at work. One thread looks at every origin of every pool that has a monitor, when it
 * is due, and tells the edge which are ill. The lab looks from one place: what it sees is what
 * every region reports, but for those that were made blind; the majority of a pool's regions
 * decides.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cloudflare_balance.h"

#define TICK_MS 20
#define TARGETS_MAX 512
#define SHORT_TIMEOUT_MS 1000 /* where the interval was set by command */

/* With a data centre of each. */
static const struct region {
	const char *code;
	const char *place;
} regions[] = {
	{"WNAM", "San Jose, CA, US"},
	{"ENAM", "Ashburn, VA, US"},
	{"WEU", "Amsterdam, NL"},
	{"EEU", "Warsaw, PL"},
	{"NSAM", "Bogota, CO"},
	{"SSAM", "Sao Paulo, BR"},
	{"OC", "Sydney, AU"},
	{"ME", "Dubai, AE"},
	{"NAF", "Cairo, EG"},
	{"SAF", "Johannesburg, ZA"},
	{"SAS", "Mumbai, IN"},
	{"SEAS", "Singapore, SG"},
	{"NEAS", "Tokyo, JP"},
};
#define REGIONS (sizeof(regions) / sizeof(regions[0]))

/* What is known of one origin of a pool. */
struct seen {
	struct seen *next;
	char pool[CLOUDFLARE_ID];
	char address[256];
	bool healthy;	 /* until the first look, too */
	unsigned agreed; /* looks in a row that say otherwise */
	int status;
	uint32_t rtt_ms;
	const char *reason;
	uint64_t due_ms;
	bool kept; /* still there at the last round */
};

struct cloudflare_health {
	pthread_t thread;
	struct cloudflare *cf;
	struct seen *first;
	uint32_t interval_ms; /* 0: the monitors' own */
	bool blind[REGIONS];
	bool changed; /* tell the edge */
};

static int region_index(const char *code)
{
	size_t i;

	for (i = 0; i < REGIONS; i++)
		if (strcmp(regions[i].code, code) == 0)
			return (int)i;
	return -1;
}

bool cloudflare_region_is(const char *code)
{
	return region_index(code) >= 0 || strcmp(code, "ALL_REGIONS") == 0;
}

static const cJSON *monitor_of(const struct cloudflare *cf, const cJSON *pool)
{
	const char *id = dro_json_text(pool, "monitor");

	if (!*id || cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(pool, "enabled")))
		return NULL;
	return cloudflare_account_find(cf, "monitors", id);
}

static int64_t number(const cJSON *object, const char *key, int64_t fallback)
{
	int64_t value = fallback;

	return dro_json_int(object, key, fallback, &value, NULL) < 0 ? fallback : value;
}

static struct seen *find(struct cloudflare_health *health, const char *pool, const char *address)
{
	struct seen *seen;

	for (seen = health->first; seen; seen = seen->next)
		if (strcmp(seen->pool, pool) == 0 && strcmp(seen->address, address) == 0)
			return seen;
	return NULL;
}

static struct seen *need(struct cloudflare_health *health, const char *pool, const char *address)
{
	struct seen *seen = find(health, pool, address);

	if (seen || !(seen = calloc(1, sizeof(*seen))))
		return seen;
	snprintf(seen->pool, sizeof(seen->pool), "%s", pool);
	snprintf(seen->address, sizeof(seen->address), "%s", address);
	seen->healthy = true;
	seen->reason = "No failures";
	seen->next = health->first;
	health->first = seen;
	return seen;
}

static void forget_gone(struct cloudflare_health *health)
{
	struct seen **link = &health->first, *seen;

	while ((seen = *link)) {
		if (seen->kept) {
			link = &seen->next;
			continue;
		}
		*link = seen->next;
		free(seen);
		health->changed = true;
	}
}

/* ---- the verdict ------------------------------------------------------------------------------
 */

/* Do the regions from which the pool is looked at see anything, most of them? */
static bool most_see(const struct cloudflare_health *health, const cJSON *pool)
{
	const cJSON *codes = cJSON_GetObjectItemCaseSensitive(pool, "check_regions"), *code;
	size_t all = 0, blind = 0, i;

	cJSON_ArrayForEach(code, codes)
	{
		int index = region_index(code->valuestring);

		all += index >= 0;
		blind += index >= 0 && health->blind[index];
	}
	for (i = 0; !all && i < REGIONS; i++)
		blind += health->blind[i];
	return blind * 2 <= (all ? all : REGIONS);
}

static bool origin_is_on(const cJSON *origin)
{
	return !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(origin, "enabled"));
}

static bool pool_is_well(struct cloudflare_health *health, const cJSON *pool, bool sees)
{
	const cJSON *origin;
	int64_t well = 0;

	cJSON_ArrayForEach(origin, cJSON_GetObjectItemCaseSensitive(pool, "origins"))
	{
		const struct seen *seen =
			find(health, dro_json_text(pool, "id"), dro_json_text(origin, "address"));

		well += sees && origin_is_on(origin) && (!seen || seen->healthy);
	}
	return well >= number(pool, "minimum_origins", 1);
}

static void add_down(struct dro_buf *names, size_t *count, const char *pool, const char *address)
{
	dro_buf_printf(names, "%s%s%s", pool, address ? " " : "", address ? address : "");
	dro_buf_append(names, "", 1); /* its end */
	++*count;
}

/* (locked) Tells the edge what is ill. */
static void publish(struct cloudflare_health *health)
{
	struct dro_buf names = DRO_BUF_INIT(1u << 20);
	struct edge_down down = {0};
	const char **items;
	const struct seen *seen;
	const cJSON *pool;
	size_t count = 0, i, at = 0;

	cJSON_ArrayForEach(pool, cJSON_GetObjectItemCaseSensitive(health->cf->account, "pools"))
	{
		if (monitor_of(health->cf, pool) &&
			!pool_is_well(health, pool, most_see(health, pool)))
			add_down(&names, &count, dro_json_text(pool, "id"), NULL);
	}
	for (seen = health->first; seen; seen = seen->next)
		if (!seen->healthy)
			add_down(&names, &count, seen->pool, seen->address);
	items = calloc(count + 1, sizeof(*items));
	for (i = 0; items && !names.failed && i < count; i++) {
		items[i] = names.data + at;
		at += strlen(items[i]) + 1;
	}
	down = (struct edge_down){items, count};
	if (items && !names.failed && edge_routes_health(health->cf->routes, &down, NULL) == 0)
		health->changed = false;
	free(items);
	dro_buf_free(&names);
}

/* ---- rounds -----------------------------------------------------------------------------------
 */

static const char *host_of(const cJSON *monitor)
{
	const cJSON *item = cJSON_GetArrayItem(
		cJSON_GetObjectItem(cJSON_GetObjectItemCaseSensitive(monitor, "header"), "Host"),
		0);

	return cJSON_IsString(item) ? item->valuestring : "";
}

/* The usual ports stand for the one at which the lab's instances serve, without TLS. */
static uint16_t port_of(const struct cloudflare *cf, const cJSON *monitor)
{
	int64_t port = number(monitor, "port", 0);

	return port == 0 || port == 80 || port == 443 ? lab_config(cf->lab)->origin_port
						      : (uint16_t)port;
}

static void aim(struct cloudflare_target *target, const struct cloudflare_health *health,
	const struct seen *seen, const cJSON *monitor)
{
	*target = (struct cloudflare_target){.port = port_of(health->cf, monitor),
		.http = strncmp(dro_json_text(monitor, "type"), "http", 4) == 0,
		.timeout_ms = health->interval_ms ? SHORT_TIMEOUT_MS
						  : (uint32_t)number(monitor, "timeout", 5) * 1000};
	snprintf(target->pool, sizeof(target->pool), "%s", seen->pool);
	snprintf(target->address, sizeof(target->address), "%s", seen->address);
	snprintf(target->host, sizeof(target->host), "%.255s", host_of(monitor));
	snprintf(target->path, sizeof(target->path), "%.1023s", dro_json_text(monitor, "path"));
	snprintf(target->method, sizeof(target->method), "%.15s", dro_json_text(monitor, "method"));
	snprintf(target->codes, sizeof(target->codes), "%.63s",
		dro_json_text(monitor, "expected_codes"));
	snprintf(target->body, sizeof(target->body), "%.255s",
		dro_json_text(monitor, "expected_body"));
}

/* (locked) What is due now. */
static size_t collect(struct cloudflare_health *health, struct cloudflare_target *targets)
{
	const cJSON *pool, *origins, *origin, *monitor;
	uint64_t now = dro_now_ms();
	size_t count = 0;
	struct seen *seen;

	for (seen = health->first; seen; seen = seen->next)
		seen->kept = false;
	cJSON_ArrayForEach(pool, cJSON_GetObjectItemCaseSensitive(health->cf->account, "pools"))
	{
		monitor = monitor_of(health->cf, pool);
		origins = monitor ? cJSON_GetObjectItemCaseSensitive(pool, "origins") : NULL;
		cJSON_ArrayForEach(origin, origins)
		{
			seen = origin_is_on(origin) ? need(health, dro_json_text(pool, "id"),
							      dro_json_text(origin, "address"))
						    : NULL;
			if (!seen)
				continue;
			seen->kept = true;
			if (seen->due_ms > now || count == TARGETS_MAX)
				continue;
			seen->due_ms =
				now +
				(health->interval_ms
						? health->interval_ms
						: (uint64_t)number(monitor, "interval", 60) * 1000);
			aim(&targets[count++], health, seen, monitor);
		}
	}
	forget_gone(health);
	return count;
}

/* (locked) As many looks in a row as the monitor says change the verdict. */
static void record(struct cloudflare_health *health, const struct cloudflare_target *target)
{
	struct seen *seen = find(health, target->pool, target->address);
	const cJSON *pool = cloudflare_account_find(health->cf, "pools", target->pool);
	const cJSON *monitor = pool ? monitor_of(health->cf, pool) : NULL;

	if (!seen || !monitor)
		return;
	seen->status = target->status;
	seen->rtt_ms = target->rtt_ms;
	if (target->healthy == seen->healthy) {
		seen->agreed = 0;
		seen->reason = target->reason;
		return;
	}
	seen->agreed++;
	if (seen->agreed <
		number(monitor, target->healthy ? "consecutive_up" : "consecutive_down", 0))
		return;
	seen->healthy = target->healthy;
	seen->reason = target->reason;
	seen->agreed = 0;
	health->changed = true;
}

static void *watch(void *arg)
{
	struct cloudflare_health *health = arg;
	struct cloudflare_target *targets = calloc(TARGETS_MAX, sizeof(*targets));
	struct cloudflare *cf = health->cf;
	size_t count, i;

	while (targets && !lab_sleep(cf->lab, TICK_MS)) {
		pthread_mutex_lock(&cf->lock);
		count = collect(health, targets);
		pthread_mutex_unlock(&cf->lock);
		cloudflare_probe(cf->lab, targets, count);
		pthread_mutex_lock(&cf->lock);
		for (i = 0; i < count; i++)
			record(health, &targets[i]);
		if (health->changed)
			publish(health);
		pthread_mutex_unlock(&cf->lock);
	}
	free(targets);
	return NULL;
}

int cloudflare_health_start(struct cloudflare *cf, struct dro_error *err)
{
	struct cloudflare_health *health = calloc(1, sizeof(*health));

	if (!health)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	health->cf = cf;
	if (pthread_create(&health->thread, NULL, watch, health) != 0) {
		free(health);
		return dro_fail(err, DRO_EAGAIN, "no thread for the monitors");
	}
	cf->health = health;
	return 0;
}

void cloudflare_health_stop(struct cloudflare *cf)
{
	struct cloudflare_health *health = cf->health;
	struct seen *seen;

	if (!health)
		return;
	pthread_join(health->thread, NULL); /* the lab's end has woken it */
	while ((seen = health->first)) {
		health->first = seen->next;
		free(seen);
	}
	free(health);
}

void cloudflare_health_changed(struct cloudflare *cf)
{
	if (cf->health)
		cf->health->changed = true;
}

void cloudflare_health_interval(struct cloudflare *cf, uint32_t ms)
{
	struct seen *seen;

	cf->health->interval_ms = ms;
	for (seen = cf->health->first; seen; seen = seen->next)
		seen->due_ms = 0;
}

int cloudflare_health_blind(struct cloudflare *cf, const char *region, bool blind)
{
	int index = region_index(region);

	if (index < 0)
		return DRO_EINVAL;
	cf->health->blind[index] = blind;
	cf->health->changed = true;
	return 0;
}

/* ---- what the API tells of it ------------------------------------------------------------------
 */

static cJSON *origin_health(
	struct cloudflare_health *health, const char *pool, const char *address, bool sees)
{
	const struct seen *seen = find(health, pool, address);
	cJSON *entry = cJSON_CreateObject(), *origin = cJSON_AddObjectToObject(entry, address);
	char rtt[32];

	snprintf(rtt, sizeof(rtt), "%ums", seen ? seen->rtt_ms : 0);
	cJSON_AddBoolToObject(origin, "healthy", sees && seen && seen->healthy);
	cJSON_AddStringToObject(origin, "failure_reason",
		!sees  ? "TCP connection failed"
		: seen ? seen->reason
		       : "unknown");
	cJSON_AddNumberToObject(origin, "response_code", sees && seen ? seen->status : 0);
	cJSON_AddStringToObject(origin, "rtt", rtt);
	return entry;
}

static void add_place(
	cJSON *places, struct cloudflare_health *health, const cJSON *pool, size_t region)
{
	bool sees = !health->blind[region];
	cJSON *place = cJSON_AddObjectToObject(places, regions[region].place), *origins;
	const cJSON *origin;

	cJSON_AddBoolToObject(place, "healthy", pool_is_well(health, pool, sees));
	origins = cJSON_AddArrayToObject(place, "origins");
	cJSON_ArrayForEach(origin, cJSON_GetObjectItemCaseSensitive(pool, "origins"))
	{
		if (origin_is_on(origin))
			cJSON_AddItemToArray(
				origins, origin_health(health, dro_json_text(pool, "id"),
						 dro_json_text(origin, "address"), sees));
	}
}

void cloudflare_pool_health(const struct cloudflare_call *c)
{
	const cJSON *pool = cloudflare_account_find(c->cf, "pools", c->ids[1]), *code;
	const cJSON *codes = cJSON_GetObjectItemCaseSensitive(pool, "check_regions");
	cJSON *result, *places;
	size_t i;

	if (!pool || strcmp(c->ids[0], c->cf->account_id) != 0) {
		cloudflare_refuse_with(c->reply, 404, 1001, "pool not found: object not found");
		return;
	}
	result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "pool_id", c->ids[1]);
	places = cJSON_AddObjectToObject(result, "pop_health");
	for (i = 0; i < REGIONS && monitor_of(c->cf, pool); i++) {
		bool asked = !codes || !codes->child;

		cJSON_ArrayForEach(code, codes) asked |=
			strcmp(code->valuestring, regions[i].code) == 0 ||
			strcmp(code->valuestring, "ALL_REGIONS") == 0;
		if (asked)
			add_place(places, c->cf->health, pool, i);
	}
	cloudflare_result(c->reply, result, NULL);
}

void cloudflare_regions_list(const struct cloudflare_call *c)
{
	cJSON *result = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(result, "regions");
	size_t i;

	for (i = 0; i < REGIONS; i++) {
		cJSON *region = cJSON_CreateObject();

		cJSON_AddStringToObject(region, "region_code", regions[i].code);
		cJSON_AddArrayToObject(region, "countries");
		cJSON_AddItemToArray(list, region);
	}
	cloudflare_result(c->reply, result, NULL);
}
