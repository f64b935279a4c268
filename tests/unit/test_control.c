/* The controller with visits and workers of the test's own: what it does when, and to whom. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "control/controller.h"
#include "control/pause.h"
#include "engine/engine.h"

#define PATIENCE_MS 30000

static char folder[] = "/tmp/drorch-control-XXXXXX";
static struct dro_error err;
static struct dro_store *store;
static struct dro_controller *controller;
static pthread_t loop;
static int loop_rc;
static struct dro_error loop_err;

/* What the fakes do, and saw. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct dro_controller_config config;
static enum dro_visit_end next_end[3]; /* of services a, b, c */
static bool unknown;
static int visits[3], starts, polls, opened, closed;
static char started[32];
static struct dro_spec *next_spec;
static bool stuck;
static enum dro_run_state run_state; /* what a fake worker makes of its run */
static bool lazy;		     /* it leaves the run as it is */
static int hold[2] = {-1, -1};	     /* a worker lives until this pipe is closed */

/* ---- fakes ----------------------------------------------------------------------------------- */

static struct dro_spec *make_spec(const char *commit, size_t count)
{
	static const char *const names[] = {"a", "b", "c"};
	struct dro_spec *spec = calloc(1, sizeof(*spec));
	size_t i;

	spec->commit = strdup(commit);
	spec->services = calloc(count + 1, sizeof(*spec->services));
	spec->service_count = count;
	for (i = 0; i < count; i++) {
		struct dro_service *service = &spec->services[i];

		service->name = strdup(names[i]);
		service->owner = strdup("");
		service->environment = strdup("");
	}
	return spec;
}

