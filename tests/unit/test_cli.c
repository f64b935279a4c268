/* The command line as a library: reading argv by the table, and printing. */
#include "cli/cli.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/follow.h"
#include "cli/print.h"

static struct dro_cli cli;
static char *words[80];

/* What usage errors say is not this test's output. */
static void set_up(void)
{
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
}

/* Reads "drorch LINE", split at blanks. */
static int parse(const char *line)
{
	static char text[2000];
	char *argv[90], *at = text, *word;
	int argc = 0;

	snprintf(text, sizeof(text), "drorch %s", line);
	while ((word = strsep(&at, " ")) && argc < 80)
		if (*word)
			argv[argc++] = word;
	argv[argc] = NULL;
	cli = (struct dro_cli){.args = words, .log = {.level = DRO_LOG_WARNING, .fd = 2}};
	return dro_cli_parse(&cli, argc, argv);
}

START_TEST(the_table_is_sound)
{
	const struct dro_cli_command *command, *other;
	const struct dro_cli_option *option, *global, *again;

	for (command = dro_cli_commands; command->name; command++) {
		ck_assert(command->run && *command->summary && command->least >= 0);
		ck_assert(command->most < 0 || command->most >= command->least);
		ck_assert_msg((command->most == 0) == !*command->arguments, "%s", command->name);
		for (other = command + 1; other->name; other++)
			ck_assert_str_ne(command->name, other->name);
		for (option = command->options; option && option->name; option++) {
			for (global = dro_cli_globals; global->name; global++)
				ck_assert_msg(strcmp(option->name, global->name) != 0 &&
						      (!option->letter ||
							      option->letter != global->letter),
					"%s --%s", command->name, option->name);
			for (again = option + 1; again->name; again++)
				ck_assert_msg(strcmp(option->name, again->name) != 0 &&
						      (!option->letter ||
							      option->letter != again->letter),
					"%s --%s", command->name, option->name);
		}
	}
}
END_TEST

START_TEST(options_may_stand_anywhere)
{
	static const char *const lines[] = {"promote tier2 -b id --dry-run -ojson -vv",
		"-o json -v promote -v --backup=id tier2 -n", "-vvo json promote -nb id -- tier2",
		"--output json promote --backup id tier2 -nvv"};
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ck_assert_msg(parse(lines[i]) == 0, "%s", lines[i]);
		ck_assert_str_eq(cli.command->name, "promote");
		ck_assert_int_eq(cli.arg_count, 1);
		ck_assert_str_eq(cli.args[0], "tier2");
		ck_assert_str_eq(dro_cli_value(&cli, "backup"), "id");
		ck_assert(dro_cli_flag(&cli, "dry-run") && !dro_cli_flag(&cli, "confirm"));
		ck_assert(cli.json);
		ck_assert_int_eq(cli.log.level, DRO_LOG_DEBUG);
	}
}
END_TEST

START_TEST(words_are_what_they_are)
{
	ck_assert_int_eq(parse("backup list memphis"), 0);
	ck_assert_str_eq(cli.command->name, "backup list");
	ck_assert_int_eq(cli.arg_count, 1);
	ck_assert_int_eq(parse("promote -- --help"), 0);
	ck_assert_str_eq(cli.args[0], "--help");
	ck_assert(!dro_cli_flag(&cli, "help"));
	ck_assert_int_eq(parse("validate -"), 0);
	ck_assert_str_eq(cli.args[0], "-");
	ck_assert_int_eq(parse("promote --reason --x a"), 0); /* a value is a value */
	ck_assert_str_eq(dro_cli_value(&cli, "reason"), "--x");
	ck_assert_int_eq(parse("--state= status"), 0);
	ck_assert_str_eq(dro_cli_value(&cli, "state"), "");
	ck_assert_int_eq(parse(""), 0);
	ck_assert_ptr_null(cli.command);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	static const char *const lines[] = {"statu", "-", "--", "- status", "backup",
		"backup -a list", "status --nonsense", "status -Z", "status --quiet=1", "status -o",
		"status --output", "status -o xml", "status --state a --state b", "status -q -v",
		"--=x status", "status -v=1"};
	char many[400] = "status";
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(parse(lines[i]) == (i == 2 ? 0 : DRO_EXIT_USAGE), "%s", lines[i]);
	for (i = 0; i < DRO_CLI_MAX_VALUES; i++)
		strncat(many, " -v", sizeof(many) - strlen(many) - 1);
	ck_assert_int_eq(parse(many), 0);
	strncat(many, " -v", sizeof(many) - strlen(many) - 1);
	ck_assert_int_eq(parse(many), DRO_EXIT_USAGE);
	ck_assert_int_eq(parse("promote"), 0);
	ck_assert_int_eq(dro_cli_check_arguments(&cli), DRO_EXIT_USAGE);
	ck_assert_int_eq(parse("promote a b"), 0);
	ck_assert_int_eq(dro_cli_check_arguments(&cli), DRO_EXIT_USAGE);
}
END_TEST

