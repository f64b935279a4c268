/* The spec in use, and what is known of each of its services. */
#include <stdlib.h>
#include <string.h>

#include "control/internal.h"

void control_spec_release(struct dro_controller *controller, struct control_spec *spec)
{
	const struct dro_controller_ops *ops = controller->config.ops;

	if (!spec || --spec->users > 0)
		return;
	if (spec->world)
		ops->close(ops->arg, spec->world);
	dro_spec_free(spec->spec);
	free(spec);
}

void control_services_free(struct control_service *services, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free(services[i].name);
		cJSON_Delete(services[i].seen);
	}
	free(services);
}

struct control_service *control_find(struct dro_controller *controller, const char *name)
{
	size_t i;

	for (i = 0; i < controller->service_count; i++)
		if (strcmp(controller->services[i].name, name) == 0)
			return &controller->services[i];
	return NULL;
}

/* Everything that can fail, before anything is changed. */
static int prepare(struct dro_controller *controller, const struct dro_spec *spec,
	struct control_service **services, struct dro_error *err)
{
	struct control_service *made = calloc(spec->service_count + 1, sizeof(*made));
	const char **names = calloc(spec->service_count + 1, sizeof(*names));
	int rc = DRO_ENOMEM;
	size_t i;

	if (!made || !names) {
		dro_fail(err, rc, "out of memory");
		goto out;
	}
	for (i = 0; i < spec->service_count; i++) {
		names[i] = spec->services[i].name;
		if (!(made[i].name = strdup(names[i]))) {
			dro_fail(err, rc, "out of memory");
			goto out;
		}
	}
	if ((rc = dro_schedule_set(controller->schedule, names, spec->service_count, err)) < 0)
		goto out;
	*services = made;
	made = NULL;
out:
	if (made)
		control_services_free(made, spec->service_count);
	free(names);
	return rc;
}

/* What is known of a service stays; what is new begins with what the store remembers. */
static void take_over(
	struct dro_controller *controller, struct control_service *services, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct control_service *before = control_find(controller, services[i].name);
		char *name = services[i].name;

		if (before) {
			services[i] = *before;
			services[i].name = name;
			before->seen = NULL;
		} else {
			services[i].word = "new";
			control_report_load(controller, &services[i]);
		}
	}
	control_services_free(controller->services, controller->service_count);
	controller->services = services;
	controller->service_count = count;
}

int control_adopt(struct dro_controller *controller, struct dro_spec *spec, struct dro_error *err)
{
	const struct dro_controller_ops *ops = controller->config.ops;
	struct control_spec *adopted = calloc(1, sizeof(*adopted));
	struct control_service *services = NULL;
	int rc;

	if (!adopted) {
		dro_spec_free(spec);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	adopted->spec = spec;
	adopted->users = 1;
	if ((rc = ops->open(ops->arg, spec, &adopted->world, err)) < 0 ||
		(rc = prepare(controller, spec, &services, err)) < 0)
		goto out;
	take_over(controller, services, spec->service_count);
	control_spec_release(controller, controller->spec);
	controller->spec = adopted;
	adopted = NULL;
	dro_schedule_now(controller->schedule, NULL);
	control_report_self(controller);
out:
	control_spec_release(controller, adopted);
	return rc;
}
