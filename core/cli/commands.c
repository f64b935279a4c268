#include "cli/commands.h"

static const struct dro_cli_option no_options[] = {{NULL, 0, NULL, NULL, false}};

const struct dro_cli_command dro_cli_commands[] = {
	{"help", "[COMMAND]", "how a command is used", 0, 2, no_options, dro_cmd_help, false},
	{"version", "", "the program's version", 0, 0, no_options, dro_cmd_version, false},
	{"completion", "", "completion for bash, to be sourced", 0, 0, no_options,
		dro_cmd_completion, false},
	{NULL, NULL, NULL, 0, 0, NULL, NULL, false},
};
