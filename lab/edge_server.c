#include "edge_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define TICK_MS 50
#define EVENTS 256
#define ACCEPTS 64 /* in one go */

const struct edge_times edge_times_default = {
	.client_idle = 60000,
	.client_head = 15000,
	.connect = 15000,
	.origin_answer = 100000,
	.stall = 30000,
	.exchange = 3600000,
	.origin_idle = 20000,
	.linger = 2000,
};

/* Takes waiting clients; stops listening for a tick where there is no room for them. */
static void take_clients(struct edge *edge)
{
	struct sockaddr_storage peer;
	int i;

	for (i = 0; i < ACCEPTS; i++) {
		socklen_t length = sizeof(peer);
		int fd = -1;

		if (edge->client_count < edge->clients_max)
			fd = accept4(edge->listener.fd, (struct sockaddr *)&peer, &length,
				SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			edge_client_accept(edge, fd, &peer);
			continue;
		}
		if (edge->client_count >= edge->clients_max || errno == EMFILE || errno == ENFILE ||
			errno == ENOMEM)
			edge_socket_watch(edge, &edge->listener, 0);
		return;
	}
}

/* A quarter of the descriptors: a client may have an origin, and the rest of the process its share.
 */
static size_t clients_that_fit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 4 >= EDGE_CLIENTS_MAX)
		return EDGE_CLIENTS_MAX;
	return (size_t)limit.rlim_cur / 4;
}

static void free_dead(struct edge *edge)
{
	struct edge_client *client, *next_client;
	struct edge_origin *origin, *next_origin;

	for (client = edge->dead_clients; client; client = next_client) {
		next_client = client->next;
		free(client);
	}
	for (origin = edge->dead_origins; origin; origin = next_origin) {
		next_origin = origin->next;
		free(origin);
	}
	edge->dead_clients = NULL;
	edge->dead_origins = NULL;
}

static void handle(struct edge *edge, const struct epoll_event *event)
{
	struct edge_socket *socket = event->data.ptr;

	if (socket->fd < 0 && socket->kind != EDGE_WAKE)
		return; /* ended by an earlier event of this wait */
	switch (socket->kind) {
	case EDGE_LISTENER:
		take_clients(edge);
		break;
	case EDGE_CLIENT:
		edge_client_event(edge, event->data.ptr, event->events);
		break;
	case EDGE_ORIGIN:
		edge_origin_event(edge, event->data.ptr, event->events);
		break;
	case EDGE_WAKE:
		break;
	}
}

static void tick(struct edge *edge, uint64_t now_ms)
{
	struct edge_client *client, *next;

	for (client = edge->clients; client; client = next) {
		next = client->next;
		edge_client_tick(edge, client, now_ms);
	}
	edge_origin_tick(edge, now_ms);
	edge_socket_watch(edge, &edge->listener, EPOLLIN);
}

static void *run(void *arg)
{
	struct edge *edge = arg;
	struct epoll_event events[EVENTS];
	uint64_t next_tick = 0;

	while (!atomic_load(&edge->ending)) {
		int i, count = epoll_wait(edge->epoll_fd, events, EVENTS, TICK_MS);
		uint64_t now = dro_now_ms();

		for (i = 0; i < count; i++)
			handle(edge, &events[i]);
		if (now >= next_tick) {
			tick(edge, now);
			next_tick = now + TICK_MS;
		}
		free_dead(edge);
	}
	while (edge->clients)
		edge_client_end(edge, edge->clients);
	edge_origin_tick(edge, UINT64_MAX);
	free_dead(edge);
	return NULL;
}

static int listen_on(struct edge *edge, struct dro_error *err)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(edge->options.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	edge->listener.fd = fd;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, 1024) < 0 || getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return dro_fail_errno(err, "the edge's port %u", edge->options.port);
	edge->port = ntohs(address.sin_port);
	return 0;
}

static void edge_free(struct edge *edge)
{
	edge_socket_close(edge, &edge->listener);
	edge_socket_close(edge, &edge->wake);
	if (edge->epoll_fd >= 0)
		close(edge->epoll_fd);
	if (edge->log_fd >= 0)
		close(edge->log_fd);
	free(edge);
}

static int edge_open(struct edge *edge, struct dro_error *err)
{
	const char *path = edge->options.log_path;
	int rc;

	edge->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	edge->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (edge->epoll_fd < 0 || edge->wake.fd < 0)
		return dro_fail_errno(err, "the edge");
	if (path) {
		edge->log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (edge->log_fd < 0)
			return dro_fail_errno(err, "%s", path);
	}
	if ((rc = listen_on(edge, err)) < 0)
		return rc;
	if (edge_socket_add(edge, &edge->wake, EPOLLIN) < 0 ||
		edge_socket_add(edge, &edge->listener, EPOLLIN) < 0 ||
		(errno = pthread_create(&edge->thread, NULL, run, edge)) != 0)
		return dro_fail_errno(err, "the edge");
	return 0;
}

int edge_start(struct edge **out, const struct edge_options *options, struct dro_error *err)
{
	struct edge *edge = calloc(1, sizeof(*edge));
	int rc;

	if (!edge)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	edge->options = *options;
	edge->listener = (struct edge_socket){.kind = EDGE_LISTENER, .fd = -1};
	edge->wake = (struct edge_socket){.kind = EDGE_WAKE, .fd = -1};
	edge->epoll_fd = edge->log_fd = -1;
	edge->clients_max = clients_that_fit();
	rc = edge_open(edge, err);
	if (rc < 0) {
		edge_free(edge);
		return rc;
	}
	*out = edge;
	return 0;
}

void edge_stop(struct edge *edge)
{
	uint64_t one = 1;

	if (!edge)
		return;
	atomic_store(&edge->ending, true);
	if (write(edge->wake.fd, &one, sizeof(one)) < 0)
		errno = 0; /* then it ends a tick later */
	pthread_join(edge->thread, NULL);
	edge_free(edge);
}
