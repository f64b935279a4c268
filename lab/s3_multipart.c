#include "s3.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/xml.h"

#include "base/clock.h"

#define UPLOAD_ID 48

struct part {
	int64_t number;
	int64_t size;
	char etag[S3_ETAG];
	char blob[S3_BLOB];
};

int s3_no_such_upload(const struct s3_call *c)
{
	return s3_refuse_with(
		c, "NoSuchUpload", NULL, "UploadId", lab_query(c->request, "uploadId"));
}

int s3_find_upload(const struct s3_call *c, char **headers, struct dro_error *err)
{
	sqlite3_stmt *query = NULL;
	int rc = s3_query(c->s3, &query, err,
		"SELECT headers FROM upload WHERE id = ? AND bucket = ? AND key = ?", "ttt",
		lab_query(c->request, "uploadId"), c->bucket, c->key);

	if (rc == 0 && (rc = s3_row(c->s3, query, err)) > 0 && headers &&
		!(*headers = strdup(s3_text(query, 0))))
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	sqlite3_finalize(query);
	return rc;
}

void s3_upload_create(struct s3_call *c)
{
	struct dro_error err = DRO_ERROR_INIT;
	char *headers = s3_headers_of(c->request), id[UPLOAD_ID];
	int rc;

	if (!headers) {
		s3_refuse(c, "InternalError", "out of memory");
		return;
	}
	dro_random_id(id, sizeof(id) - 1);
	pthread_mutex_lock(&c->s3->lock);
	rc = s3_run(c->s3, &err, "INSERT INTO upload VALUES(?, ?, ?, ?, ?)", "tttit", id, c->bucket,
		c->key, dro_wall_ms(), headers);
	pthread_mutex_unlock(&c->s3->lock);
	free(headers);
	if (rc < 0) {
		s3_refuse_internal(c, &err);
		return;
	}
	lab_reply_id(c->reply, id);
	s3_begin_xml(c, "InitiateMultipartUploadResult");
	lab_xml_element(&c->reply->body, "Bucket", c->bucket);
	lab_xml_element(&c->reply->body, "Key", c->key);
	lab_xml_element(&c->reply->body, "UploadId", id);
	s3_end_xml(c, "InitiateMultipartUploadResult");
}

/* ---- one part ------------------------------------------------------------------------------ */

/* Puts the part in the place of one of its number. 1: done, 0: no such upload, <0. */
static int store_part(const struct s3_call *c, const struct s3_blob *blob, int64_t number,
	const char *etag, char old[S3_BLOB], struct dro_error *err)
{
	const char *id = lab_query(c->request, "uploadId");
	sqlite3_stmt *query = NULL;
	int rc = s3_find_upload(c, NULL, err);

	if (rc <= 0)
		return rc;
	rc = s3_query(c->s3, &query, err, "SELECT blob FROM part WHERE upload = ? AND number = ?",
		"ti", id, number);
	if (rc == 0 && (rc = s3_row(c->s3, query, err)) > 0)
		snprintf(old, S3_BLOB, "%s", s3_text(query, 0));
	sqlite3_finalize(query);
	if (rc >= 0)
		rc = s3_run(c->s3, err, "INSERT OR REPLACE INTO part VALUES(?, ?, ?, ?, ?, ?)",
			"tiitit", id, number, blob->size, etag, dro_wall_ms(), blob->name);
	return rc < 0 ? rc : 1;
}

void s3_upload_part(struct s3_call *c)
{
	const char *text = lab_query(c->request, "partNumber");
	struct dro_error err = DRO_ERROR_INIT;
	char *end, etag[S3_ETAG], old[S3_BLOB] = "";
	int64_t number = strtoll(text, &end, 10);
	struct s3_blob blob;
	int rc;

	if (!*text || *end || number < 1 || number > S3_PARTS_MAX) {
		s3_refuse(c, "InvalidArgument",
			"Part number must be an integer between 1 and 10000, inclusive");
		return;
	}
	if (lab_header(c->request, "x-amz-copy-source")) {
		s3_refuse(c, "NotImplemented", NULL);
		return;
	}
	pthread_mutex_lock(&c->s3->lock);
	rc = s3_find_upload(c, NULL, &err);
	pthread_mutex_unlock(&c->s3->lock);
	if (rc == 0)
		s3_no_such_upload(c);
	if (rc < 0)
		s3_refuse_internal(c, &err);
	if (rc <= 0 || s3_blob_receive(c, &blob) < 0)
		return;
	dro_hex(etag, blob.md5, sizeof(blob.md5));
	pthread_mutex_lock(&c->s3->lock);
	rc = store_part(c, &blob, number, etag, old, &err);
	pthread_mutex_unlock(&c->s3->lock);
	if (rc <= 0) {
		s3_blob_discard(c->s3, &blob);
		if (rc < 0)
			s3_refuse_internal(c, &err);
		else
			s3_no_such_upload(c);
		return;
	}
	s3_blob_close(&blob);
	s3_blob_remove(c->s3, old);
	lab_reply_header(c->reply, "ETag", "\"%s\"", etag);
}

