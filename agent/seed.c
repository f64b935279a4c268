#include "agent/seed.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/pipe.h"
#include "agent/ssh.h"
#include "base/clock.h"
#include "base/file.h"
#include "net/secret.h"

#define OPTION_MAX 8192
#define SECRET_MS 10000
#define INFO_MAX 65536

/* ---- the side that is copied -------------------------------------------------------------- */

/* An option file that is nowhere on a disk, as standard input. */
static int pass_options(const struct agent_database *config, struct dro_error *err)
{
	const struct agent_seed *seed = &config->seed;
	const struct dro_secret_ref *ref = *seed->user ? &seed->password : &config->password;
	struct dro_secret password = DRO_SECRET_INIT;
	struct dro_buf text = DRO_BUF_INIT(OPTION_MAX);
	int fd = memfd_create("options", 0), rc = 0;
	const char *at;

	if (fd < 0 || fchmod(fd, 0600) < 0) {
		rc = dro_fail_errno(err, "memory for options");
		goto out;
	}
	if (ref->kind != DRO_SECRET_NONE &&
		(rc = dro_secret_resolve(&password, ref, NULL, dro_now_ms() + SECRET_MS, err)) < 0)
		goto out;
	dro_buf_puts(&text, "[mariadb-backup]\n");
	if (password.value) {
		dro_buf_puts(&text, "password=\"");
		for (at = password.value; *at; at++)
			dro_buf_printf(&text, *at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
		dro_buf_puts(&text, "\"\n");
	}
	if ((rc = dro_buf_check(&text, err)) < 0 ||
		(rc = dro_write_all(fd, text.data, text.length, err)) < 0)
		goto out;
	if (lseek(fd, 0, SEEK_SET) < 0 || dup2(fd, STDIN_FILENO) < 0)
		rc = dro_fail_errno(err, "options");
out:
	if (fd >= 0)
		close(fd);
	if (text.data)
		explicit_bzero(text.data, text.capacity);
	dro_buf_free(&text);
	dro_secret_free(&password);
	return rc;
}

int agent_seed(const struct agent_config *config, struct dro_error *err)
{
	const struct agent_database *database = &config->database;
	struct dro_buf user = DRO_BUF_INIT(OPTION_MAX), socket = DRO_BUF_INIT(OPTION_MAX),
		       data = DRO_BUF_INIT(OPTION_MAX);
	int rc;

	if (!database->given || strcmp(database->kind, "mariadb") != 0)
		return dro_fail(err, DRO_EUNSUPPORTED, "the configuration names no MariaDB");
	if ((rc = pass_options(database, err)) < 0)
		return rc;
	dro_buf_printf(
		&user, "--user=%s", *database->seed.user ? database->seed.user : database->user);
	dro_buf_printf(&socket, "--socket=%s", database->socket);
	dro_buf_printf(&data, "--datadir=%s", database->server.data);
	if ((rc = dro_buf_check(&user, err)) == 0 && (rc = dro_buf_check(&socket, err)) == 0 &&
		(rc = dro_buf_check(&data, err)) == 0) {
		char *argv[] = {"mariadb-backup", "--defaults-extra-file=/dev/stdin", "--backup",
			"--stream=xbstream", user.data, socket.data, data.data, NULL};

		execvp(argv[0], argv);
		rc = dro_fail_errno(err, "%s", argv[0]);
	}
	dro_buf_free(&user);
	dro_buf_free(&socket);
	dro_buf_free(&data);
	return rc;
}

/* ---- the other ---------------------------------------------------------------------------- */

static int fetch(const struct agent_config *config, const char *host, const char *folder,
	const char *log, uint64_t deadline_ms, struct dro_error *err)
{
	char *unpack[] = {"mbstream", "-x", "-C", (char *)folder, NULL};
	char *argv[AGENT_SSH_WORDS + 4];
	struct agent_ssh_line ssh;
	size_t used;
	int rc;

	if ((rc = agent_ssh_line(&ssh, &config->database.seed.ssh, "", err)) < 0)
		return rc;
	for (used = 0; ssh.words[used]; used++)
		argv[used] = ssh.words[used];
	argv[used++] = "--";
	argv[used++] = (char *)host;
	argv[used++] = "drorch-agent seed";
	argv[used] = NULL;
	return agent_pipe_run(argv, unpack, log, deadline_ms, err);
}

static int prepare(const char *folder, const char *log, uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf target = DRO_BUF_INIT(OPTION_MAX);
	int rc;

	dro_buf_printf(&target, "--target-dir=%s", folder);
	if ((rc = dro_buf_check(&target, err)) == 0) {
		char *argv[] = {"mariadb-backup", "--no-defaults", "--prepare", target.data, NULL};

		rc = agent_pipe_run(argv, NULL, log, deadline_ms, err);
	}
	dro_buf_free(&target);
	return rc;
}

/* "binlog.000002\t1234\t0-1-105\n": the newer name first. */
static int read_position(char *out, size_t size, const char *folder, struct dro_error *err)
{
	static const char *const names[] = {"mariadb_backup_binlog_info", "xtrabackup_binlog_info"};
	struct dro_buf text = DRO_BUF_INIT(INFO_MAX);
	const char *at = NULL;
	int rc = DRO_ENOTFOUND;
	size_t i, length = 0;

	for (i = 0; rc == DRO_ENOTFOUND && i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = dro_path_join(folder, names[i]);

		rc = path ? dro_file_read(&text, path, err)
			  : dro_fail(err, DRO_ENOMEM, "out of memory");
		free(path);
	}
	if (rc < 0)
		goto out;
	at = strchr(dro_buf_str(&text), '\t');
	at = at ? strchr(at + 1, '\t') : NULL;
	length = at ? strspn(at + 1, "0123456789-,\n") : 0; /* long ones are broken over lines */
	if (!at || !length || length >= size) {
		rc = dro_fail(err, DRO_EPROTO, "the copy does not say which GTIDs it has");
		goto out;
	}
	for (at++, i = 0; length; at++, length--)
		if (*at != '\n')
			out[i++] = *at;
	out[i] = '\0';
out:
	dro_buf_free(&text);
	return rc;
}

static int sync_folder(const char *folder, struct dro_error *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0 || syncfs(fd) < 0)
		rc = dro_fail_errno(err, "%s", folder);
	if (fd >= 0)
		close(fd);
	return rc;
}

