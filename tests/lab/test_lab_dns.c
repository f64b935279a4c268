/* The lab's answers to DNS queries, below the sockets: garbage, bounds, and who is chosen. */
#include <check.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/dns.h"

#define GARBAGE 20000
#define UDP_MOST 1232

static struct dns_zones *zones;
static unsigned failing; /* a bit a check: "0", "1", … */

static bool healthy(void *arg, const char *check)
{
	(void)arg;
	return !(failing >> strtoul(check, NULL, 10) & 1);
}

static void add(struct route53_sets *sets, const char *json)
{
	cJSON *doc = cJSON_Parse(json);
	char *key = route53_key(dro_json_text(doc, "Name"), dro_json_text(doc, "Type"),
		dro_json_text(doc, "SetIdentifier"));
	bool found;

	ck_assert_ptr_nonnull(doc);
	ck_assert_int_eq(
		route53_sets_insert(sets, route53_sets_find(sets, key, &found), key, doc), 0);
}

static void publish(uint64_t due_ms, const char *address)
{
	struct route53_sets sets = {0};
	char json[512];
	int i;

	add(&sets, "{\"Name\":\"a.test.\",\"Type\":\"SOA\",\"TTL\":\"900\","
		   "\"ResourceRecords\":[\"ns.a.test. h.a.test. 1 2 3 4 60\"]}");
	snprintf(json, sizeof(json),
		"{\"Name\":\"www.a.test.\",\"Type\":\"A\",\"TTL\":\"60\",\"ResourceRecords\":["
		"\"%s\"]}",
		address);
	add(&sets, json);
	add(&sets, "{\"Name\":\"bad.a.test.\",\"Type\":\"A\",\"TTL\":\"60\",\"ResourceRecords\":["
		   "\"nonsense\",\"1.2.3.4\\n5 IN A 6.7.8.9\",\"192.0.2.7\"]}");
	for (i = 0; i < 3; i++) {
		snprintf(json, sizeof(json),
			"{\"Name\":\"w.a.test.\",\"Type\":\"A\",\"SetIdentifier\":\"%d\","
			"\"Weight\":\"%d\",\"TTL\":\"60\",\"ResourceRecords\":[\"192.0.2.%d\"],"
			"\"HealthCheckId\":\"%d\"}",
			i, i, i, i);
		add(&sets, json);
	}
	ck_assert_int_eq(dns_zones_publish(zones, "Z1", "a.test.", &sets, due_ms, NULL), 0);
	route53_sets_free(&sets);
}

static void setup(void)
{
	failing = 0;
	ck_assert_int_eq(dns_zones_new(&zones, NULL), 0);
	dns_zones_set_health(zones, healthy, NULL);
	publish(0, "192.0.2.1");
}

static void teardown(void)
{
	dns_zones_free(zones);
}

static const char *address_of(const char *name)
{
	static char address[LAB_ADDRESS];
	int rcode;

	return dns_zones_address(zones, name, address, &rcode) ? address : "";
}

/* A query for `name`, in wire form; freed with free(). */
static size_t query_for(const char *name, uint8_t **out)
{
	ldns_pkt *query = ldns_pkt_query_new(
		ldns_dname_new_frm_str(name), LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN, LDNS_RD);
	size_t length;

	ldns_pkt_set_edns_udp_size(query, 4096);
	ck_assert_int_eq(ldns_pkt2wire(out, query, &length), LDNS_STATUS_OK);
	ldns_pkt_free(query);
	return length;
}

