#include "lab/images.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pool.h"
#include "lab/images_internal.h"
#include "lab/instances.h"
#include "lab/internal.h"
#include "lab/process.h"

#define COPIERS 4

/* A copy under way. */
struct job {
	struct lab_images *table;
	char id[LAB_ID];
	char *to;
	struct lab_image_source source;
};

struct lab_images *lab_images_of(struct lab *lab)
{
	return lab->images;
}

int lab_images_new(struct lab_images **out, struct lab *lab, struct dro_error *err)
{
	struct lab_images *table = calloc(1, sizeof(*table));
	int rc;

	if (!table)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	table->lab = lab;
	pthread_mutex_init(&table->lock, NULL);
	if ((rc = dro_pool_new(&table->copiers, COPIERS, err)) == 0 &&
		(rc = lab_images_load(table, err)) == 0)
		*out = table;
	else
		lab_images_free(table);
	return rc;
}

void lab_images_free(struct lab_images *table)
{
	struct lab_image *image, *next;

	if (!table)
		return;
	dro_pool_free(table->copiers);
	for (image = table->first; image; image = next) {
		next = image->next;
		lab_image_free(image);
	}
	pthread_mutex_destroy(&table->lock);
	free(table);
}

void lab_images_lock(struct lab_images *table)
{
	pthread_mutex_lock(&table->lock);
}

void lab_images_unlock(struct lab_images *table)
{
	pthread_mutex_unlock(&table->lock);
}

struct lab_image *lab_image_find(struct lab_images *table, const char *id)
{
	struct lab_image *image;

	for (image = table->first; image; image = image->next)
		if (strcmp(image->id, id) == 0)
			return image;
	return NULL;
}

struct lab_image *lab_image_find_snapshot(struct lab_images *table, const char *snapshot)
{
	struct lab_image *image;

	for (image = table->first; image; image = image->next)
		if (strcmp(image->snapshot, snapshot) == 0)
			return image;
	return NULL;
}

struct lab_image *lab_image_next(struct lab_images *table, const struct lab_image *after)
{
	return after ? after->next : table->first;
}

static void finish(struct lab_images *table, const char *id, bool ok)
{
	struct lab_image *image;

	pthread_mutex_lock(&table->lock);
	image = lab_image_find(table, id);
	if (image) {
		image->state = ok ? LAB_IMAGE_AVAILABLE : LAB_IMAGE_FAILED;
		image->completed_ms = dro_wall_ms();
		lab_image_save(image);
	}
	pthread_mutex_unlock(&table->lock);
	/* Deleted while it was being made: nobody else removes the folder then. */
	if (!image)
		lab_image_remove_folder(table, id);
}

static void run_job(void *arg)
{
	struct job *job = arg;
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	if (*job->source.instance)
		rc = lab_instance_capture(lab_instances_of(job->table->lab), job->source.instance,
			job->to, job->source.reboot, &err);
	else
		rc = lab_copy_tree(job->source.folder, job->to, &err);
	if (rc < 0)
		dprintf(2, "drorch-lab: image %s: %s\n", job->id, err.message);
	finish(job->table, job->id, rc == 0);
	free(job->source.folder);
	free(job->to);
	free(job);
}

/* Takes the source over where it succeeds. */
static int submit(
	struct lab_image *image, const struct lab_image_source *source, struct dro_error *err)
{
	struct job *job = calloc(1, sizeof(*job));
	int rc;

	if (!job)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	job->table = image->table;
	memcpy(job->id, image->id, sizeof(job->id));
	job->to = strdup(image->folder);
	job->source = *source;
	rc = job->to ? dro_pool_submit(image->table->copiers, run_job, job, err)
		     : dro_fail(err, DRO_ENOMEM, "out of memory");
	if (rc < 0) {
		free(job->to);
		free(job);
	}
	return rc;
}

static bool copy_name(char *out, size_t size, const char *text)
{
	if (strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

int lab_image_create(struct lab_images *table, const struct lab_image_spec *spec,
	struct lab_image_source *source, struct lab_image **out, struct dro_error *err)
{
	struct lab_image *image = lab_image_new(table, spec->id);
	int rc = 0;

	if (!image) {
		cJSON_Delete(spec->doc);
		free(source->folder);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	image->doc = spec->doc;
	image->created_ms = dro_wall_ms();
	if (!copy_name(image->snapshot, sizeof(image->snapshot), spec->snapshot) ||
		!copy_name(image->vendor, sizeof(image->vendor), spec->vendor) ||
		!copy_name(image->region, sizeof(image->region), spec->region) ||
		!copy_name(image->name, sizeof(image->name), spec->name))
		rc = dro_fail(err, DRO_EINVAL, "a name is too long");
	if (rc < 0 || (rc = submit(image, source, err)) < 0) {
		free(source->folder);
		lab_image_free(image);
		return rc;
	}
	image->next = table->first;
	table->first = image;
	lab_image_save(image);
	*out = image;
	return 0;
}

/* Forgets what neither an image nor a snapshot is left of. */
static void settle(struct lab_image *image)
{
	struct lab_images *table = image->table;
	struct lab_image **at;

	if (!image->deregistered || !image->snapshot_deleted) {
		lab_image_save(image);
		return;
	}
	for (at = &table->first; *at != image; at = &(*at)->next)
		;
	*at = image->next;
	lab_image_forget(image);
}

void lab_image_deregister(struct lab_image *image)
{
	image->deregistered = true;
	settle(image);
}

void lab_image_delete_snapshot(struct lab_image *image)
{
	image->snapshot_deleted = true;
	settle(image);
}
