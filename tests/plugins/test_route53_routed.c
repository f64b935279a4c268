/* Weighted and failover groups, aliases, health-checked sets, and what no record can say. */
#include <stddef.h>

#include "plugins/route53_kit.h"

#define ID(id) "<SetIdentifier>" id "</SetIdentifier>"
#define WEIGHT(weight) "<Weight>" weight "</Weight>"
#define FAILOVER(role) "<Failover>" role "</Failover>"
#define CHECK(id) "<HealthCheckId>" id "</HealthCheckId>"
#define TTL(ttl, value) "<TTL>" ttl "</TTL>" VALUES(VALUE(value))
#define TO(zone, name, evaluate)                                                                   \
	"<AliasTarget><HostedZoneId>" zone "</HostedZoneId><DNSName>" name                         \
	".</DNSName><EvaluateTargetHealth>" evaluate "</EvaluateTargetHealth></AliasTarget>"
#define TO_LB TO("ZX", "lb.example", "true")
#define MARK_OF(rest) VALUE("&quot;heritage=drorch,owner=" MARK ",type=A" rest "&quot;")
#define MARKS(values) SET("drorch-owner." NAME, "TXT", "<TTL>300</TTL>" VALUES(values))

static int apply_all(const struct dro_record *const *put, size_t puts, const struct dro_record *del)
{
	struct dro_call call = scripted_call(scripted, "r-1-switch");

	return dns->apply(account, ZONE, put, puts, &del, del ? 1 : 0, operation, sizeof(operation),
		&call, &err);
}

static struct dro_record *member(
	struct set *set, const char *set_id, uint32_t ttl_s, const char *value)
{
	set_of(set, NAME, "A", ttl_s, value, NULL)->set_id = set_id;
	return &set->record;
}

static struct dro_record *alias(struct set *set, const char *target, const char *zone)
{
	set_of(set, NAME, "A", 0, NULL)->alias = target;
	set->record.alias_zone = zone;
	return &set->record;
}

/* The order of two texts in the last body. */
static void comes_before(const char *one, const char *two)
{
	has(one);
	has(two);
	ck_assert_msg(strstr(last_body(), one) < strstr(last_body(), two), "%s", last_body());
}

START_TEST(a_failover_group_with_checks)
{
	struct set a, b;
	const struct dro_record *put[] = {
		member(&a, "main", 30, "192.0.2.1"), member(&b, "tier 2", 60, "192.0.2.2")};
	struct dro_buf text = DRO_BUF_INIT(65536);

	a.record.failover = DRO_FAILOVER_PRIMARY;
	a.record.health_check = "h-1";
	b.record.failover = DRO_FAILOVER_SECONDARY;
	answer(200, ZONES);
	answer(200, ALL(""));
	answer(200, DONE("PENDING"));
	ck_assert_msg(apply_all(put, 2, NULL) == 0, "%s", err.message);
	has(A_CHANGE("CREATE", ID("main") FAILOVER("PRIMARY") TTL("30", "192.0.2.1") CHECK("h-1"))
			A_CHANGE("CREATE",
				ID("tier 2") FAILOVER("SECONDARY") TTL("60", "192.0.2.2")));
	has(MARK_OF(",set=main") MARK_OF(",set=tier 2"));
	/* As it stands there, it is listed so and left alone. */
#define GROUP                                                                                      \
	SET(NAME, "A", ID("main") FAILOVER("PRIMARY") TTL("30", "192.0.2.1") CHECK("h-1"))         \
	SET(NAME, "A", ID("tier 2") FAILOVER("SECONDARY") TTL("60", "192.0.2.2"))                  \
	MARKS(MARK_OF(",set=main") MARK_OF(",set=tier 2"))
	answer(200, ALL(GROUP));
	ck_assert_int_eq(list(NAME, "A", &text), 0);
	ck_assert_str_eq(dro_buf_str(&text),
		NAME " A main 30/0 [" MARK "] primary if h-1 <192.0.2.1>\n" NAME
		     " A tier 2 60/0 [" MARK "] secondary <192.0.2.2>\n");
	answer(200, ALL(GROUP));
	ck_assert_msg(apply_all(put, 2, NULL) == 0, "%s", err.message);
	ck_assert_str_eq(operation, "");
	/* Each keeps the TTL that it has where nobody says one; a check goes where it is not said.
	 */
	a.record.ttl_s = b.record.ttl_s = 0;
	a.record.health_check = NULL;
	answer(200, ALL(GROUP));
	answer(200, DONE("INSYNC"));
	ck_assert_int_eq(apply_all(put, 2, NULL), 0);
	has("<Changes>" A_CHANGE(
		"UPSERT", ID("main") FAILOVER("PRIMARY") TTL("30", "192.0.2.1")) "</Changes>");
	dro_buf_free(&text);
}
END_TEST

