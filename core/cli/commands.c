#include "cli/commands.h"

static const struct dro_cli_option no_options[] = {{NULL, 0, NULL, NULL, false}};

static const struct dro_cli_option schema_options[] = {
	{"reference", 0, NULL, "print the reference page (Markdown) instead", false},
	{NULL, 0, NULL, NULL, false},
};

const struct dro_cli_command dro_cli_commands[] = {
	{"validate", "[PATH]", "check a folder of specs: all errors at once", 0, 1, no_options,
		dro_cmd_validate, false},
	{"schema", "", "the JSON Schema of the specs", 0, 0, schema_options, dro_cmd_schema, false},
	{"init", "DIR", "write a spec repository to begin with", 1, 1, no_options, dro_cmd_init,
		false},
	{"help", "[COMMAND]", "how a command is used", 0, 2, no_options, dro_cmd_help, false},
	{"version", "", "the program's version", 0, 0, no_options, dro_cmd_version, false},
	{"completion", "", "completion for bash, to be sourced", 0, 0, no_options,
		dro_cmd_completion, false},
	{NULL, NULL, NULL, 0, 0, NULL, NULL, false},
};
