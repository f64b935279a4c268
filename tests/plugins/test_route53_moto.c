/*
 * The route53 plugin through the program's own provider layer and HTTP against moto_server, which
 * somebody else wrote: a second opinion on the wire syntax. It has no pending state, little
 * validation and no NextRecordIdentifier, so those are not asked of it here.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/moto.h"
#include "plugins/route53_live.h"

static int moto_port;

static void make_zone(struct live *kit, const char *name)
{
	char body[512];

	snprintf(body, sizeof(body),
		"<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">"
		"<Name>%s.</Name><CallerReference>test-%s</CallerReference>"
		"</CreateHostedZoneRequest>",
		name, name);
	live_ask(kit, "route53", "POST", "2013-04-01/hostedzone", body);
}

START_TEST(records_live_and_die)
{
	struct live kit = live_open_plugin("route53", moto_port, "AKIDEXAMPLE", "wJalrXUtnFEMI");
	struct dro_record www = {.name = NAME, .type = "A", .ttl_s = 60};
	struct dro_record star = {.name = "*.memphis.example", .type = "TXT"};
	const struct dro_record *del[] = {&www};
	char who[128];

	OK(dro_provider_probe(kit.provider, who, sizeof(who), &kit.call, &kit.err));
	make_zone(&kit, "memphis.zz");
	make_zone(&kit, ZONE);
	ck_assert_str_eq(listed(&kit, NAME, "A"), "");
	put(&kit, &www, "192.0.2.1");
	ck_assert_str_eq(listed(&kit, NAME, "A"), NAME "  60/0 [" MARK "] 192.0.2.1");
	put(&kit, &www, "192.0.2.2");
	ck_assert_str_eq(listed(&kit, NAME, ""), NAME "  60/0 [" MARK "] 192.0.2.2");
	put(&kit, &star, "\"a \\\"quoted\\\" <text> & \303\251\"");
	ck_assert_str_eq(listed(&kit, "*.memphis.example", "TXT"),
		"*.memphis.example  60/0 [" MARK "] \"a \\\"quoted\\\" <text> & \303\251\"");
	OK(dro_provider_apply(kit.provider, ZONE, NULL, 0, del, 1, NULL, 0, &kit.call, &kit.err));
	ck_assert_str_eq(listed(&kit, NAME, ""), "");
	ck_assert_str_eq(listed(&kit, "drorch-owner." NAME, ""), "");
	live_close(&kit);
}
END_TEST

START_TEST(weights)
{
	struct live kit = live_open_plugin("route53", moto_port, "AKIDEXAMPLE", "wJalrXUtnFEMI");
	struct dro_record set = {.name = "w.memphis.example", .type = "A", .weight = 200};

	set.set_id = "main";
	put(&kit, &set, "192.0.2.1");
	set.set_id = "tier 2";
	set.weight = 0;
	put(&kit, &set, "192.0.2.2");
	ck_assert_str_eq(listed(&kit, set.name, "A"),
		"w.memphis.example main 60/200 [" MARK "] 192.0.2.1; "
		"w.memphis.example tier 2 60/0 [" MARK "] 192.0.2.2");
	live_close(&kit);
}
END_TEST

START_TEST(failover_aliases_and_checks)
{
	struct live kit = live_open_plugin("route53", moto_port, "AKIDEXAMPLE", "wJalrXUtnFEMI");
	struct dro_health_check check = {.size = sizeof(check),
		.kind = DRO_CHECK_HTTPS,
		.owner = MARK,
		.address = "192.0.2.1",
		.host = "f.memphis.example",
		.path = "/health",
		.port = 443,
		.interval_s = 10,
		.fail_after = 3};
	struct dro_record set = {.name = "f.memphis.example", .type = "A", .set_id = "primary"};
	struct dro_record alias = {
		.name = "a.memphis.example", .type = "A", .alias = "f.memphis.example"};
	const struct dro_record *del[] = {&set};
	struct dro_health_check_list checks = {0};
	struct dro_vantage_list vantages = {0};
	char id[80], line[512];

	OK(dro_provider_put_check(kit.provider, &check, id, sizeof(id), &kit.call, &kit.err));
	OK(dro_provider_list_checks(kit.provider, &checks, &kit.call, &kit.err));
	ck_assert_uint_eq(checks.count, 1);
	ck_assert_str_eq(checks.items[0]->id, id);
	ck_assert_str_eq(checks.items[0]->owner, MARK);
	ck_assert_str_eq(checks.items[0]->path, "/health");
	ck_assert_uint_eq(checks.items[0]->kind, DRO_CHECK_HTTPS);
	ck_assert_uint_eq(checks.items[0]->interval_s, 10);
	check.id = id;
	check.version = checks.items[0]->version;
	check.port = 8443;
	check.owner = "";
	OK(dro_provider_put_check(kit.provider, &check, line, sizeof(line), &kit.call, &kit.err));
	ck_assert_str_eq(line, id);
	dro_health_check_list_free(&checks);
	OK(dro_provider_list_checks(kit.provider, &checks, &kit.call, &kit.err));
	ck_assert_uint_eq(checks.items[0]->port, 8443);
	ck_assert_str_eq(checks.items[0]->owner, "");
	OK(dro_provider_check_status(kit.provider, id, &vantages, &kit.call, &kit.err));
	ck_assert_uint_eq(vantages.items[0]->state, DRO_HEALTHY);
	ck_assert_int_gt(vantages.items[0]->checked_ms, 0);
	/* Used by a set, it stays. */
	set.failover = DRO_FAILOVER_PRIMARY;
	set.health_check = id;
	put(&kit, &set, "192.0.2.1");
	snprintf(line, sizeof(line),
		"f.memphis.example primary 60/0 [" MARK "] primary if %s 192.0.2.1", id);
	ck_assert_str_eq(listed(&kit, set.name, "A"), line);
	put(&kit, &alias, NULL);
	ck_assert_str_eq(listed(&kit, alias.name, "A"),
		"a.memphis.example  0/0 [" MARK "] -> f.memphis.example");
	ck_assert_int_eq(
		dro_provider_delete_check(kit.provider, id, &kit.call, &kit.err), DRO_ECONFLICT);
	OK(dro_provider_apply(kit.provider, ZONE, NULL, 0, del, 1, NULL, 0, &kit.call, &kit.err));
	OK(dro_provider_delete_check(kit.provider, id, &kit.call, &kit.err));
	OK(dro_provider_delete_check(kit.provider, id, &kit.call, &kit.err));
	dro_health_check_list_free(&checks);
	dro_vantage_list_free(&vantages);
	live_close(&kit);
}
END_TEST

static int run_tests(void)
{
	Suite *suite = suite_create("route53_moto");
	TCase *tcase = tcase_create("moto");

	tcase_set_timeout(tcase, 90);
	tcase_add_test(tcase, records_live_and_die);
	tcase_add_test(tcase, weights);
	tcase_add_test(tcase, failover_aliases_and_checks);
	suite_add_tcase(suite, tcase);
	return live_run(suite);
}

int main(void)
{
	return moto_run(&moto_port, run_tests);
}
