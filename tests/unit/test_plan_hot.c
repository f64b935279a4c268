/* Promotes to a site that has the data: positions, the order of the steps, what is refused. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "plan/safety.h"

#define NOW 1000000000LL

static struct dro_site sites[3];
static struct dro_instance_group group;
static struct dro_path path;
static struct dro_traffic traffic;
static struct dro_service service;
static struct dro_spec spec;
static struct dro_promote_facts facts;
static char *at_main[] = {(char *)"198.51.100.1"};
static const char *at_dr[] = {"198.51.100.2"};
static struct dro_traffic_seen seen;
static struct dro_plan *plan;
static struct dro_error err;

static char *text(const char *constant)
{
	return (char *)constant;
}

static struct dro_data_host host(const char *name, const char *address, bool primary)
{
	struct dro_data_host made = {.seen = {.answered = true,
					     .primary = primary,
					     .replicates = !primary,
					     .semi_sync = primary,
					     .epoch = 3}};

	snprintf(made.name, sizeof(made.name), "memphis-%s-web-1", name);
	snprintf(made.address, sizeof(made.address), "%s", address);
	snprintf(made.state, sizeof(made.state), "running");
	snprintf(made.seen.position, sizeof(made.seen.position), "0-1-100");
	snprintf(made.seen.received, sizeof(made.seen.received), "%s", primary ? "" : "0-1-97");
	return made;
}

static void setup(void)
{
	group = (struct dro_instance_group){.name = text("web"), .count = 1};
	sites[0] = (struct dro_site){.name = text("main"),
		.provider = text("linode"),
		.region = text("eu-west"),
		.follows = text(""),
		.groups = &group,
		.group_count = 1,
		.objectives = {DRO_UNSET, DRO_UNSET},
		.role = DRO_ROLE_PRIMARY};
	sites[1] = sites[0];
	sites[1].name = text("dr");
	sites[1].role = DRO_ROLE_STANDBY;
	sites[1].strategy = DRO_STRATEGY_HOT_STANDBY;
	sites[1].follows = text("main");
	sites[1].replication = (struct dro_replication){DRO_REPLICATION_SEMI_SYNC, 3306};
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
		.traffic = &traffic,
		.traffic_count = 1,
		.objectives = {120000, 0},
		.safety = {.monitor_ms = 5000}};
	spec = (struct dro_spec){
		.commit = text("c0ffee"), .services = &service, .service_count = 1};
	seen = (struct dro_traffic_seen){.traffic = &traffic,
		.values = at_main,
		.value_count = 1,
		.owner = text("drorch:memphis/www"),
		.known = true};
	facts = (struct dro_promote_facts){.spec = &spec,
		.service = &service,
		.from = &sites[0],
		.to = &sites[1],
		.mode = DRO_PROMOTE_SWITCHOVER,
		.traffic = &seen,
		.from_answers = true,
		.from_heard = "200",
		.now_ms = NOW,
		.from_host = host("main", "198.51.100.1", true),
		.to_host = host("dr", "198.51.100.2", false),
		.addresses = at_dr,
		.address_count = 1,
		.allow = "reseed"};
	err = (struct dro_error)DRO_ERROR_INIT;
	plan = NULL;
}

static void teardown(void)
{
	dro_plan_free(plan);
}

static void make(void)
{
	ck_assert_msg(dro_plan_promote(&plan, &facts, &err) == 0, "%s", err.message);
}

static bool waits_for(const char *step, const char *other)
{
	const struct dro_step *found = dro_plan_step(plan, step);
	size_t i;

	ck_assert_msg(found != NULL, "there is no step %s", step);
	for (i = 0; i < found->after_count; i++)
		if (strcmp(found->after[i], other) == 0)
			return true;
	return false;
}

static size_t place(const char *step)
{
	const struct dro_step *found = dro_plan_step(plan, step);

	ck_assert_msg(found != NULL, "there is no step %s", step);
	return found->index;
}

/* The old primary is gone, and was last heard of with this position. */
static void lose_main(const char *position, bool semi_sync)
{
	facts.mode = DRO_PROMOTE_FAILOVER;
	facts.from_answers = false;
	facts.from_host.seen = (struct dro_database_seen){.error = "no route"};
	facts.last = (struct dro_recovery_point){
		.at_ms = NOW - 4000, .site = "main", .semi_sync = semi_sync};
	snprintf(facts.last.position, sizeof(facts.last.position), "%s", position);
}

