/*
 * A zone's records as the vendor's name servers say them: what is proxied as the edge's address,
 * the time to live "automatic" as 300 s, and the SOA and NS that the API does not show. A load
 * balancer comes before the addresses and aliases of its name; one that is not proxied answers
 * with the addresses of the pool whose turn it is.
 *   https://developers.cloudflare.com/load-balancing/understand-basics/proxy-modes/
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cloudflare.h"
#include "lab/dns.h"

#define AUTOMATIC "300"
#define EDGE_ADDRESS "127.0.0.1"
#define STRING_MAX 255

/* The set of that name and type, made where it is not there yet. NULL: out of memory. */
static cJSON *set_of(struct route53_sets *sets, const char *name, const char *type, const char *ttl)
{
	char *key = route53_key(name, type, "");
	bool found = false;
	size_t at = key ? route53_sets_find(sets, key, &found) : 0;
	cJSON *doc;

	if (found) {
		free(key);
		return sets->items[at].doc;
	}
	doc = cJSON_CreateObject();
	cJSON_AddStringToObject(doc, "Name", name);
	cJSON_AddStringToObject(doc, "Type", type);
	cJSON_AddStringToObject(doc, "TTL", ttl);
	cJSON_AddArrayToObject(doc, "ResourceRecords");
	if (route53_sets_insert(sets, at, key, doc) == 0)
		return doc;
	free(key);
	cJSON_Delete(doc);
	return NULL;
}

static int add(struct route53_sets *sets, const char *name, const char *type, const char *ttl,
	const char *value)
{
	cJSON *set = set_of(sets, name, type, ttl), *values, *other;

	if (!set)
		return DRO_ENOMEM;
	values = cJSON_GetObjectItemCaseSensitive(set, "ResourceRecords");
	cJSON_ArrayForEach(other, values) if (strcmp(other->valuestring, value) == 0) return 0;
	cJSON_AddItemToArray(values, cJSON_CreateString(value));
	return 0;
}

/* Bare text as the strings of a TXT record; what is quoted already stays as it is. */
static void put_strings(struct dro_buf *out, const char *text)
{
	size_t length = 0;

	if (*text == '"') {
		dro_buf_puts(out, text);
		return;
	}
	dro_buf_puts(out, "\"");
	for (; *text; text++, length++) {
		if (length == STRING_MAX) {
			dro_buf_puts(out, "\" \"");
			length = 0;
		}
		if (*text == '"' || *text == '\\')
			dro_buf_puts(out, "\\");
		dro_buf_append(out, text, 1);
	}
	dro_buf_puts(out, "\"");
}

static void put_number(struct dro_buf *out, const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	dro_buf_printf(out, "%d ", cJSON_IsNumber(item) ? item->valueint : 0);
}

/* A record's content as a zone file has it. */
static void put_value(struct dro_buf *out, const cJSON *record, const char *type)
{
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(record, "data");
	const char *content = dro_json_text(record, "content");

	if (strcmp(type, "TXT") == 0) {
		put_strings(out, content);
	} else if (strcmp(type, "SRV") == 0 && cJSON_IsObject(data)) {
		put_number(out, data, "priority");
		put_number(out, data, "weight");
		put_number(out, data, "port");
		dro_buf_printf(out, "%s.", dro_json_text(data, "target"));
	} else if (strcmp(type, "CAA") == 0 && cJSON_IsObject(data)) {
		put_number(out, data, "flags");
		dro_buf_printf(out, "%s ", dro_json_text(data, "tag"));
		put_strings(out, dro_json_text(data, "value"));
	} else if (strcmp(type, "CNAME") == 0 || strcmp(type, "NS") == 0 ||
		   strcmp(type, "PTR") == 0 || strcmp(type, "MX") == 0) {
		if (strcmp(type, "MX") == 0)
			put_number(out, record, "priority");
		dro_buf_printf(out, "%s.", content);
	} else {
		dro_buf_puts(out, content);
	}
}

/* ---- balancers --------------------------------------------------------------------------------
 */

