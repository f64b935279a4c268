/* What plugins share: XML, paging, parameters, answers, times, zones. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "plugins/common/ahead.h"
#include "plugins/common/answer.h"
#include "plugins/common/paging.h"
#include "plugins/common/params.h"
#include "base/rdata.h"
#include "plugins/common/when.h"
#include "plugins/common/xml.h"
#include "plugins/common/zones.h"

static int parse(struct dro_xml **out, const char *text)
{
	return dro_xml_parse(out, text, strlen(text), NULL);
}

START_TEST(xml_reads_a_tree)
{
	struct dro_xml *xml = NULL;
	const struct dro_xml_node *root, *item;

	ck_assert_int_eq(
		parse(&xml, "<?xml version=\"1.0\"?>\n<a xmlns=\"urn:x\" xmlns:n='urn:n'>\n"
			    " <set><item><id>1</id></item><other/><item><id>a&amp;b</id>"
			    "</item></set>\n <n:name> x </n:name><empty/></a>"),
		0);
	root = dro_xml_root(xml);
	ck_assert_str_eq(root->name, "a");
	item = dro_xml_child(root, "set/item");
	ck_assert_str_eq(dro_xml_text(item, "id"), "1");
	item = dro_xml_next(item);
	ck_assert_str_eq(dro_xml_text(item, "id"), "a&b");
	ck_assert_ptr_null(dro_xml_next(item));
	ck_assert_str_eq(dro_xml_text(root, "name"), " x ");
	ck_assert_str_eq(dro_xml_text(root, "empty"), "");
	ck_assert_str_eq(dro_xml_text(root, "set"), "");
	ck_assert_str_eq(dro_xml_text(root, "set/none/id"), "");
	ck_assert_ptr_null(dro_xml_child(NULL, "x"));
	dro_xml_free(xml);
}
END_TEST

START_TEST(xml_names_match_whole)
{
	struct dro_xml *xml = NULL;

	ck_assert_int_eq(parse(&xml, "<a><items>no</items><item>yes</item></a>"), 0);
	ck_assert_str_eq(dro_xml_text(dro_xml_root(xml), "item"), "yes");
	ck_assert_str_eq(dro_xml_text(dro_xml_root(xml), "ite"), "");
	dro_xml_free(xml);
}
END_TEST

START_TEST(xml_refuses)
{
	static const char *const bad[] = {"", "text", "<a>", "<a></b>", "<a/><b/>", "{\"a\":1}",
		"<html><body><br></body></html>", "<!DOCTYPE a><a/>",
		"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<a>&nope;</a>", "<a>\x01</a>",
		"<a>\xff</a>"};
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_xml *xml = NULL;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(dro_xml_parse(&xml, bad[i], strlen(bad[i]), &err), DRO_EPROTO);
		ck_assert_ptr_null(xml);
		ck_assert(err.message[0] != '\0');
	}
	ck_assert_int_eq(dro_xml_parse(&xml, "<a/>\0<b/>", 9, &err), DRO_EPROTO);
}
END_TEST

START_TEST(xml_caps_depth_and_elements)
{
	struct dro_buf text = DRO_BUF_INIT(8 * 1024 * 1024);
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_xml *xml = NULL;
	int i;

	for (i = 0; i < DRO_XML_MAX_DEPTH; i++)
		dro_buf_puts(&text, "<a>");
	for (i = 0; i < DRO_XML_MAX_DEPTH; i++)
		dro_buf_puts(&text, "</a>");
	ck_assert_int_eq(parse(&xml, dro_buf_str(&text)), 0);
	dro_xml_free(xml);
	xml = NULL;
	dro_buf_reset(&text);
	for (i = 0; i < 100000; i++)
		dro_buf_puts(&text, "<a>");
	ck_assert_int_eq(dro_xml_parse(&xml, text.data, text.length, &err), DRO_EPROTO);
	ck_assert_ptr_nonnull(strstr(err.message, "deep"));
	dro_buf_reset(&text);
	dro_buf_puts(&text, "<a>");
	for (i = 0; i <= DRO_XML_MAX_ELEMENTS; i++)
		dro_buf_puts(&text, "<b/>");
	dro_buf_puts(&text, "</a>");
	ck_assert_int_eq(dro_xml_parse(&xml, text.data, text.length, &err), DRO_EPROTO);
	ck_assert_ptr_nonnull(strstr(err.message, "elements"));
	dro_buf_free(&text);
}
END_TEST

/* Every way of cutting an answer short is noticed; no changed byte does harm. */
START_TEST(xml_cut_or_bent)
{
	static const char whole[] =
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R "
		"xmlns=\"http://ec2.amazonaws.com/doc/"
		"2016-11-15/\"><set><item><id>i-1</id><tags><item><key>a &amp; b</key><value/>"
		"</item></tags></item><item><id>\xc3\xa9<![CDATA[<x>]]></id></item></set></R>";
	char bent[sizeof(whole)];
	struct dro_xml *xml = NULL;
	size_t i;
	int byte;

	for (i = 0; i < sizeof(whole) - 1; i++)
		ck_assert_int_eq(dro_xml_parse(&xml, whole, i, NULL), DRO_EPROTO);
	for (i = 0; i < sizeof(whole) - 1; i++) {
		for (byte = 0; byte < 256; byte += 5) {
			memcpy(bent, whole, sizeof(whole));
			bent[i] = (char)byte;
			if (dro_xml_parse(&xml, bent, sizeof(bent) - 1, NULL) == 0) {
				(void)dro_xml_text(dro_xml_root(xml), "set/item/tags/item/key");
				dro_xml_free(xml);
				xml = NULL;
			}
			ck_assert_ptr_null(xml);
		}
	}
}
END_TEST

