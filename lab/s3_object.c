#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/xml.h"

#include "base/clock.h"

#define DELETE_MAX 1000
#define HEADERS_MAX 16384

/* ---- writing ------------------------------------------------------------------------------- */

static bool is_kept_header(const char *name)
{
	static const char *const names[] = {"content-type", "cache-control", "content-disposition",
		"content-encoding", "content-language", "expires", "x-amz-storage-class",
		"x-amz-website-redirect-location"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "x-amz-meta-", 11) == 0 ||
	       (strncmp(name, "x-amz-checksum-", 15) == 0 && strcmp(name + 15, "mode") != 0 &&
		       strcmp(name + 15, "algorithm") != 0);
}

/* "aws-chunked" is of the transfer, not of the object. */
static void strip_chunked(char *value)
{
	char *at = strstr(value, "aws-chunked");
	size_t cut = 11;

	if (!at)
		return;
	cut += strspn(at + cut, ", ");
	memmove(at, at + cut, strlen(at + cut) + 1);
}

char *s3_headers_of(const struct lab_request *request)
{
	struct dro_buf text = DRO_BUF_INIT(HEADERS_MAX);
	cJSON *json = cJSON_CreateObject();
	size_t i;

	for (i = 0; i < request->header_count; i++) {
		const char *name = request->headers[i].name;
		char *value;

		if (!is_kept_header(name) || cJSON_HasObjectItem(json, name) ||
			!(value = strdup(request->headers[i].value)))
			continue;
		if (strcmp(name, "content-encoding") == 0)
			strip_chunked(value);
		if (*value)
			cJSON_AddStringToObject(json, name, value);
		free(value);
	}
	dro_json_print(&text, json);
	cJSON_Delete(json);
	return dro_buf_take(&text);
}

int s3_write_allowed(const struct s3_call *c)
{
	const char *none = lab_header(c->request, "if-none-match");
	const char *match = lab_header(c->request, "if-match");
	struct dro_error err = DRO_ERROR_INIT;
	sqlite3_stmt *query = NULL;
	bool allowed = true;
	int rc;

	if (!none && !match)
		return 0;
	if (none && strcmp(none, "*") != 0)
		return s3_refuse(c, "NotImplemented", NULL);
	rc = s3_query(c->s3, &query, &err, "SELECT etag FROM object WHERE bucket = ? AND key = ?",
		"tt", c->bucket, c->key);
	if (rc == 0 && (rc = s3_row(c->s3, query, &err)) >= 0)
		allowed = none ? rc == 0 : rc > 0 && s3_etag_matches(match, s3_text(query, 0));
	sqlite3_finalize(query);
	if (rc < 0)
		return s3_refuse_internal(c, &err);
	if (!allowed && match && rc == 0)
		return s3_refuse_with(c, "NoSuchKey", NULL, "Key", c->key);
	return allowed ? 0
		       : s3_refuse_with(c, "PreconditionFailed", NULL, "Condition",
				 none ? "If-None-Match" : "If-Match");
}

/* The file of the key's object, "" where there is none. Under the lock. */
static int find_blob(
	const struct s3_call *c, const char *key, char blob[S3_BLOB], struct dro_error *err)
{
	sqlite3_stmt *query = NULL;
	int rc = s3_query(c->s3, &query, err,
		"SELECT blob FROM object WHERE bucket = ? AND key = ?", "tt", c->bucket, key);

	blob[0] = '\0';
	if (rc == 0 && (rc = s3_row(c->s3, query, err)) > 0)
		snprintf(blob, S3_BLOB, "%s", s3_text(query, 0));
	sqlite3_finalize(query);
	return rc < 0 ? rc : 0;
}

int s3_object_store(const struct s3_call *c, const struct s3_blob *blob, const char *etag,
	const char *headers, char old[S3_BLOB], struct dro_error *err)
{
	int rc = find_blob(c, c->key, old, err);

	if (rc < 0)
		return rc;
	return s3_run(c->s3, err, "INSERT OR REPLACE INTO object VALUES(?, ?, ?, ?, ?, ?, ?)",
		"ttititt", c->bucket, c->key, blob->size, etag, dro_wall_ms(), blob->name, headers);
}

