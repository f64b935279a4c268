/*
 * An object that its bucket's website shows for "/", and for whatever is not there.
 *   https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketWebsite.html
 *   .../API_PutBucketWebsite.html, API_HeadObject.html
 *   https://docs.aws.amazon.com/AmazonS3/latest/userguide/IndexDocumentSupport.html
 */
#include <string.h>

#include "plugins/common/s3_internal.h"

#define OWNER_HEADER "x-amz-meta-drorch-owner"
#define SHA256_HEADER "x-amz-meta-drorch-sha256"
#define WEBSITE_MAX 4096

/* What the website is set up to show. */
static int read_website(const struct dro_s3 *s3, const struct dro_object_ref *ref, uint32_t *state,
	const struct dro_call *call, struct dro_error *err)
{
	static const struct dro_pair query[] = {{"website", NULL}};
	const struct s3_request request = {.kind = AWS_READ,
		.method = "GET",
		.bucket = ref->bucket,
		.query = query,
		.query_count = 1,
		.body_fd = -1,
		.sink_fd = -1};
	struct dro_error refused = DRO_ERROR_INIT;
	const struct dro_xml_node *root;
	struct dro_xml *xml = NULL;
	bool index;
	int rc = dro_s3_send(s3, &request, call, NULL, &xml, &refused);

	if (dro_aws_is_word(&refused, "NoSuchWebsiteConfiguration"))
		return 0;
	if (dro_aws_is_word(&refused, "NoSuchBucket"))
		return s3->host->fail(err, DRO_ENOTFOUND, "NoSuchBucket",
			"there is no bucket %.80s", ref->bucket);
	if (rc < 0)
		return dro_aws_pass_on(s3->host, &refused, err);
	root = dro_xml_root(xml);
	index = strcmp(dro_xml_text(root, "IndexDocument/Suffix"), ref->key) == 0;
	if (!index || dro_xml_child(root, "RoutingRules"))
		*state |= DRO_PAGE_OTHER;
	else if (strcmp(dro_xml_text(root, "ErrorDocument/Key"), ref->key) == 0)
		*state |= DRO_PAGE_SHOWN;
	dro_xml_free(xml);
	return 0;
}

/* *out is the object's head, or NULL where there is none (of `anonymous`: or none to be read). */
static int head(const struct dro_s3 *s3, const struct dro_object_ref *ref, bool anonymous,
	struct dro_http_response **out, const struct dro_call *call, struct dro_error *err)
{
	const struct s3_request request = {.kind = AWS_READ,
		.method = "HEAD",
		.bucket = ref->bucket,
		.key = ref->key,
		.body_fd = -1,
		.sink_fd = -1,
		.anonymous = anonymous};
	struct dro_error refused = DRO_ERROR_INIT;
	int rc = dro_s3_send(s3, &request, call, out, NULL, &refused);

	if (rc == 0 || rc == DRO_ENOTFOUND || (anonymous && rc == DRO_EAUTH))
		return 0;
	return dro_aws_pass_on(s3->host, &refused, err);
}

int dro_s3_get_page(const struct dro_s3 *s3, const struct dro_object_ref *ref, dro_emit_page emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct dro_http_response *object = NULL, *public = NULL;
	struct dro_page page = {.size = sizeof(page),
		.region = ref->region,
		.bucket = ref->bucket,
		.key = ref->key,
		.content_type = "",
		.owner = "",
		.sha256 = ""};
	int rc;

	if ((rc = read_website(s3, ref, &page.state, call, err)) < 0 ||
		(rc = head(s3, ref, false, &object, call, err)) < 0)
		goto out;
	if (object) {
		page.state |= DRO_PAGE_THERE;
		page.content_type = dro_answer_header(object, "content-type");
		page.owner = dro_answer_header(object, OWNER_HEADER);
		page.sha256 = dro_answer_header(object, SHA256_HEADER);
		if ((rc = head(s3, ref, true, &public, call, err)) < 0)
			goto out;
		if (public)
			page.state |= DRO_PAGE_PUBLIC;
	}
	rc = emit(arg, &page);
out:
	s3->host->http_free(object);
	s3->host->http_free(public);
	return rc;
}

