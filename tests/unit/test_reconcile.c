/* Reconcile, case by case: what is planned, what is only said, which rules say no. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/record.h"
#include "plan/safety.h"
#include "spec/load.h"
#include "unit/sim_clouds.h"

#define NOW 1790000000000LL
#define DAY 86400000LL

static struct sim sim;
static struct dro_spec *spec;
static struct dro_observed seen;
static struct dro_reconcile_facts facts;
static struct dro_plan *plan;
static struct dro_diff *diff;

static const char *const head =
	"apiVersion: drorch/v1\nkind: Service\nmetadata: {name: s}\nsites:\n"
	"  main:\n    role: primary\n    provider: p0\n    region: r1\n"
	"    instances: {web: {count: 1, type: t1, image: site}}\n"
	"    health: {http: {scheme: http, host: www.a.example, port: 8080}, interval: 10s}\n"
	"  dr:\n    strategy: hot-standby\n    follows: main\n    provider: p0\n    region: r2\n"
	"    instances: {web: {count: 1, type: t1, image: site}}\n"
	"    health: {http: {scheme: http, host: www.a.example, port: 8080}, interval: 1m}\n"
	"  tier2:\n    strategy: backup-restore\n    restores: offsite\n    provider: p0\n"
	"    region: r3\n    instances: {web: {count: 1, type: t1, image: site}}\n"
	"    health: {http: {scheme: http, host: www.a.example}}\n"
	"backups:\n  offsite:\n    source: main\n    max_age: 26h\n"
	"    store: {provider: p0, bucket: bucket, prefix: x/}\n    schedule: {every: 24h}\n";

#define FAILOVER                                                                                   \
	"traffic:\n  www:\n    name: www.a.example\n    paths:\n"                                  \
	"      - {provider: p0, zone: a.example, proxied: true}\n"
#define WEIGHTED                                                                                   \
	"traffic:\n  www:\n    name: www.a.example\n"                                              \
	"    policy: {weighted: {main: 90, dr: 10}}\n    paths:\n"                                 \
	"      - {provider: p1, zone: a.example, ttl: 60s}\n"

static void load(const char *rest)
{
	static const char *const providers = "apiVersion: drorch/v1\nkind: Providers\nproviders:\n"
					     "  p0: {plugin: aws}\n  p1: {plugin: aws}\n";
	struct dro_buf text = DRO_BUF_INIT(1 << 16), why = DRO_BUF_INIT(1 << 16);
	struct dro_report report = DRO_REPORT_INIT;
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_tree *tree = NULL;

	dro_buf_printf(&text, "%s%s", head, rest);
	ck_assert_int_eq(dro_tree_new(&tree, "", "", NULL), 0);
	ck_assert_int_eq(
		dro_tree_add(tree, "providers.yaml", providers, strlen(providers), NULL), 0);
	ck_assert_int_eq(dro_tree_add(tree, "services/s.yaml", text.data, text.length, NULL), 0);
	if (dro_spec_load(&spec, tree, &report, &err) < 0) {
		dro_report_print(&report, &why);
		ck_abort_msg("%s", dro_buf_str(&why));
	}
	dro_report_fini(&report);
	dro_tree_free(tree);
	dro_buf_free(&text);
	facts.spec = spec;
	facts.service = &spec->services[0];
}

static void setup(void)
{
	sim = (struct sim){.seed = 1};
	spec = NULL;
	plan = NULL;
	diff = NULL;
	seen = (struct dro_observed){0};
	facts = (struct dro_reconcile_facts){
		.active = "main", .active_given = true, .seen = &seen, .now_ms = NOW};
}

static void forget(void)
{
	dro_plan_free(plan);
	dro_diff_free(diff);
	sim_observed_free(&seen);
	seen = (struct dro_observed){0};
	plan = NULL;
	diff = NULL;
}

static void teardown(void)
{
	forget();
	dro_spec_free(spec);
	sim_free(&sim);
}

static void look(void)
{
	struct dro_error err = DRO_ERROR_INIT;

	forget();
	sim_observe(&seen, &sim, facts.service);
	ck_assert_msg(dro_plan_reconcile(&plan, &diff, &facts, &err) == 0, "%s", err.message);
}

/* Both standing sites as they are to be: main is i-1, dr i-2. */
static void add_sites(void)
{
	sim_add_instance(&sim, "s", "main", "web", "t1", DRO_INSTANCE_RUNNING);
	sim_add_instance(&sim, "s", "dr", "web", "t1", DRO_INSTANCE_RUNNING);
	sim_add_backup(&sim, "s", NOW - DAY / 2);
}

