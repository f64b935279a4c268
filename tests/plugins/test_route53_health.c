/* Health checks: listed with their marks, made once, changed at their version, deleted unused. */
#include "plugins/route53_kit.h"

#define CONFIG(rest) "<HealthCheckConfig>" rest "</HealthCheckConfig>"
#define CHECK_OF(id, reference, version, rest)                                                     \
	"<HealthCheck><Id>" id "</Id><CallerReference>" reference "</CallerReference>" CONFIG(     \
		rest) "<HealthCheckVersion>" version "</HealthCheckVersion></HealthCheck>"
#define WEB                                                                                        \
	"<IPAddress>192.0.2.1</IPAddress><Port>443</Port><Type>HTTPS</Type>"                       \
	"<ResourcePath>/health</ResourcePath><FullyQualifiedDomainName>www.memphis.example"        \
	"</FullyQualifiedDomainName><RequestInterval>30</RequestInterval>"                         \
	"<FailureThreshold>3</FailureThreshold><EnableSNI>true</EnableSNI>"
#define CHECKS(checks, end)                                                                        \
	"<ListHealthChecksResponse " NS "><HealthChecks>" checks "</HealthChecks>" end             \
	"<MaxItems>100</MaxItems></ListHealthChecksResponse>"
#define LAST "<IsTruncated>false</IsTruncated>"
#define TAGS_OF(id, tags)                                                                          \
	"<ResourceTagSet><ResourceType>healthcheck</ResourceType><ResourceId>" id                  \
	"</ResourceId><Tags>" tags "</Tags></ResourceTagSet>"
#define TAG(key, value) "<Tag><Key>" key "</Key><Value>" value "</Value></Tag>"
#define OURS TAG("Name", "www") TAG("drorch-owner", MARK)
#define TAGS(sets)                                                                                 \
	"<ListTagsForResourcesResponse " NS "><ResourceTagSets>" sets                              \
	"</ResourceTagSets></ListTagsForResourcesResponse>"
#define ONE(root, check) "<" root " " NS ">" check "</" root ">"
#define MADE ONE("CreateHealthCheckResponse", CHECK_OF("h-1", "run-1-check", "1", WEB))
#define SEEN(version) ONE("GetHealthCheckResponse", CHECK_OF("h-1", "run-1-check", version, WEB))
#define TAGGED "<ChangeTagsForResourceResponse " NS "/>"

static char id[80];

static int emit_check(void *arg, const struct dro_health_check *check)
{
	dro_buf_printf(arg, "%s@%s [%s] %u %s %s %s:%u %us/%u %u\n", check->id, check->version,
		check->owner, check->kind, check->address, check->host, check->path, check->port,
		check->interval_s, check->fail_after, check->state);
	return strcmp(check->id, "stop") == 0 ? 7 : 0;
}

static int list_checks(struct dro_buf *text)
{
	struct dro_call call = scripted_call(scripted, NULL);

	dro_buf_reset(text);
	return health->list_checks(account, emit_check, text, &call, &err);
}

static struct dro_health_check web(const char *check_id, const char *version)
{
	return (struct dro_health_check){.size = sizeof(struct dro_health_check),
		.kind = DRO_CHECK_HTTPS,
		.id = check_id,
		.version = version,
		.owner = MARK,
		.address = "192.0.2.1",
		.host = "www.memphis.example",
		.path = "/health",
		.port = 443,
		.interval_s = 30,
		.fail_after = 3};
}

static int put(const struct dro_health_check *check)
{
	struct dro_call call = scripted_call(scripted, "run-1-check");

	memset(id, 'x', sizeof(id));
	return health->put_check(account, check, id, sizeof(id), &call, &err);
}

static int delete_check(const char *check_id)
{
	struct dro_call call = scripted_call(scripted, "run-1-clean");

	return health->delete_check(account, check_id, &call, &err);
}

