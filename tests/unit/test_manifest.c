#include "model/manifest.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

#define HEAD                                                                                       \
	"{\"format\":\"drorch-backup/1\",\"id\":\"20261120T195553Z-k3x7qa\","                      \
	"\"service\":\"memphis\",\"site\":\"main\",\"time\":\"2026-11-20T19:55:53Z\","             \
	"\"kind\":\"sqlite\",\"tool\":{\"name\":\"t\",\"version\":\"1\"},"
#define OBJECTS                                                                                    \
	"\"size\":30,\"objects\":[{\"key\":\"data/0\",\"size\":10,\"sha256\":\"" HASH_A "\"},"     \
	"{\"key\":\"data/1\",\"size\":20,\"sha256\":\"" HASH_B "\"}]}"
#define GOOD HEAD "\"mark\":{\"changes\":7}," OBJECTS

START_TEST(round_trip)
{
	struct dro_manifest *manifest, *again;
	struct dro_buf text = DRO_BUF_INIT(1 << 16), twice = DRO_BUF_INIT(1 << 16);
	cJSON *mark = cJSON_CreateObject();
	char key[32];
	int i;

	cJSON_AddNumberToObject(mark, "files", 3);
	ck_assert_int_eq(dro_manifest_new(&manifest, "20261120T195553Z-k3x7qa", "memphis", "main",
				 DRO_BACKUP_DIRECTORY, 1795204553120, NULL),
		0);
	ck_assert_int_eq(dro_manifest_mark(manifest, mark, NULL), 0);
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "data/%06d", i);
		ck_assert_int_eq(dro_manifest_add(manifest, key, (uint64_t)i, HASH_A, NULL), 0);
	}
	ck_assert_uint_eq(manifest->total, 4950);
	ck_assert_int_eq(dro_manifest_print(manifest, &text, NULL), 0);
	ck_assert_int_eq(dro_manifest_parse(&again, text.data, text.length, NULL), 0);
	ck_assert_int_eq(again->time_ms, 1795204553120);
	ck_assert_int_eq(again->kind, DRO_BACKUP_DIRECTORY);
	ck_assert_uint_eq(again->object_count, 100);
	ck_assert_str_eq(again->objects[99].key, "data/000099");
	ck_assert_str_eq(again->tool, "drorch-agent");
	ck_assert_int_eq(dro_manifest_print(again, &twice, NULL), 0);
	ck_assert_str_eq(dro_buf_str(&text), dro_buf_str(&twice));
	dro_manifest_free(manifest);
	dro_manifest_free(again);
	dro_buf_free(&text);
	dro_buf_free(&twice);
}
END_TEST

/* Text that a reader must refuse, and a word of why. */
static const struct {
	const char *text, *why;
	int code;
} bad[] = {
	{"", "not JSON", DRO_ECORRUPT},
	{"[]", "not a JSON object", DRO_ECORRUPT},
	{"{}", "format", DRO_ECORRUPT},
	{"{\"format\":\"drorch-backup/2\"}", "drorch-backup/2", DRO_EUNSUPPORTED},
	{GOOD "x", "after", DRO_ECORRUPT},
	{HEAD OBJECTS, "mark", DRO_ECORRUPT},
	{HEAD "\"mark\":3," OBJECTS, "mark", DRO_ECORRUPT},
	{HEAD "\"mark\":{},\"size\":0,\"objects\":[]}", "no objects", DRO_ECORRUPT},
	{HEAD "\"mark\":{},\"size\":0}", "no objects", DRO_ECORRUPT},
	{HEAD "\"mark\":{},\"size\":0,\"objects\":[3]}", "key", DRO_ECORRUPT},
	{HEAD "\"mark\":{},\"objects\":[{\"key\":\"a\",\"size\":1,\"sha256\":\"" HASH_A "\"}]}",
		"size", DRO_ECORRUPT},
	{HEAD "\"mark\":{},\"size\":2,\"objects\":[{\"key\":\"a\",\"size\":1,\"sha256\":\"" HASH_A
	      "\"}]}",
		"2 bytes", DRO_ECORRUPT},
	{HEAD "\"mark\":{},\"size\":1,\"objects\":[{\"key\":\"a\",\"size\":1,\"sha256\":\"abc\"}]}",
		"SHA-256", DRO_ECORRUPT},
	{HEAD "\"mark\":{},\"size\":-1,\"objects\":[{\"key\":\"a\",\"size\":-1,\"sha256\":\"" HASH_A
	      "\"}]}",
		"negative", DRO_ECORRUPT},
	{HEAD "\"mark\":{},\"size\":1,\"objects\":[{\"key\":\"../a\",\"size\":1,\"sha256\":"
	      "\"" HASH_A "\"}]}",
		"key", DRO_ECORRUPT},
	{HEAD "\"mark\":{},\"size\":2,\"objects\":[{\"key\":\"a\",\"size\":1,\"sha256\":\"" HASH_A
	      "\"},{\"key\":\"a\",\"size\":1,\"sha256\":\"" HASH_A "\"}]}",
		"twice", DRO_ECORRUPT},
};

