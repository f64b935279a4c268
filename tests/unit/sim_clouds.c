#include "unit/sim_clouds.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/inputs.h"
#include "model/marks.h"
#include "model/record.h"

static const uint32_t usual[] = {10, 30, 0};

const char *const sim_providers[SIM_PROVIDERS] = {"p0", "p1"};

uint32_t sim_random(struct sim *sim, uint32_t below)
{
	/* xorshift64*: the same worlds from the same seed on every machine */
	sim->seed ^= sim->seed >> 12;
	sim->seed ^= sim->seed << 25;
	sim->seed ^= sim->seed >> 27;
	return (uint32_t)((sim->seed * 2685821657736338717ULL) >> 33) % below;
}

void sim_free(struct sim *sim)
{
	size_t i;

	for (i = 0; i < SIM_PROVIDERS; i++)
		dro_record_list_free(&sim->records[i]);
	dro_instance_list_free(&sim->instances);
	dro_health_check_list_free(&sim->checks);
	dro_backup_list_free(&sim->backups);
}

void sim_add_record(struct sim *sim, size_t provider, const char *name, const char *type,
	const char *value, const char *owner)
{
	const char *values[] = {value};
	const struct dro_record record = {.size = sizeof(record),
		.name = name,
		.type = type,
		.values = values,
		.value_count = 1,
		.owner = owner};

	ck_assert_int_eq(dro_record_list_add(&sim->records[provider], &record, NULL), 0);
}

void sim_add_instance(struct sim *sim, const char *service, const char *site, const char *group,
	const char *type, enum dro_instance_state state)
{
	const struct dro_pair tags[] = {
		{DRO_TAG_SERVICE, service}, {DRO_TAG_SITE, site}, {DRO_TAG_GROUP, group}};
	char id[32], address[32];
	struct dro_instance instance = {.size = sizeof(instance),
		.state = state,
		.id = id,
		.type = type,
		.public_ipv4 = address,
		.tags = tags,
		.tag_count = 3};

	snprintf(id, sizeof(id), "i-%u", ++sim->made);
	snprintf(address, sizeof(address), "10.0.%u.%u", sim->made / 250, sim->made % 250 + 1);
	instance.created_ms = sim->made;
	ck_assert_int_eq(dro_instance_list_add(&sim->instances, &instance, NULL), 0);
}

void sim_add_backup(struct sim *sim, const char *service, int64_t time_ms)
{
	struct dro_backup *items = realloc(
				  sim->backups.items, (sim->backups.count + 1) * sizeof(*items)),
			  *backup;
	char id[DRO_BACKUP_ID_MAX + 1];

	ck_assert_ptr_nonnull(items);
	sim->backups.items = items;
	memmove(items + 1, items, sim->backups.count++ * sizeof(*items));
	backup = &items[0];
	dro_backup_id_new(id, time_ms);
	*backup = (struct dro_backup){
		.id = strdup(id), .problem = strdup(""), .read = true, .finished = true};
	ck_assert_int_eq(dro_manifest_new(&backup->manifest, id, service, "main", DRO_BACKUP_SQLITE,
				 time_ms, NULL),
		0);
}

/* ---- seeing ---------------------------------------------------------------------------------- */

static bool of_site(const struct dro_instance *instance, const char *service, const char *site)
{
	const char *of_service = dro_instance_tag(instance, DRO_TAG_SERVICE),
		   *at = dro_instance_tag(instance, DRO_TAG_SITE);

	return of_service && at && strcmp(of_service, service) == 0 && strcmp(at, site) == 0 &&
	       instance->state != DRO_INSTANCE_TERMINATED;
}

static void observe_site(struct dro_seen_site *seen, struct sim *sim,
	const struct dro_service *service, const struct dro_site *site)
{
	const struct dro_instance **items = calloc(sim->instances.count + 1, sizeof(*items));
	const char **images = calloc(site->group_count + 1, sizeof(*images));
	size_t i;

	*seen = (struct dro_seen_site){
		.site = site, .error = sim->instances_away ? "away" : NULL, .instances = items};
	for (i = 0; i < site->group_count; i++)
		images[i] = "img-1";
	seen->images = images;
	for (i = 0; i < sim->instances.count && !seen->error; i++)
		if (of_site(sim->instances.items[i], service->name, site->name))
			items[seen->count++] = sim->instances.items[i];
}

