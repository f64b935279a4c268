#include "edge_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"

static void bury(struct edge *edge, struct edge_origin *origin)
{
	edge_socket_close(edge, &origin->socket);
	origin->next = edge->dead_origins;
	edge->dead_origins = origin;
}

static void unlink_idle(struct edge *edge, struct edge_origin *origin)
{
	struct edge_origin **at = &edge->idle;

	while (*at != origin)
		at = &(*at)->next;
	*at = origin->next;
	edge->idle_count--;
}

/* A kept connection that is still open and silent. */
static struct edge_origin *take_idle(struct edge *edge, const struct edge_address *address)
{
	struct edge_origin *origin, *next;

	for (origin = edge->idle; origin; origin = next) {
		char byte;

		next = origin->next;
		if (strcmp(origin->address.text, address->text) != 0)
			continue;
		unlink_idle(edge, origin);
		if (recv(origin->socket.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
			errno == EAGAIN)
			return origin;
		bury(edge, origin); /* the origin ended it, or speaks unasked */
	}
	return NULL;
}

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
	if (address->ss_family == AF_INET6)
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)address)->sin_port = htons(port);
}

static struct edge_origin *connect_new(
	struct edge *edge, const struct edge_address *address, int *error)
{
	struct edge_origin *origin = calloc(1, sizeof(*origin));
	int one = 1, rc;

	*error = ENOMEM;
	if (!origin)
		return NULL;
	origin->socket.kind = EDGE_ORIGIN;
	origin->address = *address;
	set_port(&origin->address.socket, address->website && edge->options.website_port
						  ? *edge->options.website_port
						  : edge->options.origin_port);
	origin->socket.fd =
		socket(address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (origin->socket.fd < 0) {
		*error = errno;
		free(origin);
		return NULL;
	}
	setsockopt(origin->socket.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	rc = connect(origin->socket.fd, (const struct sockaddr *)&origin->address.socket,
		address->length);
	*error = rc < 0 && errno != EINPROGRESS ? errno : 0;
	if (*error == 0)
		*error = -edge_socket_add(edge, &origin->socket, EPOLLOUT);
	if (*error) {
		edge_socket_close(edge, &origin->socket);
		free(origin);
		return NULL;
	}
	origin->connecting = rc < 0;
	return origin;
}

int edge_origin_get(struct edge *edge, struct edge_client *client,
	const struct edge_address *address, bool may_reuse)
{
	struct edge_origin *origin = may_reuse ? take_idle(edge, address) : NULL;
	int error = 0;

	if (origin)
		origin->reused = true;
	else
		origin = connect_new(edge, address, &error);
	if (!origin)
		return error;
	origin->next = NULL;
	origin->client = client;
	client->origin = origin;
	return 0;
}

void edge_origin_put(struct edge *edge, struct edge_origin *origin, bool keep)
{
	origin->client->origin = NULL;
	origin->client = NULL;
	if (!keep || origin->socket.ended || origin->socket.failed || origin->socket.in.length ||
		origin->socket.out.length || edge->idle_count >= EDGE_IDLE_ORIGINS_MAX) {
		bury(edge, origin);
		return;
	}
	edge_buffer_free(&origin->socket.in);
	edge_buffer_free(&origin->socket.out);
	origin->idle_until_ms = dro_now_ms() + edge->options.times.origin_idle;
	origin->next = edge->idle;
	edge->idle = origin;
	edge->idle_count++;
	edge_socket_watch(edge, &origin->socket, EPOLLIN | EPOLLRDHUP);
}

void edge_origin_event(struct edge *edge, struct edge_origin *origin, uint32_t events)
{
	struct edge_client *client = origin->client;
	socklen_t length = sizeof(int);
	int error = 0;

	if (!client) { /* whatever it is, an idle connection has nothing to say */
		unlink_idle(edge, origin);
		bury(edge, origin);
		return;
	}
	if (origin->connecting) {
		if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
			return;
		if (getsockopt(origin->socket.fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
			error = errno;
		origin->connecting = false;
		if (error)
			edge_exchange_lost(edge, client, error);
	} else if (events & EPOLLERR) {
		edge_socket_fill(&origin->socket); /* what it sent before it died */
		origin->socket.ended = true;
	}
	edge_client_event(edge, client, 0);
}

void edge_origin_tick(struct edge *edge, uint64_t now_ms)
{
	struct edge_origin *origin, *next;

	for (origin = edge->idle; origin; origin = next) {
		next = origin->next;
		if (origin->idle_until_ms > now_ms)
			continue;
		unlink_idle(edge, origin);
		bury(edge, origin);
	}
}
