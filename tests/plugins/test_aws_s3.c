/* The aws plugin's requests to S3, and how it reads answers. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"
#include "plugins/aws_kit.h"

static int on_object(void *arg, const struct dro_object *object)
{
	struct lines *lines = arg;
	size_t used = strlen(lines->text);

	ck_assert_uint_eq(object->size, sizeof(*object));
	snprintf(lines->text + used, sizeof(lines->text) - used, "%s|%s|%llu|%lld%s\n", object->key,
		object->etag, (unsigned long long)object->length, (long long)object->modified_ms,
		object->is_prefix ? "|prefix" : "");
	return lines_stop(lines);
}

#define QUERY(index, name, value) ck_assert_pstr_eq(scripted_query(kit.host, index, name), value)
#define OBJECT(key, size)                                                                          \
	"<Contents><Key>" key "</Key><LastModified>2026-11-20T20:22:50.000Z</LastModified>"        \
	"<ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag><Size>" size                     \
	"</Size><StorageClass>STANDARD</StorageClass></Contents>"
#define LISTED(rest)                                                                               \
	XML_HEAD "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>"      \
		 "memphis-dr</Name><EncodingType>url</EncodingType>" rest "</ListBucketResult>"

static struct kit open_with(const char *option, const char *value)
{
	struct scripted *host = scripted_new("aws");

	return kit_with(host, scripted_open(host, "region", "eu-central-1", option, value, NULL));
}

START_TEST(lists_with_pages_and_odd_keys)
{
	struct kit kit = kit_open();
	struct dro_object_query query = {.size = sizeof(query),
		.bucket = "memphis-dr",
		.prefix = "off site/",
		.delimiter = "/"};
	struct lines seen = {0};

	scripted_answer(kit.host, 200,
		LISTED("<IsTruncated>true</IsTruncated><NextContinuationToken>1ueGcxLPRx1Tr/XYEx+="
		       "</NextContinuationToken>" OBJECT("off+site/a%2Bb%3D%2A%25.gz", "12")
				OBJECT("off+site/%C3%A9%01", "9007199254740993")),
		NULL);
	scripted_answer(kit.host, 200,
		LISTED("<IsTruncated>false</IsTruncated>" OBJECT("off+site//..",
			"0") "<CommonPrefixes><Prefix>off+site/2026/</Prefix></CommonPrefixes>"),
		NULL);
	ck_assert_int_eq(kit.aws->storage->list_objects(
				 kit.account, &query, on_object, &seen, &kit.call, &kit.err),
		0);
#define TAIL "|fba9dede5f27731c9771645a39863328|"
	ck_assert_str_eq(seen.text, "off site/a+b=*%.gz" TAIL "12|1795206170000\n"
				    "off site/\xc3\xa9\x01" TAIL "9007199254740993|1795206170000\n"
				    "off site//.." TAIL "0|1795206170000\n"
				    "off site/2026/||0|0|prefix\n");
	ck_assert_str_eq(scripted_request(kit.host, 0)->method, "GET");
	ck_assert_str_eq(scripted_request(kit.host, 0)->endpoint,
		"https://memphis-dr.s3.eu-central-1.amazonaws.com");
	ck_assert_str_eq(scripted_request(kit.host, 0)->path, "/");
	ck_assert_str_eq(scripted_request(kit.host, 0)->auth_service, "s3");
	QUERY(0, "list-type", "2");
	QUERY(0, "encoding-type", "url");
	QUERY(0, "prefix", "off site/");
	QUERY(0, "delimiter", "/");
	QUERY(0, "continuation-token", NULL);
	QUERY(1, "continuation-token", "1ueGcxLPRx1Tr/XYEx+=");
	kit_close(&kit);
}
END_TEST

START_TEST(list_nonsense_is_refused)
{
	static const char *const bad[] = {
		LISTED("<IsTruncated>true</IsTruncated>"),
		LISTED("<IsTruncated>false</IsTruncated>" OBJECT("p/a", "")),
		LISTED("<IsTruncated>false</IsTruncated>" OBJECT("p/a", "-1")),
		LISTED("<IsTruncated>false</IsTruncated>" OBJECT("p/a%zz", "1")),
		LISTED("<IsTruncated>false</IsTruncated>" OBJECT("p/a%00", "1")),
		LISTED("<IsTruncated>false</IsTruncated>" OBJECT("other", "1")),
		LISTED("<IsTruncated>false</IsTruncated>" OBJECT("", "1")),
		"<ListAllMyBucketsResult/>",
		"<html><p>hello<br></html>",
	};
	struct kit kit = kit_open();
	struct dro_object_query query = {
		.size = sizeof(query), .bucket = "memphis-dr", .prefix = "p/"};
	struct lines seen = {0};

	scripted_answer(kit.host, 200, bad[_i], NULL);
	ck_assert_int_eq(kit.aws->storage->list_objects(
				 kit.account, &query, on_object, &seen, &kit.call, &kit.err),
		DRO_EPROTO);
	ck_assert_uint_eq(seen.count, 0);
	kit_close(&kit);
}
END_TEST

START_TEST(keys_without_encoding_stay)
{
	struct kit kit = kit_open();
	struct dro_object_query query = {.size = sizeof(query), .bucket = "memphis-dr"};
	struct lines seen = {0};

	scripted_answer(kit.host, 200,
		"<ListBucketResult>" OBJECT("a+b%20", "1") "</ListBucketResult>", NULL);
	ck_assert_int_eq(kit.aws->storage->list_objects(
				 kit.account, &query, on_object, &seen, &kit.call, &kit.err),
		0);
	ck_assert_int_eq(strncmp(seen.text, "a+b%20|", 7), 0);
	kit_close(&kit);
}
END_TEST

static const struct {
	const char *option, *value, *bucket, *key, *endpoint, *path;
} places[] = {
	{"path_style", "false", "memphis-dr", "a/b c",
		"https://memphis-dr.s3.eu-central-1.amazonaws.com", "/a/b%20c"},
	{"path_style", "true", "memphis-dr", "a/b c", "https://s3.eu-central-1.amazonaws.com",
		"/memphis-dr/a/b%20c"},
	{"path_style", "false", "memphis.dr", "a", "https://s3.eu-central-1.amazonaws.com",
		"/memphis.dr/a"},
	{"path_style", "false", "Memphis_DR", "a", "https://s3.eu-central-1.amazonaws.com",
		"/Memphis_DR/a"},
	{"endpoint", "http://127.0.0.1:5000", "memphis-dr", "a", "http://127.0.0.1:5000",
		"/memphis-dr/a"},
	{"endpoint", "http://[::1]:5000", "memphis-dr", "a", "http://[::1]:5000", "/memphis-dr/a"},
	{"endpoint", "http://localhost:5000", "memphis-dr", "a", "http://localhost:5000",
		"/memphis-dr/a"},
	{"s3_endpoint", "https://eu-central-1.objects.example/", "memphis-dr", "a",
		"https://memphis-dr.eu-central-1.objects.example", "/a"},
	{"path_style", "false", "memphis-dr", "/a//../%2f/",
		"https://memphis-dr.s3.eu-central-1.amazonaws.com", "//a//../%252f/"},
	{"path_style", "true", "memphis-dr", "\xc3\xa9+=&?#",
		"https://s3.eu-central-1.amazonaws.com", "/memphis-dr/%C3%A9%2B%3D%26%3F%23"},
};

START_TEST(finds_the_bucket)
{
	struct kit kit = open_with(places[_i].option, places[_i].value);
	struct dro_object_ref ref = {
		.size = sizeof(ref), .bucket = places[_i].bucket, .key = places[_i].key};
	int fd = memfd_create("object", MFD_CLOEXEC);
	uint64_t length = 0;

	scripted_answer(kit.host, 200, "content", NULL);
	ck_assert_int_eq(kit.aws->storage->get_object(
				 kit.account, &ref, fd, 100, &length, &kit.call, &kit.err),
		0);
	ck_assert_uint_eq(length, 7);
	ck_assert_str_eq(scripted_request(kit.host, 0)->endpoint, places[_i].endpoint);
	ck_assert_str_eq(scripted_request(kit.host, 0)->path, places[_i].path);
	ck_assert_str_eq(scripted_request(kit.host, 0)->auth_region, "eu-central-1");
	ck_assert_int_eq(scripted_request(kit.host, 0)->to_sink, 1);
	ck_assert_uint_eq(scripted_request(kit.host, 0)->response_max, 100);
	close(fd);
	kit_close(&kit);
}
END_TEST

static const struct {
	int status;
	const char *body;
	const char *region; /* header */
	int code;
	const char *says;
} refusals[] = {
	{404, S3_ERROR("NoSuchKey", "The specified key does not exist."), NULL, DRO_ENOTFOUND,
		"NoSuchKey"},
	{404, S3_ERROR("NoSuchBucket", "The specified bucket does not exist"), NULL, DRO_ENOTFOUND,
		"NoSuchBucket"},
	{403, S3_ERROR("AccessDenied", "Access Denied"), NULL, DRO_EAUTH, "AccessDenied"},
	{403, S3_ERROR("SignatureDoesNotMatch", "x"), NULL, DRO_EAUTH, "SignatureDoesNotMatch"},
	{400, S3_ERROR("AuthorizationHeaderMalformed", "a bad key id"), NULL, DRO_EAUTH,
		"a bad key id"},
	{400, S3_ERROR("ExpiredToken", "expired"), NULL, DRO_EAUTH, "ExpiredToken"},
	{503, S3_ERROR("SlowDown", "Please reduce your request rate."), NULL, DRO_EAGAIN,
		"SlowDown"},
	{301,
		XML_HEAD "<Error><Code>PermanentRedirect</Code><Message>The bucket you are "
			 "attempting to access must be addressed using the specified endpoint."
			 "</Message><Endpoint>memphis-dr.s3.us-west-2.amazonaws.com</Endpoint>"
			 "<Bucket>memphis-dr</Bucket></Error>",
		"us-west-2", DRO_EINVAL, "us-west-2"},
	{301, "", "us-west-2", DRO_EINVAL, "us-west-2"},
	{307,
		XML_HEAD "<Error><Code>TemporaryRedirect</Code><Message>Please re-send this request"
			 "</Message><Endpoint>b.s3-us-west-1.amazonaws.com</Endpoint></Error>",
		NULL, DRO_EINVAL, "b.s3-us-west-1.amazonaws.com"},
	{400,
		XML_HEAD
		"<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization "
		"header is malformed; the region 'eu-central-1' is wrong; expecting "
		"'us-west-2'</Message><Region>us-west-2</Region></Error>",
		NULL, DRO_EINVAL, "us-west-2"},
};

