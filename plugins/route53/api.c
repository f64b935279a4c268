/*
 * One request of the REST protocol with XML.
 *   https://docs.aws.amazon.com/Route53/latest/APIReference/CommonErrors.html
 */
#include <string.h>

#include "base/buf.h"
#include "plugins/common/answer.h"
#include "plugins/route53/route53.h"

#define ANSWER_MAX (16u << 20)
#define TRIES 6
#define PAUSE_MS 500 /* doubled each time: 15 s in all */
#define MESSAGE_MAX 4096

/* Route 53 turns away with 400 what others say with 429 or 503. */
static const struct dro_word words[] = {
	{"Throttling", DRO_EAGAIN},
	{"ThrottlingException", DRO_EAGAIN},
	{"PriorRequestNotComplete", DRO_EAGAIN},
	{"AccessDenied", DRO_EAUTH},
	{"AccessDeniedException", DRO_EAUTH},
	{"NotAuthorizedException", DRO_EAUTH},
	{"InvalidClientTokenId", DRO_EAUTH},
	{"UnrecognizedClientException", DRO_EAUTH},
	{"SignatureDoesNotMatch", DRO_EAUTH},
	{"InvalidSignatureException", DRO_EAUTH},
	{"IncompleteSignature", DRO_EAUTH},
	{"MissingAuthenticationToken", DRO_EAUTH},
	{"ExpiredToken", DRO_EAUTH},
	{"ExpiredTokenException", DRO_EAUTH},
	{"RequestExpired", DRO_EAUTH},
	{"OptInRequired", DRO_EAUTH},
	{"LimitsExceeded", DRO_EQUOTA},
	{"TooManyHealthChecks", DRO_EQUOTA},
	{"TooManyHostedZones", DRO_EQUOTA},
	{"NoSuchHostedZone", DRO_ENOTFOUND},
	{"NoSuchChange", DRO_ENOTFOUND},
	{"NoSuchHealthCheck", DRO_ENOTFOUND},
	{"HealthCheckAlreadyExists", DRO_ECONFLICT},
	{"HealthCheckVersionMismatch", DRO_ECONFLICT},
	{"HealthCheckInUse", DRO_ECONFLICT},
	{NULL, 0},
};

/* What a message of InvalidChangeBatch says about the records that are there. */
static const char *const conflicts[] = {"already exists", "was not found",
	"do not match the current", "conflicts with", "exist with the same name",
	"exists with the"};

int r53_no_memory(const struct r53 *r53, struct dro_error *err)
{
	return r53->host->fail(err, DRO_ENOMEM, NULL, "out of memory");
}

int r53_nonsense(
	struct r53 *r53, const struct r53_ask *ask, const char *what, struct dro_error *err)
{
	if (ask->mutation)
		return r53->host->fail(err, DRO_ETIMEDOUT, NULL,
			"Route 53's answer cannot be read (%s): the change may have been made",
			what);
	return r53->host->fail(
		err, DRO_EPROTO, NULL, "Route 53's answer cannot be read (%s)", what);
}

/* The messages of <InvalidChangeBatch>, which is a root of its own, or of the usual error. */
static void read_messages(struct dro_buf *out, const struct dro_xml_node *root, const char **word)
{
	const struct dro_xml_node *message;

	*word = "";
	if (!root)
		return;
	if (strcmp(root->name, "InvalidChangeBatch") != 0) {
		*word = dro_xml_text(root, "Error/Code");
		dro_buf_puts(out, dro_xml_text(root, "Error/Message"));
		return;
	}
	*word = root->name;
	for (message = dro_xml_child(root, "Messages/Message"); message;
		message = dro_xml_next(message)) {
		dro_buf_puts(out, out->length ? "; " : "");
		dro_buf_puts(out, message->text);
	}
	if (!out->length)
		dro_buf_puts(out, dro_xml_text(root, "Message"));
}

