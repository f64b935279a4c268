/* The engine with step kinds of the test's own, on a real store. */
#include "engine/engine.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/inputs.h"
#include "engine/start.h"
#include "net/http.h"

static char folder[64];
static struct dro_store *store;
static struct dro_lease lease;
static struct dro_spec spec;
static struct dro_service service;

/* What the test's steps did, in order. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char story[4096];
static atomic_int failures_left, unknown_left, at_once, most_at_once;

static void tell(const char *what, const struct dro_step_context *context)
{
	pthread_mutex_lock(&lock);
	snprintf(story + strlen(story), sizeof(story) - strlen(story), "%s:%s%s ", what,
		context->step->id, context->repeated ? "?" : "");
	pthread_mutex_unlock(&lock);
}

static int run_plain(struct dro_step_context *context, struct dro_error *err)
{
	(void)err;
	tell("do", context);
	cJSON_AddStringToObject(context->outputs, "name", context->step->id);
	return DRO_STEP_DONE;
}

static int run_echo(struct dro_step_context *context, struct dro_error *err)
{
	(void)err;
	dro_buf_printf(&context->note, "got %s", dro_json_text(context->inputs, "from"));
	return DRO_STEP_DONE;
}

static int undo_plain(struct dro_step_context *context, struct dro_error *err)
{
	(void)err;
	tell("undo", context);
	return DRO_STEP_DONE;
}

static int undo_never(struct dro_step_context *context, struct dro_error *err)
{
	tell("keep", context);
	return dro_fail(err, DRO_ESAFETY, "it has to stay");
}

static int fail_while(struct dro_step_context *context, atomic_int *left, int code, const char *why,
	struct dro_error *err)
{
	tell("do", context);
	return atomic_fetch_sub(left, 1) > 0 ? dro_fail(err, code, "%s", why) : DRO_STEP_DONE;
}

static int run_failing(struct dro_step_context *context, struct dro_error *err)
{
	return fail_while(context, &failures_left, DRO_EINVAL, "it is broken", err);
}

static int run_unknown(struct dro_step_context *context, struct dro_error *err)
{
	return fail_while(context, &unknown_left, DRO_ETIMEDOUT, "no answer", err);
}

static int run_nonsense(struct dro_step_context *context, struct dro_error *err)
{
	return fail_while(context, &unknown_left, DRO_EPROTO, "half an answer", err);
}

static int run_polled(struct dro_step_context *context, struct dro_error *err)
{
	int64_t polls;

	if (dro_json_int(context->outputs, "polls", 0, &polls, err) < 0)
		return DRO_EPROTO;
	cJSON_DeleteItemFromObject(context->outputs, "polls");
	cJSON_AddNumberToObject(context->outputs, "polls", (double)(polls + 1));
	context->poll_ms = 1;
	dro_buf_printf(&context->note, "poll %d", (int)polls);
	return polls < 3 ? DRO_STEP_PENDING : DRO_STEP_DONE;
}

/* Counts how many of its kind run side by side. */
static int run_wide(struct dro_step_context *context, struct dro_error *err)
{
	int now = atomic_fetch_add(&at_once, 1) + 1, most = most_at_once, i;

	(void)context;
	(void)err;
	while (now > most && !atomic_compare_exchange_weak(&most_at_once, &most, now))
		;
	/* Stays until the others are there too, or gives up. */
	for (i = 0; i < 5000 && most_at_once < 4; i++)
		usleep(1000);
	atomic_fetch_sub(&at_once, 1);
	return DRO_STEP_DONE;
}

static int run_dying(struct dro_step_context *context, struct dro_error *err)
{
	(void)err;
	if (!context->repeated)
		_exit(9); /* as kill -9 in the middle of the call */
	tell("again", context);
	return DRO_STEP_DONE;
}

static int run_endless(struct dro_step_context *context, struct dro_error *err)
{
	(void)err;
	context->poll_ms = 5;
	dro_buf_puts(&context->note, "still waiting");
	return DRO_STEP_PENDING;
}

/* While it runs something more important comes. */
static int run_interrupted(struct dro_step_context *context, struct dro_error *err)
{
	tell("do", context);
	context->poll_ms = 5;
	return dro_store_run_wish_set(store, context->plan->id, DRO_WISH_GIVE_WAY, err) < 0
		       ? err->code
		       : DRO_STEP_PENDING;
}

