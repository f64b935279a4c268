#include "cli/follow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/print.h"
#include "engine/engine.h"

#define POLL_MS 100    /* for those who follow from elsewhere */
#define QUIET_MS 15000 /* in a pipe: a step that goes on for so long says how far it is */
#define ORPHAN_MS 3000 /* without a live worker for so long: say so */

struct seen {
	char *state, *note, *error;
	int64_t started_ms, ended_ms;
	bool changed;
	uint64_t said_ms; /* when a line about it was printed last; 0: never */
};

struct follow {
	struct dro_cli *cli;
	struct dro_store *store;
	const char *run;
	struct dro_run_row *row;
	struct dro_plan *plan;
	struct seen *steps; /* beside plan->steps */
	int drawn;	    /* lines of the live table on the screen */
	uint64_t version;
	uint64_t orphan_since;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool keep(char **field, const char *text)
{
	char *copy;

	if (*field && strcmp(*field, text) == 0)
		return false;
	copy = strdup(text);
	if (!copy)
		return false;
	free(*field);
	*field = copy;
	return true;
}

static int read_step(void *arg, const struct dro_step_row *row)
{
	struct follow *follow = arg;
	size_t i;

	for (i = 0; i < follow->plan->step_count; i++) {
		struct seen *seen = &follow->steps[i];

		if (strcmp(follow->plan->steps[i]->id, row->id) != 0)
			continue;
		seen->changed = keep(&seen->state, row->state);
		seen->changed = keep(&seen->note, row->note ? row->note : "") || seen->changed;
		seen->changed = keep(&seen->error, row->error ? row->error : "") || seen->changed;
		seen->started_ms = row->started_ms;
		seen->ended_ms = row->ended_ms;
		break;
	}
	return 0;
}

static int refresh(struct follow *follow, struct dro_error *err)
{
	int rc;

	dro_run_row_free(follow->row);
	follow->row = NULL;
	if ((rc = dro_store_run_get(follow->store, follow->run, &follow->row, err)) < 0)
		return rc;
	if (!follow->plan) {
		if ((rc = dro_plan_parse(
			     &follow->plan, follow->row->plan, strlen(follow->row->plan), err)) < 0)
			return rc;
		follow->steps = calloc(follow->plan->step_count + 1, sizeof(*follow->steps));
		if (!follow->steps)
			return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	return dro_store_step_list(follow->store, follow->row->id, read_step, follow, err);
}

/* ---- printing ------------------------------------------------------------------------------ */

static const char *mark(const char *state)
{
	static const struct {
		const char *state, *mark;
	} marks[] = {{"pending", "·"}, {"running", "▸"}, {"done", "✓"}, {"failed", "✗"},
		{"failed-ignored", "!"}, {"skipped", "-"}, {"undone", "↩"}};
	size_t i;

	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strcmp(marks[i].state, state) == 0)
			return marks[i].mark;
	return "?";
}

static const char *color(const struct follow *follow, const char *state)
{
	if (!follow->cli->color)
		return "";
	if (strcmp(state, "done") == 0)
		return "\033[32m";
	if (strcmp(state, "running") == 0)
		return "\033[36m";
	if (strncmp(state, "failed", 6) == 0)
		return "\033[31m";
	return "\033[2m";
}

static void duration_of(const struct seen *seen, char out[DRO_DURATION_TEXT])
{
	out[0] = '\0';
	if (seen->started_ms)
		dro_duration_format(
			out, (seen->ended_ms ? seen->ended_ms : dro_wall_ms()) - seen->started_ms);
}

static size_t columns(void)
{
	struct winsize size = {0};

	if (ioctl(1, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
		return 80;
	return size.ws_col;
}

/* One row of the live table, cut to the screen's width so that it stays one line. */
static void draw_step(const struct follow *follow, size_t index)
{
	const struct dro_step *step = follow->plan->steps[index];
	const struct seen *seen = &follow->steps[index];
	const struct dro_step_kind *kind = dro_step_kind(dro_step_kinds, step->kind);
	const char *note = *seen->error ? seen->error : seen->note;
	char time[DRO_DURATION_TEXT], line[600];
	size_t width = columns(), used, bytes;

	duration_of(seen, time);
	snprintf(line, sizeof(line), "%-24.24s %-18.18s %8s  ", kind ? kind->describe : step->kind,
		step->target, time);
	used = strlen(line);
	snprintf(line + used, sizeof(line) - used, "%s", note);
	/* Never cut inside a character. */
	for (bytes = strlen(line);
		bytes > 0 && (bytes > width - 3 || ((unsigned char)line[bytes] & 0xc0) == 0x80);)
		bytes--;
	line[bytes] = '\0';
	printf("%s%s ", color(follow, seen->state), mark(seen->state));
	dro_print_safe(stdout, line);
	printf("%s\033[K\n", follow->cli->color ? "\033[0m" : "");
}

static void draw(struct follow *follow)
{
	size_t i;

	if (follow->drawn)
		printf("\033[%dA", follow->drawn);
	for (i = 0; i < follow->plan->step_count; i++)
		draw_step(follow, i);
	follow->drawn = (int)follow->plan->step_count;
	fflush(stdout);
}

static void print_json_step(const struct follow *follow, size_t index)
{
	const struct seen *seen = &follow->steps[index];
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "version", 1);
	cJSON_AddStringToObject(json, "run", follow->row->id);
	cJSON_AddStringToObject(json, "step", follow->plan->steps[index]->id);
	cJSON_AddStringToObject(json, "kind", follow->plan->steps[index]->kind);
	cJSON_AddStringToObject(json, "state", seen->state);
	cJSON_AddStringToObject(json, "note", seen->note);
	if (*seen->error)
		cJSON_AddStringToObject(json, "error", seen->error);
	cJSON_AddNumberToObject(json, "started_ms", (double)seen->started_ms);
	cJSON_AddNumberToObject(json, "ended_ms", (double)seen->ended_ms);
	dro_print_json(stdout, json);
	cJSON_Delete(json);
}

static void print_line(const struct follow *follow, size_t index)
{
	const struct seen *seen = &follow->steps[index];
	char time[DRO_TIME_TEXT], took[DRO_DURATION_TEXT];

	dro_time_format(time, seen->ended_ms ? seen->ended_ms : dro_wall_ms());
	duration_of(seen, took);
	printf("%s %-8s %-24s", time, seen->state, follow->plan->steps[index]->id);
	if (seen->ended_ms)
		printf(" %8s", took);
	fputs("  ", stdout);
	dro_print_safe(stdout, *seen->error ? seen->error : seen->note);
	fputc('\n', stdout);
}

/* A line when a step is over, and now and then while it goes on. */
static bool worth_a_line(struct seen *seen)
{
	uint64_t now = dro_now_ms();

	if (strcmp(seen->state, "pending") == 0)
		return false;
	if (strcmp(seen->state, "running") != 0)
		return seen->changed;
	if (!seen->said_ms)
		seen->said_ms = now;
	if (now - seen->said_ms < QUIET_MS)
		return false;
	seen->said_ms = now;
	return true;
}

static void print_news(struct follow *follow)
{
	size_t i;

	if (follow->cli->out_tty && !follow->cli->json) {
		draw(follow);
		return;
	}
	for (i = 0; i < follow->plan->step_count; i++) {
		struct seen *seen = &follow->steps[i];

		if (follow->cli->json && seen->changed && strcmp(seen->state, "pending") != 0)
			print_json_step(follow, i);
		else if (!follow->cli->json && worth_a_line(seen))
			print_line(follow, i);
		seen->changed = false;
	}
	fflush(stdout);
}

static void print_end(const struct follow *follow)
{
	cJSON *json, *outcome = NULL;

	if (!follow->cli->json) {
		dro_print_outcome(stdout, follow->row);
		return;
	}
	json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "version", 1);
	cJSON_AddStringToObject(json, "run", follow->row->id);
	cJSON_AddStringToObject(json, "state", follow->row->state);
	if (dro_json_parse(&outcome, follow->row->outcome, strlen(follow->row->outcome), 1 << 20,
		    NULL) == 0)
		cJSON_AddItemToObject(json, "outcome", outcome);
	dro_print_json(stdout, json);
	cJSON_Delete(json);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static int exit_code(const struct dro_run_row *row)
{
	enum dro_run_state state;

	if (dro_run_state_parse(row->state, &state, NULL) < 0)
		return DRO_EXIT_ERROR;
	if (state == DRO_RUN_COMPLETED || state == DRO_RUN_COMPLETED_WITH_EXCEPTIONS)
		return DRO_EXIT_OK;
	if (state == DRO_RUN_WAITING)
		return DRO_EXIT_HUMAN;
	return dro_run_ended(state) ? DRO_EXIT_ERROR : DRO_EXIT_RUNNING;
}

/* Does some live process drive the run? Given a moment to come up. */
static bool orphaned(struct follow *follow)
{
	struct dro_lease lease;
	bool alive = false;

	if (dro_store_lease_get(follow->store, follow->row->service, &lease, &alive, NULL) == 0 &&
		alive) {
		follow->orphan_since = 0;
		return false;
	}
	if (!follow->orphan_since)
		follow->orphan_since = dro_now_ms();
	return dro_now_ms() - follow->orphan_since > ORPHAN_MS;
}

/* Waits for news; false once the worker has ended. */
static bool wait_for_news(int *news_fd)
{
	struct pollfd fd = {*news_fd, POLLIN, 0};
	char drain[256];

	if (*news_fd < 0) {
		poll(NULL, 0, POLL_MS);
		return true;
	}
	if (poll(&fd, 1, POLL_MS) <= 0 || !fd.revents)
		return true;
	if (read(*news_fd, drain, sizeof(drain)) > 0)
		return true;
	*news_fd = -1;
	return false;
}

static int loop(struct follow *follow, int news_fd, struct dro_error *err)
{
	bool worker_ended = false;
	enum dro_run_state state;
	uint64_t version;
	int rc;

	for (;;) {
		if ((rc = dro_store_version(follow->store, &version, err)) < 0)
			return rc;
		if (version != follow->version || !follow->row) {
			follow->version = version;
			if ((rc = refresh(follow, err)) < 0)
				return rc;
		}
		print_news(follow);
		if ((rc = dro_run_state_parse(follow->row->state, &state, err)) < 0)
			return rc;
		/* A run that is resumed still says how it ended the last time: its worker's end
		 * tells. */
		if ((dro_run_ended(state) || state == DRO_RUN_WAITING) && news_fd < 0) {
			print_end(follow);
			return exit_code(follow->row);
		}
		if (interrupted) {
			fprintf(stderr,
				"\nThe run goes on. `drorch attach %s` follows it, `drorch abort "
				"%s` takes it "
				"back.\n",
				follow->row->id, follow->row->id);
			return DRO_EXIT_RUNNING;
		}
		if (worker_ended || (news_fd < 0 && orphaned(follow))) {
			fprintf(stderr,
				"drorch: nobody drives run %s any more; `drorch events` has its "
				"last words. "
				"`drorch resume %s` goes on with it.\n",
				follow->row->id, follow->row->id);
			return DRO_EXIT_RUNNING;
		}
		worker_ended = !wait_for_news(&news_fd);
	}
}

int dro_follow(struct dro_cli *cli, struct dro_store *store, const char *run, int news_fd)
{
	struct follow follow = {.cli = cli, .store = store, .run = run};
	struct sigaction action = {.sa_handler = on_interrupt};
	struct dro_error err = DRO_ERROR_INIT;
	size_t i;
	int rc;

	sigaction(SIGINT, &action, NULL);
	rc = loop(&follow, news_fd, &err);
	if (rc < 0)
		rc = dro_cli_error(cli, &err);
	for (i = 0; follow.steps && i < follow.plan->step_count; i++) {
		free(follow.steps[i].state);
		free(follow.steps[i].note);
		free(follow.steps[i].error);
	}
	free(follow.steps);
	dro_plan_free(follow.plan);
	dro_run_row_free(follow.row);
	return rc;
}