START_TEST(refuses)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_manifest *manifest = NULL;
	int rc = dro_manifest_parse(&manifest, bad[_i].text, strlen(bad[_i].text), &err);

	ck_assert_msg(rc == bad[_i].code, "%s: %d %s", bad[_i].text, rc, err.message);
	ck_assert_int_eq(err.code, rc);
	ck_assert_msg(strstr(err.message, bad[_i].why), "%s: %s", bad[_i].text, err.message);
	ck_assert_ptr_null(manifest);
}
END_TEST

/* A good manifest with one thing put in place of another is refused. */
static const struct {
	const char *from, *to;
} swaps[] = {
	{"20261120T195553Z-k3x7qa", "../../etc"},
	{"20261120T195553Z-k3x7qa", ".hidden"},
	{"20261120T195553Z-k3x7qa", ""},
	{"20261120T195553Z-k3x7qa", "a/b"},
	{"\"memphis\"", "\"\""},
	{"\"memphis\"", "\"mem\\nphis\""},
	{"\"memphis\"", "\"mem\\u0000phis\""},
	{"\"main\"", "null"},
	{"2026-11-20T19:55:53Z", "yesterday"},
	{"2026-11-20T19:55:53Z", "1970-01-01T00:00:00Z"},
	{"\"sqlite\"", "\"tape\""},
	{"\"sqlite\"", "7"},
	{"data/0", "/data"},
	{"data/0", "data//0"},
	{"data/0", "data/./0"},
	{"data/0", "data/.."},
	{"data/0", "data\\\\0"},
	{"data/0", "manifest.json"},
	{HASH_A, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
	{"\"size\":10", "\"size\":9007199254740993"},
	{"\"size\":10", "\"size\":1e300"},
	{"\"size\":10", "\"size\":\"10\""},
};

START_TEST(refuses_swapped)
{
	const char *from = swaps[_i].from, *at = strstr(GOOD, from);
	struct dro_buf text = DRO_BUF_INIT(1 << 16);
	struct dro_manifest *manifest = NULL;
	struct dro_error err = DRO_ERROR_INIT;

	ck_assert_ptr_nonnull(at);
	dro_buf_append(&text, GOOD, strlen(GOOD) - strlen(at));
	dro_buf_puts(&text, swaps[_i].to);
	dro_buf_puts(&text, at + strlen(from));
	ck_assert_msg(dro_manifest_parse(&manifest, text.data, text.length, &err) == DRO_ECORRUPT,
		"%s", text.data);
	dro_buf_free(&text);
}
END_TEST

START_TEST(accepts_more_keys)
{
	static const char text[] = HEAD "\"later\":[1],\"mark\":{\"changes\":7}," OBJECTS;
	struct dro_manifest *manifest;
	struct dro_error err = DRO_ERROR_INIT;

	ck_assert_int_eq(dro_manifest_parse(&manifest, text, sizeof(text) - 1, &err), 0);
	ck_assert_uint_eq(manifest->total, 30);
	ck_assert_str_eq(manifest->objects[1].sha256, HASH_B);
	ck_assert_int_eq(dro_manifest_expect(manifest, manifest->id, "memphis", &err), 0);
	ck_assert_int_eq(dro_manifest_expect(manifest, manifest->id, "cairo", &err), DRO_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.message, "memphis"));
	ck_assert_int_eq(dro_manifest_expect(manifest, "other", "memphis", &err), DRO_ECORRUPT);
	dro_manifest_free(manifest);
}
END_TEST

