#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/nearest.h"
#include "cli/print.h"

const struct dro_cli_option dro_cli_globals[] = {
	{"config", 'c', "FILE", "read the program's configuration from FILE", false},
	{"repo", 0, "URL", "git repository of the specs (file://, https://, ssh://), or a folder",
		false},
	{"branch", 0, "NAME", "branch of the repository (default: main)", false},
	{"path", 0, "DIR", "folder of the specs inside the repository", false},
	{"state", 0, "DIR", "folder of the local state", false},
	{"plugins", 0, "DIR", "folder of the provider plugins", false},
	{"output", 'o', "table|json", "how to print (default: table)", false},
	{"verbose", 'v', NULL, "more messages; twice: each call to a provider", true},
	{"quiet", 'q', NULL, "errors only", false},
	{"help", 'h', NULL, "show this help", false},
	{NULL, 0, NULL, NULL, false},
};

static int exit_for(int code)
{
	switch (code) {
	case DRO_OK:
		return DRO_EXIT_OK;
	case DRO_ENOTFOUND:
		return DRO_EXIT_NOT_FOUND;
	case DRO_EBUSY:
		return DRO_EXIT_LEASE;
	case DRO_EAUTH:
		return DRO_EXIT_CREDENTIALS;
	case DRO_ESAFETY:
		return DRO_EXIT_SAFETY;
	case DRO_ECANCELLED:
		return DRO_EXIT_INTERRUPTED;
	default:
		return DRO_EXIT_ERROR;
	}
}

int dro_cli_error(const struct dro_cli *cli, const struct dro_error *err)
{
	if (cli->json) {
		cJSON *json = cJSON_CreateObject();

		cJSON_AddStringToObject(json, "error", err->message);
		cJSON_AddStringToObject(json, "code", dro_code_name(err->code));
		if (err->provider_code[0])
			cJSON_AddStringToObject(json, "provider_code", err->provider_code);
		dro_print_json(stderr, json);
		cJSON_Delete(json);
	} else {
		fputs("drorch: ", stderr);
		dro_print_safe(stderr, err->message);
		fputc('\n', stderr);
	}
	return exit_for(err->code);
}

int dro_cli_usage(const struct dro_cli *cli, const char *format, ...)
{
	va_list args;

	fputs("drorch: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry `drorch help%s%s`.\n", cli->command ? " " : "",
		cli->command ? cli->command->name : "");
	return DRO_EXIT_USAGE;
}

int dro_cli_finish(int exit_code)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		/* A reader that went away (`| head`) is not our failure. */
		if (errno == EPIPE)
			return exit_code;
		fprintf(stderr, "drorch: standard output: %s\n", strerror(errno));
		return exit_code == DRO_EXIT_OK ? DRO_EXIT_ERROR : exit_code;
	}
	return exit_code;
}

const char *dro_cli_value(const struct dro_cli *cli, const char *name)
{
	int i;

	for (i = 0; i < cli->value_count; i++)
		if (strcmp(cli->values[i].option->name, name) == 0)
			return cli->values[i].value;
	return NULL;
}

bool dro_cli_flag(const struct dro_cli *cli, const char *name)
{
	return dro_cli_value(cli, name) != NULL;
}

/* ---- finding the command -------------------------------------------------------------------- */

/* How many of the words name `command`: 0, 1 or 2. */
static int matches(const struct dro_cli_command *command, char **words, int count)
{
	size_t first = strcspn(command->name, " ");

	if (count < 1 || strlen(words[0]) != first || strncmp(words[0], command->name, first) != 0)
		return 0;
	if (!command->name[first])
		return 1;
	return count >= 2 && strcmp(words[1], command->name + first + 1) == 0 ? 2 : 0;
}

