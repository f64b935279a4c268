/*
 * Health checks that are there, and what their checkers see.
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHealthChecks.html
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListTagsForResources.html
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHealthCheckStatus.html
 */
#include "plugins/route53/checks.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "plugins/common/paging.h"
#include "plugins/common/when.h"

#define PAGE "100"
#define PAGES_MAX 1000
#define BODY_MAX 4096
#define VANTAGE_MAX 256

/* ---- one check ---------------------------------------------------------------------------------
 */

static uint32_t number(const struct dro_xml_node *node, const char *element)
{
	unsigned long value = strtoul(dro_xml_text(node, element), NULL, 10);

	return value > INT32_MAX ? INT32_MAX : (uint32_t)value;
}

/* One that looks for a string, or turns its verdict over, is more than a record can say. */
static uint32_t kind_of(const struct dro_xml_node *config)
{
	const char *type = dro_xml_text(config, "Type");

	if (strcmp(dro_xml_text(config, "Inverted"), "true") == 0)
		return DRO_CHECK_OTHER;
	if (strcmp(type, "HTTP") == 0)
		return DRO_CHECK_HTTP;
	if (strcmp(type, "HTTPS") == 0)
		return DRO_CHECK_HTTPS;
	return strcmp(type, "TCP") == 0 ? DRO_CHECK_TCP : DRO_CHECK_OTHER;
}

struct dro_health_check r53_check_read(const struct dro_xml_node *node)
{
	const struct dro_xml_node *config = dro_xml_child(node, "HealthCheckConfig");

	return (struct dro_health_check){.size = sizeof(struct dro_health_check),
		.kind = kind_of(config),
		.id = dro_xml_text(node, "Id"),
		.version = dro_xml_text(node, "HealthCheckVersion"),
		.owner = "",
		.address = dro_xml_text(config, "IPAddress"),
		.host = dro_xml_text(config, "FullyQualifiedDomainName"),
		.path = dro_xml_text(config, "ResourcePath"),
		.port = number(config, "Port"),
		.interval_s = number(config, "RequestInterval"),
		.fail_after = number(config, "FailureThreshold"),
		.state = DRO_HEALTH_UNKNOWN};
}

/* ---- whose they are
 * ------------------------------------------------------------------------------ */

static const char *owner_in(const struct dro_xml_node *set)
{
	const struct dro_xml_node *tag = dro_xml_child(set, "Tags/Tag");

	for (; tag; tag = dro_xml_next(tag))
		if (strcmp(dro_xml_text(tag, "Key"), R53_CHECK_OWNER_TAG) == 0)
			return dro_xml_text(tag, "Value");
	return "";
}

static int read_owners(struct r53 *r53, const struct dro_xml_node *root, const char *const *ids,
	size_t count, char **owners, struct dro_error *err)
{
	const struct dro_xml_node *set = dro_xml_child(root, "ResourceTagSets/ResourceTagSet");
	size_t i;

	for (; set; set = dro_xml_next(set))
		for (i = 0; i < count; i++) {
			if (owners[i] || strcmp(dro_xml_text(set, "ResourceId"), ids[i]) != 0)
				continue;
			owners[i] = strdup(owner_in(set));
			if (!owners[i])
				return r53_no_memory(r53, err);
		}
	for (i = 0; i < count; i++) /* there, or the call had failed; but without a tag */
		if (!owners[i] && !(owners[i] = strdup("")))
			return r53_no_memory(r53, err);
	return 0;
}