static const cJSON *input(const char *step, const char *key)
{
	const struct dro_step *found = dro_plan_step(plan, step);

	ck_assert_msg(found != NULL, "no step %s", step);
	return cJSON_GetObjectItemCaseSensitive(found->inputs, key);
}

static bool finds(enum dro_finding_kind kind, const char *words)
{
	size_t i;

	for (i = 0; i < diff->finding_count; i++)
		if (diff->findings[i].kind == kind &&
			(strstr(diff->findings[i].text, words) ||
				strstr(diff->findings[i].target, words)))
			return true;
	return false;
}

static bool refused(const char *rule)
{
	struct dro_refusal refusals[DRO_RULES_MAX];
	size_t count = dro_safety_reconcile(refusals, &facts, diff), i;

	for (i = 0; i < count; i++)
		if (strcmp(refusals[i].rule, rule) == 0)
			return true;
	return false;
}

/* ---- records --------------------------------------------------------------------------------- */

START_TEST(a_name_leads_to_the_active_site)
{
	const cJSON *put;

	load(FAILOVER);
	add_sites();
	look();
	ck_assert_uint_eq(diff->change_count, 1);
	put = input("dns-p0-a.example", "put")->child;
	ck_assert_str_eq(dro_json_text(put, "owner"), "drorch:s/www");
	ck_assert_str_eq(
		cJSON_GetObjectItemCaseSensitive(put, "values")->child->valuestring, "10.0.0.2");
	ck_assert(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(put, "proxied")));
	sim_apply(&sim, plan, facts.service);
	facts.active = "dr"; /* a promote */
	look();
	put = input("dns-p0-a.example", "put")->child;
	ck_assert_str_eq(
		cJSON_GetObjectItemCaseSensitive(put, "values")->child->valuestring, "10.0.0.3");
	ck_assert_uint_eq(cJSON_GetArraySize(input("dns-p0-a.example", "was")), 1);
}
END_TEST

START_TEST(without_a_word_in_the_state_traffic_is_not_moved_back)
{
	load(FAILOVER);
	add_sites();
	sim_add_record(&sim, 0, "www.a.example", "A", "10.0.0.3", "drorch:s/www");
	facts.active_given = false;
	look();
	ck_assert_uint_eq(diff->change_count, 0);
	ck_assert(finds(DRO_FINDING_LEFT, "leads to dr"));
}
END_TEST

START_TEST(what_is_not_ours_is_left_until_it_is_adopted)
{
	const char *const adopt[] = {"www.a.example A"};

	load(FAILOVER);
	add_sites();
	sim_add_record(&sim, 0, "www.a.example", "A", "192.0.2.1", "");
	look();
	ck_assert_uint_eq(diff->change_count, 0);
	ck_assert(finds(DRO_FINDING_FOREIGN, "carries no mark"));
	facts.adopt = (struct dro_adopt){.things = adopt, .count = 1};
	look();
	ck_assert_uint_eq(diff->change_count, 1);
	ck_assert_str_eq(plan->mode, "adopt");
}
END_TEST

START_TEST(a_zone_that_cannot_be_read_is_left_alone)
{
	load(FAILOVER
		"  api:\n    name: api.a.example\n    paths: [{provider: p1, zone: a.example}]\n");
	add_sites();
	sim.zone_away[0] = true;
	look();
	ck_assert(finds(DRO_FINDING_UNKNOWN, "could not be read"));
	ck_assert_uint_eq(diff->change_count, 1); /* the other provider is served */
	ck_assert_ptr_nonnull(dro_plan_step(plan, "dns-p1-a.example"));
	sim.zone_away[0] = false;
	sim.instances_away = true;
	sim_add_record(&sim, 0, "www.a.example", "A", "10.0.0.9", "drorch:s/www");
	look();
	ck_assert_uint_eq(
		diff->change_count, 0); /* kept, though nobody knows where it should lead */
}
END_TEST

