/* The linode plugin against a scripted host: what it asks, and what it makes of the answers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "support/scripted_host.h"

#define NONE "{\"data\":[],\"page\":1,\"pages\":1,\"results\":0}"
#define PAGE(items) "{\"data\":[" items "],\"page\":1,\"pages\":1,\"results\":1}"
#define INSTANCE(id, label, status)                                                                \
	"{\"id\":" id ",\"label\":\"" label "\",\"status\":\"" status                              \
	"\",\"region\":\"eu-west\",\"type\":\"g6-standard-4\",\"image\":\"private/15\","           \
	"\"ipv4\":[\"192.168.133.7\",\"203.0.113.7\"],\"created\":\"2026-11-20T20:22:50\","        \
	"\"tags\":[\"drorch:service=memphis\",\"drorch:site=main\",\"plain\"]}"
#define ERRORS(field, reason) "{\"errors\":[{\"field\":\"" field "\",\"reason\":\"" reason "\"}]}"
#define IMAGE(id, status, regions)                                                                 \
	"{\"id\":\"" id "\",\"label\":\"memphis-site\",\"status\":\"" status                       \
	"\",\"is_public\":false,\"capabilities\":[\"cloud-init\"],"                                \
	"\"created\":\"2026-11-20T20:22:50\",\"tags\":[\"drorch:request=run-7-launch-web\"],"      \
	"\"regions\":[" regions "]}"
#define IN(region, status) "{\"region\":\"" region "\",\"status\":\"" status "\"}"

static struct scripted *scripted;
static const struct dro_compute *compute;
static void *account;
static struct dro_error err;
static struct dro_call call;
static char seen[8192]; /* what was emitted, a line each */

static void setup(void)
{
	scripted = scripted_new("linode");
	compute = scripted_provider(scripted)->compute;
	account = scripted_open(scripted, NULL);
	err = (struct dro_error)DRO_ERROR_INIT;
	call = scripted_call(scripted, "run-7-launch-web");
	seen[0] = '\0';
}

static void teardown(void)
{
	scripted_free(scripted);
}

static int see_instance(void *arg, const struct dro_instance *i)
{
	size_t used = strlen(seen);

	(void)arg;
	snprintf(seen + used, sizeof(seen) - used, "%s %s %u %s %s %zu\n", i->id, i->name, i->state,
		i->public_ipv4, i->private_ipv4, i->tag_count);
	return 0;
}

static int see_image(void *arg, const struct dro_image *i)
{
	size_t used = strlen(seen);

	(void)arg;
	snprintf(seen + used, sizeof(seen) - used, "%s %s %u %s\n", i->id, i->name, i->state,
		i->region);
	return 0;
}

static const struct scripted_request *asked(size_t index)
{
	return scripted_request(scripted, index);
}

static cJSON *body_of(size_t index)
{
	cJSON *json = cJSON_Parse(asked(index)->body);

	ck_assert_msg(json != NULL, "no JSON: %s", asked(index)->body);
	return json;
}

static struct dro_instance_spec spec_of(uint32_t count)
{
	static const struct dro_pair tags[] = {{"drorch:service", "memphis"},
		{"drorch:run", "a-very-long-value-that-does-not-fit-into-fifty-characters"}};

	return (struct dro_instance_spec){.size = sizeof(struct dro_instance_spec),
		.count = count,
		.name = "memphis_main--web",
		.region = "eu-west",
		.zone = "",
		.type = "g6-standard-4",
		.image = "private/15",
		.user_data = "{}",
		.user_data_length = 2,
		.tags = tags,
		.tag_count = 2};
}

static int create(const struct dro_instance_spec *spec)
{
	return compute->create_instances(account, spec, see_instance, NULL, &call, &err);
}

/* The label that the plugin looks for, from its first request. */
static void label_asked(char *out, size_t size)
{
	cJSON *filter = cJSON_Parse(scripted_header(scripted, 0, "x-filter"));
	const char *label =
		dro_json_text(cJSON_GetObjectItemCaseSensitive(filter, "label"), "+contains");

	ck_assert_str_ne(label, "");
	snprintf(out, size, "%s", label);
	cJSON_Delete(filter);
}

