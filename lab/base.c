/*
 * `drorch-lab base`: the Debian that machines stand on, made once with debootstrap and kept outside
 * of any lab: CACHE/NAME/tree, and CACHE/NAME/image, the image folder that names it as its layer.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "lab/machine.h"
#include "lab/options.h"

#define CACHE "/var/cache/drorch-lab"
#define SUITE "bookworm"
#define MIRROR "http://deb.debian.org/debian"
#define PACKAGES "systemd,systemd-sysv,iproute2,iputils-ping,curl,ca-certificates"
#define MAKE_MS (20 * 60 * 1000)
#define APT_MS 10000

struct base {
	const char *suite, *mirror, *include;
	struct dro_buf folder; /* CACHE/NAME */
	struct dro_buf building;
};

/* What cloud-init does in a cloud's own images, as far as drorch needs it. */
static const char user_data_script[] =
	"#!/bin/sh\n"
	"# Once for each new instance: ssh keys of its own, and user-data that is a program runs.\n"
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
	"folder=/var/lib/lab-user-data\n"
	"[ -n \"$id\" ] && [ \"$(cat $folder/id 2>/dev/null)\" != \"$id\" ] || exit 0\n"
	"mkdir -p -m 700 $folder\n"
	"if command -v ssh-keygen >/dev/null; then\n"
	"\trm -f /etc/ssh/ssh_host_*_key*\n"
	"\tssh-keygen -A >/dev/null\n"
	"\tsystemctl try-restart ssh\n"
	"fi\n"
	"(umask 077; data >$folder/script 2>/dev/null)\n"
	"echo \"$id\" >$folder/id\n"
	"[ \"$(head -c 2 $folder/script)\" = '#!' ] || exit 0\n"
	"chmod 700 $folder/script\n"
	"exec $folder/script\n";

static const char user_data_unit[] = "[Unit]\n"
				     "Description=User-data of the lab's cloud\n"
				     "After=network.target\n"
				     "[Service]\n"
				     "ExecStart=/usr/local/sbin/lab-user-data\n"
				     "KillMode=process\n"
				     "StandardOutput=journal+console\n"
				     "[Install]\n"
				     "WantedBy=multi-user.target\n";

/* The mirror that this computer's apt uses for the suite. */
static void find_mirror(const char *suite, struct dro_buf *out)
{
	char *const argv[] = {"apt-get", "indextargets", "--format",
		"$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages", NULL};
	struct dro_proc_result result = {0};
	struct dro_buf lines = DRO_BUF_INIT(65536);
	char *line, *rest, want[128];
	int length = snprintf(want, sizeof(want), "%.100s main http", suite);

	if (dro_proc_run(argv, NULL, NULL, &lines, NULL, dro_now_ms() + APT_MS, &result, NULL) ==
			0 &&
		result.exit_code == 0) {
		rest = lines.data;
		while (!out->length && rest && (line = strsep(&rest, "\n")))
			if (strncmp(line, want, (size_t)length) == 0)
				dro_buf_puts(out, line + length - 4);
	}
	if (!out->length)
		dro_buf_puts(out, MIRROR);
	dro_buf_free(&lines);
}

