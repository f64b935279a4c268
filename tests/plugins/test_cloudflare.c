#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "support/scripted_host.h"

#define ZONES "{\"success\":true,\"result\":[{\"id\":\"z1\",\"name\":\"memphis.example\"}]}"
#define ZONE "memphis.example"
#define EMPTY "{\"success\":true,\"result\":[]}"
#define DONE                                                                                       \
	"{\"success\":true,\"result\":{\"deletes\":[],\"patches\":[],\"puts\":[],\"posts\":[]}}"
#define MARK "drorch memphis/tier2"

static struct scripted *scripted;
static const struct dro_dns *dns;
static void *account;
static struct dro_error err;

static void setup(void)
{
	scripted = scripted_new("cloudflare");
	dns = scripted_provider(scripted)->dns;
	account = scripted_open(scripted, NULL);
	err = (struct dro_error)DRO_ERROR_INIT;
}

static void teardown(void)
{
	scripted_free(scripted);
}

/* ---- sets to put -------------------------------------------------------------------------------
 */

struct set {
	struct dro_record record;
	const char *values[4];
};

static const struct dro_record *set_of(
	struct set *set, const char *name, const char *type, uint32_t ttl_s, uint32_t proxied, ...)
{
	const char *value;
	va_list args;

	*set = (struct set){.record = {.size = sizeof(set->record),
				    .name = name,
				    .type = type,
				    .ttl_s = ttl_s,
				    .proxied = proxied,
				    .id = "",
				    .set_id = "",
				    .owner = MARK}};
	set->record.values = set->values;
	va_start(args, proxied);
	while ((value = va_arg(args, const char *)))
		set->values[set->record.value_count++] = value;
	va_end(args);
	return &set->record;
}

static int apply(const struct dro_record *put, const struct dro_record *del)
{
	struct dro_call call = scripted_call(scripted, "r-1-switch");
	char operation[32] = "unset";
	int rc = dns->apply(account, ZONE, &put, put ? 1 : 0, &del, del ? 1 : 0, operation,
		sizeof(operation), &call, &err);

	ck_assert_str_eq(operation, "");
	return rc;
}

/* Answers a list with one record after the other; each is a JSON object without its braces. */
static void answer_records(const char *first, ...)
{
	struct dro_buf body = DRO_BUF_INIT(65536);
	const char *record;
	va_list args;

	dro_buf_printf(&body, "{\"success\":true,\"result\":[{%s}", first);
	va_start(args, first);
	while ((record = va_arg(args, const char *)))
		dro_buf_printf(&body, ",{%s}", record);
	va_end(args);
	dro_buf_puts(&body, "]}");
	scripted_answer(scripted, 200, dro_buf_str(&body), NULL);
	dro_buf_free(&body);
}

#define RECORD(id, type, content, ttl, proxied)                                                    \
	"\"id\":\"" id "\",\"name\":\"www.memphis.example\",\"type\":\"" type                      \
	"\",\"content\":\"" content "\",\"ttl\":" ttl ",\"proxied\":" proxied                      \
	",\"comment\":\"" MARK "\""

START_TEST(probe_takes_an_active_token)
{
	struct dro_call call = scripted_call(scripted, NULL);
	char identity[64];

	scripted_answer(scripted, 200,
		"{\"success\":true,\"result\":{\"id\":\"t1\",\"status\":\"active\"}}", NULL);
	ck_assert_int_eq(scripted_provider(scripted)->probe(
				 account, identity, sizeof(identity), &call, &err),
		0);
	ck_assert_str_eq(identity, "token t1");
	ck_assert_str_eq(scripted_request(scripted, 0)->path, "/client/v4/user/tokens/verify");
	ck_assert_uint_eq(scripted_request(scripted, 0)->auth, DRO_AUTH_BEARER);
	ck_assert_uint_eq(scripted_request(scripted, 0)->flags, DRO_HTTP_SAFE);
	ck_assert_str_eq(scripted_request(scripted, 0)->endpoint, "https://api.cloudflare.com");
}
END_TEST

