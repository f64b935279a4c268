/*
 * The cloudflare plugin through the program's own layers and HTTP against a running lab: what the
 * scripted host takes for granted, the lab checks as the vendor does.
 *
 * With DRORCH_TEST_PROXY=PORT:FILE it asks at that port instead, where somebody listens in, and
 * writes the lab's own port into the file.
 */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "net/http.h"
#include "provider/provider.h"

#define LAB TEST_BUILD_DIR "/lab/drorch-lab"
#define ZONE "memphis.example"
#define MARK "drorch memphis/tier2"

static char folder[64], state[96], endpoint[64];
static struct dro_net *net;
static struct dro_registry *registry;
static struct dro_provider *provider;
static struct dro_error err;

/* ---- the lab ------------------------------------------------------------------------------------
 */

/* drorch-lab WORDS... --state DIR */
static void lab(const char *first, ...)
{
	struct dro_buf errors = DRO_BUF_INIT(65536);
	struct dro_proc_result result;
	char *argv[24] = {LAB, "--state", state, (char *)(uintptr_t)first};
	size_t n = 4;
	va_list args;

	va_start(args, first);
	while ((argv[n] = va_arg(args, char *)))
		ck_assert_uint_lt(++n, 23);
	va_end(args);
	ck_assert_msg(dro_proc_run(argv, NULL, NULL, NULL, &errors, dro_now_ms() + 30000, &result,
			      &err) == 0 &&
			      result.exit_code == 0,
		"drorch-lab %s: %s %s", first, err.message, dro_buf_str(&errors));
	dro_buf_free(&errors);
}

static void choose_endpoint(int port)
{
	const char *proxy = getenv("DRORCH_TEST_PROXY");
	char number[16];

	snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d",
		proxy ? (int)strtol(proxy, NULL, 10) : port);
	snprintf(number, sizeof(number), "%d", port);
	if (proxy)
		ck_assert_int_eq(
			dro_file_write(strchr(proxy, ':') + 1, number, strlen(number), 0600, &err),
			0);
}

/* The port that the lab chose, and the token that it made up. */
static void read_lab(void)
{
	struct dro_buf text = DRO_BUF_INIT(65536);
	char path[128], *token;
	int64_t port;
	cJSON *json;

	snprintf(path, sizeof(path), "%s/lab.json", state);
	ck_assert_int_eq(dro_file_read(&text, path, &err), 0);
	ck_assert_int_eq(dro_json_parse(&json, text.data, text.length, 65536, &err), 0);
	ck_assert_int_eq(dro_json_int_need(json, "port", &port, &err), 0);
	choose_endpoint((int)port);
	cJSON_Delete(json);
	dro_buf_reset(&text);
	snprintf(path, sizeof(path), "%s/credentials", state);
	ck_assert_int_eq(dro_file_read(&text, path, &err), 0);
	token = strstr(text.data, "CLOUDFLARE_API_TOKEN=");
	ck_assert_ptr_nonnull(token);
	token = strchr(token, '=') + 1;
	token[strcspn(token, "\n")] = '\0';
	setenv("DRORCH_TEST_TOKEN", token, 1);
	dro_buf_free(&text);
}

/* How many calls of that operation the lab has answered. */
static size_t calls_of(const char *operation)
{
	struct dro_buf text = DRO_BUF_INIT(4u << 20);
	char path[128], wanted[64], *at;
	size_t count = 0;

	snprintf(path, sizeof(path), "%s/calls.jsonl", state);
	snprintf(wanted, sizeof(wanted), "\"%s\"", operation);
	ck_assert_int_eq(dro_file_read(&text, path, &err), 0);
	for (at = text.data; at && (at = strstr(at, wanted)); at++)
		count++;
	dro_buf_free(&text);
	return count;
}

