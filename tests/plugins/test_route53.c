#include "plugins/route53_kit.h"

START_TEST(probe_counts_the_zones)
{
	struct dro_call call = scripted_call(scripted, NULL);
	char identity[64];
	const struct scripted_request *request;

	answer(200, "<GetHostedZoneCountResponse " NS "><HostedZoneCount>2</HostedZoneCount>"
		    "</GetHostedZoneCountResponse>");
	ck_assert_int_eq(scripted_provider(scripted)->probe(
				 account, identity, sizeof(identity), &call, &err),
		0);
	ck_assert_str_eq(identity, "an account with 2 hosted zones");
	request = scripted_request(scripted, 0);
	ck_assert_str_eq(request->path, "/2013-04-01/hostedzonecount");
	ck_assert_str_eq(request->endpoint, "https://route53.amazonaws.com");
	ck_assert_uint_eq(request->auth, DRO_AUTH_SIGV4);
	ck_assert_str_eq(request->auth_service, "route53");
	ck_assert_str_eq(request->auth_region, "us-east-1");
	ck_assert_uint_eq(request->flags, DRO_HTTP_SAFE);
	answer(403, ERROR("InvalidClientTokenId", "no such key"));
	ck_assert_int_eq(scripted_provider(scripted)->probe(
				 account, identity, sizeof(identity), &call, &err),
		DRO_EAUTH);
	ck_assert_str_eq(err.provider_code, "InvalidClientTokenId");
}
END_TEST

START_TEST(lists_every_kind_of_set)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	answer(200, ZONES);
	answer(200,
		ALL(SIMPLE("\\052.Memphis.example", "A", "192.0.2.9") SET(ZONE, "MX",
			"<TTL>300</TTL>" VALUES(VALUE("10 Mail.memphis.example."))) OWNED(NAME,
			"A") SIMPLE(NAME, "A", "192.0.2.1") SIMPLE(NAME, "TXT",
			"&quot;a\\073\\303\\251&quot; &quot;b&quot;") SET("w.memphis.example", "A",
			"<SetIdentifier>blue</SetIdentifier><Weight>200</Weight><TTL>30</"
			"TTL>" VALUES(VALUE(
				"192.0.2.1")) "<HealthCheckId>h-1</HealthCheckId>") SET("f.memphis."
											"example",
			"CNAME",
			"<SetIdentifier>main</SetIdentifier><Failover>PRIMARY</Failover>"
			"<TTL>30</TTL>" VALUES(VALUE("A.example."))) SET("alias.memphis.example",
			"A",
			"<AliasTarget><HostedZoneId>ZX</HostedZoneId><DNSName>lb.example."
			"</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth>"
			"</AliasTarget>")));
	ck_assert_msg(list("", "", &text) == 0, "%s", err.message);
	ck_assert_str_eq(dro_buf_str(&text),
		"*.memphis.example A  60/0 [] <192.0.2.9>\n"
		"alias.memphis.example A  0/0 [] -> lb.example@ZX?\n"
		"f.memphis.example CNAME main 30/0 [] primary <a.example>\n"
		"memphis.example MX  300/0 [] <10 mail.memphis.example>\n"
		"w.memphis.example A blue 30/200 [] if h-1 <192.0.2.1>\n"
		"www.memphis.example A  60/0 [" MARK "] <192.0.2.1>\n"
		"www.memphis.example TXT  60/0 [] <\"a;\303\251b\">\n");
	ck_assert_str_eq(scripted_request(scripted, 0)->path, "/2013-04-01/hostedzonesbyname");
	ck_assert_str_eq(scripted_query(scripted, 0, "dnsname"), "memphis.example.");
	ck_assert_str_eq(scripted_request(scripted, 1)->path, "/2013-04-01/hostedzone/Z1/rrset");
	ck_assert_ptr_null(scripted_query(scripted, 1, "name"));
	dro_buf_free(&text);
}
END_TEST

