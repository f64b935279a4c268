/*
 * Object Storage of the linode plugin through the program's own layers against a running lab, which
 * checks every signature: a world of its own beside the lab's S3.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugins/aws_lab.h"
#include "plugins/linode_live.h"

static struct live kit; /* `provider` is Linode's */

static void setup(void)
{
	struct dro_provider *aws;

	/* What is asked by hand, buckets, is signed with Linode's key. */
	linode_export("LINODE_ACCESS_KEY_ID");
	linode_export("LINODE_SECRET_ACCESS_KEY");
	kit = live_open(lab_port, getenv("DRORCH_TEST_LINODE_ACCESS_KEY_ID"),
		getenv("DRORCH_TEST_LINODE_SECRET_ACCESS_KEY"));
	aws = kit.provider;
	kit.provider = linode_open(kit.registry, kit.endpoint);
	dro_provider_close(aws);
	LAB_DO("linode", "limits", "off");
}

static void teardown(void)
{
	LAB_DO("fault", "clear");
	live_close(&kit);
}

static void make_bucket(const char *name)
{
	live_ask(&kit, "s3", "PUT", name,
		"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint>"
		"</CreateBucketConfiguration>");
}

static size_t count_in(struct dro_provider *provider, const char *bucket)
{
	struct dro_object_query query = {.size = sizeof(query), .bucket = bucket};
	struct dro_object_list seen = {0};
	size_t count;

	OK(dro_provider_list_objects(provider, &query, &seen, &kit.call, &kit.err));
	count = seen.count;
	dro_object_list_free(&seen);
	return count;
}

START_TEST(objects_come_and_go)
{
	static const char *const keys[] = {"plain", "a b", "a+b", "a%20b", "=&?#;:@$,", "~-_.!*'()",
		"d//e", "../up", "\xc3\xa9\xe2\x82\xac", "<&>\"'"};
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "come-and-go"};
	int fd = live_file(1000), back = memfd_create("back", MFD_CLOEXEC);
	size_t i, count = sizeof(keys) / sizeof(keys[0]);
	uint64_t length = 0;

	make_bucket(ref.bucket);
	for (i = 0; i < count; i++) {
		ref.key = keys[i];
		OK(dro_provider_put_object(
			kit.provider, &ref, fd, 1000, DRO_PUT_NEW, &kit.call, &kit.err));
		ck_assert_int_eq(dro_provider_put_object(kit.provider, &ref, fd, 1000, DRO_PUT_NEW,
					 &kit.call, &kit.err),
			DRO_ECONFLICT);
		OK(dro_provider_get_object(
			kit.provider, &ref, back, 1000, &length, &kit.call, &kit.err));
		live_check_same(fd, back, 1000);
	}
	ck_assert_uint_eq(count_in(kit.provider, ref.bucket), count);
	OK(dro_provider_delete_objects(
		kit.provider, "", ref.bucket, keys, count, &kit.call, &kit.err));
	ck_assert_uint_eq(count_in(kit.provider, ref.bucket), 0);
	ck_assert_int_eq(dro_provider_get_object(
				 kit.provider, &ref, back, 1000, &length, &kit.call, &kit.err),
		DRO_ENOTFOUND);
	close(fd);
	close(back);
}
END_TEST

START_TEST(large_ones_go_in_parts)
{
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "parts", .key = "big"};
	size_t size = (17u << 20) + 3;
	int fd = live_file(size), back = memfd_create("back", MFD_CLOEXEC);
	uint64_t length = 0;

	make_bucket(ref.bucket);
	LAB_DO("fault", "add", "status", "--vendor", "linode-s3", "--operation", "UploadPart",
		"--count", "2", "--status", "503", "--code", "SlowDown");
	OK(dro_provider_put_object(kit.provider, &ref, fd, size, DRO_PUT_NEW, &kit.call, &kit.err));
	OK(dro_provider_get_object(kit.provider, &ref, back, size, &length, &kit.call, &kit.err));
	ck_assert_uint_eq(length, size);
	live_check_same(fd, back, size);
	close(fd);
	close(back);
}
END_TEST

