/*
 * The linode plugin through the program's own layers and HTTP against a running lab: labels that
 * are taken, tags, filters, states that pend, lost answers.
 *
 * With DRORCH_TEST_PROXY=PORT:FILE it asks at that port instead, where somebody listens in, and
 * writes the lab's own port into the file.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/http.h"
#include "plugins/aws_lab.h"
#include "plugins/linode_live.h"
#include "provider/provider.h"

static struct dro_net *net;
static struct dro_registry *registry;
static struct dro_provider *provider;
static struct dro_error err;
static char endpoint[64], image[64];

/* ---- the lab -------------------------------------------------------------------------------- */

static void choose_endpoint(void)
{
	const char *proxy = getenv("DRORCH_TEST_PROXY");
	char number[16];

	snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d",
		proxy ? (int)strtol(proxy, NULL, 10) : lab_port);
	if (!proxy)
		return;
	snprintf(number, sizeof(number), "%d", lab_port);
	ck_assert_int_eq(
		dro_file_write(strchr(proxy, ':') + 1, number, strlen(number), 0600, &err), 0);
}

/* An image whose machine does nothing, for as long as it lives. */
static void add_image(void)
{
	static const char boot[] = "#!/bin/sh\nexec sleep 1000\n";
	const char *words[] = {"image", "add", NULL, "--name", "idle", "--region", "eu-west",
		"--vendor", "linode", NULL};
	struct dro_buf out = DRO_BUF_INIT(1024);
	char folder[128], path[160];

	snprintf(folder, sizeof(folder), "%s/idle", lab_state);
	snprintf(path, sizeof(path), "%s/boot", folder);
	if (mkdir(folder, 0700) == 0)
		ck_assert_int_eq(dro_file_write(path, boot, sizeof(boot) - 1, 0755, NULL), 0);
	words[2] = folder;
	ck_assert_int_eq(lab(&out, words), 0);
	snprintf(image, sizeof(image), "%.*s", (int)strcspn(dro_buf_str(&out), "\n"),
		dro_buf_str(&out));
	dro_buf_free(&out);
}

static void setup(void)
{
	struct dro_registry_config config = {.plugin_dir = TEST_BUILD_DIR "/plugins"};

	err = (struct dro_error)DRO_ERROR_INIT;
	choose_endpoint();
	add_image();
	LAB_DO("linode", "limits", "off");
	ck_assert_int_eq(dro_net_new(&net, NULL, &err), 0);
	config.net = net;
	ck_assert_int_eq(dro_registry_new(&registry, &config, &err), 0);
	provider = linode_open(registry, endpoint);
}

static void teardown(void)
{
	LAB_DO("fault", "clear");
	LAB_DO("linode", "quota", "20");
	dro_provider_close(provider);
	dro_registry_free(registry);
	dro_net_free(net);
}

/* ---- calls ---------------------------------------------------------------------------------- */

static struct dro_call a_call(const char *key)
{
	return (struct dro_call){.size = sizeof(struct dro_call),
		.deadline_ms = dro_now_ms() + 30000,
		.idem_key = key};
}

static struct dro_instance_spec spec_of(const char *name, const struct dro_pair *tag)
{
	return (struct dro_instance_spec){.size = sizeof(struct dro_instance_spec),
		.count = 1,
		.name = name,
		.region = "eu-west",
		.type = "g6-standard-1",
		.image = image,
		.user_data = "{\"hello\":1}",
		.user_data_length = 11,
		.tags = tag,
		.tag_count = tag ? 1 : 0};
}

static int create(
	const struct dro_instance_spec *spec, const char *key, struct dro_instance_list *made)
{
	struct dro_call call = a_call(key);

	return dro_provider_create_instances(provider, spec, made, &call, &err);
}

static int list(const struct dro_pair *tag, struct dro_instance_list *out)
{
	struct dro_instance_query query = {
		.size = sizeof(query), .region = "eu-west", .tags = tag, .tag_count = tag ? 1 : 0};
	struct dro_call call = a_call(NULL);

	return dro_provider_list_instances(provider, &query, out, &call, &err);
}

