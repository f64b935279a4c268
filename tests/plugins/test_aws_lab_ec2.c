/*
 * The aws plugin's instances and images against drorch-lab, which honours tokens, shows pending
 * states and list lag, and loses answers after the work is done.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "plugins/aws_lab.h"

#define IMAGE_ID "ami-0123456789abcdef0"

/* An image whose machine does nothing, for as long as it lives. */
static void add_image(void)
{
	static const char boot[] = "#!/bin/sh\nexec sleep 1000\n";
	char folder[128], path[160];

	snprintf(folder, sizeof(folder), "%s/idle", lab_state);
	snprintf(path, sizeof(path), "%s/boot", folder);
	if (mkdir(folder, 0700) < 0) /* there already */
		return;
	ck_assert_int_eq(dro_file_write(path, boot, sizeof(boot) - 1, 0755, NULL), 0);
	LAB_DO("image", "add", folder, "--name", "idle", "--region", "us-east-1", "--id", IMAGE_ID);
}

static struct dro_instance_spec spec_of(const char *name)
{
	return (struct dro_instance_spec){.size = sizeof(struct dro_instance_spec),
		.count = 1,
		.name = name,
		.type = "t3.micro",
		.image = IMAGE_ID};
}

/* As a caller does: the lab lets five RunInstances pass at once, then two a second. */
static int run(
	struct live *live, const struct dro_instance_spec *spec, struct dro_instance_list *made)
{
	int rc;

	while ((rc = dro_provider_create_instances(
			live->provider, spec, made, &live->call, &live->err)) == DRO_EAGAIN &&
		dro_now_ms() < live->call.deadline_ms)
		nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
	return rc;
}

