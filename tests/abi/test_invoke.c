#include <pthread.h>

#include "abi/kit.h"

static void collect_problem(void *arg, const struct dro_place *place, const char *message)
{
	dro_buf_printf(arg, "%s:%d:%d: %s\n", place->file, place->line, place->column, message);
}

START_TEST(reports_every_problem_of_an_account)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	account_of("good", "regoin", "r1", "endpoint", "ftp://x", "retries", "3x", "verbose",
		"maybe", "token", "secret", NULL);
	credentials[0] =
		(struct dro_credential){.name = "tokn", .place = {"providers.yaml", 20, 19}};
	credentials[1] =
		(struct dro_credential){.name = "mode", .place = {"providers.yaml", 21, 19}};
	account.credential_count = 2;
	ck_assert_int_eq(
		dro_registry_check_account(registry, &account, collect_problem, &text), DRO_EINVAL);
	ck_assert_str_eq(dro_buf_str(&text),
		"providers.yaml:7:5: plugin good has no option \"regoin\"; is \"region\" meant?\n"
		"providers.yaml:8:5: option \"endpoint\" of plugin good must be a URL without a "
		"path (https://HOST[:PORT]), not \"ftp://x\"\n"
		"providers.yaml:9:5: option \"retries\" of plugin good must be a whole number, not "
		"\"3x\"\n"
		"providers.yaml:10:5: option \"verbose\" of plugin good must be true or false, not "
		"\"maybe\"\n"
		"providers.yaml:11:5: \"token\" is a secret: put a reference to it under "
		"`credentials`\n"
		"providers.yaml:20:19: plugin good has no credential \"tokn\"; is \"token\" "
		"meant?\n"
		"providers.yaml:21:19: \"mode\" is not a secret: put it beside `plugin`\n"
		"providers.yaml:5:3: plugin good needs the option \"region\"\n");
	dro_buf_reset(&text);
	account_of("goood", NULL);
	ck_assert_int_eq(
		dro_registry_check_account(registry, &account, collect_problem, &text), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "is \"good\" meant?"));
	account_of("good", "region", "r1", "endpoint", "http://127.0.0.1:8080/", NULL);
	ck_assert_int_eq(dro_registry_check_account(registry, &account, collect_problem, &text), 0);
	dro_buf_free(&text);
}
END_TEST

START_TEST(opens_with_defaults)
{
	struct dro_provider *provider = NULL;

	account_of("good", "region", "r1", "endpoint", "http://127.0.0.1:8080/", NULL);
	ck_assert_int_eq(dro_provider_open(&provider, registry, &account, &err), 0);
	ck_assert_str_eq(dro_provider_name(provider), "main");
	ck_assert_str_eq(dro_provider_option(provider, "mode"), "plain");
	ck_assert_str_eq(dro_provider_option(provider, "endpoint"), "http://127.0.0.1:8080");
	ck_assert_str_eq(dro_provider_option(provider, "verbose"), "");
	ck_assert_uint_eq(dro_provider_capabilities(provider),
		DRO_CAP_COMPUTE | DRO_CAP_STORAGE | DRO_CAP_DNS | DRO_CAP_ASYNC | DRO_CAP_HEALTH);
	dro_provider_close(provider);
	account_of("good", "retries", "x", NULL);
	ck_assert_int_eq(dro_provider_open(&provider, registry, &account, &err), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "providers.yaml:7:5: "));
	ck_assert_ptr_nonnull(strstr(err.message, "(and 1 more)"));
	account_of("good", "region", "r1", "mode", "refuse", NULL);
	ck_assert_int_eq(dro_provider_open(&provider, registry, &account, &err), DRO_EAUTH);
	ck_assert_str_eq(err.message, "main: mode is refuse");
	ck_assert_str_eq(err.provider_code, "Denied");
}
END_TEST

