/*
 * Instances: finding, power, size, ending.
 *   https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
 *   .../API_StartInstances.html, API_StopInstances.html, API_RebootInstances.html
 *   .../API_TerminateInstances.html, API_ModifyInstanceAttribute.html
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/aws/aws.h"
#include "plugins/common/answer.h"
#include "plugins/common/when.h"

static uint32_t instance_state(const char *native)
{
	static const struct dro_word states[] = {
		{"pending", DRO_INSTANCE_PENDING},
		{"running", DRO_INSTANCE_RUNNING},
		{"stopping", DRO_INSTANCE_STOPPING},
		{"stopped", DRO_INSTANCE_STOPPED},
		{"shutting-down", DRO_INSTANCE_TERMINATING},
		{"terminated", DRO_INSTANCE_TERMINATED},
		{NULL, DRO_INSTANCE_UNKNOWN},
	};

	return (uint32_t)dro_word_code(states, native);
}

static int emit_instance(const struct aws_account *account, const struct dro_xml_node *item,
	const char *region, dro_emit_instance emit, void *arg, struct dro_error *err)
{
	struct dro_pair *tags = NULL;
	struct dro_instance instance = {.size = sizeof(instance),
		.id = dro_xml_text(item, "instanceId"),
		.type = dro_xml_text(item, "instanceType"),
		.image = dro_xml_text(item, "imageId"),
		.region = region,
		.zone = dro_xml_text(item, "placement/availabilityZone"),
		.native_state = dro_xml_text(item, "instanceState/name"),
		.public_ipv4 = dro_xml_text(item, "ipAddress"),
		.private_ipv4 = dro_xml_text(item, "privateIpAddress"),
		.created_ms = dro_when_iso(dro_xml_text(item, "launchTime"))};
	int rc;

	if (!*instance.id)
		return account->host->fail(err, DRO_EPROTO, NULL, "an instance without an id");
	instance.state = instance_state(instance.native_state);
	rc = aws_read_tags(account, item, &tags, &instance.tag_count, err);
	if (rc < 0)
		return rc;
	instance.tags = tags;
	instance.name = dro_pair_get(tags, instance.tag_count, "Name", "");
	rc = emit(arg, &instance);
	free(tags);
	return rc;
}

int ec2_emit_instances(const struct aws_account *account, const struct dro_xml_node *reservation,
	const char *region, dro_emit_instance emit, void *arg, size_t *emitted,
	struct dro_error *err)
{
	const struct dro_xml_node *item = dro_xml_child(reservation, "instancesSet/item");
	int rc = 0;

	for (; item && rc == 0; item = dro_xml_next(item)) {
		rc = emit_instance(account, item, region, emit, arg, err);
		++*emitted;
	}
	return rc;
}

struct sink {
	dro_emit_instance emit;
	void *arg;
};

static int each_reservation(const struct ec2_list *list, const struct dro_xml_node *item,
	const char *region, struct dro_error *err)
{
	const struct sink *sink = list->arg;
	size_t emitted = 0;

	return ec2_emit_instances(
		list->account, item, region, sink->emit, sink->arg, &emitted, err);
}

/* How many of `count` ids go into one call. */
static size_t some(size_t count)
{
	return count < EC2_IDS_MAX ? count : EC2_IDS_MAX;
}

static void add_tag_filter(struct dro_params *params, size_t number, const struct dro_pair *tag)
{
	struct dro_buf name = DRO_BUF_INIT(512);

	dro_buf_printf(&name, "tag:%s", tag->name);
	if (name.failed)
		params->failed = name.failed;
	aws_add_filter(params, number, dro_buf_str(&name), tag->value);
	dro_buf_free(&name);
}

/* The named ones, or all with the query's tags where none is. */
static int list_some(const struct aws_account *account, const struct dro_instance_query *query,
	const char *const *ids, size_t id_count, struct sink *sink, const struct dro_call *call,
	struct dro_error *err)
{
	struct dro_params params = DRO_PARAMS_INIT;
	const struct ec2_list list = {.account = account,
		.action = "DescribeInstances",
		.region = query->region,
		.params = &params,
		.items = "reservationSet/item",
		.each = each_reservation,
		.arg = sink};
	size_t i;
	int rc;

	aws_action(&params, list.action, AWS_EC2_VERSION);
	aws_add_list(&params, "InstanceId", ids, id_count);
	for (i = 0; i < query->tag_count; i++)
		add_tag_filter(&params, i + 1, &query->tags[i]);
	/* MaxResults and ids exclude each other; ids have one page. */
	if (id_count == 0)
		dro_params_add(&params, "MaxResults", AWS_PAGE_SIZE);
	rc = ec2_list(&list, call, err);
	dro_params_free(&params);
	return rc;
}

