/*
 * What AWS's error words mean to us, also where others speak its protocols.
 *   https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 *   https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
#include <string.h>

#include "plugins/common/aws_answer.h"

/* The first row that fits counts: exact words before patterns. */
static const struct dro_word words[] = {
	/* Turned away before anything was done, also when it comes as a 503. */
	{"Throttling", DRO_EAGAIN},
	{"ThrottlingException", DRO_EAGAIN},
	{"RequestLimitExceeded", DRO_EAGAIN},
	{"EC2ThrottledException", DRO_EAGAIN},
	{"SlowDown", DRO_EAGAIN},
	{"ConditionalRequestConflict", DRO_EAGAIN},
	{"OperationAborted", DRO_EAGAIN},
	{"RequestTimeTooSkewed", DRO_EAUTH},
	{"RequestExpired", DRO_EAUTH},
	{"AuthFailure", DRO_EAUTH},
	{"InvalidClientTokenId", DRO_EAUTH},
	{"InvalidAccessKeyId", DRO_EAUTH},
	{"SignatureDoesNotMatch", DRO_EAUTH},
	{"InvalidSignatureException", DRO_EAUTH},
	{"IncompleteSignature", DRO_EAUTH},
	{"AuthorizationHeaderMalformed", DRO_EAUTH},
	{"MissingAuthenticationToken", DRO_EAUTH},
	{"ExpiredToken", DRO_EAUTH},
	{"ExpiredTokenException", DRO_EAUTH},
	{"InvalidToken", DRO_EAUTH},
	{"TokenRefreshRequired", DRO_EAUTH},
	{"UnauthorizedOperation", DRO_EAUTH},
	{"Blocked", DRO_EAUTH},
	{"OptInRequired", DRO_EAUTH},
	{"PendingVerification", DRO_EAUTH},
	{"AccessDenied", DRO_EAUTH},
	{"AccessDeniedException", DRO_EAUTH},
	{"AccountProblem", DRO_EAUTH},
	{"AllAccessDisabled", DRO_EAUTH},
	{"InsufficientInstanceCapacity", DRO_EQUOTA},
	{"InsufficientHostCapacity", DRO_EQUOTA},
	{"InsufficientReservedInstanceCapacity", DRO_EQUOTA},
	{"InsufficientCapacity", DRO_EQUOTA},
	{"InsufficientAddressCapacity", DRO_EQUOTA},
	{"InsufficientFreeAddressesInSubnet", DRO_EQUOTA},
	{"InsufficientVolumeCapacity", DRO_EQUOTA},
	{"InstanceLimitExceeded", DRO_EQUOTA},
	{"VcpuLimitExceeded", DRO_EQUOTA},
	{"VolumeLimitExceeded", DRO_EQUOTA},
	{"MaxSpotInstanceCountExceeded", DRO_EQUOTA},
	{"ResourceLimitExceeded", DRO_EQUOTA},
	{"TagLimitExceeded", DRO_EQUOTA},
	{"SnapshotLimitExceeded", DRO_EQUOTA},
	{"AMIQuotaExceeded", DRO_EQUOTA},
	{"ConcurrentSnapshotLimitExceeded", DRO_EQUOTA},
	{"ConcurrentTagAccess", DRO_EAGAIN},
	{"IdempotentParameterMismatch", DRO_ECONFLICT},
	{"IncorrectInstanceState", DRO_ECONFLICT},
	{"IncorrectState", DRO_ECONFLICT},
	{"IncorrectSpotRequestState", DRO_ECONFLICT},
	{"OperationNotPermitted", DRO_ECONFLICT}, /* termination protection */
	{"PreconditionFailed", DRO_ECONFLICT},
	{"InvalidObjectState", DRO_ECONFLICT},
	{"*.InUse", DRO_ECONFLICT},
	{"*.Duplicate", DRO_ECONFLICT},
	{"NoSuchKey", DRO_ENOTFOUND},
	{"NoSuchBucket", DRO_ENOTFOUND},
	{"NoSuchUpload", DRO_ENOTFOUND},
	{"NoSuchVersion", DRO_ENOTFOUND},
	{"InvalidAMIID.Unavailable", DRO_ENOTFOUND},
	{"*.NotFound", DRO_ENOTFOUND},
	{"InvalidID", DRO_ENOTFOUND}, /* of CreateTags: whatever the id is of */
	{"*.NotFoundException", DRO_ENOTFOUND},
	{"*.Malformed", DRO_EINVAL},
	{"UnsupportedOperation", DRO_EUNSUPPORTED},
	{"Unsupported", DRO_EUNSUPPORTED},
	{"NotImplemented", DRO_EUNSUPPORTED},
	{NULL, 0},
};

/* The element with <Code> and <Message>: EC2, STS and S3 wrap it differently. NULL: no error. */
static const struct dro_xml_node *error_node(const struct dro_xml_node *root)
{
	if (!root)
		return NULL;
	if (strcmp(root->name, "Error") == 0)
		return root;
	if (strcmp(root->name, "ErrorResponse") == 0)
		return dro_xml_child(root, "Error");
	if (strcmp(root->name, "Response") == 0)
		return dro_xml_child(root, "Errors/Error");
	return NULL;
}

