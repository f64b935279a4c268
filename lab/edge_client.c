#include "edge_internal.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"

#define PAGE_MAX 8192
#define TURNS 32 /* of moving bytes, before the others get theirs */

static void new_ray(struct edge_client *client)
{
	uint8_t bytes[8] = {0};

	if (getrandom(bytes, sizeof(bytes), 0) < 0)
		memset(bytes, 0, sizeof(bytes)); /* a label for people: nothing depends on it */
	dro_hex(client->ray, bytes, sizeof(bytes));
	memcpy(client->ray + 16, "-LAB", 5);
}

static void await_request(struct edge *edge, struct edge_client *client)
{
	client->phase = EDGE_READ_HEAD;
	client->scanned = 0;
	client->began_ms = 0;
	client->answered = false;
	client->body_moved = false;
	client->head_only = false;
	client->status = 0;
	client->method[0] = client->target[0] = client->host[0] = '\0';
	client->deadline_ms = dro_now_ms() + edge->options.times.client_idle;
	new_ray(client);
}

void edge_client_accept(struct edge *edge, int fd, const struct sockaddr_storage *peer)
{
	struct edge_client *client = calloc(1, sizeof(*client));
	const void *address =
		peer->ss_family == AF_INET6
			? (const void *)&((const struct sockaddr_in6 *)peer)->sin6_addr
			: (const void *)&((const struct sockaddr_in *)peer)->sin_addr;
	int one = 1;

	if (!client) {
		close(fd);
		return;
	}
	client->socket.kind = EDGE_CLIENT;
	client->socket.fd = fd;
	client->head = (struct dro_buf)DRO_BUF_INIT(EDGE_BUFFER);
	inet_ntop(peer->ss_family, address, client->address, sizeof(client->address));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	await_request(edge, client);
	if (edge_socket_add(edge, &client->socket, EPOLLIN) < 0) {
		close(fd);
		free(client);
		return;
	}
	client->next = edge->clients;
	if (edge->clients)
		edge->clients->previous = client;
	edge->clients = client;
	edge->client_count++;
}

void edge_client_end(struct edge *edge, struct edge_client *client)
{
	if (client->phase == EDGE_EXCHANGE)
		edge_exchange_log(edge, client, "cut");
	if (client->origin)
		edge_origin_put(edge, client->origin, false);
	edge_socket_close(edge, &client->socket);
	dro_buf_free(&client->head);
	if (client->next)
		client->next->previous = client->previous;
	if (client->previous)
		client->previous->next = client->next;
	else
		edge->clients = client->next;
	edge->client_count--;
	client->next = edge->dead_clients;
	edge->dead_clients = client;
}

/* The answer is whole in `out`: on to the next request, or to the end. */
static void end_answer(struct edge *edge, struct edge_client *client, bool keep)
{
	if (keep && (!client->socket.ended || client->socket.in.length)) {
		await_request(edge, client);
		return;
	}
	client->phase = EDGE_FLUSH;
	client->deadline_ms = dro_now_ms() + edge->options.times.stall;
}

void edge_client_fail(struct edge *edge, struct edge_client *client, int status, int code)
{
	struct dro_buf page = DRO_BUF_INIT(PAGE_MAX);
	bool put;

	if (client->origin)
		edge_origin_put(edge, client->origin, false);
	client->keep = client->keep && client->phase == EDGE_EXCHANGE && client->request_body.done;
	edge_page(&page, client, status, code);
	put = !client->answered && !page.failed &&
	      edge_buffer_put(&client->socket.out, dro_buf_str(&page), page.length);
	dro_buf_free(&page);
	client->status = status;
	edge_exchange_log(edge, client, put ? "edge" : "cut");
	if (!put) {
		client->socket.failed = true; /* half an answer must not look whole */
		client->phase = EDGE_LINGER;
		return;
	}
	end_answer(edge, client, client->keep);
}

