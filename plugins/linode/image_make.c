/*
 * Making, replicating and deleting machine images. An image is one thing, stored in one or several
 * regions: a copy is another region of it, and bears the same id.
 *   https://techdocs.akamai.com/linode-api/reference/post-image
 *   .../post-replicate-image, delete-image
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/linode/linode.h"

/* The call's key is written on what it makes: there is no token. */
#define KEY_TAG "drorch:request"

static int check_spec(const struct li *li, const struct dro_image_spec *spec,
	const struct dro_call *call, struct dro_error *err)
{
	if (!spec->name || !*spec->name)
		return li->host->fail(err, DRO_EINVAL, NULL, "an image needs a name");
	if (!call->idem_key || !*call->idem_key || strlen(call->idem_key) > 64)
		return li->host->fail(
			err, DRO_EINVAL, NULL, "making an image needs a key of 1..64 characters");
	return 0;
}

/* ---- what an earlier call made -------------------------------------------------------------- */

struct earlier {
	const struct li *li;
	const char *tag;
	cJSON *found;
};

static int look_at(void *arg, const cJSON *item, struct dro_error *err)
{
	struct earlier *earlier = arg;

	if (earlier->found || !li_has_tag(item, earlier->tag))
		return 0;
	earlier->found = cJSON_Duplicate(item, true);
	return earlier->found ? 0 : li_no_memory(earlier->li, err);
}

static int find_earlier(struct earlier *earlier, const char *name, const struct dro_call *call,
	struct dro_error *err)
{
	struct li_ask ask = {.kind = LI_READ, .method = "GET", .path = {"images"}};
	struct dro_buf filter = DRO_BUF_INIT(4096);
	int rc;

	dro_buf_puts(&filter, "{\"is_public\":false,\"label\":");
	dro_json_quote(&filter, name);
	dro_buf_puts(&filter, "}");
	if ((rc = dro_buf_check(&filter, err)) == 0) {
		ask.filter = dro_buf_str(&filter);
		rc = li_list(earlier->li, &ask, look_at, earlier, call, err);
	}
	dro_buf_free(&filter);
	return rc;
}

/* ---- the disk ------------------------------------------------------------------------------- */

struct disk {
	int64_t id, size; /* 0: none yet */
};

/* The largest that is no swap space: the system's. */
static int look_at_disk(void *arg, const cJSON *item, struct dro_error *err)
{
	struct disk *disk = arg;
	int64_t id, size;
	int rc;

	if (strcmp(dro_json_text(item, "filesystem"), "swap") == 0)
		return 0;
	if ((rc = dro_json_int_need(item, "id", &id, err)) < 0 ||
		(rc = dro_json_int(item, "size", 0, &size, err)) < 0)
		return rc;
	if (!disk->id || size > disk->size)
		*disk = (struct disk){id, size};
	return 0;
}

/* The disk of an instance that may be imaged now. */
static int find_disk(const struct li *li, const struct dro_image_spec *spec, int64_t *id,
	const struct dro_call *call, struct dro_error *err)
{
	const struct li_ask ask = {.kind = LI_READ,
		.method = "GET",
		.path = {"linode", "instances", spec->source, "disks"}};
	struct disk disk = {0, 0};
	cJSON *item = NULL;
	uint32_t state;
	int rc;

	if ((rc = li_get_instance(li, spec->source, &item, call, err)) < 0)
		return rc;
	state = li_instance_state(dro_json_text(item, "status"));
	cJSON_Delete(item);
	/* Linode stops nothing for an image; a clean one is of an instance that is off. */
	if (!spec->no_reboot && state != DRO_INSTANCE_STOPPED)
		return li->host->fail(err, DRO_ECONFLICT, NULL,
			"Linode %s is not off: stop it, or ask for a crash-consistent image "
			"(no_reboot)",
			spec->source);
	if ((rc = li_list(li, &ask, look_at_disk, &disk, call, err)) < 0)
		return rc;
	if (!disk.id)
		return li->host->fail(
			err, DRO_ENOTFOUND, NULL, "Linode %s has no disk", spec->source);
	*id = disk.id;
	return 0;
}

/* ---- making --------------------------------------------------------------------------------- */

static int make(const struct li *li, const struct dro_image_spec *spec, const char *key_tag,
	int64_t disk, cJSON **out, const struct dro_call *call, struct dro_error *err)
{
	struct li_ask ask = {.kind = LI_ONCE, .method = "POST", .path = {"images"}};
	cJSON *body = cJSON_CreateObject(), *tags;
	int rc;

	cJSON_AddNumberToObject(body, "disk_id", (double)disk);
	cJSON_AddStringToObject(body, "label", spec->name);
	cJSON_AddBoolToObject(body, "cloud_init", true); /* it takes user data */
	tags = cJSON_AddArrayToObject(body, "tags");
	if (!tags || !cJSON_AddItemToArray(tags, cJSON_CreateString(key_tag))) {
		cJSON_Delete(body);
		return li_no_memory(li, err);
	}
	if ((rc = li_tags_write(li, tags, spec->tags, spec->tag_count, LI_IMAGE_TAG_MAX, err)) <
		0) {
		cJSON_Delete(body);
		return rc;
	}
	return li_send(li, &ask, body, out, call, err);
}