/* Unchecked: it runs outside of the test's process, so that a failed one leaves no lab behind. */
static void lab_up(void)
{
	snprintf(folder, sizeof(folder), "/tmp/drorch-cloudflare-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(state, sizeof(state), "%s/lab", folder);
	lab("up", NULL);
	lab("cloudflare", "zone", ZONE, NULL);
}

static void lab_down(void)
{
	lab("down", NULL);
	ck_assert_int_eq(dro_dir_remove(folder, NULL), 0);
}

static void setup(void)
{
	struct dro_setting setting = {.name = "endpoint", .value = endpoint};
	struct dro_credential credential = {
		.name = "token", .ref = {DRO_SECRET_ENV, "DRORCH_TEST_TOKEN", NULL}};
	struct dro_account account = {.name = "cdn",
		.plugin = "cloudflare",
		.settings = &setting,
		.setting_count = 1,
		.credentials = &credential,
		.credential_count = 1};
	struct dro_registry_config config = {.plugin_dir = TEST_BUILD_DIR "/plugins"};

	err = (struct dro_error)DRO_ERROR_INIT;
	read_lab();
	ck_assert_int_eq(dro_net_new(&net, NULL, &err), 0);
	config.net = net;
	ck_assert_int_eq(dro_registry_new(&registry, &config, &err), 0);
	ck_assert_msg(
		dro_provider_open(&provider, registry, &account, &err) == 0, "%s", err.message);
}

static void teardown(void)
{
	dro_provider_close(provider);
	dro_registry_free(registry);
	dro_net_free(net);
}

/* ---- calls
 * ---------------------------------------------------------------------------------------- */

static struct dro_call a_call(void)
{
	return (struct dro_call){.size = sizeof(struct dro_call),
		.deadline_ms = dro_now_ms() + 30000,
		.idem_key = "k"};
}

static struct dro_record set_of(const char *name, const char *type, uint32_t ttl_s,
	uint32_t proxied, const char *const *values, size_t value_count)
{
	return (struct dro_record){.size = sizeof(struct dro_record),
		.ttl_s = ttl_s,
		.proxied = proxied,
		.id = "",
		.set_id = "",
		.owner = MARK,
		.name = name,
		.type = type,
		.values = values,
		.value_count = value_count};
}

static int apply(const struct dro_record *put, size_t put_count, const struct dro_record *del)
{
	const struct dro_record *puts[16];
	struct dro_call call = a_call();
	size_t i;

	for (i = 0; i < put_count; i++)
		puts[i] = &put[i];
	return dro_provider_apply(
		provider, ZONE, puts, put_count, &del, del ? 1 : 0, NULL, 0, &call, &err);
}

/* The zone, a line a set. */
static const char *zone_text(struct dro_buf *text)
{
	struct dro_record_query query = {.zone = ZONE};
	struct dro_record_list list = {0};
	struct dro_call call = a_call();
	size_t i, j;

	dro_buf_reset(text);
	ck_assert_msg(dro_provider_list_records(provider, &query, &list, &call, &err) == 0, "%s",
		err.message);
	for (i = 0; i < list.count; i++) {
		const struct dro_record *set = list.items[i];

		dro_buf_printf(text, "%s %s %u %u [%s]", set->name, set->type, set->ttl_s,
			set->proxied, set->owner);
		for (j = 0; j < set->value_count; j++)
			dro_buf_printf(text, " <%s>", set->values[j]);
		dro_buf_puts(text, "\n");
	}
	dro_record_list_free(&list);
	return dro_buf_str(text);
}

START_TEST(probes)
{
	struct dro_call call = a_call();
	char identity[128];

	ck_assert_msg(dro_provider_probe(provider, identity, sizeof(identity), &call, &err) == 0,
		"%s", err.message);
	ck_assert_int_eq(strncmp(identity, "token ", 6), 0);
	setenv("DRORCH_TEST_TOKEN", "of-somebody-else", 1);
	ck_assert_int_eq(
		dro_provider_probe(provider, identity, sizeof(identity), &call, &err), DRO_EAUTH);
}
END_TEST

START_TEST(every_type_reads_back_as_it_was_put)
{
	static const char *const address[] = {"192.0.2.1", "192.0.2.2"};
	static const char *const six[] = {"2001:DB8:0::1"};
	static const char *const alias[] = {"Origin.memphis.example."};
	static const char *const mail[] = {"10 mx1.memphis.example", "20 mx2.memphis.example"};
	static const char *const texts[] = {"v=spf1 -all", "\"a\" \"b \\\"q\\\"\""};
	static const char *const service[] = {"10 5 8806 sip.memphis.example"};
	static const char *const authority[] = {"0 issue \"ca.example\""};
	struct dro_record sets[] = {
		set_of("www.memphis.example", "A", 300, 1, address, 2),
		set_of("origin.memphis.example", "A", 60, 0, address, 1),
		set_of("six.memphis.example", "AAAA", 0, 0, six, 1),
		set_of("alias.memphis.example", "CNAME", 60, 0, alias, 1),
		set_of("memphis.example", "MX", 3600, 0, mail, 2),
		set_of("memphis.example", "TXT", 3600, 0, texts, 2),
		set_of("_sip._tcp.memphis.example", "SRV", 60, 0, service, 1),
		set_of("memphis.example", "CAA", 3600, 0, authority, 1),
	};
	struct dro_buf text = DRO_BUF_INIT(65536);

	ck_assert_msg(apply(sets, 8, NULL) == 0, "%s", err.message);
	ck_assert_str_eq(zone_text(&text),
		"_sip._tcp.memphis.example SRV 60 0 [" MARK "] <10 5 8806 sip.memphis.example>\n"
		"alias.memphis.example CNAME 60 0 [" MARK "] <origin.memphis.example>\n"
		"memphis.example CAA 3600 0 [" MARK "] <0 issue \"ca.example\">\n"
		"memphis.example MX 3600 0 [" MARK
		"] <10 mx1.memphis.example> <20 mx2.memphis.example>\n"
		"memphis.example TXT 3600 0 [" MARK "] <\"ab \\\"q\\\"\"> <\"v=spf1 -all\">\n"
		"origin.memphis.example A 60 0 [" MARK "] <192.0.2.1>\n"
		"six.memphis.example AAAA 0 0 [" MARK "] <2001:db8::1>\n"
		"www.memphis.example A 0 1 [" MARK "] <192.0.2.1> <192.0.2.2>\n");
	ck_assert_uint_eq(calls_of("BatchDnsRecords"), 1);
	/* As wanted, down to the spelling: nothing to send. */
	ck_assert_msg(apply(sets, 8, NULL) == 0, "%s", err.message);
	ck_assert_uint_eq(calls_of("BatchDnsRecords"), 1);
	ck_assert_uint_eq(calls_of("ListZones"), 1);
	dro_buf_free(&text);
}
END_TEST

START_TEST(switches_in_one_transaction)
{
	static const char *const before[] = {"192.0.2.1"}, *const after[] = {"198.51.100.1"};
	struct dro_record set = set_of("www.memphis.example", "A", 0, 1, before, 1);
	struct dro_record gone = set_of("old.memphis.example", "TXT", 60, 0, before, 1);
	struct dro_record both[] = {set, gone};
	struct dro_buf text = DRO_BUF_INIT(65536);

	ck_assert_int_eq(apply(both, 2, NULL), 0);
	set.values = after;
	ck_assert_msg(apply(&set, 1, &gone) == 0, "%s", err.message);
	ck_assert_str_eq(zone_text(&text), "www.memphis.example A 0 1 [" MARK "] <198.51.100.1>\n");
	ck_assert_uint_eq(calls_of("BatchDnsRecords"), 2);
	/* A batch with one bad part changes nothing at all. */
	gone = set_of("www.memphis.example", "CNAME", 60, 0,
		(const char *const[]){"elsewhere.example"}, 1);
	set.values = before;
	both[0] = set;
	both[1] = gone;
	ck_assert_int_eq(apply(both, 2, NULL), DRO_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(zone_text(&text), "<198.51.100.1>"));
	dro_buf_free(&text);
}
END_TEST

START_TEST(a_lost_answer_is_looked_up)
{
	static const char *const address[] = {"192.0.2.1"};
	struct dro_record set = set_of("www.memphis.example", "A", 0, 1, address, 1);
	struct dro_buf text = DRO_BUF_INIT(65536);

	lab("fault", "add", "drop", "--vendor", "cloudflare", "--operation", "BatchDnsRecords",
		"--count", "1", NULL);
	ck_assert_int_eq(apply(&set, 1, NULL), DRO_ETIMEDOUT);
	ck_assert_msg(apply(&set, 1, NULL) == 0, "%s", err.message);
	ck_assert_uint_eq(calls_of("BatchDnsRecords"), 1);
	ck_assert_str_eq(zone_text(&text), "www.memphis.example A 0 1 [" MARK "] <192.0.2.1>\n");
	/* The same where the list is behind: Cloudflare refuses the twin, and we look again. */
	set.name = "new.memphis.example";
	lab("fault", "add", "drop", "--vendor", "cloudflare", "--operation", "BatchDnsRecords",
		"--count", "1", NULL);
	ck_assert_int_eq(apply(&set, 1, NULL), DRO_ETIMEDOUT);
	lab("fault", "add", "lag", "--vendor", "cloudflare", "--operation", "ListDnsRecords",
		"--ms", "600000", "--count", "1", NULL);
	ck_assert_msg(apply(&set, 1, NULL) == 0, "%s", err.message);
	dro_buf_free(&text);
}
END_TEST

START_TEST(faults_have_their_codes)
{
	static const char *const address[] = {"192.0.2.1"};
	struct dro_record set = set_of("www.memphis.example", "A", 0, 1, address, 1);
	static const struct {
		const char *kind, *option, *value;
		int code;
	} rows[] = {
		{"status", "--status", "500", DRO_ETIMEDOUT},
		{"status", "--status", "403", DRO_EAUTH},
		{"status", "--status", "429", DRO_EAGAIN},
		{"body", "--message", "<html>hello</html>", DRO_ETIMEDOUT},
		{"truncate", "--ms", "1", DRO_ETIMEDOUT},
		{"refuse", "--ms", "1", DRO_ETIMEDOUT},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char value[32];
		const char *values[] = {value};
		int rc;

		snprintf(value, sizeof(value), "192.0.2.%zu", i + 10);
		set.values = values;
		lab("fault", "add", rows[i].kind, "--vendor", "cloudflare", "--operation",
			"BatchDnsRecords", "--count", "1", rows[i].option, rows[i].value, NULL);
		rc = apply(&set, 1, NULL);
		ck_assert_msg(rc == rows[i].code, "%s %s: %s, %s", rows[i].kind, rows[i].value,
			dro_code_name(rc), err.message);
		ck_assert_msg(apply(&set, 1, NULL) == 0, "%s", err.message);
	}
}
END_TEST

/* ---- groups -----------------------------------------------------------------------------------
 */

static char check_id[65];

static struct dro_record member_of(const char *set_id, uint32_t weight, uint32_t failover)
{
	static const char *const eu[] = {"127.0.0.5"}, *const us[] = {"127.0.0.6", "127.0.0.7"};
	bool second = strcmp(set_id, "us west") == 0;
	struct dro_record set =
		set_of("www.memphis.example", "A", 0, 1, second ? us : eu, second ? 2 : 1);

	set.set_id = set_id;
	set.weight = weight;
	set.failover = failover;
	set.health_check = check_id;
	set.alias = set.alias_zone = "";
	return set;
}

/* The sets of the zone, as "ID:weight/failover/values". */
static const char *groups_text(struct dro_buf *text)
{
	struct dro_record_query query = {.zone = ZONE};
	struct dro_record_list list = {0};
	struct dro_call call = a_call();
	size_t i;

	dro_buf_reset(text);
	ck_assert_msg(dro_provider_list_records(provider, &query, &list, &call, &err) == 0, "%s",
		err.message);
	for (i = 0; i < list.count; i++) {
		const struct dro_record *set = list.items[i];

		ck_assert_str_eq(set->owner, MARK);
		ck_assert_str_eq(set->health_check, *set->set_id ? check_id : "");
		dro_buf_printf(text, "%s%s:%u/%u/%zu", i ? " " : "", set->set_id, set->weight,
			set->failover, set->value_count);
	}
	dro_record_list_free(&list);
	return dro_buf_str(text);
}

static int put_check(const char *key, const char *id, uint32_t interval_s)
{
	struct dro_health_check check = {.size = sizeof(check),
		.kind = DRO_CHECK_HTTP,
		.id = id,
		.version = "",
		.owner = MARK,
		.address = "",
		.host = "www.memphis.example",
		.path = "/healthz",
		.port = 80,
		.interval_s = interval_s,
		.fail_after = 2};
	struct dro_call call = a_call();

	call.idem_key = key;
	return dro_provider_put_check(provider, &check, check_id, sizeof(check_id), &call, &err);
}

static void make_check(void)
{
	ck_assert_msg(put_check("make", "", 60) == 0, "%s", err.message);
}

START_TEST(groups_read_back_as_they_were_put)
{
	struct dro_buf text = DRO_BUF_INIT(65536);
	static const struct {
		uint32_t weights[2], failover[2];
		const char *text;
	} rows[] = {
		{{90, 10}, {0, 0}, "eu:90/0/1 us west:10/0/2"},
		{{1, 1}, {0, 0}, "eu:1/0/1 us west:1/0/2"},
		{{255, 2}, {0, 0}, "eu:255/0/1 us west:2/0/2"},
		{{0, 7}, {0, 0}, "eu:0/0/1 us west:7/0/2"},
		{{0, 0}, {1, 2}, "eu:0/1/1 us west:0/2/2"},
		{{0, 0}, {2, 1}, "us west:0/1/2 eu:0/2/1"},
	};
	size_t i, changes = 0;

	make_check();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dro_record sets[] = {
			member_of("eu", rows[i].weights[0], rows[i].failover[0]),
			member_of("us west", rows[i].weights[1], rows[i].failover[1])};

		ck_assert_msg(apply(sets, 2, NULL) == 0, "%s", err.message);
		changes += i > 0;
		ck_assert_str_eq(groups_text(&text), rows[i].text);
		/* A second pass has nothing to do. */
		ck_assert_msg(apply(sets, 2, NULL) == 0, "%s", err.message);
		ck_assert_uint_eq(calls_of("UpdateLoadBalancer"), changes);
	}
	ck_assert_uint_eq(calls_of("CreatePool"), 2);
	ck_assert_uint_eq(calls_of("UpdatePool"), 0);
	ck_assert_uint_eq(calls_of("CreateLoadBalancer"), 1);
	dro_buf_free(&text);
}
END_TEST

