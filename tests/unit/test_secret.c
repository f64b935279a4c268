/* Secrets: where they come from, what is refused, and that nobody gets to read them. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/uri.h"
#include "net/secret.h"

#define VALUE "canary/9 +secret\"value\\x"

static char dir[64], path[128];
static struct dro_secret secret;
static struct dro_redactor *redactor;
static struct dro_error err;

static void set_up(void)
{
	err = (struct dro_error)DRO_ERROR_INIT;
	snprintf(dir, sizeof(dir), "/tmp/drorch-secret-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/token", dir);
	ck_assert_int_eq(dro_redactor_new(&redactor, &err), 0);
}

static void tear_down(void)
{
	dro_secret_free(&secret);
	dro_redactor_free(redactor);
	dro_dir_remove(dir, NULL);
}

static int resolve(enum dro_secret_kind kind, const char *value, char **argv)
{
	struct dro_secret_ref ref = {kind, (char *)value, argv};
	int rc = dro_secret_resolve(&secret, &ref, redactor, dro_now_ms() + 20000, &err);

	ck_assert_ptr_null(strstr(err.message, "canary"));
	return rc;
}

static void write_file(const char *text, size_t length, mode_t mode)
{
	unlink(path);
	ck_assert_int_eq(dro_file_write(path, text, length, 0600, &err), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

START_TEST(from_env)
{
	setenv("DRORCH_TEST_SECRET", VALUE, 1);
	ck_assert_int_eq(resolve(DRO_SECRET_ENV, "DRORCH_TEST_SECRET", NULL), 0);
	ck_assert_str_eq(secret.value, VALUE);
	ck_assert_uint_eq(secret.length, strlen(VALUE));
	setenv("DRORCH_TEST_SECRET", "", 1);
	ck_assert_int_eq(resolve(DRO_SECRET_ENV, "DRORCH_TEST_SECRET", NULL), DRO_EAUTH);
	unsetenv("DRORCH_TEST_SECRET");
	ck_assert_int_eq(resolve(DRO_SECRET_ENV, "DRORCH_TEST_SECRET", NULL), DRO_EAUTH);
	ck_assert_ptr_nonnull(strstr(err.message, "DRORCH_TEST_SECRET"));
	ck_assert_int_eq(resolve(DRO_SECRET_NONE, "", NULL), DRO_EAUTH);
}
END_TEST

START_TEST(from_file)
{
	static const char *const texts[] = {VALUE, VALUE "\n", VALUE "\r\n"};
	size_t i;

	for (i = 0; i < 3; i++) {
		write_file(texts[i], strlen(texts[i]), 0600);
		ck_assert_int_eq(resolve(DRO_SECRET_FILE, path, NULL), 0);
		ck_assert_str_eq(secret.value, VALUE);
	}
	write_file(VALUE "\n\n", strlen(VALUE) + 2, 0400); /* only one is cut */
	ck_assert_int_eq(resolve(DRO_SECRET_FILE, path, NULL), 0);
	ck_assert_uint_eq(secret.length, strlen(VALUE) + 1);
}
END_TEST

