/* Object Storage of the linode plugin against a scripted host: where it asks, and what it says of
 * keys that are not taken. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/scripted_host.h"

#define S3_ERROR(code, message) "<Error><Code>" code "</Code><Message>" message "</Message></Error>"
#define BUCKETS "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"
#define PROFILE "{\"username\":\"ops\"}"
#define PAGE(items) "{\"data\":[" items "],\"page\":1,\"pages\":1,\"results\":2}"

static struct scripted *scripted;
static struct dro_error err;
static struct dro_call call;
static size_t seen;

static void setup(void)
{
	scripted = scripted_new("linode");
	err = (struct dro_error)DRO_ERROR_INIT;
	call = scripted_call(scripted, "run-7-backup");
	seen = 0;
}

static void teardown(void)
{
	scripted_free(scripted);
}

static int see(void *arg, const struct dro_object *object)
{
	(void)arg;
	ck_assert_str_eq(object->key, "a/b c");
	ck_assert_uint_eq(object->length, 12);
	seen++;
	return 0;
}

static int list(void *account, const char *region)
{
	struct dro_object_query query = {.size = sizeof(query),
		.region = region,
		.bucket = "backups",
		.prefix = "a/",
		.delimiter = ""};

	return scripted_provider(scripted)->storage->list_objects(
		account, &query, see, NULL, &call, &err);
}

static int probe(void *account, char identity[128])
{
	return scripted_provider(scripted)->probe(account, identity, 128, &call, &err);
}

START_TEST(asks_the_regions_endpoint)
{
	static const char page[] =
		"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
		"<Contents><Key>a/b+c</Key><Size>12</Size><ETag>\"e\"</ETag></Contents>"
		"</ListBucketResult>";
	static const struct {
		const char *region, *option, *endpoint, *path, *signed_for;
	} rows[] = {
		{"eu-central", NULL, "https://backups.eu-central-1.linodeobjects.com", "/",
			"eu-central-1"},
		{"", NULL, "https://backups.us-east-1.linodeobjects.com", "/", "us-east-1"},
		{"us-iad", "https://us-iad-10.linodeobjects.com",
			"https://backups.us-iad-10.linodeobjects.com", "/", "us-iad-10"},
		{"eu-west", "http://127.0.0.1:8000", "http://127.0.0.1:8000", "/backups",
			"eu-west"},
		{"eu-west",
			"https://{region}.objects.example", /* of something that is in between */
			"https://backups.eu-west.objects.example", "/", "eu-west"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *account = rows[i].option ? scripted_open(scripted, "s3_endpoint",
							 rows[i].option, NULL)
					       : scripted_open(scripted, "region", "us-east", NULL);

		scripted_answer(scripted, 200, page, NULL);
		ck_assert_msg(list(account, rows[i].region) == 0, "%s", err.message);
		ck_assert_uint_eq(seen, i + 1);
		ck_assert_str_eq(scripted_request(scripted, i)->endpoint, rows[i].endpoint);
		ck_assert_str_eq(scripted_request(scripted, i)->path, rows[i].path);
		ck_assert_uint_eq(scripted_request(scripted, i)->auth, DRO_AUTH_SIGV4);
		ck_assert_str_eq(scripted_request(scripted, i)->auth_service, "s3");
		ck_assert_str_eq(scripted_request(scripted, i)->auth_region, rows[i].signed_for);
		ck_assert_str_eq(scripted_query(scripted, i, "prefix"), "a/");
	}
}
END_TEST

START_TEST(puts_gets_and_deletes)
{
	void *account = scripted_open(scripted, "region", "us-east", NULL);
	const struct dro_storage *storage = scripted_provider(scripted)->storage;
	struct dro_object_ref ref = {
		.size = sizeof(ref), .region = "", .bucket = "backups", .key = "a/b c"};
	const char *keys[] = {"a/b c"};
	int fd = memfd_create("object", MFD_CLOEXEC);
	uint64_t length = 0;

	ck_assert_int_eq(write(fd, "hello", 5), 5);
	scripted_answer(scripted, 200, "", NULL);
	ck_assert_int_eq(storage->put_object(account, &ref, fd, 5, DRO_PUT_NEW, &call, &err), 0);
	ck_assert_str_eq(scripted_request(scripted, 0)->method, "PUT");
	ck_assert_str_eq(scripted_request(scripted, 0)->path, "/a/b%20c");
	ck_assert_str_eq(scripted_request(scripted, 0)->body, "hello");
	ck_assert_str_eq(scripted_header(scripted, 0, "If-None-Match"), "*");
	ck_assert_uint_eq(scripted_request(scripted, 0)->flags & DRO_HTTP_SAFE, 0);
	scripted_answer(scripted, 412, S3_ERROR("PreconditionFailed", "it is there"), NULL);
	ck_assert_int_eq(
		storage->put_object(account, &ref, fd, 5, DRO_PUT_NEW, &call, &err), DRO_ECONFLICT);
	scripted_answer(scripted, 200, "hello", NULL);
	ck_assert_int_eq(storage->get_object(account, &ref, fd, 10, &length, &call, &err), 0);
	ck_assert_uint_eq(length, 5);
	scripted_answer(scripted, 404, S3_ERROR("NoSuchKey", "no"), NULL);
	ck_assert_int_eq(storage->delete_objects(account, "", "backups", keys, 1, &call, &err), 0);
	close(fd);
}
END_TEST

START_TEST(refuses_what_is_no_region)
{
	void *none = scripted_open(scripted, NULL);

	ck_assert_int_eq(list(none, ""), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "needs a region"));
	ck_assert_int_eq(list(none, "evil.example/"), DRO_EINVAL);
	ck_assert_uint_eq(scripted_count(scripted), 0);
}
END_TEST

