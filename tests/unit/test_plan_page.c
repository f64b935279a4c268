/* Pure: a promote to a static page and back, its rules, and what reconcile wants of it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "model/page.h"
#include "plan/safety.h"

#define HOUR 3600000LL
#define NOW (1000 * HOUR)
#define HASH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct dro_site sites[2];
static struct dro_instance_group group;
static struct dro_path path;
static struct dro_traffic traffic[2];
static struct dro_service service;
static struct dro_spec spec;
static struct dro_traffic_seen seen[2];
static char *values[] = {(char *)"127.1.0.1"};
static struct dro_promote_facts facts;
static struct dro_plan *plan;
static struct dro_error err;

static char *text(const char *constant)
{
	return (char *)constant;
}

static void setup(void)
{
	size_t i;

	group = (struct dro_instance_group){
		.name = text("web"), .type = text("t3.large"), .count = 1, .image = text("site")};
	sites[0] = (struct dro_site){.name = text("main"),
		.provider = text("aws"),
		.region = text("eu-west-2"),
		.follows = text(""),
		.groups = &group,
		.group_count = 1,
		.role = DRO_ROLE_PRIMARY,
		.objectives = {DRO_UNSET, DRO_UNSET}};
	sites[1] = (struct dro_site){.name = text("notice"),
		.provider = text("store"),
		.region = text("us-west-2"),
		.follows = text(""),
		.strategy = DRO_STRATEGY_STATIC_PAGE,
		.bucket = text("www.memphis.example"),
		.page = text("pages/notice.html"),
		.page_data = text("<p>"),
		.page_length = 3,
		.page_sha256 = HASH,
		.objectives = {DRO_UNSET, DRO_UNSET}};
	path = (struct dro_path){.provider = text("cloudflare"), .zone = text("memphis.example")};
	for (i = 0; i < 2; i++) {
		traffic[i] = (struct dro_traffic){.key = text(i ? "shop" : "www"),
			.name = text(i ? "shop.memphis.example" : "www.memphis.example"),
			.type = text("A"),
			.paths = &path,
			.path_count = 1,
			.verify = {.timeout_ms = 120000}};
		seen[i] = (struct dro_traffic_seen){.traffic = &traffic[i],
			.values = values,
			.value_count = 1,
			.owner = text(i ? "drorch:memphis/shop" : "drorch:memphis/www"),
			.there = true,
			.known = true};
	}
	service = (struct dro_service){.name = text("memphis"),
		.sites = sites,
		.site_count = 2,
		.traffic = traffic,
		.traffic_count = 1,
		.objectives = {DRO_UNSET, DRO_UNSET},
		.safety = {.cool_down_ms = HOUR, .monitor_ms = 5000}};
	spec = (struct dro_spec){
		.commit = text("c0ffee"), .services = &service, .service_count = 1};
	facts = (struct dro_promote_facts){.spec = &spec,
		.service = &service,
		.from = &sites[0],
		.to = &sites[1],
		.mode = DRO_PROMOTE_TRAFFIC,
		.traffic = seen,
		.from_heard = "connection refused",
		.page_error = "",
		.page = {.place = {.by_name = true,
				 .host = "www.memphis.example.s3-website-us-west-2.amazonaws.com",
				 .alias = "s3-website-us-west-2.amazonaws.com",
				 .alias_zone = "Z3BJ6K6RIION7M"},
			.there = true,
			.shown = true,
			.public = true,
			.content_type = "text/html; charset=utf-8",
			.owner = "drorch:memphis/notice",
			.sha256 = HASH},
		.now_ms = NOW};
	plan = NULL;
	err = (struct dro_error)DRO_ERROR_INIT;
}

static void teardown(void)
{
	dro_plan_free(plan);
}

static void make(void)
{
	dro_plan_free(plan);
	plan = NULL;
	ck_assert_msg(dro_plan_promote(&plan, &facts, &err) == 0, "%s", err.message);
}

static size_t count_kind(const char *kind)
{
	size_t count = 0, i;

	for (i = 0; i < plan->step_count; i++)
		count += strcmp(plan->steps[i]->kind, kind) == 0;
	return count;
}

static const char *input(const char *step, const char *key)
{
	const struct dro_step *found = dro_plan_step(plan, step);

	ck_assert_msg(found != NULL, "no step %s", step);
	return dro_json_text(found->inputs, key);
}

static bool says_no(const char *rule)
{
	struct dro_refusal refusals[DRO_RULES_MAX];
	size_t count = dro_safety_promote(refusals, &facts), i;

	for (i = 0; i < count; i++)
		if (strcmp(refusals[i].rule, rule) == 0)
			return true;
	return false;
}

START_TEST(the_traffic_moves_and_nothing_else)
{
	const struct dro_step *step;
	const cJSON *page;

	make();
	ck_assert_str_eq(plan->mode, "page");
	ck_assert_str_eq(plan->from, "main");
	ck_assert_uint_eq(count_kind("site.fence"), 0);
	ck_assert_uint_eq(count_kind("compute.launch"), 0);
	ck_assert_uint_eq(count_kind("traffic.switch"), 1);
	step = dro_plan_step(plan, "switch-www");
	page = cJSON_GetObjectItemCaseSensitive(step->inputs, "page");
	ck_assert_str_eq(dro_json_text(page, "host"), facts.page.place.host);
	ck_assert_ptr_null(cJSON_GetObjectItemCaseSensitive(step->inputs, "addresses"));
	ck_assert_str_eq(input("page", "behind"), "main");
	ck_assert_str_eq(input("page", "sha256"), HASH);
	ck_assert_str_eq(input("verify-www", "path"), "${switch-www.path}");
	ck_assert_ptr_nonnull(strstr(plan->summary, "takes no writes"));
	/* It is ready: that its store does not answer on the day is no failure. */
	ck_assert(dro_plan_step(plan, "page")->may_fail);
	facts.page.there = false;
	make();
	ck_assert(!dro_plan_step(plan, "page")->may_fail);
}
END_TEST

