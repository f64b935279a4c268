/*
 * Machines: instances that are a whole Debian in a container of systemd-nspawn. An image of one is
 * a folder with a file `machine`, which names the trees below it, the topmost first:
 *
 *	layer /var/cache/drorch-lab/bookworm/tree
 *
 * and perhaps a folder `root`: what differs from those. A guest's disk (DIR/disk) is such a folder
 * too, and its `root` the upper layer of an overlay that only the guest itself sees mounted.
 */
#ifndef DRORCH_LAB_MACHINE_H
#define DRORCH_LAB_MACHINE_H

#include <sys/types.h>

#include "lab/driver.h"

#define LAB_MACHINE_MARK "machine"
#define LAB_MACHINE_KEEPER "machine-keeper" /* `drorch-lab machine-keeper DIR NETNS ID` */
#define LAB_MACHINE_GRACE_MS 15000

bool lab_image_is_machine(const char *folder);
/* Its layers as overlayfs takes them ("A:B"), each one looked at. */
int lab_machine_layers(const char *folder, struct dro_buf *out, struct dro_error *err);
/*
 * A folder below a disk ("root/etc"), made where that is asked for; -1: none, errno. Nothing is
 * followed: what is a link in there was made by a machine, and would lead into our own files.
 */
int lab_machine_folder(const char *disk, const char *path, bool make);
/* The control group of a keeper's machine. */
#define LAB_MACHINE_GROUP 32
void lab_machine_group(pid_t keeper, char out[LAB_MACHINE_GROUP]);

/* The keeper of one: holds its mounts and its PID namespace, so that all goes with either. */
int lab_machine_keeper_main(int argc, char **argv);

/* The container's process 1 as the host numbers it; 0: it has not begun (yet). */
pid_t lab_machine_init(pid_t keeper);
/*
 * `drorch-lab sh`: becomes COMMAND in the machine of that keeper, waiting for its init for a while.
 * Returns only where it cannot: an exit code.
 */
int lab_machine_enter(pid_t keeper, char *command);

#endif
