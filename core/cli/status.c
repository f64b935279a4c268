/* drorch status, events: from the store alone, so that they answer while every provider is away. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/setup.h"
#include "engine/engine.h"

#define EVENTS_SHOWN 50

/* ---- status ---------------------------------------------------------------------------------- */

/* The newest run of a service. */
static int newest_run(void *arg, const struct dro_run_row *run)
{
	cJSON *json = arg;

	cJSON_AddStringToObject(json, "run", run->id);
	cJSON_AddStringToObject(json, "run_state", run->state);
	cJSON_AddStringToObject(json, "run_to", run->to);
	return 1;
}

/* The fact, or NULL in *out where it is not known. */
static int known(char **out, struct dro_store *store, const char *service, const char *key,
	int64_t *since, struct dro_error *err)
{
	int rc = dro_store_fact_get(store, service, key, out, since, err);

	return rc == DRO_ENOTFOUND ? 0 : rc;
}

static const char *primary_of(const cJSON *sites)
{
	const cJSON *site;

	cJSON_ArrayForEach(site, sites)
	{
		if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(site, "primary")))
			return dro_json_text(site, "name");
	}
	return "";
}

/* Adds to `json` what the store knows of a service. */
static int add_status(
	cJSON *json, struct dro_store *store, const cJSON *service, struct dro_error *err)
{
	const char *name = dro_json_text(service, "name");
	const cJSON *sites = cJSON_GetObjectItemCaseSensitive(service, "sites");
	char *active = NULL, *backup = NULL;
	cJSON *latest = NULL;
	struct dro_lease lease;
	int64_t since = 0;
	bool alive;
	int rc;

	if ((rc = known(&active, store, name, "active-site", &since, err)) < 0 ||
		(rc = known(&backup, store, name, "backup-latest", NULL, err)) < 0)
		goto out;
	cJSON_AddStringToObject(json, "name", name);
	cJSON_AddStringToObject(json, "active", active ? active : primary_of(sites));
	if (active)
		cJSON_AddNumberToObject(json, "active_since_ms", (double)since);
	cJSON_AddItemToObject(json, "sites", cJSON_Duplicate(sites, 1));
	if ((rc = dro_store_run_list(store, name, 1, newest_run, json, err)) < 0)
		goto out;
	if (dro_store_lease_get(store, name, &lease, &alive, NULL) == 0 && alive)
		cJSON_AddStringToObject(json, "driven_by", lease.holder);
	if (backup && (rc = dro_json_parse(&latest, backup, strlen(backup), 65536, err)) == 0)
		cJSON_AddItemToObject(json, "backup", latest);
out:
	free(active);
	free(backup);
	return rc < 0 ? rc : 0;
}

static int read_status(cJSON **out, struct dro_store *store, struct dro_error *err)
{
	cJSON *summary = NULL, *services;
	char *text = NULL;
	const cJSON *service;
	int rc;

	*out = cJSON_CreateObject();
	cJSON_AddNumberToObject(*out, "version", 1);
	services = cJSON_AddArrayToObject(*out, "services");
	rc = store ? dro_store_fact_get(store, "", "spec-summary", &text, NULL, err)
		   : DRO_ENOTFOUND;
	if (rc == DRO_ENOTFOUND) {
		cJSON_AddStringToObject(*out, "commit", "");
		return 0;
	}
	if (rc == 0)
		rc = dro_json_parse(&summary, text, strlen(text), 4 << 20, err);
	if (rc == 0) {
		cJSON_AddStringToObject(*out, "commit", dro_json_text(summary, "commit"));
		cJSON_ArrayForEach(service, cJSON_GetObjectItemCaseSensitive(summary, "services"))
		{
			cJSON *entry = cJSON_CreateObject();

			cJSON_AddItemToArray(services, entry);
			if ((rc = add_status(entry, store, service, err)) < 0)
				break;
		}
	}
	cJSON_Delete(summary);
	free(text);
	return rc;
}

