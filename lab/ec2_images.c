#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/ec2.h"
#include "lab/options.h"

bool ec2_sees_image(const struct ec2_call *c, const struct lab_image *image)
{
	return strcmp(image->vendor, "ec2") == 0 && strcmp(image->region, c->region) == 0 &&
	       image->created_ms + c->call->lag_ms <= c->now_ms;
}

static int match(const void *object, const char *name, const char *pattern)
{
	const struct lab_image *image = object;

	if (strcmp(name, "name") == 0)
		return ec2_match_text(image->name, pattern);
	if (strcmp(name, "image-id") == 0)
		return ec2_match_text(image->id, pattern);
	if (strcmp(name, "state") == 0)
		return ec2_match_text(lab_image_state_name(image->state), pattern);
	if (strcmp(name, "description") == 0)
		return ec2_match_text(dro_json_text(image->doc, "description"), pattern);
	if (strcmp(name, "block-device-mapping.snapshot-id") == 0)
		return ec2_match_text(image->snapshot, pattern);
	return ec2_match_tags(image->doc, name, pattern);
}

/* All images of a lab are the account's own: other owners have none. */
static bool owner_fits(const struct ec2_call *c)
{
	return ec2_is_asked_for(c, "Owner", "self") ||
	       ec2_is_asked_for(c, "Owner", lab_config(c->ec2->lab)->account);
}

/* (locked) A registered image of this region, or NULL: answered. */
static struct lab_image *need_image(struct ec2_call *c, struct lab_images *table, const char *id)
{
	struct lab_image *image = lab_image_find(table, id);

	if (image && !image->deregistered && ec2_sees_image(c, image))
		return image;
	ec2_error(c, 400, "InvalidAMIID.NotFound", "The image id '[%.64s]' does not exist", id);
	return NULL;
}

void ec2_describe_images(struct ec2_call *c)
{
	struct lab_images *table = lab_images_of(c->ec2->lab);
	const struct lab_image *image = NULL;
	const struct lab_image empty = {0};
	struct ec2_page page;
	const char *id;
	bool bad = false;
	size_t n;

	if (!ec2_check_ids(c, "ImageId", "ami-", "InvalidAMIID.Malformed") ||
		!ec2_page_begin(c, &page, "ImageId") || !ec2_check_filters(c, match, &empty) ||
		!ec2_go(c))
		return;
	lab_images_lock(table);
	for (n = 0; !bad && (id = ec2_list(c, "ImageId", n)); n++)
		bad = !need_image(c, table, id);
	if (!bad)
		dro_buf_puts(&c->reply->body, "<imagesSet>");
	while (!bad && owner_fits(c) && (image = lab_image_next(table, image)))
		if (!image->deregistered && ec2_sees_image(c, image) &&
			ec2_is_asked_for(c, "ImageId", image->id) &&
			ec2_filter(c, match, image, &bad) && ec2_page_takes(&page, image->id))
			ec2_put_image(c, image);
	lab_images_unlock(table);
	if (bad)
		return;
	dro_buf_puts(&c->reply->body, "</imagesSet>");
	ec2_page_end(c, &page);
}

static bool check_name(struct ec2_call *c)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789()[] ./-'@_";
	const char *name = ec2_param(c, "Name");
	size_t length = strlen(name);

	if (length >= 3 && length <= 128 && strspn(name, allowed) == length)
		return true;
	ec2_error(c, 400, "InvalidAMIName.Malformed",
		"AMI names must be between 3 and 128 characters long, and may contain letters, "
		"numbers, '(', ')', '[', ']', ' ', '.', '/', '-', ''', '@' and '_'");
	return false;
}

/* (locked) */
static bool name_is_free(struct ec2_call *c, struct lab_images *table)
{
	const char *name = ec2_param(c, "Name");
	const struct lab_image *image = NULL;

	while ((image = lab_image_next(table, image)))
		if (!image->deregistered && strcmp(image->region, c->region) == 0 &&
			strcmp(image->vendor, "ec2") == 0 && strcmp(image->name, name) == 0)
			break;
	if (image)
		ec2_error(c, 400, "InvalidAMIName.Duplicate",
			"AMI name %s is already in use by AMI %s", name, image->id);
	return !image;
}

/* Tags of the image and of its snapshot, description, token. NULL: answered. */
static cJSON *make_doc(struct ec2_call *c)
{
	cJSON *doc = cJSON_CreateObject(), *tags = cJSON_AddObjectToObject(doc, "tags");
	cJSON *snapshot = cJSON_AddObjectToObject(doc, "snapshot");
	cJSON *snapshot_tags = cJSON_AddObjectToObject(snapshot, "tags");
	const char *token = ec2_param(c, "ClientToken");
	const char *description = ec2_param(c, "Description");
	char fingerprint[DRO_SHA256_HEX];

	if (!ec2_tag_specifications(c, "image", tags) ||
		!ec2_tag_specifications(c, "snapshot", snapshot_tags)) {
		cJSON_Delete(doc);
		return NULL;
	}
	ec2_fingerprint(c, fingerprint);
	cJSON_AddStringToObject(doc, "description", description ? description : "");
	cJSON_AddStringToObject(doc, "fingerprint", fingerprint);
	if (token)
		cJSON_AddStringToObject(doc, "token", token);
	return doc;
}