/* The state of that instance; TERMINATED where it is gone. */
static uint32_t state_of(const char *id)
{
	struct dro_instance_query query = {.size = sizeof(query), .ids = &id, .id_count = 1};
	struct dro_instance_list found = {0};
	struct dro_call call = a_call(NULL);
	uint32_t state = DRO_INSTANCE_TERMINATED;

	if (dro_provider_list_instances(provider, &query, &found, &call, &err) == 0)
		state = found.items[0]->state;
	else
		ck_assert_int_eq(err.code, DRO_ENOTFOUND);
	dro_instance_list_free(&found);
	return state;
}

static void wait_for(const char *id, uint32_t state)
{
	uint64_t end = dro_now_ms() + 20000;
	struct timespec pause = {0, 20000000};

	while (state_of(id) != state && dro_now_ms() < end)
		nanosleep(&pause, NULL);
	ck_assert_uint_eq(state_of(id), state);
}

static void terminate(const char *id)
{
	struct dro_call call = a_call("end");

	ck_assert_msg(
		dro_provider_terminate_instances(provider, "eu-west", &id, 1, &call, &err) == 0,
		"%s", err.message);
}

/* ---- tests ---------------------------------------------------------------------------------- */

START_TEST(probes)
{
	struct dro_call call = a_call(NULL);
	char identity[64];

	ck_assert_msg(dro_provider_probe(provider, identity, sizeof(identity), &call, &err) == 0,
		"%s", err.message);
	ck_assert_str_eq(identity, "user lab, Object Storage in eu-west");
}
END_TEST

START_TEST(an_instance_lives_and_ends)
{
	const struct dro_pair tag = {"drorch:service", "life"};
	struct dro_instance_spec spec = spec_of("life", &tag);
	struct dro_instance_list made = {0}, found = {0};
	struct dro_call call = a_call("life-1");
	const char *id;

	ck_assert_msg(
		dro_provider_check_capacity(provider, &spec, &call, &err) == 0, "%s", err.message);
	ck_assert_msg(create(&spec, "life-1", &made) == 0, "%s", err.message);
	ck_assert_uint_eq(made.count, 1);
	id = made.items[0]->id;
	wait_for(id, DRO_INSTANCE_RUNNING);
	ck_assert_int_eq(list(&tag, &found), 0);
	ck_assert_uint_eq(found.count, 1);
	ck_assert_str_eq(found.items[0]->id, id);
	ck_assert_str_eq(found.items[0]->tags[0].value, "life");
	ck_assert_int_gt(found.items[0]->created_ms, dro_wall_ms() - 60000);
	ck_assert_int_eq(dro_provider_power_instances(
				 provider, "eu-west", &id, 1, DRO_POWER_FORCE_STOP, &call, &err),
		0);
	wait_for(id, DRO_INSTANCE_STOPPED);
	ck_assert_int_eq(dro_provider_power_instances(
				 provider, "eu-west", &id, 1, DRO_POWER_START, &call, &err),
		0);
	wait_for(id, DRO_INSTANCE_RUNNING);
	ck_assert_int_eq(dro_provider_power_instances(/* it runs already */
				 provider, "eu-west", &id, 1, DRO_POWER_START, &call, &err),
		0);
	terminate(id);
	wait_for(id, DRO_INSTANCE_TERMINATED);
	terminate(id);
	dro_instance_list_free(&found);
	dro_instance_list_free(&made);
}
END_TEST

