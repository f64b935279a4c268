/* Routed groups as load balancers: what is asked, in which order, and what is left alone. */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "support/scripted_host.h"

#define ZONE "memphis.example"
#define WWW "www.memphis.example"
#define MARK "drorch:shop/www"
#define OK(result) "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":" result "}"
#define EMPTY OK("[]")
#define ZONES OK("[{\"id\":\"z1\",\"name\":\"" ZONE "\",\"account\":{\"id\":\"a1\"}}]")
#define BATCH_DONE OK("{\"deletes\":[],\"patches\":[],\"posts\":[]}")
#define POOL_EU "www_2ememphis_2eexample__eu"
#define POOL_US "www_2ememphis_2eexample__us"
#define POOL(id, name, address, rest)                                                              \
	"{\"id\":\"" id "\",\"name\":\"" name "\",\"description\":\"" MARK                         \
	"\",\"enabled\":true,\"monitor\":\"m1\",\"origins\":[{\"name\":\"o\",\"address\":"         \
	"\"" address "\",\"enabled\":true}]" rest "}"
#define POOLS                                                                                      \
	OK("[" POOL("p1", POOL_EU, "192.0.2.1", "") "," POOL("p2", POOL_US, "192.0.2.2", "") "]")
#define BALANCER(policy, pools, rest)                                                              \
	OK("[{\"id\":\"l1\",\"name\":\"" WWW "\",\"description\":\"" MARK                          \
	   "\",\"enabled\":true,\"proxied\":true,\"fallback_pool\":\"p1\",\"steering_policy\":"    \
	   "\"" policy "\",\"default_pools\":[" pools "]" rest "}]")
#define WEIGHTED(eu, us)                                                                           \
	BALANCER("random", "\"p1\",\"p2\"",                                                        \
		",\"random_steering\":{\"pool_weights\":{\"p1\":" eu ",\"p2\":" us "}}")

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

static void answers(const char *first, ...)
{
	const char *body;
	va_list args;

	scripted_answer(scripted, 200, first, NULL);
	va_start(args, first);
	while ((body = va_arg(args, const char *)))
		scripted_answer(scripted, 200, body, NULL);
	va_end(args);
}

/* Of a list, whose balancers and pools are asked for beside its records. NULL: nobody asks. */
static void answers_beside(const char *balancers, const char *pools)
{
	scripted_answer_at(scripted, "/z1/load_balancers", 200, balancers, NULL);
	if (pools)
		scripted_answer_at(scripted, "/a1/load_balancers/pools", 200, pools, NULL);
}

/* "GET zones/z1/load_balancers", one request a line, from the `first` on. */
static const char *asked(size_t first)
{
	static struct dro_buf text = DRO_BUF_INIT(65536);
	size_t i;

	dro_buf_reset(&text);
	for (i = first; i < scripted_count(scripted); i++)
		dro_buf_printf(&text, "%s %s\n", scripted_request(scripted, i)->method,
			scripted_request(scripted, i)->path + strlen("/client/v4/"));
	return dro_buf_str(&text);
}

static int emit(void *arg, const struct dro_record *record)
{
	struct dro_buf *text = arg;
	size_t i;

	dro_buf_printf(text, "%s %s %s w%u f%u t%u p%u c:%s [%s]", record->name, record->type,
		*record->set_id ? record->set_id : "-", record->weight, record->failover,
		record->ttl_s, record->proxied, record->health_check, record->owner);
	for (i = 0; i < record->value_count; i++)
		dro_buf_printf(text, " <%s>", record->values[i]);
	dro_buf_puts(text, "\n");
	return 0;
}

static int list(const char *name, struct dro_buf *text)
{
	struct dro_record_query query = {
		.size = sizeof(query), .zone = ZONE, .name = name, .type = ""};
	struct dro_call call = scripted_call(scripted, NULL);

	dro_buf_reset(text);
	return dns->list_records(account, &query, emit, text, &call, &err);
}

