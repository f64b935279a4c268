/* drorch completion: for bash, from the command table. */
#include <string.h>

#include "cli/commands.h"

static void print_names(const struct dro_cli_option *options)
{
	for (; options && options->name; options++)
		printf("--%s ", options->name);
}

static bool same_first_word(const struct dro_cli_command *a, const struct dro_cli_command *b)
{
	size_t length = strcspn(a->name, " ");

	return strcspn(b->name, " ") == length && strncmp(a->name, b->name, length) == 0;
}

/* Is it the first in the table of those that share its first word? */
static bool leads(const struct dro_cli_command *command)
{
	const struct dro_cli_command *before;

	for (before = dro_cli_commands; before < command; before++)
		if (same_first_word(before, command))
			return false;
	return !command->hidden;
}

/* After the first of two words: one of the second ones. */
static void print_group(const struct dro_cli_command *group)
{
	size_t length = strcspn(group->name, " ");
	const struct dro_cli_command *command;

	printf("\t*\" %.*s \"*) words=\"", (int)length, group->name);
	for (command = group; command->name; command++)
		if (same_first_word(group, command))
			printf("%s ", command->name + length + 1);
	puts("\" ;;");
}

int dro_cmd_completion(struct dro_cli *cli)
{
	const struct dro_cli_command *command;

	(void)cli;
	puts("# bash completion for drorch: source this, or install it as completions/drorch\n"
	     "_drorch() {\n"
	     "\tlocal word=${COMP_WORDS[COMP_CWORD]} words=\"\"\n"
	     "\tcase ${COMP_WORDS[COMP_CWORD-1]} in\n"
	     "\t-o | --output) COMPREPLY=($(compgen -W \"table json\" -- \"$word\")); return ;;\n"
	     "\tesac\n"
	     "\tcase \" ${COMP_WORDS[*]:1:COMP_CWORD-1} \" in");
	for (command = dro_cli_commands; command->name; command++) {
		if (command->hidden)
			continue;
		printf("\t*\" %s \"*) words=\"", command->name);
		print_names(command->options);
		puts("\" ;;");
	}
	for (command = dro_cli_commands; command->name; command++)
		if (leads(command) && strchr(command->name, ' '))
			print_group(command);
	fputs("\t*) words=\"", stdout);
	for (command = dro_cli_commands; command->name; command++)
		if (leads(command))
			printf("%.*s ", (int)strcspn(command->name, " "), command->name);
	fputs("\" ;;\n\tesac\n\twords+=\" ", stdout);
	print_names(dro_cli_globals);
	puts("\"\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
	     "complete -o default -F _drorch drorch");
	return DRO_EXIT_OK;
}
