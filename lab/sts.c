#include "lab/sts.h"

#include <string.h>

#define XMLNS "https://sts.amazonaws.com/doc/2011-06-15/"

static int open_sts(struct lab *lab, void **state, struct dro_error *err)
{
	(void)err;
	*state = lab;
	return 0;
}

static bool matches(const struct lab_request *request)
{
	struct lab_scope scope;

	return lab_scope_read(request, &scope) && strcmp(scope.service, "sts") == 0;
}

static int read_params(struct lab_pairs *params, const struct lab_request *request)
{
	if (strcmp(request->method, "POST") == 0)
		return lab_pairs_parse(params, request->body ? request->body : "", true);
	return lab_pairs_parse(params, request->raw_query, true);
}

static bool action_is(const struct lab_request *request, const char *name)
{
	struct lab_pairs params;
	const char *action;
	bool same;

	if (read_params(&params, request) < 0)
		return false;
	action = lab_pairs_get(&params, "Action");
	same = action && strcmp(action, name) == 0;
	lab_pairs_free(&params);
	return same;
}

static void classify(void *state, const struct lab_request *request, struct lab_call *call)
{
	struct lab_scope scope;

	(void)state;
	if (lab_scope_read(request, &scope))
		memcpy(call->region, scope.region, sizeof(call->region));
	if (action_is(request, "GetCallerIdentity"))
		memcpy(call->operation, "GetCallerIdentity", sizeof("GetCallerIdentity"));
}

static void error(struct lab_reply *reply, const struct lab_call *call, int status,
	const char *code, const char *message)
{
	lab_query_error(reply, call->id, XMLNS, status, code, message);
}

static const char *auth_code(enum lab_auth result)
{
	switch (result) {
	case LAB_AUTH_MISSING:
		return "MissingAuthenticationToken";
	case LAB_AUTH_MALFORMED:
		return "IncompleteSignature";
	case LAB_AUTH_UNKNOWN_KEY:
		return "InvalidClientTokenId";
	case LAB_AUTH_EXPIRED:
		return "RequestExpired";
	case LAB_AUTH_SKEWED: /* STS says so too when only the date is wrong */
	case LAB_AUTH_MISMATCH:
	case LAB_AUTH_OK:
		break;
	}
	return "SignatureDoesNotMatch";
}

static void handle(void *state, const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply)
{
	const struct lab *lab = state;
	const struct lab_config *config = lab_config(lab);
	char message[LAB_AUTH_MESSAGE];
	struct lab_scope scope;
	enum lab_auth result = lab_aws_verify(lab, request, &scope, message);

	if (result != LAB_AUTH_OK) {
		error(reply, call, result == LAB_AUTH_MALFORMED ? 400 : 403, auth_code(result),
			message);
		return;
	}
	if (strcmp(call->operation, "GetCallerIdentity") != 0) {
		error(reply, call, 400, "InvalidAction", "Could not find operation.");
		return;
	}
	lab_reply_header(reply, "Content-Type", "text/xml");
	dro_buf_printf(&reply->body,
		"<GetCallerIdentityResponse xmlns=\"" XMLNS "\"><GetCallerIdentityResult>"
		"<Arn>arn:aws:iam::%s:user/lab</Arn><UserId>AIDA%.16s</UserId>"
		"<Account>%s</Account></GetCallerIdentityResult><ResponseMetadata>",
		config->account, config->access_key + 4, config->account);
	lab_xml_element(&reply->body, "RequestId", call->id);
	dro_buf_puts(&reply->body, "</ResponseMetadata></GetCallerIdentityResponse>");
}

static void fail(const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply, int status, const char *code, const char *message)
{
	const char *usual = status == 429		     ? "Throttling"
			    : status == 503		     ? "ServiceUnavailable"
			    : status >= 500		     ? "InternalFailure"
			    : status == 401 || status == 403 ? "AccessDenied"
							     : "ValidationError";

	(void)request;
	/* The Query protocol throttles with 400. */
	error(reply, call, status == 429 ? 400 : status, code ? code : usual, message);
}

const struct lab_vendor lab_vendor_sts = {
	.name = "sts",
	.open = open_sts,
	.matches = matches,
	.classify = classify,
	.handle = handle,
	.fail = fail,
};