START_TEST(a_lost_answer_makes_one_instance)
{
	const struct dro_pair tag = {"drorch:service", "lost"};
	struct dro_instance_spec spec = spec_of("lost", &tag);
	struct dro_instance_list made = {0}, again = {0}, found = {0};
	int creates = lab_calls("CreateInstance");

	LAB_DO("fault", "add", "drop", "--operation", "CreateInstance", "--count", "1");
	ck_assert_msg(create(&spec, "lost-1", &made) == 0, "%s", err.message);
	ck_assert_uint_eq(made.count, 1);
	ck_assert_int_eq(lab_calls("CreateInstance") - creates, 1);
	/* A list that lags hides what was made: the label is refused, and then looked up. */
	LAB_DO("fault", "add", "lag", "--operation", "ListInstances", "--ms", "60000", "--count",
		"1");
	ck_assert_msg(create(&spec, "lost-1", &again) == 0, "%s", err.message);
	ck_assert_int_eq(lab_calls("CreateInstance") - creates, 2);
	ck_assert_uint_eq(again.count, 1);
	ck_assert_str_eq(again.items[0]->id, made.items[0]->id);
	ck_assert_int_eq(list(&tag, &found), 0);
	ck_assert_uint_eq(found.count, 1);
	terminate(made.items[0]->id);
	dro_instance_list_free(&found);
	dro_instance_list_free(&again);
	dro_instance_list_free(&made);
}
END_TEST

START_TEST(several_are_completed)
{
	const struct dro_pair tag = {"drorch:service", "three"};
	struct dro_instance_spec spec = spec_of("three", &tag);
	struct dro_instance_list first = {0}, made = {0}, found = {0};
	size_t i;

	spec.count = 3;
	LAB_DO("linode", "quota", "2");
	ck_assert_int_eq(create(&spec, "three-1", &first), DRO_EQUOTA);
	LAB_DO("linode", "quota", "20");
	ck_assert_msg(create(&spec, "three-1", &made) == 0, "%s", err.message);
	ck_assert_uint_eq(made.count, 3);
	ck_assert_int_eq(list(&tag, &found), 0);
	ck_assert_uint_eq(found.count, 3);
	for (i = 0; i < found.count; i++)
		terminate(found.items[i]->id);
	dro_instance_list_free(&found);
	dro_instance_list_free(&made);
	dro_instance_list_free(&first);
}
END_TEST

START_TEST(capacity_is_looked_at)
{
	struct dro_instance_spec spec = spec_of("short", NULL);
	struct dro_call call = a_call("short");

	LAB_DO("linode", "plan", "eu-west", "g6-standard-1", "off");
	ck_assert_int_eq(dro_provider_check_capacity(provider, &spec, &call, &err), DRO_EQUOTA);
	LAB_DO("linode", "plan", "eu-west", "g6-standard-1", "on");
	spec.region = "nowhere";
	ck_assert_int_eq(dro_provider_check_capacity(provider, &spec, &call, &err), DRO_ENOTFOUND);
}
END_TEST

START_TEST(faults_have_their_codes)
{
	struct dro_instance_list none = {0};

	LAB_DO("linode", "limits", "on");
	LAB_DO("fault", "add", "status", "--vendor", "linode", "--status", "403", "--count", "1");
	ck_assert_int_eq(list(NULL, &none), DRO_EAUTH);
	LAB_DO("linode", "limits", "off");
	dro_instance_list_free(&none);
}
END_TEST

static uint32_t image_state(const char *region, const char *name, size_t *count)
{
	struct dro_image_query query = {.size = sizeof(query), .region = region, .name = name};
	struct dro_image_list found = {0};
	struct dro_call call = a_call(NULL);
	uint32_t state = DRO_IMAGE_GONE;
	size_t i;

	ck_assert_msg(dro_provider_list_images(provider, &query, &found, &call, &err) == 0, "%s",
		err.message);
	*count = found.count;
	for (i = 0; i < found.count; i++)
		if (strcmp(found.items[i]->region, region) == 0)
			state = found.items[i]->state;
	dro_image_list_free(&found);
	return state;
}

static void wait_image(const char *region, const char *name, uint32_t state)
{
	uint64_t end = dro_now_ms() + 20000;
	struct timespec pause = {0, 20000000};
	size_t count;

	while (image_state(region, name, &count) != state && dro_now_ms() < end)
		nanosleep(&pause, NULL);
	ck_assert_uint_eq(image_state(region, name, &count), state);
}

