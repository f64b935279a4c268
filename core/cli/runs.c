/* drorch runs, show RUN: what the store knows of runs. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/print.h"

#define RUNS_SHOWN 50

struct listing {
	const struct dro_cli *cli;
	struct dro_table *table;
	cJSON *json;
};

static cJSON *run_json(const struct dro_run_row *run)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "id", run->id);
	cJSON_AddStringToObject(json, "service", run->service);
	cJSON_AddStringToObject(json, "kind", run->kind);
	cJSON_AddStringToObject(json, "mode", run->mode);
	cJSON_AddStringToObject(json, "from", run->from);
	cJSON_AddStringToObject(json, "to", run->to);
	cJSON_AddStringToObject(json, "state", run->state);
	cJSON_AddNumberToObject(json, "created_ms", (double)run->created_ms);
	cJSON_AddNumberToObject(json, "started_ms", (double)run->started_ms);
	cJSON_AddNumberToObject(json, "ended_ms", (double)run->ended_ms);
	dro_add_outcome(json, run);
	return json;
}

static int list_run(void *arg, const struct dro_run_row *run)
{
	struct listing *listing = arg;
	char time[DRO_TIME_TEXT], took[DRO_DURATION_TEXT] = "";

	if (listing->cli->json) {
		cJSON_AddItemToArray(listing->json, run_json(run));
		return 0;
	}
	dro_time_format(time, run->created_ms / 1000 * 1000);
	if (run->ended_ms)
		dro_duration_format(took, run->ended_ms - run->created_ms);
	dro_table_cell(listing->table, "%s", run->id);
	dro_table_cell(listing->table, "%s", run->service);
	dro_table_cell(listing->table, "%s", run->kind);
	dro_table_cell(listing->table, "%s%s%s", run->from, *run->to ? " -> " : "", run->to);
	dro_table_cell(listing->table, "%s", run->state);
	dro_table_cell(listing->table, "%s", time);
	dro_table_cell(listing->table, "%s", took);
	return 0;
}

int dro_cmd_runs(struct dro_cli *cli)
{
	static const char *const columns[] = {
		"RUN", "SERVICE", "KIND", "SITES", "STATE", "BEGAN", "TOOK", NULL};
	struct listing listing = {
		.cli = cli, .table = dro_table_new(columns), .json = cJSON_CreateArray()};
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {0};
	int rc;

	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_STORE_READ)) != 0)
		goto out;
	if (setup.store && dro_store_run_list(setup.store, dro_cli_value(cli, "service"),
				   RUNS_SHOWN, list_run, &listing, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	if (cli->json) {
		dro_print_json_list(stdout, "runs", listing.json);
		listing.json = NULL;
	} else {
		dro_table_print(listing.table, stdout);
	}
out:
	cJSON_Delete(listing.json);
	dro_table_free(listing.table);
	dro_setup_free(&setup);
	return rc;
}

/* ---- show ------------------------------------------------------------------------------------ */

static int show_step(void *arg, const struct dro_step_row *row)
{
	struct listing *listing = arg;
	char took[DRO_DURATION_TEXT] = "";

	if (listing->cli->json) {
		cJSON *json = cJSON_CreateObject(), *outputs;

		cJSON_AddStringToObject(json, "id", row->id);
		cJSON_AddStringToObject(json, "state", row->state);
		cJSON_AddStringToObject(json, "note", row->note);
		cJSON_AddStringToObject(json, "error", row->error);
		cJSON_AddNumberToObject(json, "attempts", row->attempts);
		cJSON_AddNumberToObject(json, "started_ms", (double)row->started_ms);
		cJSON_AddNumberToObject(json, "ended_ms", (double)row->ended_ms);
		if (dro_json_parse(&outputs, row->outputs, strlen(row->outputs), 1 << 20, NULL) ==
			0)
			cJSON_AddItemToObject(json, "outputs", outputs);
		cJSON_AddItemToArray(listing->json, json);
		return 0;
	}
	if (row->started_ms && row->ended_ms)
		dro_duration_format(took, row->ended_ms - row->started_ms);
	dro_table_cell(listing->table, "%s", row->id);
	dro_table_cell(listing->table, "%s", row->state);
	dro_table_cell(listing->table, "%d", row->attempts);
	dro_table_cell(listing->table, "%s", took);
	dro_table_cell(listing->table, "%s", *row->error ? row->error : row->note);
	return 0;
}

static int show_journal(void *arg, const struct dro_journal_row *row)
{
	char time[DRO_TIME_TEXT];

	(void)arg;
	dro_time_format(time, row->time_ms);
	dro_print_line(stdout, "%s  %-12s %-20s %s", time, row->event, row->step, row->data);
	return 0;
}

static int show(struct dro_cli *cli, struct dro_store *store, const struct dro_run_row *run,
	struct dro_error *err)
{
	static const char *const columns[] = {"STEP", "STATE", "TRIES", "TOOK", "NOTE", NULL};
	struct listing listing = {
		.cli = cli, .table = dro_table_new(columns), .json = cJSON_CreateArray()};
	struct dro_plan *plan = NULL;
	int rc;

	if ((rc = dro_plan_parse(&plan, run->plan, strlen(run->plan), err)) < 0 ||
		(rc = dro_store_step_list(store, run->id, show_step, &listing, err)) < 0)
		goto out;
	if (cli->json) {
		cJSON *json = run_json(run);

		cJSON_AddNumberToObject(json, "version", 1);
		cJSON_AddItemToObject(json, "steps", listing.json);
		listing.json = NULL;
		dro_print_json(stdout, json);
		cJSON_Delete(json);
		goto out;
	}
	dro_print_line(stdout, "%s", plan->summary);
	fputc('\n', stdout);
	dro_table_print(listing.table, stdout);
	dro_print_outcome(stdout, run);
	if (dro_cli_flag(cli, "journal")) {
		fputs("\nJournal:\n", stdout);
		rc = dro_store_journal(store, run->id, 0, show_journal, NULL, err);
	}
out:
	dro_plan_free(plan);
	cJSON_Delete(listing.json);
	dro_table_free(listing.table);
	return rc;
}

int dro_cmd_show(struct dro_cli *cli)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_run_row *run = NULL;
	struct dro_setup setup = {0};
	int rc;

	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_STORE_READ)) != 0)
		goto out;
	if (!setup.store) {
		dro_fail(&err, DRO_ENOTFOUND, "there is no run yet: %s holds no state",
			setup.config->state);
		rc = dro_cli_error(cli, &err);
	} else if (dro_store_run_get(setup.store, cli->arg_count ? cli->args[0] : "", &run, &err) <
			   0 ||
		   show(cli, setup.store, run, &err) < 0) {
		rc = dro_cli_error(cli, &err);
	}
out:
	dro_run_row_free(run);
	dro_setup_free(&setup);
	return rc;
}