void sim_observe(struct dro_observed *out, struct sim *sim, const struct dro_service *service)
{
	size_t i;

	*out = (struct dro_observed){.zone_count = SIM_PROVIDERS,
		.site_count = service->site_count,
		.check_count = 1,
		.backup_count = service->backup_count};
	out->zones = calloc(SIM_PROVIDERS, sizeof(*out->zones));
	out->sites = calloc(service->site_count + 1, sizeof(*out->sites));
	out->checks = calloc(1, sizeof(*out->checks));
	out->backups = calloc(service->backup_count + 1, sizeof(*out->backups));
	for (i = 0; i < SIM_PROVIDERS; i++)
		out->zones[i] = (struct dro_seen_zone){.provider = sim_providers[i],
			.zone = SIM_ZONE,
			.error = sim->zone_away[i] ? "away" : NULL,
			.flags = i == 0 ? DRO_DNS_PROXIED | DRO_DNS_OWNER : DRO_DNS_OWNER,
			.records = sim->records[i].items,
			.count = sim->zone_away[i] ? 0 : sim->records[i].count};
	for (i = 0; i < service->site_count; i++)
		observe_site(&out->sites[i], sim, service, &service->sites[i]);
	out->checks[0] = (struct dro_seen_checks){.provider = "p1",
		.intervals = sim->any_interval ? NULL
			     : sim->intervals  ? sim->intervals
					       : usual,
		.error = sim->checks_away ? "away" : NULL,
		.checks = sim->checks.items,
		.count = sim->checks_away ? 0 : sim->checks.count};
	for (i = 0; i < service->backup_count; i++)
		out->backups[i] = (struct dro_seen_backups){
			.policy = &service->backups[i], .list = &sim->backups};
}

void sim_observed_free(struct dro_observed *seen)
{
	size_t i;

	for (i = 0; i < seen->site_count; i++) {
		free((void *)seen->sites[i].instances);
		free((void *)seen->sites[i].images);
	}
	free(seen->zones);
	free(seen->sites);
	free(seen->checks);
	free(seen->backups);
}

/* ---- doing ----------------------------------------------------------------------------------- */

/* Takes the item at `at` out of a list of blocks. */
static void take_out(void **items, size_t *count, size_t at)
{
	free(items[at]);
	memmove(items + at, items + at + 1, (--*count - at) * sizeof(*items));
}

static bool same_set(const struct dro_record *a, const struct dro_record *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->type, b->type) == 0 &&
	       strcmp(a->set_id, b->set_id) == 0;
}

static void remove_set(struct dro_record_list *list, const struct dro_record *record)
{
	size_t i;

	for (i = list->count; i-- > 0;)
		if (same_set(list->items[i], record))
			take_out((void **)list->items, &list->count, i);
}

static void apply_dns(struct sim *sim, const cJSON *inputs)
{
	size_t provider = strcmp(dro_json_text(inputs, "provider"), "p0") == 0 ? 0 : 1, i;
	struct dro_record_list put = {0}, del = {0}, *zone = &sim->records[provider];

	ck_assert_int_eq(
		dro_records_read(&put, cJSON_GetObjectItemCaseSensitive(inputs, "put"), NULL), 0);
	ck_assert_int_eq(
		dro_records_read(&del, cJSON_GetObjectItemCaseSensitive(inputs, "del"), NULL), 0);
	for (i = 0; i < del.count; i++)
		remove_set(zone, del.items[i]);
	for (i = 0; i < put.count; i++) {
		remove_set(zone, put.items[i]);
		ck_assert_uint_gt(put.items[i]->value_count, 0); /* never at nothing */
		ck_assert_int_eq(dro_record_list_add(zone, put.items[i], NULL), 0);
	}
	dro_record_list_free(&put);
	dro_record_list_free(&del);
}

