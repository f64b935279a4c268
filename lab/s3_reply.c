#include "s3.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *code;
	int status;
	const char *message;
} errors[] = {
	{"AccessDenied", 403, "Access Denied"},
	{"AuthorizationHeaderMalformed", 400, "The authorization header you provided is invalid."},
	{"BadDigest", 400, "The Content-MD5 you specified did not match what we received."},
	{"BucketAlreadyOwnedByYou", 409,
		"Your previous request to create the named bucket succeeded and you already own "
		"it."},
	{"BucketNotEmpty", 409, "The bucket you tried to delete is not empty"},
	{"EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"},
	{"EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size"},
	{"IllegalLocationConstraintException", 400,
		"The unspecified location constraint is incompatible for the region specific "
		"endpoint this request was sent to."},
	{"IncompleteBody", 400,
		"You did not provide the number of bytes specified by the Content-Length HTTP "
		"header"},
	{"InternalError", 500, "We encountered an internal error. Please try again."},
	{"InvalidAccessKeyId", 403,
		"The AWS Access Key Id you provided does not exist in our records."},
	{"InvalidArgument", 400, "Invalid Argument"},
	{"InvalidBucketName", 400, "The specified bucket is not valid."},
	{"InvalidDigest", 400, "The Content-MD5 you specified was invalid."},
	{"InvalidLocationConstraint", 400, "The specified location-constraint is not valid"},
	{"InvalidPart", 400,
		"One or more of the specified parts could not be found.  The part may not have "
		"been "
		"uploaded, or the specified entity tag may not match the part's entity tag."},
	{"InvalidPartOrder", 400,
		"The list of parts was not in ascending order. Parts must be ordered by part "
		"number."},
	{"InvalidRange", 416, "The requested range is not satisfiable"},
	{"InvalidRequest", 400, "Invalid Request"},
	{"InvalidURI", 400, "Couldn't parse the specified URI."},
	{"KeyTooLongError", 400, "Your key is too long"},
	{"MalformedPolicy", 400, "Policies must be valid JSON and the first byte must be '{'"},
	{"MalformedXML", 400,
		"The XML you provided was not well-formed or did not validate against our "
		"published "
		"schema"},
	{"MethodNotAllowed", 405, "The specified method is not allowed against this resource."},
	{"NoSuchBucket", 404, "The specified bucket does not exist"},
	{"NoSuchBucketPolicy", 404, "The bucket policy does not exist"},
	{"NoSuchWebsiteConfiguration", 404,
		"The specified bucket does not have a website configuration"},
	{"NoSuchKey", 404, "The specified key does not exist."},
	{"NoSuchUpload", 404,
		"The specified upload does not exist. The upload ID may be invalid, or the upload "
		"may "
		"have been aborted or completed."},
	{"NotFound", 404, "Not Found"},
	{"NotImplemented", 501,
		"A header or query you provided implies functionality that is not implemented."},
	{"PermanentRedirect", 301,
		"The bucket you are attempting to access must be addressed using the specified "
		"endpoint. Please send all future requests to this endpoint."},
	{"PreconditionFailed", 412,
		"At least one of the pre-conditions you specified did not hold"},
	{"RequestTimeTooSkewed", 403,
		"The difference between the request time and the current time is too large."},
	{"ServiceUnavailable", 503, "Service is unable to handle request."},
	{"SignatureDoesNotMatch", 403,
		"The request signature we calculated does not match the signature you provided. "
		"Check your key and signing method."},
	{"SlowDown", 503, "Please reduce your request rate."},
	{"XAmzContentSHA256Mismatch", 400,
		"The provided 'x-amz-content-sha256' header does not match what was computed."},
};

static size_t find_error(const char *code)
{
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].code, code) == 0)
			return i;
	return find_error("InternalError");
}

static void write_error(struct lab_reply *reply, const struct lab_request *request,
	const struct lab_call *call, int status, const char *code, const char *message,
	const char *element, const char *value)
{
	struct dro_buf *body = &reply->body;

	reply->status = status;
	lab_reply_header(reply, "x-amz-request-id", "%s", call->id);
	lab_reply_header(reply, "x-amz-id-2", "lab/%s", call->id);
	dro_buf_reset(body);
	if (strcmp(request->method, "HEAD") == 0)
		return;
	lab_reply_header(reply, "Content-Type", "application/xml");
	dro_buf_puts(body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
	lab_xml_element(body, "Code", code);
	lab_xml_element(body, "Message", message);
	if (element)
		lab_xml_element(body, element, value);
	lab_xml_element(body, "Resource", request->raw_path);
	lab_xml_element(body, "RequestId", call->id);
	dro_buf_printf(body, "<HostId>lab/%s</HostId></Error>", call->id);
}

void s3_error_body(struct lab_reply *reply, const struct lab_request *request,
	const struct lab_call *call, int status, const char *code, const char *message)
{
	if (!code)
		code = status == 503   ? "SlowDown"
		       : status == 403 ? "AccessDenied"
		       : status == 404 ? "NoSuchKey"
		       : status == 400 ? "InvalidRequest"
				       : "InternalError";
	if (!message || !*message)
		message = errors[find_error(code)].message;
	write_error(reply, request, call, status, code, message, NULL, NULL);
}

int s3_refuse_with(const struct s3_call *c, const char *code, const char *message,
	const char *element, const char *value)
{
	size_t i = find_error(code);

	write_error(c->reply, c->request, c->call, errors[i].status, code,
		message ? message : errors[i].message, element, value);
	return DRO_EINVAL;
}

int s3_refuse(const struct s3_call *c, const char *code, const char *message)
{
	return s3_refuse_with(c, code, message, NULL, NULL);
}

int s3_refuse_internal(const struct s3_call *c, const struct dro_error *err)
{
	return s3_refuse(c, "InternalError", err->message);
}

void s3_begin_xml(const struct s3_call *c, const char *root)
{
	c->reply->body.max = S3_LIST_MAX;
	lab_reply_header(c->reply, "Content-Type", "application/xml");
	dro_buf_printf(&c->reply->body,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<%s xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
		root);
}

void s3_end_xml(const struct s3_call *c, const char *root)
{
	dro_buf_printf(&c->reply->body, "</%s>", root);
}

static void format(char out[S3_TIME], const char *pattern, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	strftime(out, S3_TIME, pattern, gmtime_r(&seconds, &tm));
}

void s3_time_xml(char out[S3_TIME], int64_t wall_ms)
{
	/* S3 counts whole seconds, and writes them so. */
	format(out, "%Y-%m-%dT%H:%M:%S.000Z", wall_ms);
}

void s3_time_http(char out[S3_TIME], int64_t wall_ms)
{
	format(out, "%a, %d %b %Y %H:%M:%S GMT", wall_ms);
}

bool s3_etag_matches(const char *list, const char *etag)
{
	size_t length = strlen(etag);

	while (*list) {
		size_t part;

		list += strspn(list, " ,\t");
		if (strncmp(list, "W/", 2) == 0)
			list += 2;
		part = strcspn(list, " ,\t");
		if (part == 1 && *list == '*')
			return true;
		if (part == length && memcmp(list, etag, part) == 0)
			return true;
		if (part == length + 2 && *list == '"' && memcmp(list + 1, etag, length) == 0)
			return true;
		list += part;
	}
	return false;
}
