/*
 * Health checks by the route53 plugin against drorch-lab, which probes what they name and loses
 * answers on purpose.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "plugins/aws_lab.h"
#include "plugins/route53_live.h"

static struct live open_lab(void)
{
	struct live kit = lab_open_plugin("route53");

	LAB_DO("route53", "busy", "0");
	LAB_DO("route53", "limits", "off");
	return kit;
}

static struct dro_health_check check_of(const char *address, uint32_t port)
{
	return (struct dro_health_check){.size = sizeof(struct dro_health_check),
		.kind = DRO_CHECK_HTTP,
		.owner = MARK,
		.address = address,
		.host = NAME,
		.path = "/healthz",
		.port = port,
		.interval_s = 10,
		.fail_after = 1};
}

/* The check of that id as it is listed, or NULL; freed with the list. */
static const struct dro_health_check *find(
	struct live *kit, struct dro_health_check_list *list, const char *id)
{
	size_t i;

	dro_health_check_list_free(list);
	ck_assert_msg(dro_provider_list_checks(kit->provider, list, &kit->call, &kit->err) == 0,
		"%s", kit->err.message);
	for (i = 0; i < list->count; i++)
		if (strcmp(list->items[i]->id, id) == 0)
			return list->items[i];
	return NULL;
}

static void lose(const char *operation)
{
	LAB_DO("fault", "add", "drop", "--vendor", "route53", "--operation", operation, "--count",
		"1");
}