START_TEST(probe_refuses_others)
{
	static const struct {
		int status;
		const char *body;
		int code;
	} rows[] = {
		{200, "{\"success\":true,\"result\":{\"id\":\"t1\",\"status\":\"expired\"}}",
			DRO_EAUTH},
		{200, "{\"success\":true,\"result\":{}}", DRO_EPROTO},
		{401,
			"{\"success\":false,\"errors\":[{\"code\":1000,\"message\":\"Invalid API "
			"Token\"}]}",
			DRO_EAUTH},
		{400,
			"{\"success\":false,\"errors\":[{\"code\":6003,\"message\":\"Invalid "
			"request headers\"}]}",
			DRO_EAUTH},
		{403, "<html>blocked</html>", DRO_EAUTH},
		{502, "<html>bad gateway</html>", DRO_EAGAIN},
		{200, "<html>hello</html>", DRO_EPROTO},
		{200, "[]", DRO_EPROTO},
		{200, "{\"success\":\"yes\"}", DRO_EPROTO},
	};
	struct dro_call call = scripted_call(scripted, NULL);
	char identity[64];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scripted_answer(scripted, rows[i].status, rows[i].body, NULL);
		ck_assert_int_eq(scripted_provider(scripted)->probe(
					 account, identity, sizeof(identity), &call, &err),
			rows[i].code);
		ck_assert_msg(*err.message, "row %zu has no message", i);
	}
}
END_TEST

START_TEST(probe_asks_for_the_account_too)
{
	struct dro_call call = scripted_call(scripted, NULL);
	char identity[64];
	void *of_account = scripted_open(scripted, "account_id", "a1", NULL);

	scripted_answer(scripted, 401,
		"{\"success\":false,\"errors\":[{\"code\":1000,\"message\":\"no\"}]}", NULL);
	scripted_answer(scripted, 200,
		"{\"success\":true,\"result\":{\"id\":\"t2\",\"status\":\"active\"}}", NULL);
	ck_assert_int_eq(scripted_provider(scripted)->probe(
				 of_account, identity, sizeof(identity), &call, &err),
		0);
	ck_assert_str_eq(
		scripted_request(scripted, 1)->path, "/client/v4/accounts/a1/tokens/verify");
}
END_TEST

START_TEST(creates_a_missing_set)
{
	struct set set;

	scripted_answer(scripted, 200, ZONES, NULL);
	scripted_answer(scripted, 200, EMPTY, NULL);
	scripted_answer(scripted, 200, DONE, NULL);
	ck_assert_msg(apply(set_of(&set, "www.memphis.example", "A", 300, 1, "192.0.2.1",
				    "192.0.2.2", "192.0.2.1", NULL),
			      NULL) == 0,
		"%s", err.message);
	ck_assert_str_eq(scripted_query(scripted, 1, "name"), "www.memphis.example");
	ck_assert_str_eq(scripted_request(scripted, 2)->method, "POST");
	ck_assert_uint_eq(scripted_request(scripted, 2)->flags, 0);
	ck_assert_str_eq(
		scripted_request(scripted, 2)->path, "/client/v4/zones/z1/dns_records/batch");
	ck_assert_str_eq(scripted_header(scripted, 2, "content-type"), "application/json");
	ck_assert_str_eq(scripted_request(scripted, 2)->body,
		"{\"posts\":[{\"name\":\"www.memphis.example\",\"type\":\"A\",\"ttl\":1,"
		"\"proxied\":true,\"comment\":\"" MARK "\",\"content\":\"192.0.2.1\"},"
		"{\"name\":\"www.memphis.example\",\"type\":\"A\",\"ttl\":1,"
		"\"proxied\":true,\"comment\":\"" MARK "\",\"content\":\"192.0.2.2\"}]}");
}
END_TEST