/* ---- sets -------------------------------------------------------------------------------------
 */

static const char *const eu_values[] = {"192.0.2.1"}, *const us_values[] = {"192.0.2.2"};

static struct dro_record set_of(const char *set_id, uint32_t weight, uint32_t failover)
{
	return (struct dro_record){.size = sizeof(struct dro_record),
		.id = "",
		.name = WWW,
		.type = "A",
		.values = strcmp(set_id, "us") == 0 ? us_values : eu_values,
		.value_count = 1,
		.set_id = set_id,
		.owner = MARK,
		.proxied = 1,
		.weight = weight,
		.failover = failover,
		.health_check = *set_id ? "m1" : ""};
}

static int apply(const struct dro_record *put, size_t put_count, const struct dro_record *del,
	size_t del_count)
{
	const struct dro_record *puts[8], *dels[8];
	struct dro_call call = scripted_call(scripted, "r-1-route");
	char operation[32] = "unset";
	size_t i;

	for (i = 0; i < put_count; i++)
		puts[i] = &put[i];
	for (i = 0; i < del_count; i++)
		dels[i] = &del[i];
	return dns->apply(account, ZONE, puts, put_count, dels, del_count, operation,
		sizeof(operation), &call, &err);
}

#define SETS(eu_weight, us_weight)                                                                 \
	{                                                                                          \
		set_of("eu", eu_weight, 0), set_of("us", us_weight, 0)                             \
	}

/* ---- lists ------------------------------------------------------------------------------------
 */

START_TEST(lists_groups)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	answers(ZONES, EMPTY, NULL);
	answers_beside(WEIGHTED("0.9", "0.1"), POOLS);
	ck_assert_msg(list("", &text) == 0, "%s", err.message);
	ck_assert_str_eq(dro_buf_str(&text),
		WWW " A eu w90 f0 t0 p1 c:m1 [" MARK "] <192.0.2.1>\n" WWW
		    " A us w10 f0 t0 p1 c:m1 [" MARK "] <192.0.2.2>\n");
	ck_assert_str_eq(asked(1), "GET zones/z1/dns_records\n");
	ck_assert_uint_eq(scripted_count_at(scripted, "/load_balancers"), 1);
	ck_assert_uint_eq(scripted_count_at(scripted, "/load_balancers/pools"), 1);
	answers(EMPTY, NULL);
	answers_beside(BALANCER("off", "\"p2\",\"p1\"", ""), POOLS);
	ck_assert_int_eq(list(WWW, &text), 0);
	ck_assert_str_eq(dro_buf_str(&text),
		WWW " A us w0 f1 t0 p1 c:m1 [" MARK "] <192.0.2.2>\n" WWW
		    " A eu w0 f2 t0 p1 c:m1 [" MARK "] <192.0.2.1>\n");
	/* Another name's balancer: its pools are not asked for. */
	answers(EMPTY, NULL);
	answers_beside(BALANCER("off", "\"p2\",\"p1\"", ""), NULL);
	ck_assert_int_eq(list("other.memphis.example", &text), 0);
	ck_assert_str_eq(dro_buf_str(&text), "");
	dro_buf_free(&text);
}
END_TEST