START_TEST(weights_come_with_checks_and_follow_a_failover)
{
	const cJSON *put, *check;

	load(WEIGHTED);
	add_sites();
	look();
	check = input("check-p1-main", "check");
	ck_assert_str_eq(dro_json_text(check, "owner"), "drorch:s/main");
	ck_assert_str_eq(dro_json_text(check, "path"), "/healthz");
	ck_assert_str_eq(dro_json_text(check, "address"), "10.0.0.2");
	ck_assert_int_eq(cJSON_GetObjectItem(check, "port")->valueint, 8080);
	ck_assert_int_eq(cJSON_GetObjectItem(check, "interval_s")->valueint, 10);
	ck_assert_int_eq(
		cJSON_GetObjectItem(input("check-p1-dr", "check"), "interval_s")->valueint, 30);
	put = input("dns-p1-a.example", "put");
	ck_assert_int_eq(cJSON_GetArraySize(put), 2);
	ck_assert_str_eq(dro_json_text(put->child, "set_id"), "dr"); /* by name */
	ck_assert_int_eq(cJSON_GetObjectItem(put->child, "weight")->valueint, 10);
	ck_assert_int_eq(cJSON_GetObjectItem(put->child, "ttl_s")->valueint, 60);
	ck_assert_str_eq(dro_json_text(put->child, "health_check"), "${check-p1-dr.id}");
	sim_apply(&sim, plan, facts.service);
	look();
	ck_assert_uint_eq(diff->change_count, 0);
	facts.active = "dr";
	look();
	put = input("dns-p1-a.example", "put");
	ck_assert_int_eq(cJSON_GetObjectItem(put->child, "weight")->valueint, 100);
	ck_assert_int_eq(cJSON_GetObjectItem(put->child->next, "weight")->valueint, 0);
}
END_TEST

/* The interval of the check of a site as it is to be made. */
static int interval(const char *site)
{
	char step[64];

	look();
	snprintf(step, sizeof(step), "check-p1-%s", site);
	return cJSON_GetObjectItem(input(step, "check"), "interval_s")->valueint;
}

START_TEST(checks_are_as_often_as_the_provider_has)
{
	static const uint32_t intervals[] = {15, 30, 60, 120, 0};

	load(WEIGHTED); /* every 10 s, every minute */
	add_sites();
	sim.intervals = intervals;
	ck_assert_int_eq(interval("main"), 15);
	ck_assert_int_eq(interval("dr"), 60);
	sim_apply(&sim, plan, facts.service);
	look();
	ck_assert_uint_eq(diff->change_count, 0);
	facts.service->sites[0].health.interval_ms = 59999;
	ck_assert_int_eq(interval("main"), 30);
	facts.service->sites[0].health.interval_ms = 3600000;
	ck_assert_int_eq(interval("main"), 120);
	sim.any_interval = true;
	facts.service->sites[0].health.interval_ms = 12000;
	ck_assert_int_eq(interval("main"), 12);
	facts.service->sites[0].health.interval_ms = 500;
	ck_assert_int_eq(interval("main"), 1);
}
END_TEST

START_TEST(a_group_whose_checks_are_unknown_is_left_alone)
{
	load(WEIGHTED);
	add_sites();
	look();
	sim_apply(&sim, plan, facts.service);
	sim.checks_away = true;
	look();
	ck_assert_uint_eq(diff->change_count, 0);
	ck_assert(finds(DRO_FINDING_UNKNOWN, "health checks could not be read"));
}
END_TEST

START_TEST(a_check_that_cannot_be_changed_is_replaced)
{
	load(WEIGHTED);
	add_sites();
	look();
	sim_apply(&sim, plan, facts.service);
	facts.service->sites[0].health.interval_ms = 60000;
	look();
	ck_assert_str_eq(input("check-p1-main", "id")->valuestring, ""); /* another one */
	sim_apply(&sim, plan, facts.service);
	ck_assert_uint_eq(sim.checks.count, 2); /* the old one went when no record named it */
	look();
	ck_assert_uint_eq(diff->change_count, 0);
}
END_TEST

