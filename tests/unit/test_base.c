/* error, buf, utf8, json, clock, hash, log, file, pool: what each header promises. */
#include <check.h>
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/utf8.h"

static struct dro_error err = DRO_ERROR_INIT;
static char folder[] = "/tmp/drorch-base-XXXXXX";

static void set_up(void)
{
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void)
{
	dro_dir_remove(folder, &err);
}

/* "FOLDER/NAME", until the next call. */
static const char *in_folder(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* ---- error ----------------------------------------------------------------------------------- */

START_TEST(errors_are_capped_and_keep_what_went_wrong)
{
	char long_text[4096];

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	ck_assert_int_eq(dro_fail(&err, DRO_EIO, "%s", long_text), DRO_EIO);
	ck_assert_uint_eq(strlen(err.message), sizeof(err.message) - 1);
	dro_fail(&err, DRO_EAUTH, "denied");
	ck_assert_int_eq(dro_error_context(&err, "aws"), DRO_EAUTH);
	ck_assert_str_eq(err.message, "aws: denied");
	/* A context that leaves no room is dropped: the message is the news. */
	ck_assert_int_eq(dro_error_context(&err, "%s", long_text), DRO_EAUTH);
	ck_assert_str_eq(err.message, "aws: denied");
	ck_assert_int_eq(dro_fail(NULL, DRO_EBUSY, "nobody listens"), DRO_EBUSY);
	ck_assert_str_eq(dro_code_name(DRO_EBUSY), "EBUSY");
	ck_assert_str_eq(dro_code_name(-1000), "EUNKNOWN");
	ck_assert_str_eq(dro_code_name(INT_MIN), "EUNKNOWN");
	ck_assert_str_eq(dro_code_name(7), "EUNKNOWN");
}
END_TEST

/* ---- buf ------------------------------------------------------------------------------------- */

START_TEST(a_buffer_fails_at_its_cap_and_stays_failed)
{
	struct dro_buf buf = DRO_BUF_INIT(5);
	char *text;

	ck_assert_str_eq(dro_buf_str(&buf), "");
	dro_buf_puts(&buf, "12345");
	ck_assert_int_eq(dro_buf_check(&buf, &err), 0);
	dro_buf_puts(&buf, "6");
	ck_assert_int_eq(dro_buf_check(&buf, &err), DRO_EINVAL);
	ck_assert_str_eq(err.message, "more than 5 bytes");
	ck_assert_str_eq(dro_buf_str(&buf), "12345");
	ck_assert_ptr_null(dro_buf_take(&buf));
	dro_buf_printf(&buf, "%s", "123456");
	ck_assert_int_eq(dro_buf_check(&buf, NULL), DRO_EINVAL);
	dro_buf_reset(&buf);
	dro_buf_printf(&buf, "%d", 42);
	text = dro_buf_take(&buf);
	ck_assert_str_eq(text, "42");
	free(text);
	text = dro_buf_take(&buf); /* of nothing: still a string */
	ck_assert_str_eq(text, "");
	free(text);
	dro_buf_append(&buf, "a\0b", 3);
	ck_assert_uint_eq(buf.length, 3);
	dro_buf_append(&buf, "x", SIZE_MAX);
	ck_assert_int_eq(buf.failed, DRO_EINVAL);
	dro_buf_free(&buf);
	dro_buf_free(NULL);
}
END_TEST

START_TEST(what_a_terminal_would_obey_is_escaped)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{"plain, and é, 漢, 😀", "plain, and é, 漢, 😀"},
		{"\033[2J\a\r\n\t", "\\x1b[2J\\x07\\x0d\\x0a\\x09"}, {"\x7f", "\\x7f"},
		{"\xc2\x9b"
		 "2J",
			"\\xc2\\x9b2J"}, /* C1, as UTF-8 */
		{"\x9b"
		 "2J",
			"\\x9b2J"},		       /* C1, as a byte */
		{"a\xe2\x80\xae", "a\\xe2\\x80\\xae"}, /* right-to-left override */
		{"\xe2\x80", "\\xe2\\x80"},	       /* cut */
		{"\xc0\xaf", "\\xc0\\xaf"},	       /* too long a form */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},   /* surrogate */
	};
	struct dro_buf out = DRO_BUF_INIT(200);
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		dro_buf_reset(&out);
		dro_buf_escape(&out, cases[i].text, strlen(cases[i].text));
		ck_assert_str_eq(dro_buf_str(&out), cases[i].shown);
	}
	dro_buf_free(&out);
}
END_TEST