/* ---- tests ---------------------------------------------------------------------------------- */

START_TEST(probes)
{
	char identity[64];

	scripted_answer(scripted, 200, "{\"username\":\"ops\"}", NULL);
	ck_assert_int_eq(scripted_provider(scripted)->probe(
				 account, identity, sizeof(identity), &call, &err),
		0);
	ck_assert_str_eq(identity, "user ops");
	ck_assert_str_eq(asked(0)->path, "/v4/profile");
	ck_assert_str_eq(asked(0)->endpoint, "https://api.linode.com");
	ck_assert_uint_eq(asked(0)->auth, DRO_AUTH_BEARER);
	scripted_answer(scripted, 401, "{\"errors\":[{\"reason\":\"Invalid Token\"}]}", NULL);
	ck_assert_int_eq(scripted_provider(scripted)->probe(
				 account, identity, sizeof(identity), &call, &err),
		DRO_EAUTH);
	ck_assert_ptr_nonnull(strstr(err.message, "Invalid Token"));
}
END_TEST

START_TEST(lists_by_tags_and_pages)
{
	static const struct dro_pair tags[] = {{"drorch:service", "memphis"}};
	struct dro_instance_query query = {
		.size = sizeof(query), .region = "eu-west", .tags = tags, .tag_count = 1};

	scripted_answer(scripted, 200,
		"{\"data\":[" INSTANCE("1", "a", "running") "],\"page\":1,\"pages\":2}", NULL);
	/* Another's, which a filter that was not understood lets through. */
	scripted_answer(scripted, 200,
		"{\"data\":[" INSTANCE("2", "b", "offline") ",{\"id\":3,\"region\":\"eu-west\","
							    "\"tags\":[]}],\"page\":2,\"pages\":2}",
		NULL);
	ck_assert_int_eq(
		compute->list_instances(account, &query, see_instance, NULL, &call, &err), 0);
	ck_assert_str_eq(seen, "1 a 2 203.0.113.7 192.168.133.7 3\n"
			       "2 b 4 203.0.113.7 192.168.133.7 3\n");
	ck_assert_str_eq(asked(0)->path, "/v4/linode/instances");
	ck_assert_str_eq(scripted_header(scripted, 0, "x-filter"),
		"{\"+and\":[{\"region\":\"eu-west\"},{\"tags\":\"drorch:service=memphis\"}]}");
	ck_assert_str_eq(scripted_query(scripted, 0, "page_size"), "500");
	ck_assert_ptr_null(scripted_query(scripted, 0, "page"));
	ck_assert_str_eq(scripted_query(scripted, 1, "page"), "2");
}
END_TEST

START_TEST(guards_the_pages)
{
	struct dro_instance_query query = {.size = sizeof(query), .region = ""};

	/* The same page again, whatever was asked for. */
	scripted_answer(scripted, 200,
		"{\"data\":[" INSTANCE("1", "a", "running") "],\"page\":1,\"pages\":9}", NULL);
	scripted_answer(scripted, 200,
		"{\"data\":[" INSTANCE("1", "a", "running") "],\"page\":1,\"pages\":9}", NULL);
	ck_assert_int_eq(compute->list_instances(account, &query, see_instance, NULL, &call, &err),
		DRO_EPROTO);
	ck_assert_ptr_null(scripted_header(scripted, 0, "x-filter"));
}
END_TEST

