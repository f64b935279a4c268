/* What looks like the service's, and what becomes of it when it is adopted. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/marks.h"
#include "plan/safety.h"

#define TEXT (char *)

/* Two groups at main, which is active; one at its hot standby, in the same region. */
static struct dro_instance_group main_groups[] = {
	{.name = TEXT "web", .type = TEXT "t1", .count = 1, .image = TEXT "img"},
	{.name = TEXT "web-db", .type = TEXT "t2", .count = 1, .image = TEXT "img"}};
static struct dro_instance_group dr_groups[] = {
	{.name = TEXT "web", .type = TEXT "t1", .count = 1, .image = TEXT "img"}};
static struct dro_site sites[] = {{.name = TEXT "main",
					  .role = DRO_ROLE_PRIMARY,
					  .provider = TEXT "p0",
					  .groups = main_groups,
					  .group_count = 2,
					  .strategy = DRO_STRATEGY_NONE,
					  .health = {.given = true,
						  .scheme = TEXT "http",
						  .host = TEXT "h",
						  .path = TEXT "/",
						  .interval_ms = 10000,
						  .fail_after = 3}},
	{.name = TEXT "dr",
		.provider = TEXT "p0",
		.groups = dr_groups,
		.group_count = 1,
		.strategy = DRO_STRATEGY_HOT_STANDBY}};
static struct dro_path path = {
	.ttl_ms = DRO_UNSET, .provider = TEXT "p0", .zone = TEXT "a.example"};
static struct dro_weight weight = {.site = TEXT "main", .weight = 100};
static struct dro_traffic traffic;
static struct dro_service service;
static struct dro_spec spec;

static struct dro_instance made[8];
static struct dro_pair tags[8][4];
static const struct dro_instance *ours[2][8], *others[2][8];
static struct dro_seen_site seen_sites[2];
static struct dro_seen_zone zone;
static struct dro_record record, *records[] = {&record};
static const char *values[] = {"192.0.2.1"};
static struct dro_health_check check, *checks[] = {&check};
static struct dro_seen_checks seen_checks;
static struct dro_observed seen;
static struct dro_reconcile_facts facts;
static const char *things[4];
static size_t made_count;
static struct dro_plan *plan;
static struct dro_diff *diff;
static struct dro_error err;

static void setup(void)
{
	static const char *const images[] = {"img-1", "img-1"};
	size_t i;

	traffic = (struct dro_traffic){.key = TEXT "www",
		.name = TEXT "www.a.example",
		.type = TEXT "A",
		.paths = &path,
		.path_count = 1};
	service = (struct dro_service){.name = TEXT "s",
		.sites = sites,
		.site_count = 2,
		.traffic = &traffic,
		.traffic_count = 1,
		.safety = {.max_changes_percent = 25, .max_changes = DRO_UNSET}};
	spec = (struct dro_spec){.services = &service, .service_count = 1, .commit = TEXT "c"};
	record = (struct dro_record){.size = sizeof(record),
		.id = "",
		.name = "www.a.example",
		.type = "A",
		.values = values,
		.value_count = 1,
		.set_id = "",
		.owner = "",
		.health_check = "",
		.alias = "",
		.alias_zone = ""};
	zone = (struct dro_seen_zone){
		.provider = "p0", .zone = "a.example", .records = records, .count = 1};
	check = (struct dro_health_check){.size = sizeof(check),
		.kind = DRO_CHECK_HTTP,
		.id = "hc-1",
		.version = "1",
		.owner = "",
		.host = "h",
		.path = "/",
		.address = "192.0.2.1",
		.port = 80,
		.interval_s = 10,
		.fail_after = 3};
	seen_checks = (struct dro_seen_checks){.provider = "p0", .checks = checks, .count = 1};
	for (i = 0; i < 2; i++)
		seen_sites[i] = (struct dro_seen_site){.site = &sites[i],
			.instances = ours[i],
			.others = others[i],
			.images = images};
	seen = (struct dro_observed){
		.zones = &zone, .zone_count = 1, .sites = seen_sites, .site_count = 2};
	facts = (struct dro_reconcile_facts){.spec = &spec,
		.service = &service,
		.active = "main",
		.active_given = true,
		.seen = &seen,
		.adopt = {.things = things}};
	made_count = 0;
	plan = NULL;
	diff = NULL;
	err = (struct dro_error)DRO_ERROR_INIT;
}

static void teardown(void)
{
	dro_plan_free(plan);
	dro_diff_free(diff);
}

