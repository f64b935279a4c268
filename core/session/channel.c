#include "session/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"

#define ARGS_MAX 40
#define SAID_MAX 4096

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/*
 * ssh reads the key from a file. One that is a file is named; any other is put where only this
 * process and its children can open it, for as long as *fd is open.
 */
static int identity_path(char *path, size_t size, int *fd, const struct dro_secret_ref *identity,
	struct dro_redactor *redactor, uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_secret key = DRO_SECRET_INIT;
	int rc;

	if (identity->kind == DRO_SECRET_FILE) {
		snprintf(path, size, "%s", identity->value);
		return 0;
	}
	if ((rc = dro_secret_resolve(&key, identity, redactor, deadline_ms, err)) < 0)
		return dro_error_context(err, "the ssh identity");
	*fd = memfd_create("identity", MFD_CLOEXEC);
	if (*fd < 0 || fchmod(*fd, 0600) < 0 ||
		write(*fd, key.value, key.length) != (ssize_t)key.length ||
		write(*fd, "\n", 1) != 1)
		rc = dro_fail_errno(err, "the ssh identity");
	snprintf(path, size, "/proc/%d/fd/%d", (int)getpid(), *fd);
	dro_secret_free(&key);
	return rc;
}

static int start(struct dro_channel *channel, const struct dro_session_host *host,
	const char *identity, int theirs, int errors, struct dro_error *err)
{
	char alias[300], known[PATH_MAX], port[32], path[PATH_MAX], home[PATH_MAX];
	/* The agent is what the forced command runs, whatever is asked for. */
	char *argv[ARGS_MAX] = {"ssh", "-T", "-F", "none", "-o", "BatchMode=yes", "-o",
		"IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=3",
		"-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=2", "-o",
		"ControlMaster=no", "-o", "ControlPath=none", "-o", "ForwardAgent=no", "-o",
		"GlobalKnownHostsFile=none", "-o", alias, "-o", known, "-o", "LogLevel=ERROR", "-i",
		(char *)identity, "-l", host->agent->ssh_user, "-o", port, "--",
		(char *)host->address, "drorch-agent session", NULL};

	/* Credentials of providers may be in ours. */
	char *env[] = {path, home, NULL};

	snprintf(path, sizeof(path), "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	snprintf(home, sizeof(home), "HOME=%s", getenv("HOME") ? getenv("HOME") : "/");
	snprintf(port, sizeof(port), "Port=%d", host->agent->ssh_port);
	snprintf(alias, sizeof(alias), "HostKeyAlias=%s", host->name);
	if (snprintf(known, sizeof(known), "UserKnownHostsFile=\"%s\"", host->agent->known_hosts) >=
		(int)sizeof(known))
		return dro_fail(err, DRO_EINVAL, "the path of known_hosts is too long");
	return dro_proc_start(&channel->pid, argv, env, theirs, theirs, errors, err);
}

int dro_channel_open(struct dro_channel *channel, const struct dro_session_host *host,
	struct dro_redactor *redactor, uint64_t deadline_ms, struct dro_error *err)
{
	int ends[2] = {-1, -1}, errors[2] = {-1, -1}, rc;
	char identity[PATH_MAX];

	dro_channel_close(channel);
	if (!dro_agent_has_session(host->agent))
		return dro_fail(err, DRO_EINVAL, "the spec names no agent.ssh for %s", host->name);
	if (*host->address == '-' || *host->name == '-')
		return dro_fail(err, DRO_EINVAL, "%s is no address", host->address);
	if ((rc = identity_path(identity, sizeof(identity), &channel->key, &host->agent->identity,
		     redactor, deadline_ms, err)) < 0)
		goto out;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ||
		pipe2(errors, O_CLOEXEC) < 0) {
		rc = dro_fail_errno(err, "ssh");
		goto out;
	}
	if ((rc = start(channel, host, identity, ends[1], errors[1], err)) < 0)
		goto out;
	channel->fd = ends[0];
	channel->errors = errors[0];
	ends[0] = errors[0] = -1;
	fcntl(channel->fd, F_SETFL, O_NONBLOCK);
	fcntl(channel->errors, F_SETFL, O_NONBLOCK);
out:
	close_fd(&ends[0]);
	close_fd(&ends[1]);
	close_fd(&errors[0]);
	close_fd(&errors[1]);
	return rc;
}