START_TEST(one_name_and_its_owner)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	answer(200, ZONES);
	answer(200,
		LIST(SIMPLE(NAME, "A", "192.0.2.1") SIMPLE("x.memphis.example", "A", "192.0.2.2"),
			"<IsTruncated>true</IsTruncated><NextRecordName>y.memphis.example."
			"</NextRecordName><NextRecordType>A</NextRecordType>"));
	answer(200, LIST(OWNED(NAME, "A") SIMPLE("z.memphis.example", "A", "192.0.2.2"),
			    "<IsTruncated>true</IsTruncated><NextRecordName>y.memphis.example."
			    "</NextRecordName><NextRecordType>A</NextRecordType>"));
	ck_assert_msg(list(NAME, "A", &text) == 0, "%s", err.message);
	ck_assert_str_eq(dro_buf_str(&text), NAME " A  60/0 [" MARK "] <192.0.2.1>\n");
	ck_assert_str_eq(scripted_query(scripted, 1, "name"), NAME ".");
	ck_assert_str_eq(scripted_query(scripted, 2, "name"), "drorch-owner." NAME ".");
	/* The zone's id is known, and the end of the zone says that there is no owner. */
	answer(200, ALL(SIMPLE(NAME, "A", "192.0.2.1")));
	ck_assert_int_eq(list(NAME, "", &text), 0);
	ck_assert_str_eq(dro_buf_str(&text), NAME " A  60/0 [] <192.0.2.1>\n");
	dro_buf_free(&text);
}
END_TEST

START_TEST(a_zone_must_be_the_one)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	answer(200, ZONES_OF(ZONE_OF("Z2", "nashville.example.", "false")));
	ck_assert_int_eq(list("", "", &text), DRO_ENOTFOUND);
	answer(200, ZONES_OF(ZONE_OF("Z1", "memphis.example.", "false")
				    ZONE_OF("Z2", "memphis.example.", "false")));
	ck_assert_int_eq(list("", "", &text), DRO_EINVAL);
	/* One that was made anew: the old id is forgotten. */
	answer(200, ZONES);
	answer(404, ERROR("NoSuchHostedZone", "No hosted zone found with ID: Z1"));
	ck_assert_int_eq(list("", "", &text), DRO_ENOTFOUND);
	answer(200, ZONES_OF(ZONE_OF("Z7", "memphis.example.", "false")));
	answer(200, ALL(""));
	ck_assert_int_eq(list("", "", &text), 0);
	ck_assert_str_eq(scripted_request(scripted, 5)->path, "/2013-04-01/hostedzone/Z7/rrset");
	dro_buf_free(&text);
}
END_TEST

#define NEXT(identifier)                                                                           \
	"<IsTruncated>true</IsTruncated><NextRecordName>w.memphis.example.</NextRecordName>"       \
	"<NextRecordType>A</NextRecordType><NextRecordIdentifier>" identifier                      \
	"</NextRecordIdentifier>"
#define MEMBER(id)                                                                                 \
	SET("w.memphis.example", "A",                                                              \
		"<SetIdentifier>" id                                                               \
		"</SetIdentifier><Weight>1</Weight><TTL>30</TTL>" VALUES(VALUE("192.0.2.1")))

START_TEST(pages_advance_within_a_weighted_set)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	answer(200, ZONES);
	answer(200, LIST(MEMBER("a"), NEXT("b &amp;")));
	answer(200, LIST(MEMBER("b &amp;"), NEXT("c")));
	answer(200, ALL(MEMBER("c")));
	ck_assert_int_eq(list("", "", &text), 0);
	ck_assert_str_eq(scripted_query(scripted, 2, "name"), "w.memphis.example.");
	ck_assert_str_eq(scripted_query(scripted, 2, "type"), "A");
	ck_assert_str_eq(scripted_query(scripted, 2, "identifier"), "b &");
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "A c 30/1"));
	answer(200, LIST(MEMBER("a"), NEXT("b")));
	answer(200, LIST(MEMBER("a"), NEXT("b")));
	ck_assert_int_eq(list("", "", &text), DRO_EPROTO);
	answer(200, LIST(MEMBER("a"), "<IsTruncated>true</IsTruncated>"));
	ck_assert_int_eq(list("", "", &text), DRO_EPROTO);
	dro_buf_free(&text);
}
END_TEST