/* In that site's list, with marks; they end with NULL. */
static struct dro_instance *add(
	const struct dro_instance **list, size_t *count, const char *name, const char *const *marks)
{
	static const char *const ids[] = {"i-0", "i-1", "i-2", "i-3", "i-4", "i-5", "i-6", "i-7"};
	struct dro_instance *instance = &made[made_count];
	size_t n = 0;

	for (; marks && marks[2 * n]; n++)
		tags[made_count][n] = (struct dro_pair){marks[2 * n], marks[2 * n + 1]};
	*instance = (struct dro_instance){.size = sizeof(*instance),
		.state = DRO_INSTANCE_RUNNING,
		.id = ids[made_count],
		.name = name,
		.type = "t1",
		.image = "img-1",
		.region = "r1",
		.zone = "",
		.native_state = "running",
		.public_ipv4 = "",
		.private_ipv4 = "",
		.tags = tags[made_count],
		.tag_count = n};
	made_count++;
	list[(*count)++] = instance;
	return instance;
}

static struct dro_instance *stranger(size_t site, const char *name, const char *const *marks)
{
	return add(others[site], &seen_sites[site].other_count, name, marks);
}

static void member(size_t site, const char *group)
{
	const char *const marks[] = {
		DRO_TAG_SERVICE, "s", DRO_TAG_SITE, sites[site].name, DRO_TAG_GROUP, group, NULL};

	add(ours[site], &seen_sites[site].count, "", marks);
}

static int look(void)
{
	teardown();
	plan = NULL;
	diff = NULL;
	return dro_plan_reconcile(&plan, &diff, &facts, &err);
}

static int adopt(const char *first, const char *second)
{
	things[0] = first;
	things[1] = second;
	facts.adopt.count = second ? 2 : 1;
	return look();
}

static const char *found(enum dro_finding_kind kind, const char *target)
{
	size_t i;

	for (i = 0; i < diff->finding_count; i++)
		if (diff->findings[i].kind == kind &&
			strncmp(diff->findings[i].target, target, strlen(target)) == 0)
			return diff->findings[i].text;
	return NULL;
}

static bool refused(const char *rule, const char *words)
{
	struct dro_refusal refusals[DRO_RULES_MAX];
	size_t count = dro_safety_reconcile(refusals, &facts, diff), i;

	for (i = 0; i < count; i++)
		if (strcmp(refusals[i].rule, rule) == 0 && strstr(refusals[i].text, words))
			return true;
	return false;
}

static const cJSON *input(const char *step, const char *key)
{
	const struct dro_step *of = dro_plan_step(plan, step);

	ck_assert_msg(of != NULL, "no step %s", step);
	return cJSON_GetObjectItemCaseSensitive(of->inputs, key);
}

/* ---- look-alikes ----------------------------------------------------------------------------- */

START_TEST(nothing_is_launched_beside_a_look_alike)
{
	stranger(0, "shop-1", NULL)->public_ipv4 = "192.0.2.1"; /* www leads there */
	stranger(0, "s-main-web-db-1", NULL);
	member(1, "web");
	ck_assert_int_eq(look(), 0);
	ck_assert_uint_eq(diff->change_count, 0);
	ck_assert_ptr_nonnull(
		strstr(found(DRO_FINDING_FOREIGN, "i-0 of main at p0"), "leads there"));
	ck_assert_ptr_nonnull(
		strstr(found(DRO_FINDING_FOREIGN, "i-0 of main"), "`drorch adopt s i-0`"));
	/* The longer of two groups' names. */
	ck_assert_ptr_nonnull(
		strstr(found(DRO_FINDING_FOREIGN, "i-1 of main"), "looks like web-db by"));
}
END_TEST

START_TEST(others_are_no_look_alikes)
{
	static const char *const marked[] = {DRO_TAG_SERVICE, "t", NULL}, *const build[] = {
										  DRO_TAG_ROLE,
										  DRO_MARK_BUILD,
										  NULL};

	stranger(0, "s-main-web", marked);
	stranger(0, "s-main-web", build);
	stranger(0, "s-main-webs", NULL);
	stranger(0, "s-dr-web", NULL);
	stranger(0, "", NULL)->public_ipv4 = "192.0.2.9";
	stranger(1, "", NULL)->public_ipv4 = "192.0.2.1"; /* no name leads to a standby */
	ck_assert_int_eq(look(), 0);
	ck_assert_uint_eq(diff->change_count, 3);
	ck_assert_ptr_nonnull(dro_plan_step(plan, "launch-main-web"));
	ck_assert_ptr_null(found(DRO_FINDING_FOREIGN, "i-"));
	/* One of two is there: one is launched. */
	main_groups[0].count = 2;
	stranger(0, "s-main-web-a", NULL);
	ck_assert_int_eq(look(), 0);
	main_groups[0].count = 1;
	ck_assert_int_eq(input("launch-main-web", "count")->valueint, 1);
}
END_TEST

