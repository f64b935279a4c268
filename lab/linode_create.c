#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/linode.h"

#define USER_DATA_MAX 65535 /* encoded */
#define PASSWORD_MIN 7
#define PASSWORD_MAX 128
#define TAG_MAX 50

/* What a checked request is made of. */
struct making {
	const char *region, *type, *image;
	char folder[4096];
	uint8_t *user_data;
	size_t user_data_length;
	bool image_takes_user_data;
};

/* What the operation takes; anything else is refused, so that a misspelt word shows. */
static void check_fields(struct linode_call *c)
{
	static const char *const known[] = {"authorized_keys", "authorized_users", "backup_id",
		"backups_enabled", "booted", "disk_encryption", "firewall_id", "group", "image",
		"interface_generation", "interfaces", "ipv4", "label", "maintenance_policy",
		"metadata", "network_helper", "placement_group", "private_ip", "region",
		"root_pass", "stackscript_data", "stackscript_id", "swap_size", "tags", "type"};
	const cJSON *item;
	size_t i;

	cJSON_ArrayForEach(item, c->body)
	{
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strcmp(known[i], item->string) == 0)
				break;
		if (i == sizeof(known) / sizeof(known[0]))
			linode_refuse(c, item->string, "%.64s is not a known field", item->string);
	}
}

/* A text that must be there. */
static const char *need(struct linode_call *c, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(c->body, key);

	if (!item || cJSON_IsNull(item))
		linode_refuse(c, key, "%s is required", key);
	else if (!cJSON_IsString(item))
		linode_refuse(c, key, "%s must be a string", key);
	else
		return item->valuestring;
	return "";
}

static void check_place(struct linode_call *c, struct making *making)
{
	char name[160];
	const cJSON *one;

	making->region = need(c, "region");
	making->type = need(c, "type");
	if (*making->region && !linode_region_is(making->region))
		linode_refuse(c, "region", "region is not valid");
	if (*making->type && !linode_type_is(making->type))
		linode_refuse(c, "type", "A valid plan type by that ID was not found");
	snprintf(name, sizeof(name), "%.64s/%.64s", making->region, making->type);
	cJSON_ArrayForEach(one, c->linode->short_of) if (strcmp(one->valuestring, name) == 0)
		linode_refuse(
			c, NULL, "The selected plan is not currently available in this region.");
}

static void check_image(struct linode_call *c, struct making *making)
{
	struct lab_images *table = lab_images_of(c->linode->lab);
	const struct lab_image *image;
	bool available = false;

	making->image = dro_json_text(c->body, "image");
	if (!*making->image) {
		/* An instance without a disk has nothing to boot. */
		linode_refuse(c, "image", "This lab makes instances of images only");
		return;
	}
	lab_images_lock(table);
	image = linode_find_image(c, making->image);
	if (image) {
		available = image->state == LAB_IMAGE_AVAILABLE;
		making->image_takes_user_data = linode_image_takes_user_data(image);
		snprintf(making->folder, sizeof(making->folder), "%s", image->folder);
	}
	lab_images_unlock(table);
	if (!image && strncmp(making->image, "linode/", 7) == 0)
		linode_refuse(c, "image", "This lab has no disk of %.64s", making->image);
	else if (!image)
		linode_refuse(c, "image", "image is not valid");
	else if (!available)
		linode_refuse(c, "image", "Image is not available");
}

static void check_login(struct linode_call *c)
{
	const cJSON *password = cJSON_GetObjectItemCaseSensitive(c->body, "root_pass"), *list;
	static const char *const lists[] = {"authorized_keys", "authorized_users"};
	bool keys = false;
	size_t i, length;

	for (i = 0; i < 2; i++) {
		list = cJSON_GetObjectItemCaseSensitive(c->body, lists[i]);
		if (list && !cJSON_IsNull(list) && !cJSON_IsArray(list))
			linode_refuse(c, lists[i], "%s must be a list", lists[i]);
		keys = keys || cJSON_GetArraySize(list) > 0;
	}
	if (!password || cJSON_IsNull(password)) {
		if (!keys)
			linode_refuse(c, "root_pass", "root_pass is required");
		return;
	}
	length = cJSON_IsString(password) ? strlen(password->valuestring) : 0;
	if (length < PASSWORD_MIN || length > PASSWORD_MAX)
		linode_refuse(c, "root_pass", "Password must be between %d and %d characters",
			PASSWORD_MIN, PASSWORD_MAX);
	else if (strspn(password->valuestring, "abcdefghijklmnopqrstuvwxyz") == length ||
		 strspn(password->valuestring, "0123456789") == length)
		linode_refuse(c, "root_pass", "Password does not meet strength requirements.");
}