START_TEST(creates_a_set_and_its_mark)
{
	struct set set;

	answer(200, ZONES);
	answer(200, ALL(""));
	answer(200, DONE("PENDING"));
	ck_assert_msg(apply(set_of(&set, NAME, "A", 0, "192.0.2.1", "192.0.2.1", "192.0.2.2", NULL),
			      NULL) == 0,
		"%s", err.message);
	ck_assert_str_eq(operation, "C1AB");
	ck_assert_str_eq(scripted_request(scripted, 2)->path, "/2013-04-01/hostedzone/Z1/rrset/");
	ck_assert_str_eq(scripted_request(scripted, 2)->method, "POST");
	ck_assert_uint_eq(scripted_request(scripted, 2)->flags, 0);
	has("<Changes>" A_CHANGE("CREATE",
		"<TTL>60</TTL>" VALUES(VALUE("192.0.2.1") VALUE("192.0.2.2"))) "<Change>");
	has("<Change><Action>CREATE</Action><ResourceRecordSet><Name>drorch-owner." NAME
	    ".</Name><Type>TXT</Type><TTL>300</TTL>" VALUES(VALUE(
		    "&quot;heritage=drorch,owner=" MARK ",type=A&quot;")) "</ResourceRecordSet>");
}
END_TEST

START_TEST(leaves_what_is_as_wanted)
{
	struct set set;

	answer(200, ZONES);
	answer(200, ALL(SIMPLE("WWW.memphis.example", "A", "192.0.2.1") OWNED(NAME, "A")));
	ck_assert_int_eq(apply(set_of(&set, NAME, "A", 60, "192.0.2.1", NULL), NULL), 0);
	ck_assert_str_eq(operation, "");
	answer(200, ALL(SIMPLE(NAME, "TXT", "&quot;a\\073b\\303\\251&quot;") OWNED(NAME, "TXT")));
	ck_assert_int_eq(apply(set_of(&set, NAME, "TXT", 0, "\"a;b\303\251\"", NULL), NULL), 0);
	/* A set that is gone is a success. */
	answer(200, ALL(""));
	ck_assert_int_eq(apply(NULL, set_of(&set, NAME, "A", 60, "192.0.2.1", NULL)), 0);
	ck_assert_int_eq(apply(NULL, NULL), 0);
	ck_assert_uint_eq(scripted_count(scripted), 4);
}
END_TEST

/* A few names in a large zone are no reason to read it whole. */
START_TEST(few_names_are_asked_for_one_by_one)
{
	struct set sets[2];
	const struct dro_record *put[] = {set_of(&sets[0], NAME, "A", 60, "192.0.2.1", NULL),
		set_of(&sets[1], "api.memphis.example", "A", 60, "192.0.2.1", NULL)};
	struct dro_call call = scripted_call(scripted, "r-1-switch");

	answer(200, ZONES);
	answer(200, ALL(SIMPLE("api.memphis.example", "A", "192.0.2.1")
				    OWNED("api.memphis.example", "A")));
	answer(200, ALL(OWNED(NAME, "A") SIMPLE(NAME, "A", "192.0.2.2")));
	answer(200, DONE("INSYNC"));
	ck_assert_msg(dns->apply(account, ZONE, put, 2, NULL, 0, operation, sizeof(operation),
			      &call, &err) == 0,
		"%s", err.message);
	ck_assert_str_eq(scripted_query(scripted, 1, "name"), "api.memphis.example.");
	ck_assert_str_eq(scripted_query(scripted, 2, "name"), NAME ".");
	has("<Changes>" A_CHANGE(
		"UPSERT", "<TTL>60</TTL>" VALUES(VALUE("192.0.2.1"))) "</Changes>");
}
END_TEST

START_TEST(marks_of_other_types_stay)
{
	struct set set;

	answer(200, ZONES);
	answer(200, ALL(SIMPLE(NAME, "A", "192.0.2.1") SET("drorch-owner." NAME, "TXT",
			    "<TTL>300</TTL>" VALUES(VALUE("&quot;somebody&quot;") VALUE(
				    "&quot;heritage=drorch,owner=x,type=AAAA&quot;")
					    VALUE("&quot;heritage=drorch,owner=x,type=A&quot;")))));
	answer(200, DONE("INSYNC"));
	ck_assert_int_eq(apply(NULL, set_of(&set, NAME, "A", 60, "other", NULL)), 0);
	has(A_CHANGE("DELETE", "<TTL>60</TTL>" VALUES(VALUE("192.0.2.1"))));
	has("<Action>UPSERT</Action><ResourceRecordSet><Name>drorch-owner." NAME
	    ".</Name><Type>TXT</Type><TTL>300</TTL>" VALUES(VALUE("&quot;somebody&quot;") VALUE(
		    "&quot;heritage=drorch,owner=x,type=AAAA&quot;")) "</ResourceRecordSet>");
}
END_TEST

