/* drorch man: drorch(1) in roff, from the command table. */
#include "cli/commands.h"
#include "spec/config.h"

/* Text as roff takes it: no dash that becomes a hyphen, no line that looks like a request. */
static void print_text(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '\'')
			fputs("\\(aq", stdout);
		else if (*text == '`')
			fputs("\\(ga", stdout);
		else
			fputc(*text, stdout);
	}
}

static void print_options(const struct dro_cli_option *options)
{
	for (; options && options->name; options++) {
		fputs(".TP\n", stdout);
		if (options->letter)
			printf("\\fB\\-%c\\fR, ", options->letter);
		fputs("\\fB\\-\\-", stdout);
		print_text(options->name);
		fputs("\\fR", stdout);
		if (options->value) {
			fputs(" \\fI", stdout);
			print_text(options->value);
			fputs("\\fR", stdout);
		}
		fputc('\n', stdout);
		print_text(options->help);
		puts(options->many ? " (may be given again)" : "");
	}
}

static void print_commands(void)
{
	const struct dro_cli_command *command;

	puts(".SH COMMANDS");
	for (command = dro_cli_commands; command->name; command++) {
		if (command->hidden)
			continue;
		printf(".SS drorch %s", command->name);
		if (*command->arguments)
			printf(" \\fI%s\\fR", command->arguments);
		fputc('\n', stdout);
		print_text(command->summary);
		puts(".");
		print_options(command->options);
	}
}

/* Pairs of a term and its meaning. */
static void print_pairs(const char *title, const char *const pairs[][2])
{
	size_t i;

	printf(".SH %s\n", title);
	for (i = 0; pairs[i][0]; i++) {
		fputs(".TP\n\\fB", stdout);
		print_text(pairs[i][0]);
		fputs("\\fR\n", stdout);
		print_text(pairs[i][1]);
		fputc('\n', stdout);
	}
}

static void print_environment(void)
{
	static const char *const pairs[][2] = {
		{"DRORCH_GIT_TOKEN", "token for an https repository of specs"},
		{"NO_COLOR", "set to anything: no colors"},
		{NULL, NULL},
	};
	static const char *const settings[DRO_CONFIG_KEYS] = {
		[DRO_CONFIG_REPO] = "git repository of the specs, or a folder (--repo)",
		[DRO_CONFIG_BRANCH] = "branch of the repository (--branch)",
		[DRO_CONFIG_PATH] = "folder inside the repository (--path)",
		[DRO_CONFIG_ALLOWED_SIGNERS] = "file of signers: only their commits are acted on",
		[DRO_CONFIG_ALLOW_REWIND] = "true: follow a branch whose history was rewritten",
		[DRO_CONFIG_STATE] = "folder of the local state (--state)",
		[DRO_CONFIG_PLUGINS] = "folder of the provider plugins (--plugins)",
		[DRO_CONFIG_LISTEN] = "address of the status page",
	};
	int key;

	print_pairs("ENVIRONMENT", pairs);
	for (key = 0; key < DRO_CONFIG_KEYS; key++) {
		if (!settings[key])
			continue;
		printf(".TP\n\\fB%s\\fR\n", dro_config_variable((enum dro_config_key)key));
		print_text(settings[key]);
		fputc('\n', stdout);
	}
}

int dro_cmd_man(struct dro_cli *cli)
{
	static const char *const codes[][2] = {
		{"0", "done"},
		{"1", "an error; the message says what"},
		{"2", "changes are pending (only where a command was asked to tell)"},
		{"3", "the command line makes no sense; nothing was done"},
		{"10", "what was named is not there"},
		{"11", "somebody else drives the service, or an earlier run is not over"},
		{"12", "a provider refused the credentials"},
		{"13", "a safety rule forbids it; nothing was done"},
		{"14", "the run waits for a human"},
		{"15", "the run is not over; this command no longer follows it"},
		{"130", "interrupted"},
		{NULL, NULL},
	};
	static const char *const files[][2] = {
		{DRO_CONFIG_FILE,
			"the configuration: flags go over the environment, that over this file"},
		{"/var/lib/drorch", "the state of root; of others: $XDG_STATE_HOME/drorch or "
				    "~/.local/state/drorch"},
		{"STATE/drorch.db", "runs with their journal, events, which site is active"},
		{"STATE/runs/RUN.log", "messages of the process that drove a run"},
		{NULL, NULL},
	};

	(void)cli;
	printf(".TH DRORCH 1 \"\" \"drorch %s\" \"User Commands\"\n", DRORCH_VERSION);
	puts(".SH NAME\ndrorch \\- disaster recovery that a team can rehearse\n"
	     ".SH SYNOPSIS\n.B drorch\n.I COMMAND\n[\\fIARGUMENTS\\fR] [\\fIoptions\\fR]\n"
	     ".SH DESCRIPTION\n"
	     "Site specs in a git repository say which sites a service has, on which clouds, and\n"
	     "where its backups are. When the active site is lost,\n.B drorch promote\n"
	     "rebuilds a standby from the latest good backup and moves the traffic to it. Before\n"
	     "anything moves it shows the plan and the data that will be lost, and asks for the\n"
	     "site\\(aqs name. A run survives its terminal: a process of its own drives it, and\n"
	     ".BR attach ,\n.B resume\nand\n.B abort\nwork from anywhere.\n.PP\n"
	     "Data goes to standard output, messages to standard error. With\n.B \\-o json\n"
	     "every object has a\n.BR version .");
	puts(".SH OPTIONS\nThese may stand anywhere on the command line; after\n.B \\-\\-\n"
	     "nothing is an option.");
	print_options(dro_cli_globals);
	print_commands();
	print_pairs("EXIT STATUS", codes);
	print_environment();
	print_pairs("FILES", files);
	return DRO_EXIT_OK;
}
