/*
 * The command line: one table of commands, from which parsing, help, the man page and completion
 * come. Data goes to standard output, messages to standard error; exit codes are enum dro_exit.
 */
#ifndef DRORCH_CLI_CLI_H
#define DRORCH_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "base/log.h"

enum dro_exit {
	DRO_EXIT_OK = 0,
	DRO_EXIT_ERROR = 1,
	DRO_EXIT_CHANGES = 2, /* only with --detailed-exitcode */
	DRO_EXIT_USAGE = 3,
	DRO_EXIT_NOT_FOUND = 10,
	DRO_EXIT_LEASE = 11,
	DRO_EXIT_CREDENTIALS = 12,
	DRO_EXIT_SAFETY = 13,
	DRO_EXIT_HUMAN = 14,
	DRO_EXIT_RUNNING = 15,
	DRO_EXIT_INTERRUPTED = 130,
};

struct dro_cli_option {
	const char *name;  /* without its dashes */
	char letter;	   /* 0: none */
	const char *value; /* what it takes, for the help ("NAME"); NULL: it takes nothing */
	const char *help;
	bool many; /* may be given again */
};

struct dro_cli;

struct dro_cli_command {
	const char *name;      /* "backup list": one or two words */
	const char *arguments; /* for the help: "SITE", "[PATH]" */
	const char *summary;
	int least, most; /* positional arguments; most -1: any number */
	const struct dro_cli_option
		*options;		 /* ends with a NULL name; NULL: none but the global ones */
	int (*run)(struct dro_cli *cli); /* returns an enum dro_exit */
	bool hidden;
	bool any_output; /* -o takes more than "table" and "json": the command looks itself */
};

#define DRO_CLI_MAX_VALUES 64

struct dro_cli {
	const struct dro_cli_command *command;
	struct {
		const struct dro_cli_option *option;
		const char *value; /* "" for a flag */
	} values[DRO_CLI_MAX_VALUES];
	int value_count;
	char **args; /* positional */
	int arg_count;
	bool json; /* -o json */
	bool in_tty, out_tty, color;
	struct dro_log log;
};

extern const struct dro_cli_command dro_cli_commands[]; /* ends with a NULL name */
extern const struct dro_cli_option dro_cli_globals[];

/* The whole program behind main(): parses, runs, returns the exit code. */
int dro_cli_main(int argc, char **argv);

/* The option's value, or NULL where it was not given; "" for a flag that was. */
const char *dro_cli_value(const struct dro_cli *cli, const char *name);
bool dro_cli_flag(const struct dro_cli *cli, const char *name);

/* Writes "drorch: message" (or a JSON object) to standard error and returns the exit code for
 * err->code. */
int dro_cli_error(const struct dro_cli *cli, const struct dro_error *err);
int dro_cli_usage(const struct dro_cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Sorts argv into command, options and `args` (room for argc words). 0, or DRO_EXIT_USAGE with the
 * message written, as from the next two. */
int dro_cli_parse(struct dro_cli *cli, int argc, char **argv);
/* As many positional arguments as the command takes? */
int dro_cli_check_arguments(const struct dro_cli *cli);
/* Says what could have been meant. */
int dro_cli_unknown_command(const struct dro_cli *cli, char *const *words, int count);

/* From the table. `command` NULL: of the whole program. */
void dro_cli_help(FILE *out, const struct dro_cli_command *command);

#endif