/* ---- putting it ------------------------------------------------------------------------------ */

/* What is to be done, by what is there. */
struct putting {
	const struct dro_s3 *s3;
	const struct dro_page *page;
	struct dro_error *err;
	bool object, website;
};

static int judge(void *arg, const struct dro_page *there)
{
	struct putting *putting = arg;
	const struct dro_page *page = putting->page;
	const struct dro_host *host = putting->s3->host;

	if ((there->state & DRO_PAGE_THERE) && strcmp(there->owner, page->owner) != 0)
		return host->fail(putting->err, DRO_ECONFLICT, NULL,
			"%.80s/%.80s is there and %s%.80s", page->bucket, page->key,
			*there->owner ? "is marked " : "carries no mark", there->owner);
	if (there->state & DRO_PAGE_OTHER)
		return host->fail(putting->err, DRO_ECONFLICT, NULL,
			"the website of bucket %.80s shows something else", page->bucket);
	putting->object = !(there->state & DRO_PAGE_THERE) ||
			  strcmp(there->sha256, page->sha256) != 0 ||
			  strcmp(there->content_type, page->content_type) != 0;
	putting->website = !(there->state & DRO_PAGE_SHOWN);
	return 0;
}

/* Nobody is to keep a notice that may be gone the next minute. */
static int put_content(const struct putting *putting, const void *content, size_t length,
	const struct dro_call *call)
{
	const struct dro_page *page = putting->page;
	const struct dro_pair headers[] = {{"Content-Type", page->content_type},
		{"Cache-Control", "no-store"}, {OWNER_HEADER, page->owner},
		{SHA256_HEADER, page->sha256}};
	const struct s3_request request = {.kind = AWS_REPEATABLE,
		.method = "PUT",
		.bucket = page->bucket,
		.key = page->key,
		.headers = headers,
		.header_count = sizeof(headers) / sizeof(headers[0]),
		.body = length ? content : "",
		.body_length = length,
		.body_fd = -1,
		.sink_fd = -1};

	return dro_s3_send(putting->s3, &request, call, NULL, NULL, putting->err);
}

static int put_website(const struct putting *putting, const struct dro_call *call)
{
	static const struct dro_pair query[] = {{"website", NULL}};
	static const struct dro_pair headers[] = {{"Content-Type", "application/xml"}};
	struct dro_buf body = DRO_BUF_INIT(WEBSITE_MAX);
	struct s3_request request = {.kind = AWS_REPEATABLE,
		.method = "PUT",
		.bucket = putting->page->bucket,
		.query = query,
		.query_count = 1,
		.headers = headers,
		.header_count = 1,
		.body_fd = -1,
		.sink_fd = -1};
	int rc;

	dro_buf_puts(&body,
		"<WebsiteConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
		"<ErrorDocument><Key>");
	dro_xml_escape(&body, putting->page->key);
	dro_buf_puts(&body, "</Key></ErrorDocument><IndexDocument><Suffix>");
	dro_xml_escape(&body, putting->page->key);
	dro_buf_puts(&body, "</Suffix></IndexDocument></WebsiteConfiguration>");
	request.body = dro_buf_str(&body);
	request.body_length = body.length;
	rc = dro_buf_check(&body, putting->err);
	if (rc == 0)
		rc = dro_s3_send(putting->s3, &request, call, NULL, NULL, putting->err);
	dro_buf_free(&body);
	return rc;
}

int dro_s3_put_page(const struct dro_s3 *s3, const struct dro_page *page, const void *content,
	size_t length, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_object_ref ref = {.size = sizeof(ref),
		.region = page->region,
		.bucket = page->bucket,
		.key = page->key};
	struct putting putting = {.s3 = s3, .page = page, .err = err};
	int rc;

	if (!*page->key || strchr(page->key, '/'))
		return s3->host->fail(
			err, DRO_EINVAL, NULL, "\"%.80s\" can be no index document", page->key);
	if ((rc = dro_s3_get_page(s3, &ref, judge, &putting, call, err)) < 0)
		return rc;
	if (putting.object && (rc = put_content(&putting, content, length, call)) < 0)
		return rc;
	return putting.website ? put_website(&putting, call) : 0;
}