START_TEST(lists_in_pages_with_their_marks)
{
	struct dro_buf text = DRO_BUF_INIT(65536), page = DRO_BUF_INIT(65536);
	int i;

	dro_buf_puts(&page, "<ListHealthChecksResponse " NS "><HealthChecks>");
	for (i = 0; i < 11; i++)
		dro_buf_printf(
			&page, CHECK_OF("h-%d", "r", "2", "<Port>1</Port><Type>TCP</Type>"), i);
	dro_buf_puts(&page, "</HealthChecks><IsTruncated>true</IsTruncated>"
			    "<NextMarker>n&amp;m</NextMarker></ListHealthChecksResponse>");
	answer(200, dro_buf_str(&page));
	answer(200, TAGS(TAGS_OF("h-9", OURS) TAGS_OF("h-0", "")));
	answer(200, TAGS(TAGS_OF("h-10", TAG("drorch-owner", "other"))));
	answer(200,
		CHECKS(CHECK_OF("h-a", "r", "4", WEB) CHECK_OF("h-b", "r", "1",
			       "<Type>CALCULATED</Type><HealthThreshold>1"
			       "</HealthThreshold><ChildHealthChecks><ChildHealthCheck>h-a"
			       "</ChildHealthCheck></ChildHealthChecks>") CHECK_OF("h-c", "r", "1",
			       "<Port>80</Port><Type>HTTP</Type><Inverted>true"
			       "</Inverted>"),
			LAST));
	answer(200, TAGS(""));
	ck_assert_msg(list_checks(&text) == 0, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "h-0@2 [] 3   :1 0s/0 0\n"));
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "h-9@2 [" MARK "] 3"));
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "h-10@2 [other] 3"));
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text),
		"h-a@4 [] 2 192.0.2.1 www.memphis.example /health:443 30s/3 0\n"
		"h-b@1 [] 0"));
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "h-c@1 [] 0"));
	ck_assert_str_eq(scripted_request(scripted, 0)->path, "/2013-04-01/healthcheck");
	ck_assert_str_eq(scripted_query(scripted, 0, "maxitems"), "100");
	ck_assert_ptr_null(scripted_query(scripted, 0, "marker"));
	ck_assert_str_eq(scripted_query(scripted, 3, "marker"), "n&m");
	ck_assert_str_eq(scripted_request(scripted, 1)->path, "/2013-04-01/tags/healthcheck");
	ck_assert_str_eq(scripted_request(scripted, 1)->method, "POST");
	ck_assert_uint_eq(scripted_request(scripted, 1)->flags, DRO_HTTP_SAFE);
	ck_assert_uint_eq(count_of(scripted_request(scripted, 1)->body, "<ResourceId>"), 10);
	ck_assert_ptr_nonnull(strstr(scripted_request(scripted, 2)->body,
		"<ResourceIds><ResourceId>h-10</ResourceId></ResourceIds>"));
	dro_buf_free(&text);
	dro_buf_free(&page);
}
END_TEST

START_TEST(a_list_that_ends_early_or_never)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	answer(200, CHECKS(CHECK_OF("stop", "r", "1", WEB) CHECK_OF("h-2", "r", "1", WEB), LAST));
	answer(200, TAGS(""));
	ck_assert_int_eq(list_checks(&text), 7);
	answer(200, CHECKS("", "<IsTruncated>true</IsTruncated><NextMarker>m</NextMarker>"));
	answer(200, CHECKS("", "<IsTruncated>true</IsTruncated><NextMarker>m</NextMarker>"));
	ck_assert_int_eq(list_checks(&text), DRO_EPROTO);
	answer(200, CHECKS("", "<IsTruncated>true</IsTruncated>"));
	ck_assert_int_eq(list_checks(&text), DRO_EPROTO);
	answer(200, CHECKS(CHECK_OF("../h", "r", "1", WEB), LAST));
	ck_assert_int_eq(list_checks(&text), DRO_EPROTO);
	/* One was deleted between the list and the question for its tags. */
	answer(200, CHECKS(CHECK_OF("h-1", "r", "1", WEB) CHECK_OF("h-2", "r", "1", WEB), LAST));
	answer(404, ERROR("NoSuchHealthCheck", "h-1 does not exist"));
	answer(404, ERROR("NoSuchHealthCheck", "h-1 does not exist"));
	answer(200, TAGS(TAGS_OF("h-2", OURS)));
	ck_assert_int_eq(list_checks(&text), 0);
	ck_assert_ptr_null(strstr(dro_buf_str(&text), "h-1@"));
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "h-2@1 [" MARK "]"));
	dro_buf_free(&text);
}
END_TEST