int ec2_list_instances(void *opened, const struct dro_instance_query *query, dro_emit_instance emit,
	void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct sink sink = {emit, arg};
	size_t done = 0;
	int rc;

	do {
		size_t count = some(query->id_count - done);

		rc = list_some(
			opened, query, count ? query->ids + done : NULL, count, &sink, call, err);
		done += count;
	} while (rc == 0 && done < query->id_count);
	return rc;
}

static int act_once(const struct aws_account *account, const char *action, const char *region,
	const char *const *ids, size_t id_count, enum aws_kind kind, bool force,
	const struct dro_call *call, struct dro_error *err)
{
	struct dro_params params = DRO_PARAMS_INIT;
	struct dro_xml *xml = NULL;
	int rc;

	aws_action(&params, action, AWS_EC2_VERSION);
	aws_add_list(&params, "InstanceId", ids, id_count);
	if (force)
		dro_params_add(&params, "Force", "true");
	rc = aws_query(account, "ec2", region, &params, kind, call, &xml, err);
	dro_xml_free(xml);
	dro_params_free(&params);
	return rc;
}

static int act(const struct aws_account *account, const char *action, const char *region,
	const char *const *ids, size_t id_count, enum aws_kind kind, bool force,
	const struct dro_call *call, struct dro_error *err)
{
	size_t done, count;
	int rc = 0;

	for (done = 0; rc == 0 && done < id_count; done += count) {
		count = some(id_count - done);
		rc = act_once(account, action, region, ids + done, count, kind, force, call, err);
	}
	return rc;
}

int ec2_power_instances(void *opened, const char *region, const char *const *ids, size_t id_count,
	int power, const struct dro_call *call, struct dro_error *err)
{
	const struct aws_account *account = opened;

	if (id_count == 0)
		return 0;
	switch (power) {
	case DRO_POWER_START:
		return act(account, "StartInstances", region, ids, id_count, AWS_REPEATABLE, false,
			call, err);
	case DRO_POWER_STOP:
	case DRO_POWER_FORCE_STOP:
		return act(account, "StopInstances", region, ids, id_count, AWS_REPEATABLE,
			power == DRO_POWER_FORCE_STOP, call, err);
	case DRO_POWER_REBOOT:
		return act(account, "RebootInstances", region, ids, id_count, AWS_ONCE, false, call,
			err);
	}
	return account->host->fail(err, DRO_EINVAL, NULL, "no such power action: %d", power);
}

/*
 * One id that does not exist fails the whole request, and none is ended: then they are asked one by
 * one. A caller that created an instance a moment ago must know that EC2 may not see it yet.
 */
static int terminate_some(const struct aws_account *account, const char *region,
	const char *const *ids, size_t id_count, const struct dro_call *call, struct dro_error *err)
{
	size_t i;
	int rc = act_once(account, "TerminateInstances", region, ids, id_count, AWS_REPEATABLE,
		false, call, err);

	if (rc != DRO_ENOTFOUND)
		return rc;
	for (i = 0, rc = 0; id_count > 1 && i < id_count && rc == 0; i++) {
		rc = act_once(account, "TerminateInstances", region, &ids[i], 1, AWS_REPEATABLE,
			false, call, err);
		if (rc == DRO_ENOTFOUND)
			rc = 0;
	}
	return rc;
}

int ec2_terminate_instances(void *opened, const char *region, const char *const *ids,
	size_t id_count, const struct dro_call *call, struct dro_error *err)
{
	size_t done, count;
	int rc = 0;

	for (done = 0; rc == 0 && done < id_count; done += count) {
		count = some(id_count - done);
		rc = terminate_some(opened, region, ids + done, count, call, err);
	}
	return rc;
}

/* EC2 takes the type it has again: a repeat is a success. */
int ec2_resize_instance(void *opened, const char *region, const char *id, const char *type,
	const struct dro_call *call, struct dro_error *err)
{
	const struct aws_account *account = opened;
	struct dro_params params = DRO_PARAMS_INIT;
	struct dro_xml *xml = NULL;
	int rc;

	if (!id || !*id || !type || !*type)
		return account->host->fail(
			err, DRO_EINVAL, NULL, "a resize needs an instance and a type");
	aws_action(&params, "ModifyInstanceAttribute", AWS_EC2_VERSION);
	dro_params_add(&params, "InstanceId", id);
	dro_params_add(&params, "InstanceType.Value", type);
	rc = aws_query(account, "ec2", region, &params, AWS_REPEATABLE, call, &xml, err);
	dro_xml_free(xml);
	dro_params_free(&params);
	return rc;
}