START_TEST(copies_what_is_emitted)
{
	static const char *const plugins[] = {"good", "older", "abi_1_0"};
	struct dro_call call = call_of("key-1");
	size_t i;

	for (i = 0; i < 3; i++) {
		struct dro_provider *provider = opened(plugins[i]);
		struct dro_instance_query query = {.size = sizeof(query)};
		struct dro_instance_spec spec = {.size = sizeof(spec), .count = 1, .zone = "z1"};
		struct dro_instance_list list = {0};
		struct dro_record_query records = {.zone = "memphis.example", .name = "www"};
		struct dro_record_list sets = {0};
		struct dro_image_query images = {.name = "booking"};
		struct dro_image_list copies = {0};

		ck_assert_int_eq(
			dro_provider_list_instances(provider, &query, &list, &call, &err), 0);
		ck_assert_int_eq(
			dro_provider_create_instances(provider, &spec, &list, &call, &err), 0);
		ck_assert_uint_eq(list.count, 2);
		ck_assert_str_eq(list.items[0]->id, "i-1");
		ck_assert_str_eq(list.items[0]->zone, "");
		ck_assert_str_eq(list.items[0]->public_ipv4, "");
		ck_assert_uint_eq(list.items[0]->size, sizeof(struct dro_instance));
		ck_assert_int_eq(list.items[0]->created_ms, 0);
		ck_assert_str_eq(dro_instance_tag(list.items[0], "service"), "memphis");
		ck_assert_str_eq(dro_instance_tag(list.items[0], "site"), "");
		ck_assert_ptr_null(dro_instance_tag(list.items[0], "other"));
		ck_assert_str_eq(list.items[1]->id, "key-1");
		ck_assert_str_eq(list.items[1]->zone, "z1");
		ck_assert_int_eq(
			dro_provider_list_records(provider, &records, &sets, &call, &err), 0);
		ck_assert_uint_eq(sets.items[0]->value_count, 2);
		ck_assert_str_eq(sets.items[0]->values[0], "192.0.2.1");
		ck_assert_str_eq(sets.items[0]->values[1], "");
		ck_assert_uint_eq(sets.items[0]->proxied, 0);
		/* Since ABI 1.1. */
		ck_assert_uint_eq(sets.items[0]->failover, i ? 0 : DRO_FAILOVER_SECONDARY);
		ck_assert_uint_eq(sets.items[0]->evaluate_health, i ? 0 : 1);
		ck_assert_str_eq(sets.items[0]->health_check, i ? "" : "hc-1");
		ck_assert_str_eq(sets.items[0]->alias, i ? "" : "lb.example");
		ck_assert_str_eq(sets.items[0]->alias_zone, "");
		ck_assert_int_eq(
			dro_provider_list_images(provider, &images, &copies, &call, &err), 0);
		ck_assert_str_eq(copies.items[0]->name, "booking");
		ck_assert_str_eq(copies.items[0]->snapshots[1], "s-2");
		dro_instance_list_free(&list);
		dro_record_list_free(&sets);
		dro_image_list_free(&copies);
		ck_assert_uint_eq(list.count, 0);
		dro_provider_close(provider);
	}
}
END_TEST

START_TEST(contains_nonsense)
{
	static const struct {
		const char *region;
		int code;
		const char *word;
	} rows[] = {
		{"positive", DRO_EPROTO, "plugin odd answered 7"},
		{"unknown code", DRO_EPROTO, "plugin odd answered -99"},
		{"silent", DRO_EQUOTA, "without a reason"},
		{"no id", DRO_EPROTO, "an instance without an id"},
		{"endless", DRO_EPROTO, "more than 1000000 items"},
		{"long text", DRO_EPROTO, "a string is too long"},
		{"no tags", DRO_EPROTO, "an array is too long, or not there"},
		{"many tags", DRO_EPROTO, "an array is too long, or not there"},
		{"no size", DRO_EPROTO, "of size 0"},
		{"no struct", DRO_EPROTO, "of size 0"},
		{"long message", DRO_EAUTH, "main: "},
		{"unknown state", 0, ""},
	};
	struct dro_provider *provider = opened("odd");
	struct dro_call call = call_of(NULL);
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dro_instance_query query = {.region = rows[i].region};
		struct dro_instance_list list = {0};
		int rc = dro_provider_list_instances(provider, &query, &list, &call, &err);

		ck_assert_msg(rc == rows[i].code, "%s: %d %s", rows[i].region, rc, err.message);
		ck_assert_int_eq(last.code, rc);
		if (rc < 0) {
			ck_assert_int_eq(err.code, rc);
			ck_assert_uint_eq(err.size, sizeof(err));
			ck_assert_msg(strstr(err.message, rows[i].word) != NULL, "%s", err.message);
			ck_assert_ptr_eq(strstr(err.message, "main: "), err.message);
			ck_assert_ptr_null(strchr(err.message, '\033'));
		} else {
			ck_assert_uint_eq(list.items[0]->state, DRO_INSTANCE_UNKNOWN);
		}
		dro_instance_list_free(&list);
	}
	dro_provider_close(provider);
}
END_TEST

