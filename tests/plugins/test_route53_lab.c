/*
 * The route53 plugin through the program's own layers against drorch-lab, which checks signatures,
 * validates as the vendor does and can fail on purpose.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "plugins/aws_lab.h"
#include "plugins/route53_live.h"

static int apply(struct live *kit, const struct dro_record *put, const struct dro_record *del,
	char operation[64])
{
	return dro_provider_apply(kit->provider, ZONE, &put, put ? 1 : 0, &del, del ? 1 : 0,
		operation, 64, &kit->call, &kit->err);
}

static struct dro_record record_of(const char *name, const char *type, const char *const *value)
{
	return (struct dro_record){.size = sizeof(struct dro_record),
		.id = "",
		.set_id = "",
		.name = name,
		.type = type,
		.owner = MARK,
		.values = value,
		.value_count = 1};
}

START_TEST(a_change_spreads)
{
	struct live kit = lab_open_plugin("route53");
	const char *value = "192.0.2.1";
	struct dro_record www = record_of(NAME, "A", &value);
	enum dro_operation_state state = DRO_OPERATION_FAILED;
	uint64_t end = dro_now_ms() + 20000;
	char operation[64], who[64];

	LAB_DO("route53", "zone", "memphis.aaa");
	LAB_DO("route53", "zone", ZONE);
	OK(dro_provider_probe(kit.provider, who, sizeof(who), &kit.call, &kit.err));
	ck_assert_str_eq(who, "an account with 2 hosted zones");
	LAB_DO("route53", "insync", "3600000");
	OK(apply(&kit, &www, NULL, operation));
	ck_assert_str_ne(operation, "");
	OK(dro_provider_poll(kit.provider, operation, &state, &kit.call, &kit.err));
	ck_assert_int_eq(state, DRO_OPERATION_PENDING);
	LAB_DO("route53", "insync", "0");
	value = "192.0.2.2";
	OK(apply(&kit, &www, NULL, operation));
	ck_assert_str_eq(operation, "");
	LAB_DO("route53", "insync", "50");
	value = "192.0.2.3";
	OK(apply(&kit, &www, NULL, operation));
	do
		OK(dro_provider_poll(kit.provider, operation, &state, &kit.call, &kit.err));
	while (state == DRO_OPERATION_PENDING && dro_now_ms() < end);
	ck_assert_int_eq(state, DRO_OPERATION_DONE);
	ck_assert_str_eq(listed(&kit, NAME, "A"), NAME "  60/0 [" MARK "] 192.0.2.3");
	live_close(&kit);
}
END_TEST

/* An address becomes an alias of S3's websites, or a CNAME, and one again: one change each. */
START_TEST(a_name_leads_to_a_website_and_back)
{
	struct live kit = lab_open_plugin("route53");
	const char *value = "192.0.2.1",
		   *host = "page.memphis.example.s3-website-us-west-2.amazonaws.com";
	struct dro_record address = record_of("page.memphis.example", "A", &value);
	struct dro_record page = record_of("page.memphis.example", "A", NULL);
	struct dro_record cname = record_of("page.memphis.example", "CNAME", &host);
	char operation[64];
	int before;

	LAB_DO("route53", "insync", "0");
	LAB_DO("route53", "busy", "0"); /* one that is turned away counts too */
	LAB_DO("route53", "limits", "off");
	page.value_count = 0;
	page.alias = "s3-website-us-west-2.amazonaws.com";
	page.alias_zone = "Z3BJ6K6RIION7M";
	OK(apply(&kit, &address, &cname, operation));
	before = lab_calls("ChangeResourceRecordSets");
	OK(apply(&kit, &page, &cname, operation));
	ck_assert_str_eq(listed(&kit, "page.memphis.example", "A"),
		"page.memphis.example  0/0 [" MARK "] -> s3-website-us-west-2.amazonaws.com");
	OK(apply(&kit, &page, &cname, operation));
	OK(apply(&kit, &address, &cname, operation));
	OK(apply(&kit, &cname, &address, operation));
	ck_assert_str_eq(listed(&kit, "page.memphis.example", "A"), "");
	OK(apply(&kit, &address, &cname, operation));
	ck_assert_str_eq(listed(&kit, "page.memphis.example", "CNAME"), "");
	ck_assert_str_eq(listed(&kit, "page.memphis.example", "A"),
		"page.memphis.example  60/0 [" MARK "] 192.0.2.1");
	ck_assert_int_eq(lab_calls("ChangeResourceRecordSets") - before, 4);
	LAB_DO("route53", "limits", "on");
	live_close(&kit);
}
END_TEST

