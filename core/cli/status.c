/* drorch status: from the store alone, so that it answers while every provider is away. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/setup.h"
#include "cli/spec_judge.h"
#include "cli/status.h"
#include "control/controller.h"
#include "control/pause.h"
#include "observe/pages.h"

#define FACT_MAX (256u << 10)

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

/* A fact that is an object, under `name`; none where it is not known. */
static int add_fact(cJSON *json, const char *name, struct dro_store *store, const char *service,
	const char *key, struct dro_error *err)
{
	char *text = NULL;
	cJSON *fact = NULL;
	int rc = known(&text, store, service, key, NULL, err);

	if (rc == 0 && text && (rc = dro_json_parse(&fact, text, strlen(text), FACT_MAX, err)) == 0)
		cJSON_AddItemToObject(json, name, fact);
	free(text);
	return rc;
}

static int add_pause(
	cJSON *json, struct dro_store *store, const char *service, struct dro_error *err)
{
	struct dro_pause pause;
	cJSON *object;
	int rc = dro_pause_get(store, service, dro_wall_ms(), &pause, err);

	if (rc < 0)
		return rc == DRO_ENOTFOUND ? 0 : rc;
	object = cJSON_AddObjectToObject(json, "paused");
	cJSON_AddStringToObject(object, "by", pause.by);
	cJSON_AddStringToObject(object, "reason", pause.reason);
	cJSON_AddNumberToObject(object, "since_ms", (double)pause.since_ms);
	cJSON_AddNumberToObject(object, "until_ms", (double)pause.until_ms);
	return 0;
}

/* Of each site that is a page: when it was seen ready last; 0: never. */
static int add_pages(cJSON *json, struct dro_store *store, const char *service, const cJSON *sites,
	struct dro_error *err)
{
	cJSON *pages = NULL, *page;
	const cJSON *site;
	int64_t at;
	int rc;

	cJSON_ArrayForEach(site, sites)
	{
		if (strcmp(dro_json_text(site, "strategy"), "static-page") != 0)
			continue;
		if ((rc = dro_page_seen_ready(
			     &at, store, service, dro_json_text(site, "name"), err)) < 0)
			return rc;
		if (!pages)
			pages = cJSON_AddArrayToObject(json, "pages");
		page = cJSON_CreateObject();
		cJSON_AddStringToObject(page, "site", dro_json_text(site, "name"));
		cJSON_AddNumberToObject(page, "ready_ms", (double)at);
		cJSON_AddItemToArray(pages, page);
	}
	return 0;
}

/* The newest commit that was tried, where that is not the one in use; the controller, and whether
 * it lives. */
static int add_control(cJSON *json, struct dro_store *store, struct dro_error *err)
{
	struct dro_spec_attempt attempt;
	struct dro_lease lease;
	bool alive = false;
	cJSON *object;
	int rc;

	if ((rc = dro_spec_attempt_get(store, &attempt, err)) < 0 && rc != DRO_ENOTFOUND)
		return rc;
	if (rc == 0) {
		object = cJSON_AddObjectToObject(json, "attempt");
		cJSON_AddStringToObject(object, "commit", attempt.commit);
		cJSON_AddStringToObject(object, "error", attempt.error);
		cJSON_AddStringToObject(object, "rule", attempt.rule);
		cJSON_AddNumberToObject(object, "at_ms", (double)attempt.at_ms);
	}
	if ((rc = add_fact(json, "controller", store, "", "controller", err)) < 0)
		return rc;
	object = cJSON_GetObjectItemCaseSensitive(json, "controller");
	if (!object)
		return 0;
	if (dro_store_lease_get(store, DRO_CONTROLLER_LEASE, &lease, &alive, NULL) == 0 && alive)
		cJSON_AddStringToObject(object, "holder", lease.holder);
	cJSON_AddBoolToObject(object, "alive", alive);
	return 0;
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
	if ((rc = add_fact(json, "reconcile", store, name, "reconcile", err)) < 0 ||
		(rc = add_fact(json, "databases", store, name, "databases", err)) < 0 ||
		(rc = add_pages(json, store, name, sites, err)) < 0 ||
		(rc = add_pause(json, store, name, err)) < 0)
		goto out;
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
	if (rc == 0)
		rc = add_control(*out, store, err);
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

int dro_cmd_status(struct dro_cli *cli)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {0};
	cJSON *status = NULL;
	int rc;

	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_STORE_READ)) != 0)
		goto out;
	if (read_status(&status, setup.store, &err) < 0)
		rc = dro_cli_error(cli, &err);
	else if (cli->json)
		dro_print_json(stdout, status);
	else
		dro_status_print(stdout, status, setup.config->state);
out:
	cJSON_Delete(status);
	dro_setup_free(&setup);
	return rc;
}