/* The blob becomes the object, or goes; <0: refused. */
static int put_blob(struct s3_call *c, struct s3_blob *blob, const char *etag, const char *headers)
{
	struct dro_error err = DRO_ERROR_INIT;
	char old[S3_BLOB] = "";
	int rc;

	pthread_mutex_lock(&c->s3->lock);
	rc = s3_write_allowed(c);
	if (rc == 0 && (rc = s3_object_store(c, blob, etag, headers, old, &err)) < 0)
		s3_refuse_internal(c, &err);
	pthread_mutex_unlock(&c->s3->lock);
	if (rc < 0) {
		s3_blob_discard(c->s3, blob);
		return rc;
	}
	s3_blob_close(blob);
	s3_blob_remove(c->s3, old);
	lab_reply_id(c->reply, c->key);
	return 0;
}

void s3_object_put(struct s3_call *c)
{
	char *headers = s3_headers_of(c->request), etag[S3_ETAG];
	struct s3_blob blob;
	int rc;

	/* Asked first, so that a lock's loser need not be read; asked again when it is written. */
	pthread_mutex_lock(&c->s3->lock);
	rc = headers ? s3_write_allowed(c) : s3_refuse(c, "InternalError", "out of memory");
	pthread_mutex_unlock(&c->s3->lock);
	if (rc < 0 || s3_blob_receive(c, &blob) < 0)
		goto out;
	dro_hex(etag, blob.md5, sizeof(blob.md5));
	if (put_blob(c, &blob, etag, headers) == 0)
		lab_reply_header(c->reply, "ETag", "\"%s\"", etag);
out:
	free(headers);
}

/* ---- copying ------------------------------------------------------------------------------- */

struct source {
	char bucket[S3_BUCKET];
	char *key;
	char blob[S3_BLOB];
	char etag[S3_ETAG];
	char *headers;
};

/* "/bucket/key" of x-amz-copy-source, percent-encoded; <0: refused. */
static int read_source(const struct s3_call *c, struct source *source)
{
	const char *header = lab_header(c->request, "x-amz-copy-source");
	size_t length = strcspn(header, "?");
	char *text = NULL, *slash;
	int rc = 0;

	if (lab_decode(&text, header, length, false) < 0)
		return s3_refuse(c, "InvalidArgument", "x-amz-copy-source is malformed");
	slash = strchr(text + (*text == '/'), '/');
	if (!slash || !slash[1] || slash - text > S3_BUCKET - 1) {
		rc = s3_refuse(c, "InvalidArgument", "x-amz-copy-source names no object");
	} else {
		*slash = '\0';
		snprintf(source->bucket, S3_BUCKET, "%s", text + (*text == '/'));
		source->key = strdup(slash + 1);
	}
	free(text);
	return rc;
}

static int find_source(const struct s3_call *c, struct source *source, struct s3_blob *blob)
{
	struct dro_error err = DRO_ERROR_INIT;
	sqlite3_stmt *query = NULL;
	int rc;

	pthread_mutex_lock(&c->s3->lock);
	rc = s3_query(c->s3, &query, &err,
		"SELECT blob, etag, headers FROM object WHERE bucket = ? AND key = ?", "tt",
		source->bucket, source->key);
	if (rc == 0 && (rc = s3_row(c->s3, query, &err)) > 0) {
		snprintf(source->blob, S3_BLOB, "%s", s3_text(query, 0));
		snprintf(source->etag, S3_ETAG, "%s", s3_text(query, 1));
		source->headers = strdup(s3_text(query, 2));
		rc = s3_blob_new(c->s3, blob, &err);
		/* Under the lock: so nobody removes the file while it is read. */
		if (rc == 0 && (rc = s3_blob_append(c->s3, blob, source->blob, &err)) < 0)
			s3_blob_discard(c->s3, blob);
		if (rc == 0)
			rc = 1;
	}
	sqlite3_finalize(query);
	pthread_mutex_unlock(&c->s3->lock);
	if (rc < 0)
		return s3_refuse_internal(c, &err);
	return rc ? 0 : s3_refuse_with(c, "NoSuchKey", NULL, "Key", source->key);
}

