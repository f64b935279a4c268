/* The pure half: which backup, which steps in which order, which rules say no. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/choose.h"
#include "plan/safety.h"

#define HOUR 3600000LL
#define NOW (1000 * HOUR)

static struct dro_site sites[2];
static struct dro_instance_group group;
static struct dro_backup_policy policy;
static struct dro_path path;
static struct dro_traffic traffic;
static struct dro_service service;
static struct dro_spec spec;
static struct dro_backup_list list;
static struct dro_active active;

static char *text(const char *constant)
{
	return (char *)constant;
}

static void setup(void)
{
	group = (struct dro_instance_group){
		.name = text("web"), .type = text("t3.large"), .count = 1, .image = text("site")};
	sites[0] = (struct dro_site){.name = text("main"),
		.provider = text("aws"),
		.region = text("eu-west-2"),
		.follows = text(""),
		.role = DRO_ROLE_PRIMARY};
	sites[1] = (struct dro_site){.name = text("tier2"),
		.provider = text("aws"),
		.region = text("us-west-2"),
		.strategy = DRO_STRATEGY_BACKUP_RESTORE,
		.restores = text("offsite"),
		.groups = &group,
		.group_count = 1,
		.objectives = {20 * 60000, 26 * HOUR}};
	policy = (struct dro_backup_policy){.name = text("offsite"),
		.source = text("main"),
		.provider = text("aws"),
		.bucket = text("dr"),
		.prefix = text("offsite/"),
		.region = text(""),
		.max_age_ms = 26 * HOUR,
		.shrink_percent = 50};
	path = (struct dro_path){.provider = text("cloudflare"), .zone = text("memphis.example")};
	traffic = (struct dro_traffic){.key = text("www"),
		.name = text("www.memphis.example"),
		.type = text("A"),
		.paths = &path,
		.path_count = 1,
		.verify = {.timeout_ms = 120000}};
	service = (struct dro_service){.name = text("memphis"),
		.sites = sites,
		.site_count = 2,
		.backups = &policy,
		.backup_count = 1,
		.traffic = &traffic,
		.traffic_count = 1,
		.objectives = {DRO_UNSET, DRO_UNSET},
		.safety = {.cool_down_ms = HOUR, .monitor_ms = 5000}};
	spec = (struct dro_spec){
		.commit = text("c0ffee"), .services = &service, .service_count = 1};
	list = (struct dro_backup_list){0};
	active = (struct dro_active){"main", 0};
}

static void teardown(void)
{
	dro_backup_list_free(&list);
}

/* Appends a backup: call it newest first. */
static struct dro_backup *add(
	const char *id, const char *of, const char *site, int64_t hours_old, uint64_t bytes)
{
	struct dro_backup *items = realloc(list.items, (list.count + 1) * sizeof(*items)), *backup;
	char hash[DRO_SHA256_HEX];

	ck_assert_ptr_nonnull(items);
	list.items = items;
	backup = &items[list.count++];
	*backup = (struct dro_backup){.id = strdup(id), .problem = strdup(""), .read = true};
	memset(hash, 'a', sizeof(hash) - 1);
	hash[sizeof(hash) - 1] = '\0';
	strcpy(backup->manifest_sha256, hash);
	ck_assert_int_eq(dro_manifest_new(&backup->manifest, id, of, site, DRO_BACKUP_SQLITE,
				 NOW - hours_old * HOUR, NULL),
		0);
	ck_assert_int_eq(dro_manifest_add(backup->manifest, "db", bytes, hash, NULL), 0);
	return backup;
}

static const char *chosen(const char *wanted, bool *stale, struct dro_error *err)
{
	struct dro_backup *backup;

	if (dro_choose_backup(&backup, stale, &list, &service, &policy, &active, wanted, NOW, err) <
		0)
		return "";
	return backup->id;
}

START_TEST(the_newest_good_backup_is_chosen)
{
	struct dro_error err = DRO_ERROR_INIT;
	bool stale;

	dro_backup_refuse(add("b9", "memphis", "main", 1, 100), NULL, "torn: db is missing");
	add("b8", "nashville", "main", 2, 100);
	add("b7", "memphis", "dr", 3, 100);
	add("b6", "memphis", "main", -2, 100); /* two hours from now */
	add("b5", "memphis", "main", 4, 100);
	add("b4", "memphis", "main", 5, 100);
	ck_assert_str_eq(chosen(NULL, &stale, &err), "b5");
	ck_assert(!stale);
	ck_assert_ptr_nonnull(strstr(list.items[1].problem, "nashville"));
	ck_assert_ptr_nonnull(strstr(list.items[2].problem, "taken at dr"));
	ck_assert_ptr_nonnull(strstr(list.items[3].problem, "future"));
}
END_TEST

