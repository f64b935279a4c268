/* What a promote is about to do, shown before it is asked for. */
#ifndef DRORCH_CLI_PROMOTE_SHOW_H
#define DRORCH_CLI_PROMOTE_SHOW_H

#include "cli/cli.h"
#include "plan/promote.h"

void dro_promote_show(const struct dro_cli *cli, const struct dro_promote_facts *facts,
	const struct dro_plan *plan);

#endif
