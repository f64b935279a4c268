/* Lists of a zone's records: what is asked, page after page, and what is beside them. */
#include <check.h>
#include <string.h>

#include "base/buf.h"
#include "support/scripted_host.h"

#define ZONE "memphis.example"
#define LIST(records) "{\"success\":true,\"result\":[" records "]}"
#define ZONES LIST("{\"id\":\"z1\",\"name\":\"" ZONE "\"}")
#define EMPTY LIST("")
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

/* What was emitted, as one line a set. */
static int emit(void *arg, const struct dro_record *record)
{
	struct dro_buf *text = arg;
	size_t i;

	dro_buf_printf(text, "%s %s %u %u [%s]", record->name, record->type, record->ttl_s,
		record->proxied, record->owner);
	for (i = 0; i < record->value_count; i++)
		dro_buf_printf(text, " <%s>", record->values[i]);
	dro_buf_puts(text, "\n");
	return 0;
}

static int list(const char *name, const char *type, struct dro_buf *text)
{
	struct dro_record_query query = {
		.size = sizeof(query), .zone = ZONE, .name = name, .type = type};
	struct dro_call call = scripted_call(scripted, NULL);

	return dns->list_records(account, &query, emit, text, &call, &err);
}

/* To the question for load balancers, which is asked beside the records. */
static void answer_balancers(void)
{
	scripted_answer_at(scripted, "/load_balancers", 200, EMPTY, NULL);
}

START_TEST(lists_sets_in_zone_file_form)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	scripted_answer(scripted, 200, ZONES, NULL);
	scripted_answer(scripted, 200,
		LIST("{\"id\":\"1\",\"name\":\"WWW.memphis.example\",\"type\":\"A\",\"content\":"
		     "\"192.0.2.2\",\"ttl\":1,\"proxied\":true,\"comment\":\"" MARK "\"},"
		     "{\"id\":\"2\",\"name\":\"memphis.example\",\"type\":\"MX\",\"content\":"
		     "\"mx1.memphis.example\",\"priority\":10,\"ttl\":300},"
		     "{\"id\":\"3\",\"name\":\"memphis.example\",\"type\":\"MX\",\"content\":"
		     "\"mx2.memphis.example\",\"priority\":20,\"ttl\":300,\"comment\":null},"
		     "{\"id\":\"4\",\"name\":\"memphis.example\",\"type\":\"TXT\",\"content\":"
		     "\"v=spf1 -all\",\"ttl\":1},"
		     "{\"id\":\"5\",\"name\":\"_sip._tcp.memphis.example\",\"type\":\"SRV\","
		     "\"content\":\"5 8806 sip.memphis.example\",\"priority\":10,\"ttl\":60,"
		     "\"data\":{\"priority\":10,\"weight\":5,\"port\":8806,"
		     "\"target\":\"sip.memphis.example\"}},"
		     "{\"id\":\"6\",\"name\":\"memphis.example\",\"type\":\"CAA\",\"ttl\":1,"
		     "\"content\":\"0 issue \\\"ca.example\\\"\",\"data\":{\"flags\":0,"
		     "\"tag\":\"issue\",\"value\":\"ca.example\"}},"
		     "{\"id\":\"7\",\"name\":\"www.memphis.example\",\"type\":\"A\",\"content\":"
		     "\"192.0.2.1\",\"ttl\":1,\"proxied\":true,\"comment\":\"" MARK "\"},"
		     "{\"id\":\"8\",\"name\":\"memphis.example\",\"type\":\"HTTPS\","
		     "\"content\":\"1 . alpn=h2\",\"ttl\":1}"),
		NULL);
	answer_balancers();
	ck_assert_msg(list("", "", &text) == 0, "%s", err.message);
	ck_assert_str_eq(dro_buf_str(&text),
		"_sip._tcp.memphis.example SRV 60 0 [] <10 5 8806 sip.memphis.example>\n"
		"memphis.example CAA 0 0 [] <0 issue \"ca.example\">\n"
		"memphis.example HTTPS 0 0 [] <1 . alpn=h2>\n"
		"memphis.example MX 300 0 [] <10 mx1.memphis.example> <20 mx2.memphis.example>\n"
		"memphis.example TXT 0 0 [] <\"v=spf1 -all\">\n"
		"www.memphis.example A 0 1 [" MARK "] <192.0.2.1> <192.0.2.2>\n");
	ck_assert_str_eq(scripted_query(scripted, 0, "name"), ZONE);
	ck_assert_str_eq(scripted_request(scripted, 1)->path, "/client/v4/zones/z1/dns_records");
	ck_assert_ptr_null(scripted_query(scripted, 1, "name"));
	dro_buf_free(&text);
}
END_TEST