static size_t refusals(const char *rule)
{
	struct dro_refusal out[DRO_RULES_MAX];
	size_t count = dro_safety_promote(out, &facts), i, found = 0;

	for (i = 0; i < count; i++)
		found += strcmp(out[i].rule, rule) == 0;
	return found;
}

START_TEST(positions_are_counted_by_domain)
{
	ck_assert_int_eq(dro_position_missing("0-1-100", "0-1-97"), 3);
	ck_assert_int_eq(dro_position_missing("0-2-100", "0-1-97"), 3); /* whoever wrote it */
	ck_assert_int_eq(dro_position_missing("0-1-97", "0-1-100"), 0);
	ck_assert_int_eq(dro_position_missing("0-1-5,1-1-7", "1-2-3"), 5 + 4);
	ck_assert_int_eq(dro_position_missing("0-1-5", ""), 5);
	ck_assert_int_eq(dro_position_missing("", "0-1-5"), 0);
	ck_assert_int_eq(dro_position_missing("nonsense", "0-1-5"), 0);
	ck_assert_int_eq(dro_position_missing("0-1-", "0-1-5"), 0);
}
END_TEST

START_TEST(a_switchover_loses_nothing)
{
	make();
	ck_assert_str_eq(plan->mode, "switchover");
	/* What is frozen waits for nothing that could have been done before. */
	ck_assert(waits_for("freeze", "catch-up") && waits_for("freeze", "find-www"));
	ck_assert(waits_for("catch-up", "open-main") && waits_for("catch-up", "open-dr"));
	ck_assert(waits_for("wait", "freeze") && waits_for("fence-main", "freeze"));
	ck_assert(waits_for("promote", "wait") && waits_for("promote", "fence-main"));
	ck_assert(waits_for("switch-www", "verify-app") && waits_for("switch-www", "fence-main"));
	ck_assert(waits_for("reprotect", "promote") && !waits_for("switch-www", "reprotect"));
	/* The way back begins with what stands last: the roles before the traffic. */
	ck_assert_uint_gt(place("reprotect"), place("switch-www"));
	ck_assert_uint_gt(place("switch-www"), place("promote"));
	ck_assert(dro_plan_step(plan, "reprotect")->may_fail);
	ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(plan->facts, "rollback")));
	ck_assert_uint_eq(refusals("old-site-well") + refusals("recovery-point"), 0);
}
END_TEST

/* Most of them before the freeze, the rest in it, beside the last write; and the plan without them
 * where the host fetches none. */
START_TEST(files_come_before_the_traffic)
{
	facts.to_host.seen.files = true;
	make();
	ck_assert(waits_for("sync-files-ahead", "open-dr"));
	ck_assert(!waits_for("sync-files-ahead", "catch-up"));
	ck_assert(waits_for("freeze", "sync-files-ahead") && waits_for("sync-files", "freeze"));
	ck_assert(!waits_for("sync-files", "wait") && !waits_for("wait", "sync-files"));
	ck_assert(waits_for("promote", "sync-files") && waits_for("promote", "wait"));
	ck_assert(!dro_plan_step(plan, "sync-files")->may_fail);
	ck_assert_ptr_null(cJSON_GetObjectItem(plan->facts, "files_age_ms"));
	dro_plan_free(plan);
	facts.to_host.seen.files = false;
	make();
	ck_assert_ptr_null(dro_plan_step(plan, "sync-files-ahead"));
	ck_assert_ptr_null(dro_plan_step(plan, "sync-files"));
	dro_plan_free(plan);
	/* Nobody is left to fetch them from: what is told is how old they are. */
	lose_main("0-1-100", true);
	facts.to_host.seen.files = true;
	facts.to_host.seen.files_age_ms = 7000;
	make();
	ck_assert_ptr_null(dro_plan_step(plan, "sync-files"));
	ck_assert_int_eq(cJSON_GetObjectItem(plan->facts, "files_age_ms")->valuedouble, 7000);
	dro_plan_free(plan);
	facts.to_host.seen.files_age_ms = -1;
	make();
	ck_assert(cJSON_IsNull(cJSON_GetObjectItem(plan->facts, "files_age_ms")));
}
END_TEST