static void read_head(struct edge *edge, struct edge_client *client)
{
	struct edge_buffer *in = &client->socket.in;
	struct edge_head head;
	size_t length;
	int status;

	if (client->scanned == 0) /* a blank line before a request is forgiven */
		while (in->length >= 2 && memcmp(in->data + in->start, "\r\n", 2) == 0)
			edge_buffer_drop(in, 2);
	if (in->length && client->began_ms == 0) {
		client->began_ms = dro_now_ms();
		client->deadline_ms = client->began_ms + edge->options.times.client_head;
	}
	if (in->length == 0)
		return;
	length = edge_head_length(in->data + in->start, in->length, &client->scanned);
	client->keep = false;
	if (length > EDGE_HEAD_MAX || (length == 0 && in->length > EDGE_HEAD_MAX)) {
		edge_client_fail(edge, client, 431, 0);
	} else if (length) {
		status = edge_request_parse(&head, in->data + in->start, length);
		if (status)
			edge_client_fail(edge, client, status, 0);
		else
			edge_exchange_begin(edge, client, &head);
		edge_buffer_drop(in, length);
	}
}

/* Bytes of the exchange moved, or it is over. */
static void after_progress(struct edge *edge, struct edge_client *client)
{
	const struct edge_times *times = &edge->options.times;
	bool sending = client->answered || !client->request_body.done;

	if (!client->origin)
		end_answer(edge, client, client->keep);
	else if (!client->origin->connecting)
		client->deadline_ms =
			dro_now_ms() + (sending ? times->stall : times->origin_answer);
}

/* One step of the phase; true: something moved. */
static bool step(struct edge *edge, struct edge_client *client)
{
	struct edge_socket *socket = &client->socket;
	enum edge_phase before = client->phase;

	switch (client->phase) {
	case EDGE_READ_HEAD:
		read_head(edge, client);
		if (client->phase == EDGE_READ_HEAD && socket->ended)
			end_answer(edge, client, false);
		break;
	case EDGE_EXCHANGE:
		if (edge_exchange_step(edge, client)) {
			if (before == client->phase)
				after_progress(edge, client);
			return true;
		}
		break;
	case EDGE_FLUSH:
		if (socket->out.length == 0) {
			shutdown(socket->fd, SHUT_WR);
			client->phase = EDGE_LINGER;
			client->deadline_ms = dro_now_ms() + edge->options.times.linger;
		}
		break;
	case EDGE_LINGER:
		edge_buffer_drop(&socket->in, socket->in.length);
		if (socket->ended)
			socket->failed = true;
		break;
	}
	return client->phase != before;
}

void edge_client_event(struct edge *edge, struct edge_client *client, uint32_t events)
{
	struct edge_socket *socket = &client->socket;
	uint32_t watch = 0;
	int turn;

	if (socket->fd < 0)
		return;
	socket->failed |= (events & (EPOLLERR | EPOLLHUP)) != 0;
	for (turn = 0; turn < TURNS && !socket->failed; turn++) {
		bool moved = client->phase != EDGE_FLUSH && edge_socket_fill(socket);

		moved |= step(edge, client);
		moved |= edge_socket_drain(socket);
		if (!moved)
			break;
	}
	if (socket->failed) {
		edge_client_end(edge, client);
		return;
	}
	if (client->phase != EDGE_FLUSH && !socket->ended && edge_buffer_room(&socket->in))
		watch |= EPOLLIN;
	if (socket->out.length || turn == TURNS) /* the latter: be called again soon */
		watch |= EPOLLOUT;
	edge_socket_watch(edge, socket, watch);
	if (client->origin && client->origin->socket.fd >= 0) {
		struct edge_socket *origin = &client->origin->socket;

		edge_socket_watch(edge, origin,
			(!origin->ended && edge_buffer_room(&origin->in) ? EPOLLIN : 0) |
				(origin->out.length || client->origin->connecting ? EPOLLOUT : 0));
	}
	if (client->phase == EDGE_READ_HEAD && socket->in.length == 0 && socket->out.length == 0) {
		edge_buffer_free(&socket->in);
		edge_buffer_free(&socket->out);
	}
}

void edge_client_tick(struct edge *edge, struct edge_client *client, uint64_t now_ms)
{
	bool exchange = client->phase == EDGE_EXCHANGE;

	if (now_ms < client->deadline_ms && !(exchange && now_ms >= client->exchange_end_ms))
		return;
	if (exchange)
		edge_exchange_timeout(edge, client);
	else if (client->phase == EDGE_READ_HEAD && client->began_ms)
		edge_client_fail(edge, client, 408, 0);
	else
		client->socket.failed = true;
	edge_client_event(edge, client, 0);
}