START_TEST(makes_one_and_marks_it)
{
	struct dro_health_check check = web("", "");
	const struct scripted_request *request;

	answer(201, MADE);
	answer(200, TAGGED);
	ck_assert_msg(put(&check) == 0, "%s", err.message);
	ck_assert_str_eq(id, "h-1");
	request = scripted_request(scripted, 0);
	ck_assert_str_eq(request->method, "POST");
	ck_assert_str_eq(request->path, "/2013-04-01/healthcheck");
	ck_assert_uint_eq(request->flags, 0);
	ck_assert_msg(strstr(request->body, "<CallerReference>run-1-check</CallerReference>" CONFIG(
						    WEB) "</CreateHealthCheckRequest>") != NULL,
		"%s", request->body);
	ck_assert_str_eq(scripted_request(scripted, 1)->path, "/2013-04-01/tags/healthcheck/h-1");
	has("<AddTags>" TAG("drorch-owner", MARK) "</AddTags></ChangeTagsForResourceRequest>");
	/* Without a mark nothing is set; TCP has neither SNI nor path. */
	check.owner = NULL;
	check.kind = DRO_CHECK_TCP;
	check.host = "";
	answer(201, MADE);
	ck_assert_msg(put(&check) == 0, "%s", err.message);
	has(CONFIG("<IPAddress>192.0.2.1</IPAddress><Port>443</Port><Type>TCP</Type>"
		   "<RequestInterval>30</RequestInterval><FailureThreshold>3</FailureThreshold>"));
}
END_TEST

/* Whatever was lost of an earlier call with this key, a repeat ends with one check and its mark. */
START_TEST(a_repeat_finds_and_marks)
{
	struct dro_health_check check = web("", "");

	scripted_no_answer(scripted, DRO_ETIMEDOUT);
	ck_assert_int_eq(put(&check), DRO_ETIMEDOUT);
	/* It is there and unmarked: turned away, that is not "nothing was changed". */
	answer(200, MADE);
	answer(403, ERROR("AccessDenied", "no tags for you"));
	ck_assert_int_eq(put(&check), DRO_EAUTH);
	ck_assert_ptr_nonnull(strstr(err.message, "h-1"));
	answer(200, MADE);
	scripted_no_answer(scripted, DRO_EAGAIN);
	ck_assert_int_eq(put(&check), DRO_ETIMEDOUT);
	answer(200, MADE);
	answer(200, TAGGED);
	ck_assert_int_eq(put(&check), 0);
	ck_assert_str_eq(id, "h-1");
	/* Changed since: Route 53 then does not show it by itself. */
	answer(409, ERROR("HealthCheckAlreadyExists", "with other settings"));
	answer(200, CHECKS(CHECK_OF("h-0", "run-1-chec", "1", WEB),
			    "<IsTruncated>true</IsTruncated><NextMarker>m</NextMarker>"));
	answer(200, CHECKS(CHECK_OF("h-7", "run-1-check", "5", WEB), LAST));
	answer(200, TAGGED);
	ck_assert_msg(put(&check) == 0, "%s", err.message);
	ck_assert_str_eq(id, "h-7");
	ck_assert_str_eq(scripted_request(scripted, scripted_count(scripted) - 1)->path,
		"/2013-04-01/tags/healthcheck/h-7");
	/* Deleted since: the key is used up. */
	answer(409, ERROR("HealthCheckAlreadyExists", "was deleted"));
	answer(200, CHECKS(CHECK_OF("h-0", "r", "1", WEB), LAST));
	ck_assert_int_eq(put(&check), DRO_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(err.message, "deleted since"));
	answer(400, ERROR("TooManyHealthChecks", "200"));
	ck_assert_int_eq(put(&check), DRO_EQUOTA);
	answer(201, "<CreateHealthCheckResponse/>");
	ck_assert_int_eq(put(&check), DRO_ETIMEDOUT);
}
END_TEST

