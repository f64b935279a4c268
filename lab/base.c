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
#include "lab/base.h"
#include "lab/machine.h"
#include "lab/options.h"

#define CACHE "/var/cache/drorch-lab"
#define SUITE "bookworm"
#define MIRROR "http://deb.debian.org/debian"
#define PACKAGES "systemd,systemd-sysv,iproute2,iputils-ping,curl,ca-certificates"
/* What a service's hosts are made of, the agent's libraries, and what Ansible wants to find there:
 * a machine reaches no mirror. */
#define SITE_PACKAGES                                                                              \
	"openssh-server,sudo,python3,python3-apt,python3-pymysql,acl,mariadb-server,"              \
	"mariadb-backup,restic,rsync,lsyncd,nftables,zstd,libmariadb3,libcurl4,libarchive13,"      \
	"libmicrohttpd12,libcjson1,libyaml-0-2,libssl3,libexpat1,libsqlite3-0"
#define MAKE_MS (20 * 60 * 1000)
#define APT_MS 10000

struct base {
	const char *suite, *mirror;
	struct dro_buf packages;
	struct dro_buf folder; /* CACHE/NAME */
	struct dro_buf building;
};

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
	struct dro_buf errors = DRO_BUF_INIT(65536), mirror = DRO_BUF_INIT(1024);
	struct dro_proc_result result = {0};
	int rc;

	if (base->mirror)
		dro_buf_puts(&mirror, base->mirror);
	else
		find_mirror(base->suite, &mirror);

	dro_buf_printf(&include, "--include=%s", dro_buf_str(&base->packages));
	dro_buf_printf(&tree, "%s/tree", dro_buf_str(&base->building));
	if ((rc = dro_buf_check(&include, err)) == 0 && (rc = dro_buf_check(&tree, err)) == 0 &&
		(rc = dro_buf_check(&mirror, err)) == 0) {
		char *const argv[] = {"setpriv", "--pdeathsig", "KILL", "unshare", "--mount",
			"--pid", "--fork", "--kill-child", "--mount-proc", "debootstrap",
			"--variant=minbase", include.data, (char *)base->suite, tree.data,
			mirror.data, NULL};

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
	dro_buf_free(&mirror);
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
	struct dro_buf tree = DRO_BUF_INIT(PATH_MAX);
	int rc;

	dro_buf_printf(&tree, "%s/tree", building);
	if ((rc = dro_buf_check(&tree, err)) < 0 || (rc = dro_dir_remove(building, err)) < 0 ||
		(rc = dro_dir_make(building, 0755, err)) < 0 ||
		(rc = run_debootstrap(base, err)) < 0 ||
		(rc = lab_base_settle(dro_buf_str(&tree), err)) < 0 ||
		(rc = write_image(base, err)) < 0)
		goto out;
	if (rename(building, dro_buf_str(&base->folder)) < 0)
		rc = dro_fail_errno(err, "%s", dro_buf_str(&base->folder));
out:
	if (rc < 0)
		dro_dir_remove(building, NULL);
	dro_buf_free(&tree);
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

/* Other packages, or other changes of ours, make another base. */
static int name_it(struct base *base, const char *cache, struct dro_error *err)
{
	struct dro_buf what = DRO_BUF_INIT(65536);
	char hash[DRO_SHA256_HEX] = "";

	if (strchr(base->suite, '/') || *base->suite == '-' || *base->suite == '.')
		return dro_fail(err, DRO_EINVAL, "not a suite: %s", base->suite);
	if (*cache != '/' || strpbrk(cache, ":,\\"))
		return dro_fail(err, DRO_EINVAL, "--cache is a whole path without : , \\");
	dro_buf_printf(&what, "%s\n", dro_buf_str(&base->packages));
	lab_base_recipe(&what);
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
	const char *include = lab_option(argc, argv, "--include");
	struct base base = {.suite = suite ? suite : SUITE,
		.mirror = lab_option(argc, argv, "--mirror"),
		.packages = DRO_BUF_INIT(8192),
		.folder = DRO_BUF_INIT(PATH_MAX),
		.building = DRO_BUF_INIT(PATH_MAX)};
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	cache = cache ? cache : CACHE;
	dro_buf_printf(&base.packages, PACKAGES "%s%s%s",
		lab_flag(argc, argv, "--site") ? "," SITE_PACKAGES : "", include ? "," : "",
		include ? include : "");
	if ((rc = dro_buf_check(&base.packages, &err)) == 0 &&
		(rc = name_it(&base, cache, &err)) == 0 &&
		(rc = dro_dir_make(cache, 0755, &err)) == 0 && (rc = make_once(&base, &err)) == 0)
		printf("%s/image\n", dro_buf_str(&base.folder));
	else
		fprintf(stderr, "drorch-lab: base: %s\n", err.message);
	dro_buf_free(&base.packages);
	dro_buf_free(&base.folder);
	dro_buf_free(&base.building);
	return rc == 0 ? 0 : rc == DRO_EINVAL ? 3 : 1;
}
