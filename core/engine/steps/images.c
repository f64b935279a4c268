/*
 * image.delete {provider, region, id}
 * image.copy {provider, region, source, source_region, name, image} -> {id}: copies an image into
 * another region, and waits until it can be used. Undone, the copy is deleted.
 * image.create {provider, region, ids, name, build, playbook_sha256, base} -> {id}: the same from a
 * stopped machine.
 */
#include "engine/steps/steps.h"

#include <stdio.h>
#include <stdlib.h>

#define POLL_LEAST_MS 500
#define POLL_MOST_MS 30000

int dro_step_image_delete(struct dro_step_context *context, struct dro_error *err)
{
	const char *region = dro_json_text(context->inputs, "region"), *id;
	struct dro_provider *provider;
	int rc;

	if ((rc = dro_step_provider(context, &provider, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "id", &id, err)) < 0)
		return rc;
	return dro_provider_delete_image(provider, region, id, &context->call, err);
}

/* How an image is asked for; a repeat with the same key finds the one there is. */
typedef int (*ask_fn)(
	struct dro_step_context *context, struct dro_provider *provider, struct dro_error *err);

static int take_id(struct dro_step_context *context, int rc, struct dro_image_list *made,
	struct dro_error *err)
{
	if (rc == 0 && made->count == 0)
		rc = dro_fail(err, DRO_EPROTO, "the new image has no id");
	if (rc == 0)
		dro_step_output(context, "id", cJSON_CreateString(made->items[0]->id));
	dro_image_list_free(made);
	return rc;
}

static int ask_copy(
	struct dro_step_context *context, struct dro_provider *provider, struct dro_error *err)
{
	const struct dro_pair tags[] = {{DRO_TAG_SERVICE, context->world->service->name},
		{DRO_TAG_IMAGE, dro_json_text(context->inputs, "image")},
		{DRO_TAG_SOURCE, dro_json_text(context->inputs, "source")}};
	struct dro_image_spec spec = {.size = sizeof(spec),
		.name = dro_json_text(context->inputs, "name"),
		.region = dro_json_text(context->inputs, "region"),
		.source = dro_json_text(context->inputs, "source"),
		.source_region = dro_json_text(context->inputs, "source_region"),
		.tags = tags,
		.tag_count = 3};
	struct dro_image_list made = {0};
	int rc = dro_provider_copy_image(provider, &spec, &made, &context->call, err);

	return take_id(context, rc, &made, err);
}

static int ask_create(
	struct dro_step_context *context, struct dro_provider *provider, struct dro_error *err)
{
	const struct dro_pair tags[] = {{DRO_TAG_SERVICE, context->world->service->name},
		{DRO_TAG_IMAGE, dro_json_text(context->inputs, "build")},
		{DRO_TAG_RUN, context->plan->id},
		{DRO_TAG_PLAYBOOK, dro_json_text(context->inputs, "playbook_sha256")},
		{DRO_TAG_BASE, dro_json_text(context->inputs, "base")}};
	struct dro_image_spec spec = {.size = sizeof(spec),
		.name = dro_json_text(context->inputs, "name"),
		.region = dro_json_text(context->inputs, "region"),
		.tags = tags,
		.tag_count = sizeof(tags) / sizeof(tags[0])};
	struct dro_image_list made = {0};
	const char **ids = NULL;
	size_t count = 0;
	int rc;

	if ((rc = dro_step_strings(context, "ids", &ids, &count, err)) < 0)
		return rc;
	if (count == 1) {
		spec.source = ids[0];
		rc = dro_provider_create_image(provider, &spec, &made, &context->call, err);
	} else {
		rc = dro_fail(
			err, DRO_EINVAL, "an image is made of one machine, not of %zu", count);
	}
	free(ids);
	return take_id(context, rc, &made, err);
}

/* An image just begun may not be listed yet. */
static int wait_usable(
	struct dro_step_context *context, struct dro_provider *provider, struct dro_error *err)
{
	const char *id = dro_json_text(context->outputs, "id");
	struct dro_image_query query = {.size = sizeof(query),
		.region = dro_json_text(context->inputs, "region"),
		.ids = &id,
		.id_count = 1};
	struct dro_image_list list = {0};
	int rc = dro_provider_list_images(provider, &query, &list, &context->call, err);

	if (rc == DRO_ENOTFOUND)
		rc = 0;
	if (rc == 0 && list.count && list.items[0]->state == DRO_IMAGE_AVAILABLE) {
		dro_buf_puts(&context->note, id);
		rc = DRO_STEP_DONE;
	} else if (rc == 0 && list.count && list.items[0]->state == DRO_IMAGE_FAILED) {
		rc = dro_fail(err, DRO_EIO, "image %s is %s", id, list.items[0]->native_state);
	} else if (rc == 0) {
		dro_buf_printf(&context->note, "%s is being made", id);
		rc = dro_step_pending(context, POLL_LEAST_MS, POLL_MOST_MS);
	}
	dro_image_list_free(&list);
	return rc;
}

static int make(struct dro_step_context *context, ask_fn ask, struct dro_error *err)
{
	struct dro_provider *provider;
	int rc;

	if ((rc = dro_step_provider(context, &provider, err)) < 0)
		return rc;
	if (!*dro_json_text(context->outputs, "id") && (rc = ask(context, provider, err)) < 0)
		return rc;
	return wait_usable(context, provider, err);
}

static int unmake(struct dro_step_context *context, ask_fn ask, struct dro_error *err)
{
	const char *id = dro_json_text(context->outputs, "id");
	struct dro_provider *provider;
	int rc;

	if ((rc = dro_step_provider(context, &provider, err)) < 0)
		return rc;
	/* Its answer may have been lost: asked once more with its key, there is one to delete. */
	if (!*id && context->repeated && (rc = ask(context, provider, err)) < 0)
		return rc;
	id = dro_json_text(context->outputs, "id");
	return !*id ? DRO_STEP_DONE
		    : dro_provider_delete_image(provider, dro_json_text(context->inputs, "region"),
			      id, &context->call, err);
}

int dro_step_image_copy(struct dro_step_context *context, struct dro_error *err)
{
	return make(context, ask_copy, err);
}

int dro_step_image_uncopy(struct dro_step_context *context, struct dro_error *err)
{
	return unmake(context, ask_copy, err);
}

int dro_step_image_create(struct dro_step_context *context, struct dro_error *err)
{
	return make(context, ask_create, err);
}

int dro_step_image_uncreate(struct dro_step_context *context, struct dro_error *err)
{
	return unmake(context, ask_create, err);
}