/* In a mount and a PID namespace of its own: what it mounts and runs goes with it, and with us. */
static int run_debootstrap(const struct base *base, struct dro_error *err)
{
	struct dro_buf include = DRO_BUF_INIT(8192), tree = DRO_BUF_INIT(PATH_MAX);
	struct dro_buf errors = DRO_BUF_INIT(65536);
	struct dro_proc_result result = {0};
	int rc;

	dro_buf_printf(&include, "--include=" PACKAGES "%s%s", base->include ? "," : "",
		base->include ? base->include : "");
	dro_buf_printf(&tree, "%s/tree", dro_buf_str(&base->building));
	if ((rc = dro_buf_check(&include, err)) == 0 && (rc = dro_buf_check(&tree, err)) == 0) {
		char *const argv[] = {"setpriv", "--pdeathsig", "KILL", "unshare", "--mount",
			"--pid", "--fork", "--kill-child", "--mount-proc", "debootstrap",
			"--variant=minbase", include.data, (char *)base->suite, tree.data,
			(char *)base->mirror, NULL};

		rc = dro_proc_run(
			argv, NULL, NULL, &errors, &errors, dro_now_ms() + MAKE_MS, &result, err);
	}
	if (rc == 0 && result.exit_code != 0) {
		const char *text = dro_buf_str(&errors);

		rc = dro_fail(err, DRO_EIO, "debootstrap: %.300s",
			errors.length > 300 ? text + errors.length - 300 : text);
	}
	dro_buf_free(&include);
	dro_buf_free(&tree);
	dro_buf_free(&errors);
	return rc;
}

static int write_in(const struct base *base, const char *path, const char *text, mode_t mode,
	struct dro_error *err)
{
	char *whole = dro_path_join(dro_buf_str(&base->building), path);
	int rc = whole ? dro_file_write(whole, text, strlen(text), mode, err)
		       : dro_fail(err, DRO_ENOMEM, "out of memory");

	free(whole);
	return rc;
}

static int link_in(const struct base *base, const char *to, const char *path, struct dro_error *err)
{
	char *whole = dro_path_join(dro_buf_str(&base->building), path);
	int rc = whole ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");

	if (rc == 0 && symlink(to, whole) < 0 && errno != EEXIST)
		rc = dro_fail_errno(err, "%s", whole);
	free(whole);
	return rc;
}

/* No names and ids of the computer that made it, and nothing that works by itself at night. */
static int settle(const struct base *base, struct dro_error *err)
{
	static const char *const unwanted[] = {"apt-daily.timer", "apt-daily-upgrade.timer",
		"dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer", "man-db.timer"};
	static const char *const dropped[] = {"etc/hostname", "etc/resolv.conf"};
	char path[128];
	size_t i;
	int rc = 0;

	for (i = 0; i < sizeof(dropped) / sizeof(dropped[0]) && rc == 0; i++) {
		snprintf(path, sizeof(path), "tree/%s", dropped[i]);
		rc = write_in(base, path, "", 0644, err);
	}
	if (rc == 0)
		rc = write_in(base, "tree/etc/machine-id", "", 0444, err);
	for (i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]) && rc == 0; i++) {
		snprintf(path, sizeof(path), "tree/etc/systemd/system/%s", unwanted[i]);
		rc = link_in(base, "/dev/null", path, err);
	}
	if (rc == 0 &&
		(rc = write_in(base, "tree/usr/local/sbin/lab-user-data", user_data_script, 0755,
			 err)) == 0 &&
		(rc = write_in(base, "tree/etc/systemd/system/lab-user-data.service",
			 user_data_unit, 0644, err)) == 0)
		rc = link_in(base, "../lab-user-data.service",
			"tree/etc/systemd/system/multi-user.target.wants/lab-user-data.service",
			err);
	return rc;
}

static int write_image(const struct base *base, struct dro_error *err)
{
	struct dro_buf layer = DRO_BUF_INIT(PATH_MAX + 16);
	char *image = dro_path_join(dro_buf_str(&base->building), "image");
	int rc =
		image ? dro_dir_make(image, 0755, err) : dro_fail(err, DRO_ENOMEM, "out of memory");

	dro_buf_printf(&layer, "layer %s/tree\n", dro_buf_str(&base->folder));
	if (rc == 0 && (rc = dro_buf_check(&layer, err)) == 0)
		rc = write_in(base, "image/" LAB_MACHINE_MARK, layer.data, 0644, err);
	dro_buf_free(&layer);
	free(image);
	return rc;
}

