/* argv, read by the command table. */
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/cli.h"

/* ---- finding the command -------------------------------------------------------------------- */

/* How many of the words name `command`: 0, 1 or 2. */
static int matches(const struct dro_cli_command *command, char *const *words, int count)
{
	size_t first = strcspn(command->name, " ");

	if (count < 1 || strlen(words[0]) != first || strncmp(words[0], command->name, first) != 0)
		return 0;
	if (!command->name[first])
		return 1;
	return count >= 2 && strcmp(words[1], command->name + first + 1) == 0 ? 2 : 0;
}

/* "list, verify": what may stand after the first word of a command of two. */
static void second_words(struct dro_buf *out, const char *first)
{
	const struct dro_cli_command *command;
	size_t length = strlen(first);

	for (command = dro_cli_commands; command->name; command++)
		if (strncmp(command->name, first, length) == 0 && command->name[length] == ' ')
			dro_buf_printf(
				out, "%s%s", out->length ? ", " : "", command->name + length + 1);
}

int dro_cli_unknown_command(const struct dro_cli *cli, char *const *words, int count)
{
	struct dro_buf second = DRO_BUF_INIT(1024);
	const struct dro_cli_command *command;
	struct dro_nearest nearest = {.word = words[0]};
	int rc;

	second_words(&second, words[0]);
	for (command = dro_cli_commands; command->name; command++)
		if (!command->hidden)
			dro_nearest_offer(&nearest, command->name);
	if (second.length)
		rc = dro_cli_usage(cli, "`drorch %s` needs one more word (%s)%s%s", words[0],
			second.data, count > 1 ? ", not " : "", count > 1 ? words[1] : "");
	else if (nearest.best)
		rc = dro_cli_usage(
			cli, "there is no command \"%s\"; is it `%s`?", words[0], nearest.best);
	else
		rc = dro_cli_usage(cli, "there is no command \"%s\"", words[0]);
	dro_buf_free(&second);
	return rc;
}

/* ---- parsing -------------------------------------------------------------------------------- */

static const struct dro_cli_option *by_name(
	const struct dro_cli_option *options, const char *name, size_t length)
{
	for (; options && options->name; options++)
		if (strlen(options->name) == length && strncmp(options->name, name, length) == 0)
			return options;
	return NULL;
}

static const struct dro_cli_option *by_letter(const struct dro_cli_option *options, char letter)
{
	for (; options && options->name; options++)
		if (options->letter == letter)
			return options;
	return NULL;
}

/* `length` bytes of `name`: what stands before a "=". */
static int unknown_option(const struct dro_cli *cli, const char *name, size_t length)
{
	const struct dro_cli_option *tables[] = {
		cli->command ? cli->command->options : NULL, dro_cli_globals};
	struct dro_nearest nearest = {0};
	char *word = strndup(name, length);
	size_t t;
	int rc;

	nearest.word = word ? word : "";
	for (t = 0; t < 2; t++) {
		const struct dro_cli_option *option;

		for (option = tables[t]; option && option->name; option++)
			dro_nearest_offer(&nearest, option->name);
	}
	if (nearest.best)
		rc = dro_cli_usage(cli, "there is no option --%s here; is it --%s?", nearest.word,
			nearest.best);
	else
		rc = dro_cli_usage(cli, "there is no option --%s here", nearest.word);
	free(word);
	return rc;
}

static int keep(struct dro_cli *cli, const struct dro_cli_option *option, const char *value)
{
	if (!option->many && dro_cli_value(cli, option->name))
		return dro_cli_usage(cli, "--%s is given twice", option->name);
	if (cli->value_count == DRO_CLI_MAX_VALUES)
		return dro_cli_usage(cli, "more than %d options", DRO_CLI_MAX_VALUES);
	cli->values[cli->value_count].option = option;
	cli->values[cli->value_count].value = value;
	cli->value_count++;
	return 0;
}

/* "--name", "--name=value", "--name value"; *at moves on past a value in a word of its own. */
static int parse_long(struct dro_cli *cli, char **argv, int argc, int *at)
{
	const struct dro_cli_option *own = cli->command ? cli->command->options : NULL, *option;
	const char *name = argv[*at] + 2;
	size_t length = strcspn(name, "=");

	option = by_name(own, name, length);
	if (!option)
		option = by_name(dro_cli_globals, name, length);
	if (!option)
		return unknown_option(cli, name, length);
	if (!option->value)
		return name[length] ? dro_cli_usage(cli, "--%s takes no value", option->name)
				    : keep(cli, option, "");
	if (name[length])
		return keep(cli, option, name + length + 1);
	if (*at + 1 >= argc)
		return dro_cli_usage(cli, "--%s needs %s", option->name, option->value);
	return keep(cli, option, argv[++*at]);
}

