#include "cli/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/print.h"

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static int64_t number(const cJSON *object, const char *key)
{
	int64_t value;

	return dro_json_int(object, key, 0, &value, NULL) == 0 ? value : 0;
}

/* "in 2m 5s", "now" */
static void in_time(char *out, size_t size, int64_t at_ms)
{
	int64_t left = at_ms - dro_wall_ms();
	char text[DRO_DURATION_TEXT];

	dro_duration_format(text, left / 1000 * 1000);
	snprintf(out, size, left < 1000 ? "now" : "in %s", text);
}

/* ---- above the table ------------------------------------------------------------------------- */

static void print_spec(FILE *out, const cJSON *status)
{
	const char *commit = dro_json_text(status, "commit");
	const cJSON *attempt = get(status, "attempt"), *controller = get(status, "controller");
	char poll[DRO_DURATION_TEXT], period[DRO_DURATION_TEXT];

	dro_print_line(out, "spec: %s", *commit ? commit : "a working copy");
	if (attempt && *dro_json_text(attempt, "error")) {
		commit = dro_json_text(attempt, "commit");
		dro_print_line(out, "last attempted: %s: %s",
			*commit ? commit : "the newest commit is not known",
			dro_json_text(attempt, "error"));
	}
	if (!controller)
		return;
	if (!cJSON_IsTrue(get(controller, "alive"))) {
		dro_print_line(out, "controller: does not run");
		return;
	}
	dro_duration_format(poll, number(controller, "poll_ms"));
	dro_duration_format(period, number(controller, "period_ms"));
	dro_print_line(out, "controller: %s; git every %s, each service every %s",
		dro_json_text(controller, "holder"), poll, period);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void reconcile_cell(struct dro_table *table, const cJSON *service)
{
	const cJSON *reconcile = get(service, "reconcile"), *paused = get(service, "paused"),
		    *seen = get(reconcile, "seen");
	const char *state = dro_json_text(reconcile, "state");
	char until[64];

	if (paused) {
		in_time(until, sizeof(until), number(paused, "until_ms"));
		dro_table_cell(table, "paused, ends %s", until);
	} else if (!reconcile) {
		dro_table_cell(table, "%s", "");
	} else if (number(seen, "change_count") > 0) {
		dro_table_cell(table, "%s, %lld to change", state,
			(long long)number(seen, "change_count"));
	} else {
		dro_table_cell(table, "%s %.12s", state, dro_json_text(reconcile, "applied"));
	}
}

static void next_cell(struct dro_table *table, const cJSON *service, bool alive)
{
	int64_t next = number(get(service, "reconcile"), "next_ms");
	char text[64] = "";

	if (alive && next)
		in_time(text, sizeof(text), next);
	dro_table_cell(table, "%s", text);
}

static void print_service(struct dro_table *table, const cJSON *service, bool alive)
{
	const cJSON *backup = get(service, "backup");
	int64_t since = number(service, "active_since_ms");
	char age[DRO_DURATION_TEXT] = "";

	dro_table_cell(table, "%s", dro_json_text(service, "name"));
	if (since) {
		dro_duration_format(age, dro_wall_ms() - since);
		dro_table_cell(table, "%s (for %s)", dro_json_text(service, "active"), age);
	} else {
		dro_table_cell(table, "%s", dro_json_text(service, "active"));
	}
	dro_table_cell(
		table, "%s %s", dro_json_text(service, "run"), dro_json_text(service, "run_state"));
	if (backup && number(backup, "time_ms")) {
		dro_duration_format(age, dro_wall_ms() - number(backup, "time_ms"));
		dro_table_cell(table, "%s, %s old%s", dro_json_text(backup, "id"), age,
			cJSON_IsTrue(get(backup, "verified")) ? ", verified" : "");
	} else {
		dro_table_cell(table, "not looked at yet");
	}
	reconcile_cell(table, service);
	next_cell(table, service, alive);
}

/* ---- below it -------------------------------------------------------------------------------- */

/* What there is more to say of a service than a cell takes. */
static void print_details(FILE *out, const cJSON *service)
{
	const cJSON *reconcile = get(service, "reconcile"), *seen = get(reconcile, "seen"),
		    *paused = get(service, "paused"), *item;
	const char *name = dro_json_text(service, "name");
	const char *state = dro_json_text(reconcile, "state");

	if (paused)
		dro_print_line(out, "%s: paused by %s: %s", name, dro_json_text(paused, "by"),
			dro_json_text(paused, "reason"));
	else if (strcmp(state, "failed") == 0 || strcmp(state, "refused") == 0 ||
		 strcmp(state, "busy") == 0)
		dro_print_line(out, "%s: %s: %s", name, state, dro_json_text(reconcile, "text"));
	cJSON_ArrayForEach(item, get(seen, "changes"))
	{
		dro_print_line(out, "%s: to %s: %s %s", name, dro_json_text(item, "action"),
			dro_json_text(item, "thing"), dro_json_text(item, "target"));
	}
	cJSON_ArrayForEach(item, get(seen, "findings"))
	{
		dro_print_line(out, "%s: %s: %s: %s", name, dro_json_text(item, "kind"),
			dro_json_text(item, "target"), dro_json_text(item, "text"));
	}
}

/* A replica's, where there are any. */
static void files_text(char *out, size_t size, const cJSON *database)
{
	const cJSON *age_ms = get(database, "files_age_ms");
	char age[DRO_DURATION_TEXT];

	*out = '\0';
	if (cJSON_IsNull(age_ms))
		snprintf(out, size, ", its files NOT fetched");
	if (!cJSON_IsNumber(age_ms))
		return;
	dro_duration_format(age, (int64_t)age_ms->valuedouble);
	snprintf(out, size, ", its files %s old", age);
}

static void print_database(FILE *out, const char *service, const cJSON *database, const char *ago)
{
	bool primary = strcmp(dro_json_text(database, "role"), "primary") == 0;
	bool open = cJSON_IsTrue(get(database, "open"));
	const char *trouble = dro_json_text(database, "trouble"), *how;
	char files[64];

	if (*dro_json_text(database, "error")) {
		dro_print_line(out, "%s: database of %s: %s", service,
			dro_json_text(database, "site"), dro_json_text(database, "error"));
		return;
	}
	if (primary)
		how = cJSON_IsTrue(get(database, "fenced")) ? "primary, fenced"
		      : !open				    ? "primary, takes no writes"
		      : cJSON_IsTrue(get(database, "semi_sync"))
			      ? "primary, each write waits for a replica"
			      : "primary";
	else
		how = cJSON_IsTrue(get(database, "replicates")) ? "replica, up to date"
								: "replica, NOT replicating";
	files_text(files, sizeof(files), database);
	dro_print_line(out, "%s: database of %s: %s%s%s%s, %s ago", service,
		dro_json_text(database, "site"), how, files, *trouble ? ": " : "", trouble, ago);
}

/* As they were heard last. */
static void print_databases(FILE *out, const cJSON *service)
{
	const cJSON *databases = get(service, "databases"), *database;
	char ago[DRO_DURATION_TEXT];

	if (!databases)
		return;
	dro_duration_format(ago, (dro_wall_ms() - number(databases, "at_ms")) / 1000 * 1000);
	cJSON_ArrayForEach(database, get(databases, "sites"))
	{
		print_database(out, dro_json_text(service, "name"), database, ago);
	}
}

static void print_pages(FILE *out, const cJSON *service)
{
	const char *name = dro_json_text(service, "name");
	char ago[DRO_DURATION_TEXT];
	const cJSON *page;

	cJSON_ArrayForEach(page, get(service, "pages"))
	{
		dro_duration_format(ago, (dro_wall_ms() - number(page, "ready_ms")) / 1000 * 1000);
		if (number(page, "ready_ms"))
			dro_print_line(out, "%s: page of %s: ready, seen %s ago", name,
				dro_json_text(page, "site"), ago);
		else
			dro_print_line(out,
				"%s: page of %s: NOT seen ready: `drorch plan %s` tells what is "
				"missing",
				name, dro_json_text(page, "site"), name);
	}
}

void dro_status_print(FILE *out, const cJSON *status, const char *state)
{
	static const char *const columns[] = {"SERVICE", "ACTIVE SITE", "LAST RUN", "LATEST BACKUP",
		"RECONCILE", "NEXT PASS", NULL};
	/* Where no controller ever ran, nothing is said of one. */
	static const char *const without[] = {
		"SERVICE", "ACTIVE SITE", "LAST RUN", "LATEST BACKUP", "", "", NULL};
	const cJSON *services = get(status, "services"), *controller = get(status, "controller"),
		    *service;
	bool alive = cJSON_IsTrue(get(controller, "alive"));
	struct dro_table *table;

	if (cJSON_GetArraySize(services) == 0) {
		dro_print_line(out, "No spec was read yet into %s.", state);
		return;
	}
	print_spec(out, status);
	fputc('\n', out);
	table = dro_table_new(controller ? columns : without);
	cJSON_ArrayForEach(service, services) print_service(table, service, alive);
	dro_table_print(table, out);
	dro_table_free(table);
	cJSON_ArrayForEach(service, services)
	{
		print_databases(out, service);
		print_pages(out, service);
		print_details(out, service);
	}
}