START_TEST(the_order_of_a_list_changes_nothing)
{
	struct dro_instance *first;
	struct dro_buf one = DRO_BUF_INIT(1 << 20), other = DRO_BUF_INIT(1 << 20);

	load(WEIGHTED);
	add_sites();
	sim_add_instance(&sim, "s", "main", "web", "t1", DRO_INSTANCE_RUNNING);
	look();
	free(plan->id);
	plan->id = strdup("r-x");
	dro_json_print(&one, dro_plan_step(plan, "dns-p1-a.example")->inputs);
	first = sim.instances.items[0];
	sim.instances.items[0] = sim.instances.items[2];
	sim.instances.items[2] = first;
	look();
	dro_json_print(&other, dro_plan_step(plan, "dns-p1-a.example")->inputs);
	ck_assert_str_eq(dro_buf_str(&one), dro_buf_str(&other));
	dro_buf_free(&one);
	dro_buf_free(&other);
}
END_TEST

/* ---- instances ------------------------------------------------------------------------------- */

START_TEST(a_first_launch_and_its_name_are_one_plan)
{
	load(FAILOVER);
	sim_add_backup(&sim, "s", NOW);
	look();
	ck_assert_str_eq(dro_json_text(input("launch-main-web", "user_data"), "role"), "primary");
	ck_assert_str_eq(dro_json_text(input("launch-dr-web", "user_data"), "role"), "standby");
	ck_assert_ptr_null(dro_plan_step(plan, "launch-tier2-web"));
	ck_assert_str_eq(dro_json_text(input("dns-p0-a.example", "put")->child, "values"),
		"${boot-main-web.addresses}");
	ck_assert(!refused("active-lost"));
	sim_apply(&sim, plan, facts.service);
	look();
	ck_assert_uint_eq(diff->change_count, 0);
}
END_TEST

/* Providers bound a call. */
START_TEST(a_fleet_is_launched_in_parts)
{
	load("");
	sim_add_backup(&sim, "s", NOW);
	spec->services[0].sites[0].groups[0].count = 1200;
	look();
	ck_assert_int_eq(input("launch-main-web", "count")->valueint, 500);
	ck_assert_int_eq(input("launch-main-web.2", "count")->valueint, 500);
	ck_assert_int_eq(input("launch-main-web.3", "count")->valueint, 200);
	ck_assert_ptr_null(dro_plan_step(plan, "launch-main-web.4"));
	ck_assert_str_eq(dro_json_text(dro_plan_step(plan, "boot-main-web.3")->inputs, "ids"),
		"${launch-main-web.3.ids}");
	ck_assert_uint_eq(diff->change_count, 1201); /* and dr's one */
	sim_apply(&sim, plan, facts.service);
	look();
	ck_assert_uint_eq(diff->change_count, 0);
}
END_TEST

START_TEST(an_active_site_that_lost_its_data_is_asked_about)
{
	load(FAILOVER);
	add_sites();
	look();
	sim_apply(&sim, plan, facts.service);
	sim.instances.items[0]->state = DRO_INSTANCE_TERMINATED;
	look();
	ck_assert(refused("active-lost"));
}
END_TEST

START_TEST(an_active_site_is_never_scaled_down)
{
	load(FAILOVER);
	add_sites();
	sim_add_instance(&sim, "s", "main", "web", "t1", DRO_INSTANCE_RUNNING);
	look();
	ck_assert_ptr_null(dro_plan_step(plan, "terminate-main-web"));
	ck_assert(finds(DRO_FINDING_LEFT, "never scaled down"));
}
END_TEST

START_TEST(a_cold_site_ends_when_no_name_leads_there)
{
	load(FAILOVER);
	add_sites();
	sim_add_instance(&sim, "s", "tier2", "web", "t1", DRO_INSTANCE_RUNNING); /* 10.0.0.4 */
	sim_add_record(&sim, 0, "www.a.example", "A", "10.0.0.4", "drorch:s/www");
	look(); /* failed back: the name still leads to tier2 */
	ck_assert_ptr_null(dro_plan_step(plan, "terminate-tier2-web"));
	sim_apply(&sim, plan, facts.service);
	look();
	ck_assert_ptr_nonnull(dro_plan_step(plan, "terminate-tier2-web"));
	ck_assert(!refused("max-changes"));
	sim_apply(&sim, plan, facts.service);
	look();
	ck_assert_uint_eq(diff->change_count, 0);
}
END_TEST

