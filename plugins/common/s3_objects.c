/*
 * Objects: reading, writing in one piece, deleting.
 *   https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 *   .../API_PutObject.html, API_DeleteObject.html, API_DeleteObjects.html
 */
#include <string.h>

#include "base/hash.h"
#include "plugins/common/s3_internal.h"

#define SINGLE_PUT_MAX (UINT64_C(16) * 1024 * 1024)
#define DELETE_BATCH 1000
#define DELETE_BODY_MAX (16u * 1024 * 1024)

int dro_s3_get_object(const struct dro_s3 *s3, const struct dro_object_ref *ref, int fd,
	uint64_t max, uint64_t *length, const struct dro_call *call, struct dro_error *err)
{
	struct dro_http_response *response = NULL;
	struct s3_request request = {.kind = AWS_READ,
		.method = "GET",
		.bucket = ref->bucket,
		.key = ref->key ? ref->key : "",
		.body_fd = -1,
		.sink_fd = fd,
		.response_max = max};
	int rc;

	if (max == 0) /* would be the host's default */
		return s3->host->fail(err, DRO_EINVAL, NULL, "nothing may be read");
	rc = dro_s3_send(s3, &request, call, &response, NULL, err);
	if (rc == 0 && response->body_length > max)
		rc = s3->host->fail(err, DRO_EPROTO, NULL, "the object is larger than %llu",
			(unsigned long long)max);
	else if (rc == 0)
		*length = response->body_length;
	s3->host->http_free(response);
	return rc;
}

int dro_s3_put_object(const struct dro_s3 *s3, const struct dro_object_ref *ref, int fd,
	uint64_t length, uint32_t flags, const struct dro_call *call, struct dro_error *err)
{
	static const struct dro_pair headers[] = {
		{"Content-Type", "application/octet-stream"}, {"If-None-Match", "*"}};
	bool only_new = flags & DRO_PUT_NEW;
	struct s3_request request = {
		/* The second of two alike puts of a new key would be told that it is there. */
		.kind = only_new ? AWS_ONCE : AWS_REPEATABLE,
		.method = "PUT",
		.bucket = ref->bucket,
		.key = ref->key ? ref->key : "",
		.headers = headers,
		.header_count = only_new ? 2 : 1,
		.body = length ? NULL : "",
		.body_length = (size_t)length,
		.body_fd = length ? fd : -1,
		.sink_fd = -1};

	if (length > SINGLE_PUT_MAX)
		return dro_s3_put_parts(s3, ref, fd, length, flags, call, err);
	return dro_s3_send(s3, &request, call, NULL, NULL, err);
}

static int delete_one(const struct dro_s3 *s3, const char *bucket, const char *key,
	const struct dro_call *call, struct dro_error *err)
{
	struct s3_request request = {.kind = AWS_REPEATABLE,
		.method = "DELETE",
		.bucket = bucket,
		.key = key,
		.body_fd = -1,
		.sink_fd = -1};
	struct dro_error refused = DRO_ERROR_INIT;
	int rc = dro_s3_send(s3, &request, call, NULL, NULL, &refused);

	if (rc == 0 || dro_aws_is_word(&refused, "NoSuchKey"))
		return 0;
	return dro_aws_pass_on(s3->host, &refused, err);
}

/* XML 1.0 has no way to write a control character: such a key is deleted by itself. */
static bool fits_xml(const char *key)
{
	for (; *key; key++)
		if ((unsigned char)*key < ' ')
			return false;
	return true;
}

static int judge_deleted(
	const struct dro_s3 *s3, const struct dro_xml_node *root, struct dro_error *err)
{
	const struct dro_xml_node *error;

	if (strcmp(root->name, "DeleteResult") != 0)
		return dro_aws_lost(s3->host, "it is no DeleteResult", err);
	for (error = dro_xml_child(root, "Error"); error; error = dro_xml_next(error)) {
		const char *word = dro_xml_text(error, "Code");

		if (strcmp(word, "NoSuchKey") != 0)
			return dro_aws_word_fail(s3->host, word, dro_xml_text(error, "Message"),
				dro_xml_text(error, "Key"), err);
	}
	return 0;
}

/* S3 demands Content-MD5 here, and so do its imitators, also those that know other checksums. */
static int send_batch(const struct dro_s3 *s3, const char *bucket, const struct dro_buf *body,
	const struct dro_call *call, struct dro_error *err)
{
	static const struct dro_pair query[] = {{"delete", NULL}};
	struct dro_buf md5 = DRO_BUF_INIT(64);
	struct dro_pair headers[] = {{"Content-Type", "application/xml"}, {"Content-MD5", NULL}};
	struct s3_request request = {.kind = AWS_REPEATABLE,
		.method = "POST",
		.bucket = bucket,
		.query = query,
		.query_count = 1,
		.headers = headers,
		.header_count = 2,
		.body = dro_buf_str(body),
		.body_length = body->length,
		.body_fd = -1,
		.sink_fd = -1};
	uint8_t sum[DRO_MD5_BYTES];
	struct dro_xml *xml = NULL;
	int rc;

	if ((rc = dro_buf_check(body, err)) < 0)
		goto out;
	if (dro_md5(sum, body->data, body->length) < 0) {
		rc = s3->host->fail(err, DRO_EUNSUPPORTED, NULL, "there is no MD5 here");
		goto out;
	}
	dro_base64(&md5, sum, sizeof(sum));
	headers[1].value = dro_buf_str(&md5);
	if ((rc = dro_buf_check(&md5, err)) < 0 ||
		(rc = dro_s3_send(s3, &request, call, NULL, &xml, err)) < 0)
		goto out;
	rc = judge_deleted(s3, dro_xml_root(xml), err);
out:
	dro_xml_free(xml);
	dro_buf_free(&md5);
	return rc;
}

/* Deletes at most DELETE_BATCH of the keys; *done gets how many. */
static int delete_some(const struct dro_s3 *s3, const char *bucket, const char *const *keys,
	size_t count, size_t *done, const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf body = DRO_BUF_INIT(DELETE_BODY_MAX);
	size_t i, batched = 0;
	int rc = 0;

	dro_buf_puts(&body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (i = 0; i < count && i < DELETE_BATCH && rc == 0; i++) {
		if (count == 1 || !fits_xml(keys[i])) {
			rc = delete_one(s3, bucket, keys[i], call, err);
			continue;
		}
		dro_buf_puts(&body, "<Object><Key>");
		dro_xml_escape(&body, keys[i]);
		dro_buf_puts(&body, "</Key></Object>");
		batched++;
	}
	dro_buf_puts(&body, "<Quiet>true</Quiet></Delete>");
	*done = i;
	if (rc == 0 && batched)
		rc = send_batch(s3, bucket, &body, call, err);
	dro_buf_free(&body);
	return rc;
}

int dro_s3_delete_objects(const struct dro_s3 *s3, const char *bucket, const char *const *keys,
	size_t key_count, const struct dro_call *call, struct dro_error *err)
{
	size_t done = 0, some;
	int rc = 0;

	for (; done < key_count && rc == 0; done += some)
		rc = delete_some(s3, bucket, keys + done, key_count - done, &some, call, err);
	return rc;
}
