/* Work that outlives whoever started it: one of it, bounded, and its end is known to the next. */
#include "base/job.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

static struct dro_error err = DRO_ERROR_INIT;
static char folder[64], path[96];

static void setup(void)
{
	strcpy(folder, "/tmp/drorch-job.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/work", folder);
}

static void teardown(void)
{
	ck_assert_msg(dro_job_stop(path, &err) == 0, "%s", err.message);
	ck_assert_int_eq(dro_dir_remove(folder, NULL), 0);
}

static int start(const char *script, uint64_t timeout_ms)
{
	char *const argv[] = {"/bin/sh", "-c", (char *)script, NULL};
	char *const env[] = {"PATH=/usr/bin:/bin", "WORD=told", NULL};
	const struct dro_job job = {
		.path = path, .argv = argv, .env = env, .folder = folder, .timeout_ms = timeout_ms};

	return dro_job_start(&job, &err);
}

static struct dro_job_status look(void)
{
	struct dro_job_status status;

	ck_assert_msg(dro_job_look(path, &status, &err) == 0, "%s", err.message);
	return status;
}

static struct dro_job_status wait_end(void)
{
	uint64_t until = dro_now_ms() + 30000;
	struct dro_job_status status;

	while ((status = look()).state == DRO_JOB_RUNS && dro_now_ms() < until)
		usleep(5000);
	ck_assert_int_eq(status.state, DRO_JOB_ENDED);
	return status;
}

/* A file of the folder, without its last newline. */
static const char *read_file(const char *name)
{
	static char out[1000];
	struct dro_buf text = DRO_BUF_INIT(sizeof(out) - 1);
	char file[160];

	snprintf(file, sizeof(file), "%s/%s", folder, name);
	out[0] = '\0';
	if (dro_file_read(&text, file, NULL) == 0)
		snprintf(out, sizeof(out), "%.*s", (int)strcspn(dro_buf_str(&text), "\n"),
			dro_buf_str(&text));
	dro_buf_free(&text);
	return out;
}

static bool lives(const char *pid)
{
	return kill((pid_t)strtol(pid, NULL, 10), 0) == 0;
}

static void wait_file(const char *name)
{
	uint64_t until = dro_now_ms() + 30000;

	while (!*read_file(name) && dro_now_ms() < until)
		usleep(5000);
	ck_assert_msg(*read_file(name) != '\0', "%s was not written", name);
}

static void wait_gone(const char *name)
{
	uint64_t until = dro_now_ms() + 30000;

	while (lives(read_file(name)) && dro_now_ms() < until)
		usleep(5000);
	ck_assert_msg(!lives(read_file(name)), "the process of %s lives on", name);
}

START_TEST(says_how_it_ended)
{
	struct dro_job_status status;

	ck_assert_int_eq(look().state, DRO_JOB_NONE);
	ck_assert_msg(start("echo $WORD $HOME; exit 7", 30000) == 0, "%s", err.message);
	status = wait_end();
	ck_assert_int_eq(status.exit_code, 7);
	ck_assert_int_eq(status.signal, 0);
	ck_assert(!status.late);
	ck_assert_str_eq(read_file("work.out"), "told"); /* of ours it has nothing */
	ck_assert_int_eq(start("kill -9 $$", 30000), 0);
	status = wait_end();
	ck_assert_int_eq(status.exit_code, -1);
	ck_assert_int_eq(status.signal, SIGKILL);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_an_end)
{
	char *const argv[] = {"/nonexistent/program", NULL};
	char *const env[] = {NULL};
	const struct dro_job job = {
		.path = path, .argv = argv, .env = env, .folder = folder, .timeout_ms = 30000};

	ck_assert_int_eq(dro_job_start(&job, &err), 0);
	ck_assert_int_eq(wait_end().exit_code, 127);
}
END_TEST

START_TEST(it_is_killed_at_its_deadline_with_its_children)
{
	struct dro_job_status status;

	ck_assert_int_eq(start("sleep 60 & echo $! >child; wait", 300), 0);
	status = wait_end();
	ck_assert(status.late);
	ck_assert_int_eq(status.signal, SIGKILL);
	wait_gone("child");
}
END_TEST

START_TEST(it_goes_on_without_who_started_it_and_is_started_once)
{
	pid_t starter = fork();

	if (starter == 0) {
		start("echo begun >>often; echo $$ >pid; sleep 60", 60000);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(starter, NULL, 0), starter);
	wait_file("pid");
	ck_assert_int_eq(look().state, DRO_JOB_RUNS);
	ck_assert_int_eq(start("echo twice >often", 60000), 0);
	ck_assert_int_eq(look().state, DRO_JOB_RUNS);
	ck_assert_str_eq(read_file("often"), "begun");
	ck_assert_msg(dro_job_stop(path, &err) == 0, "%s", err.message);
	wait_gone("pid");
	ck_assert_str_eq(read_file("often"), "begun");
}
END_TEST

START_TEST(it_dies_with_its_keeper)
{
	ck_assert_int_eq(start("echo $PPID >keeper; echo $$ >pid; sleep 60", 60000), 0);
	wait_file("pid");
	ck_assert_int_eq(kill((pid_t)strtol(read_file("keeper"), NULL, 10), SIGKILL), 0);
	wait_gone("pid");
	/* Nobody knows how it ended: it may be started again. */
	ck_assert_int_eq(look().state, DRO_JOB_NONE);
	ck_assert_int_eq(start("exit 0", 30000), 0);
	ck_assert_int_eq(wait_end().exit_code, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job");
	TCase *cases = tcase_create("job");
	SRunner *runner;
	int failed;

	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, says_how_it_ended);
	tcase_add_test(cases, a_program_that_is_not_there_is_an_end);
	tcase_add_test(cases, it_is_killed_at_its_deadline_with_its_children);
	tcase_add_test(cases, it_goes_on_without_who_started_it_and_is_started_once);
	tcase_add_test(cases, it_dies_with_its_keeper);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