static const struct dro_step_kind kinds[] = {
	{"plain", "do it", run_plain, undo_plain, false},
	{"kept", "do it for good", run_plain, undo_never, false},
	{"echo", "say it", run_echo, NULL, false},
	{"failing", "fail", run_failing, undo_plain, false},
	{"unknown", "get no answer", run_unknown, undo_plain, false},
	{"nonsense", "get half an answer", run_nonsense, undo_plain, false},
	{"polled", "take a while", run_polled, NULL, false},
	{"wide", "side by side", run_wide, NULL, false},
	{"dying", "die", run_dying, undo_plain, false},
	{"endless", "never end", run_endless, NULL, false},
	{"interrupted", "be in the way", run_interrupted, undo_plain, false},
	{NULL, NULL, NULL, NULL, false},
};

static void take_lease(void)
{
	struct dro_error err = DRO_ERROR_INIT;
	char holder[128];

	dro_store_holder(holder);
	ck_assert_msg(dro_store_lease_take(store, "memphis", holder, 60000, &lease, &err) == 0,
		"%s", err.message);
}

static void setup(void)
{
	struct dro_error err = DRO_ERROR_INIT;

	strcpy(folder, "/tmp/drorch-engine.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_msg(dro_store_open(&store, folder, false, &err) == 0, "%s", err.message);
	take_lease();
	service.name = (char *)"memphis";
	spec.services = &service;
	spec.service_count = 1;
	story[0] = '\0';
	failures_left = unknown_left = at_once = most_at_once = 0;
}

static void teardown(void)
{
	dro_store_close(store);
	ck_assert_int_eq(dro_dir_remove(folder, NULL), 0);
}

static struct dro_plan *new_plan(void)
{
	struct dro_plan *plan;

	ck_assert_int_eq(dro_plan_new(&plan, "promote", "memphis", NULL), 0);
	free(plan->from);
	free(plan->to);
	plan->from = strdup("main");
	plan->to = strdup("tier2");
	return plan;
}

static struct dro_step *step(
	struct dro_plan *plan, const char *id, const char *kind, const char *after)
{
	struct dro_step *made;

	ck_assert_int_eq(dro_plan_add(plan, &made, id, kind, id, 5000, NULL), 0);
	if (after)
		ck_assert_int_eq(dro_step_after(plan, made, after, NULL), 0);
	return made;
}

static void keep_run(const struct dro_plan *plan)
{
	struct dro_buf text = DRO_BUF_INIT(1 << 20);
	struct dro_error err = DRO_ERROR_INIT;
	const char *ids[16];
	struct dro_run_row row = {.id = plan->id,
		.service = plan->service,
		.kind = plan->kind,
		.mode = plan->mode,
		.from = plan->from,
		.to = plan->to,
		.state = (char *)"planned",
		.outcome = (char *)"{}",
		.created_ms = 1,
		.epoch = lease.epoch};
	size_t i;

	for (i = 0; i < plan->step_count; i++)
		ids[i] = plan->steps[i]->id;
	ck_assert_int_eq(dro_plan_print(plan, &text, NULL), 0);
	row.plan = text.data;
	ck_assert_msg(dro_store_run_add(store, &lease, &row, ids, plan->step_count, &err) == 0,
		"%s", err.message);
	dro_buf_free(&text);
}

static int drive(const struct dro_plan *plan, enum dro_run_state *state, struct dro_error *err)
{
	struct dro_world world = {.spec = &spec,
		.service = &service,
		.store = store,
		.lease = &lease,
		.clock = &dro_clock_real,
		.kinds = kinds};

	return dro_engine_run(&world, plan->id, NULL, NULL, NULL, state, err);
}

static enum dro_run_state run(const struct dro_plan *plan)
{
	struct dro_error err = DRO_ERROR_INIT;
	enum dro_run_state state = DRO_RUN_PLANNED;

	ck_assert_msg(drive(plan, &state, &err) == 0, "%s", err.message);
	return state;
}

struct looked_up {
	const char *id;
	char state[32], note[128], error[256];
	int attempts;
};

static int look(void *arg, const struct dro_step_row *row)
{
	struct looked_up *found = arg;

	if (strcmp(row->id, found->id) == 0) {
		snprintf(found->state, sizeof(found->state), "%s", row->state);
		snprintf(found->note, sizeof(found->note), "%s", row->note);
		snprintf(found->error, sizeof(found->error), "%s", row->error);
		found->attempts = row->attempts;
	}
	return 0;
}

static struct looked_up look_up(const struct dro_plan *plan, const char *id)
{
	struct looked_up found = {.id = id};

	ck_assert_int_eq(dro_store_step_list(store, plan->id, look, &found, NULL), 0);
	return found;
}

START_TEST(outputs_become_inputs_in_order)
{
	struct dro_plan *plan = new_plan();
	struct dro_step *second;

	step(plan, "first", "plain", NULL);
	second = step(plan, "second", "echo", "first");
	cJSON_AddStringToObject(second->inputs, "from", "${first.name}");
	keep_run(plan);
	ck_assert_int_eq(run(plan), DRO_RUN_COMPLETED);
	ck_assert_str_eq(look_up(plan, "second").note, "got first");
	dro_plan_free(plan);
}
END_TEST

START_TEST(independent_steps_run_side_by_side)
{
	struct dro_plan *plan = new_plan();

	step(plan, "a", "wide", NULL);
	step(plan, "b", "wide", NULL);
	step(plan, "c", "wide", NULL);
	step(plan, "d", "wide", NULL);
	keep_run(plan);
	ck_assert_int_eq(run(plan), DRO_RUN_COMPLETED);
	ck_assert_int_eq(most_at_once, 4);
	dro_plan_free(plan);
}
END_TEST

START_TEST(a_pending_step_is_asked_again_and_keeps_its_outputs)
{
	struct dro_plan *plan = new_plan();

	step(plan, "slow", "polled", NULL);
	keep_run(plan);
	ck_assert_int_eq(run(plan), DRO_RUN_COMPLETED);
	ck_assert_str_eq(look_up(plan, "slow").note, "poll 3");
	ck_assert_int_eq(look_up(plan, "slow").attempts, 1);
	dro_plan_free(plan);
}
END_TEST

START_TEST(an_unknown_outcome_is_repeated_as_such)
{
	struct dro_plan *plan = new_plan();

	unknown_left = 1;
	step(plan, "lost", "unknown", NULL);
	keep_run(plan);
	ck_assert_int_eq(run(plan), DRO_RUN_COMPLETED);
	ck_assert_str_eq(story, "do:lost do:lost? ");
	dro_plan_free(plan);
}
END_TEST

START_TEST(an_answer_without_sense_is_asked_for_again_a_few_times)
{
	struct dro_plan *plan = new_plan();

	unknown_left = 5;
	step(plan, "cut", "nonsense", NULL);
	keep_run(plan);
	ck_assert_int_eq(run(plan), DRO_RUN_FAILED);
	ck_assert_str_eq(look_up(plan, "cut").error, "half an answer");
	ck_assert_str_eq(story, "do:cut do:cut? do:cut? do:cut? ");
	ck_assert_int_eq(run(plan), DRO_RUN_COMPLETED);
	dro_plan_free(plan);
}
END_TEST

START_TEST(a_failure_ends_the_run_and_resume_goes_on)
{
	struct dro_plan *plan = new_plan();

	failures_left = 1;
	step(plan, "one", "plain", NULL);
	step(plan, "two", "failing", "one");
	step(plan, "three", "plain", "two");
	keep_run(plan);
	ck_assert_int_eq(run(plan), DRO_RUN_FAILED);
	ck_assert_str_eq(look_up(plan, "two").error, "it is broken");
	ck_assert_str_eq(look_up(plan, "three").state, "pending");
	ck_assert_int_eq(run(plan), DRO_RUN_COMPLETED);
	ck_assert_str_eq(story, "do:one do:two do:two? do:three ");
	ck_assert_int_eq(look_up(plan, "two").attempts, 2);
	dro_plan_free(plan);
}
END_TEST

START_TEST(a_step_that_may_fail_is_an_exception)
{
	struct dro_plan *plan = new_plan();

	failures_left = 1;
	step(plan, "spare", "failing", NULL)->may_fail = true;
	step(plan, "next", "plain", "spare");
	keep_run(plan);
	ck_assert_int_eq(run(plan), DRO_RUN_COMPLETED_WITH_EXCEPTIONS);
	ck_assert_str_eq(look_up(plan, "spare").state, "failed-ignored");
	dro_plan_free(plan);
}
END_TEST

START_TEST(waiting_is_bounded)
{
	struct dro_plan *plan = new_plan();

	step(plan, "never", "endless", NULL)->timeout_ms = 50;
	keep_run(plan);
	ck_assert_int_eq(run(plan), DRO_RUN_FAILED);
	ck_assert_ptr_nonnull(strstr(look_up(plan, "never").error, "still waiting"));
	dro_plan_free(plan);
}
END_TEST

START_TEST(a_crash_in_a_call_is_taken_up_again)
{
	struct dro_plan *plan = new_plan();
	pid_t child;
	int status;

	step(plan, "one", "plain", NULL);
	step(plan, "two", "dying", "one");
	keep_run(plan);
	dro_store_lease_release(store, &lease, NULL);
	dro_store_close(store);
	child = fork();
	if (child == 0) {
		if (dro_store_open(&store, folder, false, NULL) == 0) {
			take_lease();
			run(plan);
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WEXITSTATUS(status), 9);
	ck_assert_int_eq(dro_store_open(&store, folder, false, NULL), 0);
	take_lease(); /* from the dead */
	ck_assert_str_eq(look_up(plan, "two").state, "running");
	ck_assert_int_eq(run(plan), DRO_RUN_COMPLETED);
	ck_assert_str_eq(story, "again:two? ");
	dro_plan_free(plan);
}
END_TEST

START_TEST(abort_undoes_last_first)
{
	struct dro_plan *plan = new_plan();

	failures_left = 1;
	step(plan, "one", "plain", NULL);
	step(plan, "two", "plain", "one");
	step(plan, "three", "failing", "two");
	step(plan, "four", "plain", "three");
	keep_run(plan);
	ck_assert_int_eq(run(plan), DRO_RUN_FAILED);
	story[0] = '\0';
	ck_assert_int_eq(dro_store_run_wish_set(store, plan->id, DRO_WISH_ABORT, NULL), 0);
	ck_assert_int_eq(run(plan), DRO_RUN_ABORTED);
	ck_assert_str_eq(story, "undo:three undo:two undo:one ");
	ck_assert_str_eq(look_up(plan, "one").state, "undone");
	ck_assert_str_eq(look_up(plan, "four").state, "skipped");
	dro_plan_free(plan);
}
END_TEST

START_TEST(abort_stops_at_what_has_to_stay)
{
	struct dro_plan *plan = new_plan();
	char *active = NULL;

	failures_left = 1;
	step(plan, "machines", "plain", NULL);
	step(plan, "traffic", "kept", "machines");
	step(plan, "after", "failing", "traffic");
	keep_run(plan);
	ck_assert_int_eq(run(plan), DRO_RUN_FAILED);
	story[0] = '\0';
	ck_assert_int_eq(dro_store_run_wish_set(store, plan->id, DRO_WISH_ABORT, NULL), 0);
	ck_assert_int_eq(run(plan), DRO_RUN_ABORTED);
	/* The machines that the traffic stands on are not touched, and the record says where it is.
	 */
	ck_assert_str_eq(story, "undo:after keep:traffic ");
	ck_assert_str_eq(look_up(plan, "machines").state, "done");
	ck_assert_int_eq(
		dro_store_fact_get(store, "memphis", "active-site", &active, NULL, NULL), 0);
	ck_assert_str_eq(active, "tier2");
	free(active);
	dro_plan_free(plan);
}
END_TEST

static struct dro_plan *interrupted(const char *kind, bool back)
{
	struct dro_plan *plan = new_plan();

	free(plan->kind);
	free(plan->to);
	plan->kind = strdup(kind);
	plan->to = strdup("");
	cJSON_AddBoolToObject(plan->facts, "give_way_back", back);
	step(plan, "one", "plain", NULL);
	step(plan, "two", "interrupted", "one");
	step(plan, "three", "plain", "two");
	keep_run(plan);
	return plan;
}

START_TEST(giving_way_takes_back_where_the_plan_says_so)
{
	struct dro_plan *plan = interrupted("image", true);
	struct dro_run_row *row;

	ck_assert_int_eq(run(plan), DRO_RUN_ROLLED_BACK);
	ck_assert_str_eq(story, "do:one do:two undo:two? undo:one ");
	ck_assert_str_eq(look_up(plan, "three").state, "skipped");
	ck_assert_int_eq(dro_store_run_get(store, plan->id, &row, NULL), 0);
	ck_assert_ptr_nonnull(strstr(row->outcome, "it gave way to another run"));
	dro_run_row_free(row);
	dro_plan_free(plan);

	plan = interrupted("reconcile", false);
	story[0] = '\0';
	ck_assert_int_eq(run(plan), DRO_RUN_COMPLETED_WITH_EXCEPTIONS);
	ck_assert_str_eq(story, "do:one do:two ");
	dro_plan_free(plan);
}
END_TEST

START_TEST(a_build_gives_way_to_a_promote_and_reconcile_to_a_build)
{
	static const struct {
		const char *open, *comes;
		bool in_the_way;
	} cases[] = {{"image", "promote", false}, {"image", "image", true},
		{"image", "reconcile", true}, {"reconcile", "image", false},
		{"reconcile", "reconcile", true}, {"promote", "image", true}};
	struct dro_error err = DRO_ERROR_INIT;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dro_plan *plan = new_plan();
		int rc;

		free(plan->kind);
		plan->kind = strdup(cases[i].open);
		step(plan, "one", "plain", NULL);
		keep_run(plan);
		rc = dro_run_check_open(store, "memphis", cases[i].comes, &err);
		ck_assert_msg(rc == (cases[i].in_the_way ? DRO_EBUSY : 0), "%s, then %s: %d",
			cases[i].open, cases[i].comes, rc);
		ck_assert_int_eq(run(plan), DRO_RUN_COMPLETED);
		dro_plan_free(plan);
	}
}
END_TEST

START_TEST(without_the_lease_nothing_happens)
{
	struct dro_plan *plan = new_plan();
	struct dro_error err = DRO_ERROR_INIT;
	enum dro_run_state state = DRO_RUN_PLANNED;

	step(plan, "one", "plain", NULL);
	keep_run(plan);
	lease.epoch--;
	ck_assert_int_eq(drive(plan, &state, &err), DRO_EBUSY);
	ck_assert_str_eq(story, "");
	dro_plan_free(plan);
}
END_TEST

START_TEST(every_transition_is_as_the_table_says)
{
	enum dro_run_state next;

	ck_assert_int_eq(dro_run_next(DRO_RUN_PLANNED, DRO_RUN_STARTS, &next, NULL), 0);
	ck_assert_int_eq(next, DRO_RUN_RUNNING);
	ck_assert_int_eq(dro_run_next(DRO_RUN_FAILED, DRO_RUN_STARTS, &next, NULL), 0);
	ck_assert_int_eq(dro_run_next(DRO_RUN_COMPLETED, DRO_RUN_STARTS, &next, NULL), DRO_EINVAL);
	ck_assert_int_eq(
		dro_run_next(DRO_RUN_ABORTED, DRO_RUN_ROLLS_BACK, &next, NULL), DRO_EINVAL);
	ck_assert_int_eq(dro_run_next(DRO_RUN_PLANNED, DRO_RUN_FINISHES, &next, NULL), DRO_EINVAL);
}
END_TEST

static const cJSON *no_outputs(const void *arg, const char *step_id)
{
	(void)arg;
	(void)step_id;
	return NULL;
}

START_TEST(a_missing_output_is_named)
{
	cJSON *inputs = cJSON_Parse("{\"a\":[\"${gone.ids}\"]}"), *filled = NULL;
	struct dro_error err = DRO_ERROR_INIT;

	ck_assert_int_eq(dro_inputs_fill(&filled, inputs, no_outputs, NULL, &err), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "gone"));
	cJSON_Delete(inputs);
}
END_TEST

