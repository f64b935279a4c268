/*
 * Deleting a health check. Route 53 lets one go that records use, and says that where their traffic
 * goes then cannot be told: so we look first.
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_DeleteHealthCheck.html
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZonesByName.html
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "plugins/common/paging.h"
#include "plugins/route53/checks.h"

#define ZONES_PAGES_MAX 100
#define TOKEN_MAX 2048

struct search {
	struct r53 *r53;
	const char *id;
	bool there;
	const struct dro_call *call;
	struct dro_error *err;
};

static int in_use(const struct search *search, const char *what, const char *name)
{
	return search->r53->host->fail(search->err, DRO_ECONFLICT, NULL,
		"health check %s is in use by %s %s", search->id, what, name);
}

/* A calculated check counts others. */
static int look_at_checks(void *arg, const struct dro_xml_node *list)
{
	struct search *search = arg;
	const struct dro_xml_node *node, *child;

	for (node = dro_xml_child(list, "HealthCheck"); node; node = dro_xml_next(node)) {
		if (strcmp(dro_xml_text(node, "Id"), search->id) == 0)
			search->there = true;
		child = dro_xml_child(node, "HealthCheckConfig/ChildHealthChecks/ChildHealthCheck");
		for (; child; child = dro_xml_next(child))
			if (strcmp(child->text, search->id) == 0)
				return in_use(search, "health check", dro_xml_text(node, "Id"));
	}
	return 0;
}

static int look_at_zone(const struct search *search, const char *zone_id)
{
	struct r53_sets sets = {0};
	size_t i;
	int rc;

	rc = r53_sets_read_id(search->r53, &sets, zone_id, search->call, search->err);
	if (rc == DRO_ENOTFOUND) /* deleted meanwhile, and its records with it */
		rc = 0;
	for (i = 0; i < sets.count && rc == 0; i++)
		if (strcmp(dro_xml_text(sets.items[i].node, "HealthCheckId"), search->id) == 0)
			rc = in_use(search, sets.items[i].type, sets.items[i].name);
	r53_sets_free(&sets);
	return rc;
}

/* 1: there is another page. */
static int look_at_page(const struct search *search, struct dro_paging *paging)
{
	char name[TOKEN_MAX] = "";
	const char *id = paging->token ? strchr(paging->token, '\n') : NULL;
	const struct dro_pair query[] = {
		{"maxitems", "100"}, {"dnsname", name}, {"hostedzoneid", id ? id + 1 : ""}};
	const struct r53_ask ask = {.method = "GET",
		.path = {"hostedzonesbyname"},
		.query = query,
		.query_count = id ? 3 : 1};
	struct dro_buf next = DRO_BUF_INIT(TOKEN_MAX);
	const struct dro_xml_node *root, *zone;
	struct dro_xml *xml = NULL;
	int rc;

	if (id)
		snprintf(name, sizeof(name), "%.*s", (int)(id - paging->token), paging->token);
	if ((rc = r53_ask(search->r53, &ask, &xml, search->call, search->err)) < 0)
		return rc;
	root = dro_xml_root(xml);
	if (!dro_xml_child(root, "HostedZones"))
		rc = r53_nonsense(search->r53, &ask, "no list of zones", search->err);
	for (zone = dro_xml_child(root, "HostedZones/HostedZone"); zone && rc == 0;
		zone = dro_xml_next(zone)) {
		id = r53_id(dro_xml_text(zone, "Id"), "/hostedzone/");
		rc = id ? look_at_zone(search, id)
			: r53_nonsense(search->r53, &ask, "a zone without an id", search->err);
	}
	if (rc == 0 && strcmp(dro_xml_text(root, "IsTruncated"), "true") == 0)
		dro_buf_printf(&next, "%s\n%s", dro_xml_text(root, "NextDNSName"),
			dro_xml_text(root, "NextHostedZoneId"));
	if (rc == 0 && (rc = dro_buf_check(&next, search->err)) == 0)
		rc = dro_paging_next(paging, dro_buf_str(&next), search->err);
	dro_buf_free(&next);
	dro_xml_free(xml);
	return rc;
}

static int look_for_users(struct search *search)
{
	struct dro_paging paging = DRO_PAGING_INIT("list of zones", ZONES_PAGES_MAX);
	int rc = r53_checks_walk(search->r53, look_at_checks, search, search->call, search->err);

	if (rc < 0 || !search->there)
		return rc;
	do
		rc = look_at_page(search, &paging);
	while (rc > 0);
	dro_paging_free(&paging);
	return rc;
}

int r53_delete_check(
	void *account, const char *id, const struct dro_call *call, struct dro_error *err)
{
	struct r53 *r53 = account;
	const struct r53_ask ask = {
		.method = "DELETE", .path = {"healthcheck", id}, .mutation = true, .bare = true};
	struct search search = {.r53 = r53, .id = id, .call = call, .err = err};
	struct dro_xml *none = NULL;
	int rc;

	if (!r53_check_id_valid(id))
		return r53->host->fail(
			err, DRO_EINVAL, NULL, "\"%.80s\" is no id of a health check", id);
	if ((rc = look_for_users(&search)) < 0)
		return rc;
	rc = r53_ask(r53, &ask, &none, call, err);
	return rc == DRO_ENOTFOUND ? 0 : rc;
}