static void check_user_data(struct linode_call *c, struct making *making)
{
	const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(c->body, "metadata"), *item;
	size_t length, padding = 0;
	int decoded;

	item = cJSON_GetObjectItemCaseSensitive(metadata, "user_data");
	if (!item || cJSON_IsNull(item))
		return;
	length = cJSON_IsString(item) ? strlen(item->valuestring) : 0;
	if (length > USER_DATA_MAX) {
		linode_refuse(
			c, "metadata.user_data", "Length must be 0-%d characters", USER_DATA_MAX);
		return;
	}
	if (!making->image_takes_user_data)
		linode_refuse(c, "metadata.user_data", "Image does not support cloud-init");
	making->user_data = malloc(length + 1);
	decoded = making->user_data && length && length % 4 == 0
			  ? EVP_DecodeBlock(making->user_data, (const uint8_t *)item->valuestring,
				    (int)length)
			  : -1;
	while (padding < 2 && padding < length && item->valuestring[length - padding - 1] == '=')
		padding++;
	if (decoded < (int)padding)
		linode_refuse(c, "metadata.user_data", "user_data must be base64-encoded");
	else
		making->user_data_length = (size_t)decoded - padding;
}

/* ---- making --------------------------------------------------------------------------------- */

static void check_quota(struct linode_call *c)
{
	struct lab_instances *table = lab_instances_of(c->linode->lab);
	const struct lab_instance *instance = NULL;
	int64_t used = 0;

	lab_instances_lock(table);
	while ((instance = lab_instance_next(table, instance)))
		used += strcmp(instance->vendor, "linode") == 0 && linode_status(c, instance);
	lab_instances_unlock(table);
	if (used >= c->linode->quota)
		linode_refuse(c, NULL, "Account Limit reached. Please open a support ticket.");
}

static cJSON *make_doc(struct linode_call *c, const char *id)
{
	const cJSON *tags = cJSON_GetObjectItemCaseSensitive(c->body, "tags");
	const char *label = dro_json_text(c->body, "label");
	cJSON *doc = cJSON_CreateObject();
	char own[LAB_ID + 8];

	snprintf(own, sizeof(own), "linode%s", id);
	cJSON_AddStringToObject(doc, "label", *label ? label : own);
	cJSON_AddStringToObject(doc, "type", dro_json_text(c->body, "type"));
	cJSON_AddItemToObject(
		doc, "tags", tags ? cJSON_Duplicate(tags, true) : cJSON_CreateArray());
	cJSON_AddNumberToObject(doc, "disk", (double)linode_new_id(c->linode));
	cJSON_AddNumberToObject(doc, "swap", (double)linode_new_id(c->linode));
	cJSON_AddBoolToObject(doc, "backups_enabled",
		cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(c->body, "backups_enabled")));
	return doc;
}

static void make(struct linode_call *c, const struct making *making)
{
	struct lab_instances *table = lab_instances_of(c->linode->lab);
	struct dro_error err = DRO_ERROR_INIT;
	struct lab_instance *instance;
	char id[LAB_ID], label[LAB_ID + 32];
	struct lab_instance_spec spec = {.id = id,
		.vendor = "linode",
		.region = making->region,
		.image = making->image,
		.image_folder = making->folder,
		.user_data = making->user_data,
		.user_data_length = making->user_data_length};

	snprintf(id, sizeof(id), "%lld", (long long)linode_new_id(c->linode));
	spec.doc = make_doc(c, id);
	snprintf(label, sizeof(label), "%s", dro_json_text(spec.doc, "label"));
	lab_instances_lock(table);
	if (lab_instance_create(table, &spec, &instance, &err) < 0) {
		c->error_status = 500;
		linode_refuse_with(c, 500, err.message);
	} else {
		if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(c->body, "booted")))
			lab_instance_stop(instance, true);
		lab_reply_id(c->reply, id);
		linode_send(c, linode_instance_doc(c, instance));
	}
	lab_instances_unlock(table);
	if (!c->errors->child)
		linode_event(c, "linode_create", "linode", id, label);
}

void linode_create_instance(struct linode_call *c)
{
	struct making making = {0};

	check_fields(c);
	check_place(c, &making);
	linode_check_label(c, "");
	linode_check_tags(c, TAG_MAX);
	check_image(c, &making);
	check_login(c);
	check_user_data(c, &making);
	if (!c->errors->child)
		check_quota(c);
	if (!c->errors->child)
		make(c, &making);
	free(making.user_data);
}
