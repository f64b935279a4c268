#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/cgroup.h"
#include "lab/keeper.h"
#include "lab/machine.h"

#define NSPAWN "systemd-nspawn"

struct machine {
	const char *dir;
	const char *id;
	char *root; /* where its overlay is mounted, for us and it alone */
	char group[LAB_MACHINE_GROUP];
};

static int make_folder(const char *dir, const char *name, char **out, struct dro_error *err)
{
	*out = dro_path_join(dir, name);
	return *out ? dro_dir_make(*out, 0755, err) : dro_fail(err, DRO_ENOMEM, "out of memory");
}

/* Upper is DIR/disk/root. What the layers share by number must not matter: they get copied. A
 * redirect is by name: with it a folder that a layer below has can be renamed, as on a disk. */
static int mount_root(struct machine *machine, struct dro_error *err)
{
	struct dro_buf options = DRO_BUF_INIT(4096); /* a page is what mount(2) takes */
	char *disk = dro_path_join(machine->dir, "disk"), *upper = NULL, *work = NULL;
	int rc = disk ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");

	if (strpbrk(machine->dir, ":,\\"))
		rc = dro_fail(err, DRO_EINVAL, "overlayfs takes no : , \\ in %s", machine->dir);
	dro_buf_puts(&options, "index=off,redirect_dir=on,metacopy=off,lowerdir=");
	if (rc == 0 && (rc = lab_machine_layers(disk, &options, err)) == 0 &&
		(rc = make_folder(disk, "root", &upper, err)) == 0 &&
		(rc = make_folder(machine->dir, "work", &work, err)) == 0 &&
		(rc = make_folder(machine->dir, "mount", &machine->root, err)) == 0) {
		dro_buf_printf(&options, ",upperdir=%s,workdir=%s", upper, work);
		rc = dro_buf_check(&options, err);
	}
	if (rc == 0 && mount("overlay", machine->root, "overlay", 0, options.data) < 0)
		rc = dro_fail_errno(err, "overlay on %s", machine->root);
	dro_buf_free(&options);
	free(disk);
	free(upper);
	free(work);
	return rc;
}

/* nspawn's notes go into memory of ours: it wants them there, and none may stay on the host. */
static int hide_notes(struct dro_error *err)
{
	int rc = dro_dir_make("/run/systemd", 0755, err);

	if (rc == 0 &&
		mount("tmpfs", "/run/systemd", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		rc = dro_fail_errno(err, "/run/systemd");
	return rc;
}

static int prepare(struct machine *machine, const char *network, struct dro_error *err)
{
	int fd = open(network, O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		rc = dro_fail_errno(err, "its network");
	else if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		rc = dro_fail_errno(err, "a mount namespace");
	if (fd >= 0)
		close(fd);
	if (rc == 0 && (rc = mount_root(machine, err)) == 0 && (rc = hide_notes(err)) == 0)
		rc = lab_cgroup_make(machine->group, err);
	return rc;
}

static void exec_nspawn(const struct machine *machine, const sigset_t *before)
{
	char name[LAB_ID + 16];

	snprintf(name, sizeof(name), "--machine=lab-%s", machine->id);
	/* It parts the group into its own two, which only a group without processes can be. */
	if (lab_cgroup_join(machine->group, NULL) < 0)
		_exit(126);
	setsid();
	sigprocmask(SIG_SETMASK, before, NULL);
	execlp(NSPAWN, NSPAWN, "--quiet", "--directory", machine->root, name, "--register=no",
		"--keep-unit", "--network-namespace-path=/proc/self/ns/net", "--link-journal=no",
		/* In that namespace only: a firewall of its own. */
		"--capability=CAP_NET_ADMIN", "--resolv-conf=off", "--timezone=off",
		"--console=pipe", "--kill-signal=SIGRTMIN+4", "--boot", NULL);
	dprintf(2, "drorch-lab: %s: %s\n", NSPAWN, strerror(errno));
	_exit(127);
}

/* Process 1 of the namespace around the container: reaps, and hands a SIGTERM on. */
static void be_init(void *arg, const sigset_t *before)
{
	const struct machine *machine = arg;
	struct dro_error err = DRO_ERROR_INIT;
	char own[LAB_MACHINE_GROUP + 8];
	sigset_t wanted;
	pid_t nspawn, ended;
	int status = 0, which;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGTERM);
	snprintf(own, sizeof(own), "%s/init", machine->group);
	if (lab_cgroup_make(own, &err) < 0 || lab_cgroup_join(own, &err) < 0) {
		dprintf(2, "drorch-lab: %s\n", err.message);
		_exit(126);
	}
	/* Of the namespace that it is in now: nspawn looks itself up there. The keeper sees the
	 * old. */
	if (unshare(CLONE_NEWNS) < 0 ||
		mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		_exit(126);
	nspawn = fork();
	if (nspawn == 0)
		exec_nspawn(machine, before);
	while (nspawn > 0 && sigwait(&wanted, &which) == 0) {
		if (which == SIGTERM)
			kill(nspawn, SIGTERM);
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
			if (ended == nspawn)
				_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	_exit(126);
}

int lab_machine_keeper_main(int argc, char **argv)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct machine machine = {0};
	int code;

	if (argc != 3)
		return 3;
	machine.dir = argv[0];
	machine.id = argv[2];
	lab_machine_group(getpid(), machine.group);
	if (prepare(&machine, argv[1], &err) < 0) {
		dprintf(2, "drorch-lab: %s\n", err.message);
		code = 1;
	} else {
		code = lab_keeper_run(be_init, &machine, true, LAB_MACHINE_GRACE_MS);
	}
	lab_cgroup_remove(machine.group);
	free(machine.root);
	return code;
}
