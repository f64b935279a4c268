/*
 * What makes an instance real. The instance table decides when; a driver knows how: one starts a
 * program of the image's folder, another may boot a whole machine. A guest is used by one thread
 * at a time but for stop(), which any thread may call while wait() runs.
 */
#ifndef DRORCH_LAB_DRIVER_H
#define DRORCH_LAB_DRIVER_H

#include <sys/types.h>

#include "lab/lab.h"

struct lab_guest {
	char id[LAB_ID];
	char address[LAB_ADDRESS];
	char region[LAB_REGION];
	uint16_t origin_port;
	const char *dir;       /* DIR/instances/ID: the driver's own folder for it */
	const char *user_data; /* a file, mode 0600, or NULL */
	/* What runs, so that a later lab can end what a killed one left; 0: nothing. */
	pid_t pid;
	uint64_t pid_start;
	int control_fd; /* -1 while nothing runs */
	/* Of a machine; others leave them alone. */
	struct lab_hub *hub; /* where it is plugged in */
	int net_fd;	     /* its network's namespace, -1 while there is none */
	bool cut;	     /* its link is down, and stays so when it boots */
};

enum lab_disturbance { LAB_CUT, LAB_JOIN, LAB_FREEZE, LAB_THAW };

struct lab_driver {
	const char *name;
	bool machine; /* has an address at the hub, not on loopback, and can be disturbed */
	/* Is the folder an image that this driver can boot? */
	int (*check)(const char *image, struct dro_error *err);
	/* Makes the guest's disk from the image's folder; a disk that is there stays. */
	int (*prepare)(struct lab_guest *guest, const char *image, struct dro_error *err);
	/* Starts it; control_fd, pid and pid_start are set. */
	int (*boot)(struct lab_guest *guest, struct dro_error *err);
	/* Asks it to end (and ends it after a grace), or ends it at once. wait() returns then. */
	void (*stop)(struct lab_guest *guest, bool force);
	/* Until nothing of it runs any more. The caller resets pid and closes control_fd. */
	void (*wait)(struct lab_guest *guest);
	/* Copies the guest's disk into a new image folder. */
	int (*capture)(struct lab_guest *guest, const char *image, struct dro_error *err);
	/* Ends what an earlier lab left running: pid and pid_start are what it had noted. */
	void (*sweep)(struct lab_guest *guest);
	int (*remove)(struct lab_guest *guest, struct dro_error *err);
	/* NULL: it cannot. A cut holds over boots; what is frozen thaws with its end. */
	int (*disturb)(struct lab_guest *guest, enum lab_disturbance what, struct dro_error *err);
};

extern const struct lab_driver lab_driver_process;
extern const struct lab_driver lab_driver_machine;

/*
 * For boot(): starts ourselves as a keeper, in `folder`, its output in the guest's console file;
 * control_fd, pid and pid_start are set. argv[0] is only its name.
 */
int lab_guest_spawn(struct lab_guest *guest, const char *folder, char *const argv[],
	char *const env[], struct dro_error *err);

/* The one for an image's folder. */
const struct lab_driver *lab_driver_for(const char *image);
/* By name; an unknown one is the process driver. */
const struct lab_driver *lab_driver_named(const char *name);

#endif
