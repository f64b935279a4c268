#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cloudflare_balance.h"

#define ORIGINS_MAX 64
#define POOLS_MAX 64

static int invalid(struct cloudflare_error *error, const char *field, const char *what)
{
	return cloudflare_set_error(error, 400, 1002, "%s: %s: validation failed", field, what);
}

/* A member that clients may leave out: its kind, and what it then is. */
struct field {
	const char *name;
	enum { TEXT, WHOLE, BOOLEAN, OBJECT } kind;
	const char *text; /* TEXT: the default, NULL: stays absent */
	double number;	  /* WHOLE: the default; BOOLEAN: 0 or 1 */
	double min, max;
};

static bool is_of_kind(const struct field *field, const cJSON *item)
{
	switch (field->kind) {
	case TEXT:
		return cJSON_IsString(item);
	case WHOLE:
		return cJSON_IsNumber(item) &&
		       item->valuedouble == (double)(int64_t)item->valuedouble &&
		       item->valuedouble >= field->min && item->valuedouble <= field->max;
	case BOOLEAN:
		return cJSON_IsBool(item);
	case OBJECT:
		return cJSON_IsObject(item);
	}
	return false;
}

static void add_default(const struct field *field, cJSON *object)
{
	if (field->kind == TEXT && field->text)
		cJSON_AddStringToObject(object, field->name, field->text);
	else if (field->kind == WHOLE)
		cJSON_AddNumberToObject(object, field->name, field->number);
	else if (field->kind == BOOLEAN)
		cJSON_AddBoolToObject(object, field->name, field->number != 0);
}

static int check_fields(
	cJSON *object, const struct field *fields, size_t count, struct cloudflare_error *error)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, fields[i].name);

		if (cJSON_IsNull(item)) {
			cJSON_DeleteItemFromObjectCaseSensitive(object, fields[i].name);
			item = NULL;
		}
		if (!item)
			add_default(&fields[i], object);
		else if (!is_of_kind(&fields[i], item))
			return invalid(error, fields[i].name, "wrong type or out of range");
	}
	return 0;
}

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(text, words) is_one_of(text, words, sizeof(words) / sizeof((words)[0]))

/* 0.00, 0.01, … 1.00 */
static bool is_share(const cJSON *item)
{
	double hundredths = cJSON_IsNumber(item) ? item->valuedouble * 100 : -1;
	double off = hundredths - (double)(int)(hundredths + 0.5);

	return hundredths >= 0 && hundredths <= 100 && off < 1e-6 && off > -1e-6;
}

static bool is_address(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1 ||
	       cloudflare_is_name(text, false);
}

/* ---- monitors ---------------------------------------------------------------------------------
 */

/* "200", "2xx", "200,301,5xx" */
static bool is_codes(const char *text)
{
	for (;;) {
		if (text[0] < '1' || text[0] > '5')
			return false;
		if (!(strncmp(text + 1, "xx", 2) == 0 ||
			    (isdigit((unsigned char)text[1]) && isdigit((unsigned char)text[2]))))
			return false;
		text += 3;
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
		text += *text == ' ';
	}
}

static int check_header(const cJSON *monitor, struct cloudflare_error *error)
{
	const cJSON *header, *value;

	cJSON_ArrayForEach(header, cJSON_GetObjectItemCaseSensitive(monitor, "header"))
	{
		if (!cJSON_IsArray(header))
			return invalid(error, "header", "each is a list of texts");
		if (strcasecmp(header->string, "user-agent") == 0)
			return invalid(error, "header", "User-Agent cannot be overridden");
		cJSON_ArrayForEach(value, header) if (!cJSON_IsString(value)) return invalid(
			error, "header", "each is a list of texts");
	}
	return 0;
}

int cloudflare_check_monitor(
	const struct cloudflare *cf, cJSON *monitor, struct cloudflare_error *error)
{
	static const char *const types[] = {
		"http", "https", "tcp", "udp_icmp", "icmp_ping", "smtp"};
	static const struct field fields[] = {
		{"type", TEXT, "http", 0, 0, 0},
		{"description", TEXT, "", 0, 0, 0},
		{"interval", WHOLE, NULL, 60, 15, 3600},
		{"timeout", WHOLE, NULL, 5, 1, 10},
		{"retries", WHOLE, NULL, 2, 0, 5},
		{"consecutive_up", WHOLE, NULL, 0, 0, 100},
		{"consecutive_down", WHOLE, NULL, 0, 0, 100},
		{"port", WHOLE, NULL, 0, 0, 65535},
		{"probe_zone", TEXT, NULL, 0, 0, 0},
	};
	static const struct field of_http[] = {
		{"method", TEXT, "GET", 0, 0, 0},
		{"path", TEXT, "/", 0, 0, 0},
		{"expected_body", TEXT, "", 0, 0, 0},
		{"follow_redirects", BOOLEAN, NULL, 0, 0, 0},
		{"allow_insecure", BOOLEAN, NULL, 0, 0, 0},
		{"header", OBJECT, NULL, 0, 0, 0},
	};
	static const char *const methods[] = {"GET", "HEAD"};
	const char *type;
	int rc;

	(void)cf;
	if ((rc = check_fields(monitor, fields, sizeof(fields) / sizeof(fields[0]), error)) < 0)
		return rc;
	type = dro_json_text(monitor, "type");
	if (!IS_ONE_OF(type, types))
		return invalid(error, "type", "unknown");
	if (strncmp(type, "http", 4) != 0) {
		if ((strcmp(type, "tcp") == 0 || strcmp(type, "smtp") == 0) &&
			cJSON_GetObjectItemCaseSensitive(monitor, "port")->valuedouble == 0)
			return invalid(error, "port", "required");
		if (!cJSON_HasObjectItem(monitor, "method"))
			cJSON_AddStringToObject(monitor, "method", "connection_established");
		return 0;
	}
	if ((rc = check_fields(monitor, of_http, sizeof(of_http) / sizeof(of_http[0]), error)) < 0)
		return rc;
	if (!IS_ONE_OF(dro_json_text(monitor, "method"), methods))
		return invalid(error, "method", "GET or HEAD");
	if (*dro_json_text(monitor, "path") != '/')
		return invalid(error, "path", "must begin with a slash");
	if (!is_codes(dro_json_text(monitor, "expected_codes")))
		return invalid(error, "expected_codes", "required, such as 200 or 2xx");
	return check_header(monitor, error);
}

