/* A run as its reader sees it: what the store says, printed as it changes. One printer for every
 * run. */
#ifndef DRORCH_CLI_FOLLOW_H
#define DRORCH_CLI_FOLLOW_H

#include "cli/setup.h"
#include "model/graph.h"

/*
 * Prints the run's steps as they change, until it ends or nobody drives it any more: a live table
 * on a terminal, a line a step in a pipe, JSON lines with -o json; then its end. `news_fd` (-1:
 * none) becomes readable when there is something new and ends when the worker does. `failed_ms`:
 * when the run failed that this worker takes up again, else 0. Ctrl-C leaves the run alone. Returns
 * an enum dro_exit.
 */
int dro_follow(struct dro_cli *cli, struct dro_store *store, const char *run, int news_fd,
	int64_t failed_ms);

/* Adds "outcome", where the run has one. */
void dro_add_outcome(cJSON *json, const struct dro_run_row *run);
/* The run's end in words: recovery time and point against the objectives, exceptions, what to do
 * next. */
void dro_print_outcome(FILE *out, const struct dro_run_row *run);

#endif
