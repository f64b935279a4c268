/* S3 of an account: where it is for a region; plugins/common/s3.h does the rest. */
#include "plugins/aws/aws.h"
#include "plugins/common/s3.h"

/* `s3` points into `origin`, which is freed with dro_buf_free also on failure. */
static int place(struct dro_s3 *s3, struct dro_buf *origin, const struct aws_account *account,
	const char *region, struct dro_error *err)
{
	int rc;

	*origin = (struct dro_buf)DRO_BUF_INIT(512);
	*s3 = (struct dro_s3){.host = account->host, .path_style = account->path_style};
	if ((rc = aws_region(account, region, &s3->region, err)) < 0)
		return rc;
	aws_endpoint(account, "s3", s3->region, origin);
	s3->endpoint = dro_buf_str(origin);
	return dro_buf_check(origin, err);
}

static int list_objects(void *opened, const struct dro_object_query *query, dro_emit_object emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf origin;
	struct dro_s3 s3;
	int rc = place(&s3, &origin, opened, query->region, err);

	if (rc == 0)
		rc = dro_s3_list_objects(&s3, query, emit, arg, call, err);
	dro_buf_free(&origin);
	return rc;
}

static int get_object(void *opened, const struct dro_object_ref *ref, int fd, uint64_t max,
	uint64_t *length, const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf origin;
	struct dro_s3 s3;
	int rc = place(&s3, &origin, opened, ref->region, err);

	if (rc == 0)
		rc = dro_s3_get_object(&s3, ref, fd, max, length, call, err);
	dro_buf_free(&origin);
	return rc;
}

static int put_object(void *opened, const struct dro_object_ref *ref, int fd, uint64_t length,
	uint32_t flags, const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf origin;
	struct dro_s3 s3;
	int rc = place(&s3, &origin, opened, ref->region, err);

	if (rc == 0)
		rc = dro_s3_put_object(&s3, ref, fd, length, flags, call, err);
	dro_buf_free(&origin);
	return rc;
}

static int delete_objects(void *opened, const char *region, const char *bucket,
	const char *const *keys, size_t key_count, const struct dro_call *call,
	struct dro_error *err)
{
	struct dro_buf origin;
	struct dro_s3 s3;
	int rc = place(&s3, &origin, opened, region, err);

	if (rc == 0)
		rc = dro_s3_delete_objects(&s3, bucket, keys, key_count, call, err);
	dro_buf_free(&origin);
	return rc;
}

static int get_page(void *opened, const struct dro_object_ref *ref, dro_emit_page emit, void *arg,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf origin;
	struct dro_s3 s3;
	int rc = place(&s3, &origin, opened, ref->region, err);

	if (rc == 0)
		rc = dro_s3_get_page(&s3, ref, emit, arg, call, err);
	dro_buf_free(&origin);
	return rc;
}

static int put_page(void *opened, const struct dro_page *page, const void *content, size_t length,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_buf origin;
	struct dro_s3 s3;
	int rc = place(&s3, &origin, opened, page->region, err);

	if (rc == 0)
		rc = dro_s3_put_page(&s3, page, content, length, call, err);
	dro_buf_free(&origin);
	return rc;
}

const struct dro_storage aws_storage = {
	.size = sizeof(struct dro_storage),
	.list_objects = list_objects,
	.get_object = get_object,
	.put_object = put_object,
	.delete_objects = delete_objects,
	.find_website = aws_find_website,
	.get_page = get_page,
	.put_page = put_page,
};
