/* When services are looked at, under a clock that the test moves. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/schedule.h"

#define PERIOD 60000
#define RETRY 1000
#define SERVICES 200

static uint64_t fake_now;

static uint64_t read_fake(const struct dro_clock *clock)
{
	(void)clock;
	return fake_now;
}

static const struct dro_clock fake_clock = {.now_ms = read_fake};
static const struct dro_schedule_times times = {PERIOD, RETRY, 4 * PERIOD};
static const char *const three[] = {"a", "b", "c"};
static struct dro_schedule *schedule;
static struct dro_error err;

static void set_up(void)
{
	err = (struct dro_error)DRO_ERROR_INIT;
	fake_now = 1000000;
	ck_assert_int_eq(dro_schedule_new(&schedule, &times, &fake_clock, 7, &err), 0);
}

static void tear_down(void)
{
	dro_schedule_free(schedule);
}

static void set(const char *const *names, size_t count)
{
	ck_assert_int_eq(dro_schedule_set(schedule, names, count, &err), 0);
}

static void expect_take(const char *name)
{
	const char *taken = dro_schedule_take(schedule);

	if (!name)
		ck_assert_msg(!taken, "%s is due", taken);
	else
		ck_assert_str_eq(taken ? taken : "(nothing)", name);
}

static uint64_t left(const char *name)
{
	return dro_schedule_next_ms(schedule, name) - fake_now;
}

START_TEST(new_ones_are_due_in_order)
{
	expect_take(NULL);
	ck_assert_uint_eq(dro_schedule_next_ms(schedule, NULL), UINT64_MAX);
	set(three, 3);
	expect_take("a");
	expect_take("b");
	expect_take("c");
	expect_take(NULL);
	ck_assert_uint_eq(dro_schedule_next_ms(schedule, "a"), UINT64_MAX);
}
END_TEST

START_TEST(a_period_with_jitter)
{
	int i;

	set(three, 1);
	expect_take("a");
	dro_schedule_done(schedule, "a", DRO_SCHEDULE_WELL);
	/* After the start, when all came at once, they part for good. */
	ck_assert_uint_ge(left("a"), PERIOD / 2);
	ck_assert_uint_le(left("a"), PERIOD);
	for (i = 0; i < 100; i++) {
		fake_now = dro_schedule_next_ms(schedule, "a");
		expect_take("a");
		dro_schedule_done(schedule, "a", DRO_SCHEDULE_WELL);
		ck_assert_uint_ge(left("a"), PERIOD * 9 / 10);
		ck_assert_uint_le(left("a"), PERIOD * 11 / 10);
	}
}
END_TEST

START_TEST(failures_back_off_and_heal)
{
	uint64_t wait = RETRY;
	int i;

	set(three, 1);
	for (i = 0; i < 20; i++) {
		fake_now = dro_schedule_next_ms(schedule, "a");
		expect_take("a");
		dro_schedule_done(schedule, "a", DRO_SCHEDULE_FAILED);
		ck_assert_uint_ge(left("a"), wait * 8 / 10);
		ck_assert_uint_le(left("a"), wait);
		wait = wait * 2 < times.retry_max_ms ? wait * 2 : times.retry_max_ms;
	}
	/* Looking again after a change of ours forgives nothing; a good pass does. */
	fake_now = dro_schedule_next_ms(schedule, "a");
	expect_take("a");
	dro_schedule_done(schedule, "a", DRO_SCHEDULE_AGAIN);
	expect_take("a");
	dro_schedule_done(schedule, "a", DRO_SCHEDULE_FAILED);
	ck_assert_uint_ge(left("a"), times.retry_max_ms * 8 / 10);
	fake_now = dro_schedule_next_ms(schedule, "a");
	expect_take("a");
	dro_schedule_done(schedule, "a", DRO_SCHEDULE_WELL);
	fake_now = dro_schedule_next_ms(schedule, "a");
	expect_take("a");
	dro_schedule_done(schedule, "a", DRO_SCHEDULE_FAILED);
	ck_assert_uint_le(left("a"), RETRY);
}
END_TEST