void s3_object_copy(struct s3_call *c)
{
	const char *directive = lab_header(c->request, "x-amz-metadata-directive");
	struct source source = {0};
	struct s3_blob blob = {.fd = -1};
	char made[S3_TIME];

	if (read_source(c, &source) < 0)
		goto out;
	if (!s3_bucket_allows(c, S3_MAY_READ, source.bucket)) {
		s3_refuse(c, "AccessDenied", NULL);
		goto out;
	}
	if (find_source(c, &source, &blob) < 0)
		goto out;
	if (directive && strcmp(directive, "REPLACE") == 0) {
		free(source.headers);
		source.headers = s3_headers_of(c->request);
	}
	if (put_blob(c, &blob, source.etag, source.headers ? source.headers : "{}") < 0)
		goto out;
	s3_time_xml(made, dro_wall_ms());
	s3_begin_xml(c, "CopyObjectResult");
	lab_xml_element(&c->reply->body, "LastModified", made);
	dro_buf_printf(&c->reply->body, "<ETag>&quot;%s&quot;</ETag>", source.etag);
	s3_end_xml(c, "CopyObjectResult");
out:
	free(source.key);
	free(source.headers);
}

/* ---- deleting ------------------------------------------------------------------------------ */

static int delete_key(const struct s3_call *c, const char *key, struct dro_error *err)
{
	char blob[S3_BLOB];
	int rc;

	pthread_mutex_lock(&c->s3->lock);
	rc = find_blob(c, key, blob, err);
	if (rc == 0)
		rc = s3_run(c->s3, err, "DELETE FROM object WHERE bucket = ? AND key = ?", "tt",
			c->bucket, key);
	pthread_mutex_unlock(&c->s3->lock);
	if (rc == 0)
		s3_blob_remove(c->s3, blob);
	return rc;
}

void s3_object_delete(struct s3_call *c)
{
	struct dro_error err = DRO_ERROR_INIT;

	if (delete_key(c, c->key, &err) < 0) {
		s3_refuse_internal(c, &err);
		return;
	}
	lab_reply_id(c->reply, c->key);
	c->reply->status = 204;
}

static bool has_digest(const struct lab_request *request)
{
	size_t i;

	for (i = 0; i < request->header_count; i++)
		if (strcmp(request->headers[i].name, "content-md5") == 0 ||
			strncmp(request->headers[i].name, "x-amz-checksum-", 15) == 0)
			return true;
	return false;
}

void s3_objects_delete(struct s3_call *c)
{
	struct dro_buf *body = &c->reply->body;
	struct dro_error err = DRO_ERROR_INIT;
	const struct dro_xml_node *node, *root;
	struct dro_xml *xml = NULL;
	size_t count = 0;
	bool quiet;
	int rc = 0;

	if (!has_digest(c->request)) {
		s3_refuse(c, "InvalidRequest",
			"Missing required header for this request: Content-MD5");
		return;
	}
	if (s3_xml_read(c, &xml) < 0)
		return;
	root = dro_xml_root(xml);
	quiet = strcmp(dro_xml_text(root, "Quiet"), "true") == 0;
	for (node = dro_xml_child(root, "Object"); node; node = dro_xml_next(node))
		count++;
	if (count == 0 || count > DELETE_MAX) {
		s3_refuse(c, "MalformedXML", NULL);
		goto out;
	}
	s3_begin_xml(c, "DeleteResult");
	for (node = dro_xml_child(root, "Object"); node; node = dro_xml_next(node)) {
		const char *key = dro_xml_text(node, "Key");

		if ((rc = delete_key(c, key, &err)) < 0)
			break;
		lab_reply_id(c->reply, key);
		if (quiet)
			continue;
		dro_buf_puts(body, "<Deleted>");
		lab_xml_element(body, "Key", key);
		dro_buf_puts(body, "</Deleted>");
	}
	s3_end_xml(c, "DeleteResult");
	if (rc < 0)
		s3_refuse_internal(c, &err);
out:
	dro_xml_free(xml);
}
