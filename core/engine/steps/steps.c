#include "engine/steps/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/health.h"

#define SITE_LEAST_MS 2
#define SITE_MOST_MS 1000

const struct dro_step_kind dro_step_kinds[] = {
	{"provider.probe", "check the account", dro_step_probe, NULL},
	{"compute.capacity", "ask for capacity", dro_step_capacity, NULL},
	{"backup.check", "check the backup", dro_step_backup_check, NULL},
	{"site.fence", "fence the old site", dro_step_fence, dro_step_unfence},
	{"compute.launch", "launch instances", dro_step_launch, dro_step_unlaunch},
	{"compute.wait", "wait until they run", dro_step_wait_running, NULL},
	{"restore.wait", "wait for the restore", dro_step_wait_restored, NULL},
	{"app.verify", "verify the application", dro_step_verify_app, NULL},
	{"page.put", "put the page up", dro_step_page_put, NULL},
	{"traffic.find", "find the name", dro_step_find_traffic, NULL},
	{"traffic.switch", "switch traffic", dro_step_switch, dro_step_unswitch},
	{"traffic.verify", "verify through the name", dro_step_verify_traffic, NULL},
	{"run.monitor", "watch the new site", dro_step_monitor, NULL, .monitors = true},
	{"state.commit", "record the active site", dro_step_commit, NULL},
	{"agent.open", "open a session", dro_step_agent_open, NULL},
	{"database.catch-up", "let it catch up", dro_step_catch_up, NULL, .graceful = true},
	{"files.sync", "fetch the files", dro_step_sync_files, NULL, .graceful = true},
	{"database.freeze", "freeze writes", dro_step_freeze, dro_step_unfreeze, .graceful = true},
	{"database.wait", "wait for the last write", dro_step_database_wait, NULL,
		.graceful = true},
	{"database.promote", "promote the database", dro_step_promote_database, dro_step_unpromote},
	{"database.thaw", "open the database", dro_step_thaw_database, dro_step_unthaw},
	{"database.reprotect", "replicate back", dro_step_reprotect, dro_step_unpromote,
		.graceful = true},
	{"database.rejoin", "make it a replica", dro_step_rejoin, NULL},
	{"database.unguard", "let writes not wait", dro_step_unguard, dro_step_ununguard,
		.graceful = true},
	{"database.drain", "apply what it received", dro_step_drain, NULL},
	{"database.guard", "let writes wait again", dro_step_guard, NULL, .graceful = true},
	{"dns.apply", "set records", dro_step_dns_apply, dro_step_dns_unapply},
	{"compute.adopt", "mark instances as ours", dro_step_adopt, dro_step_unadopt},
	{"compute.terminate", "terminate instances", dro_step_terminate, NULL},
	{"compute.power", "start instances", dro_step_power, dro_step_unpower},
	{"compute.resize", "resize an instance", dro_step_resize, dro_step_unresize},
	{"image.delete", "delete an image", dro_step_image_delete, NULL},
	{"image.copy", "copy an image", dro_step_image_copy, dro_step_image_uncopy},
	{"image.prepare", "get ready", dro_step_image_prepare, dro_step_image_unprepare},
	{"image.reach", "log in", dro_step_image_reach, NULL},
	{"image.play", "run the playbook", dro_step_image_play, dro_step_image_unplay},
	{"image.leave", "take our key out", dro_step_image_leave, NULL},
	{"compute.stop", "stop the machine", dro_step_stop, NULL},
	{"image.create", "make the image", dro_step_image_create, dro_step_image_uncreate},
	{"image.verify", "look at the image", dro_step_image_verify, NULL},
	{"check.put", "set a health check", dro_step_check_put, dro_step_check_unput},
	{"check.delete", "delete a health check", dro_step_check_delete, NULL},
	{"backup.delete", "delete a backup", dro_step_backup_delete, NULL},
	{NULL},
};

const struct dro_step_kind *dro_step_kind(const struct dro_step_kind *kinds, const char *name)
{
	const struct dro_step_kind *kind;

	for (kind = kinds; kind->name; kind++)
		if (strcmp(kind->name, name) == 0)
			return kind;
	return NULL;
}

int dro_step_site(const struct dro_step_context *context, const char *key,
	const struct dro_site **site, struct dro_provider **provider, struct dro_error *err)
{
	const struct dro_site *found;
	const char *name;
	int rc;

	if ((rc = dro_json_string_need(context->inputs, key, &name, err)) < 0)
		return rc;
	found = dro_service_site(context->world->service, name);
	if (!found)
		return dro_fail(err, DRO_ENOTFOUND,
			"the spec has no site \"%s\" any more; put it back, or abort the run",
			name);
	if (site)
		*site = found;
	return provider ? dro_accounts_get(context->world->accounts, found->provider, provider, err)
			: 0;
}

int dro_step_place(
	const struct dro_step_context *context, struct dro_step_place *out, struct dro_error *err)
{
	int rc;

	*out = (struct dro_step_place){0};
	if (*dro_json_text(context->inputs, "site")) {
		if ((rc = dro_step_site(context, "site", &out->site, &out->provider, err)) == 0)
			out->region = out->site->region;
		return rc;
	}
	if ((rc = dro_step_provider(context, &out->provider, err)) < 0)
		return rc;
	return dro_json_string_need(context->inputs, "region", &out->region, err);
}

int dro_step_provider(
	const struct dro_step_context *context, struct dro_provider **out, struct dro_error *err)
{
	const char *name;
	int rc;

	if ((rc = dro_json_string_need(context->inputs, "provider", &name, err)) < 0)
		return rc;
	return dro_accounts_get(context->world->accounts, name, out, err);
}

