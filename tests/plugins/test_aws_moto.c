/*
 * The aws plugin through the program's own provider layer and HTTP against moto_server, which
 * somebody else wrote: a second opinion on the wire syntax. It does not know idempotency tokens,
 * pending states or most validation, so those are not asked of it here.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "plugins/aws_live.h"
#include "plugins/moto.h"

#define KNOWN_IMAGE "ami-12c6146b" /* one that moto brings */

static int moto_port;

/* moto cannot tag snapshots in CreateImage: this image is as if an earlier call had made it. */
static void make_image(struct live *live, const char *instance, const char *name, const char *key)
{
	char form[512];

	snprintf(form, sizeof(form),
		"Action=CreateImage&Version=2016-11-15&InstanceId=%s&Name=%s&NoReboot=true"
		"&TagSpecification.1.ResourceType=image&TagSpecification.1.Tag.1.Key=drorch:request"
		"&TagSpecification.1.Tag.1.Value=%s",
		instance, name, key);
	live_ask(live, "ec2", "POST", "", form);
}

/* ---- what is asked --------------------------------------------------------------------------- */

START_TEST(identity)
{
	struct live kit = live_open(moto_port, "AKIDEXAMPLE", "wJalrXUtnFEMI");
	char who[256] = "";

	OK(dro_provider_probe(kit.provider, who, sizeof(who), &kit.call, &kit.err));
	ck_assert_int_eq(strncmp(who, "arn:aws:", 8), 0);
	live_close(&kit);
}
END_TEST

START_TEST(instances_live_and_die)
{
	struct live kit = live_open(moto_port, "AKIDEXAMPLE", "wJalrXUtnFEMI");
	struct dro_pair tags[] = {{"drorch:service", "mem*phis"}, {"drorch:site", "tier 2+&=é"}};
	struct dro_instance_spec spec = {.size = sizeof(spec),
		.count = 2,
		.name = "web <1>",
		.type = "t3.micro",
		.image = KNOWN_IMAGE,
		.user_data = "#!/bin/sh\n",
		.user_data_length = 10,
		.tags = tags,
		.tag_count = 2};
	struct dro_instance_query query = {.size = sizeof(query), .tags = tags, .tag_count = 2};
	struct dro_instance_list made = {0}, seen = {0};
	const char *ids[2], *none = "i-0123456789abcdef0";

	OK(dro_provider_check_capacity(kit.provider, &spec, &kit.call, &kit.err));
	OK(dro_provider_create_instances(kit.provider, &spec, &made, &kit.call, &kit.err));
	ck_assert_uint_eq(made.count, 2);
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_uint_eq(seen.items[0]->state, DRO_INSTANCE_RUNNING);
	ck_assert_str_eq(seen.items[0]->name, "web <1>");
	ck_assert_str_eq(seen.items[0]->type, "t3.micro");
	ck_assert_str_eq(seen.items[0]->image, KNOWN_IMAGE);
	ck_assert_str_eq(seen.items[0]->region, "us-east-1");
	ck_assert_str_eq(dro_instance_tag(seen.items[0], "drorch:site"), "tier 2+&=é");
	ck_assert(seen.items[0]->public_ipv4[0] && seen.items[0]->private_ipv4[0]);
	ck_assert_int_gt(seen.items[0]->created_ms, dro_wall_ms() - 3600000);
	ids[0] = made.items[0]->id;
	ids[1] = made.items[1]->id;
	OK(dro_provider_power_instances(
		kit.provider, "", ids, 2, DRO_POWER_STOP, &kit.call, &kit.err));
	dro_instance_list_free(&seen);
	query = (struct dro_instance_query){.size = sizeof(query), .ids = ids, .id_count = 2};
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_uint_eq(seen.items[1]->state, DRO_INSTANCE_STOPPED);
	OK(dro_provider_power_instances(
		kit.provider, "", ids, 2, DRO_POWER_START, &kit.call, &kit.err));
	OK(dro_provider_power_instances(
		kit.provider, "", ids, 1, DRO_POWER_REBOOT, &kit.call, &kit.err));
	query.ids = &none;
	query.id_count = 1;
	ck_assert_int_eq(
		dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err),
		DRO_ENOTFOUND);
	OK(dro_provider_terminate_instances(kit.provider, "", &none, 1, &kit.call, &kit.err));
	OK(dro_provider_terminate_instances(kit.provider, "", ids, 2, &kit.call, &kit.err));
	OK(dro_provider_terminate_instances(kit.provider, "", ids, 2, &kit.call, &kit.err));
	dro_instance_list_free(&made);
	dro_instance_list_free(&seen);
	live_close(&kit);
}
END_TEST

