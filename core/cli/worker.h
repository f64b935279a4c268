/*
 * The process that drives a run, on its own: no terminal, its messages in the state folder. It is
 * started with the run's id; or in advance, and waits to be told the id on its standard input, so
 * that it has loaded everything when the run is there.
 */
#ifndef DRORCH_CLI_WORKER_H
#define DRORCH_CLI_WORKER_H

#include <sys/types.h>

#include "cli/setup.h"
#include "model/graph.h"

#define DRO_WORKER_NEWS_FD 3
#define DRO_WORKER_WAITS                                                                           \
	"-" /* instead of an id: lines on standard input, the commit and the id                    \
	     */
#define DRO_WORKER_LINE_MAX 128 /* of such a line; less than a pipe takes at once */

/* One that waits; zeros: there is none. */
struct dro_worker_ready {
	pid_t pid;
	int tell_fd, news_fd;
};

/*
 * Starts one in advance, for a run of the spec at `commit` (""  where the spec is a folder). It
 * holds no lease and calls nobody until it is told its run, and ends by itself when this process
 * does before that. Where it cannot be started there is none: dro_worker_start does without.
 */
void dro_worker_prepare(struct dro_worker_ready *ready, const struct dro_cli *cli,
	const struct dro_config *config, const char *commit);
/* Ends one that was not told anything, and waits for that. */
void dro_worker_dismiss(struct dro_worker_ready *ready);

/*
 * Hands the run to the one that waits (`ready` may be NULL), or starts `drorch worker RUN`, in a
 * session of its own. *news_fd gets the end of a pipe that is written to after every journal row
 * and closed when the worker ends.
 */
int dro_worker_start(const struct dro_cli *cli, const struct dro_config *config, const char *run,
	struct dro_worker_ready *ready, int *news_fd, struct dro_error *err);
/*
 * Stores the plan as a run (dro_run_add, with `newest`), starts its worker (`ready`, as
 * dro_worker_start has it) and follows it to its end. What was looked at is let go meanwhile.
 * Returns an enum dro_exit; messages are written.
 */
int dro_worker_run(struct dro_cli *cli, struct dro_setup *setup, const struct dro_plan *plan,
	const char *newest, struct dro_worker_ready *ready);
/* `drorch worker RUN` for who lives on beside it, and has to collect it with waitpid. */
int dro_worker_spawn(const struct dro_cli *cli, const struct dro_config *config, const char *run,
	int *news_fd, pid_t *pid, struct dro_error *err);

#endif