START_TEST(a_standby_is_resized_and_an_active_site_is_not)
{
	load(FAILOVER);
	sim_add_instance(&sim, "s", "main", "web", "t9", DRO_INSTANCE_RUNNING);
	sim_add_instance(&sim, "s", "dr", "web", "t9", DRO_INSTANCE_RUNNING);
	look();
	ck_assert_str_eq(input("resize-i-2", "type")->valuestring, "t1");
	ck_assert_str_eq(input("resize-i-2", "previous")->valuestring, "t9");
	ck_assert_ptr_null(dro_plan_step(plan, "resize-i-1"));
	ck_assert(finds(DRO_FINDING_LEFT, "the site is active"));
}
END_TEST

/* Site dr as a warm standby: three in a storm, one small one in peace. */
static void make_dr_warm(void)
{
	struct dro_site *dr = &spec->services[0].sites[1];

	dr->strategy = DRO_STRATEGY_WARM_STANDBY;
	dr->groups[0].count = 3;
	free(dr->groups[0].standby.type);
	dr->groups[0].standby = (struct dro_standby_size){true, 1, strdup("t0")};
}

START_TEST(a_warm_standby_is_small_until_it_is_active)
{
	load(FAILOVER);
	make_dr_warm();
	sim_add_instance(&sim, "s", "main", "web", "t1", DRO_INSTANCE_RUNNING);
	look();
	ck_assert_int_eq(cJSON_GetNumberValue(input("launch-dr-web", "count")), 1);
	ck_assert_str_eq(input("launch-dr-web", "type")->valuestring, "t0");
	sim_add_instance(&sim, "s", "dr", "web", "t0", DRO_INSTANCE_RUNNING);
	look();
	ck_assert_ptr_null(dro_plan_step(plan, "resize-i-2"));
	facts.active = "dr";
	look();
	ck_assert_int_eq(cJSON_GetNumberValue(input("launch-dr-web", "count")), 2);
	ck_assert_str_eq(input("launch-dr-web", "type")->valuestring, "t1");
	ck_assert(finds(DRO_FINDING_LEFT, "the site is active"));
}
END_TEST

START_TEST(after_a_failback_it_is_small_again)
{
	load(FAILOVER);
	make_dr_warm();
	sim_add_instance(&sim, "s", "main", "web", "t1", DRO_INSTANCE_RUNNING);
	sim_add_record(&sim, 0, "www.a.example", "A", "10.0.0.2", "drorch:s/www");
	sim_add_instance(&sim, "s", "dr", "web", "t1", DRO_INSTANCE_RUNNING);
	sim_add_instance(&sim, "s", "dr", "web", "t1", DRO_INSTANCE_RUNNING);
	sim_add_instance(&sim, "s", "dr", "web", "t1", DRO_INSTANCE_RUNNING);
	look();
	ck_assert_int_eq(cJSON_GetArraySize(input("terminate-dr-web", "ids")), 2);
	ck_assert_str_eq(input("resize-i-2", "type")->valuestring, "t0");
	ck_assert(!refused("max-changes"));
	sim_apply(&sim, plan, facts.service);
	look();
	ck_assert_uint_eq(diff->change_count, 0);
}
END_TEST

