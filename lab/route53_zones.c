#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/dns.h"
#include "lab/internal.h"
#include "lab/options.h"
#include "lab/route53.h"
#include "lab/route53_tags.h"

#define STATE_PREFIX "route53-zone-"
#define NAME_SERVERS 4

/* ---- state ----------------------------------------------------------------------------------- */

void route53_zone_free(struct route53_zone *zone)
{
	if (!zone)
		return;
	route53_sets_free(&zone->sets);
	cJSON_Delete(zone->doc);
	free(zone->key);
	free(zone);
}

static void state_name(char out[LAB_ID + 32], const struct route53_zone *zone)
{
	snprintf(out, LAB_ID + 32, STATE_PREFIX "%s", dro_json_text(zone->doc, "Id"));
}

int route53_zone_save(struct route53 *r53, const struct route53_zone *zone, struct dro_error *err)
{
	cJSON *json = cJSON_CreateObject(), *sets;
	char name[LAB_ID + 32];
	size_t i;
	int rc;

	state_name(name, zone);
	cJSON_AddItemReferenceToObject(json, "zone", zone->doc);
	sets = cJSON_AddArrayToObject(json, "sets");
	for (i = 0; i < zone->sets.count; i++)
		cJSON_AddItemReferenceToArray(sets, zone->sets.items[i].doc);
	rc = lab_state_save(r53->lab, name, json, err);
	cJSON_Delete(json);
	return rc;
}

int route53_zone_publish(
	struct route53 *r53, const struct route53_zone *zone, bool at_once, struct dro_error *err)
{
	uint64_t due_ms = at_once ? 0 : dro_now_ms() + (uint64_t)r53->insync_ms;

	if (strcmp(dro_json_text(zone->doc, "PrivateZone"), "true") == 0)
		return 0;
	dns_zones_forget(r53->dns, dro_now_ms());
	return dns_zones_publish(r53->dns, dro_json_text(zone->doc, "Id"),
		dro_json_text(zone->doc, "Name"), &zone->sets, due_ms, err);
}

/* Into its place by key, then id. */
static void link_zone(struct route53 *r53, struct route53_zone *zone)
{
	struct route53_zone **link = &r53->zones;

	while (*link && (strcmp((*link)->key, zone->key) < 0 ||
				(strcmp((*link)->key, zone->key) == 0 &&
					strcmp(dro_json_text((*link)->doc, "Id"),
						dro_json_text(zone->doc, "Id")) < 0)))
		link = &(*link)->next;
	zone->next = *link;
	*link = zone;
}

/* Takes the doc over, whatever comes of it. */
static int insert(struct route53_zone *zone, cJSON *doc)
{
	char *key = route53_key(dro_json_text(doc, "Name"), dro_json_text(doc, "Type"),
		dro_json_text(doc, "SetIdentifier"));
	bool found;
	size_t at = key ? route53_sets_find(&zone->sets, key, &found) : 0;

	if (route53_sets_insert(&zone->sets, at, key, doc) == 0)
		return 0;
	free(key);
	cJSON_Delete(doc);
	return DRO_ENOMEM;
}

static int load_zone(void *arg, const cJSON *json, struct dro_error *err)
{
	struct route53_zone *zone = calloc(1, sizeof(*zone));
	const cJSON *set;
	int rc = 0;

	if (!zone)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	zone->doc = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(json, "zone"), true);
	zone->key = route53_key(dro_json_text(zone->doc, "Name"), "", "");
	cJSON_ArrayForEach(set, cJSON_GetObjectItemCaseSensitive(json, "sets")) if (rc == 0) rc =
		insert(zone, cJSON_Duplicate(set, true));
	if (rc < 0 || !zone->key) {
		route53_zone_free(zone);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	link_zone(arg, zone);
	return route53_zone_publish(arg, zone, true, err);
}

int route53_load(struct route53 *r53, struct dro_error *err)
{
	int rc = lab_state_load(r53->lab, "route53-changes", &r53->changes, err);

	if (rc < 0)
		return rc;
	if (!r53->changes)
		r53->changes = cJSON_CreateArray();
	return lab_state_each(r53->lab, STATE_PREFIX, load_zone, r53, err);
}

/* ---- a new zone ------------------------------------------------------------------------------ */