/* Two primaries never stand side by side, not even within the batch. */
START_TEST(primary_and_secondary_change_places)
{
	struct set a, b;
	const struct dro_record *put[] = {
		member(&a, "main", 0, "192.0.2.1"), member(&b, "tier 2", 0, "192.0.2.2")};

	a.record.failover = DRO_FAILOVER_SECONDARY;
	b.record.failover = DRO_FAILOVER_PRIMARY;
	answer(200, ZONES);
	answer(200, ALL(GROUP));
	answer(200, DONE("INSYNC"));
	ck_assert_msg(apply_all(put, 2, NULL) == 0, "%s", err.message);
	has("<Changes>" A_CHANGE("DELETE", ID("main") FAILOVER("PRIMARY") TTL("30", "192.0.2.1")
						   CHECK("h-1")) A_CHANGE("DELETE",
		ID("tier 2") FAILOVER("SECONDARY") TTL("60", "192.0.2.2")) A_CHANGE("CREATE",
		ID("main") FAILOVER("SECONDARY") TTL("30", "192.0.2.1")) A_CHANGE("CREATE",
		ID("tier 2") FAILOVER("PRIMARY") TTL("60", "192.0.2.2")) "</Changes>");
	/* One alone would meet the other. */
	answer(200, ALL(GROUP));
	ck_assert_int_eq(apply(&b.record, NULL), DRO_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(err.message, "not named"));
}
END_TEST

START_TEST(one_set_becomes_a_group_and_back)
{
	struct set simple, a, b;
	const struct dro_record *put[] = {
		member(&a, "main", 60, "192.0.2.1"), member(&b, "tier 2", 60, "192.0.2.2")};
	struct dro_call call = scripted_call(scripted, "r-1-switch");
	const struct dro_record *back;

	set_of(&simple, NAME, "A", 60, "192.0.2.1", NULL);
	a.record.weight = 255;
	answer(200, ZONES);
	answer(200, ALL(SIMPLE(NAME, "A", "192.0.2.1") OWNED(NAME, "A")));
	answer(200, DONE("INSYNC"));
	ck_assert_msg(apply_all(put, 2, &simple.record) == 0, "%s", err.message);
	has("<Changes>" A_CHANGE("DELETE", TTL("60", "192.0.2.1")) A_CHANGE(
		"CREATE", ID("main") WEIGHT("255") TTL("60", "192.0.2.1"))
			A_CHANGE("CREATE", ID("tier 2") WEIGHT("0") TTL("60", "192.0.2.2")));
	has("<Action>UPSERT</Action><ResourceRecordSet><Name>drorch-owner." NAME
	    ".</Name><Type>TXT</Type><TTL>300</TTL>" VALUES(
		    MARK_OF(",set=main") MARK_OF(",set=tier 2")));
	/* Nobody said that the one which is there may go. */
	answer(200, ALL(SIMPLE(NAME, "A", "192.0.2.1")));
	ck_assert_int_eq(apply_all(put, 2, NULL), DRO_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(err.message, "another routing beside it"));
	ck_assert_uint_eq(scripted_count(scripted), 4);
	back = &simple.record;
	answer(200, ALL(SET(NAME, "A", ID("main") WEIGHT("255") TTL("60", "192.0.2.1"))
				    SET(NAME, "A", ID("tier 2") WEIGHT("0") TTL("60", "192.0.2.2"))
					    MARKS(MARK_OF(",set=main") MARK_OF(",set=tier 2"))));
	answer(200, DONE("INSYNC"));
	ck_assert_int_eq(dns->apply(account, ZONE, &back, 1, put, 2, operation, sizeof(operation),
				 &call, &err),
		0);
	has("<Changes>" A_CHANGE("DELETE", ID("main") WEIGHT("255") TTL("60", "192.0.2.1"))
			A_CHANGE("DELETE", ID("tier 2") WEIGHT("0") TTL("60", "192.0.2.2"))
				A_CHANGE("CREATE", TTL("60", "192.0.2.1")));
	has(VALUES(MARK_OF("")));
}
END_TEST