int agent_seed_fetch(const struct agent_config *config, const char *host, const char *folder,
	const char *like, char *position, size_t size, uint64_t deadline_ms, struct dro_error *err)
{
	char *log = dro_path_join(config->state, "seed.log");
	int rc;

	if (!log)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if ((rc = dro_dir_remove(folder, err)) < 0)
		goto out;
	if (mkdir(folder, 0700) < 0) {
		rc = dro_fail_errno(err, "%s", folder);
		goto out;
	}
	if ((rc = fetch(config, host, folder, log, deadline_ms, err)) < 0 ||
		(rc = prepare(folder, log, deadline_ms, err)) < 0 ||
		(rc = read_position(position, size, folder, err)) < 0 ||
		(rc = agent_seed_own(folder, like, err)) < 0)
		goto out;
	rc = sync_folder(folder, err);
out:
	if (rc < 0)
		dro_dir_remove(folder, NULL); /* it may be what took all the room */
	free(log);
	return rc;
}

/* ---- folders ------------------------------------------------------------------------------ */

int agent_seed_own(const char *folder, const char *like, struct dro_error *err)
{
	char *roots[] = {(char *)folder, NULL};
	struct stat st;
	FTSENT *entry;
	FTS *walk;
	int rc = 0;

	if (lstat(like, &st) < 0)
		return dro_fail_errno(err, "%s", like);
	walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!walk)
		return dro_fail_errno(err, "%s", folder);
	while (rc == 0 && (entry = fts_read(walk)))
		if (entry->fts_info != FTS_DP &&
			lchown(entry->fts_accpath, st.st_uid, st.st_gid) < 0)
			rc = dro_fail_errno(err, "%s", entry->fts_path);
	fts_close(walk);
	if (rc == 0 && chmod(folder, st.st_mode & 07777) < 0)
		rc = dro_fail_errno(err, "%s", folder);
	return rc;
}

int agent_seed_in_use(const char *data, bool *out, struct dro_error *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char *path = dro_path_join(data, "ibdata1");
	int fd, rc = 0;

	*out = false;
	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0)
		*out = lock.l_type != F_UNLCK;
	else if (errno != ENOENT)
		rc = dro_fail_errno(err, "%s", path);
	if (fd >= 0)
		close(fd);
	free(path);
	return rc;
}

int agent_seed_exchange(const char *one, const char *two, struct dro_error *err)
{
	char *parent = strdup(one);
	int rc = 0;

	if (!parent)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (strrchr(parent, '/') > parent)
		*strrchr(parent, '/') = '\0';
	if (renameat2(AT_FDCWD, one, AT_FDCWD, two, RENAME_EXCHANGE) < 0)
		rc = dro_fail_errno(err, "%s and %s", one, two);
	else
		rc = sync_folder(parent, err);
	free(parent);
	return rc;
}