/* Of a pool of somebody else's, of several types of addresses, of what is switched off. */
START_TEST(lists_what_others_made)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	answers(ZONES, EMPTY, NULL);
	answers_beside(
		OK("[{\"id\":\"l1\",\"name\":\"WWW.memphis.example\",\"ttl\":30,"
		   "\"steering_policy\":\"dynamic_latency\",\"default_pools\":[\"p7\",\"p8\"]},"
		   "{\"id\":\"l2\",\"name\":\"off.memphis.example\",\"enabled\":false,"
		   "\"default_pools\":[\"p7\"]}]"),
		OK("[{\"id\":\"p7\",\"name\":\"dc-1\",\"origins\":[{\"address\":\"2001:DB8:0::1\"},"
		   "{\"address\":\"192.0.2.9\",\"enabled\":false},"
		   "{\"address\":\"Origin.Example.net\"},{\"address\":\"192.0.2.7\"}]},"
		   "{\"id\":\"p8\",\"name\":\"dc-2\",\"enabled\":false,"
		   "\"origins\":[{\"address\":\"192.0.2.8\"}]}]"));
	ck_assert_msg(list("", &text) == 0, "%s", err.message);
	ck_assert_str_eq(dro_buf_str(&text),
		WWW " A dc-1 w0 f0 t30 p0 c: [] <192.0.2.7>\n" WWW
		    " AAAA dc-1 w0 f0 t30 p0 c: [] <2001:db8::1>\n" WWW
		    " CNAME dc-1 w0 f0 t30 p0 c: [] <origin.example.net>\n");
	dro_buf_free(&text);
}
END_TEST

START_TEST(without_the_right_there_are_none)
{
	static const struct {
		int status;
		const char *body;
		int code;
	} rows[] = {
		{403, "{\"success\":false,\"errors\":[{\"code\":10000,\"message\":\"no\"}]}", 0},
		{400,
			"{\"success\":false,\"errors\":[{\"code\":1002,\"message\":\"not "
			"enabled\"}]}",
			0},
		{500, "{}", DRO_EAGAIN},
		{429, "{\"success\":false,\"errors\":[{\"code\":971,\"message\":\"wait\"}]}",
			DRO_EAGAIN},
		{200, OK("{}"), DRO_EPROTO},
	};
	struct dro_buf text = DRO_BUF_INIT(65536);
	size_t i;

	answers(ZONES, NULL);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answers(EMPTY, NULL);
		scripted_answer_at(scripted, "/load_balancers", rows[i].status, rows[i].body, NULL);
		ck_assert_int_eq(list("", &text), rows[i].code);
		ck_assert_str_eq(dro_buf_str(&text), "");
	}
	/* But a group that is to be made is refused. */
	scripted_answer(scripted, 403, rows[0].body, NULL);
	ck_assert_int_eq(apply((struct dro_record[])SETS(1, 1), 2, NULL, 0), DRO_EAUTH);
	dro_buf_free(&text);
}
END_TEST

/* ---- groups that are made ---------------------------------------------------------------------
 */

START_TEST(makes_pools_then_the_balancer)
{
	const struct dro_record sets[] = SETS(90, 10);
	cJSON *body;

	answers(ZONES, EMPTY, EMPTY, OK("{\"id\":\"p1\"}"), OK("{\"id\":\"p2\"}"),
		OK("{\"id\":\"l1\"}"), NULL);
	ck_assert_msg(apply(sets, 2, NULL, 0) == 0, "%s", err.message);
	ck_assert_str_eq(asked(1), "GET zones/z1/load_balancers\n"
				   "GET accounts/a1/load_balancers/pools\n"
				   "POST accounts/a1/load_balancers/pools\n"
				   "POST accounts/a1/load_balancers/pools\n"
				   "POST zones/z1/load_balancers\n");
	ck_assert_str_eq(scripted_request(scripted, 3)->body,
		"{\"origins\":[{\"address\":\"192.0.2.1\",\"enabled\":true,\"name\":"
		"\"192.0.2.1\"}],\"name\":\"" POOL_EU "\",\"description\":\"" MARK
		"\",\"enabled\":true,\"monitor\":\"m1\",\"check_regions\":[\"WEU\"]}");
	body = cJSON_Parse(scripted_request(scripted, 5)->body);
	ck_assert_str_eq(dro_json_text(body, "steering_policy"), "random");
	ck_assert_str_eq(dro_json_text(body, "description"), MARK);
	ck_assert_str_eq(dro_json_text(body, "fallback_pool"), "p1");
	ck_assert_str_eq(dro_json_text(body, "name"), WWW);
	cJSON_Delete(body);
	ck_assert_ptr_nonnull(strstr(
		scripted_request(scripted, 5)->body, "{\"pool_weights\":{\"p1\":0.9,\"p2\":0.1}}"));
}
END_TEST