START_TEST(knows_the_states)
{
	static const struct {
		const char *native;
		uint32_t state;
	} rows[] = {{"provisioning", DRO_INSTANCE_PENDING}, {"booting", DRO_INSTANCE_PENDING},
		{"running", DRO_INSTANCE_RUNNING}, {"shutting_down", DRO_INSTANCE_STOPPING},
		{"offline", DRO_INSTANCE_STOPPED}, {"deleting", DRO_INSTANCE_TERMINATING},
		{"migrating", DRO_INSTANCE_UNKNOWN}, {"something new", DRO_INSTANCE_UNKNOWN}};
	const char *ids[] = {"7"};
	struct dro_instance_query query = {.size = sizeof(query), .ids = ids, .id_count = 1};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char body[128], line[64];

		snprintf(body, sizeof(body), "{\"id\":7,\"label\":\"x\",\"status\":\"%s\"}",
			rows[i].native);
		snprintf(line, sizeof(line), "7 x %u   0\n", rows[i].state);
		scripted_answer(scripted, 200, body, NULL);
		seen[0] = '\0';
		ck_assert_int_eq(
			compute->list_instances(account, &query, see_instance, NULL, &call, &err),
			0);
		ck_assert_str_eq(seen, line);
		ck_assert_str_eq(asked(i)->path, "/v4/linode/instances/7");
	}
	scripted_answer(scripted, 404, "{\"errors\":[{\"reason\":\"Not found\"}]}", NULL);
	ck_assert_int_eq(compute->list_instances(account, &query, see_instance, NULL, &call, &err),
		DRO_ENOTFOUND);
	ids[0] = "../account";
	ck_assert_int_eq(compute->list_instances(account, &query, see_instance, NULL, &call, &err),
		DRO_EINVAL);
}
END_TEST

START_TEST(creates_one)
{
	struct dro_instance_spec spec = spec_of(1);
	char label[80];
	cJSON *body;
	const cJSON *tags;

	scripted_answer(scripted, 200, NONE, NULL);
	scripted_answer(scripted, 200, INSTANCE("9", "l", "provisioning"), NULL);
	ck_assert_int_eq(create(&spec), 0);
	ck_assert_str_eq(seen, "9 l 1 203.0.113.7 192.168.133.7 3\n");
	label_asked(label, sizeof(label));
	ck_assert_int_eq(strncmp(label, "memphis_main-web-", 17), 0);
	ck_assert_uint_eq(strlen(label), 17 + 12);
	ck_assert_str_eq(asked(1)->method, "POST");
	ck_assert_uint_eq(asked(1)->flags, 0); /* never repeated unasked */
	body = body_of(1);
	ck_assert_str_eq(dro_json_text(body, "label"), label);
	ck_assert_str_eq(dro_json_text(body, "region"), "eu-west");
	ck_assert_str_eq(dro_json_text(body, "type"), "g6-standard-4");
	ck_assert_str_eq(dro_json_text(body, "image"), "private/15");
	ck_assert_uint_ge(strlen(dro_json_text(body, "root_pass")), 40);
	ck_assert_str_eq(dro_json_text(cJSON_GetObjectItem(body, "metadata"), "user_data"), "e30=");
	tags = cJSON_GetObjectItem(body, "tags");
	ck_assert_str_eq(cJSON_GetArrayItem(tags, 0)->valuestring, "drorch:service=memphis");
	ck_assert_uint_eq(strlen(cJSON_GetArrayItem(tags, 1)->valuestring), 50);
	ck_assert_int_eq(strncmp(cJSON_GetArrayItem(tags, 1)->valuestring,
				 "drorch:run=a-very-long-value-that-doe", 37),
		0);
	cJSON_Delete(body);
}
END_TEST

START_TEST(looks_before_it_creates)
{
	struct dro_instance_spec spec = spec_of(2);
	char label[80], page[2048];
	cJSON *body;

	/* The first ask is only for the label. */
	scripted_answer(scripted, 500, "{}", NULL);
	ck_assert_int_eq(create(&spec), DRO_EAGAIN);
	label_asked(label, sizeof(label));
	/* Number 2 is there; a label that only begins like ours is another's. */
	snprintf(page, sizeof(page),
		"{\"data\":[{\"id\":5,\"label\":\"%s-2\",\"region\":\"eu-west\","
		"\"status\":\"running\"},{\"id\":6,\"label\":\"%s-20\",\"region\":\"eu-west\"}],"
		"\"page\":1,\"pages\":1}",
		label, label);
	scripted_answer(scripted, 200, page, NULL);
	scripted_answer(scripted, 200, INSTANCE("9", "l", "provisioning"), NULL);
	ck_assert_int_eq(create(&spec), 0);
	ck_assert_uint_eq(scripted_count(scripted), 3);
	ck_assert_int_eq(strncmp(seen, "5 ", 2), 0);
	body = body_of(2);
	ck_assert_int_eq(strncmp(dro_json_text(body, "label"), label, strlen(label)), 0);
	ck_assert_str_eq(dro_json_text(body, "label") + strlen(label), "-1");
	cJSON_Delete(body);
	/* In another region it is not what was asked for. */
	snprintf(page, sizeof(page),
		"{\"data\":[{\"id\":5,\"label\":\"%s-2\",\"region\":\"us-east\","
		"\"status\":\"running\"}],\"page\":1,\"pages\":1}",
		label);
	scripted_answer(scripted, 200, page, NULL);
	ck_assert_int_eq(create(&spec), DRO_ECONFLICT);
}
END_TEST

