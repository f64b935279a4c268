#include "lab/instances.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/hub.h"
#include "lab/instances_internal.h"
#include "lab/internal.h"

struct lab_instances *lab_instances_of(struct lab *lab)
{
	return lab->instances;
}

int lab_instances_new(struct lab_instances **out, struct lab *lab, struct dro_error *err)
{
	struct lab_instances *table = calloc(1, sizeof(*table));
	int rc;

	if (!table)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	table->lab = lab;
	table->last = &table->first;
	table->block_fd = -1;
	pthread_mutex_init(&table->lock, NULL);
	if ((rc = lab_block_claim(table, err)) == 0 && (rc = lab_instances_load(table, err)) == 0 &&
		(rc = lab_idle_start(table, err)) == 0)
		*out = table;
	else
		lab_instances_free(table);
	return rc;
}

void lab_instances_free(struct lab_instances *table)
{
	struct lab_instance *instance, *next;

	if (!table)
		return;
	pthread_mutex_lock(&table->lock);
	table->ending = true;
	for (instance = table->first; instance; instance = instance->next) {
		instance->driver->stop(&instance->guest, true);
		pthread_cond_broadcast(&instance->changed);
	}
	lab_idle_wake(table);
	pthread_mutex_unlock(&table->lock);
	lab_idle_end(table);
	for (instance = table->first; instance; instance = instance->next)
		if (instance->has_thread)
			pthread_join(instance->thread, NULL);
	/* Its metadata service looks into the table. */
	lab_hub_free(table->hub);
	for (instance = table->first; instance; instance = next) {
		next = instance->next;
		lab_instance_free(instance);
	}
	if (table->block_fd >= 0)
		close(table->block_fd);
	pthread_mutex_destroy(&table->lock);
	free(table);
}

void lab_instances_lock(struct lab_instances *table)
{
	pthread_mutex_lock(&table->lock);
}

void lab_instances_unlock(struct lab_instances *table)
{
	pthread_mutex_unlock(&table->lock);
}

/* FNV-1a. */
static struct lab_instance **bucket_of(struct lab_instances *table, const char *id)
{
	uint32_t hash = 2166136261u;

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619u;
	return &table->buckets[hash % LAB_BUCKETS];
}

void lab_instance_index(struct lab_instance *instance)
{
	struct lab_instance **bucket = bucket_of(instance->table, instance->id);

	instance->bucket_next = *bucket;
	*bucket = instance;
}

struct lab_instance *lab_instance_find(struct lab_instances *table, const char *id)
{
	struct lab_instance *instance;

	for (instance = *bucket_of(table, id); instance; instance = instance->bucket_next)
		if (strcmp(instance->id, id) == 0)
			return instance;
	return NULL;
}

struct lab_instance *lab_instance_next(
	struct lab_instances *table, const struct lab_instance *after)
{
	return after ? after->next : table->first;
}

/* No fsync, as with the state. */
static int write_user_data(
	struct lab_instance *instance, const struct lab_instance_spec *spec, struct dro_error *err)
{
	int fd, rc;

	if (!spec->user_data)
		return 0;
	instance->user_data = dro_path_join(instance->dir, "user-data");
	if (!instance->user_data)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	instance->guest.user_data = instance->user_data;
	fd = open(instance->user_data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return dro_fail_errno(err, "%s", instance->user_data);
	rc = dro_write_all(fd, spec->user_data, spec->user_data_length, err);
	if (close(fd) < 0 && rc == 0)
		rc = dro_fail_errno(err, "%s", instance->user_data);
	return rc;
}

static int fill(
	struct lab_instance *instance, const struct lab_instance_spec *spec, struct dro_error *err)
{
	int rc;

	if (strlen(spec->vendor) >= sizeof(instance->vendor) ||
		strlen(spec->region) >= sizeof(instance->region) ||
		strlen(spec->image) >= sizeof(instance->image))
		return dro_fail(err, DRO_EINVAL, "a name is too long");
	memcpy(instance->vendor, spec->vendor, strlen(spec->vendor) + 1);
	memcpy(instance->region, spec->region, strlen(spec->region) + 1);
	memcpy(instance->guest.region, spec->region, strlen(spec->region) + 1);
	memcpy(instance->image, spec->image, strlen(spec->image) + 1);
	instance->image_folder = strdup(spec->image_folder);
	if (!instance->image_folder)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	instance->idle = lab_image_is_idle(instance->image_folder);
	if (!instance->idle)
		instance->driver = lab_driver_for(instance->image_folder);
	rc = instance->idle ? lab_idle_address(instance->table, instance->guest.address, err)
	     : instance->driver->machine
		     ? lab_address_plug(instance, err)
		     : lab_address_choose(instance->table, instance->guest.address, err);
	/* An idle one has no disk: it costs a folder only where something stands in it. */
	if (rc < 0 || (instance->idle && !spec->user_data))
		return rc;
	if ((rc = dro_dir_make(instance->dir, 0700, err)) < 0)
		return rc;
	return write_user_data(instance, spec, err);
}

int lab_instance_create(struct lab_instances *table, const struct lab_instance_spec *spec,
	struct lab_instance **out, struct dro_error *err)
{
	struct lab_instance *instance = lab_instance_new(table, spec->id);
	int rc;

