#include "lab/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "lab/driver.h"
#include "lab/process.h"

#define START_MS 60000
#define END_MS 20000
#define DESCRIPTORS 16384 /* a client of the edge costs up to two */

static void print_how(const struct lab *lab, FILE *to)
{
	const struct lab_config *config = lab_config(lab);

	fprintf(to, "drorch-lab is up.\n  API     http://127.0.0.1:%u  (every cloud)\n",
		config->port);
	if (config->edge_port)
		fprintf(to, "  edge    http://127.0.0.1:%u  (follows the proxied records)\n",
			config->edge_port);
	fprintf(to,
		"  DNS     127.0.0.1 port %u  (Route 53), port %u  (Cloudflare)\n"
		"  keys    set -a; . %s/credentials; set +a\n"
		"  calls   %s/calls.jsonl\n"
		"  end     drorch-lab down --state %s\n",
		config->route53_dns_port, config->cloudflare_dns_port, config->dir, config->dir,
		config->dir);
	fflush(to);
}

/* Tells the waiting parent: an empty text is "ready", else what went wrong. */
static void report(int fd, const char *text)
{
	if (fd < 0)
		return;
	if (*text)
		dro_write_all(fd, text, strlen(text), NULL);
	else
		dro_write_all(fd, "\n", 1, NULL);
	close(fd);
}

/* As many descriptors as may be had: the usual 1024 are soon taken by clients that only wait. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* The lab itself, from start to its ending signal. `ready` is -1 in the foreground. */
static int run(const struct lab_options *options, int ready)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct lab *lab = NULL;
	sigset_t ending;
	int which;

	raise_descriptors();
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGHUP);
	/* Before the first thread, so that they all have it. */
	pthread_sigmask(SIG_BLOCK, &ending, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (lab_open(&lab, options, &err) < 0) {
		if (ready >= 0)
			report(ready, err.message);
		else
			fprintf(stderr, "drorch-lab: %s\n", err.message);
		return 1;
	}
	if (ready < 0)
		print_how(lab, stdout);
	report(ready, "");
	sigwait(&ending, &which);
	lab_close(lab);
	return 0;
}

static void to_background(const struct lab_options *options)
{
	char *path = dro_path_join(options->dir, "lab.log");
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	setsid();
	if (null >= 0)
		dup2(null, 0);
	dup2(log >= 0 ? log : null, 1);
	dup2(log >= 0 ? log : null, 2);
	free(path);
}

/* What the child says, until it closes the pipe. */
static void read_report(int fd, struct dro_buf *out)
{
	uint64_t until = dro_now_ms() + START_MS;
	char chunk[1024];

	for (;;) {
		struct pollfd ready = {fd, POLLIN, 0};
		uint64_t now = dro_now_ms();
		ssize_t got;

		if (now >= until || poll(&ready, 1, (int)(until - now)) <= 0)
			return;
		got = read(fd, chunk, sizeof(chunk));
		if (got <= 0)
			return;
		dro_buf_append(out, chunk, (size_t)got);
	}
}

int lab_up(const struct lab_options *options, bool foreground)
{
	struct dro_buf said = DRO_BUF_INIT(8192);
	struct dro_error err = DRO_ERROR_INIT;
	char *argv[] = {"status"};
	int pipes[2], code = 1;
	pid_t child;

	if (foreground)
		return run(options, -1);
	if (dro_dir_make(options->dir, 0700, &err) < 0 || pipe2(pipes, O_CLOEXEC) < 0) {
		fprintf(stderr, "drorch-lab: %s: %s\n", options->dir,
			*err.message ? err.message : strerror(errno));
		return 1;
	}
	child = fork();
	if (child == 0) {
		close(pipes[0]);
		to_background(options);
		_exit(run(options, pipes[1]));
	}
	close(pipes[1]);
	if (child > 0)
		read_report(pipes[0], &said);
	close(pipes[0]);
	if (strcmp(dro_buf_str(&said), "\n") != 0) {
		fprintf(stderr, "drorch-lab: %s\n",
			said.length ? dro_buf_str(&said) : "it did not start; see lab.log");
	} else {
		dro_buf_reset(&said);
		if (lab_control_ask(options->dir, 1, argv, &said, &code, &err) < 0)
			fprintf(stderr, "drorch-lab: %s\n", err.message);
		printf("drorch-lab is up.\n%skeys    set -a; . %s/credentials; set +a\n"
		       "calls   %s/calls.jsonl\nend     drorch-lab down --state %s\n",
			dro_buf_str(&said), options->dir, options->dir, options->dir);
	}
	dro_buf_free(&said);
	return code;
}

/* Ends the keeper that an instance's state names. */
static int sweep_one(void *arg, const cJSON *json, struct dro_error *err)
{
	struct lab_guest guest = {.control_fd = -1, .net_fd = -1};
	int64_t pid = 0, start = 0;
	int rc;

	(void)arg;
	if ((rc = dro_json_int(json, "pid", 0, &pid, err)) < 0 ||
		(rc = dro_json_int(json, "pid_start", 0, &start, err)) < 0)
		return rc;
	guest.pid = (pid_t)pid;
	guest.pid_start = (uint64_t)start;
	if (pid > 0)
		lab_driver_named(dro_json_text(json, "driver"))->sweep(&guest);
	return 0;
}

static int read_note(const char *dir, pid_t *pid, uint64_t *start, struct dro_error *err)
{
	char *path = dro_path_join(dir, "lab.json");
	struct dro_buf text = DRO_BUF_INIT(4096);
	cJSON *json = NULL;
	int64_t number = 0, ticks = 0;
	int rc =
		path ? dro_file_read(&text, path, err) : dro_fail(err, DRO_ENOMEM, "out of memory");

	if (rc == 0 && (rc = dro_json_parse(&json, text.data, text.length, 4096, err)) == 0 &&
		(rc = dro_json_int_need(json, "pid", &number, err)) == 0)
		rc = dro_json_int_need(json, "pid_start", &ticks, err);
	*pid = (pid_t)number;
	*start = (uint64_t)ticks;
	cJSON_Delete(json);
	dro_buf_free(&text);
	free(path);
	return rc;
}

/* SIGTERM, then SIGKILL; a lab that is alive holds the lock of its folder. */
static void end_process(pid_t pid, uint64_t start)
{
	uint64_t until = dro_now_ms() + END_MS;

	kill(pid, SIGTERM);
	while (lab_process_alive(pid, start) && dro_now_ms() < until)
		dro_clock_real.sleep_ms(&dro_clock_real, 5);
	if (lab_process_alive(pid, start))
		kill(pid, SIGKILL);
	while (lab_process_alive(pid, start) && dro_now_ms() < until + 2000)
		dro_clock_real.sleep_ms(&dro_clock_real, 5);
}

int lab_down(const char *dir)
{
	struct lab folder = {.config = {.dir = dir}};
	struct dro_error err = DRO_ERROR_INIT;
	uint64_t start = 0;
	char *path;
	pid_t pid = 0;

	if (read_note(dir, &pid, &start, &err) == 0 && lab_process_alive(pid, start))
		end_process(pid, start);
	dro_error_clear(&err);
	if (lab_state_each(&folder, "instance-", sweep_one, NULL, &err) < 0 &&
		err.code != DRO_ENOTFOUND) {
		fprintf(stderr, "drorch-lab: %s\n", err.message);
		return 1;
	}
	path = dro_path_join(dir, "lab.json");
	if (path)
		unlink(path);
	free(path);
	return 0;
}