START_TEST(a_store_that_is_away_is_taken_by_its_last_word)
{
	facts.page = (struct dro_page_seen){.place = facts.page.place};
	facts.page_error = "no answer";
	make();
	ck_assert(!dro_plan_step(plan, "page")->may_fail);
	ck_assert(says_no("page-missing"));
	facts.page_known_ms = NOW - HOUR;
	make();
	ck_assert(dro_plan_step(plan, "page")->may_fail);
	ck_assert(!says_no("page-missing"));
}
END_TEST

START_TEST(rules_look_at_the_page_and_the_old_site)
{
	ck_assert(!says_no("old-site-well") && !says_no("page-missing"));
	facts.from_answers = true;
	ck_assert(says_no("old-site-well"));
	facts.page.public = false;
	ck_assert(says_no("page-missing"));
	facts.page.public = true;
	facts.page.other = true;
	ck_assert(says_no("page-missing"));
	facts.page.other = false;
	strcpy(facts.page.owner, "");
	ck_assert(says_no("page-missing"));
	facts.page.there = false; /* then it is put on the way */
	ck_assert(!says_no("page-missing"));
	seen[0].owner = text("");
	seen[0].value_count = 0; /* a CNAME of somebody else's */
	ck_assert(says_no("foreign-record"));
	seen[0].there = false;
	ck_assert(!says_no("foreign-record"));
	sites[1].page_sha256[0] = '\0'; /* the repository has no such file */
	make();
	ck_assert(says_no("page-missing"));
}
END_TEST

