#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/driver.h"
#include "lab/keeper.h"
#include "lab/process.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENV_MAX 8

static int check(const char *image, struct dro_error *err)
{
	char *boot = dro_path_join(image, "boot");
	struct stat about;
	int rc = 0;

	if (!boot)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (stat(boot, &about) < 0 || !S_ISREG(about.st_mode) || access(boot, X_OK) < 0)
		rc = dro_fail(err, DRO_EINVAL, "%s is not a program: an image is a folder with one",
			boot);
	free(boot);
	return rc;
}

static int prepare(struct lab_guest *guest, const char *image, struct dro_error *err)
{
	char *disk = dro_path_join(guest->dir, "disk");
	int rc = 0;

	if (!disk)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (access(disk, F_OK) < 0)
		rc = lab_copy_tree(image, disk, err);
	free(disk);
	return rc;
}

/* "NAME=VALUE", malloc'd. */
static char *env_entry(const char *name, const char *value)
{
	struct dro_buf text = DRO_BUF_INIT(8192);

	dro_buf_printf(&text, "%s=%s", name, value);
	return dro_buf_take(&text);
}

static int make_env(char *env[ENV_MAX], const struct lab_guest *guest, struct dro_error *err)
{
	const char *path = getenv("PATH");
	char port[8];
	size_t count = 0, i;

	snprintf(port, sizeof(port), "%u", guest->origin_port);
	env[count++] = env_entry("LAB_ADDRESS", guest->address);
	env[count++] = env_entry("LAB_PORT", port);
	env[count++] = env_entry("LAB_INSTANCE_ID", guest->id);
	env[count++] = env_entry("LAB_REGION", guest->region);
	env[count++] = env_entry("PATH", path ? path : PATH_DEFAULT);
	if (guest->user_data)
		env[count++] = env_entry("LAB_USER_DATA", guest->user_data);
	for (i = 0; i < count; i++)
		if (!env[i])
			return dro_fail(err, DRO_ENOMEM, "out of memory");
	return 0;
}

static int boot(struct lab_guest *guest, struct dro_error *err)
{
	char *const argv[] = {"drorch-lab", LAB_KEEPER_VERB, "./boot", NULL};
	char *disk = dro_path_join(guest->dir, "disk");
	char *env[ENV_MAX] = {0};
	size_t i;
	int rc;

	if (!disk)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else if ((rc = make_env(env, guest, err)) == 0)
		rc = lab_guest_spawn(guest, disk, argv, env, err);
	for (i = 0; i < ENV_MAX; i++)
		free(env[i]);
	free(disk);
	return rc;
}

static void stop(struct lab_guest *guest, bool force)
{
	char word = force ? LAB_KEEPER_KILL : LAB_KEEPER_STOP;

	/* A keeper that has just ended takes no word, and needs none. */
	if (guest->control_fd >= 0 && write(guest->control_fd, &word, 1) < 0)
		return;
}

static void wait_for(struct lab_guest *guest)
{
	while (waitpid(guest->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int capture(struct lab_guest *guest, const char *image, struct dro_error *err)
{
	char *disk = dro_path_join(guest->dir, "disk");
	int rc =
		disk ? lab_copy_tree(disk, image, err) : dro_fail(err, DRO_ENOMEM, "out of memory");

	free(disk);
	return rc;
}

/* A keeper whose lab was killed ends by itself; this is for one that was killed or held too. */
static void sweep(struct lab_guest *guest)
{
	uint64_t until = dro_now_ms() + 2000;

	while (lab_process_alive(guest->pid, guest->pid_start) && dro_now_ms() < until)
		dro_clock_real.sleep_ms(&dro_clock_real, 10);
	if (lab_process_alive(guest->pid, guest->pid_start)) {
		lab_process_kill_below(guest->pid);
		kill(guest->pid, SIGKILL);
	}
	guest->pid = 0;
	guest->pid_start = 0;
}

static int remove_guest(struct lab_guest *guest, struct dro_error *err)
{
	return dro_dir_remove(guest->dir, err);
}

const struct lab_driver lab_driver_process = {
	.name = "process",
	.check = check,
	.prepare = prepare,
	.boot = boot,
	.stop = stop,
	.wait = wait_for,
	.capture = capture,
	.sweep = sweep,
	.remove = remove_guest,
};