START_TEST(reads_refusals)
{
	struct kit kit = kit_open();
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "memphis-dr", .key = "a"};
	int fd = memfd_create("object", MFD_CLOEXEC);
	uint64_t length = 42;

	if (refusals[_i].region)
		scripted_answer(kit.host, refusals[_i].status, refusals[_i].body,
			"x-amz-bucket-region", refusals[_i].region, NULL);
	else
		scripted_answer(kit.host, refusals[_i].status, refusals[_i].body, NULL);
	ck_assert_int_eq(kit.aws->storage->get_object(
				 kit.account, &ref, fd, 100000, &length, &kit.call, &kit.err),
		refusals[_i].code);
	ck_assert_msg(strstr(kit.err.message, refusals[_i].says) != NULL, "%s", kit.err.message);
	ck_assert_int_eq(kit.err.http_status, refusals[_i].status);
	ck_assert_uint_eq(length, 42);
	close(fd);
	kit_close(&kit);
}
END_TEST

static int file_of(size_t length)
{
	int fd = memfd_create("source", MFD_CLOEXEC);
	size_t i;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)length), 0);
	for (i = 0; i < length; i += 1 << 20) /* each MiB begins differently */
		ck_assert_int_eq(pwrite(fd, &i, sizeof(i), (off_t)i), sizeof(i));
	return fd;
}

