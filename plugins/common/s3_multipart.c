/*
 * Large objects in parts.
 *   https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
 *   .../API/API_CreateMultipartUpload.html, API_UploadPart.html,
 *   .../API/API_CompleteMultipartUpload.html, API_AbortMultipartUpload.html
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/s3_internal.h"

#define MIB (UINT64_C(1024) * 1024)
#define PART_MIN (8 * MIB)
#define PARTS_MAX 10000
#define COMPLETE_MAX (4u * 1024 * 1024)

struct upload {
	const struct dro_s3 *s3;
	const struct dro_object_ref *ref;
	const struct dro_call *call;
	char *id;
	struct dro_buf parts; /* the body of CompleteMultipartUpload, as it grows */
};

static struct s3_request request_of(
	const struct upload *upload, enum aws_kind kind, const char *method)
{
	return (struct s3_request){.kind = kind,
		.method = method,
		.bucket = upload->ref->bucket,
		.key = upload->ref->key ? upload->ref->key : "",
		.body_fd = -1,
		.sink_fd = -1};
}

/* Begun twice only leaves an empty upload behind, which the bucket's lifecycle rule removes; but
 * nobody would abort it, so a lost answer is not asked for again here. */
static int begin(struct upload *upload, struct dro_error *err)
{
	static const struct dro_pair query[] = {{"uploads", NULL}};
	static const struct dro_pair headers[] = {{"Content-Type", "application/octet-stream"}};
	struct s3_request request = request_of(upload, AWS_ONCE, "POST");
	struct dro_xml *xml = NULL;
	const char *id;
	int rc;

	request.query = query;
	request.query_count = 1;
	request.headers = headers;
	request.header_count = 1;
	request.body = "";
	rc = dro_s3_send(upload->s3, &request, upload->call, NULL, &xml, err);
	if (rc < 0)
		return rc;
	id = dro_xml_text(dro_xml_root(xml), "UploadId");
	if (!*id)
		rc = dro_aws_lost(upload->s3->host, "it names no upload", err);
	else if (!(upload->id = strdup(id)))
		rc = dro_s3_no_memory(upload->s3, err);
	dro_xml_free(xml);
	return rc;
}

static int send_part(struct upload *upload, unsigned number, int fd, uint64_t offset,
	uint64_t length, struct dro_error *err)
{
	struct s3_request request = request_of(upload, AWS_REPEATABLE, "PUT");
	struct dro_http_response *response = NULL;
	struct dro_pair query[2];
	const char *etag;
	char text[16];
	int rc;

	snprintf(text, sizeof(text), "%u", number);
	query[0] = (struct dro_pair){"partNumber", text};
	query[1] = (struct dro_pair){"uploadId", upload->id};
	request.query = query;
	request.query_count = 2;
	request.body_fd = fd;
	request.body_offset = offset;
	request.body_length = (size_t)length;
	rc = dro_s3_send(upload->s3, &request, upload->call, &response, NULL, err);
	if (rc < 0)
		return rc;
	etag = dro_answer_header(response, "etag");
	if (!*etag)
		rc = upload->s3->host->fail(
			err, DRO_EPROTO, NULL, "part %u was taken without an ETag", number);
	dro_buf_printf(&upload->parts, "<Part><PartNumber>%u</PartNumber><ETag>", number);
	dro_xml_escape(&upload->parts, etag);
	dro_buf_puts(&upload->parts, "</ETag></Part>");
	upload->s3->host->http_free(response);
	return rc;
}

/* The one call that makes the object appear; it may answer 200 and then say that it failed. */
static int complete(struct upload *upload, bool only_new, struct dro_error *err)
{
	static const struct dro_pair headers[] = {
		{"Content-Type", "application/xml"}, {"If-None-Match", "*"}};
	struct s3_request request = request_of(upload, AWS_ONCE, "POST");
	struct dro_pair query[] = {{"uploadId", upload->id}};
	struct dro_xml *xml = NULL;
	int rc;

	dro_buf_puts(&upload->parts, "</CompleteMultipartUpload>");
	if ((rc = dro_buf_check(&upload->parts, err)) < 0)
		return rc;
	request.query = query;
	request.query_count = 1;
	request.headers = headers;
	request.header_count = only_new ? 2 : 1;
	request.body = dro_buf_str(&upload->parts);
	request.body_length = upload->parts.length;
	rc = dro_s3_send(upload->s3, &request, upload->call, NULL, &xml, err);
	if (rc == 0 && !*dro_xml_text(dro_xml_root(xml), "ETag"))
		rc = dro_aws_lost(upload->s3->host, "it names no object", err);
	dro_xml_free(xml);
	return rc;
}

/* Parts that no object owns cost money for ever. */
static void abandon(const struct upload *upload)
{
	struct s3_request request = request_of(upload, AWS_REPEATABLE, "DELETE");
	const struct dro_host *host = upload->s3->host;
	struct dro_pair query[] = {{"uploadId", upload->id}};
	struct dro_error why = DRO_ERROR_INIT;
	int rc;

	request.query = query;
	request.query_count = 1;
	rc = dro_s3_send(upload->s3, &request, upload->call, NULL, NULL, &why);
	if (rc < 0 && rc != DRO_ENOTFOUND)
		host->log(host, DRO_LOG_WARNING, "an unfinished upload of %s stays in %s: %s",
			request.key, request.bucket, why.message);
}

/* The least whole MiB, from PART_MIN, that needs no more than PARTS_MAX parts. */
static uint64_t part_size(uint64_t length)
{
	uint64_t size = (length + PARTS_MAX - 1) / PARTS_MAX;

	size = (size + MIB - 1) / MIB * MIB;
	return size < PART_MIN ? PART_MIN : size;
}

int dro_s3_put_parts(const struct dro_s3 *s3, const struct dro_object_ref *ref, int fd,
	uint64_t length, uint32_t flags, const struct dro_call *call, struct dro_error *err)
{
	struct upload upload = {
		.s3 = s3, .ref = ref, .call = call, .parts = DRO_BUF_INIT(COMPLETE_MAX)};
	uint64_t size = part_size(length), offset;
	unsigned number = 1;
	int rc;

	dro_buf_puts(&upload.parts, "<CompleteMultipartUpload "
				    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	if ((rc = begin(&upload, err)) < 0)
		goto out;
	for (offset = 0; offset < length && rc == 0; offset += size)
		rc = send_part(&upload, number++, fd, offset,
			length - offset < size ? length - offset : size, err);
	if (rc == 0)
		rc = complete(&upload, flags & DRO_PUT_NEW, err);
	if (rc < 0)
		abandon(&upload);
out:
	free(upload.id);
	dro_buf_free(&upload.parts);
	return rc;
}