START_TEST(xml_escapes)
{
	struct dro_buf out = DRO_BUF_INIT(100);

	dro_xml_escape(&out, "a<b>&\"c'd");
	ck_assert_str_eq(dro_buf_str(&out), "a&lt;b&gt;&amp;&quot;c&apos;d");
	dro_buf_free(&out);
}
END_TEST

START_TEST(paging_ends)
{
	struct dro_paging page = DRO_PAGING_INIT("List", 4);

	ck_assert_int_eq(dro_paging_next(&page, "a", NULL), 1);
	ck_assert_str_eq(page.token, "a");
	ck_assert_int_eq(dro_paging_next(&page, "b", NULL), 1);
	ck_assert_int_eq(dro_paging_next(&page, "", NULL), 0);
	dro_paging_free(&page);
}
END_TEST

START_TEST(paging_refuses_no_progress)
{
	struct dro_paging same = DRO_PAGING_INIT("List", 1000);
	struct dro_paging circle = DRO_PAGING_INIT("List", 1000);
	struct dro_paging endless = DRO_PAGING_INIT("List", 3);
	static const char *const tokens[] = {"a", "b", "c"};
	int i, rc = 1;

	ck_assert_int_eq(dro_paging_next(&same, "a", NULL), 1);
	ck_assert_int_eq(dro_paging_next(&same, "a", NULL), DRO_EPROTO);
	for (i = 0; i < 1000 && rc == 1; i++)
		rc = dro_paging_next(&circle, tokens[i % 3], NULL);
	ck_assert_int_eq(rc, DRO_EPROTO);
	ck_assert_int_lt(i, 12);
	ck_assert_int_eq(dro_paging_next(&endless, "1", NULL), 1);
	ck_assert_int_eq(dro_paging_next(&endless, "2", NULL), 1);
	ck_assert_int_eq(dro_paging_next(&endless, "3", NULL), DRO_EPROTO);
	dro_paging_free(&same);
	dro_paging_free(&circle);
	dro_paging_free(&endless);
}
END_TEST

START_TEST(params_make_a_form)
{
	struct dro_params params = DRO_PARAMS_INIT;
	struct dro_buf out = DRO_BUF_INIT(1000);

	dro_params_add(&params, "A", "x y&z=+");
	dro_params_add_set(&params, "B", "");
	dro_params_add_set(&params, "C", NULL);
	dro_params_addf(&params, "\xc3\xa9", "D.%d.Key", 3);
	ck_assert_int_eq(dro_params_check(&params, NULL), 0);
	dro_params_form(&out, &params);
	ck_assert_str_eq(dro_buf_str(&out), "A=x%20y%26z%3D%2B&D.3.Key=%C3%A9");
	ck_assert_str_eq(dro_pair_get(params.items, params.count, "D.3.Key", "no"), "\xc3\xa9");
	ck_assert_str_eq(dro_pair_get(params.items, params.count, "E", "no"), "no");
	ck_assert(!dro_pair_true(params.items, params.count, "A"));
	dro_buf_free(&out);
	dro_params_free(&params);
}
END_TEST