START_TEST(an_old_primary_that_came_back_does_not_count)
{
	struct dro_error err = DRO_ERROR_INIT;
	bool stale;

	active = (struct dro_active){"tier2", NOW - 3 * HOUR};
	add("b9", "memphis", "main", 1, 100); /* after tier2 took over */
	add("b8", "memphis", "tier2", 2, 100);
	add("b7", "memphis", "main", 4, 100); /* before */
	ck_assert_str_eq(chosen(NULL, &stale, &err), "b8");
	ck_assert_ptr_nonnull(strstr(list.items[0].problem, "after tier2 had taken over"));
	ck_assert_str_eq(list.items[2].problem, "");
	dro_backup_refuse(&list.items[1], NULL, "torn");
	ck_assert_str_eq(chosen(NULL, &stale, &err), "b7");
}
END_TEST

START_TEST(a_replica_of_the_active_site_goes_on_counting)
{
	struct dro_error err = DRO_ERROR_INIT;
	bool stale;

	sites[0].follows = text("tier2");
	active = (struct dro_active){"tier2", NOW - 3 * HOUR};
	add("b9", "memphis", "main", 1, 100);
	ck_assert_str_eq(chosen(NULL, &stale, &err), "b9");
}
END_TEST

START_TEST(a_shrunken_backup_is_refused)
{
	struct dro_error err = DRO_ERROR_INIT;
	bool stale;

	add("b3", "memphis", "main", 1, 40);
	add("b2", "memphis", "main", 2, 100);
	ck_assert_str_eq(chosen(NULL, &stale, &err), "b2");
	ck_assert_ptr_nonnull(strstr(list.items[0].problem, "shrunken"));
	/* By name it can be had; a rule then asks for a reason. */
	ck_assert_str_eq(chosen("b3", &stale, &err), "b3");
}
END_TEST

START_TEST(an_old_backup_is_chosen_as_stale)
{
	struct dro_error err = DRO_ERROR_INIT;
	bool stale;

	add("b1", "memphis", "main", 30, 100);
	ck_assert_str_eq(chosen(NULL, &stale, &err), "b1");
	ck_assert(stale);
}
END_TEST

START_TEST(no_good_backup_says_why_for_each)
{
	struct dro_error err = DRO_ERROR_INIT;
	bool stale;

	dro_backup_refuse(add("b9", "memphis", "main", 1, 100), NULL, "torn: db is missing");
	ck_assert_str_eq(chosen(NULL, &stale, &err), "");
	ck_assert_int_eq(err.code, DRO_ENOTFOUND);
	ck_assert_ptr_nonnull(strstr(err.message, "b9: torn: db is missing"));
	ck_assert_str_eq(chosen("b5", &stale, &err), "");
	ck_assert_int_eq(err.code, DRO_ENOTFOUND);
}
END_TEST

/* ---- the plan ------------------------------------------------------------------------------- */

static const char *image = "ami-1";
static char *values[] = {(char *)"127.1.0.1"};
static struct dro_traffic_seen seen;

static struct dro_promote_facts facts(void)
{
	seen = (struct dro_traffic_seen){.traffic = &traffic,
		.values = values,
		.value_count = 1,
		.owner = text("drorch:memphis/www"),
		.known = true};
	if (!list.count)
		add("b5", "memphis", "main", 4, 100);
	return (struct dro_promote_facts){.spec = &spec,
		.service = &service,
		.from = &sites[0],
		.to = &sites[1],
		.policy = &policy,
		.backup = &list.items[0],
		.images = &image,
		.traffic = &seen,
		.from_heard = "connection refused",
		.now_ms = NOW};
}

/* Does `id` come after `before`, directly or through others? */
static bool follows(const struct dro_plan *plan, const char *id, const char *before)
{
	const struct dro_step *step = dro_plan_step(plan, id);
	size_t i;

	ck_assert_msg(step != NULL, "no step %s", id);
	for (i = 0; i < step->after_count; i++)
		if (strcmp(step->after[i], before) == 0 || follows(plan, step->after[i], before))
			return true;
	return false;
}

START_TEST(nothing_moves_before_the_prechecks)
{
	struct dro_promote_facts known = facts();
	struct dro_plan *plan;
	size_t i, j;

	ck_assert_int_eq(dro_plan_promote(&plan, &known, NULL), 0);
	for (i = 0; i < plan->step_count; i++) {
		if (plan->steps[i]->class != DRO_STEP_CONTROL_PLANE)
			continue;
		for (j = 0; j < plan->step_count; j++)
			if (plan->steps[j]->after_count == 0)
				ck_assert_msg(follows(plan, plan->steps[i]->id, plan->steps[j]->id),
					"%s does not wait for %s", plan->steps[i]->id,
					plan->steps[j]->id);
	}
	dro_plan_free(plan);
}
END_TEST