/* Whatever is lost, there is one check, and it is marked. */
START_TEST(is_made_once)
{
	struct live kit = open_lab();
	struct dro_health_check check = check_of("127.0.0.1", 1);
	struct dro_health_check_list list = {0};
	char first[80], id[80];
	int before;

	kit.call.idem_key = "run-1-once";
	lose("CreateHealthCheck");
	ck_assert_int_eq(
		dro_provider_put_check(kit.provider, &check, id, sizeof(id), &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	lose("ChangeTagsForResource");
	ck_assert_int_eq(
		dro_provider_put_check(kit.provider, &check, id, sizeof(id), &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	OK(dro_provider_put_check(kit.provider, &check, first, sizeof(first), &kit.call, &kit.err));
	ck_assert_str_eq(find(&kit, &list, first)->owner, MARK);
	ck_assert_uint_eq(list.count, 1);
	/* Changed since and asked for with other settings, the same key still finds it. */
	check.id = first;
	check.fail_after = 5;
	OK(dro_provider_put_check(kit.provider, &check, id, sizeof(id), &kit.call, &kit.err));
	check.id = "";
	check.fail_after = 2;
	OK(dro_provider_put_check(kit.provider, &check, id, sizeof(id), &kit.call, &kit.err));
	ck_assert_str_eq(id, first);
	/* A lost answer to a delete is none to the next. */
	lose("DeleteHealthCheck");
	before = lab_calls("DeleteHealthCheck");
	ck_assert_int_eq(
		dro_provider_delete_check(kit.provider, id, &kit.call, &kit.err), DRO_ETIMEDOUT);
	OK(dro_provider_delete_check(kit.provider, id, &kit.call, &kit.err));
	ck_assert_int_eq(lab_calls("DeleteHealthCheck"), before + 2);
	ck_assert_ptr_null(find(&kit, &list, id));
	ck_assert_int_eq(
		dro_provider_put_check(kit.provider, &check, id, sizeof(id), &kit.call, &kit.err),
		DRO_ECONFLICT);
	dro_health_check_list_free(&list);
	live_close(&kit);
}
END_TEST

START_TEST(is_changed_at_its_version)
{
	struct live kit = open_lab();
	struct dro_health_check check = check_of("127.0.0.1", 1);
	struct dro_health_check_list list = {0};
	const struct dro_health_check *there;
	char id[80], again[80];

	kit.call.idem_key = "run-1-version";
	OK(dro_provider_put_check(kit.provider, &check, id, sizeof(id), &kit.call, &kit.err));
	check.id = id;
	check.version = "1";
	check.host = check.path = "";
	check.port = 2;
	lose("UpdateHealthCheck");
	ck_assert_int_eq(dro_provider_put_check(
				 kit.provider, &check, again, sizeof(again), &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	OK(dro_provider_put_check(kit.provider, &check, again, sizeof(again), &kit.call, &kit.err));
	there = find(&kit, &list, id);
	ck_assert_str_eq(there->version, "2");
	ck_assert_str_eq(there->host, "");
	ck_assert_str_eq(there->path, "");
	ck_assert_uint_eq(there->port, 2);
	ck_assert_uint_eq(there->interval_s, 10);
	check.port = 3;
	ck_assert_int_eq(dro_provider_put_check(
				 kit.provider, &check, again, sizeof(again), &kit.call, &kit.err),
		DRO_ECONFLICT);
	check.version = "2";
	check.owner = "";
	OK(dro_provider_put_check(kit.provider, &check, again, sizeof(again), &kit.call, &kit.err));
	ck_assert_str_eq(find(&kit, &list, id)->owner, "");
	OK(dro_provider_delete_check(kit.provider, id, &kit.call, &kit.err));
	dro_health_check_list_free(&list);
	live_close(&kit);
}
END_TEST

static void wait_for(struct live *kit, const char *id, uint32_t state)
{
	uint64_t end = dro_now_ms() + 20000;
	struct dro_vantage_list seen = {0};
	bool as_wanted = false;

	while (!as_wanted && dro_now_ms() < end) {
		dro_vantage_list_free(&seen);
		ck_assert_msg(dro_provider_check_status(
				      kit->provider, id, &seen, &kit->call, &kit->err) == 0,
			"%s", kit->err.message);
		as_wanted = seen.count > 0 && seen.items[0]->state == state;
		nanosleep(&(struct timespec){.tv_nsec = as_wanted ? 0 : 20000000}, NULL);
	}
	ck_assert_msg(as_wanted, "not in state %u", state);
	ck_assert_ptr_nonnull(strchr(seen.items[0]->name, ' '));
	ck_assert_int_gt(seen.items[0]->checked_ms, 0);
	dro_vantage_list_free(&seen);
}

START_TEST(is_seen_and_used)
{
	struct live kit = open_lab();
	struct dro_health_check well = check_of("127.0.0.1", (uint32_t)lab_port),
				ill = check_of("127.0.0.1", 1);
	struct dro_record a = {.name = NAME, .type = "A", .set_id = "main"},
			  b = {.name = NAME, .type = "A", .set_id = "tier 2"};
	const struct dro_record *sets[] = {&a, &b};
	char one[80], two[80], line[512];

	LAB_DO("route53", "zone", ZONE);
	well.kind = DRO_CHECK_TCP;
	well.path = "";
	kit.call.idem_key = "run-1-well";
	OK(dro_provider_put_check(kit.provider, &well, one, sizeof(one), &kit.call, &kit.err));
	kit.call.idem_key = "run-1-ill";
	OK(dro_provider_put_check(kit.provider, &ill, two, sizeof(two), &kit.call, &kit.err));
	wait_for(&kit, one, DRO_HEALTHY);
	wait_for(&kit, two, DRO_UNHEALTHY);
	a.failover = DRO_FAILOVER_PRIMARY;
	a.health_check = one;
	b.failover = DRO_FAILOVER_SECONDARY;
	b.health_check = two;
	put(&kit, &a, "192.0.2.1");
	put(&kit, &b, "192.0.2.2");
	snprintf(line, sizeof(line),
		NAME " main 60/0 [" MARK "] primary if %s 192.0.2.1; " NAME " tier 2 60/0 [" MARK
		     "] secondary if %s 192.0.2.2",
		one, two);
	ck_assert_str_eq(listed(&kit, NAME, "A"), line);
	ck_assert_int_eq(
		dro_provider_delete_check(kit.provider, two, &kit.call, &kit.err), DRO_ECONFLICT);
	OK(dro_provider_apply(kit.provider, ZONE, NULL, 0, sets, 2, NULL, 0, &kit.call, &kit.err));
	OK(dro_provider_delete_check(kit.provider, one, &kit.call, &kit.err));
	OK(dro_provider_delete_check(kit.provider, two, &kit.call, &kit.err));
	/* One that is gone cannot be put on a record. */
	a.value_count = 1;
	a.values = &(const char *){"192.0.2.1"};
	ck_assert_int_eq(dro_provider_apply(kit.provider, ZONE, sets, 1, NULL, 0, NULL, 0,
				 &kit.call, &kit.err),
		DRO_ENOTFOUND);
	live_close(&kit);
}
END_TEST

/* More than a page of them, and more than ten marks. */
START_TEST(many_are_listed)
{
	enum { MANY = 105 };
	struct live kit = open_lab();
	struct dro_health_check check = check_of("127.0.0.1", 1);
	struct dro_health_check_list list = {0};
	char key[32], id[80];
	size_t marked = 0;
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "run-1-many-%d", i);
		kit.call.idem_key = key;
		check.owner = i % 2 ? MARK : "";
		OK(dro_provider_put_check(
			kit.provider, &check, id, sizeof(id), &kit.call, &kit.err));
	}
	ck_assert_ptr_nonnull(find(&kit, &list, id));
	ck_assert_uint_eq(list.count, MANY);
	for (i = 0; i < MANY; i++)
		marked += strcmp(list.items[i]->owner, MARK) == 0;
	ck_assert_uint_eq(marked, MANY / 2);
	dro_health_check_list_free(&list);
	live_close(&kit);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("route53_lab_health");
	TCase *tcase = tcase_create("lab");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, is_made_once);
	tcase_add_test(tcase, is_changed_at_its_version);
	tcase_add_test(tcase, is_seen_and_used);
	tcase_add_test(tcase, many_are_listed);
	suite_add_tcase(suite, tcase);
	return lab_run_suite(suite);
}
