#include "support/raw_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/raw_tls.h"

#define MAX_CONNECTIONS 256
#define MAX_REQUESTS 1024
#define REQUEST_MAX ((size_t)4 << 20)

struct connection {
	struct raw_server *server;
	pthread_t thread;
	int fd;
	struct raw_stream *stream; /* TLS, or NULL */
};

struct raw_server {
	struct raw_answer *answers;
	size_t answer_count;
	struct raw_tls *tls;
	int fd, port;
	char url[64];
	pthread_t acceptor;
	pthread_mutex_t lock;
	bool stopping;
	struct connection connections[MAX_CONNECTIONS];
	size_t connection_count;
	char *requests[MAX_REQUESTS];
	size_t request_count;
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "raw server: %s: %s\n", what, strerror(errno));
	abort();
}

static void nap(unsigned ms)
{
	struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&ts, NULL);
}

static ssize_t take(struct connection *c, char *data, size_t room)
{
	return c->stream ? raw_stream_read(c->stream, data, room) : recv(c->fd, data, room, 0);
}

static bool give(struct connection *c, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t put = c->stream ? raw_stream_write(c->stream, data, length)
					: send(c->fd, data, length, MSG_NOSIGNAL);

		if (put <= 0)
			return false;
		data += put;
		length -= (size_t)put;
	}
	return true;
}

/* The length of the whole request in `text`, 0 while it is not all there. */
static size_t request_length(const char *text, size_t length)
{
	const char *end = memmem(text, length, "\r\n\r\n", 4), *field;
	size_t body = 0;

	if (!end)
		return 0;
	field = strcasestr(text, "\r\ncontent-length:");
	if (field && field < end)
		body = strtoul(field + 17, NULL, 10);
	body += (size_t)(end - text) + 4;
	return body <= length ? body : 0;
}

/* Reads one request and keeps it; its number, or -1 where the connection ended. */
static int read_request(struct connection *c)
{
	struct raw_server *server = c->server;
	char *text = calloc(1, 1);
	size_t length = 0, whole;
	int index;

	while (!(whole = request_length(text, length))) {
		char chunk[16384];
		ssize_t got = take(c, chunk, sizeof(chunk));

		if (got <= 0 || length + (size_t)got > REQUEST_MAX) {
			free(text);
			return -1;
		}
		text = realloc(text, length + (size_t)got + 1);
		check(text != NULL, "memory");
		memcpy(text + length, chunk, (size_t)got);
		length += (size_t)got;
		text[length] = '\0';
	}
	pthread_mutex_lock(&server->lock);
	check(server->request_count < MAX_REQUESTS, "too many requests");
	index = (int)server->request_count;
	server->requests[server->request_count++] = text;
	pthread_mutex_unlock(&server->lock);
	return index;
}

/* Until the peer closes, or the server stops. */
static void stay_silent(struct connection *c)
{
	char chunk[4096];

	while (take(c, chunk, sizeof(chunk)) > 0)
		;
}

static bool drip(struct connection *c, const char *bytes, size_t length)
{
	for (; length > 0; length--, bytes++) {
		nap(20);
		if (!give(c, bytes, 1))
			return false;
	}
	return true;
}