/* The ways in which an answer gets lost after the instance was made. */
START_TEST(finds_what_a_lost_answer_made)
{
	static const struct {
		int status; /* 0: no answer at all */
		const char *body;
	} rows[] = {
		{0, ""},
		{502, "<html>bad gateway</html>"},
		{200, "{\"id\":"},
		{400, ERRORS("label", "Label must be unique among your linodes")},
	};
	struct dro_instance_spec spec = spec_of(1);
	char label[80], page[1024];
	size_t i;

	scripted_answer(scripted, 500, "{}", NULL);
	ck_assert_int_eq(create(&spec), DRO_EAGAIN);
	label_asked(label, sizeof(label));
	snprintf(page, sizeof(page),
		"{\"data\":[{\"id\":5,\"label\":\"%s\",\"region\":\"eu-west\","
		"\"status\":\"running\"}],\"page\":1,\"pages\":1}",
		label);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t before = scripted_count(scripted);

		scripted_answer(scripted, 200, NONE, NULL);
		if (rows[i].status)
			scripted_answer(scripted, rows[i].status, rows[i].body, NULL);
		else
			scripted_no_answer(scripted, DRO_ETIMEDOUT);
		scripted_answer(scripted, 200, page, NULL);
		seen[0] = '\0';
		ck_assert_msg(create(&spec) == 0, "row %zu: %s", i, err.message);
		ck_assert_int_eq(strncmp(seen, "5 ", 2), 0);
		/* One look, one create, one look: no second create. */
		ck_assert_uint_eq(scripted_count(scripted) - before, 3);
		ck_assert_str_eq(asked(before + 2)->method, "GET");
	}
	/* It may come later: that is for the caller to ask again, with the same key. */
	scripted_answer(scripted, 200, NONE, NULL);
	scripted_no_answer(scripted, DRO_ETIMEDOUT);
	scripted_answer(scripted, 200, NONE, NULL);
	ck_assert_int_eq(create(&spec), DRO_ETIMEDOUT);
}
END_TEST

START_TEST(maps_refusals)
{
	static const struct {
		int status;
		const char *body;
		int code;
		const char *word;
	} rows[] = {
		{400, ERRORS("type", "A valid plan type by that ID was not found"), DRO_EINVAL,
			"type"},
		{400, "{\"errors\":[{\"reason\":\"Linode busy.\"}]}", DRO_EAGAIN, ""},
		{400, "{\"errors\":[{\"field\":null,\"reason\":\"Account Limit reached.\"}]}",
			DRO_EQUOTA, ""},
		{403, "{\"errors\":[{\"reason\":\"Unauthorized\"}]}", DRO_EAUTH, ""},
		{429, "{\"errors\":[{\"reason\":\"Too many requests\"}]}", DRO_EAGAIN, ""},
	};
	struct dro_instance_spec spec = spec_of(1);
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scripted_answer(scripted, 200, NONE, NULL);
		scripted_answer(scripted, rows[i].status, rows[i].body, "retry-after", "15", NULL);
		ck_assert_int_eq(create(&spec), rows[i].code);
		ck_assert_str_eq(err.provider_code, rows[i].word);
		ck_assert_int_eq(err.http_status, rows[i].status);
		ck_assert_uint_eq(err.retry_after_ms, 15000);
	}
}
END_TEST

