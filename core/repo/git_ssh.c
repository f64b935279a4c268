#include "repo/git.h"

#include <errno.h>
#include <fcntl.h>
#include <git2/sys/transport.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

extern char **environ;

struct ssh {
	git_smart_subtransport base;
	struct ssh_stream *stream; /* serves both actions of a fetch */
};

struct ssh_stream {
	git_smart_subtransport_stream base;
	pid_t pid;
	int in, out, errors;
	char said[512]; /* the last line of its standard error */
};

struct ssh_url {
	char *target; /* [user@]host */
	char *port;   /* or NULL */
	char *path;
};

static void url_free(struct ssh_url *url)
{
	free(url->target);
	free(url->port);
	free(url->path);
}

/* ssh://[user@]host[:port]/path, or [user@]host:path. */
static int url_parse(struct ssh_url *out, const char *url)
{
	const char *host, *end, *path, *port = NULL, *at;

	if (strncmp(url, "ssh://", 6) == 0) {
		host = url + 6;
		path = strchr(host, '/');
		if (!path)
			return -1;
		end = path;
		at = memchr(host, '@', (size_t)(path - host));
		port = memchr(at ? at : host, ':', (size_t)(path - (at ? at : host)));
		if (port)
			end = port++;
		if (path[1] == '~')
			path++;
	} else {
		host = url;
		end = strchr(url, ':');
		if (!end)
			return -1;
		path = end + 1;
	}
	if (end == host || *host == '-' || !*path)
		return -1;
	out->target = strndup(host, (size_t)(end - host));
	out->port = port ? strndup(port, strcspn(port, "/")) : NULL;
	out->path = strdup(path);
	return out->target && out->path && (!port || out->port) ? 0 : -1;
}

/* For the remote shell: one word, whatever is in it. */
static char *remote_command(const char *path)
{
	struct dro_buf command = DRO_BUF_INIT(8192);

	dro_buf_puts(&command, "git-upload-pack '");
	for (; *path; path++) {
		if (*path == '\'' || *path == '!')
			dro_buf_printf(&command, "'\\%c'", *path);
		else
			dro_buf_append(&command, path, 1);
	}
	dro_buf_puts(&command, "'");
	return dro_buf_take(&command);
}

static int spawn(struct ssh_stream *stream, char *const argv[])
{
	posix_spawn_file_actions_t actions;
	int in[2] = {-1, -1}, out[2] = {-1, -1}, errors[2] = {-1, -1}, rc = -1;

	posix_spawn_file_actions_init(&actions);
	if (pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 &&
		pipe2(errors, O_CLOEXEC) == 0) {
		posix_spawn_file_actions_adddup2(&actions, in[0], 0);
		posix_spawn_file_actions_adddup2(&actions, out[1], 1);
		posix_spawn_file_actions_adddup2(&actions, errors[1], 2);
		/* In our process group: who kills us kills it too. */
		rc = posix_spawnp(&stream->pid, argv[0], &actions, NULL, argv, environ);
		if (rc)
			stream->pid = -1;
	}
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	close(errors[1]);
	stream->in = in[1];
	stream->out = out[0];
	stream->errors = errors[0];
	return rc ? -1 : 0;
}