START_TEST(a_name_that_the_bucket_cannot_answer_for_stays)
{
	service.traffic_count = 2;
	make();
	ck_assert_uint_eq(count_kind("traffic.switch"), 1);
	ck_assert_uint_eq(count_kind("run.monitor"), 1);
	facts.page.place.by_name = false;
	make();
	ck_assert_uint_eq(count_kind("traffic.switch"), 2);
	facts.page.place.by_name = true;
	sites[1].bucket = text("memphis-notice");
	dro_plan_free(plan);
	plan = NULL;
	ck_assert_int_eq(dro_plan_promote(&plan, &facts, &err), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "make a bucket www.memphis.example"));
}
END_TEST

/* ---- back, and on ---------------------------------------------------------------------------- */

static void show_page(void)
{
	static const char *const addresses[] = {"127.1.0.2"};

	facts.shown = &sites[1];
	facts.shown_at = facts.page.place;
	facts.to = facts.from = &sites[0];
	facts.failback = true;
	facts.from_addresses = facts.addresses = addresses;
	facts.from_address_count = facts.address_count = 1;
	seen[0].value_count = 0;
	seen[0].values = NULL;
}

START_TEST(home_again_the_traffic_moves_alone)
{
	const struct dro_step *step;

	show_page();
	facts.from_answers = true;
	make();
	ck_assert_str_eq(plan->kind, "failback");
	ck_assert_str_eq(plan->mode, "traffic");
	ck_assert_str_eq(plan->from, "notice");
	ck_assert_str_eq(plan->to, "main");
	ck_assert_uint_eq(count_kind("site.fence"), 0);
	ck_assert_uint_eq(count_kind("app.verify"), 1);
	step = dro_plan_step(plan, "switch-www");
	ck_assert_str_eq(dro_json_text(step->inputs, "from"), "notice");
	ck_assert_str_eq(
		dro_json_text(
			cJSON_GetObjectItemCaseSensitive(step->inputs, "previous_page"), "host"),
		facts.shown_at.host);
	ck_assert(!says_no("old-site-well"));
	facts.address_count = 0;
	dro_plan_free(plan);
	plan = NULL;
	ck_assert_int_eq(dro_plan_promote(&plan, &facts, &err), DRO_ECONFLICT);
}
END_TEST

START_TEST(records_lead_to_a_page_as_their_provider_can)
{
	const struct dro_page_place *place = &facts.page.place;
	struct dro_record record = {.size = sizeof(record), .type = "A", .alias = "", .ttl_s = 60};
	const char *value;

	dro_page_record(&record, &value, place, DRO_DNS_PROXIED);
	ck_assert_str_eq(record.type, "CNAME");
	ck_assert_str_eq(record.values[0], place->host);
	ck_assert(dro_page_leads(&record, place));
	record.type = "A";
	dro_page_record(&record, &value, place, DRO_DNS_ALIAS);
	ck_assert_str_eq(record.type, "A");
	ck_assert_uint_eq(record.value_count, 0);
	ck_assert_str_eq(record.alias, "s3-website-us-west-2.amazonaws.com");
	ck_assert_str_eq(record.alias_zone, "Z3BJ6K6RIION7M");
	ck_assert(dro_page_leads(&record, place));
}
END_TEST

/* ---- reconcile ------------------------------------------------------------------------------- */

static struct dro_seen_zone zone;
static struct dro_seen_site seen_sites[2];
static struct dro_record *records[1];
static struct dro_record record;
static struct dro_observed observed;
static struct dro_diff *diff;

static void look(const char *active, const char *behind)
{
	struct dro_reconcile_facts at = {.spec = &spec,
		.service = &service,
		.active = active,
		.active_given = true,
		.behind = behind,
		.seen = &observed,
		.broken_run = "",
		.now_ms = NOW};

	dro_plan_free(plan);
	dro_diff_free(diff);
	plan = NULL;
	diff = NULL;
	ck_assert_int_eq(dro_plan_reconcile(&plan, &diff, &at, &err), 0);
}

