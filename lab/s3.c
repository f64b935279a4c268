#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* ---- whose bucket, which key --------------------------------------------------------------- */

/* The last ".s3." or ".s3-" of a host name, or its beginning where that is "s3." or "s3-". */
static const char *find_service(const char *host)
{
	const char *at, *found = NULL;

	for (at = host; *at; at++)
		if (strncmp(at, "s3", 2) == 0 && (at == host || at[-1] == '.') &&
			(at[2] == '.' || at[2] == '-'))
			found = at;
	return found;
}

/* "bucket.s3.REGION.localhost:8000" -> "bucket" and "REGION"; both "" where the host names none. */
static void read_host(struct s3_call *c)
{
	char host[256];
	const char *service, *region, *end;

	snprintf(host, sizeof(host), "%s", c->request->host);
	host[strcspn(host, ":")] = '\0';
	service = find_service(host);
	if (!service) { /* "bucket.localhost", as clients make of an endpoint "localhost" */
		end = strstr(host, ".localhost");
		if (end && strcmp(end, ".localhost") == 0)
			snprintf(c->bucket, sizeof(c->bucket), "%.*s", (int)(end - host), host);
		return;
	}
	region = service + 3;
	end = strchr(region, '.');
	if (end && strncmp(region, "amazonaws.", 10) != 0 && end - region < LAB_REGION)
		snprintf(c->host_region, LAB_REGION, "%.*s", (int)(end - region), region);
	if (service > host)
		snprintf(c->bucket, sizeof(c->bucket), "%.*s", (int)(service - host - 1), host);
}

/* <0: not to be understood. */
static int read_target(struct s3_call *c)
{
	const char *path = c->request->raw_path;
	size_t length;
	char *text = NULL;

	if (*path == '/')
		path++;
	read_host(c);
	if (!*c->bucket) {
		length = strcspn(path, "/");
		if (lab_decode(&text, path, length, false) < 0)
			return DRO_EINVAL;
		snprintf(c->bucket, sizeof(c->bucket), "%s", text);
		free(text);
		path += length;
		if (*path == '/')
			path++;
	}
	return lab_decode(&c->key, path, strlen(path), false);
}

/* ---- routes -------------------------------------------------------------------------------- */

enum level { SERVICE, BUCKET, OBJECT };

/* The first that fits counts. */
static const struct route {
	enum level level;
	const char *method;
	const char *query;  /* must be there, where not NULL */
	const char *header; /* likewise */
	const char *operation;
	void (*handle)(struct s3_call *c);
} routes[] = {
	{SERVICE, "GET", NULL, NULL, "ListBuckets", s3_bucket_list},
	{BUCKET, "PUT", "website", NULL, "PutBucketWebsite", s3_website_put},
	{BUCKET, "PUT", "policy", NULL, "PutBucketPolicy", s3_policy_put},
	{BUCKET, "DELETE", "website", NULL, "DeleteBucketWebsite", s3_website_delete},
	{BUCKET, "DELETE", "policy", NULL, "DeleteBucketPolicy", s3_policy_delete},
	{BUCKET, "PUT", NULL, NULL, "CreateBucket", s3_bucket_create},
	{BUCKET, "HEAD", NULL, NULL, "HeadBucket", s3_bucket_head},
	{BUCKET, "DELETE", NULL, NULL, "DeleteBucket", s3_bucket_delete},
	{BUCKET, "GET", "website", NULL, "GetBucketWebsite", s3_website_get},
	{BUCKET, "GET", "policy", NULL, "GetBucketPolicy", s3_policy_get},
	{BUCKET, "GET", "location", NULL, "GetBucketLocation", s3_bucket_location},
	{BUCKET, "GET", "versioning", NULL, "GetBucketVersioning", s3_bucket_versioning},
	{BUCKET, "GET", "uploads", NULL, "ListMultipartUploads", s3_uploads_list},
	{BUCKET, "GET", "list-type", NULL, "ListObjectsV2", s3_list_v2},
	{BUCKET, "GET", NULL, NULL, "ListObjects", s3_list_v1},
	{BUCKET, "POST", "delete", NULL, "DeleteObjects", s3_objects_delete},
	{OBJECT, "PUT", "uploadId", NULL, "UploadPart", s3_upload_part},
	{OBJECT, "PUT", NULL, "x-amz-copy-source", "CopyObject", s3_object_copy},
	{OBJECT, "PUT", NULL, NULL, "PutObject", s3_object_put},
	{OBJECT, "GET", "uploadId", NULL, "ListParts", s3_upload_parts},
	{OBJECT, "GET", NULL, NULL, "GetObject", s3_object_get},
	{OBJECT, "HEAD", NULL, NULL, "HeadObject", s3_object_get},
	{OBJECT, "DELETE", "uploadId", NULL, "AbortMultipartUpload", s3_upload_abort},
	{OBJECT, "DELETE", NULL, NULL, "DeleteObject", s3_object_delete},
	{OBJECT, "POST", "uploads", NULL, "CreateMultipartUpload", s3_upload_create},
	{OBJECT, "POST", "uploadId", NULL, "CompleteMultipartUpload", s3_upload_complete},
};

