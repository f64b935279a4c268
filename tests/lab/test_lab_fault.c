/* The lab's pure parts: buckets, patterns, faults, pairs, credential scopes. */
#include <check.h>
#include <string.h>

#include "lab/fault.h"

static struct lab_faults *faults;

static void setup(void)
{
	ck_assert_int_eq(lab_faults_new(&faults, NULL), 0);
}

static void teardown(void)
{
	lab_faults_free(faults);
}

static struct lab_effects meet(const char *vendor, const char *operation, const char *region)
{
	struct lab_call call = {.vendor = vendor};
	struct lab_effects effects;

	strncpy(call.operation, operation, sizeof(call.operation) - 1);
	strncpy(call.region, region, sizeof(call.region) - 1);
	lab_faults_meet(faults, &call, 1000, &effects);
	return effects;
}

START_TEST(bucket_fills_at_its_rate)
{
	struct lab_bucket bucket = {.tokens = 2, .size = 2, .per_second = 10};

	ck_assert(lab_bucket_take(&bucket, 1, 1000));
	ck_assert(lab_bucket_take(&bucket, 1, 1000));
	ck_assert(!lab_bucket_take(&bucket, 1, 1000));
	ck_assert(!lab_bucket_take(&bucket, 1, 1099));
	ck_assert(lab_bucket_take(&bucket, 1, 1101));
	/* Never fuller than its size, and not emptied by a clock that steps back. */
	ck_assert(lab_bucket_take(&bucket, 2, 60000));
	ck_assert(!lab_bucket_take(&bucket, 1, 60000));
	ck_assert(!lab_bucket_take(&bucket, 1, 10));
}
END_TEST

START_TEST(faults_meet_what_they_name)
{
	struct lab_fault fault = {.kind = LAB_FAULT_DROP,
		.vendor = "ec2",
		.operation = "Run*",
		.region = "eu-west-1",
		.count = 2,
		.retry_after_s = -1};
	char id[16];

	ck_assert_int_eq(lab_faults_add(faults, &fault, id, NULL), 0);
	ck_assert(!meet("s3", "RunInstances", "eu-west-1").drop);
	ck_assert(!meet("ec2", "DescribeInstances", "eu-west-1").drop);
	ck_assert(!meet("ec2", "RunInstances", "eu-west-2").drop);
	ck_assert(meet("ec2", "RunInstances", "eu-west-1").drop);
	ck_assert(meet("ec2", "runinstances", "eu-west-1").drop);
	ck_assert(!meet("ec2", "RunInstances", "eu-west-1").drop);
	ck_assert_uint_eq(lab_faults_clear(faults, NULL), 0);
}
END_TEST

START_TEST(faults_add_up)
{
	struct lab_fault slow = {.kind = LAB_FAULT_LATENCY, .count = -1, .ms = 30};
	struct lab_fault error = {.kind = LAB_FAULT_STATUS,
		.count = 1,
		.status = 503,
		.code = "Busy",
		.retry_after_s = 4};
	struct lab_effects effects;
	char id[16];

	lab_faults_add(faults, &slow, id, NULL);
	lab_faults_add(faults, &error, id, NULL);
	lab_faults_add(faults, &slow, id, NULL);
	effects = meet("x", "Y", "");
	ck_assert_int_eq(effects.latency_ms, 60);
	ck_assert_int_eq(effects.status, 503);
	ck_assert_int_eq(effects.retry_after_s, 4);
	ck_assert_str_eq(effects.code, "Busy");
	ck_assert_str_eq(effects.names, "latency,status,latency");
	effects = meet("x", "Y", "");
	ck_assert_int_eq(effects.status, 0);
	ck_assert_int_eq(effects.latency_ms, 60);
	ck_assert_uint_eq(lab_faults_clear(faults, id), 1);
	ck_assert_int_eq(meet("x", "Y", "").latency_ms, 30);
}
END_TEST

START_TEST(outages_end_by_name)
{
	struct lab_fault fault = {.kind = LAB_FAULT_OUTAGE, .count = -1, .region = "eu-west-1"};
	char id[16];

	lab_faults_add(faults, &fault, id, NULL);
	ck_assert(meet("ec2", "A", "eu-west-1").refuse);
	ck_assert(!meet("ec2", "A", "eu-west-2").refuse);
	ck_assert_uint_eq(lab_faults_restore(faults, "ec2", "eu-west-1"), 0);
	ck_assert_uint_eq(lab_faults_restore(faults, "*", "eu-west-1"), 1);
	ck_assert(!meet("ec2", "A", "eu-west-1").refuse);
}
END_TEST

START_TEST(pairs_are_decoded)
{
	struct lab_pairs pairs;

	ck_assert_int_eq(lab_pairs_parse(&pairs, "a=1%2B+2&&b&c=%3d", true), 0);
	ck_assert_uint_eq(pairs.count, 3);
	ck_assert_str_eq(lab_pairs_get(&pairs, "a"), "1+ 2");
	ck_assert_str_eq(lab_pairs_get(&pairs, "b"), "");
	ck_assert_ptr_null(pairs.items[1].value);
	ck_assert_str_eq(lab_pairs_get(&pairs, "c"), "=");
	lab_pairs_free(&pairs);
	ck_assert_int_eq(lab_pairs_parse(&pairs, "a=+", false), 0);
	ck_assert_str_eq(lab_pairs_get(&pairs, "a"), "+");
	lab_pairs_free(&pairs);
	ck_assert_int_lt(lab_pairs_parse(&pairs, "a=%4", false), 0);
	ck_assert_int_lt(lab_pairs_parse(&pairs, "a=%00", false), 0);
}
END_TEST

START_TEST(scopes_are_read)
{
	struct dro_pair headers[] = {{"authorization",
		"AWS4-HMAC-SHA256 Credential=AKIA1/20261120/eu-west-1/ec2/aws4_request, "
		"SignedHeaders=host, Signature=00"}};
	struct lab_request request = {.headers = headers, .header_count = 1};
	struct lab_scope scope;

	ck_assert(lab_scope_read(&request, &scope));
	ck_assert_str_eq(scope.access_key, "AKIA1");
	ck_assert_str_eq(scope.region, "eu-west-1");
	ck_assert_str_eq(scope.service, "ec2");
	ck_assert(!scope.presigned);
	headers[0].value = "AWS4-HMAC-SHA256 Credential=AKIA1/20261120/eu-west-1";
	ck_assert(!lab_scope_read(&request, &scope));
	headers[0].value = "Bearer x";
	ck_assert(!lab_scope_read(&request, &scope));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lab");
	TCase *tests = tcase_create("fault");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, bucket_fills_at_its_rate);
	tcase_add_test(tests, faults_meet_what_they_name);
	tcase_add_test(tests, faults_add_up);
	tcase_add_test(tests, outages_end_by_name);
	tcase_add_test(tests, pairs_are_decoded);
	tcase_add_test(tests, scopes_are_read);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