START_TEST(a_lost_answer_is_looked_for)
{
	struct live kit = lab_open_plugin("route53");
	const char *value = "192.0.2.7";
	struct dro_record lost = record_of("lost.memphis.example", "A", &value);
	char operation[64];
	int before = lab_calls("ChangeResourceRecordSets");

	/* The lost answer must be of a change that was made, not of one turned away. */
	LAB_DO("route53", "busy", "0");
	LAB_DO("route53", "limits", "off");
	LAB_DO("fault", "add", "drop", "--vendor", "route53", "--operation",
		"ChangeResourceRecordSets", "--count", "1");
	ck_assert_int_eq(apply(&kit, &lost, NULL, operation), DRO_ETIMEDOUT);
	OK(apply(&kit, &lost, NULL, operation));
	ck_assert_str_eq(operation, "");
	ck_assert_int_eq(lab_calls("ChangeResourceRecordSets"), before + 1);
	/* Deleted, with the answer lost too. */
	LAB_DO("fault", "add", "drop", "--vendor", "route53", "--operation",
		"ChangeResourceRecordSets", "--count", "1");
	ck_assert_int_eq(apply(&kit, NULL, &lost, operation), DRO_ETIMEDOUT);
	OK(apply(&kit, NULL, &lost, operation));
	ck_assert_int_eq(lab_calls("ChangeResourceRecordSets"), before + 2);
	LAB_DO("route53", "limits", "on");
	live_close(&kit);
}
END_TEST

START_TEST(turned_away_is_waited_for)
{
	struct live kit = lab_open_plugin("route53");
	const char *value = "192.0.2.8";
	struct dro_record busy = record_of("busy.memphis.example", "A", &value);
	char operation[64];

	LAB_DO("fault", "add", "status", "--vendor", "route53", "--operation",
		"ListResourceRecordSets", "--count", "1", "--status", "429");
	LAB_DO("route53", "busy", "300");
	OK(apply(&kit, &busy, NULL, operation));
	value = "192.0.2.9";
	OK(apply(&kit, &busy, NULL, operation));
	LAB_DO("route53", "busy", "3600000");
	OK(apply(&kit, NULL, &busy, operation));
	kit.call.deadline_ms = dro_now_ms() + 2000;
	ck_assert_int_eq(apply(&kit, &busy, NULL, operation), DRO_EAGAIN);
	ck_assert_str_eq(kit.err.provider_code, "PriorRequestNotComplete");
	LAB_DO("route53", "busy", "0");
	live_close(&kit);
}
END_TEST

/* The zone that stayed busy above is not this one. */
START_TEST(weights_conflicts_and_many)
{
	enum { SETS = 700 };
	struct live kit = lab_open_plugin("route53");
	const char *value = "192.0.2.1";
	static char names[SETS][64];
	static struct dro_record sets[SETS];
	const struct dro_record *put_sets[SETS];
	struct dro_record_query query = {.size = sizeof(query), .zone = "many.example"};
	struct dro_record_list list = {0};
	struct dro_record cname;
	int before, i;

	LAB_DO("route53", "zone", "many.example");
	for (i = 0; i < SETS; i++) {
		snprintf(names[i], sizeof(names[i]), "h%03d.many.example", i);
		sets[i] = record_of(names[i], "A", &value);
		put_sets[i] = &sets[i];
	}
	for (i = 0; i < 20; i++) { /* one weighted set that pages cut */
		snprintf(names[i], sizeof(names[i]), "s%03d", i);
		sets[i].name = "hh.many.example";
		sets[i].set_id = names[i];
		sets[i].weight = (uint32_t)i;
	}
	before = lab_calls("ChangeResourceRecordSets");
	OK(dro_provider_apply(kit.provider, "many.example", put_sets, SETS, NULL, 0, NULL, 0,
		&kit.call, &kit.err));
	OK(dro_provider_apply(kit.provider, "many.example", put_sets, SETS, NULL, 0, NULL, 0,
		&kit.call, &kit.err));
	ck_assert_int_eq(lab_calls("ChangeResourceRecordSets"), before + 2);
	OK(dro_provider_list_records(kit.provider, &query, &list, &kit.call, &kit.err));
	ck_assert_uint_eq(list.count, SETS + 2); /* with the zone's own */
	for (i = 0, before = 0; i < SETS + 2; i++)
		before += strcmp(list.items[i]->owner, MARK) == 0;
	ck_assert_int_eq(before, SETS);
	cname = record_of("h100.many.example", "CNAME", &value);
	put_sets[0] = &cname;
	ck_assert_int_eq(dro_provider_apply(kit.provider, "many.example", put_sets, 1, NULL, 0,
				 NULL, 0, &kit.call, &kit.err),
		DRO_ECONFLICT);
	dro_record_list_free(&list);
	OK(dro_provider_apply(kit.provider, "many.example", NULL, 0, &put_sets[1], SETS - 1, NULL,
		0, &kit.call, &kit.err));
	OK(dro_provider_list_records(kit.provider, &query, &list, &kit.call, &kit.err));
	ck_assert_uint_eq(list.count, 1 + 2);
	ck_assert_str_eq(list.items[0]->set_id, "s000");
	dro_record_list_free(&list);
	live_close(&kit);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("route53_lab");
	TCase *tcase = tcase_create("lab");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_change_spreads);
	tcase_add_test(tcase, a_name_leads_to_a_website_and_back);
	tcase_add_test(tcase, a_lost_answer_is_looked_for);
	tcase_add_test(tcase, turned_away_is_waited_for);
	tcase_add_test(tcase, weights_conflicts_and_many);
	suite_add_tcase(suite, tcase);
	return lab_run_suite(suite);
}
