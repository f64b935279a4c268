/* What is kept of instances: whose they are, their names, and what others write meanwhile. */
#include "observe/known.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "drorch/provider.h"
#include "model/marks.h"

static char dir[64];
static struct dro_store *store;
static _Thread_local struct dro_error err = DRO_ERROR_INIT;
static struct dro_instance_group main_groups[] = {{.name = (char *)"web"}, {.name = (char *)"db"}};
static struct dro_instance_group tier2_groups[] = {{.name = (char *)"web"}};
static struct dro_site sites[] = {
	{.name = (char *)"main",
		.provider = (char *)"aws",
		.region = (char *)"eu-west-2",
		.groups = main_groups,
		.group_count = 2},
	{.name = (char *)"tier2",
		.provider = (char *)"aws-us",
		.region = (char *)"us-west-2",
		.groups = tier2_groups,
		.group_count = 1},
};
static const struct dro_service service = {
	.name = (char *)"memphis", .sites = sites, .site_count = 2};
#define MAIN (&sites[0])
#define TIER2 (&sites[1])

#define OK(call) ck_assert_msg((call) == 0, "%s: %s", #call, err.message)

static void setup(void)
{
	strcpy(dir, "/tmp/drorch-known-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	OK(dro_store_open(&store, dir, false, &err));
}

static void teardown(void)
{
	dro_store_close(store);
	OK(dro_dir_remove(dir, &err));
}

/* ---- instances by hand ----------------------------------------------------------------------- */

struct made {
	struct dro_instance instance;
	struct dro_pair tags[2];
};

static struct dro_instance *make(
	struct made *made, const char *id, const char *group, int64_t created_ms)
{
	made->instance = (struct dro_instance){.size = sizeof(made->instance),
		.state = DRO_INSTANCE_RUNNING,
		.id = id,
		.name = "",
		.type = "t3.large",
		.region = "",
		.public_ipv4 = "192.0.2.1",
		.private_ipv4 = "10.0.0.1",
		.tags = made->tags,
		.created_ms = created_ms};
	if (group)
		made->tags[made->instance.tag_count++] = (struct dro_pair){DRO_TAG_GROUP, group};
	return &made->instance;
}

/* "HOST=ID …" of all that is known. */
static const char *known(void)
{
	static char text[1024];
	cJSON *json = NULL;
	const cJSON *entry;

	text[0] = '\0';
	OK(dro_known_instances_get(&json, store, "memphis", &err));
	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(json, "instances"))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s=%s",
			*text ? " " : "", dro_json_text(entry, "host"), dro_json_text(entry, "id"));
	cJSON_Delete(json);
	return text;
}

static void set(const char *site, const struct dro_known_entry *entries, size_t count)
{
	const struct dro_known_scope scope = {&service, site, false, NULL};

	OK(dro_known_instances_set(store, &scope, entries, count, &err));
}

static void add(const struct dro_known_entry *entries, size_t count)
{
	const struct dro_known_scope scope = {&service, "main", true, NULL};

	OK(dro_known_instances_set(store, &scope, entries, count, &err));
}

/* ---- whose group ----------------------------------------------------------------------------- */

START_TEST(the_group_is_told_by_tag_then_name_then_by_there_being_one)
{
	struct made made;
	struct dro_instance *instance = make(&made, "i-1", "cache", 0);

	ck_assert_str_eq(dro_instance_group_name(instance, "memphis", MAIN), "cache");
	instance = make(&made, "i-1", NULL, 0);
	ck_assert_str_eq(dro_instance_group_name(instance, "memphis", MAIN), "");
	ck_assert_str_eq(dro_instance_group_name(instance, "memphis", TIER2), "web");
	instance->name = "memphis-main-db";
	ck_assert_str_eq(dro_instance_group_name(instance, "memphis", MAIN), "db");
	instance->name = "memphis-main-db2";
	ck_assert_str_eq(dro_instance_group_name(instance, "memphis", MAIN), "");
	instance->name = "memphis-main";
	ck_assert_str_eq(dro_instance_group_name(instance, "memphis", MAIN), "");
}
END_TEST

