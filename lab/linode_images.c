#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/linode.h"

#define TAG_MAX 100
#define REPLICATION_MS 300
#define SIZE_MB 1500
#define PUBLIC_IMAGE "linode/debian12"

static const char *const filterable[] = {"id", "created_by", "deprecated", "is_public", "label",
	"size", "status", "tags", "type", "vendor", NULL};

/* ---- documents ------------------------------------------------------------------------------ */

static void add_region(cJSON *regions, const char *region, int64_t since_ms)
{
	cJSON *row = cJSON_CreateObject();

	cJSON_AddStringToObject(row, "region", region);
	cJSON_AddNumberToObject(row, "since_ms", (double)since_ms);
	cJSON_AddItemToArray(regions, row);
}

/* "available", or how far its replication is. */
static const char *region_status(
	const struct linode_call *c, const struct lab_image *image, const cJSON *row)
{
	int64_t since = 0, age;

	dro_json_int(row, "since_ms", 0, &since, NULL);
	age = c->now_ms - since;
	if (image->state != LAB_IMAGE_AVAILABLE)
		return "creating";
	if (!since || age >= REPLICATION_MS)
		return "available";
	return age < REPLICATION_MS / 2 ? "pending replication" : "replicating";
}

bool linode_image_takes_user_data(const struct lab_image *image)
{
	return cJSON_IsTrue(cJSON_GetObjectItem(image->doc, "cloud_init"));
}

/* What images have in common, Linode's own and others. */
static cJSON *begin_doc(const char *id, const char *label, bool public, const char *status)
{
	cJSON *doc = cJSON_CreateObject();

	cJSON_AddStringToObject(doc, "id", id);
	cJSON_AddStringToObject(doc, "label", label);
	cJSON_AddStringToObject(doc, "type", "manual");
	cJSON_AddStringToObject(doc, "status", status);
	cJSON_AddBoolToObject(doc, "is_public", public);
	cJSON_AddBoolToObject(doc, "deprecated", false);
	cJSON_AddNumberToObject(doc, "size", SIZE_MB);
	cJSON_AddStringToObject(doc, "created_by", public ? "linode" : "lab");
	cJSON_AddNullToObject(doc, "expiry");
	cJSON_AddNullToObject(doc, "eol");
	return doc;
}

/* (locked) */
static cJSON *image_doc(const struct linode_call *c, const struct lab_image *image)
{
	const cJSON *own = image->doc, *row, *description, *tags;
	cJSON *doc = begin_doc(image->id, image->name, false,
		image->state == LAB_IMAGE_AVAILABLE ? "available" : "creating");
	cJSON *list = cJSON_AddArrayToObject(doc, "capabilities");

	if (linode_image_takes_user_data(image))
		cJSON_AddItemToArray(list, cJSON_CreateString("cloud-init"));
	list = cJSON_AddArrayToObject(doc, "regions");
	cJSON_ArrayForEach(row, cJSON_GetObjectItem(own, "regions"))
	{
		cJSON *shown = cJSON_CreateObject();

		cJSON_AddStringToObject(shown, "region", dro_json_text(row, "region"));
		cJSON_AddStringToObject(shown, "status", region_status(c, image, row));
		cJSON_AddItemToArray(list, shown);
	}
	cJSON_AddNumberToObject(doc, "total_size", SIZE_MB * cJSON_GetArraySize(list));
	description = cJSON_GetObjectItem(own, "description");
	cJSON_AddItemToObject(doc, "description",
		description ? cJSON_Duplicate(description, true) : cJSON_CreateNull());
	tags = cJSON_GetObjectItem(own, "tags");
	cJSON_AddItemToObject(
		doc, "tags", tags ? cJSON_Duplicate(tags, true) : cJSON_CreateArray());
	cJSON_AddNullToObject(doc, "vendor");
	linode_add_time(doc, "created", image->created_ms);
	linode_add_time(
		doc, "updated", image->completed_ms ? image->completed_ms : image->created_ms);
	return doc;
}

