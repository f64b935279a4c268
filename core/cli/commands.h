/* The functions behind the command table; each stands in a file of its name. */
#ifndef DRORCH_CLI_COMMANDS_H
#define DRORCH_CLI_COMMANDS_H

#include "cli/cli.h"

int dro_cmd_validate(struct dro_cli *cli);
int dro_cmd_schema(struct dro_cli *cli);
int dro_cmd_init(struct dro_cli *cli);

#endif