START_TEST(leaves_what_is_as_wanted)
{
	struct set set;

	scripted_answer(scripted, 200, ZONES, NULL);
	answer_records(RECORD("1", "A", "192.0.2.1", "1", "true"), NULL);
	ck_assert_int_eq(
		apply(set_of(&set, "www.memphis.example", "A", 300, 1, "192.0.2.1", NULL), NULL),
		0);
	/* The same after an answer that was lost, and without a zone to look up. */
	answer_records(RECORD("1", "A", "192.0.2.1", "1", "true"), NULL);
	ck_assert_int_eq(
		apply(set_of(&set, "www.memphis.example", "A", 60, 1, "192.0.2.1", NULL), NULL), 0);
	ck_assert_uint_eq(scripted_count(scripted), 3);
}
END_TEST

START_TEST(changes_a_record_in_place)
{
	struct set set;

	scripted_answer(scripted, 200, ZONES, NULL);
	answer_records(RECORD("1", "A", "192.0.2.1", "1", "true"),
		RECORD("2", "TXT", "\\\"x\\\"", "60", "false"), NULL);
	scripted_answer(scripted, 200, DONE, NULL);
	ck_assert_int_eq(
		apply(set_of(&set, "www.memphis.example", "A", 300, 1, "192.0.2.9", NULL), NULL),
		0);
	ck_assert_str_eq(scripted_request(scripted, 2)->body,
		"{\"patches\":[{\"id\":\"1\",\"ttl\":1,\"proxied\":true,\"comment\":\"" MARK
		"\",\"content\":\"192.0.2.9\"}]}");
}
END_TEST

START_TEST(sends_only_the_difference)
{
	struct set put, del;

	scripted_answer(scripted, 200, ZONES, NULL);
	answer_records(RECORD("1", "A", "192.0.2.1", "300", "false"),
		RECORD("2", "A", "192.0.2.2", "60", "false"),
		RECORD("3", "A", "192.0.2.3", "300", "false"),
		RECORD("4", "TXT", "\\\"x\\\"", "60", "false"), NULL);
	scripted_answer(scripted, 200, DONE, NULL);
	ck_assert_msg(apply(set_of(&put, "www.memphis.example", "A", 300, 0, "192.0.2.1",
				    "192.0.2.2", NULL),
			      set_of(&del, "www.memphis.example", "TXT", 0, 0, NULL)) == 0,
		"%s", err.message);
	ck_assert_str_eq(scripted_request(scripted, 2)->body,
		"{\"deletes\":[{\"id\":\"4\"},{\"id\":\"3\"}],\"patches\":[{\"id\":\"2\",\"ttl\":"
		"300,\"proxied\":false,\"comment\":\"" MARK "\"}]}");
}
END_TEST

START_TEST(writes_each_type_in_its_parts)
{
	static const struct {
		const char *type, *value, *json;
	} rows[] = {
		{"MX", "10 MX1.memphis.example.",
			"\"priority\":10,\"content\":\"mx1.memphis.example\""},
		{"SRV", "10 5  8806 sip.memphis.example",
			"\"data\":{\"priority\":10,\"weight\":5,\"port\":8806,\"target\":"
			"\"sip.memphis.example\"}"},
		{"TXT", "a \"quoted\" word",
			"\"content\":\"\\\"a \\\\\\\"quoted\\\\\\\" word\\\"\""},
		{"TXT", "\"one\" \"two\"", "\"content\":\"\\\"onetwo\\\"\""},
		{"CAA", "0 issue \"ca.example\"",
			"\"data\":{\"flags\":0,\"tag\":\"issue\",\"value\":\"ca.example\"}"},
		{"AAAA", "2001:DB8::0:1", "\"content\":\"2001:db8::1\""},
		{"CNAME", "Origin.Memphis.example.", "\"content\":\"origin.memphis.example\""},
	};
	struct set set;
	size_t i;

	scripted_answer(scripted, 200, ZONES, NULL);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scripted_answer(scripted, 200, EMPTY, NULL);
		scripted_answer(scripted, 200, DONE, NULL);
		ck_assert_msg(apply(set_of(&set, "memphis.example", rows[i].type, 60, 0,
					    rows[i].value, NULL),
				      NULL) == 0,
			"%s", err.message);
		ck_assert_msg(
			strstr(scripted_request(scripted, 2 * i + 2)->body, rows[i].json) != NULL,
			"%s is not in %s", rows[i].json,
			scripted_request(scripted, 2 * i + 2)->body);
	}
}
END_TEST