START_TEST(a_mutation_needs_lease_and_key)
{
	static const char *const bad_keys[] = {NULL, "", "with space",
		"12345678901234567890123456789012345678901234567890123456789012345"};
	struct dro_provider *provider = opened("good");
	struct dro_instance_spec spec = {.count = 1};
	struct dro_instance_list list = {0};
	struct dro_call call = call_of("key-1");
	struct dro_call keyless = call_of(NULL);
	size_t i;

	lease = DRO_EBUSY;
	ck_assert_int_eq(
		dro_provider_create_instances(provider, &spec, &list, &call, &err), DRO_EBUSY);
	ck_assert_str_eq(err.message, "main: the lease was lost");
	ck_assert_uint_eq(list.count, 0);
	ck_assert_str_eq(last_function, "compute.create_instances");
	ck_assert_str_eq(last_trace, "r-1/launch");
	ck_assert_str_eq(last_message, "main: the lease was lost");
	ck_assert(last.mutation);
	/* Reading needs neither, also of a plugin that takes one call at a time. */
	ck_assert_int_eq(dro_provider_list_instances(provider,
				 &(struct dro_instance_query){.size = 0}, &list, &keyless, &err),
		0);
	lease = 0;
	for (i = 0; i < sizeof(bad_keys) / sizeof(bad_keys[0]); i++) {
		call.idem_key = bad_keys[i];
		ck_assert_int_eq(dro_provider_create_instances(provider, &spec, &list, &call, &err),
			DRO_EINVAL);
	}
	call.idem_key = "key-1";
	ck_assert_int_eq(dro_provider_create_instances(provider, &spec, &list, &call, &err), 0);
	ck_assert_int_eq(last.code, 0);
	ck_assert_str_eq(last_message, "");
	dro_instance_list_free(&list);
	dro_provider_close(provider);
}
END_TEST

START_TEST(a_deadline_and_a_function_must_be_there)
{
	struct dro_provider *provider = opened("good");
	struct dro_instance_query query = {.size = sizeof(query)};
	struct dro_instance_list list = {0};
	struct dro_call call = call_of("key-1");
	char identity[8];

	call.deadline_ms = 0;
	ck_assert_int_eq(
		dro_provider_list_instances(provider, &query, &list, &call, &err), DRO_EINVAL);
	call.deadline_ms = 1;
	ck_assert_int_eq(
		dro_provider_list_instances(provider, &query, &list, &call, &err), DRO_EAGAIN);
	call.deadline_ms = dro_now_ms() + 60000;
	ck_assert_int_eq(
		dro_provider_delete_image(provider, "r1", "ami-1", &call, &err), DRO_EUNSUPPORTED);
	ck_assert_int_eq(dro_provider_cancel(provider, "op", &call, &err), DRO_EUNSUPPORTED);
	ck_assert_int_eq(audits, 4);
	ck_assert_int_eq(dro_provider_probe(provider, identity, sizeof(identity), &call, &err), 0);
	ck_assert_str_eq(identity, "xxxxxxx");
	dro_provider_close(provider);
}
END_TEST