/* What is random comes the same way every time: xorshift. */
static uint32_t dice(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void ask(const uint8_t *packet, size_t length, bool udp)
{
	uint8_t *exact = malloc(length ? length : 1), *answer = NULL;
	size_t answer_length = 0;

	/* Of its exact size, so that the sanitizer sees who reads on. */
	ck_assert_ptr_nonnull(exact);
	memcpy(exact, packet, length);
	if (dns_zones_reply(zones, exact, length, udp, &answer, &answer_length)) {
		ck_assert_uint_ge(answer_length, 12);
		ck_assert_mem_eq(answer, exact, 2);
		ck_assert_uint_eq(answer[2] & 0x80, 0x80);
		if (udp)
			ck_assert_uint_le(answer_length, UDP_MOST);
	}
	free(answer);
	free(exact);
}

START_TEST(garbage)
{
	uint8_t packet[600], *good;
	size_t good_length = query_for("www.a.test.", &good), length;
	uint32_t state = 53;
	int i, k;

	for (i = 0; i < GARBAGE; i++) {
		if (i % 2) {
			memcpy(packet, good, good_length);
			length = i % 3 ? good_length : dice(&state) % (good_length + 1);
			for (k = 0; k < 1 + i % 4; k++)
				packet[dice(&state) % good_length] = (uint8_t)dice(&state);
		} else {
			length = dice(&state) % sizeof(packet);
			for (k = 0; k < (int)length; k++)
				packet[k] = (uint8_t)dice(&state);
			packet[2] &= 0x7f;
		}
		ask(packet, length, i % 5 != 0);
	}
	/* A name that points at itself. */
	memcpy(packet, "\0\1\0\0\0\1\0\0\0\0\0\0\300\14\0\1\0\1", 18);
	ask(packet, 18, true);
	ck_assert_str_eq(address_of("www.a.test"), "192.0.2.1");
	free(good);
}
END_TEST

START_TEST(answers_are_not_answered)
{
	uint8_t *query, *answer = NULL;
	size_t length = query_for("www.a.test.", &query), answer_length;

	query[2] |= 0x80;
	ck_assert(!dns_zones_reply(zones, query, length, true, &answer, &answer_length));
	ck_assert(!dns_zones_reply(zones, query, 11, true, &answer, &answer_length));
	free(query);
}
END_TEST

START_TEST(publications_count_when_they_are_due)
{
	publish(dro_now_ms() + 3600000, "192.0.2.2");
	ck_assert_str_eq(address_of("www.a.test"), "192.0.2.1");
	/* Never before an earlier one. */
	publish(0, "192.0.2.3");
	ck_assert_str_eq(address_of("www.a.test"), "192.0.2.1");
}
END_TEST

START_TEST(a_zone_goes)
{
	publish(0, "192.0.2.2");
	ck_assert_str_eq(address_of("WWW.a.test."), "192.0.2.2");
	dns_zones_set_fault(zones, DNS_STALE, NULL);
	ck_assert_int_eq(dns_zones_publish(zones, "Z1", "a.test.", NULL, 0, NULL), 0);
	ck_assert_str_eq(address_of("www.a.test"), "192.0.2.2");
	dns_zones_set_fault(zones, DNS_WELL, NULL);
	ck_assert_str_eq(address_of("www.a.test"), "");
	publish(0, "192.0.2.4");
	ck_assert_str_eq(address_of("www.a.test"), "192.0.2.4");
}
END_TEST

START_TEST(values_that_are_none_are_left_out)
{
	ck_assert_str_eq(address_of("bad.a.test"), "192.0.2.7");
	ck_assert_str_eq(address_of("nobody.a.test"), "");
	ck_assert_str_eq(address_of("a..test"), "");
}
END_TEST

/* Which of three sets (weights 0, 1 and 2) are ever chosen, a bit each. */
static unsigned chosen(void)
{
	unsigned seen = 0;
	int i;

	for (i = 0; i < 300; i++)
		seen |= 1u << (address_of("w.a.test")[8] - '0');
	return seen;
}

START_TEST(health_decides_before_weight)
{
	static const unsigned wanted[8] = {6, 6, 4, 4, 2, 2, 1, 6};

	for (failing = 0; failing < 8; failing++)
		ck_assert_uint_eq(chosen(), wanted[failing]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lab dns");
	TCase *tests = tcase_create("answers");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, garbage);
	tcase_add_test(tests, answers_are_not_answered);
	tcase_add_test(tests, publications_count_when_they_are_due);
	tcase_add_test(tests, a_zone_goes);
	tcase_add_test(tests, values_that_are_none_are_left_out);
	tcase_add_test(tests, health_decides_before_weight);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
