#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "provider/loader.h"
#include "provider/provider.h"

#define PLUGINS TEST_BUILD_DIR "/tests/abi/plugins"

static char folder[64], mark[96];
static struct dro_error err;

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/drorch-loader-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(mark, sizeof(mark), "%s/mark", folder);
	setenv("DRORCH_TEST_MARK", mark, 1);
	err = (struct dro_error)DRO_ERROR_INIT;
}

static void teardown(void)
{
	unsetenv("DRORCH_TEST_MARK");
	ck_assert_int_eq(dro_dir_remove(folder, NULL), 0);
}

static int load(const char *dir, const char *name)
{
	struct dro_plugin *plugin = NULL;
	int rc = dro_plugin_load(&plugin, dir, name, &err);

	dro_plugin_free(plugin);
	return rc;
}

static void copy_plugin(const char *name, const char *as)
{
	struct dro_buf data = DRO_BUF_INIT(16u << 20);
	char from[512], to[512];

	snprintf(from, sizeof(from), "%s/%s.so", PLUGINS, name);
	snprintf(to, sizeof(to), "%s/%s", folder, as);
	ck_assert_int_eq(dro_file_read(&data, from, &err), 0);
	ck_assert_int_eq(dro_file_write(to, data.data, data.length, 0755, &err), 0);
	dro_buf_free(&data);
}

static void ck_refused(int rc, const char *word)
{
	ck_assert_int_eq(rc, DRO_EINVAL);
	ck_assert_msg(strstr(err.message, word) != NULL, "\"%s\" is not in: %s", word, err.message);
	ck_assert_msg(access(mark, F_OK) != 0, "code of a refused plugin was run (%s)", word);
}

START_TEST(loads_a_good_one)
{
	struct dro_plugin *plugin = NULL;

	ck_assert_msg(dro_plugin_load(&plugin, PLUGINS, "good", &err) == 0, "%s", err.message);
	ck_assert_str_eq(plugin->provider.version, "1.2.3");
	ck_assert_ptr_eq(plugin->provider.compute, &plugin->compute);
	ck_assert_ptr_nonnull((void *)plugin->async.poll);
	ck_assert_ptr_null((void *)plugin->async.cancel);
	ck_assert_ptr_eq(plugin->provider.health, &plugin->health);
	ck_assert_ptr_nonnull((void *)plugin->health.check_status);
	ck_assert_ptr_nonnull((void *)plugin->compute.instance_health);
	ck_assert_uint_eq(plugin->option_count, 6);
	/* Else the tests of the refused ones would prove nothing. */
	ck_assert_int_eq(access(mark, F_OK), 0);
	dro_plugin_free(plugin);
}
END_TEST

START_TEST(loads_an_older_one)
{
	struct dro_plugin *plugin = NULL;

	ck_assert_msg(dro_plugin_load(&plugin, PLUGINS, "older", &err) == 0, "%s", err.message);
	ck_assert_uint_lt(plugin->provider.size, sizeof(plugin->provider));
	ck_assert_uint_lt(plugin->compute.size, sizeof(plugin->compute));
	ck_assert_ptr_nonnull((void *)plugin->compute.list_images);
	ck_assert_ptr_null((void *)plugin->compute.delete_image);
	ck_assert_ptr_null((void *)plugin->storage.put_object);
	ck_assert_ptr_null(plugin->provider.async);
	ck_assert_ptr_null((void *)plugin->async.poll);
	ck_assert_str_eq(plugin->options[1].name, "region");
	ck_assert_str_eq(plugin->options[1].help, "");
	dro_plugin_free(plugin);
}
END_TEST

/* What 1.1 added is not there, and all that 1.0 had is. */
START_TEST(loads_one_of_abi_1_0)
{
	struct dro_plugin *plugin = NULL;

	ck_assert_msg(dro_plugin_load(&plugin, PLUGINS, "abi_1_0", &err) == 0, "%s", err.message);
	ck_assert_uint_eq(plugin->provider.abi_minor, 0);
	ck_assert_uint_lt(plugin->provider.size, sizeof(plugin->provider));
	ck_assert_uint_lt(plugin->compute.size, sizeof(plugin->compute));
	ck_assert_ptr_null((void *)plugin->compute.resize_instance);
	ck_assert_ptr_null((void *)plugin->compute.instance_health);
	ck_assert_ptr_null((void *)plugin->compute.mark_instances);
	ck_assert_ptr_nonnull((void *)plugin->async.poll);
	ck_assert_ptr_null(plugin->provider.health);
	ck_assert_ptr_null((void *)plugin->health.list_checks);
	dro_plugin_free(plugin);
}
END_TEST

