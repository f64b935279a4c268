#include "lab/base.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"

#define FIND_MS 60000
#define UNITS "etc/systemd/system/"

/* What cloud-init does in a cloud's own images, as far as drorch needs it, and where it does. */
static const char cloud_script[] =
	"#!/bin/sh\n"
	"# A new instance's user-data.\n"
	"set -u\n"
	"service=http://169.254.169.254\n"
	"ask() { curl -fsS --retry 3 --retry-connrefused -m 10 \"$@\"; }\n"
	"if token=$(ask -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "
	"$service/latest/api/token 2>/dev/null); then\n"
	"\tauth=\"X-aws-ec2-metadata-token: $token\"\n"
	"\tid=$(ask -H \"$auth\" $service/latest/meta-data/instance-id) || exit 1\n"
	"\tdata() { ask -H \"$auth\" $service/latest/user-data; }\n"
	"else\n"
	"\ttoken=$(ask -X PUT -H 'Metadata-Token-Expiry-Seconds: 60' $service/v1/token) || exit 1\n"
	"\tauth=\"Metadata-Token: $token\"\n"
	"\tid=$(ask -H \"$auth\" $service/v1/instance | sed -n 's/^id: //p')\n"
	"\tdata() { ask -H \"$auth\" $service/v1/user-data | base64 -d; }\n"
	"fi\n"
	"[ -n \"$id\" ] || exit 1\n"
	"folder=/var/lib/cloud/instances/$id\n"
	"[ ! -e $folder/user-data.txt ] || exit 0\n"
	"mkdir -p $folder\n"
	"(umask 077; data >$folder/new 2>/dev/null)\n"
	"ln -sfn $folder /var/lib/cloud/instance\n"
	"mv $folder/new $folder/user-data.txt\n";

/* A machine whose link is cut boots all the same. */
static const char cloud_unit[] = "[Unit]\n"
				 "Description=What the lab's cloud says to a new instance\n"
				 "After=network.target\n"
				 "[Service]\n"
				 "Type=oneshot\n"
				 "RemainAfterExit=yes\n"
				 "TimeoutStartSec=10s\n"
				 "ExecStart=/usr/local/sbin/lab-cloud-init\n"
				 "[Install]\n"
				 "WantedBy=multi-user.target\n";

static const char user_data_script[] =
	"#!/bin/sh\n"
	"# Once for each new instance: user-data that is a program runs.\n"
	"folder=/var/lib/cloud/instance\n"
	"[ \"$(head -c 2 $folder/user-data.txt)\" = '#!' ] || exit 0\n"
	"mkdir $folder/ran 2>/dev/null || exit 0\n"
	"chmod 700 $folder/user-data.txt\n"
	"exec $folder/user-data.txt\n";

static const char user_data_unit[] = "[Unit]\n"
				     "Description=User-data of the lab's cloud\n"
				     "Requires=cloud-init.service\n"
				     "After=cloud-init.service\n"
				     "[Service]\n"
				     "ExecStart=/usr/local/sbin/lab-user-data\n"
				     "KillMode=process\n"
				     "StandardOutput=journal+console\n"
				     "[Install]\n"
				     "WantedBy=multi-user.target\n";

/* The packages' own data folder would be copied up by every machine: 110 MB of it. One that
 * somebody has filled, from a backup say, is left as it is. */
static const char mariadb_unit[] =
	"[Unit]\n"
	"Description=A first data folder for MariaDB\n"
	"Before=mariadb.service\n"
	"ConditionPathExists=!/var/lib/mysql/mysql\n"
	"[Service]\n"
	"Type=oneshot\n"
	"TimeoutStartSec=120\n"
	"ExecStart=/usr/bin/mariadb-install-db --rpm --cross-bootstrap --user=mysql "
	"--disable-log-bin --skip-test-db\n";

#define MARIADB "usr/sbin/mariadbd"

struct change {
	const char *path;  /* below the tree */
	const char *text;  /* of a file, or where a link leads; of what goes, its name with * */
	mode_t mode;	   /* of a file; 0: a link */
	const char *needs; /* only where that is there; NULL: always */
};

