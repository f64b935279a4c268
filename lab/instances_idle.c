/*
 * Instances of which nothing runs: for fleets larger than a computer can boot. One thread takes all
 * of them through their states.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lab/instances_internal.h"
#include "lab/internal.h"

#define MARK "idle"
#define BREATH 50

static bool has(const char *folder, const char *name)
{
	char *path = dro_path_join(folder, name);
	bool there = path && access(path, F_OK) == 0;

	free(path);
	return there;
}

bool lab_image_is_idle(const char *folder)
{
	return has(folder, MARK) && !has(folder, "boot");
}

int lab_image_make_idle(const char *folder, struct dro_error *err)
{
	char *mark = dro_path_join(folder, MARK);
	int rc =
		mark ? dro_dir_make(folder, 0700, err) : dro_fail(err, DRO_ENOMEM, "out of memory");

	if (rc == 0)
		rc = dro_file_write(mark, "", 0, 0600, err);
	free(mark);
	return rc;
}

/* Nothing is ever bound there: any private address does, each once. */
int lab_idle_address(struct lab_instances *table, char out[LAB_ADDRESS], struct dro_error *err)
{
	uint32_t n = ++table->idle_address;

	if (n >= 1u << 24)
		return dro_fail(err, DRO_EQUOTA, "all addresses of 10.0.0.0/8 are in use");
	snprintf(out, LAB_ADDRESS, "10.%u.%u.%u", n >> 16, n >> 8 & 255, n & 255);
	return 0;
}

void lab_idle_loaded(struct lab_instance *instance)
{
	struct lab_instances *table = instance->table;
	unsigned a, b, c;

	if (sscanf(instance->guest.address, "10.%u.%u.%u", &a, &b, &c) == 3 &&
		(a << 16 | b << 8 | c) > table->idle_address)
		table->idle_address = a << 16 | b << 8 | c;
	lab_idle_wake(instance->table);
}

/* (locked) */
static void settle(struct lab_instance *instance)
{
	if (instance->want == LAB_WANT_TERMINATE && instance->state != LAB_TERMINATED) {
		instance->driver->remove(&instance->guest, NULL);
		lab_instance_set_state(instance, LAB_TERMINATED);
	} else if (instance->want == LAB_WANT_RUN && instance->state == LAB_PENDING) {
		lab_instance_set_state(instance, LAB_RUNNING);
	} else if (instance->want == LAB_WANT_STOP && instance->state != LAB_STOPPED) {
		lab_instance_set_state(instance, LAB_STOPPED);
	} else if (instance->want == LAB_WANT_RUN && instance->state == LAB_STOPPING) {
		/* Started while it was stopping: it passes both. */
		lab_instance_set_state(instance, LAB_PENDING);
	}
}

/* (locked) The boot's delay, or until the lab ends. */
static void wait_delay(struct lab_instances *table)
{
	uint32_t ms = lab_config(table->lab)->boot_delay_ms;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	while (!table->ending &&
		pthread_cond_timedwait(&table->idle_changed, &table->lock, &until) != ETIMEDOUT)
		;
}

/*
 * (locked) All that have somewhere to go. Every change is written to its file: others get at the
 * table in between. Instances stay in their list, so that the walk can go on.
 */
static void settle_all(struct lab_instances *table)
{
	struct lab_instance *instance;
	int64_t settled = 0;

	for (instance = table->first; instance && !table->ending; instance = instance->next) {
		int before = instance->state;

		if (!instance->idle)
			continue;
		settle(instance);
		if (instance->state == before || ++settled % BREATH != 0)
			continue;
		pthread_mutex_unlock(&table->lock);
		sched_yield();
		pthread_mutex_lock(&table->lock);
	}
}

static void *live(void *arg)
{
	struct lab_instances *table = arg;

	pthread_mutex_lock(&table->lock);
	while (!table->ending) {
		if (!table->idle_work) {
			pthread_cond_wait(&table->idle_changed, &table->lock);
			continue;
		}
		wait_delay(table);
		table->idle_work = false;
		settle_all(table);
	}
	pthread_mutex_unlock(&table->lock);
	return NULL;
}

int lab_idle_start(struct lab_instances *table, struct dro_error *err)
{
	pthread_cond_init(&table->idle_changed, NULL);
	if (pthread_create(&table->idle_thread, NULL, live, table) != 0) {
		pthread_cond_destroy(&table->idle_changed);
		return dro_fail(err, DRO_EAGAIN, "no thread for idle instances");
	}
	table->has_idle_thread = true;
	return 0;
}

void lab_idle_end(struct lab_instances *table)
{
	if (!table->has_idle_thread)
		return;
	pthread_join(table->idle_thread, NULL);
	pthread_cond_destroy(&table->idle_changed);
}

void lab_idle_wake(struct lab_instances *table)
{
	table->idle_work = true;
	if (table->has_idle_thread)
		pthread_cond_broadcast(&table->idle_changed);
}
