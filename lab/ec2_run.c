#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/ec2.h"
#include "lab/options.h"

#define USER_DATA_MAX 16384
#define ENCODED_MAX 22000
#define COUNT_MAX 1000

/* A checked RunInstances. */
struct launch {
	int64_t min;
	int64_t max;
	char zone[LAB_REGION + 2];
	char fingerprint[DRO_SHA256_HEX];
	char reservation[LAB_ID];
	char image_folder[4096];
	uint8_t *user_data;
	size_t user_data_length;
	cJSON *tags;
};

/* Base64, 16 KiB raw at most. */
static bool read_user_data(struct ec2_call *c, struct launch *launch)
{
	const char *text = ec2_param(c, "UserData");
	size_t length = text ? strlen(text) : 0, padding = 0;
	int decoded;

	if (!length)
		return true;
	while (padding < 2 && padding < length && text[length - padding - 1] == '=')
		padding++;
	if (length <= ENCODED_MAX) {
		launch->user_data = malloc(length);
		decoded = launch->user_data && length % 4 == 0
				  ? EVP_DecodeBlock(
					    launch->user_data, (const uint8_t *)text, (int)length)
				  : -1;
		if (decoded < 0) {
			ec2_error(c, 400, "InvalidParameterValue",
				"Invalid BASE64 encoding of user data");
			return false;
		}
		launch->user_data_length = (size_t)decoded - padding;
	}
	if (length <= ENCODED_MAX && launch->user_data_length <= USER_DATA_MAX)
		return true;
	ec2_error(
		c, 400, "InvalidParameterValue", "User data is limited to %d bytes", USER_DATA_MAX);
	return false;
}

/* "t3.micro" */
static bool check_type(struct ec2_call *c)
{
	const char *type = ec2_param(c, "InstanceType");

	if (!type || ec2_type_is(type))
		return true;
	ec2_error(c, 400, "InvalidParameterValue", "Invalid value '%.64s' for InstanceType.", type);
	return false;
}

static bool check_zone(struct ec2_call *c, struct launch *launch)
{
	const char *zone = ec2_param(c, "Placement.AvailabilityZone");
	size_t length = strlen(c->region);

	snprintf(launch->zone, sizeof(launch->zone), "%.31sa", c->region);
	if (!zone || !*zone)
		return true;
	if (strncmp(zone, c->region, length) == 0 && zone[length] >= 'a' && zone[length] <= 'c' &&
		!zone[length + 1]) {
		memcpy(launch->zone, zone, strlen(zone) + 1);
		return true;
	}
	ec2_error(c, 400, "InvalidParameterValue", "Invalid availability zone: [%.64s]", zone);
	return false;
}

