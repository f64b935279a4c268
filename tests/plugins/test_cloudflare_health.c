/* Monitors as health checks. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "support/scripted_host.h"

#define MARK "drorch:shop/eu"
#define OK(result) "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":" result "}"
#define ACCOUNTS OK("[{\"id\":\"a1\",\"name\":\"Lab\"}]")
#define MONITORS "/client/v4/accounts/a1/load_balancers/monitors"
#define POOLS "/client/v4/accounts/a1/load_balancers/pools"

static struct scripted *scripted;
static const struct dro_health_checks *health;
static void *account;
static struct dro_error err;

static void setup(void)
{
	scripted = scripted_new("cloudflare");
	health = scripted_provider(scripted)->health;
	account = scripted_open(scripted, NULL);
	err = (struct dro_error)DRO_ERROR_INIT;
}

static void teardown(void)
{
	scripted_free(scripted);
}

static int emit_check(void *arg, const struct dro_health_check *check)
{
	dro_buf_printf(arg, "%s %u [%s] %s %s:%u every %u after %u\n", check->id, check->kind,
		check->owner, check->host, check->path, check->port, check->interval_s,
		check->fail_after);
	return 0;
}

static int emit_vantage(void *arg, const struct dro_vantage *vantage)
{
	dro_buf_printf(arg, "%s %u <%s>\n", vantage->name, vantage->state, vantage->text);
	return 0;
}

static struct dro_health_check check_of(uint32_t kind)
{
	return (struct dro_health_check){.size = sizeof(struct dro_health_check),
		.kind = kind,
		.id = "",
		.version = "",
		.owner = MARK,
		.address = "",
		.host = "www.memphis.example",
		.path = "/healthz",
		.port = 443,
		.interval_s = 60,
		.fail_after = 3};
}

static int put(const struct dro_health_check *check, const char *key, char *id, size_t size)
{
	struct dro_call call = scripted_call(scripted, key);

	return health->put_check(account, check, id, size, &call, &err);
}

START_TEST(lists_monitors)
{
	struct dro_call call = scripted_call(scripted, NULL);
	struct dro_buf text = DRO_BUF_INIT(65536);

	scripted_answer(scripted, 200, ACCOUNTS, NULL);
	scripted_answer(scripted, 200,
		OK("[{\"id\":\"m1\",\"type\":\"https\",\"description\":\"" MARK
		   " #0123456789abcdef\",\"path\":\"/"
		   "healthz\",\"header\":{\"Host\":[\"www.example\"]"
		   "},\"interval\":60,\"consecutive_down\":3,\"consecutive_up\":3},"
		   "{\"id\":\"m2\",\"type\":\"icmp_ping\",\"description\":\"by hand #12\"},"
		   "{\"id\":\"m3\",\"type\":\"tcp\",\"port\":22,\"path\":\"/\"}]"),
		NULL);
	ck_assert_msg(health->list_checks(account, emit_check, &text, &call, &err) == 0, "%s",
		err.message);
	ck_assert_str_eq(dro_buf_str(&text),
		"m1 2 [" MARK "] www.example /healthz:443 every 60 after 3\n"
		"m2 0 [by hand #12]  :0 every 0 after 1\n"
		"m3 3 []  :22 every 0 after 1\n");
	ck_assert_str_eq(scripted_request(scripted, 0)->path, "/client/v4/accounts");
	ck_assert_str_eq(scripted_request(scripted, 1)->path, MONITORS);
	dro_buf_free(&text);
}
END_TEST

START_TEST(which_account)
{
	struct dro_call call = scripted_call(scripted, NULL);
	struct dro_buf text = DRO_BUF_INIT(65536);
	void *given = scripted_open(scripted, "account_id", "a7", NULL);

	scripted_answer(scripted, 200, OK("[{\"id\":\"a1\"},{\"id\":\"a2\"}]"), NULL);
	ck_assert_int_eq(health->list_checks(account, emit_check, &text, &call, &err), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "account_id"));
	scripted_answer(scripted, 200, OK("[]"), NULL);
	ck_assert_int_eq(health->list_checks(account, emit_check, &text, &call, &err), DRO_EINVAL);
	scripted_answer(scripted, 200, OK("[]"), NULL);
	ck_assert_int_eq(health->list_checks(given, emit_check, &text, &call, &err), 0);
	ck_assert_str_eq(scripted_request(scripted, 2)->path,
		"/client/v4/accounts/a7/load_balancers/monitors");
	dro_buf_free(&text);
}
END_TEST

START_TEST(makes_a_monitor_once)
{
	struct dro_health_check check = check_of(DRO_CHECK_HTTPS);
	struct dro_buf listed = DRO_BUF_INIT(65536);
	char id[65];
	cJSON *body;

	check.address = "192.0.2.1"; /* the pools' matter */
	scripted_answer(scripted, 200, ACCOUNTS, NULL);
	scripted_answer(scripted, 200, OK("[]"), NULL);
	scripted_answer(scripted, 200, OK("{\"id\":\"m1\"}"), NULL);
	ck_assert_msg(put(&check, "key-1", id, sizeof(id)) == 0, "%s", err.message);
	ck_assert_str_eq(id, "m1");
	ck_assert_str_eq(scripted_request(scripted, 2)->method, "POST");
	ck_assert_str_eq(scripted_request(scripted, 2)->path, MONITORS);
	body = cJSON_Parse(scripted_request(scripted, 2)->body);
	ck_assert_int_eq(
		strncmp(dro_json_text(body, "description"), MARK " #", strlen(MARK " #")), 0);
	ck_assert_str_eq(dro_json_text(body, "type"), "https");
	ck_assert_str_eq(dro_json_text(body, "method"), "GET");
	ck_assert_str_eq(dro_json_text(body, "expected_codes"), "2xx");
	ck_assert_ptr_nonnull(strstr(scripted_request(scripted, 2)->body,
		"\"header\":{\"Host\":[\"www.memphis.example\"]}"));
	ck_assert_ptr_null(strstr(scripted_request(scripted, 2)->body, "192.0.2.1"));
	/* The same call again finds it; another call makes another. */
	dro_buf_printf(&listed, OK("[{\"id\":\"m1\",\"description\":\"%s\"}]"),
		dro_json_text(body, "description"));
	scripted_answer(scripted, 200, dro_buf_str(&listed), NULL);
	ck_assert_int_eq(put(&check, "key-1", id, sizeof(id)), 0);
	ck_assert_str_eq(id, "m1");
	ck_assert_uint_eq(scripted_count(scripted), 4);
	scripted_answer(scripted, 200, dro_buf_str(&listed), NULL);
	scripted_answer(scripted, 200, OK("{\"id\":\"m2\"}"), NULL);
	ck_assert_int_eq(put(&check, "key-2", id, sizeof(id)), 0);
	ck_assert_str_eq(id, "m2");
	cJSON_Delete(body);
	dro_buf_free(&listed);
}
END_TEST

