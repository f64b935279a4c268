#include "lab/ec2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/options.h"

#define XMLNS "http://ec2.amazonaws.com/doc/2016-11-15/"
#define QUOTA 200

/* Sizes and refills as the vendor documents them for an account and region. */
static const struct lab_bucket bucket_starts[EC2_CLASSES] = {
	[EC2_READ] = {.tokens = 100, .size = 100, .per_second = 20},
	[EC2_CHANGE] = {.tokens = 50, .size = 50, .per_second = 5},
	[EC2_RUN] = {.tokens = 5, .size = 5, .per_second = 2},
};

/* Of an operation that refuses, and of the fault table. */
static void error_body(struct lab_reply *reply, const struct lab_call *call, int status,
	const char *code, const char *message)
{
	reply->status = status;
	dro_buf_reset(&reply->body);
	lab_reply_header(reply, "Content-Type", "text/xml;charset=UTF-8");
	dro_buf_puts(&reply->body,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>");
	lab_xml_element(&reply->body, "Code", code);
	lab_xml_element(&reply->body, "Message", message);
	dro_buf_puts(&reply->body, "</Error></Errors>");
	lab_xml_element(&reply->body, "RequestID", call->id);
	dro_buf_puts(&reply->body, "</Response>");
}

void ec2_error(struct ec2_call *c, int status, const char *code, const char *format, ...)
{
	struct dro_buf message = DRO_BUF_INIT(8192);
	va_list args;

	va_start(args, format);
	dro_buf_vprintf(&message, format, args);
	va_end(args);
	error_body(c->reply, c->call, status, code, dro_buf_str(&message));
	dro_buf_free(&message);
}

static int open_ec2(struct lab *lab, void **state, struct dro_error *err)
{
	struct ec2 *ec2 = calloc(1, sizeof(*ec2));

	if (!ec2)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	ec2->lab = lab;
	ec2->limited = true;
	ec2->quota = QUOTA;
	pthread_mutex_init(&ec2->lock, NULL);
	*state = ec2;
	return 0;
}

static void close_ec2(void *state)
{
	struct ec2 *ec2 = state;

	if (ec2)
		pthread_mutex_destroy(&ec2->lock);
	free(ec2);
}

static bool matches(const struct lab_request *request)
{
	struct lab_scope scope;

	return lab_scope_read(request, &scope) && strcmp(scope.service, "ec2") == 0;
}

/* From the body of a POST, from the query of a GET. */
static int read_params(struct lab_pairs *params, const struct lab_request *request)
{
	if (strcmp(request->method, "POST") == 0)
		return lab_pairs_parse(params, request->body ? request->body : "", true);
	return lab_pairs_parse(params, request->raw_query, true);
}

static void classify(void *state, const struct lab_request *request, struct lab_call *call)
{
	struct lab_pairs params;
	struct lab_scope scope;
	const char *action;

	(void)state;
	if (lab_scope_read(request, &scope))
		memcpy(call->region, scope.region, sizeof(call->region));
	if (read_params(&params, request) < 0)
		return;
	action = lab_pairs_get(&params, "Action");
	if (action && ec2_operation_find(action))
		snprintf(call->operation, sizeof(call->operation), "%s", action);
	lab_pairs_free(&params);
}

/* false: answered. The codes are EC2's own, which differ from its sisters'. */
static bool authenticate(struct ec2_call *c, const struct lab_request *request)
{
	char message[LAB_AUTH_MESSAGE];
	struct lab_scope scope;

	switch (lab_aws_verify(c->ec2->lab, request, &scope, message)) {
	case LAB_AUTH_OK:
		return true;
	case LAB_AUTH_MISSING:
		ec2_error(c, 403, "MissingAuthenticationToken", "%s", message);
		break;
	case LAB_AUTH_MALFORMED:
		ec2_error(c, 400, "IncompleteSignature", "%s", message);
		break;
	case LAB_AUTH_SKEWED:
	case LAB_AUTH_EXPIRED:
		ec2_error(c, 400, "RequestExpired", "Request has expired.");
		break;
	case LAB_AUTH_UNKNOWN_KEY:
	case LAB_AUTH_MISMATCH:
		ec2_error(c, 401, "AuthFailure",
			"AWS was not able to validate the provided access credentials");
		break;
	}
	return false;
}

/* (locked) The buckets of a region; NULL: too many regions, which are then not limited. */
static struct ec2_limits *limits_of(struct ec2 *ec2, const char *region)
{
	struct ec2_limits *limits;
	size_t i;

	for (i = 0; i < ec2->limit_count; i++)
		if (strcmp(ec2->limits[i].region, region) == 0)
			return &ec2->limits[i];
	if (ec2->limit_count == EC2_LIMITS_MAX)
		return NULL;
	limits = &ec2->limits[ec2->limit_count++];
	snprintf(limits->region, sizeof(limits->region), "%s", region);
	memcpy(limits->buckets, bucket_starts, sizeof(bucket_starts));
	return limits;
}

static bool within_limits(struct ec2_call *c, int class)
{
	struct ec2_limits *limits;
	bool ok = true;

	pthread_mutex_lock(&c->ec2->lock);
	limits = c->ec2->limited ? limits_of(c->ec2, c->region) : NULL;
	if (limits)
		ok = lab_bucket_take(&limits->buckets[class], 1, c->now_ms);
	pthread_mutex_unlock(&c->ec2->lock);
	if (!ok)
		ec2_error(c, 503, "RequestLimitExceeded", "Request limit exceeded.");
	return ok;
}

static void run(struct ec2_call *c, const struct ec2_operation *operation)
{
	struct dro_buf *body = &c->reply->body;

	if (!within_limits(c, operation->class) || !ec2_check_params(c, operation))
		return;
	lab_reply_header(c->reply, "Content-Type", "text/xml;charset=UTF-8");
	dro_buf_printf(body,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%sResponse xmlns=\"" XMLNS "\">",
		operation->name);
	ec2_put(c, "requestId", c->call->id);
	operation->run(c);
	if (c->reply->status == 200)
		dro_buf_printf(body, "</%sResponse>", operation->name);
}

static void handle(void *state, const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply)
{
	struct ec2_call c = {.ec2 = state,
		.call = call,
		.reply = reply,
		.region = call->region,
		.now_ms = dro_wall_ms()};
	const struct ec2_operation *operation;
	const char *action;

	if (!authenticate(&c, request))
		return;
	if (!lab_aws_region_is(c.region)) {
		ec2_error(
			&c, 400, "InvalidParameterValue", "There is no region %s here.", c.region);
		return;
	}
	if (!request->body || read_params(&c.params, request) < 0) {
		ec2_error(&c, 400, "MalformedQueryString", "The query string is malformed.");
		return;
	}
	action = lab_pairs_get(&c.params, "Action");
	operation = action ? ec2_operation_find(action) : NULL;
	if (!action)
		ec2_error(
			&c, 400, "MissingAction", "The request must contain the parameter Action");
	else if (!operation)
		ec2_error(&c, 400, "InvalidAction",
			"The action %.100s is not valid for this web service.", action);
	else
		run(&c, operation);
	lab_pairs_free(&c.params);
}

static void fail(const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply, int status, const char *code, const char *message)
{
	static const struct {
		int status;
		int as;
		const char *code;
	} usual[] = {{401, 401, "AuthFailure"}, {403, 403, "UnauthorizedOperation"},
		{404, 400, "InvalidInstanceID.NotFound"}, {409, 400, "IncorrectInstanceState"},
		{429, 503, "RequestLimitExceeded"}, {500, 500, "InternalError"},
		{503, 503, "Unavailable"}};
	const char *word = status >= 500 ? "InternalError" : "InvalidRequest";
	size_t i;

	(void)request;
	for (i = 0; !code && i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (usual[i].status != status)
			continue;
		status = usual[i].as;
		word = usual[i].code;
		break;
	}
	error_body(reply, call, status, code ? code : word, message);
}

/* `drorch-lab ec2 limits on|off | quota N | checks INSTANCE ok|impaired|initializing` */
static int control(void *state, int argc, char **argv, struct dro_buf *out, struct dro_error *err)
{
	struct ec2 *ec2 = state;
	const char *what = lab_word(argc, argv, 0), *value = lab_word(argc, argv, 1);
	char *end = NULL;
	long number = value ? strtol(value, &end, 10) : 0;
	int rc = 0;

	(void)out;
	if (what && value && strcmp(what, "checks") == 0 && lab_word(argc, argv, 2))
		return ec2_set_checks(ec2->lab, value, lab_word(argc, argv, 2), err);
	pthread_mutex_lock(&ec2->lock);
	if (what && value && strcmp(what, "limits") == 0 &&
		(strcmp(value, "on") == 0 || strcmp(value, "off") == 0))
		ec2->limited = strcmp(value, "on") == 0;
	else if (what && value && strcmp(what, "quota") == 0 && !*end && number >= 0)
		ec2->quota = number;
	else
		rc = dro_fail(err, DRO_EINVAL,
			"ec2 limits on|off, ec2 quota INSTANCES, or ec2 checks INSTANCE WORD");
	pthread_mutex_unlock(&ec2->lock);
	return rc;
}

const struct lab_vendor lab_vendor_ec2 = {
	.name = "ec2",
	.open = open_ec2,
	.close = close_ec2,
	.matches = matches,
	.classify = classify,
	.handle = handle,
	.fail = fail,
	.control = control,
};