static bool check_image(struct ec2_call *c, struct launch *launch)
{
	const char *id = ec2_param(c, "ImageId");
	struct lab_images *images = lab_images_of(c->ec2->lab);
	const struct lab_image *image;
	bool found, available = false;

	if (!ec2_id_is(id, "ami-")) {
		ec2_error(c, 400, "InvalidAMIID.Malformed", "Invalid id: \"%.64s\"", id);
		return false;
	}
	lab_images_lock(images);
	image = lab_image_find(images, id);
	found = image && !image->deregistered && strcmp(image->region, c->region) == 0 &&
		strcmp(image->vendor, "ec2") == 0;
	if (found) {
		available = image->state == LAB_IMAGE_AVAILABLE;
		snprintf(launch->image_folder, sizeof(launch->image_folder), "%s", image->folder);
	}
	lab_images_unlock(images);
	if (!found)
		ec2_error(
			c, 400, "InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id);
	else if (!available)
		ec2_error(c, 400, "InvalidAMIID.Unavailable", "The image ID '%s' is not available",
			id);
	return found && available;
}

static bool check(struct ec2_call *c, struct launch *launch)
{
	launch->tags = cJSON_CreateObject();
	ec2_fingerprint(c, launch->fingerprint);
	if (!ec2_int(c, "MinCount", 1, COUNT_MAX, &launch->min) ||
		!ec2_int(c, "MaxCount", 1, COUNT_MAX, &launch->max) || !ec2_check_token(c) ||
		!check_type(c) || !check_zone(c, launch) ||
		!ec2_tag_specifications(c, "instance", launch->tags) ||
		!read_user_data(c, launch) || !check_image(c, launch))
		return false;
	if (launch->min > launch->max) {
		ec2_error(c, 400, "InvalidParameterCombination",
			"MinCount must not be greater than MaxCount");
		return false;
	}
	return true;
}

static cJSON *make_doc(const struct ec2_call *c, const struct launch *launch, int index)
{
	static const char *const texts[][2] = {
		{"key", "KeyName"}, {"subnet", "SubnetId"}, {"token", "ClientToken"}};
	const char *type = ec2_param(c, "InstanceType"), *group;
	cJSON *doc = cJSON_CreateObject(), *groups = cJSON_CreateArray();
	size_t i;

	cJSON_AddStringToObject(doc, "reservation", launch->reservation);
	cJSON_AddStringToObject(doc, "fingerprint", launch->fingerprint);
	cJSON_AddStringToObject(doc, "type", type ? type : "m1.small");
	cJSON_AddStringToObject(doc, "zone", launch->zone);
	cJSON_AddNumberToObject(doc, "index", index);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (ec2_param(c, texts[i][1]))
			cJSON_AddStringToObject(doc, texts[i][0], ec2_param(c, texts[i][1]));
	for (i = 0; (group = ec2_list(c, "SecurityGroupId", i)); i++)
		cJSON_AddItemToArray(groups, cJSON_CreateString(group));
	cJSON_AddItemToObject(doc, "groups", groups);
	cJSON_AddItemToObject(doc, "tags", cJSON_Duplicate(launch->tags, 1));
	return doc;
}

/* (instances locked) The instances of one reservation, as the reply shows them. */
static void put_reservation(struct ec2_call *c, const char *reservation)
{
	struct lab_instances *table = lab_instances_of(c->ec2->lab);
	const struct lab_instance *instance = NULL;

	ec2_put(c, "reservationId", reservation);
	ec2_put(c, "ownerId", lab_config(c->ec2->lab)->account);
	dro_buf_puts(&c->reply->body, "<groupSet/><instancesSet>");
	while ((instance = lab_instance_next(table, instance))) {
		if (strcmp(dro_json_text(instance->doc, "reservation"), reservation) != 0)
			continue;
		ec2_put_instance(c, instance);
		lab_reply_id(c->reply, instance->id);
	}
	dro_buf_puts(&c->reply->body, "</instancesSet>");
}

/* (instances locked) An earlier call with the same token: answered. false: there was none. */
static bool answer_again(struct ec2_call *c, const struct launch *launch)
{
	struct lab_instances *table = lab_instances_of(c->ec2->lab);
	const struct lab_instance *instance = NULL;
	const char *token = ec2_param(c, "ClientToken");

	while (token && (instance = lab_instance_next(table, instance)))
		if (strcmp(instance->vendor, "ec2") == 0 &&
			strcmp(instance->region, c->region) == 0 &&
			strcmp(dro_json_text(instance->doc, "token"), token) == 0)
			break;
	if (!instance)
		return false;
	if (strcmp(dro_json_text(instance->doc, "fingerprint"), launch->fingerprint) == 0)
		put_reservation(c, dro_json_text(instance->doc, "reservation"));
	else
		ec2_error(c, 400, "IdempotentParameterMismatch",
			"Arguments on this idempotent request are inconsistent with arguments "
			"used in previous request(s).");
	return true;
}

/* (instances locked) How many more the quota allows. */
static int64_t room(struct ec2_call *c)
{
	struct lab_instances *table = lab_instances_of(c->ec2->lab);
	const struct lab_instance *instance = NULL;
	int64_t used = 0;

	while ((instance = lab_instance_next(table, instance)))
		used += strcmp(instance->vendor, "ec2") == 0 &&
			strcmp(instance->region, c->region) == 0 &&
			instance->state != LAB_TERMINATED;
	return c->ec2->quota - used;
}

/* (instances locked) */
static bool launch_one(struct ec2_call *c, const struct launch *launch, int index)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct lab_instance *instance;
	char hex[18], id[LAB_ID];
	struct lab_instance_spec spec = {.id = id,
		.vendor = "ec2",
		.region = c->region,
		.image = ec2_param(c, "ImageId"),
		.image_folder = launch->image_folder,
		.user_data = launch->user_data,
		.user_data_length = launch->user_data_length,
		.doc = make_doc(c, launch, index)};

	lab_hex_id(hex);
	snprintf(id, sizeof(id), "i-%s", hex);
	if (lab_instance_create(lab_instances_of(c->ec2->lab), &spec, &instance, &err) == 0)
		return true;
	ec2_error(c, 500, "InsufficientInstanceCapacity", "The lab has no room: %s", err.message);
	return false;
}

/* (instances locked) */
static void launch_all(struct ec2_call *c, struct launch *launch)
{
	int64_t count = room(c), i;
	char hex[18];

	if (count < launch->min) {
		ec2_error(c, 400, "InstanceLimitExceeded",
			"You have requested more instances (%lld) than your current instance "
			"limit of %lld allows.",
			(long long)launch->min, (long long)c->ec2->quota);
		return;
	}
	lab_hex_id(hex);
	snprintf(launch->reservation, sizeof(launch->reservation), "r-%s", hex);
	for (i = 0; i < launch->max && i < count; i++)
		if (!launch_one(c, launch, (int)i))
			return;
	put_reservation(c, launch->reservation);
}

void ec2_run_instances(struct ec2_call *c)
{
	struct lab_instances *table = lab_instances_of(c->ec2->lab);
	struct launch launch = {0};

	if (check(c, &launch) && ec2_go(c)) {
		lab_instances_lock(table);
		if (!answer_again(c, &launch))
			launch_all(c, &launch);
		lab_instances_unlock(table);
	}
	cJSON_Delete(launch.tags);
	free(launch.user_data);
}