START_TEST(changes_the_difference_at_its_version)
{
	struct dro_health_check check = web("h-1", "3");

	/* As wanted, at whatever version: nothing to do but look. */
	answer(200, SEEN("4"));
	answer(200, TAGS(TAGS_OF("h-1", OURS)));
	ck_assert_msg(put(&check) == 0, "%s", err.message);
	ck_assert_str_eq(id, "h-1");
	check.address = "192.0.2.7";
	check.host = "";
	check.path = NULL;
	check.fail_after = 1;
	answer(200, SEEN("4"));
	ck_assert_int_eq(put(&check), DRO_ECONFLICT);
	answer(200, SEEN("3"));
	answer(200, ONE("UpdateHealthCheckResponse", CHECK_OF("h-1", "r", "4", WEB)));
	answer(200, TAGS(""));
	answer(200, TAGGED);
	ck_assert_msg(put(&check) == 0, "%s", err.message);
	ck_assert_str_eq(scripted_request(scripted, 4)->path, "/2013-04-01/healthcheck/h-1");
	ck_assert_msg(
		strstr(scripted_request(scripted, 4)->body,
			"<HealthCheckVersion>3</HealthCheckVersion><IPAddress>192.0.2.7</IPAddress>"
			"<FailureThreshold>1</FailureThreshold><ResetElements>"
			"<ResettableElementName>FullyQualifiedDomainName</ResettableElementName>"
			"<ResettableElementName>ResourcePath</ResettableElementName>"
			"</ResetElements></UpdateHealthCheckRequest>") != NULL,
		"%s", scripted_request(scripted, 4)->body);
	has("<AddTags>");
	/* An update was made: that its mark was turned away is not "nothing was changed". */
	answer(200, SEEN("3"));
	answer(200, ONE("UpdateHealthCheckResponse", CHECK_OF("h-1", "r", "4", WEB)));
	scripted_no_answer(scripted, DRO_EAGAIN);
	ck_assert_int_eq(put(&check), DRO_ETIMEDOUT);
	check.address = "192.0.2.1";
	check.host = "www.memphis.example";
	check.path = "/health";
	check.fail_after = 3;
	answer(200, SEEN("3"));
	scripted_no_answer(scripted, DRO_EAGAIN);
	ck_assert_int_eq(put(&check), DRO_EAGAIN);
	check.fail_after = 1;
	/* Changed between the look and the update. */
	answer(200, SEEN("3"));
	answer(409, ERROR("HealthCheckVersionMismatch", "4"));
	ck_assert_int_eq(put(&check), DRO_ECONFLICT);
	ck_assert_str_eq(err.provider_code, "HealthCheckVersionMismatch");
	answer(200, SEEN("3"));
	answer(500, ERROR("InternalError", "oops"));
	ck_assert_int_eq(put(&check), DRO_ETIMEDOUT);
	answer(404, ERROR("NoSuchHealthCheck", "h-1"));
	ck_assert_int_eq(put(&check), DRO_ENOTFOUND);
	/* The mark is taken off where none is wanted. */
	check = web("h-1", "");
	check.owner = "";
	answer(200, SEEN("9"));
	answer(200, TAGS(TAGS_OF("h-1", OURS)));
	answer(200, TAGGED);
	ck_assert_int_eq(put(&check), 0);
	has("<RemoveTagKeys><Key>drorch-owner</Key></RemoveTagKeys>");
}
END_TEST

static void not_changed(struct dro_health_check check, const char *word)
{
	answer(200, SEEN("3"));
	ck_assert_int_eq(put(&check), DRO_EINVAL);
	ck_assert_msg(strstr(err.message, word) != NULL, "%s", err.message);
}

static void not_made(struct dro_health_check check, const char *word)
{
	ck_assert_int_eq(put(&check), DRO_EINVAL);
	ck_assert_msg(strstr(err.message, word) != NULL, "%s", err.message);
}