static void print_service(struct dro_table *table, const cJSON *service)
{
	const cJSON *backup = cJSON_GetObjectItemCaseSensitive(service, "backup");
	char age[DRO_DURATION_TEXT] = "";
	int64_t time, since;

	dro_table_cell(table, "%s", dro_json_text(service, "name"));
	if (dro_json_int(service, "active_since_ms", 0, &since, NULL) == 0 && since) {
		dro_duration_format(age, dro_wall_ms() - since);
		dro_table_cell(table, "%s (for %s)", dro_json_text(service, "active"), age);
	} else {
		dro_table_cell(table, "%s", dro_json_text(service, "active"));
	}
	dro_table_cell(
		table, "%s %s", dro_json_text(service, "run"), dro_json_text(service, "run_state"));
	if (backup && dro_json_int(backup, "time_ms", 0, &time, NULL) == 0) {
		dro_duration_format(age, dro_wall_ms() - time);
		dro_table_cell(table, "%s, %s old%s", dro_json_text(backup, "id"), age,
			cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(backup, "verified"))
				? ", verified"
				: "");
	} else {
		dro_table_cell(table, "not looked at yet");
	}
}

int dro_cmd_status(struct dro_cli *cli)
{
	static const char *const columns[] = {
		"SERVICE", "ACTIVE SITE", "LAST RUN", "LATEST BACKUP", NULL};
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {0};
	struct dro_table *table = NULL;
	cJSON *status = NULL;
	const cJSON *service;
	const char *commit;
	int rc;

	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_STORE_READ)) != 0)
		goto out;
	if (read_status(&status, setup.store, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	if (cli->json) {
		dro_print_json(stdout, status);
		goto out;
	}
	commit = dro_json_text(status, "commit");
	if (cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(status, "services")) == 0) {
		dro_print_line(stdout, "No spec was read yet into %s.", setup.config->state);
		goto out;
	}
	dro_print_line(stdout, "spec: %s", *commit ? commit : "a working copy");
	fputc('\n', stdout);
	table = dro_table_new(columns);
	cJSON_ArrayForEach(service, cJSON_GetObjectItemCaseSensitive(status, "services"))
		print_service(table, service);
	dro_table_print(table, stdout);
out:
	dro_table_free(table);
	cJSON_Delete(status);
	dro_setup_free(&setup);
	return rc;
}

/* ---- events ---------------------------------------------------------------------------------- */

static int print_event(void *arg, const struct dro_event *event)
{
	const struct dro_cli *cli = arg;
	char time[DRO_TIME_TEXT];

	if (cli->json) {
		cJSON *json = cJSON_CreateObject();

		cJSON_AddNumberToObject(json, "version", 1);
		cJSON_AddNumberToObject(json, "seq", (double)event->seq);
		cJSON_AddNumberToObject(json, "time_ms", (double)event->time_ms);
		cJSON_AddStringToObject(json, "service", event->service);
		cJSON_AddStringToObject(json, "kind", event->kind);
		cJSON_AddStringToObject(json, "run", event->run);
		cJSON_AddStringToObject(json, "text", event->text);
		dro_print_json(stdout, json);
		cJSON_Delete(json);
		return 0;
	}
	dro_time_format(time, event->time_ms / 1000 * 1000);
	dro_print_line(stdout, "%s  %-12s %-8s %s%s%s", time, event->service, event->kind,
		event->run, *event->run ? "  " : "", event->text);
	return 0;
}

int dro_cmd_events(struct dro_cli *cli)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {0};
	int rc;

	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_STORE_READ)) == 0 && setup.store &&
		dro_store_event_list(setup.store, dro_cli_value(cli, "service"), EVENTS_SHOWN,
			print_event, cli, &err) < 0)
		rc = dro_cli_error(cli, &err);
	dro_setup_free(&setup);
	return rc;
}
