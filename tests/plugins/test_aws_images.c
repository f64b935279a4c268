/* The aws plugin's machine images. */
#include <stdbool.h>
#include <stdio.h>

#include "plugins/aws_kit.h"

#define FORM(index, name, value) ck_assert_pstr_eq(scripted_form(kit.host, index, name), value)

static int on_image(void *arg, const struct dro_image *image)
{
	struct lines *lines = arg;
	size_t used = strlen(lines->text), i;

	ck_assert_uint_eq(image->size, sizeof(*image));
	used += (size_t)snprintf(lines->text + used, sizeof(lines->text) - used,
		"%s|%s|%u|%s|%s|%lld|", image->id, image->name, image->state, image->native_state,
		image->region, (long long)image->created_ms);
	for (i = 0; i < image->snapshot_count; i++)
		used += (size_t)snprintf(
			lines->text + used, sizeof(lines->text) - used, "%s,", image->snapshots[i]);
	snprintf(lines->text + used, sizeof(lines->text) - used, "%zu tags\n", image->tag_count);
	return lines_stop(lines);
}

#define IMAGE(id, name, state, rest)                                                               \
	"<item><imageId>" id "</imageId><imageState>" state "</imageState><name>" name             \
	"</name><creationDate>2026-11-20T20:22:50.000Z</creationDate>" rest "</item>"
#define DISK(id)                                                                                   \
	"<item><deviceName>/dev/sda1</deviceName><ebs><snapshotId>" id                             \
	"</snapshotId><volumeSize>8</volumeSize></ebs></item>"
#define KEY_IS(key) "<tagSet><item><key>drorch:request</key><value>" key "</value></item></tagSet>"
#define IMAGES(items, tail)                                                                        \
	XML_HEAD "<DescribeImagesResponse" EC2_NS "><requestId>1</requestId><imagesSet>" items     \
		 "</imagesSet>" tail "</DescribeImagesResponse>"

START_TEST(lists_own_images_by_name)
{
	struct kit kit = kit_open();
	struct dro_image_query query = {.size = sizeof(query), .name = "memphis (1)"};
	struct lines seen = {0};

	scripted_answer(kit.host, 200,
		IMAGES(IMAGE("ami-1", "memphis (1)", "available",
			       "<blockDeviceMapping>" DISK("snap-1")
				       DISK("snap-2") "<item><virtualName>ephemeral0"
						      "</virtualName></item></"
						      "blockDeviceMapping>" KEY_IS("k"))
				IMAGE("ami-2", "x", "transient", "") IMAGE("ami-3", "x", "invalid",
					"") IMAGE("ami-4", "x", "disabled", "")
					IMAGE("ami-5", "x", "deregistered", ""),
			""),
		NULL);
	ck_assert_int_eq(kit.aws->compute->list_images(
				 kit.account, &query, on_image, &seen, &kit.call, &kit.err),
		0);
	ck_assert_str_eq(seen.text,
		"ami-1|memphis (1)|2|available|eu-central-1|1795206170000|snap-1,snap-2,1 tags\n"
		"ami-2|x|1|transient|eu-central-1|1795206170000|0 tags\n"
		"ami-3|x|3|invalid|eu-central-1|1795206170000|0 tags\n"
		"ami-4|x|0|disabled|eu-central-1|1795206170000|0 tags\n"
		"ami-5|x|4|deregistered|eu-central-1|1795206170000|0 tags\n");
	FORM(0, "Action", "DescribeImages");
	FORM(0, "Owner.1", "self");
	FORM(0, "Filter.1.Name", "name");
	FORM(0, "Filter.1.Value.1", "memphis (1)");
	FORM(0, "MaxResults", "1000");
	ck_assert_uint_eq(scripted_form_count(kit.host, 0), 6);
	kit_close(&kit);
}
END_TEST

START_TEST(lists_foreign_images_by_id)
{
	struct kit kit = kit_open();
	const char *ids[] = {"ami-1"};
	struct dro_image_query query = {.size = sizeof(query), .ids = ids, .id_count = 1};
	struct lines seen = {0};

	scripted_answer(kit.host, 200, IMAGES(IMAGE("ami-1", "debian", "pending", ""), ""), NULL);
	ck_assert_int_eq(kit.aws->compute->list_images(
				 kit.account, &query, on_image, &seen, &kit.call, &kit.err),
		0);
	ck_assert_uint_eq(seen.count, 1);
	FORM(0, "ImageId.1", "ami-1");
	FORM(0, "Owner.1", NULL);
	FORM(0, "MaxResults", NULL);
	kit_close(&kit);
}
END_TEST

