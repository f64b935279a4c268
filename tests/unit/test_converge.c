/*
 * Property: whatever is wanted and whatever is there, with steps failing and sources away, once
 * the faults are over three passes make it so; then nothing is changed any more, and nothing that
 * is not ours ever was.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/record.h"
#include "plan/reconcile.h"
#include "spec/load.h"
#include "unit/sim_clouds.h"

#define WORLDS 400
#define NOW 1790000000000LL
#define DAY 86400000LL

static const char *const providers_text = "apiVersion: drorch/v1\n"
					  "kind: Providers\n"
					  "providers:\n"
					  "  p0: {plugin: aws}\n"
					  "  p1: {plugin: aws}\n";

/* ---- what is wanted -------------------------------------------------------------------------- */

static void add_group(struct dro_buf *text, struct sim *sim, const char *name)
{
	dro_buf_printf(text, "      %s: {count: %u, type: t%u, image: site}\n", name,
		1 + sim_random(sim, 3), 1 + sim_random(sim, 2));
}

static void add_site(struct dro_buf *text, struct sim *sim, const char *name, const char *how)
{
	dro_buf_printf(text, "  %s:\n    %s\n    provider: p0\n    region: r1\n    instances:\n",
		name, how);
	add_group(text, sim, "web");
	if (sim_random(sim, 2))
		add_group(text, sim, "worker");
	dro_buf_puts(text, "    health: {http: {scheme: http, host: www.a.example}}\n");
}

static void add_traffic(struct dro_buf *text, struct sim *sim)
{
	dro_buf_puts(text, "traffic:\n  www:\n    name: www.a.example\n");
	if (sim_random(sim, 2))
		dro_buf_printf(text, "    policy: {weighted: {main: %u, dr: %u}}\n",
			1 + sim_random(sim, 100), sim_random(sim, 100));
	dro_buf_puts(text, "    paths:\n      - {provider: p0, zone: a.example, proxied: true}\n");
	if (sim_random(sim, 2))
		dro_buf_puts(text, "      - {provider: p1, zone: a.example, ttl: 60s}\n");
}

static void add_dns(struct dro_buf *text, struct sim *sim)
{
	static const char *const values[] = {"A, values: [192.0.2.1]", "TXT, values: [hello]",
		"MX, values: [\"10 mx.example.net\"]"};
	static const char *const where[] = {"[p0]", "[p1]", "[p0, p1]"};
	unsigned i, count = sim_random(sim, 12);

	if (!count)
		return;
	dro_buf_puts(text, "dns:\n");
	for (i = 0; i < count; i++)
		dro_buf_printf(text, "  d%u: {name: d%u.a.example, type: %s, providers: %s}\n", i,
			i, values[sim_random(sim, 3)], where[sim_random(sim, 3)]);
}

static struct dro_spec *random_spec(struct sim *sim)
{
	struct dro_buf text = DRO_BUF_INIT(1 << 20), why = DRO_BUF_INIT(1 << 20);
	struct dro_report report = DRO_REPORT_INIT;
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_tree *tree = NULL;
	struct dro_spec *spec = NULL;

	dro_buf_puts(&text, "apiVersion: drorch/v1\nkind: Service\nmetadata: {name: s}\nsites:\n");
	add_site(&text, sim, "main", "role: primary");
	add_site(&text, sim, "dr",
		sim_random(sim, 2) ? "strategy: hot-standby\n    follows: main"
				   : "strategy: warm-standby\n    follows: main");
	add_site(&text, sim, "tier2", "strategy: backup-restore\n    restores: offsite");
	dro_buf_puts(&text, "backups:\n  offsite:\n    source: main\n"
			    "    store: {provider: p0, bucket: bucket, prefix: x/}\n"
			    "    schedule: {every: 24h}\n    retention: {daily: 2, weekly: 1}\n");
	add_traffic(&text, sim);
	add_dns(&text, sim);
	ck_assert_int_eq(dro_tree_new(&tree, "", "", NULL), 0);
	ck_assert_int_eq(
		dro_tree_add(tree, "providers.yaml", providers_text, strlen(providers_text), NULL),
		0);
	ck_assert_int_eq(dro_tree_add(tree, "services/s.yaml", text.data, text.length, NULL), 0);
	if (dro_spec_load(&spec, tree, &report, &err) < 0) {
		dro_report_print(&report, &why);
		ck_abort_msg("%s: %s\n%s", err.message, dro_buf_str(&why), text.data);
	}
	dro_report_fini(&report);
	dro_tree_free(tree);
	dro_buf_free(&text);
	return spec;
}

/* ---- what is there --------------------------------------------------------------------------- */

static void random_records(struct sim *sim, size_t provider)
{
	static const char *const owners[] = {
		"", "somebody", "drorch:other/d1", "drorch:s/d1", "drorch:s/www", "drorch:s/gone"};
	static const char *const types[] = {"A", "TXT", "MX"};
	bool used[40] = {false};
	unsigned i, count = sim_random(sim, 14);

	for (i = 0; i < count; i++) {
		unsigned which = sim_random(sim, 13), type = sim_random(sim, 3);
		char name[32];

		if (used[which * 3 + type])
			continue;
		used[which * 3 + type] = true;
		snprintf(name, sizeof(name), "d%u.a.example", which);
		sim_add_record(sim, provider, which == 12 ? "www.a.example" : name, types[type],
			type == 0 ? "192.0.2.9" : "\"what was\"", owners[sim_random(sim, 6)]);
	}
}