START_TEST(the_probe_looks_at_the_keys)
{
	void *account = scripted_open(scripted, "region", "us-east", NULL);
	char identity[128];

	scripted_answer(scripted, 200, PROFILE, NULL);
	scripted_answer(scripted, 200, BUCKETS, NULL);
	ck_assert_int_eq(probe(account, identity), 0);
	ck_assert_str_eq(identity, "user ops, Object Storage in us-east");
	ck_assert_str_eq(
		scripted_request(scripted, 1)->endpoint, "https://us-east-1.linodeobjects.com");
	ck_assert_str_eq(scripted_request(scripted, 1)->path, "/");
	/* A key for some buckets alone need not be allowed to list them. */
	scripted_answer(scripted, 200, PROFILE, NULL);
	scripted_answer(scripted, 403, S3_ERROR("AccessDenied", "no"), NULL);
	ck_assert_int_eq(probe(account, identity), 0);
	ck_assert_str_eq(identity, "user ops, Object Storage in us-east");
	/* No keys: the host does not send it. */
	scripted_answer(scripted, 200, PROFILE, NULL);
	scripted_no_answer(scripted, DRO_EAUTH);
	ck_assert_int_eq(probe(account, identity), 0);
	ck_assert_str_eq(identity, "user ops");
}
END_TEST

#define ENDPOINT(region, host)                                                                     \
	"{\"region\":\"" region "\",\"endpoint_type\":\"E1\",\"s3_endpoint\":" host "}"

/* Objects that are away are not the keys' fault; objects that are elsewhere are our own. */
START_TEST(the_probe_finds_a_wrong_endpoint)
{
	static const struct {
		const char *endpoints;
		int status, code;
	} rows[] = {
		{PAGE(ENDPOINT("us-east", "\"us-east-1.linodeobjects.com\"")), 200, 0},
		{PAGE(ENDPOINT("us-iad", "\"us-iad-10.linodeobjects.com\"")), 200, 0},
		{PAGE(ENDPOINT("us-east", "null")), 200, 0},
		{PAGE(""), 200, 0},
		{"", 503, 0},
		{PAGE(ENDPOINT("us-east", "\"us-east-7.linodeobjects.com\"")), 200, DRO_EINVAL},
	};
	void *account = scripted_open(scripted, "region", "us-east", NULL);
	char identity[128];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scripted_answer(scripted, 200, PROFILE, NULL);
		if (i == 0)
			scripted_answer(scripted, 503, "", NULL);
		else
			scripted_no_answer(scripted, DRO_EAGAIN); /* no such host */
		scripted_answer(scripted, rows[i].status, rows[i].endpoints, NULL);
		ck_assert_int_eq(probe(account, identity), rows[i].code);
		if (rows[i].code == 0)
			ck_assert_str_eq(identity, "user ops");
	}
	ck_assert_str_eq(scripted_request(scripted, 2)->path, "/v4/object-storage/endpoints");
	ck_assert_ptr_nonnull(strstr(err.message, "us-east is at us-east-7.linodeobjects.com"));
}
END_TEST

START_TEST(bad_keys_are_named)
{
	void *account = scripted_open(scripted, "region", "us-east", NULL);
	char identity[128];

	scripted_answer(scripted, 200, PROFILE, NULL);
	scripted_answer(scripted, 403, S3_ERROR("InvalidAccessKeyId", "unknown"), NULL);
	scripted_answer(scripted, 200,
		PAGE("{\"id\":1,\"label\":\"backup\",\"access_key\":\"LOAB\",\"secret_key\":\"["
		     "REDACTED]\"},"
		     "{\"id\":2,\"label\":\"site\",\"access_key\":\"LOCD\",\"secret_key\":\"["
		     "REDACTED]\"}"),
		NULL);
	ck_assert_int_eq(probe(account, identity), DRO_EAUTH);
	ck_assert_str_eq(scripted_request(scripted, 2)->path, "/v4/object-storage/keys");
	ck_assert_str_eq(err.provider_code, "InvalidAccessKeyId");
	ck_assert_int_eq(err.http_status, 403);
	ck_assert_ptr_nonnull(strstr(err.message, "access_key_id"));
	ck_assert_ptr_nonnull(
		strstr(err.message, "the account's keys are \"backup\" (LOAB), \"site\" (LOCD)"));
	ck_assert_ptr_null(strstr(err.message, "REDACTED"));
	/* A token that may not see the keys. */
	scripted_answer(scripted, 200, PROFILE, NULL);
	scripted_answer(scripted, 403, S3_ERROR("InvalidAccessKeyId", "unknown"), NULL);
	scripted_answer(scripted, 401, "{\"errors\":[{\"reason\":\"Invalid OAuth scope\"}]}", NULL);
	ck_assert_int_eq(probe(account, identity), DRO_EAUTH);
	ck_assert_ptr_null(strstr(err.message, "the account"));
	scripted_answer(scripted, 200, PROFILE, NULL);
	scripted_answer(scripted, 403, S3_ERROR("SignatureDoesNotMatch", "wrong"), NULL);
	ck_assert_int_eq(probe(account, identity), DRO_EAUTH);
	ck_assert_ptr_nonnull(strstr(err.message, "secret_access_key"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("linode_storage");
	TCase *tcase = tcase_create("linode_storage");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, asks_the_regions_endpoint);
	tcase_add_test(tcase, puts_gets_and_deletes);
	tcase_add_test(tcase, refuses_what_is_no_region);
	tcase_add_test(tcase, the_probe_looks_at_the_keys);
	tcase_add_test(tcase, the_probe_finds_a_wrong_endpoint);
	tcase_add_test(tcase, bad_keys_are_named);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