START_TEST(leaves_what_is_as_wanted)
{
	const struct dro_record sets[] = SETS(90, 10);
	struct dro_record order[] = {
		set_of("eu", 0, DRO_FAILOVER_SECONDARY), set_of("us", 0, DRO_FAILOVER_PRIMARY)};

	answers(ZONES, WEIGHTED("0.9", "0.1"), POOLS, NULL);
	ck_assert_msg(apply(sets, 2, NULL, 0) == 0, "%s", err.message);
	ck_assert_uint_eq(scripted_count(scripted), 3);
	answers(OK("[{\"id\":\"l1\",\"name\":\"" WWW "\",\"description\":\"" MARK
		   "\",\"enabled\":true,\"proxied\":true,\"fallback_pool\":\"p2\","
		   "\"steering_policy\":\"off\",\"default_pools\":[\"p2\",\"p1\"]}]"),
		POOLS, NULL);
	ck_assert_msg(apply(order, 2, NULL, 0) == 0, "%s", err.message);
	ck_assert_uint_eq(scripted_count(scripted), 5);
}
END_TEST

START_TEST(a_shift_is_one_call)
{
	const struct dro_record sets[] = SETS(0, 255);
	struct dro_record order[] = {
		set_of("eu", 0, DRO_FAILOVER_SECONDARY), set_of("us", 0, DRO_FAILOVER_PRIMARY)};
	const char *body;

	answers(ZONES, WEIGHTED("0.9", "0.1"), POOLS, OK("{\"id\":\"l1\"}"), NULL);
	ck_assert_msg(apply(sets, 2, NULL, 0) == 0, "%s", err.message);
	ck_assert_str_eq(asked(3), "PUT zones/z1/load_balancers/l1\n");
	body = scripted_request(scripted, 3)->body;
	ck_assert_ptr_nonnull(strstr(body, "{\"pool_weights\":{\"p1\":0,\"p2\":1}}"));
	ck_assert_ptr_nonnull(strstr(body, "\"description\":\"" MARK " {0,255}\""));
	answers(BALANCER("off", "\"p1\",\"p2\"", ",\"session_affinity\":\"cookie\""), POOLS,
		OK("{\"id\":\"l1\"}"), NULL);
	ck_assert_msg(apply(order, 2, NULL, 0) == 0, "%s", err.message);
	ck_assert_str_eq(asked(6), "PUT zones/z1/load_balancers/l1\n");
	body = scripted_request(scripted, 6)->body;
	ck_assert_ptr_nonnull(strstr(body, "\"default_pools\":[\"p2\",\"p1\"]"));
	ck_assert_ptr_nonnull(strstr(body, "\"fallback_pool\":\"p2\""));
	ck_assert_ptr_nonnull(strstr(body, "\"session_affinity\":\"cookie\"")); /* a person's */
	ck_assert_ptr_null(strstr(body, "random_steering"));
}
END_TEST

