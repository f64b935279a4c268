/* What came with ABI 1.1: health checks, resize, measures of instances. */
#include "abi/kit.h"

START_TEST(health_checks)
{
	struct dro_provider *provider = opened("good");
	struct dro_health_check check = {.size = sizeof(check), .kind = DRO_CHECK_HTTP};
	struct dro_health_check_list checks = {0};
	struct dro_vantage_list vantages = {0};
	struct dro_call call = call_of("key-1"), keyless = call_of(NULL);
	char id[16];

	ck_assert_int_eq(dro_provider_list_checks(provider, &checks, &keyless, &err), 0);
	ck_assert_uint_eq(checks.count, 2);
	ck_assert_str_eq(checks.items[0]->owner, "drorch:memphis/www");
	ck_assert_str_eq(checks.items[0]->host, "");
	ck_assert_uint_eq(checks.items[0]->kind, DRO_CHECK_TCP);
	ck_assert_uint_eq(checks.items[0]->state, DRO_UNHEALTHY);
	ck_assert_uint_eq(checks.items[1]->kind, DRO_CHECK_OTHER);
	ck_assert_uint_eq(checks.items[1]->state, DRO_HEALTH_UNKNOWN);
	dro_health_check_list_free(&checks);
	ck_assert_uint_eq(dro_provider_check_intervals(provider)[0], 10);
	ck_assert_uint_eq(dro_provider_check_intervals(provider)[2], 0);
	/* Texts that are not given are "" to the plugin, and its id has an end. */
	ck_assert_int_eq(dro_provider_put_check(provider, &check, id, sizeof(id), &call, &err), 0);
	ck_assert_str_eq(id, "key-1");
	check.id = "long";
	ck_assert_int_eq(dro_provider_put_check(provider, &check, id, sizeof(id), &call, &err), 0);
	ck_assert_str_eq(id, "xxxxxxxxxxxxxxx");
	check.id = "silent";
	ck_assert_int_eq(
		dro_provider_put_check(provider, &check, id, sizeof(id), &call, &err), DRO_EPROTO);
	check.version = "0";
	ck_assert_int_eq(dro_provider_put_check(provider, &check, id, sizeof(id), &call, &err),
		DRO_ECONFLICT);
	ck_assert_int_eq(dro_provider_delete_check(provider, "used", &call, &err), DRO_ECONFLICT);
	ck_assert_str_eq(err.message, "main: used is in use");
	ck_assert_int_eq(dro_provider_delete_check(provider, "hc-1", &call, &err), 0);
	ck_assert_str_eq(last_function, "health.delete_check");
	ck_assert(last.mutation);
	ck_assert_int_eq(dro_provider_check_status(provider, "v", &vantages, &keyless, &err), 0);
	ck_assert_int_eq(dro_provider_check_status(provider, "odd", &vantages, &keyless, &err), 0);
	ck_assert_uint_eq(vantages.items[0]->state, DRO_HEALTHY);
	ck_assert_str_eq(vantages.items[0]->text, "");
	ck_assert_uint_eq(vantages.items[1]->state, DRO_HEALTH_UNKNOWN);
	ck_assert(!last.mutation);
	dro_vantage_list_free(&vantages);
	/* Neither is done without a key, nor once the lease is lost. */
	ck_assert_int_eq(dro_provider_put_check(provider, &check, id, sizeof(id), &keyless, &err),
		DRO_EINVAL);
	lease = DRO_EBUSY;
	ck_assert_int_eq(dro_provider_delete_check(provider, "hc-1", &call, &err), DRO_EBUSY);
	dro_provider_close(provider);
}
END_TEST

START_TEST(resize_and_instance_health)
{
	const char *ids[] = {"i-1", "odd"}, *nameless[] = {""};
	struct dro_provider *provider = opened("good");
	struct dro_instance_health_list list = {0};
	struct dro_call call = call_of("key-1"), keyless = call_of(NULL);

	ck_assert_int_eq(
		dro_provider_resize_instance(provider, "r1", "i-1", "large", &call, &err), 0);
	ck_assert_str_eq(last_function, "compute.resize_instance");
	ck_assert(last.mutation);
	ck_assert_int_eq(dro_provider_resize_instance(provider, "r1", "busy", "large", &call, &err),
		DRO_ECONFLICT);
	ck_assert_str_eq(err.message, "main: busy runs: no large");
	ck_assert_int_eq(
		dro_provider_resize_instance(provider, "r1", "i-1", "large", &keyless, &err),
		DRO_EINVAL);
	ck_assert_int_eq(
		dro_provider_instance_health(provider, "r1", ids, 2, &list, &keyless, &err), 0);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.items[0]->state, DRO_HEALTHY);
	ck_assert_uint_eq(list.items[0]->cpu_permille, 250);
	ck_assert_str_eq(list.items[0]->text, "");
	ck_assert_uint_eq(list.items[1]->state, DRO_HEALTH_UNKNOWN);
	ck_assert_int_eq(
		dro_provider_instance_health(provider, "r1", nameless, 1, &list, &keyless, &err),
		DRO_EPROTO);
	dro_instance_health_list_free(&list);
	dro_provider_close(provider);
}
END_TEST

START_TEST(what_1_0_did_not_have_is_unsupported)
{
	static const char *const plugins[] = {"older", "abi_1_0"};
	struct dro_call call = call_of("key-1");
	const char *ids[] = {"i-1"};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct dro_provider *provider = opened(plugins[i]);
		struct dro_health_check check = {.size = sizeof(check)};
		struct dro_health_check_list checks = {0};
		struct dro_instance_health_list list = {0};
		struct dro_vantage_list vantages = {0};
		char id[8];

		ck_assert_uint_eq(dro_provider_capabilities(provider) & DRO_CAP_HEALTH, 0);
		ck_assert_ptr_null(dro_provider_check_intervals(provider));
		ck_assert_int_eq(
			dro_provider_resize_instance(provider, "r1", "i-1", "l", &call, &err),
			DRO_EUNSUPPORTED);
		ck_assert_int_eq(
			dro_provider_instance_health(provider, "r1", ids, 1, &list, &call, &err),
			DRO_EUNSUPPORTED);
		ck_assert_int_eq(
			dro_provider_list_checks(provider, &checks, &call, &err), DRO_EUNSUPPORTED);
		ck_assert_int_eq(
			dro_provider_put_check(provider, &check, id, sizeof(id), &call, &err),
			DRO_EUNSUPPORTED);
		ck_assert_int_eq(
			dro_provider_delete_check(provider, "hc-1", &call, &err), DRO_EUNSUPPORTED);
		ck_assert_int_eq(
			dro_provider_check_status(provider, "hc-1", &vantages, &call, &err),
			DRO_EUNSUPPORTED);
		dro_provider_close(provider);
	}
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("invoke_1_1");

	tcase_add_test(tcase, health_checks);
	tcase_add_test(tcase, resize_and_instance_health);
	tcase_add_test(tcase, what_1_0_did_not_have_is_unsupported);
	return run_case("invoke_1_1", tcase);
}
