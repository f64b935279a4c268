#include "net/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"

#define COMMAND_MS 10000

int dro_secret_set(
	struct dro_secret *secret, const char *value, size_t length, struct dro_error *err)
{
	char *copy = calloc(1, length + 1);

	if (!copy)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (value)
		memcpy(copy, value, length);
	dro_secret_free(secret);
	secret->value = copy;
	secret->length = length;
	return 0;
}

void dro_secret_free(struct dro_secret *secret)
{
	if (!secret)
		return;
	if (secret->value)
		explicit_bzero(secret->value, secret->length);
	free(secret->value);
	*secret = (struct dro_secret)DRO_SECRET_INIT;
}

/* All of its room at once: a buffer that grew would leave copies behind. */
static int secret_buf(struct dro_buf *buf, struct dro_error *err)
{
	*buf = (struct dro_buf)DRO_BUF_INIT(DRO_SECRET_MAX_BYTES);
	buf->data = calloc(1, DRO_SECRET_MAX_BYTES + 1);
	if (!buf->data)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	buf->capacity = DRO_SECRET_MAX_BYTES + 1;
	return 0;
}

static void wipe_buf(struct dro_buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->capacity);
	dro_buf_free(buf);
}

static int read_env(struct dro_buf *out, const char *name, struct dro_error *err)
{
	const char *value = getenv(name);

	if (!value)
		return dro_fail(err, DRO_EAUTH, "it is not set");
	dro_buf_puts(out, value);
	return 0;
}

/* Ours or root's, and nobody else's; root may let a group read, which is how a service gets it. */
static int check_owner(const struct stat *st, struct dro_error *err)
{
	mode_t forbidden = st->st_uid == 0 ? S_IWGRP | S_IRWXO : S_IRWXG | S_IRWXO;

	if (!S_ISREG(st->st_mode))
		return dro_fail(err, DRO_EAUTH, "it is not a regular file");
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return dro_fail(err, DRO_EAUTH, "it belongs to another user");
	if (st->st_mode & forbidden)
		return dro_fail(err, DRO_EAUTH,
			"mode %04o lets others use it; make it 0600 (or 0640 where root owns it)",
			(unsigned)(st->st_mode & 07777));
	return 0;
}

static int read_file(struct dro_buf *out, const char *path, bool check, struct dro_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc = 0;
	struct stat st;

	if (fd < 0)
		return dro_fail(err, DRO_EAUTH, "%s", strerror(errno));
	if (fstat(fd, &st) < 0)
		rc = dro_fail(err, DRO_EAUTH, "%s", strerror(errno));
	else if (check)
		rc = check_owner(&st, err);
	while (rc == 0) {
		size_t room = out->max - out->length;
		/* One byte more than there may be tells a file that is too long. */
		ssize_t got = read(fd, out->data + out->length, room + 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			rc = dro_fail(err, DRO_EAUTH, "%s", strerror(errno));
		else if ((size_t)got > room)
			rc = dro_fail(err, DRO_EAUTH, "more than %zu bytes", out->max);
		if (got <= 0 || rc < 0)
			break;
		out->length += (size_t)got;
	}
	close(fd);
	return rc;
}

static int read_systemd(struct dro_buf *out, const char *name, struct dro_error *err)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char *path;
	int rc;

	if (!dir || *dir != '/')
		return dro_fail(err, DRO_EAUTH, "CREDENTIALS_DIRECTORY is not set");
	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return dro_fail(err, DRO_EAUTH, "not a credential's name");
	path = dro_path_join(dir, name);
	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	/* systemd guards its folder itself, with an access list that the mode bits do not tell. */
	rc = read_file(out, path, false, err);
	free(path);
	return rc;
}

/* What it wrote to standard error is dropped: it may quote the secret. */
static int run_command(
	struct dro_buf *out, char *const argv[], uint64_t deadline_ms, struct dro_error *err)
{
	uint64_t latest_ms = dro_now_ms() + COMMAND_MS;
	struct dro_proc_result result = {0, 0};
	int rc;

	if (!argv || !argv[0])
		return dro_fail(err, DRO_EAUTH, "it is empty");
	rc = dro_proc_run(argv, NULL, NULL, out, NULL,
		deadline_ms < latest_ms ? deadline_ms : latest_ms, &result, err);
	if (rc < 0 && rc != DRO_ENOMEM && err)
		err->code = DRO_EAUTH;
	if (rc < 0)
		return rc == DRO_ENOMEM ? rc : DRO_EAUTH;
	if (result.signal)
		return dro_fail(err, DRO_EAUTH, "ended by signal %d", result.signal);
	if (result.exit_code)
		return dro_fail(err, DRO_EAUTH, "exit code %d", result.exit_code);
	return 0;
}

static int look_up(struct dro_buf *out, const struct dro_secret_ref *ref, uint64_t deadline_ms,
	struct dro_error *err)
{
	switch (ref->kind) {
	case DRO_SECRET_ENV:
		return read_env(out, ref->value, err);
	case DRO_SECRET_FILE:
		return read_file(out, ref->value, true, err);
	case DRO_SECRET_SYSTEMD:
		return read_systemd(out, ref->value, err);
	case DRO_SECRET_COMMAND:
		return run_command(out, ref->argv, deadline_ms, err);
	case DRO_SECRET_NONE:
		break;
	}
	return dro_fail(err, DRO_EAUTH, "none is given");
}

/* The reference as messages name it; a command by its program only. */
static void name_reference(const struct dro_secret_ref *ref, struct dro_error *err)
{
	switch (ref->kind) {
	case DRO_SECRET_ENV:
		dro_error_context(err, "secret from the variable %s", ref->value);
		break;
	case DRO_SECRET_FILE:
		dro_error_context(err, "secret from the file %s", ref->value);
		break;
	case DRO_SECRET_SYSTEMD:
		dro_error_context(err, "secret from the systemd credential %s", ref->value);
		break;
	case DRO_SECRET_COMMAND:
		dro_error_context(err, "secret from the command %s",
			ref->argv && ref->argv[0] ? ref->argv[0] : "");
		break;
	case DRO_SECRET_NONE:
		dro_error_context(err, "secret");
		break;
	}
}

static int check_text(struct dro_buf *text, bool cut_newline, struct dro_error *err)
{
	if (text->failed)
		return dro_fail(err, DRO_EAUTH, "more than %zu bytes", text->max);
	if (cut_newline && text->length > 0 && text->data[text->length - 1] == '\n') {
		text->length--;
		if (text->length > 0 && text->data[text->length - 1] == '\r')
			text->length--;
	}
	if (text->length == 0)
		return dro_fail(err, DRO_EAUTH, "it is empty");
	if (memchr(text->data, '\0', text->length))
		return dro_fail(err, DRO_EAUTH, "it has a NUL character");
	return 0;
}

int dro_secret_resolve(struct dro_secret *out, const struct dro_secret_ref *ref,
	struct dro_redactor *redactor, uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf text;
	int rc;

	if ((rc = secret_buf(&text, err)) < 0)
		return rc;
	if ((rc = look_up(&text, ref, deadline_ms, err)) < 0 ||
		(rc = check_text(&text, ref->kind != DRO_SECRET_ENV, err)) < 0) {
		name_reference(ref, err);
		goto out;
	}
	if (redactor && (rc = dro_redactor_add(redactor, text.data, text.length, err)) < 0)
		goto out;
	rc = dro_secret_set(out, text.data, text.length, err);
out:
	wipe_buf(&text);
	return rc;
}