START_TEST(an_image_is_made_copied_and_deleted)
{
	struct dro_instance_spec spec = spec_of("golden", NULL);
	struct dro_instance_list made = {0};
	struct dro_image_list images = {0}, again = {0}, copies = {0};
	struct dro_image_spec wanted = {
		.size = sizeof(wanted), .no_reboot = 1, .name = "golden", .region = "eu-west"};
	struct dro_call call = a_call("golden-1");
	size_t count;

	ck_assert_msg(create(&spec, "golden-1", &made) == 0, "%s", err.message);
	wait_for(made.items[0]->id, DRO_INSTANCE_RUNNING);
	wanted.source = made.items[0]->id;
	LAB_DO("fault", "add", "drop", "--operation", "CreateImage", "--count", "1");
	ck_assert_int_eq(
		dro_provider_create_image(provider, &wanted, &images, &call, &err), DRO_ETIMEDOUT);
	ck_assert_msg(dro_provider_create_image(provider, &wanted, &again, &call, &err) == 0, "%s",
		err.message);
	wait_image("eu-west", "golden", DRO_IMAGE_AVAILABLE);
	image_state("eu-west", "golden", &count);
	ck_assert_uint_eq(count, 1);
	wanted.source = again.items[0]->id;
	wanted.region = "us-east";
	ck_assert_msg(dro_provider_copy_image(provider, &wanted, &copies, &call, &err) == 0, "%s",
		err.message);
	wait_image("us-east", "golden", DRO_IMAGE_AVAILABLE);
	ck_assert_msg(
		dro_provider_delete_image(provider, "us-east", wanted.source, &call, &err) == 0,
		"%s", err.message);
	ck_assert_uint_eq(image_state("us-east", "golden", &count), DRO_IMAGE_GONE);
	ck_assert_uint_eq(count, 1); /* it is in eu-west still */
	ck_assert_int_eq(
		dro_provider_delete_image(provider, "eu-west", wanted.source, &call, &err), 0);
	image_state("eu-west", "golden", &count);
	ck_assert_uint_eq(count, 0);
	terminate(made.items[0]->id);
	dro_image_list_free(&copies);
	dro_image_list_free(&again);
	dro_image_list_free(&images);
	dro_instance_list_free(&made);
}
END_TEST

static const char *type_of(const char *id)
{
	static char type[64];
	struct dro_instance_query query = {.size = sizeof(query), .ids = &id, .id_count = 1};
	struct dro_instance_list found = {0};
	struct dro_call call = a_call(NULL);

	ck_assert_int_eq(dro_provider_list_instances(provider, &query, &found, &call, &err), 0);
	snprintf(type, sizeof(type), "%s", found.items[0]->type);
	dro_instance_list_free(&found);
	return type;
}

static int resize(const char *id, const char *type)
{
	struct dro_call call = a_call("resize-1");

	return dro_provider_resize_instance(provider, "eu-west", id, type, &call, &err);
}

/* The tags of one instance, in one line. */
static const char *tags_of(const char *id)
{
	static char text[400];
	struct dro_instance_query query = {.size = sizeof(query), .ids = &id, .id_count = 1};
	struct dro_instance_list found = {0};
	struct dro_call call = a_call(NULL);
	size_t i;

	ck_assert_int_eq(dro_provider_list_instances(provider, &query, &found, &call, &err), 0);
	text[0] = '\0';
	for (i = 0; i < found.items[0]->tag_count; i++) {
		const struct dro_pair *tag = &found.items[0]->tags[i];

		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%s ", tag->name,
			*tag->value ? "=" : "", tag->value);
	}
	dro_instance_list_free(&found);
	return text;
}