/* Parts of S3 that are not here: never to be taken for a plain get or put. */
static bool is_elsewhere(const struct s3_call *c)
{
	const struct lab_request *request = c->request;
	static const char *const names[] = {"acl", "accelerate", "analytics", "cors", "encryption",
		"intelligent-tiering", "inventory", "legal-hold", "lifecycle", "logging", "metrics",
		"notification", "object-lock", "ownershipControls", "policyStatus",
		"publicAccessBlock", "replication", "requestPayment", "restore", "retention",
		"select", "tagging", "torrent", "versionId", "versions", "attributes"};
	/* Of buckets alone. */
	bool object_setting =
		*c->key && (lab_query(request, "website") || lab_query(request, "policy"));
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (lab_query(request, names[i]))
			return true;
	return object_setting ||
	       (lab_query(request, "versioning") && strcmp(request->method, "GET") != 0);
}

static const struct route *find_route(const struct s3_call *c)
{
	enum level level = !*c->bucket ? SERVICE : !*c->key ? BUCKET : OBJECT;
	size_t i;

	if (is_elsewhere(c))
		return NULL;
	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (routes[i].level == level && strcmp(routes[i].method, c->request->method) == 0 &&
			(!routes[i].query || lab_query(c->request, routes[i].query)) &&
			(!routes[i].header || lab_header(c->request, routes[i].header)))
			return &routes[i];
	return NULL;
}

/* ---- the vendor ---------------------------------------------------------------------------- */

/* What a fault of a region meets: the region that is signed for, or that the bucket is in. */
static void find_region(const struct s3_call *c, char region[LAB_REGION])
{
	const struct s3_world *world = c->s3->world;
	int rc = 0;

	if (!world->region) {
		snprintf(region, LAB_REGION, "%s", c->scope.region);
		return;
	}
	if (*c->bucket) {
		pthread_mutex_lock(&c->s3->lock);
		rc = s3_bucket_find(c->s3, c->bucket, region, NULL);
		pthread_mutex_unlock(&c->s3->lock);
	}
	if (rc <= 0)
		world->region(c->scope.region, region);
}

void s3_classify(void *state, const struct lab_request *request, struct lab_call *call)
{
	struct s3_call c = {.s3 = state, .request = request, .call = call};
	const struct route *route = NULL;

	if (s3_website_is(&c)) {
		snprintf(call->operation, sizeof(call->operation), "Website");
		pthread_mutex_lock(&c.s3->lock);
		s3_bucket_find(c.s3, c.bucket, call->region, NULL);
		pthread_mutex_unlock(&c.s3->lock);
		return;
	}
	if (read_target(&c) == 0)
		route = find_route(&c);
	if (route)
		snprintf(call->operation, sizeof(call->operation), "%s", route->operation);
	if (lab_scope_read(request, &c.scope))
		find_region(&c, call->region);
	free(c.key);
}