START_TEST(from_a_record_to_a_group_and_back)
{
	static const char *const address[] = {"127.0.0.5"};
	struct dro_record simple = set_of("www.memphis.example", "A", 0, 1, address, 1), sets[2];
	const struct dro_record *both[2] = {&sets[0], &sets[1]}, *one = &simple;
	struct dro_buf text = DRO_BUF_INIT(65536);
	struct dro_call call = a_call();
	int i;

	make_check();
	sets[0] = member_of("eu", 1, 0);
	sets[1] = member_of("us west", 1, 0);
	ck_assert_int_eq(apply(&simple, 1, NULL), 0);
	for (i = 0; i < 2; i++) { /* the second time there is nothing to do */
		ck_assert_msg(dro_provider_apply(
				      provider, ZONE, both, 2, &one, 1, NULL, 0, &call, &err) == 0,
			"%s", err.message);
		ck_assert_str_eq(groups_text(&text), "eu:1/0/1 us west:1/0/2");
	}
	for (i = 0; i < 2; i++) {
		ck_assert_msg(dro_provider_apply(
				      provider, ZONE, &one, 1, both, 2, NULL, 0, &call, &err) == 0,
			"%s", err.message);
		ck_assert_str_eq(groups_text(&text), ":0/0/1");
	}
	ck_assert_uint_eq(calls_of("BatchDnsRecords"), 3);
	ck_assert_uint_eq(calls_of("DeleteLoadBalancer"), 1);
	ck_assert_uint_eq(calls_of("DeletePool"), 2);
	dro_buf_free(&text);
}
END_TEST

