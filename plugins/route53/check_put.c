/*
 * Making and changing a health check. It is made with the call's key as its CallerReference, so
 * that a repeat finds it, also where the first call ended before the mark stood on it.
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHealthCheck.html
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_UpdateHealthCheck.html
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeTagsForResource.html
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "plugins/route53/checks.h"

#define BODY_MAX 8192
#define TEXT_MAX 255
#define FAIL_AFTER_MAX 10

struct putting {
	struct r53 *r53;
	struct dro_health_check check; /* whole */
	char id[R53_CHECK_ID_MAX + 1];
	bool changed; /* something there is no longer as it was before the call */
	const struct dro_call *call;
	struct dro_error *err;
};

static const char *const types[] = {
	[DRO_CHECK_HTTP] = "HTTP", [DRO_CHECK_HTTPS] = "HTTPS", [DRO_CHECK_TCP] = "TCP"};

/* ---- what is asked for -------------------------------------------------------------------------
 */

/* Older hosts give a shorter struct; texts may be missing. */
static struct dro_health_check whole(const struct dro_health_check *check)
{
	struct dro_health_check own = {0};
	const char **texts[] = {
		&own.id, &own.version, &own.owner, &own.address, &own.host, &own.path};
	size_t i;

	memcpy(&own, check, check->size < sizeof(own) ? check->size : sizeof(own));
	own.size = sizeof(own);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!*texts[i])
			*texts[i] = "";
	if (own.kind == DRO_CHECK_TCP)
		own.path = ""; /* a connection is all that is asked for */
	return own;
}

static bool is_address(const char *text)
{
	unsigned char binary[16];

	return inet_pton(AF_INET, text, binary) == 1;
}

static const char *fault_of(const struct dro_health_check *check)
{
	if (check->kind < DRO_CHECK_HTTP || check->kind > DRO_CHECK_TCP)
		return "a check of this kind is not made here";
	if (check->interval_s != 10 && check->interval_s != 30)
		return "Route 53 checks every 10 or 30 s";
	if (check->fail_after < 1 || check->fail_after > FAIL_AFTER_MAX)
		return "1..10 answers in a row change a verdict";
	if (check->port < 1 || check->port > 65535)
		return "a port is 1..65535";
	if (!*check->address && !*check->host)
		return "it needs an address or a host";
	if (*check->address && !is_address(check->address))
		return "that is no IPv4 address";
	if (*check->path && *check->path != '/')
		return "a path begins with /";
	if (strlen(check->host) > TEXT_MAX || strlen(check->path) > TEXT_MAX)
		return "a host or path is too long";
	if (!r53_owner_valid(check->owner))
		return "an ownership mark is ASCII without comma, quote and backslash";
	if (*check->id && !r53_check_id_valid(check->id))
		return "that is no id of a health check";
	return NULL;
}

static int fail(struct putting *putting, int code, const char *why)
{
	const struct dro_health_check *check = &putting->check;
	const char *what = *check->host ? check->host : check->address;

	return putting->r53->host->fail(putting->err, code, NULL, "health check%s%s of %s: %s",
		*check->id ? " " : "", check->id, *what ? what : "nothing", why);
}

/* ---- its mark
 * ------------------------------------------------------------------------------------ */

static void put_text(struct dro_buf *out, const char *name, const char *text)
{
	dro_buf_printf(out, "<%s>", name);
	dro_xml_escape(out, text);
	dro_buf_printf(out, "</%s>", name);
}

static void put_number(struct dro_buf *out, const char *name, uint32_t number)
{
	dro_buf_printf(out, "<%s>%u</%s>", name, number, name);
}

/* Setting a tag to what it is changes nothing: a repeat is harmless. */
static int mark(struct putting *putting)
{
	struct dro_buf body = DRO_BUF_INIT(BODY_MAX);
	const struct r53_ask ask = {.method = "POST",
		.path = {"tags", "healthcheck", putting->id},
		.body = &body,
		.mutation = true,
		.bare = true};
	struct dro_xml *none = NULL;
	int rc;

	dro_buf_puts(&body, R53_XML_BEGIN("ChangeTagsForResourceRequest"));
	if (*putting->check.owner) {
		dro_buf_puts(&body, "<AddTags><Tag><Key>" R53_CHECK_OWNER_TAG "</Key>");
		put_text(&body, "Value", putting->check.owner);
		dro_buf_puts(&body, "</Tag></AddTags>");
	} else {
		dro_buf_puts(
			&body, "<RemoveTagKeys><Key>" R53_CHECK_OWNER_TAG "</Key></RemoveTagKeys>");
	}
	dro_buf_puts(&body, "</ChangeTagsForResourceRequest>");
	if ((rc = dro_buf_check(&body, putting->err)) == 0)
		rc = r53_ask(putting->r53, &ask, &none, putting->call, putting->err);
	dro_buf_free(&body);
	return rc;
}

