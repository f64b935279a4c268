/* drorch plan, diff [SERVICE]: what differs from the spec. Nothing is changed. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/print.h"
#include "cli/reconcile.h"

/* How the passes come out, and what came of them. */
struct report {
	struct dro_cli *cli;
	const char *output; /* "table", "markdown", "json", or a file's path */
	bool as_diff;
	cJSON *services; /* for json and files */
	size_t changes;
	bool unknown;
	bool moved; /* the spec was not the newest after all: all of it again */
	int rc;	    /* the worst exit code so far */
};

static void show(
	struct report *report, const struct dro_service *service, const struct dro_pass *pass)
{
	cJSON *json;

	report->changes += pass->diff->change_count;
	report->unknown = report->unknown || dro_pass_unknown(pass);
	if (report->as_diff && !report->services)
		dro_pass_print_diff(stdout, service, pass);
	else if (strcmp(report->output, "markdown") == 0)
		dro_pass_print_markdown(stdout, service, pass);
	else if (!report->services || strcmp(report->output, "json") != 0)
		dro_pass_print(stdout, service, pass);
	if (!report->services)
		return;
	json = dro_pass_json(service, pass);
	if (json)
		cJSON_AddItemToArray(report->services, json);
	else
		report->rc = DRO_EXIT_ERROR;
}

/* One service's failure does not keep the others from being looked at. Nothing is said of a look
 * by a spec that turns out not to be the newest. */
static void look(struct report *report, struct dro_reconcile *reconcile,
	const struct dro_service *service, bool first)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_pass *pass = NULL;
	int rc = dro_reconcile_look(&pass, reconcile, service, NULL, &err);

	report->moved = first && dro_setup_moved(&reconcile->setup);
	if (report->moved) {
		dro_pass_free(pass);
		return;
	}
	if (rc < 0) {
		report->rc = dro_cli_error(report->cli, &err);
		return;
	}
	if (!first && !report->services)
		putchar('\n');
	show(report, service, pass);
	dro_pass_free(pass);
}

static int finish(struct report *report)
{
	struct dro_error err = DRO_ERROR_INIT;

	if (report->services && strcmp(report->output, "json") == 0) {
		dro_print_json_list(stdout, "services", report->services);
	} else if (report->services) {
		if (dro_plan_file_write(report->output, report->services, &err) < 0)
			return dro_cli_error(report->cli, &err);
		dro_print_line(
			stderr, "drorch: `drorch apply %s` does exactly this", report->output);
	}
	if (report->rc)
		return report->rc;
	if (report->unknown) {
		fprintf(stderr, "drorch: not everything could be looked at\n");
		return DRO_EXIT_ERROR;
	}
	return report->changes && dro_cli_flag(report->cli, "detailed-exitcode") ? DRO_EXIT_CHANGES
										 : DRO_EXIT_OK;
}

/* The one that was named; NULL: said why, or the spec is not the newest. */
static const struct dro_service *named(
	struct report *report, struct dro_reconcile *reconcile, const char *name, int *rc)
{
	/* Unknown to the spec that is at hand: the newest may know it. */
	if (!dro_spec_service(reconcile->setup.spec, name) &&
		(report->moved = dro_setup_moved(&reconcile->setup)))
		return NULL;
	return dro_setup_service(&reconcile->setup, report->cli, name, rc);
}

/* `early`: by the spec that is there already, while git is asked for the newest. */
static int try_run(struct report *report, bool early)
{
	struct dro_reconcile reconcile = {.setup = {.early = early},
		.early = report->cli->arg_count ? report->cli->args[0] : NULL};
	const struct dro_service *service;
	struct dro_cli *cli = report->cli;
	size_t i;
	int rc;

	report->moved = false;
	if ((rc = dro_reconcile_open(&reconcile, cli)) != 0)
		goto out;
	if (cli->arg_count) {
		service = named(report, &reconcile, cli->args[0], &rc);
		if (!service)
			goto out;
		look(report, &reconcile, service, true);
	}
	if (!cli->arg_count && reconcile.setup.spec->service_count)
		dro_reconcile_begins_with(&reconcile, &reconcile.setup.spec->services[0]);
	for (i = 0; !cli->arg_count && !report->moved && i < reconcile.setup.spec->service_count;
		i++)
		look(report, &reconcile, &reconcile.setup.spec->services[i], i == 0);
out:
	dro_reconcile_free(&reconcile);
	return rc;
}

static int run(struct dro_cli *cli, bool as_diff)
{
	const char *output = dro_cli_value(cli, "output");
	struct report report = {
		.cli = cli, .output = output ? output : "table", .as_diff = as_diff};
	int rc;

	if (strcmp(report.output, "table") != 0 && strcmp(report.output, "markdown") != 0)
		report.services = cJSON_CreateArray();
	if ((rc = try_run(&report, true)) == 0 && report.moved)
		rc = try_run(&report, false);
	if (rc == 0) {
		rc = finish(&report);
		report.services = NULL;
	}
	cJSON_Delete(report.services);
	return rc;
}

int dro_cmd_plan(struct dro_cli *cli)
{
	return run(cli, false);
}

int dro_cmd_diff(struct dro_cli *cli)
{
	return run(cli, true);
}