static int ask_owners(struct r53 *r53, const char *const *ids, size_t count, char **owners,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf body = DRO_BUF_INIT(BODY_MAX);
	const struct r53_ask ask = {
		.method = "POST", .path = {"tags", "healthcheck"}, .body = &body};
	struct dro_xml *xml = NULL;
	size_t i;
	int rc;

	dro_buf_puts(&body, R53_XML_BEGIN("ListTagsForResourcesRequest") "<ResourceIds>");
	for (i = 0; i < count; i++) {
		dro_buf_puts(&body, "<ResourceId>");
		dro_xml_escape(&body, ids[i]);
		dro_buf_puts(&body, "</ResourceId>");
	}
	dro_buf_puts(&body, "</ResourceIds></ListTagsForResourcesRequest>");
	if ((rc = dro_buf_check(&body, err)) == 0 &&
		(rc = r53_ask(r53, &ask, &xml, call, err)) == 0)
		rc = read_owners(r53, dro_xml_root(xml), ids, count, owners, err);
	dro_xml_free(xml);
	dro_buf_free(&body);
	return rc;
}

int r53_check_owners(struct r53 *r53, const char *const *ids, size_t count, char **owners,
	const struct dro_call *call, struct dro_error *err)
{
	size_t i;
	int rc;

	for (i = 0; i < count; i++)
		owners[i] = NULL;
	rc = count ? ask_owners(r53, ids, count, owners, call, err) : 0;
	if (rc != DRO_ENOTFOUND)
		return rc;
	/* One of them was deleted since it was listed: which? */
	for (i = 0, rc = 0; i < count && count > 1 && rc == 0; i++) {
		rc = ask_owners(r53, &ids[i], 1, &owners[i], call, err);
		if (rc == DRO_ENOTFOUND)
			rc = 0;
	}
	return rc;
}

/* ---- the list
 * ------------------------------------------------------------------------------------ */

/* 1: there is another page. */
static int walk_page(struct r53 *r53, struct dro_paging *paging,
	int (*visit)(void *arg, const struct dro_xml_node *list), void *arg, int *visited,
	const struct dro_call *call, struct dro_error *err)
{
	const struct dro_pair query[] = {{"maxitems", PAGE}, {"marker", paging->token}};
	const struct r53_ask ask = {.method = "GET",
		.path = {"healthcheck"},
		.query = query,
		.query_count = paging->token ? 2 : 1};
	const struct dro_xml_node *root, *list;
	struct dro_xml *xml = NULL;
	const char *next = "";
	int rc;

	if ((rc = r53_ask(r53, &ask, &xml, call, err)) < 0)
		return rc;
	root = dro_xml_root(xml);
	list = dro_xml_child(root, "HealthChecks");
	if (strcmp(dro_xml_text(root, "IsTruncated"), "true") == 0)
		next = dro_xml_text(root, "NextMarker");
	if (!list)
		rc = r53_nonsense(r53, &ask, "no list of health checks", err);
	else if (!*next && strcmp(dro_xml_text(root, "IsTruncated"), "true") == 0)
		rc = r53_nonsense(r53, &ask, "it does not say where it goes on", err);
	else if ((rc = *visited = visit(arg, list)) == 0)
		rc = dro_paging_next(paging, next, err);
	else
		rc = 0; /* *visited is the answer */
	dro_xml_free(xml);
	return rc;
}

int r53_checks_walk(struct r53 *r53, int (*visit)(void *arg, const struct dro_xml_node *list),
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct dro_paging paging = DRO_PAGING_INIT("list of health checks", PAGES_MAX);
	int rc, visited = 0;

	do
		rc = walk_page(r53, &paging, visit, arg, &visited, call, err);
	while (rc > 0);
	dro_paging_free(&paging);
	return rc < 0 ? rc : visited;
}

struct listing {
	struct r53 *r53;
	dro_emit_check emit;
	void *arg;
	const struct dro_call *call;
	struct dro_error *err;
};

static int emit_some(const struct listing *listing, const struct dro_xml_node *const *nodes,
	const char *const *ids, size_t count)
{
	char *owners[R53_CHECK_OWNERS_MAX] = {NULL};
	size_t i;
	int rc;

	rc = r53_check_owners(listing->r53, ids, count, owners, listing->call, listing->err);
	for (i = 0; i < count && rc == 0; i++) {
		struct dro_health_check check = r53_check_read(nodes[i]);

		if (!owners[i])
			continue;
		check.owner = owners[i];
		rc = listing->emit(listing->arg, &check);
	}
	for (i = 0; i < count; i++)
		free(owners[i]);
	return rc;
}

