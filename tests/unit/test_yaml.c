#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "spec/text.h"
#include "spec/yaml.h"

static struct dro_report report;
static struct dro_yaml *yaml;

static void set_up(void)
{
	report = (struct dro_report)DRO_REPORT_INIT;
	yaml = NULL;
}

static void tear_down(void)
{
	dro_yaml_free(yaml);
	dro_report_fini(&report);
}

static const struct dro_yaml_node *parse_bytes(const char *data, size_t length)
{
	struct dro_error err = DRO_ERROR_INIT;

	tear_down();
	set_up();
	ck_assert_int_eq(dro_yaml_parse(&yaml, "f.yaml", data, length, &report, &err), 0);
	return yaml ? dro_yaml_root(yaml) : NULL;
}

static const struct dro_yaml_node *parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void refused(const char *data, size_t length, const char *words)
{
	parse_bytes(data, length);
	ck_assert_msg(report.count > 0, "accepted, wanted: %s", words);
	ck_assert_msg(strstr(report.items[0].message, words) != NULL, "'%s' has no '%s'",
		report.items[0].message, words);
}

/* `before`, `unit` many times, `after`. */
static char *repeat(const char *before, const char *unit, size_t times, const char *after)
{
	size_t head = strlen(before), length = strlen(unit), i;
	char *text = malloc(head + length * times + strlen(after) + 1);

	ck_assert_ptr_nonnull(text);
	memcpy(text, before, head);
	for (i = 0; i < times; i++)
		memcpy(text + head + i * length, unit, length);
	memcpy(text + head + length * times, after, strlen(after) + 1);
	return text;
}

START_TEST(keeps_places)
{
	const struct dro_yaml_node *root = parse("a: 1\nbé: {c: [x, 'y']}\n"), *node;

	ck_assert_ptr_nonnull(root);
	ck_assert_int_eq(root->kind, DRO_YAML_MAP);
	ck_assert_uint_eq(root->count, 2);
	node = root->first->next;
	ck_assert_str_eq(node->key->text, "bé");
	ck_assert_int_eq(node->place.line, 2);
	ck_assert_int_eq(node->place.column, 5);
	node = node->first->first->next;
	ck_assert_str_eq(node->text, "y");
	ck_assert(!node->plain);
	ck_assert_int_eq(node->place.column, 13);
	ck_assert_str_eq(node->place.file, "f.yaml");
}
END_TEST

START_TEST(reads_the_core_schema)
{
	static const struct {
		const char *text, *described;
		int64_t number;
	} cases[] = {
		{"NO", "text", 0},
		{"on", "text", 0},
		{"yes", "text", 0},
		{"True", "text", 0},
		{"true", "true or false", 0},
		{"~", "nothing", 0},
		{"null", "nothing", 0},
		{"''", "text in quotes", 0},
		{"'12'", "text in quotes", 0},
		{"0o17", "a number", 15},
		{"017", "a number", 17},
		{"0x1F", "a number", 31},
		{"-5", "a number", -5},
		{"+5", "a number", 5},
		{"1e999", "text", 0},
		{"1.5", "text", 0},
		{"1_000", "text", 0},
		{"12:30", "text", 0},
		{"99999999999999999999", "text", 0},
		{"0o", "text", 0},
		{"-", "a list", 0},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct dro_yaml_node *root = parse(cases[i].text);
		int64_t number = 0;

		ck_assert_msg(root != NULL, "%s", cases[i].text);
		ck_assert_str_eq(dro_yaml_describe(root), cases[i].described);
		dro_yaml_int(root, &number);
		ck_assert_int_eq(number, cases[i].number);
	}
}
END_TEST

START_TEST(takes_marks_and_line_ends)
{
	ck_assert_str_eq(parse("\xef\xbb\xbfkey: 1\r\n")->first->key->text, "key");
	ck_assert_int_eq(parse("\xef\xbb\xbfkey: 1\r\n")->place.column, 1);
	ck_assert_str_eq(parse("on: [a]")->first->key->text, "on");
	ck_assert_str_eq(parse("%YAML 1.2\n---\na: b\n")->first->text, "b");
}
END_TEST

