#include "cli/cli.h"

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
		if (!found)
			return dro_cli_usage(cli, "there is no command \"%s\"", name);
	}
	dro_cli_help(stdout, found);
	return DRO_EXIT_OK;
}

/* bash: the words of the table and, after them, each command's options. */
int dro_cmd_completion(struct dro_cli *cli)
{
	const struct dro_cli_option *option;
	int i;

	(void)cli;
	puts("# bash completion for drorch: source this, or install it as completions/drorch\n"
	     "_drorch() {\n"
	     "\tlocal word=${COMP_WORDS[COMP_CWORD]} line=\" ${COMP_WORDS[*]:1} \" words=\"\"\n"
	     "\tcase $line in");
	for (i = 0; dro_cli_commands[i].name; i++) {
		if (dro_cli_commands[i].hidden)
			continue;
		printf("\t*\" %s \"*) words=\"", dro_cli_commands[i].name);
		for (option = dro_cli_commands[i].options; option && option->name; option++)
			printf("--%s ", option->name);
		puts("\" ;;");
	}
	fputs("\t*) words=\"", stdout);
	for (i = 0; dro_cli_commands[i].name; i++)
		if (!dro_cli_commands[i].hidden)
			printf("%s ", dro_cli_commands[i].name);
	puts("\" ;;\n\tesac");
	fputs("\twords+=\" ", stdout);
	for (option = dro_cli_globals; option->name; option++)
		printf("--%s ", option->name);
	puts("\"\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
	     "complete -o default -F _drorch drorch");
	return DRO_EXIT_OK;
}