START_TEST(refuses_bad_specs)
{
	static const struct dro_pair option = {"subnet", "x"};
	static char big[60000];
	struct dro_instance_spec spec = spec_of(0);

	ck_assert_int_eq(create(&spec), DRO_EINVAL);
	spec = spec_of(1);
	spec.region = "";
	ck_assert_int_eq(create(&spec), DRO_EINVAL);
	spec = spec_of(1);
	spec.options = &option;
	spec.option_count = 1;
	ck_assert_int_eq(create(&spec), DRO_EINVAL);
	spec = spec_of(1);
	spec.user_data = big;
	spec.user_data_length = sizeof(big);
	ck_assert_int_eq(create(&spec), DRO_EINVAL);
	spec = spec_of(1);
	call.idem_key = NULL;
	ck_assert_int_eq(create(&spec), DRO_EINVAL);
	ck_assert_uint_eq(scripted_count(scripted), 0);
}
END_TEST

START_TEST(powers)
{
	const char *ids[] = {"1", "2"};

	scripted_answer(scripted, 200, "{}", NULL);
	scripted_answer(scripted, 400, ERRORS("", "Linode 2 already booted."), NULL);
	scripted_answer(scripted, 200, INSTANCE("2", "b", "running"), NULL);
	ck_assert_int_eq(
		compute->power_instances(account, "eu-west", ids, 2, DRO_POWER_START, &call, &err),
		0);
	ck_assert_str_eq(asked(0)->path, "/v4/linode/instances/1/boot");
	ck_assert_str_eq(asked(0)->method, "POST");
	/* A lost answer: the state tells; and one that refuses does not hold up the other. */
	scripted_no_answer(scripted, DRO_ETIMEDOUT);
	scripted_answer(scripted, 200, INSTANCE("1", "a", "running"), NULL);
	scripted_answer(scripted, 200, "{}", NULL);
	ck_assert_int_eq(compute->power_instances(
				 account, "eu-west", ids, 2, DRO_POWER_FORCE_STOP, &call, &err),
		DRO_ETIMEDOUT);
	ck_assert_str_eq(asked(3)->path, "/v4/linode/instances/1/shutdown");
	ck_assert_str_eq(asked(5)->path, "/v4/linode/instances/2/shutdown");
}
END_TEST

START_TEST(terminates)
{
	const char *ids[] = {"1", "2", "3"};

	scripted_answer(scripted, 404, "{\"errors\":[{\"reason\":\"Not found\"}]}", NULL);
	scripted_answer(scripted, 400, "{\"errors\":[{\"reason\":\"Linode busy.\"}]}", NULL);
	scripted_answer(scripted, 200, "{}", NULL);
	ck_assert_int_eq(
		compute->terminate_instances(account, "eu-west", ids, 3, &call, &err), DRO_EAGAIN);
	ck_assert_uint_eq(scripted_count(scripted), 3);
	ck_assert_str_eq(asked(2)->method, "DELETE");
	scripted_answer(scripted, 404, "{}", NULL);
	ck_assert_int_eq(compute->terminate_instances(account, "eu-west", ids, 1, &call, &err), 0);
}
END_TEST

START_TEST(checks_capacity)
{
	static const char *const region = "{\"status\":\"ok\",\"capabilities\":[\"Metadata\"]}";
	struct dro_instance_spec spec = spec_of(1);

	scripted_answer(scripted, 200, region, NULL);
	scripted_answer(scripted, 200,
		"[{\"plan\":\"g6-standard-4\",\"region\":\"eu-west\",\"available\":true}]", NULL);
	scripted_answer(scripted, 200, IMAGE("private/15", "available", ""), NULL);
	ck_assert_int_eq(compute->check_capacity(account, &spec, &call, &err), 0);
	ck_assert_str_eq(asked(1)->path, "/v4/regions/eu-west/availability");
	ck_assert_str_eq(asked(2)->path, "/v4/images/private%2F15");
	scripted_answer(scripted, 200, region, NULL);
	scripted_answer(scripted, 200,
		"[{\"plan\":\"g6-standard-4\",\"region\":\"eu-west\",\"available\":false}]", NULL);
	ck_assert_int_eq(compute->check_capacity(account, &spec, &call, &err), DRO_EQUOTA);
	scripted_answer(scripted, 200, "{\"status\":\"outage\"}", NULL);
	ck_assert_int_eq(compute->check_capacity(account, &spec, &call, &err), DRO_EQUOTA);
	scripted_answer(scripted, 200, "{\"status\":\"ok\",\"capabilities\":[]}", NULL);
	ck_assert_int_eq(compute->check_capacity(account, &spec, &call, &err), DRO_EUNSUPPORTED);
}
END_TEST