static int mark_where_it_differs(struct putting *putting)
{
	const char *id = putting->id;
	char *owner;
	int rc;

	rc = r53_check_owners(putting->r53, &id, 1, &owner, putting->call, putting->err);
	if (rc == 0 && !owner)
		rc = fail(putting, DRO_ENOTFOUND, "it was deleted meanwhile");
	if (rc == 0 && strcmp(owner, putting->check.owner) != 0)
		rc = mark(putting);
	free(owner);
	return rc;
}

/* ---- a new one
 * ------------------------------------------------------------------------------------ */

static int keep_id(struct putting *putting, const struct dro_xml_node *check)
{
	const char *id = dro_xml_text(check, "Id");

	if (!r53_check_id_valid(id))
		return -1;
	memcpy(putting->id, id, strlen(id) + 1);
	return 0;
}

/* 1: found. */
static int find_own(void *arg, const struct dro_xml_node *list)
{
	struct putting *putting = arg;
	const struct dro_xml_node *node;

	for (node = dro_xml_child(list, "HealthCheck"); node; node = dro_xml_next(node))
		if (strcmp(dro_xml_text(node, "CallerReference"), putting->call->idem_key) == 0)
			return keep_id(putting, node) < 0 ? 0 : 1;
	return 0;
}

/* The key made one before: which may have been changed since, or deleted. */
static int find_made(struct putting *putting)
{
	int rc = r53_checks_walk(putting->r53, find_own, putting, putting->call, putting->err);

	if (rc == 0)
		return fail(putting, DRO_ECONFLICT,
			"an earlier call with this key made it, and it was deleted since");
	return rc < 0 ? rc : 0;
}

static void print_config(struct dro_buf *out, const struct dro_health_check *check)
{
	dro_buf_puts(out, "<HealthCheckConfig>");
	if (*check->address)
		put_text(out, "IPAddress", check->address);
	put_number(out, "Port", check->port);
	put_text(out, "Type", types[check->kind]);
	if (*check->path)
		put_text(out, "ResourcePath", check->path);
	if (*check->host)
		put_text(out, "FullyQualifiedDomainName", check->host);
	put_number(out, "RequestInterval", check->interval_s);
	put_number(out, "FailureThreshold", check->fail_after);
	if (check->kind == DRO_CHECK_HTTPS)
		put_text(out, "EnableSNI", "true");
	dro_buf_puts(out, "</HealthCheckConfig>");
}

static int ask_for_new(struct putting *putting)
{
	struct dro_buf body = DRO_BUF_INIT(BODY_MAX);
	const struct r53_ask ask = {
		.method = "POST", .path = {"healthcheck"}, .body = &body, .mutation = true};
	struct dro_error *err = putting->err;
	struct dro_xml *xml = NULL;
	int rc;

	dro_buf_puts(&body, R53_XML_BEGIN("CreateHealthCheckRequest"));
	put_text(&body, "CallerReference", putting->call->idem_key);
	print_config(&body, &putting->check);
	dro_buf_puts(&body, "</CreateHealthCheckRequest>");
	if ((rc = dro_buf_check(&body, err)) == 0)
		rc = r53_ask(putting->r53, &ask, &xml, putting->call, err);
	if (rc == 0 && keep_id(putting, dro_xml_child(dro_xml_root(xml), "HealthCheck")) < 0)
		rc = r53_nonsense(putting->r53, &ask, "a health check without an id", err);
	dro_xml_free(xml);
	dro_buf_free(&body);
	return rc;
}

static int make(struct putting *putting)
{
	int rc = ask_for_new(putting);

	if (rc == DRO_ECONFLICT &&
		strcmp(putting->err->provider_code, "HealthCheckAlreadyExists") == 0)
		rc = find_made(putting);
	if (rc < 0)
		return rc;
	putting->changed = true;
	return *putting->check.owner ? mark(putting) : 0;
}

/* ---- one that is there
 * ---------------------------------------------------------------------------- */

static bool says(const struct dro_xml_node *node, const char *element)
{
	return strcmp(dro_xml_text(node, element), "true") == 0;
}

/* What no update can make, or NULL. */
static const char *fixed(const struct dro_health_check *there, const struct dro_health_check *check)
{
	if (there->kind == DRO_CHECK_OTHER)
		return "it is of a kind that this plugin does not change";
	if (there->kind != check->kind)
		return "Route 53 changes no check's type: make another one, then delete this";
	if (there->interval_s != check->interval_s)
		return "Route 53 changes no check's interval: make another one, then delete this";
	if (!*there->address != !*check->address)
		return "Route 53 neither adds an address to a check nor takes it away: make "
		       "another one, then delete this";
	return NULL;
}

