#include <string.h>

#include "lab/ec2.h"

static int match(const void *object, const char *name, const char *pattern)
{
	static const char *const states[] = {"pending", "completed", "error"};
	const struct lab_image *image = object;

	if (strcmp(name, "snapshot-id") == 0)
		return ec2_match_text(image->snapshot, pattern);
	if (strcmp(name, "status") == 0)
		return ec2_match_text(states[image->state], pattern);
	return ec2_match_tags(
		cJSON_GetObjectItemCaseSensitive(image->doc, "snapshot"), name, pattern);
}

/* (locked) NULL: answered. */
static struct lab_image *need_snapshot(struct ec2_call *c, struct lab_images *table, const char *id)
{
	struct lab_image *image = lab_image_find_snapshot(table, id);

	if (image && !image->snapshot_deleted && ec2_sees_image(c, image))
		return image;
	ec2_error(c, 400, "InvalidSnapshot.NotFound", "The snapshot '%.64s' does not exist.", id);
	return NULL;
}

void ec2_describe_snapshots(struct ec2_call *c)
{
	struct lab_images *table = lab_images_of(c->ec2->lab);
	const struct lab_image *image = NULL;
	const struct lab_image empty = {0};
	struct ec2_page page;
	const char *id;
	bool bad = false;
	size_t n;

	if (!ec2_check_ids(c, "SnapshotId", "snap-", "InvalidSnapshotID.Malformed") ||
		!ec2_page_begin(c, &page, "SnapshotId") || !ec2_check_filters(c, match, &empty) ||
		!ec2_go(c))
		return;
	lab_images_lock(table);
	for (n = 0; !bad && (id = ec2_list(c, "SnapshotId", n)); n++)
		bad = !need_snapshot(c, table, id);
	if (!bad)
		dro_buf_puts(&c->reply->body, "<snapshotSet>");
	while (!bad && (image = lab_image_next(table, image)))
		if (!image->snapshot_deleted && ec2_sees_image(c, image) &&
			ec2_is_asked_for(c, "SnapshotId", image->snapshot) &&
			ec2_filter(c, match, image, &bad) && ec2_page_takes(&page, image->snapshot))
			ec2_put_snapshot(c, image);
	lab_images_unlock(table);
	if (bad)
		return;
	dro_buf_puts(&c->reply->body, "</snapshotSet>");
	ec2_page_end(c, &page);
}

void ec2_delete_snapshot(struct ec2_call *c)
{
	struct lab_images *table = lab_images_of(c->ec2->lab);
	const char *id = ec2_param(c, "SnapshotId");
	struct lab_image *image;

	if (!ec2_id_is(id, "snap-")) {
		ec2_error(c, 400, "InvalidSnapshotID.Malformed", "Invalid id: \"%.64s\"", id);
		return;
	}
	lab_images_lock(table);
	image = need_snapshot(c, table, id);
	if (image && !image->deregistered) {
		ec2_error(c, 400, "InvalidSnapshot.InUse",
			"The snapshot %s is currently in use by %s", id, image->id);
	} else if (image && ec2_go(c)) {
		lab_image_delete_snapshot(image);
		lab_reply_id(c->reply, id);
		ec2_put(c, "return", "true");
	}
	lab_images_unlock(table);
}