START_TEST(asks_for_a_zone_once)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	scripted_answer(scripted, 200, ZONES, NULL);
	scripted_answer(scripted, 200, EMPTY, NULL);
	answer_balancers();
	scripted_answer(scripted, 200, EMPTY, NULL);
	ck_assert_int_eq(list("", "", &text), 0);
	ck_assert_str_eq(scripted_request_at(scripted, "/load_balancers", 0)->path,
		"/client/v4/zones/z1/load_balancers");
	ck_assert_int_eq(list("www.memphis.example", "TXT", &text), 0); /* of no balancer */
	ck_assert_uint_eq(scripted_count(scripted), 3);
	ck_assert_uint_eq(scripted_count_at(scripted, "/load_balancers"), 1);
	ck_assert_str_eq(scripted_query(scripted, 2, "name"), "www.memphis.example");
	ck_assert_str_eq(scripted_query(scripted, 2, "type"), "TXT");
	/* A zone that was made anew has another id. */
	scripted_answer(scripted, 404,
		"{\"success\":false,\"errors\":[{\"code\":7003,\"message\":\"Could not route\"}]}",
		NULL);
	answer_balancers();
	ck_assert_int_eq(list("", "", &text), DRO_ENOTFOUND);
	ck_assert_str_eq(err.provider_code, "7003");
	scripted_answer(scripted, 200, ZONES, NULL);
	scripted_answer(scripted, 200, EMPTY, NULL);
	answer_balancers();
	ck_assert_int_eq(list("", "", &text), 0);
	dro_buf_free(&text);
}
END_TEST

START_TEST(a_zone_must_be_the_one)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	scripted_answer(scripted, 200, EMPTY, NULL);
	ck_assert_int_eq(list("", "", &text), DRO_ENOTFOUND);
	scripted_answer(scripted, 200,
		"{\"success\":true,\"result\":[{\"id\":\"z9\",\"name\":\"other.example\"}]}", NULL);
	ck_assert_int_eq(list("", "", &text), DRO_ENOTFOUND);
	scripted_answer(scripted, 200,
		"{\"success\":true,\"result\":[{\"id\":\"z1\",\"name\":\"memphis.example\"},"
		"{\"id\":\"z2\",\"name\":\"memphis.example\"}]}",
		NULL);
	ck_assert_int_eq(list("", "", &text), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "account_id"));
	scripted_answer(scripted, 200,
		"{\"success\":true,\"result\":[{\"name\":\"memphis.example\"}]}", NULL);
	ck_assert_int_eq(list("", "", &text), DRO_EPROTO);
	dro_buf_free(&text);
}
END_TEST

/*
 * A page of `count` records whose ids begin at `first`, of a server whose pages hold two, and that
 * says how many pages there are (0: it does not).
 */
static void answer_page_in(int page, int pages, int first, int count, int total)
{
	struct dro_buf body = DRO_BUF_INIT(65536);
	int i;

	dro_buf_puts(&body, "{\"success\":true,\"result\":[");
	for (i = 0; i < count; i++)
		dro_buf_printf(&body,
			"%s{\"id\":\"%d\",\"name\":\"h%d.memphis.example\",\"type\":\"A\","
			"\"content\":\"192.0.2.1\",\"ttl\":60}",
			i ? "," : "", first + i, first + i);
	dro_buf_printf(&body,
		"],\"result_info\":{\"page\":%d,\"per_page\":2,\"count\":%d,\"total_count\":%d",
		page, count, total);
	if (pages)
		dro_buf_printf(&body, ",\"total_pages\":%d", pages);
	dro_buf_puts(&body, "}}");
	scripted_answer(scripted, 200, dro_buf_str(&body), NULL);
	dro_buf_free(&body);
}

static void answer_page_of(int page, int first, int count, int total)
{
	answer_page_in(page, 0, first, count, total);
}

/* The total is wrong on purpose: nobody may go by it. */
static void answer_page(int page, int first, int count)
{
	answer_page_of(page, first, count, 1);
}