/* Whole numbers above 100 come back as long as nobody moved the weights. */
START_TEST(large_weights_read_back)
{
	struct dro_buf text = DRO_BUF_INIT(65536);

	answers(ZONES, EMPTY, NULL);
	answers_beside(OK("[{\"id\":\"l1\",\"name\":\"" WWW "\",\"description\":\"" MARK
			  " {255,1}\",\"steering_policy\":\"random\",\"proxied\":true,"
			  "\"default_pools\":[\"p1\",\"p2\"],\"random_steering\":{\"pool_weights\":"
			  "{\"p1\":1,\"p2\":0.01}}}]"),
		POOLS);
	ck_assert_int_eq(list("", &text), 0);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "eu w255 f0 t0 p1 c:m1 [" MARK "]"));
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "us w1 f0"));
	answers(EMPTY, NULL);
	answers_beside(OK("[{\"id\":\"l1\",\"name\":\"" WWW "\",\"description\":\"" MARK
			  " {255,1}\",\"steering_policy\":\"random\",\"proxied\":true,"
			  "\"default_pools\":[\"p1\",\"p2\"],\"random_steering\":{\"pool_weights\":"
			  "{\"p1\":0.5,\"p2\":0.01}}}]"),
		POOLS);
	ck_assert_int_eq(list("", &text), 0);
	ck_assert_ptr_nonnull(strstr(dro_buf_str(&text), "eu w50 f0 t0 p1 c:m1 [" MARK "]"));
	dro_buf_free(&text);
}
END_TEST

START_TEST(changes_a_pool_in_place)
{
	struct dro_record sets[] = SETS(90, 10);
	const char *values[] = {"192.0.2.1", "192.0.2.11"};

	sets[0].values = values;
	sets[0].value_count = 2;
	answers(ZONES, WEIGHTED("0.9", "0.1"),
		OK("[" POOL("p1", POOL_EU, "192.0.2.1", ",\"check_regions\":[\"OC\"]") "," POOL(
			"p2", POOL_US, "192.0.2.2", "") "]"),
		OK("{\"id\":\"p1\"}"), NULL);
	ck_assert_msg(apply(sets, 2, NULL, 0) == 0, "%s", err.message);
	ck_assert_str_eq(asked(3), "PUT accounts/a1/load_balancers/pools/p1\n");
	ck_assert_str_eq(scripted_request(scripted, 3)->body,
		"{\"check_regions\":[\"OC\"],\"origins\":[{\"name\":\"o\",\"address\":\"192.0.2.1\""
		",\"enabled\":true},{\"address\":\"192.0.2.11\",\"enabled\":true,\"name\":"
		"\"192.0.2.11\"}],\"name\":\"" POOL_EU "\",\"description\":\"" MARK
		"\",\"enabled\":true,\"monitor\":\"m1\"}");
}
END_TEST

/* The others of the group stay as they were. */
START_TEST(a_member_alone)
{
	static const char *const values[] = {"192.0.2.77"};
	struct dro_record set = set_of("us", 0, DRO_FAILOVER_SECONDARY);

	set.values = values;
	answers(ZONES, BALANCER("off", "\"p1\",\"p2\"", ""), POOLS, OK("{\"id\":\"p2\"}"), NULL);
	ck_assert_msg(apply(&set, 1, NULL, 0) == 0, "%s", err.message);
	ck_assert_str_eq(asked(3), "PUT accounts/a1/load_balancers/pools/p2\n");
	set = set_of("us", 0, DRO_FAILOVER_PRIMARY);
	answers(BALANCER("off", "\"p1\",\"p2\"", ""), POOLS, OK("{\"id\":\"l1\"}"), NULL);
	ck_assert_msg(apply(&set, 1, NULL, 0) == 0, "%s", err.message);
	ck_assert_str_eq(asked(6), "PUT zones/z1/load_balancers/l1\n");
	ck_assert_ptr_nonnull(strstr(scripted_request(scripted, 6)->body, "[\"p2\",\"p1\"]"));
	set = set_of("us", 3, 0);
	answers(WEIGHTED("0.9", "0.1"), POOLS, OK("{\"id\":\"l1\"}"), NULL);
	ck_assert_msg(apply(&set, 1, NULL, 0) == 0, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(scripted_request(scripted, 9)->body,
		"{\"pool_weights\":{\"p1\":0.9,\"p2\":0.03}}"));
}
END_TEST