START_TEST(puts_in_one_piece)
{
	struct kit kit = kit_open();
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "memphis-dr", .key = "d/a"};
	int fd = memfd_create("source", MFD_CLOEXEC);
	const struct scripted_request *request;

	ck_assert_int_eq(pwrite(fd, "hello, more", 11, 0), 11);
	scripted_answer(kit.host, 200, "", "etag", "\"x\"", NULL);
	ck_assert_int_eq(
		kit.aws->storage->put_object(kit.account, &ref, fd, 5, 0, &kit.call, &kit.err), 0);
	request = scripted_request(kit.host, 0);
	ck_assert_str_eq(request->method, "PUT");
	ck_assert_str_eq(request->path, "/d/a");
	ck_assert_str_eq(request->body, "hello");
	ck_assert_uint_eq(request->flags, DRO_HTTP_SAFE);
	ck_assert_pstr_eq(scripted_header(kit.host, 0, "if-none-match"), NULL);
	ck_assert_pstr_eq(scripted_header(kit.host, 0, "content-type"), "application/octet-stream");
	scripted_answer(kit.host, 200, "", NULL);
	ck_assert_int_eq(
		kit.aws->storage->put_object(kit.account, &ref, fd, 0, 0, &kit.call, &kit.err), 0);
	ck_assert_uint_eq(scripted_request(kit.host, 1)->body_length, 0);
	close(fd);
	kit_close(&kit);
}
END_TEST