static int unknown_command(const struct dro_cli *cli, char **words, int count)
{
	const char *names[64], *near;
	size_t n = 0;
	int i;

	for (i = 0; dro_cli_commands[i].name && n < 64; i++) {
		size_t first = strcspn(dro_cli_commands[i].name, " ");

		if (strncmp(dro_cli_commands[i].name, words[0], first) == 0 && !words[0][first])
			return dro_cli_usage(cli, "`drorch %s` needs one of its second words%s%s",
				words[0], count > 1 ? ", not " : "", count > 1 ? words[1] : "");
		if (!dro_cli_commands[i].hidden)
			names[n++] = dro_cli_commands[i].name;
	}
	near = dro_nearest(words[0], names, n);
	if (near)
		return dro_cli_usage(
			cli, "there is no command \"%s\"; is it `%s`?", words[0], near);
	return dro_cli_usage(cli, "there is no command \"%s\"", words[0]);
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

static int unknown_option(const struct dro_cli *cli, const char *name)
{
	const struct dro_cli_option *tables[] = {
		cli->command ? cli->command->options : NULL, dro_cli_globals};
	const char *names[64], *near;
	size_t n = 0, t;

	for (t = 0; t < 2; t++) {
		const struct dro_cli_option *option;

		for (option = tables[t]; option && option->name && n < 64; option++)
			names[n++] = option->name;
	}
	near = dro_nearest(name, names, n);
	if (near)
		return dro_cli_usage(cli, "there is no option --%s here; is it --%s?", name, near);
	return dro_cli_usage(cli, "there is no option --%s here", name);
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

/* One word that begins with a dash. *at moves on past a value in a word of its own. */
static int parse_option(struct dro_cli *cli, char **argv, int argc, int *at)
{
	const struct dro_cli_option *own = cli->command ? cli->command->options : NULL, *option;
	const char *word = argv[*at], *value = NULL;

	if (word[1] == '-') {
		size_t length = strcspn(word + 2, "=");

		option = by_name(own, word + 2, length);
		if (!option)
			option = by_name(dro_cli_globals, word + 2, length);
		if (!option)
			return unknown_option(cli, word + 2);
		if (word[2 + length] == '=')
			value = word + 3 + length;
	} else {
		option = by_letter(own, word[1]);
		if (!option)
			option = by_letter(dro_cli_globals, word[1]);
		if (!option)
			return dro_cli_usage(cli, "there is no option -%c here", word[1]);
		if (word[2] && option->value)
			value = word + 2;
		else if (word[2])
			return dro_cli_usage(cli, "-%c takes no value", word[1]);
	}
	if (!option->value && value)
		return dro_cli_usage(cli, "--%s takes no value", option->name);
	if (option->value && !value) {
		if (*at + 1 >= argc)
			return dro_cli_usage(cli, "--%s needs %s", option->name, option->value);
		value = argv[++*at];
	}
	return keep(cli, option, value ? value : "");
}

static int settle_globals(struct dro_cli *cli)
{
	const char *output = dro_cli_value(cli, "output");
	int i;

	if (output && strcmp(output, "json") != 0 && strcmp(output, "table") != 0)
		return dro_cli_usage(cli, "--output is table or json, not \"%s\"", output);
	cli->json = output && strcmp(output, "json") == 0;
	if (dro_cli_flag(cli, "quiet"))
		cli->log.level = DRO_LOG_ERROR;
	for (i = 0; i < cli->value_count; i++)
		if (strcmp(cli->values[i].option->name, "verbose") == 0 &&
			cli->log.level < DRO_LOG_DEBUG)
			cli->log.level++;
	return 0;
}

static int check_arguments(const struct dro_cli *cli)
{
	const struct dro_cli_command *command = cli->command;

	if (cli->arg_count < command->least)
		return dro_cli_usage(
			cli, "`drorch %s` needs %s", command->name, command->arguments);
	if (command->most >= 0 && cli->arg_count > command->most)
		return dro_cli_usage(cli, "what is \"%s\" for?", cli->args[command->most]);
	return 0;
}

/* Sorts argv into options and positional words; the command's own words come first among the
 * latter. */
static int parse(struct dro_cli *cli, int argc, char **argv)
{
	bool only_words = false;
	int at, rc, i, used;

	/* The command first: its options decide how the rest is read. */
	for (at = 1; at < argc && !cli->command; at++) {
		const struct dro_cli_option *option;

		if (argv[at][0] != '-') {
			for (i = 0; dro_cli_commands[i].name && !cli->command; i++)
				if (matches(&dro_cli_commands[i], argv + at, argc - at))
					cli->command = &dro_cli_commands[i];
			if (!cli->command)
				return unknown_command(cli, argv + at, argc - at);
			break;
		}
		option = argv[at][1] == '-'
				 ? by_name(dro_cli_globals, argv[at] + 2, strlen(argv[at] + 2))
				 : by_letter(dro_cli_globals, argv[at][1]);
		if (option && option->value && !(argv[at][1] != '-' && argv[at][2]))
			at++;
	}
	for (at = 1; at < argc; at++) {
		if (!only_words && strcmp(argv[at], "--") == 0) {
			only_words = true;
		} else if (!only_words && argv[at][0] == '-' && argv[at][1]) {
			if ((rc = parse_option(cli, argv, argc, &at)) != 0)
				return rc;
		} else {
			cli->args[cli->arg_count++] = argv[at];
		}
	}
	if (cli->command) {
		used = matches(cli->command, cli->args, cli->arg_count);
		if (!used)
			return unknown_command(cli, cli->args, cli->arg_count);
		cli->args += used;
		cli->arg_count -= used;
	}
	return settle_globals(cli);
}

/* 0, 1 and 2 are open from here on, so that no file takes their place. */
static void open_standard_streams(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (lseek(fd, 0, SEEK_CUR) < 0 && errno == EBADF)
			(void)!freopen("/dev/null", fd == 0 ? "r" : "w",
				fd == 0	  ? stdin
				: fd == 1 ? stdout
					  : stderr);
}

int dro_cli_main(int argc, char **argv)
{
	struct dro_cli cli = {.log = {.level = DRO_LOG_WARNING, .fd = 2}};
	char **words = calloc((size_t)argc + 1, sizeof(*words));
	int rc;

	if (!words) {
		fputs("drorch: out of memory\n", stderr);
		return DRO_EXIT_ERROR;
	}
	open_standard_streams();
	signal(SIGPIPE, SIG_IGN);
	cli.args = words;
	cli.in_tty = isatty(0);
	cli.out_tty = isatty(1);
	cli.color = cli.out_tty && !getenv("NO_COLOR");
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		rc = dro_cmd_version(&cli);
	} else if ((rc = parse(&cli, argc, argv)) == 0) {
		if (dro_cli_flag(&cli, "help") || !cli.command) {
			bool asked = dro_cli_flag(&cli, "help");

			dro_cli_help(asked ? stdout : stderr, cli.command);
			rc = asked ? DRO_EXIT_OK : DRO_EXIT_USAGE;
		} else if ((rc = check_arguments(&cli)) == 0) {
			rc = cli.command->run(&cli);
		}
	}
	rc = dro_cli_finish(rc);
	free(words);
	return rc;
}
