/*
 * One request to S3: where a bucket is, and what its answer means.
 *   https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
 *   https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/s3_internal.h"

#define KEY_MAX_BYTES 1024

int dro_s3_no_memory(const struct dro_s3 *s3, struct dro_error *err)
{
	return s3->host->fail(err, DRO_ENOMEM, NULL, "out of memory");
}

/* A name that can be a label of a host name, and that a wildcard certificate covers: no dots. */
static bool can_be_host(const char *bucket)
{
	size_t length = strlen(bucket);

	return length >= 3 && length <= 63 && bucket[0] != '-' && bucket[length - 1] != '-' &&
	       strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

/* Is the host of scheme://host[:port] an address, or this machine? Neither has names below it. */
static bool is_address(const char *endpoint)
{
	const char *host = strstr(endpoint, "://");
	struct in_addr address;
	char name[256];
	size_t length;

	host = host ? host + 3 : endpoint;
	length = strcspn(host, ":/");
	if (*host == '[' || length >= sizeof(name))
		return true;
	memcpy(name, host, length);
	name[length] = '\0';
	return strcmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1;
}

static void put_bucket_host(struct dro_buf *out, const char *endpoint, const char *bucket)
{
	const char *host = strstr(endpoint, "://");
	size_t scheme = host ? (size_t)(host - endpoint) + 3 : 0;

	dro_buf_append(out, endpoint, scheme);
	dro_buf_printf(out, "%s.%s", bucket, endpoint + scheme);
}

/* The key's parts between slashes, after the bucket where that stands in the path. `text` is a
 * copy of the key that the parts point into. */
static int split_path(const struct dro_s3 *s3, const char *bucket, char *text, const char ***path,
	size_t *count, struct dro_error *err)
{
	size_t n = bucket ? 1 : 0;
	char *at;

	for (at = text; at; at = strchr(at + 1, '/'))
		n++;
	*path = calloc(n + 1, sizeof(**path));
	*count = 0;
	if (!*path)
		return dro_s3_no_memory(s3, err);
	if (bucket)
		(*path)[(*count)++] = bucket;
	while (text) {
		at = strchr(text, '/');
		if (at)
			*at++ = '\0';
		(*path)[(*count)++] = text;
		text = at;
	}
	return 0;
}

static int check_names(
	const struct dro_s3 *s3, const struct s3_request *request, struct dro_error *err)
{
	const char *bucket = request->bucket ? request->bucket : "";
	size_t length = strlen(bucket);

	if (!request->bucket && !request->key)
		return 0;
	if (length < 3 || length > 255 || strchr(bucket, '/'))
		return s3->host->fail(err, DRO_EINVAL, NULL, "\"%.80s\" can be no bucket", bucket);
	if (request->key && (!*request->key || strlen(request->key) > KEY_MAX_BYTES))
		return s3->host->fail(
			err, DRO_EINVAL, NULL, "a key has 1..%d bytes", KEY_MAX_BYTES);
	return 0;
}

static int exchange(const struct dro_s3 *s3, const struct s3_request *request,
	const struct dro_call *call, const char *endpoint, const char *const *path,
	size_t path_count, struct dro_http_response **response, struct dro_error *err)
{
	struct dro_http_request http = {.size = sizeof(http),
		.flags = request->kind == AWS_ONCE ? 0 : DRO_HTTP_SAFE,
		.method = request->method,
		.endpoint = endpoint,
		.path = path,
		.path_count = path_count,
		.query = request->query,
		.query_count = request->query_count,
		.headers = request->headers,
		.header_count = request->header_count,
		.body = request->body,
		.body_length = request->body_length,
		.body_offset = request->body_offset,
		.body_fd = request->body_fd,
		.sink_fd = request->sink_fd,
		.response_max = request->response_max,
		.auth = request->anonymous ? DRO_AUTH_NONE : DRO_AUTH_SIGV4,
		.auth_service = "s3",
		.auth_region = s3->region,
		.deadline_ms = call->deadline_ms};

	return s3->host->http(s3->host, &http, response, err);
}

int dro_s3_send(const struct dro_s3 *s3, const struct s3_request *request,
	const struct dro_call *call, struct dro_http_response **response, struct dro_xml **xml,
	struct dro_error *err)
{
	struct dro_buf endpoint = DRO_BUF_INIT(600);
	struct dro_http_response *answer = NULL;
	const char **path = NULL;
	char *key = NULL;
	size_t path_count = 0;
	bool in_path;
	int rc;

	if ((rc = check_names(s3, request, err)) < 0)
		goto out;
	in_path = !request->bucket || s3->path_style || !can_be_host(request->bucket) ||
		  is_address(s3->endpoint);
	if (in_path)
		dro_buf_puts(&endpoint, s3->endpoint);
	else
		put_bucket_host(&endpoint, s3->endpoint, request->bucket);
	if ((rc = dro_buf_check(&endpoint, err)) < 0)
		goto out;
	if (request->key && !(key = strdup(request->key))) {
		rc = dro_s3_no_memory(s3, err);
		goto out;
	}
	if ((rc = split_path(s3, in_path ? request->bucket : NULL, key, &path, &path_count, err)) <
			0 ||
		(rc = exchange(s3, request, call, dro_buf_str(&endpoint), path, path_count, &answer,
			 err)) < 0 ||
		(rc = dro_aws_answer(s3->host, answer, request->kind, xml, err)) < 0)
		goto out;
	if (response) {
		*response = answer;
		answer = NULL;
	}
out:
	s3->host->http_free(answer);
	free(path);
	free(key);
	dro_buf_free(&endpoint);
	return rc;
}

int dro_s3_probe(const struct dro_s3 *s3, const struct dro_call *call, struct dro_error *err)
{
	const struct s3_request request = {
		.kind = AWS_READ, .method = "GET", .body_fd = -1, .sink_fd = -1};
	struct dro_error refused = DRO_ERROR_INIT;
	struct dro_xml *xml = NULL;
	int rc = dro_s3_send(s3, &request, call, NULL, &xml, &refused);

	dro_xml_free(xml);
	if (rc == 0 || dro_aws_is_word(&refused, "AccessDenied"))
		return 0;
	return dro_aws_pass_on(s3->host, &refused, err);
}
