#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/instances_internal.h"
#include "lab/internal.h"

#define TERMINATED_KEPT_MS (60 * 60 * 1000)

static const char *const state_names[] = {
	"pending", "running", "stopping", "stopped", "shutting-down", "terminated"};

const char *lab_instance_state_name(int state)
{
	return state >= 0 && state <= LAB_TERMINATED ? state_names[state] : "unknown";
}

static void state_name(char *out, size_t size, const char *id)
{
	snprintf(out, size, "instance-%s", id);
}

void lab_instance_save(struct lab_instance *instance)
{
	char name[LAB_ID + 16];
	cJSON *json = cJSON_CreateObject();

	state_name(name, sizeof(name), instance->id);
	cJSON_AddStringToObject(json, "id", instance->id);
	cJSON_AddStringToObject(json, "vendor", instance->vendor);
	cJSON_AddStringToObject(json, "region", instance->region);
	cJSON_AddStringToObject(json, "image", instance->image);
	cJSON_AddStringToObject(json, "image_folder", instance->image_folder);
	cJSON_AddStringToObject(json, "address", instance->guest.address);
	cJSON_AddNumberToObject(json, "state", instance->state);
	cJSON_AddNumberToObject(json, "want", instance->want);
	cJSON_AddBoolToObject(json, "site_killed", instance->site_killed);
	cJSON_AddBoolToObject(json, "idle", instance->idle);
	cJSON_AddStringToObject(json, "driver", instance->driver->name);
	cJSON_AddBoolToObject(json, "cut", instance->guest.cut);
	cJSON_AddBoolToObject(json, "user_data", instance->user_data != NULL);
	cJSON_AddNumberToObject(json, "created_ms", (double)instance->created_ms);
	cJSON_AddNumberToObject(json, "changed_ms", (double)instance->changed_ms);
	cJSON_AddNumberToObject(json, "launched_ms", (double)instance->launched_ms);
	cJSON_AddNumberToObject(json, "pid", instance->guest.pid);
	cJSON_AddNumberToObject(json, "pid_start", (double)instance->guest.pid_start);
	if (instance->doc)
		cJSON_AddItemReferenceToObject(json, "doc", instance->doc);
	lab_state_save(instance->table->lab, name, json, NULL);
	cJSON_Delete(json);
}

struct lab_instance *lab_instance_new(struct lab_instances *table, const char *id)
{
	struct lab_instance *instance = calloc(1, sizeof(*instance));
	struct dro_buf dir = DRO_BUF_INIT(4096);

	if (!instance)
		return NULL;
	dro_buf_printf(&dir, "%s/instances/%s", lab_config(table->lab)->dir, id);
	instance->dir = dro_buf_take(&dir);
	if (!instance->dir || strlen(id) >= sizeof(instance->id)) {
		free(instance->dir);
		free(instance);
		return NULL;
	}
	instance->table = table;
	memcpy(instance->id, id, strlen(id) + 1);
	pthread_cond_init(&instance->changed, NULL);
	memcpy(instance->guest.id, instance->id, sizeof(instance->id));
	instance->guest.dir = instance->dir;
	instance->guest.origin_port = lab_config(table->lab)->origin_port;
	instance->guest.control_fd = -1;
	instance->guest.net_fd = -1;
	instance->driver = &lab_driver_process;
	return instance;
}

void lab_instance_free(struct lab_instance *instance)
{
	if (!instance)
		return;
	pthread_cond_destroy(&instance->changed);
	cJSON_Delete(instance->doc);
	free(instance->dir);
	free(instance->user_data);
	free(instance->image_folder);
	free(instance);
}

static int read_numbers(struct lab_instance *instance, const cJSON *json, struct dro_error *err)
{
	int64_t state, want, pid, start;
	int rc;

	if ((rc = dro_json_int_need(json, "state", &state, err)) < 0 ||
		(rc = dro_json_int_need(json, "want", &want, err)) < 0 ||
		(rc = dro_json_int(json, "pid", 0, &pid, err)) < 0 ||
		(rc = dro_json_int(json, "pid_start", 0, &start, err)) < 0 ||
		(rc = dro_json_int_need(json, "created_ms", &instance->created_ms, err)) < 0 ||
		(rc = dro_json_int_need(json, "changed_ms", &instance->changed_ms, err)) < 0 ||
		(rc = dro_json_int_need(json, "launched_ms", &instance->launched_ms, err)) < 0 ||
		(rc = dro_json_bool(json, "site_killed", false, &instance->site_killed, err)) < 0 ||
		(rc = dro_json_bool(json, "idle", false, &instance->idle, err)) < 0 ||
		(rc = dro_json_bool(json, "cut", false, &instance->guest.cut, err)) < 0)
		return rc;
	if (state < LAB_PENDING || state > LAB_TERMINATED || want < LAB_WANT_RUN ||
		want > LAB_WANT_TERMINATE)
		return dro_fail(err, DRO_ECORRUPT, "instance %s: no such state", instance->id);
	instance->state = (int)state;
	instance->want = (int)want;
	instance->guest.pid = (pid_t)pid;
	instance->guest.pid_start = (uint64_t)start;
	instance->driver = lab_driver_named(dro_json_text(json, "driver"));
	return 0;
}

