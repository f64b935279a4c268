/*
 * drorch apply: ends the differences of a service, after they were shown; with FILE exactly those
 * of the reviewed plan, or none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/reconcile.h"
#include "cli/worker.h"
#include "base/clock.h"
#include "control/pause.h"

/* Somebody said that nobody is to touch it now. */
static int check_pause(const struct dro_cli *cli, struct dro_reconcile *reconcile,
	const struct dro_service *service)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_pause pause = {0};
	int rc = dro_pause_get(reconcile->setup.store, service->name, dro_wall_ms(), &pause, &err);

	if (rc == DRO_ENOTFOUND)
		return 0;
	if (rc == 0)
		dro_fail(&err, DRO_ESAFETY,
			"nothing was done: %s is paused by %s: %s; `drorch unpause %s` ends that",
			service->name, pause.by, pause.reason, service->name);
	return dro_cli_error(cli, &err);
}

/* What could not be looked at may differ, whatever became of the rest. */
static int judge(const struct dro_pass *pass, int rc)
{
	if (rc != DRO_EXIT_OK || !dro_pass_unknown(pass))
		return rc;
	fprintf(stderr, "drorch: not everything could be looked at\n");
	return DRO_EXIT_ERROR;
}

int dro_reconcile_do(struct dro_cli *cli, struct dro_reconcile *reconcile,
	const struct dro_service *service, const struct dro_pass *pass,
	const struct dro_plan *reviewed)
{
	const struct dro_plan *plan = reviewed ? reviewed : pass->plan;
	int rc;

	if (!cli->json)
		dro_pass_print(stdout, service, pass);
	if (plan->step_count == 0)
		return judge(pass, DRO_EXIT_OK);
	fflush(stdout);
	if ((rc = check_pause(cli, reconcile, service)) != 0)
		return rc;
	if ((rc = dro_ask_rules(
		     cli, reconcile->setup.store, plan, pass->refusals, pass->refusal_count)) != 0)
		return rc;
	/* A reviewed plan was agreed to when it was reviewed. */
	if (!reviewed && (rc = dro_ask_confirm(cli, "service", service->name)) != 0)
		return rc;
	return judge(pass, dro_worker_run(cli, &reconcile->setup, plan, pass->newest, NULL));
}

static int apply_service(struct dro_cli *cli, struct dro_reconcile *reconcile,
	const struct dro_service *service, const struct dro_plan *reviewed)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_pass *pass = NULL;
	int rc;

	if (dro_reconcile_look(&pass, reconcile, service, NULL, &err) < 0 ||
		(reviewed && dro_plan_same(reviewed, pass->plan, &err) < 0))
		rc = dro_cli_error(cli, &err);
	else
		rc = dro_reconcile_do(cli, reconcile, service, pass, reviewed);
	dro_pass_free(pass);
	return rc;
}

/* Its run's id is in the file: it can be run once. */
static int check_new(struct dro_store *store, const char *path, const struct dro_plan *plan,
	struct dro_error *err)
{
	struct dro_run_row *run = NULL;
	int rc = dro_store_run_get(store, plan->id, &run, err);

	dro_run_row_free(run);
	if (rc == DRO_ENOTFOUND)
		return 0;
	return rc < 0 ? rc
		      : dro_fail(err, DRO_ECONFLICT,
				"nothing was done: the plan in %s was applied already, as run %s",
				path, plan->id);
}

static int apply_file(struct dro_cli *cli, struct dro_reconcile *reconcile)
{
	const struct dro_service *service;
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_plan *plan = NULL;
	int rc;

	if (dro_plan_file_read(&plan, cli->args[0], dro_cli_value(cli, "service"), &err) < 0 ||
		check_new(reconcile->setup.store, cli->args[0], plan, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	service = dro_setup_service(&reconcile->setup, cli, plan->service, &rc);
	if (service)
		rc = apply_service(cli, reconcile, service, plan);
out:
	dro_plan_free(plan);
	return rc;
}

int dro_cmd_apply(struct dro_cli *cli)
{
	struct dro_reconcile reconcile = {0};
	const struct dro_service *service;
	int rc;

	if (!cli->arg_count && (rc = dro_ask_check(cli, "SERVICE")) != 0)
		return rc;
	if ((rc = dro_reconcile_open(&reconcile, cli)) != 0)
		goto out;
	if (cli->arg_count) {
		rc = apply_file(cli, &reconcile);
		goto out;
	}
	service = dro_setup_service(&reconcile.setup, cli, dro_cli_value(cli, "service"), &rc);
	if (service)
		rc = apply_service(cli, &reconcile, service, NULL);
out:
	dro_reconcile_free(&reconcile);
	return rc;
}
