#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/images_internal.h"
#include "lab/internal.h"

static const char *const state_names[] = {"pending", "available", "failed"};

const char *lab_image_state_name(int state)
{
	return state >= 0 && state <= LAB_IMAGE_FAILED ? state_names[state] : "unknown";
}

/* Linode's ids have a "/" in them, which names of files have not. */
static void flatten(char *name)
{
	for (; *name; name++)
		if (*name == '/')
			*name = '-';
}

static char *folder_of(struct lab_images *table, const char *id)
{
	struct dro_buf path = DRO_BUF_INIT(4096);
	size_t start;

	char *name;

	dro_buf_printf(&path, "%s/images/", lab_config(table->lab)->dir);
	start = path.length;
	dro_buf_puts(&path, id);
	name = dro_buf_take(&path);
	if (name)
		flatten(name + start);
	return name;
}

struct lab_image *lab_image_new(struct lab_images *table, const char *id)
{
	struct lab_image *image = calloc(1, sizeof(*image));

	if (!image || strlen(id) >= sizeof(image->id) || !(image->folder = folder_of(table, id))) {
		free(image);
		return NULL;
	}
	image->table = table;
	memcpy(image->id, id, strlen(id) + 1);
	return image;
}

void lab_image_free(struct lab_image *image)
{
	if (!image)
		return;
	cJSON_Delete(image->doc);
	free(image->folder);
	free(image);
}

void lab_image_save(struct lab_image *image)
{
	char name[LAB_ID + 16];
	cJSON *json = cJSON_CreateObject();

	snprintf(name, sizeof(name), "image-%s", image->id);
	flatten(name);
	cJSON_AddStringToObject(json, "id", image->id);
	cJSON_AddStringToObject(json, "snapshot", image->snapshot);
	cJSON_AddStringToObject(json, "vendor", image->vendor);
	cJSON_AddStringToObject(json, "region", image->region);
	cJSON_AddStringToObject(json, "name", image->name);
	cJSON_AddNumberToObject(json, "state", image->state);
	cJSON_AddBoolToObject(json, "deregistered", image->deregistered);
	cJSON_AddBoolToObject(json, "snapshot_deleted", image->snapshot_deleted);
	cJSON_AddNumberToObject(json, "created_ms", (double)image->created_ms);
	cJSON_AddNumberToObject(json, "completed_ms", (double)image->completed_ms);
	if (image->doc)
		cJSON_AddItemReferenceToObject(json, "doc", image->doc);
	lab_state_save(image->table->lab, name, json, NULL);
	cJSON_Delete(json);
}

void lab_image_remove_folder(struct lab_images *table, const char *id)
{
	char *folder = folder_of(table, id);

	if (folder)
		dro_dir_remove(folder, NULL);
	free(folder);
}

void lab_image_forget(struct lab_image *image)
{
	char name[LAB_ID + 16];

	snprintf(name, sizeof(name), "image-%s", image->id);
	flatten(name);
	lab_state_remove(image->table->lab, name, NULL);
	lab_image_remove_folder(image->table, image->id);
	lab_image_free(image);
}

static int copy_text(
	char *out, size_t size, const cJSON *json, const char *key, struct dro_error *err)
{
	const char *text = dro_json_text(json, key);

	if (strlen(text) >= size)
		return dro_fail(err, DRO_ECORRUPT, "%s is too long", key);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int read_image(struct lab_image *image, const cJSON *json, struct dro_error *err)
{
	const cJSON *doc;
	int64_t state;
	int rc;

	if ((rc = copy_text(image->snapshot, sizeof(image->snapshot), json, "snapshot", err)) < 0 ||
		(rc = copy_text(image->vendor, sizeof(image->vendor), json, "vendor", err)) < 0 ||
		(rc = copy_text(image->region, sizeof(image->region), json, "region", err)) < 0 ||
		(rc = copy_text(image->name, sizeof(image->name), json, "name", err)) < 0 ||
		(rc = dro_json_int_need(json, "state", &state, err)) < 0 ||
		(rc = dro_json_bool(json, "deregistered", false, &image->deregistered, err)) < 0 ||
		(rc = dro_json_bool(
			 json, "snapshot_deleted", false, &image->snapshot_deleted, err)) < 0 ||
		(rc = dro_json_int_need(json, "created_ms", &image->created_ms, err)) < 0 ||
		(rc = dro_json_int_need(json, "completed_ms", &image->completed_ms, err)) < 0 ||
		(rc = dro_json_object(json, "doc", &doc, err)) < 0)
		return rc;
	/* A copy that was under way when the lab ended is not taken up again. */
	image->state = state == LAB_IMAGE_AVAILABLE ? LAB_IMAGE_AVAILABLE : LAB_IMAGE_FAILED;
	image->doc = doc ? cJSON_Duplicate(doc, 1) : NULL;
	return doc && !image->doc ? dro_fail(err, DRO_ENOMEM, "out of memory") : 0;
}

static int load_one(void *arg, const cJSON *json, struct dro_error *err)
{
	struct lab_images *table = arg;
	struct lab_image *image = lab_image_new(table, dro_json_text(json, "id")), **at;
	int rc;

	if (!image)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = read_image(image, json, err)) < 0) {
		lab_image_free(image);
		return rc;
	}
	for (at = &table->first; *at && (*at)->created_ms > image->created_ms; at = &(*at)->next)
		;
	image->next = *at;
	*at = image;
	return 0;
}

int lab_images_load(struct lab_images *table, struct dro_error *err)
{
	return lab_state_each(table->lab, "image-", load_one, table, err);
}

void lab_images_print(struct lab_images *table, struct dro_buf *out)
{
	const struct lab_image *image;

	pthread_mutex_lock(&table->lock);
	for (image = table->first; image; image = image->next)
		if (!image->deregistered)
			dro_buf_printf(out, "%-22s %-14s %-10s %-24s %s\n", image->id,
				image->region, lab_image_state_name(image->state), image->name,
				image->vendor);
	pthread_mutex_unlock(&table->lock);
}