static void name_server(char out[64], size_t n)
{
	static const char *const ends[NAME_SERVERS] = {"com", "net", "org", "co.uk"};

	snprintf(out, 64, "ns-%zu.awsdns-%02zu.%s", 100 + n * 512, 10 + n, ends[n]);
}

static cJSON *own_set(const char *name, const char *type, const char *ttl)
{
	cJSON *doc = cJSON_CreateObject();

	cJSON_AddStringToObject(doc, "Name", name);
	cJSON_AddStringToObject(doc, "Type", type);
	cJSON_AddStringToObject(doc, "TTL", ttl);
	cJSON_AddArrayToObject(doc, "ResourceRecords");
	return doc;
}

static int add_own_sets(struct route53_zone *zone, const char *name)
{
	cJSON *ns = own_set(name, "NS", "172800"), *soa = own_set(name, "SOA", "900");
	char server[64], text[256];
	size_t i;

	for (i = 0; i < NAME_SERVERS; i++) {
		name_server(server, i);
		snprintf(text, sizeof(text), "%s.", server);
		cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(ns, "ResourceRecords"),
			cJSON_CreateString(text));
	}
	name_server(server, 0);
	snprintf(text, sizeof(text), "%s. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400",
		server);
	cJSON_AddItemToArray(
		cJSON_GetObjectItemCaseSensitive(soa, "ResourceRecords"), cJSON_CreateString(text));
	if (insert(zone, ns) < 0) {
		cJSON_Delete(soa);
		return DRO_ENOMEM;
	}
	return insert(zone, soa);
}

static struct route53_zone *new_zone(
	const char *name, const char *reference, const char *comment, bool private)
{
	struct route53_zone *zone = calloc(1, sizeof(*zone));
	char id[LAB_ID];

	if (!zone)
		return NULL;
	route53_new_id(id, 'Z');
	zone->doc = cJSON_CreateObject();
	cJSON_AddStringToObject(zone->doc, "Id", id);
	cJSON_AddStringToObject(zone->doc, "Name", name);
	cJSON_AddStringToObject(zone->doc, "CallerReference", reference);
	cJSON_AddStringToObject(zone->doc, "Comment", comment);
	cJSON_AddStringToObject(zone->doc, "PrivateZone", private ? "true" : "false");
	zone->key = route53_key(name, "", "");
	if (!zone->key || add_own_sets(zone, name) < 0) {
		route53_zone_free(zone);
		return NULL;
	}
	return zone;
}

struct route53_zone *route53_zone_add(struct route53 *r53, const char *name, const char *reference,
	const char *comment, bool private, const char **code, struct dro_buf *why)
{
	struct dro_error err = DRO_ERROR_INIT;
	char stored[ROUTE53_NAME];
	struct route53_zone *zone;

	if (!route53_name(stored, name)) {
		*code = "InvalidDomainName";
		dro_buf_printf(why, "%.255s is not a valid domain name", name);
		return NULL;
	}
	for (zone = r53->zones; zone; zone = zone->next) {
		if (strcmp(dro_json_text(zone->doc, "CallerReference"), reference) != 0)
			continue;
		*code = "HostedZoneAlreadyExists";
		dro_buf_printf(why,
			"A hosted zone has already been created with the specified caller "
			"reference: %.128s",
			reference);
		return NULL;
	}
	zone = new_zone(stored, reference, comment, private);
	if (!zone || route53_zone_save(r53, zone, &err) < 0 ||
		route53_zone_publish(r53, zone, false, &err) < 0) {
		*code = "InternalFailure";
		dro_buf_puts(why, zone ? err.message : "out of memory");
		route53_zone_free(zone);
		return NULL;
	}
	link_zone(r53, zone);
	return zone;
}

/* ---- the operations -------------------------------------------------------------------------- */

struct route53_zone *route53_zone_need(struct route53_call *c)
{
	struct route53_zone *zone;

	for (zone = c->r53->zones; zone; zone = zone->next)
		if (strcmp(dro_json_text(zone->doc, "Id"), c->id) == 0)
			return zone;
	route53_error(c, 404, "NoSuchHostedZone", "No hosted zone found with ID: %.64s", c->id);
	return NULL;
}

