#include "lab/cloudwatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/ec2.h"
#include "lab/options.h"

#define XMLNS "http://monitoring.amazonaws.com/doc/2010-08-01/"
#define BODY_MAX (1u << 20)

/* The vendor: 50 GetMetricData a second for an account and region. */
static const struct lab_bucket bucket_start = {.tokens = 50, .size = 50, .per_second = 50};

static const struct operation {
	const char *name;
	void (*run)(struct cloudwatch_call *c);
} operations[] = {{"GetMetricData", cloudwatch_get_metric_data},
	{"GetMetricStatistics", cloudwatch_get_metric_statistics}};

static const struct operation *find(const char *name)
{
	size_t i;

	for (i = 0; name && i < sizeof(operations) / sizeof(operations[0]); i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	return NULL;
}

static void error_body(struct lab_reply *reply, const struct lab_call *call, int status,
	const char *code, const char *message)
{
	lab_query_error(reply, call->id, XMLNS, status, code, message);
}

void cloudwatch_error(
	struct cloudwatch_call *c, int status, const char *code, const char *format, ...)
{
	struct dro_buf message = DRO_BUF_INIT(8192);
	va_list args;

	va_start(args, format);
	dro_buf_vprintf(&message, format, args);
	va_end(args);
	error_body(c->reply, c->call, status, code, dro_buf_str(&message));
	dro_buf_free(&message);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct dro_pair *)a)->name, ((const struct dro_pair *)b)->name);
}

const char *cloudwatch_param(const struct cloudwatch_call *c, const char *name)
{
	struct dro_pair key = {.name = name};
	const struct dro_pair *found =
		c->params.count
			? bsearch(&key, c->params.items, c->params.count, sizeof(key), compare)
			: NULL;

	return !found ? NULL : found->value ? found->value : "";
}

const char *cloudwatch_paramf(const struct cloudwatch_call *c, const char *format, ...)
{
	char name[256];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	return cloudwatch_param(c, name);
}