START_TEST(puts_only_what_is_new)
{
	struct kit kit = kit_open();
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "memphis-dr", .key = "lock"};
	int fd = file_of(10);

	scripted_answer(kit.host, 412,
		S3_ERROR("PreconditionFailed",
			"At least one of the pre-conditions you specified did not hold"),
		NULL);
	scripted_answer(kit.host, 409,
		S3_ERROR("ConditionalRequestConflict", "a conflicting conditional operation"),
		NULL);
	scripted_answer(kit.host, 500, S3_ERROR("InternalError", "We encountered an error"), NULL);
	ck_assert_int_eq(kit.aws->storage->put_object(
				 kit.account, &ref, fd, 10, DRO_PUT_NEW, &kit.call, &kit.err),
		DRO_ECONFLICT);
	ck_assert_pstr_eq(scripted_header(kit.host, 0, "if-none-match"), "*");
	ck_assert_uint_eq(scripted_request(kit.host, 0)->flags, 0);
	ck_assert_int_eq(kit.aws->storage->put_object(
				 kit.account, &ref, fd, 10, DRO_PUT_NEW, &kit.call, &kit.err),
		DRO_EAGAIN);
	ck_assert_int_eq(kit.aws->storage->put_object(
				 kit.account, &ref, fd, 10, DRO_PUT_NEW, &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	close(fd);
	kit_close(&kit);
}
END_TEST

#define BEGUN                                                                                      \
	XML_HEAD "<InitiateMultipartUploadResult><Bucket>memphis-dr</Bucket><Key>big</Key>"        \
		 "<UploadId>VXBsb2FkIElE+/=</UploadId></InitiateMultipartUploadResult>"
#define DONE                                                                                       \
	XML_HEAD "\n\n<CompleteMultipartUploadResult><Location>x</Location><ETag>&quot;y-3"        \
		 "&quot;</ETag></CompleteMultipartUploadResult>"
#define MIB ((size_t)1024 * 1024)

START_TEST(puts_in_parts)
{
	struct kit kit = kit_open();
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "memphis-dr", .key = "big"};
	int fd = file_of(17 * MIB);
	size_t i, marker;

	scripted_answer(kit.host, 200, BEGUN, NULL);
	scripted_answer(kit.host, 200, "", "etag", "\"e1\"", NULL);
	scripted_answer(kit.host, 200, "", "etag", "\"e2\"", NULL);
	scripted_answer(kit.host, 200, "", "etag", "\"e3\"", NULL);
	scripted_answer(kit.host, 200, DONE, NULL);
	ck_assert_int_eq(kit.aws->storage->put_object(
				 kit.account, &ref, fd, 17 * MIB, DRO_PUT_NEW, &kit.call, &kit.err),
		0);
	ck_assert_str_eq(scripted_request(kit.host, 0)->method, "POST");
	ck_assert_str_eq(scripted_request(kit.host, 0)->query, "uploads");
	for (i = 1; i <= 3; i++) {
		const struct scripted_request *part = scripted_request(kit.host, i);
		char number[2] = {(char)('0' + i), '\0'};

		ck_assert_str_eq(part->method, "PUT");
		ck_assert_str_eq(part->path, "/big");
		QUERY(i, "partNumber", number);
		QUERY(i, "uploadId", "VXBsb2FkIElE+/=");
		ck_assert_uint_eq(part->body_length, i < 3 ? 8 * MIB : MIB);
		memcpy(&marker, part->body, sizeof(marker));
		ck_assert_uint_eq(marker, (i - 1) * 8 * MIB);
	}
	QUERY(4, "uploadId", "VXBsb2FkIElE+/=");
	ck_assert_pstr_eq(scripted_header(kit.host, 4, "if-none-match"), "*");
	ck_assert_str_eq(scripted_request(kit.host, 4)->body,
		"<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
		"<Part><PartNumber>1</PartNumber><ETag>&quot;e1&quot;</ETag></Part>"
		"<Part><PartNumber>2</PartNumber><ETag>&quot;e2&quot;</ETag></Part>"
		"<Part><PartNumber>3</PartNumber><ETag>&quot;e3&quot;</ETag></Part>"
		"</CompleteMultipartUpload>");
	close(fd);
	kit_close(&kit);
}
END_TEST