START_TEST(a_weighted_group_becomes_a_failover_group)
{
	struct set a, b;
	const struct dro_record *put[] = {
		member(&a, "main", 0, "192.0.2.1"), member(&b, "new", 0, "192.0.2.2")};

	a.record.failover = DRO_FAILOVER_PRIMARY;
	b.record.failover = DRO_FAILOVER_SECONDARY;
	answer(200, ZONES);
	answer(200, ALL(SET(NAME, "A", ID("main") WEIGHT("9") TTL("45", "192.0.2.1"))));
	answer(200, DONE("INSYNC"));
	ck_assert_msg(apply_all(put, 2, NULL) == 0, "%s", err.message);
	has("<Changes>" A_CHANGE("DELETE", ID("main") WEIGHT("9") TTL("45", "192.0.2.1")) A_CHANGE(
		"CREATE", ID("main") FAILOVER("PRIMARY") TTL("45", "192.0.2.1"))
			A_CHANGE("CREATE", ID("new") FAILOVER("SECONDARY") TTL("45", "192.0.2.2")));
}
END_TEST

START_TEST(weighted_sets_share_one_ttl)
{
	struct set a, b;
	const struct dro_record *put[] = {
		member(&a, "a", 30, "192.0.2.1"), member(&b, "b", 0, "192.0.2.2")};

	a.record.weight = b.record.weight = 1;
#define PAIR                                                                                       \
	SET(NAME, "A", ID("a") WEIGHT("1") TTL("45", "192.0.2.1"))                                 \
	SET(NAME, "A", ID("b") WEIGHT("1") TTL("45", "192.0.2.2"))
	/* One after the other would have two TTLs side by side in between. */
	answer(200, ZONES);
	answer(200, ALL(PAIR));
	answer(200, DONE("INSYNC"));
	ck_assert_msg(apply_all(put, 2, NULL) == 0, "%s", err.message);
	comes_before(A_CHANGE("DELETE", ID("b") WEIGHT("1") TTL("45", "192.0.2.2")),
		A_CHANGE("CREATE", ID("a") WEIGHT("1") TTL("30", "192.0.2.1"))
			A_CHANGE("CREATE", ID("b") WEIGHT("1") TTL("30", "192.0.2.2")));
	answer(200, ALL(PAIR));
	ck_assert_int_eq(apply(&a.record, NULL), DRO_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(err.message, "share one TTL"));
	/* A new one takes its sister's; a weight alone is an UPSERT. */
	answer(200, ALL(SET(NAME, "A", ID("a") WEIGHT("1") TTL("45", "192.0.2.1"))));
	answer(200, DONE("INSYNC"));
	ck_assert_int_eq(apply(&b.record, NULL), 0);
	has(A_CHANGE("CREATE", ID("b") WEIGHT("1") TTL("45", "192.0.2.2")));
	b.record.weight = 7;
	answer(200, ALL(PAIR));
	answer(200, DONE("INSYNC"));
	ck_assert_int_eq(apply(&b.record, NULL), 0);
	has("<Changes>" A_CHANGE("UPSERT", ID("b") WEIGHT("7") TTL("45", "192.0.2.2")));
}
END_TEST