/* The elements that differ, in the order in which they must stand. */
static void print_difference(struct dro_buf *out, const struct dro_xml_node *node,
	const struct dro_health_check *there, const struct dro_health_check *check)
{
	bool drop_host = *there->host && !*check->host, drop_path = *there->path && !*check->path;

	if (strcmp(there->address, check->address) != 0)
		put_text(out, "IPAddress", check->address);
	if (there->port != check->port)
		put_number(out, "Port", check->port);
	if (strcmp(there->path, check->path) != 0 && !drop_path)
		put_text(out, "ResourcePath", check->path);
	if (strcmp(there->host, check->host) != 0 && !drop_host)
		put_text(out, "FullyQualifiedDomainName", check->host);
	if (there->fail_after != check->fail_after)
		put_number(out, "FailureThreshold", check->fail_after);
	if (check->kind == DRO_CHECK_HTTPS && !says(node, "HealthCheckConfig/EnableSNI"))
		put_text(out, "EnableSNI", "true");
	if (!drop_host && !drop_path)
		return;
	dro_buf_puts(out, "<ResetElements>");
	if (drop_host)
		put_text(out, "ResettableElementName", "FullyQualifiedDomainName");
	if (drop_path)
		put_text(out, "ResettableElementName", "ResourcePath");
	dro_buf_puts(out, "</ResetElements>");
}

static int send_update(struct putting *putting, const char *version, const char *difference)
{
	struct dro_buf body = DRO_BUF_INIT(BODY_MAX);
	const struct r53_ask ask = {.method = "POST",
		.path = {"healthcheck", putting->check.id},
		.body = &body,
		.mutation = true};
	struct dro_xml *xml = NULL;
	int rc;

	dro_buf_puts(&body, R53_XML_BEGIN("UpdateHealthCheckRequest"));
	put_text(&body, "HealthCheckVersion", version);
	dro_buf_puts(&body, difference);
	dro_buf_puts(&body, "</UpdateHealthCheckRequest>");
	if ((rc = dro_buf_check(&body, putting->err)) == 0)
		rc = r53_ask(putting->r53, &ask, &xml, putting->call, putting->err);
	putting->changed = rc == 0;
	dro_xml_free(xml);
	dro_buf_free(&body);
	return rc;
}

/* As it is wanted at any version is well: an earlier call's answer may have been lost. */
static int update(struct putting *putting, const struct dro_xml_node *node)
{
	const struct dro_health_check *check = &putting->check;
	struct dro_health_check read = r53_check_read(node), there = whole(&read);
	struct dro_buf difference = DRO_BUF_INIT(BODY_MAX);
	const char *why = fixed(&there, check);
	int rc;

	if (why)
		return fail(putting, DRO_EINVAL, why);
	print_difference(&difference, node, &there, check);
	if ((rc = dro_buf_check(&difference, putting->err)) < 0 || !difference.length)
		goto out;
	if (*check->version && strcmp(check->version, there.version) != 0)
		rc = fail(putting, DRO_ECONFLICT, "it was changed since it was looked at");
	else
		rc = send_update(putting, there.version, dro_buf_str(&difference));
out:
	dro_buf_free(&difference);
	return rc;
}

static int change(struct putting *putting)
{
	const char *id = putting->check.id;
	const struct r53_ask ask = {.method = "GET", .path = {"healthcheck", id}};
	const struct dro_xml_node *node;
	struct dro_xml *xml = NULL;
	int rc;

	memcpy(putting->id, id, strlen(id) + 1);
	if ((rc = r53_ask(putting->r53, &ask, &xml, putting->call, putting->err)) < 0)
		return rc;
	node = dro_xml_child(dro_xml_root(xml), "HealthCheck");
	if (!node)
		rc = r53_nonsense(putting->r53, &ask, "no health check", putting->err);
	else
		rc = update(putting, node);
	dro_xml_free(xml);
	return rc < 0 ? rc : mark_where_it_differs(putting);
}

int r53_put_check(void *account, const struct dro_health_check *check, char *id, size_t id_size,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_error own = DRO_ERROR_INIT;
	struct putting putting = {.r53 = account, .check = whole(check), .call = call, .err = err};
	const char *fault = fault_of(&putting.check);
	int rc;

	if (id_size)
		id[0] = '\0';
	if (fault)
		return fail(&putting, DRO_EINVAL, fault);
	if (id_size <= R53_CHECK_ID_MAX)
		return fail(&putting, DRO_EINVAL, "there is no room for its id");
	putting.err = &own;
	rc = *putting.check.id ? change(&putting) : make(&putting);
	if (rc == 0)
		memcpy(id, putting.id, strlen(putting.id) + 1);
	else if (putting.changed) /* not "nothing was changed", whatever was said of the mark */
		rc = putting.r53->host->fail(err, rc == DRO_EAGAIN ? DRO_ETIMEDOUT : rc,
			*own.provider_code ? own.provider_code : NULL,
			"health check %s is as wanted but for its mark, which the same call sets "
			"when it is made again: %.400s",
			putting.id, own.message);
	else if (err)
		*err = own;
	return rc;
}