/* ---- what is kept ---------------------------------------------------------------------------- */

START_TEST(an_entry_says_what_there_is)
{
	struct made made;
	struct dro_known_entry entry = {TIER2, make(&made, "i-1", "web", 0)};
	char *text = NULL;
	const char *rest;

	set("tier2", &entry, 1);
	OK(dro_store_fact_get(store, "memphis", "instances", &text, NULL, &err));
	ck_assert_int_eq(strncmp(text, "{\"at_ms\":", 9), 0);
	ck_assert_ptr_nonnull(strstr(text, ",\"seen\":{\"tier2\":\""));
	rest = strstr(text, "},\"instances\"");
	ck_assert_ptr_nonnull(rest);
	ck_assert_str_eq(rest,
		"},\"instances\":[{\"id\":\"i-1\",\"host\":\"memphis-tier2-web-1\",\"name\":\"\","
		"\"site\":\"tier2\",\"group\":\"web\",\"provider\":\"aws-us\","
		"\"region\":\"us-west-2\",\"type\":\"t3.large\",\"public_ipv4\":\"192.0.2.1\","
		"\"private_ipv4\":\"10.0.0.1\",\"state\":\"running\"}]}");
	free(text);
}
END_TEST

START_TEST(numbers_go_by_age_and_stay_with_the_instance)
{
	struct made made[4];
	struct dro_known_entry entries[] = {{MAIN, make(&made[0], "i-c", "web", 300)},
		{MAIN, make(&made[1], "i-a", "web", 200)},
		{MAIN, make(&made[2], "i-b", "web", 100)}};
	struct dro_known_entry later[] = {{MAIN, make(&made[3], "i-0", "web", 400)},
		{MAIN, &made[0].instance}, {MAIN, &made[1].instance}};

	set("main", entries, 3);
	ck_assert_str_eq(
		known(), "memphis-main-web-1=i-b memphis-main-web-2=i-a memphis-main-web-3=i-c");
	set("main", later, 3); /* i-b went, i-0 took its number */
	ck_assert_str_eq(
		known(), "memphis-main-web-1=i-0 memphis-main-web-2=i-a memphis-main-web-3=i-c");
}
END_TEST

START_TEST(only_the_scope_is_replaced)
{
	struct made made[4];
	struct dro_known_entry all[] = {{MAIN, make(&made[0], "i-1", "web", 0)},
		{MAIN, make(&made[1], "i-2", "db", 0)}, {TIER2, make(&made[2], "i-3", "web", 0)}};
	struct dro_known_entry other = {MAIN, make(&made[3], "i-4", "db", 0)};

	set(NULL, all, 3);
	add(&other, 1);
	ck_assert_str_eq(known(), "memphis-main-db-1=i-2 memphis-main-db-2=i-4 "
				  "memphis-main-web-1=i-1 memphis-tier2-web-1=i-3");
	made[3].instance.state = DRO_INSTANCE_TERMINATED;
	add(&other, 1);
	ck_assert_str_eq(
		known(), "memphis-main-db-1=i-2 memphis-main-web-1=i-1 memphis-tier2-web-1=i-3");
	set("main", NULL, 0);
	ck_assert_str_eq(known(), "memphis-tier2-web-1=i-3");
	set(NULL, NULL, 0);
	ck_assert_str_eq(known(), "");
}
END_TEST

START_TEST(an_instance_is_known_once)
{
	struct made made[2];
	struct dro_known_entry twice[] = {
		{MAIN, make(&made[0], "i-1", "web", 0)}, {MAIN, make(&made[1], "i-1", "web", 0)}};
	struct dro_known_entry moved = {TIER2, &made[0].instance};

	set("main", twice, 2);
	ck_assert_str_eq(known(), "memphis-main-web-1=i-1");
	set("tier2", &moved, 1); /* its tags were changed: no longer main's */
	ck_assert_str_eq(known(), "memphis-tier2-web-1=i-1");
	set("main", NULL, 0);
	ck_assert_str_eq(known(), "memphis-tier2-web-1=i-1");
	set("tier2", NULL, 0);
	ck_assert_str_eq(known(), "");
}
END_TEST

