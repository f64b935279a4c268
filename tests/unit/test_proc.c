/* Child processes: bounded in time and in what they may say, and nothing of them stays. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"

#define SOON (dro_now_ms() + 30000)

static struct dro_error err = DRO_ERROR_INIT;

static int shell(const char *script, const struct dro_buf *input, struct dro_buf *out,
	struct dro_buf *errors, uint64_t deadline_ms, struct dro_proc_result *result)
{
	char *const argv[] = {"sh", "-c", (char *)script, NULL};

	return dro_proc_run(argv, NULL, input, out, errors, deadline_ms, result, &err);
}

START_TEST(says_how_it_ended)
{
	struct dro_buf out = DRO_BUF_INIT(100), errors = DRO_BUF_INIT(100);
	struct dro_proc_result result;

	ck_assert_int_eq(
		shell("echo data; echo words >&2; exit 7", NULL, &out, &errors, SOON, &result), 0);
	ck_assert_int_eq(result.exit_code, 7);
	ck_assert_int_eq(result.signal, 0);
	ck_assert_str_eq(dro_buf_str(&out), "data\n");
	ck_assert_str_eq(dro_buf_str(&errors), "words\n");
	ck_assert_int_eq(shell("kill -9 $$", NULL, NULL, NULL, SOON, &result), 0);
	ck_assert_int_eq(result.exit_code, -1);
	ck_assert_int_eq(result.signal, SIGKILL);
	dro_buf_free(&out);
	dro_buf_free(&errors);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_named)
{
	char *const argv[] = {"no-such-program", NULL};
	struct dro_proc_result result;

	ck_assert_int_eq(
		dro_proc_run(argv, NULL, NULL, NULL, NULL, SOON, &result, &err), DRO_ENOTFOUND);
	ck_assert_ptr_nonnull(strstr(err.message, "no-such-program"));
}
END_TEST

START_TEST(input_and_output_flow_at_once)
{
	struct dro_buf input = DRO_BUF_INIT(1 << 20), out = DRO_BUF_INIT(1 << 20);
	struct dro_proc_result result;
	int i;

	for (i = 0; i < 1 << 16; i++)
		dro_buf_puts(&input, "0123456789abcde\n");
	/* More than the pipes hold, both ways: who writes first and reads later would hang. */
	ck_assert_int_eq(shell("cat; cat >&2 </dev/null", &input, &out, NULL, SOON, &result), 0);
	ck_assert_uint_eq(out.length, input.length);
	ck_assert_int_eq(memcmp(out.data, input.data, input.length), 0);
	dro_buf_free(&out);
	/* Standard error alone, and nobody wants it. */
	ck_assert_int_eq(
		shell("head -c 1000000 /dev/zero >&2", NULL, NULL, NULL, SOON, &result), 0);
	ck_assert_int_eq(result.exit_code, 0);
	dro_buf_free(&input);
}
END_TEST

START_TEST(a_child_that_does_not_read_is_no_trouble)
{
	struct dro_buf input = DRO_BUF_INIT(1 << 20);
	struct dro_proc_result result;
	int i;

	for (i = 0; i < 1 << 16; i++)
		dro_buf_puts(&input, "0123456789abcde\n");
	ck_assert_int_eq(shell("exit 3", &input, NULL, NULL, SOON, &result), 0);
	ck_assert_int_eq(result.exit_code, 3);
	ck_assert_int_eq(shell("exec 0<&-; echo x", &input, NULL, NULL, SOON, &result), 0);
	ck_assert_int_eq(result.exit_code, 0);
	dro_buf_free(&input);
}
END_TEST

START_TEST(too_much_output_ends_it)
{
	struct dro_buf out = DRO_BUF_INIT(1000);
	struct dro_proc_result result;

	ck_assert_int_eq(shell("exec cat /dev/zero", NULL, &out, NULL, SOON, &result), DRO_EINVAL);
	ck_assert_str_eq(err.message, "sh: more than 1000 bytes");
	dro_buf_free(&out);
}
END_TEST

/* Gone, once it has been reaped by whoever inherits it. */
static bool is_gone(pid_t pid)
{
	char path[64], line[256], *state;
	FILE *stat;
	bool gone = true;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "r");
	if (!stat)
		return true;
	if (fgets(line, sizeof(line), stat) && (state = strrchr(line, ')')))
		gone = state[2] == 'Z' || state[2] == 'X';
	fclose(stat);
	return gone;
}

