/* The plan of an image's build: what follows what, what it says, and what it is refused for. */
#include "plan/image.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct dro_instance_group group;
static struct dro_site site;
static struct dro_image_policy policy;
static struct dro_service service;
static struct dro_spec spec;
static struct dro_image_facts facts;

static char *text(const char *constant)
{
	return (char *)constant;
}

static void setup(void)
{
	group = (struct dro_instance_group){
		.name = text("web"), .type = text("t3.large"), .image = text("memphis-site")};
	site = (struct dro_site){
		.name = text("tier2"), .provider = text("aws"), .groups = &group, .group_count = 1};
	policy = (struct dro_image_policy){.name = text("memphis-site"),
		.provider = text("aws"),
		.region = text("us-west-2"),
		.base = text("debian-12"),
		.playbook = text("playbooks/site.yml"),
		.bake = text("playbooks/bake.yml"),
		.type = text(""),
		.ssh_user = text("root"),
		.known_hosts = text(""),
		.deadline_ms = 1800000,
		.place = {"services/memphis.yaml", 60, 3}};
	service = (struct dro_service){.name = text("memphis"),
		.sites = &site,
		.site_count = 1,
		.images = &policy,
		.image_count = 1};
	spec = (struct dro_spec){
		.commit = text("c0ffee"), .services = &service, .service_count = 1};
	facts = (struct dro_image_facts){.spec = &spec,
		.service = &service,
		.policy = &policy,
		.active = "main",
		.base = "ami-0123456789abcdef0",
		.playbook_sha256 = "feed",
		.now_ms = 1795698301000};
}

static struct dro_plan *make(void)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_plan *plan = NULL;

	ck_assert_msg(dro_plan_image(&plan, &facts, &err) == 0, "%s", err.message);
	return plan;
}

static bool waits_for(const struct dro_plan *plan, const char *step, const char *before)
{
	const struct dro_step *found = dro_plan_step(plan, step);
	size_t i;

	ck_assert_msg(found != NULL, "no step %s", step);
	for (i = 0; i < found->after_count; i++)
		if (strcmp(found->after[i], before) == 0 ||
			waits_for(plan, found->after[i], before))
			return true;
	return false;
}

static const char *input(const struct dro_plan *plan, const char *step, const char *key)
{
	return dro_json_text(dro_plan_step(plan, step)->inputs, key);
}

START_TEST(one_thing_follows_the_other)
{
	static const char *const order[] = {"launch", "boot", "reach", "play", "bake", "leave",
		"stop", "create", "terminate", "verify"};
	struct dro_plan *plan = make();
	size_t i;

	for (i = 1; i < sizeof(order) / sizeof(order[0]); i++)
		ck_assert_msg(waits_for(plan, order[i], order[i - 1]), "%s", order[i]);
	ck_assert(waits_for(plan, "launch", "probe-aws"));
	ck_assert(waits_for(plan, "launch", "prepare"));
	ck_assert(waits_for(plan, "launch", "capacity"));
	/* So that its undo, which comes last, drops the run's files whatever failed. */
	ck_assert_uint_eq(dro_plan_step(plan, "prepare")->after_count, 0);
	ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(plan->facts, "rollback")));
	ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(plan->facts, "give_way_back")));
	dro_plan_free(plan);
}
END_TEST

START_TEST(the_image_is_found_by_name_and_says_what_made_it)
{
	struct dro_plan *plan = make();

	ck_assert_str_eq(plan->kind, "image");
	ck_assert_str_eq(plan->from, "main");
	ck_assert_str_eq(plan->to, "");
	ck_assert_str_eq(input(plan, "create", "name"), "memphis-site-20261126-130501");
	ck_assert_str_eq(input(plan, "create", "playbook_sha256"), "feed");
	ck_assert_str_eq(input(plan, "verify", "base"), "ami-0123456789abcdef0");
	ck_assert_str_eq(input(plan, "launch", "type"), "t3.large");
	ck_assert_str_eq(input(plan, "play", "playbook"), "playbooks/site.yml");
	ck_assert_int_ge(dro_plan_step(plan, "play")->timeout_ms, policy.deadline_ms);
	dro_plan_free(plan);
}
END_TEST

START_TEST(without_bake_there_is_no_such_step)
{
	struct dro_plan *plan;

	policy.bake = text("");
	plan = make();
	ck_assert_ptr_null(dro_plan_step(plan, "bake"));
	ck_assert(waits_for(plan, "leave", "play"));
	dro_plan_free(plan);
}
END_TEST

START_TEST(what_says_too_little_is_refused_with_its_place)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_plan *plan = NULL;

	site.provider = text("linode"); /* it boots the image of another cloud's account */
	ck_assert_int_eq(dro_plan_image(&plan, &facts, &err), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "services/memphis.yaml:60:3"));
	ck_assert_ptr_nonnull(strstr(err.message, "`type`"));
	policy.type = text("t3.small");
	policy.name = text("a-name-of-more-than-thirty-four-characters");
	ck_assert_int_eq(dro_plan_image(&plan, &facts, &err), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "at most 34 characters"));
	ck_assert_ptr_null(plan);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image");
	TCase *cases = tcase_create("image");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, NULL);
	tcase_add_test(cases, one_thing_follows_the_other);
	tcase_add_test(cases, the_image_is_found_by_name_and_says_what_made_it);
	tcase_add_test(cases, without_bake_there_is_no_such_step);
	tcase_add_test(cases, what_says_too_little_is_refused_with_its_place);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