#define THERE(interval)                                                                            \
	OK("[{\"id\":\"m1\",\"type\":\"https\",\"description\":\"" MARK                            \
	   " #0123456789abcdef\",\"path\":\"/healthz\",\"header\":{\"Host\":["                     \
	   "\"www.memphis.example\"],\"X-App\":[\"x\"]},\"port\":443,\"interval\":" interval       \
	   ",\"consecutive_down\":3,\"consecutive_up\":3,\"method\":\"HEAD\",\"expected_codes\":"  \
	   "\"200\",\"timeout\":7,\"retries\":1,\"created_on\":\"2026-01-01T00:00:00Z\"}]")

START_TEST(changes_a_monitor)
{
	struct dro_health_check check = check_of(DRO_CHECK_HTTPS);
	const char *body;
	char id[65];

	check.id = "m1";
	scripted_answer(scripted, 200, ACCOUNTS, NULL);
	scripted_answer(scripted, 200, THERE("60"), NULL);
	ck_assert_msg(put(&check, "key-1", id, sizeof(id)) == 0, "%s", err.message);
	ck_assert_str_eq(id, "m1");
	ck_assert_uint_eq(scripted_count(scripted), 2); /* as wanted */
	check.interval_s = 10;
	scripted_answer(scripted, 200, THERE("60"), NULL);
	scripted_answer(scripted, 200, OK("{\"id\":\"m1\"}"), NULL);
	ck_assert_int_eq(put(&check, "key-2", id, sizeof(id)), 0);
	ck_assert_str_eq(scripted_request(scripted, 3)->method, "PUT");
	ck_assert_str_eq(scripted_request(scripted, 3)->path, MONITORS "/m1");
	body = scripted_request(scripted, 3)->body;
	ck_assert_ptr_nonnull(strstr(body, "\"interval\":10,\"timeout\":5,\"retries\":0"));
	ck_assert_ptr_nonnull(strstr(body, MARK " #0123456789abcdef")); /* still its maker's */
	ck_assert_ptr_nonnull(strstr(body, "\"X-App\":[\"x\"]"));
	ck_assert_ptr_nonnull(strstr(body, "\"method\":\"HEAD\""));
	ck_assert_ptr_null(strstr(body, "created_on"));
	scripted_answer(scripted, 200, OK("[]"), NULL);
	ck_assert_int_eq(put(&check, "key-3", id, sizeof(id)), DRO_ENOTFOUND);
}
END_TEST

