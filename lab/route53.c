#include "lab/route53.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/dns.h"
#include "lab/options.h"
#include "lab/route53_health.h"
#include "lab/route53_tags.h"

#define VERSION "2013-04-01"
#define INSYNC_MS 1000 /* the vendor: within 60 s */
#define BUSY_MS 0

/* The account's bucket as the vendor documents it. */
static const struct lab_bucket bucket_start = {.tokens = 50, .size = 50, .per_second = 10};

/* ---- replies --------------------------------------------------------------------------------- */

static void error_body(struct lab_reply *reply, const struct lab_call *call, int status,
	const char *code, const char *message)
{
	reply->status = status;
	dro_buf_reset(&reply->body);
	lab_reply_header(reply, "Content-Type", "text/xml");
	dro_buf_printf(&reply->body,
		"<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"" ROUTE53_NS
		"\"><Error><Type>%s</Type>",
		status < 500 ? "Sender" : "Receiver");
	lab_xml_element(&reply->body, "Code", code);
	lab_xml_element(&reply->body, "Message", message);
	dro_buf_puts(&reply->body, "</Error>");
	lab_xml_element(&reply->body, "RequestId", call->id);
	dro_buf_puts(&reply->body, "</ErrorResponse>");
}

void route53_error(struct route53_call *c, int status, const char *code, const char *format, ...)
{
	struct dro_buf message = DRO_BUF_INIT(8192);
	va_list args;

	va_start(args, format);
	dro_buf_vprintf(&message, format, args);
	va_end(args);
	error_body(c->reply, c->call, status, code, dro_buf_str(&message));
	dro_buf_free(&message);
}

void route53_begin(struct route53_call *c, const char *response)
{
	lab_reply_header(c->reply, "Content-Type", "text/xml");
	lab_reply_header(c->reply, "x-amzn-RequestId", "%s", c->call->id);
	dro_buf_printf(&c->reply->body, "<?xml version=\"1.0\"?>\n<%s xmlns=\"" ROUTE53_NS "\">",
		response);
}

void route53_end(struct route53_call *c, const char *response)
{
	dro_buf_printf(&c->reply->body, "</%s>", response);
}

void route53_new_id(char out[LAB_ID], char letter)
{
	char *c;

	out[0] = letter;
	dro_random_id(out + 1, 19);
	for (c = out + 1; *c; c++)
		*c = (char)toupper((unsigned char)*c);
}

/* ---- requests -------------------------------------------------------------------------------- */

static bool read_body(const struct lab_request *request, struct dro_buf *text)
{
	char chunk[8192];
	off_t at = 0;
	ssize_t got;

	if (request->body) {
		dro_buf_append(text, request->body, (size_t)request->body_length);
		return !text->failed;
	}
	while ((got = pread(request->body_fd, chunk, sizeof(chunk), at)) > 0 ||
		(got < 0 && errno == EINTR)) {
		if (got < 0)
			continue;
		dro_buf_append(text, chunk, (size_t)got);
		at += got;
	}
	return got == 0 && !text->failed;
}

bool route53_body(struct route53_call *c, const char *root, struct dro_xml **out)
{
	struct dro_buf text = DRO_BUF_INIT(ROUTE53_BODY_MAX);
	struct dro_error err = DRO_ERROR_INIT;
	bool good = read_body(c->request, &text) &&
		    dro_xml_parse(out, dro_buf_str(&text), text.length, &err) == 0;

	dro_buf_free(&text);
	if (good && strcmp(dro_xml_root(*out)->name, root) == 0)
		return true;
	if (good)
		dro_xml_free(*out);
	*out = NULL;
	route53_error(c, 400, "MalformedInput", "%s is expected. %s", root, err.message);
	return false;
}

bool route53_max_items(struct route53_call *c, int64_t most, int64_t *out)
{
	const char *text = lab_query(c->request, "maxitems");
	char *end = NULL;
	long long number = text ? strtoll(text, &end, 10) : most;

	if (text && (*end || !*text || number < 1)) {
		route53_error(c, 400, "InvalidInput", "MaxItems %.20s is no number of items", text);
		return false;
	}
	*out = number > most ? most : number;
	return true;
}

/* ---- the vendor ------------------------------------------------------------------------------ */

