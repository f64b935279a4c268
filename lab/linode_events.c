/* What happens to things, as the API tells it. An event is finished when its thing has settled. */
#include <stdlib.h>
#include <string.h>

#include "lab/linode.h"

#define EVENTS_MAX 1000

void linode_event(struct linode_call *c, const char *action, const char *type, const char *id,
	const char *label)
{
	cJSON *events = c->linode->events, *event = cJSON_CreateObject(), *entity;
	const char *number = strrchr(id, '/');
	struct dro_buf url = DRO_BUF_INIT(256);

	cJSON_AddNumberToObject(event, "id", (double)linode_new_id(c->linode));
	cJSON_AddStringToObject(event, "action", action);
	cJSON_AddNumberToObject(event, "made_ms", (double)c->now_ms);
	cJSON_AddStringToObject(event, "thing", id);
	if (!type) {
		cJSON_AddItemToArray(events, event);
		goto out;
	}
	entity = cJSON_AddObjectToObject(event, "entity");
	cJSON_AddNumberToObject(entity, "id", strtod(number ? number + 1 : id, NULL));
	cJSON_AddStringToObject(entity, "label", label);
	cJSON_AddStringToObject(entity, "type", type);
	dro_buf_printf(
		&url, "/v4/%s/%s", strcmp(type, "image") == 0 ? "images" : "linode/instances", id);
	cJSON_AddStringToObject(entity, "url", dro_buf_str(&url));
	dro_buf_free(&url);
	cJSON_AddItemToArray(events, event);
out:
	if (cJSON_GetArraySize(events) > EVENTS_MAX)
		cJSON_Delete(cJSON_DetachItemViaPointer(events, events->child));
}

/* Is the thing still coming or going? */
static bool is_under_way(struct linode_call *c, const cJSON *event)
{
	struct lab_instances *instances = lab_instances_of(c->linode->lab);
	struct lab_images *images = lab_images_of(c->linode->lab);
	const char *thing = dro_json_text(event, "thing");
	struct lab_instance *instance;
	const struct lab_image *image;
	bool moves;

	lab_images_lock(images);
	image = lab_image_find(images, thing);
	moves = image && image->state == LAB_IMAGE_PENDING;
	lab_images_unlock(images);
	lab_instances_lock(instances);
	instance = lab_instance_find(instances, thing);
	moves = moves || (instance && linode_resizing(c, instance)) ||
		(instance && instance->state != LAB_RUNNING && instance->state != LAB_STOPPED &&
			instance->state != LAB_TERMINATED);
	lab_instances_unlock(instances);
	return moves;
}

static cJSON *event_doc(struct linode_call *c, cJSON *event)
{
	cJSON *doc = cJSON_CreateObject();
	bool done = cJSON_HasObjectItem(event, "done");
	int64_t made = 0;

	if (!done && !is_under_way(c, event)) {
		cJSON_AddBoolToObject(event, "done", true); /* and stays so */
		done = true;
	}
	dro_json_int(event, "made_ms", 0, &made, NULL);
	cJSON_AddNumberToObject(doc, "id", cJSON_GetObjectItem(event, "id")->valuedouble);
	cJSON_AddStringToObject(doc, "action", dro_json_text(event, "action"));
	linode_add_time(doc, "created", made);
	if (cJSON_HasObjectItem(event, "entity"))
		cJSON_AddItemToObject(
			doc, "entity", cJSON_Duplicate(cJSON_GetObjectItem(event, "entity"), true));
	cJSON_AddStringToObject(doc, "status", done ? "finished" : "started");
	cJSON_AddNumberToObject(doc, "percent_complete", done ? 100 : 50);
	cJSON_AddNumberToObject(doc, "duration", done ? 1 : 0);
	cJSON_AddBoolToObject(doc, "read", false);
	cJSON_AddBoolToObject(doc, "seen", false);
	cJSON_AddNullToObject(doc, "message");
	cJSON_AddNullToObject(doc, "time_remaining");
	cJSON_AddStringToObject(doc, "username", "lab");
	return doc;
}

void linode_list_events(struct linode_call *c)
{
	static const char *const filterable[] = {"id", "action", "created", "entity.id",
		"entity.type", "percent_complete", "read", "seen", "status", "username", NULL};
	cJSON *all = cJSON_CreateArray(), *event;

	cJSON_ArrayForEach(event, c->linode->events)
		cJSON_InsertItemInArray(all, 0, event_doc(c, event));
	linode_page(c, all, filterable);
}

void linode_get_event(struct linode_call *c)
{
	double id = strtod(c->id, NULL);
	cJSON *event;

	cJSON_ArrayForEach(event, c->linode->events)
	{
		if (cJSON_GetObjectItem(event, "id")->valuedouble != id)
			continue;
		linode_send(c, event_doc(c, event));
		return;
	}
	linode_refuse_with(c, 404, "Not found");
}
