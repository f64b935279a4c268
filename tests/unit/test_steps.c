/* Step kinds, one at a time, where no provider is needed. */
#include "engine/steps/steps.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "net/http.h"

static struct dro_site site;
static struct dro_service service;
static struct dro_spec spec;
static struct dro_net *net;
static struct dro_world world;
static struct dro_step_context context;

static void setup(void)
{
	site = (struct dro_site){.name = (char *)"tier2",
		.provider = (char *)"aws",
		.agent = {.given = true, .progress_port = 8480},
		.health = {.given = true,
			.scheme = (char *)"http",
			.path = (char *)"/healthz",
			.host = (char *)"www.memphis.example",
			.site_header = (char *)"X-Drorch-Site",
			.status = 200,
			.timeout_ms = 1000,
			.fail_after = 3}};
	service = (struct dro_service){.name = (char *)"memphis", .sites = &site, .site_count = 1};
	spec = (struct dro_spec){.services = &service, .service_count = 1};
	ck_assert_int_eq(dro_net_new(&net, NULL, NULL), 0);
	world = (struct dro_world){
		.spec = &spec, .service = &service, .net = net, .clock = &dro_clock_real};
	context = (struct dro_step_context){.world = &world,
		.outputs = cJSON_CreateObject(),
		.note = DRO_BUF_INIT(512),
		.call = {.size = sizeof(struct dro_call), .deadline_ms = dro_now_ms() + 5000}};
}

static void teardown(void)
{
	cJSON_Delete((cJSON *)context.inputs);
	cJSON_Delete(context.outputs);
	dro_buf_free(&context.note);
	dro_net_free(net);
}

START_TEST(where_the_agent_cannot_be_asked_the_application_is)
{
	struct dro_error err = DRO_ERROR_INIT;

	/* An address for documentation: plain HTTP to it is refused before anything is sent, but
	 * where the spec has it. */
	site.health.scheme = (char *)"https";
	context.inputs =
		cJSON_Parse("{\"site\":\"tier2\",\"backup\":\"b1\",\"addresses\":[\"192.0.2.1\"]}");
	ck_assert_int_eq(dro_step_wait_restored(&context, &err), DRO_STEP_PENDING);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&context.note), "cannot be asked"));
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&context.note), "the application"));
	ck_assert_uint_gt(context.poll_ms, 0);
}
END_TEST

START_TEST(a_site_that_left_the_spec_is_named)
{
	struct dro_error err = DRO_ERROR_INIT;

	context.inputs = cJSON_Parse("{\"site\":\"gone\",\"addresses\":[]}");
	ck_assert_int_eq(dro_step_verify_app(&context, &err), DRO_ENOTFOUND);
	ck_assert_ptr_nonnull(strstr(err.message, "gone"));
	ck_assert_ptr_nonnull(strstr(err.message, "abort"));
}
END_TEST

START_TEST(waiting_gets_slower_within_its_bounds)
{
	context.elapsed_ms = 0;
	ck_assert_int_eq(dro_step_pending(&context, 50, 2000), DRO_STEP_PENDING);
	ck_assert_uint_eq(context.poll_ms, 50);
	context.elapsed_ms = 16000;
	dro_step_pending(&context, 50, 2000);
	ck_assert_uint_gt(context.poll_ms, 50);
	ck_assert_uint_le(context.poll_ms, 2000);
	context.elapsed_ms = 3600000;
	dro_step_pending(&context, 50, 2000);
	ck_assert_uint_eq(context.poll_ms, 2000);
}
END_TEST

START_TEST(every_kind_can_be_run_and_is_described)
{
	const struct dro_step_kind *kind;

	for (kind = dro_step_kinds; kind->name; kind++) {
		ck_assert_ptr_nonnull(kind->run);
		ck_assert_uint_gt(strlen(kind->describe), 0);
		ck_assert_ptr_eq(dro_step_kind(dro_step_kinds, kind->name), kind);
	}
	ck_assert_ptr_null(dro_step_kind(dro_step_kinds, "no.such"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("steps");
	TCase *cases = tcase_create("steps");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, where_the_agent_cannot_be_asked_the_application_is);
	tcase_add_test(cases, a_site_that_left_the_spec_is_named);
	tcase_add_test(cases, waiting_gets_slower_within_its_bounds);
	tcase_add_test(cases, every_kind_can_be_run_and_is_described);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