/* ---- json ------------------------------------------------------------------------------------ */

static int parse(const char *text, size_t length)
{
	cJSON *json = NULL;
	int rc = dro_json_parse(&json, text, length, 4096, &err);

	cJSON_Delete(json);
	return rc;
}

static void *no_memory(size_t size)
{
	(void)size;
	errno = ENOMEM; /* as malloc does */
	return NULL;
}

START_TEST(json_without_memory_is_not_bad_json)
{
	cJSON_Hooks none = {no_memory, free};
	cJSON *json = NULL;
	int rc;

	cJSON_InitHooks(&none);
	rc = dro_json_parse(&json, "{\"a\":1}", 7, 4096, &err);
	cJSON_InitHooks(NULL);
	ck_assert_int_eq(rc, DRO_ENOMEM);
}
END_TEST

START_TEST(json_is_one_strict_document)
{
	static const char *const bad[] = {"", " ", "{", "{}x", "{} {}", "[1,]", "{\"a\":1,\"a\":2}",
		"{\"x\":[{\"k\":1,\"j\":2,\"k\":3}]}", "\"\\u0000\"", "{\"a\\u0000\":1}", "nul",
		"\"open", "\"\\ud800\"", "{'a':1}"};
	static const char *const good[] = {"{}", " [] \r\n", "\"\\\\u0000\"", "{\"a\":1,\"A\":2}",
		"{\"a\":{\"k\":1},\"b\":{\"k\":1}}", "null", "\"]]]]{{{{\""};
	char deep[300], *cut;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(parse(bad[i], strlen(bad[i])) == DRO_EPROTO, "%s", bad[i]);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(parse(good[i], strlen(good[i])) == 0, "%s: %s", good[i], err.message);
	ck_assert_int_eq(parse("[1]\0", 4), DRO_EPROTO);
	memset(deep, '[', 128);
	memset(deep + 64, ']', 64);
	ck_assert_int_eq(parse(deep, 128), 0);
	memset(deep, '[', 130);
	memset(deep + 65, ']', 65);
	ck_assert_int_eq(parse(deep, 130), DRO_EPROTO);
	ck_assert_ptr_nonnull(strstr(err.message, "deeper"));
	ck_assert_int_eq(parse("[]", 5000), DRO_EPROTO); /* the size first: nothing was read */
	/* Text without a NUL behind it: nothing past its end is looked at. */
	cut = malloc(3);
	memcpy(cut, "[1]", 3);
	ck_assert_int_eq(parse(cut, 3), 0);
	memcpy(cut, "\"a\\", 3);
	ck_assert_int_eq(parse(cut, 3), DRO_EPROTO);
	free(cut);
}
END_TEST

