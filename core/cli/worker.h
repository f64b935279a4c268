/* The process that drives a run, on its own: no terminal, its messages in the state folder. */
#ifndef DRORCH_CLI_WORKER_H
#define DRORCH_CLI_WORKER_H

#include "cli/setup.h"

/*
 * Starts `drorch worker RUN` in a session of its own. *news_fd gets the end of a pipe that is
 * written to after every journal row and closed when the worker ends.
 */
int dro_worker_start(const struct dro_cli *cli, const struct dro_config *config, const char *run,
	int *news_fd, struct dro_error *err);

#endif