static void random_world(struct sim *sim)
{
	static const char *const sites[] = {"main", "dr", "tier2"};
	unsigned i, count = sim_random(sim, 8);

	random_records(sim, 0);
	random_records(sim, 1);
	for (i = 0; i < count; i++)
		sim_add_instance(sim, sim_random(sim, 4) ? "s" : "other", sites[sim_random(sim, 3)],
			sim_random(sim, 3) ? "web" : "worker", sim_random(sim, 3) ? "t1" : "t2",
			sim_random(sim, 3) ? DRO_INSTANCE_RUNNING : DRO_INSTANCE_STOPPED);
	count = sim_random(sim, 6);
	for (i = count; i-- > 0;)
		sim_add_backup(sim, "s", NOW - (int64_t)i * DAY / 2 - DAY);
}

/* Every thing that is not ours, as text. */
static void print_foreign(struct dro_buf *out, const struct sim *sim)
{
	size_t i, j;

	for (i = 0; i < SIM_PROVIDERS; i++)
		for (j = 0; j < sim->records[i].count; j++)
			if (strncmp(sim->records[i].items[j]->owner, "drorch:s/", 9) != 0) {
				cJSON *json = dro_record_json(sim->records[i].items[j]);

				dro_json_print(out, json);
				cJSON_Delete(json);
			}
	for (i = 0; i < sim->instances.count; i++) {
		const struct dro_instance *instance = sim->instances.items[i];

		if (strcmp(dro_instance_tag(instance, "drorch:service"), "s") != 0)
			dro_buf_printf(
				out, "%s %u %s\n", instance->id, instance->state, instance->type);
	}
}

/* ---- passes ---------------------------------------------------------------------------------- */

/* One pass; how many changes it planned. */
static size_t pass(struct sim *sim, const struct dro_spec *spec, const char *active)
{
	const struct dro_service *service = &spec->services[0];
	struct dro_observed seen;
	const struct dro_reconcile_facts facts = {.spec = spec,
		.service = service,
		.active = active,
		.active_given = true,
		.seen = &seen,
		.now_ms = NOW};
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_plan *plan = NULL;
	struct dro_diff *diff = NULL;
	size_t changes;

	sim_observe(&seen, sim, service);
	ck_assert_msg(dro_plan_reconcile(&plan, &diff, &facts, &err) == 0, "%s", err.message);
	ck_assert_int_eq(plan->step_count == 0, diff->change_count == 0);
	changes = diff->change_count;
	sim_observed_free(&seen);
	sim_apply(sim, plan, service);
	dro_plan_free(plan);
	dro_diff_free(diff);
	return changes;
}

static int count_group(const struct sim *sim, const char *site, const char *group)
{
	int count = 0;
	size_t i;

	for (i = 0; i < sim->instances.count; i++) {
		const struct dro_instance *instance = sim->instances.items[i];

		count += instance->state != DRO_INSTANCE_TERMINATED &&
			 strcmp(dro_instance_tag(instance, "drorch:service"), "s") == 0 &&
			 strcmp(dro_instance_tag(instance, "drorch:site"), site) == 0 &&
			 strcmp(dro_instance_tag(instance, "drorch:group"), group) == 0;
	}
	return count;
}

/* The active site has what is wanted, or what it had: it is never scaled down, nor up past that. */
static void check_active(const struct sim *sim, const struct dro_site *site, const int *had)
{
	size_t i;

	for (i = 0; i < site->group_count; i++) {
		int wanted = site->groups[i].count > had[i] ? site->groups[i].count : had[i];

		ck_assert_int_eq(count_group(sim, site->name, site->groups[i].name), wanted);
	}
}

START_TEST(converges_in_three_passes)
{
	static const char *const sites[] = {"main", "main", "dr", "tier2"};
	struct dro_buf before = DRO_BUF_INIT(1 << 20), after = DRO_BUF_INIT(1 << 20);
	struct sim sim = {.seed = 0x9e3779b97f4a7c15ULL + (uint64_t)_i * 7919};
	struct dro_spec *spec = random_spec(&sim);
	const char *active = sites[sim_random(&sim, 4)];
	const struct dro_site *site = dro_service_site(&spec->services[0], active);
	size_t i, changes = 0;
	int had[2] = {0};

	random_world(&sim);
	for (i = 0; i < site->group_count; i++)
		had[i] = count_group(&sim, active, site->groups[i].name);
	print_foreign(&before, &sim);
	for (i = 0; i < 4; i++) { /* the bad days */
		sim.fail_percent = sim_random(&sim, 2) ? 40 : 0;
		sim.zone_away[0] = sim_random(&sim, 3) == 0;
		sim.zone_away[1] = sim_random(&sim, 3) == 0;
		sim.instances_away = sim_random(&sim, 3) == 0;
		sim.checks_away = sim_random(&sim, 3) == 0;
		pass(&sim, spec, active);
	}
	sim.fail_percent = 0;
	sim.zone_away[0] = sim.zone_away[1] = sim.instances_away = sim.checks_away = false;
	for (i = 0; i < 3; i++)
		changes = pass(&sim, spec, active);
	for (i = 0; i < 2; i++) {
		changes = pass(&sim, spec, active);
		ck_assert_msg(
			changes == 0, "world %d: %zu changes in pass %zu", _i, changes, i + 4);
	}
	check_active(&sim, site, had);
	print_foreign(&after, &sim);
	ck_assert_str_eq(dro_buf_str(&before), dro_buf_str(&after));
	ck_assert_msg(sim.backups.count == 0 || sim.backups.items[0].id, "the newest stays");
	dro_buf_free(&before);
	dro_buf_free(&after);
	dro_spec_free(spec);
	sim_free(&sim);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("converge");
	TCase *tcase = tcase_create("worlds");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, converges_in_three_passes, 0, WORLDS);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
