#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

static const char *const words[] = {"strategy", "provider", "region", "restores", "health", "on"};
#define COUNT (sizeof(words) / sizeof(words[0]))

START_TEST(finds_typing_mistakes)
{
	ck_assert_str_eq(dro_nearest("stratgey", words, COUNT), "strategy");
	ck_assert_str_eq(dro_nearest("Provider", words, COUNT), "provider");
	ck_assert_str_eq(dro_nearest("restore", words, COUNT), "restores");
	ck_assert_str_eq(dro_nearest("no", words, COUNT), "on");
}
END_TEST

START_TEST(stays_silent_on_other_words)
{
	char huge[5000];

	memset(huge, 'x', sizeof(huge));
	huge[sizeof(huge) - 1] = '\0';
	ck_assert_ptr_null(dro_nearest("kubernetes", words, COUNT));
	ck_assert_ptr_null(dro_nearest("", words, COUNT));
	ck_assert_ptr_null(dro_nearest("x", words, COUNT));
	ck_assert_ptr_null(dro_nearest(huge, words, COUNT));
	ck_assert_ptr_null(dro_nearest("region", NULL, 0));
}
END_TEST

START_TEST(measures_distances)
{
	ck_assert_uint_eq(dro_edit_distance("ab", "ba", 9), 1);
	ck_assert_uint_eq(dro_edit_distance("kitten", "sitting", 9), 3);
	ck_assert_uint_eq(dro_edit_distance("", "abc", 9), 3);
	ck_assert_uint_eq(dro_edit_distance("abc", "abc", 0), 0);
	ck_assert_uint_eq(dro_edit_distance("abc", "xyz", 1), 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nearest");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, finds_typing_mistakes);
	tcase_add_test(tcase, stays_silent_on_other_words);
	tcase_add_test(tcase, measures_distances);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