START_TEST(long_texts_are_cut_in_strings)
{
	struct dro_buf text = DRO_BUF_INIT(65536);
	char value[301];
	struct set set;
	const char *body;

	memset(value, 'k', 300);
	value[300] = '\0';
	scripted_answer(scripted, 200, ZONES, NULL);
	scripted_answer(scripted, 200, EMPTY, NULL);
	scripted_answer(scripted, 200, DONE, NULL);
	ck_assert_int_eq(
		apply(set_of(&set, "k._domainkey.memphis.example", "TXT", 60, 0, value, NULL),
			NULL),
		0);
	body = strstr(scripted_request(scripted, 2)->body, "\"content\":\"\\\"k");
	ck_assert_ptr_nonnull(body);
	ck_assert_ptr_eq(strstr(body, "k\\\" \\\"k"), body + 13 + 254);
	dro_buf_free(&text);
}
END_TEST

START_TEST(refuses_before_it_asks)
{
	static const struct {
		const char *name, *type, *value;
		uint32_t proxied;
		int code;
	} rows[] = {
		{"www.other.example", "A", "192.0.2.1", 0, DRO_EINVAL},
		{"xmemphis.example", "A", "192.0.2.1", 0, DRO_EINVAL},
		{"www.memphis.example", "TXT", "x", 1, DRO_EINVAL},
		{"www.memphis.example", "TLSA", "x", 0, DRO_EUNSUPPORTED},
	};
	static const struct {
		const char *type, *value;
	} bad[] = {{"A", "192.0.2"}, {"A", "2001:db8::1"}, {"AAAA", "192.0.2.1"}, {"MX", "mx"},
		{"MX", "x mx"}, {"MX", "70000 mx"}, {"SRV", "1 2 host"}, {"TXT", "\"open"},
		{"CNAME", ""}, {"CNAME", "two words"}, {"CAA", "0 issue"}};
	struct set set;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_int_eq(apply(set_of(&set, rows[i].name, rows[i].type, 60, rows[i].proxied,
					       rows[i].value, NULL),
					 NULL),
			rows[i].code);
	ck_assert_uint_eq(scripted_count(scripted), 0);
	scripted_answer(scripted, 200, ZONES, NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		scripted_answer(scripted, 200, EMPTY, NULL);
		ck_assert_msg(apply(set_of(&set, "www.memphis.example", bad[i].type, 60, 0,
					    bad[i].value, NULL),
				      NULL) == DRO_EINVAL,
			"%s %s", bad[i].type, bad[i].value);
	}
}
END_TEST

START_TEST(outcomes_of_a_change)
{
	static const struct {
		int status;
		const char *body;
		int code;
	} rows[] = {
		{400, "{\"success\":false,\"errors\":[{\"code\":81053,\"message\":\"CNAME\"}]}",
			DRO_ECONFLICT},
		{400, "{\"success\":false,\"errors\":[{\"code\":9005,\"message\":\"content\"}]}",
			DRO_EINVAL},
		{200, "{\"success\":false,\"errors\":[{\"code\":81045,\"message\":\"quota\"}]}",
			DRO_EQUOTA},
		{403, "{\"success\":false,\"errors\":[{\"code\":10000,\"message\":\"auth\"}]}",
			DRO_EAUTH},
		{500, "{\"success\":false,\"errors\":[{\"code\":10000,\"message\":\"oops\"}]}",
			DRO_ETIMEDOUT},
		{502, "<html>bad gateway</html>", DRO_ETIMEDOUT},
		{200, "<html>hello</html>", DRO_ETIMEDOUT},
		{200, "{\"success\":true,\"resu", DRO_ETIMEDOUT},
		{200, "{\"success\":true}", DRO_ETIMEDOUT},
	};
	struct set set;
	size_t i;

	scripted_answer(scripted, 200, ZONES, NULL);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (i > 0 && rows[i - 1].code == DRO_EAUTH) /* the zone may be another's now */
			scripted_answer(scripted, 200, ZONES, NULL);
		scripted_answer(scripted, 200, EMPTY, NULL);
		scripted_answer(scripted, rows[i].status, rows[i].body, NULL);
		ck_assert_msg(
			apply(set_of(&set, "www.memphis.example", "A", 60, 0, "192.0.2.1", NULL),
				NULL) == rows[i].code,
			"row %zu: %s", i, err.message);
	}
	scripted_answer(scripted, 200, EMPTY, NULL);
	scripted_no_answer(scripted, DRO_ETIMEDOUT);
	ck_assert_int_eq(
		apply(set_of(&set, "www.memphis.example", "A", 60, 0, "192.0.2.1", NULL), NULL),
		DRO_ETIMEDOUT);
}
END_TEST