START_TEST(refused_files)
{
	static const mode_t modes[] = {0604, 0602, 0620, 0644, 0666};
	char *big = malloc(DRO_SECRET_MAX_BYTES + 1);
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		write_file(VALUE, strlen(VALUE), modes[i]);
		ck_assert_msg(resolve(DRO_SECRET_FILE, path, NULL) == DRO_EAUTH, "%04o",
			(unsigned)modes[i]);
		ck_assert_ptr_nonnull(strstr(err.message, "0600"));
	}
	/* A group may read what root owns, and nothing else. */
	write_file(VALUE, strlen(VALUE), 0640);
	ck_assert_int_eq(resolve(DRO_SECRET_FILE, path, NULL), geteuid() == 0 ? 0 : DRO_EAUTH);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, 65534, 65534), 0);
		ck_assert_int_eq(chmod(path, 0600), 0);
		ck_assert_int_eq(resolve(DRO_SECRET_FILE, path, NULL), DRO_EAUTH);
		ck_assert_ptr_nonnull(strstr(err.message, "another user"));
	}
	write_file("", 0, 0600);
	ck_assert_int_eq(resolve(DRO_SECRET_FILE, path, NULL), DRO_EAUTH);
	write_file("\n", 1, 0600);
	ck_assert_int_eq(resolve(DRO_SECRET_FILE, path, NULL), DRO_EAUTH);
	write_file("canary\0x", 8, 0600);
	ck_assert_int_eq(resolve(DRO_SECRET_FILE, path, NULL), DRO_EAUTH);
	memset(big, 'x', DRO_SECRET_MAX_BYTES + 1);
	write_file(big, DRO_SECRET_MAX_BYTES, 0600);
	ck_assert_int_eq(resolve(DRO_SECRET_FILE, path, NULL), 0);
	write_file(big, DRO_SECRET_MAX_BYTES + 1, 0600);
	ck_assert_int_eq(resolve(DRO_SECRET_FILE, path, NULL), DRO_EAUTH);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(resolve(DRO_SECRET_FILE, path, NULL), DRO_EAUTH);
	ck_assert_int_eq(resolve(DRO_SECRET_FILE, dir, NULL), DRO_EAUTH);
	ck_assert_int_eq(resolve(DRO_SECRET_FILE, "/nonexistent/x", NULL), DRO_EAUTH);
	free(big);
}
END_TEST

START_TEST(from_systemd)
{
	static const char *const names[] = {"", ".", "..", "../token", "a/b", "/etc/passwd"};
	size_t i;

	unsetenv("CREDENTIALS_DIRECTORY");
	ck_assert_int_eq(resolve(DRO_SECRET_SYSTEMD, "token", NULL), DRO_EAUTH);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	write_file(VALUE "\n", strlen(VALUE) + 1, 0440);
	ck_assert_int_eq(resolve(DRO_SECRET_SYSTEMD, "token", NULL), 0);
	ck_assert_str_eq(secret.value, VALUE);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_int_eq(resolve(DRO_SECRET_SYSTEMD, names[i], NULL), DRO_EAUTH);
}
END_TEST

START_TEST(from_command)
{
	char *good[] = {"printf", "%s\\n", "first; echo $HOME", NULL};
	char *fails[] = {"sh", "-c", "echo canary; echo canary >&2; exit 3", NULL};
	char *absent[] = {"/nonexistent/program", NULL};
	char *flood[] = {"sh", "-c", "yes canary", NULL};
	char *hangs[] = {"sleep", "60", NULL};
	struct dro_secret_ref ref = {DRO_SECRET_COMMAND, "", hangs};
	uint64_t began = dro_now_ms();

	ck_assert_int_eq(resolve(DRO_SECRET_COMMAND, "", good), 0);
	ck_assert_str_eq(secret.value, "first; echo $HOME");
	ck_assert_int_eq(resolve(DRO_SECRET_COMMAND, "", fails), DRO_EAUTH);
	ck_assert_ptr_nonnull(strstr(err.message, "exit code 3"));
	ck_assert_int_eq(resolve(DRO_SECRET_COMMAND, "", absent), DRO_EAUTH);
	ck_assert_int_eq(resolve(DRO_SECRET_COMMAND, "", flood), DRO_EAUTH);
	ck_assert_int_eq(resolve(DRO_SECRET_COMMAND, "", NULL), DRO_EAUTH);
	ck_assert_int_eq(dro_secret_resolve(&secret, &ref, NULL, began + 300, &err), DRO_EAUTH);
	ck_assert_uint_lt(dro_now_ms() - began, 8000);
}
END_TEST

static char *redacted(const char *text)
{
	struct dro_buf buf = DRO_BUF_INIT(65536);

	dro_buf_puts(&buf, text);
	dro_redact(redactor, &buf);
	return dro_buf_take(&buf);
}