START_TEST(called_while_taken)
{
	set(three, 2);
	expect_take("a");
	expect_take("b");
	dro_schedule_done(schedule, "b", DRO_SCHEDULE_WELL);
	dro_schedule_now(schedule, NULL);
	expect_take("b");
	expect_take(NULL);
	dro_schedule_done(schedule, "a", DRO_SCHEDULE_FAILED);
	expect_take("a"); /* it was called in the middle of that */
	dro_schedule_done(schedule, "a", DRO_SCHEDULE_WELL);
	expect_take(NULL);
}
END_TEST

START_TEST(who_waits_keeps_its_place)
{
	set(three, 3);
	expect_take("a");
	dro_schedule_done(schedule, "a", DRO_SCHEDULE_AGAIN);
	fake_now += 5;
	dro_schedule_now(schedule, "c");
	dro_schedule_now(schedule, "b");
	/* b and c have been due as long as a; nobody is pushed back by being called. */
	ck_assert_uint_eq(dro_schedule_next_ms(schedule, "b"), fake_now - 5);
	expect_take("a");
	dro_schedule_done(schedule, "a", DRO_SCHEDULE_AGAIN);
	expect_take("b");
	expect_take("c");
	expect_take("a");
}
END_TEST

START_TEST(others_come_and_go)
{
	static const char *const other[] = {"b", "d"};

	set(three, 3);
	expect_take("a");
	expect_take("b");
	dro_schedule_done(schedule, "b", DRO_SCHEDULE_WELL);
	set(other, 2);
	dro_schedule_done(schedule, "a", DRO_SCHEDULE_WELL); /* gone while it was taken */
	ck_assert_uint_eq(dro_schedule_next_ms(schedule, "a"), UINT64_MAX);
	expect_take("d");
	expect_take(NULL);
	ck_assert_uint_ge(left("b"), PERIOD / 2);
}
END_TEST

/* 200 services, all new: whoever takes a few at a time gets to each, and after some rounds they do
 * not come together any more. */
START_TEST(no_herd_and_no_starvation)
{
	static int visits[SERVICES];
	static char texts[SERVICES][16];
	static const char *names[SERVICES];
	unsigned most = 0, in_second = 0;
	const char *name;
	uint64_t second;
	int i;

	for (i = 0; i < SERVICES; i++) {
		snprintf(texts[i], sizeof(texts[i]), "s%03d", i);
		names[i] = texts[i];
	}
	set(names, SERVICES);
	for (second = 0; second < 3600; second++) {
		fake_now += 1000;
		in_second = 0;
		/* Not more than eight a second can be looked at. */
		while (in_second < 8 && (name = dro_schedule_take(schedule))) {
			visits[strtol(name + 1, NULL, 10)]++;
			/* s000 fails always, s001 never comes to rest. */
			dro_schedule_done(schedule, name,
				strcmp(name, "s000") == 0   ? DRO_SCHEDULE_FAILED
				: strcmp(name, "s001") == 0 ? DRO_SCHEDULE_AGAIN
							    : DRO_SCHEDULE_WELL);
			in_second++;
			if (strcmp(name, "s001") == 0)
				break;
		}
		if (second > 600 && in_second > most)
			most = in_second;
	}
	ck_assert_int_le(visits[0], 30);
	for (i = 2; i < SERVICES; i++)
		ck_assert_msg(visits[i] >= 40 && visits[i] <= 75, "%s: %d visits in an hour",
			names[i], visits[i]);
	ck_assert_uint_gt(most, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("schedule");
	TCase *tcase = tcase_create("schedule");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, new_ones_are_due_in_order);
	tcase_add_test(tcase, a_period_with_jitter);
	tcase_add_test(tcase, failures_back_off_and_heal);
	tcase_add_test(tcase, called_while_taken);
	tcase_add_test(tcase, who_waits_keeps_its_place);
	tcase_add_test(tcase, others_come_and_go);
	tcase_add_test(tcase, no_herd_and_no_starvation);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