START_TEST(aliases)
{
	struct set set;

	answer(200, ZONES);
	answer(200, ALL(SIMPLE(NAME, "A", "192.0.2.1")));
	answer(200, DONE("INSYNC"));
	alias(&set, "lb.example.", "/hostedzone/ZX")->evaluate_health = 1;
	ck_assert_msg(apply(&set.record, NULL) == 0, "%s", err.message);
	has("<Changes>" A_CHANGE("UPSERT", TO_LB));
	answer(200, ALL(SET(NAME, "A", TO("ZX", "LB.Example", "true")) OWNED(NAME, "A")));
	ck_assert_int_eq(apply(&set.record, NULL), 0);
	ck_assert_str_eq(operation, "");
	/* Each part of it counts. */
	set.record.evaluate_health = 0;
	answer(200, ALL(SET(NAME, "A", TO_LB) OWNED(NAME, "A")));
	answer(200, DONE("INSYNC"));
	ck_assert_int_eq(apply(&set.record, NULL), 0);
	has("<Changes>" A_CHANGE("UPSERT", TO("ZX", "lb.example", "false")) "</Changes>");
	/* Within the zone its id need not be said. */
	alias(&set, "origin." ZONE, "");
	answer(200, ALL(SET(NAME, "A", TO("Z1", "origin." ZONE, "false")) OWNED(NAME, "A")));
	ck_assert_int_eq(apply(&set.record, NULL), 0);
	answer(200, ALL(""));
	answer(200, DONE("INSYNC"));
	set.record.set_id = "main";
	set.record.failover = DRO_FAILOVER_PRIMARY;
	set.record.health_check = "h-1";
	ck_assert_int_eq(apply(&set.record, NULL), 0);
	has(A_CHANGE("CREATE",
		ID("main") FAILOVER("PRIMARY") TO("Z1", "origin." ZONE, "false") CHECK("h-1")));
	/* Back to an address, and removed exactly as it is stored, with its mark. */
	set_of(&set, NAME, "A", 0, "192.0.2.2", NULL);
	answer(200, ALL(SET(NAME, "A", TO_LB) OWNED(NAME, "A")));
	answer(200, DONE("INSYNC"));
	ck_assert_int_eq(apply(&set.record, NULL), 0);
	has("<Changes>" A_CHANGE("UPSERT", TTL("60", "192.0.2.2")) "</Changes>");
	answer(200, ALL(SET(NAME, "A", TO_LB) OWNED(NAME, "A")));
	answer(200, DONE("INSYNC"));
	ck_assert_int_eq(apply(NULL, &set.record), 0);
	has("<Changes>" A_CHANGE("DELETE", TO_LB));
	has("<Action>DELETE</Action><ResourceRecordSet><Name>drorch-owner.");
}
END_TEST

/* Latency, geography, multivalue, traffic policies: never lost by a side effect. */
START_TEST(other_routings_are_not_destroyed)
{
	static const char *const routings[] = {"<Region>eu-central-1</Region>",
		"<GeoLocation><CountryCode>DE</CountryCode></GeoLocation>",
		"<MultiValueAnswer>true</MultiValueAnswer>"};
	struct dro_buf there = DRO_BUF_INIT(65536), change = DRO_BUF_INIT(65536);
	struct set set, simple;
	size_t i;

	set_of(&simple, NAME, "A", 60, "192.0.2.3", NULL);
	answer(200, ZONES);
	for (i = 0; i < 3; i++) {
		/* New values: the routing stays. In the API's order: Region before TTL. */
		dro_buf_reset(&there);
		dro_buf_printf(&there, ALL(SET(NAME, "A", "%s%s%s")), ID("x"), routings[i],
			TTL("30", "192.0.2.1"));
		dro_buf_reset(&change);
		dro_buf_printf(&change, "<Changes>" A_CHANGE("UPSERT", "%s%s%s"), ID("x"),
			routings[i], TTL("30", "192.0.2.2"));
		member(&set, "x", 0, "192.0.2.2");
		answer(200, dro_buf_str(&there));
		answer(200, DONE("INSYNC"));
		ck_assert_msg(apply(&set.record, NULL) == 0, "%s", err.message);
		has(dro_buf_str(&change));
		/* Another routing, and gone: not so. */
		set.record.weight = 1;
		answer(200, dro_buf_str(&there));
		ck_assert_int_eq(apply(&set.record, NULL), DRO_ECONFLICT);
		set.record.weight = 0;
		set.record.failover = DRO_FAILOVER_PRIMARY;
		answer(200, dro_buf_str(&there));
		ck_assert_int_eq(apply(&set.record, NULL), DRO_ECONFLICT);
		answer(200, dro_buf_str(&there));
		ck_assert_int_eq(apply(NULL, &set.record), DRO_ECONFLICT);
		answer(200, dro_buf_str(&there));
		ck_assert_int_eq(apply(&simple.record, NULL), DRO_ECONFLICT);
		member(&set, "new", 0, "192.0.2.2");
		answer(200, dro_buf_str(&there));
		ck_assert_int_eq(apply(&set.record, NULL), DRO_ECONFLICT);
	}
	/* One that is marked as ours may go when it is named. */
	dro_buf_reset(&there);
	dro_buf_printf(&there, ALL(SET(NAME, "A", "%s%s%s") MARKS(MARK_OF(",set=x"))), ID("x"),
		routings[0], TTL("30", "192.0.2.1"));
	member(&set, "x", 0, "192.0.2.2");
	answer(200, dro_buf_str(&there));
	answer(200, DONE("INSYNC"));
	ck_assert_int_eq(apply(NULL, &set.record), 0);
	answer(200,
		ALL(SET(NAME, "A",
			TTL("30",
				"192.0.2.1") "<TrafficPolicyInstanceId>t</TrafficPolicyInstanceId>")
				OWNED(NAME, "A")));
	ck_assert_int_eq(apply(NULL, &simple.record), DRO_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(err.message, "traffic policy"));
	dro_buf_free(&there);
	dro_buf_free(&change);
}
END_TEST