START_TEST(a_member_that_goes)
{
	const struct dro_record sets[] = SETS(100, 0);

	answers(ZONES, WEIGHTED("0.9", "0.1"), POOLS, OK("{\"id\":\"l1\"}"), OK("{\"id\":\"p2\"}"),
		NULL);
	ck_assert_msg(apply(sets, 1, &sets[1], 1) == 0, "%s", err.message);
	ck_assert_str_eq(asked(3), "PUT zones/z1/load_balancers/l1\n"
				   "DELETE accounts/a1/load_balancers/pools/p2\n");
	/* A pool that somebody's rules use stays, and is in nobody's way. */
	answers(WEIGHTED("0.9", "0.1"), POOLS, OK("{\"id\":\"l1\"}"), NULL);
	scripted_answer(scripted, 412,
		"{\"success\":false,\"errors\":[{\"code\":1005,\"message\":\"referenced\"}]}",
		NULL);
	ck_assert_msg(apply(sets, 1, &sets[1], 1) == 0, "%s", err.message);
}
END_TEST

/* A pool that we did not name is left as it is; one of ours takes its place. */
START_TEST(never_writes_a_pool_of_others)
{
	struct dro_record sets[] = SETS(1, 1);

	sets[1].set_id = "dc-2";
	answers(ZONES,
		BALANCER("random", "\"p1\",\"p9\"",
			",\"random_steering\":{\"default_weight\":0.01}"),
		OK("[" POOL("p1", POOL_EU, "192.0.2.1", "") "," POOL(
			"p9", "dc-2", "192.0.2.9", "") "]"),
		OK("{\"id\":\"p3\"}"), OK("{\"id\":\"l1\"}"), NULL);
	ck_assert_msg(apply(sets, 2, NULL, 0) == 0, "%s", err.message);
	ck_assert_str_eq(asked(3), "POST accounts/a1/load_balancers/pools\n"
				   "PUT zones/z1/load_balancers/l1\n");
	ck_assert_ptr_nonnull(strstr(scripted_request(scripted, 4)->body, "[\"p1\",\"p3\"]"));
	/* With the group go our pools, not theirs. */
	answers(BALANCER("random", "\"p1\",\"p9\"", ""),
		OK("[" POOL("p1", POOL_EU, "192.0.2.1", "") "," POOL(
			"p9", "dc-2", "192.0.2.9", "") "]"),
		OK("{\"id\":\"l1\"}"), OK("{\"id\":\"p1\"}"), NULL);
	ck_assert_msg(apply(NULL, 0, sets, 2) == 0, "%s", err.message);
	ck_assert_str_eq(asked(7), "DELETE zones/z1/load_balancers/l1\n"
				   "DELETE accounts/a1/load_balancers/pools/p1\n");
}
END_TEST

/* ---- a name that becomes a group, and back ----------------------------------------------------
 */

START_TEST(the_name_is_never_without_an_answer)
{
	struct dro_record sets[] = SETS(1, 1);
	struct dro_record simple = set_of("", 0, 0);

	answers(ZONES, EMPTY, EMPTY, OK("{\"id\":\"p1\"}"), OK("{\"id\":\"p2\"}"),
		OK("{\"id\":\"l1\"}"),
		OK("[{\"id\":\"r1\",\"name\":\"" WWW
		   "\",\"type\":\"A\",\"content\":\"192.0.2.1\",\"proxied\":true}]"),
		BATCH_DONE, NULL);
	ck_assert_msg(apply(sets, 2, &simple, 1) == 0, "%s", err.message);
	ck_assert_str_eq(asked(5), "POST zones/z1/load_balancers\n"
				   "GET zones/z1/dns_records\n"
				   "POST zones/z1/dns_records/batch\n");
	answers(WEIGHTED("0.01", "0.01"), POOLS, EMPTY, BATCH_DONE, OK("{\"id\":\"l1\"}"),
		OK("{\"id\":\"p1\"}"), OK("{\"id\":\"p2\"}"), NULL);
	ck_assert_msg(apply(&simple, 1, sets, 2) == 0, "%s", err.message);
	ck_assert_str_eq(asked(10), "GET zones/z1/dns_records\n"
				    "POST zones/z1/dns_records/batch\n"
				    "DELETE zones/z1/load_balancers/l1\n"
				    "DELETE accounts/a1/load_balancers/pools/p1\n"
				    "DELETE accounts/a1/load_balancers/pools/p2\n");
	/* Gone already: nothing to do. */
	answers(EMPTY, EMPTY, NULL);
	ck_assert_int_eq(apply(NULL, 0, sets, 2), 0);
}
END_TEST