static int copy_text(
	char *out, size_t size, const cJSON *json, const char *key, struct dro_error *err)
{
	const char *text = dro_json_text(json, key);

	if (strlen(text) >= size)
		return dro_fail(err, DRO_ECORRUPT, "%s is too long", key);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int read_instance(struct lab_instance *instance, const cJSON *json, struct dro_error *err)
{
	const cJSON *doc;
	bool user_data;
	int rc;

	if ((rc = read_numbers(instance, json, err)) < 0 ||
		(rc = copy_text(instance->vendor, sizeof(instance->vendor), json, "vendor", err)) <
			0 ||
		(rc = copy_text(instance->region, sizeof(instance->region), json, "region", err)) <
			0 ||
		(rc = copy_text(instance->image, sizeof(instance->image), json, "image", err)) <
			0 ||
		(rc = copy_text(instance->guest.address, sizeof(instance->guest.address), json,
			 "address", err)) < 0 ||
		(rc = dro_json_bool(json, "user_data", false, &user_data, err)) < 0 ||
		(rc = dro_json_object(json, "doc", &doc, err)) < 0)
		return rc;
	memcpy(instance->guest.region, instance->region, sizeof(instance->region));
	instance->image_folder = strdup(dro_json_text(json, "image_folder"));
	instance->doc = doc ? cJSON_Duplicate(doc, 1) : NULL;
	if (user_data)
		instance->user_data = dro_path_join(instance->dir, "user-data");
	instance->guest.user_data = instance->user_data;
	if (!instance->image_folder || (doc && !instance->doc) ||
		(user_data && !instance->user_data))
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct lab_instance *one = *(const struct lab_instance *const *)a;
	const struct lab_instance *two = *(const struct lab_instance *const *)b;

	if (one->created_ms != two->created_ms)
		return one->created_ms < two->created_ms ? -1 : 1;
	return strcmp(one->id, two->id);
}

/* Into the order of making: the files come in any. */
static int sort(struct lab_instances *table, struct dro_error *err)
{
	struct lab_instance **all, *instance;
	size_t count = 0, i = 0;

	for (instance = table->first; instance; instance = instance->next)
		count++;
	if (count == 0)
		return 0;
	all = malloc(count * sizeof(*all));
	if (!all)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (instance = table->first; instance; instance = instance->next)
		all[i++] = instance;
	qsort(all, count, sizeof(*all), compare);
	table->last = &table->first;
	for (i = 0; i < count; i++) {
		*table->last = all[i];
		table->last = &all[i]->next;
	}
	*table->last = NULL;
	free(all);
	return 0;
}

/* Its address may belong to another block now, when that one was taken meanwhile. */
static int settle_address(struct lab_instance *instance, struct dro_error *err)
{
	struct lab_instances *table = instance->table;

	if (instance->idle || instance->state == LAB_TERMINATED)
		return 0;
	if (instance->driver->machine)
		return lab_address_plug(instance, err);
	if (strncmp(instance->guest.address, table->block, strlen(table->block)) == 0)
		return 0;
	return lab_address_choose(table, instance->guest.address, err);
}

static int load_one(void *arg, const cJSON *json, struct dro_error *err)
{
	struct lab_instances *table = arg;
	struct lab_instance *instance = lab_instance_new(table, dro_json_text(json, "id"));
	char name[LAB_ID + 16];
	int rc;

	if (!instance)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = read_instance(instance, json, err)) < 0) {
		lab_instance_free(instance);
		return rc;
	}
	if (instance->guest.pid)
		instance->driver->sweep(&instance->guest);
	if (instance->state == LAB_TERMINATED &&
		instance->changed_ms < dro_wall_ms() - TERMINATED_KEPT_MS) {
		state_name(name, sizeof(name), instance->id);
		lab_state_remove(table->lab, name, NULL);
		lab_instance_free(instance);
		return 0;
	}
	if ((rc = settle_address(instance, err)) < 0) {
		lab_instance_free(instance);
		return rc;
	}
	/* What ran when the lab ended lost its power; it boots again, visibly. */
	if (instance->want == LAB_WANT_RUN)
		instance->state = LAB_PENDING;
	else if (instance->want == LAB_WANT_STOP)
		instance->state = LAB_STOPPED;
	if (instance->idle)
		lab_idle_loaded(instance);
	instance->next = table->first;
	table->first = instance;
	lab_instance_index(instance);
	return 0;
}

int lab_instances_load(struct lab_instances *table, struct dro_error *err)
{
	struct lab_instance *instance;
	int rc = lab_state_each(table->lab, "instance-", load_one, table, err);

	pthread_mutex_lock(&table->lock);
	if (rc == 0)
		rc = sort(table, err);
	for (instance = table->first; rc == 0 && instance; instance = instance->next)
		if (instance->state != LAB_TERMINATED && !instance->idle)
			rc = lab_instance_thread_start(instance, err);
	pthread_mutex_unlock(&table->lock);
	return rc;
}