static int remove_all(const struct dro_record sets[2])
{
	const struct dro_record *both[] = {&sets[0], &sets[1]};
	struct dro_call call = a_call();

	return dro_provider_apply(provider, ZONE, NULL, 0, both, 2, NULL, 0, &call, &err);
}

/* Whatever call's answer is lost: what it made is found, and nothing is made twice. */
START_TEST(lost_answers_of_a_group)
{
	static const char *const operations[] = {
		"CreatePool", "CreateLoadBalancer", "UpdateLoadBalancer", "DeletePool"};
	struct dro_record sets[2], gone;
	struct dro_buf text = DRO_BUF_INIT(65536);
	size_t i;

	make_check();
	sets[0] = member_of("eu", 1, 0);
	sets[1] = gone = member_of("us west", 1, 0);
	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		const struct dro_record *del = i < 2 ? NULL : &gone;

		lab("fault", "add", "drop", "--vendor", "cloudflare", "--operation", operations[i],
			"--count", "1", NULL);
		ck_assert_int_eq(apply(sets, del ? 1 : 2, del), DRO_ETIMEDOUT);
		ck_assert_msg(
			apply(sets, del ? 1 : 2, del) == 0, "%s: %s", operations[i], err.message);
		ck_assert_str_eq(groups_text(&text), del ? "eu:1/0/1" : "eu:1/0/1 us west:1/0/2");
		if (i == 0) /* without the group again */
			ck_assert_int_eq(remove_all(sets), 0);
		else if (i == 2)
			ck_assert_int_eq(apply(sets, 2, NULL), 0);
	}
	dro_buf_free(&text);
}
END_TEST