	if (!instance) {
		cJSON_Delete(spec->doc);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	instance->doc = spec->doc;
	instance->created_ms = instance->changed_ms = instance->launched_ms = dro_wall_ms();
	if ((rc = fill(instance, spec, err)) < 0 ||
		(!instance->idle && (rc = lab_instance_thread_start(instance, err)) < 0)) {
		dro_dir_remove(instance->dir, NULL);
		lab_instance_free(instance);
		return rc;
	}
	*table->last = instance;
	table->last = &instance->next;
	lab_instance_index(instance);
	lab_instance_save(instance);
	if (instance->idle)
		lab_idle_wake(table);
	*out = instance;
	return 0;
}

void lab_instance_start(struct lab_instance *instance)
{
	instance->want = LAB_WANT_RUN;
	instance->site_killed = false;
	if (instance->state != LAB_STOPPED)
		return;
	instance->launched_ms = dro_wall_ms();
	lab_instance_set_state(instance, LAB_PENDING);
}

void lab_instance_stop(struct lab_instance *instance, bool force)
{
	instance->want = LAB_WANT_STOP;
	if (instance->state == LAB_STOPPED)
		return;
	instance->driver->stop(&instance->guest, force);
	lab_instance_set_state(instance, LAB_STOPPING);
}

void lab_instance_reboot(struct lab_instance *instance)
{
	if (instance->state != LAB_RUNNING)
		return;
	instance->again = true;
	instance->driver->stop(&instance->guest, false);
}

void lab_instance_terminate(struct lab_instance *instance)
{
	if (instance->state == LAB_TERMINATED || instance->state == LAB_SHUTTING_DOWN)
		return;
	instance->want = LAB_WANT_TERMINATE;
	instance->driver->stop(&instance->guest, true);
	lab_instance_set_state(instance, LAB_SHUTTING_DOWN);
}

void lab_instance_kill(struct lab_instance *instance)
{
	if (instance->want != LAB_WANT_RUN)
		return;
	instance->want = LAB_WANT_STOP;
	instance->driver->stop(&instance->guest, true);
	if (instance->idle)
		lab_instance_set_state(instance, LAB_STOPPED);
	pthread_cond_broadcast(&instance->changed);
}

size_t lab_instances_kill_site(struct lab_instances *table, const char *region)
{
	struct lab_instance *instance;
	size_t count = 0;

	pthread_mutex_lock(&table->lock);
	for (instance = table->first; instance; instance = instance->next) {
		if (strcmp(instance->region, region) != 0 || instance->want != LAB_WANT_RUN)
			continue;
		instance->site_killed = true;
		lab_instance_kill(instance);
		count++;
	}
	/* Dead, and not only told to die, when the caller goes on. */
	for (instance = table->first; instance; instance = instance->next)
		while (instance->site_killed && strcmp(instance->region, region) == 0 &&
			instance->guest.control_fd >= 0 && !table->ending)
			pthread_cond_wait(&instance->changed, &table->lock);
	pthread_mutex_unlock(&table->lock);
	return count;
}

size_t lab_instances_restore_site(struct lab_instances *table, const char *region)
{
	struct lab_instance *instance;
	size_t count = 0;

	pthread_mutex_lock(&table->lock);
	for (instance = table->first; instance; instance = instance->next) {
		if (strcmp(instance->region, region) != 0 || !instance->site_killed ||
			instance->want != LAB_WANT_STOP)
			continue;
		lab_instance_start(instance);
		count++;
	}
	pthread_mutex_unlock(&table->lock);
	return count;
}

int lab_instance_capture(struct lab_instances *table, const char *id, const char *folder,
	bool reboot, struct dro_error *err)
{
	struct lab_instance *instance;
	int rc;

	pthread_mutex_lock(&table->lock);
	instance = lab_instance_find(table, id);
	if (!instance || instance->want == LAB_WANT_TERMINATE) {
		pthread_mutex_unlock(&table->lock);
		return dro_fail(err, DRO_ENOTFOUND, "instance %s is gone", id);
	}
	if (instance->idle) {
		pthread_mutex_unlock(&table->lock);
		return lab_image_make_idle(folder, err);
	}
	/* Held also while it is not rebooted: its disk must not go in the middle of a copy. */
	instance->holds++;
	if (reboot)
		lab_instance_reboot(instance);
	while (reboot && instance->guest.control_fd >= 0 && !table->ending)
		pthread_cond_wait(&instance->changed, &table->lock);
	pthread_mutex_unlock(&table->lock);
	rc = instance->driver->capture(&instance->guest, folder, err);
	pthread_mutex_lock(&table->lock);
	instance->holds--;
	pthread_cond_broadcast(&instance->changed);
	pthread_mutex_unlock(&table->lock);
	return rc;
}

void lab_instances_print(struct lab_instances *table, struct dro_buf *out)
{
	const struct lab_instance *instance;

	pthread_mutex_lock(&table->lock);
	for (instance = table->first; instance; instance = instance->next)
		dro_buf_printf(out, "%-20s %-14s %-15s %-13s %-22s %s pid=%d\n", instance->id,
			instance->region, instance->guest.address,
			lab_instance_state_name(instance->state), instance->image, instance->vendor,
			(int)instance->guest.pid);
	pthread_mutex_unlock(&table->lock);
}