/* What the agents say: main is the primary, and dr, i-`dr`, its replica. */
static void look_at_databases(struct dro_data_host databases[3], const char *dr)
{
	struct dro_error err = DRO_ERROR_INIT;

	memset(databases, 0, 3 * sizeof(*databases));
	databases[0] = (struct dro_data_host){.name = "s-main-web-1",
		.id = "i-1",
		.address = "10.0.0.2",
		.state = "running",
		.seen = {.answered = true, .primary = true, .semi_sync = true}};
	databases[1] = (struct dro_data_host){.name = "s-dr-web-1",
		.address = "10.0.0.3",
		.state = "running",
		.seen = {.answered = true,
			.replicates = true,
			.follows = "10.0.0.2",
			.follows_port = 3306}};
	snprintf(databases[1].id, sizeof(databases[1].id), "%s", dr);
	look();
	forget();
	sim_observe(&seen, &sim, facts.service);
	seen.databases = databases;
	ck_assert_msg(dro_plan_reconcile(&plan, &diff, &facts, &err) == 0, "%s", err.message);
	seen.databases = NULL;
}

START_TEST(the_primary_goes_on_while_its_replica_is_resized)
{
	struct dro_data_host databases[3];

	load(FAILOVER);
	sim_add_instance(&sim, "s", "main", "web", "t1", DRO_INSTANCE_RUNNING);
	sim_add_instance(&sim, "s", "dr", "web", "t9", DRO_INSTANCE_RUNNING);
	look_at_databases(databases, "i-2");
	ck_assert_str_eq(input("drain-dr", "unguarded")->valuestring, "${unguard-dr.unguarded}");
	ck_assert_str_eq(input("resize-i-2", "drained")->valuestring, "${drain-dr.drained}");
	ck_assert_str_eq(input("resize-i-2", "previous")->valuestring, "t9");
	ck_assert_ptr_nonnull(input("guard-dr", "semi_sync"));
	ck_assert_ptr_null(dro_plan_step(plan, "follow-dr"));
}
END_TEST

START_TEST(the_one_with_the_data_is_the_one_that_stays)
{
	struct dro_data_host databases[3];

	load(FAILOVER);
	make_dr_warm();
	sim_add_instance(&sim, "s", "main", "web", "t1", DRO_INSTANCE_RUNNING);
	sim_add_instance(&sim, "s", "dr", "web", "t0", DRO_INSTANCE_RUNNING);
	sim_add_instance(&sim, "s", "dr", "web", "t0", DRO_INSTANCE_RUNNING);
	look_at_databases(databases, "i-3");
	ck_assert_int_eq(cJSON_GetArraySize(input("terminate-dr-web", "ids")), 1);
	ck_assert_str_eq(
		cJSON_GetArrayItem(input("terminate-dr-web", "ids"), 0)->valuestring, "i-2");
}
END_TEST

START_TEST(yesterdays_primary_is_left_alone)
{
	load(FAILOVER);
	add_sites();
	sim.instances.items[0]->state = DRO_INSTANCE_STOPPED;
	facts.active = "dr";
	look();
	ck_assert_ptr_null(dro_plan_step(plan, "start-main-web"));
	sim.instances.items[0]->state = DRO_INSTANCE_RUNNING;
	look();
	ck_assert(finds(DRO_FINDING_LEFT, "runs, though dr is the active site"));
}
END_TEST

/* ---- rules ----------------------------------------------------------------------------------- */

START_TEST(many_changes_and_deletes_are_asked_about)
{
	char name[32];
	int i;

	load(FAILOVER);
	add_sites();
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "d%d.a.example", i);
		sim_add_record(&sim, 0, name, "A", "192.0.2.1", "drorch:s/gone");
	}
	look(); /* 10 of 13 */
	ck_assert(refused("max-changes"));
	ck_assert(!refused("active-delete"));
}
END_TEST

START_TEST(a_name_of_the_active_site_is_not_deleted_unasked)
{
	load("");
	add_sites();
	sim_add_record(&sim, 0, "www.a.example", "A", "10.0.0.2", "drorch:s/www");
	look();
	ck_assert_uint_eq(diff->change_count, 1);
	ck_assert(refused("active-delete"));
}
END_TEST

START_TEST(with_rollback_no_step_may_fail)
{
	load(FAILOVER "safety: {rollback: on}\n");
	add_sites();
	look();
	ck_assert(!plan->steps[0]->may_fail);
	ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(plan->facts, "rollback")));
}
END_TEST

/* ---- backups --------------------------------------------------------------------------------- */