int dro_step_backup_policy(const struct dro_step_context *context,
	const struct dro_backup_policy **out, struct dro_error *err)
{
	const char *name;
	int rc;

	if ((rc = dro_json_string_need(context->inputs, "policy", &name, err)) < 0)
		return rc;
	*out = dro_service_backup(context->world->service, name);
	return *out ? 0
		    : dro_fail(err, DRO_ENOTFOUND, "the spec has no backups \"%s\" any more", name);
}

int dro_step_traffic(const struct dro_step_context *context, const struct dro_traffic **out,
	struct dro_error *err)
{
	const struct dro_service *service = context->world->service;
	const char *key = dro_json_text(context->inputs, "traffic");
	size_t i;

	for (i = 0; i < service->traffic_count; i++)
		if (strcmp(service->traffic[i].key, key) == 0) {
			*out = &service->traffic[i];
			return 0;
		}
	return dro_fail(err, DRO_ENOTFOUND, "the spec has no traffic \"%s\" any more", key);
}

int dro_step_strings(const struct dro_step_context *context, const char *key, const char ***out,
	size_t *count, struct dro_error *err)
{
	const cJSON *array;
	int rc = dro_json_array(context->inputs, key, &array, err);

	return rc < 0 ? rc : dro_json_string_list(out, count, array, err);
}

int dro_step_image_policy(const struct dro_step_context *context,
	const struct dro_image_policy **out, struct dro_error *err)
{
	const char *name;
	int rc;

	if ((rc = dro_json_string_need(context->inputs, "build", &name, err)) < 0)
		return rc;
	*out = dro_service_image(context->world->service, name);
	return *out ? 0
		    : dro_fail(err, DRO_ENOTFOUND, "the spec has no image \"%s\" any more", name);
}

int dro_step_file(
	const struct dro_step_context *context, const char *name, char **out, struct dro_error *err)
{
	if (asprintf(out, "%s/%s.files%s%s", context->world->runs, context->plan->id,
		    *name ? "/" : "", name) >= 0)
		return 0;
	*out = NULL;
	return dro_fail(err, DRO_ENOMEM, "out of memory");
}

void dro_step_output(struct dro_step_context *context, const char *key, cJSON *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(context->outputs, key);
	if (value)
		cJSON_AddItemToObject(context->outputs, key, value);
}

/* `part` of the whole time is how late it is seen at most. */
static int ask_again(
	struct dro_step_context *context, uint64_t part, uint64_t least_ms, uint64_t most_ms)
{
	uint64_t pace = context->elapsed_ms / part;

	context->poll_ms = pace < least_ms ? least_ms : pace > most_ms ? most_ms : pace;
	return DRO_STEP_PENDING;
}

int dro_step_pending(struct dro_step_context *context, uint64_t least_ms, uint64_t most_ms)
{
	return ask_again(context, 32, least_ms, most_ms);
}

int dro_step_pending_site(struct dro_step_context *context)
{
	return ask_again(context, 128, SITE_LEAST_MS, SITE_MOST_MS);
}

static void note_known(struct dro_step_context *context, const struct dro_site *site,
	const struct dro_known_entry *entries, size_t count)
{
	const struct dro_world *world = context->world;
	const struct dro_known_scope scope = {
		.service = world->service, .site = site->name, .add = true, .lease = world->lease};
	struct dro_error err = DRO_ERROR_INIT;
	int rc = entries ? dro_known_instances_set(world->store, &scope, entries, count, &err)
			 : dro_fail(&err, DRO_ENOMEM, "out of memory");

	if (rc < 0)
		dro_log(world->log, DRO_LOG_WARNING,
			"%s: the inventory does not have its instances: %s", site->name,
			err.message);
}

void dro_step_remember(struct dro_step_context *context, const struct dro_site *site,
	const struct dro_instance_list *list)
{
	struct dro_known_entry *entries;
	size_t i;

	if (!site)
		return;
	entries = calloc(list->count + 1, sizeof(*entries));
	for (i = 0; entries && i < list->count; i++)
		entries[i] = (struct dro_known_entry){site, list->items[i]};
	note_known(context, site, entries, list->count);
	free(entries);
}

void dro_step_forget(struct dro_step_context *context, const struct dro_site *site,
	const char *const *ids, size_t count)
{
	struct dro_known_entry *entries;
	struct dro_instance *gone;
	size_t i;

	if (!site)
		return;
	entries = calloc(count + 1, sizeof(*entries));
	gone = calloc(count + 1, sizeof(*gone));
	for (i = 0; entries && gone && i < count; i++) {
		gone[i] = (struct dro_instance){
			.size = sizeof(gone[i]), .state = DRO_INSTANCE_TERMINATED, .id = ids[i]};
		entries[i] = (struct dro_known_entry){site, &gone[i]};
	}
	note_known(context, site, gone ? entries : NULL, count);
	free(entries);
	free(gone);
}

bool dro_step_any_well(const struct dro_step_context *context, const struct dro_site *site,
	const char *const *addresses, size_t count, char *text, size_t text_size)
{
	struct dro_health_answer answer = {0};
	bool well = false;
	size_t i;

	for (i = 0; i < count && !well; i++) {
		struct dro_health_target target = {.address = addresses[i]};

		dro_health_ask(&answer, context->world->net, &site->health, &target,
			context->call.deadline_ms);
		well = answer.well;
	}
	snprintf(text, text_size, "%s", count ? answer.text : "no address is known");
	return well;
}