START_TEST(fence_and_launch_are_side_by_side_and_both_before_the_switch)
{
	struct dro_promote_facts known = facts();
	struct dro_plan *plan;

	ck_assert_int_eq(dro_plan_promote(&plan, &known, NULL), 0);
	ck_assert(!follows(plan, "launch-web", "fence-main"));
	ck_assert(!follows(plan, "fence-main", "launch-web"));
	ck_assert(follows(plan, "switch-www", "fence-main"));
	ck_assert(follows(plan, "switch-www", "verify-app"));
	ck_assert(follows(plan, "verify-app", "restore"));
	ck_assert(follows(plan, "switch-www", "find-www"));
	ck_assert_msg(!follows(plan, "launch-web", "find-www"), "it would cost time");
	ck_assert(follows(plan, "commit", "monitor-www"));
	ck_assert(follows(plan, "monitor-www", "verify-www"));
	ck_assert_str_eq(plan->steps[plan->step_count - 1]->id, "commit");
	dro_plan_free(plan);
}
END_TEST

START_TEST(every_address_of_the_old_site_is_asked_before_it_counts_as_dead)
{
	static char *more[] = {(char *)"127.1.0.1", (char *)"127.1.0.2"};
	struct dro_traffic names[2] = {traffic, traffic};
	struct dro_promote_facts known = facts();
	struct dro_traffic_seen both[2] = {seen, seen};
	const cJSON *addresses;
	struct dro_plan *plan;

	names[1].key = text("api");
	service.traffic = names;
	service.traffic_count = 2;
	both[1].traffic = &names[1];
	both[1].values = more;
	both[1].value_count = 2;
	known.traffic = both;
	ck_assert_int_eq(dro_plan_promote(&plan, &known, NULL), 0);
	addresses = cJSON_GetObjectItem(dro_plan_step(plan, "fence-main")->inputs, "addresses");
	ck_assert_int_eq(cJSON_GetArraySize(addresses), 2);
	ck_assert_str_eq(cJSON_GetArrayItem(addresses, 1)->valuestring, "127.1.0.2");
	dro_plan_free(plan);
}
END_TEST

START_TEST(names_that_hold_no_ipv4_are_refused_before_anything_moves)
{
	struct dro_promote_facts known = facts();
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_plan *plan;

	traffic.type = text("AAAA");
	ck_assert_int_eq(dro_plan_promote(&plan, &known, &err), DRO_EUNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(err.message, "AAAA"));
}
END_TEST

START_TEST(the_user_data_names_the_backup_and_holds_no_secret)
{
	struct dro_promote_facts known = facts();
	struct dro_buf out = DRO_BUF_INIT(1 << 20);
	const cJSON *data;
	struct dro_plan *plan;

	ck_assert_int_eq(dro_plan_promote(&plan, &known, NULL), 0);
	data = cJSON_GetObjectItem(dro_plan_step(plan, "launch-web")->inputs, "user_data");
	ck_assert_str_eq(dro_json_text(cJSON_GetObjectItem(data, "backup"), "id"), "b5");
	ck_assert_str_eq(dro_json_text(data, "site"), "tier2");
	ck_assert_int_eq(dro_plan_print(plan, &out, NULL), 0);
	ck_assert_ptr_null(strstr(out.data, "secret"));
	dro_buf_free(&out);
	dro_plan_free(plan);
}
END_TEST

START_TEST(a_plan_survives_the_store)
{
	struct dro_promote_facts known = facts();
	struct dro_buf one = DRO_BUF_INIT(1 << 20), two = DRO_BUF_INIT(1 << 20);
	struct dro_plan *plan, *again;
	size_t i;

	ck_assert_int_eq(dro_plan_promote(&plan, &known, NULL), 0);
	ck_assert_int_eq(dro_plan_print(plan, &one, NULL), 0);
	ck_assert_int_eq(dro_plan_parse(&again, one.data, one.length, NULL), 0);
	ck_assert_int_eq(dro_plan_print(again, &two, NULL), 0);
	ck_assert_str_eq(one.data, two.data);
	for (i = 0; i < plan->step_count; i++)
		ck_assert_uint_le(strlen(plan->steps[i]->idem_key), 64);
	dro_buf_free(&one);
	dro_buf_free(&two);
	dro_plan_free(plan);
	dro_plan_free(again);
}
END_TEST

