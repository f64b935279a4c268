#include "lab/host_key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "lab/machine.h"

#define FOLDER "root/etc/ssh"
#define PREFIX "ssh_host_"
#define NAME PREFIX "ed25519_key"
#define PUBLIC ".pub"
#define MAKE_MS 10000
#define LINE_BYTES 4096

/* Calls back for each key file's name. */
static void each_key(int fd, void (*see)(void *arg, int fd, const char *name), void *arg)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	if (!dir && copy >= 0)
		close(copy);
	while (dir && (entry = readdir(dir)))
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
			see(arg, fd, entry->d_name);
	if (dir)
		closedir(dir);
}

static void remove_key(void *arg, int fd, const char *name)
{
	(void)arg;
	unlinkat(fd, name, 0);
}

static int run_keygen(const char *path, struct dro_error *err)
{
	char *const argv[] = {
		"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", (char *)path, NULL};
	struct dro_buf errors = DRO_BUF_INIT(4096);
	struct dro_proc_result result = {0};
	int rc =
		dro_proc_run(argv, NULL, NULL, NULL, &errors, dro_now_ms() + MAKE_MS, &result, err);

	if (rc == 0 && result.exit_code != 0)
		rc = dro_fail(err, DRO_EIO, "ssh-keygen: %.300s", dro_buf_str(&errors));
	dro_buf_free(&errors);
	return rc;
}

/* Moves both files of the pair. */
static int place(const char *path, int folder, struct dro_error *err)
{
	struct dro_buf public = DRO_BUF_INIT(4096);
	int rc = 0;

	dro_buf_printf(&public, "%s" PUBLIC, path);
	if ((rc = dro_buf_check(&public, err)) == 0 &&
		(renameat(AT_FDCWD, path, folder, NAME) < 0 ||
			renameat(AT_FDCWD, public.data, folder, NAME PUBLIC) < 0))
		rc = dro_fail_errno(err, "the machine's host key");
	dro_buf_free(&public);
	return rc;
}

int lab_host_key_make(const char *dir, const char *disk, struct dro_error *err)
{
	char *work = dro_path_join(dir, "key"), *path = work ? dro_path_join(work, NAME) : NULL;
	int folder = lab_machine_folder(disk, FOLDER, true), rc;

	if (!path)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else if (folder < 0)
		rc = dro_fail_errno(err, "/etc/ssh of the image");
	else if ((rc = dro_dir_remove(work, err)) == 0 &&
		 (rc = dro_dir_make(work, 0700, err)) == 0 && (rc = run_keygen(path, err)) == 0) {
		each_key(folder, remove_key, NULL);
		rc = place(path, folder, err);
	}
	if (work)
		dro_dir_remove(work, NULL);
	if (folder >= 0)
		close(folder);
	free(path);
	free(work);
	return rc;
}

struct lines {
	const char *hosts;
	struct dro_buf *out;
	int count;
};

/* "TYPE BASE64", as far as that is what stands there: the machine can write what it likes. */
static size_t key_length(const char *text)
{
	static const char key[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789+/=";
	size_t first, second;

	first = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-@.");
	second = first && text[first] == ' ' ? strspn(text + first + 1, key) : 0;
	return second ? first + 1 + second : 0;
}

static void put_line(void *arg, int fd, const char *name)
{
	struct lines *lines = arg;
	size_t length = strlen(name), end = strlen(PUBLIC);
	char text[LINE_BYTES];
	ssize_t got = -1;
	int key;

	if (length <= end || strcmp(name + length - end, PUBLIC) != 0)
		return;
	key = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (key < 0)
		return;
	got = read(key, text, sizeof(text) - 1);
	close(key);
	if (got <= 0)
		return;
	text[got] = '\0';
	if (!(length = key_length(text)))
		return;
	dro_buf_printf(lines->out, "%s %.*s\n", lines->hosts, (int)length, text);
	lines->count++;
}

int lab_host_key_lines(const char *disk, const char *hosts, struct dro_buf *out)
{
	struct lines lines = {.hosts = hosts, .out = out};
	int folder = lab_machine_folder(disk, FOLDER, false);

	if (folder < 0)
		return 0;
	each_key(folder, put_line, &lines);
	close(folder);
	return lines.count;
}