static void see(const char *type, const char *const *content)
{
	record = (struct dro_record){.size = sizeof(record),
		.id = "1",
		.name = "www.memphis.example",
		.type = type,
		.values = content,
		.value_count = 1,
		.set_id = "",
		.owner = "drorch:memphis/www",
		.health_check = "",
		.alias = "",
		.alias_zone = ""};
	records[0] = &record;
	zone = (struct dro_seen_zone){.provider = "cloudflare",
		.zone = "memphis.example",
		.records = records,
		.count = 1};
	seen_sites[0] = (struct dro_seen_site){.site = &sites[0]};
	seen_sites[1] = (struct dro_seen_site){.site = &sites[1], .page = &facts.page};
	observed = (struct dro_observed){
		.zones = &zone, .zone_count = 1, .sites = seen_sites, .site_count = 2};
}

START_TEST(a_page_is_kept_ready)
{
	static const char *const home[] = {"127.1.0.1"};
	struct dro_instance instance = {.size = sizeof(instance),
		.id = "i-1",
		.state = DRO_INSTANCE_RUNNING,
		.public_ipv4 = "127.1.0.1",
		.private_ipv4 = "",
		.name = "web",
		.type = "t3.large",
		.image = "ami-1",
		.native_state = ""};
	const struct dro_instance *instances[] = {&instance};

	see("A", home);
	seen_sites[0].instances = instances;
	seen_sites[0].count = 1;
	look("main", "");
	ck_assert_uint_eq(diff->change_count, 0);
	facts.page.there = false;
	look("main", "");
	ck_assert_uint_eq(diff->change_count, 1);
	ck_assert_int_eq(diff->changes[0].thing, DRO_THING_PAGE);
	ck_assert_int_eq(diff->changes[0].action, DRO_ACTION_CREATE);
	ck_assert_str_eq(plan->steps[0]->kind, "page.put");
	seen_sites[1].page_error = "no answer";
	look("main", "");
	ck_assert_uint_eq(diff->change_count, 0);
	ck_assert_int_eq(diff->findings[0].kind, DRO_FINDING_UNKNOWN);
	dro_diff_free(diff);
	diff = NULL;
}
END_TEST

/* The site behind it may have lost all it had, and still be the one that comes back. */
START_TEST(while_it_is_shown_the_name_is_a_cname_and_the_site_behind_it_is_left)
{
	static const char *const home[] = {"127.1.0.1"};
	const char *away[] = {facts.page.place.host};

	see("CNAME", away);
	look("notice", "main");
	ck_assert_uint_eq(diff->change_count, 0);
	see("A", home);
	look("notice", "main");
	ck_assert_uint_eq(diff->change_count, 2);
	ck_assert_uint_eq(plan->step_count, 1);
	ck_assert_int_eq(
		cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(plan->steps[0]->inputs, "put")),
		1);
	ck_assert_int_eq(
		cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(plan->steps[0]->inputs, "del")),
		1);
	/* Home again, and nothing runs there: the name is not taken away. */
	see("CNAME", away);
	seen_sites[0].error = "no answer";
	look("main", "");
	ck_assert_uint_eq(diff->change_count, 0);
	dro_diff_free(diff);
	diff = NULL;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan_page");
	TCase *tcase = tcase_create("page");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_traffic_moves_and_nothing_else);
	tcase_add_test(tcase, a_store_that_is_away_is_taken_by_its_last_word);
	tcase_add_test(tcase, rules_look_at_the_page_and_the_old_site);
	tcase_add_test(tcase, a_name_that_the_bucket_cannot_answer_for_stays);
	tcase_add_test(tcase, home_again_the_traffic_moves_alone);
	tcase_add_test(tcase, records_lead_to_a_page_as_their_provider_can);
	tcase_add_test(tcase, a_page_is_kept_ready);
	tcase_add_test(tcase, while_it_is_shown_the_name_is_a_cname_and_the_site_behind_it_is_left);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