static void put_zone(struct dro_buf *out, const struct route53_zone *zone)
{
	const char *comment = dro_json_text(zone->doc, "Comment");

	dro_buf_printf(out, "<HostedZone><Id>/hostedzone/%s</Id>", dro_json_text(zone->doc, "Id"));
	lab_xml_element(out, "Name", dro_json_text(zone->doc, "Name"));
	lab_xml_element(out, "CallerReference", dro_json_text(zone->doc, "CallerReference"));
	dro_buf_puts(out, "<Config>");
	if (*comment)
		lab_xml_element(out, "Comment", comment);
	dro_buf_printf(out,
		"<PrivateZone>%s</PrivateZone></Config>"
		"<ResourceRecordSetCount>%zu</ResourceRecordSetCount></HostedZone>",
		dro_json_text(zone->doc, "PrivateZone"), zone->sets.count);
}

static void put_delegation(struct dro_buf *out)
{
	char server[64];
	size_t i;

	dro_buf_puts(out, "<DelegationSet><NameServers>");
	for (i = 0; i < NAME_SERVERS; i++) {
		name_server(server, i);
		lab_xml_element(out, "NameServer", server);
	}
	dro_buf_puts(out, "</NameServers></DelegationSet>");
}

void route53_zones_create(struct route53_call *c)
{
	struct dro_buf why = DRO_BUF_INIT(1024);
	struct dro_error err = DRO_ERROR_INIT;
	const struct dro_xml_node *root;
	struct route53_zone *zone;
	const char *code = "InvalidInput", *reference;
	struct dro_xml *xml;

	if (!route53_body(c, "CreateHostedZoneRequest", &xml))
		return;
	root = dro_xml_root(xml);
	reference = dro_xml_text(root, "CallerReference");
	if (!*reference || strlen(reference) > 128) {
		route53_error(c, 400, "InvalidInput", "CallerReference is 1 to 128 characters");
		goto out;
	}
	zone = route53_zone_add(c->r53, dro_xml_text(root, "Name"), reference,
		dro_xml_text(root, "HostedZoneConfig/Comment"),
		strcmp(dro_xml_text(root, "HostedZoneConfig/PrivateZone"), "true") == 0, &code,
		&why);
	if (!zone) {
		route53_error(c,
			strcmp(code, "HostedZoneAlreadyExists") == 0 ? 409
			: strcmp(code, "InternalFailure") == 0	     ? 500
								     : 400,
			code, "%s", dro_buf_str(&why));
		goto out;
	}
	lab_reply_id(c->reply, dro_json_text(zone->doc, "Id"));
	lab_reply_header(c->reply, "Location",
		"https://route53.amazonaws.com/2013-04-01/hostedzone/%s",
		dro_json_text(zone->doc, "Id"));
	route53_begin(c, "CreateHostedZoneResponse");
	put_zone(&c->reply->body, zone);
	if (route53_change_add(c, "", &err) < 0) {
		route53_error(c, 500, "InternalFailure", "%s", err.message);
		goto out;
	}
	put_delegation(&c->reply->body);
	route53_end(c, "CreateHostedZoneResponse");
	c->reply->status = 201;
out:
	dro_buf_free(&why);
	dro_xml_free(xml);
}

void route53_zones_count(struct route53_call *c)
{
	const struct route53_zone *zone;
	size_t count = 0;

	for (zone = c->r53->zones; zone; zone = zone->next)
		count++;
	route53_begin(c, "GetHostedZoneCountResponse");
	dro_buf_printf(&c->reply->body, "<HostedZoneCount>%zu</HostedZoneCount>", count);
	route53_end(c, "GetHostedZoneCountResponse");
}

/* A page of the zones from `zone` on; the first that is left over, or NULL. */
static const struct route53_zone *put_page(
	struct route53_call *c, const struct route53_zone *zone, int64_t max)
{
	dro_buf_puts(&c->reply->body, "<HostedZones>");
	for (; zone && max > 0; zone = zone->next, max--)
		put_zone(&c->reply->body, zone);
	dro_buf_puts(&c->reply->body, "</HostedZones>");
	return zone;
}