/* A host of ABI 1.0 cannot say failover, check and alias: what is there of them stays. */
START_TEST(an_older_host_takes_nothing_away)
{
	struct set set;

	member(&set, "main", 0, "192.0.2.9")->size = offsetof(struct dro_record, failover);
	set.record.failover = 77; /* whatever stands there is not part of its struct */
	set.record.health_check = (const char *)8;
	answer(200, ZONES);
	answer(200, ALL(GROUP));
	answer(200, DONE("INSYNC"));
	ck_assert_msg(apply(&set.record, NULL) == 0, "%s", err.message);
	has("<Changes>" A_CHANGE("UPSERT",
		ID("main") FAILOVER("PRIMARY") TTL("30", "192.0.2.9") CHECK("h-1")) "</Changes>");
	set.record.weight = 5;
	answer(200, ALL(GROUP));
	ck_assert_int_eq(apply(&set.record, NULL), DRO_ECONFLICT);
	/* An alias is replaced only where it is marked as the caller's. */
	set_of(&set, NAME, "A", 0, "192.0.2.2", NULL)->size = offsetof(struct dro_record, failover);
	answer(200, ALL(SET(NAME, "A", TO_LB)));
	ck_assert_int_eq(apply(&set.record, NULL), DRO_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(err.message, "alias"));
	answer(200, ALL(SET(NAME, "A", TO_LB) OWNED(NAME, "A")));
	answer(200, DONE("INSYNC"));
	ck_assert_int_eq(apply(&set.record, NULL), 0);
	has("<Changes>" A_CHANGE("UPSERT", TTL("60", "192.0.2.2")) "</Changes>");
}
END_TEST

static void refused(const struct dro_record *const *put, size_t count, const char *word)
{
	ck_assert_int_eq(apply_all(put, count, NULL), DRO_EINVAL);
	ck_assert_msg(strstr(err.message, word) != NULL, "%s", err.message);
}