START_TEST(marks_on_what_is_there)
{
	const struct dro_pair own[] = {{"plain", "tag"}, {"drorch:service", "other"}, {"a", "b"}};
	const struct dro_pair marked[] = {{"drorch:service", "adopted"}, {"drorch:site", "main"}};
	struct dro_instance_spec spec = spec_of("by-hand", NULL);
	struct dro_instance_marks marks = {
		.region = "eu-west", .tags = marked, .tag_count = 2, .id_count = 1};
	struct dro_instance_list made = {0};
	struct dro_call call = a_call("marks-1");
	const char *id, *none = "4242", *drop[] = {"drorch:site", "absent"};
	int calls;

	spec.tags = own;
	spec.tag_count = 3;
	ck_assert_msg(create(&spec, "by-hand-1", &made) == 0, "%s", err.message);
	id = made.items[0]->id;
	marks.ids = &id;
	calls = lab_calls("UpdateInstance");
	/* Done, and the answer lost: it is seen, and not written again. */
	LAB_DO("fault", "add", "drop", "--operation", "UpdateInstance", "--count", "1");
	ck_assert_msg(
		dro_provider_mark_instances(provider, &marks, &call, &err) == 0, "%s", err.message);
	ck_assert_int_eq(dro_provider_mark_instances(provider, &marks, &call, &err), 0);
	ck_assert_int_eq(lab_calls("UpdateInstance") - calls, 1);
	ck_assert_str_eq(tags_of(id), "plain=tag a=b drorch:service=adopted drorch:site=main ");
	marks.tag_count = 0;
	marks.drop = drop;
	marks.drop_count = 2;
	ck_assert_int_eq(dro_provider_mark_instances(provider, &marks, &call, &err), 0);
	ck_assert_str_eq(tags_of(id), "plain=tag a=b drorch:service=adopted ");
	marks.ids = &none;
	ck_assert_int_eq(dro_provider_mark_instances(provider, &marks, &call, &err), DRO_ENOTFOUND);
	ck_assert_int_eq(lab_calls("UpdateInstance") - calls, 2);
	ck_assert_int_eq(
		dro_provider_terminate_instances(provider, "eu-west", &id, 1, &call, &err), 0);
	dro_instance_list_free(&made);
}
END_TEST

START_TEST(an_instance_is_resized)
{
	struct dro_instance_spec spec = spec_of("scale", NULL);
	struct dro_instance_list made = {0};
	struct dro_call call = a_call("scale-1");
	int calls = lab_calls("ResizeInstance");
	const char *id;

	ck_assert_msg(create(&spec, "scale-1", &made) == 0, "%s", err.message);
	id = made.items[0]->id;
	wait_for(id, DRO_INSTANCE_RUNNING);
	ck_assert_int_eq(resize(id, "g6-standard-4"), DRO_ECONFLICT);
	ck_assert_int_eq(dro_provider_power_instances(
				 provider, "eu-west", &id, 1, DRO_POWER_STOP, &call, &err),
		0);
	wait_for(id, DRO_INSTANCE_STOPPED);
	ck_assert_int_eq(resize(id, "g6-standard-99"), DRO_EINVAL);
	ck_assert_int_eq(resize(id, "g6-nanode-1"), DRO_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "disk"));
	ck_assert_int_eq(lab_calls("ResizeInstance") - calls, 2);
	/* Done, and the answer is lost: it is seen to be under way, and not asked for again. */
	LAB_DO("fault", "add", "drop", "--operation", "ResizeInstance", "--count", "1");
	ck_assert_msg(resize(id, "g6-standard-4") == 0, "%s", err.message);
	ck_assert_msg(resize(id, "g6-standard-4") == 0, "%s", err.message);
	wait_for(id, DRO_INSTANCE_STOPPED);
	ck_assert_str_eq(type_of(id), "g6-standard-4");
	ck_assert_int_eq(resize(id, "g6-standard-4"), 0);
	ck_assert_int_eq(lab_calls("ResizeInstance") - calls, 3);
	/* The disk is as it was: so there is a way back. */
	ck_assert_msg(resize(id, "g6-standard-1") == 0, "%s", err.message);
	wait_for(id, DRO_INSTANCE_STOPPED);
	ck_assert_str_eq(type_of(id), "g6-standard-1");
	ck_assert_int_eq(dro_provider_power_instances(
				 provider, "eu-west", &id, 1, DRO_POWER_START, &call, &err),
		0);
	wait_for(id, DRO_INSTANCE_RUNNING);
	terminate(id);
	dro_instance_list_free(&made);
}
END_TEST

