#include <stdio.h>
#include <string.h>

#include "lab/ec2.h"

/* The tags of the thing with that id; NULL: there is none. (both tables locked) */
static cJSON *tags_of(struct ec2_call *c, const char *id, struct lab_instance **instance,
	struct lab_image **image)
{
	cJSON *holder;

	*image = NULL;
	*instance = lab_instance_find(lab_instances_of(c->ec2->lab), id);
	if (*instance)
		return ec2_sees_instance(c, *instance)
			       ? cJSON_GetObjectItemCaseSensitive((*instance)->doc, "tags")
			       : NULL;
	*image = lab_image_find(lab_images_of(c->ec2->lab), id);
	if (*image) {
		holder = (*image)->deregistered ? NULL : (*image)->doc;
	} else {
		*image = lab_image_find_snapshot(lab_images_of(c->ec2->lab), id);
		if (!*image || (*image)->snapshot_deleted)
			return NULL;
		holder = cJSON_GetObjectItemCaseSensitive((*image)->doc, "snapshot");
		if (!holder)
			holder = cJSON_AddObjectToObject((*image)->doc, "snapshot");
	}
	if (!holder || !ec2_sees_image(c, *image))
		return NULL;
	if (!cJSON_GetObjectItemCaseSensitive(holder, "tags"))
		cJSON_AddObjectToObject(holder, "tags");
	return cJSON_GetObjectItemCaseSensitive(holder, "tags");
}

/* A key without a value goes whatever it has, with one only where it has that; without keys all go.
 */
static bool drop_tags(struct ec2_call *c, cJSON *tags)
{
	const char *key, *value, *has;
	char name[64];
	int n;

	for (n = 1;; n++) {
		snprintf(name, sizeof(name), "Tag.%d.Key", n);
		if (!(key = ec2_param(c, name)))
			break;
		snprintf(name, sizeof(name), "Tag.%d.Value", n);
		value = ec2_param(c, name);
		has = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tags, key));
		if (!value || (has && strcmp(has, value) == 0))
			cJSON_DeleteItemFromObjectCaseSensitive(tags, key);
	}
	while (n == 1 && tags->child)
		cJSON_Delete(cJSON_DetachItemViaPointer(tags, tags->child));
	return true;
}

static bool add_tags(struct ec2_call *c, cJSON *tags)
{
	return ec2_tags(c, "Tag", tags);
}

typedef bool (*change_tags)(struct ec2_call *c, cJSON *tags);

/* (both tables locked) false: answered. */
static bool tag_one(struct ec2_call *c, const char *id, change_tags change, bool apply)
{
	struct lab_instance *instance;
	struct lab_image *image;
	cJSON *tags = tags_of(c, id, &instance, &image), *trial;
	bool ok;

	if (!tags) {
		ec2_error(c, 400, "InvalidID", "The ID '%.64s' is not valid", id);
		return false;
	}
	trial = cJSON_Duplicate(tags, 1);
	ok = change(c, apply ? tags : trial);
	cJSON_Delete(trial);
	if (!ok || !apply)
		return ok;
	lab_reply_id(c->reply, id);
	if (instance)
		lab_instance_save(instance);
	else
		lab_image_save(image);
	return true;
}

/* All or nothing: tried on copies first. */
static void tag_all(struct ec2_call *c, change_tags change)
{
	struct lab_instances *instances = lab_instances_of(c->ec2->lab);
	struct lab_images *images = lab_images_of(c->ec2->lab);
	bool ok = true;
	const char *id;
	size_t n;

	lab_images_lock(images);
	lab_instances_lock(instances);
	for (n = 0; ok && (id = ec2_list(c, "ResourceId", n)); n++)
		ok = tag_one(c, id, change, false);
	if (ok && ec2_go(c)) {
		for (n = 0; (id = ec2_list(c, "ResourceId", n)); n++)
			tag_one(c, id, change, true);
		ec2_put(c, "return", "true");
	}
	lab_instances_unlock(instances);
	lab_images_unlock(images);
}

void ec2_create_tags(struct ec2_call *c)
{
	tag_all(c, add_tags);
}

void ec2_delete_tags(struct ec2_call *c)
{
	tag_all(c, drop_tags);
}

static int match_region(const void *object, const char *name, const char *pattern)
{
	if (strcmp(name, "region-name") == 0)
		return ec2_match_text(object, pattern);
	return strcmp(name, "opt-in-status") == 0 ? ec2_match_text("opt-in-not-required", pattern)
						  : -1;
}

void ec2_describe_regions(struct ec2_call *c)
{
	struct dro_buf *body = &c->reply->body;
	const char *asked;
	bool bad = false;
	size_t i;

	for (i = 0; (asked = ec2_list(c, "RegionName", i)); i++)
		if (!lab_aws_region_is(asked)) {
			ec2_error(c, 400, "InvalidParameterValue", "Invalid region: %.64s", asked);
			return;
		}
	if (!ec2_go(c))
		return;
	dro_buf_puts(body, "<regionInfo>");
	for (i = 0; lab_aws_regions[i] && !bad; i++) {
		const char *region = lab_aws_regions[i];

		if (!ec2_is_asked_for(c, "RegionName", region) ||
			!ec2_filter(c, match_region, region, &bad))
			continue;
		dro_buf_printf(body,
			"<item><regionName>%s</regionName>"
			"<regionEndpoint>ec2.%s.amazonaws.com</regionEndpoint>"
			"<optInStatus>opt-in-not-required</optInStatus></item>",
			region, region);
	}
	if (!bad)
		dro_buf_puts(body, "</regionInfo>");
}