static struct dro_instance *find_instance(struct sim *sim, const char *id)
{
	size_t i;

	for (i = 0; i < sim->instances.count; i++)
		if (strcmp(sim->instances.items[i]->id, id) == 0)
			return sim->instances.items[i];
	return NULL;
}

static void launch(
	struct sim *sim, const cJSON *inputs, cJSON *outputs, const struct dro_service *service)
{
	const struct dro_site *site = dro_service_site(service, dro_json_text(inputs, "site"));
	const char *group = dro_json_text(inputs, "group"), *type = "";
	cJSON *ids = cJSON_AddArrayToObject(outputs, "ids");
	int64_t count = 0;
	size_t i;

	for (i = 0; i < site->group_count; i++)
		if (strcmp(site->groups[i].name, group) == 0)
			type = site->groups[i].type;
	dro_json_int(inputs, "count", 0, &count, NULL);
	for (; count > 0; count--) {
		sim_add_instance(sim, service->name, site->name, group, type, DRO_INSTANCE_RUNNING);
		cJSON_AddItemToArray(ids,
			cJSON_CreateString(sim->instances.items[sim->instances.count - 1]->id));
	}
}

static void set_states(struct sim *sim, const cJSON *inputs, enum dro_instance_state state)
{
	const cJSON *id;

	cJSON_ArrayForEach(id, cJSON_GetObjectItemCaseSensitive(inputs, "ids"))
	{
		struct dro_instance *instance = find_instance(sim, id->valuestring);

		if (instance)
			instance->state = state;
	}
}

static void wait_running(struct sim *sim, const cJSON *inputs, cJSON *outputs)
{
	cJSON *addresses = cJSON_AddArrayToObject(outputs, "addresses");
	const cJSON *id;

	cJSON_ArrayForEach(id, cJSON_GetObjectItemCaseSensitive(inputs, "ids"))
	{
		struct dro_instance *instance = find_instance(sim, id->valuestring);

		ck_assert_ptr_nonnull(instance);
		cJSON_AddItemToArray(addresses, cJSON_CreateString(instance->public_ipv4));
	}
}

/* An instance with another type: the struct points into its own block, so a new one is made. */
static void resize(struct sim *sim, const cJSON *inputs)
{
	struct dro_instance *old = find_instance(sim, dro_json_text(inputs, "id"));
	struct dro_instance resized = *old;
	size_t i;

	resized.type = dro_json_text(inputs, "type");
	ck_assert_int_eq(dro_instance_list_add(&sim->instances, &resized, NULL), 0);
	for (i = 0; i < sim->instances.count; i++)
		if (sim->instances.items[i] == old) {
			take_out((void **)sim->instances.items, &sim->instances.count, i);
			return;
		}
}

static void put_check(struct sim *sim, const cJSON *inputs, cJSON *outputs)
{
	const cJSON *json = cJSON_GetObjectItemCaseSensitive(inputs, "check");
	const cJSON *address = cJSON_GetObjectItemCaseSensitive(json, "address");
	struct dro_health_check check = {.size = sizeof(check),
		.kind = DRO_CHECK_HTTP,
		.owner = dro_json_text(json, "owner"),
		.host = dro_json_text(json, "host"),
		.path = dro_json_text(json, "path")};
	char id[32];
	int64_t number = 0;
	size_t i;

	snprintf(id, sizeof(id), "%s", dro_json_text(inputs, "id"));
	for (i = 0; i < sim->checks.count; i++)
		if (strcmp(sim->checks.items[i]->id, id) == 0)
			take_out((void **)sim->checks.items, &sim->checks.count, i);
	if (!*id)
		snprintf(id, sizeof(id), "hc-%u", ++sim->made);
	check.id = id;
	check.address = cJSON_IsArray(address) ? address->child->valuestring : address->valuestring;
	dro_json_int(json, "port", 0, &number, NULL);
	check.port = (uint32_t)number;
	dro_json_int(json, "interval_s", 0, &number, NULL);
	check.interval_s = (uint32_t)number;
	dro_json_int(json, "fail_after", 0, &number, NULL);
	check.fail_after = (uint32_t)number;
	ck_assert_int_eq(dro_health_check_list_add(&sim->checks, &check, NULL), 0);
	cJSON_AddStringToObject(outputs, "id", id);
}