START_TEST(checks)
{
	struct dro_vantage_list seen = {0};
	struct dro_health_check_list list = {0};
	struct dro_record set;
	struct dro_call call = a_call();
	char id[65];

	make_check();
	snprintf(id, sizeof(id), "%s", check_id);
	make_check(); /* the same call: the same monitor */
	ck_assert_str_eq(check_id, id);
	ck_assert_uint_eq(calls_of("CreateMonitor"), 1);
	ck_assert_msg(put_check("change", id, 120) == 0, "%s", err.message);
	ck_assert_msg(put_check("change", id, 120) == 0, "%s", err.message);
	ck_assert_uint_eq(calls_of("UpdateMonitor"), 1);
	ck_assert_int_eq(put_check("bad", id, 2), DRO_EINVAL); /* in nobody's plan */
	snprintf(check_id, sizeof(check_id), "%s", id);
	ck_assert_int_eq(dro_provider_list_checks(provider, &list, &call, &err), 0);
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.items[0]->owner, MARK);
	ck_assert_uint_eq(list.items[0]->interval_s, 120);
	set = member_of("eu", 1, 0);
	ck_assert_msg(apply(&set, 1, NULL) == 0, "%s", err.message);
	ck_assert_int_eq(dro_provider_check_status(provider, id, &seen, &call, &err), 0);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_str_eq(seen.items[0]->name, "Amsterdam, NL (www_2ememphis_2eexample__eu)");
	ck_assert_int_eq(dro_provider_delete_check(provider, id, &call, &err), DRO_ECONFLICT);
	ck_assert_int_eq(apply(NULL, 0, &set), 0);
	ck_assert_int_eq(dro_provider_delete_check(provider, id, &call, &err), 0);
	ck_assert_int_eq(dro_provider_delete_check(provider, id, &call, &err), 0);
	dro_health_check_list_free(&list);
	dro_vantage_list_free(&seen);
}
END_TEST

/* A lab for each test: they count its calls. */
static void add(Suite *suite, const char *name, const TTest *test)
{
	TCase *tcase = tcase_create(name);

	tcase_add_unchecked_fixture(tcase, lab_up, lab_down);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 90);
	tcase_add_test(tcase, test);
	suite_add_tcase(suite, tcase);
}

int main(void)
{
	Suite *suite = suite_create("lab_cloudflare");
	SRunner *runner;
	int failed;

	add(suite, "probe", probes);
	add(suite, "types", every_type_reads_back_as_it_was_put);
	add(suite, "switch", switches_in_one_transaction);
	add(suite, "lost", a_lost_answer_is_looked_up);
	add(suite, "faults", faults_have_their_codes);
	add(suite, "groups", groups_read_back_as_they_were_put);
	add(suite, "there and back", from_a_record_to_a_group_and_back);
	add(suite, "lost groups", lost_answers_of_a_group);
	add(suite, "checks", checks);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
