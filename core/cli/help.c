#include "cli/commands.h"

#include <string.h>

int dro_cmd_version(struct dro_cli *cli)
{
	if (cli->json)
		printf("{\"version\":1,\"drorch\":\"%s\",\"abi\":\"%d.%d\"}\n", DRORCH_VERSION,
			DRO_ABI_MAJOR, DRO_ABI_MINOR);
	else
		printf("drorch %s (plugin ABI %d.%d)\n", DRORCH_VERSION, DRO_ABI_MAJOR,
			DRO_ABI_MINOR);
	return DRO_EXIT_OK;
}

static void print_options(FILE *out, const struct dro_cli_option *options)
{
	for (; options && options->name; options++) {
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", options->letter ? '-' : ' ',
			options->letter ? options->letter : ' ', options->letter ? ", " : "  ",
			options->name, options->value ? " " : "",
			options->value ? options->value : "");
		fprintf(out, "  %-28s  %s\n", left, options->help);
	}
}

void dro_cli_help(FILE *out, const struct dro_cli_command *command)
{
	int i;

	if (command) {
		fprintf(out, "drorch %s: %s\n\nUsage: drorch %s%s%s%s\n", command->name,
			command->summary, command->name, *command->arguments ? " " : "",
			command->arguments, command->options ? " [options]" : "");
		if (command->options) {
			fputs("\nOptions:\n", out);
			print_options(out, command->options);
		}
	} else {
		fputs("drorch: disaster recovery that a team can rehearse\n\n"
		      "Usage: drorch COMMAND [ARGUMENTS] [options]\n\nCommands:\n",
			out);
		for (i = 0; dro_cli_commands[i].name; i++)
			if (!dro_cli_commands[i].hidden)
				fprintf(out, "  %-16s%s\n", dro_cli_commands[i].name,
					dro_cli_commands[i].summary);
	}
	fputs("\nEverywhere:\n", out);
	print_options(out, dro_cli_globals);
}

/* `first` is the first word of two: help for each such command. False: it is not. */
static bool help_group(const char *first)
{
	size_t length = strlen(first);
	bool found = false;
	int i;

	for (i = 0; dro_cli_commands[i].name; i++) {
		const struct dro_cli_command *command = &dro_cli_commands[i];

		if (strncmp(command->name, first, length) != 0 || command->name[length] != ' ')
			continue;
		printf("%sdrorch %s: %s\n", found ? "" : "Commands:\n", command->name,
			command->summary);
		found = true;
	}
	return found;
}

int dro_cmd_help(struct dro_cli *cli)
{
	const struct dro_cli_command *found = NULL;
	char name[64];
	int i;

	if (cli->arg_count > 0) {
		snprintf(name, sizeof(name), "%s%s%s", cli->args[0], cli->arg_count > 1 ? " " : "",
			cli->arg_count > 1 ? cli->args[1] : "");
		for (i = 0; dro_cli_commands[i].name; i++)
			if (strcmp(dro_cli_commands[i].name, name) == 0)
				found = &dro_cli_commands[i];
		if (!found && cli->arg_count == 1 && help_group(name))
			return DRO_EXIT_OK;
		if (!found)
			return dro_cli_unknown_command(cli, cli->args, cli->arg_count);
	}
	dro_cli_help(stdout, found);
	return DRO_EXIT_OK;
}