static const cJSON *two_ids(const void *arg, const char *step_id)
{
	(void)step_id;
	return arg;
}

START_TEST(a_list_in_a_list_comes_one_by_one)
{
	cJSON *inputs = cJSON_Parse("{\"a\":[\"i-0\",\"${launch.ids}\",\"i-3\"]}"),
	      *outputs = cJSON_Parse("{\"ids\":[\"i-1\",\"i-2\"]}"),
	      *expected = cJSON_Parse("{\"a\":[\"i-0\",\"i-1\",\"i-2\",\"i-3\"]}"), *filled = NULL;

	ck_assert_int_eq(dro_inputs_fill(&filled, inputs, two_ids, outputs, NULL), 0);
	ck_assert(cJSON_Compare(filled, expected, 1));
	cJSON_Delete(inputs);
	cJSON_Delete(outputs);
	cJSON_Delete(expected);
	cJSON_Delete(filled);
}
END_TEST

static int64_t wall_now;

static int64_t read_wall(const struct dro_clock *clock)
{
	(void)clock;
	return wall_now;
}

/* Asked after `elapsed` in this process: how long until it wants to be asked again. */
static uint64_t watch(struct dro_step_context *context, uint64_t elapsed)
{
	struct dro_error err = DRO_ERROR_INIT;

	context->elapsed_ms = elapsed;
	context->call.deadline_ms = dro_now_ms() + 2000;
	dro_buf_reset(&context->note);
	ck_assert_msg(dro_step_kind(dro_step_kinds, "run.monitor")->run(context, &err) ==
			      DRO_STEP_PENDING,
		"%s", err.message);
	return context->poll_ms;
}