START_TEST(loads_a_newer_minor)
{
	ck_assert_msg(load(PLUGINS, "newer_minor") == 0, "%s", err.message);
}
END_TEST

START_TEST(refuses_the_broken)
{
	static const struct {
		const char *name, *word;
	} rows[] = {
		{"wrong_magic", "wrong magic 0x4f524431"},
		{"wrong_major", "made for ABI 2.2, this program speaks 1.2"},
		{"too_small", "24 bytes"},
		{"too_large", "8192 bytes"},
		{"uneven_size", "cannot have 81 bytes"},
		{"incomplete", "compute is incomplete: no power_instances()"},
		{"half_health", "health is incomplete: no put_check()"},
		{"no_probe", "the plugin is incomplete: no probe()"},
		{"no_symbol", "exports no \"dro_provider_v1\""},
		{"misnamed", "calls itself \"somebody_else\""},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = load(PLUGINS, rows[i].name);

		/* A missing symbol is a refusal too, not a missing plugin. */
		ck_refused(rc, rows[i].word);
		ck_assert_ptr_nonnull(strstr(err.message, rows[i].name));
	}
}
END_TEST

START_TEST(refuses_what_others_can_write)
{
	char path[128], outside[128];

	copy_plugin("good", "good.so");
	snprintf(path, sizeof(path), "%s/good.so", folder);
	ck_assert_int_eq(chmod(path, 0757), 0);
	ck_refused(load(folder, "good"), "writable by everybody");
	ck_assert_int_eq(chmod(path, 0775), 0);
	ck_refused(load(folder, "good"), "writable by its group");
	ck_assert_int_eq(chmod(path, 0755), 0);
	ck_assert_int_eq(chmod(folder, 0777), 0);
	ck_refused(load(folder, "good"), "the plugin folder is writable by everybody");
	ck_assert_int_eq(chmod(folder, 0700), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, 65534, 65534), 0);
		ck_refused(load(folder, "good"), "neither root nor us");
		ck_assert_int_eq(chown(path, 0, 0), 0);
	}
	/* A link within the folder is how versions are kept; one out of it is not. */
	snprintf(outside, sizeof(outside), "%s/inner", folder);
	ck_assert_int_eq(mkdir(outside, 0700), 0);
	snprintf(outside, sizeof(outside), "%s/inner/good.so", folder);
	ck_assert_int_eq(symlink("../good.so", outside), 0);
	snprintf(outside, sizeof(outside), "%s/inner", folder);
	ck_refused(load(outside, "good"), "link out of the plugin folder");
	snprintf(outside, sizeof(outside), "%s/good.so.1", folder);
	ck_assert_int_eq(rename(path, outside), 0);
	ck_assert_int_eq(symlink("good.so.1", path), 0);
	ck_assert_msg(load(folder, "good") == 0, "%s", err.message);
}
END_TEST

START_TEST(refuses_what_is_no_plugin)
{
	static const char text[] = "#!/bin/sh\nexit 0\n";
	struct dro_buf data = DRO_BUF_INIT(16u << 20);
	char path[128];
	size_t cut;

	snprintf(path, sizeof(path), "%s/good.so", folder);
	ck_assert_int_eq(dro_file_write(path, text, sizeof(text), 0755, &err), 0);
	ck_refused(load(folder, "good"), "not a shared object");
	ck_assert_int_eq(dro_file_write(path, "", 0, 0755, &err), 0);
	ck_refused(load(folder, "good"), "not a shared object");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0700), 0);
	ck_refused(load(folder, "good"), "not a regular file");
	ck_assert_int_eq(unlink(path), 0);
	/* Torn at any place, it is refused and reading it stays within the file. */
	ck_assert_int_eq(dro_file_read(&data, PLUGINS "/good.so", &err), 0);
	for (cut = 1; cut < data.length; cut += data.length / 61 + 1) {
		ck_assert_int_eq(dro_file_write(path, data.data, cut, 0755, &err), 0);
		ck_assert_int_eq(load(folder, "good"), DRO_EINVAL);
		ck_assert_int_ne(access(mark, F_OK), 0);
	}
	dro_buf_free(&data);
}
END_TEST

