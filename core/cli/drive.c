/* drorch attach RUN, resume RUN, abort RUN: a run that is there already. */
#include <string.h>

#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/worker.h"
#include "engine/engine.h"

/* Opens the store and reads the run; the message has been written where that fails. */
static int open_run(struct dro_cli *cli, struct dro_setup *setup, struct dro_run_row **run,
	enum dro_run_state *state)
{
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	if ((rc = dro_setup_open(setup, cli, DRO_NEED_STORE)) != 0)
		return rc;
	if (dro_store_run_get(setup->store, cli->arg_count ? cli->args[0] : "", run, &err) < 0 ||
		dro_run_state_parse((*run)->state, state, &err) < 0)
		return dro_cli_error(cli, &err);
	return 0;
}

/* Is somebody driving the service's runs right now? */
static bool driven(const struct dro_setup *setup, const struct dro_run_row *run)
{
	struct dro_lease lease;
	bool alive = false;

	return dro_store_lease_get(setup->store, run->service, &lease, &alive, NULL) == 0 && alive;
}

static int drive(struct dro_cli *cli, struct dro_setup *setup, const struct dro_run_row *run)
{
	int64_t failed_ms = strcmp(run->state, "failed") == 0 ? run->ended_ms : 0;
	struct dro_error err = DRO_ERROR_INIT;
	int news_fd;

	if (dro_worker_start(cli, setup->config, run->id, NULL, &news_fd, &err) < 0)
		return dro_cli_error(cli, &err);
	return dro_follow(cli, setup->store, run->id, news_fd, failed_ms);
}

int dro_cmd_attach(struct dro_cli *cli)
{
	struct dro_run_row *run = NULL;
	struct dro_setup setup = {0};
	enum dro_run_state state;
	int rc;

	if ((rc = open_run(cli, &setup, &run, &state)) == 0)
		rc = dro_follow(cli, setup.store, run->id, -1, 0);
	dro_run_row_free(run);
	dro_setup_free(&setup);
	return rc;
}

int dro_cmd_resume(struct dro_cli *cli)
{
	struct dro_run_row *run = NULL;
	struct dro_setup setup = {0};
	enum dro_run_state state;
	int rc;

	if ((rc = open_run(cli, &setup, &run, &state)) != 0)
		goto out;
	/* What somebody drives, or what is over, is only to be watched. */
	if (driven(&setup, run) || (dro_run_ended(state) && state != DRO_RUN_FAILED))
		rc = dro_follow(cli, setup.store, run->id, -1, 0);
	else
		rc = drive(cli, &setup, run);
out:
	dro_run_row_free(run);
	dro_setup_free(&setup);
	return rc;
}

int dro_cmd_abort(struct dro_cli *cli)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_run_row *run = NULL;
	struct dro_setup setup = {0};
	enum dro_run_state state;
	int rc;

	if ((rc = open_run(cli, &setup, &run, &state)) != 0)
		goto out;
	if (dro_run_ended(state) && state != DRO_RUN_FAILED) {
		dro_fail(&err, DRO_ECONFLICT, "run %s is %s: there is nothing to abort", run->id,
			run->state);
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	if (dro_store_run_wish_set(setup.store, run->id, DRO_WISH_ABORT, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	rc = driven(&setup, run) ? dro_follow(cli, setup.store, run->id, -1, 0)
				 : drive(cli, &setup, run);
	/* An abort that came through is what was asked for. */
	dro_run_row_free(run);
	run = NULL;
	if (dro_store_run_get(setup.store, cli->args[0], &run, NULL) == 0 &&
		dro_run_state_parse(run->state, &state, NULL) == 0 && state == DRO_RUN_ABORTED)
		rc = DRO_EXIT_OK;
out:
	dro_run_row_free(run);
	dro_setup_free(&setup);
	return rc;
}
