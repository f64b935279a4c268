/* A replica's fetch of the files: the real rsync, and for ssh a script that runs what it is told to
 * on this host. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/lease.h"
#include "base/clock.h"
#include "base/file.h"

static const char ssh[] = "#!/bin/sh\n"
			  "echo \"$*\" >>DIR/asked\n"
			  "[ ! -e DIR/cut ] || { echo 'ssh: no route' >&2; exit 255; }\n"
			  "[ ! -e DIR/slow ] || sleep 20\n"
			  "while [ \"$1\" != rsync ]; do shift; done\n"
			  "exec \"$@\"\n";

static char dir[] = "/tmp/drorch-files-XXXXXX";
static char there[128], here[128], state[128], *old_path;
static struct agent_directory directory;
static struct agent_config config;
static struct agent_session session;
static struct agent_facts facts;
static const char *followed;
static struct dro_error err;

static int health(void *db, const struct agent_ask *ask, struct agent_facts *out,
	uint64_t deadline_ms, struct dro_error *error)
{
	struct agent_facts replica;

	(void)db, (void)ask, (void)deadline_ms, (void)error;
	if (!followed) {
		agent_facts_null(out, "replica");
		return 0;
	}
	agent_facts_init(&replica);
	agent_facts_text(&replica, "host", followed);
	agent_facts_put(out, "replica", &replica);
	return 0;
}

static const struct agent_driver driver = {.name = "test", .health = health};

static void put(const char *folder, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	ck_assert_int_eq(dro_file_write(path, text, strlen(text), 0644, NULL), 0);
}

static bool has(const char *folder, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void make_ssh(void)
{
	struct dro_buf text = DRO_BUF_INIT(4096);
	const char *at = ssh, *next;
	char path[4096];

	for (; (next = strstr(at, "DIR")); at = next + 3)
		dro_buf_printf(&text, "%.*s%s", (int)(next - at), at, dir);
	dro_buf_puts(&text, at);
	snprintf(path, sizeof(path), "%s/ssh", dir);
	ck_assert_int_eq(dro_file_write(path, text.data, text.length, 0755, NULL), 0);
	dro_buf_free(&text);
	old_path = strdup(getenv("PATH"));
	snprintf(path, sizeof(path), "%s:%s", dir, old_path);
	setenv("PATH", path, 1);
}

/* A verb that has begun, and ended. */
static void give_role(enum agent_role role, int64_t epoch)
{
	struct agent_lease lease;
	uint64_t soon = dro_now_ms() + 5000;

	ck_assert_int_eq(agent_lease_begin(&lease, &config, epoch, "follow", false, soon, &err), 0);
	lease.role = role;
	ck_assert_int_eq(agent_lease_end(&lease, &config, soon, &err), 0);
}

static void setup(void)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(there, sizeof(there), "%s/there", dir);
	snprintf(here, sizeof(here), "%s/it's here", dir);
	snprintf(state, sizeof(state), "%s/state", dir);
	ck_assert_int_eq(mkdir(there, 0755) + mkdir(here, 0755), 0);
	make_ssh();
	directory = (struct agent_directory){.path = here, .from = there};
	config = (struct agent_config){.service = (char *)"memphis",
		.state = state,
		.files = {.given = true,
			.directories = &directory,
			.count = 1,
			.ssh = {.user = (char *)"drorch",
				.identity = (char *)"/etc/a key",
				.known_hosts = (char *)"/etc/known",
				.port = 22}}};
	session = (struct agent_session){.config = &config, .driver = &driver};
	followed = "198.51.100.1";
	err = (struct dro_error)DRO_ERROR_INIT;
	agent_facts_init(&facts);
	give_role(AGENT_ROLE_REPLICA, 3);
}

static void teardown(void)
{
	agent_facts_fini(&facts);
	setenv("PATH", old_path, 1);
	free(old_path);
	dro_dir_remove(dir, NULL);
}

static int fetch(int64_t epoch, uint64_t ms)
{
	agent_facts_fini(&facts);
	agent_facts_init(&facts);
	return agent_files_fetch(&session, epoch, &facts, dro_now_ms() + ms, &err);
}

static int64_t number(const char *key)
{
	const cJSON *found = cJSON_GetObjectItem(facts.json, key);

	return cJSON_IsNumber(found) ? (int64_t)found->valuedouble : -1;
}