START_TEST(tells_ids_from_names)
{
	static const struct {
		const char *text;
		bool id;
	} cases[] = {{"ami-12c6146b", true}, {"ami-0123456789abcdef0", true}, {"ami-web", false},
		{"ami-12c6146", false}, {"ami-12C6146B", false}, {"debian", false}};
	struct kit kit = kit_open();
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dro_image_query query = {.size = sizeof(query), .name = cases[i].text};
		struct lines seen = {0};

		scripted_answer(
			kit.host, 200, IMAGES(IMAGE("ami-1", "m", "available", ""), ""), NULL);
		ck_assert_int_eq(kit.aws->compute->list_images(
					 kit.account, &query, on_image, &seen, &kit.call, &kit.err),
			0);
		FORM(i, "ImageId.1", cases[i].id ? cases[i].text : NULL);
		FORM(i, "Owner.1", cases[i].id ? NULL : "self");
		FORM(i, "Filter.1.Value.1", cases[i].id ? NULL : cases[i].text);
	}
	kit_close(&kit);
}
END_TEST

static struct dro_pair tags[] = {{"drorch:service", "memphis"}};
static const struct dro_image_spec spec = {.size = sizeof(spec),
	.no_reboot = 1,
	.name = "memphis-1",
	.source = "i-1",
	.tags = tags,
	.tag_count = 1};

START_TEST(creates_after_a_look)
{
	struct kit kit = kit_open();
	struct lines seen = {0};

	scripted_answer(kit.host, 200, IMAGES("", ""), NULL);
	scripted_answer(kit.host, 200,
		"<CreateImageResponse" EC2_NS "><imageId>ami-9</imageId></CreateImageResponse>",
		NULL);
	ck_assert_int_eq(kit.aws->compute->create_image(
				 kit.account, &spec, on_image, &seen, &kit.call, &kit.err),
		0);
	ck_assert_str_eq(seen.text, "ami-9|memphis-1|1|pending|eu-central-1|0|1 tags\n");
	FORM(0, "Action", "DescribeImages");
	FORM(0, "Filter.1.Value.1", "memphis-1");
	FORM(1, "Action", "CreateImage");
	FORM(1, "InstanceId", "i-1");
	FORM(1, "Name", "memphis-1");
	FORM(1, "NoReboot", "true");
	FORM(1, "ClientToken", NULL);
	FORM(1, "TagSpecification.1.ResourceType", "image");
	FORM(1, "TagSpecification.1.Tag.3.Key", "drorch:request");
	FORM(1, "TagSpecification.1.Tag.3.Value", "run-7-launch-web");
	FORM(1, "TagSpecification.2.ResourceType", "snapshot");
	ck_assert_uint_eq(scripted_request(kit.host, 1)->flags, 0);
	kit_close(&kit);
}
END_TEST

START_TEST(creates_once)
{
	struct kit kit = kit_open();
	struct lines seen = {0};

	/* An earlier call made it. */
	scripted_answer(kit.host, 200,
		IMAGES(IMAGE("ami-9", "memphis-1", "available", KEY_IS("run-7-launch-web")), ""),
		NULL);
	ck_assert_int_eq(kit.aws->compute->create_image(
				 kit.account, &spec, on_image, &seen, &kit.call, &kit.err),
		0);
	ck_assert_uint_eq(scripted_count(kit.host), 1);
	ck_assert_uint_eq(seen.count, 1);
	/* Somebody else has the name. */
	scripted_answer(kit.host, 200,
		IMAGES(IMAGE("ami-8", "memphis-1", "available", KEY_IS("other")), ""), NULL);
	ck_assert_int_eq(kit.aws->compute->create_image(
				 kit.account, &spec, on_image, &seen, &kit.call, &kit.err),
		DRO_ECONFLICT);
	ck_assert_uint_eq(scripted_count(kit.host), 2);
	kit_close(&kit);
}
END_TEST

#define DUPLICATE EC2_ERROR("InvalidAMIName.Duplicate", "AMI name memphis-1 is already in use")

START_TEST(a_late_list_is_asked_again)
{
	struct kit kit = kit_open();
	struct lines seen = {0};

	scripted_answer(kit.host, 200, IMAGES("", ""), NULL);
	scripted_answer(kit.host, 400, DUPLICATE, NULL);
	scripted_answer(kit.host, 200,
		IMAGES(IMAGE("ami-9", "memphis-1", "pending", KEY_IS("run-7-launch-web")), ""),
		NULL);
	ck_assert_int_eq(kit.aws->compute->create_image(
				 kit.account, &spec, on_image, &seen, &kit.call, &kit.err),
		0);
	ck_assert_uint_eq(seen.count, 1);
	scripted_answer(kit.host, 200, IMAGES("", ""), NULL);
	scripted_answer(kit.host, 400, DUPLICATE, NULL);
	scripted_answer(kit.host, 200, IMAGES("", ""), NULL);
	ck_assert_int_eq(kit.aws->compute->create_image(
				 kit.account, &spec, on_image, &seen, &kit.call, &kit.err),
		DRO_ECONFLICT);
	kit_close(&kit);
}
END_TEST

