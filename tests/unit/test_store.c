/* The store: what it promises about leases, journal, damage and full disks. */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "store/store.h"

static char dir[64], database[128];
static struct dro_store *store;
static struct dro_error err = DRO_ERROR_INIT;

#define OK(call) ck_assert_msg((call) == 0, "%s: %s", #call, err.message)
#define FAILS(code, call) ck_assert_int_eq((call), (code))

static void setup(void)
{
	strcpy(dir, "/tmp/drorch-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(rmdir(dir), 0); /* the store makes it */
	snprintf(database, sizeof(database), "%s/drorch.db", dir);
	OK(dro_store_open(&store, dir, false, &err));
}

static void teardown(void)
{
	dro_store_close(store);
	store = NULL;
	OK(dro_dir_remove(dir, &err));
}

static void take(struct dro_lease *lease)
{
	char holder[128];

	dro_store_holder(holder);
	OK(dro_store_lease_take(store, "memphis", holder, 60000, lease, &err));
}

static const char *const step_ids[] = {"launch", "switch"};

static void add_run(const struct dro_lease *lease, const char *id)
{
	const struct dro_run_row run = {.id = (char *)id,
		.service = "memphis",
		.kind = "promote",
		.mode = "failover",
		.from = "tier1",
		.to = "tier2",
		.plan = "{\"steps\":[]}"};

	OK(dro_store_run_add(store, lease, &run, step_ids, 2, &err));
}

static struct dro_step_row running(const char *id)
{
	return (struct dro_step_row){.id = (char *)id,
		.state = "running",
		.outputs = "{\"instance\":\"i-1\"}",
		.note = "starting",
		.error = "",
		.attempts = 1,
		.started_ms = 5};
}

/* Changes the database behind the store's back. */
static void edit(const char *sql)
{
	sqlite3 *db;
	char *text = NULL;

	ck_assert_int_eq(sqlite3_open(database, &db), SQLITE_OK);
	ck_assert_msg(
		sqlite3_exec(db, sql, NULL, NULL, &text) == SQLITE_OK, "%s", text ? text : "");
	sqlite3_close(db);
}

START_TEST(files_are_private)
{
	struct stat st;

	ck_assert_int_eq(stat(dir, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	ck_assert_int_eq(stat(database, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(read_only_creates_nothing)
{
	struct dro_store *other = NULL;
	char missing[128], *value = NULL;

	snprintf(missing, sizeof(missing), "%s/none", dir);
	FAILS(DRO_ENOTFOUND, dro_store_open(&other, missing, true, &err));
	ck_assert_int_ne(access(missing, F_OK), 0);

	OK(dro_store_fact_set(store, "memphis", "active-site", "tier1", &err));
	OK(dro_store_open(&other, dir, true, &err));
	OK(dro_store_fact_get(other, "memphis", "active-site", &value, NULL, &err));
	ck_assert_str_eq(value, "tier1");
	FAILS(DRO_EIO, dro_store_fact_set(other, "memphis", "active-site", "tier2", &err));
	free(value);
	dro_store_close(other);
}
END_TEST

START_TEST(a_fact_is_swapped_only_for_what_was_read)
{
	char *value = NULL;

	FAILS(DRO_ECONFLICT, dro_store_fact_swap(store, NULL, "memphis", "k", "a", "b", &err));
	OK(dro_store_fact_swap(store, NULL, "memphis", "k", NULL, "a", &err));
	FAILS(DRO_ECONFLICT, dro_store_fact_swap(store, NULL, "memphis", "k", NULL, "b", &err));
	OK(dro_store_fact_swap(store, NULL, "memphis", "k", "a", "b", &err));
	FAILS(DRO_ECONFLICT, dro_store_fact_swap(store, NULL, "memphis", "k", "a", "c", &err));
	OK(dro_store_fact_get(store, "memphis", "k", &value, NULL, &err));
	ck_assert_str_eq(value, "b");
	free(value);
}
END_TEST

START_TEST(what_is_stored_survives)
{
	int64_t before = dro_wall_ms(), changed = 0;
	char *value = NULL;

	OK(dro_store_fact_set(store, "memphis", "active-site", "tier1", &err));
	OK(dro_store_fact_set(store, "memphis", "active-site", "tier2", &err));
	dro_store_close(store);
	store = NULL;
	OK(dro_store_open(&store, dir, false, &err));
	OK(dro_store_fact_get(store, "memphis", "active-site", &value, &changed, &err));
	ck_assert_str_eq(value, "tier2");
	ck_assert_int_ge(changed, before);
	free(value);
	FAILS(DRO_ENOTFOUND, dro_store_fact_get(store, "other", "active-site", &value, NULL, &err));
}
END_TEST

/* ---- leases -------------------------------------------------------------------------------- */

START_TEST(lease_is_one_holders)
{
	struct dro_lease mine, again, other, seen;
	bool alive = false;

	FAILS(DRO_ENOTFOUND, dro_store_lease_get(store, "memphis", &seen, &alive, &err));
	take(&mine);
	ck_assert_uint_eq(mine.epoch, 1);
	take(&again);
	ck_assert_uint_eq(again.epoch, 1);
	FAILS(DRO_EBUSY, dro_store_lease_take(store, "memphis", "far:1", 60000, &other, &err));
	ck_assert_ptr_nonnull(strstr(err.message, mine.holder));
	OK(dro_store_lease_get(store, "memphis", &seen, &alive, &err));
	ck_assert(alive);
	ck_assert_str_eq(seen.holder, mine.holder);

	OK(dro_store_lease_take(store, "nashville", "far:1", 60000, &other, &err));
	OK(dro_store_lease_release(store, &mine, &err));
	FAILS(DRO_EBUSY, dro_store_lease_release(store, &mine, &err));
	OK(dro_store_lease_take(store, "memphis", "far:1", 60000, &other, &err));
	ck_assert_uint_eq(other.epoch, 2);
	FAILS(DRO_EBUSY, dro_store_lease_renew(store, &mine, 60000, &err));
	OK(dro_store_lease_renew(store, &other, 60000, &err));
}
END_TEST

START_TEST(lease_expires)
{
	struct dro_lease far, mine;
	bool alive = true;

	OK(dro_store_lease_take(store, "memphis", "far:1", -1, &far, &err));
	OK(dro_store_lease_get(store, "memphis", &far, &alive, &err));
	ck_assert(!alive);
	take(&mine);
	ck_assert_uint_eq(mine.epoch, 2);
	FAILS(DRO_EBUSY, dro_store_lease_renew(store, &far, 60000, &err));
}
END_TEST

/* A child takes the lease for an hour; then it is killed, and is a zombie until `reap`. */
static pid_t child_with_lease(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct dro_store *own;
		struct dro_lease lease;
		char holder[128];

		dro_store_holder(holder);
		if (dro_store_open(&own, dir, false, &err) < 0 ||
			dro_store_lease_take(own, "memphis", holder, 3600000, &lease, &err) < 0)
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

START_TEST(dead_holder_loses_it_at_once)
{
	struct dro_lease mine, seen;
	char holder[128];
	siginfo_t info;
	bool alive;
	pid_t pid = child_with_lease();

	dro_store_holder(holder);
	OK(dro_store_lease_get(store, "memphis", &seen, &alive, &err));
	ck_assert(alive);
	FAILS(DRO_EBUSY, dro_store_lease_take(store, "memphis", holder, 60000, &mine, &err));

	kill(pid, SIGKILL);
	if (_i == 1)
		waitpid(pid, NULL, 0);
	else /* still a zombie */
		ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	OK(dro_store_lease_get(store, "memphis", &seen, &alive, &err));
	ck_assert(!alive);
	take(&mine);
	ck_assert_uint_eq(mine.epoch, 2);
	FAILS(DRO_EBUSY, dro_store_lease_renew(store, &seen, 60000, &err));
	if (_i == 0)
		waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(reused_process_id_is_another_holder)
{
	struct dro_lease seen, mine;
	char holder[128], forged[160], host[128];
	unsigned long long start, namespace;
	char boot[32];
	int pid;

	dro_store_holder(holder);
	ck_assert_int_eq(
		sscanf(holder, "%127[^:]:%d:%llu:%llu:%31s", host, &pid, &start, &namespace, boot),
		5);
	snprintf(forged, sizeof(forged), "%s:%d:%llu:%llu:%s", host, pid, start - 1, namespace,
		boot);
	OK(dro_store_lease_take(store, "memphis", forged, 3600000, &seen, &err));
	take(&mine);
	ck_assert_uint_eq(mine.epoch, 2);
}
END_TEST

START_TEST(stale_epoch_changes_nothing)
{
	const struct dro_run_row run = {.id = "r2", .service = "memphis", .kind = "promote"};
	struct dro_step_row step = running("launch");
	struct dro_lease mine, other;
	struct dro_run_row *seen;
	char *value;

	take(&mine);
	add_run(&mine, "r1");
	OK(dro_store_lease_release(store, &mine, &err));
	OK(dro_store_lease_take(store, "memphis", "far:1", 60000, &other, &err));

	FAILS(DRO_EBUSY, dro_store_run_add(store, &mine, &run, step_ids, 2, &err));
	FAILS(DRO_EBUSY, dro_store_run_state(store, &mine, "r1", "running", NULL, &err));
	FAILS(DRO_EBUSY, dro_store_step(store, &mine, "r1", &step, "intent", "{}", &err));
	FAILS(DRO_EBUSY, dro_store_fact_commit(store, &mine, "active-site", "tier2", &err));
	FAILS(DRO_ENOTFOUND, dro_store_run_get(store, "r2", &seen, &err));
	FAILS(DRO_ENOTFOUND,
		dro_store_fact_get(store, "memphis", "active-site", &value, NULL, &err));
	OK(dro_store_run_get(store, "r1", &seen, &err));
	ck_assert_str_eq(seen->state, "planned");
	dro_run_row_free(seen);
	OK(dro_store_step(store, &other, "r1", &step, "intent", "{}", &err));
	OK(dro_store_check(store, &err));
}
END_TEST

/* ---- runs ---------------------------------------------------------------------------------- */

static int note_ids(void *arg, const struct dro_run_row *run)
{
	strcat(arg, run->id);
	strcat(arg, " ");
	ck_assert_str_eq(run->plan, "");
	return 0;
}

START_TEST(runs_come_back)
{
	struct dro_run_row *run;
	struct dro_lease lease;
	char ids[64] = "";

	take(&lease);
	add_run(&lease, "abc1");
	add_run(&lease, "abc2");
	add_run(&lease, "abc");
	OK(dro_store_run_list(store, NULL, 2, note_ids, ids, &err));
	ck_assert_str_eq(ids, "abc abc2 ");
	ids[0] = '\0';
	OK(dro_store_run_list(store, "nashville", 0, note_ids, ids, &err));
	ck_assert_str_eq(ids, "");

	OK(dro_store_run_get(store, "", &run, &err));
	ck_assert_str_eq(run->id, "abc");
	dro_run_row_free(run);
	OK(dro_store_run_get(store, "abc", &run, &err));
	ck_assert_str_eq(run->plan, "{\"steps\":[]}");
	ck_assert_str_eq(run->to, "tier2");
	ck_assert_str_eq(run->outcome, "{}");
	ck_assert_uint_eq(run->epoch, lease.epoch);
	dro_run_row_free(run);
	OK(dro_store_run_get(store, "abc2", &run, &err));
	dro_run_row_free(run);
	FAILS(DRO_EINVAL, dro_store_run_get(store, "ab", &run, &err));
	FAILS(DRO_ENOTFOUND, dro_store_run_get(store, "x", &run, &err));
	FAILS(DRO_ENOTFOUND, dro_store_run_get(store, "%", &run, &err));
}
END_TEST

START_TEST(run_state_keeps_its_times)
{
	enum dro_run_wish wish = DRO_WISH_ABORT;
	struct dro_run_row *run;
	struct dro_lease lease;

	take(&lease);
	add_run(&lease, "r1");
	OK(dro_store_run_state(store, &lease, "r1", "running", NULL, &err));
	OK(dro_store_run_get(store, "r1", &run, &err));
	ck_assert_int_gt(run->started_ms, 0);
	ck_assert_int_eq(run->ended_ms, 0);
	ck_assert_str_eq(run->outcome, "{}");
	dro_run_row_free(run);

	OK(dro_store_run_wish(store, "r1", &wish, &err));
	ck_assert_int_eq(wish, DRO_WISH_NONE);
	FAILS(DRO_ENOTFOUND, dro_store_run_wish(store, "r", &wish, &err));
	OK(dro_store_run_wish_set(store, "r", DRO_WISH_DOWNGRADE, &err));
	OK(dro_store_run_wish(store, "r1", &wish, &err));
	ck_assert_int_eq(wish, DRO_WISH_DOWNGRADE);
	OK(dro_store_run_wish_set(store, "r", DRO_WISH_ABORT, &err));
	OK(dro_store_run_wish_set(store, "r", DRO_WISH_GIVE_WAY, &err));
	OK(dro_store_run_wish(store, "r1", &wish, &err));
	ck_assert_int_eq(wish, DRO_WISH_ABORT);
	OK(dro_store_run_state(store, &lease, "r1", "aborted", "{\"why\":\"asked\"}", &err));
	OK(dro_store_run_get(store, "r1", &run, &err));
	ck_assert_int_eq(run->wish, DRO_WISH_ABORT);
	ck_assert_int_ge(run->ended_ms, run->started_ms);
	ck_assert_str_eq(run->outcome, "{\"why\":\"asked\"}");
	dro_run_row_free(run);
	FAILS(DRO_ECONFLICT, dro_store_run_wish_set(store, "r1", DRO_WISH_ABORT, &err));
	FAILS(DRO_ENOTFOUND, dro_store_run_state(store, &lease, "r9", "running", NULL, &err));
}
END_TEST

static int note_steps(void *arg, const struct dro_step_row *row)
{
	strcat(arg, row->id);
	strcat(arg, ":");
	strcat(arg, row->state);
	strcat(arg, row->outputs);
	return 0;
}

static int note_journal(void *arg, const struct dro_journal_row *row)
{
	strcat(arg, row->step);
	strcat(arg, ":");
	strcat(arg, row->event);
	strcat(arg, row->data);
	strcat(arg, " ");
	return 0;
}

START_TEST(steps_and_journal_go_together)
{
	struct dro_step_row step = running("switch");
	struct dro_lease lease;
	char text[256] = "";

	take(&lease);
	add_run(&lease, "r1");
	OK(dro_store_step(store, &lease, "r1", &step, "intent", "{\"key\":\"k\"}", &err));
	OK(dro_store_step_list(store, "r1", note_steps, text, &err));
	ck_assert_str_eq(text, "launch:pending{}switch:running{\"instance\":\"i-1\"}");
	text[0] = '\0';
	OK(dro_store_journal(store, "r1", 0, note_journal, text, &err));
	ck_assert_str_eq(text, ":state{\"state\":\"planned\"} switch:intent{\"key\":\"k\"} ");
	text[0] = '\0';
	OK(dro_store_journal(store, "r1", 1, note_journal, text, &err));
	ck_assert_str_eq(text, "switch:intent{\"key\":\"k\"} ");
	step.id = "none";
	FAILS(DRO_ENOTFOUND, dro_store_step(store, &lease, "r1", &step, "intent", "{}", &err));
}
END_TEST

static int note_event(void *arg, const struct dro_event *event)
{
	strcat(arg, event->text);
	return 0;
}

START_TEST(events_are_newest_first)
{
	char text[64] = "";

	OK(dro_store_event_add(store, "memphis", "run", "r1", "a", &err));
	OK(dro_store_event_add(store, "nashville", "spec", "", "b", &err));
	OK(dro_store_event_add(store, "memphis", "safety", "", "c", &err));
	OK(dro_store_event_list(store, NULL, 0, note_event, text, &err));
	ck_assert_str_eq(text, "cba");
	text[0] = '\0';
	OK(dro_store_event_list(store, "memphis", 1, note_event, text, &err));
	ck_assert_str_eq(text, "c");
}
END_TEST

/* ---- tampering, damage --------------------------------------------------------------------- */

static void fill(void)
{
	struct dro_step_row step = running("launch");
	struct dro_lease lease;
	int i;

	take(&lease);
	add_run(&lease, "r1");
	for (i = 0; i < 3; i++) {
		OK(dro_store_step(store, &lease, "r1", &step, "progress", "{}", &err));
		OK(dro_store_event_add(store, "memphis", "run", "r1", "text", &err));
	}
	OK(dro_store_check(store, &err));
}

static const struct {
	const char *sql, *found;
} edits[] = {
	{"UPDATE journal SET data = '{\"a\":1}' WHERE seq = 2", "journal: row 2 was changed"},
	{"UPDATE journal SET time_ms = time_ms + 1 WHERE seq = 3", "journal: row 3 was changed"},
	{"UPDATE journal SET step = 'launc', event = 'hprogress' WHERE seq = 4",
		"journal: row 4 was changed"},
	{"DELETE FROM journal WHERE seq = 2", "journal: row 2 is missing"},
	{"DELETE FROM journal WHERE seq = 4", "journal: row 4 is missing"},
	{"UPDATE events SET text = 'other' WHERE seq = 1", "events: row 1 was changed"},
	{"UPDATE events SET hash = zeroblob(32) WHERE seq = 2", "events: row 2 was changed"},
	{"DELETE FROM events", "events: row 1 is missing"},
	{"INSERT INTO events SELECT seq + 3, time_ms, service, kind, run, text, hash FROM events"
	 " WHERE seq = 1",
		"events: row 4 was changed"},
	{"DELETE FROM chains", "no end of journal"},
};

START_TEST(tampering_is_found)
{
	fill();
	edit(edits[_i].sql);
	FAILS(DRO_ECORRUPT, dro_store_check(store, &err));
	ck_assert_msg(strstr(err.message, edits[_i].found) != NULL, "%s", err.message);
}
END_TEST

START_TEST(damaged_file_is_named)
{
	struct dro_store *other = NULL;
	char junk[4096];
	int fd;

	fill();
	dro_store_close(store);
	store = NULL;
	memset(junk, 'x', sizeof(junk));
	fd = open(database, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, junk, sizeof(junk), 0), sizeof(junk));
	close(fd);
	FAILS(DRO_ECORRUPT, dro_store_open(&other, dir, false, &err));
	ck_assert_ptr_nonnull(strstr(err.message, database));
	ck_assert_ptr_nonnull(strstr(err.message, ".recover"));
	FAILS(DRO_ECORRUPT, dro_store_open(&other, dir, true, &err));
}
END_TEST

START_TEST(damaged_page_is_found)
{
	char junk[4096];
	struct stat st;
	int fd;

	fill();
	dro_store_close(store);
	store = NULL;
	memset(junk, 0xa5, sizeof(junk));
	fd = open(database, O_WRONLY);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(pwrite(fd, junk, sizeof(junk), st.st_size - 4096), sizeof(junk));
	close(fd);
	OK(dro_store_open(&store, dir, false, &err));
	FAILS(DRO_ECORRUPT, dro_store_check(store, &err));
}
END_TEST

START_TEST(newer_and_foreign_are_refused)
{
	struct dro_store *other = NULL;

	edit("PRAGMA user_version = 1000");
	FAILS(DRO_EUNSUPPORTED, dro_store_open(&other, dir, false, &err));
	ck_assert_ptr_nonnull(strstr(err.message, "newer"));
	FAILS(DRO_EUNSUPPORTED, dro_store_open(&other, dir, true, &err));
	edit("PRAGMA user_version = 1; PRAGMA application_id = 7");
	FAILS(DRO_EINVAL, dro_store_open(&other, dir, false, &err));
}
END_TEST

/* ---- two at once --------------------------------------------------------------------------- */

START_TEST(changes_are_seen)
{
	uint64_t first, second, third, fourth;
	struct dro_store *other;

	OK(dro_store_open(&other, dir, false, &err));
	OK(dro_store_version(store, &first, &err));
	OK(dro_store_version(store, &second, &err));
	ck_assert_uint_eq(first, second);
	OK(dro_store_fact_set(other, "memphis", "k", "v", &err));
	OK(dro_store_version(store, &third, &err));
	ck_assert_uint_gt(third, second);
	OK(dro_store_fact_set(store, "memphis", "k", "w", &err));
	OK(dro_store_version(store, &fourth, &err));
	ck_assert_uint_gt(fourth, third);
	dro_store_close(other);
}
END_TEST

#define ROUNDS 40

static void *write_events(void *arg)
{
	struct dro_error own = DRO_ERROR_INIT;
	int i;

	for (i = 0; i < ROUNDS; i++)
		if (dro_store_event_add(arg, "memphis", "run", "", "x", &own) < 0)
			return "failed";
	return NULL;
}

START_TEST(handles_and_threads_share)
{
	struct dro_store *other;
	char text[4 * ROUNDS + 1] = "";
	pthread_t threads[4];
	void *result;
	int i;

	OK(dro_store_open(&other, dir, false, &err));
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, write_events, i % 2 ? other : store), 0);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		ck_assert_ptr_null(result);
	}
	OK(dro_store_event_list(store, NULL, 0, note_event, text, &err));
	ck_assert_uint_eq(strlen(text), 4 * ROUNDS);
	OK(dro_store_check(other, &err));
	dro_store_close(other);
}
END_TEST

START_TEST(many_may_open_first)
{
	pid_t pids[4];
	int i, status;

	dro_store_close(store);
	store = NULL;
	OK(dro_dir_remove(dir, &err));
	for (i = 0; i < 4; i++) {
		if ((pids[i] = fork()) == 0) {
			struct dro_store *own;

			_exit(dro_store_open(&own, dir, false, &err) < 0 ||
				dro_store_event_add(own, "s", "run", "", "x", &err) < 0);
		}
	}
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
}
END_TEST

/* ---- full disk ----------------------------------------------------------------------------- */

START_TEST(full_disk_changes_nothing)
{
	struct rlimit before, small;
	struct stat log;
	char path[160], big[20000], *value = NULL;
	int rc = 0, i;

	OK(dro_store_fact_set(store, "memphis", "k", "before", &err));
	signal(SIGXFSZ, SIG_IGN);
	snprintf(path, sizeof(path), "%s-wal", database);
	ck_assert_int_eq(stat(path, &log), 0);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = (rlim_t)log.st_size + 30000;
	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (i = 0; i < 10 && rc == 0; i++)
		rc = dro_store_event_add(store, "memphis", "run", "", big, &err);
	setrlimit(RLIMIT_FSIZE, &before);
	ck_assert_int_eq(rc, DRO_EIO);
	OK(dro_store_check(store, &err));
	OK(dro_store_fact_get(store, "memphis", "k", &value, NULL, &err));
	ck_assert_str_eq(value, "before");
	free(value);
	/* There is room again. */
	OK(dro_store_event_add(store, "memphis", "run", "", "after", &err));
	OK(dro_store_check(store, &err));
}
END_TEST

#ifdef DRORCH_FAULTS
START_TEST(kill_and_failing_writes)
{
	char counted[160], text[32] = "";
	struct dro_lease lease;
	int status, fd;
	pid_t pid;

	take(&lease);
	snprintf(counted, sizeof(counted), "%s/count", dir);
	if ((pid = fork()) == 0) {
		struct dro_store *own;

		setenv("DRORCH_KILL_COUNT", counted, 1);
		setenv("DRORCH_KILL_AT", "3", 1);
		if (dro_store_open(&own, dir, false, &err) == 0 &&
			dro_store_fact_commit(own, &lease, "k", "one", &err) == 0)
			dro_store_fact_commit(own, &lease, "k", "two", &err);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	fd = open(counted, O_RDONLY);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	ck_assert_str_eq(text, "3\n");
	{
		char *value = NULL;

		OK(dro_store_fact_get(store, "memphis", "k", &value, NULL, &err));
		ck_assert_str_eq(value, "one");
		free(value);
	}
	if ((pid = fork()) == 0) {
		struct dro_store *own;

		setenv("DRORCH_FAIL_WRITE_AT", "2+", 1);
		_exit(dro_store_open(&own, dir, false, &err) < 0 ||
			dro_store_fact_set(own, "s", "a", "1", &err) != 0 ||
			dro_store_fact_set(own, "s", "b", "1", &err) != DRO_EIO ||
			dro_store_fact_set(own, "s", "c", "1", &err) != DRO_EIO);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *tests = tcase_create("store");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, files_are_private);
	tcase_add_test(tests, read_only_creates_nothing);
	tcase_add_test(tests, a_fact_is_swapped_only_for_what_was_read);
	tcase_add_test(tests, what_is_stored_survives);
	tcase_add_test(tests, lease_is_one_holders);
	tcase_add_test(tests, lease_expires);
	tcase_add_loop_test(tests, dead_holder_loses_it_at_once, 0, 2);
	tcase_add_test(tests, reused_process_id_is_another_holder);
	tcase_add_test(tests, stale_epoch_changes_nothing);
	tcase_add_test(tests, runs_come_back);
	tcase_add_test(tests, run_state_keeps_its_times);
	tcase_add_test(tests, steps_and_journal_go_together);
	tcase_add_test(tests, events_are_newest_first);
	tcase_add_loop_test(tests, tampering_is_found, 0, sizeof(edits) / sizeof(edits[0]));
	tcase_add_test(tests, damaged_file_is_named);
	tcase_add_test(tests, damaged_page_is_found);
	tcase_add_test(tests, newer_and_foreign_are_refused);
	tcase_add_test(tests, changes_are_seen);
	tcase_add_test(tests, handles_and_threads_share);
	tcase_add_test(tests, many_may_open_first);
	tcase_add_test(tests, full_disk_changes_nothing);
#ifdef DRORCH_FAULTS
	tcase_add_test(tests, kill_and_failing_writes);
#endif
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