/* ---- the end of an upload ------------------------------------------------------------------ */

/* Removes the upload and its parts; under the lock. Their files' names, one after the other, go to
 * `blobs`. */
static int drop_upload(const struct s3_call *c, struct dro_buf *blobs, struct dro_error *err)
{
	const char *id = lab_query(c->request, "uploadId");
	sqlite3_stmt *query = NULL;
	int rc = s3_query(c->s3, &query, err, "SELECT blob FROM part WHERE upload = ?", "t", id);

	if (rc == 0)
		while ((rc = s3_row(c->s3, query, err)) > 0)
			dro_buf_append(blobs, s3_text(query, 0), S3_BLOB - 1);
	sqlite3_finalize(query);
	if (rc == 0)
		rc = dro_buf_check(blobs, err);
	if (rc == 0)
		rc = s3_run(c->s3, err, "DELETE FROM upload WHERE id = ?", "t", id);
	return rc;
}

static void remove_blobs(struct s3 *s3, const struct dro_buf *blobs)
{
	char name[S3_BLOB] = "";
	size_t at;

	for (at = 0; at + S3_BLOB - 1 <= blobs->length; at += S3_BLOB - 1) {
		memcpy(name, blobs->data + at, S3_BLOB - 1);
		s3_blob_remove(s3, name);
	}
}

void s3_upload_abort(struct s3_call *c)
{
	struct dro_buf blobs = DRO_BUF_INIT(S3_PARTS_MAX * S3_BLOB);
	struct dro_error err = DRO_ERROR_INIT;
	int rc, found;

	pthread_mutex_lock(&c->s3->lock);
	rc = found = s3_find_upload(c, NULL, &err);
	if (found > 0)
		rc = drop_upload(c, &blobs, &err);
	pthread_mutex_unlock(&c->s3->lock);
	if (rc < 0) {
		s3_refuse_internal(c, &err);
	} else if (!found) {
		s3_no_such_upload(c);
	} else {
		remove_blobs(c->s3, &blobs);
		c->reply->status = 204;
	}
	dro_buf_free(&blobs);
}

/* One part as the request names it: there, and the one that was meant? Under the lock. */
static int find_part(const struct s3_call *c, int64_t number, const char *etag, struct part *part)
{
	struct dro_error err = DRO_ERROR_INIT;
	sqlite3_stmt *query = NULL;
	char text[24];
	int rc;

	rc = s3_query(c->s3, &query, &err,
		"SELECT size, etag, blob FROM part WHERE upload = ? AND number = ?", "ti",
		lab_query(c->request, "uploadId"), number);
	if (rc == 0 && (rc = s3_row(c->s3, query, &err)) > 0) {
		part->number = number;
		part->size = sqlite3_column_int64(query, 0);
		snprintf(part->etag, S3_ETAG, "%s", s3_text(query, 1));
		snprintf(part->blob, S3_BLOB, "%s", s3_text(query, 2));
	}
	sqlite3_finalize(query);
	if (rc < 0)
		return s3_refuse_internal(c, &err);
	if (rc == 0 || !s3_etag_matches(etag, part->etag)) {
		snprintf(text, sizeof(text), "%lld", (long long)number);
		return s3_refuse_with(c, "InvalidPart", NULL, "PartNumber", text);
	}
	return 0;
}

/* The parts of the request's list, checked against what was uploaded. malloc'd; <0: refused. */
static int read_parts(
	const struct s3_call *c, const struct dro_xml *xml, struct part **out, size_t *count)
{
	const struct dro_xml_node *node, *first = dro_xml_child(dro_xml_root(xml), "Part");
	struct part *parts;
	size_t total = 0, i;
	int rc = 0;

	for (node = first; node; node = dro_xml_next(node))
		total++;
	if (total == 0 || total > S3_PARTS_MAX)
		return s3_refuse(c, "MalformedXML", NULL);
	parts = calloc(total, sizeof(*parts));
	if (!parts)
		return s3_refuse(c, "InternalError", "out of memory");
	for (i = 0, node = first; rc == 0 && node; node = dro_xml_next(node), i++) {
		int64_t number = strtoll(dro_xml_text(node, "PartNumber"), NULL, 10);

		if (i && number <= parts[i - 1].number)
			rc = s3_refuse(c, "InvalidPartOrder", NULL);
		else
			rc = find_part(c, number, dro_xml_text(node, "ETag"), &parts[i]);
		if (rc == 0 && i && parts[i - 1].size < S3_PART_MIN)
			rc = s3_refuse(c, "EntityTooSmall", NULL);
	}
	if (rc < 0) {
		free(parts);
		return rc;
	}
	*out = parts;
	*count = total;
	return 0;
}