START_TEST(what_is_terminated_is_not_kept)
{
	struct made made[2];
	struct dro_known_entry entries[] = {
		{MAIN, make(&made[0], "i-1", "web", 0)}, {MAIN, make(&made[1], "i-2", "web", 0)}};

	made[0].instance.state = DRO_INSTANCE_TERMINATED;
	made[1].instance.state = DRO_INSTANCE_STOPPED;
	set("main", entries, 2);
	ck_assert_str_eq(known(), "memphis-main-web-1=i-2");
}
END_TEST

START_TEST(names_of_two_groups_never_meet)
{
	struct dro_instance_group b_c = {.name = (char *)"b-c"}, c = {.name = (char *)"c"};
	struct dro_site two[] = {{.name = (char *)"a",
					 .provider = (char *)"aws",
					 .region = (char *)"r",
					 .groups = &b_c,
					 .group_count = 1},
		{.name = (char *)"a-b",
			.provider = (char *)"aws",
			.region = (char *)"r",
			.groups = &c,
			.group_count = 1}};
	struct made made[3];
	struct dro_known_entry entries[] = {{&two[0], make(&made[0], "i-1", "b-c", 0)},
		{&two[0], make(&made[1], "i-2", "z {{ x }}\n", 0)},
		{&two[1], make(&made[2], "i-3", "c", 0)}};

	set(NULL, entries, 3);
	ck_assert_str_eq(
		known(), "memphis-a-b-c-1=i-1 memphis-a-b-c-2=i-3 memphis-a-z----x-----1=i-2");
}
END_TEST

START_TEST(what_did_not_change_is_not_written)
{
	struct made made;
	struct dro_known_entry entry = {MAIN, make(&made, "i-1", "web", 0)};
	int64_t first = 0, second = 0;
	struct dro_store *other = NULL;
	uint64_t before = 0, after = 0;
	char *text = NULL;

	OK(dro_store_open(&other, dir, true, &err));
	set("main", &entry, 1);
	OK(dro_store_fact_get(store, "memphis", "instances", &text, &first, &err));
	free(text);
	OK(dro_store_version(other, &before, &err));
	set("main", &entry, 1);
	OK(dro_store_version(other, &after, &err));
	ck_assert_uint_eq(before, after);
	made.instance.state = DRO_INSTANCE_STOPPED;
	set("main", &entry, 1);
	OK(dro_store_version(other, &after, &err));
	ck_assert_uint_ne(before, after);
	OK(dro_store_fact_get(store, "memphis", "instances", &text, &second, &err));
	ck_assert_ptr_nonnull(strstr(text, "stopped"));
	ck_assert_int_ge(second, first);
	free(text);
	dro_store_close(other);
}
END_TEST

/* The same list once more is told by its hash; but not where others wrote in between. */
START_TEST(a_look_that_saw_the_same_puts_back_what_others_took)
{
	struct made made, second;
	struct dro_known_entry both[] = {
		{MAIN, make(&made, "i-1", "web", 0)}, {MAIN, make(&second, "i-2", "web", 1)}};
	const struct dro_known_scope scope = {.service = &service, .add = true};
	char *text = NULL;

	set("main", both, 2);
	set("main", both, 2);
	OK(dro_store_fact_get(store, "memphis", "instances", &text, NULL, &err));
	ck_assert_ptr_nonnull(strstr(text, "\"seen\":{\"main\":\""));
	free(text);
	second.instance.state = DRO_INSTANCE_TERMINATED; /* a run ended it */
	OK(dro_known_instances_set(store, &scope, &both[1], 1, &err));
	ck_assert_str_eq(known(), "memphis-main-web-1=i-1");
	second.instance.state = DRO_INSTANCE_RUNNING; /* and the list still has it */
	set("main", both, 2);
	ck_assert_str_eq(known(), "memphis-main-web-1=i-1 memphis-main-web-2=i-2");
}
END_TEST