START_TEST(a_switchover_needs_both)
{
	facts.from_host.seen.answered = false;
	ck_assert_int_eq(dro_plan_promote(&plan, &facts, &err), DRO_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(err.message, "--mode failover"));
	facts.from_host.seen.answered = true;
	facts.from_host.seen.fenced = true;
	ck_assert_int_eq(dro_plan_promote(&plan, &facts, &err), DRO_ECONFLICT);
	facts.from_host.seen.fenced = false;
	facts.to_host.seen.replicates = false;
	ck_assert_int_eq(dro_plan_promote(&plan, &facts, &err), DRO_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(err.message, "drorch rejoin dr"));
	facts.to_host.seen.replicates = true;
	facts.address_count = 0;
	ck_assert_int_eq(dro_plan_promote(&plan, &facts, &err), DRO_ECONFLICT);
}
END_TEST

START_TEST(a_failover_waits_for_the_fence_alone)
{
	lose_main("0-1-100", true);
	make();
	ck_assert_str_eq(plan->mode, "failover");
	ck_assert_ptr_null(dro_plan_step(plan, "freeze"));
	ck_assert_ptr_null(dro_plan_step(plan, "open-main"));
	ck_assert_ptr_null(dro_plan_step(plan, "reprotect"));
	ck_assert(waits_for("promote", "fence-main") && waits_for("promote", "open-dr"));
	ck_assert(!cJSON_IsTrue(cJSON_GetObjectItem(plan->facts, "rollback")));
}
END_TEST

START_TEST(the_recovery_point_is_held_against_the_objective)
{
	bool certain;

	lose_main("0-1-100", true);
	ck_assert_int_eq(dro_promote_loss(&facts, &certain), 3);
	ck_assert(certain); /* nobody was told of those three */
	ck_assert_uint_eq(refusals("recovery-point"), 0);
	lose_main("0-1-100", false);
	ck_assert_int_eq(dro_promote_loss(&facts, &certain), 3);
	ck_assert(!certain);
	ck_assert_uint_eq(refusals("recovery-point"), 1);
	sites[1].objectives.rpo_ms = 5000; /* heard of four seconds ago */
	ck_assert_uint_eq(refusals("recovery-point"), 0);
	sites[1].objectives.rpo_ms = 3000;
	ck_assert_uint_eq(refusals("recovery-point"), 1);
	/* What was heard of another site says nothing of this one. */
	snprintf(facts.last.site, sizeof(facts.last.site), "dr");
	facts.last.semi_sync = true;
	ck_assert_int_eq(dro_promote_loss(&facts, &certain), 0);
	ck_assert(!certain);
	ck_assert_uint_eq(refusals("recovery-point"), 1);
}
END_TEST

START_TEST(a_site_that_is_well_is_switched_and_not_failed_over)
{
	lose_main("0-1-100", true);
	facts.from_answers = true;
	ck_assert_uint_eq(refusals("old-site-well"), 1);
}
END_TEST

START_TEST(a_failback_puts_the_old_primary_in_order_first)
{
	facts.from = &sites[1];
	facts.to = &sites[0];
	facts.from_host = host("dr", "198.51.100.2", true);
	facts.to_host = host("main", "198.51.100.1", true);
	facts.failback = true;
	facts.last_promote_ms = NOW - 1;
	service.safety.cool_down_ms = 3600000;
	make();
	ck_assert_str_eq(plan->kind, "failback");
	ck_assert(waits_for("rejoin", "open-dr") && waits_for("catch-up", "rejoin"));
	ck_assert_ptr_null(dro_plan_step(plan, "power-on"));
	ck_assert_uint_eq(refusals("cool-down"), 0);
	dro_plan_free(plan);
	snprintf(facts.to_host.state, sizeof(facts.to_host.state), "stopped");
	facts.address_count = 0;
	make();
	ck_assert(waits_for("boot", "power-on") && waits_for("rejoin", "boot"));
	dro_plan_free(plan);
	/* One that is switched off has what the other has. */
	facts.to_host.seen = (struct dro_database_seen){.error = "it is stopped"};
	facts.from_host.seen.files = true;
	make();
	ck_assert(waits_for("sync-files-ahead", "rejoin") && waits_for("sync-files", "freeze"));
}
END_TEST