static void delete_check(struct sim *sim, const cJSON *inputs)
{
	size_t i, j, k;

	for (i = 0; i < sim->checks.count; i++) {
		const char *id = sim->checks.items[i]->id;

		if (strcmp(id, dro_json_text(inputs, "id")) != 0)
			continue;
		/* A provider refuses to delete what a record still names. */
		for (j = 0; j < SIM_PROVIDERS; j++)
			for (k = 0; k < sim->records[j].count; k++)
				if (strcmp(sim->records[j].items[k]->health_check, id) == 0)
					return;
		take_out((void **)sim->checks.items, &sim->checks.count, i);
		return;
	}
}

static void delete_backup(struct sim *sim, const cJSON *inputs)
{
	struct dro_backup_list *list = &sim->backups, one = {.count = 1};
	size_t i;

	for (i = 0; i < list->count; i++)
		if (strcmp(list->items[i].id, dro_json_text(inputs, "id")) == 0) {
			one.items = malloc(sizeof(*one.items));
			one.items[0] = list->items[i];
			memmove(&list->items[i], &list->items[i + 1],
				(--list->count - i) * sizeof(*list->items));
			dro_backup_list_free(&one);
			return;
		}
}

static void carry_out(struct sim *sim, const char *kind, const cJSON *inputs, cJSON *outputs,
	const struct dro_service *service)
{
	if (strcmp(kind, "dns.apply") == 0)
		apply_dns(sim, inputs);
	else if (strcmp(kind, "compute.launch") == 0)
		launch(sim, inputs, outputs, service);
	else if (strcmp(kind, "compute.wait") == 0)
		wait_running(sim, inputs, outputs);
	else if (strcmp(kind, "compute.power") == 0)
		set_states(sim, inputs, DRO_INSTANCE_RUNNING);
	else if (strcmp(kind, "compute.terminate") == 0)
		set_states(sim, inputs, DRO_INSTANCE_TERMINATED);
	else if (strcmp(kind, "compute.resize") == 0)
		resize(sim, inputs);
	else if (strcmp(kind, "check.put") == 0)
		put_check(sim, inputs, outputs);
	else if (strcmp(kind, "check.delete") == 0)
		delete_check(sim, inputs);
	else if (strcmp(kind, "backup.delete") == 0)
		delete_backup(sim, inputs);
	else
		ck_abort_msg("a step of kind %s", kind);
}

struct results {
	const struct dro_plan *plan;
	cJSON **outputs; /* NULL: not done */
};

static const cJSON *outputs_of(const void *arg, const char *id)
{
	const struct results *results = arg;
	size_t i;

	for (i = 0; i < results->plan->step_count; i++)
		if (strcmp(results->plan->steps[i]->id, id) == 0)
			return results->outputs[i];
	return NULL;
}

size_t sim_apply(struct sim *sim, const struct dro_plan *plan, const struct dro_service *service)
{
	struct results results = {plan, calloc(plan->step_count + 1, sizeof(cJSON *))};
	size_t failed = 0, i;

	for (i = 0; i < plan->step_count; i++) {
		bool fails = sim_random(sim, 100) < sim->fail_percent;
		bool takes_effect = !fails || sim_random(sim, 2);
		cJSON *inputs = NULL, *outputs = cJSON_CreateObject();

		if (dro_inputs_fill(&inputs, plan->steps[i]->inputs, outputs_of, &results, NULL) <
			0)
			fails = true; /* what it needs was not made */
		else if (takes_effect)
			carry_out(sim, plan->steps[i]->kind, inputs, outputs, service);
		if (fails) {
			failed++;
			cJSON_Delete(outputs);
		} else {
			results.outputs[i] = outputs;
		}
		cJSON_Delete(inputs);
	}
	for (i = 0; i < plan->step_count; i++)
		cJSON_Delete(results.outputs[i]);
	free(results.outputs);
	return failed;
}
