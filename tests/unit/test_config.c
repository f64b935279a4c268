#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "spec/config.h"
#include "spec/starter.h"

static struct dro_error err = DRO_ERROR_INIT;
static char folder[] = "/tmp/drorch-config-XXXXXX";

static void set_up(void)
{
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void)
{
	dro_dir_remove(folder, &err);
}

static char *lookup_full(const char *name)
{
	static char home[] = "/home/ann", branch[] = "from-env", state[] = "/env/state";

	return strcmp(name, "HOME") == 0	    ? home
	       : strcmp(name, "DRORCH_BRANCH") == 0 ? branch
	       : strcmp(name, "DRORCH_STATE") == 0  ? state
						    : NULL;
}

static char *lookup_xdg(const char *name)
{
	static char xdg[] = "/xdg";

	return strcmp(name, "XDG_STATE_HOME") == 0 ? xdg : NULL;
}

static char *lookup_nothing(const char *name)
{
	(void)name;
	return NULL;
}

START_TEST(merges_in_order)
{
	struct dro_config_layer flags = {0}, environment, file = {0}, defaults;
	const struct dro_config_layer *layers[] = {&flags, &environment, &file, &defaults};
	struct dro_buf state = DRO_BUF_INIT(4096);
	struct dro_config *config = NULL;

	dro_config_environment(&environment, lookup_full);
	dro_config_defaults(&defaults, &state, false, lookup_full);
	flags.value[DRO_CONFIG_STATE] = "/flag/state";
	flags.value[DRO_CONFIG_REPO] = "";
	file.value[DRO_CONFIG_BRANCH] = "from-file";
	file.value[DRO_CONFIG_REPO] = "https://git.example/x.git";
	file.value[DRO_CONFIG_ALLOW_REWIND] = "true";
	ck_assert_int_eq(dro_config_merge(&config, layers, 4, &err), 0);
	ck_assert_str_eq(config->state, "/flag/state");
	ck_assert_str_eq(config->branch, "from-env");
	ck_assert_str_eq(config->url, "https://git.example/x.git");
	ck_assert(config->allow_rewind);
	ck_assert_str_eq(config->listen, "127.0.0.1:8470");
	ck_assert_str_eq(config->allowed_signers, "");
	dro_config_free(config);
	dro_buf_free(&state);
}
END_TEST

START_TEST(finds_the_state_folder)
{
	struct dro_buf state = DRO_BUF_INIT(4096);
	struct dro_config_layer defaults;
	const struct dro_config_layer *layers[] = {&defaults};
	struct dro_config *config = NULL;

	dro_config_defaults(&defaults, &state, true, lookup_full);
	ck_assert_str_eq(defaults.value[DRO_CONFIG_STATE], "/var/lib/drorch");
	dro_config_defaults(&defaults, &state, false, lookup_full);
	ck_assert_str_eq(defaults.value[DRO_CONFIG_STATE], "/home/ann/.local/state/drorch");
	dro_config_defaults(&defaults, &state, false, lookup_xdg);
	ck_assert_str_eq(defaults.value[DRO_CONFIG_STATE], "/xdg/drorch");
	dro_config_defaults(&defaults, &state, false, lookup_nothing);
	ck_assert_int_eq(dro_config_merge(&config, layers, 1, &err), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "--state"));
	ck_assert_ptr_null(config);
	dro_buf_free(&state);
}
END_TEST

START_TEST(refuses_bad_values)
{
	static const struct {
		enum dro_config_key key;
		const char *value;
	} bad[] = {
		{DRO_CONFIG_REPO, "--upload-pack=x"},
		{DRO_CONFIG_BRANCH, "-f"},
		{DRO_CONFIG_PATH, "../up"},
		{DRO_CONFIG_PATH, "/abs"},
		{DRO_CONFIG_LISTEN, "8470"},
		{DRO_CONFIG_LISTEN, "127.0.0.1:99999"},
		{DRO_CONFIG_ALLOW_REWIND, "yes"},
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dro_config_layer layer = {0};
		const struct dro_config_layer *layers[] = {&layer};
		struct dro_config *config = NULL;

		layer.value[DRO_CONFIG_STATE] = "/s";
		layer.value[bad[i].key] = bad[i].value;
		ck_assert_int_eq(dro_config_merge(&config, layers, 1, &err), DRO_EINVAL);
		ck_assert_ptr_nonnull(strstr(err.message, dro_config_variable(bad[i].key)));
	}
}
END_TEST

