/*
 * What the tests of the route53 plugin with a scripted host share: answers in the API's words, an
 * opened account, and one call of each kind. For one test program, hence static.
 */
#ifndef DRORCH_TESTS_ROUTE53_KIT_H
#define DRORCH_TESTS_ROUTE53_KIT_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "support/scripted_host.h"

#define NS "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\""
#define ZONE_OF(id, name, private)                                                                 \
	"<HostedZone><Id>/hostedzone/" id "</Id><Name>" name "</Name><CallerReference>c"           \
	"</CallerReference><Config><PrivateZone>" private "</PrivateZone></Config></HostedZone>"
#define ZONES_OF(zones)                                                                            \
	"<?xml version=\"1.0\"?><ListHostedZonesByNameResponse " NS "><HostedZones>" zones         \
	"</HostedZones><IsTruncated>false</IsTruncated></ListHostedZonesByNameResponse>"
#define ZONES                                                                                      \
	ZONES_OF(ZONE_OF("Z9", "memphis.example.", "true") ZONE_OF(                                \
		"Z1", "memphis.example.", "false") ZONE_OF("Z2", "nashville.example.", "false"))
#define ZONE "memphis.example"
#define NAME "www.memphis.example"
#define MARK "drorch:memphis/www"
#define VALUES(value) "<ResourceRecords>" value "</ResourceRecords>"
#define VALUE(value) "<ResourceRecord><Value>" value "</Value></ResourceRecord>"
#define SET(name, type, rest)                                                                      \
	"<ResourceRecordSet><Name>" name ".</Name><Type>" type "</Type>" rest "</"                 \
	"ResourceRecordSet>"
#define SIMPLE(name, type, value) SET(name, type, "<TTL>60</TTL>" VALUES(VALUE(value)))
#define OWNED(name, type)                                                                          \
	SET("drorch-owner." name, "TXT",                                                           \
		"<TTL>300</TTL>" VALUES(                                                           \
			VALUE("&quot;heritage=drorch,owner=" MARK ",type=" type "&quot;")))
#define LIST(sets, end)                                                                            \
	"<?xml version=\"1.0\"?><ListResourceRecordSetsResponse " NS "><ResourceRecordSets>" sets  \
	"</ResourceRecordSets>" end "<MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"
#define ALL(sets) LIST(sets, "<IsTruncated>false</IsTruncated>")
#define DONE(status)                                                                               \
	"<ChangeResourceRecordSetsResponse " NS                                                    \
	"><ChangeInfo><Id>/change/C1AB</Id><Status>" status                                        \
	"</Status><SubmittedAt>2026-11-20T20:22:50Z</SubmittedAt></ChangeInfo>"                    \
	"</ChangeResourceRecordSetsResponse>"
#define ERROR(code, message)                                                                       \
	"<ErrorResponse " NS "><Error><Type>Sender</Type><Code>" code "</Code><Message>" message   \
	"</Message></Error><RequestId>r</RequestId></ErrorResponse>"
#define INVALID(message)                                                                           \
	"<InvalidChangeBatch " NS "><Messages><Message>" message                                   \
	"</Message><Message>and more</Message></Messages></InvalidChangeBatch>"
#define A_CHANGE(action, rest)                                                                     \
	"<Change><Action>" action "</Action><ResourceRecordSet><Name>" NAME                        \
	".</Name><Type>A</Type>" rest "</ResourceRecordSet></Change>"

#define KIT __attribute__((unused)) /* not every program asks all of it */

KIT static struct scripted *scripted;
KIT static const struct dro_dns *dns;
KIT static const struct dro_health_checks *health;
KIT static void *account;
KIT static struct dro_error err;
KIT static char operation[64];

KIT static void setup(void)
{
	scripted = scripted_new("route53");
	dns = scripted_provider(scripted)->dns;
	health = scripted_provider(scripted)->health;
	account = scripted_open(scripted, NULL);
	err = (struct dro_error)DRO_ERROR_INIT;
}

KIT static void teardown(void)
{
	scripted_free(scripted);
}

KIT static int emit(void *arg, const struct dro_record *record)
{
	struct dro_buf *text = arg;
	size_t i;

	dro_buf_printf(text, "%s %s %s %u/%u [%s]", record->name, record->type, record->set_id,
		record->ttl_s, record->weight, record->owner);
	if (record->failover)
		dro_buf_puts(
			text, record->failover == DRO_FAILOVER_PRIMARY ? " primary" : " secondary");
	if (*record->health_check)
		dro_buf_printf(text, " if %s", record->health_check);
	if (*record->alias)
		dro_buf_printf(text, " -> %s@%s%s", record->alias, record->alias_zone,
			record->evaluate_health ? "?" : "");
	for (i = 0; i < record->value_count; i++)
		dro_buf_printf(text, " <%s>", record->values[i]);
	dro_buf_puts(text, "\n");
	return 0;
}

KIT static int list(const char *name, const char *type, struct dro_buf *text)
{
	struct dro_record_query query = {
		.size = sizeof(query), .zone = ZONE, .name = name, .type = type};
	struct dro_call call = scripted_call(scripted, NULL);

	dro_buf_reset(text);
	return dns->list_records(account, &query, emit, text, &call, &err);
}

struct set {
	struct dro_record record;
	const char *values[4];
};

KIT static struct dro_record *set_of(
	struct set *set, const char *name, const char *type, uint32_t ttl_s, ...)
{
	const char *value;
	va_list args;

	*set = (struct set){.record = {.size = sizeof(set->record),
				    .name = name,
				    .type = type,
				    .ttl_s = ttl_s,
				    .id = "",
				    .set_id = "",
				    .owner = MARK}};
	set->record.values = set->values;
	va_start(args, ttl_s);
	while ((value = va_arg(args, const char *)))
		set->values[set->record.value_count++] = value;
	va_end(args);
	return &set->record;
}

KIT static int apply(const struct dro_record *put, const struct dro_record *del)
{
	struct dro_call call = scripted_call(scripted, "r-1-switch");

	memset(operation, 'x', sizeof(operation));
	return dns->apply(account, ZONE, &put, put ? 1 : 0, &del, del ? 1 : 0, operation,
		sizeof(operation), &call, &err);
}

KIT static const char *last_body(void)
{
	return scripted_request(scripted, scripted_count(scripted) - 1)->body;
}

KIT static void has(const char *text)
{
	ck_assert_msg(strstr(last_body(), text) != NULL, "no %s in %s", text, last_body());
}

KIT static void answer(int status, const char *body)
{
	scripted_answer(scripted, status, body, NULL);
}

KIT static size_t count_of(const char *text, const char *what)
{
	size_t count = 0;

	for (; (text = strstr(text, what)); text++)
		count++;
	return count;
}

KIT static int run_case(const char *name, TCase *tcase)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

#endif
