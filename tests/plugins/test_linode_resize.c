/* Resizing, measuring and marking of the linode plugin against a scripted host. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "support/scripted_host.h"

#define INSTANCE(status, type)                                                                     \
	"{\"id\":77,\"label\":\"web\",\"status\":\"" status "\",\"type\":\"" type                  \
	"\",\"region\":\"eu-west\",\"tags\":[],\"specs\":{\"vcpus\":4}}"
#define ERRORS(reason) "{\"errors\":[{\"reason\":\"" reason "\"}]}"
#define OLD "g6-standard-2"
#define NEW "g6-standard-4"
#define UNAVAILABLE ERRORS("Stats are unavailable at this time.")

static struct scripted *scripted;
static const struct dro_compute *compute;
static void *account;
static struct dro_error err;
static struct dro_call call;
static char seen[1024]; /* what was emitted, a line each */

static void setup(void)
{
	scripted = scripted_new("linode");
	compute = scripted_provider(scripted)->compute;
	account = scripted_open(scripted, NULL);
	err = (struct dro_error)DRO_ERROR_INIT;
	call = scripted_call(scripted, "run-7-scale");
	seen[0] = '\0';
}

static void teardown(void)
{
	scripted_free(scripted);
}

static int resize(void)
{
	return compute->resize_instance(account, "eu-west", "77", NEW, &call, &err);
}

static int see(void *arg, const struct dro_instance_health *health)
{
	size_t used = strlen(seen);

	(void)arg;
	snprintf(seen + used, sizeof(seen) - used, "%s %u %s %lld %u\n", health->id, health->state,
		health->text, (long long)health->measured_ms, health->cpu_permille);
	return 0;
}

static int health(const char *const *ids, size_t count)
{
	return compute->instance_health(account, "", ids, count, see, NULL, &call, &err);
}

START_TEST(resizes_what_is_off)
{
	cJSON *body;

	scripted_answer(scripted, 200, INSTANCE("offline", OLD), NULL);
	scripted_answer(scripted, 200, "{}", NULL);
	ck_assert_int_eq(resize(), 0);
	ck_assert_str_eq(scripted_request(scripted, 1)->method, "POST");
	ck_assert_str_eq(scripted_request(scripted, 1)->path, "/v4/linode/instances/77/resize");
	ck_assert_uint_eq(scripted_request(scripted, 1)->flags & DRO_HTTP_SAFE, 0);
	body = cJSON_Parse(scripted_request(scripted, 1)->body);
	ck_assert_str_eq(dro_json_text(body, "type"), NEW);
	ck_assert(cJSON_IsFalse(cJSON_GetObjectItem(body, "allow_auto_disk_resize")));
	cJSON_Delete(body);
}
END_TEST

START_TEST(does_it_once)
{
	static const char *const done[] = {
		INSTANCE("offline", NEW), INSTANCE("resizing", OLD), INSTANCE("migrating", OLD)};
	size_t i;

	for (i = 0; i < 2; i++) {
		scripted_answer(scripted, 200, done[i], NULL);
		ck_assert_int_eq(resize(), 0);
	}
	ck_assert_uint_eq(scripted_count(scripted), 2);
	for (i = 0; i < 3; i++) { /* the answer is lost, but it was done */
		scripted_answer(scripted, 200, INSTANCE("offline", OLD), NULL);
		scripted_no_answer(scripted, DRO_ETIMEDOUT);
		scripted_answer(scripted, 200, done[i], NULL);
		ck_assert_int_eq(resize(), 0);
	}
	/* Nobody can tell yet. */
	scripted_answer(scripted, 200, INSTANCE("offline", OLD), NULL);
	scripted_no_answer(scripted, DRO_ETIMEDOUT);
	scripted_answer(scripted, 200, INSTANCE("offline", OLD), NULL);
	ck_assert_int_eq(resize(), DRO_ETIMEDOUT);
}
END_TEST