/* ---- pools ------------------------------------------------------------------------------------
 */

static int check_origin(cJSON *origin, struct cloudflare_error *error)
{
	static const struct field fields[] = {
		{"name", TEXT, NULL, 0, 0, 0},
		{"enabled", BOOLEAN, NULL, 1, 0, 0},
		{"header", OBJECT, NULL, 0, 0, 0},
		{"port", WHOLE, NULL, 0, 0, 65535},
	};
	const cJSON *weight;
	int rc;

	if (!cJSON_IsObject(origin))
		return invalid(error, "origins", "a list of origins");
	if ((rc = check_fields(origin, fields, sizeof(fields) / sizeof(fields[0]), error)) < 0)
		return rc;
	if (!*dro_json_text(origin, "name"))
		return invalid(error, "origins", "an origin needs a name");
	if (!is_address(dro_json_text(origin, "address")))
		return invalid(error, "origins", "an origin needs an address");
	weight = cJSON_GetObjectItemCaseSensitive(origin, "weight");
	if (!weight)
		cJSON_AddNumberToObject(origin, "weight", 1);
	else if (!is_share(weight))
		return invalid(error, "weight", "0..1 in steps of 0.01");
	return 0;
}

static int check_origins(const cJSON *pool, struct cloudflare_error *error)
{
	const cJSON *origins = cJSON_GetObjectItemCaseSensitive(pool, "origins");
	cJSON *origin;
	int rc;

	if (!cJSON_IsArray(origins) || !origins->child || cJSON_GetArraySize(origins) > ORIGINS_MAX)
		return invalid(error, "origins", "a pool has at least one origin");
	cJSON_ArrayForEach(origin, origins)
	{
		const cJSON *other;

		if ((rc = check_origin(origin, error)) < 0)
			return rc;
		for (other = origins->child; other != origin; other = other->next)
			if (strcmp(dro_json_text(other, "address"),
				    dro_json_text(origin, "address")) == 0)
				return invalid(error, "origins", "an address stands there twice");
	}
	return 0;
}

static int check_regions(const cJSON *pool, struct cloudflare_error *error)
{
	const cJSON *regions = cJSON_GetObjectItemCaseSensitive(pool, "check_regions"), *region;

	if (regions && !cJSON_IsNull(regions) && !cJSON_IsArray(regions))
		return invalid(error, "check_regions", "a list of regions");
	cJSON_ArrayForEach(region, regions)
	{
		if (!cJSON_IsString(region) || !cloudflare_region_is(region->valuestring))
			return invalid(error, "check_regions", "unknown region");
	}
	return 0;
}

int cloudflare_check_pool(const struct cloudflare *cf, cJSON *pool, struct cloudflare_error *error)
{
	static const struct field fields[] = {
		{"description", TEXT, "", 0, 0, 0},
		{"enabled", BOOLEAN, NULL, 1, 0, 0},
		{"minimum_origins", WHOLE, NULL, 1, 0, ORIGINS_MAX},
		{"monitor", TEXT, "", 0, 0, 0},
		{"notification_email", TEXT, "", 0, 0, 0},
		{"load_shedding", OBJECT, NULL, 0, 0, 0},
		{"origin_steering", OBJECT, NULL, 0, 0, 0},
	};
	const char *name = dro_json_text(pool, "name"), *monitor;
	const cJSON *twin;
	size_t i;
	int rc;

	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
			return invalid(error, "name", "letters, digits, hyphens, underscores");
	if (!*name)
		return invalid(error, "name", "required");
	if ((rc = check_fields(pool, fields, sizeof(fields) / sizeof(fields[0]), error)) < 0 ||
		(rc = check_origins(pool, error)) < 0 || (rc = check_regions(pool, error)) < 0)
		return rc;
	monitor = dro_json_text(pool, "monitor");
	if (*monitor && !cloudflare_account_find(cf, "monitors", monitor))
		return invalid(error, "monitor", "no such monitor");
	twin = cloudflare_list_find(
		cJSON_GetObjectItemCaseSensitive(cf->account, "pools"), "name", name);
	if (twin && strcmp(dro_json_text(twin, "id"), dro_json_text(pool, "id")) != 0)
		return cloudflare_set_error(error, 400, 1003, "name: value not unique");
	return 0;
}