START_TEST(answers_are_sorted)
{
	static const struct dro_word words[] = {
		{"Slow", DRO_EAGAIN}, {"*.NotFound", DRO_ENOTFOUND}, {NULL, 0}};

	ck_assert_int_eq(dro_word_code(words, "Slow"), DRO_EAGAIN);
	ck_assert_int_eq(dro_word_code(words, "Slower"), 0);
	ck_assert_int_eq(dro_word_code(words, "InvalidX.NotFound"), DRO_ENOTFOUND);
	ck_assert_int_eq(dro_word_code(words, ""), 0);
	ck_assert_int_eq(dro_answer_code(503, true), DRO_ETIMEDOUT);
	ck_assert_int_eq(dro_answer_code(503, false), DRO_EAGAIN);
	ck_assert_int_eq(dro_answer_code(429, true), DRO_EAGAIN);
	ck_assert_int_eq(dro_answer_code(301, false), DRO_EPROTO);
	ck_assert_int_eq(dro_answer_code(422, true), DRO_EINVAL);
}
END_TEST

START_TEST(retry_after_forms)
{
	static const struct {
		const char *value;
		uint32_t ms;
	} cases[] = {{"3", 3000}, {"0", 0}, {"99999999999999999999", 3600000}, {"3x", 0}, {"-3", 0},
		{"", 0}, {"Fri, 20 Nov 2026 20:22:50 GMT", 50000},
		{"Fri, 20 Nov 2026 20:20:00 GMT", 0}, {"tomorrow", 0}};
	int64_t now = dro_when_iso("2026-11-20T20:22:00Z");
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dro_pair header = {"retry-after", cases[i].value};
		struct dro_http_response response = {.headers = &header, .header_count = 1};

		ck_assert_uint_eq(dro_answer_retry_after(&response, now), cases[i].ms);
	}
}
END_TEST

START_TEST(times)
{
	static const struct {
		const char *text;
		int64_t ms;
	} iso[] = {{"1970-01-01T00:00:01Z", 1000}, {"2026-11-20T20:22:50Z", 1795206170000},
		{"2026-11-20T20:22:50.123Z", 1795206170123}, {"2026-11-20T20:22:50", 1795206170000},
		{"2026-11-20T21:22:50+01:00", 1795206170000},
		{"2026-11-20T19:52:50.5-00:30", 1795206170500},
		{"2024-02-29T00:00:00Z", 1709164800000}, {"2026-13-01T00:00:00Z", 0},
		{"2026-11-20", 0}, {"", 0}, {"never", 0}, {"2026-11-20T20:22:50Zx", 0},
		{"2026-11-20T20:22:50+99:00", 0}};
	size_t i;

	for (i = 0; i < sizeof(iso) / sizeof(iso[0]); i++)
		ck_assert_msg(dro_when_iso(iso[i].text) == iso[i].ms, "%s: %lld", iso[i].text,
			(long long)dro_when_iso(iso[i].text));
	ck_assert_int_eq(dro_when_http("Fri, 20 Nov 2026 20:22:50 GMT"), 1795206170000);
	ck_assert_int_eq(dro_when_http("Fri, 20 Nox 2026 20:22:50 GMT"), 0);
	ck_assert_int_eq(dro_when_http("Fri, 20 Nov 2026 20:22:50 CET"), 0);
}
END_TEST

static void spelled(const char *type, const char *value, const char *wanted)
{
	struct dro_buf out = DRO_BUF_INIT(65536);
	int rc = dro_rdata_clean(&out, type, value, NULL);

	ck_assert_msg((rc == 0) == (wanted != NULL), "%s %s: %d", type, value, rc);
	if (wanted)
		ck_assert_str_eq(dro_buf_str(&out), wanted);
	dro_buf_free(&out);
}