static int load_text(const char *text, struct dro_config **out, struct dro_report *report)
{
	struct dro_config_layer flags = {0};
	char *path = dro_path_join(folder, "config.yaml");
	int rc;

	ck_assert_int_eq(dro_file_write(path, text, strlen(text), 0600, &err), 0);
	rc = dro_config_load(out, path, &flags, report, &err);
	free(path);
	return rc;
}

START_TEST(reads_the_file)
{
	struct dro_report report = DRO_REPORT_INIT;
	struct dro_config *config = NULL;

	ck_assert_int_eq(load_text("repository:\n  url: https://git.example/x.git\n  path: dr\n"
				   "  verify: {allowed_signers: /etc/signers}\n"
				   "  allow_rewind: true\nplugins: /opt/plugins\n"
				   "listen: \"[::1]:80\"\n"
				   "controller: {poll: 10s, workers: 2,"
				   " webhook_secret: {file: /etc/hook}}\n",
				 &config, &report),
		0);
	ck_assert_str_eq(config->url, "https://git.example/x.git");
	ck_assert_str_eq(config->path, "dr");
	ck_assert_str_eq(config->branch, "main");
	ck_assert_str_eq(config->allowed_signers, "/etc/signers");
	ck_assert(config->allow_rewind);
	ck_assert_str_eq(config->plugins, "/opt/plugins");
	ck_assert_str_eq(config->listen, "[::1]:80");
	ck_assert_int_eq(config->controller.poll_ms, 10000);
	ck_assert_int_eq(config->controller.period_ms, 300000);
	ck_assert_int_eq(config->controller.workers, 2);
	ck_assert_str_eq(config->controller.listen, "");
	ck_assert_int_eq(config->controller.webhook_secret.kind, DRO_SECRET_FILE);
	ck_assert_str_eq(config->controller.webhook_secret.value, "/etc/hook");
	dro_config_free(config);
	dro_report_fini(&report);
}
END_TEST

START_TEST(reports_the_file)
{
	struct dro_report report = DRO_REPORT_INIT;
	struct dro_config *config = NULL;

	ck_assert_int_eq(
		load_text("repositry: {url: x}\nlisten: nowhere\n", &config, &report), DRO_EINVAL);
	ck_assert_uint_eq(report.count, 2);
	ck_assert_ptr_nonnull(strstr(report.items[0].message, "did you mean 'repository'?"));
	ck_assert_int_eq(report.items[1].line, 2);
	ck_assert_ptr_null(config);
	dro_report_fini(&report);
}
END_TEST

START_TEST(needs_a_file_that_was_named)
{
	struct dro_report report = DRO_REPORT_INIT;
	struct dro_config_layer flags = {0};
	struct dro_config *config = NULL;

	ck_assert_int_eq(
		dro_config_load(&config, "/nonexistent/drorch.yaml", &flags, &report, &err),
		DRO_ENOTFOUND);
	dro_report_fini(&report);
}
END_TEST

START_TEST(writes_the_starter_once)
{
	char *dir = dro_path_join(folder, "new/specs"), *file = dro_path_join(dir, "README.md");
	struct stat st;

	ck_assert_int_eq(dro_spec_starter(dir, &err), 0);
	ck_assert_int_eq(stat(file, &st), 0);
	ck_assert_int_eq(dro_spec_starter(dir, &err), DRO_ECONFLICT);
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(dro_spec_starter(dir, &err), DRO_ECONFLICT);
	ck_assert_int_ne(stat(file, &st), 0);
	ck_assert_int_eq(dro_spec_starter("", &err), DRO_EINVAL);
	free(file);
	free(dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tcase = tcase_create("config");
	SRunner *runner;
	int failed, key;

	for (key = 0; key < DRO_CONFIG_KEYS; key++)
		unsetenv(dro_config_variable((enum dro_config_key)key));
	setenv("HOME", "/nonexistent", 1);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, merges_in_order);
	tcase_add_test(tcase, finds_the_state_folder);
	tcase_add_test(tcase, refuses_bad_values);
	tcase_add_test(tcase, reads_the_file);
	tcase_add_test(tcase, reports_the_file);
	tcase_add_test(tcase, needs_a_file_that_was_named);
	tcase_add_test(tcase, writes_the_starter_once);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