START_TEST(long_step_ids_get_distinct_short_keys)
{
	char a[120], b[120];
	struct dro_plan *plan;
	struct dro_step *one, *two;

	memset(a, 'x', sizeof(a));
	a[sizeof(a) - 1] = '\0';
	memcpy(b, a, sizeof(b));
	b[sizeof(b) - 2] = 'y';
	ck_assert_int_eq(dro_plan_new(&plan, "promote", "s", NULL), 0);
	ck_assert_int_eq(dro_plan_add(plan, &one, a, "k", "t", 1, NULL), 0);
	ck_assert_int_eq(dro_plan_add(plan, &two, b, "k", "t", 1, NULL), 0);
	ck_assert_uint_le(strlen(one->idem_key), 64);
	ck_assert_str_ne(one->idem_key, two->idem_key);
	dro_plan_free(plan);
}
END_TEST

START_TEST(a_plan_with_a_step_before_its_turn_is_refused)
{
	static const char bad[] = "{\"version\":1,\"id\":\"r-1\",\"kind\":\"k\",\"mode\":\"\","
				  "\"service\":\"s\",\"from\":\"\","
				  "\"to\":\"\",\"commit\":\"\",\"summary\":\"\",\"facts\":{},"
				  "\"steps\":[{\"id\":\"a\",\"kind\":\"k\","
				  "\"target\":\"\",\"inputs\":{},\"after\":[\"b\"],\"timeout_ms\":"
				  "1,\"idem_key\":\"x\","
				  "\"class\":\"read\",\"region\":\"\",\"may_fail\":false}]}";
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_plan *plan;

	ck_assert_int_lt(dro_plan_parse(&plan, bad, strlen(bad), &err), 0);
	ck_assert_ptr_nonnull(strstr(err.message, "does not come before"));
}
END_TEST

START_TEST(other_strategies_are_refused_by_name)
{
	struct dro_promote_facts known = facts();
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_plan *plan;

	sites[1].strategy = DRO_STRATEGY_HOT_STANDBY;
	ck_assert_int_eq(dro_plan_promote(&plan, &known, &err), DRO_EUNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(err.message, "hot-standby"));
}
END_TEST

/* ---- the rules ------------------------------------------------------------------------------- */

static const char *refusal(const struct dro_promote_facts *known)
{
	static struct dro_refusal out[DRO_RULES_MAX];
	size_t count = dro_safety_promote(out, known);

	ck_assert_uint_le(count, 1);
	return count ? out[0].rule : "";
}

START_TEST(each_rule_says_no_to_its_own_case_only)
{
	struct dro_promote_facts known = facts();

	ck_assert_str_eq(refusal(&known), "");
	known.from_answers = true;
	ck_assert_str_eq(refusal(&known), "old-site-well");
	known = facts();
	known.backup_stale = true;
	ck_assert_str_eq(refusal(&known), "backup-age");
	known = facts();
	dro_backup_refuse(&list.items[0], NULL, "shrunken");
	ck_assert_str_eq(refusal(&known), "backup-refused");
	dro_backup_refuse(&list.items[0], NULL, "%s", "");
	known.last_promote_ms = NOW - HOUR / 2;
	ck_assert_str_eq(refusal(&known), "cool-down");
	known.last_promote_ms = NOW - 2 * HOUR;
	ck_assert_str_eq(refusal(&known), "");
	seen.owner = text("");
	ck_assert_str_eq(refusal(&known), "foreign-record");
	seen.owner = text("drorch:nashville/www");
	ck_assert_str_eq(refusal(&known), "foreign-record");
	seen.known = false; /* nobody could be asked */
	ck_assert_str_eq(refusal(&known), "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan");
	TCase *cases = tcase_create("plan");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, the_newest_good_backup_is_chosen);
	tcase_add_test(cases, an_old_primary_that_came_back_does_not_count);
	tcase_add_test(cases, a_replica_of_the_active_site_goes_on_counting);
	tcase_add_test(cases, a_shrunken_backup_is_refused);
	tcase_add_test(cases, an_old_backup_is_chosen_as_stale);
	tcase_add_test(cases, no_good_backup_says_why_for_each);
	tcase_add_test(cases, nothing_moves_before_the_prechecks);
	tcase_add_test(cases, fence_and_launch_are_side_by_side_and_both_before_the_switch);
	tcase_add_test(cases, every_address_of_the_old_site_is_asked_before_it_counts_as_dead);
	tcase_add_test(cases, names_that_hold_no_ipv4_are_refused_before_anything_moves);
	tcase_add_test(cases, the_user_data_names_the_backup_and_holds_no_secret);
	tcase_add_test(cases, a_plan_survives_the_store);
	tcase_add_test(cases, long_step_ids_get_distinct_short_keys);
	tcase_add_test(cases, a_plan_with_a_step_before_its_turn_is_refused);
	tcase_add_test(cases, other_strategies_are_refused_by_name);
	tcase_add_test(cases, each_rule_says_no_to_its_own_case_only);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