START_TEST(record_values_have_one_spelling)
{
	spelled("A", "192.0.2.1", "192.0.2.1");
	spelled("A", "192.0.2.256", NULL);
	spelled("AAAA", "2001:DB8:0::1", "2001:db8::1");
	spelled("CNAME", "WWW.Example.", "www.example");
	spelled("CNAME", "a b", NULL);
	spelled("MX", "10   Mail.example.", "10 mail.example");
	spelled("MX", "mail.example", NULL);
	spelled("SRV", "1 2 65536 x.example", NULL);
	spelled("TXT", "bare text", "\"bare text\"");
	spelled("TXT", "\"a\\059\" \"b\\\"\"", "\"a;b\\\"\"");
	spelled("TXT", "\"open", NULL);
	spelled("CAA", "0 Issue ca.example", "0 issue \"ca.example\"");
	spelled("NAPTR", "x", NULL);
	ck_assert(dro_name_in_zone("a.B.example", "b.example"));
	ck_assert(dro_name_in_zone("b.example", "b.example"));
	ck_assert(!dro_name_in_zone("ab.example", "b.example"));
	ck_assert(!dro_name_in_zone("example", "b.example"));
}
END_TEST

START_TEST(texts_in_two_bases)
{
	struct dro_buf raw = DRO_BUF_INIT(1024), out = DRO_BUF_INIT(1024);

	ck_assert_int_eq(dro_rdata_unquote(&raw, "\"a\\073\\303\\251\"  \"b\"", 8), 0);
	ck_assert_str_eq(dro_buf_str(&raw), "a;\303\251b");
	dro_rdata_quote(&out, dro_buf_str(&raw), raw.length, 8);
	ck_assert_str_eq(dro_buf_str(&out), "\"a;\\303\\251b\"");
	dro_buf_reset(&out);
	dro_rdata_quote(&out, dro_buf_str(&raw), raw.length, 10);
	ck_assert_str_eq(dro_buf_str(&out), "\"a;\303\251b\"");
	dro_buf_free(&raw);
	dro_buf_free(&out);
}
END_TEST

START_TEST(zones_are_known_by_name)
{
	struct dro_zones zones;
	char id[8];

	dro_zones_init(&zones);
	ck_assert(!dro_zones_find(&zones, "a.example", id, sizeof(id)));
	dro_zones_forget(&zones, "a.example");
	ck_assert_int_eq(dro_zones_keep(&zones, "a.example", "1", NULL), 0);
	ck_assert_int_eq(dro_zones_keep(&zones, "b.example", "2", NULL), 0);
	ck_assert_int_eq(dro_zones_keep(&zones, "c.example", "longer-than-8", NULL), 0);
	ck_assert(dro_zones_find(&zones, "A.Example", id, sizeof(id)));
	ck_assert_str_eq(id, "1");
	ck_assert(!dro_zones_find(&zones, "c.example", id, sizeof(id)));
	ck_assert_int_eq(dro_zones_keep(&zones, "A.EXAMPLE", "3", NULL), 0);
	ck_assert(dro_zones_find(&zones, "a.example", id, sizeof(id)));
	ck_assert_str_eq(id, "3");
	dro_zones_forget(&zones, "a.example");
	ck_assert(!dro_zones_find(&zones, "a.example", id, sizeof(id)));
	ck_assert(dro_zones_find(&zones, "b.example", id, sizeof(id)));
	ck_assert_str_eq(id, "2");
	dro_zones_fini(&zones);
}
END_TEST

/* ---- pages read ahead ------------------------------------------------------------------------ */

/* A provider of pages "1", "2", …: each asked for is written down. */
struct pages {
	struct dro_buf asked;
	struct dro_http_response response;
};

static int fetch_page(
	void *arg, const char *token, struct dro_http_response **out, struct dro_error *err)
{
	struct pages *pages = arg;

	if (token && strcmp(token, "bad") == 0)
		return dro_fail(err, DRO_EIO, "page bad");
	dro_buf_printf(&pages->asked, "%s,", token ? token : "first");
	*out = &pages->response;
	return 0;
}

static int freed;

static void free_page(struct dro_http_response *response)
{
	freed += response != NULL;
}