START_TEST(says_why_not)
{
	static const struct {
		const char *instance, *refusal;
		int code;
	} rows[] = {
		{INSTANCE("running", OLD), NULL, DRO_ECONFLICT},
		{INSTANCE("shutting_down", OLD), NULL, DRO_ECONFLICT},
		{INSTANCE("migrating", OLD), NULL, DRO_EAGAIN},
		{INSTANCE("offline", OLD), ERRORS("Linode busy."), DRO_EAGAIN},
		{INSTANCE("offline", OLD), ERRORS("more disk allocated"), DRO_EINVAL},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scripted_answer(scripted, 200, rows[i].instance, NULL);
		if (rows[i].refusal) {
			scripted_answer(scripted, 400, rows[i].refusal, NULL);
			scripted_answer(scripted, 200, rows[i].instance, NULL);
		}
		ck_assert_int_eq(resize(), rows[i].code);
	}
	ck_assert_ptr_nonnull(strstr(err.message, "Linode 77: "));
	ck_assert_ptr_nonnull(strstr(err.message, "more disk allocated"));
	ck_assert_int_eq(err.http_status, 400);
	scripted_answer(scripted, 404, ERRORS("Not found"), NULL);
	ck_assert_int_eq(resize(), DRO_ENOTFOUND);
	ck_assert_int_eq(
		compute->resize_instance(account, "", "77/../1", NEW, &call, &err), DRO_EINVAL);
	ck_assert_int_eq(compute->resize_instance(account, "", "77", "", &call, &err), DRO_EINVAL);
}
END_TEST

START_TEST(measures_the_last_quarter_of_an_hour)
{
	/* 4 processors: 400 is all of them. Only the last three samples are recent. */
	static const char *const samples =
		"[[1763670000000,400],[1763670300000,100],[1763670600000,200],[1763670900000,300]]";
	static const char *const forms[] = {
		"{\"title\":\"t\",\"data\":{\"cpu\":%s}}", "{\"title\":\"t\",\"cpu\":%s}"};
	const char *id = "77";
	char body[512];
	size_t i;

	for (i = 0; i < 2; i++) {
		snprintf(body, sizeof(body), forms[i], samples);
		scripted_answer(scripted, 200, INSTANCE("running", OLD), NULL);
		scripted_answer(scripted, 200, body, NULL);
		seen[0] = '\0';
		ck_assert_int_eq(health(&id, 1), 0);
		ck_assert_str_eq(seen, "77 1 running 1763670900000 500\n");
	}
	ck_assert_str_eq(scripted_request(scripted, 1)->path, "/v4/linode/instances/77/stats");
}
END_TEST

START_TEST(knows_what_was_not_measured)
{
	static const char *const nothing[] = {
		"{\"data\":{\"cpu\":[]}}", "{\"data\":{}}", "{\"data\":{\"cpu\":[[1,\"x\"],7]}}"};
	const char *ids[] = {"77", "78"};
	size_t i;

	scripted_answer(scripted, 200, INSTANCE("running", OLD), NULL);
	scripted_answer(scripted, 400, UNAVAILABLE, NULL);
	scripted_answer(scripted, 404, ERRORS("Not found"), NULL); /* 78 is gone */
	ck_assert_int_eq(health(ids, 2), 0);
	ck_assert_str_eq(seen, "77 1 running 0 0\n");
	for (i = 0; i < 3; i++) {
		scripted_answer(scripted, 200, INSTANCE("running", OLD), NULL);
		scripted_answer(scripted, 200, nothing[i], NULL);
		seen[0] = '\0';
		ck_assert_int_eq(health(ids, 1), 0);
		ck_assert_str_eq(seen, "77 1 running 0 0\n");
	}
	seen[0] = '\0';
	scripted_answer(scripted, 200, INSTANCE("offline", OLD), NULL);
	scripted_answer(scripted, 200, INSTANCE("migrating", OLD), NULL);
	ck_assert_int_eq(health(ids, 2), 0);
	ck_assert_str_eq(seen, "77 2 offline 0 0\n78 0 migrating 0 0\n");
	scripted_answer(scripted, 200, INSTANCE("running", OLD), NULL);
	scripted_answer(scripted, 429, ERRORS("Too many requests"), "retry-after", "7", NULL);
	ck_assert_int_eq(health(ids, 1), DRO_EAGAIN);
	ck_assert_uint_eq(err.retry_after_ms, 7000);
}
END_TEST

/* ---- marks ----------------------------------------------------------------------------------- */

