#include "cli/follow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "cli/print.h"
#include "engine/engine.h"
#include "engine/start.h"

#define TARGET_MAX 24  /* columns */
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
	int target_width;   /* of that column of the live table */
	int drawn;	    /* lines of the live table on the screen */
	uint64_t version;
	uint64_t orphan_since;
	int64_t failed_ms; /* our worker takes up a run that failed then */
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

static int widest_target(const struct dro_plan *plan)
{
	size_t width = 0, i;

	for (i = 0; i < plan->step_count; i++)
		if (strlen(plan->steps[i]->target) > width)
			width = strlen(plan->steps[i]->target);
	return (int)(width < TARGET_MAX ? width : TARGET_MAX);
}

static int refresh(struct follow *follow, struct dro_error *err)
{
	size_t i;
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
		follow->target_width = widest_target(follow->plan);
		for (i = 0; i < follow->plan->step_count; i++)
			if (!keep(&follow->steps[i].state, "pending") ||
				!keep(&follow->steps[i].note, "") ||
				!keep(&follow->steps[i].error, ""))
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

/* The screen's size; what a terminal without one is taken to have. */
static struct winsize screen(void)
{
	struct winsize size = {0};

	if (ioctl(1, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		size.ws_col = 80;
	if (!size.ws_row)
		size.ws_row = 24;
	return size;
}

/* One row of the live table, cut so that it stays one line: in bytes, which are never fewer than
 * columns, and never inside a character. */
static void draw_step(const struct follow *follow, size_t index, size_t width)
{
	const struct dro_step *step = follow->plan->steps[index];
	const struct seen *seen = &follow->steps[index];
	const struct dro_step_kind *kind = dro_step_kind(dro_step_kinds, step->kind);
	struct dro_buf raw = DRO_BUF_INIT(8192), line = DRO_BUF_INIT(4 * 8192);
	size_t room = width > 3 ? width - 3 : 0;
	char time[DRO_DURATION_TEXT];

	duration_of(seen, time);
	dro_buf_printf(&raw, "%-24.24s %-*.*s %8s  %s", kind ? kind->describe : step->kind,
		follow->target_width, follow->target_width, step->target, time,
		*seen->error ? seen->error : seen->note);
	dro_buf_escape(&line, dro_buf_str(&raw), raw.length);
	if (room > line.length)
		room = line.length;
	while (room > 0 && room < line.length && ((unsigned char)line.data[room] & 0xc0) == 0x80)
		room--;
	printf("%s%s %.*s%s\033[K\n", color(follow, seen->state), mark(seen->state), (int)room,
		dro_buf_str(&line), follow->cli->color ? "\033[0m" : "");
	dro_buf_free(&raw);
	dro_buf_free(&line);
}

/* Where to begin so that what goes on is seen, should the screen be too low for every step. */
static size_t first_shown(const struct follow *follow, size_t shown)
{
	size_t count = follow->plan->step_count, i;

	for (i = 0; i < count - shown; i++)
		if (!follow->steps[i].ended_ms)
			break;
	return i;
}

static void draw(struct follow *follow)
{
	struct winsize size = screen();
	size_t shown = follow->plan->step_count, first, i;

	if (shown > size.ws_row - 1u)
		shown = size.ws_row - 1u;
	first = first_shown(follow, shown);
	if (follow->drawn)
		printf("\033[%dA", follow->drawn);
	for (i = first; i < first + shown; i++)
		draw_step(follow, i, size.ws_col);
	printf("\033[J");
	follow->drawn = (int)shown;
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
	dro_print_line(stdout, "%s %-8s %-24s %8s  %s", time, seen->state,
		follow->plan->steps[index]->id, seen->ended_ms ? took : "",
		*seen->error ? seen->error : seen->note);
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
	cJSON *json;

	if (!follow->cli->json) {
		dro_print_outcome(stdout, follow->row);
		return;
	}
	json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "version", 1);
	cJSON_AddStringToObject(json, "run", follow->row->id);
	cJSON_AddStringToObject(json, "state", follow->row->state);
	dro_add_outcome(json, follow->row);
	dro_print_json(stdout, json);
	cJSON_Delete(json);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static int exit_code(const struct dro_run_row *row)
{
	enum dro_run_state state;

	if (dro_run_state_parse(row->state, &state, NULL) < 0)
		return DRO_EXIT_ERROR;
	/* What a promote may go without, the steps of a reconcile run are for. */
	if (state == DRO_RUN_COMPLETED || (state == DRO_RUN_COMPLETED_WITH_EXCEPTIONS &&
						  strcmp(row->kind, DRO_KIND_RECONCILE) != 0))
		return DRO_EXIT_OK;
	if (state == DRO_RUN_WAITING)
		return DRO_EXIT_HUMAN;
	return dro_run_ended(state) ? DRO_EXIT_ERROR : DRO_EXIT_RUNNING;
}

/* Does some live process drive the run? */
static bool driven(const struct follow *follow)
{
	struct dro_lease lease;
	bool alive = false;

	return dro_store_lease_get(follow->store, follow->row->service, &lease, &alive, NULL) ==
		       0 &&
	       alive;
}

/* Nobody does, also after a moment to come up. */
static bool orphaned(struct follow *follow)
{
	if (driven(follow)) {
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
	close(*news_fd);
	*news_fd = -1;
	return false;
}

static void say_it_goes_on(const char *run)
{
	if (interrupted) {
		fputc('\n', stderr); /* past the ^C */
		dro_print_line(stderr,
			"The run goes on. `drorch attach %s` follows it, `drorch abort %s` takes "
			"it back.",
			run, run);
	} else {
		dro_print_line(stderr,
			"drorch: nobody drives run %s any more. `drorch resume %s` goes on with "
			"it; what its driver said is in runs/%s.log of the state folder.",
			run, run, run);
	}
}

/*
 * A run that is taken up again still says how it failed the last time: until somebody who drives it
 * has said more, that is not its end.
 */
static bool over(const struct follow *follow, enum dro_run_state state)
{
	if (state == DRO_RUN_FAILED)
		return follow->row->ended_ms != follow->failed_ms && !driven(follow);
	return dro_run_ended(state) || state == DRO_RUN_WAITING;
}

static int loop(struct follow *follow, int news_fd, struct dro_error *err)
{
	bool worker_ended = false, alone;
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
		/* Where our worker came too late, another has the lease. */
		alone = worker_ended ? !driven(follow) : news_fd < 0 && orphaned(follow);
		if (over(follow, state)) {
			print_end(follow);
			return exit_code(follow->row);
		}
		if (interrupted || alone) {
			say_it_goes_on(follow->row->id);
			return DRO_EXIT_RUNNING;
		}
		worker_ended = !wait_for_news(&news_fd);
	}
}

int dro_follow(struct dro_cli *cli, struct dro_store *store, const char *run, int news_fd,
	int64_t failed_ms)
{
	struct follow follow = {.cli = cli, .store = store, .run = run, .failed_ms = failed_ms};
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