static int code_of(const char *word, const char *message, const struct r53_ask *ask, int status)
{
	int code = dro_word_code(words, word);
	size_t i;

	/* A server that broke may have broken after the change, whatever it says about it. */
	if (status >= 500 && code != DRO_EAGAIN)
		return dro_answer_code(status, ask->mutation);
	if (strcmp(word, "InvalidChangeBatch") == 0)
		for (i = 0; i < sizeof(conflicts) / sizeof(conflicts[0]); i++)
			if (strstr(message, conflicts[i]))
				return DRO_ECONFLICT;
	return code ? code : dro_answer_code(status, ask->mutation);
}

static int refused(struct r53 *r53, const struct r53_ask *ask,
	const struct dro_http_response *response, const struct dro_xml_node *root,
	struct dro_error *err)
{
	struct dro_buf message = DRO_BUF_INIT(MESSAGE_MAX);
	const char *word;
	int code;

	read_messages(&message, root, &word);
	code = code_of(word, dro_buf_str(&message), ask, response->status);
	code = dro_answer_fail(r53->host, response, code, word, dro_buf_str(&message), err);
	dro_buf_free(&message);
	return code;
}

static int read_answer(struct r53 *r53, const struct r53_ask *ask,
	const struct dro_http_response *response, struct dro_xml **out, struct dro_error *err)
{
	struct dro_error why = DRO_ERROR_INIT;
	struct dro_xml *xml = NULL;
	int rc;

	if (ask->bare && dro_answer_ok(response))
		return 0;
	rc = dro_xml_parse(&xml, response->body, response->body_length, &why);
	if (!dro_answer_ok(response)) {
		rc = refused(r53, ask, response, dro_xml_root(xml), err);
	} else if (rc == DRO_ENOMEM && !ask->mutation) {
		rc = r53_no_memory(r53, err);
	} else if (rc < 0) {
		rc = r53_nonsense(r53, ask, why.message, err);
	} else {
		*out = xml;
		xml = NULL;
	}
	dro_xml_free(xml);
	return rc;
}

static int ask_once(struct r53 *r53, const struct r53_ask *ask, struct dro_xml **out,
	const struct dro_call *call, struct dro_error *err)
{
	static const struct dro_pair xml_type = {"content-type", "application/xml"};
	const char *path[1 + 4] = {"2013-04-01"};
	struct dro_http_request request = {
		.size = sizeof(request),
		.flags = ask->mutation ? 0 : DRO_HTTP_SAFE,
		.method = ask->method,
		.endpoint = r53->endpoint,
		.path = path,
		.path_count = 1,
		.query = ask->query,
		.query_count = ask->query_count,
		.headers = &xml_type,
		.header_count = ask->body ? 1 : 0,
		.body = ask->body ? dro_buf_str(ask->body) : NULL,
		.body_length = ask->body ? ask->body->length : 0,
		.body_fd = -1,
		.sink_fd = -1,
		.response_max = ANSWER_MAX,
		.auth = DRO_AUTH_SIGV4,
		.auth_service = "route53",
		.auth_region = "us-east-1", /* wherever it is asked from */
		.deadline_ms = call->deadline_ms,
	};
	struct dro_http_response *response = NULL;
	int rc;

	while (request.path_count < 5 && ask->path[request.path_count - 1]) {
		path[request.path_count] = ask->path[request.path_count - 1];
		request.path_count++;
	}
	if ((rc = r53->host->http(r53->host, &request, &response, err)) < 0)
		return rc;
	rc = read_answer(r53, ask, response, out, err);
	r53->host->http_free(response);
	return rc;
}

int r53_ask(struct r53 *r53, const struct r53_ask *ask, struct dro_xml **out,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_error last = DRO_ERROR_INIT;
	uint64_t pause = PAUSE_MS;
	int rc, tries;

	for (tries = 1;; tries++) {
		rc = ask_once(r53, ask, out, call, &last);
		/* The host has repeated what it may by the status; it cannot know these words. */
		if (rc != DRO_EAGAIN || last.http_status != 400 || tries == TRIES)
			break;
		if (last.retry_after_ms > pause)
			pause = last.retry_after_ms;
		if (r53->host->sleep_ms(r53->host, pause, call->deadline_ms, NULL) < 0)
			break;
		pause *= 2;
	}
	if (rc < 0 && err)
		*err = last;
	return rc;
}