START_TEST(what_cannot_be)
{
	struct dro_health_check check = web("h-1", "3");
	size_t asked;

	check.kind = DRO_CHECK_HTTP;
	not_changed(check, "type");
	check = web("h-1", "3");
	check.interval_s = 10;
	not_changed(check, "interval");
	check = web("h-1", "3");
	check.address = "";
	not_changed(check, "address");
	asked = scripted_count(scripted);
#define NOT(member, value, word)                                                                   \
	check = web("", "");                                                                       \
	check.member = (value);                                                                    \
	not_made(check, word)
	NOT(kind, DRO_CHECK_OTHER, "kind");
	NOT(interval_s, 20, "10 or 30");
	NOT(fail_after, 0, "1..10");
	NOT(fail_after, 11, "1..10");
	NOT(port, 0, "1..65535");
	NOT(port, 65536, "1..65535");
	NOT(address, "300.1.1.1", "IPv4");
	NOT(path, "health", "path");
	NOT(owner, "a\"b", "mark");
	NOT(id, "a/b", "id");
	check = web("", "");
	check.address = check.host = "";
	not_made(check, "address or a host");
	ck_assert_uint_eq(scripted_count(scripted), asked);
}
END_TEST

START_TEST(deletes_what_nothing_uses)
{
	answer(200, CHECKS(CHECK_OF("h-1", "r", "1", WEB), LAST));
	answer(200, ZONES_OF(ZONE_OF("Z1", "memphis.example.", "false")
				    ZONE_OF("Z2", "nashville.example.", "true")));
	answer(200, ALL(SIMPLE(NAME, "A", "192.0.2.1")));
	answer(404, ERROR("NoSuchHostedZone", "gone meanwhile"));
	answer(200, "");
	ck_assert_msg(delete_check("h-1") == 0, "%s", err.message);
	ck_assert_str_eq(scripted_request(scripted, 4)->method, "DELETE");
	ck_assert_str_eq(scripted_request(scripted, 4)->path, "/2013-04-01/healthcheck/h-1");
	ck_assert_str_eq(scripted_request(scripted, 3)->path, "/2013-04-01/hostedzone/Z2/rrset");
	/* Gone is well, and nothing needs to be looked through for it. */
	answer(200, CHECKS("", LAST));
	answer(404, ERROR("NoSuchHealthCheck", "h-1"));
	ck_assert_int_eq(delete_check("h-1"), 0);
	ck_assert_int_eq(delete_check("../h"), DRO_EINVAL);
	answer(200, CHECKS("", LAST));
	answer(400, ERROR("HealthCheckInUse", "h-1"));
	ck_assert_int_eq(delete_check("h-1"), DRO_ECONFLICT);
	answer(200, CHECKS("", LAST));
	answer(500, ERROR("InternalError", "oops"));
	ck_assert_int_eq(delete_check("h-1"), DRO_ETIMEDOUT);
}
END_TEST

START_TEST(keeps_what_records_or_checks_use)
{
	answer(200, CHECKS(CHECK_OF("h-1", "r", "1", WEB), LAST));
	answer(200, "<ListHostedZonesByNameResponse " NS
		    "><HostedZones>" ZONE_OF("Z1", "memphis.example.",
			    "false") "</HostedZones><IsTruncated>true"
				     "</IsTruncated><NextDNSName>z.example.</"
				     "NextDNSName><NextHostedZoneId>Z5"
				     "</NextHostedZoneId></ListHostedZonesByNameResponse>");
	answer(200, ALL(""));
	answer(200, ZONES_OF(ZONE_OF("Z5", "z.example.", "false")));
	answer(200,
		ALL(SET("www.z.example", "A",
			"<SetIdentifier>a</SetIdentifier><Weight>1</Weight><TTL>30</TTL>" VALUES(
				VALUE("192.0.2.1")) "<HealthCheckId>h-1</HealthCheckId>")));
	ck_assert_int_eq(delete_check("h-1"), DRO_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(err.message, "A www.z.example"));
	ck_assert_str_eq(scripted_query(scripted, 3, "dnsname"), "z.example.");
	ck_assert_str_eq(scripted_query(scripted, 3, "hostedzoneid"), "Z5");
	answer(200, CHECKS(CHECK_OF("h-2", "r", "1",
				   "<Type>CALCULATED</Type><ChildHealthChecks><ChildHealthCheck>"
				   "h-1</ChildHealthCheck></ChildHealthChecks>"),
			    LAST));
	ck_assert_int_eq(delete_check("h-1"), DRO_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(err.message, "health check h-2"));
}
END_TEST

