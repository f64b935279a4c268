/*
 * Making instances, and asking whether they could be made.
 *   https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
 *   https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
 */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "plugins/aws/aws.h"

#define USER_DATA_MAX (16u * 1024) /* before base64 */

/* "sg-1, sg-2 , web": ids where they look like ids, else names (of the default VPC). */
static void add_groups(struct dro_params *params, const char *list)
{
	size_t id = 0, name = 0;

	while (*list) {
		struct dro_buf group = DRO_BUF_INIT(300);
		size_t length;

		list += strspn(list, ", ");
		length = strcspn(list, ", ");
		dro_buf_append(&group, list, length);
		if (group.failed)
			params->failed = group.failed;
		else if (strncmp(list, "sg-", 3) == 0)
			dro_params_addf(params, dro_buf_str(&group), "SecurityGroupId.%zu", ++id);
		else if (length)
			dro_params_addf(params, dro_buf_str(&group), "SecurityGroup.%zu", ++name);
		dro_buf_free(&group);
		list += length;
	}
}

static int add_option(const struct aws_account *account, struct dro_params *params,
	const struct dro_pair *option, struct dro_error *err)
{
	bool arn = strncmp(option->value, "arn:", 4) == 0;

	if (strcmp(option->name, "subnet") == 0)
		dro_params_add_set(params, "SubnetId", option->value);
	else if (strcmp(option->name, "security_groups") == 0)
		add_groups(params, option->value);
	else if (strcmp(option->name, "key_name") == 0)
		dro_params_add_set(params, "KeyName", option->value);
	else if (strcmp(option->name, "instance_profile") == 0)
		dro_params_add_set(params,
			arn ? "IamInstanceProfile.Arn" : "IamInstanceProfile.Name", option->value);
	else if (strcmp(option->name, "zone") != 0)
		return account->host->fail(err, DRO_EINVAL, NULL,
			"aws knows no instance option \"%.60s\" (subnet, security_groups, "
			"key_name, "
			"zone, instance_profile)",
			option->name);
	return 0;
}

static int add_user_data(const struct aws_account *account, struct dro_params *params,
	const struct dro_instance_spec *spec, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(2 * USER_DATA_MAX);
	int rc;

	if (spec->user_data_length == 0)
		return 0;
	if (spec->user_data_length > USER_DATA_MAX)
		return account->host->fail(err, DRO_EINVAL, NULL,
			"the user data is %zu bytes; EC2 takes %u", spec->user_data_length,
			USER_DATA_MAX);
	dro_base64(&text, spec->user_data, spec->user_data_length);
	rc = dro_buf_check(&text, err);
	if (rc == 0)
		dro_params_add(params, "UserData", dro_buf_str(&text));
	dro_buf_free(&text);
	return rc;
}

/* All that describes the instances; the same for the rehearsal as for the real call. */
static int describe(const struct aws_account *account, struct dro_params *params,
	const struct dro_instance_spec *spec, struct dro_error *err)
{
	const char *zone = spec->zone;
	char count[16];
	size_t i;
	int rc;

	if (!spec->count || !spec->type || !*spec->type || !spec->image || !*spec->image)
		return account->host->fail(
			err, DRO_EINVAL, NULL, "an instance needs a count, a type and an image");
	if (!zone || !*zone)
		zone = dro_pair_get(spec->options, spec->option_count, "zone", "");
	/* All or none: half a site is no site. */
	snprintf(count, sizeof(count), "%u", spec->count);
	aws_action(params, "RunInstances", AWS_EC2_VERSION);
	dro_params_add(params, "ImageId", spec->image);
	dro_params_add(params, "InstanceType", spec->type);
	dro_params_add(params, "MinCount", count);
	dro_params_add(params, "MaxCount", count);
	dro_params_add_set(params, "Placement.AvailabilityZone", zone);
	for (i = 0; i < spec->option_count; i++)
		if ((rc = add_option(account, params, &spec->options[i], err)) < 0)
			return rc;
	if ((rc = add_user_data(account, params, spec, err)) < 0)
		return rc;
	aws_add_tags(params, 1, "instance", spec->name, spec->tags, spec->tag_count);
	aws_add_tags(params, 2, "volume", spec->name, spec->tags, spec->tag_count);
	return 0;
}

int ec2_create_instances(void *opened, const struct dro_instance_spec *spec, dro_emit_instance emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	const struct aws_account *account = opened;
	struct dro_params params = DRO_PARAMS_INIT;
	struct dro_xml *xml = NULL;
	const char *region = NULL;
	size_t emitted = 0;
	int rc;

	/* Without a token a repeat would make more instances: there is no such call here. */
	if (!call->idem_key || !*call->idem_key || strlen(call->idem_key) > 64)
		return account->host->fail(err, DRO_EINVAL, NULL,
			"making an instance needs a key of 1..64 characters");
	if ((rc = describe(account, &params, spec, err)) < 0)
		goto out;
	dro_params_add(&params, "ClientToken", call->idem_key);
	if ((rc = aws_region(account, spec->region, &region, err)) < 0 ||
		(rc = aws_query(account, "ec2", region, &params, AWS_ONCE, call, &xml, err)) < 0)
		goto out;
	rc = ec2_emit_instances(account, dro_xml_root(xml), region, emit, arg, &emitted, err);
	/* Whatever went wrong from here on, the instances are there. */
	if (rc < 0 || (rc == 0 && emitted != spec->count))
		rc = aws_lost(account, "not every instance could be read", err);
out:
	dro_xml_free(xml);
	dro_params_free(&params);
	return rc;
}

/* A dry run checks permission, parameters and limits. It holds no capacity back. */
int ec2_check_capacity(void *opened, const struct dro_instance_spec *spec,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_error answer = DRO_ERROR_INIT;
	const struct aws_account *account = opened;
	struct dro_params params = DRO_PARAMS_INIT;
	struct dro_xml *xml = NULL;
	int rc;

	if ((rc = describe(account, &params, spec, err)) < 0)
		goto out;
	dro_params_add(&params, "DryRun", "true");
	rc = aws_query(account, "ec2", spec->region, &params, AWS_READ, call, &xml, &answer);
	if (rc == 0) {
		rc = account->host->fail(err, DRO_EPROTO, NULL,
			"a dry run was answered as if it were none: look for instances of type %s",
			spec->type);
	} else if (aws_is_word(&answer, "DryRunOperation")) {
		rc = 0;
	} else {
		rc = aws_pass_on(account, &answer, err);
	}
out:
	dro_xml_free(xml);
	dro_params_free(&params);
	return rc;
}
