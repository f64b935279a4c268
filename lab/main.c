#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/base.h"
#include "lab/keeper.h"
#include "lab/lifecycle.h"
#include "lab/machine.h"
#include "lab/options.h"

#define ORIGIN_PORT 8080
#define BOOT_DELAY_MS 100
#define WAIT_MS 60000

static int usage(FILE *to)
{
	fprintf(to,
		"drorch-lab: simulated clouds on loopback whose instances really run\n\n"
		"usage: drorch-lab COMMAND [--state DIR]     (or the variable DRORCH_LAB_STATE)\n\n"
		"  up [--port N] [--edge-port N] [--route53-dns-port N] [--cloudflare-dns-port N]\n"
		"     [--origin-port N] [--latency MS] [--boot-delay MS] [--edge-delay MS] "
		"[--edge-log] [--foreground]\n"
		"  down                         every instance is dead after it\n"
		"  log                          the calls, one JSON line each\n"
		"  base [--site] [--suite S] [--mirror URL] [--include P,P] [--cache DIR]\n"
		"                               a Debian for machines; prints its image folder;\n"
		"                               --site: with all that a service's hosts need\n"
		"  sh INSTANCE COMMAND          in a machine; its exit code\n");
	lab_command_help(to);
	return to == stdout ? 0 : 3;
}

static int fail(const struct dro_error *err)
{
	fprintf(stderr, "drorch-lab: %s\n", err->message);
	return err->code == DRO_EINVAL ? 3 : err->code == DRO_ENOTFOUND ? 10 : 1;
}

/* The option's value as an absolute path that need not be there yet. */
static char *absolute(const char *path)
{
	char *cwd, *joined;

	if (*path == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	joined = cwd ? dro_path_join(cwd, path) : NULL;
	free(cwd);
	return joined;
}

static int run_up(const char *dir, int argc, char **argv)
{
	struct lab_options options = {.dir = dir};
	struct dro_error err = DRO_ERROR_INIT;
	int64_t port = 0, edge = 0, origin = ORIGIN_PORT, latency = 0, delay = BOOT_DELAY_MS;
	int64_t edge_delay = 0, route53_dns = 0, cloudflare_dns = 0;

	if (lab_number(argc, argv, "--port", 0, 65535, &port, &err) < 0 ||
		lab_number(argc, argv, "--edge-port", 0, 65535, &edge, &err) < 0 ||
		lab_number(argc, argv, "--route53-dns-port", 0, 65535, &route53_dns, &err) < 0 ||
		lab_number(argc, argv, "--cloudflare-dns-port", 0, 65535, &cloudflare_dns, &err) <
			0 ||
		lab_number(argc, argv, "--origin-port", 1, 65535, &origin, &err) < 0 ||
		lab_number(argc, argv, "--latency", 0, 600000, &latency, &err) < 0 ||
		lab_number(argc, argv, "--boot-delay", 0, 600000, &delay, &err) < 0 ||
		lab_number(argc, argv, "--edge-delay", 0, 600000, &edge_delay, &err) < 0)
		return fail(&err);
	options.port = (uint16_t)port;
	options.edge_port = (uint16_t)edge;
	options.route53_dns_port = (uint16_t)route53_dns;
	options.cloudflare_dns_port = (uint16_t)cloudflare_dns;
	options.origin_port = (uint16_t)origin;
	options.latency_ms = (uint32_t)latency;
	options.boot_delay_ms = (uint32_t)delay;
	options.edge_delay_ms = (uint32_t)edge_delay;
	options.edge_log = lab_flag(argc, argv, "--edge-log");
	return lab_up(&options, lab_flag(argc, argv, "--foreground"));
}

static int run_log(const char *dir)
{
	char *path = dro_path_join(dir, "calls.jsonl");
	FILE *file = path ? fopen(path, "re") : NULL;
	char chunk[65536];
	size_t got;

	free(path);
	if (!file) {
		fprintf(stderr, "drorch-lab: no calls.jsonl in %s\n", dir);
		return 10;
	}
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		fwrite(chunk, 1, got, stdout);
	fclose(file);
	return 0;
}

/* The lab's folder is not the caller's: a path goes over as a whole one. */
static char *whole_folder(int argc, char **argv)
{
	const char *folder = NULL;
	char *resolved;
	int i;

	if (argc < 3 || strcmp(argv[0], "image") != 0 || strcmp(argv[1], "add") != 0)
		return NULL;
	folder = lab_word(argc, argv, 2);
	resolved = folder ? realpath(folder, NULL) : NULL;
	for (i = 0; resolved && i < argc; i++)
		if (argv[i] == folder)
			argv[i] = resolved;
	return resolved;
}

/* Takes a flag out of the words. */
static bool take_flag(int *argc, char **argv, const char *name)
{
	bool found = false;
	int i, kept = 0;

	for (i = 0; i < *argc; i++) {
		if (strcmp(argv[i], name) == 0)
			found = true;
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	return found;
}

/* Until the instance is in that state. */
static int wait_state(const char *dir, char *instance, const char *state, struct dro_error *err)
{
	char *ask[] = {"state", instance};
	uint64_t until = dro_now_ms() + WAIT_MS;
	struct dro_buf out = DRO_BUF_INIT(4096);
	size_t length = strlen(state);
	int code, rc;

	for (;;) {
		dro_buf_reset(&out);
		rc = lab_control_ask(dir, 2, ask, &out, &code, err);
		if (rc < 0 || (out.length == length + 1 && strncmp(out.data, state, length) == 0))
			break;
		if (dro_now_ms() > until) {
			rc = dro_fail(err, DRO_ETIMEDOUT, "%s is not %s, but %s", instance, state,
				dro_buf_str(&out));
			break;
		}
		dro_clock_real.sleep_ms(&dro_clock_real, 10);
	}
	dro_buf_free(&out);
	return rc;
}

/* What `--wait` waits for, by us, since the lab takes one command after the other. NULL: nothing.
 */
static const char *state_after(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[0], "kill") == 0)
		return "stopped";
	if (argc == 3 && strcmp(argv[0], "power") == 0)
		return strcmp(argv[2], "on") == 0 ? "running" : "stopped";
	return NULL;
}