START_TEST(who_lost_the_lease_writes_nothing)
{
	struct made made;
	struct dro_known_entry entry = {MAIN, make(&made, "i-1", "web", 0)};
	struct dro_lease mine, theirs;
	const struct dro_known_scope scope = {&service, "main", false, &mine};
	cJSON *json = NULL;

	OK(dro_store_lease_take(store, "memphis", "one", 1, &mine, &err));
	while (dro_wall_ms() <= mine.expires_ms)
		;
	OK(dro_store_lease_take(store, "memphis", "two", 60000, &theirs, &err));
	ck_assert_int_eq(dro_known_instances_set(store, &scope, &entry, 1, &err), DRO_EBUSY);
	ck_assert_int_eq(dro_known_instances_get(&json, store, "memphis", &err), DRO_ENOTFOUND);
}
END_TEST

START_TEST(what_is_damaged_is_written_anew)
{
	struct made made;
	struct dro_known_entry entry = {MAIN, make(&made, "i-1", "web", 0)};

	OK(dro_store_fact_set(store, "memphis", "instances", "{\"insta", &err));
	set("main", &entry, 1);
	ck_assert_str_eq(known(), "memphis-main-web-1=i-1");
}
END_TEST

/* ---- side by side ---------------------------------------------------------------------------- */

#define ROUNDS 40

/* Of the only instance of the group of main. */
static void check_state(const char *group, unsigned state)
{
	cJSON *json = NULL;
	const cJSON *entry;
	int found = 0;

	OK(dro_known_instances_get(&json, store, "memphis", &err));
	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(json, "instances"))
	{
		if (strcmp(dro_json_text(entry, "group"), group) != 0)
			continue;
		found++;
		ck_assert_str_eq(dro_json_text(entry, "state"), dro_instance_state_name(state));
	}
	ck_assert_int_eq(found, 1);
	cJSON_Delete(json);
}

static void *set_often(void *arg)
{
	const char *group = arg;
	struct made made;
	struct dro_known_entry entry = {MAIN, make(&made, group, group, 0)};
	int i;

	for (i = 1; i <= ROUNDS; i++) {
		made.instance.state = i % 2 ? DRO_INSTANCE_RUNNING : DRO_INSTANCE_STOPPED;
		add(&entry, 1);
		check_state(group, made.instance.state);
	}
	return NULL;
}

START_TEST(two_at_once_lose_nothing)
{
	pthread_t one, other;

	ck_assert_int_eq(pthread_create(&one, NULL, set_often, (void *)"web"), 0);
	ck_assert_int_eq(pthread_create(&other, NULL, set_often, (void *)"db"), 0);
	pthread_join(one, NULL);
	pthread_join(other, NULL);
	ck_assert_str_eq(known(), "memphis-main-db-1=db memphis-main-web-1=web");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("known");
	TCase *cases = tcase_create("known");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, the_group_is_told_by_tag_then_name_then_by_there_being_one);
	tcase_add_test(cases, an_entry_says_what_there_is);
	tcase_add_test(cases, numbers_go_by_age_and_stay_with_the_instance);
	tcase_add_test(cases, only_the_scope_is_replaced);
	tcase_add_test(cases, an_instance_is_known_once);
	tcase_add_test(cases, what_is_terminated_is_not_kept);
	tcase_add_test(cases, names_of_two_groups_never_meet);
	tcase_add_test(cases, what_did_not_change_is_not_written);
	tcase_add_test(cases, a_look_that_saw_the_same_puts_back_what_others_took);
	tcase_add_test(cases, who_lost_the_lease_writes_nothing);
	tcase_add_test(cases, what_is_damaged_is_written_anew);
	tcase_add_test(cases, two_at_once_lose_nothing);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
