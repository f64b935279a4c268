/* Shared by the files of the image table. */
#ifndef DRORCH_LAB_IMAGES_INTERNAL_H
#define DRORCH_LAB_IMAGES_INTERNAL_H

#include <pthread.h>

#include "lab/images.h"

struct dro_pool;

struct lab_images {
	struct lab *lab;
	pthread_mutex_t lock;
	struct lab_image *first; /* the newest */
	struct dro_pool *copiers;
};

/* images_state.c */
struct lab_image *lab_image_new(struct lab_images *table, const char *id);
void lab_image_free(struct lab_image *image); /* NULL-safe */
int lab_images_load(struct lab_images *table, struct dro_error *err);
void lab_image_remove_folder(struct lab_images *table, const char *id);
/* Frees it, its state and its folder; it is in no list any more. */
void lab_image_forget(struct lab_image *image);

#endif