START_TEST(copies_in_the_destination)
{
	struct kit kit = kit_open();
	struct dro_image_spec copy = spec;
	struct lines seen = {0};

	copy.region = "us-west-2";
	copy.source = "ami-1";
	copy.source_region = "eu-central-1";
	scripted_answer(kit.host, 200,
		"<CopyImageResponse" EC2_NS "><imageId>ami-7</imageId></CopyImageResponse>", NULL);
	ck_assert_int_eq(kit.aws->compute->copy_image(
				 kit.account, &copy, on_image, &seen, &kit.call, &kit.err),
		0);
	ck_assert_str_eq(seen.text, "ami-7|memphis-1|1|pending|us-west-2|0|1 tags\n");
	ck_assert_str_eq(
		scripted_request(kit.host, 0)->endpoint, "https://ec2.us-west-2.amazonaws.com");
	FORM(0, "SourceImageId", "ami-1");
	FORM(0, "SourceRegion", "eu-central-1");
	FORM(0, "ClientToken", "run-7-launch-web");
	scripted_answer(kit.host, 200, "<CopyImageResponse/>", NULL);
	ck_assert_int_eq(kit.aws->compute->copy_image(
				 kit.account, &copy, on_image, &seen, &kit.call, &kit.err),
		DRO_ETIMEDOUT);
	kit_close(&kit);
}
END_TEST

START_TEST(deletes_with_snapshots)
{
	struct kit kit = kit_open();

	scripted_answer(kit.host, 200,
		IMAGES(IMAGE("ami-1", "m", "available",
			       "<blockDeviceMapping>" DISK("snap-1") DISK("snap-2") DISK("snap-3")
				       DISK("snap-4") "</blockDeviceMapping>"),
			""),
		NULL);
	scripted_answer(kit.host, 200,
		"<DeregisterImageResponse" EC2_NS "><return>true</return><deleteSnapshotResultSet>"
		"<item><snapshotId>snap-1</snapshotId><returnCode>success</returnCode></item>"
		"<item><snapshotId>snap-2</snapshotId><returnCode>internal-error</returnCode></"
		"item>"
		"</deleteSnapshotResultSet></DeregisterImageResponse>",
		NULL);
	scripted_answer(kit.host, 200, "<DeleteSnapshotResponse/>", NULL);
	scripted_answer(kit.host, 400, EC2_ERROR("InvalidSnapshot.NotFound", "gone"), NULL);
	scripted_answer(kit.host, 400, EC2_ERROR("InvalidSnapshot.InUse", "by ami-2"), NULL);
	ck_assert_int_eq(
		kit.aws->compute->delete_image(kit.account, "", "ami-1", &kit.call, &kit.err), 0);
	FORM(1, "Action", "DeregisterImage");
	FORM(1, "ImageId", "ami-1");
	FORM(1, "DeleteAssociatedSnapshots", "true");
	FORM(2, "Action", "DeleteSnapshot");
	FORM(2, "SnapshotId", "snap-2");
	FORM(3, "SnapshotId", "snap-3");
	FORM(4, "SnapshotId", "snap-4");
	kit_close(&kit);
}
END_TEST

START_TEST(a_gone_image_is_a_success)
{
	struct kit kit = kit_open();

	scripted_answer(kit.host, 400, EC2_ERROR("InvalidAMIID.NotFound", "no such image"), NULL);
	ck_assert_int_eq(
		kit.aws->compute->delete_image(kit.account, "", "ami-1", &kit.call, &kit.err), 0);
	scripted_answer(kit.host, 200, IMAGES(IMAGE("ami-1", "m", "available", ""), ""), NULL);
	scripted_answer(kit.host, 400, EC2_ERROR("InvalidAMIID.Unavailable", "just now"), NULL);
	ck_assert_int_eq(
		kit.aws->compute->delete_image(kit.account, "", "ami-1", &kit.call, &kit.err), 0);
	scripted_answer(kit.host, 200,
		IMAGES(IMAGE("ami-1", "m", "available",
			       "<blockDeviceMapping>" DISK("snap-1") "</blockDeviceMapping>"),
			""),
		NULL);
	scripted_answer(kit.host, 200, "<DeregisterImageResponse/>", NULL);
	scripted_answer(kit.host, 403, EC2_ERROR("UnauthorizedOperation", "no"), NULL);
	ck_assert_int_eq(
		kit.aws->compute->delete_image(kit.account, "", "ami-1", &kit.call, &kit.err),
		DRO_EAUTH);
	ck_assert_str_eq(kit.err.provider_code, "UnauthorizedOperation");
	kit_close(&kit);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plugins/aws/images");
	TCase *tcase = tcase_create("images");

	tcase_add_test(tcase, lists_own_images_by_name);
	tcase_add_test(tcase, lists_foreign_images_by_id);
	tcase_add_test(tcase, tells_ids_from_names);
	tcase_add_test(tcase, creates_after_a_look);
	tcase_add_test(tcase, creates_once);
	tcase_add_test(tcase, a_late_list_is_asked_again);
	tcase_add_test(tcase, copies_in_the_destination);
	tcase_add_test(tcase, deletes_with_snapshots);
	tcase_add_test(tcase, a_gone_image_is_a_success);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