START_TEST(all_comes_and_is_counted)
{
	struct agent_facts told;
	const cJSON *files;
	char old[160];

	snprintf(old, sizeof(old), "%s.drorch-old", here);
	put(there, "one", "12345");
	put(there, "two\nlines >f 7", "123");
	put(here, "old", "gone there");
	ck_assert_msg(fetch(3, 10000) == 0, "%s", err.message);
	ck_assert(has(here, "one") && has(here, "two\nlines >f 7") && !has(here, "old"));
	ck_assert_int_eq(number("files"), 2);
	ck_assert_int_eq(number("bytes"), 8);
	ck_assert_int_eq(number("deleted"), 1);
	ck_assert(has(old, "old")); /* the first time it may be all that is left of it */
	ck_assert_int_eq(number("last_age_ms"), -1);
	put(there, "one", "other");
	put(here, "second", "gone there");
	ck_assert_msg(fetch(3, 10000) == 0, "%s", err.message);
	ck_assert_int_eq(number("files"), 1);
	ck_assert(!has(here, "second") && !has(old, "second"));
	followed = "198.51.100.2";
	put(here, "third", "gone there");
	put(there, "one", "again");
	ck_assert_msg(fetch(3, 10000) == 0, "%s", err.message);
	ck_assert(has(old, "third") && has(old, "one") && !has(here, "third"));
	followed = "198.51.100.1";
	ck_assert_msg(fetch(3, 10000) == 0, "%s", err.message);
	ck_assert_int_ge(number("last_age_ms"), 0);
	agent_facts_init(&told);
	ck_assert_int_eq(agent_files_facts(&told, &config, &err), 0);
	files = cJSON_GetObjectItem(told.json, "files");
	ck_assert_str_eq(dro_json_text(files, "from"), "198.51.100.1");
	ck_assert_int_lt(cJSON_GetObjectItem(files, "age_ms")->valuedouble, 10000);
	agent_facts_fini(&told);
}
END_TEST

/* By one key, to a known host; a run's fetches share a connection, which is one host's. */
START_TEST(ssh_is_asked_in_one_way)
{
	struct dro_buf text = DRO_BUF_INIT(65536);
	char path[256];

	ck_assert_int_eq(fetch(3, 10000), 0);
	snprintf(path, sizeof(path), "%s/asked", dir);
	ck_assert_int_eq(dro_file_read(&text, path, &err), 0);
	ck_assert_ptr_nonnull(strstr(text.data, "-i /etc/a key -l drorch"));
	ck_assert_ptr_nonnull(strstr(text.data, "ControlMaster=auto"));
	unlink(path);
	dro_buf_reset(&text);
	ck_assert_int_eq(fetch(0, 10000), 0);
	ck_assert_int_eq(dro_file_read(&text, path, &err), 0);
	ck_assert_ptr_nonnull(strstr(text.data, "ControlPath=none"));
	ck_assert_ptr_nonnull(strstr(text.data, "StrictHostKeyChecking=yes"));
	dro_buf_free(&text);
}
END_TEST

START_TEST(a_primary_fetches_nothing)
{
	struct agent_lease lease;

	put(there, "one", "1");
	ck_assert_int_eq(fetch(2, 10000), DRO_ESAFETY);
	ck_assert_ptr_nonnull(strstr(err.message, "epoch 2 is over"));
	give_role(AGENT_ROLE_PRIMARY, 4);
	ck_assert_int_eq(fetch(4, 10000), DRO_ESAFETY);
	ck_assert_int_eq(fetch(0, 10000), DRO_ESAFETY);
	give_role(AGENT_ROLE_REPLICA, 4);
	followed = NULL;
	ck_assert_int_eq(fetch(4, 10000), DRO_ECONFLICT);
	followed = "198.51.100.1";
	ck_assert_int_eq(
		agent_lease_begin(&lease, &config, 4, "promote", false, dro_now_ms() + 5000, &err),
		0);
	ck_assert_int_eq(fetch(4, 10000), DRO_ESAFETY);
	ck_assert(!has(here, "one"));
	config.files.given = false;
	ck_assert_int_eq(fetch(4, 10000), DRO_EUNSUPPORTED);
}
END_TEST

START_TEST(a_host_that_cannot_be_reached)
{
	put(dir, "cut", "");
	ck_assert_int_eq(fetch(3, 10000), DRO_EAGAIN);
	ck_assert_ptr_nonnull(strstr(err.message, "no route"));
	ck_assert_int_eq(number("files"), 0);
}
END_TEST

START_TEST(what_is_not_there_is_no_moment)
{
	directory.from = (char *)"/no/such/folder";
	ck_assert_int_eq(fetch(3, 10000), DRO_EIO);
	ck_assert_ptr_nonnull(strstr(err.message, "the files of 198.51.100.1"));
}
END_TEST

START_TEST(it_ends_in_time)
{
	uint64_t began = dro_now_ms();

	put(dir, "slow", "");
	ck_assert_int_eq(fetch(3, 1500), DRO_ETIMEDOUT);
	ck_assert_uint_lt(dro_now_ms() - began, 3000);
	ck_assert_int_eq(number("files"), 0);
}
END_TEST