#define REPOSITORY                                                                                 \
	"{\"format\":\"drorch-backup/1\",\"id\":\"20261120T195553Z-k3x7qa\","                      \
	"\"service\":\"memphis\",\"site\":\"main\",\"time\":\"2026-11-20T19:55:53Z\","             \
	"\"kind\":\"mariadb\",\"tool\":{\"name\":\"restic\",\"version\":\"0.14.0\"},"              \
	"\"mark\":{\"gtid\":\"0-1-5\"},"

/* What follows REPOSITORY, and a word of why it is refused; "" : it is not. */
static const struct {
	const char *text, *why;
} shared[] = {
	{"\"repository\":{\"name\":\".restic-1\",\"snapshot\":\"" HASH_A "\"},\"size\":12,", ""},
	{"\"size\":30,", "repository"},
	{"\"repository\":3,\"size\":30,", "repository"},
	{"\"repository\":{\"name\":\"restic\",\"snapshot\":\"" HASH_A "\"},\"size\":12,",
		"repository's name"},
	{"\"repository\":{\"name\":\"../x\",\"snapshot\":\"" HASH_A "\"},\"size\":12,",
		"repository's name"},
	{"\"repository\":{\"name\":\".restic-1\",\"snapshot\":\"latest\"},\"size\":12,",
		"snapshot's id"},
	{"\"repository\":{\"name\":\".restic-1\",\"snapshot\":\"" HASH_A "\"},\"size\":31,",
		"only 30"},
	{"\"repository\":{\"name\":\".restic-1\",\"snapshot\":\"" HASH_A "\"},\"size\":-1,",
		"gives -1"},
};

START_TEST(objects_of_a_repository)
{
	struct dro_buf text = DRO_BUF_INIT(1 << 16), again = DRO_BUF_INIT(1 << 16);
	struct dro_manifest *manifest = NULL;
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	dro_buf_printf(&text,
		"%s%s\"objects\":[{\"key\":\"data/0\",\"size\":10,\"sha256\":\"%s\"},"
		"{\"key\":\"data/1\",\"size\":20,\"sha256\":\"%s\"}]}",
		REPOSITORY, shared[_i].text, HASH_A, HASH_B);
	rc = dro_manifest_parse(&manifest, text.data, text.length, &err);
	if (*shared[_i].why) {
		ck_assert_int_eq(rc, DRO_ECORRUPT);
		ck_assert_msg(strstr(err.message, shared[_i].why), "%s", err.message);
	} else {
		ck_assert_msg(rc == 0, "%s", err.message);
		ck_assert_uint_eq(manifest->total, 12);
		ck_assert_str_eq(dro_manifest_folder(manifest), ".restic-1");
		ck_assert_str_eq(manifest->snapshot, HASH_A);
		ck_assert_int_eq(dro_manifest_print(manifest, &again, &err), 0);
		dro_manifest_free(manifest);
		ck_assert_int_eq(dro_manifest_parse(&manifest, again.data, again.length, &err), 0);
		ck_assert_uint_eq(manifest->total, 12);
		dro_manifest_free(manifest);
	}
	dro_buf_free(&text);
	dro_buf_free(&again);
}
END_TEST

START_TEST(ids_sort_by_time)
{
	char earlier[DRO_BACKUP_ID_MAX + 1], later[DRO_BACKUP_ID_MAX + 1];

	dro_backup_id_new(earlier, 1795204553120);
	dro_backup_id_new(later, 1795204554000);
	ck_assert_int_eq(strncmp(earlier, "20261120T195553Z-", 17), 0);
	ck_assert_uint_eq(strlen(earlier), 23);
	ck_assert(dro_backup_id_valid(earlier));
	ck_assert_int_lt(strcmp(earlier, later), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("manifest");
	TCase *tests = tcase_create("manifest");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, round_trip);
	tcase_add_loop_test(tests, refuses, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_loop_test(tests, refuses_swapped, 0, (int)(sizeof(swaps) / sizeof(swaps[0])));
	tcase_add_test(tests, accepts_more_keys);
	tcase_add_loop_test(
		tests, objects_of_a_repository, 0, (int)(sizeof(shared) / sizeof(shared[0])));
	tcase_add_test(tests, ids_sort_by_time);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
