#include "engine/steps/instances.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_DATA_MAX 16384 /* EC2's limit, the smallest of the providers' */

static const struct dro_instance_group *find_group(const struct dro_site *site, const char *name)
{
	size_t i;

	for (i = 0; i < site->group_count; i++)
		if (strcmp(site->groups[i].name, name) == 0)
			return &site->groups[i];
	return NULL;
}

static int copy_options(struct launch_spec *out, const struct dro_setting *options, size_t count,
	struct dro_error *err)
{
	size_t i;

	out->options = calloc(count + 1, sizeof(*out->options));
	if (!out->options)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; i < count; i++)
		out->options[i] = (struct dro_pair){options[i].name, options[i].value};
	out->spec.options = out->options;
	out->spec.option_count = count;
	return 0;
}

static int read_user_data(
	struct launch_spec *out, const struct dro_step_context *context, struct dro_error *err)
{
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(context->inputs, "user_data");
	int rc;

	if (cJSON_IsString(data))
		dro_buf_puts(&out->user_data, data->valuestring);
	else if (data)
		dro_json_print(&out->user_data, data);
	if ((rc = dro_buf_check(&out->user_data, err)) < 0)
		dro_error_context(err, "user-data");
	return rc;
}

void step_mark(struct step_marks *marks, const char *name, const char *value)
{
	marks->tags[marks->count++] = (struct dro_pair){name, value};
}

void step_marks_init(struct step_marks *marks, const struct dro_step_context *context,
	const char *site, const char *last)
{
	const char *service = context->world->service->name;

	marks->count = 0;
	snprintf(marks->name, sizeof(marks->name), "%s-%s-%s", service, *site ? site : "build",
		last);
	step_mark(marks, "Name", marks->name);
	step_mark(marks, DRO_TAG_SERVICE, service);
	step_mark(marks, DRO_TAG_SITE, site);
	step_mark(marks, DRO_TAG_RUN, context->plan->id);
	step_mark(marks, DRO_TAG_STEP, context->step->id);
}

static void take_marks(struct launch_spec *out)
{
	out->spec.name = out->marks.name;
	out->spec.tags = out->marks.tags;
	out->spec.tag_count = out->marks.count;
}

static int init_group(
	struct launch_spec *out, const struct dro_step_context *context, struct dro_error *err)
{
	const struct dro_instance_group *group;
	const char *type = dro_json_text(context->inputs, "type"), *name;
	const struct dro_site *site;
	int64_t count;
	int rc;

	if ((rc = dro_step_site(context, "site", &site, NULL, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "group", &name, err)) < 0)
		return rc;
	group = find_group(site, name);
	if (!group)
		return dro_fail(err, DRO_ENOTFOUND, "site \"%s\" has no instances \"%s\" any more",
			site->name, name);
	if ((rc = dro_json_int(context->inputs, "count", group->count, &count, err)) < 0)
		return rc;
	step_marks_init(&out->marks, context, site->name, group->name);
	step_mark(&out->marks, DRO_TAG_GROUP, group->name);
	take_marks(out);
	out->spec.count = (uint32_t)count;
	out->spec.type = *type ? type : group->type;
	return copy_options(out, group->options, group->option_count, err);
}

/* One machine, of no site. */
static int init_build(
	struct launch_spec *out, const struct dro_step_context *context, struct dro_error *err)
{
	const struct dro_image_policy *policy;
	int rc;

	if ((rc = dro_step_image_policy(context, &policy, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "type", &out->spec.type, err)) < 0)
		return rc;
	step_marks_init(&out->marks, context, "", policy->name);
	step_mark(&out->marks, DRO_TAG_ROLE, DRO_MARK_BUILD);
	step_mark(&out->marks, DRO_TAG_IMAGE, policy->name);
	take_marks(out);
	out->spec.count = 1;
	return copy_options(out, policy->options, policy->option_count, err);
}

int launch_spec_init(struct launch_spec *out, const struct dro_step_context *context,
	struct dro_provider **provider, struct dro_error *err)
{
	struct dro_step_place place;
	int rc;

	*out = (struct launch_spec){.user_data = DRO_BUF_INIT(USER_DATA_MAX)};
	out->spec = (struct dro_instance_spec){.size = sizeof(out->spec), .zone = ""};
	if ((rc = dro_step_place(context, &place, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "image", &out->spec.image, err)) < 0 ||
		(rc = read_user_data(out, context, err)) < 0)
		return rc;
	*provider = place.provider;
	out->spec.region = place.region;
	out->spec.user_data = dro_buf_str(&out->user_data);
	out->spec.user_data_length = out->user_data.length;
	return place.site ? init_group(out, context, err) : init_build(out, context, err);
}

void launch_spec_free(struct launch_spec *launch)
{
	dro_buf_free(&launch->user_data);
	free(launch->options);
}