/* Waits for the state of one instance; every wait is bounded by the call's deadline. */
static void wait_instance(struct live *live, const char *id, uint32_t state)
{
	struct dro_instance_query query = {.size = sizeof(query), .ids = &id, .id_count = 1};

	for (;;) {
		struct dro_instance_list seen = {0};
		bool there = dro_provider_list_instances(
				     live->provider, &query, &seen, &live->call, &live->err) == 0 &&
			     seen.count == 1 && seen.items[0]->state == state;

		dro_instance_list_free(&seen);
		if (there)
			return;
		ck_assert_msg(
			dro_now_ms() < live->call.deadline_ms, "%s: %s", id, live->err.message);
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
}

START_TEST(one_instance_a_key)
{
	struct live kit = lab_open();
	struct dro_instance_spec spec = spec_of("once");
	struct dro_instance_list first = {0}, again = {0}, seen = {0};
	struct dro_pair tags[] = {{"drorch:service", "one-a-key"}};
	struct dro_instance_query query = {.size = sizeof(query), .tags = tags, .tag_count = 1};

	add_image();
	spec.tags = tags;
	spec.tag_count = 1;
	kit.call.idem_key = "one-a-key";
	OK(dro_provider_check_capacity(kit.provider, &spec, &kit.call, &kit.err));
	/* Made, and the answer lost. */
	LAB_DO("fault", "add", "drop", "--vendor", "ec2", "--operation", "RunInstances", "--count",
		"1");
	ck_assert_int_eq(run(&kit, &spec, &first), DRO_ETIMEDOUT);
	OK(run(&kit, &spec, &first));
	OK(run(&kit, &spec, &again));
	ck_assert_str_eq(first.items[0]->id, again.items[0]->id);
	wait_instance(&kit, first.items[0]->id, DRO_INSTANCE_RUNNING);
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_str_eq(seen.items[0]->name, "once");
	spec.type = "t3.large";
	ck_assert_int_eq(run(&kit, &spec, &again), DRO_ECONFLICT);
	ck_assert_str_eq(kit.err.provider_code, "IdempotentParameterMismatch");
	OK(dro_provider_terminate_instances(kit.provider, "",
		(const char *const[]){first.items[0]->id}, 1, &kit.call, &kit.err));
	wait_instance(&kit, first.items[0]->id, DRO_INSTANCE_TERMINATED);
	dro_instance_list_free(&first);
	dro_instance_list_free(&again);
	dro_instance_list_free(&seen);
	live_close(&kit);
}
END_TEST

START_TEST(power_is_seen)
{
	struct live kit = lab_open();
	struct dro_instance_spec spec = spec_of("power");
	struct dro_instance_list made = {0};
	const char *id;

	add_image();
	kit.call.idem_key = "power-is-seen";
	OK(run(&kit, &spec, &made));
	id = made.items[0]->id;
	wait_instance(&kit, id, DRO_INSTANCE_RUNNING);
	OK(dro_provider_power_instances(
		kit.provider, "", &id, 1, DRO_POWER_FORCE_STOP, &kit.call, &kit.err));
	wait_instance(&kit, id, DRO_INSTANCE_STOPPED);
	OK(dro_provider_power_instances(
		kit.provider, "", &id, 1, DRO_POWER_START, &kit.call, &kit.err));
	wait_instance(&kit, id, DRO_INSTANCE_RUNNING);
	OK(dro_provider_terminate_instances(kit.provider, "", &id, 1, &kit.call, &kit.err));
	OK(dro_provider_terminate_instances(kit.provider, "",
		(const char *const[]){"i-00000000000000000", id}, 2, &kit.call, &kit.err));
	dro_instance_list_free(&made);
	live_close(&kit);
}
END_TEST

START_TEST(refusals_are_told_apart)
{
	static const struct {
		const char *status, *code;
		int want;
	} faults[] = {{"500", "InsufficientInstanceCapacity", DRO_EQUOTA},
		{"503", "RequestLimitExceeded", DRO_EAGAIN},
		{"500", "InternalError", DRO_ETIMEDOUT},
		{"403", "UnauthorizedOperation", DRO_EAUTH}};
	struct live kit = lab_open();
	struct dro_instance_spec spec = spec_of("refused");
	struct dro_instance_list made = {0};
	const char *id = "i-00000000000000000";
	struct dro_instance_query query = {.size = sizeof(query), .ids = &id, .id_count = 1};
	size_t i;
	int rc;

	add_image();
	kit.call.idem_key = "refusals";
	for (i = 0; i < 4; i++) {
		LAB_DO("fault", "add", "status", "--vendor", "ec2", "--operation", "RunInstances",
			"--count", "1", "--status", faults[i].status, "--code", faults[i].code);
		rc = dro_provider_create_instances(kit.provider, &spec, &made, &kit.call, &kit.err);
		if (rc == DRO_EAGAIN && faults[i].want != DRO_EAGAIN) /* the lab's own limit */
			rc = run(&kit, &spec, &made);
		ck_assert_int_eq(rc, faults[i].want);
	}
	ck_assert_uint_eq(made.count, 0);
	ck_assert_int_eq(
		dro_provider_list_instances(kit.provider, &query, &made, &kit.call, &kit.err),
		DRO_ENOTFOUND);
	spec.image = "ami-0fedcba9876543210";
	ck_assert_int_eq(run(&kit, &spec, &made), DRO_ENOTFOUND);
	live_close(&kit);
}
END_TEST

static void wait_image(struct live *live, const char *region, const char *id)
{
	struct dro_image_query query = {
		.size = sizeof(query), .region = region, .ids = &id, .id_count = 1};

	for (;;) {
		struct dro_image_list seen = {0};
		bool there = dro_provider_list_images(
				     live->provider, &query, &seen, &live->call, &live->err) == 0 &&
			     seen.count == 1 && seen.items[0]->state == DRO_IMAGE_AVAILABLE;

		dro_image_list_free(&seen);
		if (there)
			return;
		ck_assert_msg(
			dro_now_ms() < live->call.deadline_ms, "%s: %s", id, live->err.message);
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
}

START_TEST(one_image_a_key)
{
	struct live kit = lab_open();
	struct dro_instance_spec source = spec_of("golden");
	struct dro_instance_list golden = {0};
	struct dro_image_spec spec = {.size = sizeof(spec), .no_reboot = 1, .name = "golden (1)"};
	struct dro_image_query query = {.size = sizeof(query), .name = "golden (1)"};
	struct dro_image_list made = {0}, seen = {0}, copied = {0};

	add_image();
	kit.call.idem_key = "golden-instance";
	OK(run(&kit, &source, &golden));
	wait_instance(&kit, golden.items[0]->id, DRO_INSTANCE_RUNNING);
	kit.call.idem_key = "golden-image";
	spec.source = golden.items[0]->id;
	LAB_DO("fault", "add", "drop", "--vendor", "ec2", "--operation", "CreateImage", "--count",
		"1");
	ck_assert_int_eq(dro_provider_create_image(kit.provider, &spec, &made, &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	OK(dro_provider_create_image(kit.provider, &spec, &made, &kit.call, &kit.err));
	OK(dro_provider_list_images(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_str_eq(seen.items[0]->id, made.items[0]->id);
	kit.call.idem_key = "another";
	ck_assert_int_eq(dro_provider_create_image(kit.provider, &spec, &made, &kit.call, &kit.err),
		DRO_ECONFLICT);
	wait_image(&kit, "", made.items[0]->id);
	kit.call.idem_key = "golden-copy";
	spec.source = made.items[0]->id;
	spec.source_region = "us-east-1";
	spec.region = "eu-west-1";
	OK(dro_provider_copy_image(kit.provider, &spec, &copied, &kit.call, &kit.err));
	OK(dro_provider_copy_image(kit.provider, &spec, &copied, &kit.call, &kit.err));
	ck_assert_str_eq(copied.items[0]->id, copied.items[1]->id);
	wait_image(&kit, "eu-west-1", copied.items[0]->id);
	OK(dro_provider_delete_image(
		kit.provider, "eu-west-1", copied.items[0]->id, &kit.call, &kit.err));
	OK(dro_provider_delete_image(kit.provider, "", made.items[0]->id, &kit.call, &kit.err));
	OK(dro_provider_delete_image(kit.provider, "", made.items[0]->id, &kit.call, &kit.err));
	dro_image_list_free(&seen);
	OK(dro_provider_list_images(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 0);
	OK(dro_provider_terminate_instances(kit.provider, "",
		(const char *const[]){golden.items[0]->id}, 1, &kit.call, &kit.err));
	dro_instance_list_free(&golden);
	dro_image_list_free(&made);
	dro_image_list_free(&seen);
	dro_image_list_free(&copied);
	live_close(&kit);
}
END_TEST

START_TEST(identity)
{
	struct live kit = lab_open();
	char who[256] = "";

	OK(dro_provider_probe(kit.provider, who, sizeof(who), &kit.call, &kit.err));
	ck_assert_int_eq(strncmp(who, "arn:aws:", 8), 0);
	live_close(&kit);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plugins/aws/lab-ec2");
	TCase *tcase = tcase_create("lab-ec2");

	tcase_set_timeout(tcase, 100);
	tcase_add_test(tcase, one_instance_a_key);
	tcase_add_test(tcase, power_is_seen);
	tcase_add_test(tcase, refusals_are_told_apart);
	tcase_add_test(tcase, one_image_a_key);
	tcase_add_test(tcase, identity);
	suite_add_tcase(suite, tcase);
	return lab_run_suite(suite);
}
