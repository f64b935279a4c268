/*
 * The machine images of all vendors, each a folder below DIR/images and the snapshot behind it.
 * An image that is deregistered stays as its snapshot until that is deleted. Functions marked
 * (locked) want lab_images_lock held; pointers hold only as long.
 */
#ifndef DRORCH_LAB_IMAGES_H
#define DRORCH_LAB_IMAGES_H

#include "lab/lab.h"

enum lab_image_state { LAB_IMAGE_PENDING, LAB_IMAGE_AVAILABLE, LAB_IMAGE_FAILED };
const char *lab_image_state_name(int state);

struct lab_image {
	char id[LAB_ID];
	char snapshot[LAB_ID];
	char vendor[32];
	char region[LAB_REGION];
	char name[160];
	int state; /* enum lab_image_state */
	bool deregistered;
	bool snapshot_deleted;
	int64_t created_ms;
	int64_t completed_ms;
	cJSON *doc; /* the vendor's own */
	char *folder;
	struct lab_images *table;
	struct lab_image *next;
};

struct lab_image_spec {
	const char *id;
	const char *snapshot;
	const char *vendor;
	const char *region;
	const char *name;
	cJSON *doc; /* taken over, also on failure */
};

/* Where an image's disk comes from. */
struct lab_image_source {
	char instance[LAB_ID]; /* "" : from `folder` */
	bool reboot;
	char *folder; /* malloc'd, taken over; NULL with an instance */
};

int lab_images_new(struct lab_images **out, struct lab *lab, struct dro_error *err);
void lab_images_free(struct lab_images *table); /* NULL-safe; waits for copies under way */
struct lab_images *lab_images_of(struct lab *lab);

void lab_images_lock(struct lab_images *table);
void lab_images_unlock(struct lab_images *table);
/* (locked) Also deregistered ones. */
struct lab_image *lab_image_find(struct lab_images *table, const char *id);
struct lab_image *lab_image_find_snapshot(struct lab_images *table, const char *snapshot);
struct lab_image *lab_image_next(struct lab_images *table, const struct lab_image *after);
/* (locked) Pending; a worker copies the disk and then makes it available or failed. */
int lab_image_create(struct lab_images *table, const struct lab_image_spec *spec,
	struct lab_image_source *source, struct lab_image **out, struct dro_error *err);
/* (locked) `image` may be freed by these. */
void lab_image_deregister(struct lab_image *image);
void lab_image_delete_snapshot(struct lab_image *image);
/* (locked) */
void lab_image_save(struct lab_image *image);
void lab_images_print(struct lab_images *table, struct dro_buf *out);

#endif