/* ---- adopting -------------------------------------------------------------------------------- */

START_TEST(what_is_named_is_adopted_and_nothing_else)
{
	static const char *const half[] = {DRO_TAG_GROUP, "old", "team", "x", NULL};
	struct dro_instance *web = stranger(0, "", half);

	web->public_ipv4 = "192.0.2.1";
	web->type = "t9";
	stranger(0, "s-main-web-db-1", NULL);
	ck_assert_int_eq(adopt("i-0", NULL), 0);
	ck_assert_uint_eq(plan->step_count, 1);
	ck_assert_str_eq(plan->mode, "adopt");
	ck_assert_str_eq(plan->summary, "1 to adopt");
	ck_assert_str_eq(diff->changes[0].target, "i-0 of main at p0");
	ck_assert_str_eq(diff->changes[0].was, "t9, r1, image img-1, 192.0.2.1, running");
	ck_assert_str_eq(diff->changes[0].wanted, "web of main; the spec says t1");
	ck_assert_str_eq(dro_plan_step(plan, "adopt-main-web")->kind, "compute.adopt");
	ck_assert_str_eq(input("adopt-main-web", "ids")->child->valuestring, "i-0");
	ck_assert_int_eq(cJSON_GetArraySize(input("adopt-main-web", "unnamed")), 1);
	ck_assert_int_eq(
		cJSON_GetArraySize(cJSON_GetObjectItem(input("adopt-main-web", "was"), "i-0")), 1);
	ck_assert(!refused("max-changes", ""));
	/* Both, of two groups; the first named twice is one. */
	things[2] = "i-0";
	facts.adopt.count = 3;
	things[1] = "i-1";
	ck_assert_int_eq(look(), 0);
	ck_assert_uint_eq(diff->change_count, 2);
	ck_assert_int_eq(cJSON_GetArraySize(input("adopt-main-web-db", "unnamed")), 0);
}
END_TEST

START_TEST(a_record_leads_to_what_is_adopted_with_it)
{
	stranger(0, "", NULL)->public_ipv4 = "192.0.2.1";
	ck_assert_int_eq(adopt("www.a.example A", NULL), 0);
	ck_assert_uint_eq(diff->change_count, 0); /* nobody knows where it is to lead */
	ck_assert_int_eq(adopt("www.a.example A", "i-0"), 0);
	ck_assert_str_eq(plan->summary, "2 to adopt");
	ck_assert_str_eq(cJSON_GetObjectItem(input("dns-p0-a.example", "put")->child, "values")
				 ->child->valuestring,
		"192.0.2.1");
}
END_TEST

START_TEST(what_is_ours_already_leaves_nothing_to_do)
{
	member(0, "web");
	ck_assert_int_eq(adopt("i-0", NULL), 0);
	ck_assert_uint_eq(plan->step_count, 0);
	ck_assert(!diff->surplus && !diff->marked);
}
END_TEST

START_TEST(rules_forbid_anothers_and_too_many)
{
	static const char *const anothers[] = {DRO_TAG_SERVICE, "t", DRO_TAG_SITE, "main", NULL},
				 *const of_dr[] = {DRO_TAG_SERVICE, "s", DRO_TAG_SITE, "dr", NULL},
				 *const typo[] = {DRO_TAG_SERVICE, "s", DRO_TAG_SITE, "mian", NULL},
				 *const build[] = {DRO_TAG_SERVICE, "s", DRO_TAG_SITE, "",
					 DRO_TAG_ROLE, DRO_MARK_BUILD, NULL};
	static const char *const *const all[] = {anothers, of_dr, build};
	char id[8];
	size_t i;

	facts.adopt.site = "main";
	facts.adopt.group = "web";
	for (i = 0; i < 3; i++) {
		stranger(0, "", all[i]);
		snprintf(id, sizeof(id), "i-%zu", i);
		ck_assert_int_eq(adopt(id, NULL), 0);
		ck_assert_msg(refused("foreign-mark", id), "%s", id);
		ck_assert(!refused("group-full", ""));
	}
	stranger(0, "", typo);
	ck_assert_int_eq(adopt("i-3", NULL), 0);
	ck_assert(!refused("foreign-mark", ""));
	member(0, "web");
	ck_assert_int_eq(adopt("i-3", NULL), 0);
	ck_assert(refused("group-full", "web of main would have 2 instances, 1 of them ours"));
	/* A former primary has what it has as the active one. */
	seen_sites[0].count = 0;
	facts.active = "dr";
	ck_assert_int_eq(adopt("i-3", NULL), 0);
	ck_assert(!refused("group-full", ""));
}
END_TEST