/* Why the connection ended, in ssh's own words. */
static int explain(struct ssh_stream *stream)
{
	struct pollfd ready = {stream->errors, POLLIN, 0};
	char text[4096];
	size_t used = 0;
	ssize_t got;
	char *line;

	while (used < sizeof(text) - 1 && poll(&ready, 1, 1000) > 0 &&
		(got = read(stream->errors, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)got;
	while (used > 0 && strchr("\r\n ", text[used - 1]))
		used--;
	text[used] = '\0';
	line = strrchr(text, '\n');
	git_error_set_str(GIT_ERROR_SSH, used ? (line ? line + 1 : text) : "the connection ended");
	if (strstr(text, "ost key verification failed") || strstr(text, "ermission denied"))
		return GIT_EAUTH;
	return strstr(text, "not appear to be a git repository") ? GIT_ENOTFOUND : -1;
}

static int stream_read(git_smart_subtransport_stream *base, char *buffer, size_t size, size_t *got)
{
	struct ssh_stream *stream = (struct ssh_stream *)base;
	ssize_t n;

	do
		n = read(stream->out, buffer, size);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return explain(stream);
	*got = (size_t)n;
	return 0;
}

static int stream_write(git_smart_subtransport_stream *base, const char *buffer, size_t size)
{
	struct ssh_stream *stream = (struct ssh_stream *)base;

	return dro_write_all(stream->in, buffer, size, NULL) < 0 ? explain(stream) : 0;
}

static void stream_free(git_smart_subtransport_stream *base)
{
	struct ssh_stream *stream = (struct ssh_stream *)base;
	struct ssh *ssh = (struct ssh *)base->subtransport;

	close(stream->in);
	close(stream->out);
	close(stream->errors);
	if (stream->pid > 0) {
		kill(stream->pid, SIGTERM);
		waitpid(stream->pid, NULL, 0);
	}
	if (ssh->stream == stream)
		ssh->stream = NULL;
	free(stream);
}

static int connect_stream(struct ssh_stream *stream, const char *url)
{
	struct ssh_url parts = {0};
	char *command = NULL;
	int rc = -1;

	if (url_parse(&parts, url) < 0) {
		git_error_set_str(GIT_ERROR_NET, "not an ssh URL");
		goto out;
	}
	if (!(command = remote_command(parts.path)))
		goto out;
	{
		/* Nobody is there to be asked, and no shared connection may be a stale one. */
		char *const argv[] = {"ssh", "-T", "-x", "-a", "-oBatchMode=yes",
			"-oStrictHostKeyChecking=yes", "-oConnectTimeout=10",
			"-oServerAliveInterval=5", "-oServerAliveCountMax=2",
			"-oClearAllForwardings=yes", "-oControlPath=none", "-oLogLevel=ERROR", "-p",
			parts.port ? parts.port : "22", "--", parts.target, command, NULL};

		rc = spawn(stream, argv);
	}
	if (rc < 0)
		git_error_set_str(GIT_ERROR_OS, "ssh cannot be started");
out:
	url_free(&parts);
	free(command);
	return rc;
}

static int ssh_action(git_smart_subtransport_stream **out, git_smart_subtransport *base,
	const char *url, git_smart_service_t action)
{
	struct ssh *ssh = (struct ssh *)base;
	struct ssh_stream *stream;

	if (action == GIT_SERVICE_UPLOADPACK && ssh->stream) {
		*out = &ssh->stream->base;
		return 0;
	}
	if (action != GIT_SERVICE_UPLOADPACK_LS)
		return -1;
	if (!(stream = calloc(1, sizeof(*stream))))
		return -1;
	stream->base = (git_smart_subtransport_stream){.subtransport = base,
		.read = stream_read,
		.write = stream_write,
		.free = stream_free};
	stream->pid = -1;
	stream->in = stream->out = stream->errors = -1;
	if (connect_stream(stream, url) < 0) {
		stream_free(&stream->base);
		return -1;
	}
	ssh->stream = stream;
	*out = &stream->base;
	return 0;
}

static int ssh_close(git_smart_subtransport *base)
{
	(void)base; /* the smart transport frees the stream */
	return 0;
}

static void ssh_free(git_smart_subtransport *base)
{
	free(base);
}

static int ssh_new(git_smart_subtransport **out, git_transport *owner, void *param)
{
	struct ssh *ssh = calloc(1, sizeof(*ssh));

	(void)owner;
	(void)param;
	if (!ssh)
		return -1;
	ssh->base.action = ssh_action;
	ssh->base.close = ssh_close;
	ssh->base.free = ssh_free;
	*out = &ssh->base;
	return 0;
}

static int transport_new(git_transport **out, git_remote *owner, void *param)
{
	static git_smart_subtransport_definition definition = {.callback = ssh_new};

	(void)param;
	return git_transport_smart(out, owner, &definition);
}

int git_ssh_register(void)
{
	return git_transport_register("ssh", transport_new, NULL);
}