static const struct route {
	const char *method;
	const char *path; /* below the version; "*" is an id */
	const char *operation;
	void (*handle)(struct route53_call *c);
} routes[] = {
	{"GET", "hostedzone", "ListHostedZones", route53_zones_list},
	{"POST", "hostedzone", "CreateHostedZone", route53_zones_create},
	{"GET", "hostedzone/*", "GetHostedZone", route53_zones_get},
	{"DELETE", "hostedzone/*", "DeleteHostedZone", route53_zones_delete},
	{"GET", "hostedzonesbyname", "ListHostedZonesByName", route53_zones_by_name},
	{"GET", "hostedzonecount", "GetHostedZoneCount", route53_zones_count},
	{"GET", "hostedzone/*/rrset", "ListResourceRecordSets", route53_sets_list},
	{"POST", "hostedzone/*/rrset", "ChangeResourceRecordSets", route53_sets_change},
	{"GET", "change/*", "GetChange", route53_change_get},
	{"GET", "healthcheck", "ListHealthChecks", route53_health_list},
	{"POST", "healthcheck", "CreateHealthCheck", route53_health_create},
	{"GET", "healthcheck/*", "GetHealthCheck", route53_health_get},
	{"POST", "healthcheck/*", "UpdateHealthCheck", route53_health_update},
	{"DELETE", "healthcheck/*", "DeleteHealthCheck", route53_health_delete},
	{"GET", "healthcheck/*/status", "GetHealthCheckStatus", route53_health_status},
	{"GET", "healthcheck/*/lastfailurereason", "GetHealthCheckLastFailureReason",
		route53_health_failure},
	{"GET", "healthcheckcount", "GetHealthCheckCount", route53_health_count},
	{"GET", "checkeripranges", "GetCheckerIpRanges", route53_checker_ranges},
	{"GET", "tags/*/*", "ListTagsForResource", route53_tags_list},
	{"POST", "tags/*/*", "ChangeTagsForResource", route53_tags_change},
	{"POST", "tags/*", "ListTagsForResources", route53_tags_list_many},
};

/* Behind the version; a final "/" does not matter. */
static bool path_is(const struct lab_request *request, const char *path, const char *ids[2])
{
	size_t count = request->segment_count, id = 0, i;

	if (count > 1 && !*request->segments[count - 1])
		count--;
	if (count == 0 || strcmp(request->segments[0], VERSION) != 0)
		return false;
	for (i = 1; i < count; i++) {
		size_t length = strcspn(path, "/");

		if (length == 1 && *path == '*' && id < 2)
			ids[id++] = request->segments[i];
		else if (!length || strlen(request->segments[i]) != length ||
			 strncmp(request->segments[i], path, length) != 0)
			return false;
		path += length + (path[length] == '/');
	}
	return !*path;
}

static const struct route *find_route(const struct lab_request *request, const char *ids[2])
{
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		ids[0] = ids[1] = "";
		if (strcmp(routes[i].method, request->method) == 0 &&
			path_is(request, routes[i].path, ids))
			return &routes[i];
	}
	return NULL;
}

static bool matches(const struct lab_request *request)
{
	struct lab_scope scope;

	return lab_scope_read(request, &scope) && strcmp(scope.service, "route53") == 0;
}

static void classify(void *state, const struct lab_request *request, struct lab_call *call)
{
	const char *ids[2];
	const struct route *route = find_route(request, ids);
	struct lab_scope scope;

	(void)state;
	if (lab_scope_read(request, &scope))
		memcpy(call->region, scope.region, sizeof(call->region));
	if (route)
		snprintf(call->operation, sizeof(call->operation), "%s", route->operation);
}

/* false: answered. */
static bool authenticate(struct route53_call *c)
{
	static const struct {
		int status;
		const char *code;
	} refusals[] = {
		[LAB_AUTH_MISSING] = {403, "MissingAuthenticationToken"},
		[LAB_AUTH_MALFORMED] = {403, "IncompleteSignature"},
		[LAB_AUTH_UNKNOWN_KEY] = {403, "InvalidClientTokenId"},
		[LAB_AUTH_SKEWED] = {403, "SignatureDoesNotMatch"},
		[LAB_AUTH_EXPIRED] = {403, "RequestExpired"},
		[LAB_AUTH_MISMATCH] = {403, "SignatureDoesNotMatch"},
	};
	char message[LAB_AUTH_MESSAGE];
	struct lab_scope scope;
	enum lab_auth result = lab_aws_verify(c->r53->lab, c->request, &scope, message);

	if (result != LAB_AUTH_OK) {
		route53_error(c, refusals[result].status, refusals[result].code, "%s", message);
		return false;
	}
	if (strcmp(scope.region, "us-east-1") == 0)
		return true;
	route53_error(c, 403, "SignatureDoesNotMatch",
		"Credential should be scoped to a valid region, not '%s'.", scope.region);
	return false;
}

static void handle(void *state, const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply)
{
	struct route53_call c = {.r53 = state,
		.request = request,
		.call = call,
		.reply = reply,
		.now_ms = dro_wall_ms()};
	const char *ids[2];
	const struct route *route = find_route(request, ids);

	c.id = ids[0];
	c.second_id = ids[1];
	if (!authenticate(&c))
		return;
	pthread_mutex_lock(&c.r53->lock);
	if (c.r53->limited && !lab_bucket_take(&c.r53->bucket, 1, (int64_t)dro_now_ms()))
		route53_error(&c, 400, "Throttling", "Rate exceeded");
	else if (route)
		route->handle(&c);
	else
		route53_error(&c, 404, "UnknownOperationException",
			"There is no such operation here: %s %.200s", request->method,
			request->raw_path);
	pthread_mutex_unlock(&c.r53->lock);
}