/* It follows nobody and will not stay: by the primary's own replication, and nobody waits for it.
 */
START_TEST(a_cold_site_goes_home)
{
	static const char *const steps[] = {"rejoin", "promote", "reprotect"};
	size_t i;

	sites[1].replication.port = 3307;
	sites[2] = sites[0];
	sites[2].name = text("tier2");
	sites[2].role = DRO_ROLE_STANDBY;
	sites[2].strategy = DRO_STRATEGY_BACKUP_RESTORE;
	sites[2].replication = (struct dro_replication){DRO_REPLICATION_SEMI_SYNC, 3306};
	service.site_count = 3;
	facts.from = &sites[2];
	facts.to = &sites[0];
	facts.from_host = host("tier2", "198.51.100.3", true);
	facts.to_host = host("main", "198.51.100.1", true);
	facts.failback = true;
	make();
	ck_assert(waits_for("rejoin", "open-tier2") && waits_for("freeze", "catch-up"));
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		ck_assert(cJSON_IsFalse(
			cJSON_GetObjectItem(dro_plan_step(plan, steps[i])->inputs, "semi_sync")));
	ck_assert_int_eq(
		cJSON_GetObjectItem(
			cJSON_GetObjectItem(dro_plan_step(plan, "rejoin")->inputs, "primary"),
			"port")
			->valuedouble,
		3307);
}
END_TEST

/* ---- a site that runs small in peace --------------------------------------------------------- */

static struct dro_instance_group groups[2];
static struct dro_site_member members[2];
static const char *images[] = {"img-1", "img-1"};

/* Its data host runs as t3.small, and of two workers the one that `worker` says. */
static void run_small(enum dro_strategy strategy, const char *worker)
{
	groups[0] = (struct dro_instance_group){.name = text("web"),
		.type = text("t3.large"),
		.count = 1,
		.standby = {.given = true, .count = 1, .type = text("t3.small")}};
	groups[1] = (struct dro_instance_group){
		.name = text("worker"), .type = text("t3.medium"), .count = 2};
	sites[1].strategy = strategy;
	sites[1].provider = text("aws");
	sites[1].groups = groups;
	sites[1].group_count = 2;
	snprintf(facts.to_host.id, sizeof(facts.to_host.id), "i-1");
	members[0] = (struct dro_site_member){"i-1", "web", "t3.small", false};
	members[1] = (struct dro_site_member){"i-2", "worker", worker, true};
	facts.members = members;
	facts.member_count = *worker ? 2 : 1;
	facts.images = images;
}

static const char *input(const char *step, const char *object, const char *key)
{
	const cJSON *json = dro_plan_step(plan, step)->inputs;

	return dro_json_text(object ? cJSON_GetObjectItemCaseSensitive(json, object) : json, key);
}

START_TEST(what_takes_minutes_is_done_before_the_freeze)
{
	size_t i;

	run_small(DRO_STRATEGY_PILOT_LIGHT, "");
	make();
	ck_assert(waits_for("launch-worker", "capacity-worker"));
	ck_assert(waits_for("launch-worker", "probe-aws"));
	ck_assert_int_eq(cJSON_GetNumberValue(cJSON_GetObjectItem(
				 dro_plan_step(plan, "launch-worker")->inputs, "count")),
		2);
	/* The primary's writes wait for the replica no more before it is stopped. */
	ck_assert(waits_for("unguard-dr", "open-dr") && waits_for("drain-dr", "unguard-dr"));
	ck_assert(waits_for("resize-i-1", "drain-dr") && waits_for("boot.dr", "resize-i-1"));
	ck_assert(waits_for("open.dr", "boot.dr") && waits_for("guard-dr", "open.dr"));
	ck_assert(waits_for("boot-web", "resize-i-1"));
	ck_assert(waits_for("catch-up", "guard-dr") && waits_for("catch-up", "boot-worker"));
	for (i = 0; i < place("catch-up"); i++)
		ck_assert(strcmp(plan->steps[i]->kind, "database.freeze") != 0);
	for (i = place("freeze"); i < plan->step_count; i++)
		ck_assert(strncmp(plan->steps[i]->kind, "compute.", 8) != 0);
	/* Stopped and started it may be elsewhere. */
	ck_assert_str_eq(input("drain-dr", "host", "address"), "198.51.100.2");
	ck_assert_str_eq(input("promote", "to", "address"), "${boot.dr.addresses}");
	ck_assert_str_eq(input("switch-www", NULL, "addresses"), "${boot-web.addresses}");
}
END_TEST

