/* Rate budgets, mostly under a clock that the test moves. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "net/budget.h"

static uint64_t fake_now = 1000000;

static uint64_t read_fake(const struct dro_clock *clock)
{
	(void)clock;
	return fake_now;
}

static const struct dro_clock fake_clock = {.now_ms = read_fake};
static const struct dro_budget_rate ten = {10.0, 20.0};

static struct dro_budget *budget;
static struct dro_error err;

static void set_up(void)
{
	err = (struct dro_error)DRO_ERROR_INIT;
	ck_assert_int_eq(dro_budget_new(&budget, &fake_clock, &err), 0);
	ck_assert_int_eq(dro_budget_set(budget, "aws", "ec2", ten, &err), 0);
}

static void tear_down(void)
{
	dro_budget_free(budget);
}

static bool take(enum dro_budget_class class)
{
	return dro_budget_take(budget, "aws", "ec2", class, fake_now, &err) == 0;
}

static int take_all(enum dro_budget_class class)
{
	int count = 0;

	while (count < 1000 && take(class))
		count++;
	return count;
}

START_TEST(burst_then_rate)
{
	ck_assert_int_eq(take_all(DRO_BUDGET_FOREGROUND), 20);
	ck_assert_int_eq(err.code, DRO_EAGAIN);
	ck_assert_uint_eq(err.retry_after_ms, 100);
	ck_assert_ptr_nonnull(strstr(err.message, "ec2"));
	fake_now += 1000;
	ck_assert_int_eq(take_all(DRO_BUDGET_FOREGROUND), 10);
	fake_now += 3600000;
	ck_assert_int_eq(take_all(DRO_BUDGET_FOREGROUND), 20);
}
END_TEST

START_TEST(background_has_its_share)
{
	int i, taken = 0;

	ck_assert_int_eq(take_all(DRO_BUDGET_BACKGROUND), 8);
	ck_assert_int_eq(take_all(DRO_BUDGET_FOREGROUND), 12);
	/* Over a minute with nobody else: 40 % of the rate. */
	fake_now += 3600000;
	take_all(DRO_BUDGET_BACKGROUND);
	for (i = 0; i < 600; i++) {
		fake_now += 100;
		taken += take_all(DRO_BUDGET_BACKGROUND);
	}
	ck_assert_int_ge(taken, 230);
	ck_assert_int_le(taken, 241);
}
END_TEST

START_TEST(background_leaves_the_last_fifth)
{
	int i;

	for (i = 0; i < 16; i++)
		ck_assert(take(DRO_BUDGET_FOREGROUND));
	ck_assert(!take(DRO_BUDGET_BACKGROUND));
	for (i = 0; i < 4; i++)
		ck_assert(take(DRO_BUDGET_FOREGROUND));
}
END_TEST

START_TEST(buckets_are_apart)
{
	take_all(DRO_BUDGET_FOREGROUND);
	ck_assert_int_eq(
		dro_budget_take(budget, "aws", "s3", DRO_BUDGET_FOREGROUND, fake_now, &err), 0);
	ck_assert_int_eq(
		dro_budget_take(budget, "other", "ec2", DRO_BUDGET_FOREGROUND, fake_now, &err), 0);
	ck_assert_int_eq(
		dro_budget_take(budget, NULL, NULL, DRO_BUDGET_FOREGROUND, fake_now, &err), 0);
}
END_TEST

START_TEST(pauses)
{
	dro_budget_pause(budget, "aws", "ec2", fake_now + 5000);
	dro_budget_pause(budget, "aws", "ec2", fake_now + 100); /* a shorter one changes nothing */
	ck_assert(!take(DRO_BUDGET_FOREGROUND));
	ck_assert_uint_eq(err.retry_after_ms, 5000);
	fake_now += 4999;
	ck_assert(!take(DRO_BUDGET_FOREGROUND));
	fake_now += 1;
	ck_assert(take(DRO_BUDGET_FOREGROUND));
}
END_TEST

START_TEST(bad_rates)
{
	static const struct dro_budget_rate rates[] = {{0, 1}, {-1, 5}, {5, 0.5}, {5, 0}};
	size_t i;

	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		ck_assert_int_eq(dro_budget_set(budget, "aws", "x", rates[i], &err), DRO_EINVAL);
	/* A burst of one leaves no fifth to keep: background must still get something. */
	ck_assert_int_eq(
		dro_budget_set(budget, "aws", "ec2", (struct dro_budget_rate){1, 1}, &err), 0);
	ck_assert(take(DRO_BUDGET_BACKGROUND));
}
END_TEST

struct worker {
	pthread_t thread;
	struct dro_budget *budget;
	int rc;
};

static void *wait_for_one(void *arg)
{
	struct worker *worker = arg;

	worker->rc = dro_budget_take(
		worker->budget, "a", "b", DRO_BUDGET_FOREGROUND, dro_now_ms() + 20000, NULL);
	return NULL;
}

/* In real time: eight threads share a rate, none goes away empty, none too early. */
START_TEST(threads_wait_in_turn)
{
	struct dro_budget *real;
	struct worker workers[8];
	uint64_t began;
	int i;

	ck_assert_int_eq(dro_budget_new(&real, NULL, &err), 0);
	ck_assert_int_eq(dro_budget_set(real, "a", "b", (struct dro_budget_rate){50, 1}, &err), 0);
	began = dro_now_ms();
	for (i = 0; i < 8; i++) {
		workers[i].budget = real;
		pthread_create(&workers[i].thread, NULL, wait_for_one, &workers[i]);
	}
	for (i = 0; i < 8; i++) {
		pthread_join(workers[i].thread, NULL);
		ck_assert_int_eq(workers[i].rc, 0);
	}
	ck_assert_uint_ge(dro_now_ms() - began, 130);
	dro_budget_free(real);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {burst_then_rate, background_has_its_share,
		background_leaves_the_last_fifth, buckets_are_apart, pauses, bad_rates,
		threads_wait_in_turn};
	Suite *suite = suite_create("budget");
	TCase *group = tcase_create("budget");
	SRunner *runner;
	int failed;
	size_t i;

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_set_timeout(group, 60);
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(group, tests[i]);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