START_TEST(refuses_before_it_asks)
{
	struct set set;

	ck_assert_int_eq(
		apply(set_of(&set, "www.nashville.example", "A", 60, "192.0.2.1", NULL), NULL),
		DRO_EINVAL);
	ck_assert_int_eq(apply(set_of(&set, NAME, "NAPTR", 60, "x", NULL), NULL), DRO_EUNSUPPORTED);
	set_of(&set, NAME, "A", 60, "192.0.2.1", NULL)->proxied = 1;
	ck_assert_int_eq(apply(&set.record, NULL), DRO_EUNSUPPORTED);
	set_of(&set, NAME, "A", 60, "192.0.2.1", NULL)->owner = "a,type=b";
	ck_assert_int_eq(apply(&set.record, NULL), DRO_EINVAL);
	set_of(&set, NAME, "A", 60, "192.0.2.1", NULL)->weight = 1;
	ck_assert_int_eq(apply(&set.record, NULL), DRO_EINVAL);
	ck_assert_int_eq(apply(set_of(&set, NAME, "A", 60, NULL), NULL), DRO_EINVAL);
	set_of(&set, NAME, "A", 60, "192.0.2.1", NULL);
	ck_assert_int_eq(apply(&set.record, &set.record), DRO_EINVAL);
	ck_assert_uint_eq(scripted_count(scripted), 0);
}
END_TEST

/* Route 53 turns away with 400; the plugin waits a little, and then says that nothing was done. */
START_TEST(turned_away)
{
	struct set set;
	int i;

	set_of(&set, NAME, "A", 60, "192.0.2.1", NULL);
	answer(200, ZONES);
	answer(400, ERROR("Throttling", "Rate exceeded"));
	answer(200, ALL(""));
	answer(400, ERROR("PriorRequestNotComplete", "wait"));
	answer(400, ERROR("PriorRequestNotComplete", "wait"));
	answer(200, DONE("PENDING"));
	ck_assert_msg(apply(&set.record, NULL) == 0, "%s", err.message);
	ck_assert_uint_eq(scripted_slept_ms(scripted), 500 + 500 + 1000);
	answer(200, ALL(""));
	for (i = 0; i < 6; i++)
		answer(400, ERROR("PriorRequestNotComplete", "wait"));
	ck_assert_int_eq(apply(&set.record, NULL), DRO_EAGAIN);
	ck_assert_str_eq(err.provider_code, "PriorRequestNotComplete");
}
END_TEST

START_TEST(outcomes_of_a_change)
{
	struct set set;

	set_of(&set, NAME, "A", 60, "192.0.2.1", NULL);
	answer(200, ZONES);
	answer(200, ALL(""));
	answer(400, INVALID("RRSet with DNS name x. is not permitted in zone y."));
	ck_assert_int_eq(apply(&set.record, NULL), DRO_EINVAL);
	ck_assert_str_eq(err.provider_code, "InvalidChangeBatch");
	ck_assert_str_eq(err.message, "InvalidChangeBatch: RRSet with DNS name x. is not permitted "
				      "in zone y.; and more");
	answer(200, ALL(""));
	answer(400,
		INVALID("RRSet of type A with DNS name x. is not permitted as it conflicts with "
			"other records with the same DNS name in zone y."));
	ck_assert_int_eq(apply(&set.record, NULL), DRO_ECONFLICT);
	answer(200, ALL(""));
	answer(500, ERROR("InternalError", "oops"));
	ck_assert_int_eq(apply(&set.record, NULL), DRO_ETIMEDOUT);
	answer(200, ALL(""));
	answer(200, "<half");
	ck_assert_int_eq(apply(&set.record, NULL), DRO_ETIMEDOUT);
	answer(200, ALL(""));
	scripted_no_answer(scripted, DRO_ETIMEDOUT);
	ck_assert_int_eq(apply(&set.record, NULL), DRO_ETIMEDOUT);
	/* It was made in between: looked at again, nothing is left to do. */
	answer(200, ALL(""));
	answer(400, INVALID("Tried to create resource record set [name='www.memphis.example.', "
			    "type='A'] but it already exists"));
	answer(200, ALL(SIMPLE(NAME, "A", "192.0.2.1") OWNED(NAME, "A")));
	ck_assert_int_eq(apply(&set.record, NULL), 0);
	ck_assert_str_eq(operation, "");
}
END_TEST