START_TEST(json_getters_name_what_is_wrong)
{
	static const char text[] = "{\"n\":7,\"big\":9007199254740993,\"most\":9007199254740991,"
				   "\"half\":0.5,\"huge\":1e999,\"s\":\"x\",\"b\":true,\"o\":{},"
				   "\"a\":[],\"none\":null}";
	const char *string;
	const cJSON *child;
	cJSON *json = NULL;
	int64_t number;
	bool flag;

	ck_assert_int_eq(dro_json_parse(&json, text, strlen(text), 4096, &err), 0);
	ck_assert_int_eq(dro_json_int(json, "n", 0, &number, &err), 0);
	ck_assert_int_eq(number, 7);
	ck_assert_int_eq(dro_json_int(json, "most", 0, &number, &err), 0);
	ck_assert_int_eq(number, 9007199254740991);
	ck_assert_int_eq(dro_json_int(json, "big", 0, &number, &err), DRO_EPROTO);
	ck_assert_int_eq(dro_json_int(json, "half", 0, &number, &err), DRO_EPROTO);
	ck_assert_int_eq(dro_json_int(json, "huge", 0, &number, &err), DRO_EPROTO);
	ck_assert_int_eq(dro_json_int(json, "s", 0, &number, &err), DRO_EPROTO);
	ck_assert_str_eq(err.message, "JSON key \"s\" is not a whole number");
	ck_assert_int_eq(dro_json_int(json, "N", -3, &number, &err), 0); /* case counts */
	ck_assert_int_eq(number, -3);
	ck_assert_int_eq(dro_json_int_need(json, "none", &number, &err), DRO_EPROTO);
	ck_assert_str_eq(err.message, "JSON key \"none\" is missing");
	ck_assert_int_eq(dro_json_string(json, "none", "else", &string, &err), 0);
	ck_assert_str_eq(string, "else");
	ck_assert_int_eq(dro_json_string_need(json, "n", &string, &err), DRO_EPROTO);
	ck_assert_int_eq(dro_json_string_need(json, "s", &string, &err), 0);
	ck_assert_str_eq(string, "x");
	ck_assert_int_eq(dro_json_bool(json, "b", false, &flag, &err), 0);
	ck_assert(flag);
	ck_assert_int_eq(dro_json_bool(json, "n", false, &flag, &err), DRO_EPROTO);
	ck_assert_int_eq(dro_json_object(json, "a", &child, &err), DRO_EPROTO);
	ck_assert_int_eq(dro_json_array(json, "absent", &child, &err), 0);
	ck_assert_ptr_null(child);
	ck_assert_str_eq(dro_json_text(json, "n"), "");
	ck_assert_str_eq(dro_json_text(NULL, "n"), "");
	cJSON_Delete(json);
}
END_TEST

START_TEST(quoted_text_comes_back)
{
	static const char text[] = "a \"b\" \\ \n \x01 \x7f é";
	struct dro_buf out = DRO_BUF_INIT(200), again = DRO_BUF_INIT(200);
	cJSON *json = NULL;

	dro_json_quote(&out, text);
	ck_assert_int_eq(dro_json_parse(&json, out.data, out.length, 200, &err), 0);
	ck_assert_str_eq(json->valuestring, text);
	dro_json_print(&again, json);
	ck_assert_int_eq(dro_buf_check(&again, &err), 0);
	cJSON_Delete(json);
	dro_buf_free(&out);
	dro_buf_free(&again);
}
END_TEST

/* ---- clock ----------------------------------------------------------------------------------- */

START_TEST(times_go_there_and_back)
{
	static const int64_t times[] = {0, 1, -1, -1000, 999, 1000, 951782400000, 1795204553120,
		253402300799999, -2208988800000};
	static const struct {
		const char *text;
		int64_t ms;
	} read[] = {{"2026-11-20T19:55:53.120Z", 1795204553120},
		{"2026-11-20T21:55:53.12+02:00", 1795204553120},
		{"2026-11-20T14:25:53.1209999-05:30", 1795204553120}, {"1970-01-01T00:00:00", 0},
		{"2000-02-29T00:00:00Z", 951782400000}};
	static const char *const bad[] = {"", "now", "2026-11-20", "2026-11-20T19:55",
		"2026-1-20T19:55:53Z", "2026-11-20 19:55:53Z", " 2026-11-20T19:55:53Z",
		"2026-11-20T19:55:53ZZ", "2026-11-20T19:55:53z9", "2026-13-20T19:55:53Z",
		"2026-02-31T00:00:00Z", "2025-02-29T00:00:00Z", "2026-11-20T25:55:53Z",
		"2026-11-20T19:55:53+24:00", "2026-11-20T19:55:53+2:00",
		"2026-11-20T19:55:53+02:00x", "2026-11-20T19:55:53+ 2:00", "2026-11-20T19:55:53.Z",
		"2026-11-20T19:55:53.1x"};
	char text[DRO_TIME_TEXT];
	int64_t ms;
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		dro_time_format(text, times[i]);
		ck_assert_msg(dro_time_parse(text, &ms) == 0, "%s", text);
		ck_assert_int_eq(ms, times[i]);
	}
	for (i = 0; i < sizeof(read) / sizeof(read[0]); i++) {
		ck_assert_msg(dro_time_parse(read[i].text, &ms) == 0, "%s", read[i].text);
		ck_assert_int_eq(ms, read[i].ms);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(dro_time_parse(bad[i], &ms) < 0, "%s", bad[i]);
	dro_time_format(text, INT64_MAX); /* past what can be read back, within the array */
	dro_time_format(text, INT64_MIN);
}
END_TEST

