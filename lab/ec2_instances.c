#include <stdio.h>
#include <string.h>

#include "lab/ec2.h"

bool ec2_sees_instance(const struct ec2_call *c, const struct lab_instance *instance)
{
	return strcmp(instance->vendor, "ec2") == 0 && strcmp(instance->region, c->region) == 0 &&
	       instance->created_ms + c->call->lag_ms <= c->now_ms;
}

static int match(const void *object, const char *name, const char *pattern)
{
	const struct lab_instance *instance = object;
	const cJSON *doc = instance->doc;
	char code[8];
	const struct {
		const char *name;
		const char *value;
	} fields[] = {{"instance-state-name", lab_instance_state_name(instance->state)},
		{"instance-state-code", code}, {"instance-id", instance->id},
		{"image-id", instance->image}, {"instance-type", dro_json_text(doc, "type")},
		{"availability-zone", dro_json_text(doc, "zone")},
		{"client-token", dro_json_text(doc, "token")},
		{"key-name", dro_json_text(doc, "key")},
		{"subnet-id", dro_json_text(doc, "subnet")},
		{"reservation-id", dro_json_text(doc, "reservation")},
		{"private-ip-address", instance->guest.address},
		{"ip-address", instance->state == LAB_RUNNING ? instance->guest.address : ""}};
	size_t i;

	snprintf(code, sizeof(code), "%d", ec2_state_code(instance->state));
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, name) == 0)
			return ec2_match_text(fields[i].value, pattern);
	return ec2_match_tags(doc, name, pattern);
}

/* (locked) Is everything asked for by id there? */
static bool ids_exist(struct ec2_call *c, struct lab_instances *table, const struct ec2_ids *ids)
{
	size_t i;

	for (i = 0; i < ids->count; i++) {
		const struct lab_instance *instance = lab_instance_find(table, ids->items[i]);

		if (instance && ec2_sees_instance(c, instance))
			continue;
		ec2_error(c, 400, "InvalidInstanceID.NotFound",
			"The instance ID '%s' does not exist", ids->items[i]);
		return false;
	}
	return true;
}

/* What one kind of description writes for each instance. */
typedef void (*put_one)(struct ec2_call *c, const struct lab_instance *instance, char *group);

/* The page of a walk that both descriptions share. false: answered with an error. */
static bool put_page(struct ec2_call *c, const struct ec2_ids *ids, struct ec2_page *page,
	put_one put, bool only_running, char *group)
{
	struct lab_instances *table = lab_instances_of(c->ec2->lab);
	const struct lab_instance *instance = NULL;
	bool bad = false;

	/* A later page begins where the one before it ended, without a walk to there. */
	if (!page->passed)
		page->passed = (instance = lab_instance_find(table, page->after)) != NULL;
	while (!bad && !page->more && (instance = lab_instance_next(table, instance)))
		if (ec2_sees_instance(c, instance) && ec2_ids_ask_for(ids, instance->id) &&
			(!only_running || instance->state == LAB_RUNNING) &&
			ec2_filter(c, match, instance, &bad) && ec2_page_takes(page, instance->id))
			put(c, instance, group);
	return !bad;
}

/* `only_running` where nothing else was asked for. */
static void describe(struct ec2_call *c, const char *set, put_one put, bool only_running)
{
	struct lab_instances *table = lab_instances_of(c->ec2->lab);
	const struct lab_instance empty = {0};
	struct ec2_page page;
	struct ec2_ids ids;
	char group[LAB_ID] = "";
	bool ok;

	if (!ec2_check_ids(c, "InstanceId", "i-", "InvalidInstanceID.Malformed") ||
		!ec2_page_begin(c, &page, "InstanceId") || !ec2_check_filters(c, match, &empty) ||
		!ec2_go(c) || !ec2_ids_read(c, "InstanceId", &ids))
		return;
	lab_instances_lock(table);
	ok = ids_exist(c, table, &ids);
	if (ok) {
		dro_buf_printf(&c->reply->body, "<%s>", set);
		ok = put_page(c, &ids, &page, put, only_running, group);
	}
	lab_instances_unlock(table);
	ec2_ids_free(&ids);
	if (!ok)
		return;
	if (*group)
		dro_buf_puts(&c->reply->body, "</instancesSet></item>");
	dro_buf_printf(&c->reply->body, "</%s>", set);
	ec2_page_end(c, &page);
}

/* Instances of one reservation stand together; `group` is the one that is open. */
static void put_in_reservation(struct ec2_call *c, const struct lab_instance *instance, char *group)
{
	const char *reservation = dro_json_text(instance->doc, "reservation");

	if (strcmp(group, reservation) != 0) {
		if (*group)
			dro_buf_puts(&c->reply->body, "</instancesSet></item>");
		snprintf(group, LAB_ID, "%s", reservation);
		dro_buf_puts(&c->reply->body, "<item>");
		ec2_put(c, "reservationId", reservation);
		ec2_put(c, "ownerId", lab_config(c->ec2->lab)->account);
		dro_buf_puts(&c->reply->body, "<groupSet/><instancesSet>");
	}
	ec2_put_instance(c, instance);
}

void ec2_describe_instances(struct ec2_call *c)
{
	describe(c, "reservationSet", put_in_reservation, false);
}

static void put_checks(struct ec2_call *c, const char *name, const char *word)
{
	const char *detail = strcmp(word, "ok") == 0	     ? "passed"
			     : strcmp(word, "impaired") == 0 ? "failed"
							     : word;

	dro_buf_printf(&c->reply->body, "<%s><status>%s</status>", name, word);
	if (strcmp(word, "not-applicable") != 0)
		dro_buf_printf(&c->reply->body,
			"<details><item><name>reachability</name><status>%s</status></item>"
			"</details>",
			detail);
	dro_buf_printf(&c->reply->body, "</%s>", name);
}

static void put_status(struct ec2_call *c, const struct lab_instance *instance, char *group)
{
	const char *checks =
		instance->state == LAB_RUNNING ? ec2_checks(instance) : "not-applicable";

	(void)group;
	dro_buf_puts(&c->reply->body, "<item>");
	ec2_put(c, "instanceId", instance->id);
	ec2_put(c, "availabilityZone", dro_json_text(instance->doc, "zone"));
	ec2_put_state(c, "instanceState", instance->state);
	/* What is wrong with a lab's machine is never wrong with its host. */
	put_checks(c, "systemStatus", strcmp(checks, "impaired") == 0 ? "ok" : checks);
	put_checks(c, "instanceStatus", checks);
	dro_buf_puts(&c->reply->body, "</item>");
}

void ec2_describe_instance_status(struct ec2_call *c)
{
	bool all;

	if (ec2_list(c, "InstanceId", EC2_STATUS_IDS_MAX)) {
		ec2_error(c, 400, "RequestResourceCountExceeded", "More than %d instance ids.",
			EC2_STATUS_IDS_MAX);
		return;
	}
	if (ec2_bool(c, "IncludeAllInstances", &all))
		describe(c, "instanceStatusSet", put_status, !all);
}