static int list_page(void *arg, const struct dro_xml_node *list)
{
	const struct listing *listing = arg;
	const struct dro_xml_node *node, *nodes[R53_CHECK_OWNERS_MAX];
	const char *ids[R53_CHECK_OWNERS_MAX];
	size_t count = 0;
	int rc = 0;

	for (node = dro_xml_child(list, "HealthCheck"); node && rc == 0;
		node = dro_xml_next(node)) {
		nodes[count] = node;
		ids[count] = dro_xml_text(node, "Id");
		if (!r53_check_id_valid(ids[count]))
			return listing->r53->host->fail(listing->err, DRO_EPROTO, NULL,
				"Route 53's answer cannot be read (a health check without an id)");
		if (++count == R53_CHECK_OWNERS_MAX) {
			rc = emit_some(listing, nodes, ids, count);
			count = 0;
		}
	}
	return rc ? rc : emit_some(listing, nodes, ids, count);
}

int r53_list_checks(void *account, dro_emit_check emit, void *arg, const struct dro_call *call,
	struct dro_error *err)
{
	struct listing listing = {
		.r53 = account, .emit = emit, .arg = arg, .call = call, .err = err};

	return r53_checks_walk(account, list_page, &listing, call, err);
}

/* ---- what the checkers see
 * ----------------------------------------------------------------------- */

static uint32_t state_of(const char *text)
{
	if (strncmp(text, "Success", strlen("Success")) == 0)
		return DRO_HEALTHY;
	return strncmp(text, "Failure", strlen("Failure")) == 0 ? DRO_UNHEALTHY
								: DRO_HEALTH_UNKNOWN;
}

static int emit_observation(struct r53 *r53, const struct dro_xml_node *node, dro_emit_vantage emit,
	void *arg, struct dro_error *err)
{
	struct dro_buf name = DRO_BUF_INIT(VANTAGE_MAX);
	struct dro_vantage vantage = {.size = sizeof(vantage),
		.text = dro_xml_text(node, "StatusReport/Status"),
		.checked_ms = dro_when_iso(dro_xml_text(node, "StatusReport/CheckedTime"))};
	int rc;

	/* A region has several checkers, told apart by their addresses. */
	dro_buf_printf(
		&name, "%s %s", dro_xml_text(node, "Region"), dro_xml_text(node, "IPAddress"));
	vantage.name = dro_buf_str(&name);
	vantage.state = state_of(vantage.text);
	rc = name.failed == DRO_ENOMEM ? r53_no_memory(r53, err) : emit(arg, &vantage);
	dro_buf_free(&name);
	return rc;
}

int r53_check_status(void *account, const char *id, dro_emit_vantage emit, void *arg,
	const struct dro_call *call, struct dro_error *err)
{
	struct r53 *r53 = account;
	const struct r53_ask ask = {.method = "GET", .path = {"healthcheck", id, "status"}};
	const struct dro_xml_node *list, *node;
	struct dro_xml *xml = NULL;
	int rc;

	if (!r53_check_id_valid(id))
		return r53->host->fail(
			err, DRO_EINVAL, NULL, "\"%.80s\" is no id of a health check", id);
	if ((rc = r53_ask(r53, &ask, &xml, call, err)) < 0)
		return rc;
	list = dro_xml_child(dro_xml_root(xml), "HealthCheckObservations");
	if (!list)
		rc = r53_nonsense(r53, &ask, "no observations", err);
	for (node = dro_xml_child(list, "HealthCheckObservation"); node && rc == 0;
		node = dro_xml_next(node))
		rc = emit_observation(r53, node, emit, arg, err);
	dro_xml_free(xml);
	return rc;
}