START_TEST(a_page_read_ahead_is_asked_for_once)
{
	const struct dro_host host = {.http_free = free_page};
	struct pages pages = {.asked = DRO_BUF_INIT(1000)};
	struct dro_ahead ahead = {.host = &host, .fetch = fetch_page, .arg = &pages};
	struct dro_http_response *response = NULL;
	struct dro_error err = DRO_ERROR_INIT;

	freed = 0;
	ck_assert_int_eq(dro_ahead_get(&ahead, NULL, &response, &err), 0);
	dro_ahead_start(&ahead, NULL, "2");
	ck_assert_int_eq(dro_ahead_get(&ahead, "2", &response, &err), 0);
	ck_assert_ptr_eq(response, &pages.response);
	dro_ahead_start(&ahead, "2", "2"); /* round in a circle: not asked */
	dro_ahead_start(&ahead, "2", "wrong");
	ck_assert_int_eq(dro_ahead_get(&ahead, "3", &response, &err), 0);
	ck_assert_int_eq(freed, 1); /* what nobody wanted */
	dro_ahead_start(&ahead, "3", "4");
	dro_ahead_fini(&ahead);
	ck_assert_int_eq(freed, 2);
	ck_assert_str_eq(dro_buf_str(&pages.asked), "first,2,wrong,3,4,");
	dro_ahead_start(&ahead, "3", "bad");
	ck_assert_int_eq(dro_ahead_get(&ahead, "bad", &response, &err), DRO_EIO);
	ck_assert_str_eq(err.message, "page bad");
	dro_buf_free(&pages.asked);
}
END_TEST

static bool finds_token(const char *body, char *out, size_t size)
{
	const struct dro_http_response response = {.body = body, .body_length = strlen(body)};

	return dro_ahead_find(&response, "<t>", "</t>", out, size);
}

START_TEST(a_token_is_found_where_it_is_plain)
{
	char token[8];

	ck_assert(finds_token("<x><t>old</t><t>n+1/=</t></x>", token, sizeof(token)));
	ck_assert_str_eq(token, "n+1/=");
	ck_assert(finds_token("<t></t>", token, sizeof(token)));
	ck_assert_str_eq(token, "");
	ck_assert(!finds_token("", token, sizeof(token)));
	ck_assert(!finds_token("<x/>", token, sizeof(token)));
	ck_assert(!finds_token("<t>cut", token, sizeof(token)));
	ck_assert(!finds_token("<t>a&amp;b</t>", token, sizeof(token))); /* to be read first */
	ck_assert(!finds_token("<t>12345678</t>", token, sizeof(token)));
}
END_TEST

START_TEST(a_number_is_found)
{
	static const struct {
		const char *body;
		unsigned long number;
	} rows[] = {{"{\"n\":7}", 7}, {"{\"n\":7,\"n\":12,\"m\":3}", 12}, {"{\"n\":-1}", 0},
		{"{\"n\":\"7\"}", 0}, {"{\"n\":", 0}, {"", 0}};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct dro_http_response response = {
			.body = rows[i].body, .body_length = strlen(rows[i].body)};

		ck_assert_uint_eq(dro_ahead_number(&response, "\"n\":"), rows[i].number);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plugins/common");
	TCase *tcase = tcase_create("common");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, xml_reads_a_tree);
	tcase_add_test(tcase, xml_names_match_whole);
	tcase_add_test(tcase, xml_refuses);
	tcase_add_test(tcase, xml_caps_depth_and_elements);
	tcase_add_test(tcase, xml_cut_or_bent);
	tcase_add_test(tcase, xml_escapes);
	tcase_add_test(tcase, paging_ends);
	tcase_add_test(tcase, paging_refuses_no_progress);
	tcase_add_test(tcase, params_make_a_form);
	tcase_add_test(tcase, answers_are_sorted);
	tcase_add_test(tcase, retry_after_forms);
	tcase_add_test(tcase, times);
	tcase_add_test(tcase, record_values_have_one_spelling);
	tcase_add_test(tcase, texts_in_two_bases);
	tcase_add_test(tcase, zones_are_known_by_name);
	tcase_add_test(tcase, a_page_read_ahead_is_asked_for_once);
	tcase_add_test(tcase, a_token_is_found_where_it_is_plain);
	tcase_add_test(tcase, a_number_is_found);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