START_TEST(the_watch_does_not_go_by_the_wall_clock)
{
	struct dro_site site = {.name = (char *)"tier2",
		.health = {.scheme = (char *)"http",
			.host = (char *)"",
			.path = (char *)"/",
			.site_header = (char *)"",
			.fail_after = 100}};
	struct dro_traffic traffic = {.key = (char *)"www",
		.name = (char *)"localhost",
		.verify = {.scheme = (char *)"http", .address = (char *)"127.0.0.1", .port = 1}};
	struct dro_clock clock = dro_clock_real;
	struct dro_world world = {.service = &service, .clock = &clock};
	struct dro_step_context context = {.world = &world,
		.inputs =
			cJSON_Parse("{\"traffic\":\"www\",\"site\":\"tier2\",\"window_ms\":4000}"),
		.outputs = cJSON_CreateObject(),
		.note = DRO_BUF_INIT(512)};

	ck_assert_int_eq(dro_net_new(&world.net, NULL, NULL), 0);
	service.sites = &site;
	service.traffic = &traffic;
	service.site_count = service.traffic_count = 1;
	clock.wall_ms = read_wall;
	wall_now = 1000000000;
	watch(&context, 0);
	wall_now -= 3600000;
	ck_assert_uint_eq(watch(&context, 3300), 700);
	wall_now += 7200000;
	ck_assert_uint_eq(watch(&context, 3500), 500);
	ck_assert_uint_eq(watch(&context, 200), 300); /* another process, after a crash */
	service = (struct dro_service){0};
	dro_net_free(world.net);
	dro_buf_free(&context.note);
	cJSON_Delete((cJSON *)context.inputs);
	cJSON_Delete(context.outputs);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine");
	TCase *cases = tcase_create("runs");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, outputs_become_inputs_in_order);
	tcase_add_test(cases, independent_steps_run_side_by_side);
	tcase_add_test(cases, a_pending_step_is_asked_again_and_keeps_its_outputs);
	tcase_add_test(cases, an_unknown_outcome_is_repeated_as_such);
	tcase_add_test(cases, an_answer_without_sense_is_asked_for_again_a_few_times);
	tcase_add_test(cases, a_failure_ends_the_run_and_resume_goes_on);
	tcase_add_test(cases, a_step_that_may_fail_is_an_exception);
	tcase_add_test(cases, waiting_is_bounded);
	tcase_add_test(cases, a_crash_in_a_call_is_taken_up_again);
	tcase_add_test(cases, abort_undoes_last_first);
	tcase_add_test(cases, abort_stops_at_what_has_to_stay);
	tcase_add_test(cases, giving_way_takes_back_where_the_plan_says_so);
	tcase_add_test(cases, a_build_gives_way_to_a_promote_and_reconcile_to_a_build);
	tcase_add_test(cases, without_the_lease_nothing_happens);
	tcase_add_test(cases, every_transition_is_as_the_table_says);
	tcase_add_test(cases, a_missing_output_is_named);
	tcase_add_test(cases, a_list_in_a_list_comes_one_by_one);
	tcase_add_test(cases, the_watch_does_not_go_by_the_wall_clock);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
