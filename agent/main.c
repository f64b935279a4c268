#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/backup.h"
#include "agent/boot.h"
#include "agent/files.h"
#include "agent/seed.h"
#include "agent/session.h"
#include "agent/userdata.h"
#include "agent/watch.h"
#include "base/clock.h"

#define EXIT_USAGE 3

struct flags {
	const char *config, *userdata;
	bool json, verbose, full;
};

static const char help[] =
	"usage: drorch-agent VERB [OPTION]...\n"
	"\n"
	"  backup    back up this host's data to the store\n"
	"  boot      restore what the user-data names, start the service and watch it\n"
	"  session   answer requests, a line of JSON each, until the input ends\n"
	"  seed      stream a copy of this host's database to standard output\n"
	"  sync-files  fetch the files beside the database from whom this host follows\n"
	"  watch     fence this host when nobody counts on it any more; until it is stopped\n"
	"  version   print the version\n"
	"  help      print this\n"
	"\n"
	"  --config FILE      " AGENT_CONFIG_FILE "\n"
	"  --user-data FILE   boot: what the controller told this host ($LAB_USER_DATA,\n"
	"                     else " AGENT_USERDATA_CLOUD ")\n"
	"  --full             backup: of mariadb, begin a new repository\n"
	"  -o json            backup: print the manifest; sync-files: what came\n"
	"  -v                 say more\n";

static int exit_status(int code)
{
	switch (code) {
	case 0:
		return EXIT_SUCCESS;
	case DRO_ENOTFOUND:
		return 10;
	case DRO_EBUSY:
		return 11;
	case DRO_EAUTH:
		return 12;
	default:
		return EXIT_FAILURE;
	}
}

static int run_backup(
	const struct flags *flags, const struct agent_config *config, const struct dro_log *log)
{
	struct dro_buf text = DRO_BUF_INIT(DRO_MANIFEST_MAX_BYTES);
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_manifest *manifest = NULL;
	int rc;

	if ((rc = agent_backup(&manifest, config, flags->full, log, &err)) < 0)
		goto out;
	if (flags->json)
		rc = dro_manifest_print(manifest, &text, &err);
	else
		dro_buf_printf(&text, "%s\n", manifest->id);
	if (rc == 0 && (fputs(dro_buf_str(&text), stdout) == EOF || fflush(stdout) == EOF))
		rc = dro_fail(&err, DRO_EIO, "cannot write to standard output");
out:
	if (rc < 0)
		dro_log(log, DRO_LOG_ERROR, "%s", err.message);
	dro_manifest_free(manifest);
	dro_buf_free(&text);
	return exit_status(rc);
}

static int run_boot(
	const struct flags *flags, const struct agent_config *config, const struct dro_log *log)
{
	const char *userdata = flags->userdata ? flags->userdata : getenv("LAB_USER_DATA");

	agent_boot_block_signals();
	return agent_boot(
		config, userdata ? userdata : agent_userdata_find(AGENT_USERDATA_CLOUD), log);
}

static int run_session(
	const struct flags *flags, const struct agent_config *config, const struct dro_log *log)
{
	struct dro_error err = DRO_ERROR_INIT;
	int rc = agent_session(config, STDIN_FILENO, STDOUT_FILENO, log, &err);

	(void)flags;
	if (rc < 0)
		dro_log(log, DRO_LOG_ERROR, "%s", err.message);
	return exit_status(rc);
}

static int run_seed(
	const struct flags *flags, const struct agent_config *config, const struct dro_log *log)
{
	struct dro_error err = DRO_ERROR_INIT;
	int rc = agent_seed(config, &err);

	(void)flags;
	dro_log(log, DRO_LOG_ERROR, "%s", err.message);
	return exit_status(rc);
}

/* As a timer does it on each host: one that has nothing to fetch is well. */
static int run_files(
	const struct flags *flags, const struct agent_config *config, const struct dro_log *log)
{
	struct agent_session session;
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_buf text = DRO_BUF_INIT(4096);
	struct agent_facts facts;
	int rc;

	agent_facts_init(&facts);
	if ((rc = agent_session_open(&session, config, log, &err)) == 0)
		rc = agent_files_fetch(&session, 0, &facts, dro_now_ms() + AGENT_FILES_MS, &err);
	agent_session_close(&session);
	if (flags->json && rc == 0) {
		dro_json_print(&text, facts.json);
		printf("%s\n", dro_buf_str(&text));
	}
	if (rc == DRO_ESAFETY || rc == DRO_ECONFLICT) {
		dro_log(log, DRO_LOG_DEBUG, "nothing is fetched: %s", err.message);
		rc = 0;
	} else if (rc < 0) {
		dro_log(log, DRO_LOG_ERROR, "%s", err.message);
	}
	dro_buf_free(&text);
	agent_facts_fini(&facts);
	return exit_status(rc);
}

static int run_watch(
	const struct flags *flags, const struct agent_config *config, const struct dro_log *log)
{
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	(void)flags;
	agent_watch_block_signals();
	if ((rc = agent_watch(config, log, &err)) < 0)
		dro_log(log, DRO_LOG_ERROR, "%s", err.message);
	return exit_status(rc);
}

static const struct {
	const char *name;
	int (*run)(const struct flags *flags, const struct agent_config *config,
		const struct dro_log *log);
} verbs[] = {{"backup", run_backup}, {"boot", run_boot}, {"session", run_session},
	{"seed", run_seed}, {"sync-files", run_files}, {"watch", run_watch}};

/* False: usage. */
static bool read_flags(struct flags *flags, int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"user-data", required_argument, NULL, 'u'},
		{"output", required_argument, NULL, 'o'}, {"verbose", no_argument, NULL, 'v'},
		{"full", no_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "o:v", options, NULL)) != -1) {
		if (c == 'c')
			flags->config = optarg;
		else if (c == 'u')
			flags->userdata = optarg;
		else if (c == 'v')
			flags->verbose = true;
		else if (c == 'f')
			flags->full = true;
		else if (c == 'o' && strcmp(optarg, "json") == 0)
			flags->json = true;
		else
			return false;
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct dro_log log = {.level = DRO_LOG_INFO, .fd = STDERR_FILENO};
	struct flags flags = {.config = AGENT_CONFIG_FILE};
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_config *config = NULL;
	const char *verb = argc > 1 ? argv[1] : "";
	int status = EXIT_USAGE, rc;
	size_t i;

	setlocale(LC_CTYPE, "C.UTF-8"); /* libarchive takes file names for the locale's text */
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(verb, "version") == 0 || strcmp(verb, "--version") == 0)
		return puts("drorch-agent " DRORCH_VERSION) < 0;
	if (strcmp(verb, "help") == 0 || strcmp(verb, "--help") == 0)
		return fputs(help, stdout) < 0;
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verb, verbs[i].name) == 0)
			break;
	if (i == sizeof(verbs) / sizeof(verbs[0]) || !read_flags(&flags, argc - 1, argv + 1)) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	if (flags.verbose)
		log.level = DRO_LOG_DEBUG;
	rc = agent_config_load(&config, flags.config, &err);
	if (rc < 0) {
		dro_log(&log, DRO_LOG_ERROR, "%s", err.message);
		status = exit_status(rc);
	} else {
		status = verbs[i].run(&flags, config, &log);
	}
	agent_config_free(config);
	return status;
}