START_TEST(health_is_measured)
{
	struct dro_instance_spec spec = spec_of("busy", NULL);
	struct dro_instance_list made = {0};
	struct dro_instance_health_list seen = {0};
	struct dro_call call = a_call("busy-1");
	const char *ids[2] = {NULL, "999999"};

	spec.type = "g6-standard-2"; /* two processors */
	ck_assert_msg(create(&spec, "busy-1", &made) == 0, "%s", err.message);
	ids[0] = made.items[0]->id;
	wait_for(ids[0], DRO_INSTANCE_RUNNING);
	LAB_DO("linode", "cpu", ids[0], "150");
	ck_assert_msg(
		dro_provider_instance_health(provider, "eu-west", ids, 2, &seen, &call, &err) == 0,
		"%s", err.message);
	ck_assert_uint_eq(seen.count, 1); /* there is no 999999 */
	ck_assert_str_eq(seen.items[0]->id, ids[0]);
	ck_assert_uint_eq(seen.items[0]->state, DRO_HEALTHY);
	ck_assert_str_eq(seen.items[0]->text, "running");
	ck_assert_uint_eq(seen.items[0]->cpu_permille, 750);
	ck_assert_int_gt(seen.items[0]->measured_ms, dro_wall_ms() - 60000);
	dro_instance_health_list_free(&seen);
	LAB_DO("linode", "cpu", ids[0], "off"); /* what it really uses: it sleeps */
	ck_assert_int_eq(
		dro_provider_instance_health(provider, "eu-west", ids, 1, &seen, &call, &err), 0);
	ck_assert_uint_lt(seen.items[0]->cpu_permille, 750);
	ck_assert_int_gt(seen.items[0]->measured_ms, 0);
	dro_instance_health_list_free(&seen);
	ck_assert_int_eq(dro_provider_power_instances(
				 provider, "eu-west", ids, 1, DRO_POWER_FORCE_STOP, &call, &err),
		0);
	wait_for(ids[0], DRO_INSTANCE_STOPPED);
	ck_assert_int_eq(
		dro_provider_instance_health(provider, "eu-west", ids, 1, &seen, &call, &err), 0);
	ck_assert_uint_eq(seen.items[0]->state, DRO_UNHEALTHY);
	ck_assert_int_eq(seen.items[0]->measured_ms, 0);
	dro_instance_health_list_free(&seen);
	terminate(ids[0]);
	dro_instance_list_free(&made);
}
END_TEST

START_TEST(operations_are_polled)
{
	struct dro_instance_spec spec = spec_of("poll", NULL);
	struct dro_instance_list made = {0};
	enum dro_operation_state state;
	struct dro_call call = a_call("poll-1");
	char operation[64];

	ck_assert_msg(create(&spec, "poll-1", &made) == 0, "%s", err.message);
	wait_for(made.items[0]->id, DRO_INSTANCE_RUNNING);
	snprintf(operation, sizeof(operation), "linode/%s", made.items[0]->id);
	ck_assert_int_eq(dro_provider_poll(provider, operation, &state, &call, &err), 0);
	ck_assert_int_eq(state, DRO_OPERATION_DONE);
	ck_assert_int_eq(
		dro_provider_poll(provider, "event/1", &state, &call, &err), DRO_ENOTFOUND);
	terminate(made.items[0]->id);
	dro_instance_list_free(&made);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("linode_lab");
	TCase *tcase = tcase_create("linode_lab");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 90);
	tcase_add_test(tcase, probes);
	tcase_add_test(tcase, an_instance_lives_and_ends);
	tcase_add_test(tcase, a_lost_answer_makes_one_instance);
	tcase_add_test(tcase, several_are_completed);
	tcase_add_test(tcase, capacity_is_looked_at);
	tcase_add_test(tcase, faults_have_their_codes);
	tcase_add_test(tcase, an_image_is_made_copied_and_deleted);
	tcase_add_test(tcase, marks_on_what_is_there);
	tcase_add_test(tcase, an_instance_is_resized);
	tcase_add_test(tcase, health_is_measured);
	tcase_add_test(tcase, operations_are_polled);
	suite_add_tcase(suite, tcase);
	return lab_run_suite(suite);
}