/* The body as text, malloc'd: a long one is in a file. NULL: too long, or out of memory. */
static char *read_body(const struct lab_request *request)
{
	size_t length = (size_t)request->body_length, got = 0;
	char *text;

	if (request->body)
		return strdup(request->body);
	if (request->body_fd < 0 || request->body_length > BODY_MAX || !(text = malloc(length + 1)))
		return NULL;
	while (got < length) {
		ssize_t n = pread(request->body_fd, text + got, length - got, (off_t)got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	text[got] = '\0';
	return text;
}

/* Sorted by name. Of a POST from the body, of a GET from the query. */
static int read_params(struct lab_pairs *params, const struct lab_request *request)
{
	bool post = strcmp(request->method, "POST") == 0;
	char *body = post ? read_body(request) : NULL;
	int rc = post && !body ? DRO_EINVAL
			       : lab_pairs_parse(params, post ? body : request->raw_query, true);

	if (rc == 0 && params->count)
		qsort(params->items, params->count, sizeof(*params->items), compare);
	free(body);
	return rc;
}

static int open_cloudwatch(struct lab *lab, void **state, struct dro_error *err)
{
	struct cloudwatch *cloudwatch = calloc(1, sizeof(*cloudwatch));

	if (!cloudwatch)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	cloudwatch->lab = lab;
	cloudwatch->limited = true;
	cloudwatch->bucket = bucket_start;
	pthread_mutex_init(&cloudwatch->lock, NULL);
	*state = cloudwatch;
	return 0;
}

static void close_cloudwatch(void *state)
{
	struct cloudwatch *cloudwatch = state;

	if (cloudwatch)
		pthread_mutex_destroy(&cloudwatch->lock);
	free(cloudwatch);
}

static bool matches(const struct lab_request *request)
{
	struct lab_scope scope;

	return lab_scope_read(request, &scope) && strcmp(scope.service, "monitoring") == 0;
}

static void classify(void *state, const struct lab_request *request, struct lab_call *call)
{
	struct lab_pairs params = {0};
	struct lab_scope scope;
	const char *action;

	(void)state;
	if (lab_scope_read(request, &scope))
		memcpy(call->region, scope.region, sizeof(call->region));
	if (read_params(&params, request) < 0)
		return;
	action = lab_pairs_get(&params, "Action");
	if (find(action))
		snprintf(call->operation, sizeof(call->operation), "%s", action);
	lab_pairs_free(&params);
}

/* false: answered. */
static bool authenticate(struct cloudwatch_call *c, const struct lab_request *request)
{
	static const char *const codes[] = {[LAB_AUTH_MISSING] = "MissingAuthenticationToken",
		[LAB_AUTH_MALFORMED] = "IncompleteSignature",
		[LAB_AUTH_UNKNOWN_KEY] = "InvalidClientTokenId",
		[LAB_AUTH_SKEWED] = "SignatureDoesNotMatch",
		[LAB_AUTH_EXPIRED] = "RequestExpired",
		[LAB_AUTH_MISMATCH] = "SignatureDoesNotMatch"};
	char message[LAB_AUTH_MESSAGE];
	struct lab_scope scope;
	enum lab_auth result = lab_aws_verify(c->cloudwatch->lab, request, &scope, message);

	if (result == LAB_AUTH_OK)
		return true;
	cloudwatch_error(c, result == LAB_AUTH_MALFORMED || result == LAB_AUTH_EXPIRED ? 400 : 403,
		codes[result], "%s", message);
	return false;
}

static bool within_limit(struct cloudwatch_call *c)
{
	struct cloudwatch *cloudwatch = c->cloudwatch;
	bool ok;

	pthread_mutex_lock(&cloudwatch->lock);
	ok = !cloudwatch->limited || lab_bucket_take(&cloudwatch->bucket, 1, c->now_ms);
	pthread_mutex_unlock(&cloudwatch->lock);
	if (!ok)
		cloudwatch_error(c, 400, "Throttling", "Rate exceeded");
	return ok;
}

static void run(struct cloudwatch_call *c, const struct operation *operation)
{
	struct dro_buf *body = &c->reply->body;

	lab_reply_header(c->reply, "Content-Type", "text/xml");
	dro_buf_printf(body, "<%sResponse xmlns=\"" XMLNS "\"><%sResult>", operation->name,
		operation->name);
	operation->run(c);
	if (c->reply->status != 200)
		return;
	dro_buf_printf(body, "</%sResult><ResponseMetadata>", operation->name);
	lab_xml_element(body, "RequestId", c->call->id);
	dro_buf_printf(body, "</ResponseMetadata></%sResponse>", operation->name);
}

static void handle(void *state, const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply)
{
	struct cloudwatch_call c = {
		.cloudwatch = state, .call = call, .reply = reply, .now_ms = dro_wall_ms()};
	const struct operation *operation;

	if (!authenticate(&c, request) || !within_limit(&c))
		return;
	if (!lab_aws_region_is(call->region)) {
		cloudwatch_error(&c, 400, "InvalidParameterValue", "There is no region %s here.",
			call->region);
		return;
	}
	if (read_params(&c.params, request) < 0) {
		cloudwatch_error(&c, 400, "MalformedQueryString", "The query is malformed.");
		return;
	}
	operation = find(cloudwatch_param(&c, "Action"));
	if (operation)
		run(&c, operation);
	else
		cloudwatch_error(&c, 400, "InvalidAction", "Could not find operation.");
	lab_pairs_free(&c.params);
}

static void fail(const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply, int status, const char *code, const char *message)
{
	const char *usual = status == 429		     ? "Throttling"
			    : status == 503		     ? "ServiceUnavailable"
			    : status >= 500		     ? "InternalServiceFault"
			    : status == 401 || status == 403 ? "AccessDenied"
							     : "ValidationError";

	(void)request;
	/* The Query protocol throttles with 400. */
	error_body(reply, call, status == 429 ? 400 : status, code ? code : usual, message);
}

/* `drorch-lab cloudwatch limits on|off` */
static int control(void *state, int argc, char **argv, struct dro_buf *out, struct dro_error *err)
{
	struct cloudwatch *cloudwatch = state;
	const char *what = lab_word(argc, argv, 0), *value = lab_word(argc, argv, 1);

	(void)out;
	if (!what || !value || strcmp(what, "limits") != 0 ||
		(strcmp(value, "on") != 0 && strcmp(value, "off") != 0))
		return dro_fail(err, DRO_EINVAL, "cloudwatch limits on|off");
	pthread_mutex_lock(&cloudwatch->lock);
	cloudwatch->limited = strcmp(value, "on") == 0;
	pthread_mutex_unlock(&cloudwatch->lock);
	return 0;
}

const struct lab_vendor lab_vendor_cloudwatch = {
	.name = "cloudwatch",
	.open = open_cloudwatch,
	.close = close_cloudwatch,
	.matches = matches,
	.classify = classify,
	.handle = handle,
	.fail = fail,
	.control = control,
};