/* A bucket of another region: S3 says which one in one of three places. */
static int wrong_region(const struct dro_host *host, const struct dro_http_response *response,
	const struct dro_xml_node *error, const char *word, struct dro_error *err)
{
	const char *region = dro_answer_header(response, "x-amz-bucket-region");

	if (!*region)
		region = dro_xml_text(error, "Region");
	if (*region)
		host->fail(err, DRO_EINVAL, word,
			"the bucket is in region %.40s: name that region for it", region);
	else
		host->fail(err, DRO_EINVAL, word,
			"the bucket is in another region or served elsewhere: %.200s",
			*dro_xml_text(error, "Endpoint") ? dro_xml_text(error, "Endpoint")
							 : dro_xml_text(error, "Message"));
	if (err)
		err->http_status = response->status;
	return DRO_EINVAL;
}

static int code_of(const char *word, int status, enum aws_kind kind)
{
	int code = dro_word_code(words, word);

	if (code)
		return code;
	/* An error inside a 200 came after the work had begun. */
	return dro_answer_code(status < 300 ? 500 : status, kind != AWS_READ);
}

static int judge_error(const struct dro_host *host, const struct dro_http_response *response,
	enum aws_kind kind, const struct dro_xml_node *error, struct dro_error *err)
{
	const char *word = dro_xml_text(error, "Code");

	/* A signature for the wrong region is malformed only where the answer names the right one:
	 * otherwise it is ours that is wrong. */
	if (response->status == 301 || response->status == 307 ||
		(strcmp(word, "AuthorizationHeaderMalformed") == 0 &&
			*dro_xml_text(error, "Region")) ||
		strcmp(word, "IllegalLocationConstraintException") == 0)
		return wrong_region(host, response, error, *word ? word : "PermanentRedirect", err);
	return dro_answer_fail(host, response, code_of(word, response->status, kind), word,
		dro_xml_text(error, "Message"), err);
}

int dro_aws_lost(const struct dro_host *host, const char *what, struct dro_error *err)
{
	return host->fail(
		err, DRO_ETIMEDOUT, NULL, "done, but the answer makes no sense: %s", what);
}

/* Not 2xx, and not XML that we know: something between us and the service may have. */
static int judge_foreign(const struct dro_host *host, const struct dro_http_response *response,
	enum aws_kind kind, struct dro_error *err)
{
	int code = dro_answer_code(response->status, kind != AWS_READ);

	if (response->body_length > 0 && code != DRO_ETIMEDOUT && code != DRO_EAGAIN)
		return dro_answer_fail(
			host, response, DRO_EPROTO, "", "the answer is not from the service", err);
	return dro_answer_fail(host, response, code, "", "", err);
}

int dro_aws_answer(const struct dro_host *host, const struct dro_http_response *response,
	enum aws_kind kind, struct dro_xml **out, struct dro_error *err)
{
	struct dro_error broken = DRO_ERROR_INIT;
	const struct dro_xml_node *error;
	struct dro_xml *xml = NULL;
	bool ok = dro_answer_ok(response);
	int rc = 0;

	if (ok && !out)
		return 0;
	rc = dro_xml_parse(&xml, response->body, response->body_length, &broken);
	if (rc == DRO_ENOMEM)
		return ok && kind != AWS_READ ? dro_aws_lost(host, broken.message, err)
					      : host->fail(err, DRO_ENOMEM, NULL, "out of memory");
	error = error_node(dro_xml_root(xml));
	if (error && *dro_xml_text(error, "Code"))
		rc = judge_error(host, response, kind, error, err);
	else if (response->status == 301 || response->status == 307)
		rc = judge_error(host, response, kind, NULL, err);
	else if (!ok)
		rc = judge_foreign(host, response, kind, err);
	else if (rc < 0 && kind != AWS_READ)
		rc = dro_aws_lost(host, broken.message, err);
	else if (rc < 0)
		rc = dro_answer_fail(host, response, DRO_EPROTO, "", broken.message, err);
	if (rc == 0) {
		*out = xml;
		xml = NULL;
	}
	dro_xml_free(xml);
	return rc;
}

int dro_aws_word_fail(const struct dro_host *host, const char *word, const char *message,
	const char *subject, struct dro_error *err)
{
	return host->fail(err, code_of(word, 200, AWS_REPEATABLE), word, "%s: %s: %s", subject,
		word, message);
}

int dro_aws_pass_on(
	const struct dro_host *host, const struct dro_error *from, struct dro_error *err)
{
	host->fail(err, from->code, from->provider_code, "%s", from->message);
	if (err) {
		err->http_status = from->http_status;
		err->retry_after_ms = from->retry_after_ms;
	}
	return from->code;
}

bool dro_aws_is_word(const struct dro_error *err, const char *word)
{
	return strcmp(err->provider_code, word) == 0;
}
