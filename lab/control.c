#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/internal.h"

#define MESSAGE_MAX (4u << 20)
#define WORDS_MAX 256
#define ASK_MS (11 * 60 * 1000) /* longer than a copy may take */

struct lab_control {
	struct lab *lab;
	int fd;
	int wake[2];
	pthread_t thread;
};

static int address_of(struct sockaddr_un *address, const char *dir, struct dro_error *err)
{
	int need;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	need = snprintf(address->sun_path, sizeof(address->sun_path), "%s/control.sock", dir);
	if (need < 0 || (size_t)need >= sizeof(address->sun_path))
		return dro_fail(err, DRO_EINVAL,
			"the state folder's path is too long for a socket: %s", dir);
	return 0;
}

/* Up to the end of the line. */
static int read_line(int fd, struct dro_buf *out, int timeout_ms, struct dro_error *err)
{
	for (;;) {
		struct pollfd ready = {fd, POLLIN, 0};
		char chunk[4096];
		ssize_t got;
		int rc = poll(&ready, 1, timeout_ms);

		if (rc == 0)
			return dro_fail(err, DRO_ETIMEDOUT, "no answer in time");
		got = rc < 0 ? -1 : read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return dro_fail(err, DRO_EIO, "the lab closed the connection");
		dro_buf_append(out, chunk, (size_t)got);
		if ((rc = dro_buf_check(out, err)) < 0)
			return rc;
		if (chunk[got - 1] == '\n')
			return 0;
	}
}

static int run_words(
	struct lab *lab, const cJSON *words, struct dro_buf *out, struct dro_error *err)
{
	char *argv[WORDS_MAX + 1] = {0};
	const cJSON *word;
	int argc = 0;

	cJSON_ArrayForEach(word, words)
	{
		if (!cJSON_IsString(word) || argc == WORDS_MAX)
			return dro_fail(err, DRO_EINVAL, "not a list of words");
		argv[argc++] = word->valuestring;
	}
	return lab_command(lab, argc, argv, out, err);
}

static void serve(struct lab_control *control, int fd)
{
	struct dro_buf line = DRO_BUF_INIT(MESSAGE_MAX), text = DRO_BUF_INIT(MESSAGE_MAX);
	struct dro_buf reply = DRO_BUF_INIT(2 * MESSAGE_MAX);
	struct dro_error err = DRO_ERROR_INIT;
	cJSON *words = NULL;
	int rc;

	if ((rc = read_line(fd, &line, 5000, &err)) == 0 &&
		(rc = dro_json_parse(&words, line.data, line.length, MESSAGE_MAX, &err)) == 0)
		rc = run_words(control->lab, words, &text, &err);
	if (rc == 0)
		rc = dro_buf_check(&text, &err);
	dro_buf_printf(&reply, "{\"code\":%d,\"error\":", rc);
	dro_json_quote(&reply, rc < 0 ? err.message : "");
	dro_buf_puts(&reply, ",\"out\":");
	dro_json_quote(&reply, dro_buf_str(&text));
	dro_buf_puts(&reply, "}\n");
	if (!reply.failed)
		dro_write_all(fd, reply.data, reply.length, NULL);
	cJSON_Delete(words);
	dro_buf_free(&line);
	dro_buf_free(&text);
	dro_buf_free(&reply);
}

/* One command after the other: they are few and short. */
static void *listen_loop(void *arg)
{
	struct lab_control *control = arg;

	for (;;) {
		struct pollfd fds[2] = {{control->fd, POLLIN, 0}, {control->wake[0], POLLIN, 0}};
		int fd;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			break;
		fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		serve(control, fd);
		close(fd);
	}
	return NULL;
}

static int open_socket(int *out, const char *dir, struct dro_error *err)
{
	struct sockaddr_un address;
	int rc = address_of(&address, dir, err), fd;

	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return dro_fail_errno(err, "socket");
	/* The folder is 0700 and its lock is ours: what stands there is an ended lab's. */
	unlink(address.sun_path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 64) < 0) {
		rc = dro_fail_errno(err, "%s", address.sun_path);
		close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

int lab_control_start(struct lab_control **out, struct lab *lab, struct dro_error *err)
{
	struct lab_control *control = calloc(1, sizeof(*control));
	int rc;

	if (!control)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	control->lab = lab;
	control->fd = -1;
	if (pipe2(control->wake, O_CLOEXEC) < 0) {
		free(control);
		return dro_fail_errno(err, "pipe");
	}
	rc = open_socket(&control->fd, lab->config.dir, err);
	if (rc == 0 && pthread_create(&control->thread, NULL, listen_loop, control) != 0)
		rc = dro_fail(err, DRO_EAGAIN, "no thread for the control socket");
	if (rc == 0) {
		*out = control;
		return 0;
	}
	if (control->fd >= 0)
		close(control->fd);
	close(control->wake[0]);
	close(control->wake[1]);
	free(control);
	return rc;
}

void lab_control_stop(struct lab_control *control)
{
	struct sockaddr_un address;

	if (!control)
		return;
	close(control->wake[1]);
	pthread_join(control->thread, NULL);
	if (address_of(&address, control->lab->config.dir, NULL) == 0)
		unlink(address.sun_path);
	close(control->fd);
	close(control->wake[0]);
	free(control);
}

static int send_words(int fd, int argc, char **argv, struct dro_error *err)
{
	struct dro_buf line = DRO_BUF_INIT(MESSAGE_MAX);
	int i, rc;

	dro_buf_puts(&line, "[");
	for (i = 0; i < argc; i++) {
		if (i)
			dro_buf_puts(&line, ",");
		dro_json_quote(&line, argv[i]);
	}
	dro_buf_puts(&line, "]\n");
	if ((rc = dro_buf_check(&line, err)) == 0)
		rc = dro_write_all(fd, line.data, line.length, err);
	dro_buf_free(&line);
	return rc;
}

static int take_answer(int fd, struct dro_buf *out, int *exit_code, struct dro_error *err)
{
	struct dro_buf line = DRO_BUF_INIT(2 * MESSAGE_MAX);
	cJSON *json = NULL;
	int64_t code = 0;
	int rc;

	if ((rc = read_line(fd, &line, ASK_MS, err)) == 0 &&
		(rc = dro_json_parse(&json, line.data, line.length, 2 * MESSAGE_MAX, err)) == 0 &&
		(rc = dro_json_int_need(json, "code", &code, err)) == 0) {
		dro_buf_puts(out, dro_json_text(json, "out"));
		*exit_code = code < 0 ? 1 : 0;
		if (code < 0)
			rc = dro_fail(err, (int)code, "%s", dro_json_text(json, "error"));
	}
	cJSON_Delete(json);
	dro_buf_free(&line);
	return rc;
}

int lab_control_ask(const char *dir, int argc, char **argv, struct dro_buf *out, int *exit_code,
	struct dro_error *err)
{
	struct sockaddr_un address;
	int rc = address_of(&address, dir, err), fd;

	*exit_code = 1;
	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return dro_fail_errno(err, "socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		rc = dro_fail(err, DRO_ENOTFOUND, "no lab is running in %s", dir);
	else if ((rc = send_words(fd, argc, argv, err)) == 0)
		rc = take_answer(fd, out, exit_code, err);
	close(fd);
	return rc;
}