/* One of Linode's own, to be listed: its disk is not here. */
static cJSON *public_doc(void)
{
	cJSON *doc = begin_doc(PUBLIC_IMAGE, "Debian 12", true, "available");

	cJSON_AddItemToArray(
		cJSON_AddArrayToObject(doc, "capabilities"), cJSON_CreateString("cloud-init"));
	cJSON_AddArrayToObject(doc, "regions");
	cJSON_AddNumberToObject(doc, "total_size", SIZE_MB);
	cJSON_AddStringToObject(doc, "description", "");
	cJSON_ReplaceItemInObjectCaseSensitive(doc, "description", cJSON_CreateNull());
	cJSON_AddArrayToObject(doc, "tags");
	cJSON_AddStringToObject(doc, "vendor", "Debian");
	linode_add_time(doc, "created", INT64_C(1686700000000));
	linode_add_time(doc, "updated", INT64_C(1686700000000));
	return doc;
}

static bool is_ours(const struct lab_image *image)
{
	return strcmp(image->vendor, "linode") == 0 && !image->deregistered &&
	       image->state != LAB_IMAGE_FAILED;
}

struct lab_image *linode_find_image(struct linode_call *c, const char *id)
{
	struct lab_image *image = lab_image_find(lab_images_of(c->linode->lab), id);

	return image && is_ours(image) ? image : NULL;
}

static struct lab_image *need_image(struct linode_call *c)
{
	struct lab_image *image = linode_find_image(c, c->id);

	if (!image)
		linode_refuse_with(c, 404, "Not found");
	return image;
}

/* ---- operations ----------------------------------------------------------------------------- */

void linode_list_images(struct linode_call *c)
{
	struct lab_images *table = lab_images_of(c->linode->lab);
	const struct lab_image *image = NULL;
	cJSON *all = cJSON_CreateArray();

	lab_images_lock(table);
	while ((image = lab_image_next(table, image)))
		if (is_ours(image) && image->created_ms + c->call->lag_ms <= c->now_ms)
			cJSON_AddItemToArray(all, image_doc(c, image));
	lab_images_unlock(table);
	cJSON_AddItemToArray(all, public_doc());
	linode_page(c, all, filterable);
}

void linode_get_image(struct linode_call *c)
{
	struct lab_images *table = lab_images_of(c->linode->lab);
	const struct lab_image *image;

	if (strcmp(c->id, PUBLIC_IMAGE) == 0) {
		linode_send(c, public_doc());
		return;
	}
	lab_images_lock(table);
	image = need_image(c);
	if (image)
		linode_send(c, image_doc(c, image));
	lab_images_unlock(table);
}

/* The instance with that disk: its id and region. */
static bool find_disk(struct linode_call *c, double disk, char id[LAB_ID], char region[LAB_REGION])
{
	struct lab_instances *table = lab_instances_of(c->linode->lab);
	const struct lab_instance *instance = NULL;
	const cJSON *own;

	lab_instances_lock(table);
	while ((instance = lab_instance_next(table, instance))) {
		own = cJSON_GetObjectItem(instance->doc, "disk");
		if (strcmp(instance->vendor, "linode") != 0 || !linode_status(c, instance) ||
			!cJSON_IsNumber(own) || own->valuedouble != disk)
			continue;
		memcpy(id, instance->id, LAB_ID);
		memcpy(region, instance->region, LAB_REGION);
		break;
	}
	lab_instances_unlock(table);
	return instance != NULL;
}

static cJSON *new_doc(const char *region, bool cloud_init)
{
	cJSON *doc = cJSON_CreateObject();

	add_region(cJSON_AddArrayToObject(doc, "regions"), region, 0);
	cJSON_AddBoolToObject(doc, "cloud_init", cloud_init);
	return doc;
}

static void make(struct linode_call *c, const char *instance, const char *region)
{
	static const char *const kept[] = {"description", "tags"};
	struct lab_images *table = lab_images_of(c->linode->lab);
	struct lab_image_source source = {.reboot = false};
	const char *label = dro_json_text(c->body, "label");
	struct dro_error err = DRO_ERROR_INIT;
	struct lab_image *image;
	char id[LAB_ID], snapshot[LAB_ID + 8];
	struct lab_image_spec spec = {
		.id = id, .snapshot = snapshot, .vendor = "linode", .region = region};
	size_t i;

	snprintf(id, sizeof(id), "private/%lld", (long long)linode_new_id(c->linode));
	snprintf(snapshot, sizeof(snapshot), "disk-%s", id + 8);
	spec.name = *label ? label : snapshot;
	spec.doc = new_doc(
		region, cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(c->body, "cloud_init")));
	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		const cJSON *value = cJSON_GetObjectItemCaseSensitive(c->body, kept[i]);

		if (value)
			cJSON_AddItemToObject(spec.doc, kept[i], cJSON_Duplicate(value, true));
	}
	snprintf(source.instance, sizeof(source.instance), "%s", instance);
	lab_images_lock(table);
	if (lab_image_create(table, &spec, &source, &image, &err) < 0) {
		linode_refuse_with(c, 500, err.message);
	} else {
		lab_reply_id(c->reply, id);
		linode_send(c, image_doc(c, image));
	}
	lab_images_unlock(table);
	if (!c->errors->child)
		linode_event(c, "disk_imagize", "image", id, spec.name);
}

