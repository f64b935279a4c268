#include "agent/child.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"

#define WORDS_MAX 64
#define LINE_MAX_BYTES 2048
#define LAST 4 /* lines that are told of a failure */

/* The line in hand of one of its outputs. */
struct lines {
	char text[LINE_MAX_BYTES];
	size_t length;
};

struct listener {
	const struct agent_child *child;
	struct lines out, errors;
	char last[LAST][256]; /* of its standard error; the next one goes to `next` */
	size_t next;
};

static void end_line(struct listener *listener, struct lines *lines)
{
	bool error = lines == &listener->errors;
	char *slot = listener->last[listener->next];

	lines->text[lines->length] = '\0';
	lines->length = 0;
	if (error && *lines->text) {
		memcpy(slot, lines->text, strnlen(lines->text, 250) + 1);
		slot[250] = '\0';
		listener->next = (listener->next + 1) % LAST;
	}
	if (listener->child->line)
		listener->child->line(listener->child->arg, lines->text, error);
}

static int take(struct listener *listener, struct lines *lines, const char *data, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (data[i] == '\n' || data[i] == '\r')
			end_line(listener, lines);
		else if (lines->length < sizeof(lines->text) - 1)
			lines->text[lines->length++] = data[i];
	return 0;
}

static int take_out(void *arg, const char *data, size_t length, struct dro_error *err)
{
	struct listener *listener = arg;

	(void)err;
	return take(listener, &listener->out, data, length);
}

static int take_errors(void *arg, const char *data, size_t length, struct dro_error *err)
{
	struct listener *listener = arg;

	(void)err;
	return take(listener, &listener->errors, data, length);
}

static int describe(const struct listener *listener, const struct dro_proc_result *result,
	struct dro_error *err)
{
	struct dro_buf said = DRO_BUF_INIT(LAST * 300);
	size_t i;
	int rc;

	for (i = 0; i < LAST; i++) {
		const char *line = listener->last[(listener->next + i) % LAST];

		if (*line)
			dro_buf_printf(&said, "%s%s", said.length ? "; " : "", line);
	}
	rc = result->signal
		     ? dro_fail(err, DRO_EIO, "%s was killed by signal %d: %s",
			       listener->child->argv[0], result->signal, dro_buf_str(&said))
		     : dro_fail(err, DRO_EIO, "%s exited with %d: %s", listener->child->argv[0],
			       result->exit_code, dro_buf_str(&said));
	dro_buf_free(&said);
	return rc;
}

/* The child's own words behind those that tie its life to ours. */
static int fill_argv(
	const char *argv[WORDS_MAX], const struct agent_child *child, struct dro_error *err)
{
	static const char *const first[] = {"setpriv", "--pdeathsig", "KILL", "--"};
	size_t used = 0, i;

	for (i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		argv[used++] = first[i];
	if (child->dir) {
		argv[used++] = "env";
		argv[used++] = "-C";
		argv[used++] = child->dir;
	}
	for (i = 0; child->argv[i]; i++) {
		if (used + 1 >= WORDS_MAX)
			return dro_fail(err, DRO_EINVAL, "%s: too many words", child->argv[0]);
		argv[used++] = child->argv[i];
	}
	argv[used] = NULL;
	return 0;
}

/* Told beforehand: setpriv would only exit with 127. */
static int need_program(const char *name, struct dro_error *err)
{
	struct dro_buf path = DRO_BUF_INIT(PATH_MAX);
	int rc = 0;

	if (!strchr(name, '/'))
		rc = dro_proc_find(&path, name, err);
	dro_buf_free(&path);
	return rc == DRO_ENOTFOUND ? dro_fail(err, DRO_EUNSUPPORTED, "%s is not installed", name)
				   : rc;
}

int agent_child_run(const struct agent_child *child, struct dro_error *err)
{
	const char *argv[WORDS_MAX], *env[WORDS_MAX], *path = getenv("PATH");
	struct listener listener = {.child = child};
	struct dro_proc_result result = {.exit_code = -1};
	char *own_path = NULL;
	size_t used = 0, i;
	int rc;

	if ((rc = need_program(child->argv[0], err)) < 0)
		return rc;
	if ((rc = fill_argv(argv, child, err)) < 0)
		return rc;
	if (asprintf(&own_path, "PATH=%s", path ? path : "/usr/local/bin:/usr/bin:/bin") < 0)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	env[used++] = own_path;
	for (i = 0; child->env && child->env[i] && used + 1 < WORDS_MAX; i++)
		env[used++] = child->env[i];
	env[used] = NULL;
	rc = dro_proc_watch(&(struct dro_proc){.argv = (char *const *)argv,
				    .env = (char *const *)env,
				    .input = child->input,
				    .out = take_out,
				    .errors = take_errors,
				    .arg = &listener,
				    .stop = child->stop,
				    .deadline_ms = child->deadline_ms,
				    .grace_ms = child->grace_ms},
		&result, err);
	free(own_path);
	if (child->status)
		*child->status = result.exit_code;
	if (rc < 0)
		return rc;
	if (listener.out.length)
		end_line(&listener, &listener.out);
	if (listener.errors.length)
		end_line(&listener, &listener.errors);
	return result.exit_code == 0 ? 0 : describe(&listener, &result, err);
}

int agent_child_file(
	char path[AGENT_CHILD_PATH], const void *data, size_t length, struct dro_error *err)
{
	int fd = memfd_create("drorch", MFD_CLOEXEC), rc;

	if (fd < 0)
		return dro_fail_errno(err, "memfd_create");
	/* Not by the descriptor's number alone: a child inherits none. */
	snprintf(path, AGENT_CHILD_PATH, "/proc/%d/fd/%d", (int)getpid(), fd);
	if (fchmod(fd, 0600) < 0)
		rc = dro_fail_errno(err, "memfd_create");
	else
		rc = dro_write_all(fd, data, length, err);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}