/* Where a multipart upload fails, and what is then said; always after an abort. */
static const struct {
	int part, complete;
	const char *body;
	int code;
} failures[] = {
	{403, 0, S3_ERROR("AccessDenied", "no"), DRO_EAUTH},
	{503, 0, S3_ERROR("SlowDown", "slower"), DRO_EAGAIN},
	{200, 0, "", DRO_EPROTO}, /* no ETag */
	{0, 200, S3_ERROR("InternalError", "We encountered an internal error."), DRO_ETIMEDOUT},
	{0, 200, "<CompleteMultipart", DRO_ETIMEDOUT},
	{0, 200, "<Else/>", DRO_ETIMEDOUT},
	{0, 412, S3_ERROR("PreconditionFailed", "it is there"), DRO_ECONFLICT},
	{0, 500, "", DRO_ETIMEDOUT},
	{0, 400, S3_ERROR("EntityTooSmall", "Your proposed upload"), DRO_EINVAL},
};

START_TEST(abandons_a_failed_upload)
{
	struct kit kit = kit_open();
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "memphis-dr", .key = "big"};
	int fd = file_of(16 * MIB + 1);
	size_t last;

	scripted_answer(kit.host, 200, BEGUN, NULL);
	if (failures[_i].part) {
		scripted_answer(kit.host, failures[_i].part, failures[_i].body, NULL);
	} else {
		for (last = 0; last < 3; last++)
			scripted_answer(kit.host, 200, "", "etag", "\"e\"", NULL);
		scripted_answer(kit.host, failures[_i].complete, failures[_i].body, NULL);
	}
	scripted_answer(kit.host, 204, "", NULL);
	ck_assert_int_eq(kit.aws->storage->put_object(
				 kit.account, &ref, fd, 16 * MIB + 1, 0, &kit.call, &kit.err),
		failures[_i].code);
	ck_assert_int_eq(kit.err.code, failures[_i].code);
	last = scripted_count(kit.host) - 1;
	ck_assert_str_eq(scripted_request(kit.host, last)->method, "DELETE");
	ck_assert_str_eq(scripted_request(kit.host, last)->path, "/big");
	QUERY(last, "uploadId", "VXBsb2FkIElE+/=");
	close(fd);
	kit_close(&kit);
}
END_TEST

START_TEST(deletes_in_batches)
{
	struct kit kit = kit_open();
	const char *keys[1002];
	uint8_t md5[DRO_MD5_BYTES];
	struct dro_buf sum = DRO_BUF_INIT(64);
	const struct scripted_request *request;
	size_t i;

	for (i = 0; i < 1002; i++)
		keys[i] = "k";
	keys[0] = "a<&>\"'b";
	keys[1] = "bell\a";
	scripted_answer(kit.host, 204, "", NULL);
	scripted_answer(kit.host, 200,
		"<DeleteResult><Error><Key>k</Key><Code>NoSuchKey</Code><Message>gone</Message>"
		"</Error></DeleteResult>",
		NULL);
	scripted_answer(kit.host, 200, "<DeleteResult/>", NULL);
	ck_assert_int_eq(kit.aws->storage->delete_objects(
				 kit.account, "", "memphis-dr", keys, 1002, &kit.call, &kit.err),
		0);
	ck_assert_str_eq(scripted_request(kit.host, 0)->method, "DELETE");
	ck_assert_str_eq(scripted_request(kit.host, 0)->path, "/bell%07");
	request = scripted_request(kit.host, 1);
	ck_assert_str_eq(request->method, "POST");
	ck_assert_str_eq(request->query, "delete");
	ck_assert_int_eq(
		strncmp(request->body,
			"<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>"
			"a&lt;&amp;&gt;&quot;&apos;b</Key></Object><Object><Key>k</Key></Object>",
			130),
		0);
	ck_assert_int_eq(dro_md5(md5, request->body, request->body_length), 0);
	dro_base64(&sum, md5, sizeof(md5));
	ck_assert_pstr_eq(scripted_header(kit.host, 1, "content-md5"), dro_buf_str(&sum));
	ck_assert_str_eq(scripted_request(kit.host, 2)->body,
		"<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>k</Key>"
		"</Object><Object><Key>k</Key></Object><Quiet>true</Quiet></Delete>");
	dro_buf_free(&sum);
	kit_close(&kit);
}
END_TEST

