#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/linode.h"

#define TAG_MIN 3
#define TAG_MAX 50
#define LABEL_MIN 3
#define LABEL_MAX 64

static const char *const filterable[] = {
	"id", "group", "image", "label", "region", "tags", "status", "type", NULL};

const char *linode_status(const struct linode_call *c, const struct lab_instance *instance)
{
	int64_t half = lab_config(c->linode->lab)->boot_delay_ms / 2;

	if (cJSON_HasObjectItem(instance->doc, "resize") && instance->state < LAB_SHUTTING_DOWN)
		return "resizing";
	switch (instance->state) {
	case LAB_PENDING:
		return instance->launched_ms == instance->created_ms &&
				       c->now_ms - instance->created_ms < half
			       ? "provisioning"
			       : "booting";
	case LAB_RUNNING:
		return instance->again ? "rebooting" : "running";
	case LAB_STOPPING:
		return "shutting_down";
	case LAB_STOPPED:
		return "offline";
	case LAB_SHUTTING_DOWN:
		return "deleting";
	default:
		return NULL;
	}
}

bool linode_resizing(const struct linode_call *c, struct lab_instance *instance)
{
	const cJSON *resize = cJSON_GetObjectItem(instance->doc, "resize");
	int64_t until = 0;
	cJSON *type;

	if (!resize)
		return false;
	dro_json_int(resize, "until_ms", 0, &until, NULL);
	if (c->now_ms < until)
		return true;
	type = cJSON_CreateString(dro_json_text(resize, "type"));
	cJSON_ReplaceItemInObjectCaseSensitive(instance->doc, "type", type);
	cJSON_DeleteItemFromObject(instance->doc, "resize");
	lab_instance_save(instance);
	return false;
}

static void add_backups(cJSON *doc, bool enabled)
{
	cJSON *backups = cJSON_AddObjectToObject(doc, "backups"), *schedule;

	cJSON_AddBoolToObject(backups, "enabled", enabled);
	cJSON_AddBoolToObject(backups, "available", false);
	schedule = cJSON_AddObjectToObject(backups, "schedule");
	cJSON_AddNullToObject(schedule, "day");
	cJSON_AddNullToObject(schedule, "window");
}

static void add_alerts(cJSON *doc)
{
	cJSON *alerts = cJSON_AddObjectToObject(doc, "alerts");

	cJSON_AddNumberToObject(alerts, "cpu", 180);
	cJSON_AddNumberToObject(alerts, "io", 10000);
	cJSON_AddNumberToObject(alerts, "network_in", 10);
	cJSON_AddNumberToObject(alerts, "network_out", 10);
	cJSON_AddNumberToObject(alerts, "transfer_quota", 80);
}

cJSON *linode_instance_doc(const struct linode_call *c, const struct lab_instance *instance)
{
	const cJSON *own = instance->doc;
	cJSON *doc = cJSON_CreateObject(), *list;
	char host[DRO_SHA256_HEX] = "";

	dro_sha256_hex(host, instance->id, strlen(instance->id));
	cJSON_AddNumberToObject(doc, "id", strtod(instance->id, NULL));
	cJSON_AddStringToObject(doc, "label", dro_json_text(own, "label"));
	cJSON_AddStringToObject(doc, "group", "");
	cJSON_AddStringToObject(doc, "status", linode_status(c, instance));
	linode_add_time(doc, "created", instance->created_ms);
	linode_add_time(doc, "updated", instance->changed_ms);
	cJSON_AddStringToObject(doc, "type", dro_json_text(own, "type"));
	list = cJSON_AddArrayToObject(doc, "ipv4");
	cJSON_AddItemToArray(list, cJSON_CreateString(instance->guest.address));
	cJSON_AddNullToObject(doc, "ipv6");
	cJSON_AddStringToObject(doc, "image", instance->image);
	cJSON_AddStringToObject(doc, "region", instance->region);
	cJSON_AddItemToObject(doc, "specs", linode_specs(dro_json_text(own, "type")));
	add_alerts(doc);
	add_backups(doc, cJSON_IsTrue(cJSON_GetObjectItem(own, "backups_enabled")));
	cJSON_AddStringToObject(doc, "hypervisor", "kvm");
	cJSON_AddBoolToObject(doc, "watchdog_enabled", true);
	cJSON_AddItemToObject(doc, "tags", cJSON_Duplicate(cJSON_GetObjectItem(own, "tags"), true));
	host[40] = '\0';
	cJSON_AddStringToObject(doc, "host_uuid", host);
	cJSON_AddBoolToObject(doc, "has_user_data", instance->user_data != NULL);
	cJSON_AddNullToObject(doc, "placement_group");
	cJSON_AddNullToObject(doc, "lke_cluster_id");
	cJSON_AddArrayToObject(doc, "capabilities");
	return doc;
}

static bool is_ours(const struct linode_call *c, const struct lab_instance *instance)
{
	return strcmp(instance->vendor, "linode") == 0 && linode_status(c, instance);
}

struct lab_instance *linode_need_instance(struct linode_call *c, const char *id)
{
	struct lab_instance *instance = lab_instance_find(lab_instances_of(c->linode->lab), id);

	if (instance && is_ours(c, instance)) {
		linode_resizing(c, instance);
		return instance;
	}
	linode_refuse_with(c, 404, "Not found");
	return NULL;
}

/* ---- what was sent -------------------------------------------------------------------------- */

static bool is_label(const char *label)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t length = strlen(label);

	return length >= LABEL_MIN && length <= LABEL_MAX && strchr(letters, label[0]) &&
	       strspn(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
		       length &&
	       !strstr(label, "--") && !strstr(label, "__") && !strstr(label, "..");
}

