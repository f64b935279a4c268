/*
 * Heartbeats: every few seconds the databases of services that replicate are looked at. The primary
 * so hears that somebody is there (docs/agent.md#watch), and what it said last is what a failover's
 * loss is measured by. A pool of its own: a host that is away holds up no visit.
 */
#include <stdlib.h>
#include <string.h>

#include "control/internal.h"
#include "observe/databases.h"

#define EVERY_MS 2000
#define LOOKS 4 /* side by side */

struct heartbeat {
	struct dro_controller *controller;
	struct control_spec *spec;
	char *service;
	struct heartbeat *next;
};

static void beat(void *arg)
{
	struct heartbeat *heartbeat = arg;
	struct dro_controller *controller = heartbeat->controller;
	const struct dro_controller_ops *ops = controller->config.ops;

	ops->heartbeat(ops->arg, dro_spec_service(heartbeat->spec->spec, heartbeat->service),
		control_now() + controller->config.heartbeat_ms);
	pthread_mutex_lock(&controller->lock);
	heartbeat->next = controller->beaten;
	controller->beaten = heartbeat;
	pthread_mutex_unlock(&controller->lock);
	control_wake(controller);
}

static void submit(struct dro_controller *controller, struct control_service *service)
{
	struct heartbeat *heartbeat = calloc(1, sizeof(*heartbeat));

	if (!heartbeat || !(heartbeat->service = strdup(service->name))) {
		free(heartbeat);
		return;
	}
	heartbeat->controller = controller;
	heartbeat->spec = controller->spec;
	if (dro_pool_submit(controller->heartbeats, beat, heartbeat, NULL) < 0) {
		free(heartbeat->service);
		free(heartbeat);
		return;
	}
	controller->spec->users++;
	controller->beat_count++;
	service->beating = true;
}

/* Those that came back; their spec may be the last one's. */
static void collect(struct dro_controller *controller)
{
	struct heartbeat *heartbeat, *next;
	struct control_service *service;

	pthread_mutex_lock(&controller->lock);
	heartbeat = controller->beaten;
	controller->beaten = NULL;
	pthread_mutex_unlock(&controller->lock);
	for (; heartbeat; heartbeat = next) {
		next = heartbeat->next;
		service = control_find(controller, heartbeat->service);
		if (service) {
			service->beating = false;
			service->beat_ms = control_now() + EVERY_MS;
		}
		control_spec_release(controller, heartbeat->spec);
		controller->beat_count--;
		free(heartbeat->service);
		free(heartbeat);
	}
}

void control_heartbeats(struct dro_controller *controller)
{
	const struct dro_spec *spec = controller->spec->spec;
	size_t i;

	collect(controller);
	if (controller->stop_ms || controller->config.once || !controller->config.ops->heartbeat)
		return;
	for (i = 0; i < controller->service_count; i++) {
		struct control_service *service = &controller->services[i];
		const struct dro_service *wanted = dro_spec_service(spec, service->name);

		if (wanted && !service->beating && control_now() >= service->beat_ms &&
			dro_service_replicates(wanted) &&
			(controller->heartbeats ||
				dro_pool_new(&controller->heartbeats, LOOKS, NULL) == 0))
			submit(controller, service);
	}
}
