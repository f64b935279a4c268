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

static int copy_options(
	struct launch_spec *out, const struct dro_instance_group *group, struct dro_error *err)
{
	size_t i;

	out->options = calloc(group->option_count + 1, sizeof(*out->options));
	if (!out->options)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; i < group->option_count; i++)
		out->options[i] =
			(struct dro_pair){group->options[i].name, group->options[i].value};
	out->spec.options = out->options;
	out->spec.option_count = group->option_count;
	return 0;
}

int launch_spec_init(struct launch_spec *out, const struct dro_step_context *context,
	struct dro_provider **provider, struct dro_error *err)
{
	const char *service = context->world->service->name, *group_name, *image;
	const struct dro_instance_group *group;
	const struct dro_site *site;
	const cJSON *user_data;
	int64_t count;
	int rc;

	*out = (struct launch_spec){.user_data = DRO_BUF_INIT(USER_DATA_MAX)};
	if ((rc = dro_step_site(context, "site", &site, provider, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "group", &group_name, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "image", &image, err)) < 0 ||
		(rc = dro_json_object(context->inputs, "user_data", &user_data, err)) < 0)
		return rc;
	group = find_group(site, group_name);
	if (!group)
		return dro_fail(err, DRO_ENOTFOUND, "site \"%s\" has no instances \"%s\" any more",
			site->name, group_name);
	if ((rc = dro_json_int(context->inputs, "count", group->count, &count, err)) < 0)
		return rc;
	if (user_data)
		dro_json_print(&out->user_data, user_data);
	if ((rc = dro_buf_check(&out->user_data, err)) < 0) {
		dro_error_context(err, "user-data");
		return rc;
	}
	snprintf(out->name, sizeof(out->name), "%s-%s-%s", service, site->name, group->name);
	out->tags[0] = (struct dro_pair){"Name", out->name};
	out->tags[1] = (struct dro_pair){DRO_TAG_SERVICE, service};
	out->tags[2] = (struct dro_pair){DRO_TAG_SITE, site->name};
	out->tags[3] = (struct dro_pair){DRO_TAG_RUN, context->plan->id};
	out->tags[4] = (struct dro_pair){DRO_TAG_STEP, context->step->id};
	out->tags[5] = (struct dro_pair){DRO_TAG_GROUP, group->name};
	out->spec = (struct dro_instance_spec){.size = sizeof(out->spec),
		.count = (uint32_t)count,
		.name = out->name,
		.region = site->region,
		.zone = "",
		.type = group->type,
		.image = image,
		.user_data = dro_buf_str(&out->user_data),
		.user_data_length = out->user_data.length,
		.tags = out->tags,
		.tag_count = 6};
	return copy_options(out, group, err);
}

void launch_spec_free(struct launch_spec *launch)
{
	dro_buf_free(&launch->user_data);
	free(launch->options);
}