int li_create_image(void *account, const struct dro_image_spec *spec, dro_emit_image emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	const struct li *li = account;
	const struct dro_pair key = {KEY_TAG, call->idem_key ? call->idem_key : ""};
	struct dro_buf tag = DRO_BUF_INIT(256);
	struct earlier earlier = {.li = li};
	cJSON *made = NULL;
	int64_t disk = 0;
	int rc;

	if ((rc = check_spec(li, spec, call, err)) < 0 ||
		(rc = li_tag(li, &tag, &key, LI_IMAGE_TAG_MAX, err)) < 0)
		goto out;
	earlier.tag = dro_buf_str(&tag);
	if ((rc = find_earlier(&earlier, spec->name, call, err)) < 0)
		goto out;
	if (!earlier.found &&
		((rc = find_disk(li, spec, &disk, call, err)) < 0 ||
			(rc = make(li, spec, earlier.tag, disk, &made, call, err)) < 0))
		goto out;
	if (made && !*dro_json_text(made, "id"))
		rc = li_nonsense(li, LI_ONCE, "an image without an id", err);
	else
		rc = li_emit_image(li, made ? made : earlier.found, "", emit, arg, err);
out:
	cJSON_Delete(made);
	cJSON_Delete(earlier.found);
	dro_buf_free(&tag);
	return rc;
}

/* ---- regions -------------------------------------------------------------------------------- */

/* The image's regions with `add` (or NULL) and without `leave` (or NULL). */
static cJSON *regions_with(const cJSON *image, const char *add, const char *leave, int *count)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(image, "regions"), *row;
	cJSON *body = cJSON_CreateObject();
	cJSON *regions = cJSON_AddArrayToObject(body, "regions");

	cJSON_ArrayForEach(row, list)
	{
		const char *region = dro_json_text(row, "region");

		if (*region && (!leave || strcmp(region, leave) != 0) &&
			li_image_state(image, region) != DRO_IMAGE_GONE)
			cJSON_AddItemToArray(regions, cJSON_CreateString(region));
	}
	if (add)
		cJSON_AddItemToArray(regions, cJSON_CreateString(add));
	*count = cJSON_GetArraySize(regions);
	return body;
}

/* Linode wants the whole list: what is left out is removed. */
static int set_regions(const struct li *li, const char *id, cJSON *body, cJSON **out,
	const struct dro_call *call, struct dro_error *err)
{
	struct li_ask ask = {
		.kind = LI_REPEATABLE, .method = "POST", .path = {"images", id, "regions"}};

	return li_send(li, &ask, body, out, call, err);
}

int li_copy_image(void *account, const struct dro_image_spec *spec, dro_emit_image emit, void *arg,
	const struct dro_call *call, struct dro_error *err)
{
	const struct li *li = account;
	const char *region = li_region(li, spec->region);
	cJSON *image = NULL, *now = NULL;
	int count, rc;

	if (!*region || strncmp(spec->source, "private/", 8) != 0)
		return li->host->fail(err, DRO_EINVAL, NULL,
			"a copy is of one of our own images, to another region");
	if ((rc = li_get_image(li, spec->source, &image, call, err)) < 0)
		return rc;
	if (!li_image_is_in(image, region))
		rc = set_regions(li, spec->source, regions_with(image, region, NULL, &count), &now,
			call, err);
	if (rc == 0)
		rc = li_emit_image(li, now ? now : image, region, emit, arg, err);
	cJSON_Delete(now);
	cJSON_Delete(image);
	return rc;
}

static int delete_all(
	const struct li *li, const char *id, const struct dro_call *call, struct dro_error *err)
{
	const struct li_ask ask = {
		.kind = LI_REPEATABLE, .method = "DELETE", .path = {"images", id}};
	int rc = li_ask(li, &ask, NULL, call, err);

	return rc == DRO_ENOTFOUND ? 0 : rc;
}

/* From that region alone, where the image is stored in others too. */
int li_delete_image(void *account, const char *region, const char *id, const struct dro_call *call,
	struct dro_error *err)
{
	const struct li *li = account;
	cJSON *image = NULL, *body;
	int left, rc;

	region = li_region(li, region);
	if (strncmp(id, "private/", 8) != 0)
		return li->host->fail(err, DRO_EINVAL, NULL, "\"%.80s\" is no image of ours", id);
	rc = li_get_image(li, id, &image, call, err);
	if (rc < 0)
		return rc == DRO_ENOTFOUND ? 0 : rc;
	body = regions_with(image, NULL, region, &left);
	if (!li_image_is_in(image, region)) {
		cJSON_Delete(body);
	} else if (*region && left > 0) {
		rc = set_regions(li, id, body, NULL, call, err);
	} else {
		cJSON_Delete(body);
		rc = delete_all(li, id, call, err);
	}
	cJSON_Delete(image);
	return rc;
}