START_TEST(durations_are_read_and_shown)
{
	static const struct {
		const char *text;
		int64_t ms;
	} read[] = {{"250ms", 250}, {"90s", 90000}, {"2m", 120000}, {"26h", 93600000},
		{"7d", 604800000}, {"4w", 2419200000}, {"1h30m", 5400000}, {"0s", 0},
		{"1m1ms", 60001}};
	static const struct {
		int64_t ms;
		const char *text;
	} shown[] = {{0, "0ms"}, {250, "250ms"}, {90000, "1m 30s"}, {187200000, "2d 4h"},
		{-90000, "-1m 30s"}, {86400001, "1d"}, {60001, "1m"}, {1001, "1s 1ms"},
		{INT64_MIN, "-106751991167d 7h"}};
	static const char *const bad[] = {"", "5", "h", "1h 30m", "-5s", "+5s", "5 s", "5S", "1.5h",
		"5mm", "5s5", "101y", "40000d", "99999999999999999999s", "36600d1ms", "5s\n"};
	char text[DRO_DURATION_TEXT];
	int64_t ms;
	size_t i;

	for (i = 0; i < sizeof(read) / sizeof(read[0]); i++) {
		ck_assert_msg(dro_duration_parse(read[i].text, &ms) == 0, "%s", read[i].text);
		ck_assert_int_eq(ms, read[i].ms);
	}
	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		dro_duration_format(text, shown[i].ms);
		ck_assert_str_eq(text, shown[i].text);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(dro_duration_parse(bad[i], &ms) < 0, "%s", bad[i]);
}
END_TEST

/* ---- hash ------------------------------------------------------------------------------------ */

START_TEST(hashes_match_the_published_vectors)
{
	static const char abc[] =
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	static const char none[] =
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	struct dro_buf text = DRO_BUF_INIT(2000), coded = DRO_BUF_INIT(4000);
	char hex[DRO_SHA256_HEX], id[13], other[13];
	uint8_t sum[DRO_SHA256_BYTES];
	int fd, i;

	ck_assert_int_eq(dro_sha256_hex(hex, "abc", 3), 0);
	ck_assert_str_eq(hex, abc);
	ck_assert_int_eq(dro_sha256_hex(hex, "", 0), 0);
	ck_assert_str_eq(hex, none);
	/* RFC 4231, case 2 */
	ck_assert_int_eq(dro_hmac_sha256(sum, "Jefe", 4, "what do ya want for nothing?", 28), 0);
	dro_hex(hex, sum, sizeof(sum));
	ck_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	ck_assert_int_eq(dro_md5(sum, "abc", 3), 0);
	dro_hex(hex, sum, DRO_MD5_BYTES);
	ck_assert_str_eq(hex, "900150983cd24fb0d6963f7d28e17f72");
	/* RFC 4648, and one longer than a chunk */
	dro_base64(&coded, "fooba", 5);
	ck_assert_str_eq(dro_buf_str(&coded), "Zm9vYmE=");
	dro_buf_reset(&coded);
	dro_base64(&coded, "", 0);
	ck_assert_str_eq(dro_buf_str(&coded), "");
	for (i = 0; i < 1000; i++)
		dro_buf_append(&text, "a", 1);
	dro_base64(&coded, text.data, text.length);
	ck_assert_uint_eq(coded.length, 1336);
	ck_assert_str_eq(coded.data + 1332, "YQ==");
	ck_assert_int_eq(dro_file_write(in_folder("f"), "xabcx", 5, 0600, &err), 0);
	fd = open(in_folder("f"), O_RDONLY);
	ck_assert_int_eq(dro_sha256_fd(hex, fd, 1, 3, &err), 0);
	ck_assert_str_eq(hex, abc);
	ck_assert_int_eq(dro_sha256_fd(hex, fd, 1, 5, &err), DRO_EIO);
	close(fd);
	dro_random_id(id, 12);
	dro_random_id(other, 12);
	ck_assert_uint_eq(strlen(id), 12);
	ck_assert_uint_eq(strspn(id, "abcdefghijklmnopqrstuvwxyz234567"), 12);
	ck_assert_str_ne(id, other);
	dro_buf_free(&text);
	dro_buf_free(&coded);
}
END_TEST

