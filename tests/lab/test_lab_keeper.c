/* The keeper: a stop gives time for an orderly end, however long the program has run before. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/keeper.h"

#define GRACE_MS 1000

static char mark[] = "/tmp/drorch-keeper-XXXXXX";
static pid_t keeper;
static int words; /* to its standard input */

static void pause_ms(uint32_t ms)
{
	dro_clock_real.sleep_ms(&dro_clock_real, ms);
}

static void say(const char *what)
{
	int fd = open(mark, O_WRONLY | O_APPEND);

	if (fd < 0 || write(fd, what, 1) != 1)
		_exit(1);
	close(fd);
}

/* Takes a while to end in order. */
static void ends(void *arg, const sigset_t *before)
{
	sigset_t wanted;
	int which;

	(void)arg;
	(void)before;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	say("b");
	sigwait(&wanted, &which);
	pause_ms(200);
	say("e");
	_exit(0);
}

static void hears_nothing(void *arg, const sigset_t *before)
{
	(void)arg;
	(void)before;
	say("b");
	for (;;)
		pause();
}

static size_t said(void)
{
	int fd = open(mark, O_RDONLY);
	char text[8];
	ssize_t got = read(fd, text, sizeof(text));

	close(fd);
	return got < 0 ? 0 : (size_t)got;
}

static void begin(void (*start)(void *arg, const sigset_t *before))
{
	uint64_t until = dro_now_ms() + 10000;
	int control[2];

	close(mkstemp(mark));
	ck_assert_int_eq(pipe(control), 0);
	keeper = fork();
	if (keeper == 0) {
		dup2(control[0], 0);
		close(control[0]);
		close(control[1]);
		_exit(lab_keeper_run(start, NULL, false, GRACE_MS));
	}
	close(control[0]);
	words = control[1];
	while (said() == 0 && dro_now_ms() < until)
		pause_ms(5);
}

/* How long it took from that word to the keeper's end. */
static uint64_t tell(char word)
{
	uint64_t began = dro_now_ms();

	ck_assert_int_eq(write(words, &word, 1), 1);
	ck_assert_int_eq(waitpid(keeper, NULL, 0), keeper);
	close(words);
	return dro_now_ms() - began;
}

static void teardown(void)
{
	unlink(mark);
}

START_TEST(a_stop_is_orderly_after_a_long_life)
{
	begin(ends);
	pause_ms(GRACE_MS + 300);
	tell(LAB_KEEPER_STOP);
	ck_assert_uint_eq(said(), 2);
}
END_TEST

START_TEST(a_stop_has_an_end)
{
	uint64_t took;

	begin(hears_nothing);
	took = tell(LAB_KEEPER_STOP);
	ck_assert(took >= GRACE_MS && took < GRACE_MS + 10000);
}
END_TEST

START_TEST(a_kill_leaves_no_last_word)
{
	begin(ends);
	tell(LAB_KEEPER_KILL);
	ck_assert_uint_eq(said(), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lab");
	TCase *tests = tcase_create("keeper");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_stop_is_orderly_after_a_long_life);
	tcase_add_test(tests, a_stop_has_an_end);
	tcase_add_test(tests, a_kill_leaves_no_last_word);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
