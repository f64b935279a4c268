#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/diverged.h"
#include "agent/gtid.h"
#include "agent/guard.h"
#include "agent/heard.h"
#include "agent/rejoin.h"
#include "agent/roles.h"
#include "agent/session.h"
#include "base/clock.h"
#include "base/file.h"

static char dir[] = "/tmp/drorch-guard-XXXXXX";
static struct agent_config config;

static void setup(void)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	config = (struct agent_config){.service = "memphis",
		.site = "main",
		.state = dir,
		.database = {.role = AGENT_ROLE_PRIMARY}};
}

static void teardown(void)
{
	dro_dir_remove(dir, NULL);
}

static uint64_t soon(void)
{
	return dro_now_ms() + 5000;
}

static void read_file(struct dro_buf *out, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	dro_buf_reset(out);
	ck_assert_int_eq(dro_file_read(out, path, NULL), 0);
}

static void write_file(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_int_eq(dro_file_write(path, text, strlen(text), 0600, NULL), 0);
}

/* ---- who was heard ------------------------------------------------------------------------ */

static int64_t heard(enum agent_heard which)
{
	int64_t at;

	ck_assert_int_eq(agent_heard_read(&at, &config, which, NULL), 0);
	return at;
}

START_TEST(later_words_count)
{
	ck_assert_int_eq(heard(AGENT_HEARD_CONTROLLER), 0);
	ck_assert_int_eq(agent_heard_touch(&config, AGENT_HEARD_CONTROLLER, 5000, 0, NULL), 0);
	ck_assert_int_eq(agent_heard_touch(&config, AGENT_HEARD_CONTROLLER, 4000, 0, NULL), 0);
	ck_assert_int_eq(heard(AGENT_HEARD_CONTROLLER), 5000);
	ck_assert_int_eq(heard(AGENT_HEARD_PEER), 0);
	/* What was promised is taken back by whoever promised it, and by nobody else. */
	ck_assert_int_eq(agent_heard_touch(&config, AGENT_HEARD_CONTROLLER, 9000, 0, NULL), 0);
	ck_assert_int_eq(agent_heard_touch(&config, AGENT_HEARD_CONTROLLER, 6000, 8000, NULL), 0);
	ck_assert_int_eq(heard(AGENT_HEARD_CONTROLLER), 9000);
	ck_assert_int_eq(agent_heard_touch(&config, AGENT_HEARD_CONTROLLER, 6000, 9000, NULL), 0);
	ck_assert_int_eq(heard(AGENT_HEARD_CONTROLLER), 6000);
}
END_TEST

START_TEST(another_boot_was_never_heard)
{
	write_file("heard", "9d1c4c1e-0000-0000-0000-000000000000 00000000000000005000\n");
	ck_assert_int_eq(heard(AGENT_HEARD_CONTROLLER), 0);
	write_file("heard", "nonsense");
	ck_assert_int_eq(heard(AGENT_HEARD_CONTROLLER), 0);
	write_file("heard", "");
	ck_assert_int_eq(heard(AGENT_HEARD_CONTROLLER), 0);
	ck_assert_int_eq(agent_heard_touch(&config, AGENT_HEARD_CONTROLLER, 5, 0, NULL), 0);
	ck_assert_int_eq(heard(AGENT_HEARD_CONTROLLER), 5);
}
END_TEST

/* What a session answers to `text`; what is in it came all at once. */
static void talk(const char *text, struct dro_buf *answers)
{
	struct dro_error err = DRO_ERROR_INIT;
	char in[128], out[128];
	int from, to;

	write_file("in", text);
	snprintf(in, sizeof(in), "%s/in", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	from = open(in, O_RDONLY);
	to = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_msg(agent_session(&config, from, to, NULL, &err) == 0, "%s", err.message);
	close(from);
	close(to);
	read_file(answers, "out");
}

START_TEST(a_request_proves_the_answer_before_it)
{
	struct dro_buf answers = DRO_BUF_INIT(1 << 20);
	int64_t before = agent_boot_ms(), at;

	talk("{\"id\":\"1\",\"verb\":\"hello\"}\n{\"id\":\"2\",\"verb\":\"hello\"}\n", &answers);
	at = heard(AGENT_HEARD_CONTROLLER);
	ck_assert_int_ge(at, before);
	ck_assert_int_le(at, agent_boot_ms());
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answers), "\"self_fenced\":false"));
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answers), "\"self_fence_within_ms\":null"));
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answers), "\"watched_ms\":null"));
	dro_buf_free(&answers);
}
END_TEST

START_TEST(an_older_epoch_does_not_count)
{
	struct dro_buf answers = DRO_BUF_INIT(1 << 20);
	struct agent_lease lease;

	ck_assert_int_eq(agent_lease_begin(&lease, &config, 5, "freeze", false, soon(), NULL), 0);
	talk("{\"id\":\"1\",\"verb\":\"hello\",\"epoch\":4}\n", &answers);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&answers), "\"result\""));
	ck_assert_int_eq(heard(AGENT_HEARD_CONTROLLER), 0);
	talk("{\"id\":\"1\",\"verb\":\"hello\",\"epoch\":5}\n", &answers);
	ck_assert_int_gt(heard(AGENT_HEARD_CONTROLLER), 0);
	dro_buf_free(&answers);
}
END_TEST

