/*
 * What is in a bucket.
 *   https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
#include <stdlib.h>
#include <string.h>

#include "base/uri.h"
#include "plugins/common/paging.h"
#include "plugins/common/params.h"
#include "plugins/common/s3_internal.h"
#include "plugins/common/when.h"

#define MAX_PAGES 10000
#define LIST_BYTES (16u * 1024 * 1024)

struct listing {
	const struct dro_s3 *s3;
	const struct dro_object_query *query;
	dro_emit_object emit;
	void *arg;
	const struct dro_call *call;
	struct dro_buf text; /* a decoded key */
	bool encoded;
};

/* Keys may hold what XML cannot: S3 is asked to percent-encode them, and says whether it did. */
static int read_name(
	struct listing *listing, const char *text, const char **name, struct dro_error *err)
{
	int rc;

	*name = text;
	if (!listing->encoded)
		return 0;
	dro_buf_reset(&listing->text);
	if (dro_uri_decode(&listing->text, text, true) < 0)
		return listing->s3->host->fail(
			err, DRO_EPROTO, NULL, "a key with broken percent-encoding");
	rc = dro_buf_check(&listing->text, err);
	*name = dro_buf_str(&listing->text);
	return rc;
}

static int emit_entry(
	struct listing *listing, struct dro_object *object, const char *key, struct dro_error *err)
{
	size_t prefix = strlen(listing->query->prefix ? listing->query->prefix : "");
	int rc = read_name(listing, key, &object->key, err);

	if (rc < 0)
		return rc;
	/* An answer to another question must not pass for this one. */
	if (!*object->key || (prefix && strncmp(object->key, listing->query->prefix, prefix) != 0))
		return listing->s3->host->fail(
			err, DRO_EPROTO, NULL, "a key without the prefix that was asked for");
	return listing->emit(listing->arg, object);
}

static int emit_object(
	struct listing *listing, const struct dro_xml_node *node, struct dro_error *err)
{
	const char *size = dro_xml_text(node, "Size");
	const char *quoted = dro_xml_text(node, "ETag");
	struct dro_object object = {.size = sizeof(object)};
	char etag[128] = "";
	size_t length = 0;
	char *end;

	object.length = strtoull(size, &end, 10);
	if (*size < '0' || *size > '9' || *end)
		return listing->s3->host->fail(err, DRO_EPROTO, NULL, "an object without a size");
	for (; *quoted && length < sizeof(etag) - 1; quoted++)
		if (*quoted != '"')
			etag[length++] = *quoted;
	object.etag = etag;
	object.modified_ms = dro_when_iso(dro_xml_text(node, "LastModified"));
	return emit_entry(listing, &object, dro_xml_text(node, "Key"), err);
}

static int emit_page(
	struct listing *listing, const struct dro_xml_node *root, struct dro_error *err)
{
	const struct dro_xml_node *node = dro_xml_child(root, "Contents");
	int rc = 0;

	for (; node && rc == 0; node = dro_xml_next(node))
		rc = emit_object(listing, node, err);
	node = dro_xml_child(root, "CommonPrefixes");
	for (; node && rc == 0; node = dro_xml_next(node)) {
		struct dro_object prefix = {.size = sizeof(prefix), .is_prefix = 1, .etag = ""};

		rc = emit_entry(listing, &prefix, dro_xml_text(node, "Prefix"), err);
	}
	return rc;
}

static int list_page(
	struct listing *listing, struct dro_paging *page, bool *more, struct dro_error *err)
{
	const struct dro_object_query *query = listing->query;
	struct dro_params params = DRO_PARAMS_INIT;
	struct s3_request request = {.kind = AWS_READ,
		.method = "GET",
		.bucket = query->bucket,
		.body_fd = -1,
		.sink_fd = -1,
		.response_max = LIST_BYTES};
	const struct dro_xml_node *root;
	struct dro_xml *xml = NULL;
	const char *token = "";
	int rc;

	dro_params_add(&params, "list-type", "2");
	dro_params_add(&params, "encoding-type", "url");
	dro_params_add_set(&params, "prefix", query->prefix);
	dro_params_add_set(&params, "delimiter", query->delimiter);
	dro_params_add_set(&params, "continuation-token", page->token);
	if ((rc = dro_params_check(&params, err)) < 0)
		goto out;
	request.query = params.items;
	request.query_count = params.count;
	rc = dro_s3_send(listing->s3, &request, listing->call, NULL, &xml, err);
	if (rc < 0)
		goto out;
	root = dro_xml_root(xml);
	if (strcmp(root->name, "ListBucketResult") != 0) {
		rc = listing->s3->host->fail(
			err, DRO_EPROTO, NULL, "<%.40s> is no list of objects", root->name);
		goto out;
	}
	listing->encoded = strcmp(dro_xml_text(root, "EncodingType"), "url") == 0;
	if ((rc = emit_page(listing, root, err)) != 0)
		goto out;
	if (strcmp(dro_xml_text(root, "IsTruncated"), "true") == 0) {
		token = dro_xml_text(root, "NextContinuationToken");
		if (!*token) {
			rc = listing->s3->host->fail(
				err, DRO_EPROTO, NULL, "the list goes on but does not say where");
			goto out;
		}
	}
	/* Apart from `rc`: a callback that ends a list may return any number, 1 too. */
	rc = dro_paging_next(page, token, err);
	*more = rc > 0;
	rc = rc > 0 ? 0 : rc;
out:
	dro_xml_free(xml);
	dro_params_free(&params);
	return rc;
}

int dro_s3_list_objects(const struct dro_s3 *s3, const struct dro_object_query *query,
	dro_emit_object emit, void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct dro_paging page = DRO_PAGING_INIT("ListObjectsV2", MAX_PAGES);
	struct listing listing = {.s3 = s3,
		.query = query,
		.emit = emit,
		.arg = arg,
		.call = call,
		.text = DRO_BUF_INIT(8192)};
	bool more = false;
	int rc;

	do
		rc = list_page(&listing, &page, &more, err);
	while (rc == 0 && more);
	dro_paging_free(&page);
	dro_buf_free(&listing.text);
	return rc;
}