static int emit_vantage(void *arg, const struct dro_vantage *vantage)
{
	dro_buf_printf(arg, "%s %u %lld %s\n", vantage->name, vantage->state,
		(long long)vantage->checked_ms, vantage->text);
	return 0;
}

#define OBSERVATION(region, address, text)                                                         \
	"<HealthCheckObservation><Region>" region "</Region><IPAddress>" address                   \
	"</IPAddress><StatusReport><Status>" text "</Status><CheckedTime>"                         \
	"2026-11-20T20:22:50Z</CheckedTime></StatusReport></HealthCheckObservation>"

START_TEST(says_what_each_vantage_sees)
{
	struct dro_call call = scripted_call(scripted, NULL);
	struct dro_buf text = DRO_BUF_INIT(65536);

	answer(200, ONE("GetHealthCheckStatusResponse",
			    "<HealthCheckObservations>" OBSERVATION("eu-west-1", "54.1.1.1",
				    "Success: HTTP Status Code 200, OK") OBSERVATION("us-east-1",
				    "54.1.1.2", "Failure: Connection timed out")
				    OBSERVATION("us-east-1", "54.1.1.3",
					    "Unclear") "</HealthCheckObservations>"));
	ck_assert_int_eq(health->check_status(account, "h-1", emit_vantage, &text, &call, &err), 0);
	ck_assert_str_eq(dro_buf_str(&text),
		"eu-west-1 54.1.1.1 1 1795206170000 Success: HTTP Status Code 200, OK\n"
		"us-east-1 54.1.1.2 2 1795206170000 Failure: Connection timed out\n"
		"us-east-1 54.1.1.3 0 1795206170000 Unclear\n");
	ck_assert_str_eq(scripted_request(scripted, 0)->path, "/2013-04-01/healthcheck/h-1/status");
	answer(404, ERROR("NoSuchHealthCheck", "h-1"));
	ck_assert_int_eq(health->check_status(account, "h-1", emit_vantage, &text, &call, &err),
		DRO_ENOTFOUND);
	answer(200, ONE("GetHealthCheckStatusResponse", ""));
	ck_assert_int_eq(
		health->check_status(account, "h-1", emit_vantage, &text, &call, &err), DRO_EPROTO);
	ck_assert_int_eq(
		health->check_status(account, "", emit_vantage, &text, &call, &err), DRO_EINVAL);
	dro_buf_free(&text);
}
END_TEST

START_TEST(turned_away)
{
	struct dro_health_check check = web("", "");

	answer(400, ERROR("Throttling", "Rate exceeded"));
	answer(201, MADE);
	answer(400, ERROR("PriorRequestNotComplete", "wait"));
	answer(400, ERROR("ThrottlingException", "wait"));
	answer(200, TAGGED);
	ck_assert_msg(put(&check) == 0, "%s", err.message);
	ck_assert_uint_eq(scripted_slept_ms(scripted), 500 + 500 + 1000);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("health");

	tcase_add_test(tcase, lists_in_pages_with_their_marks);
	tcase_add_test(tcase, a_list_that_ends_early_or_never);
	tcase_add_test(tcase, makes_one_and_marks_it);
	tcase_add_test(tcase, a_repeat_finds_and_marks);
	tcase_add_test(tcase, changes_the_difference_at_its_version);
	tcase_add_test(tcase, what_cannot_be);
	tcase_add_test(tcase, deletes_what_nothing_uses);
	tcase_add_test(tcase, keeps_what_records_or_checks_use);
	tcase_add_test(tcase, says_what_each_vantage_sees);
	tcase_add_test(tcase, turned_away);
	return run_case("route53_health", tcase);
}
