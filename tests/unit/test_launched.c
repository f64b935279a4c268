/* What was launched lately, from the runs that the store holds. */
#include "observe/launched.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "engine/engine.h"
#include "model/graph.h"

static char dir[64];
static struct dro_store *store;
static struct dro_error err = DRO_ERROR_INIT;
static struct dro_lease lease;
static const struct dro_service service = {.name = (char *)"memphis"};

#define OK(call) ck_assert_msg((call) == 0, "%s: %s", #call, err.message)

static void setup(void)
{
	strcpy(dir, "/tmp/drorch-launched-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	OK(dro_store_open(&store, dir, false, &err));
	OK(dro_store_lease_take(store, "memphis", "test", 60000, &lease, &err));
}

static void teardown(void)
{
	dro_store_close(store);
	OK(dro_dir_remove(dir, &err));
}

/* A run with one step, as it stands. */
static void add_run(
	const char *kind, const char *inputs, const char *state, const char *outputs, int attempts)
{
	struct dro_buf text = DRO_BUF_INIT(1 << 20);
	struct dro_step_record record = {.event = "result", .data = "{}"};
	struct dro_run_row row = {.mode = (char *)"converge",
		.from = (char *)"main",
		.to = (char *)"",
		.state = (char *)"planned",
		.outcome = (char *)"{}",
		.created_ms = dro_wall_ms()};
	const char *ids[] = {"it"};
	struct dro_plan *plan = NULL;
	struct dro_step *step;

	OK(dro_plan_new(&plan, "reconcile", "memphis", &err));
	OK(dro_plan_add(plan, &step, "it", kind, "web", 1000, &err));
	cJSON_Delete(step->inputs);
	step->inputs = cJSON_Parse(inputs);
	OK(dro_plan_print(plan, &text, &err));
	row.id = plan->id;
	row.service = plan->service;
	row.kind = plan->kind;
	row.plan = text.data;
	row.epoch = lease.epoch;
	OK(dro_store_run_add(store, &lease, &row, ids, 1, &err));
	record.row = (struct dro_step_row){.id = (char *)"it",
		.state = (char *)state,
		.outputs = (char *)outputs,
		.note = (char *)"",
		.error = (char *)"",
		.attempts = attempts};
	OK(dro_store_steps(store, &lease, plan->id, &record, 1, &err));
	OK(dro_store_run_state(store, &lease, plan->id, "running", NULL, &err));
	OK(dro_store_run_state(store, &lease, plan->id, "completed", NULL, &err));
	dro_plan_free(plan);
	dro_buf_free(&text);
}

#define LAUNCH "{\"site\":\"main\",\"group\":\"web\",\"count\":2}"

START_TEST(what_was_launched_counts_until_it_is_ended)
{
	struct dro_instance_list list = {0};

	add_run("compute.launch", LAUNCH, "done", "{\"ids\":[\"i-1\",\"i-2\"]}", 1);
	OK(dro_launched_lately(&list, store, &service, &err));
	ck_assert_uint_eq(list.count, 2);
	ck_assert_str_eq(list.items[0]->id, "i-1");
	ck_assert_str_eq(dro_instance_tag(list.items[0], "drorch:site"), "main");
	ck_assert_uint_eq(list.items[0]->state, DRO_INSTANCE_PENDING);
	dro_instance_list_free(&list);
	add_run("compute.terminate", "{\"site\":\"main\",\"ids\":[\"i-1\"]}", "done", "{}", 1);
	OK(dro_launched_lately(&list, store, &service, &err));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.items[0]->id, "i-2");
	dro_instance_list_free(&list);
}
END_TEST

/* Sent out, and never heard of: as many as were asked for may be there. */
START_TEST(what_was_never_heard_of_may_be_there)
{
	struct dro_instance_list list = {0};

	add_run("compute.launch", LAUNCH, "skipped", "{}", 1);
	OK(dro_launched_lately(&list, store, &service, &err));
	ck_assert_uint_eq(list.count, 2);
	ck_assert_int_eq(list.items[0]->id[0], '?');
	ck_assert_str_ne(list.items[0]->id, list.items[1]->id);
	ck_assert_str_eq(dro_instance_tag(list.items[0], "drorch:step"), "it");
	dro_instance_list_free(&list);
}
END_TEST

START_TEST(what_was_never_sent_out_is_not_there)
{
	struct dro_instance_list list = {0};

	add_run("compute.launch", LAUNCH, "skipped", "{}", 0);
	add_run("compute.launch", LAUNCH, "undone", "{\"ids\":[\"i-1\"]}", 1);
	OK(dro_launched_lately(&list, store, &service, &err));
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("launched");
	TCase *tcase = tcase_create("launched");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_was_launched_counts_until_it_is_ended);
	tcase_add_test(tcase, what_was_never_heard_of_may_be_there);
	tcase_add_test(tcase, what_was_never_sent_out_is_not_there);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