static int fake_poll(void *arg, const char *have, struct dro_spec **out, struct dro_error *error)
{
	int rc = 0;

	(void)arg;
	pthread_mutex_lock(&lock);
	polls++;
	if (!next_spec)
		rc = dro_fail(error, DRO_EAGAIN, "git is away");
	else if (strcmp(next_spec->commit, have) != 0) {
		*out = next_spec;
		next_spec = make_spec(next_spec->commit, 0);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

static int fake_open(void *arg, const struct dro_spec *spec, void **world, struct dro_error *error)
{
	(void)arg;
	(void)error;
	pthread_mutex_lock(&lock);
	opened++;
	pthread_mutex_unlock(&lock);
	*world = (void *)spec;
	return 0;
}

static void fake_close(void *arg, void *world)
{
	(void)arg;
	(void)world;
	pthread_mutex_lock(&lock);
	closed++;
	pthread_mutex_unlock(&lock);
}

/* The visits' threads and the test's are one holder: each has the lease to its end. */
static pthread_mutex_t holding = PTHREAD_MUTEX_INITIALIZER;

static void add_run(const char *id, const char *service, const char *kind)
{
	const char *const steps[] = {"one"};
	struct dro_run_row row = {.id = (char *)id,
		.service = (char *)service,
		.kind = (char *)kind,
		.mode = (char *)"",
		.from = (char *)"main",
		.to = (char *)"",
		.plan = (char *)"{}"};
	struct dro_lease lease;

	pthread_mutex_lock(&holding);
	ck_assert_int_eq(dro_store_lease_take(store, service, "test", 15000, &lease, &err), 0);
	ck_assert_msg(
		dro_store_run_add(store, &lease, &row, steps, 1, &err) == 0, "%s", err.message);
	ck_assert_int_eq(dro_store_lease_release(store, &lease, &err), 0);
	pthread_mutex_unlock(&holding);
}

static void end_run(const char *id, const char *service, enum dro_run_state state)
{
	struct dro_lease lease;

	pthread_mutex_lock(&holding);
	ck_assert_int_eq(dro_store_lease_take(store, service, "test", 15000, &lease, &err), 0);
	ck_assert_msg(
		dro_store_run_state(store, &lease, id, dro_run_state_name(state), "{}", &err) == 0,
		"%s", err.message);
	ck_assert_int_eq(dro_store_lease_release(store, &lease, &err), 0);
	pthread_mutex_unlock(&holding);
}

static void fake_visit(void *arg, const struct dro_visit_ask *ask, struct dro_visit *out)
{
	int index = ask->service->name[0] - 'a';
	cJSON *refusals, *refusal;
	bool wait;

	(void)arg;
	pthread_mutex_lock(&lock);
	visits[index]++;
	out->end = next_end[index];
	out->unknown = unknown;
	out->seen = cJSON_CreateObject();
	wait = stuck;
	pthread_mutex_unlock(&lock);
	while (wait) {
		usleep(1000);
		pthread_mutex_lock(&lock);
		wait = stuck;
		pthread_mutex_unlock(&lock);
	}
	switch (out->end) {
	case DRO_VISIT_RUN:
		if (!ask->may_store(ask->may_store_arg)) {
			out->end = DRO_VISIT_FULL;
			return;
		}
		snprintf(out->run, sizeof(out->run), "r-%s%d", ask->service->name, visits[index]);
		add_run(out->run, ask->service->name, "reconcile");
		return;
	case DRO_VISIT_REFUSED:
		refusals = cJSON_AddArrayToObject(out->seen, "refusals");
		refusal = cJSON_CreateObject();
		cJSON_AddStringToObject(refusal, "rule", "blast");
		cJSON_AddStringToObject(refusal, "text", "too much");
		cJSON_AddItemToArray(refusals, refusal);
		return;
	case DRO_VISIT_BUSY:
		dro_fail(&out->err, DRO_EBUSY, "a run is not over");
		return;
	case DRO_VISIT_FAILED:
		dro_fail(&out->err, DRO_EIO, "the cloud is away");
		return;
	default:
		return;
	}
}

/* A worker: a child that ends at once, or when it is told to; what it drives is driven here. */
static int fake_start(
	void *arg, const char *run, struct dro_control_worker *out, struct dro_error *error)
{
	struct dro_run_row *row = NULL;
	pid_t pid;

	(void)arg;
	pthread_mutex_lock(&lock);
	starts++;
	snprintf(started, sizeof(started), "%s", run);
	pid = fork();
	if (pid == 0) {
		char byte;

		if (hold[1] >= 0)
			close(hold[1]);
		_exit(hold[0] >= 0 && read(hold[0], &byte, 1) != 0);
	}
	out->pid = pid;
	out->news_fd = -1;
	if (!lazy) {
		ck_assert_int_eq(dro_store_run_get(store, run, &row, error), 0);
		end_run(run, row->service, DRO_RUN_RUNNING);
		end_run(run, row->service, run_state);
		dro_run_row_free(row);
		/* What it did is done. */
		next_end[run[2] - 'a'] = DRO_VISIT_STEADY;
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

static const struct dro_controller_ops ops = {
	.poll = fake_poll,
	.open = fake_open,
	.close = fake_close,
	.visit = fake_visit,
	.start = fake_start,
};

/* ---- the stage ------------------------------------------------------------------------------- */

static void set_up(void)
{
	err = (struct dro_error)DRO_ERROR_INIT;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(dro_store_open(&store, folder, false, &err), 0);
	config = (struct dro_controller_config){.ops = &ops,
		.store = store,
		.listen = "",
		.poll_ms = 20,
		.period_ms = 60000,
		.look_ms = 10000,
		.orphan_ms = 50,
		.retry_ms = 10,
		.late_ms = 30000,
		.visits = 4,
		.workers = 2};
	run_state = DRO_RUN_COMPLETED;
}

static void *run_loop(void *arg)
{
	(void)arg;
	loop_rc = dro_controller_run(controller, &loop_err);
	return NULL;
}

static void start_with(size_t count)
{
	loop_err = (struct dro_error)DRO_ERROR_INIT;
	ck_assert_msg(dro_controller_new(&controller, &config, make_spec("c1", count), &err) == 0,
		"%s", err.message);
	ck_assert_int_eq(pthread_create(&loop, NULL, run_loop, NULL), 0);
}

static void stop(void)
{
	dro_controller_stop(controller);
	pthread_join(loop, NULL);
	ck_assert_msg(loop_rc == 0, "%s", loop_err.message);
	dro_controller_free(controller);
	controller = NULL;
}

static void tear_down(void)
{
	if (controller)
		stop();
	ck_assert_int_eq(opened, closed);
	dro_spec_free(next_spec);
	dro_store_close(store);
	dro_dir_remove(folder, NULL);
}

/* The service's fact, or "". */
static cJSON *status(const char *service)
{
	char *text = NULL;
	cJSON *json = NULL;

	if (dro_store_fact_get(store, service, "reconcile", &text, NULL, NULL) == 0)
		ck_assert_int_eq(dro_json_parse(&json, text, strlen(text), 1 << 20, &err), 0);
	free(text);
	return json;
}

static bool state_is(const char *service, const char *word)
{
	cJSON *json = status(service);
	bool is = json && strcmp(dro_json_text(json, "state"), word) == 0;

	cJSON_Delete(json);
	return is;
}

static int count(const int *value)
{
	int is;

	pthread_mutex_lock(&lock);
	is = *value;
	pthread_mutex_unlock(&lock);
	return is;
}

#define WAIT_FOR(condition)                                                                        \
	do {                                                                                       \
		uint64_t until = dro_now_ms() + PATIENCE_MS;                                       \
		while (!(condition)) {                                                             \
			ck_assert_msg(dro_now_ms() < until, "waited for " #condition);             \
			usleep(2000);                                                              \
		}                                                                                  \
	} while (0)

struct event_hunt {
	const char *word;
	int found;
};

static int match_event(void *arg, const struct dro_event *event)
{
	struct event_hunt *hunt = arg;

	hunt->found += strstr(event->text, hunt->word) != NULL;
	return 0;
}

static int events_with(const char *word)
{
	struct event_hunt hunt = {.word = word};

	ck_assert_int_eq(dro_store_event_list(store, NULL, 0, match_event, &hunt, &err), 0);
	return hunt.found;
}

/* ---- what it does ---------------------------------------------------------------------------- */

START_TEST(everything_is_well)
{
	cJSON *json;

	start_with(3);
	WAIT_FOR(state_is("a", "steady") && state_is("b", "steady") && state_is("c", "steady"));
	json = status("a");
	ck_assert_str_eq(dro_json_text(json, "applied"), "c1");
	ck_assert_str_eq(dro_json_text(json, "attempted"), "c1");
	cJSON_Delete(json);
	ck_assert_int_eq(count(&starts), 0);
	ck_assert_int_eq(visits[0], 1);
	ck_assert(dro_controller_is_well(controller));
}
END_TEST

START_TEST(a_difference_gets_a_run_and_another_look)
{
	next_end[1] = DRO_VISIT_RUN;
	start_with(3);
	WAIT_FOR(state_is("b", "steady"));
	ck_assert_int_eq(count(&starts), 1);
	ck_assert_str_eq(started, "r-b1");
	ck_assert_int_eq(count(&visits[1]), 2);
	ck_assert_int_eq(events_with("reconcile begins"), 1);
	ck_assert_int_eq(events_with("reconcile is completed"), 1);
}
END_TEST

START_TEST(a_new_commit_is_followed)
{
	start_with(2);
	WAIT_FOR(state_is("a", "steady") && count(&polls) > 1);
	pthread_mutex_lock(&lock);
	next_spec = make_spec("c2", 3);
	pthread_mutex_unlock(&lock);
	WAIT_FOR(state_is("c", "steady"));
	WAIT_FOR(count(&visits[0]) == 2);
	stop();
	ck_assert_int_eq(opened, 2);
	ck_assert_int_eq(closed, 2);
	ck_assert_int_eq(events_with("commit c2 is followed"), 1);
}
END_TEST

START_TEST(failures_are_told_once_and_tried_again)
{
	next_end[0] = DRO_VISIT_FAILED;
	start_with(1);
	WAIT_FOR(count(&visits[0]) > 3);
	WAIT_FOR(state_is("a", "failed"));
	ck_assert_int_eq(events_with("the cloud is away"), 1);
	pthread_mutex_lock(&lock);
	next_end[0] = DRO_VISIT_STEADY;
	pthread_mutex_unlock(&lock);
	WAIT_FOR(state_is("a", "steady"));
}
END_TEST

START_TEST(what_could_not_be_read_is_not_well)
{
	unknown = true;
	start_with(1);
	WAIT_FOR(count(&visits[0]) > 2 && state_is("a", "failed"));
	pthread_mutex_lock(&lock);
	unknown = false;
	pthread_mutex_unlock(&lock);
	WAIT_FOR(state_is("a", "steady"));
}
END_TEST

START_TEST(a_refusal_is_told_and_left)
{
	next_end[0] = DRO_VISIT_REFUSED;
	start_with(1);
	WAIT_FOR(state_is("a", "refused"));
	WAIT_FOR(events_with("not reconciled: blast: too much") == 1);
	ck_assert_int_eq(count(&starts), 0);
	ck_assert_int_eq(count(&visits[0]), 1);
}
END_TEST

START_TEST(a_failed_run_backs_off)
{
	next_end[0] = DRO_VISIT_RUN;
	run_state = DRO_RUN_FAILED;
	start_with(1);
	WAIT_FOR(events_with("reconcile is failed") == 1);
	WAIT_FOR(state_is("a", "steady"));
}
END_TEST

/* A provider that takes every change and shows none. */
START_TEST(runs_without_end_are_slowed)
{
	int i;

	config.retry_ms = config.orphan_ms = 1000000;
	lazy = true;
	next_end[0] = DRO_VISIT_RUN;
	start_with(1);
	for (i = 1; i <= 3; i++) {
		char run[32];

		WAIT_FOR(count(&starts) == i);
		pthread_mutex_lock(&lock);
		snprintf(run, sizeof(run), "%s", started);
		pthread_mutex_unlock(&lock);
		end_run(run, "a", DRO_RUN_COMPLETED);
	}
	WAIT_FOR(state_is("a", "failed"));
	ck_assert_int_eq(events_with("3 runs in a row"), 1);
	ck_assert_int_eq(count(&starts), 3);
}
END_TEST

START_TEST(not_more_workers_than_allowed)
{
	ck_assert_int_eq(pipe(hold), 0);
	next_end[0] = next_end[1] = next_end[2] = DRO_VISIT_RUN;
	start_with(3);
	WAIT_FOR(count(&starts) == 2);
	WAIT_FOR(state_is("a", "waiting") || state_is("b", "waiting") || state_is("c", "waiting"));
	ck_assert_int_eq(count(&starts), 2);
	close(hold[1]);
	WAIT_FOR(count(&starts) == 3);
	WAIT_FOR(state_is("a", "steady") && state_is("b", "steady") && state_is("c", "steady"));
}
END_TEST

START_TEST(a_run_of_somebody_else_silences)
{
	add_run("r-promote", "a", "promote");
	config.orphan_ms = 1000000;
	next_end[0] = DRO_VISIT_BUSY;
	start_with(1);
	WAIT_FOR(state_is("a", "busy"));
	ck_assert_int_eq(count(&visits[0]), 1);
	pthread_mutex_lock(&lock);
	next_end[0] = DRO_VISIT_STEADY;
	pthread_mutex_unlock(&lock);
	end_run("r-promote", "a", DRO_RUN_COMPLETED);
	WAIT_FOR(state_is("a", "steady"));
}
END_TEST

START_TEST(an_orphan_is_taken_over)
{
	add_run("r-ampromote", "a", "promote");
	next_end[0] = DRO_VISIT_BUSY;
	start_with(1);
	WAIT_FOR(count(&starts) == 1);
	ck_assert_str_eq(started, "r-ampromote");
	WAIT_FOR(state_is("a", "steady"));
	ck_assert_int_eq(events_with("nobody drove this run"), 1);
}
END_TEST

START_TEST(who_drives_is_left_alone)
{
	struct dro_lease lease;
	char holder[128];

	add_run("r-ampromote", "a", "promote");
	dro_store_holder(holder);
	ck_assert_int_eq(dro_store_lease_take(store, "a", holder, 600000, &lease, &err), 0);
	next_end[0] = DRO_VISIT_BUSY;
	start_with(2);
	WAIT_FOR(state_is("a", "busy") && state_is("b", "steady") && count(&polls) > 50);
	ck_assert_int_eq(count(&starts), 0);
	ck_assert_int_eq(dro_store_lease_release(store, &lease, &err), 0);
	WAIT_FOR(count(&starts) == 1);
}
END_TEST

/* Each try later than the one before. */
START_TEST(a_worker_that_dies_at_once_is_not_started_in_a_loop)
{
	lazy = true;
	add_run("r-ampromote", "a", "promote");
	next_end[0] = DRO_VISIT_BUSY;
	config.orphan_ms = 1;
	start_with(1);
	WAIT_FOR(count(&starts) >= 3);
	WAIT_FOR(events_with("once more") >= 2);
}
END_TEST

START_TEST(paused_services_are_left_alone)
{
	struct dro_pause pause = {.by = "ann",
		.reason = "moving house",
		.since_ms = dro_wall_ms(),
		.until_ms = dro_wall_ms() + 3600000};

	ck_assert_int_eq(dro_pause_begin(store, "a", &pause, &err), 0);
	start_with(2);
	WAIT_FOR(state_is("a", "paused") && state_is("b", "steady"));
	ck_assert_int_eq(count(&visits[0]), 0);
	ck_assert_int_eq(dro_pause_end(store, "a", "ann", dro_wall_ms(), &err), 0);
	WAIT_FOR(state_is("a", "steady"));
}
END_TEST

START_TEST(a_pause_ends_by_itself)
{
	struct dro_pause pause = {.by = "ann", .reason = "x", .since_ms = 1000, .until_ms = 2000};
	struct dro_pause got;

	ck_assert_int_eq(dro_pause_get(store, "a", 1500, &got, &err), DRO_ENOTFOUND);
	ck_assert_int_eq(dro_pause_begin(store, "a", &pause, &err), 0);
	ck_assert_int_eq(dro_pause_get(store, "a", 1500, &got, &err), 0);
	ck_assert_str_eq(got.by, "ann");
	ck_assert_str_eq(got.reason, "x");
	ck_assert_int_eq(got.until_ms, 2000);
	ck_assert_int_eq(dro_pause_get(store, "a", 2000, &got, &err), DRO_ENOTFOUND);
	ck_assert_int_eq(dro_pause_end(store, "a", "ann", 2000, &err), DRO_ENOTFOUND);
	pause.reason[0] = '\0';
	ck_assert_int_eq(dro_pause_begin(store, "a", &pause, &err), DRO_EINVAL);
	snprintf(pause.reason, sizeof(pause.reason), "x");
	pause.until_ms = 1000;
	ck_assert_int_eq(dro_pause_begin(store, "a", &pause, &err), DRO_EINVAL);
	ck_assert_int_eq(events_with("paused until"), 1);
}
END_TEST

START_TEST(one_controller_a_state)
{
	struct dro_controller *second = NULL;

	struct dro_lease lease;

	ck_assert_int_eq(dro_store_lease_take(
				 store, DRO_CONTROLLER_LEASE, "other:host", 60000, &lease, &err),
		0);
	ck_assert_int_eq(dro_controller_new(&second, &config, make_spec("c1", 1), &err), DRO_EBUSY);
	ck_assert_ptr_nonnull(strstr(err.message, "other:host"));
}
END_TEST

START_TEST(once_is_once)
{
	config.once = true;
	next_end[1] = DRO_VISIT_RUN;
	start_with(3);
	pthread_join(loop, NULL);
	ck_assert_msg(loop_rc == 0, "%s", loop_err.message);
	ck_assert_int_eq(visits[0] + visits[2], 2);
	ck_assert_int_eq(starts, 1);
	ck_assert_int_eq(polls, 0);
	ck_assert(state_is("b", "applied"));
	dro_controller_free(controller);
	closed = opened = 0;
	next_end[2] = DRO_VISIT_REFUSED;
	start_with(3);
	pthread_join(loop, NULL);
	ck_assert_int_eq(loop_rc, DRO_ESAFETY);
	dro_controller_free(controller);
	controller = NULL;
}
END_TEST

/* ---- systemd --------------------------------------------------------------------------------- */

static int listener(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(at.sun_path, name, strlen(name));
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) +
					     (name[0] == '/'))),
		0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static const char *heard(int fd)
{
	static char text[4097];
	ssize_t got = recv(fd, text, sizeof(text) - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

START_TEST(tells_systemd)
{
	struct dro_systemd *systemd = NULL;
	char name[300];
	int fd, round;

	for (round = 0; round < 2; round++) {
		snprintf(name, sizeof(name), "%s%s/notify", round ? "@" : "", folder);
		fd = listener(name);
		setenv("NOTIFY_SOCKET", name, 1);
		setenv("WATCHDOG_USEC", "30000000", 1);
		unsetenv("WATCHDOG_PID");
		ck_assert_int_eq(dro_systemd_open(&systemd, &err), 0);
		ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
		ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
		ck_assert_uint_eq(dro_systemd_watchdog_ms(systemd), 15000);
		ck_assert_int_eq(dro_systemd_tell(systemd, &err, "READY=1\nSTATUS=%d\n", 7), 0);
		ck_assert_str_eq(heard(fd), "READY=1\nSTATUS=7\n");
		close(fd);
		unlink(name);
		ck_assert_int_eq(dro_systemd_tell(systemd, &err, "STOPPING=1\n"), DRO_EIO);
		dro_systemd_close(systemd);
	}
	ck_assert_int_eq(dro_systemd_open(&systemd, &err), 0);
	ck_assert_int_eq(dro_systemd_tell(systemd, &err, "READY=1\n"), 0);
	ck_assert_uint_eq(dro_systemd_watchdog_ms(systemd), 0);
	dro_systemd_close(systemd);
	setenv("NOTIFY_SOCKET", "notify", 1);
	ck_assert_int_eq(dro_systemd_open(&systemd, &err), DRO_EINVAL);
	setenv("NOTIFY_SOCKET", "@x", 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	ck_assert_int_eq(dro_systemd_open(&systemd, &err), 0);
	ck_assert_uint_eq(dro_systemd_watchdog_ms(systemd), 0);
	dro_systemd_close(systemd);
}
END_TEST

START_TEST(life_as_systemd_hears_it)
{
	struct dro_systemd *systemd = NULL;
	char name[300];
	int fd, fed = 0;

	snprintf(name, sizeof(name), "%s/notify", folder);
	fd = listener(name);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "40000", 1);
	unsetenv("WATCHDOG_PID");
	ck_assert_int_eq(dro_systemd_open(&systemd, &err), 0);
	config.systemd = systemd;
	start_with(1);
	ck_assert_ptr_nonnull(strstr(heard(fd), "STATUS=1 services at commit c1"));
	ck_assert_str_eq(heard(fd), "READY=1\n");
	while (fed < 5) {
		const char *text = heard(fd);

		ck_assert_str_eq(text, "WATCHDOG=1\n");
		fed++;
	}
	dro_controller_stop(controller);
	while (fed) {
		const char *text = heard(fd);

		if (strcmp(text, "STOPPING=1\n") == 0)
			break;
		ck_assert_str_eq(text, "WATCHDOG=1\n");
	}
	stop();
	dro_systemd_close(systemd);
	close(fd);
}
END_TEST

/* A visit that hangs past its deadline is no progress, although loop and git go on. */
START_TEST(a_stuck_visit_starves_the_watchdog)
{
	stuck = true;
	config.look_ms = 0;
	config.late_ms = 500;
	start_with(2);
	WAIT_FOR(count(&visits[0]) == 1);
	WAIT_FOR(!dro_controller_is_well(controller));
	pthread_mutex_lock(&lock);
	stuck = false;
	pthread_mutex_unlock(&lock);
	WAIT_FOR(dro_controller_is_well(controller));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *tcase = tcase_create("control");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 90);
	tcase_add_test(tcase, everything_is_well);
	tcase_add_test(tcase, a_difference_gets_a_run_and_another_look);
	tcase_add_test(tcase, a_new_commit_is_followed);
	tcase_add_test(tcase, failures_are_told_once_and_tried_again);
	tcase_add_test(tcase, what_could_not_be_read_is_not_well);
	tcase_add_test(tcase, a_refusal_is_told_and_left);
	tcase_add_test(tcase, a_failed_run_backs_off);
	tcase_add_test(tcase, runs_without_end_are_slowed);
	tcase_add_test(tcase, not_more_workers_than_allowed);
	tcase_add_test(tcase, a_run_of_somebody_else_silences);
	tcase_add_test(tcase, an_orphan_is_taken_over);
	tcase_add_test(tcase, who_drives_is_left_alone);
	tcase_add_test(tcase, a_worker_that_dies_at_once_is_not_started_in_a_loop);
	tcase_add_test(tcase, paused_services_are_left_alone);
	tcase_add_test(tcase, a_pause_ends_by_itself);
	tcase_add_test(tcase, one_controller_a_state);
	tcase_add_test(tcase, once_is_once);
	tcase_add_test(tcase, tells_systemd);
	tcase_add_test(tcase, life_as_systemd_hears_it);
	tcase_add_test(tcase, a_stuck_visit_starves_the_watchdog);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