static int ask_lab(const char *dir, int argc, char **argv, struct dro_buf *out, int *code,
	struct dro_error *err)
{
	bool wait = take_flag(&argc, argv, "--wait"), keys = strcmp(argv[0], "known-hosts") == 0;
	const char *after = wait ? state_after(argc, argv) : NULL;
	uint64_t until = dro_now_ms() + WAIT_MS;
	int rc;

	if (wait && !after)
		return dro_fail(err, DRO_EINVAL, "--wait is for kill and power");
	/* A machine that was launched just now has its key in a moment. */
	while ((rc = lab_control_ask(dir, argc, argv, out, code, err)) == DRO_EAGAIN && keys &&
		dro_now_ms() < until) {
		dro_buf_reset(out);
		dro_error_clear(err);
		dro_clock_real.sleep_ms(&dro_clock_real, 20);
	}
	return rc < 0 || !after ? rc : wait_state(dir, argv[1], after, err);
}

static int run_ask(const char *dir, int argc, char **argv)
{
	struct dro_buf out = DRO_BUF_INIT(8u << 20);
	struct dro_error err = DRO_ERROR_INIT;
	char *folder = whole_folder(argc, argv);
	int code = 0, rc = ask_lab(dir, argc, argv, &out, &code, &err);

	fputs(dro_buf_str(&out), stdout);
	if (rc < 0)
		code = fail(&err);
	dro_buf_free(&out);
	free(folder);
	return code;
}

/* By ourselves, not by the lab: the command has our terminal, and the lab does not wait for it. */
static int run_sh(const char *dir, int argc, char **argv)
{
	struct dro_buf out = DRO_BUF_INIT(4096);
	struct dro_error err = DRO_ERROR_INIT;
	char *ask[] = {"pid", argc > 1 ? argv[1] : "", NULL};
	int code = 0, rc;
	pid_t keeper;

	if (argc != 3) {
		fprintf(stderr, "drorch-lab: sh INSTANCE COMMAND (one word: quote it)\n");
		return 3;
	}
	rc = lab_control_ask(dir, 2, ask, &out, &code, &err);
	keeper = (pid_t)strtol(dro_buf_str(&out), NULL, 10);
	dro_buf_free(&out);
	return rc < 0 ? fail(&err) : lab_machine_enter(keeper, argv[2]);
}

/* Takes "--state DIR" out of the words; its value, or the variable's, or NULL. */
static const char *take_state(int *argc, char **argv)
{
	const char *state = getenv("DRORCH_LAB_STATE");
	int i, kept = 0;

	for (i = 0; i < *argc; i++) {
		if (strcmp(argv[i], "--state") == 0 && i + 1 < *argc)
			state = argv[++i];
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	return state && *state ? state : NULL;
}

int main(int argc, char **argv)
{
	const char *state;
	char *dir;
	int code;

	if (argc == 3 && strcmp(argv[1], LAB_KEEPER_VERB) == 0)
		return lab_keeper_main(argv[2]);
	if (argc > 1 && strcmp(argv[1], LAB_MACHINE_KEEPER) == 0)
		return lab_machine_keeper_main(argc - 2, argv + 2);
	argc--;
	argv++;
	state = take_state(&argc, argv);
	if (argc < 1)
		return usage(stderr);
	if (strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0)
		return usage(stdout);
	if (strcmp(argv[0], "--version") == 0)
		return printf("drorch-lab " DRORCH_VERSION "\n") < 0;
	if (strcmp(argv[0], "base") == 0)
		return lab_base_main(argc - 1, argv + 1);
	if (!state) {
		fprintf(stderr, "drorch-lab: which lab? --state DIR\n");
		return 3;
	}
	dir = absolute(state);
	if (!dir)
		return 1;
	if (strcmp(argv[0], "up") == 0)
		code = run_up(dir, argc, argv);
	else if (strcmp(argv[0], "down") == 0)
		code = lab_down(dir);
	else if (strcmp(argv[0], "log") == 0)
		code = run_log(dir);
	else if (strcmp(argv[0], "sh") == 0)
		code = run_sh(dir, argc, argv);
	else
		code = run_ask(dir, argc, argv);
	free(dir);
	return code;
}