START_TEST(a_lost_site_is_fenced_before_its_replica_is_restarted)
{
	run_small(DRO_STRATEGY_WARM_STANDBY, "t3.medium");
	lose_main("0-1-100", true);
	make();
	ck_assert_ptr_null(dro_plan_step(plan, "unguard-dr"));
	ck_assert_ptr_null(dro_plan_step(plan, "guard-dr"));
	ck_assert(waits_for("drain-dr", "fence-main") && waits_for("resize-i-1", "drain-dr"));
	ck_assert(waits_for("promote", "open.dr") && waits_for("promote", "boot-worker"));
	ck_assert(!waits_for("launch-worker", "fence-main"));
	ck_assert_str_eq(
		cJSON_GetArrayItem(
			cJSON_GetObjectItem(dro_plan_step(plan, "start-worker")->inputs, "ids"), 0)
			->valuestring,
		"i-2");
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(
				 dro_plan_step(plan, "boot-worker")->inputs, "ids")),
		2);
}
END_TEST

START_TEST(without_semi_sync_nobody_waits_for_the_replica)
{
	run_small(DRO_STRATEGY_WARM_STANDBY, "t3.small");
	sites[1].replication.mode = DRO_REPLICATION_ASYNC;
	make();
	ck_assert_ptr_null(dro_plan_step(plan, "unguard-dr"));
	ck_assert(waits_for("guard-dr", "open.dr"));
	ck_assert(waits_for("boot-worker", "resize-i-2"));
}
END_TEST

START_TEST(as_it_is_nothing_grows)
{
	size_t i;

	run_small(DRO_STRATEGY_WARM_STANDBY, "t3.small");
	facts.as_is = true;
	facts.members = NULL;
	facts.member_count = 0;
	facts.images = NULL;
	make();
	for (i = 0; i < plan->step_count; i++)
		ck_assert(strncmp(plan->steps[i]->kind, "compute.", 8) != 0);
}
END_TEST

START_TEST(what_cannot_be_launched_is_said_before_anything_moves)
{
	run_small(DRO_STRATEGY_PILOT_LIGHT, "");
	images[1] = NULL;
	ck_assert_int_eq(dro_plan_promote(&plan, &facts, &err), DRO_ENOTFOUND);
	ck_assert_ptr_nonnull(strstr(err.message, "worker"));
	images[1] = "img-1";
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan_hot");
	TCase *tcase = tcase_create("hot");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, positions_are_counted_by_domain);
	tcase_add_test(tcase, a_switchover_loses_nothing);
	tcase_add_test(tcase, files_come_before_the_traffic);
	tcase_add_test(tcase, a_switchover_needs_both);
	tcase_add_test(tcase, a_failover_waits_for_the_fence_alone);
	tcase_add_test(tcase, the_recovery_point_is_held_against_the_objective);
	tcase_add_test(tcase, a_site_that_is_well_is_switched_and_not_failed_over);
	tcase_add_test(tcase, a_failback_puts_the_old_primary_in_order_first);
	tcase_add_test(tcase, a_cold_site_goes_home);
	tcase_add_test(tcase, what_takes_minutes_is_done_before_the_freeze);
	tcase_add_test(tcase, a_lost_site_is_fenced_before_its_replica_is_restarted);
	tcase_add_test(tcase, without_semi_sync_nobody_waits_for_the_replica);
	tcase_add_test(tcase, as_it_is_nothing_grows);
	tcase_add_test(tcase, what_cannot_be_launched_is_said_before_anything_moves);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
