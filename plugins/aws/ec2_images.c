/*
 * Machine images and the snapshots behind them.
 *   https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
 *   .../API_CreateImage.html, API_CopyImage.html, API_DeregisterImage.html, API_DeleteSnapshot.html
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/aws/aws.h"
#include "plugins/common/answer.h"
#include "plugins/common/when.h"

/* CreateImage takes no token, so that the key of the call is written on what it makes. */
#define KEY_TAG "drorch:request"

static uint32_t image_state(const char *native)
{
	static const struct dro_word states[] = {
		{"pending", DRO_IMAGE_PENDING},
		{"transient", DRO_IMAGE_PENDING},
		{"available", DRO_IMAGE_AVAILABLE},
		{"failed", DRO_IMAGE_FAILED},
		{"error", DRO_IMAGE_FAILED},
		{"invalid", DRO_IMAGE_FAILED},
		{"deregistered", DRO_IMAGE_GONE},
		{NULL, DRO_IMAGE_UNKNOWN},
	};

	return (uint32_t)dro_word_code(states, native);
}

/* The snapshot ids of <blockDeviceMapping>; free() the array. */
static int read_snapshots(const struct aws_account *account, const struct dro_xml_node *item,
	const char ***ids, size_t *count, struct dro_error *err)
{
	const struct dro_xml_node *disks = dro_xml_child(item, "blockDeviceMapping/item"), *disk;
	size_t n = 0;

	*ids = NULL;
	*count = 0;
	for (disk = disks; disk; disk = dro_xml_next(disk))
		n++;
	if (n == 0)
		return 0;
	*ids = calloc(n, sizeof(**ids));
	if (!*ids)
		return aws_no_memory(account, err);
	for (disk = disks; disk; disk = dro_xml_next(disk)) {
		const char *id = dro_xml_text(disk, "ebs/snapshotId");

		if (*id)
			(*ids)[(*count)++] = id;
	}
	return 0;
}

static int emit_image_item(const struct aws_account *account, const struct dro_xml_node *item,
	const char *region, dro_emit_image emit, void *arg, struct dro_error *err)
{
	const char **snapshots = NULL;
	struct dro_pair *tags = NULL;
	struct dro_image image = {.size = sizeof(image),
		.id = dro_xml_text(item, "imageId"),
		.name = dro_xml_text(item, "name"),
		.region = region,
		.native_state = dro_xml_text(item, "imageState"),
		.created_ms = dro_when_iso(dro_xml_text(item, "creationDate"))};
	int rc;

	if (!*image.id)
		return account->host->fail(err, DRO_EPROTO, NULL, "an image without an id");
	image.state = image_state(image.native_state);
	if ((rc = read_snapshots(account, item, &snapshots, &image.snapshot_count, err)) < 0 ||
		(rc = aws_read_tags(account, item, &tags, &image.tag_count, err)) < 0)
		goto out;
	image.snapshots = snapshots;
	image.tags = tags;
	rc = emit(arg, &image);
out:
	free(snapshots);
	free(tags);
	return rc;
}

struct sink {
	dro_emit_image emit;
	void *arg;
};

static int each_image(const struct ec2_list *list, const struct dro_xml_node *item,
	const char *region, struct dro_error *err)
{
	const struct sink *sink = list->arg;

	return emit_image_item(list->account, item, region, sink->emit, sink->arg, err);
}

/* "ami-" and 8 or 17 hex digits: what a spec says instead of a name. */
static bool is_image_id(const char *text)
{
	size_t length = strncmp(text, "ami-", 4) == 0 ? strlen(text + 4) : 0;

	return (length == 8 || length == 17) && strspn(text + 4, "0123456789abcdef") == length;
}

int ec2_list_images(void *opened, const struct dro_image_query *query, dro_emit_image emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct sink sink = {emit, arg};
	struct dro_params params = DRO_PARAMS_INIT;
	bool named = query->name && *query->name;
	bool by_id = named && query->id_count == 0 && is_image_id(query->name);
	const char *const *ids = by_id ? &query->name : query->ids;
	size_t id_count = by_id ? 1 : query->id_count;
	const struct ec2_list list = {.account = opened,
		.action = "DescribeImages",
		.region = query->region,
		.params = &params,
		.items = "imagesSet/item",
		.each = each_image,
		.arg = &sink};
	int rc;

	aws_action(&params, list.action, AWS_EC2_VERSION);
	aws_add_list(&params, "ImageId", ids, id_count);
	if (id_count == 0) {
		/* Without an owner this would list every public image there is. */
		dro_params_add(&params, "Owner.1", "self");
		dro_params_add(&params, "MaxResults", AWS_PAGE_SIZE);
	}
	if (named && !by_id)
		aws_add_filter(&params, 1, "name", query->name);
	rc = ec2_list(&list, call, err);
	dro_params_free(&params);
	return rc;
}

/* ---- making --------------------------------------------------------------------------------- */

/* An image that bears our name: is it the one that this call is to make? */
struct earlier {
	const char *key;
	dro_emit_image emit;
	void *arg;
	bool ours;
	bool foreign;
};

static int look_at(void *arg, const struct dro_image *image)
{
	struct earlier *earlier = arg;
	const char *key = dro_pair_get(image->tags, image->tag_count, KEY_TAG, "");

	if (strcmp(key, earlier->key) != 0) {
		earlier->foreign = true;
		return 0;
	}
	earlier->ours = true;
	return earlier->emit(earlier->arg, image);
}

/* Emits what an earlier call with this key made; a name that others took is DRO_ECONFLICT. */
static int find_earlier(const struct aws_account *account, const struct dro_image_spec *spec,
	struct earlier *earlier, const struct dro_call *call, struct dro_error *err)
{
	struct dro_image_query query = {
		.size = sizeof(query), .region = spec->region, .name = spec->name};
	int rc = ec2_list_images((void *)account, &query, look_at, earlier, call, err);