/* moto measures nothing by itself: a point as CloudWatch would have it. */
static void put_load(struct live *live, const char *instance, const char *percent)
{
	char form[512], time[DRO_TIME_TEXT];
	int64_t now = dro_wall_ms();

	dro_time_format(time, now - now % 1000 - 120000);
	snprintf(form, sizeof(form),
		"Action=PutMetricData&Version=2010-08-01&Namespace=AWS/EC2"
		"&MetricData.member.1.MetricName=CPUUtilization"
		"&MetricData.member.1.Dimensions.member.1.Name=InstanceId"
		"&MetricData.member.1.Dimensions.member.1.Value=%s"
		"&MetricData.member.1.Timestamp=%s&MetricData.member.1.Value=%s",
		instance, time, percent);
	live_ask(live, "monitoring", "POST", "", form);
}

/* Somebody's own instance: its own tags stay, whatever is put beside them and taken away. */
START_TEST(marks_are_put_and_taken_away)
{
	struct live kit = live_open(moto_port, "AKIDEXAMPLE", "wJalrXUtnFEMI");
	struct dro_pair own[] = {{"team", "web & <shop>"}, {"drorch:site", "old"}},
			marked[] = {{"drorch:service", "memphis"}, {"drorch:site", "tier 2+&=é"}};
	struct dro_instance_spec spec = {.size = sizeof(spec),
		.count = 2,
		.name = "by hand",
		.type = "t3.micro",
		.image = KNOWN_IMAGE,
		.tags = own,
		.tag_count = 2};
	struct dro_instance_query query = {.size = sizeof(query), .tags = marked, .tag_count = 2};
	struct dro_instance_list made = {0}, seen = {0};
	struct dro_instance_marks marks = {.tags = marked, .tag_count = 2, .id_count = 2};
	const char *ids[2], *drop[] = {"drorch:site", "absent"};

	OK(dro_provider_create_instances(kit.provider, &spec, &made, &kit.call, &kit.err));
	ids[0] = made.items[0]->id;
	ids[1] = made.items[1]->id;
	marks.ids = ids;
	OK(dro_provider_mark_instances(kit.provider, &marks, &kit.call, &kit.err));
	OK(dro_provider_mark_instances(kit.provider, &marks, &kit.call, &kit.err));
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_str_eq(seen.items[1]->name, "by hand");
	ck_assert_str_eq(dro_instance_tag(seen.items[1], "team"), "web & <shop>");
	dro_instance_list_free(&seen);
	marks.tag_count = 1;
	marks.drop = drop;
	marks.drop_count = 2;
	OK(dro_provider_mark_instances(kit.provider, &marks, &kit.call, &kit.err));
	OK(dro_provider_mark_instances(kit.provider, &marks, &kit.call, &kit.err));
	query.tag_count = 1;
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_ptr_null(dro_instance_tag(seen.items[0], "drorch:site"));
	ck_assert_str_eq(dro_instance_tag(seen.items[0], "team"), "web & <shop>");
	ck_assert_uint_eq(seen.items[0]->tag_count, 3);
	OK(dro_provider_terminate_instances(kit.provider, "", ids, 2, &kit.call, &kit.err));
	dro_instance_list_free(&made);
	dro_instance_list_free(&seen);
	live_close(&kit);
}
END_TEST