START_TEST(refuses_what_is_no_text)
{
	refused("ab\0c", 4, "NUL");
	refused("\xff\xfe"
		"a\0",
		4, "UTF-16");
	refused("\xfe\xff\0a", 4, "UTF-16");
	refused("a\0:\0", 4, "UTF-16");
	refused("\0a\0:", 4, "UTF-16");
	refused("a: \xff", 4, "not UTF-8");
	refused("a: \xf4\x90\x80\x80", 7, "not UTF-8");
	refused("a: \xe2\x82", 5, "not UTF-8");
	refused("a: \x1b[31m", 8, "U+001B");
	refused("a: b\rc", 6, "U+000D");
	refused("a: \xe2\x80\xaey", 7, "U+202E");
	refused("a: \xe2\x81\xa6y", 7, "U+2066");
	refused("a: \xc2\x85y", 6, "U+0085");
	refused("\ta: 1", 5, "a tab");
	refused("", 0, "empty");
	refused("# nothing\n", 10, "empty");
}
END_TEST

static void refused_repeat(
	const char *before, const char *unit, size_t times, const char *after, const char *words)
{
	char *text = repeat(before, unit, times, after);

	refused(text, strlen(text), words);
	ck_assert_ptr_null(yaml);
	free(text);
}

START_TEST(bounds_what_is_huge)
{
	refused_repeat("", "[", 400000, "", "deeper than 64");
	refused_repeat("", "{a: ", 200000, "", "deeper than 64");
	refused_repeat("", "- ", 5000, "x", "deeper than 64");
	refused_repeat("", "? ", 5000, "x", "as a key");
	refused_repeat("", "x", 20u << 20, "", "bytes: a file has at most");
	refused_repeat("a: ", "x", (64u << 10) + 1, "", "a value of 65537 bytes");
	refused_repeat("a: \"", "x", 500000, "", "inside quotes");
	refused_repeat("a: &a [x]\nb: ", "&b ", 1, "[*a, *a, *a]", "anchor");
}
END_TEST

START_TEST(stays_fast_on_many_keys)
{
	char *text = repeat("", "k: 1\n", 150000, ""), *list;

	parse(text);
	ck_assert_uint_eq(report.count, DRO_YAML_ERRORS_MAX);
	ck_assert_uint_eq(dro_report_total(&report), 149999);
	free(text);
	list = repeat("[", "a,", 500000, "]");
	ck_assert_uint_eq(parse(list)->count, 500000);
	free(list);
}
END_TEST

START_TEST(takes_64_levels)
{
	char *open = repeat("", "[", 64, ""), *text = repeat(open, "]", 64, "");

	ck_assert_ptr_nonnull(parse(text));
	ck_assert_uint_eq(report.count, 0);
	free(open);
	free(text);
}
END_TEST

START_TEST(cuts_words_between_characters)
{
	char word[DRO_WORD_TEXT];

	ck_assert_str_eq(dro_word(word, "short"), "short");
	ck_assert_str_eq(dro_word(word, "0123456789012345678901234567890123456789x"),
		"0123456789012345678901234567890123456789…");
	ck_assert_str_eq(dro_word(word, "012345678901234567890123456789012345678éx"),
		"012345678901234567890123456789012345678…");
}
END_TEST

START_TEST(sorts_and_escapes_reports)
{
	struct dro_buf text = DRO_BUF_INIT(1 << 20);
	struct dro_place a = {"a", 2, 1}, b = {"a", 10, 1}, c = {"b", 0, 0};
	int i;

	dro_report_add(&report, &c, "third\x1b[2J");
	dro_report_add(&report, &b, "second");
	dro_report_add(&report, &a, "first");
	dro_report_add(&report, &b, "second again");
	dro_report_sort(&report);
	dro_report_print(&report, &text);
	ck_assert_str_eq(dro_buf_str(&text), "a:2:1: first\na:10:1: second\na:10:1: second "
					     "again\nb: third\\x1b[2J\n");
	for (i = 0; i < 2 * DRO_REPORT_MAX; i++)
		dro_report_add(&report, &a, "more");
	ck_assert_uint_eq(report.count, DRO_REPORT_MAX);
	ck_assert_uint_eq(dro_report_total(&report), 2 * DRO_REPORT_MAX + 4);
	dro_buf_free(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("yaml");
	TCase *tcase = tcase_create("yaml");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, keeps_places);
	tcase_add_test(tcase, reads_the_core_schema);
	tcase_add_test(tcase, takes_marks_and_line_ends);
	tcase_add_test(tcase, refuses_what_is_no_text);
	tcase_add_test(tcase, bounds_what_is_huge);
	tcase_add_test(tcase, stays_fast_on_many_keys);
	tcase_add_test(tcase, takes_64_levels);
	tcase_add_test(tcase, cuts_words_between_characters);
	tcase_add_test(tcase, sorts_and_escapes_reports);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
