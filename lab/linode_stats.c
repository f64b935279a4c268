/*
 * How busy an instance is: what its processes use, or what was said with `drorch-lab linode cpu`.
 * There is one sample, of now; an instance that does not run has none.
 *   https://techdocs.akamai.com/linode-api/reference/get-linode-stats
 */
#include <stdio.h>
#include <string.h>

#include "lab/linode.h"
#include "lab/load.h"

static void add_series(cJSON *to, const char *key, int64_t now_ms, double value)
{
	cJSON *series = cJSON_AddArrayToObject(to, key), *sample = cJSON_CreateArray();

	cJSON_AddItemToArray(sample, cJSON_CreateNumber((double)now_ms));
	cJSON_AddItemToArray(sample, cJSON_CreateNumber(value));
	cJSON_AddItemToArray(series, sample);
}

/* (locked) Per cent; a processor that is busy all the time counts 100. */
static double load_of(struct lab_instance *instance)
{
	const cJSON *said = cJSON_GetObjectItem(instance->doc, "cpu");
	cJSON *specs = linode_specs(dro_json_text(instance->doc, "type"));
	int vcpus = cJSON_GetObjectItem(specs, "vcpus")->valueint;
	struct lab_processes *processes = NULL;
	double load = 0;

	if (said)
		load = said->valuedouble;
	else if (lab_processes_look(&processes, NULL) == 0)
		load = vcpus * lab_instance_load(instance, processes);
	lab_processes_free(processes);
	cJSON_Delete(specs);
	return load < 0 ? 0 : load < 100.0 * vcpus ? load : 100.0 * vcpus;
}

static cJSON *stats_doc(const struct linode_call *c, struct lab_instance *instance)
{
	static const char *const directions[] = {"in", "out", "private_in", "private_out"};
	cJSON *doc = cJSON_CreateObject(), *data = cJSON_AddObjectToObject(doc, "data"), *part;
	char title[160];
	size_t i, net;

	snprintf(title, sizeof(title), "linode.com - %.64s (linode%s) - day (5 min avg)",
		dro_json_text(instance->doc, "label"), instance->id);
	cJSON_AddStringToObject(doc, "title", title);
	add_series(data, "cpu", c->now_ms, load_of(instance));
	part = cJSON_AddObjectToObject(data, "io");
	add_series(part, "io", c->now_ms, 0);
	add_series(part, "swap", c->now_ms, 0);
	for (net = 0; net < 2; net++) {
		part = cJSON_AddObjectToObject(data, net ? "netv6" : "netv4");
		for (i = 0; i < sizeof(directions) / sizeof(directions[0]); i++)
			add_series(part, directions[i], c->now_ms, 0);
	}
	return doc;
}

void linode_get_stats(struct linode_call *c)
{
	struct lab_instances *table = lab_instances_of(c->linode->lab);
	struct lab_instance *instance;

	lab_instances_lock(table);
	instance = linode_need_instance(c, c->id);
	if (instance && strcmp(linode_status(c, instance), "running") != 0)
		linode_refuse(c, NULL, "Stats are unavailable at this time.");
	else if (instance)
		linode_send(c, stats_doc(c, instance));
	lab_instances_unlock(table);
}

int linode_say_load(struct linode *linode, const char *id, double percent, struct dro_error *err)
{
	struct lab_instances *table = lab_instances_of(linode->lab);
	struct lab_instance *instance;
	int rc = 0;

	lab_instances_lock(table);
	instance = lab_instance_find(table, id);
	if (!instance || strcmp(instance->vendor, "linode") != 0) {
		rc = dro_fail(err, DRO_ENOTFOUND, "no such instance: %s", id);
	} else {
		cJSON_DeleteItemFromObject(instance->doc, "cpu");
		if (percent >= 0)
			cJSON_AddNumberToObject(instance->doc, "cpu", percent);
		lab_instance_save(instance);
	}
	lab_instances_unlock(table);
	return rc;
}
