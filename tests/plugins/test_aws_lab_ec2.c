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
#define IDLE_ID "ami-0123456789abcdef1"

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

/* An image of which nothing runs, for fleets. */
static void add_idle_image(void)
{
	char folder[128], path[160];

	snprintf(folder, sizeof(folder), "%s/fleet", lab_state);
	snprintf(path, sizeof(path), "%s/idle", folder);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	ck_assert_int_eq(dro_file_write(path, "", 0, 0600, NULL), 0);
	LAB_DO("image", "add", folder, "--name", "fleet", "--region", "us-east-1", "--id", IDLE_ID);
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
static void wait_instance(struct live *live, const char *region, const char *id, uint32_t state)
{
	struct dro_instance_query query = {
		.size = sizeof(query), .region = region, .ids = &id, .id_count = 1};

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
	wait_instance(&kit, "", first.items[0]->id, DRO_INSTANCE_RUNNING);
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_str_eq(seen.items[0]->name, "once");
	spec.type = "t3.large";
	ck_assert_int_eq(run(&kit, &spec, &again), DRO_ECONFLICT);
	ck_assert_str_eq(kit.err.provider_code, "IdempotentParameterMismatch");
	OK(dro_provider_terminate_instances(kit.provider, "",
		(const char *const[]){first.items[0]->id}, 1, &kit.call, &kit.err));
	wait_instance(&kit, "", first.items[0]->id, DRO_INSTANCE_TERMINATED);
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
	wait_instance(&kit, "", id, DRO_INSTANCE_RUNNING);
	OK(dro_provider_power_instances(
		kit.provider, "", &id, 1, DRO_POWER_FORCE_STOP, &kit.call, &kit.err));
	wait_instance(&kit, "", id, DRO_INSTANCE_STOPPED);
	OK(dro_provider_power_instances(
		kit.provider, "", &id, 1, DRO_POWER_START, &kit.call, &kit.err));
	wait_instance(&kit, "", id, DRO_INSTANCE_RUNNING);
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

/* An instance of the image, in that region, reads what stands in its disk. */
static void boots_there(struct live *kit, const char *region, const char *image)
{
	struct dro_instance_spec spec = spec_of("far");
	struct dro_instance_list made = {0};
	struct dro_buf word = DRO_BUF_INIT(64);
	char path[160];
	const char *key = kit->call.idem_key;

	spec.region = region;
	spec.image = image;
	kit->call.idem_key = "far-instance";
	ck_assert_msg(run(kit, &spec, &made) == 0, "%s", kit->err.message);
	wait_instance(kit, region, made.items[0]->id, DRO_INSTANCE_RUNNING);
	snprintf(path, sizeof(path), "%s/instances/%s/disk/word", lab_state, made.items[0]->id);
	ck_assert_int_eq(dro_file_read(&word, path, NULL), 0);
	ck_assert_str_eq(dro_buf_str(&word), "golden\n");
	ck_assert_int_eq(
		dro_provider_terminate_instances(kit->provider, region,
			(const char *const[]){made.items[0]->id}, 1, &kit->call, &kit->err),
		0);
	kit->call.idem_key = key;
	dro_buf_free(&word);
	dro_instance_list_free(&made);
}

START_TEST(one_image_a_key)
{
	struct live kit = lab_open();
	struct dro_instance_spec source = spec_of("golden");
	struct dro_instance_list golden = {0};
	struct dro_image_spec spec = {.size = sizeof(spec), .no_reboot = 1, .name = "golden (1)"};
	struct dro_image_query query = {.size = sizeof(query), .name = "golden (1)"};
	struct dro_image_list made = {0}, seen = {0}, copied = {0};
	char path[160];

	add_image();
	kit.call.idem_key = "golden-instance";
	OK(run(&kit, &source, &golden));
	wait_instance(&kit, "", golden.items[0]->id, DRO_INSTANCE_RUNNING);
	snprintf(path, sizeof(path), "%s/instances/%s/disk/word", lab_state, golden.items[0]->id);
	OK(dro_file_write(path, "golden\n", 7, 0600, NULL));
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
	LAB_DO("fault", "add", "drop", "--vendor", "ec2", "--operation", "CopyImage", "--count",
		"1");
	ck_assert_int_eq(dro_provider_copy_image(kit.provider, &spec, &copied, &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	OK(dro_provider_copy_image(kit.provider, &spec, &copied, &kit.call, &kit.err));
	OK(dro_provider_copy_image(kit.provider, &spec, &copied, &kit.call, &kit.err));
	ck_assert_str_eq(copied.items[0]->id, copied.items[1]->id);
	wait_image(&kit, "eu-west-1", copied.items[0]->id);
	boots_there(&kit, "eu-west-1", copied.items[0]->id);
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

/* What the provider says of one instance's health. */
static void health_of(struct live *kit, const char *id, struct dro_instance_health_list *seen)
{
	dro_instance_health_list_free(seen);
	ck_assert_msg(dro_provider_instance_health(
			      kit->provider, "", &id, 1, seen, &kit->call, &kit->err) == 0,
		"%s", kit->err.message);
}

START_TEST(health_is_the_machines)
{
	struct live kit = lab_open();
	struct dro_instance_spec spec = spec_of("well");
	struct dro_instance_list made = {0};
	struct dro_instance_health_list seen = {0};
	const char *id, *ids[2] = {"i-00000000000000000"};

	add_image();
	kit.call.idem_key = "health";
	OK(run(&kit, &spec, &made));
	id = ids[1] = made.items[0]->id;
	wait_instance(&kit, "", id, DRO_INSTANCE_RUNNING);
	OK(dro_provider_instance_health(kit.provider, "", ids, 2, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 1); /* the other one is not there */
	ck_assert_str_eq(seen.items[0]->id, id);
	ck_assert_uint_eq(seen.items[0]->state, DRO_HEALTHY);
	ck_assert_str_eq(seen.items[0]->text, "system ok, instance ok");
	ck_assert_int_gt(seen.items[0]->measured_ms, dro_wall_ms() - 60000);
	ck_assert_int_le(seen.items[0]->measured_ms, dro_wall_ms());
	ck_assert_uint_le(seen.items[0]->cpu_permille, 1000);
	LAB_DO("ec2", "checks", id, "impaired");
	health_of(&kit, id, &seen);
	ck_assert_uint_eq(seen.items[0]->state, DRO_UNHEALTHY);
	LAB_DO("ec2", "checks", id, "initializing");
	LAB_DO("fault", "add", "status", "--vendor", "cloudwatch", "--status", "403", "--count",
		"1");
	health_of(&kit, id, &seen);
	ck_assert_uint_eq(seen.items[0]->state, DRO_HEALTH_UNKNOWN);
	ck_assert_int_eq(seen.items[0]->measured_ms, 0);
	OK(dro_provider_power_instances(
		kit.provider, "", &id, 1, DRO_POWER_FORCE_STOP, &kit.call, &kit.err));
	wait_instance(&kit, "", id, DRO_INSTANCE_STOPPED);
	health_of(&kit, id, &seen);
	ck_assert_str_eq(seen.items[0]->text, "stopped");
	ck_assert_int_eq(seen.items[0]->measured_ms, 0);
	OK(dro_provider_terminate_instances(kit.provider, "", &id, 1, &kit.call, &kit.err));
	dro_instance_list_free(&made);
	dro_instance_health_list_free(&seen);
	live_close(&kit);
}
END_TEST

START_TEST(marks_on_what_is_there)
{
	struct live kit = lab_open();
	struct dro_pair own[] = {{"team", "web"}, {"drorch:service", "other"}},
			marked[] = {{"drorch:service", "adopted"}, {"drorch:site", "main"}};
	struct dro_instance_spec spec = spec_of("by-hand");
	struct dro_instance_query query = {.size = sizeof(query), .tags = marked, .tag_count = 2};
	struct dro_instance_list made = {0}, seen = {0};
	struct dro_instance_marks marks = {.tags = marked, .tag_count = 2, .id_count = 1};
	const char *ids[] = {NULL, "i-00000000000000000"}, *drop[] = {"drorch:site", "absent"};
	int before;

	add_image();
	spec.tags = own;
	spec.tag_count = 2;
	kit.call.idem_key = "by-hand";
	OK(run(&kit, &spec, &made));
	ids[0] = made.items[0]->id;
	marks.ids = ids;
	/* Done, and the answer lost. */
	LAB_DO("fault", "add", "drop", "--vendor", "ec2", "--operation", "CreateTags", "--count",
		"1");
	before = lab_calls("CreateTags");
	OK(dro_provider_mark_instances(kit.provider, &marks, &kit.call, &kit.err));
	ck_assert_int_eq(lab_calls("CreateTags"), before + 2);
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_str_eq(seen.items[0]->name, "by-hand");
	ck_assert_str_eq(dro_instance_tag(seen.items[0], "team"), "web");
	ck_assert_uint_eq(seen.items[0]->tag_count, 4);
	dro_instance_list_free(&seen);
	/* One of them is not there: none is marked. */
	marks.id_count = 2;
	marked[1].value = "other";
	ck_assert_int_eq(dro_provider_mark_instances(kit.provider, &marks, &kit.call, &kit.err),
		DRO_ENOTFOUND);
	marks.id_count = 1;
	marks.tag_count = 0;
	marks.drop = drop;
	marks.drop_count = 2;
	OK(dro_provider_mark_instances(kit.provider, &marks, &kit.call, &kit.err));
	query.tag_count = 1;
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_uint_eq(seen.items[0]->tag_count, 3);
	ck_assert_ptr_null(dro_instance_tag(seen.items[0], "drorch:site"));
	OK(dro_provider_terminate_instances(kit.provider, "", ids, 1, &kit.call, &kit.err));
	dro_instance_list_free(&made);
	dro_instance_list_free(&seen);
	live_close(&kit);
}
END_TEST

START_TEST(sizes_change_at_rest)
{
	struct live kit = lab_open();
	struct dro_instance_spec spec = spec_of("grows");
	struct dro_instance_list made = {0}, seen = {0};
	struct dro_instance_query query = {.size = sizeof(query), .id_count = 1};
	const char *id;
	int before;

	add_image();
	kit.call.idem_key = "grows";
	OK(run(&kit, &spec, &made));
	id = made.items[0]->id;
	query.ids = &id;
	wait_instance(&kit, "", id, DRO_INSTANCE_RUNNING);
	ck_assert_int_eq(
		dro_provider_resize_instance(kit.provider, "", id, "t3.large", &kit.call, &kit.err),
		DRO_ECONFLICT);
	ck_assert_str_eq(kit.err.provider_code, "IncorrectInstanceState");
	OK(dro_provider_power_instances(
		kit.provider, "", &id, 1, DRO_POWER_FORCE_STOP, &kit.call, &kit.err));
	wait_instance(&kit, "", id, DRO_INSTANCE_STOPPED);
	/* Done, and the answer lost: it is asked again, and the repeat is a success. */
	LAB_DO("fault", "add", "drop", "--vendor", "ec2", "--operation", "ModifyInstanceAttribute",
		"--count", "1");
	before = lab_calls("ModifyInstanceAttribute");
	OK(dro_provider_resize_instance(kit.provider, "", id, "t3.large", &kit.call, &kit.err));
	ck_assert_int_eq(lab_calls("ModifyInstanceAttribute"), before + 2);
	OK(dro_provider_resize_instance(kit.provider, "", id, "t3.large", &kit.call, &kit.err));
	ck_assert_int_eq(dro_provider_resize_instance(
				 kit.provider, "", id, "t3.enormous", &kit.call, &kit.err),
		DRO_EINVAL);
	ck_assert_int_eq(dro_provider_resize_instance(kit.provider, "", "i-00000000000000000",
				 "t3.large", &kit.call, &kit.err),
		DRO_ENOTFOUND);
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_str_eq(seen.items[0]->type, "t3.large");
	ck_assert_uint_eq(seen.items[0]->state, DRO_INSTANCE_STOPPED);
	OK(dro_provider_terminate_instances(kit.provider, "", &id, 1, &kit.call, &kit.err));
	dro_instance_list_free(&made);
	dro_instance_list_free(&seen);
	live_close(&kit);
}
END_TEST

/* Ten pages for ten thousand, and no more for a tenth of them than they need. */
START_TEST(ten_thousand_in_ten_pages)
{
	struct live kit = lab_open();
	struct dro_pair tags[] = {{"drorch:service", "fleet"}, {"batch", "0"}};
	struct dro_instance_spec spec = spec_of("");
	struct dro_instance_query query = {.size = sizeof(query), .tags = tags, .tag_count = 1};
	struct dro_instance_list made = {0}, seen = {0};
	struct dro_instance_health_list health = {0};
	const char *ids[10000];
	char key[16], batch[2];
	size_t i;
	int before, measured = lab_calls("GetMetricData");

	add_idle_image();
	LAB_DO("ec2", "limits", "off");
	LAB_DO("ec2", "quota", "20000");
	spec.image = IDLE_ID;
	spec.count = 1000;
	spec.tags = tags;
	spec.tag_count = 2;
	for (i = 0; i < 10; i++) {
		snprintf(key, sizeof(key), "fleet-%zu", i);
		snprintf(batch, sizeof(batch), "%zu", i);
		tags[1].value = batch;
		kit.call.deadline_ms = dro_now_ms() + 60000;
		kit.call.idem_key = key;
		OK(dro_provider_create_instances(kit.provider, &spec, &made, &kit.call, &kit.err));
	}
	for (i = 0; i < 10000; i++)
		ids[i] = made.items[i]->id;
	wait_instance(&kit, "", ids[9999], DRO_INSTANCE_RUNNING);
	before = lab_calls("DescribeInstances");
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 10000);
	ck_assert_str_eq(seen.items[9999]->id, ids[9999]);
	ck_assert_int_eq(lab_calls("DescribeInstances") - before, 10);
	query.tag_count = 2;
	dro_instance_list_free(&seen);
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 1000);
	ck_assert_int_eq(lab_calls("DescribeInstances") - before, 11);
	kit.call.deadline_ms = dro_now_ms() + 60000;
	query = (struct dro_instance_query){.size = sizeof(query), .ids = ids, .id_count = 10000};
	dro_instance_list_free(&seen);
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 10000);
	OK(dro_provider_instance_health(kit.provider, "", ids, 2000, &health, &kit.call, &kit.err));
	ck_assert_uint_eq(health.count, 2000);
	ck_assert_uint_eq(health.items[1999]->state, DRO_HEALTHY);
	ck_assert_int_eq(lab_calls("GetMetricData"), measured + 4);
	OK(dro_provider_terminate_instances(kit.provider, "", ids, 1500, &kit.call, &kit.err));
	LAB_DO("ec2", "limits", "on");
	dro_instance_list_free(&made);
	dro_instance_list_free(&seen);
	dro_instance_health_list_free(&health);
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
	tcase_add_test(tcase, health_is_the_machines);
	tcase_add_test(tcase, marks_on_what_is_there);
	tcase_add_test(tcase, sizes_change_at_rest);
	tcase_add_test(tcase, ten_thousand_in_ten_pages);
	tcase_add_test(tcase, identity);
	suite_add_tcase(suite, tcase);
	return lab_run_suite(suite);
}