START_TEST(retention_keeps_days_weeks_and_the_newest)
{
	int i;

	load(FAILOVER);
	for (i = 20; i >= 0; i--)
		sim_add_backup(&sim, "s", NOW - i * DAY);
	look();
	ck_assert_ptr_null(dro_plan_step(plan, "prune")); /* no retention: nothing goes */
	for (i = 0; i < (int)diff->change_count; i++)
		ck_assert_int_ne(diff->changes[i].thing, DRO_THING_BACKUP);
	facts.service->backups[0].retention_given = true;
	facts.service->backups[0].keep_daily = 3;
	facts.service->backups[0].keep_weekly = 3;
	facts.service->backups[0].keep_monthly = 0;
	sim_apply(&sim, plan, facts.service);
	look();
	ck_assert(refused("max-changes"));
	sim_apply(&sim, plan, facts.service);
	look();
	ck_assert_uint_eq(diff->change_count, 0);
	/* A Monday: it, Sunday and Saturday; this week, the last, and the Sunday before. */
	ck_assert_uint_eq(sim.backups.count, 4);
}
END_TEST

START_TEST(without_a_good_backup_none_goes)
{
	int i;

	load(FAILOVER);
	for (i = 20; i >= 0; i--)
		sim_add_backup(&sim, "s", NOW - i * DAY);
	for (i = 0; i <= 20; i++)
		dro_backup_refuse(&sim.backups.items[i], NULL, "torn");
	facts.service->backups[0].retention_given = true;
	facts.service->backups[0].keep_daily = 1;
	look();
	for (i = 0; i < (int)diff->change_count; i++)
		ck_assert_int_ne(diff->changes[i].thing, DRO_THING_BACKUP);
	ck_assert(finds(DRO_FINDING_STALE, "no good backup"));
}
END_TEST

START_TEST(an_old_backup_is_said)
{
	load(FAILOVER);
	add_sites();
	facts.now_ms = NOW + 3 * DAY;
	look();
	ck_assert(finds(DRO_FINDING_STALE, "may be 1d 2h at most"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reconcile");
	TCase *tcase = tcase_create("cases");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_name_leads_to_the_active_site);
	tcase_add_test(tcase, without_a_word_in_the_state_traffic_is_not_moved_back);
	tcase_add_test(tcase, what_is_not_ours_is_left_until_it_is_adopted);
	tcase_add_test(tcase, a_zone_that_cannot_be_read_is_left_alone);
	tcase_add_test(tcase, weights_come_with_checks_and_follow_a_failover);
	tcase_add_test(tcase, checks_are_as_often_as_the_provider_has);
	tcase_add_test(tcase, a_group_whose_checks_are_unknown_is_left_alone);
	tcase_add_test(tcase, a_check_that_cannot_be_changed_is_replaced);
	tcase_add_test(tcase, the_order_of_a_list_changes_nothing);
	tcase_add_test(tcase, a_first_launch_and_its_name_are_one_plan);
	tcase_add_test(tcase, a_fleet_is_launched_in_parts);
	tcase_add_test(tcase, an_active_site_that_lost_its_data_is_asked_about);
	tcase_add_test(tcase, an_active_site_is_never_scaled_down);
	tcase_add_test(tcase, a_cold_site_ends_when_no_name_leads_there);
	tcase_add_test(tcase, a_standby_is_resized_and_an_active_site_is_not);
	tcase_add_test(tcase, a_warm_standby_is_small_until_it_is_active);
	tcase_add_test(tcase, after_a_failback_it_is_small_again);
	tcase_add_test(tcase, the_primary_goes_on_while_its_replica_is_resized);
	tcase_add_test(tcase, the_one_with_the_data_is_the_one_that_stays);
	tcase_add_test(tcase, yesterdays_primary_is_left_alone);
	tcase_add_test(tcase, many_changes_and_deletes_are_asked_about);
	tcase_add_test(tcase, a_name_of_the_active_site_is_not_deleted_unasked);
	tcase_add_test(tcase, with_rollback_no_step_may_fail);
	tcase_add_test(tcase, retention_keeps_days_weeks_and_the_newest);
	tcase_add_test(tcase, without_a_good_backup_none_goes);
	tcase_add_test(tcase, an_old_backup_is_said);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