/* One name, two buckets; one goes away, the other stays. */
START_TEST(it_is_a_world_of_its_own)
{
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "worlds", .key = "mine"};
	struct dro_object_query query = {.size = sizeof(query), .bucket = ref.bucket};
	struct dro_object_list seen = {0};
	struct live aws;
	int fd = live_file(10);

	make_bucket(ref.bucket);
	aws = live_open(lab_port, lab_key_id, lab_secret);
	live_make_bucket(&aws, ref.bucket);
	OK(dro_provider_put_object(kit.provider, &ref, fd, 10, 0, &kit.call, &kit.err));
	ck_assert_uint_eq(count_in(kit.provider, ref.bucket), 1);
	ck_assert_uint_eq(count_in(aws.provider, ref.bucket), 0);
	kit.call.deadline_ms -= 50000; /* 10 s: what is away is asked again until then */
	LAB_DO("outage", "provider", "s3", "on", "--status", "403");
	ck_assert_uint_eq(count_in(kit.provider, ref.bucket), 1);
	ck_assert_int_eq(
		dro_provider_list_objects(aws.provider, &query, &seen, &kit.call, &kit.err),
		DRO_EAUTH);
	LAB_DO("outage", "provider", "s3", "off");
	LAB_DO("outage", "provider", "linode", "on", "--status", "403");
	ck_assert_uint_eq(count_in(aws.provider, ref.bucket), 0);
	ck_assert_int_eq(
		dro_provider_list_objects(kit.provider, &query, &seen, &kit.call, &kit.err),
		DRO_EAUTH);
	LAB_DO("outage", "provider", "linode", "off");
	/* A region's outage meets the bucket that is there, whatever the request is signed for. */
	LAB_DO("outage", "region", "us-east", "on", "--status", "403");
	ck_assert_uint_eq(count_in(kit.provider, ref.bucket), 1);
	LAB_DO("outage", "region", "eu-west", "on", "--status", "403");
	ck_assert_int_eq(
		dro_provider_list_objects(kit.provider, &query, &seen, &kit.call, &kit.err),
		DRO_EAUTH);
	dro_object_list_free(&seen);
	close(fd);
	live_close(&aws);
}
END_TEST

/* An account like the other, but for one credential. */
static int probe_with(const char *name, const char *value)
{
	char *before = strdup(getenv(name)), identity[128];
	struct dro_provider *provider;
	int rc;

	setenv(name, value, 1);
	provider = linode_open(kit.registry, kit.endpoint);
	rc = dro_provider_probe(provider, identity, sizeof(identity), &kit.call, &kit.err);
	dro_provider_close(provider);
	setenv(name, before, 1);
	free(before);
	return rc;
}

START_TEST(the_probe_tells_bad_keys)
{
	const char *good = getenv("DRORCH_TEST_LINODE_ACCESS_KEY_ID");
	char identity[128];

	OK(dro_provider_probe(kit.provider, identity, sizeof(identity), &kit.call, &kit.err));
	ck_assert_str_eq(identity, "user lab, Object Storage in eu-west");
	ck_assert_int_eq(
		probe_with("DRORCH_TEST_LINODE_ACCESS_KEY_ID", "LOBADBADBADBADBADBAD"), DRO_EAUTH);
	ck_assert_str_eq(kit.err.provider_code, "InvalidAccessKeyId");
	ck_assert_ptr_nonnull(strstr(kit.err.message, "the account's keys are \"lab\""));
	ck_assert_ptr_nonnull(strstr(kit.err.message, good));
	ck_assert_int_eq(probe_with("DRORCH_TEST_LINODE_SECRET_ACCESS_KEY", "wrong"), DRO_EAUTH);
	ck_assert_str_eq(kit.err.provider_code, "SignatureDoesNotMatch");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("linode_objects");
	TCase *tcase = tcase_create("linode_objects");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 90);
	tcase_add_test(tcase, objects_come_and_go);
	tcase_add_test(tcase, large_ones_go_in_parts);
	tcase_add_test(tcase, it_is_a_world_of_its_own);
	tcase_add_test(tcase, the_probe_tells_bad_keys);
	suite_add_tcase(suite, tcase);
	return lab_run_suite(suite);
}