START_TEST(looks_again_at_a_list_that_is_behind)
{
	static const char identical[] =
		"{\"success\":false,\"errors\":[{\"code\":81058,\"message\":\"identical\"}]}";
	struct set set;
	int i;

	scripted_answer(scripted, 200, ZONES, NULL);
	scripted_answer(scripted, 200, EMPTY, NULL);
	scripted_answer(scripted, 400, identical, NULL);
	answer_records(RECORD("1", "A", "192.0.2.1", "60", "false"), NULL);
	ck_assert_int_eq(
		apply(set_of(&set, "www.memphis.example", "A", 60, 0, "192.0.2.1", NULL), NULL), 0);
	ck_assert_uint_eq(scripted_slept_ms(scripted), 1000);
	/* Not for ever. */
	for (i = 0; i < 6; i++) {
		scripted_answer(scripted, 200, EMPTY, NULL);
		scripted_answer(scripted, 400, identical, NULL);
	}
	ck_assert_int_eq(
		apply(set_of(&set, "www.memphis.example", "A", 60, 0, "192.0.2.1", NULL), NULL),
		DRO_ECONFLICT);
	ck_assert_str_eq(err.provider_code, "81058");
	ck_assert_uint_eq(scripted_slept_ms(scripted), 1000 + 31000);
}
END_TEST

START_TEST(throttling_says_how_long)
{
	struct set set;

	scripted_answer(scripted, 200, ZONES, NULL);
	scripted_answer(scripted, 200, EMPTY, NULL);
	scripted_answer(scripted, 429,
		"{\"success\":false,\"errors\":[{\"code\":10000,\"message\":\"slow down\"}]}",
		"retry-after", "17", NULL);
	ck_assert_int_eq(
		apply(set_of(&set, "www.memphis.example", "A", 60, 0, "192.0.2.1", NULL), NULL),
		DRO_EAGAIN);
	ck_assert_uint_eq(err.retry_after_ms, 17000);
	ck_assert_int_eq(err.http_status, 429);
}
END_TEST

START_TEST(a_large_change_never_cuts_a_set)
{
	enum { SETS = 150 };
	struct dro_call call = scripted_call(scripted, "r-1-many");
	const struct dro_record *put[SETS];
	static struct set sets[SETS];
	static char names[SETS][64];
	int i;

	for (i = 0; i < SETS; i++) {
		snprintf(names[i], sizeof(names[i]), "h%d.memphis.example", i);
		put[i] = set_of(&sets[i], names[i], "A", 60, 0, "192.0.2.1", "192.0.2.2", NULL);
	}
	scripted_answer(scripted, 200, ZONES, NULL);
	scripted_answer(scripted, 200, EMPTY, NULL);
	scripted_answer(scripted, 200, DONE, NULL);
	scripted_answer(scripted, 200, DONE, NULL);
	ck_assert_msg(dns->apply(account, ZONE, put, SETS, NULL, 0, NULL, 0, &call, &err) == 0,
		"%s", err.message);
	ck_assert_ptr_null(scripted_query(scripted, 1, "name"));
	ck_assert_ptr_nonnull(strstr(scripted_request(scripted, 2)->body, "h99.memphis"));
	ck_assert_ptr_null(strstr(scripted_request(scripted, 2)->body, "h100.memphis"));
	ck_assert_ptr_nonnull(strstr(scripted_request(scripted, 3)->body, "h100.memphis"));
	/* The same set twice is a mistake, not a change. */
	put[1] = put[0];
	ck_assert_int_eq(
		dns->apply(account, ZONE, put, 2, NULL, 0, NULL, 0, &call, &err), DRO_EINVAL);
}
END_TEST