void route53_zones_list(struct route53_call *c)
{
	const char *marker = lab_query(c->request, "marker");
	const struct route53_zone *zone = c->r53->zones;
	int64_t max;

	if (!route53_max_items(c, 100, &max))
		return;
	while (marker && zone && strcmp(dro_json_text(zone->doc, "Id"), marker) != 0)
		zone = zone->next;
	if (marker && !zone) {
		route53_error(c, 400, "NoSuchHostedZone", "There is no zone %.64s", marker);
		return;
	}
	route53_begin(c, "ListHostedZonesResponse");
	zone = put_page(c, zone, max);
	if (marker)
		lab_xml_element(&c->reply->body, "Marker", marker);
	dro_buf_printf(&c->reply->body, "<IsTruncated>%s</IsTruncated>", zone ? "true" : "false");
	if (zone)
		lab_xml_element(&c->reply->body, "NextMarker", dro_json_text(zone->doc, "Id"));
	dro_buf_printf(&c->reply->body, "<MaxItems>%lld</MaxItems>", (long long)max);
	route53_end(c, "ListHostedZonesResponse");
}

/* The list *starts at* the name: zones behind it follow. */
void route53_zones_by_name(struct route53_call *c)
{
	const char *given = lab_query(c->request, "dnsname");
	const char *id = lab_query(c->request, "hostedzoneid");
	const struct route53_zone *zone = c->r53->zones;
	char name[ROUTE53_NAME], *key = NULL;
	int64_t max;

	if (!route53_max_items(c, 100, &max))
		return;
	if (given && (!route53_name(name, given) || !(key = route53_key(name, "", "")))) {
		route53_error(
			c, 400, "InvalidDomainName", "%.255s is not a valid domain name", given);
		return;
	}
	while (key && zone &&
		(strcmp(zone->key, key) < 0 ||
			(id && strcmp(zone->key, key) == 0 &&
				strcmp(dro_json_text(zone->doc, "Id"), id) < 0)))
		zone = zone->next;
	free(key);
	route53_begin(c, "ListHostedZonesByNameResponse");
	zone = put_page(c, zone, max);
	if (given)
		lab_xml_element(&c->reply->body, "DNSName", given);
	dro_buf_printf(&c->reply->body, "<IsTruncated>%s</IsTruncated>", zone ? "true" : "false");
	if (zone) {
		lab_xml_element(&c->reply->body, "NextDNSName", dro_json_text(zone->doc, "Name"));
		lab_xml_element(
			&c->reply->body, "NextHostedZoneId", dro_json_text(zone->doc, "Id"));
	}
	dro_buf_printf(&c->reply->body, "<MaxItems>%lld</MaxItems>", (long long)max);
	route53_end(c, "ListHostedZonesByNameResponse");
}

void route53_zones_get(struct route53_call *c)
{
	const struct route53_zone *zone = route53_zone_need(c);

	if (!zone)
		return;
	route53_begin(c, "GetHostedZoneResponse");
	put_zone(&c->reply->body, zone);
	put_delegation(&c->reply->body);
	route53_end(c, "GetHostedZoneResponse");
}

void route53_zones_delete(struct route53_call *c)
{
	struct route53_zone *zone = route53_zone_need(c), **link = &c->r53->zones;
	struct dro_error err = DRO_ERROR_INIT;
	char name[LAB_ID + 32];

	if (!zone)
		return;
	if (zone->sets.count > 2) {
		route53_error(c, 400, "HostedZoneNotEmpty",
			"The specified hosted zone contains non-required resource record sets and "
			"so cannot be deleted.");
		return;
	}
	state_name(name, zone);
	route53_begin(c, "DeleteHostedZoneResponse");
	if (lab_state_remove(c->r53->lab, name, &err) < 0 ||
		dns_zones_publish(c->r53->dns, c->id, dro_json_text(zone->doc, "Name"), NULL,
			dro_now_ms() + (uint64_t)c->r53->insync_ms, &err) < 0 ||
		route53_tags_forget(c->r53, "hostedzone", c->id, &err) < 0 ||
		route53_change_add(c, "", &err) < 0) {
		route53_error(c, 500, "InternalFailure", "%s", err.message);
		return;
	}
	route53_end(c, "DeleteHostedZoneResponse");
	lab_reply_id(c->reply, c->id);
	while (*link != zone)
		link = &(*link)->next;
	*link = zone->next;
	route53_zone_free(zone);
}