START_TEST(refuses_before_it_asks)
{
	struct dro_health_check check = check_of(DRO_CHECK_OTHER);
	char id[65];

	ck_assert_int_eq(put(&check, "k", id, sizeof(id)), DRO_EUNSUPPORTED);
	check = check_of(DRO_CHECK_TCP);
	check.port = 0;
	ck_assert_int_eq(put(&check, "k", id, sizeof(id)), DRO_EINVAL);
	check.port = 70000;
	ck_assert_int_eq(put(&check, "k", id, sizeof(id)), DRO_EINVAL);
	ck_assert_uint_eq(scripted_count(scripted), 0);
}
END_TEST

START_TEST(deletes)
{
	static const struct {
		int status;
		const char *body;
		int code;
	} rows[] = {
		{200, OK("{\"id\":\"m1\"}"), 0},
		{404, "{\"success\":false,\"errors\":[{\"code\":1001,\"message\":\"no\"}]}", 0},
		{412, "{\"success\":false,\"errors\":[{\"code\":1005,\"message\":\"in use\"}]}",
			DRO_ECONFLICT},
		{502, "", DRO_ETIMEDOUT},
	};
	size_t i;

	scripted_answer(scripted, 200, ACCOUNTS, NULL);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dro_call call = scripted_call(scripted, "k");

		scripted_answer(scripted, rows[i].status, rows[i].body, NULL);
		ck_assert_int_eq(health->delete_check(account, "m1", &call, &err), rows[i].code);
		ck_assert_str_eq(scripted_request(scripted, i + 1)->path, MONITORS "/m1");
	}
}
END_TEST

START_TEST(status_by_place)
{
	struct dro_call call = scripted_call(scripted, NULL);
	struct dro_buf text = DRO_BUF_INIT(65536);

	scripted_answer(scripted, 200, ACCOUNTS, NULL);
	scripted_answer(scripted, 200,
		OK("[{\"id\":\"p1\",\"name\":\"one\",\"monitor\":\"m1\"},"
		   "{\"id\":\"p2\",\"name\":\"two\",\"monitor\":\"m2\"},"
		   "{\"id\":\"p3\",\"name\":\"three\",\"monitor\":\"m1\"}]"),
		NULL);
	scripted_answer(scripted, 200,
		OK("{\"pool_id\":\"p1\",\"pop_health\":{\"Amsterdam, NL\":{\"healthy\":true,"
		   "\"origins\":[{\"192.0.2.1\":{\"failure_reason\":\"No "
		   "failures\",\"healthy\":true"
		   "}}]},\"Ashburn, US\":{\"healthy\":false,\"origins\":[{\"192.0.2.1\":{"
		   "\"failure_reason\":\"HTTP timeout occurred\",\"healthy\":false}}]}}}"),
		NULL);
	scripted_answer(scripted, 404,
		"{\"success\":false,\"errors\":[{\"code\":1001,\"message\":\"gone\"}]}", NULL);
	ck_assert_msg(health->check_status(account, "m1", emit_vantage, &text, &call, &err) == 0,
		"%s", err.message);
	ck_assert_str_eq(dro_buf_str(&text),
		"Amsterdam, NL (one) 1 <>\n"
		"Ashburn, US (one) 2 <192.0.2.1: HTTP timeout occurred>\n");
	ck_assert_str_eq(scripted_request(scripted, 2)->path, POOLS "/p1/health");
	dro_buf_free(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cloudflare_health");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, lists_monitors);
	tcase_add_test(tcase, which_account);
	tcase_add_test(tcase, makes_a_monitor_once);
	tcase_add_test(tcase, changes_a_monitor);
	tcase_add_test(tcase, refuses_before_it_asks);
	tcase_add_test(tcase, deletes);
	tcase_add_test(tcase, status_by_place);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