static bool is_true(const cJSON *object, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static bool is_balanced(const cJSON *balancers, const cJSON *record)
{
	const char *type = dro_json_text(record, "type");
	const cJSON *balancer;

	if (strcmp(type, "A") != 0 && strcmp(type, "AAAA") != 0 && strcmp(type, "CNAME") != 0)
		return false;
	cJSON_ArrayForEach(
		balancer, balancers) if (is_true(balancer, "enabled") &&
					 strcmp(dro_json_text(balancer, "name"),
						 dro_json_text(record, "name")) == 0) return true;
	return false;
}

static int add_balancer(struct route53_sets *sets, const cJSON *balancer)
{
	static const char *const types[] = {"A", "AAAA"};
	const cJSON *ttl = cJSON_GetObjectItemCaseSensitive(balancer, "ttl");
	char name[ROUTE53_NAME], seconds[16];
	cJSON *set;
	size_t i;

	if (!is_true(balancer, "enabled") || !route53_name(name, dro_json_text(balancer, "name")))
		return 0;
	if (is_true(balancer, "proxied"))
		return add(sets, name, "A", AUTOMATIC, EDGE_ADDRESS);
	snprintf(seconds, sizeof(seconds), "%d", ttl ? ttl->valueint : 30);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		set = set_of(sets, name, types[i], seconds);
		if (!set || !cJSON_AddStringToObject(
				    set, DNS_BALANCER, dro_json_text(balancer, "name")))
			return DRO_ENOMEM;
	}
	return 0;
}

/* dns_zones_set_balance: with the addresses of that family. */
static void answer(void *arg, const char *name, const char *type, cJSON *values)
{
	struct edge_route route;
	size_t i;

	if (edge_routes_balanced(arg, name, dro_now_ms(), &route) != EDGE_FOUND)
		return;
	for (i = 0; i < route.count; i++)
		if ((route.addresses[i].socket.ss_family == AF_INET6) ==
			(strcmp(type, "AAAA") == 0))
			cJSON_AddItemToArray(values, cJSON_CreateString(route.addresses[i].text));
}

int cloudflare_dns_new(struct cloudflare *cf, struct dro_error *err)
{
	int rc = dns_zones_new(&cf->dns, err);

	if (rc == 0)
		dns_zones_set_balance(cf->dns, answer, cf->routes);
	return rc;
}

/* ---- a zone -----------------------------------------------------------------------------------
 */

static int add_record(struct route53_sets *sets, const cJSON *record)
{
	const cJSON *ttl = cJSON_GetObjectItemCaseSensitive(record, "ttl");
	struct dro_buf value = DRO_BUF_INIT(65536);
	const char *type = dro_json_text(record, "type");
	char name[ROUTE53_NAME], seconds[16];
	int rc;

	if (!route53_name(name, dro_json_text(record, "name")))
		return 0;
	if (is_true(record, "proxied"))
		return add(sets, name, "A", AUTOMATIC, EDGE_ADDRESS);
	snprintf(seconds, sizeof(seconds), "%d", ttl ? ttl->valueint : 1);
	put_value(&value, record, type);
	rc = value.failed ? DRO_ENOMEM
			  : add(sets, name, type, strcmp(seconds, "1") == 0 ? AUTOMATIC : seconds,
				    dro_buf_str(&value));
	dro_buf_free(&value);
	return rc;
}

static int add_own(struct route53_sets *sets, const cJSON *zone, const char *name)
{
	const cJSON *servers = cJSON_GetObjectItemCaseSensitive(zone, "name_servers"), *server;
	char text[600];
	int rc = 0;

	cJSON_ArrayForEach(server, servers)
	{
		snprintf(text, sizeof(text), "%.255s.", server->valuestring);
		if (rc == 0)
			rc = add(sets, name, "NS", "86400", text);
	}
	snprintf(text, sizeof(text), "%.255s. dns.cloudflare.com. 1 10000 2400 604800 1800",
		servers && servers->child ? servers->child->valuestring : "ns.cloudflare.com");
	return rc < 0 ? rc : add(sets, name, "SOA", "3600", text);
}

int cloudflare_dns_publish(struct cloudflare *cf, const cJSON *entry, bool gone, uint64_t due_ms,
	struct dro_error *err)
{
	const cJSON *zone = cJSON_GetObjectItemCaseSensitive(entry, "zone");
	const cJSON *records = cJSON_GetObjectItemCaseSensitive(entry, "records");
	const cJSON *balancers = cJSON_GetObjectItemCaseSensitive(entry, "load_balancers");
	const char *id = dro_json_text(zone, "id");
	struct route53_sets sets = {0};
	char name[ROUTE53_NAME];
	const cJSON *item;
	int rc;

	if (!route53_name(name, dro_json_text(zone, "name")))
		return dro_fail(err, DRO_ECORRUPT, "a zone without a name");
	if (gone)
		return dns_zones_publish(cf->dns, id, name, NULL, due_ms, err);
	rc = add_own(&sets, zone, name);
	cJSON_ArrayForEach(item, balancers) if (rc == 0) rc = add_balancer(&sets, item);
	cJSON_ArrayForEach(item, records) if (rc == 0 && !is_balanced(balancers, item)) rc =
		add_record(&sets, item);
	if (rc == 0)
		rc = dns_zones_publish(cf->dns, id, name, &sets, due_ms, err);
	else
		dro_fail(err, rc, "out of memory");
	route53_sets_free(&sets);
	return rc;
}