START_TEST(lists_images)
{
	struct dro_image_query query = {
		.size = sizeof(query), .region = "us-east", .name = "private/memphis-site"};

	/* The one that is stored in the region hides the one that is not. */
	scripted_answer(scripted, 200,
		PAGE(IMAGE("private/1", "available", IN("eu-west", "available")) "," IMAGE(
			"private/2", "available",
			IN("eu-west", "available") "," IN("us-east", "replicating"))),
		NULL);
	ck_assert_int_eq(compute->list_images(account, &query, see_image, NULL, &call, &err), 0);
	ck_assert_str_eq(seen, "private/2 memphis-site 1 us-east\n");
	ck_assert_str_eq(scripted_header(scripted, 0, "x-filter"),
		"{\"is_public\":false,\"label\":\"memphis-site\"}");
	scripted_answer(scripted, 200,
		PAGE(IMAGE("private/1", "available", IN("eu-west", "available"))), NULL);
	seen[0] = '\0';
	ck_assert_int_eq(compute->list_images(account, &query, see_image, NULL, &call, &err), 0);
	ck_assert_str_eq(seen, "private/1 memphis-site 2 eu-west\n");
	query.name = "private/1";
	scripted_answer(scripted, 200, IMAGE("private/1", "available", ""), NULL);
	seen[0] = '\0';
	ck_assert_int_eq(compute->list_images(account, &query, see_image, NULL, &call, &err), 0);
	ck_assert_str_eq(seen, "private/1 memphis-site 2 us-east\n");
}
END_TEST

START_TEST(makes_images)
{
	struct dro_image_spec spec = {.size = sizeof(spec),
		.no_reboot = 1,
		.name = "memphis-site",
		.region = "eu-west",
		.source = "7",
		.source_region = ""};
	cJSON *body;

	scripted_answer(scripted, 200, NONE, NULL);
	scripted_answer(scripted, 200, INSTANCE("7", "a", "running"), NULL);
	scripted_answer(scripted, 200,
		PAGE("{\"id\":71,\"filesystem\":\"swap\",\"size\":99999},"
		     "{\"id\":72,\"filesystem\":\"ext4\",\"size\":5000}"),
		NULL);
	scripted_answer(scripted, 200, IMAGE("private/3", "creating", ""), NULL);
	ck_assert_int_eq(compute->create_image(account, &spec, see_image, NULL, &call, &err), 0);
	ck_assert_str_eq(seen, "private/3 memphis-site 1 \n");
	body = body_of(3);
	ck_assert_int_eq(cJSON_GetObjectItem(body, "disk_id")->valueint, 72);
	ck_assert_str_eq(cJSON_GetArrayItem(cJSON_GetObjectItem(body, "tags"), 0)->valuestring,
		"drorch:request=run-7-launch-web");
	cJSON_Delete(body);
	/* A repeat finds it, and makes no other. */
	scripted_answer(scripted, 200, PAGE(IMAGE("private/3", "available", "")), NULL);
	ck_assert_int_eq(compute->create_image(account, &spec, see_image, NULL, &call, &err), 0);
	ck_assert_uint_eq(scripted_count(scripted), 5);
	/* A clean image is of an instance that is off. */
	spec.no_reboot = 0;
	scripted_answer(scripted, 200, NONE, NULL);
	scripted_answer(scripted, 200, INSTANCE("7", "a", "running"), NULL);
	ck_assert_int_eq(
		compute->create_image(account, &spec, see_image, NULL, &call, &err), DRO_ECONFLICT);
}
END_TEST