#define TAGGED(tags) "{\"id\":77,\"label\":\"web\",\"status\":\"running\",\"tags\":[" tags "]}"
#define OWN "\"shop\",\"drorch\",\"drorch:sites=3\""
#define MARKED OWN ",\"drorch:service=memphis\",\"drorch:site=main\""

static int mark(void)
{
	static const struct dro_pair tags[] = {
		{"drorch:service", "memphis"}, {"drorch:site", "main"}};
	static const char *const ids[] = {"77"}, *const drop[] = {"drorch:run"};
	const struct dro_instance_marks marks = {.size = sizeof(marks),
		.ids = ids,
		.id_count = 1,
		.tags = tags,
		.tag_count = 2,
		.drop = drop,
		.drop_count = 1};

	return compute->mark_instances(account, &marks, &call, &err);
}

/* The whole list goes out, and nothing beside it: the label stays. */
START_TEST(marks_join_the_tags_that_are_there)
{
	scripted_answer(
		scripted, 200, TAGGED("\"drorch:run=r1\"," OWN ",\"drorch:site=old\""), NULL);
	scripted_answer(scripted, 200, "{}", NULL);
	scripted_answer(scripted, 200, TAGGED(MARKED), NULL);
	ck_assert_int_eq(mark(), 0);
	ck_assert_uint_eq(scripted_count(scripted), 3);
	ck_assert_str_eq(scripted_request(scripted, 1)->method, "PUT");
	ck_assert_str_eq(scripted_request(scripted, 1)->path, "/v4/linode/instances/77");
	ck_assert_uint_eq(scripted_request(scripted, 1)->flags & DRO_HTTP_SAFE, 0);
	ck_assert_str_eq(scripted_request(scripted, 1)->body, "{\"tags\":[" MARKED "]}");
	ck_assert_str_eq(scripted_request(scripted, 2)->method, "GET");
	/* As wanted: nothing is written. */
	scripted_answer(scripted, 200, TAGGED(MARKED), NULL);
	ck_assert_int_eq(mark(), 0);
	ck_assert_uint_eq(scripted_count(scripted), 4);
}
END_TEST

/* Somebody wrote an older list over ours: theirs is read, and ours goes among it. */
START_TEST(marks_that_are_overwritten_are_put_again)
{
	int i;

	scripted_answer(scripted, 200, TAGGED(OWN), NULL);
	scripted_no_answer(scripted, DRO_ETIMEDOUT);
	scripted_answer(scripted, 200, TAGGED("\"new\""), NULL);
	scripted_answer(scripted, 200, "{}", NULL);
	scripted_answer(scripted, 200,
		TAGGED("\"drorch:site=main\",\"drorch:service=memphis\",\"new\""), NULL);
	ck_assert_int_eq(mark(), 0);
	ck_assert_str_eq(scripted_request(scripted, 3)->body,
		"{\"tags\":[\"new\",\"drorch:service=memphis\",\"drorch:site=main\"]}");
	/* It does not end. */
	for (i = 0; i < 3; i++) {
		scripted_answer(scripted, 200, TAGGED(OWN), NULL);
		scripted_answer(scripted, 200, "{}", NULL);
	}
	scripted_answer(scripted, 200, TAGGED(OWN), NULL);
	ck_assert_int_eq(mark(), DRO_ECONFLICT);
	ck_assert_uint_eq(scripted_count(scripted), 5 + 7);
	scripted_answer(scripted, 200, TAGGED(OWN), NULL);
	scripted_answer(scripted, 401, ERRORS("Invalid Token"), NULL);
	ck_assert_int_eq(mark(), DRO_EAUTH);
	scripted_answer(scripted, 404, ERRORS("Not found"), NULL);
	ck_assert_int_eq(mark(), DRO_ENOTFOUND);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("linode_resize");
	TCase *tcase = tcase_create("linode_resize");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, resizes_what_is_off);
	tcase_add_test(tcase, marks_join_the_tags_that_are_there);
	tcase_add_test(tcase, marks_that_are_overwritten_are_put_again);
	tcase_add_test(tcase, does_it_once);
	tcase_add_test(tcase, says_why_not);
	tcase_add_test(tcase, measures_the_last_quarter_of_an_hour);
	tcase_add_test(tcase, knows_what_was_not_measured);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
