#include "s3.h"

#include <stdlib.h>
#include <string.h>

#define LIST_PARTS 1000

static int64_t query_number(const struct s3_call *c, const char *name, int64_t fallback)
{
	const char *text = lab_query(c->request, name);

	return text && *text ? strtoll(text, NULL, 10) : fallback;
}

static void put_part(struct dro_buf *out, sqlite3_stmt *query)
{
	char made[S3_TIME];

	s3_time_xml(made, sqlite3_column_int64(query, 3));
	dro_buf_printf(out,
		"<Part><PartNumber>%lld</PartNumber><LastModified>%s</LastModified>"
		"<ETag>&quot;%s&quot;</ETag><Size>%lld</Size></Part>",
		(long long)sqlite3_column_int64(query, 0), made, s3_text(query, 2),
		(long long)sqlite3_column_int64(query, 1));
}

void s3_upload_parts(struct s3_call *c)
{
	int64_t marker = query_number(c, "part-number-marker", 0), last = marker, count = 0;
	int64_t max = query_number(c, "max-parts", LIST_PARTS);
	struct dro_buf *body = &c->reply->body, parts = DRO_BUF_INIT(S3_LIST_MAX);
	struct dro_error err = DRO_ERROR_INIT;
	sqlite3_stmt *query = NULL;
	bool more = false;
	int rc, found;

	max = max < 0 || max > LIST_PARTS ? LIST_PARTS : max;
	pthread_mutex_lock(&c->s3->lock);
	rc = found = s3_find_upload(c, NULL, &err);
	if (found > 0)
		rc = s3_query(c->s3, &query, &err,
			"SELECT number, size, etag, made_ms FROM part WHERE upload = ? AND number "
			"> "
			"? ORDER BY number",
			"ti", lab_query(c->request, "uploadId"), marker);
	while (found > 0 && rc == 0 && !more && (rc = s3_row(c->s3, query, &err)) > 0) {
		rc = 0;
		more = count == max;
		if (more)
			break;
		put_part(&parts, query);
		last = sqlite3_column_int64(query, 0);
		count++;
	}
	sqlite3_finalize(query);
	pthread_mutex_unlock(&c->s3->lock);
	if (rc < 0 || !found) {
		if (rc < 0)
			s3_refuse_internal(c, &err);
		else
			s3_no_such_upload(c);
		goto out;
	}
	s3_begin_xml(c, "ListPartsResult");
	lab_xml_element(body, "Bucket", c->bucket);
	lab_xml_element(body, "Key", c->key);
	lab_xml_element(body, "UploadId", lab_query(c->request, "uploadId"));
	dro_buf_printf(body,
		"<PartNumberMarker>%lld</PartNumberMarker><NextPartNumberMarker>%lld"
		"</NextPartNumberMarker><MaxParts>%lld</MaxParts><IsTruncated>%s</IsTruncated>",
		(long long)marker, (long long)last, (long long)max, more ? "true" : "false");
	dro_buf_append(body, dro_buf_str(&parts), parts.length);
	s3_end_xml(c, "ListPartsResult");
out:
	dro_buf_free(&parts);
}

void s3_uploads_list(struct s3_call *c)
{
	const char *prefix = lab_query(c->request, "prefix");
	struct dro_buf *body = &c->reply->body;
	struct dro_error err = DRO_ERROR_INIT;
	sqlite3_stmt *query = NULL;
	char begun[S3_TIME];
	int rc;

	prefix = prefix ? prefix : "";
	s3_begin_xml(c, "ListMultipartUploadsResult");
	lab_xml_element(body, "Bucket", c->bucket);
	lab_xml_element(body, "Prefix", prefix);
	dro_buf_puts(body, "<MaxUploads>1000</MaxUploads><IsTruncated>false</IsTruncated>");
	pthread_mutex_lock(&c->s3->lock);
	rc = s3_query(c->s3, &query, &err,
		"SELECT key, id, begun_ms FROM upload WHERE bucket = ? ORDER BY key, begun_ms "
		"LIMIT 1000",
		"t", c->bucket);
	while (rc == 0 && (rc = s3_row(c->s3, query, &err)) > 0) {
		rc = 0;
		if (strncmp(s3_text(query, 0), prefix, strlen(prefix)) != 0)
			continue;
		s3_time_xml(begun, sqlite3_column_int64(query, 2));
		dro_buf_puts(body, "<Upload>");
		lab_xml_element(body, "Key", s3_text(query, 0));
		lab_xml_element(body, "UploadId", s3_text(query, 1));
		lab_xml_element(body, "Initiated", begun);
		dro_buf_puts(body, "<StorageClass>STANDARD</StorageClass></Upload>");
	}
	sqlite3_finalize(query);
	pthread_mutex_unlock(&c->s3->lock);
	s3_end_xml(c, "ListMultipartUploadsResult");
	if (rc < 0)
		s3_refuse_internal(c, &err);
}