void dro_channel_close(struct dro_channel *channel)
{
	close_fd(&channel->fd);
	close_fd(&channel->errors);
	close_fd(&channel->key);
	dro_proc_kill(channel->pid);
	channel->pid = 0;
	dro_buf_reset(&channel->in);
}

bool dro_channel_alive(struct dro_channel *channel)
{
	struct pollfd fd = {channel->fd, POLLIN, 0};
	char byte;

	if (channel->fd < 0)
		return false;
	return poll(&fd, 1, 0) == 0 || recv(channel->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Waits for `events` of the channel. */
static int await(
	struct dro_channel *channel, short events, uint64_t deadline_ms, struct dro_error *err)
{
	for (;;) {
		struct pollfd fd = {channel->fd, events, 0};
		uint64_t now = dro_now_ms();
		int ready;

		if (now >= deadline_ms)
			return dro_fail(err, DRO_ETIMEDOUT, "no answer in time");
		ready = poll(&fd, 1, deadline_ms - now > 60000 ? 60000 : (int)(deadline_ms - now));
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return dro_fail_errno(err, "poll");
	}
}

static int gone(struct dro_error *err)
{
	return dro_fail(err, DRO_EIO, "ssh has ended");
}

int dro_channel_write(struct dro_channel *channel, const struct dro_buf *line, uint64_t deadline_ms,
	struct dro_error *err)
{
	size_t sent = 0;
	int rc;

	while (sent < line->length) {
		ssize_t put = send(channel->fd, line->data + sent, line->length - sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (put > 0)
			sent += (size_t)put;
		else if (put < 0 && errno != EAGAIN && errno != EINTR)
			return gone(err);
		else if ((rc = await(channel, POLLOUT, deadline_ms, err)) < 0)
			return rc;
	}
	return 0;
}

/* Takes the first whole line out of what was read. */
static bool take_line(struct dro_channel *channel, struct dro_buf *line)
{
	const char *end =
		channel->in.length ? memchr(channel->in.data, '\n', channel->in.length) : NULL;
	size_t length;

	if (!end)
		return false;
	length = (size_t)(end - channel->in.data);
	dro_buf_append(line, channel->in.data, length);
	channel->in.length -= length + 1;
	memmove(channel->in.data, end + 1, channel->in.length + 1);
	return true;
}

int dro_channel_read(struct dro_channel *channel, struct dro_buf *line, uint64_t deadline_ms,
	struct dro_error *err)
{
	char chunk[16384];
	ssize_t got;
	int rc;

	while (!take_line(channel, line)) {
		if ((rc = await(channel, POLLIN, deadline_ms, err)) < 0)
			return rc;
		got = recv(channel->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return gone(err);
		if (got > 0)
			dro_buf_append(&channel->in, chunk, (size_t)got);
		if (channel->in.failed)
			return dro_fail(err, DRO_EPROTO, "an answer of more than %u bytes",
				DRO_CHANNEL_LINE_MAX);
	}
	return dro_buf_check(line, err);
}

void dro_channel_said(struct dro_channel *channel, char *out, size_t size)
{
	char text[SAID_MAX];
	ssize_t got = channel->errors >= 0 ? read(channel->errors, text, sizeof(text) - 1) : 0;
	char *last;

	text[got > 0 ? got : 0] = '\0';
	while (got > 0 && (text[got - 1] == '\n' || text[got - 1] == '\r'))
		text[--got] = '\0';
	last = strrchr(text, '\n');
	snprintf(out, size, "%s", last ? last + 1 : text);
}