/* ---- balancers --------------------------------------------------------------------------------
 */

static bool is_pool(const struct cloudflare *cf, const cJSON *id)
{
	return cJSON_IsString(id) && cloudflare_account_find(cf, "pools", id->valuestring);
}

static int check_pool_lists(
	const struct cloudflare *cf, const cJSON *balancer, struct cloudflare_error *error)
{
	static const char *const maps[] = {"region_pools", "country_pools", "pop_pools"};
	const cJSON *pools = cJSON_GetObjectItemCaseSensitive(balancer, "default_pools"), *pool;
	const cJSON *map, *list;
	size_t i;

	if (!cJSON_IsArray(pools) || !pools->child || cJSON_GetArraySize(pools) > POOLS_MAX)
		return invalid(error, "default_pools", "at least one pool");
	cJSON_ArrayForEach(pool, pools) if (!is_pool(cf, pool)) return invalid(
		error, "default_pools", "no such pool");
	if (!is_pool(cf, cJSON_GetObjectItemCaseSensitive(balancer, "fallback_pool")))
		return invalid(error, "fallback_pool", "no such pool");
	for (i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		map = cJSON_GetObjectItemCaseSensitive(balancer, maps[i]);
		cJSON_ArrayForEach(list, map)
			cJSON_ArrayForEach(pool, list) if (!is_pool(cf, pool)) return invalid(
				error, maps[i], "no such pool");
	}
	return 0;
}

static int check_steering(
	const struct cloudflare *cf, const cJSON *balancer, struct cloudflare_error *error)
{
	static const char *const policies[] = {"", "off", "geo", "random", "dynamic_latency",
		"proximity", "least_outstanding_requests", "least_connections"};
	const cJSON *steering = cJSON_GetObjectItemCaseSensitive(balancer, "random_steering");
	const cJSON *weight = cJSON_GetObjectItemCaseSensitive(steering, "default_weight");

	if (!IS_ONE_OF(dro_json_text(balancer, "steering_policy"), policies))
		return invalid(error, "steering_policy", "unknown");
	if (weight && !is_share(weight))
		return invalid(error, "default_weight", "0..1 in steps of 0.01");
	cJSON_ArrayForEach(weight, cJSON_GetObjectItemCaseSensitive(steering, "pool_weights"))
	{
		if (!is_share(weight))
			return invalid(error, "pool_weights", "0..1 in steps of 0.01");
		if (!cloudflare_account_find(cf, "pools", weight->string))
			return invalid(error, "pool_weights", "no such pool");
	}
	return 0;
}

int cloudflare_check_balancer(const struct cloudflare *cf, cJSON *balancer, const cJSON *entry,
	struct cloudflare_error *error)
{
	static const struct field fields[] = {
		{"description", TEXT, "", 0, 0, 0},
		{"enabled", BOOLEAN, NULL, 1, 0, 0},
		{"proxied", BOOLEAN, NULL, 0, 0, 0},
		{"steering_policy", TEXT, "", 0, 0, 0},
		{"session_affinity", TEXT, "none", 0, 0, 0},
		{"random_steering", OBJECT, NULL, 0, 0, 0},
		{"region_pools", OBJECT, NULL, 0, 0, 0},
		{"country_pools", OBJECT, NULL, 0, 0, 0},
		{"pop_pools", OBJECT, NULL, 0, 0, 0},
		{"adaptive_routing", OBJECT, NULL, 0, 0, 0},
	};
	static const struct field ttl[] = {{"ttl", WHOLE, NULL, 30, 1, 86400}};
	const char *zone = dro_json_text(cJSON_GetObjectItemCaseSensitive(entry, "zone"), "name");
	const cJSON *twin;
	int rc;

	if (cloudflare_check_name(balancer, zone, error) < 0)
		return invalid(error, "name", "not a hostname of the zone");
	if ((rc = check_fields(balancer, fields, sizeof(fields) / sizeof(fields[0]), error)) < 0 ||
		(rc = check_pool_lists(cf, balancer, error)) < 0 ||
		(rc = check_steering(cf, balancer, error)) < 0)
		return rc;
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(balancer, "proxied")))
		cJSON_DeleteItemFromObjectCaseSensitive(balancer, "ttl");
	else if ((rc = check_fields(balancer, ttl, 1, error)) < 0)
		return rc;
	twin = cloudflare_list_find(cJSON_GetObjectItemCaseSensitive(entry, "load_balancers"),
		"name", dro_json_text(balancer, "name"));
	if (twin && strcmp(dro_json_text(twin, "id"), dro_json_text(balancer, "id")) != 0)
		return cloudflare_set_error(error, 400, 1003, "name: value not unique");
	return 0;
}
