/*
 * What is there.
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "plugins/common/paging.h"
#include "plugins/route53/route53.h"

#define PAGE_ZONE "300"
#define PAGE_NAME "100" /* a name, what stands below it, and with luck its owner */
#define PAGES_MAX 5000
#define TOKEN_MAX 4096

void r53_sets_free(struct r53_sets *sets)
{
	size_t i;

	for (i = 0; i < sets->count; i++)
		free(sets->items[i].name);
	for (i = 0; i < sets->page_count; i++)
		dro_xml_free(sets->pages[i]);
	r53_owner_index_free(sets);
	free(sets->items);
	free(sets->pages);
	*sets = (struct r53_sets){0};
}

static int compare_set(
	const struct r53_set *set, const char *name, const char *type, const char *set_id)
{
	int order = strcmp(set->name, name);

	if (order == 0)
		order = strcmp(set->type, type);
	return order ? order : strcmp(set->set_id, set_id);
}

static int compare(const void *a, const void *b)
{
	const struct r53_set *other = b;

	return compare_set(a, other->name, other->type, other->set_id);
}

const struct r53_set *r53_sets_find(
	const struct r53_sets *sets, const char *name, const char *type, const char *set_id)
{
	size_t low = 0, high = sets->count;
	const struct r53_set *set;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_set(&sets->items[middle], name, type, set_id ? set_id : "") < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == sets->count)
		return NULL;
	set = &sets->items[low];
	if (strcmp(set->name, name) != 0 || strcmp(set->type, type) != 0)
		return NULL;
	return !set_id || strcmp(set->set_id, set_id) == 0 ? set : NULL;
}

enum r53_routing r53_set_routing(const struct r53_set *set)
{
	if (dro_xml_child(set->node, "Weight"))
		return R53_WEIGHTED;
	if (dro_xml_child(set->node, "Failover"))
		return r53_set_failover(set) ? R53_FAILOVER : R53_OTHER;
	return *set->set_id ? R53_OTHER : R53_SIMPLE;
}

uint32_t r53_set_failover(const struct r53_set *set)
{
	const char *word = dro_xml_text(set->node, "Failover");

	if (strcmp(word, "PRIMARY") == 0)
		return DRO_FAILOVER_PRIMARY;
	return strcmp(word, "SECONDARY") == 0 ? DRO_FAILOVER_SECONDARY : DRO_FAILOVER_NONE;
}

bool r53_set_opaque(const struct r53_set *set)
{
	return r53_set_routing(set) == R53_OTHER ||
	       dro_xml_child(set->node, "TrafficPolicyInstanceId");
}