START_TEST(a_lost_answer_is_looked_up)
{
	const struct dro_record sets[] = SETS(1, 1);

	answers(ZONES, EMPTY, EMPTY, NULL);
	scripted_no_answer(scripted, DRO_ETIMEDOUT);
	ck_assert_int_eq(apply(sets, 2, NULL, 0), DRO_ETIMEDOUT);
	answers(EMPTY, OK("[" POOL("p1", POOL_EU, "192.0.2.1", "") "]"), OK("{\"id\":\"p2\"}"),
		NULL);
	scripted_answer(scripted, 502, "<html>bad gateway</html>", NULL);
	ck_assert_int_eq(apply(sets, 2, NULL, 0), DRO_ETIMEDOUT);
	answers(WEIGHTED("0.01", "0.01"), POOLS, NULL);
	ck_assert_msg(apply(sets, 2, NULL, 0) == 0, "%s", err.message);
	ck_assert_str_eq(asked(4), "GET zones/z1/load_balancers\n"
				   "GET accounts/a1/load_balancers/pools\n"
				   "POST accounts/a1/load_balancers/pools\n"
				   "POST zones/z1/load_balancers\n"
				   "GET zones/z1/load_balancers\n"
				   "GET accounts/a1/load_balancers/pools\n");
	/* A list that is behind: the twin is refused, and we look again. */
	answers(EMPTY, EMPTY, NULL);
	scripted_answer(scripted, 400,
		"{\"success\":false,\"errors\":[{\"code\":1003,\"message\":\"not unique\"}]}",
		NULL);
	answers(WEIGHTED("0.01", "0.01"), POOLS, NULL);
	ck_assert_msg(apply(sets, 2, NULL, 0) == 0, "%s", err.message);
	ck_assert_uint_eq(scripted_slept_ms(scripted), 1000);
}
END_TEST

START_TEST(refuses_before_it_asks)
{
	struct dro_record sets[] = SETS(1, 1);
	int i;

	for (i = 0; i < 9; i++) {
		struct dro_record wrong = set_of("eu", 1, 0);
		int code = DRO_EINVAL;

		switch (i) {
		case 0:
			wrong.weight = 256;
			break;
		case 1:
			wrong.type = "TXT";
			wrong.proxied = 0;
			code = DRO_EUNSUPPORTED;
			break;
		case 2:
			wrong.failover = DRO_FAILOVER_PRIMARY; /* and a weight */
			break;
		case 3:
			wrong.value_count = 0;
			break;
		case 4:
			wrong.owner = "a\nb";
			break;
		case 5:
			wrong.alias = "elsewhere.example";
			code = DRO_EUNSUPPORTED;
			break;
		case 6:
			wrong.set_id = ""; /* with a weight */
			break;
		case 7:
			wrong.name = "www.elsewhere.example";
			break;
		case 8:
			sets[1] = sets[0]; /* twice */
			ck_assert_int_eq(apply(sets, 2, NULL, 0), DRO_EINVAL);
			continue;
		}
		ck_assert_msg(apply(&wrong, 1, NULL, 0) == code, "row %d: %s", i, err.message);
	}
	ck_assert_uint_eq(scripted_count(scripted), 0);
}
END_TEST

