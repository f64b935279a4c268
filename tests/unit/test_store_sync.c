/* The store: what waits for the disk, and what does not have to. */
#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "store/store.h"

static char dir[64];
static struct dro_store *store;
static struct dro_lease lease;
static struct dro_error err = DRO_ERROR_INIT;
static atomic_int syncs;
static atomic_bool disk_is_full;

#define OK(call) ck_assert_msg((call) == 0, "%s: %s", #call, err.message)

static int wait_for_disk(long call, int fd)
{
	syncs++;
	if (disk_is_full) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(call, fd);
}

/* SQLite's library finds these before the C library's. */
__attribute__((visibility("default"))) int fsync(int fd)
{
	return wait_for_disk(SYS_fsync, fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
	return wait_for_disk(SYS_fdatasync, fd);
}

/* How often the disk was waited for since the last time. */
static int waited(void)
{
	return atomic_exchange(&syncs, 0);
}

static void setup(void)
{
	static const char *const steps[] = {"launch"};
	const struct dro_run_row run = {.id = "r-1",
		.service = "memphis",
		.kind = "promote",
		.mode = "failover",
		.from = "tier1",
		.to = "tier2",
		.plan = "{}"};
	char holder[128];

	strcpy(dir, "/tmp/drorch-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	dro_store_holder(holder);
	OK(dro_store_open(&store, dir, false, &err));
	OK(dro_store_fact_set(store, "memphis", "active-site", "tier1", &err));
	ck_assert_int_gt(waited(), 0);
	OK(dro_store_lease_take(store, "memphis", holder, 60000, &lease, &err));
	OK(dro_store_run_add(store, &lease, &run, steps, 1, &err));
}

static void teardown(void)
{
	dro_store_close(store);
	OK(dro_dir_remove(dir, &err));
}

static void write_step(const char *event)
{
	const struct dro_step_row row = {
		.id = "launch", .state = "running", .outputs = "{}", .note = "", .error = ""};

	OK(dro_store_step(store, &lease, "r-1", &row, event, "{}", &err));
}

START_TEST(a_run_waits_for_no_disk_but_where_it_says)
{
	ck_assert_int_eq(waited(), 0);
	OK(dro_store_run_state(store, &lease, "r-1", "running", "", &err));
	write_step("intent");
	ck_assert_int_eq(waited(), 0);
	OK(dro_store_sync(store, &err));
	ck_assert_int_gt(waited(), 0);
	OK(dro_store_sync(store, &err));
	ck_assert_int_eq(waited(), 0); /* it is there */
	write_step("result");
	OK(dro_store_fact_commit(store, &lease, "active-site", "tier2", &err));
	ck_assert_int_eq(waited(), 0);
	OK(dro_store_run_state(store, &lease, "r-1", "completed", "", &err));
	ck_assert_int_gt(waited(), 0);
}
END_TEST

START_TEST(what_is_no_run_is_on_the_disk)
{
	waited();
	OK(dro_store_fact_set(store, "memphis", "image/tier2/web", "i", &err));
	ck_assert_int_gt(waited(), 0);
	OK(dro_store_event_add(store, "memphis", "safety", "r-1", "overridden", &err));
	ck_assert_int_gt(waited(), 0);
	OK(dro_store_run_wish_set(store, "r-1", DRO_WISH_ABORT, &err));
	ck_assert_int_gt(waited(), 0);
}
END_TEST

START_TEST(what_did_not_get_there_ends_the_handle)
{
	struct dro_run_row *run = NULL;

	write_step("intent");
	disk_is_full = true;
	ck_assert_int_eq(dro_store_sync(store, &err), DRO_EIO);
	disk_is_full = false;
	ck_assert_int_eq(dro_store_sync(store, &err), DRO_EIO);
	ck_assert_int_eq(dro_store_run_state(store, &lease, "r-1", "completed", "", &err), DRO_EIO);
	ck_assert_ptr_nonnull(strstr(err.message, dir));
	dro_store_close(store);
	OK(dro_store_open(&store, dir, false, &err));
	OK(dro_store_run_state(store, &lease, "r-1", "running", "", &err));
	OK(dro_store_sync(store, &err));
	OK(dro_store_run_get(store, "r-1", &run, &err));
	ck_assert_str_eq(run->state, "running");
	dro_run_row_free(run);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_sync");
	TCase *tests = tcase_create("store_sync");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_run_waits_for_no_disk_but_where_it_says);
	tcase_add_test(tests, what_is_no_run_is_on_the_disk);
	tcase_add_test(tests, what_did_not_get_there_ends_the_handle);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