uint32_t r53_set_number(const struct r53_set *set, const char *element)
{
	unsigned long number = strtoul(dro_xml_text(set->node, element), NULL, 10);

	return number > INT32_MAX ? INT32_MAX : (uint32_t)number;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static int keep_page(struct r53_sets *sets, struct dro_xml *xml)
{
	struct dro_xml **grown =
		realloc(sets->pages, (sets->page_count + 1) * sizeof(*sets->pages));

	if (!grown) {
		dro_xml_free(xml);
		return DRO_ENOMEM;
	}
	sets->pages = grown;
	sets->pages[sets->page_count++] = xml;
	return 0;
}

static int add(struct r53_sets *sets, const struct r53_set *set)
{
	if (sets->count == sets->capacity) {
		size_t capacity = sets->capacity ? sets->capacity * 2 : 64;
		struct r53_set *grown = realloc(sets->items, capacity * sizeof(*grown));

		if (!grown)
			return DRO_ENOMEM;
		sets->items = grown;
		sets->capacity = capacity;
	}
	sets->items[sets->count++] = *set;
	return 0;
}

/* What one read is about, and where it stands. */
struct reading {
	struct r53 *r53;
	struct r53_sets *out;
	const char *zone_id;
	const char *name; /* "" : all */
	const char *also; /* taken too where it comes by; "" : none */
	bool beyond;	  /* a set of another name was met */
	bool also_seen;
	struct dro_paging paging;
	const struct dro_call *call;
	struct dro_error *err;
};

static bool wanted(struct reading *reading, const char *name)
{
	if (!*reading->name || strcmp(name, reading->name) == 0)
		return true;
	reading->beyond = true;
	if (!*reading->also || strcmp(name, reading->also) != 0)
		return false;
	reading->also_seen = true;
	return true;
}

static int add_page(
	struct reading *reading, const struct r53_ask *ask, const struct dro_xml_node *root)
{
	const struct dro_xml_node *list = dro_xml_child(root, "ResourceRecordSets"), *node;
	struct dro_buf name = DRO_BUF_INIT(R53_NAME_MAX);
	int rc = 0;

	if (!list)
		return r53_nonsense(reading->r53, ask, "no list of record sets", reading->err);
	for (node = dro_xml_child(list, "ResourceRecordSet"); node && rc == 0;
		node = dro_xml_next(node)) {
		struct r53_set set = {.node = node,
			.type = dro_xml_text(node, "Type"),
			.set_id = dro_xml_text(node, "SetIdentifier")};

		dro_buf_reset(&name);
		r53_name_read(&name, dro_xml_text(node, "Name"));
		if (name.failed || !name.length || !*set.type)
			rc = r53_nonsense(
				reading->r53, ask, "a set without a name or type", reading->err);
		else if (!wanted(reading, dro_buf_str(&name)))
			continue;
		else if (!(set.name = strdup(dro_buf_str(&name))) || add(reading->out, &set) < 0) {
			free(set.name);
			rc = r53_no_memory(reading->r53, reading->err);
		}
	}
	dro_buf_free(&name);
	return rc;
}

/*
 * The place of the next page as the guard's token: name, type and identifier in lines. Within a
 * weighted set only the identifier advances. "" after the last.
 */
static int next_token(struct reading *reading, const struct r53_ask *ask,
	const struct dro_xml_node *root, struct dro_buf *token)
{
	dro_buf_reset(token);
	if (strcmp(dro_xml_text(root, "IsTruncated"), "true") != 0 || reading->beyond)
		return 0;
	if (!*dro_xml_text(root, "NextRecordName") || !*dro_xml_text(root, "NextRecordType"))
		return r53_nonsense(
			reading->r53, ask, "it does not say where it goes on", reading->err);
	dro_buf_printf(token, "%s\n%s\n%s", dro_xml_text(root, "NextRecordName"),
		dro_xml_text(root, "NextRecordType"), dro_xml_text(root, "NextRecordIdentifier"));
	return dro_buf_check(token, reading->err);
}

/* Where the page begins: after the first one, at the guard's token. */
static void add_start(struct dro_params *query, const struct reading *reading)
{
	struct dro_buf start = DRO_BUF_INIT(TOKEN_MAX);
	static const char *const names[] = {"name", "type", "identifier"};
	const char *token = reading->paging.token;
	size_t i;

	if (!token && *reading->name) {
		r53_name_write(&start, reading->name);
		dro_params_add(query, "name", dro_buf_str(&start));
	}
	for (i = 0; token && i < 3; i++) {
		size_t length = i < 2 ? strcspn(token, "\n") : strlen(token);

		dro_buf_reset(&start);
		dro_buf_append(&start, token, length);
		dro_params_add_set(query, names[i], dro_buf_str(&start));
		token += length + (i < 2);
	}
	if (start.failed)
		query->failed = start.failed;
	dro_buf_free(&start);
}

/* 1: there is another page. */
static int read_page(struct reading *reading)
{
	struct dro_params query = DRO_PARAMS_INIT;
	struct r53_ask ask = {.method = "GET", .path = {"hostedzone", reading->zone_id, "rrset"}};
	struct dro_buf token = DRO_BUF_INIT(TOKEN_MAX);
	struct dro_xml *xml = NULL;
	int rc;

	dro_params_add(&query, "maxitems", *reading->name ? PAGE_NAME : PAGE_ZONE);
	add_start(&query, reading);
	ask.query = query.items;
	ask.query_count = query.count;
	if ((rc = dro_params_check(&query, reading->err)) < 0 ||
		(rc = r53_ask(reading->r53, &ask, &xml, reading->call, reading->err)) < 0)
		goto out;
	if (keep_page(reading->out, xml) < 0) {
		rc = r53_no_memory(reading->r53, reading->err);
		goto out;
	}
	if ((rc = add_page(reading, &ask, dro_xml_root(xml))) == 0 &&
		(rc = next_token(reading, &ask, dro_xml_root(xml), &token)) == 0)
		rc = dro_paging_next(&reading->paging, dro_buf_str(&token), reading->err);
	/* The last answer is the zone's end: what was not met is not there. */
	if (rc == 0 && strcmp(dro_xml_text(dro_xml_root(xml), "IsTruncated"), "true") != 0)
		reading->also_seen = true;
out:
	dro_buf_free(&token);
	dro_params_free(&query);
	return rc;
}

static int read_name(struct reading *reading, const char *name, const char *also)
{
	int rc;

	reading->name = name;
	reading->also = also;
	reading->beyond = reading->also_seen = false;
	reading->paging = (struct dro_paging)DRO_PAGING_INIT("list of record sets", PAGES_MAX);
	do
		rc = read_page(reading);
	while (rc > 0);
	dro_paging_free(&reading->paging);
	return rc;
}

static int order(struct reading *reading)
{
	struct r53_sets *out = reading->out;

	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), compare);
	return r53_owner_index(out) < 0 ? r53_no_memory(reading->r53, reading->err) : 0;
}

int r53_sets_read_id(struct r53 *r53, struct r53_sets *out, const char *zone_id,
	const struct dro_call *call, struct dro_error *err)
{
	struct reading reading = {
		.r53 = r53, .out = out, .zone_id = zone_id, .call = call, .err = err};

	return read_name(&reading, "", "");
}

int r53_sets_read(struct r53 *r53, struct r53_sets *out, const char *zone, const char *name,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf owner = DRO_BUF_INIT(R53_NAME_MAX);
	char id[R53_ID_MAX + 1];
	struct reading reading = {.r53 = r53, .out = out, .zone_id = id, .call = call, .err = err};
	int rc;

	if (*name)
		dro_buf_printf(&owner, R53_OWNER_PREFIX "%s", name);
	if ((rc = dro_buf_check(&owner, err)) < 0 ||
		(rc = r53_zone_id(r53, zone, id, call, err)) < 0)
		goto out;
	rc = read_name(&reading, name, dro_buf_str(&owner));
	if (rc == 0 && *name && !reading.also_seen)
		rc = read_name(&reading, dro_buf_str(&owner), "");
	/* Made anew under another id, perhaps: the old one is then nobody's. */
	if (rc == DRO_ENOTFOUND || rc == DRO_EAUTH)
		dro_zones_forget(&r53->zones, zone);
	if (rc == 0)
		rc = order(&reading);
out:
	dro_buf_free(&owner);
	return rc;
}