void linode_check_label(struct linode_call *c, const char *own_id)
{
	struct lab_instances *table = lab_instances_of(c->linode->lab);
	const cJSON *label = cJSON_GetObjectItemCaseSensitive(c->body, "label");
	const struct lab_instance *instance = NULL;

	if (!label)
		return;
	if (!cJSON_IsString(label) || strlen(label->valuestring) < LABEL_MIN ||
		strlen(label->valuestring) > LABEL_MAX) {
		linode_refuse(c, "label", "Length must be %d-%d characters", LABEL_MIN, LABEL_MAX);
		return;
	}
	if (!is_label(label->valuestring)) {
		linode_refuse(c, "label",
			"Label must begin with a letter and hold letters, numbers, single "
			"hyphens, underscores and periods only");
		return;
	}
	lab_instances_lock(table);
	while ((instance = lab_instance_next(table, instance)))
		if (is_ours(c, instance) && strcmp(instance->id, own_id) != 0 &&
			strcmp(dro_json_text(instance->doc, "label"), label->valuestring) == 0)
			break;
	lab_instances_unlock(table);
	if (instance)
		linode_refuse(c, "label", "Label must be unique among your linodes");
}

void linode_check_tags(struct linode_call *c, size_t max)
{
	const cJSON *tags = cJSON_GetObjectItemCaseSensitive(c->body, "tags"), *tag;

	if (tags && !cJSON_IsArray(tags))
		linode_refuse(c, "tags", "tags must be a list");
	cJSON_ArrayForEach(tag, tags)
	{
		if (!cJSON_IsString(tag))
			linode_refuse(c, "tags", "A tag must be a string");
		else if (strlen(tag->valuestring) < TAG_MIN || strlen(tag->valuestring) > max)
			linode_refuse(c, "tags", "Length must be %d-%zu characters", TAG_MIN, max);
	}
}

/* ---- operations ----------------------------------------------------------------------------- */

void linode_list_instances(struct linode_call *c)
{
	struct lab_instances *table = lab_instances_of(c->linode->lab);
	struct lab_instance *instance = NULL;
	cJSON *all = cJSON_CreateArray();

	lab_instances_lock(table);
	while ((instance = lab_instance_next(table, instance))) {
		if (!is_ours(c, instance) || instance->created_ms + c->call->lag_ms > c->now_ms)
			continue;
		linode_resizing(c, instance);
		cJSON_AddItemToArray(all, linode_instance_doc(c, instance));
	}
	lab_instances_unlock(table);
	linode_page(c, all, filterable);
}

void linode_get_instance(struct linode_call *c)
{
	struct lab_instances *table = lab_instances_of(c->linode->lab);
	const struct lab_instance *instance;

	lab_instances_lock(table);
	instance = linode_need_instance(c, c->id);
	if (instance)
		linode_send(c, linode_instance_doc(c, instance));
	lab_instances_unlock(table);
}

void linode_update_instance(struct linode_call *c)
{
	static const char *const keys[] = {"label", "tags"};
	struct lab_instances *table = lab_instances_of(c->linode->lab);
	struct lab_instance *instance;
	size_t i;

	linode_check_label(c, c->id);
	linode_check_tags(c, TAG_MAX);
	lab_instances_lock(table);
	instance = linode_need_instance(c, c->id);
	if (instance && !c->errors->child) {
		for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			const cJSON *value = cJSON_GetObjectItemCaseSensitive(c->body, keys[i]);

			if (value)
				cJSON_ReplaceItemInObjectCaseSensitive(
					instance->doc, keys[i], cJSON_Duplicate(value, true));
		}
		lab_instance_save(instance);
		lab_reply_id(c->reply, instance->id);
		linode_send(c, linode_instance_doc(c, instance));
	}
	lab_instances_unlock(table);
}

int linode_disk_size(const struct lab_instance *instance)
{
	const cJSON *own = cJSON_GetObjectItem(instance->doc, "disk_mb");
	cJSON *specs = linode_specs(dro_json_text(instance->doc, "type"));
	int size = own ? own->valueint : cJSON_GetObjectItem(specs, "disk")->valueint;

	cJSON_Delete(specs);
	return size;
}

static cJSON *disk_doc(
	const struct lab_instance *instance, const char *key, const char *filesystem, int size)
{
	cJSON *doc = cJSON_CreateObject();

	cJSON_AddItemToObject(
		doc, "id", cJSON_Duplicate(cJSON_GetObjectItem(instance->doc, key), true));
	cJSON_AddStringToObject(doc, "label", *key == 's' ? "512 MB Swap Image" : "System Disk");
	cJSON_AddStringToObject(doc, "status", "ready");
	cJSON_AddStringToObject(doc, "filesystem", filesystem);
	cJSON_AddNumberToObject(doc, "size", size);
	linode_add_time(doc, "created", instance->created_ms);
	linode_add_time(doc, "updated", instance->created_ms);
	return doc;
}

void linode_list_disks(struct linode_call *c)
{
	static const char *const none[] = {NULL};
	struct lab_instances *table = lab_instances_of(c->linode->lab);
	const struct lab_instance *instance;
	cJSON *all = NULL;

	lab_instances_lock(table);
	instance = linode_need_instance(c, c->id);
	if (instance) {
		all = cJSON_CreateArray();
		cJSON_AddItemToArray(all, disk_doc(instance, "disk", "ext4",
						  linode_disk_size(instance) - LINODE_SWAP_MB));
		cJSON_AddItemToArray(all, disk_doc(instance, "swap", "swap", LINODE_SWAP_MB));
	}
	lab_instances_unlock(table);
	if (all)
		linode_page(c, all, none);
}