START_TEST(replicates_and_deletes_images)
{
	struct dro_image_spec spec = {.size = sizeof(spec),
		.name = "memphis-site",
		.region = "us-east",
		.source = "private/3",
		.source_region = "eu-west"};
	static const char *const both = IMAGE("private/3", "available",
		IN("eu-west", "available") "," IN("us-east", "pending replication"));

	scripted_answer(
		scripted, 200, IMAGE("private/3", "available", IN("eu-west", "available")), NULL);
	scripted_answer(scripted, 200, both, NULL);
	ck_assert_int_eq(compute->copy_image(account, &spec, see_image, NULL, &call, &err), 0);
	ck_assert_str_eq(seen, "private/3 memphis-site 1 us-east\n");
	ck_assert_str_eq(asked(1)->path, "/v4/images/private%2F3/regions");
	ck_assert_str_eq(asked(1)->body, "{\"regions\":[\"eu-west\",\"us-east\"]}");
	scripted_answer(scripted, 200, both, NULL); /* a repeat only looks */
	ck_assert_int_eq(compute->copy_image(account, &spec, see_image, NULL, &call, &err), 0);
	/* Of two regions one goes; of one, the image. */
	scripted_answer(scripted, 200, both, NULL);
	scripted_answer(scripted, 200, "{}", NULL);
	ck_assert_int_eq(compute->delete_image(account, "us-east", "private/3", &call, &err), 0);
	ck_assert_str_eq(asked(4)->body, "{\"regions\":[\"eu-west\"]}");
	scripted_answer(
		scripted, 200, IMAGE("private/3", "available", IN("eu-west", "available")), NULL);
	scripted_answer(scripted, 200, "{}", NULL);
	ck_assert_int_eq(compute->delete_image(account, "eu-west", "private/3", &call, &err), 0);
	ck_assert_str_eq(asked(6)->method, "DELETE");
	scripted_answer(scripted, 404, "{}", NULL);
	ck_assert_int_eq(compute->delete_image(account, "eu-west", "private/3", &call, &err), 0);
	ck_assert_int_eq(compute->delete_image(account, "eu-west", "linode/debian12", &call, &err),
		DRO_EINVAL);
}
END_TEST

START_TEST(polls)
{
	const struct dro_async *async = scripted_provider(scripted)->async;
	static const struct {
		const char *operation, *body;
		uint32_t state;
	} rows[] = {
		{"event/4", "{\"status\":\"started\"}", DRO_OPERATION_PENDING},
		{"event/4", "{\"status\":\"finished\"}", DRO_OPERATION_DONE},
		{"event/4", "{\"status\":\"failed\"}", DRO_OPERATION_FAILED},
		{"linode/4", "{\"status\":\"booting\"}", DRO_OPERATION_PENDING},
		{"linode/4", "{\"status\":\"running\"}", DRO_OPERATION_DONE},
		{"image/private/3@us-east",
			IMAGE("private/3", "available", IN("us-east", "replicating")),
			DRO_OPERATION_PENDING},
		{"image/private/3", IMAGE("private/3", "available", ""), DRO_OPERATION_DONE},
	};
	uint32_t state = 99;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scripted_answer(scripted, 200, rows[i].body, NULL);
		ck_assert_int_eq(async->poll(account, rows[i].operation, &state, &call, &err), 0);
		ck_assert_uint_eq(state, rows[i].state);
	}
	ck_assert_str_eq(asked(0)->path, "/v4/account/events/4");
	ck_assert_int_eq(async->poll(account, "zone/4", &state, &call, &err), DRO_EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("linode");
	TCase *tcase = tcase_create("linode");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, probes);
	tcase_add_test(tcase, lists_by_tags_and_pages);
	tcase_add_test(tcase, guards_the_pages);
	tcase_add_test(tcase, knows_the_states);
	tcase_add_test(tcase, creates_one);
	tcase_add_test(tcase, looks_before_it_creates);
	tcase_add_test(tcase, finds_what_a_lost_answer_made);
	tcase_add_test(tcase, maps_refusals);
	tcase_add_test(tcase, refuses_bad_specs);
	tcase_add_test(tcase, powers);
	tcase_add_test(tcase, terminates);
	tcase_add_test(tcase, checks_capacity);
	tcase_add_test(tcase, lists_images);
	tcase_add_test(tcase, makes_images);
	tcase_add_test(tcase, replicates_and_deletes_images);
	tcase_add_test(tcase, polls);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