static const struct change made[] = {
	/* Of the computer that made it. */
	{"etc/hostname", "", 0644},
	{"etc/resolv.conf", "", 0644},
	{"etc/machine-id", "", 0444},
	{"usr/local/sbin/lab-cloud-init", cloud_script, 0755},
	{UNITS "cloud-init.service", cloud_unit, 0644},
	{UNITS "multi-user.target.wants/cloud-init.service", "../cloud-init.service", 0},
	{"usr/local/sbin/lab-user-data", user_data_script, 0755},
	{UNITS "lab-user-data.service", user_data_unit, 0644},
	{UNITS "multi-user.target.wants/lab-user-data.service", "../lab-user-data.service", 0},
	{UNITS "lab-mariadb-data.service", mariadb_unit, 0644, MARIADB},
	{UNITS "mariadb.service.wants/lab-mariadb-data.service", "../lab-mariadb-data.service", 0,
		MARIADB},
	/* Nothing that works by itself at night, or looks for hardware. */
	{UNITS "apt-daily.timer", "/dev/null", 0},
	{UNITS "apt-daily-upgrade.timer", "/dev/null", 0},
	{UNITS "dpkg-db-backup.timer", "/dev/null", 0},
	{UNITS "e2scrub_all.timer", "/dev/null", 0},
	{UNITS "e2scrub_reap.service", "/dev/null", 0},
	{UNITS "fstrim.timer", "/dev/null", 0},
	{UNITS "logrotate.timer", "/dev/null", 0},
	{UNITS "man-db.timer", "/dev/null", 0},
	{UNITS "systemd-pstore.service", "/dev/null", 0},
};

static const struct change gone[] = {
	{"etc/ssh", "ssh_host_*", 0}, /* each machine gets its own: host_key.h */
	{"var/lib/mysql", "*", 0},
	{UNITS "multi-user.target.wants", "mariadb.service", 0},
	/* It would serve on every address, whatever the server's configuration says. */
	{UNITS "sockets.target.wants", "mariadb.socket", 0},
	{"var/lib/apt/lists", "*_*", 0},
	{"var/cache/apt", "*.deb", 0},
	{"var/cache/apt", "*.bin", 0},
};

static int make_one(const struct change *change, const char *path, struct dro_error *err)
{
	char *folder = strdup(path);
	int rc;

	if (!folder)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	*strrchr(folder, '/') = '\0';
	rc = dro_dir_make(folder, 0755, err);
	free(folder);
	if (rc < 0)
		return rc;
	if (change->mode)
		return dro_file_write(path, change->text, strlen(change->text), change->mode, err);
	if ((unlink(path) < 0 && errno != ENOENT) || symlink(change->text, path) < 0)
		return dro_fail_errno(err, "%s", path);
	return 0;
}

static int remove_one(const struct change *change, const char *path, struct dro_error *err)
{
	char *const argv[] = {"find", (char *)path, "-xdev", "-mindepth", "1", "-name",
		(char *)change->text, "-delete", NULL};
	struct dro_buf errors = DRO_BUF_INIT(4096);
	struct dro_proc_result result = {0};
	int rc = 0;

	if (access(path, F_OK) == 0)
		rc = dro_proc_run(
			argv, NULL, NULL, NULL, &errors, dro_now_ms() + FIND_MS, &result, err);
	if (rc == 0 && result.exit_code != 0)
		rc = dro_fail(err, DRO_EIO, "%.300s", dro_buf_str(&errors));
	dro_buf_free(&errors);
	return rc;
}

static int each(const char *tree, const struct change *changes, size_t count,
	int (*apply)(const struct change *change, const char *path, struct dro_error *err),
	struct dro_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++) {
		const char *needs = changes[i].needs ? changes[i].needs : "";
		char *path = dro_path_join(tree, changes[i].path);
		char *needed = dro_path_join(tree, needs);

		if (!path || !needed)
			rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		else if (access(needed, F_OK) == 0)
			rc = apply(&changes[i], path, err);
		free(path);
		free(needed);
	}
	return rc;
}

int lab_base_settle(const char *tree, struct dro_error *err)
{
	int rc = each(tree, made, sizeof(made) / sizeof(made[0]), make_one, err);

	return rc < 0 ? rc : each(tree, gone, sizeof(gone) / sizeof(gone[0]), remove_one, err);
}

void lab_base_recipe(struct dro_buf *out)
{
	size_t i;

	for (i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		dro_buf_printf(
			out, "%s %o %s\n", made[i].path, (unsigned)made[i].mode, made[i].text);
	for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		dro_buf_printf(out, "%s -%s\n", gone[i].path, gone[i].text);
}