START_TEST(sizes_and_health)
{
	struct live kit = live_open(moto_port, "AKIDEXAMPLE", "wJalrXUtnFEMI");
	struct dro_instance_spec spec = {.size = sizeof(spec),
		.count = 3,
		.name = "size",
		.type = "t3.micro",
		.image = KNOWN_IMAGE};
	struct dro_instance_list made = {0}, seen = {0};
	struct dro_instance_query query = {.size = sizeof(query), .id_count = 1};
	struct dro_instance_health_list health = {0};
	const char *ids[4];

	OK(dro_provider_create_instances(kit.provider, &spec, &made, &kit.call, &kit.err));
	ids[0] = made.items[0]->id;
	ids[1] = "i-0123456789abcdef0";
	ids[2] = made.items[1]->id;
	ids[3] = made.items[2]->id;
	query.ids = ids;
	OK(dro_provider_power_instances(
		kit.provider, "", ids, 1, DRO_POWER_STOP, &kit.call, &kit.err));
	OK(dro_provider_resize_instance(kit.provider, "", ids[0], "t3.large", &kit.call, &kit.err));
	OK(dro_provider_resize_instance(kit.provider, "", ids[0], "t3.large", &kit.call, &kit.err));
	OK(dro_provider_list_instances(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_str_eq(seen.items[0]->type, "t3.large");
	put_load(&kit, ids[2], "12.5");
	OK(dro_provider_instance_health(kit.provider, "", ids, 4, &health, &kit.call, &kit.err));
	ck_assert_uint_eq(health.count, 3);
	ck_assert_str_eq(health.items[0]->text, "stopped");
	ck_assert_int_eq(health.items[0]->measured_ms, 0);
	ck_assert_str_eq(health.items[1]->id, ids[2]);
	ck_assert_uint_eq(health.items[1]->state, DRO_HEALTHY);
	ck_assert_uint_eq(health.items[1]->cpu_permille, 125);
	ck_assert_int_gt(health.items[1]->measured_ms, dro_wall_ms() - 900000);
	ck_assert_int_eq(health.items[2]->measured_ms, 0);
	dro_instance_list_free(&made);
	dro_instance_list_free(&seen);
	dro_instance_health_list_free(&health);
	live_close(&kit);
}
END_TEST

START_TEST(images_live_and_die)
{
	struct live kit = live_open(moto_port, "AKIDEXAMPLE", "wJalrXUtnFEMI");
	struct dro_instance_spec source = {.size = sizeof(source),
		.count = 1,
		.name = "golden",
		.type = "t3.micro",
		.image = KNOWN_IMAGE};
	struct dro_image_spec spec = {.size = sizeof(spec), .no_reboot = 1, .name = "memphis (1)"};
	struct dro_image_query query = {.size = sizeof(query), .name = "memphis (1)"};
	struct dro_image_list made = {0}, again = {0}, seen = {0}, copied = {0};
	struct dro_instance_list golden = {0};

	OK(dro_provider_create_instances(kit.provider, &source, &golden, &kit.call, &kit.err));
	spec.source = golden.items[0]->id;
	make_image(&kit, spec.source, "memphis%20(1)", kit.call.idem_key);
	OK(dro_provider_create_image(kit.provider, &spec, &made, &kit.call, &kit.err));
	ck_assert_uint_eq(made.count, 1);
	OK(dro_provider_create_image(kit.provider, &spec, &again, &kit.call, &kit.err));
	ck_assert_uint_eq(again.count, 1);
	ck_assert_str_eq(again.items[0]->id, made.items[0]->id);
	OK(dro_provider_list_images(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_uint_eq(seen.items[0]->state, DRO_IMAGE_AVAILABLE);
	ck_assert_uint_eq(seen.items[0]->snapshot_count, 1);
	spec.source = made.items[0]->id;
	spec.source_region = "us-east-1";
	spec.region = "eu-west-1";
	OK(dro_provider_copy_image(kit.provider, &spec, &copied, &kit.call, &kit.err));
	ck_assert_str_eq(copied.items[0]->region, "eu-west-1");
	OK(dro_provider_delete_image(
		kit.provider, "eu-west-1", copied.items[0]->id, &kit.call, &kit.err));
	OK(dro_provider_delete_image(kit.provider, "", made.items[0]->id, &kit.call, &kit.err));
	OK(dro_provider_delete_image(kit.provider, "", made.items[0]->id, &kit.call, &kit.err));
	dro_image_list_free(&seen);
	OK(dro_provider_list_images(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 0);
	dro_instance_list_free(&golden);
	dro_image_list_free(&made);
	dro_image_list_free(&again);
	dro_image_list_free(&seen);
	dro_image_list_free(&copied);
	live_close(&kit);
}
END_TEST

START_TEST(objects_come_and_go)
{
	static const char *const keys[] = {
		"dir/plain", "dir/odd +=&?#%41 é~", "dir/sub/deep", "top"};
	struct live kit = live_open(moto_port, "AKIDEXAMPLE", "wJalrXUtnFEMI");
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "objects-come-and-go"};
	struct dro_object_query query = {
		.size = sizeof(query), .bucket = ref.bucket, .prefix = "dir/", .delimiter = "/"};
	struct dro_object_list seen = {0};
	int fd = live_file(100000), back = memfd_create("back", MFD_CLOEXEC);
	uint64_t length = 0;
	size_t i;

	live_make_bucket(&kit, ref.bucket);
	for (i = 0; i < 4; i++) {
		ref.key = keys[i];
		OK(dro_provider_put_object(kit.provider, &ref, fd, 100000, 0, &kit.call, &kit.err));
		OK(dro_provider_get_object(
			kit.provider, &ref, back, 100000, &length, &kit.call, &kit.err));
		ck_assert_uint_eq(length, 100000);
		live_check_same(fd, back, length);
	}
	ck_assert_int_eq(dro_provider_put_object(
				 kit.provider, &ref, fd, 100000, DRO_PUT_NEW, &kit.call, &kit.err),
		DRO_ECONFLICT);
	OK(dro_provider_list_objects(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 3);
	ck_assert_str_eq(seen.items[0]->key, keys[1]);
	ck_assert_str_eq(seen.items[1]->key, keys[0]);
	ck_assert_uint_eq(seen.items[1]->length, 100000);
	ck_assert_uint_eq(strlen(seen.items[1]->etag), 32);
	ck_assert_str_eq(seen.items[2]->key, "dir/sub/");
	ck_assert_uint_eq(seen.items[2]->is_prefix, 1);
	OK(dro_provider_delete_objects(kit.provider, "", ref.bucket, keys, 4, &kit.call, &kit.err));
	OK(dro_provider_delete_objects(kit.provider, "", ref.bucket, keys, 4, &kit.call, &kit.err));
	OK(dro_provider_delete_objects(kit.provider, "", ref.bucket, keys, 1, &kit.call, &kit.err));
	dro_object_list_free(&seen);
	query.prefix = query.delimiter = "";
	OK(dro_provider_list_objects(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(dro_provider_get_object(
				 kit.provider, &ref, back, 100000, &length, &kit.call, &kit.err),
		DRO_ENOTFOUND);
	ref.bucket = "no-such-bucket-here";
	ck_assert_int_eq(dro_provider_get_object(
				 kit.provider, &ref, back, 100000, &length, &kit.call, &kit.err),
		DRO_ENOTFOUND);
	ck_assert_str_eq(kit.err.provider_code, "NoSuchBucket");
	close(fd);
	close(back);
	live_close(&kit);
}
END_TEST

START_TEST(large_objects_go_in_parts)
{
	struct live kit = live_open(moto_port, "AKIDEXAMPLE", "wJalrXUtnFEMI");
	struct dro_object_ref ref = {
		.size = sizeof(ref), .bucket = "large-objects", .key = "backups/big one"};
	size_t size = (17u << 20) + 5;
	int fd = live_file(size), back = memfd_create("back", MFD_CLOEXEC);
	struct dro_object_query query = {.size = sizeof(query), .bucket = ref.bucket};
	struct dro_object_list seen = {0};
	uint64_t length = 0;

	live_make_bucket(&kit, ref.bucket);
	OK(dro_provider_put_object(kit.provider, &ref, fd, size, DRO_PUT_NEW, &kit.call, &kit.err));
	OK(dro_provider_get_object(kit.provider, &ref, back, size, &length, &kit.call, &kit.err));
	ck_assert_uint_eq(length, size);
	live_check_same(fd, back, size);
	OK(dro_provider_list_objects(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_ptr_nonnull(strstr(seen.items[0]->etag, "-3")); /* of three parts */
	/* Larger than the caller allows. */
	ck_assert_int_eq(dro_provider_get_object(
				 kit.provider, &ref, back, size - 1, &length, &kit.call, &kit.err),
		DRO_EPROTO);
	dro_object_list_free(&seen);
	close(fd);
	close(back);
	live_close(&kit);
}
END_TEST

START_TEST(lists_go_on_over_pages)
{
	struct live kit = live_open(moto_port, "AKIDEXAMPLE", "wJalrXUtnFEMI");
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "many-objects"};
	struct dro_object_query query = {.size = sizeof(query), .bucket = ref.bucket};
	struct dro_object_list seen = {0};
	int fd = live_file(1);
	char key[32];
	int i;

	live_make_bucket(&kit, ref.bucket);
	for (i = 0; i < 1005; i++) {
		snprintf(key, sizeof(key), "k %04d", i);
		ref.key = key;
		kit.call.deadline_ms = dro_now_ms() + 60000;
		OK(dro_provider_put_object(kit.provider, &ref, fd, 1, 0, &kit.call, &kit.err));
	}
	OK(dro_provider_list_objects(kit.provider, &query, &seen, &kit.call, &kit.err));
	ck_assert_uint_eq(seen.count, 1005);
	ck_assert_str_eq(seen.items[1004]->key, "k 1004");
	dro_object_list_free(&seen);
	close(fd);
	live_close(&kit);
}
END_TEST

START_TEST(pages)
{
	struct live kit = live_open(moto_port, "AKIDEXAMPLE", "wJalrXUtnFEMI");
	struct dro_page_seen seen;

	live_check_page(&kit, "www.moto.example", &seen);
	live_close(&kit);
}
END_TEST

static int run_tests(void)
{
	Suite *suite = suite_create("plugins/aws/moto");
	TCase *tcase = tcase_create("moto");

	tcase_set_timeout(tcase, 110);
	tcase_add_test(tcase, identity);
	tcase_add_test(tcase, instances_live_and_die);
	tcase_add_test(tcase, marks_are_put_and_taken_away);
	tcase_add_test(tcase, sizes_and_health);
	tcase_add_test(tcase, images_live_and_die);
	tcase_add_test(tcase, objects_come_and_go);
	tcase_add_test(tcase, large_objects_go_in_parts);
	tcase_add_test(tcase, lists_go_on_over_pages);
	tcase_add_test(tcase, pages);
	suite_add_tcase(suite, tcase);
	return live_run(suite);
}

int main(void)
{
	return moto_run(&moto_port, run_tests);
}