START_TEST(survives_flipped_bytes)
{
	struct dro_buf data = DRO_BUF_INIT(16u << 20);
	char path[128];
	size_t at;

	/* Of a plugin that is refused anyway: what is broken here must not be loaded. */
	snprintf(path, sizeof(path), "%s/wrong_magic.so", folder);
	ck_assert_int_eq(dro_file_read(&data, PLUGINS "/wrong_magic.so", &err), 0);
	for (at = 0; at < data.length; at += at < 4096 ? 3 : 97) {
		data.data[at] = (char)~data.data[at];
		ck_assert_int_eq(dro_file_write(path, data.data, data.length, 0755, &err), 0);
		ck_assert_int_lt(load(folder, "wrong_magic"), 0);
		data.data[at] = (char)~data.data[at];
	}
	ck_assert_int_ne(access(mark, F_OK), 0);
	dro_buf_free(&data);
}
END_TEST

START_TEST(names_the_nearest)
{
	static const char *const bad[] = {"../good", "", "/etc/passwd", "Good", "a;b", "-x", "é"};
	size_t i;

	ck_assert_int_eq(load(PLUGINS, "godo"), DRO_ENOTFOUND);
	ck_assert_ptr_nonnull(strstr(err.message, "\"good\""));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(load(PLUGINS, bad[i]), DRO_ENOTFOUND);
	ck_assert_int_eq(load("/nonexistent/folder", "good"), DRO_ENOTFOUND);
	ck_assert_ptr_nonnull(strstr(err.message, "plugin folder"));
}
END_TEST

static int count_plugins(void *arg, const struct dro_plugin_info *info)
{
	int *counts = arg;

	ck_assert_ptr_nonnull(info->name);
	if (info->refused) {
		counts[1]++;
		return 0;
	}
	counts[0]++;
	if (strcmp(info->name, "good") == 0) {
		ck_assert_str_eq(info->version, "1.2.3");
		ck_assert_uint_eq(info->abi_major, DRO_ABI_MAJOR);
		ck_assert_str_eq(info->capabilities[0], "compute");
		ck_assert_str_eq(info->capabilities[3], "async");
		ck_assert_str_eq(info->capabilities[4], "health");
		ck_assert_ptr_null(info->capabilities[5]);
		ck_assert_uint_eq(info->option_count, 6);
		ck_assert_str_eq(info->options[0]->name, "mode");
		ck_assert(!info->threaded);
	}
	return 0;
}

START_TEST(lists_good_and_refused)
{
	struct dro_registry_config config = {.plugin_dir = PLUGINS};
	struct dro_registry *registry;
	int counts[2] = {0, 0};

	ck_assert_int_eq(dro_registry_new(&registry, &config, &err), 0);
	ck_assert_int_eq(dro_registry_list(registry, count_plugins, counts, &err), 0);
	ck_assert_int_eq(counts[0], 6);
	ck_assert_int_eq(counts[1], 10);
	dro_registry_free(registry);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loader");
	TCase *tcase = tcase_create("loader");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, loads_a_good_one);
	tcase_add_test(tcase, loads_an_older_one);
	tcase_add_test(tcase, loads_one_of_abi_1_0);
	tcase_add_test(tcase, loads_a_newer_minor);
	tcase_add_test(tcase, refuses_the_broken);
	tcase_add_test(tcase, refuses_what_others_can_write);
	tcase_add_test(tcase, refuses_what_is_no_plugin);
	tcase_add_test(tcase, survives_flipped_bytes);
	tcase_add_test(tcase, names_the_nearest);
	tcase_add_test(tcase, lists_good_and_refused);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