	if (rc == 0 && earlier->foreign && !earlier->ours)
		return account->host->fail(err, DRO_ECONFLICT, NULL,
			"there is another image named \"%.128s\" already", spec->name);
	return rc;
}

static int check_spec(const struct aws_account *account, const struct dro_image_spec *spec,
	const struct dro_call *call, struct dro_error *err)
{
	size_t length = spec->name ? strlen(spec->name) : 0;

	if (length < 3 || length > 128)
		return account->host->fail(
			err, DRO_EINVAL, NULL, "an image's name has 3..128 characters");
	if (!spec->source || !*spec->source)
		return account->host->fail(err, DRO_EINVAL, NULL, "an image needs a source");
	if (!call->idem_key || !*call->idem_key || strlen(call->idem_key) > 64)
		return account->host->fail(
			err, DRO_EINVAL, NULL, "making an image needs a key of 1..64 characters");
	return 0;
}

/* The image and its snapshots bear the spec's tags and the call's key. */
static int add_marks(const struct aws_account *account, struct dro_params *params,
	const struct dro_image_spec *spec, const struct dro_call *call, struct dro_error *err)
{
	struct dro_pair *tags = calloc(spec->tag_count + 1, sizeof(*tags));

	if (!tags)
		return aws_no_memory(account, err);
	if (spec->tag_count)
		memcpy(tags, spec->tags, spec->tag_count * sizeof(*tags));
	tags[spec->tag_count] = (struct dro_pair){KEY_TAG, call->idem_key};
	aws_add_tags(params, 1, "image", spec->name, tags, spec->tag_count + 1);
	aws_add_tags(params, 2, "snapshot", spec->name, tags, spec->tag_count + 1);
	free(tags);
	return 0;
}

/* Both calls answer with nothing but the new id. */
static int emit_new(const struct aws_account *account, const struct dro_xml *xml,
	const struct dro_image_spec *spec, const char *region, dro_emit_image emit, void *arg,
	struct dro_error *err)
{
	struct dro_image image = {.size = sizeof(image),
		.state = DRO_IMAGE_PENDING,
		.id = dro_xml_text(dro_xml_root(xml), "imageId"),
		.name = spec->name,
		.region = region,
		.native_state = "pending",
		.tags = spec->tags,
		.tag_count = spec->tag_count};

	if (!*image.id)
		return aws_lost(account, "it names no image", err);
	return emit(arg, &image);
}

int ec2_create_image(void *opened, const struct dro_image_spec *spec, dro_emit_image emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	const struct aws_account *account = opened;
	struct earlier earlier = {.key = call->idem_key, .emit = emit, .arg = arg};
	struct dro_error refused = DRO_ERROR_INIT;
	struct dro_params params = DRO_PARAMS_INIT;
	struct dro_xml *xml = NULL;
	const char *region = NULL;
	int rc;

	if ((rc = check_spec(account, spec, call, err)) < 0 ||
		(rc = aws_region(account, spec->region, &region, err)) < 0 ||
		(rc = find_earlier(account, spec, &earlier, call, err)) != 0 || earlier.ours)
		goto out;
	aws_action(&params, "CreateImage", AWS_EC2_VERSION);
	dro_params_add(&params, "InstanceId", spec->source);
	dro_params_add(&params, "Name", spec->name);
	/* EC2 reboots the source unless it is told not to. */
	dro_params_add(&params, "NoReboot", spec->no_reboot ? "true" : "false");
	if ((rc = add_marks(account, &params, spec, call, err)) < 0)
		goto out;
	rc = aws_query(account, "ec2", region, &params, AWS_ONCE, call, &xml, &refused);
	if (rc == 0) {
		rc = emit_new(account, xml, spec, region, emit, arg, err);
	} else {
		rc = aws_pass_on(account, &refused, err);
		/* The first look may have come too early to see what an earlier call made. */
		if (aws_is_word(&refused, "InvalidAMIName.Duplicate")) {
			int found = find_earlier(account, spec, &earlier, call, err);

			rc = found != 0 || earlier.ours ? found : rc;
		}
	}
out:
	dro_xml_free(xml);
	dro_params_free(&params);
	return rc;
}

int ec2_copy_image(void *opened, const struct dro_image_spec *spec, dro_emit_image emit, void *arg,
	const struct dro_call *call, struct dro_error *err)
{
	const struct aws_account *account = opened;
	const char *region = NULL, *source_region = NULL;
	struct dro_params params = DRO_PARAMS_INIT;
	struct dro_xml *xml = NULL;
	int rc;

	if ((rc = check_spec(account, spec, call, err)) < 0 ||
		(rc = aws_region(account, spec->region, &region, err)) < 0 ||
		(rc = aws_region(account, spec->source_region, &source_region, err)) < 0)
		goto out;
	aws_action(&params, "CopyImage", AWS_EC2_VERSION);
	dro_params_add(&params, "SourceImageId", spec->source);
	dro_params_add(&params, "SourceRegion", source_region);
	dro_params_add(&params, "Name", spec->name);
	dro_params_add(&params, "ClientToken", call->idem_key);
	if ((rc = add_marks(account, &params, spec, call, err)) < 0)
		goto out;
	/* Asked in the region where the copy is to be. */
	rc = aws_query(account, "ec2", region, &params, AWS_ONCE, call, &xml, err);
	if (rc == 0)
		rc = emit_new(account, xml, spec, region, emit, arg, err);
out:
	dro_xml_free(xml);
	dro_params_free(&params);
	return rc;
}
