#include "provider/internal.h"

struct instance_collector {
	struct dro_invoke *invoke;
	struct dro_instance_list *list;
};

struct image_collector {
	struct dro_invoke *invoke;
	struct dro_image_list *list;
};

/* A collector that has failed stays failed: a plugin may not look at what it returned. */
static int collect_instance(void *arg, const struct dro_instance *instance)
{
	struct instance_collector *to = arg;
	struct dro_invoke *invoke = to->invoke;
	struct dro_instance *own;

	if (invoke->emit_rc < 0 ||
		(invoke->emit_rc = dro_instance_list_add(to->list, instance, &invoke->emit)) < 0)
		return invoke->emit_rc;
	own = to->list->items[to->list->count - 1];
	if (own->state > DRO_INSTANCE_TERMINATED)
		own->state = DRO_INSTANCE_UNKNOWN;
	if (!*own->id)
		invoke->emit_rc = dro_fail(
			&invoke->emit, DRO_EPROTO, "the plugin gave an instance without an id");
	return invoke->emit_rc;
}

static int collect_image(void *arg, const struct dro_image *image)
{
	struct image_collector *to = arg;
	struct dro_invoke *invoke = to->invoke;
	struct dro_image *own;

	if (invoke->emit_rc < 0 ||
		(invoke->emit_rc = dro_image_list_add(to->list, image, &invoke->emit)) < 0)
		return invoke->emit_rc;
	own = to->list->items[to->list->count - 1];
	if (own->state > DRO_IMAGE_GONE)
		own->state = DRO_IMAGE_UNKNOWN;
	if (!*own->id)
		invoke->emit_rc = dro_fail(
			&invoke->emit, DRO_EPROTO, "the plugin gave an image without an id");
	return invoke->emit_rc;
}

static struct dro_instance_spec complete_instance(const struct dro_instance_spec *spec)
{
	struct dro_instance_spec own = *spec;

	own.size = sizeof(own);
	own.name = dro_text(own.name);
	own.region = dro_text(own.region);
	own.zone = dro_text(own.zone);
	own.type = dro_text(own.type);
	own.image = dro_text(own.image);
	own.user_data = dro_text(own.user_data);
	return own;
}

static struct dro_image_spec complete_image(const struct dro_image_spec *spec)
{
	struct dro_image_spec own = *spec;

	own.size = sizeof(own);
	own.name = dro_text(own.name);
	own.region = dro_text(own.region);
	own.source = dro_text(own.source);
	own.source_region = dro_text(own.source_region);
	return own;
}