/* What only the whole group shows. */
START_TEST(refuses_what_does_not_fit_together)
{
	int i;

	answers(ZONES, NULL);
	for (i = 0; i < 5; i++) {
		struct dro_record sets[] = SETS(1, 1);

		if (i == 0)
			sets[1].owner = "drorch:other/www";
		else if (i == 1)
			sets[1].proxied = 0;
		else if (i == 2) { /* two primaries */
			sets[0].weight = sets[1].weight = 0;
			sets[0].failover = sets[1].failover = DRO_FAILOVER_PRIMARY;
		} else if (i == 3) { /* one of failover, one of weight */
			sets[0].weight = 0;
			sets[0].failover = DRO_FAILOVER_PRIMARY;
		} else { /* one pool with two weights */
			static const char *const six[] = {"2001:db8::1"};

			sets[1] = set_of("eu", 2, 0);
			sets[1].type = "AAAA";
			sets[1].values = six;
		}
		answers(EMPTY, EMPTY, NULL);
		ck_assert_msg(apply(sets, 2, NULL, 0) == DRO_EINVAL, "row %d: %s", i, err.message);
	}
}
END_TEST

/* Both families of one set are one pool. */
START_TEST(two_types_are_one_pool)
{
	static const char *const six[] = {"2001:DB8::1"};
	struct dro_record sets[] = SETS(3, 3);
	struct dro_buf text = DRO_BUF_INIT(65536);

	sets[1] = set_of("eu", 3, 0);
	sets[1].type = "AAAA";
	sets[1].values = six;
	answers(ZONES, EMPTY, EMPTY, OK("{\"id\":\"p1\"}"), OK("{\"id\":\"l1\"}"), NULL);
	ck_assert_msg(apply(sets, 2, NULL, 0) == 0, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(scripted_request(scripted, 3)->body, "\"2001:db8::1\""));
	ck_assert_ptr_nonnull(strstr(scripted_request(scripted, 3)->body, "\"192.0.2.1\""));
	/* One of them goes: the pool loses its addresses, and stays. */
	answers(BALANCER("random", "\"p1\"",
			",\"random_steering\":{\"pool_weights\":{\"p1\":0.03}}"),
		OK("[{\"id\":\"p1\",\"name\":\"" POOL_EU "\",\"description\":\"" MARK
		   "\",\"monitor\":\"m1\",\"origins\":[{\"address\":\"192.0.2.1\"},{\"address\":"
		   "\"2001:db8::1\"}]}]"),
		OK("{\"id\":\"p1\"}"), NULL);
	ck_assert_msg(apply(NULL, 0, &sets[1], 1) == 0, "%s", err.message);
	ck_assert_str_eq(asked(7), "PUT accounts/a1/load_balancers/pools/p1\n");
	ck_assert_ptr_null(strstr(scripted_request(scripted, 7)->body, "2001"));
	dro_buf_free(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cloudflare_balance");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, lists_groups);
	tcase_add_test(tcase, lists_what_others_made);
	tcase_add_test(tcase, without_the_right_there_are_none);
	tcase_add_test(tcase, makes_pools_then_the_balancer);
	tcase_add_test(tcase, leaves_what_is_as_wanted);
	tcase_add_test(tcase, a_shift_is_one_call);
	tcase_add_test(tcase, large_weights_read_back);
	tcase_add_test(tcase, changes_a_pool_in_place);
	tcase_add_test(tcase, a_member_alone);
	tcase_add_test(tcase, a_member_that_goes);
	tcase_add_test(tcase, never_writes_a_pool_of_others);
	tcase_add_test(tcase, the_name_is_never_without_an_answer);
	tcase_add_test(tcase, a_lost_answer_is_looked_up);
	tcase_add_test(tcase, refuses_before_it_asks);
	tcase_add_test(tcase, refuses_what_does_not_fit_together);
	tcase_add_test(tcase, two_types_are_one_pool);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