static void *promote_soon(void *arg)
{
	static struct agent_lease lease;

	(void)arg;
	usleep(300000);
	agent_lease_begin(&lease, &config, 4, "promote", false, dro_now_ms() + 5000, NULL);
	return NULL;
}

/* What was on its way when this host was opened must not come over what is written here then. */
START_TEST(a_promote_ends_it)
{
	uint64_t began = dro_now_ms();
	pthread_t thread;

	put(dir, "slow", "");
	put(there, "one", "1");
	ck_assert_int_eq(pthread_create(&thread, NULL, promote_soon, NULL), 0);
	ck_assert_int_eq(fetch(3, 15000), DRO_EAGAIN);
	pthread_join(thread, NULL);
	ck_assert_msg(agent_files_stop(&config, dro_now_ms() + 2000, &err) == 0, "%s", err.message);
	ck_assert_uint_lt(dro_now_ms() - began, 5000);
	ck_assert(!has(here, "one"));
}
END_TEST

/* While rsync's own processes live, whoever left them, nothing is opened. */
START_TEST(a_promote_waits_for_what_is_left)
{
	char line[512];

	snprintf(line, sizeof(line),
		"flock --no-fork --nonblock %s/files.rsync sleep 30 & echo $! >%s/pid", state, dir);
	ck_assert_int_eq(system(line), 0);
	usleep(200000);
	ck_assert_int_eq(agent_files_stop(&config, dro_now_ms() + 300, &err), DRO_EAGAIN);
	ck_assert_int_eq(fetch(3, 10000), DRO_EAGAIN);
	snprintf(line, sizeof(line), "kill $(cat %s/pid)", dir);
	ck_assert_int_eq(system(line), 0);
	ck_assert_int_eq(agent_files_stop(&config, dro_now_ms() + 5000, &err), 0);
}
END_TEST

static const struct {
	const char *text, *told; /* NULL: it is well */
} files[] = {
	{"database: {kind: mariadb}\nfiles: {directories: [{path: /srv/a}, {path: /srv/b, from: "
	 "/}], "
	 "ssh: {identity: /k, known_hosts: /h}}\n",
		NULL},
	{"files: {directories: [{path: /srv/a}], ssh: {identity: /k, known_hosts: /h}}\n",
		"files need 'database'"},
	{"database: {kind: mariadb}\nfiles: {directories: [{path: /srv/a}]}\n", "ssh"},
	{"database: {kind: mariadb}\nfiles: {directories: [{path: srv}], "
	 "ssh: {identity: /k, known_hosts: /h}}\n",
		":5:30: 'path'"},
};

START_TEST(configuration)
{
	static const char top[] = "service: memphis\nstore: {plugin: aws, bucket: memphis-dr}\n"
				  "source: {kind: directory, path: /srv}\n";
	struct agent_config *read = NULL;
	char path[128], text[1024];
	int rc;

	snprintf(path, sizeof(path), "%s/agent.yaml", dir);
	snprintf(text, sizeof(text), "%s%s", top, files[_i].text);
	ck_assert_int_eq(dro_file_write(path, text, strlen(text), 0600, NULL), 0);
	rc = agent_config_load(&read, path, &err);
	if (files[_i].told) {
		ck_assert_int_eq(rc, DRO_EINVAL);
		ck_assert_msg(strstr(err.message, files[_i].told) != NULL, "%s", err.message);
		return;
	}
	ck_assert_msg(rc == 0, "%s", err.message);
	ck_assert_uint_eq(read->files.count, 2);
	ck_assert_str_eq(read->files.directories[0].from, "");
	ck_assert_str_eq(read->files.directories[1].from, "/");
	ck_assert_str_eq(read->files.ssh.user, "root");
	agent_config_free(read);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("files");
	TCase *tests = tcase_create("files");
	SRunner *runner;
	int failed;

	if (system("command -v rsync flock >/dev/null") != 0) {
		printf("skipped: rsync is not installed\n");
		return 77;
	}
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, all_comes_and_is_counted);
	tcase_add_test(tests, ssh_is_asked_in_one_way);
	tcase_add_test(tests, a_primary_fetches_nothing);
	tcase_add_test(tests, a_host_that_cannot_be_reached);
	tcase_add_test(tests, what_is_not_there_is_no_moment);
	tcase_add_test(tests, it_ends_in_time);
	tcase_add_test(tests, a_promote_ends_it);
	tcase_add_test(tests, a_promote_waits_for_what_is_left);
	tcase_add_loop_test(tests, configuration, 0, (int)(sizeof(files) / sizeof(files[0])));
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