/* ---- log ------------------------------------------------------------------------------------- */

static void hide(void *arg, struct dro_buf *line)
{
	char *at = strstr(line->data, arg);

	if (at)
		memset(at, '*', strlen(arg));
}

START_TEST(a_message_is_one_harmless_line)
{
	struct dro_buf text = DRO_BUF_INIT(1 << 20);
	char *huge = malloc(200001);
	struct dro_log log = {.level = DRO_LOG_INFO, .redact = hide, .redact_arg = "canary"};

	memset(huge, 'x', 200000);
	huge[200000] = '\0';
	log.fd = open(in_folder("log"), O_RDWR | O_CREAT, 0600);
	dro_log(&log, DRO_LOG_DEBUG, "not wanted");
	dro_log(&log, DRO_LOG_WARNING, "a\nb \033[31m canary");
	dro_log(&log, DRO_LOG_ERROR, "%s", huge);
	dro_log(NULL, DRO_LOG_ERROR, "nobody listens");
	close(log.fd);
	ck_assert_int_eq(dro_file_read(&text, in_folder("log"), &err), 0);
	ck_assert_ptr_null(strstr(text.data, "not wanted"));
	ck_assert_ptr_nonnull(strstr(text.data, "Z warning: a\\x0ab \\x1b[31m ******\n"));
	ck_assert_ptr_nonnull(strstr(text.data, "error: (a message too long"));
	ck_assert_uint_lt(text.length, 1000);
	free(huge);
	dro_buf_free(&text);
}
END_TEST

/* ---- file ------------------------------------------------------------------------------------ */

static int count_entries(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, NULL), i;

	ck_assert_int_ge(count, 2);
	for (i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return count - 2; /* . and .. */
}