START_TEST(changes_are_followed)
{
	const struct dro_async *async = scripted_provider(scripted)->async;
	struct dro_call call = scripted_call(scripted, NULL);
	uint32_t state = 99;

	answer(200, "<GetChangeResponse " NS "><ChangeInfo><Id>/change/C1</Id><Status>PENDING"
		    "</Status></ChangeInfo></GetChangeResponse>");
	ck_assert_int_eq(async->poll(account, "C1", &state, &call, &err), 0);
	ck_assert_uint_eq(state, DRO_OPERATION_PENDING);
	ck_assert_str_eq(scripted_request(scripted, 0)->path, "/2013-04-01/change/C1");
	answer(200, "<GetChangeResponse " NS "><ChangeInfo><Id>/change/C1</Id><Status>INSYNC"
		    "</Status></ChangeInfo></GetChangeResponse>");
	ck_assert_int_eq(async->poll(account, "C1", &state, &call, &err), 0);
	ck_assert_uint_eq(state, DRO_OPERATION_DONE);
	answer(404, ERROR("NoSuchChange", "none"));
	ck_assert_int_eq(async->poll(account, "C2", &state, &call, &err), DRO_ENOTFOUND);
	ck_assert_int_eq(async->poll(account, "../C2", &state, &call, &err), DRO_EINVAL);
}
END_TEST

/* Both limits, and what belongs together stays together. */
START_TEST(batches_keep_within_the_limits)
{
	enum { SETS = 600 };
	static struct set sets[SETS];
	static char names[SETS][64];
	const struct dro_record *put[SETS];
	struct dro_call call = scripted_call(scripted, "r-1-many");
	char text[4000] = "\"";
	int i;

	for (i = 0; i < SETS; i++) {
		snprintf(names[i], sizeof(names[i]), "h%03d.memphis.example", i);
		put[i] = set_of(&sets[i], names[i], "A", 60, "192.0.2.1", NULL);
	}
	answer(200, ZONES);
	answer(200, ALL(""));
	answer(200, DONE("INSYNC"));
	answer(200, DONE("PENDING"));
	ck_assert_msg(dns->apply(account, ZONE, put, SETS, NULL, 0, operation, sizeof(operation),
			      &call, &err) == 0,
		"%s", err.message);
	ck_assert_str_eq(operation, "C1AB");
	ck_assert_uint_eq(count_of(scripted_request(scripted, 2)->body, "<Change>"), 1000);
	ck_assert_uint_eq(count_of(scripted_request(scripted, 3)->body, "<Change>"), 200);
	has("<Name>h500.memphis.example.");
	has("<Name>drorch-owner.h500.memphis.example.");
	memset(text + 1, 'x', 3000);
	memcpy(text + 3001, "\"", 2);
	for (i = 0; i < 12; i++)
		put[i] = set_of(&sets[i], names[i], "TXT", 60, text, NULL);
	answer(200, ALL(""));
	answer(200, DONE("INSYNC"));
	answer(200, DONE("INSYNC"));
	ck_assert_int_eq(dns->apply(account, ZONE, put, 12, NULL, 0, operation, sizeof(operation),
				 &call, &err),
		0);
	ck_assert_uint_eq(count_of(last_body(), "<Change>"), 4);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("route53");

	tcase_add_test(tcase, probe_counts_the_zones);
	tcase_add_test(tcase, lists_every_kind_of_set);
	tcase_add_test(tcase, one_name_and_its_owner);
	tcase_add_test(tcase, a_zone_must_be_the_one);
	tcase_add_test(tcase, pages_advance_within_a_weighted_set);
	tcase_add_test(tcase, creates_a_set_and_its_mark);
	tcase_add_test(tcase, leaves_what_is_as_wanted);
	tcase_add_test(tcase, few_names_are_asked_for_one_by_one);
	tcase_add_test(tcase, marks_of_other_types_stay);
	tcase_add_test(tcase, refuses_before_it_asks);
	tcase_add_test(tcase, turned_away);
	tcase_add_test(tcase, outcomes_of_a_change);
	tcase_add_test(tcase, changes_are_followed);
	tcase_add_test(tcase, batches_keep_within_the_limits);
	return run_case("route53", tcase);
}
