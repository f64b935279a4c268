/*
 * Routed sets by the route53 plugin against drorch-lab, which goes through a batch one change after
 * the other and refuses whatever may not stand side by side in between.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/aws_lab.h"
#include "plugins/route53_live.h"

static struct dro_record member(const char *set_id, uint32_t ttl_s, const char *const *value)
{
	return (struct dro_record){.size = sizeof(struct dro_record),
		.id = "",
		.set_id = set_id,
		.name = NAME,
		.type = "A",
		.ttl_s = ttl_s,
		.owner = MARK,
		.values = value,
		.value_count = 1};
}

static int apply(struct live *kit, const struct dro_record *const *sets, size_t puts, size_t dels)
{
	return dro_provider_apply(
		kit->provider, ZONE, sets, puts, sets + puts, dels, NULL, 0, &kit->call, &kit->err);
}

static struct live open_lab(void)
{
	struct live kit = lab_open_plugin("route53");

	LAB_DO("route53", "busy", "0");
	LAB_DO("route53", "limits", "off");
	return kit;
}

START_TEST(one_set_becomes_a_group_and_back)
{
	struct live kit = open_lab();
	const char *one = "192.0.2.1", *two = "192.0.2.2";
	struct dro_record simple = member("", 60, &one), a = member("main", 60, &one),
			  b = member("tier 2", 60, &two);
	const struct dro_record *alone[] = {&simple}, *split[] = {&a, &b, &simple},
				*back[] = {&simple, &a, &b};
	int before;

	LAB_DO("route53", "zone", ZONE);
	OK(apply(&kit, alone, 1, 0));
	a.weight = 255;
	ck_assert_int_eq(apply(&kit, split, 2, 0), DRO_ECONFLICT);
	before = lab_calls("ChangeResourceRecordSets");
	OK(apply(&kit, split, 2, 1));
	ck_assert_str_eq(listed(&kit, NAME, "A"), NAME " main 60/255 [" MARK "] 192.0.2.1; " NAME
						       " tier 2 60/0 [" MARK "] 192.0.2.2");
	/* Another TTL, and other weights, for all at once. */
	a.ttl_s = b.ttl_s = 30;
	b.weight = 1;
	OK(apply(&kit, split, 2, 1));
	ck_assert_str_eq(listed(&kit, NAME, "A"), NAME " main 30/255 [" MARK "] 192.0.2.1; " NAME
						       " tier 2 30/1 [" MARK "] 192.0.2.2");
	OK(apply(&kit, split, 2, 1));
	ck_assert_int_eq(lab_calls("ChangeResourceRecordSets"), before + 2);
	OK(apply(&kit, back, 1, 2));
	ck_assert_str_eq(listed(&kit, NAME, "A"), NAME "  60/0 [" MARK "] 192.0.2.1");
	live_close(&kit);
}
END_TEST

/* A primary is an alias or has a health check; these are aliases. */
START_TEST(failover_changes_places)
{
	struct live kit = open_lab();
	const char *one = "192.0.2.1";
	struct dro_record simple = member("", 0, &one), origin = member("", 60, &one),
			  a = member("main", 0, NULL), b = member("tier 2", 0, NULL),
			  c = member("tier 3", 0, NULL);
	const struct dro_record *split[] = {&a, &b, &origin, &simple}, *third[] = {&c},
				*swap[] = {&a, &c, &b};

	origin.name = a.alias = b.alias = c.alias = "origin.memphis.example";
	a.value_count = b.value_count = c.value_count = 0;
	a.failover = c.failover = DRO_FAILOVER_PRIMARY;
	b.failover = DRO_FAILOVER_SECONDARY;
	OK(apply(&kit, split, 3, 1));
	ck_assert_str_eq(listed(&kit, NAME, "A"),
		NAME " main 0/0 [" MARK "] primary -> origin.memphis.example; " NAME
		     " tier 2 0/0 [" MARK "] secondary -> origin.memphis.example");
	ck_assert_int_eq(apply(&kit, third, 1, 0), DRO_ECONFLICT);
	a.failover = DRO_FAILOVER_SECONDARY;
	OK(apply(&kit, swap, 2, 1));
	ck_assert_str_eq(listed(&kit, NAME, "A"),
		NAME " main 0/0 [" MARK "] secondary -> origin.memphis.example; " NAME
		     " tier 3 0/0 [" MARK "] primary -> origin.memphis.example");
	/* From failover to weights, the same sets. */
	a.failover = c.failover = DRO_FAILOVER_NONE;
	a.weight = 9;
	a.alias = "";
	a.values = &one;
	a.value_count = 1;
	OK(apply(&kit, swap, 2, 0));
	ck_assert_str_eq(listed(&kit, NAME, "A"),
		NAME " main 60/9 [" MARK "] 192.0.2.1; " NAME " tier 3 0/0 [" MARK
		     "] -> origin.memphis.example");
	OK(apply(&kit, swap, 0, 3));
	ck_assert_str_eq(listed(&kit, NAME, "A"), "");
	ck_assert_str_eq(listed(&kit, "drorch-owner." NAME, "TXT"), "");
	live_close(&kit);
}
END_TEST

START_TEST(an_alias_within_the_zone)
{
	struct live kit = open_lab();
	const char *one = "192.0.2.1";
	struct dro_record origin = member("", 60, &one), alias = member("", 0, NULL);
	const struct dro_record *sets[] = {&origin, &alias}, *back[] = {&alias};
	int before;

	origin.name = "origin.memphis.example";
	alias.value_count = 0;
	alias.alias = origin.name;
	alias.evaluate_health = 1;
	OK(apply(&kit, sets, 2, 0));
	ck_assert_str_eq(
		listed(&kit, NAME, "A"), NAME "  0/0 [" MARK "] -> origin.memphis.example");
	before = lab_calls("ChangeResourceRecordSets");
	OK(apply(&kit, sets, 2, 0));
	ck_assert_int_eq(lab_calls("ChangeResourceRecordSets"), before);
	alias.alias = "";
	alias.evaluate_health = 0;
	alias.values = &one;
	alias.value_count = 1;
	OK(apply(&kit, back, 1, 0));
	ck_assert_str_eq(listed(&kit, NAME, "A"), NAME "  60/0 [" MARK "] 192.0.2.1");
	live_close(&kit);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("route53_lab_routed");
	TCase *tcase = tcase_create("lab");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, one_set_becomes_a_group_and_back);
	tcase_add_test(tcase, failover_changes_places);
	tcase_add_test(tcase, an_alias_within_the_zone);
	suite_add_tcase(suite, tcase);
	return lab_run_suite(suite);
}