START_TEST(the_deadline_ends_the_whole_group)
{
	static const char *const scripts[] = {
		/* the group keeps the output open */
		"trap '' TERM INT; sleep 300 & echo $!; wait",
		/* the child closed its outputs and goes on */
		"sleep 300 & echo $!; exec >&- 2>&-; wait",
	};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct dro_buf out = DRO_BUF_INIT(100);
		struct dro_proc_result result;
		uint64_t began = dro_now_ms();
		pid_t grandchild;
		int tries;

		ck_assert_int_eq(
			shell(scripts[i], NULL, &out, NULL, began + 1500, &result), DRO_ETIMEDOUT);
		ck_assert_uint_lt(dro_now_ms() - began, 30000);
		ck_assert_str_eq(err.message, "sh: it did not end in time");
		grandchild = (pid_t)strtol(dro_buf_str(&out), NULL, 10);
		ck_assert_int_gt(grandchild, 1);
		for (tries = 0; tries < 500 && !is_gone(grandchild); tries++)
			usleep(10000);
		ck_assert(is_gone(grandchild));
		dro_buf_free(&out);
	}
}
END_TEST

START_TEST(only_what_is_given_is_inherited)
{
	char *const argv[] = {"/bin/sh", "-c",
		"echo \"$CANARY$ONLY\"; for f in /proc/self/fd/*; do echo ${f##*/}; done", NULL};
	char *const env[] = {"ONLY=this", NULL};
	struct dro_buf out = DRO_BUF_INIT(1000);
	struct dro_proc_result result;
	int fd = open("/dev/null", O_RDONLY); /* not marked close-on-exec */
	int high = fcntl(fd, F_DUPFD, 90);

	setenv("CANARY", "secret", 1);
	ck_assert_int_eq(dro_proc_run(argv, env, NULL, &out, NULL, SOON, &result, &err), 0);
	ck_assert_int_eq(strncmp(out.data, "this\n", 5), 0);
	ck_assert_ptr_null(strstr(out.data, "\n90\n"));
	close(fd);
	close(high);
	dro_buf_free(&out);
}
END_TEST

static int first_line(void *arg, const char *data, size_t length, struct dro_error *error)
{
	dro_buf_append(arg, data, length);
	return strchr(dro_buf_str(arg), '\n') ? dro_fail(error, DRO_EIO, "enough") : 0;
}

START_TEST(is_listened_to_and_stopped)
{
	char *const argv[] = {"/bin/sh", "-c", "echo it; exec sleep 1000", NULL};
	struct dro_buf out = DRO_BUF_INIT(1000);
	struct dro_proc proc = {
		.argv = argv, .out = first_line, .arg = &out, .stop = -1, .deadline_ms = SOON};
	struct dro_proc_result result;
	int ends[2];

	ck_assert_int_eq(dro_proc_watch(&proc, &result, &err), DRO_EIO);
	ck_assert_str_eq(err.message, "/bin/sh: enough");
	ck_assert_str_eq(dro_buf_str(&out), "it\n");
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	proc.stop = ends[0];
	proc.out = NULL;
	ck_assert_int_eq(dro_proc_watch(&proc, &result, &err), DRO_ECANCELLED);
	close(ends[0]);
	close(ends[1]);
	dro_buf_free(&out);
}
END_TEST

/* It may put things in order when it is ended; what does not is killed with all that it started. */
START_TEST(one_that_is_ended_has_its_grace)
{
	static const struct {
		const char *script;
		uint64_t least, most;
	} cases[] = {{"trap 'exit 0' TERM; sleep 30 & wait", 150, 650},
		{"trap '' TERM; sleep 30; sleep 30", 650, 3000}};
	char *argv[] = {"sh", "-c", (char *)cases[_i].script, NULL};
	uint64_t began = dro_now_ms(), took;
	struct dro_proc_result result;

	ck_assert_int_eq(dro_proc_watch(&(struct dro_proc){.argv = argv,
						.stop = -1,
						.deadline_ms = began + 200,
						.grace_ms = 500},
				 &result, &err),
		DRO_ETIMEDOUT);
	took = dro_now_ms() - began;
	ck_assert_uint_ge(took, cases[_i].least);
	ck_assert_uint_lt(took, cases[_i].most);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("proc");
	TCase *tests = tcase_create("proc");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 90);
	tcase_add_test(tests, says_how_it_ended);
	tcase_add_test(tests, a_program_that_is_not_there_is_named);
	tcase_add_test(tests, input_and_output_flow_at_once);
	tcase_add_test(tests, a_child_that_does_not_read_is_no_trouble);
	tcase_add_test(tests, too_much_output_ends_it);
	tcase_add_test(tests, the_deadline_ends_the_whole_group);
	tcase_add_loop_test(tests, one_that_is_ended_has_its_grace, 0, 2);
	tcase_add_test(tests, only_what_is_given_is_inherited);
	tcase_add_test(tests, is_listened_to_and_stopped);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