/* ---- a fence of our own ------------------------------------------------------------------- */

START_TEST(a_verb_that_has_begun_wins)
{
	struct agent_lease seen, session, now;
	struct dro_error err = DRO_ERROR_INIT;

	ck_assert_int_eq(agent_lease_read(&seen, &config, soon(), NULL), 0);
	ck_assert_int_eq(
		agent_lease_begin(&session, &config, 2, "promote", false, soon(), NULL), 0);
	ck_assert_int_eq(agent_lease_fence_self(&seen, &config, soon(), &err), DRO_ESAFETY);
	ck_assert_int_eq(agent_lease_end(&session, &config, soon(), NULL), 0);
	ck_assert_int_eq(agent_lease_read(&now, &config, soon(), NULL), 0);
	ck_assert(!now.fenced && !now.self_fenced_ms);
	ck_assert_int_eq(agent_lease_fence_self(&now, &config, soon(), &err), 0);
	ck_assert(now.fenced && now.self_fenced_ms);
	ck_assert_int_eq(now.epoch, 2);
	ck_assert_int_eq(agent_lease_read(&now, &config, soon(), NULL), 0);
	ck_assert(now.fenced && now.self_fenced_ms); /* from its beginning on */
}
END_TEST

/* ---- the role log ------------------------------------------------------------------------- */

static int lines(const char *name)
{
	struct dro_buf text = DRO_BUF_INIT(4 << 20);
	const char *at;
	int count = 0;

	read_file(&text, name);
	for (at = dro_buf_str(&text); (at = strchr(at, '\n')); at++)
		count++;
	dro_buf_free(&text);
	return count;
}

START_TEST(only_changes_are_logged_and_only_in_turn)
{
	struct agent_turn turn = {.config = &config, .role = AGENT_ROLE_PRIMARY, .cause = "thaw"};
	struct agent_lease newer;

	ck_assert_int_eq(
		agent_lease_begin(&turn.lease, &config, 1, "thaw", false, soon(), NULL), 0);
	ck_assert_int_eq(agent_turn_opens(&turn, soon(), NULL), 0);
	ck_assert_int_eq(agent_turn_opens(&turn, soon(), NULL), 0);
	ck_assert_int_eq(lines("roles.jsonl"), 1);
	ck_assert_int_eq(agent_turn_holds(&turn, soon(), NULL), 0);
	ck_assert_int_eq(agent_lease_begin(&newer, &config, 2, "fence", true, soon(), NULL), 0);
	ck_assert_int_eq(agent_turn_opens(&turn, soon(), NULL), DRO_ESAFETY);
	ck_assert_int_eq(agent_turn_holds(&turn, soon(), NULL), DRO_ESAFETY);
	agent_turn_closed(&turn, soon());
	ck_assert_int_eq(lines("roles.jsonl"), 1);
	/* A look says nothing of "closed" while a verb is under way. */
	ck_assert_int_eq(agent_roles_found(&config, &newer, false, soon(), NULL), 0);
	ck_assert_int_eq(lines("roles.jsonl"), 1);
	ck_assert_int_eq(agent_lease_end(&newer, &config, soon(), NULL), 0);
	ck_assert_int_eq(agent_lease_read(&newer, &config, soon(), NULL), 0);
	ck_assert_int_eq(agent_roles_found(&config, &newer, false, soon(), NULL), 0);
	ck_assert_int_eq(lines("roles.jsonl"), 2);
}
END_TEST

START_TEST(role_log_is_bounded_and_survives_a_torn_line)
{
	struct agent_turn turn = {.config = &config, .role = AGENT_ROLE_PRIMARY, .cause = "thaw"};
	char *text = malloc((1 << 20) + 2);

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(
		agent_lease_begin(&turn.lease, &config, 1, "thaw", false, soon(), NULL), 0);
	write_file("roles.jsonl", "{\"at\":\"20");
	ck_assert_int_eq(agent_turn_opens(&turn, soon(), NULL), 0);
	ck_assert_int_eq(lines("roles.jsonl"), 2);
	memset(text, 'x', 1 << 20);
	memcpy(text + (1 << 20), "\n", 2);
	write_file("roles.jsonl", text);
	agent_turn_closed(&turn, soon());
	ck_assert_int_eq(lines("roles.jsonl"), 1);
	ck_assert_int_eq(lines("roles.1.jsonl"), 1);
	free(text);
}
END_TEST

/* ---- GTIDs -------------------------------------------------------------------------------- */

