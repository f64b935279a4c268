/*
 * compute.resize {site, id, type, previous, runs, primary, drained}: gives a standby's instance
 * another type. It is stopped for that, and started again where it ran. Every poll looks where it
 * stands and does the next thing, so that a repeat goes on from the truth. Undone, it gets its
 * `previous` one; without that it keeps what it has, and runs. `primary` is the data host that it
 * replicates: no replica confirms that one meanwhile, so it is told that somebody is there.
 */
#include "engine/steps/database.h"

#include <string.h>

#define POLL_LEAST_MS 200
#define POLL_MOST_MS 10000

/* One instance on its way. */
struct resize {
	struct dro_step_context *context;
	struct dro_provider *provider;
	const struct dro_site *site;
	const char *id, *type; /* "" : the one it has */
	bool runs;
};

static int pending(const struct resize *resize, const char *note)
{
	dro_buf_puts(&resize->context->note, note);
	return dro_step_pending(resize->context, POLL_LEAST_MS, POLL_MOST_MS);
}

static int power(
	const struct resize *resize, enum dro_power how, const char *note, struct dro_error *err)
{
	int rc = dro_provider_power_instances(resize->provider, resize->site->region, &resize->id,
		1, how, &resize->context->call, err);

	/* In between two states: it is asked again. */
	return rc == 0 || rc == DRO_ECONFLICT ? pending(resize, note) : rc;
}

static int go_on(
	const struct resize *resize, const struct dro_instance *instance, struct dro_error *err)
{
	bool done = !*resize->type || strcmp(instance->type, resize->type) == 0;
	int rc;

	switch (instance->state) {
	case DRO_INSTANCE_RUNNING:
		if (!done)
			return power(resize, DRO_POWER_STOP, "stopping", err);
		dro_buf_printf(&resize->context->note, "%s is %s", resize->id, instance->type);
		return DRO_STEP_DONE;
	case DRO_INSTANCE_STOPPED:
		if (done && resize->runs)
			return power(resize, DRO_POWER_START, "starting", err);
		if (done)
			return DRO_STEP_DONE;
		rc = dro_provider_resize_instance(resize->provider, resize->site->region,
			resize->id, resize->type, &resize->context->call, err);
		return rc == 0 || rc == DRO_ECONFLICT ? pending(resize, "resizing") : rc;
	case DRO_INSTANCE_TERMINATING:
	case DRO_INSTANCE_TERMINATED:
		return dro_fail(err, DRO_ECONFLICT, "instance %s is %s", resize->id,
			instance->native_state);
	default:
		return pending(resize, instance->native_state);
	}
}

/* So it hears somebody, and what is lost should it die now is known. */
static void keep_company(struct dro_step_context *context)
{
	struct step_host primary;

	if (!context->downgraded && cJSON_GetObjectItemCaseSensitive(context->inputs, "primary") &&
		step_host_read(&primary, context, "primary", NULL) == 0)
		step_remember(context, &primary, false, NULL);
}

static int resize_to(struct dro_step_context *context, const char *type, struct dro_error *err)
{
	struct resize resize = {.context = context, .type = type};
	struct dro_instance_query query = {.size = sizeof(query), .id_count = 1};
	struct dro_instance_list list = {0};
	int rc;

	if ((rc = dro_step_site(context, "site", &resize.site, &resize.provider, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "id", &resize.id, err)) < 0 ||
		(rc = dro_json_bool(context->inputs, "runs", false, &resize.runs, err)) < 0)
		return rc;
	keep_company(context);
	query.region = resize.site->region;
	query.ids = &resize.id;
	rc = dro_provider_list_instances(resize.provider, &query, &list, &context->call, err);
	if (rc == 0 && list.count == 0)
		rc = dro_fail(err, DRO_ENOTFOUND, "there is no instance %s", resize.id);
	if (rc == 0)
		rc = go_on(&resize, list.items[0], err);
	dro_instance_list_free(&list);
	return rc;
}

int dro_step_resize(struct dro_step_context *context, struct dro_error *err)
{
	const char *type;
	int rc = dro_json_string_need(context->inputs, "type", &type, err);

	return rc < 0 ? rc : resize_to(context, type, err);
}

int dro_step_unresize(struct dro_step_context *context, struct dro_error *err)
{
	return resize_to(context, dro_json_text(context->inputs, "previous"), err);
}