START_TEST(objects_records_and_operations)
{
	struct dro_provider *provider = opened("good");
	struct dro_object_ref ref = {.bucket = "b", .key = "hello"};
	struct dro_buf text = DRO_BUF_INIT(16), small = DRO_BUF_INIT(4);
	const char *const values[] = {"192.0.2.1"};
	struct dro_record set = {.size = sizeof(set),
		.id = "",
		.name = "www.memphis.example",
		.type = "A",
		.set_id = "",
		.owner = "",
		.values = values,
		.value_count = 1};
	const struct dro_record *put = &set;
	struct dro_call call = call_of("key-1");
	enum dro_operation_state state;
	char operation[8];

	ck_assert_int_eq(dro_provider_get_text(provider, &ref, &text, &call, &err), 0);
	ck_assert_str_eq(dro_buf_str(&text), "hello");
	ck_assert_int_eq(dro_provider_get_text(provider, &ref, &small, &call, &err), DRO_EPROTO);
	ref.key = "liar";
	ck_assert_int_eq(dro_provider_get_text(provider, &ref, &text, &call, &err), DRO_EPROTO);
	ck_assert_int_eq(dro_provider_apply(provider, "memphis.example", &put, 1, NULL, 0,
				 operation, sizeof(operation), &call, &err),
		0);
	ck_assert_str_eq(operation, "ccccccc");
	ck_assert_int_eq(dro_provider_apply(provider, "memphis.example", &put, 1, NULL, 0, NULL, 0,
				 &call, &err),
		0);
	set.value_count = 0;
	ck_assert_int_eq(dro_provider_apply(provider, "memphis.example", &put, 1, NULL, 0, NULL, 0,
				 &call, &err),
		DRO_EINVAL);
	ck_assert_int_eq(dro_provider_poll(provider, "op", &state, &call, &err), 0);
	ck_assert_int_eq(state, DRO_OPERATION_DONE);
	ck_assert_int_eq(dro_provider_poll(provider, "odd", &state, &call, &err), DRO_EPROTO);
	dro_buf_free(&text);
	dro_buf_free(&small);
	dro_provider_close(provider);
}
END_TEST

static void *call_slowly(void *arg)
{
	struct dro_instance_query query = {.region = "slow"};
	struct dro_call call = call_of(NULL);
	int i;

	for (i = 0; i < 3; i++) {
		struct dro_instance_list list = {0};
		struct dro_error own = DRO_ERROR_INIT;
		int rc = dro_provider_list_instances(arg, &query, &list, &call, &own);

		dro_instance_list_free(&list);
		if (rc < 0)
			return (void *)1;
	}
	return NULL;
}

/* Does a plugin that counts its callers find two at once? */
static bool collides(const char *plugin)
{
	struct dro_provider *provider;
	pthread_t threads[6];
	bool collided = false;
	size_t i;

	dro_registry_free(registry);
	setup_with(quiet);
	provider = opened(plugin);
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_slowly, provider), 0);
	for (i = 0; i < 6; i++) {
		void *result;

		pthread_join(threads[i], &result);
		collided |= result != NULL;
	}
	dro_provider_close(provider);
	return collided;
}

START_TEST(one_call_at_a_time_unless_threaded)
{
	ck_assert(!collides("good"));
	ck_assert(collides("threaded"));
}
END_TEST

START_TEST(waiting_for_the_account_ends_at_the_deadline)
{
	struct dro_provider *provider = opened("good");
	struct dro_instance_query query = {.region = "slow"};
	struct dro_instance_list list = {0};
	struct dro_call call = call_of(NULL);
	pthread_t threads[4];
	int rc = 0, i, j;

	dro_provider_close(provider);
	dro_registry_free(registry);
	setup_with(quiet);
	provider = opened("good");
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_slowly, provider), 0);
	/* Four callers hold the account 240 ms in all: one of our short tries meets them. */
	for (j = 0; j < 100 && !(rc < 0 && strstr(err.message, "held the account")); j++) {
		call.deadline_ms = dro_now_ms() + 2;
		rc = dro_provider_list_instances(provider, &query, &list, &call, &err);
	}
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(rc, DRO_EAGAIN);
	dro_instance_list_free(&list);
	dro_provider_close(provider);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("invoke");

	tcase_add_test(tcase, reports_every_problem_of_an_account);
	tcase_add_test(tcase, opens_with_defaults);
	tcase_add_test(tcase, copies_what_is_emitted);
	tcase_add_test(tcase, contains_nonsense);
	tcase_add_test(tcase, a_mutation_needs_lease_and_key);
	tcase_add_test(tcase, a_deadline_and_a_function_must_be_there);
	tcase_add_test(tcase, objects_records_and_operations);
	tcase_add_test(tcase, one_call_at_a_time_unless_threaded);
	tcase_add_test(tcase, waiting_for_the_account_ends_at_the_deadline);
	return run_case("invoke", tcase);
}