START_TEST(what_cannot_be_told_must_be_said)
{
	stranger(0, "", NULL);
	others[1][seen_sites[1].other_count++] = &made[0]; /* both sites are in that region */
	ck_assert_int_eq(adopt("i-0", NULL), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "--site"));
	facts.adopt.site = "main";
	ck_assert_int_eq(adopt("i-0", NULL), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "--group"));
	facts.adopt.group = "db";
	ck_assert_int_eq(adopt("i-0", NULL), DRO_ENOTFOUND);
	facts.adopt.group = "web-db";
	ck_assert_int_eq(adopt("i-0", NULL), 0);
	facts.adopt = (struct dro_adopt){.things = things, .site = "dr"};
	ck_assert_int_eq(adopt("i-0", NULL), 0); /* it has one group */
	ck_assert_ptr_nonnull(dro_plan_step(plan, "adopt-dr-web"));
	facts.adopt.site = NULL;
	ck_assert_int_eq(adopt("i-9", NULL), DRO_ENOTFOUND);
	seen_sites[1].error = "away";
	ck_assert_int_eq(adopt("i-9", NULL), DRO_EAGAIN);
	ck_assert_ptr_nonnull(strstr(err.message, "away"));
}
END_TEST

/* ---- health checks --------------------------------------------------------------------------- */

static void weigh(void)
{
	traffic.policy = DRO_POLICY_WEIGHTED;
	traffic.weights = &weight;
	traffic.weight_count = 1;
	seen.checks = &seen_checks;
	seen.check_count = 1;
	member(0, "web");
	made[0].public_ipv4 = "192.0.2.1";
}

START_TEST(a_check_is_adopted_where_it_fits)
{
	weigh();
	check.path = "/old"; /* which is set with the mark */
	ck_assert_int_eq(adopt("hc-1", NULL), 0);
	ck_assert_str_eq(plan->summary, "1 to adopt");
	ck_assert_str_eq(input("check-p0-main", "id")->valuestring, "hc-1");
	ck_assert_str_eq(dro_json_text(input("check-p0-main", "check"), "owner"), "drorch:s/main");
	/* And the record with it. */
	ck_assert_int_eq(adopt("hc-1", "www.a.example A"), 0);
	ck_assert_str_eq(dro_json_text(input("dns-p0-a.example", "put")->child, "health_check"),
		"${check-p0-main.id}");
	check.owner = "drorch:t/main";
	ck_assert_int_eq(adopt("hc-1", NULL), 0);
	ck_assert(refused("foreign-mark", "drorch:t/main"));
	check.owner = "drorch:s/main";
	check.path = "/";
	ck_assert_int_eq(adopt("hc-1", NULL), 0);
	ck_assert_uint_eq(plan->step_count, 0);
}
END_TEST

START_TEST(a_check_that_does_not_fit_is_refused)
{
	weigh();
	check.interval_s = 30;
	ck_assert_int_eq(adopt("hc-1", NULL), DRO_ECONFLICT);
	check.interval_s = 10;
	check.address = "192.0.2.7";
	ck_assert_int_eq(adopt("hc-1", NULL), DRO_ECONFLICT);
	check.address = "";
	check.host = "other";
	ck_assert_int_eq(adopt("hc-1", NULL), DRO_ECONFLICT);
	check.host = "h";
	ck_assert_int_eq(adopt("hc-1", NULL), 0);
	ck_assert_uint_eq(plan->step_count, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unit/adopt");
	TCase *tcase = tcase_create("adopt");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, nothing_is_launched_beside_a_look_alike);
	tcase_add_test(tcase, others_are_no_look_alikes);
	tcase_add_test(tcase, what_is_named_is_adopted_and_nothing_else);
	tcase_add_test(tcase, a_record_leads_to_what_is_adopted_with_it);
	tcase_add_test(tcase, what_is_ours_already_leaves_nothing_to_do);
	tcase_add_test(tcase, rules_forbid_anothers_and_too_many);
	tcase_add_test(tcase, what_cannot_be_told_must_be_said);
	tcase_add_test(tcase, a_check_is_adopted_where_it_fits);
	tcase_add_test(tcase, a_check_that_does_not_fit_is_refused);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