START_TEST(a_file_is_replaced_whole_or_not_at_all)
{
	struct dro_buf text = DRO_BUF_INIT(100);
	struct stat st;

	ck_assert_int_eq(dro_file_write(in_folder("f"), "old", 3, 0640, &err), 0);
	ck_assert_int_eq(stat(in_folder("f"), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(dro_file_write(in_folder("f"), "new", 3, 0600, &err), 0);
	ck_assert_int_eq(dro_file_read(&text, in_folder("f"), &err), 0);
	ck_assert_str_eq(dro_buf_str(&text), "new");
	ck_assert_int_eq(count_entries(folder), 1);
	/* A folder is in the way: the error says so and no temporary stays behind. */
	ck_assert_int_eq(dro_dir_make(in_folder("d/e"), 0700, &err), 0);
	ck_assert_int_lt(dro_file_write(in_folder("d"), "x", 1, 0600, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.message, "/d"));
	ck_assert_int_eq(count_entries(folder), 2);
	ck_assert_int_eq(dro_file_write(in_folder("no/where"), "x", 1, 0600, &err), DRO_ENOTFOUND);
	dro_buf_free(&text);
}
END_TEST

START_TEST(only_regular_files_within_the_cap_are_read)
{
	struct dro_buf text = DRO_BUF_INIT(4);

	ck_assert_int_eq(dro_file_read(&text, in_folder("none"), &err), DRO_ENOTFOUND);
	ck_assert_int_eq(dro_file_read(&text, folder, &err), DRO_EINVAL);
	ck_assert_int_eq(mkfifo(in_folder("fifo"), 0600), 0);
	ck_assert_int_eq(dro_file_read(&text, in_folder("fifo"), &err), DRO_EINVAL);
	ck_assert_int_eq(dro_file_read(&text, "/dev/zero", &err), DRO_EINVAL);
	ck_assert_int_eq(dro_file_write(in_folder("f"), "12345", 5, 0600, &err), 0);
	ck_assert_int_eq(dro_file_read(&text, in_folder("f"), &err), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "/f: more than 4 bytes"));
	dro_buf_free(&text);
}
END_TEST

START_TEST(folders_are_made_and_removed_never_through_a_link)
{
	struct stat st;
	char target[512];

	ck_assert_int_eq(dro_file_write(in_folder("f"), "x", 1, 0600, &err), 0);
	ck_assert_int_eq(dro_dir_make(in_folder("f"), 0700, &err), DRO_EINVAL);
	ck_assert_int_lt(dro_dir_make(in_folder("f/below"), 0700, &err), 0);
	ck_assert_int_lt(dro_dir_make("", 0700, &err), 0);
	ck_assert_int_eq(dro_dir_make(in_folder("a/b/c"), 0700, &err), 0);
	ck_assert_int_eq(dro_dir_make(in_folder("a/b/c"), 0700, &err), 0);
	ck_assert_int_eq(dro_dir_make(in_folder("kept"), 0700, &err), 0);
	snprintf(target, sizeof(target), "%s", in_folder("kept"));
	ck_assert_int_eq(symlink(target, in_folder("a/link")), 0);
	ck_assert_int_eq(dro_dir_remove(in_folder("a"), &err), 0);
	ck_assert_int_lt(stat(in_folder("a"), &st), 0);
	ck_assert_int_eq(stat(target, &st), 0);
	ck_assert_int_eq(dro_dir_remove(in_folder("a"), &err), 0);
}
END_TEST

/* ---- pool ------------------------------------------------------------------------------------ */

struct meeting {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int there, met;
};

static void count_job(void *arg)
{
	struct meeting *meeting = arg;

	pthread_mutex_lock(&meeting->lock);
	meeting->there++;
	pthread_mutex_unlock(&meeting->lock);
}

/* Waits (long, for a machine under load) until three are there. */
static void meet(void *arg)
{
	struct meeting *meeting = arg;
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(&meeting->lock);
	meeting->there++;
	pthread_cond_broadcast(&meeting->wake);
	while (meeting->there < 3 && rc == 0)
		rc = pthread_cond_timedwait(&meeting->wake, &meeting->lock, &until);
	meeting->met += meeting->there >= 3;
	pthread_mutex_unlock(&meeting->lock);
}

START_TEST(every_job_runs_before_the_pool_is_gone)
{
	struct meeting meeting = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
	struct dro_pool *pool;
	int i;

	ck_assert_int_eq(dro_pool_new(&pool, 3, &err), 0);
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(dro_pool_submit(pool, count_job, &meeting, &err), 0);
	dro_pool_free(pool);
	ck_assert_int_eq(meeting.there, 1000);
	dro_pool_free(NULL);
}
END_TEST

START_TEST(jobs_given_at_once_run_side_by_side)
{
	struct meeting meeting = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
	struct dro_pool *pool;
	int i;

	ck_assert_int_eq(dro_pool_new(&pool, 3, &err), 0);
	/* One worker that is idle again when the three come. */
	ck_assert_int_eq(dro_pool_submit(pool, count_job, &meeting, &err), 0);
	usleep(50000); /* busy still: the test only proves less */
	meeting.there = 0;
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(dro_pool_submit(pool, meet, &meeting, &err), 0);
	dro_pool_free(pool);
	ck_assert_int_eq(meeting.met, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base");
	TCase *tests = tcase_create("base");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, errors_are_capped_and_keep_what_went_wrong);
	tcase_add_test(tests, a_buffer_fails_at_its_cap_and_stays_failed);
	tcase_add_test(tests, what_a_terminal_would_obey_is_escaped);
	tcase_add_test(tests, json_without_memory_is_not_bad_json);
	tcase_add_test(tests, json_is_one_strict_document);
	tcase_add_test(tests, json_getters_name_what_is_wrong);
	tcase_add_test(tests, quoted_text_comes_back);
	tcase_add_test(tests, times_go_there_and_back);
	tcase_add_test(tests, durations_are_read_and_shown);
	tcase_add_test(tests, hashes_match_the_published_vectors);
	tcase_add_test(tests, a_message_is_one_harmless_line);
	tcase_add_test(tests, a_file_is_replaced_whole_or_not_at_all);
	tcase_add_test(tests, only_regular_files_within_the_cap_are_read);
	tcase_add_test(tests, folders_are_made_and_removed_never_through_a_link);
	tcase_add_test(tests, every_job_runs_before_the_pool_is_gone);
	tcase_add_test(tests, jobs_given_at_once_run_side_by_side);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