/* (locked) Takes doc and source over. */
static void create(
	struct ec2_call *c, struct lab_images *table, cJSON *doc, struct lab_image_source *source)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct lab_image *image;
	char hex[18], id[LAB_ID], snapshot[LAB_ID];
	struct lab_image_spec spec = {.id = id,
		.snapshot = snapshot,
		.vendor = "ec2",
		.region = c->region,
		.name = ec2_param(c, "Name"),
		.doc = doc};

	lab_hex_id(hex);
	snprintf(id, sizeof(id), "ami-%s", hex);
	lab_hex_id(hex);
	snprintf(snapshot, sizeof(snapshot), "snap-%s", hex);
	if (lab_image_create(table, &spec, source, &image, &err) < 0) {
		ec2_error(c, 500, "InternalError", "%s", err.message);
		return;
	}
	ec2_put(c, "imageId", id);
	lab_reply_id(c->reply, id);
}

/* Is there such an instance, running or stopped? Answers where not. */
static bool instance_fits(struct ec2_call *c, const char *id)
{
	struct lab_instances *table = lab_instances_of(c->ec2->lab);
	const struct lab_instance *instance;
	bool seen, fits;

	lab_instances_lock(table);
	instance = lab_instance_find(table, id);
	seen = instance && ec2_sees_instance(c, instance);
	fits = seen && (instance->state == LAB_RUNNING || instance->state == LAB_STOPPED);
	lab_instances_unlock(table);
	if (!seen)
		ec2_error(c, 400, "InvalidInstanceID.NotFound",
			"The instance ID '%.64s' does not exist", id);
	else if (!fits)
		ec2_error(c, 400, "IncorrectState",
			"The instance '%s' is neither running nor stopped", id);
	return fits;
}

void ec2_create_image(struct ec2_call *c)
{
	struct lab_images *table = lab_images_of(c->ec2->lab);
	const char *id = ec2_param(c, "InstanceId");
	struct lab_image_source source = {0};
	cJSON *doc;
	bool no_reboot;

	if (!ec2_id_is(id, "i-")) {
		ec2_error(c, 400, "InvalidInstanceID.Malformed", "Invalid id: \"%.64s\"", id);
		return;
	}
	if (!ec2_bool(c, "NoReboot", &no_reboot) || !check_name(c) || !instance_fits(c, id) ||
		!ec2_go(c) || !(doc = make_doc(c)))
		return;
	snprintf(source.instance, sizeof(source.instance), "%s", id);
	source.reboot = !no_reboot;
	lab_images_lock(table);
	if (name_is_free(c, table))
		create(c, table, doc, &source);
	else
		cJSON_Delete(doc);
	lab_images_unlock(table);
}

/* (locked) The copy that an earlier call with this token made: answered. */
static bool answer_again(struct ec2_call *c, struct lab_images *table, const cJSON *doc)
{
	const char *token = ec2_param(c, "ClientToken");
	const struct lab_image *image = NULL;

	while (token && (image = lab_image_next(table, image)))
		if (strcmp(image->region, c->region) == 0 &&
			strcmp(dro_json_text(image->doc, "token"), token) == 0)
			break;
	if (!image)
		return false;
	if (strcmp(dro_json_text(image->doc, "fingerprint"), dro_json_text(doc, "fingerprint")) ==
		0) {
		ec2_put(c, "imageId", image->id);
		lab_reply_id(c->reply, image->id);
	} else {
		ec2_error(c, 400, "IdempotentParameterMismatch",
			"Arguments on this idempotent request are inconsistent with arguments "
			"used in previous request(s).");
	}
	return true;
}

/* (locked) The source's folder, malloc'd; NULL: answered. */
static char *source_folder(struct ec2_call *c, struct lab_images *table)
{
	const char *id = ec2_param(c, "SourceImageId");
	const struct lab_image *image = lab_image_find(table, id);

	if (!image || image->deregistered ||
		strcmp(image->region, ec2_param(c, "SourceRegion")) != 0) {
		ec2_error(c, 400, "InvalidAMIID.NotFound", "The image id '[%.64s]' does not exist",
			id);
		return NULL;
	}
	if (image->state == LAB_IMAGE_AVAILABLE)
		return strdup(image->folder);
	ec2_error(c, 400, "InvalidAMIID.Unavailable", "The image ID '%.64s' is not available", id);
	return NULL;
}

void ec2_copy_image(struct ec2_call *c)
{
	struct lab_images *table = lab_images_of(c->ec2->lab);
	struct lab_image_source source = {0};
	cJSON *doc;

	if (!lab_aws_region_is(ec2_param(c, "SourceRegion"))) {
		ec2_error(c, 400, "InvalidParameterValue", "Invalid source region: %.64s",
			ec2_param(c, "SourceRegion"));
		return;
	}
	if (!check_name(c) || !ec2_check_token(c) || !ec2_go(c) || !(doc = make_doc(c)))
		return;
	lab_images_lock(table);
	if (!answer_again(c, table, doc) && (source.folder = source_folder(c, table))) {
		if (name_is_free(c, table)) {
			create(c, table, doc, &source);
			doc = NULL;
		} else {
			free(source.folder);
		}
	}
	lab_images_unlock(table);
	cJSON_Delete(doc);
}

void ec2_deregister_image(struct ec2_call *c)
{
	struct lab_images *table = lab_images_of(c->ec2->lab);
	const char *id = ec2_param(c, "ImageId");
	struct lab_image *image;
	bool snapshots;

	if (!ec2_id_is(id, "ami-")) {
		ec2_error(c, 400, "InvalidAMIID.Malformed", "Invalid id: \"%.64s\"", id);
		return;
	}
	if (!ec2_bool(c, "DeleteAssociatedSnapshots", &snapshots))
		return;
	lab_images_lock(table);
	image = need_image(c, table, id);
	if (image && ec2_go(c)) {
		image->snapshot_deleted = image->snapshot_deleted || snapshots;
		lab_image_deregister(image);
		lab_reply_id(c->reply, id);
		ec2_put(c, "return", "true");
	}
	lab_images_unlock(table);
}
