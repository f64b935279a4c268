#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/instances_internal.h"
#include "lab/internal.h"

void lab_instance_set_state(struct lab_instance *instance, int state)
{
	instance->state = state;
	instance->changed_ms = dro_wall_ms();
	lab_instance_save(instance);
	if (instance->idle &&
		(state == LAB_PENDING || state == LAB_STOPPING || state == LAB_SHUTTING_DOWN))
		lab_idle_wake(instance->table);
	pthread_cond_broadcast(&instance->changed);
}

/* Until the delay is over or something else is wanted. */
static void wait_boot_delay(struct lab_instance *instance)
{
	struct lab_instances *table = instance->table;
	uint32_t ms = lab_config(table->lab)->boot_delay_ms;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	while (instance->want == LAB_WANT_RUN && !table->ending &&
		pthread_cond_timedwait(&instance->changed, &table->lock, &until) != ETIMEDOUT)
		;
}

/* false: it could not be started, and shows as stopped now. */
static bool boot(struct lab_instance *instance)
{
	struct lab_instances *table = instance->table;
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	pthread_mutex_unlock(&table->lock);
	rc = instance->driver->prepare(&instance->guest, instance->image_folder, &err);
	pthread_mutex_lock(&table->lock);
	if (rc == 0)
		wait_boot_delay(instance);
	if (rc == 0 && (instance->want != LAB_WANT_RUN || table->ending))
		return false;
	if (rc == 0)
		rc = instance->driver->boot(&instance->guest, &err);
	if (rc < 0) {
		dprintf(2, "drorch-lab: instance %s: %s\n", instance->id, err.message);
		instance->want = LAB_WANT_STOP;
	}
	return rc == 0;
}

/* One life, from boot to death. (locked, but not while it lives) */
static void run_once(struct lab_instance *instance)
{
	struct lab_instances *table = instance->table;

	if (instance->state != LAB_RUNNING && instance->state != LAB_PENDING)
		lab_instance_set_state(instance, LAB_PENDING);
	instance->again = false;
	if (boot(instance)) {
		lab_instance_set_state(instance, LAB_RUNNING);
		pthread_mutex_unlock(&table->lock);
		instance->driver->wait(&instance->guest);
		pthread_mutex_lock(&table->lock);
		close(instance->guest.control_fd);
		instance->guest.control_fd = -1;
		instance->guest.pid = 0;
		instance->guest.pid_start = 0;
		/* Nobody wanted its end: its program ended by itself. */
		if (instance->want == LAB_WANT_RUN && !instance->again && !table->ending)
			instance->want = LAB_WANT_STOP;
	}
	if (instance->want == LAB_WANT_STOP && !table->ending)
		lab_instance_set_state(instance, LAB_STOPPED);
	pthread_cond_broadcast(&instance->changed);
}

static void *live(void *arg)
{
	struct lab_instance *instance = arg;
	struct lab_instances *table = instance->table;

	pthread_mutex_lock(&table->lock);
	while (!table->ending) {
		if (instance->want == LAB_WANT_TERMINATE && !instance->holds) {
			pthread_mutex_unlock(&table->lock);
			instance->driver->remove(&instance->guest, NULL);
			pthread_mutex_lock(&table->lock);
			lab_instance_set_state(instance, LAB_TERMINATED);
			break;
		}
		if (instance->want == LAB_WANT_RUN && !instance->holds)
			run_once(instance);
		else
			pthread_cond_wait(&instance->changed, &table->lock);
	}
	pthread_mutex_unlock(&table->lock);
	return NULL;
}

int lab_instance_thread_start(struct lab_instance *instance, struct dro_error *err)
{
	int rc = pthread_create(&instance->thread, NULL, live, instance);

	if (rc)
		return dro_fail(err, DRO_EAGAIN, "no thread for instance %s", instance->id);
	instance->has_thread = true;
	return 0;
}
