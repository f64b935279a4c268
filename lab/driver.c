#include "lab/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/machine.h"
#include "lab/process.h"

const struct lab_driver *lab_driver_for(const char *image)
{
	return lab_image_is_machine(image) ? &lab_driver_machine : &lab_driver_process;
}

const struct lab_driver *lab_driver_named(const char *name)
{
	return strcmp(name, lab_driver_machine.name) == 0 ? &lab_driver_machine
							  : &lab_driver_process;
}

/* A session of its own, with nothing of ours but these three descriptors. */
static int spawn(pid_t *pid, int control, const char *console, const char *folder,
	char *const argv[], char *const env[])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	int rc;

	sigemptyset(&none);
	sigfillset(&defaults);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, control, 0);
	posix_spawn_file_actions_addopen(&actions, 1, console, O_WRONLY | O_CREAT | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawn_file_actions_addchdir_np(&actions, folder);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	rc = posix_spawn(pid, "/proc/self/exe", &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

int lab_guest_spawn(struct lab_guest *guest, const char *folder, char *const argv[],
	char *const env[], struct dro_error *err)
{
	char *console = dro_path_join(guest->dir, "console.log");
	int control[2] = {-1, -1}, rc = 0;

	if (!console)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else if (pipe2(control, O_CLOEXEC) < 0)
		rc = dro_fail_errno(err, "pipe");
	else if ((errno = spawn(&guest->pid, control[0], console, folder, argv, env)) != 0)
		rc = dro_fail_errno(err, "instance %s", guest->id);
	if (control[0] >= 0)
		close(control[0]);
	if (rc == 0) {
		guest->pid_start = lab_process_start(guest->pid);
		guest->control_fd = control[1];
	} else {
		guest->pid = 0;
		if (control[1] >= 0)
			close(control[1]);
	}
	free(console);
	return rc;
}
