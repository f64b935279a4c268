/*
 * Reading machine images.
 *   https://techdocs.akamai.com/linode-api/reference/get-images
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/common/answer.h"
#include "plugins/common/when.h"
#include "plugins/linode/linode.h"

/* "private/15" and "linode/debian12" are ids. */
static bool is_image_id(const char *text)
{
	if (strncmp(text, "private/", 8) == 0)
		return text[8] && strspn(text + 8, "0123456789") == strlen(text + 8);
	return strncmp(text, "linode/", 7) == 0;
}

/* The row of `region` in the image's list; NULL where it is not stored there. */
static const cJSON *row_of(const cJSON *item, const char *region)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(item, "regions"), *row;

	cJSON_ArrayForEach(
		row, list) if (strcmp(dro_json_text(row, "region"), region) == 0) return row;
	return NULL;
}

bool li_image_is_in(const cJSON *item, const char *region)
{
	return !*region || row_of(item, region) ||
	       cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(item, "regions")) == 0;
}

uint32_t li_image_state(const cJSON *item, const char *region)
{
	static const struct dro_word states[] = {
		{"creating", DRO_IMAGE_PENDING},
		{"pending_upload", DRO_IMAGE_PENDING},
		{"pending", DRO_IMAGE_PENDING},
		{"pending replication", DRO_IMAGE_PENDING},
		{"replicating", DRO_IMAGE_PENDING},
		{"pending deletion", DRO_IMAGE_GONE},
		{"available", DRO_IMAGE_AVAILABLE},
		{NULL, DRO_IMAGE_UNKNOWN},
	};
	const char *status = dro_json_text(item, "status");
	const cJSON *row = *region ? row_of(item, region) : NULL;

	if (row && strcmp(status, "available") == 0)
		status = dro_json_text(row, "status");
	return (uint32_t)dro_word_code(states, status);
}

/* Where it is stored: in `region` if there at all. */
static const char *place_of(const cJSON *item, const char *region)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(item, "regions");

	if (*region && li_image_is_in(item, region))
		return region;
	return dro_json_text(cJSON_GetArrayItem(list, 0), "region");
}

int li_emit_image(const struct li *li, const cJSON *item, const char *region, dro_emit_image emit,
	void *arg, struct dro_error *err)
{
	const char *place = place_of(item, region);
	struct dro_pair *tags = NULL;
	struct dro_image image = {.size = sizeof(image),
		.state = li_image_state(item, place),
		.id = dro_json_text(item, "id"),
		.name = dro_json_text(item, "label"),
		.region = place,
		.native_state = dro_json_text(item, "status"),
		.created_ms = dro_when_iso(dro_json_text(item, "created"))};
	int rc;

	if (!*image.id)
		return li_nonsense(li, LI_READ, "an image without an id", err);
	if ((rc = li_tags_read(li, item, &tags, &image.tag_count, err)) < 0)
		return rc;
	image.tags = tags;
	rc = emit(arg, &image);
	free(tags);
	return rc;
}

int li_get_image(const struct li *li, const char *id, cJSON **out, const struct dro_call *call,
	struct dro_error *err)
{
	const struct li_ask ask = {.kind = LI_READ, .method = "GET", .path = {"images", id}};

	if (!is_image_id(id))
		return li->host->fail(err, DRO_EINVAL, NULL, "\"%.80s\" is no image's id", id);
	return li_ask(li, &ask, out, call, err);
}

static int list_by_id(const struct li *li, const char *const *ids, size_t count, const char *region,
	dro_emit_image emit, void *arg, const struct dro_call *call, struct dro_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++) {
		cJSON *item = NULL;

		if ((rc = li_get_image(li, ids[i], &item, call, err)) == 0)
			rc = li_emit_image(li, item, region, emit, arg, err);
		cJSON_Delete(item);
	}
	return rc;
}

/* ---- by name -------------------------------------------------------------------------------- */

struct listing {
	const struct li *li;
	const char *name; /* "" : any */
	cJSON *items;
};

/* A filter that the provider did not know is one that it did not use. */
static int take(void *arg, const cJSON *item, struct dro_error *err)
{
	struct listing *listing = arg;

	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "is_public")) ||
		(*listing->name && strcmp(dro_json_text(item, "label"), listing->name) != 0))
		return 0;
	if (!cJSON_AddItemToArray(listing->items, cJSON_Duplicate(item, true)))
		return li_no_memory(listing->li, err);
	return 0;
}

static int list_own(struct listing *listing, const struct dro_call *call, struct dro_error *err)
{
	struct li_ask ask = {.kind = LI_READ, .method = "GET", .path = {"images"}};
	struct dro_buf filter = DRO_BUF_INIT(4096);
	int rc;

	dro_buf_puts(&filter, "{\"is_public\":false");
	if (*listing->name) {
		dro_buf_puts(&filter, ",\"label\":");
		dro_json_quote(&filter, listing->name);
	}
	dro_buf_puts(&filter, "}");
	if ((rc = dro_buf_check(&filter, err)) == 0) {
		ask.filter = dro_buf_str(&filter);
		rc = li_list(listing->li, &ask, take, listing, call, err);
	}
	dro_buf_free(&filter);
	return rc;
}

/*
 * Those that are stored in the region, and only where there is none of these the others: Linode
 * makes instances of them too, as long as the region that they are stored in is well.
 */
int li_list_images(void *account, const struct dro_image_query *query, dro_emit_image emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	const struct li *li = account;
	const char *region = li_region(li, query->region);
	struct listing listing = {.li = li, .name = query->name ? query->name : ""};
	const cJSON *item;
	bool stored = false;
	int rc;

	if (query->id_count)
		return list_by_id(li, query->ids, query->id_count, region, emit, arg, call, err);
	if (is_image_id(listing.name))
		return list_by_id(li, &listing.name, 1, region, emit, arg, call, err);
	if (strncmp(listing.name, "private/", 8) == 0)
		listing.name += 8;
	listing.items = cJSON_CreateArray();
	if (!listing.items)
		return li_no_memory(li, err);
	rc = list_own(&listing, call, err);
	cJSON_ArrayForEach(item, listing.items) stored |= li_image_is_in(item, region);
	cJSON_ArrayForEach(
		item, listing.items) if (rc == 0 && stored == li_image_is_in(item, region)) rc =
		li_emit_image(li, item, region, emit, arg, err);
	cJSON_Delete(listing.items);
	return rc;
}