static bool is_hex_hash(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* <0: refused. */
static int authenticate(struct s3_call *c)
{
	const char *hash = lab_header(c->request, "x-amz-content-sha256");
	char message[LAB_AUTH_MESSAGE] = "";
	bool known = lab_scope_read(c->request, &c->scope) &&
		     c->s3->world->secret(c->s3->lab, c->scope.access_key, c->secret);

	switch (lab_sigv4_verify(c->request, known ? c->secret : NULL, &c->scope, message)) {
	case LAB_AUTH_OK:
		break;
	case LAB_AUTH_MISSING:
		return s3_refuse(c, "AccessDenied", NULL);
	case LAB_AUTH_MALFORMED:
		return s3_refuse(c, "AuthorizationHeaderMalformed", *message ? message : NULL);
	case LAB_AUTH_UNKNOWN_KEY:
		return s3_refuse_with(
			c, "InvalidAccessKeyId", NULL, "AWSAccessKeyId", c->scope.access_key);
	case LAB_AUTH_SKEWED:
		return s3_refuse(c, "RequestTimeTooSkewed", NULL);
	case LAB_AUTH_EXPIRED:
		return s3_refuse(c, "AccessDenied", "Request has expired");
	case LAB_AUTH_MISMATCH:
		if (hash && is_hex_hash(hash) && strcmp(hash, c->request->body_sha256) != 0)
			return s3_refuse(c, "XAmzContentSHA256Mismatch", NULL);
		return s3_refuse(c, "SignatureDoesNotMatch", NULL);
	}
	if (!hash && !c->scope.presigned)
		return s3_refuse(c, "InvalidRequest",
			"Missing required header for this request: x-amz-content-sha256");
	return 0;
}

/* An unsigned request for an object that everybody may read. */
static bool is_everybody(struct s3_call *c)
{
	const char *method = c->request->method;

	return !lab_scope_read(c->request, &c->scope) && *c->key &&
	       (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) &&
	       s3_public_may(c, "s3:GetObject", c->key);
}

/* <0: refused. */
static int check_rights(const struct s3_call *c)
{
	const char *method = c->request->method;
	bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

	if (s3_bucket_allows(c, reads ? S3_MAY_READ : S3_MAY_WRITE, c->bucket))
		return 0;
	return s3_refuse(c, "AccessDenied", NULL);
}

void s3_handle(void *state, const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply)
{
	struct s3_call c = {.s3 = state, .request = request, .call = call, .reply = reply};
	const struct route *route;

	lab_reply_header(reply, "x-amz-request-id", "%s", call->id);
	lab_reply_header(reply, "x-amz-id-2", "lab/%s", call->id);
	lab_reply_header(reply, "Server", "AmazonS3");
	if (s3_website_is(&c)) {
		s3_website_show(&c);
		goto out;
	}
	if (read_target(&c) < 0) {
		s3_refuse(&c, "InvalidURI", NULL);
		goto out;
	}
	if (!is_everybody(&c) && authenticate(&c) < 0)
		goto out;
	route = find_route(&c);
	if (!route)
		s3_refuse(&c, is_elsewhere(&c) ? "NotImplemented" : "MethodNotAllowed", NULL);
	else if (strlen(c.key) > S3_KEY_MAX)
		s3_refuse(&c, "KeyTooLongError", NULL);
	else if (route->level == SERVICE || route->handle == s3_bucket_create ||
		 (s3_bucket_need(&c) == 0 && check_rights(&c) == 0))
		route->handle(&c);
out:
	free(c.key);
}

void s3_fail(const struct lab_request *request, const struct lab_call *call,
	struct lab_reply *reply, int status, const char *code, const char *message)
{
	s3_error_body(reply, request, call, status, code, message);
}

void s3_close(void *state)
{
	struct s3 *s3 = state;

	if (!s3)
		return;
	s3_index_close(s3);
	pthread_mutex_destroy(&s3->lock);
	free(s3->blobs);
	free(s3);
}

int s3_open(struct lab *lab, const struct s3_world *world, void **state, struct dro_error *err)
{
	struct s3 *s3 = calloc(1, sizeof(*s3));
	char *folder = NULL, *index = NULL;
	int rc;

	if (!s3)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	s3->lab = lab;
	s3->world = world;
	pthread_mutex_init(&s3->lock, NULL);
	folder = dro_path_join(lab_config(lab)->dir, world->folder);
	s3->blobs = folder ? dro_path_join(folder, "blobs") : NULL;
	index = folder ? dro_path_join(folder, "index.db") : NULL;
	if (!s3->blobs || !index)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else if ((rc = dro_dir_make(s3->blobs, 0700, err)) == 0 &&
		 (rc = s3_index_open(s3, index, err)) == 0) {
		s3_blob_sweep(s3);
		*state = s3;
		s3 = NULL;
	}
	free(folder);
	free(index);
	s3_close(s3);
	return rc;
}

/* ---- AWS's ---------------------------------------------------------------------------------- */

static bool aws_secret(struct lab *lab, const char *access_key, char out[S3_SECRET])
{
	snprintf(out, S3_SECRET, "%s", lab_config(lab)->secret_key);
	return lab_secret_equal(access_key, lab_config(lab)->access_key);
}

static const struct s3_world aws = {.folder = "s3", .secret = aws_secret};

/* Takes what no other vendor claims: a request without signature is S3's, refused or not. */
static bool matches(const struct lab_request *request)
{
	struct lab_scope scope;

	return !lab_scope_read(request, &scope) || strcmp(scope.service, "s3") == 0;
}

static int open_aws(struct lab *lab, void **state, struct dro_error *err)
{
	return s3_open(lab, &aws, state, err);
}

const struct lab_vendor lab_vendor_s3 = {
	.name = "s3",
	.open = open_aws,
	.close = s3_close,
	.matches = matches,
	.classify = s3_classify,
	.handle = s3_handle,
	.fail = s3_fail,
};