/* "-q", "-vv", "-ojson", "-o json". */
static int parse_letters(struct dro_cli *cli, char **argv, int argc, int *at)
{
	const struct dro_cli_option *own = cli->command ? cli->command->options : NULL, *option;
	const char *letter;
	int rc;

	for (letter = argv[*at] + 1; *letter; letter++) {
		option = by_letter(own, *letter);
		if (!option)
			option = by_letter(dro_cli_globals, *letter);
		if (!option)
			return dro_cli_usage(cli, "there is no option -%c here", *letter);
		if (option->value && letter[1])
			return keep(cli, option, letter + 1);
		if (option->value && *at + 1 >= argc)
			return dro_cli_usage(cli, "-%c needs %s", *letter, option->value);
		if (option->value)
			return keep(cli, option, argv[++*at]);
		if ((rc = keep(cli, option, "")) != 0)
			return rc;
	}
	return 0;
}

static int settle_globals(struct dro_cli *cli)
{
	const char *output = dro_cli_value(cli, "output");
	int i;

	if (output && !(cli->command && cli->command->any_output) && strcmp(output, "json") != 0 &&
		strcmp(output, "table") != 0)
		return dro_cli_usage(cli, "--output is table or json, not \"%s\"", output);
	cli->json = output && strcmp(output, "json") == 0;
	if (dro_cli_flag(cli, "quiet") && dro_cli_flag(cli, "verbose"))
		return dro_cli_usage(cli, "--quiet and --verbose say the opposite");
	if (dro_cli_flag(cli, "quiet"))
		cli->log.level = DRO_LOG_ERROR;
	for (i = 0; i < cli->value_count; i++)
		if (strcmp(cli->values[i].option->name, "verbose") == 0 &&
			cli->log.level < DRO_LOG_DEBUG)
			cli->log.level++;
	return 0;
}

int dro_cli_check_arguments(const struct dro_cli *cli)
{
	const struct dro_cli_command *command = cli->command;

	if (cli->arg_count < command->least)
		return dro_cli_usage(
			cli, "`drorch %s` needs %s", command->name, command->arguments);
	if (command->most >= 0 && cli->arg_count > command->most)
		return dro_cli_usage(cli, "what is \"%s\" for?", cli->args[command->most]);
	return 0;
}

/* Does a word of global letters ("-o", "-vo") take its value from the next word? */
static bool letters_need_next(const char *letters)
{
	const struct dro_cli_option *option;

	for (; *letters && (option = by_letter(dro_cli_globals, *letters)); letters++)
		if (option->value)
			return !letters[1];
	return false;
}

/* The command first: its options decide how the rest is read. */
static int find_command(struct dro_cli *cli, int argc, char **argv)
{
	const struct dro_cli_command *command;
	const struct dro_cli_option *option;
	int at;

	for (at = 1; at < argc; at++) {
		const char *word = argv[at];

		if (word[0] == '-' && word[1] == '-') {
			option = by_name(dro_cli_globals, word + 2, strlen(word + 2));
			at += option && option->value;
		} else if (word[0] == '-' && word[1]) {
			at += letters_need_next(word + 1);
		} else {
			for (command = dro_cli_commands; command->name; command++)
				if (matches(command, argv + at, argc - at)) {
					cli->command = command;
					return 0;
				}
			return dro_cli_unknown_command(cli, argv + at, argc - at);
		}
	}
	return 0;
}

int dro_cli_parse(struct dro_cli *cli, int argc, char **argv)
{
	bool only_words = false;
	int at, rc, used;

	if ((rc = find_command(cli, argc, argv)) != 0)
		return rc;
	for (at = 1; at < argc; at++) {
		rc = 0;
		if (!only_words && strcmp(argv[at], "--") == 0)
			only_words = true;
		else if (!only_words && strncmp(argv[at], "--", 2) == 0)
			rc = parse_long(cli, argv, argc, &at);
		else if (!only_words && argv[at][0] == '-' && argv[at][1])
			rc = parse_letters(cli, argv, argc, &at);
		else
			cli->args[cli->arg_count++] = argv[at];
		if (rc != 0)
			return rc;
	}
	/* The command's own words come first among the others. */
	if (cli->command) {
		used = matches(cli->command, cli->args, cli->arg_count);
		if (!used)
			return dro_cli_unknown_command(cli, cli->args, cli->arg_count);
		cli->args += used;
		cli->arg_count -= used;
	}
	return settle_globals(cli);
}
