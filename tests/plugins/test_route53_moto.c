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

static int run_tests(void)
{
	Suite *suite = suite_create("route53_moto");
	TCase *tcase = tcase_create("moto");

	tcase_set_timeout(tcase, 90);
	tcase_add_test(tcase, records_live_and_die);
	tcase_add_test(tcase, weights);
	suite_add_tcase(suite, tcase);
	return live_run(suite);
}

int main(void)
{
	return moto_run(&moto_port, run_tests);
}