START_TEST(errors_have_their_exit_codes)
{
	static const struct {
		int code, exit_code;
	} codes[] = {{DRO_ENOTFOUND, 10}, {DRO_EBUSY, 11}, {DRO_EAUTH, 12}, {DRO_ESAFETY, 13},
		{DRO_ECANCELLED, 130}, {DRO_EIO, 1}, {DRO_EINVAL, 1}, {DRO_ETIMEDOUT, 1}};
	size_t i;

	ck_assert_int_eq(parse("status"), 0);
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct dro_error err = DRO_ERROR_INIT;

		dro_fail(&err, codes[i].code, "x");
		ck_assert_int_eq(dro_cli_error(&cli, &err), codes[i].exit_code);
	}
}
END_TEST

/* ---- printing -------------------------------------------------------------------------------- */

static char *printed;
static size_t printed_length;

START_TEST(tables_are_aligned_and_safe)
{
	static const char *const columns[] = {"NAME", "NOTE", "LAST", NULL};
	struct dro_table *table = dro_table_new(columns);
	FILE *out = open_memstream(&printed, &printed_length);

	dro_table_cell(table, "%s", "café");
	dro_table_cell(table, "%d%s", 1, "\033[2J");
	dro_table_cell(table, "%s", "");
	dro_table_cell(table, "%s", "longest name");
	dro_table_cell(table, "%s", "");
	dro_table_cell(table, "%s", "x\ny");
	dro_table_print(table, out);
	dro_table_print(NULL, out);
	dro_table_cell(NULL, "nothing");
	fclose(out);
	ck_assert_str_eq(printed, "NAME          NOTE      LAST\n"
				  "café          1\\x1b[2J\n"
				  "longest name            x\\x0ay\n");
	dro_table_free(table);
	dro_table_free(NULL);
	free(printed);
}
END_TEST

START_TEST(json_is_safe_for_a_terminal_and_says_the_same)
{
	static const char text[] = "\033[2J \xc2\x9b \xe2\x80\xae \xf3\xa0\x80\x81 é 😀 \xff";
	static const char said[] =
		"\033[2J \xc2\x9b \xe2\x80\xae \xf3\xa0\x80\x81 é 😀 \xef\xbf\xbd";
	FILE *out = open_memstream(&printed, &printed_length);
	cJSON *json = cJSON_CreateString(text), *again = NULL;

	dro_print_json(out, json);
	fclose(out);
	ck_assert_str_eq(printed, "\"\\u001b[2J \\u009b \\u202e \\udb40\\udc01 é 😀 \\ufffd\"\n");
	ck_assert_int_eq(dro_json_parse(&again, printed, printed_length, 1000, NULL), 0);
	ck_assert_str_eq(again->valuestring, said);
	cJSON_Delete(again);
	cJSON_Delete(json);
	free(printed);
}
END_TEST

START_TEST(the_outcome_is_held_against_the_objectives)
{
	struct dro_run_row run = {.id = "r-1",
		.service = "memphis",
		.kind = "promote",
		.mode = "cold",
		.from = "main",
		.to = "tier2",
		.state = "completed-with-exceptions",
		.outcome = "{\"recovery_time_ms\":61000,\"rto_ms\":120000,\"recovery_point_ms\":"
			   "7200000,\"rpo_ms\":3600000,\"exceptions\":[{\"step\":\"fence\","
			   "\"error\":\"gone\\u001b\"}]}"};
	FILE *out = open_memstream(&printed, &printed_length);

	dro_print_outcome(out, &run);
	run.state = "failed";
	run.outcome = "{\"error\":\"no capacity\"}";
	dro_print_outcome(out, &run);
	run.outcome = "not JSON";
	dro_print_outcome(out, &run);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(printed, "recovery time   1m 1s, objective 2m: met\n"));
	ck_assert_ptr_nonnull(strstr(printed, "recovery point  2h, objective 1h: MISSED\n"));
	ck_assert_ptr_nonnull(strstr(printed, "exception       fence: gone\\x1b\n"));
	ck_assert_ptr_nonnull(strstr(printed, "because         no capacity\n"));
	ck_assert_ptr_nonnull(strstr(printed, "`drorch resume r-1`"));
	free(printed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli");
	TCase *tests = tcase_create("cli");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, the_table_is_sound);
	tcase_add_test(tests, options_may_stand_anywhere);
	tcase_add_test(tests, words_are_what_they_are);
	tcase_add_test(tests, what_makes_no_sense_is_refused);
	tcase_add_test(tests, errors_have_their_exit_codes);
	tcase_add_test(tests, tables_are_aligned_and_safe);
	tcase_add_test(tests, json_is_safe_for_a_terminal_and_says_the_same);
	tcase_add_test(tests, the_outcome_is_held_against_the_objectives);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