static void reset(struct connection *c)
{
	struct linger now = {1, 0};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* True: the connection goes on. */
static bool answer(struct connection *c, const struct raw_answer *a)
{
	size_t length = a->length ? a->length : strlen(a->bytes);

	nap(a->delay_ms);
	if (a->end == RAW_DRIP)
		return drip(c, a->bytes, length);
	if (!give(c, a->bytes, length))
		return false;
	switch (a->end) {
	case RAW_KEEP:
		return true;
	case RAW_SILENT:
		stay_silent(c);
		return false;
	case RAW_ENDLESS:
		while (give(c, a->repeat, strlen(a->repeat)))
			;
		return false;
	case RAW_RESET:
		reset(c);
		return false;
	default:
		return false;
	}
}

static void *converse(void *arg)
{
	struct connection *c = arg;
	struct raw_server *server = c->server;
	int index;

	if (server->tls && !(c->stream = raw_stream_accept(server->tls, c->fd)))
		goto out;
	while ((index = read_request(c)) >= 0) {
		size_t turn = (size_t)index < server->answer_count ? (size_t)index
								   : server->answer_count - 1;

		if (!answer(c, &server->answers[turn]))
			break;
	}
out:
	raw_stream_free(c->stream);
	pthread_mutex_lock(&server->lock);
	close(c->fd);
	c->fd = -1;
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct raw_server *server = arg;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		struct connection *c;

		pthread_mutex_lock(&server->lock);
		check(server->connection_count < MAX_CONNECTIONS, "too many connections");
		c = &server->connections[server->connection_count++];
		c->server = server;
		c->fd = fd;
		if (server->stopping)
			shutdown(fd, SHUT_RDWR);
		check(pthread_create(&c->thread, NULL, converse, c) == 0, "thread");
		pthread_mutex_unlock(&server->lock);
	}
	return NULL;
}

static struct raw_server *start(const struct raw_answer *answers, size_t count, bool tls)
{
	struct raw_server *server = calloc(1, sizeof(*server));
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	check(server != NULL, "memory");
	signal(SIGPIPE, SIG_IGN); /* TLS writes with write() */
	server->answers = calloc(count, sizeof(*answers));
	check(server->answers != NULL, "memory");
	memcpy(server->answers, answers, count * sizeof(*answers));
	server->answer_count = count;
	server->tls = tls ? raw_tls_new() : NULL;
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	check(server->fd >= 0, "socket");
	check(bind(server->fd, (struct sockaddr *)&address, size) == 0, "bind");
	check(listen(server->fd, 128) == 0, "listen");
	check(getsockname(server->fd, (struct sockaddr *)&address, &size) == 0, "getsockname");
	server->port = ntohs(address.sin_port);
	snprintf(server->url, sizeof(server->url), "http%s://127.0.0.1:%d", tls ? "s" : "",
		server->port);
	pthread_mutex_init(&server->lock, NULL);
	check(pthread_create(&server->acceptor, NULL, accept_all, server) == 0, "thread");
	return server;
}

struct raw_server *raw_server_start(const struct raw_answer *answers, size_t count)
{
	return start(answers, count, false);
}

struct raw_server *raw_server_start_tls(const struct raw_answer *answers, size_t count)
{
	return start(answers, count, true);
}

void raw_server_stop(struct raw_server *server)
{
	size_t i;

	if (!server)
		return;
	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	for (i = 0; i < server->connection_count; i++)
		if (server->connections[i].fd >= 0)
			shutdown(server->connections[i].fd, SHUT_RDWR);
	pthread_mutex_unlock(&server->lock);
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->acceptor, NULL);
	for (i = 0; i < server->connection_count; i++)
		pthread_join(server->connections[i].thread, NULL);
	close(server->fd);
	for (i = 0; i < server->request_count; i++)
		free(server->requests[i]);
	raw_tls_free(server->tls);
	pthread_mutex_destroy(&server->lock);
	free(server->answers);
	free(server);
}

int raw_server_port(const struct raw_server *server)
{
	return server->port;
}

const char *raw_server_url(const struct raw_server *server)
{
	return server->url;
}

const char *raw_server_ca(const struct raw_server *server)
{
	return raw_tls_ca(server->tls);
}

const char *raw_server_sni(struct raw_server *server)
{
	return raw_tls_sni(server->tls);
}

size_t raw_server_connections(struct raw_server *server)
{
	size_t count;

	pthread_mutex_lock(&server->lock);
	count = server->connection_count;
	pthread_mutex_unlock(&server->lock);
	return count;
}

size_t raw_server_requests(struct raw_server *server)
{
	size_t count;

	pthread_mutex_lock(&server->lock);
	count = server->request_count;
	pthread_mutex_unlock(&server->lock);
	return count;
}

const char *raw_server_request(struct raw_server *server, size_t index)
{
	const char *text;

	pthread_mutex_lock(&server->lock);
	check(index < server->request_count, "no such request");
	text = server->requests[index];
	pthread_mutex_unlock(&server->lock);
	return text;
}