/* It appears whole. */
static int make(const struct base *base, struct dro_error *err)
{
	const char *building = dro_buf_str(&base->building);
	int rc;

	if ((rc = dro_dir_remove(building, err)) < 0 ||
		(rc = dro_dir_make(building, 0755, err)) < 0 ||
		(rc = run_debootstrap(base, err)) < 0 || (rc = settle(base, err)) < 0 ||
		(rc = write_image(base, err)) < 0)
		goto out;
	if (rename(building, dro_buf_str(&base->folder)) < 0)
		rc = dro_fail_errno(err, "%s", dro_buf_str(&base->folder));
out:
	if (rc < 0)
		dro_dir_remove(building, NULL);
	return rc;
}

/* One maker at a time; the others find it made. */
static int make_once(const struct base *base, struct dro_error *err)
{
	uint64_t until = dro_now_ms() + MAKE_MS;
	struct dro_buf path = DRO_BUF_INIT(PATH_MAX);
	int fd, rc;

	dro_buf_printf(&path, "%s.lock", dro_buf_str(&base->folder));
	fd = open(dro_buf_str(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	rc = fd < 0 ? dro_fail_errno(err, "%s", dro_buf_str(&path)) : 0;
	while (rc == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (dro_now_ms() > until)
			rc = dro_fail(err, DRO_ETIMEDOUT, "somebody else makes it, too slowly");
		dro_clock_real.sleep_ms(&dro_clock_real, 200);
	}
	if (rc == 0 && access(dro_buf_str(&base->folder), F_OK) < 0)
		rc = make(base, err);
	if (fd >= 0)
		close(fd);
	dro_buf_free(&path);
	return rc;
}

/* Other packages or another mirror make another base. */
static int name_it(struct base *base, const char *cache, struct dro_error *err)
{
	struct dro_buf what = DRO_BUF_INIT(8192);
	char hash[DRO_SHA256_HEX] = "";

	if (strchr(base->suite, '/') || *base->suite == '-' || *base->suite == '.')
		return dro_fail(err, DRO_EINVAL, "not a suite: %s", base->suite);
	if (*cache != '/' || strpbrk(cache, ":,\\"))
		return dro_fail(err, DRO_EINVAL, "--cache is a whole path without : , \\");
	dro_buf_printf(
		&what, "%s %s %s", user_data_script, PACKAGES, base->include ? base->include : "");
	dro_sha256_hex(hash, dro_buf_str(&what), what.length);
	dro_buf_free(&what);
	hash[8] = '\0';
	dro_buf_printf(&base->folder, "%s/%s-%s", cache, base->suite, hash);
	dro_buf_printf(&base->building, "%s.new", dro_buf_str(&base->folder));
	return dro_buf_check(&base->building, err);
}

int lab_base_main(int argc, char **argv)
{
	const char *suite = lab_option(argc, argv, "--suite");
	const char *cache = lab_option(argc, argv, "--cache");
	struct base base = {.suite = suite ? suite : SUITE,
		.mirror = lab_option(argc, argv, "--mirror"),
		.include = lab_option(argc, argv, "--include"),
		.folder = DRO_BUF_INIT(PATH_MAX),
		.building = DRO_BUF_INIT(PATH_MAX)};
	struct dro_buf mirror = DRO_BUF_INIT(1024);
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	if (!base.mirror) {
		find_mirror(base.suite, &mirror);
		base.mirror = dro_buf_str(&mirror);
	}
	cache = cache ? cache : CACHE;
	if ((rc = name_it(&base, cache, &err)) == 0 &&
		(rc = dro_dir_make(cache, 0755, &err)) == 0 && (rc = make_once(&base, &err)) == 0)
		printf("%s/image\n", dro_buf_str(&base.folder));
	else
		fprintf(stderr, "drorch-lab: base: %s\n", err.message);
	dro_buf_free(&mirror);
	dro_buf_free(&base.folder);
	dro_buf_free(&base.building);
	return rc == 0 ? 0 : rc == DRO_EINVAL ? 3 : 1;
}
