#include "cli/cli.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/print.h"

#define ARENAS 2

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
	{"version", 'V', NULL, "show the program's version", false},
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

		cJSON_AddNumberToObject(json, "version", 1);
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
	struct dro_buf text = DRO_BUF_INIT(1 << 16);
	va_list args;

	va_start(args, format);
	dro_buf_vprintf(&text, format, args);
	va_end(args);
	fputs("drorch: ", stderr);
	dro_print_safe(stderr, text.failed ? "what is this command line?" : text.data);
	dro_buf_free(&text);
	fprintf(stderr, "\nTry `drorch help%s%s`.\n", cli->command ? " " : "",
		cli->command ? cli->command->name : "");
	return DRO_EXIT_USAGE;
}

/* A reader that went away (`| head`) is not our failure. */
static bool reader_gone(void)
{
	struct pollfd fd = {1, POLLOUT, 0};

	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLERR);
}

/* Standard output's last word: DRO_EXIT_ERROR when something could not be written. */
static int finish(int exit_code)
{
	bool failed = fflush(stdout) != 0;
	const char *why = failed ? strerror(errno) : "not everything could be written";

	if ((!failed && !ferror(stdout)) || reader_gone())
		return exit_code;
	fprintf(stderr, "drorch: standard output: %s\n", why);
	return exit_code == DRO_EXIT_OK ? DRO_EXIT_ERROR : exit_code;
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

/* What the terminal can do, if there is one. */
static void look_at_terminal(struct dro_cli *cli)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	cli->in_tty = isatty(0);
	cli->out_tty = isatty(1) && !(term && strcmp(term, "dumb") == 0);
	cli->color = cli->out_tty && !(no_color && *no_color);
}

static int run(struct dro_cli *cli)
{
	int rc;

	if (dro_cli_flag(cli, "version"))
		return dro_cmd_version(cli);
	if (dro_cli_flag(cli, "help")) {
		dro_cli_help(stdout, cli->command);
		return DRO_EXIT_OK;
	}
	if (!cli->command) {
		dro_cli_help(stderr, NULL);
		return DRO_EXIT_USAGE;
	}
	if ((rc = dro_cli_check_arguments(cli)) != 0)
		return rc;
	return cli->command->run(cli);
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
	/* What one thread frees the others can use: lists of thousands are read on many. */
	mallopt(M_ARENA_MAX, ARENAS);
	signal(SIGPIPE, SIG_IGN);
	look_at_terminal(&cli);
	cli.args = words;
	if ((rc = dro_cli_parse(&cli, argc, argv)) == 0)
		rc = run(&cli);
	rc = finish(rc);
	free(words);
	return rc;
}
