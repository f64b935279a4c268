#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "plugins/route53/route53.h"

const char *r53_id(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(text, prefix, length) == 0)
		text += length;
	length = strlen(text);
	if (length == 0 || length > R53_ID_MAX ||
		strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") !=
			length)
		return NULL;
	return text;
}

bool r53_check_id_valid(const char *id)
{
	size_t length = strlen(id);

	return length > 0 && length <= R53_CHECK_ID_MAX &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
		       length;
}

/* The one public zone of that name: the list only *starts at* it. */
static int pick(struct r53 *r53, const struct r53_ask *ask, const struct dro_xml_node *root,
	const char *name, char id[R53_ID_MAX + 1], struct dro_error *err)
{
	const struct dro_xml_node *zones = dro_xml_child(root, "HostedZones"), *zone;
	struct dro_buf own = DRO_BUF_INIT(R53_NAME_MAX);
	const char *found = NULL;
	int rc = 0;

	if (!zones)
		return r53_nonsense(r53, ask, "no list of zones", err);
	for (zone = dro_xml_child(zones, "HostedZone"); zone && rc == 0;
		zone = dro_xml_next(zone)) {
		dro_buf_reset(&own);
		r53_name_read(&own, dro_xml_text(zone, "Name"));
		if (strcasecmp(dro_buf_str(&own), name) != 0 ||
			strcmp(dro_xml_text(zone, "Config/PrivateZone"), "true") == 0)
			continue;
		if (found)
			rc = r53->host->fail(err, DRO_EINVAL, NULL,
				"the account has several public zones %s: which one is meant?",
				name);
		found = dro_xml_text(zone, "Id");
	}
	dro_buf_free(&own);
	if (rc < 0)
		return rc;
	if (!found)
		return r53->host->fail(
			err, DRO_ENOTFOUND, NULL, "no public zone %s in this account", name);
	found = r53_id(found, "/hostedzone/");
	if (!found)
		return r53_nonsense(r53, ask, "a zone without an id", err);
	memcpy(id, found, strlen(found) + 1);
	return 0;
}

int r53_zone_id(struct r53 *r53, const char *name, char id[R53_ID_MAX + 1],
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf written = DRO_BUF_INIT(R53_NAME_MAX);
	struct dro_xml *xml = NULL;
	int rc;

	if (dro_zones_find(&r53->zones, name, id, R53_ID_MAX + 1))
		return 0;
	r53_name_write(&written, name);
	if ((rc = dro_buf_check(&written, err)) == 0) {
		const struct dro_pair query[] = {
			{"dnsname", dro_buf_str(&written)}, {"maxitems", "100"}};
		const struct r53_ask ask = {.method = "GET",
			.path = {"hostedzonesbyname"},
			.query = query,
			.query_count = 2};

		if ((rc = r53_ask(r53, &ask, &xml, call, err)) == 0 &&
			(rc = pick(r53, &ask, dro_xml_root(xml), name, id, err)) == 0)
			rc = dro_zones_keep(&r53->zones, name, id, err);
	}
	dro_xml_free(xml);
	dro_buf_free(&written);
	return rc;
}