static const struct {
	const char *here, *there, *common, *last;
	bool beyond;
} histories[] = {
	{"", "0-1-5", "", "", false},
	{"0-1-5", "0-1-5,0-2-9", "0-1-5", "0-1-5", false},
	{"0-1-105", "0-1-100,0-2-120", "0-1-100", "0-1-100", true},
	/* Twice primary: what it has of its first time does not hide the second. */
	{"0-2-50,0-1-105", "0-1-30,0-2-120", "0-1-30,0-2-50", "0-2-50", true},
	/* A server that was made from a copy remembers the last one only. */
	{"0-3-40,0-2-50,0-1-105", "0-1-105", "0-3-40,0-2-50,0-1-105", "0-1-105", false},
	{"0-3-40,0-2-50,0-1-105", "0-1-100,0-2-110", "0-3-40,0-2-50,0-1-100", "0-1-100", true},
	{"0-1-7,5-1-9", "0-1-7", "0-1-7", "0-1-7", true},
	{"0-1-7,5-1-9", "5-1-9,0-1-6", "0-1-6,5-1-9", "0-1-6,5-1-9", true},
};

START_TEST(histories_part)
{
	struct agent_gtids here = {.count = 0}, there = {.count = 0}, common, last;
	struct dro_buf text = DRO_BUF_INIT(4096);

	ck_assert_int_eq(agent_gtids_add(&here, histories[_i].here, NULL), 0);
	ck_assert_int_eq(agent_gtids_add(&there, histories[_i].there, NULL), 0);
	ck_assert_int_eq(agent_gtids_beyond(&here, &there), histories[_i].beyond);
	agent_gtids_common(&common, &here, &there);
	agent_gtids_print(&text, &common);
	ck_assert_str_eq(dro_buf_str(&text), histories[_i].common);
	dro_buf_reset(&text);
	agent_gtids_last(&last, &common);
	agent_gtids_print(&text, &last);
	ck_assert_str_eq(dro_buf_str(&text), histories[_i].last);
	dro_buf_free(&text);
}
END_TEST

START_TEST(no_gtids)
{
	static const char *const texts[] = {
		"0-1", "0-1-", "a-1-2", "0-1-2;", "-1-1-1", "0-1-2-3", "4294967296-1-1"};
	struct agent_gtids gtids = {.count = 0};

	ck_assert_int_eq(agent_gtids_add(&gtids, texts[_i], NULL), DRO_EPROTO);
}
END_TEST

/* Whatever the binary logs hold, it is said and not read past. */
START_TEST(binary_logs_that_make_no_sense)
{
	static const char *const texts[] = {"",
		"\xfe"
		"bin",
		"text",
		"\xfe"
		"bin0123456789\xff\xff\xff\xff 0123456789"};
	struct agent_gtids common = {.count = 0};
	struct dro_error err = DRO_ERROR_INIT;
	struct agent_logs logs;
	char index[128];

	write_file("binlog.000001", texts[_i]);
	write_file("binlog.index", "./binlog.000001\n");
	snprintf(index, sizeof(index), "%s/binlog.index", dir);
	ck_assert_int_eq(agent_logs_find(&logs, index, &common, &err), DRO_EUNSUPPORTED);
	agent_logs_free(&logs);
}
END_TEST

START_TEST(a_rejoin_is_remembered)
{
	struct agent_rejoin rejoin, wrote = {.begun = true, .slave_pos = "0-1-5"};
	struct dro_error err = DRO_ERROR_INIT;

	ck_assert_int_eq(agent_rejoin_read(&rejoin, &config, &err), 0);
	ck_assert(!rejoin.begun);
	memcpy(wrote.binlog_state, "0-1-5,0-2-3", 12);
	ck_assert_int_eq(agent_rejoin_write(&wrote, &config, &err), 0);
	ck_assert_int_eq(agent_rejoin_read(&rejoin, &config, &err), 0);
	ck_assert(rejoin.begun && !rejoin.reseed);
	ck_assert_str_eq(rejoin.binlog_state, "0-1-5,0-2-3");
	wrote.begun = false;
	ck_assert_int_eq(agent_rejoin_write(&wrote, &config, &err), 0);
	ck_assert_int_eq(agent_rejoin_read(&rejoin, &config, &err), 0);
	ck_assert(!rejoin.begun);
	write_file("rejoin.json", "{}");
	ck_assert_int_eq(agent_rejoin_read(&rejoin, &config, &err), DRO_ECORRUPT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guard");
	TCase *tests = tcase_create("guard");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, later_words_count);
	tcase_add_test(tests, another_boot_was_never_heard);
	tcase_add_test(tests, a_request_proves_the_answer_before_it);
	tcase_add_test(tests, an_older_epoch_does_not_count);
	tcase_add_test(tests, a_verb_that_has_begun_wins);
	tcase_add_test(tests, only_changes_are_logged_and_only_in_turn);
	tcase_add_test(tests, role_log_is_bounded_and_survives_a_torn_line);
	tcase_add_loop_test(
		tests, histories_part, 0, (int)(sizeof(histories) / sizeof(histories[0])));
	tcase_add_loop_test(tests, no_gtids, 0, 7);
	tcase_add_loop_test(tests, binary_logs_that_make_no_sense, 0, 4);
	tcase_add_test(tests, a_rejoin_is_remembered);
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