START_TEST(delete_reads_errors)
{
	struct kit kit = kit_open();
	const char *keys[] = {"a", "b"};

	scripted_answer(kit.host, 200,
		"<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message>"
		"</Error></DeleteResult>",
		NULL);
	ck_assert_int_eq(kit.aws->storage->delete_objects(
				 kit.account, "", "memphis-dr", keys, 2, &kit.call, &kit.err),
		DRO_EAUTH);
	ck_assert_str_eq(kit.err.provider_code, "AccessDenied");
	ck_assert_ptr_nonnull(strstr(kit.err.message, "b: AccessDenied"));
	scripted_answer(kit.host, 200, "<html>", NULL);
	ck_assert_int_eq(kit.aws->storage->delete_objects(
				 kit.account, "", "memphis-dr", keys, 2, &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	scripted_answer(kit.host, 404, S3_ERROR("NoSuchKey", "gone"), NULL);
	ck_assert_int_eq(kit.aws->storage->delete_objects(
				 kit.account, "", "memphis-dr", keys, 1, &kit.call, &kit.err),
		0);
	scripted_answer(kit.host, 404, S3_ERROR("NoSuchBucket", "gone"), NULL);
	ck_assert_int_eq(kit.aws->storage->delete_objects(
				 kit.account, "", "memphis-dr", keys, 1, &kit.call, &kit.err),
		DRO_ENOTFOUND);
	kit_close(&kit);
}
END_TEST

START_TEST(refuses_before_asking)
{
	struct kit kit = kit_open();
	static const char *const buckets[] = {"", "a", "a/b", NULL};
	struct dro_object_ref ref = {.size = sizeof(ref), .key = "a"};
	char key[1026];
	uint64_t length;
	size_t i;

	for (i = 0; i < 4; i++) {
		ref.bucket = buckets[i];
		ck_assert_int_eq(kit.aws->storage->get_object(
					 kit.account, &ref, -1, 100, &length, &kit.call, &kit.err),
			DRO_EINVAL);
	}
	ref.bucket = "memphis-dr";
	memset(key, 'k', sizeof(key));
	key[1025] = '\0';
	ref.key = key;
	ck_assert_int_eq(kit.aws->storage->get_object(
				 kit.account, &ref, -1, 100, &length, &kit.call, &kit.err),
		DRO_EINVAL);
	ref.key = "";
	ck_assert_int_eq(kit.aws->storage->get_object(
				 kit.account, &ref, -1, 100, &length, &kit.call, &kit.err),
		DRO_EINVAL);
	ck_assert_uint_eq(scripted_count(kit.host), 0);
	kit_close(&kit);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plugins/aws/s3");
	TCase *tcase = tcase_create("s3");

	tcase_add_test(tcase, lists_with_pages_and_odd_keys);
	tcase_add_loop_test(tcase, list_nonsense_is_refused, 0, 9);
	tcase_add_test(tcase, keys_without_encoding_stay);
	tcase_add_loop_test(tcase, finds_the_bucket, 0, sizeof(places) / sizeof(places[0]));
	tcase_add_loop_test(tcase, reads_refusals, 0, sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(tcase, puts_in_one_piece);
	tcase_add_test(tcase, puts_only_what_is_new);
	tcase_add_test(tcase, puts_in_parts);
	tcase_add_loop_test(
		tcase, abandons_a_failed_upload, 0, sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(tcase, deletes_in_batches);
	tcase_add_test(tcase, delete_reads_errors);
	tcase_add_test(tcase, refuses_before_asking);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