START_TEST(refuses_before_it_asks)
{
	struct set a, b;
	const struct dro_record *put[] = {
		member(&a, "a", 0, "192.0.2.1"), member(&b, "b", 0, "192.0.2.2")};

	a.record.weight = 256;
	refused(put, 1, "0..255");
	a.record.weight = 1;
	a.record.failover = DRO_FAILOVER_PRIMARY;
	refused(put, 1, "no weight");
	a.record.weight = 0;
	refused(put, 2, "all or none");
	b.record.failover = DRO_FAILOVER_PRIMARY;
	refused(put, 2, "one primary");
	a.record.failover = 3;
	refused(put, 1, "PRIMARY or SECONDARY");
	a.record.failover = DRO_FAILOVER_SECONDARY;
	a.record.set_id = "";
	refused(put, 1, "identifier");
	a.record.failover = b.record.failover = 0;
	refused(put, 2, "stands alone");
	a.record.set_id = "a";
	a.record.ttl_s = 30;
	b.record.ttl_s = 60;
	refused(put, 2, "share one TTL");
	b.record.health_check = "../h";
	refused(&put[1], 1, "health check");
	b.record.health_check = "";
	b.record.alias = "lb.example";
	refused(&put[1], 1, "no values");
	b.record.value_count = 0;
	refused(&put[1], 1, "id of its target's zone");
	b.record.alias_zone = "Z/1";
	refused(&put[1], 1, "id of a hosted zone");
	ck_assert_uint_eq(scripted_count(scripted), 0);
}
END_TEST

/* Each set of a name has its own. */
START_TEST(marks_by_set)
{
	struct dro_buf text = DRO_BUF_INIT(65536);
	struct set set;

#define THREE                                                                                      \
	SET(NAME, "A", ID("a") WEIGHT("1") TTL("45", "192.0.2.1"))                                 \
	SET(NAME, "A", ID("b, c") WEIGHT("1") TTL("45", "192.0.2.2"))                              \
	SET(NAME, "A", ID("d") WEIGHT("1") TTL("45", "192.0.2.3"))                                 \
	MARKS(VALUE("&quot;heritage=drorch,owner=x,type=A,set=d&quot;")                            \
			VALUE("&quot;heritage=drorch,owner=y,type=A,set=b, c&quot;")               \
				VALUE("&quot;heritage=drorch,owner=z,type=AAAA,set=a&quot;"))
	answer(200, ZONES);
	answer(200, ALL(THREE));
	ck_assert_int_eq(list(NAME, "A", &text), 0);
	ck_assert_str_eq(dro_buf_str(&text),
		NAME " A a 45/1 [] <192.0.2.1>\n" NAME " A b, c 45/1 [y] <192.0.2.2>\n" NAME
		     " A d 45/1 [x] <192.0.2.3>\n");
	answer(200, ALL(THREE));
	answer(200, DONE("INSYNC"));
	ck_assert_int_eq(apply(NULL, member(&set, "b, c", 0, "192.0.2.2")), 0);
	has("<Changes>" A_CHANGE("DELETE", ID("b, c") WEIGHT("1") TTL("45", "192.0.2.2")));
	has(VALUES(VALUE("&quot;heritage=drorch,owner=x,type=A,set=d&quot;")
			VALUE("&quot;heritage=drorch,owner=z,type=AAAA,set=a&quot;")));
	dro_buf_free(&text);
}
END_TEST

START_TEST(a_check_that_is_not_there)
{
	struct set a;

	member(&a, "a", 0, "192.0.2.1")->health_check = "h-9";
	answer(200, ZONES);
	answer(200, ALL(""));
	answer(404, ERROR("NoSuchHealthCheck", "The specified health check does not exist"));
	ck_assert_int_eq(apply(&a.record, NULL), DRO_ENOTFOUND);
	ck_assert_str_eq(err.provider_code, "NoSuchHealthCheck");
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("routed");

	tcase_add_test(tcase, a_failover_group_with_checks);
	tcase_add_test(tcase, primary_and_secondary_change_places);
	tcase_add_test(tcase, one_set_becomes_a_group_and_back);
	tcase_add_test(tcase, a_weighted_group_becomes_a_failover_group);
	tcase_add_test(tcase, weighted_sets_share_one_ttl);
	tcase_add_test(tcase, aliases);
	tcase_add_test(tcase, other_routings_are_not_destroyed);
	tcase_add_test(tcase, an_older_host_takes_nothing_away);
	tcase_add_test(tcase, refuses_before_it_asks);
	tcase_add_test(tcase, marks_by_set);
	tcase_add_test(tcase, a_check_that_is_not_there);
	return run_case("route53_routed", tcase);
}
