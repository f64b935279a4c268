/*
 * The aws plugin through the program's own layers against drorch-lab, which checks every signature
 * and can fail on purpose.
 */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugins/aws_lab.h"

/* ---- objects --------------------------------------------------------------------------------- */

/* Names that a signature, a URL or XML may get wrong. */
static const char *const keys[] = {"plain", "a b", "a+b", "a%20b", "=&?#;:@$,", "~-_.!*'()", "d//e",
	"../up", "./here", "trailing/", "\xc3\xa9\xe2\x82\xac", "<&>\"'", "[x]{y}|^`\\"};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

START_TEST(odd_keys_are_signed_right)
{
	struct live kit = lab_open();
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "odd-keys"};
	struct dro_object_query query = {.size = sizeof(query), .bucket = ref.bucket};
	struct dro_object_list seen = {0};
	int fd = live_file(1000), back = memfd_create("back", MFD_CLOEXEC);
	uint64_t length = 0;
	size_t i, j, found;

	live_make_bucket(&kit, ref.bucket);
	for (i = 0; i < KEYS; i++) {
		ref.key = keys[i];
		ck_assert_msg(dro_provider_put_object(kit.provider, &ref, fd, 1000, DRO_PUT_NEW,
				      &kit.call, &kit.err) == 0,
			"%s: %s", keys[i], kit.err.message);
		OK(dro_provider_get_object(
			kit.provider, &ref, back, 1000, &length, &kit.call, &kit.err));
		live_check_same(fd, back, 1000);
	}
	OK(dro_provider_list_objects(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, KEYS);
	for (i = 0, found = 0; i < KEYS; i++)
		for (j = 0; j < KEYS; j++)
			found += strcmp(keys[i], seen.items[j]->key) == 0;
	ck_assert_uint_eq(found, KEYS);
	query.prefix = "a+";
	dro_object_list_free(&seen);
	OK(dro_provider_list_objects(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 1);
	OK(dro_provider_delete_objects(
		kit.provider, "", ref.bucket, keys, KEYS, &kit.call, &kit.err));
	query.prefix = "";
	dro_object_list_free(&seen);
	OK(dro_provider_list_objects(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 0);
	close(fd);
	close(back);
	live_close(&kit);
}
END_TEST

START_TEST(a_new_key_is_put_once)
{
	struct live kit = lab_open();
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "locks", .key = "lock"};
	int fd = live_file(10);

	live_make_bucket(&kit, ref.bucket);
	OK(dro_provider_put_object(kit.provider, &ref, fd, 10, DRO_PUT_NEW, &kit.call, &kit.err));
	ck_assert_int_eq(dro_provider_put_object(
				 kit.provider, &ref, fd, 10, DRO_PUT_NEW, &kit.call, &kit.err),
		DRO_ECONFLICT);
	OK(dro_provider_put_object(kit.provider, &ref, fd, 10, 0, &kit.call, &kit.err));
	/* Done, and then the answer is lost: unknown, and not asked again. */
	ref.key = "lost";
	LAB_DO("fault", "add", "drop", "--vendor", "s3", "--operation", "PutObject", "--count",
		"1");
	ck_assert_int_eq(dro_provider_put_object(
				 kit.provider, &ref, fd, 10, DRO_PUT_NEW, &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	ck_assert_int_eq(dro_provider_put_object(
				 kit.provider, &ref, fd, 10, DRO_PUT_NEW, &kit.call, &kit.err),
		DRO_ECONFLICT);
	close(fd);
	live_close(&kit);
}
END_TEST

START_TEST(parts_survive_throttling)
{
	struct live kit = lab_open();
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "large", .key = "big one"};
	size_t size = (17u << 20) + 3;
	int fd = live_file(size), back = memfd_create("back", MFD_CLOEXEC);
	uint64_t length = 0;

	live_make_bucket(&kit, ref.bucket);
	LAB_DO("fault", "add", "status", "--vendor", "s3", "--operation", "UploadPart", "--count",
		"2", "--status", "503", "--code", "SlowDown");
	OK(dro_provider_put_object(kit.provider, &ref, fd, size, DRO_PUT_NEW, &kit.call, &kit.err));
	OK(dro_provider_get_object(kit.provider, &ref, back, size, &length, &kit.call, &kit.err));
	ck_assert_uint_eq(length, size);
	live_check_same(fd, back, size);
	/* A part that cannot be sent: the upload is given up, and nothing of it is left. */
	ref.key = "never";
	LAB_DO("fault", "add", "status", "--vendor", "s3", "--operation", "UploadPart", "--count",
		"1", "--status", "403", "--code", "AccessDenied");
	ck_assert_int_eq(
		dro_provider_put_object(kit.provider, &ref, fd, size, 0, &kit.call, &kit.err),
		DRO_EAUTH);
	ck_assert_int_eq(lab_calls("AbortMultipartUpload"), 1);
	ck_assert_int_eq(dro_provider_get_object(
				 kit.provider, &ref, back, size, &length, &kit.call, &kit.err),
		DRO_ENOTFOUND);
	close(fd);
	close(back);
	live_close(&kit);
}
END_TEST

struct worker {
	struct live *live;
	pthread_t thread;
	char key[16];
	int rc;
};

static void *put_and_get(void *arg)
{
	struct worker *worker = arg;
	struct dro_object_ref ref = {
		.size = sizeof(ref), .bucket = "side-by-side", .key = worker->key};
	struct dro_error err = DRO_ERROR_INIT;
	int fd = memfd_create("one", MFD_CLOEXEC), i;
	char text[16] = "";
	uint64_t length;

	for (i = 0; i < 10 && worker->rc == 0; i++) {
		if (pwrite(fd, worker->key, sizeof(worker->key), 0) != sizeof(worker->key))
			worker->rc = DRO_EIO;
		if (worker->rc == 0)
			worker->rc = dro_provider_put_object(worker->live->provider, &ref, fd,
				sizeof(worker->key), 0, &worker->live->call, &err);
		if (worker->rc == 0)
			worker->rc = dro_provider_get_object(worker->live->provider, &ref, fd,
				sizeof(text), &length, &worker->live->call, &err);
		if (worker->rc == 0 && (pread(fd, text, sizeof(text), 0) != sizeof(text) ||
					       memcmp(text, worker->key, sizeof(text)) != 0))
			worker->rc = DRO_ECORRUPT;
	}
	close(fd);
	return NULL;
}

START_TEST(threads_and_accounts_side_by_side)
{
	struct live kit = lab_open();
	struct live other = lab_open();
	struct worker workers[8] = {0};
	size_t i;

	live_make_bucket(&kit, "side-by-side");
	for (i = 0; i < 8; i++) {
		workers[i].live = i % 2 ? &kit : &other;
		snprintf(workers[i].key, sizeof(workers[i].key), "worker %zu", i);
		ck_assert_int_eq(
			pthread_create(&workers[i].thread, NULL, put_and_get, &workers[i]), 0);
	}
	for (i = 0; i < 8; i++) {
		pthread_join(workers[i].thread, NULL);
		ck_assert_int_eq(workers[i].rc, 0);
	}
	live_close(&other);
	live_close(&kit);
}
END_TEST

START_TEST(wrong_secrets_are_told)
{
	struct live kit = live_open(lab_port, lab_key_id, "not the secret");
	struct dro_object_query query = {.size = sizeof(query), .bucket = "any-bucket"};
	struct dro_object_list seen = {0};

	ck_assert_int_eq(
		dro_provider_list_objects(kit.provider, &query, &seen, &kit.call, &kit.err),
		DRO_EAUTH);
	ck_assert_str_eq(kit.err.provider_code, "SignatureDoesNotMatch");
	live_close(&kit);
}
END_TEST

/* Everybody may read it as soon as the bucket says so, and not before. */
START_TEST(pages)
{
	static const char policy[] =
		"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":"
		"\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::www.lab.example/*\"}]}";
	const struct dro_object_ref ref = {
		.size = sizeof(ref), .bucket = "www.lab.example", .key = "page"};
	struct live kit = lab_open();
	struct dro_page_place place;
	struct dro_page_seen seen;

	live_check_page(&kit, ref.bucket, &seen);
	ck_assert(!seen.public);
	live_ask(&kit, "s3", "PUT", "www.lab.example?policy", policy);
	OK(dro_provider_get_page(kit.provider, &ref, &seen, &kit.call, &kit.err));
	ck_assert(seen.public);
	OK(dro_provider_find_website(
		kit.provider, "eu-central-1", ref.bucket, &place, &kit.call, &kit.err));
	ck_assert(place.by_name);
	ck_assert_str_eq(place.host, "www.lab.example.s3-website.eu-central-1.amazonaws.com");
	ck_assert_str_eq(place.alias_zone, "Z21DNDUVLTQW6Q");
	OK(dro_provider_find_website(
		kit.provider, "mx-central-1", ref.bucket, &place, &kit.call, &kit.err));
	ck_assert_str_eq(place.host, "www.lab.example.s3-website.mx-central-1.amazonaws.com");
	ck_assert_str_eq(place.alias, "");
	live_close(&kit);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plugins/aws/lab");
	TCase *tcase = tcase_create("lab");

	tcase_set_timeout(tcase, 100);
	tcase_add_test(tcase, odd_keys_are_signed_right);
	tcase_add_test(tcase, a_new_key_is_put_once);
	tcase_add_test(tcase, parts_survive_throttling);
	tcase_add_test(tcase, threads_and_accounts_side_by_side);
	tcase_add_test(tcase, wrong_secrets_are_told);
	tcase_add_test(tcase, pages);
	suite_add_tcase(suite, tcase);
	return lab_run_suite(suite);
}