static void fail(const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply, int status, const char *code, const char *message)
{
	const char *usual = status == 429		     ? "Throttling"
			    : status == 503		     ? "ServiceUnavailable"
			    : status >= 500		     ? "InternalFailure"
			    : status == 401 || status == 403 ? "AccessDenied"
			    : status == 404		     ? "NoSuchHostedZone"
							     : "InvalidInput";

	(void)request;
	error_body(reply, call, status == 429 ? 400 : status, code ? code : usual, message);
}

static void close_state(void *state)
{
	struct route53 *r53 = state;

	if (!r53)
		return;
	while (r53->zones) {
		struct route53_zone *zone = r53->zones;

		r53->zones = zone->next;
		route53_zone_free(zone);
	}
	cJSON_Delete(r53->changes);
	cJSON_Delete(r53->tags);
	route53_health_free(r53->health);
	dns_zones_free(r53->dns);
	pthread_mutex_destroy(&r53->lock);
	free(r53);
}

static int open_state(struct lab *lab, void **state, struct dro_error *err)
{
	struct route53 *r53 = calloc(1, sizeof(*r53));
	int rc;

	if (!r53)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	r53->lab = lab;
	r53->bucket = bucket_start;
	r53->limited = true;
	r53->insync_ms = INSYNC_MS;
	r53->busy_ms = BUSY_MS;
	pthread_mutex_init(&r53->lock, NULL);
	if ((rc = dns_zones_new(&r53->dns, err)) < 0 || (rc = route53_load(r53, err)) < 0 ||
		(rc = route53_tags_load(r53, err)) < 0 ||
		(rc = route53_health_new(&r53->health, lab, r53->dns, err)) < 0) {
		close_state(r53);
		return rc;
	}
	dns_zones_set_health(r53->dns, route53_healthy, r53->health);
	*state = r53;
	return 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

static int control_zone(
	struct route53 *r53, const char *name, struct dro_buf *out, struct dro_error *err)
{
	struct dro_buf why = DRO_BUF_INIT(1024);
	const char *code = "";
	char reference[LAB_ID];
	struct route53_zone *zone;
	int rc = 0;

	route53_new_id(reference, 'R');
	zone = route53_zone_add(r53, name, reference, "", false, &code, &why);
	if (zone)
		dro_buf_printf(out, "%s\n", dro_json_text(zone->doc, "Id"));
	else
		rc = dro_fail(err, DRO_EINVAL, "%s", dro_buf_str(&why));
	dro_buf_free(&why);
	return rc;
}

/* "NAME TYPE SET WEIGHT VALUE…" each; "-" for what is not there. */
static void control_records(const struct route53 *r53, struct dro_buf *out)
{
	const struct route53_zone *zone;
	const cJSON *value;
	size_t i;

	for (zone = r53->zones; zone; zone = zone->next)
		for (i = 0; i < zone->sets.count; i++) {
			const cJSON *doc = zone->sets.items[i].doc;
			const char *set = dro_json_text(doc, "SetIdentifier");
			const char *weight = dro_json_text(doc, "Weight");

			dro_buf_printf(out, "%s %s %s %s", dro_json_text(doc, "Name"),
				dro_json_text(doc, "Type"), *set ? set : "-",
				*weight ? weight : "-");
			cJSON_ArrayForEach(
				value, cJSON_GetObjectItemCaseSensitive(doc, "ResourceRecords"))
				dro_buf_printf(out, " %s", value->valuestring);
			dro_buf_puts(out, "\n");
		}
}

/* `drorch-lab route53 …`: the zones' commands here, the health checks' in route53_health.c. */
static int control(void *state, int argc, char **argv, struct dro_buf *out, struct dro_error *err)
{
	struct route53 *r53 = state;
	const char *what = argc > 0 ? argv[0] : "", *value = argc == 2 ? argv[1] : "";
	char *end = NULL;
	long ms = strtol(value, &end, 10);
	bool number = *value && !*end && ms >= 0 && ms <= 3600000;
	int rc = 0;

	pthread_mutex_lock(&r53->lock);
	if (strcmp(what, "zone") == 0 && *value)
		rc = control_zone(r53, value, out, err);
	else if (strcmp(what, "records") == 0 && argc == 1)
		control_records(r53, out);
	else if (strcmp(what, "limits") == 0 &&
		 (strcmp(value, "on") == 0 || strcmp(value, "off") == 0))
		r53->limited = strcmp(value, "on") == 0;
	else if (strcmp(what, "insync") == 0 && number)
		r53->insync_ms = ms;
	else if (strcmp(what, "busy") == 0 && number)
		r53->busy_ms = ms;
	else
		rc = route53_health_control(r53->health, argc, argv, out, err);
	if (rc == DRO_EUNSUPPORTED)
		rc = dro_fail(err, DRO_EINVAL,
			"route53 zone NAME | records | limits on|off | insync MS | busy MS |\n"
			"        checks | health ID up|down|real | speed N | quota N");
	pthread_mutex_unlock(&r53->lock);
	return rc;
}

const struct lab_vendor lab_vendor_route53 = {
	.name = "route53",
	.open = open_state,
	.close = close_state,
	.matches = matches,
	.classify = classify,
	.handle = handle,
	.fail = fail,
	.control = control,
};
