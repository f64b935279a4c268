/* What is asked of the person before anything moves: rules to pass, and a name to type. */
#ifndef DRORCH_CLI_ASK_H
#define DRORCH_CLI_ASK_H

#include "cli/cli.h"
#include "model/graph.h"
#include "plan/safety.h"
#include "store/store.h"

/* Options that would not do what they seem to, found before anything is asked of anybody; `name`
 * is what --confirm wants. 0 or an enum dro_exit, the message written; likewise below. */
int dro_ask_check(const struct dro_cli *cli, const char *name);

/* Says which rules forbid the plan; those that --override-rule passes go on the record instead. */
int dro_ask_rules(const struct dro_cli *cli, struct dro_store *store, const struct dro_plan *plan,
	const struct dro_refusal *refusals, size_t count);

/* The name of the `what` ("site"), typed or given by --confirm. */
int dro_ask_confirm(const struct dro_cli *cli, const char *what, const char *name);

#endif