/* Ten thousand records in two pages, a thousand sets to put: five batches, or one where the plan
 * takes it. */
START_TEST(a_large_zone)
{
	enum { PAGE = 5000, SETS = 1000 };
	struct dro_call call = scripted_call(scripted, "r-1-many");
	void *paid = scripted_open(scripted, "batch_max", "3500", NULL);
	const struct dro_record **put = calloc(SETS, sizeof(*put));
	struct set *sets = calloc(SETS, sizeof(*sets));
	char(*names)[64] = calloc(SETS, sizeof(*names));
	struct dro_buf body = DRO_BUF_INIT(8u << 20);
	int i, page, round;

	for (i = 0; i < SETS; i++) {
		snprintf(names[i], sizeof(names[i]), "h%d.memphis.example", i * 7);
		put[i] = set_of(&sets[i], names[i], "A", 60, 0, "198.51.100.1", NULL);
	}
	scripted_answer(scripted, 200, ZONES, NULL);
	for (round = 0; round < 2; round++) {
		if (round)
			scripted_answer(scripted, 200, ZONES, NULL); /* of another account */
		for (page = 0; page < 3; page++) {
			dro_buf_reset(&body);
			dro_buf_puts(&body, "{\"success\":true,\"result\":[");
			for (i = page * PAGE; i < (page + 1) * PAGE && page < 2; i++)
				dro_buf_printf(&body,
					"%s{\"id\":\"%d\",\"name\":\"h%d.memphis.example\","
					"\"type\":"
					"\"A\",\"content\":\"192.0.2.1\",\"ttl\":60,\"comment\":"
					"\"" MARK "\"}",
					i % PAGE ? "," : "", i, i);
			dro_buf_puts(&body, "]}");
			scripted_answer(scripted, 200, dro_buf_str(&body), NULL);
		}
		for (i = 0; i < (round ? 1 : SETS / 200); i++)
			scripted_answer(scripted, 200, DONE, NULL);
		ck_assert_msg(dns->apply(round ? paid : account, ZONE, put, SETS, NULL, 0, NULL, 0,
				      &call, &err) == 0,
			"%s", err.message);
	}
	ck_assert_uint_eq(scripted_count(scripted), 4 + SETS / 200 + 4 + 1);
	dro_buf_free(&body);
	free(names);
	free(sets);
	free(put);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cloudflare");
	TCase *tcase = tcase_create("cloudflare");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, probe_takes_an_active_token);
	tcase_add_test(tcase, probe_refuses_others);
	tcase_add_test(tcase, probe_asks_for_the_account_too);
	tcase_add_test(tcase, creates_a_missing_set);
	tcase_add_test(tcase, leaves_what_is_as_wanted);
	tcase_add_test(tcase, changes_a_record_in_place);
	tcase_add_test(tcase, sends_only_the_difference);
	tcase_add_test(tcase, writes_each_type_in_its_parts);
	tcase_add_test(tcase, long_texts_are_cut_in_strings);
	tcase_add_test(tcase, refuses_before_it_asks);
	tcase_add_test(tcase, outcomes_of_a_change);
	tcase_add_test(tcase, looks_again_at_a_list_that_is_behind);
	tcase_add_test(tcase, throttling_says_how_long);
	tcase_add_test(tcase, a_large_change_never_cuts_a_set);
	tcase_add_test(tcase, a_large_zone);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
