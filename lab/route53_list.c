#include <stdlib.h>
#include <string.h>

#include "lab/route53.h"

/* Where the list begins. NULL: answered. */
static char *start_key(struct route53_call *c)
{
	const char *name = lab_query(c->request, "name"), *type = lab_query(c->request, "type");
	const char *set = lab_query(c->request, "identifier");
	char stored[ROUTE53_NAME] = "", *key;

	if ((type && !name) || (set && !type)) {
		route53_error(c, 400, "InvalidInput",
			"StartRecordType needs StartRecordName, and StartRecordIdentifier both");
		return NULL;
	}
	if (name && !route53_name(stored, name)) {
		route53_error(c, 400, "InvalidInput", "%.255s is not a valid domain name", name);
		return NULL;
	}
	key = name ? route53_key(stored, type ? type : "", set ? set : "") : strdup("");
	if (!key)
		route53_error(c, 500, "InternalFailure", "out of memory");
	return key;
}

static void put_next(struct dro_buf *out, const struct route53_set *set)
{
	const char *identifier = dro_json_text(set->doc, "SetIdentifier");

	lab_xml_element(out, "NextRecordName", dro_json_text(set->doc, "Name"));
	lab_xml_element(out, "NextRecordType", dro_json_text(set->doc, "Type"));
	if (*identifier)
		lab_xml_element(out, "NextRecordIdentifier", identifier);
}

void route53_sets_list(struct route53_call *c)
{
	const struct route53_zone *zone = route53_zone_need(c);
	struct dro_buf *body = &c->reply->body;
	size_t at, end;
	bool found;
	int64_t max;
	char *key;

	if (!zone || !route53_max_items(c, 300, &max) || !(key = start_key(c)))
		return;
	at = route53_sets_find(&zone->sets, key, &found);
	free(key);
	end = zone->sets.count - at > (size_t)max ? at + (size_t)max : zone->sets.count;
	route53_begin(c, "ListResourceRecordSetsResponse");
	dro_buf_puts(body, "<ResourceRecordSets>");
	for (; at < end; at++)
		route53_set_write(body, zone->sets.items[at].doc);
	dro_buf_printf(body, "</ResourceRecordSets><IsTruncated>%s</IsTruncated>",
		end < zone->sets.count ? "true" : "false");
	if (end < zone->sets.count)
		put_next(body, &zone->sets.items[end]);
	dro_buf_printf(body, "<MaxItems>%lld</MaxItems>", (long long)max);
	route53_end(c, "ListResourceRecordSetsResponse");
}
