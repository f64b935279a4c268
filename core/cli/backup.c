/* drorch backup list|verify [SERVICE]: what could be restored, and what not and why. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/setup.h"
#include "observe/backups.h"
#include "plan/choose.h"

#define LIST_MS 120000
#define VERIFY_MS (4 * 3600000)

struct shown {
	struct dro_cli *cli;
	struct dro_setup *setup;
	struct dro_table *table;
	cJSON *json;
	bool bad; /* a policy without a good backup, or a verification that failed */
};

static struct dro_call call_for(uint64_t ms)
{
	return (struct dro_call){.size = sizeof(struct dro_call),
		.deadline_ms = dro_now_ms() + ms,
		.trace = "backup"};
}

static void show_one(struct shown *shown, const struct dro_service *service,
	const struct dro_backup_policy *policy, const struct dro_backup *backup, bool best)
{
	const struct dro_manifest *manifest = backup->manifest;
	int64_t age = manifest ? dro_wall_ms() - manifest->time_ms : 0;
	uint64_t bytes = manifest ? manifest->total : backup->bytes;
	char age_text[DRO_DURATION_TEXT] = "?";
	const char *verdict = *backup->problem	 ? backup->problem
			      : backup->verified ? "complete, verified"
						 : "complete";

	if (shown->cli->json) {
		cJSON *json = cJSON_CreateObject();

		cJSON_AddStringToObject(json, "service", service->name);
		cJSON_AddStringToObject(json, "policy", policy->name);
		cJSON_AddStringToObject(json, "id", backup->id);
		if (manifest)
			cJSON_AddNumberToObject(json, "time_ms", (double)manifest->time_ms);
		cJSON_AddNumberToObject(json, "bytes", (double)bytes);
		cJSON_AddBoolToObject(json, "complete", !*backup->problem);
		cJSON_AddBoolToObject(json, "verified", backup->verified);
		cJSON_AddBoolToObject(json, "chosen", best);
		cJSON_AddStringToObject(json, "problem", backup->problem);
		cJSON_AddItemToArray(shown->json, json);
		return;
	}
	if (manifest)
		dro_duration_format(age_text, age);
	dro_table_cell(shown->table, "%s", service->name);
	dro_table_cell(shown->table, "%s", policy->name);
	dro_table_cell(shown->table, "%s%s", backup->id, best ? " *" : "");
	dro_table_cell(shown->table, "%s", age_text);
	dro_table_cell(shown->table, "%llu", (unsigned long long)bytes);
	dro_table_cell(shown->table, "%s", verdict);
}

static int verify(struct shown *shown, const struct dro_service *service,
	const struct dro_backup_policy *policy, struct dro_backup *backup, struct dro_error *err)
{
	struct dro_call call = call_for(VERIFY_MS);
	int rc = dro_backup_verify(
		backup, shown->setup->accounts, service, policy, shown->setup->store, &call, err);

	if (rc != DRO_ECORRUPT)
		return rc;
	shown->bad = true;
	return dro_store_event_add(
		shown->setup->store, service->name, "backup", "", err->message, err);
}

static int show_policy(struct shown *shown, const struct dro_service *service,
	const struct dro_backup_policy *policy, bool verifying, struct dro_error *err)
{
	struct dro_call call = call_for(LIST_MS);
	struct dro_backup_list list = {0};
	struct dro_error none = DRO_ERROR_INIT;
	struct dro_backup *best = NULL;
	struct dro_active active = {0};
	char *site = NULL;
	bool stale = false;
	size_t i;
	int rc;

	if ((rc = dro_setup_active(&site, &active.since_ms, shown->setup, service, err)) < 0)
		return rc;
	active.site = site;
	if ((rc = dro_backups_find(&list, shown->setup->accounts, service, policy, 0,
		     shown->setup->store, &call, err)) < 0)
		goto out;
	dro_choose_backup(
		&best, &stale, &list, service, policy, &active, NULL, dro_wall_ms(), &none);
	if (verifying && dro_cli_flag(shown->cli, "all")) {
		for (i = 0; i < list.count && rc == 0; i++)
			if (!*list.items[i].problem)
				rc = verify(shown, service, policy, &list.items[i], err);
	} else if (verifying && best) {
		rc = verify(shown, service, policy, best, err);
	}
	if (rc < 0)
		goto out;
	/* What verification found bad is not the one to take. */
	dro_choose_backup(
		&best, &stale, &list, service, policy, &active, NULL, dro_wall_ms(), &none);
	for (i = 0; i < list.count; i++)
		show_one(shown, service, policy, &list.items[i], &list.items[i] == best);
	if (best)
		rc = dro_backup_remember(shown->setup->store, service, best, err);
	else
		shown->bad = true;
	if (!best || stale)
		dro_print_line(stderr, "drorch: %s of %s: %s", policy->name, service->name,
			best ? "the newest good backup is older than max_age" : none.message);
out:
	free(site);
	dro_backup_list_free(&list);
	return rc;
}

static int backups(struct dro_cli *cli, bool verifying)
{
	static const char *const columns[] = {
		"SERVICE", "POLICY", "BACKUP", "AGE", "BYTES", "STATE", NULL};
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {0};
	struct shown shown = {.cli = cli, .setup = &setup};
	size_t i, j;
	int rc, code;

	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_PROVIDERS)) != 0)
		goto out;
	if (cli->arg_count && !dro_setup_service(&setup, cli, cli->args[0], &rc))
		goto out;
	shown.table = dro_table_new(columns);
	shown.json = cJSON_CreateArray();
	for (i = 0; i < setup.spec->service_count; i++) {
		const struct dro_service *service = &setup.spec->services[i];

		if (cli->arg_count && strcmp(service->name, cli->args[0]) != 0)
			continue;
		for (j = 0; j < service->backup_count; j++)
			if (show_policy(&shown, service, &service->backups[j], verifying, &err) <
				0) {
				code = dro_cli_error(
					cli, &err); /* the others are shown all the same */
				rc = rc ? rc : code;
			}
	}
	if (cli->json) {
		dro_print_json_list(stdout, "backups", shown.json);
		shown.json = NULL;
	} else {
		dro_table_print(shown.table, stdout);
	}
	if (rc == 0 && shown.bad)
		rc = DRO_EXIT_ERROR;
out:
	cJSON_Delete(shown.json);
	dro_table_free(shown.table);
	dro_setup_free(&setup);
	return rc;
}

int dro_cmd_backup_list(struct dro_cli *cli)
{
	return backups(cli, false);
}

int dro_cmd_backup_verify(struct dro_cli *cli)
{
	return backups(cli, true);
}