START_TEST(a_list_of_full_pages_ends_with_its_total)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	scripted_answer(scripted, 200, ZONES, NULL);
	answer_page_of(1, 1, 2, 4);
	answer_page_of(2, 3, 2, 4); /* no third page is asked for */
	answer_balancers();
	ck_assert_msg(list("", "", &text) == 0, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "h4.memphis.example"));
	answer_page_of(1, 1, 2, 2);
	answer_balancers();
	ck_assert_msg(list("", "", &text) == 0, "%s", err.message);
	answer_page_of(1, 1, 2, 3); /* one that went meanwhile */
	answer_page_of(2, 3, 0, 2);
	answer_balancers();
	ck_assert_msg(list("", "", &text) == 0, "%s", err.message);
	dro_buf_free(&text);
}
END_TEST

START_TEST(reads_every_page)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	scripted_answer(scripted, 200, ZONES, NULL);
	answer_page(1, 1, 2);
	answer_page(2, 3, 2);
	answer_page(3, 5, 1);
	answer_balancers();
	ck_assert_msg(list("", "", &text) == 0, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "h5.memphis.example"));
	ck_assert_str_eq(scripted_query(scripted, 3, "page"), "3");
	dro_buf_free(&text);
}
END_TEST

/* The next page is asked for before this one is read: as many times as there are pages. */
START_TEST(reads_pages_ahead)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	scripted_answer(scripted, 200, ZONES, NULL);
	answer_page_in(1, 3, 1, 2, 5);
	answer_page_in(2, 3, 3, 2, 5);
	answer_page_in(3, 3, 5, 1, 5);
	answer_balancers();
	ck_assert_msg(list("", "", &text) == 0, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "h5.memphis.example"));
	ck_assert_uint_eq(scripted_count(scripted), 4);
	ck_assert_str_eq(scripted_query(scripted, 3, "page"), "3");
	/* What was asked for and cannot be used is forgotten. */
	scripted_answer(scripted, 200,
		"{\"success\":true,\"result\":{},\"result_info\":{\"page\":1,\"total_pages\":2}}",
		NULL);
	answer_page_in(2, 2, 3, 2, 4);
	answer_balancers();
	ck_assert_int_eq(list("", "", &text), DRO_EPROTO);
	/* A page ahead that fails, fails the list. */
	answer_page_in(1, 2, 1, 2, 4);
	scripted_no_answer(scripted, DRO_EAGAIN);
	answer_balancers();
	ck_assert_int_eq(list("", "", &text), DRO_EAGAIN);
	ck_assert_str_eq(err.message, "scripted: no answer");
	dro_buf_free(&text);
}
END_TEST

START_TEST(pages_that_do_not_advance_are_refused)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	scripted_answer(scripted, 200, ZONES, NULL);
	answer_page(1, 1, 2);
	answer_page(2, 1, 2);
	answer_balancers();
	ck_assert_int_eq(list("", "", &text), DRO_EPROTO);
	answer_page(1, 1, 2);
	answer_page(1, 1, 2);
	answer_balancers();
	ck_assert_int_eq(list("", "", &text), DRO_EPROTO);
	dro_buf_free(&text);
}
END_TEST

START_TEST(a_filter_that_is_not_honoured_is_ours)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	scripted_answer(scripted, 200, ZONES, NULL);
	scripted_answer(scripted, 200,
		LIST("{\"id\":\"1\",\"name\":\"www.memphis.example\",\"type\":\"A\",\"content\":"
		     "\"192.0.2.1\",\"ttl\":60},{\"id\":\"2\",\"name\":\"www.memphis.example\","
		     "\"type\":\"TXT\",\"content\":\"\\\"x\\\"\",\"ttl\":60}"),
		NULL);
	ck_assert_int_eq(list("www.memphis.example", "TXT", &text), 0);
	ck_assert_str_eq(dro_buf_str(&text), "www.memphis.example TXT 60 0 [] <\"x\">\n");
	dro_buf_free(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cloudflare_list");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, lists_sets_in_zone_file_form);
	tcase_add_test(tcase, asks_for_a_zone_once);
	tcase_add_test(tcase, a_zone_must_be_the_one);
	tcase_add_test(tcase, a_list_of_full_pages_ends_with_its_total);
	tcase_add_test(tcase, reads_every_page);
	tcase_add_test(tcase, reads_pages_ahead);
	tcase_add_test(tcase, pages_that_do_not_advance_are_refused);
	tcase_add_test(tcase, a_filter_that_is_not_honoured_is_ours);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