static void expect_redacted(const char *text, const char *wanted)
{
	char *got = redacted(text);

	ck_assert_str_eq(got, wanted);
	free(got);
}

START_TEST(redacts_every_form)
{
	struct dro_buf text = DRO_BUF_INIT(4096);
	char *got;

	setenv("DRORCH_TEST_SECRET", VALUE, 1);
	ck_assert_int_eq(resolve(DRO_SECRET_ENV, "DRORCH_TEST_SECRET", NULL), 0);
	expect_redacted("", "");
	expect_redacted("nothing here", "nothing here");
	expect_redacted("a " VALUE " b " VALUE, "a [redacted] b [redacted]");
	expect_redacted(VALUE, "[redacted]");
	dro_buf_puts(&text, "base64 ");
	dro_base64(&text, VALUE, strlen(VALUE));
	dro_buf_puts(&text, " url ");
	dro_uri_encode(&text, VALUE);
	dro_buf_puts(&text, " json canary/9 +secret\\\"value\\\\x end");
	got = redacted(dro_buf_str(&text));
	ck_assert_ptr_null(strstr(got, "canary"));
	ck_assert_ptr_nonnull(strstr(got, " url [redacted] json [redacted] end"));
	ck_assert_ptr_nonnull(strstr(got, "base64 [redacted]"));
	free(got);
	dro_buf_free(&text);
	/* Cut off by the end of the text, as a capped message would do. */
	expect_redacted("x canary/9 +sec", "x [redacted]");
	expect_redacted("x canary", "x [redacted]");
	expect_redacted("x canar", "x canar");
}
END_TEST

START_TEST(redacts_the_longest)
{
	ck_assert_int_eq(dro_redactor_add(redactor, "abcdef", 6, &err), 0);
	ck_assert_int_eq(dro_redactor_add(redactor, "abcdefghij", 10, &err), 0);
	ck_assert_int_eq(dro_redactor_add(redactor, "the", 3, &err), 0); /* too short to matter */
	expect_redacted("the abcdefghij the abcdefgh", "the [redacted] the [redacted]");
	expect_redacted("abcdefabcdefabcdef", "[redacted][redacted][redacted]");
}
END_TEST

START_TEST(redacts_where_there_is_no_room)
{
	struct dro_buf tight = DRO_BUF_INIT(8);

	ck_assert_int_eq(dro_redactor_add(redactor, "abcdef", 6, &err), 0);
	dro_buf_puts(&tight, "abcdefxy");
	dro_redact(redactor, &tight);
	ck_assert_str_eq(dro_buf_str(&tight), "[redacte");
	dro_buf_free(&tight);
}
END_TEST

START_TEST(redacts_log_and_errors)
{
	int fd = open(dir, O_TMPFILE | O_RDWR, 0600);
	struct dro_log log = {DRO_LOG_DEBUG, fd, dro_redact, redactor};
	char text[4096] = "";

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dro_redactor_add(redactor, VALUE, strlen(VALUE), &err), 0);
	dro_log(&log, DRO_LOG_ERROR, "refused: %s", VALUE);
	ck_assert_int_gt(pread(fd, text, sizeof(text) - 1, 0), 0);
	ck_assert_ptr_nonnull(strstr(text, "refused: [redacted]\n"));
	dro_fail(&err, DRO_EAUTH, "the provider said: bad token %s", VALUE);
	dro_redact_error(redactor, &err);
	ck_assert_str_eq(err.message, "the provider said: bad token [redacted]");
	dro_redact_error(NULL, &err);
	close(fd);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {from_env, from_file, refused_files, from_systemd, from_command,
		redacts_every_form, redacts_the_longest, redacts_where_there_is_no_room,
		redacts_log_and_errors};
	Suite *suite = suite_create("secret");
	TCase *group = tcase_create("secret");
	SRunner *runner;
	int failed;
	size_t i;

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_set_timeout(group, 60);
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(group, tests[i]);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
