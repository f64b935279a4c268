#include <stdio.h>
#include <string.h>

#include "lab/linode.h"

/* (locked) What one of the actions does, or refuses; false: refused. */
typedef bool (*action)(struct linode_call *c, struct lab_instance *instance);

static void run(struct linode_call *c, const char *event, action apply)
{
	struct lab_instances *table = lab_instances_of(c->linode->lab);
	struct lab_instance *instance;
	char label[96] = "", id[LAB_ID];
	bool done = false;

	lab_instances_lock(table);
	instance = linode_need_instance(c, c->id);
	if (instance) {
		snprintf(label, sizeof(label), "%s", dro_json_text(instance->doc, "label"));
		memcpy(id, instance->id, sizeof(id));
		done = apply(c, instance);
	}
	lab_instances_unlock(table);
	if (!done)
		return;
	lab_reply_id(c->reply, id);
	linode_event(c, event, "linode", id, label);
	linode_send_empty(c);
}

/* (locked) Something is being done to it. */
static bool is_busy(const struct linode_call *c, struct lab_instance *instance)
{
	return instance->holds || linode_resizing(c, instance);
}

static bool busy(struct linode_call *c)
{
	linode_refuse(c, NULL, "Linode busy.");
	return false;
}

static bool boot(struct linode_call *c, struct lab_instance *instance)
{
	if (instance->state == LAB_RUNNING) {
		linode_refuse(c, NULL, "Linode %s already booted.", instance->id);
		return false;
	}
	if (instance->state != LAB_STOPPED || is_busy(c, instance))
		return busy(c);
	lab_instance_start(instance);
	return true;
}

static bool reboot(struct linode_call *c, struct lab_instance *instance)
{
	if (instance->state != LAB_RUNNING || is_busy(c, instance))
		return busy(c);
	lab_instance_reboot(instance);
	return true;
}

/* One that is off already stays off, without a word. */
static bool shut_down(struct linode_call *c, struct lab_instance *instance)
{
	if (is_busy(c, instance) || strcmp(linode_status(c, instance), "provisioning") == 0)
		return busy(c);
	lab_instance_stop(instance, false);
	return true;
}

static bool end(struct linode_call *c, struct lab_instance *instance)
{
	if (is_busy(c, instance))
		return busy(c);
	lab_instance_terminate(instance);
	return true;
}

/* What the disks take after it; refuses. They grow and shrink with the plan, unless that is told
 * not to be. */
static int check_disks(struct linode_call *c, const struct lab_instance *instance, const char *type)
{
	cJSON *specs = linode_specs(type);
	int room = cJSON_GetObjectItem(specs, "disk")->valueint;
	int size = linode_disk_size(instance);
	bool follow = true;

	cJSON_Delete(specs);
	if (dro_json_bool(c->body, "allow_auto_disk_resize", true, &follow, NULL) < 0)
		linode_refuse(c, "allow_auto_disk_resize", "Must be a boolean");
	if (!follow && size > room)
		linode_refuse(c, NULL,
			"Linode has more disk allocated (%d MB) than the new plan allows (%d MB)",
			size, room);
	return follow ? room : size;
}

/* It is off meanwhile, and then again as it was. */
static bool resize(struct linode_call *c, struct lab_instance *instance)
{
	const char *type = dro_json_text(c->body, "type");
	const char *how = dro_json_text(c->body, "migration_type");
	int size = 0;
	cJSON *mark;

	if (*how && strcmp(how, "cold") != 0 && strcmp(how, "warm") != 0)
		linode_refuse(c, "migration_type", "Must be one of: warm, cold");
	if (!*type)
		linode_refuse(c, "type", "type is required");
	else if (!linode_type_is(type))
		linode_refuse(c, "type", "A valid plan type by that ID was not found");
	else if (is_busy(c, instance) ||
		 (instance->state != LAB_RUNNING && instance->state != LAB_STOPPED))
		return busy(c);
	else if (strcmp(type, dro_json_text(instance->doc, "type")) == 0)
		linode_refuse(c, "type", "Linode is already running this service plan.");
	else
		size = check_disks(c, instance, type);
	if (c->errors->child)
		return false;
	mark = cJSON_CreateObject();
	cJSON_AddStringToObject(mark, "type", type);
	cJSON_AddNumberToObject(
		mark, "until_ms", (double)(c->now_ms + lab_config(c->linode->lab)->boot_delay_ms));
	cJSON_DeleteItemFromObject(instance->doc, "disk_mb");
	cJSON_AddNumberToObject(instance->doc, "disk_mb", size);
	cJSON_AddItemToObject(instance->doc, "resize", mark);
	lab_instance_save(instance);
	lab_instance_reboot(instance); /* where it runs */
	return true;
}

void linode_boot_instance(struct linode_call *c)
{
	run(c, "linode_boot", boot);
}

void linode_reboot_instance(struct linode_call *c)
{
	run(c, "linode_reboot", reboot);
}

void linode_shutdown_instance(struct linode_call *c)
{
	run(c, "linode_shutdown", shut_down);
}

void linode_delete_instance(struct linode_call *c)
{
	run(c, "linode_delete", end);
}

void linode_resize_instance(struct linode_call *c)
{
	run(c, "linode_resize", resize);
}