static int hex_digit(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* The MD5 of the parts' MD5s, and how many. */
static int join_etags(
	char out[S3_ETAG], const struct part *parts, size_t count, struct dro_error *err)
{
	struct dro_buf sums = DRO_BUF_INIT(S3_PARTS_MAX * DRO_MD5_BYTES);
	uint8_t sum[DRO_MD5_BYTES];
	size_t i, at;
	int rc;

	for (i = 0; i < count; i++) {
		for (at = 0; at < sizeof(sum); at++)
			sum[at] = (uint8_t)(hex_digit(parts[i].etag[2 * at]) * 16 +
					    hex_digit(parts[i].etag[2 * at + 1]));
		dro_buf_append(&sums, sum, sizeof(sum));
	}
	rc = dro_buf_check(&sums, err);
	if (rc == 0)
		rc = dro_md5(sum, sums.data, sums.length);
	dro_buf_free(&sums);
	if (rc < 0)
		return rc;
	dro_hex(out, sum, sizeof(sum));
	snprintf(out + 2 * sizeof(sum), S3_ETAG - 2 * sizeof(sum), "-%zu", count);
	return 0;
}

/* The parts' bytes in one new file. Without the lock: it may take long. */
static int join_parts(struct s3 *s3, struct s3_blob *blob, const struct part *parts, size_t count,
	struct dro_error *err)
{
	int rc = s3_blob_new(s3, blob, err);
	size_t i;

	for (i = 0; rc == 0 && i < count; i++)
		rc = s3_blob_append(s3, blob, parts[i].blob, err);
	return rc;
}

/* The object appears and the upload goes, both or neither. 0, 1: no such upload, <0: refused. */
static int commit_upload(struct s3_call *c, const struct s3_blob *blob, const char *etag,
	const char *headers, struct dro_buf *gone)
{
	struct dro_error err = DRO_ERROR_INIT;
	char old[S3_BLOB] = "";
	bool refused = false;
	int rc, found = 0;

	pthread_mutex_lock(&c->s3->lock);
	rc = s3_run(c->s3, &err, "BEGIN IMMEDIATE", "");
	if (rc == 0)
		rc = found = s3_find_upload(c, NULL, &err);
	if (found > 0 && (rc = s3_write_allowed(c)) < 0)
		refused = true;
	if (found > 0 && rc == 0)
		rc = s3_object_store(c, blob, etag, headers, old, &err);
	if (found > 0 && rc == 0)
		rc = drop_upload(c, gone, &err);
	rc = s3_end(c->s3, rc, &err);
	pthread_mutex_unlock(&c->s3->lock);
	if (rc < 0)
		return refused ? rc : s3_refuse_internal(c, &err);
	if (*old)
		dro_buf_append(gone, old, S3_BLOB - 1);
	return found ? 0 : 1;
}

static void write_completed(struct s3_call *c, const char *etag)
{
	struct dro_buf *body = &c->reply->body;

	lab_reply_id(c->reply, c->key);
	s3_begin_xml(c, "CompleteMultipartUploadResult");
	dro_buf_puts(body, "<Location>");
	lab_xml_text(body, c->request->raw_path);
	dro_buf_puts(body, "</Location>");
	lab_xml_element(body, "Bucket", c->bucket);
	lab_xml_element(body, "Key", c->key);
	dro_buf_printf(body, "<ETag>&quot;%s&quot;</ETag>", etag);
	s3_end_xml(c, "CompleteMultipartUploadResult");
}

/* The upload, its parts as listed, its headers; <0: refused. */
static int begin_complete(struct s3_call *c, struct part **parts, size_t *count, char **headers)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_xml *xml = NULL;
	int rc = s3_xml_read(c, &xml);

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&c->s3->lock);
	rc = s3_find_upload(c, headers, &err);
	if (rc < 0)
		s3_refuse_internal(c, &err);
	else if (rc == 0)
		rc = s3_no_such_upload(c);
	else if ((rc = s3_write_allowed(c)) == 0)
		rc = read_parts(c, xml, parts, count);
	pthread_mutex_unlock(&c->s3->lock);
	dro_xml_free(xml);
	return rc;
}

void s3_upload_complete(struct s3_call *c)
{
	struct dro_buf gone = DRO_BUF_INIT((S3_PARTS_MAX + 1) * S3_BLOB);
	struct dro_error err = DRO_ERROR_INIT;
	struct s3_blob blob = {.fd = -1};
	char *headers = NULL, etag[S3_ETAG];
	struct part *parts = NULL;
	size_t count = 0;
	int rc = begin_complete(c, &parts, &count, &headers);

	if (rc < 0)
		goto out;
	rc = join_etags(etag, parts, count, &err);
	if (rc == 0)
		rc = join_parts(c->s3, &blob, parts, count, &err);
	if (rc < 0)
		s3_refuse_internal(c, &err);
	else
		rc = commit_upload(c, &blob, etag, headers, &gone);
	if (rc > 0) /* completed or aborted by somebody else in between */
		s3_no_such_upload(c);
	if (rc != 0) {
		s3_blob_discard(c->s3, &blob);
		goto out;
	}
	s3_blob_close(&blob);
	remove_blobs(c->s3, &gone);
	write_completed(c, etag);
out:
	free(headers);
	free(parts);
	dro_buf_free(&gone);
}
