#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lab/cgroup.h"
#include "lab/host_key.h"
#include "lab/hub.h"
#include "lab/keeper.h"
#include "lab/machine.h"
#include "lab/process.h"

static int check(const char *image, struct dro_error *err)
{
	struct dro_buf layers = DRO_BUF_INIT(4096);
	int rc;

	if (geteuid() != 0 || access("/usr/bin/systemd-nspawn", X_OK) < 0 ||
		access("/usr/bin/ssh-keygen", X_OK) < 0)
		return dro_fail(err, DRO_EUNSUPPORTED,
			"machines need root, systemd-nspawn and ssh-keygen "
			"(Debian: systemd-container, openssh-client)");
	rc = lab_machine_layers(image, &layers, err);

	dro_buf_free(&layers);
	return rc;
}

/* A copy is another machine: systemd makes it an id of its own where that file is empty. */
static int forget_identity(const char *disk, struct dro_error *err)
{
	int etc = lab_machine_folder(disk, "root/etc", false), fd = -1, rc = 0;

	if (etc >= 0)
		fd = openat(etc, "machine-id", O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && ftruncate(fd, 0) < 0)
		rc = dro_fail_errno(err, "its machine-id");
	if (fd >= 0)
		close(fd);
	if (etc >= 0)
		close(etc);
	return rc;
}

/* It is there when it is whole. */
static int make_disk(
	const struct lab_guest *guest, const char *image, const char *disk, struct dro_error *err)
{
	char *fresh = dro_path_join(guest->dir, "disk.fresh");
	int rc = fresh ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");

	if (rc == 0 && (rc = dro_dir_remove(fresh, err)) == 0 &&
		(rc = lab_copy_tree(image, fresh, err)) == 0 &&
		(rc = forget_identity(fresh, err)) == 0 &&
		(rc = lab_host_key_make(guest->dir, fresh, err)) == 0 && rename(fresh, disk) < 0)
		rc = dro_fail_errno(err, "%s", disk);
	free(fresh);
	return rc;
}

static int prepare(struct lab_guest *guest, const char *image, struct dro_error *err)
{
	char *disk = dro_path_join(guest->dir, "disk"), *work = dro_path_join(guest->dir, "work");
	int rc = 0;

	if (!disk || !work)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else if (access(disk, F_OK) < 0)
		rc = make_disk(guest, image, disk, err);
	/* What a killed overlay had begun there is of no use to the next. */
	if (rc == 0 && (rc = dro_dir_remove(work, err)) == 0) {
		lab_hub_unplug(guest->hub, guest->address, &guest->net_fd);
		rc = lab_hub_plug(guest->hub, guest->address, guest->id, &guest->net_fd, err);
	}
	free(disk);
	free(work);
	return rc;
}

static int boot(struct lab_guest *guest, struct dro_error *err)
{
	char network[64];
	char *const argv[] = {
		"drorch-lab", LAB_MACHINE_KEEPER, (char *)guest->dir, network, guest->id, NULL};
	char *const env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	int rc = lab_hub_cut(guest->hub, guest->address, guest->cut, err);

	snprintf(network, sizeof(network), "/proc/%d/fd/%d", (int)getpid(), guest->net_fd);
	return rc < 0 ? rc : lab_guest_spawn(guest, guest->dir, argv, env, err);
}

/* One that hangs does not hear it: its power is taken soon, as clouds do in the end. */
static void stop(struct lab_guest *guest, bool force)
{
	char group[LAB_MACHINE_GROUP], word = LAB_KEEPER_STOP_DEAF;

	lab_machine_group(guest->pid, group);
	if (force || guest->control_fd < 0 || !lab_cgroup_is_frozen(group))
		lab_driver_process.stop(guest, force);
	else if (write(guest->control_fd, &word, 1) < 0)
		return; /* its keeper has just ended */
}

/* Its network goes with it: nothing of an earlier boot is plugged in at the next. */
static void wait_for(struct lab_guest *guest)
{
	lab_driver_process.wait(guest);
	lab_hub_unplug(guest->hub, guest->address, &guest->net_fd);
}

/* One moment's copy: nothing runs while it is made. */
static int capture(struct lab_guest *guest, const char *image, struct dro_error *err)
{
	char group[LAB_MACHINE_GROUP];
	bool hold = guest->control_fd >= 0;
	int rc;

	lab_machine_group(guest->pid, group);
	hold = hold && !lab_cgroup_is_frozen(group) && lab_cgroup_freeze(group, true, NULL) == 0;
	rc = lab_driver_process.capture(guest, image, err);
	if (hold)
		lab_cgroup_freeze(group, false, NULL);
	return rc;
}

/* A keeper that was killed too left its (empty) control group behind. */
static void sweep(struct lab_guest *guest)
{
	char group[LAB_MACHINE_GROUP];

	lab_machine_group(guest->pid, group);
	lab_driver_process.sweep(guest);
	lab_cgroup_remove(group);
}

static int remove_guest(struct lab_guest *guest, struct dro_error *err)
{
	lab_hub_unplug(guest->hub, guest->address, &guest->net_fd);
	return lab_driver_process.remove(guest, err);
}

static int disturb(struct lab_guest *guest, enum lab_disturbance what, struct dro_error *err)
{
	char group[LAB_MACHINE_GROUP];
	int rc = 0;

	if (what == LAB_CUT || what == LAB_JOIN) {
		if (guest->control_fd >= 0)
			rc = lab_hub_cut(guest->hub, guest->address, what == LAB_CUT, err);
		if (rc == 0)
			guest->cut = what == LAB_CUT; /* boot() heeds it */
		return rc;
	}
	if (guest->control_fd < 0)
		return dro_fail(err, DRO_ECONFLICT, "%s does not run", guest->id);
	lab_machine_group(guest->pid, group);
	return lab_cgroup_freeze(group, what == LAB_FREEZE, err);
}

const struct lab_driver lab_driver_machine = {
	.name = "machine",
	.machine = true,
	.check = check,
	.prepare = prepare,
	.boot = boot,
	.stop = stop,
	.wait = wait_for,
	.capture = capture,
	.sweep = sweep,
	.remove = remove_guest,
	.disturb = disturb,
};
