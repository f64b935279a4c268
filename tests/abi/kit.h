/*
 * What the tests of the provider layer with the ABI's plugins share: a registry with a lease and an
 * audit, and accounts of it. For one test program, hence static.
 */
#ifndef DRORCH_TESTS_ABI_KIT_H
#define DRORCH_TESTS_ABI_KIT_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider/provider.h"

#define KIT __attribute__((unused)) /* not every program asks all of it */
#define PLUGINS TEST_BUILD_DIR "/tests/abi/plugins"

KIT static struct dro_registry *registry;
KIT static struct dro_error err;
KIT static struct dro_audit last; /* of the calls; its texts are copied below */
KIT static char last_function[64], last_message[1024], last_trace[64];
KIT static int audits, lease; /* lease: what may_mutate says */

KIT static int may_mutate(void *arg, const struct dro_call *call, struct dro_error *lost)
{
	ck_assert_ptr_eq(arg, &lease);
	ck_assert_str_eq(call->idem_key, "key-1");
	return lease ? dro_fail(lost, lease, "the lease was lost") : 0;
}

KIT static void audit(void *arg, const struct dro_audit *entry)
{
	ck_assert_ptr_eq(arg, &lease);
	__atomic_add_fetch(&audits, 1, __ATOMIC_SEQ_CST);
	last = *entry;
	snprintf(last_function, sizeof(last_function), "%s", entry->function);
	snprintf(last_message, sizeof(last_message), "%s", entry->message);
	snprintf(last_trace, sizeof(last_trace), "%s", entry->trace);
}

KIT static void quiet(void *arg, const struct dro_audit *entry)
{
	(void)arg, (void)entry;
}

KIT static void setup_with(void (*auditor)(void *, const struct dro_audit *))
{
	struct dro_registry_config config = {
		.plugin_dir = PLUGINS, .may_mutate = may_mutate, .audit = auditor, .arg = &lease};

	err = (struct dro_error)DRO_ERROR_INIT;
	audits = lease = 0;
	ck_assert_msg(dro_registry_new(&registry, &config, &err) == 0, "%s", err.message);
}

KIT static void setup(void)
{
	setup_with(audit);
}

KIT static void teardown(void)
{
	dro_registry_free(registry);
}

/* ---- accounts ----------------------------------------------------------------------------------
 */

KIT static struct dro_setting settings[8];
KIT static struct dro_credential credentials[4];
KIT static struct dro_account account;

/* An account "main" with the settings "name", "value", …, NULL. */
KIT static void account_of(const char *plugin, ...)
{
	char *name;
	va_list args;

	account = (struct dro_account){.name = "main",
		.plugin = (char *)(uintptr_t)plugin,
		.settings = settings,
		.credentials = credentials,
		.place = {"providers.yaml", 5, 3}};
	va_start(args, plugin);
	while ((name = va_arg(args, char *))) {
		settings[account.setting_count] = (struct dro_setting){name, va_arg(args, char *),
			{"providers.yaml", 7 + (int)account.setting_count, 5}};
		account.setting_count++;
	}
	va_end(args);
}

KIT static struct dro_provider *opened(const char *plugin)
{
	struct dro_provider *provider = NULL;

	account_of(plugin, "region", "r1", NULL);
	ck_assert_msg(
		dro_provider_open(&provider, registry, &account, &err) == 0, "%s", err.message);
	return provider;
}

KIT static struct dro_call call_of(const char *key)
{
	return (struct dro_call){.size = sizeof(struct dro_call),
		.deadline_ms = dro_now_ms() + 60000,
		.idem_key = key,
		.trace = "r-1/launch"};
}

KIT static int run_case(const char *name, TCase *tcase)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

#endif