void linode_create_image(struct linode_call *c)
{
	const cJSON *disk = cJSON_GetObjectItemCaseSensitive(c->body, "disk_id");
	char instance[LAB_ID], region[LAB_REGION];

	linode_check_tags(c, TAG_MAX);
	if (!disk || cJSON_IsNull(disk))
		linode_refuse(c, "disk_id", "disk_id is required");
	else if (!cJSON_IsNumber(disk) || !find_disk(c, disk->valuedouble, instance, region))
		linode_refuse(c, "disk_id", "disk_id is not valid");
	if (strlen(dro_json_text(c->body, "label")) > 50)
		linode_refuse(c, "label", "Length must be 1-50 characters");
	if (!c->errors->child)
		make(c, instance, region);
}

void linode_delete_image(struct linode_call *c)
{
	struct lab_images *table = lab_images_of(c->linode->lab);
	struct lab_image *image;
	char label[160] = "";

	lab_images_lock(table);
	image = need_image(c);
	if (image) {
		snprintf(label, sizeof(label), "%s", image->name);
		image->snapshot_deleted = true;
		lab_image_deregister(image);
	}
	lab_images_unlock(table);
	if (c->errors->child)
		return;
	lab_reply_id(c->reply, c->id);
	linode_event(c, "image_delete", "image", c->id, label);
	linode_send_empty(c);
}

/* (locked) The new list, or NULL: refused. */
static cJSON *read_regions(struct linode_call *c, const struct lab_image *image)
{
	const cJSON *given = cJSON_GetObjectItemCaseSensitive(c->body, "regions"), *one, *row;
	cJSON *regions = cJSON_CreateArray();
	bool stays = false;

	cJSON_ArrayForEach(one, given)
	{
		int64_t since = c->now_ms;

		if (!cJSON_IsString(one) || !linode_region_is(one->valuestring)) {
			linode_refuse(c, "regions", "region is not valid");
			continue;
		}
		cJSON_ArrayForEach(row, cJSON_GetObjectItem(image->doc, "regions"))
		{
			if (strcmp(dro_json_text(row, "region"), one->valuestring) != 0)
				continue;
			stays = stays || strcmp(region_status(c, image, row), "available") == 0;
			dro_json_int(row, "since_ms", 0, &since, NULL);
		}
		add_region(regions, one->valuestring, since);
	}
	if (!stays)
		linode_refuse(c, "regions",
			"At least one region where the image is available must be given");
	if (image->state != LAB_IMAGE_AVAILABLE)
		linode_refuse(c, NULL, "Image is not available");
	if (!c->errors->child)
		return regions;
	cJSON_Delete(regions);
	return NULL;
}

void linode_replicate_image(struct linode_call *c)
{
	struct lab_images *table = lab_images_of(c->linode->lab);
	struct lab_image *image;
	cJSON *regions;

	lab_images_lock(table);
	image = need_image(c);
	regions = image ? read_regions(c, image) : NULL;
	if (regions) {
		cJSON_ReplaceItemInObjectCaseSensitive(image->doc, "regions", regions);
		lab_image_save(image);
		lab_reply_id(c->reply, image->id);
		linode_send(c, image_doc(c, image));
	}
	lab_images_unlock(table);
}

int lab_linode_image_new(
	struct lab *lab, const char *region, char id[LAB_ID], cJSON **doc, struct dro_error *err)
{
	struct linode *linode = lab_vendor_state(lab, "linode");

	if (!linode_region_is(region))
		return dro_fail(err, DRO_EINVAL, "Linode has no region %s here", region);
	pthread_mutex_lock(&linode->lock);
	snprintf(id, LAB_ID, "private/%lld", (long long)linode_new_id(linode));
	pthread_mutex_unlock(&linode->lock);
	*doc = new_doc(region, true);
	return 0;
}