int dro_provider_list_instances(struct dro_provider *provider,
	const struct dro_instance_query *query, struct dro_instance_list *out,
	const struct dro_call *call, struct dro_error *err)
{
	const struct dro_compute *compute = &provider->plugin->compute;
	struct dro_instance_query own = *query;
	struct dro_invoke invoke;
	struct instance_collector to = {&invoke, out};
	int rc;

	own.size = sizeof(own);
	own.region = dro_text(own.region);
	if ((rc = dro_invoke_begin(&invoke, provider, "compute.list_instances", 0,
		     compute->list_instances, call)) == 0)
		rc = compute->list_instances(
			provider->account, &own, collect_instance, &to, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_create_instances(struct dro_provider *provider,
	const struct dro_instance_spec *spec, struct dro_instance_list *out,
	const struct dro_call *call, struct dro_error *err)
{
	const struct dro_compute *compute = &provider->plugin->compute;
	struct dro_instance_spec own = complete_instance(spec);
	struct dro_invoke invoke;
	struct instance_collector to = {&invoke, out};
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, "compute.create_instances",
		     DRO_INVOKE_MUTATION, compute->create_instances, call)) == 0)
		rc = compute->create_instances(
			provider->account, &own, collect_instance, &to, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_power_instances(struct dro_provider *provider, const char *region,
	const char *const *ids, size_t id_count, enum dro_power power, const struct dro_call *call,
	struct dro_error *err)
{
	const struct dro_compute *compute = &provider->plugin->compute;
	struct dro_invoke invoke;
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, "compute.power_instances",
		     DRO_INVOKE_MUTATION, compute->power_instances, call)) == 0)
		rc = compute->power_instances(provider->account, dro_text(region), ids, id_count,
			power, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_terminate_instances(struct dro_provider *provider, const char *region,
	const char *const *ids, size_t id_count, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_compute *compute = &provider->plugin->compute;
	struct dro_invoke invoke;
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, "compute.terminate_instances",
		     DRO_INVOKE_MUTATION, compute->terminate_instances, call)) == 0)
		rc = compute->terminate_instances(provider->account, dro_text(region), ids,
			id_count, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_check_capacity(struct dro_provider *provider, const struct dro_instance_spec *spec,
	const struct dro_call *call, struct dro_error *err)
{
	const struct dro_compute *compute = &provider->plugin->compute;
	struct dro_instance_spec own = complete_instance(spec);
	struct dro_invoke invoke;
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, "compute.check_capacity", 0,
		     compute->check_capacity, call)) == 0)
		rc = compute->check_capacity(provider->account, &own, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_list_images(struct dro_provider *provider, const struct dro_image_query *query,
	struct dro_image_list *out, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_compute *compute = &provider->plugin->compute;
	struct dro_image_query own = *query;
	struct dro_invoke invoke;
	struct image_collector to = {&invoke, out};
	int rc;

	own.size = sizeof(own);
	own.region = dro_text(own.region);
	own.name = dro_text(own.name);
	if ((rc = dro_invoke_begin(
		     &invoke, provider, "compute.list_images", 0, compute->list_images, call)) == 0)
		rc = compute->list_images(
			provider->account, &own, collect_image, &to, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

/* create_image and copy_image have one shape. */
static int make_image(struct dro_provider *provider, const char *function,
	int (*make)(void *, const struct dro_image_spec *, dro_emit_image, void *,
		const struct dro_call *, struct dro_error *),
	const struct dro_image_spec *spec, struct dro_image_list *out, const struct dro_call *call,
	struct dro_error *err)
{
	struct dro_image_spec own = complete_image(spec);
	struct dro_invoke invoke;
	struct image_collector to = {&invoke, out};
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, function, DRO_INVOKE_MUTATION, make, call)) ==
		0)
		rc = make(provider->account, &own, collect_image, &to, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_create_image(struct dro_provider *provider, const struct dro_image_spec *spec,
	struct dro_image_list *out, const struct dro_call *call, struct dro_error *err)
{
	return make_image(provider, "compute.create_image", provider->plugin->compute.create_image,
		spec, out, call, err);
}

int dro_provider_copy_image(struct dro_provider *provider, const struct dro_image_spec *spec,
	struct dro_image_list *out, const struct dro_call *call, struct dro_error *err)
{
	return make_image(provider, "compute.copy_image", provider->plugin->compute.copy_image,
		spec, out, call, err);
}

int dro_provider_delete_image(struct dro_provider *provider, const char *region, const char *id,
	const struct dro_call *call, struct dro_error *err)
{
	const struct dro_compute *compute = &provider->plugin->compute;
	struct dro_invoke invoke;
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, "compute.delete_image", DRO_INVOKE_MUTATION,
		     compute->delete_image, call)) == 0)
		rc = compute->delete_image(
			provider->account, dro_text(region), id, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_resize_instance(struct dro_provider *provider, const char *region, const char *id,
	const char *type, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_compute *compute = &provider->plugin->compute;
	struct dro_invoke invoke;
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, "compute.resize_instance",
		     DRO_INVOKE_MUTATION, compute->resize_instance, call)) == 0)
		rc = compute->resize_instance(
			provider->account, dro_text(region), id, type, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

struct instance_health_collector {
	struct dro_invoke *invoke;
	struct dro_instance_health_list *list;
};

static int collect_instance_health(void *arg, const struct dro_instance_health *health)
{
	struct instance_health_collector *to = arg;
	struct dro_invoke *invoke = to->invoke;
	struct dro_instance_health *own;

	if (invoke->emit_rc < 0 || (invoke->emit_rc = dro_instance_health_list_add(
					    to->list, health, &invoke->emit)) < 0)
		return invoke->emit_rc;
	own = to->list->items[to->list->count - 1];
	if (own->state > DRO_UNHEALTHY)
		own->state = DRO_HEALTH_UNKNOWN;
	if (!*own->id)
		invoke->emit_rc = dro_fail(&invoke->emit, DRO_EPROTO,
			"the plugin gave the health of an instance without an id");
	return invoke->emit_rc;
}

int dro_provider_instance_health(struct dro_provider *provider, const char *region,
	const char *const *ids, size_t id_count, struct dro_instance_health_list *out,
	const struct dro_call *call, struct dro_error *err)
{
	const struct dro_compute *compute = &provider->plugin->compute;
	struct dro_invoke invoke;
	struct instance_health_collector to = {&invoke, out};
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, "compute.instance_health", 0,
		     compute->instance_health, call)) == 0)
		rc = compute->instance_health(provider->account, dro_text(region), ids, id_count,
			collect_instance_health, &to, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_mark_instances(struct dro_provider *provider,
	const struct dro_instance_marks *marks, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_compute *compute = &provider->plugin->compute;
	struct dro_instance_marks own = *marks;
	struct dro_invoke invoke;
	int rc;

	own.size = sizeof(own);
	own.region = dro_text(own.region);
	if ((rc = dro_invoke_begin(&invoke, provider, "compute.mark_instances", DRO_INVOKE_MUTATION,
		     compute->mark_instances, call)) == 0)
		rc = compute->mark_instances(provider->account, &own, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}
