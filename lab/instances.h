/*
 * The instances of all vendors: a table under one lock, and a thread each that boots, waits and
 * cleans up through the driver. Functions marked (locked) want lab_instances_lock held; pointers
 * into the table hold only as long as the lock is.
 */
#ifndef DRORCH_LAB_INSTANCES_H
#define DRORCH_LAB_INSTANCES_H

#include <pthread.h>

#include "lab/driver.h"
#include "lab/lab.h"

enum lab_instance_state {
	LAB_PENDING,
	LAB_RUNNING,
	LAB_STOPPING,
	LAB_STOPPED,
	LAB_SHUTTING_DOWN,
	LAB_TERMINATED,
};
const char *lab_instance_state_name(int state);

enum lab_want { LAB_WANT_RUN, LAB_WANT_STOP, LAB_WANT_TERMINATE };

/* What its processes had used when that was last looked at: load.h. */
struct lab_measure {
	pid_t pid; /* of the boot that it belongs to */
	uint64_t pid_start;
	int64_t at_ms; /* CLOCK_MONOTONIC; the boot's, before the first look */
	uint64_t ticks;
	double load; /* percent */
	bool measured;
};

struct lab_instance {
	char id[LAB_ID];
	char vendor[32];
	char region[LAB_REGION];
	char image[LAB_ID];
	int state; /* enum lab_instance_state */
	int64_t created_ms;
	int64_t changed_ms; /* when it came into `state` */
	int64_t launched_ms;
	cJSON *doc; /* the vendor's own, saved with it */

	/* The table's own. */
	struct lab_instances *table;
	struct lab_instance *next;
	struct lab_instance *bucket_next;
	struct lab_guest guest;
	const struct lab_driver *driver;
	char *dir;
	char *user_data;
	char *image_folder;
	pthread_t thread;
	bool has_thread;
	struct lab_measure measure;
	bool idle; /* of an image of which nothing runs: no thread, no process */
	pthread_cond_t changed;
	int want;	  /* enum lab_want */
	unsigned holds;	  /* captures under way: it does not boot meanwhile */
	bool again;	  /* a reboot: what ends now boots at once */
	bool site_killed; /* lab_instances_restore_site starts it again */
};

struct lab_instance_spec {
	const char *id;
	const char *vendor;
	const char *region;
	const char *image;
	const char *image_folder;
	const void *user_data; /* NULL: none */
	size_t user_data_length;
	cJSON *doc; /* taken over, also on failure */
};

/* Is the image one of which nothing runs? Its folder has a file `idle`, and no program. */
bool lab_image_is_idle(const char *folder);

int lab_instances_new(struct lab_instances **out, struct lab *lab, struct dro_error *err);
/* Kills every instance; they boot again with the next lab. NULL-safe. */
void lab_instances_free(struct lab_instances *table);
struct lab_instances *lab_instances_of(struct lab *lab);

void lab_instances_lock(struct lab_instances *table);
void lab_instances_unlock(struct lab_instances *table);
/* (locked) */
struct lab_instance *lab_instance_find(struct lab_instances *table, const char *id);
/* (locked) In the order of their making; `after` NULL: the first. */
struct lab_instance *lab_instance_next(
	struct lab_instances *table, const struct lab_instance *after);
/* (locked) Pending, booting by itself from now on. */
int lab_instance_create(struct lab_instances *table, const struct lab_instance_spec *spec,
	struct lab_instance **out, struct dro_error *err);
/* (locked) All of them only begin it; wrong states are the vendor's to refuse. */
void lab_instance_start(struct lab_instance *instance);
void lab_instance_stop(struct lab_instance *instance, bool force);
void lab_instance_reboot(struct lab_instance *instance);
void lab_instance_terminate(struct lab_instance *instance);
/* (locked) Power loss: it shows as stopped when it is dead. */
void lab_instance_kill(struct lab_instance *instance);
/* (locked) Saves a changed doc. */
void lab_instance_save(struct lab_instance *instance);

/* Copies its disk to a new folder; `reboot` ends it before and boots it after. Takes its time. */
int lab_instance_capture(struct lab_instances *table, const char *id, const char *folder,
	bool reboot, struct dro_error *err);
/* Kills all of a region, or boots again what that killed; how many. */
size_t lab_instances_kill_site(struct lab_instances *table, const char *region);
size_t lab_instances_restore_site(struct lab_instances *table, const char *region);
void lab_instances_print(struct lab_instances *table, struct dro_buf *out);

#endif
