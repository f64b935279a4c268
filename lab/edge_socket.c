#include "edge_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

bool edge_buffer_need(struct edge_buffer *buffer)
{
	if (!buffer->data)
		buffer->data = malloc(EDGE_BUFFER);
	return buffer->data != NULL;
}

void edge_buffer_free(struct edge_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct edge_buffer){0};
}

size_t edge_buffer_room(const struct edge_buffer *buffer)
{
	return EDGE_BUFFER - buffer->length;
}

void edge_buffer_pack(struct edge_buffer *buffer)
{
	if (buffer->start && buffer->length)
		memmove(buffer->data, buffer->data + buffer->start, buffer->length);
	buffer->start = 0;
}

bool edge_buffer_put(struct edge_buffer *buffer, const void *data, size_t length)
{
	if (length > edge_buffer_room(buffer) || !edge_buffer_need(buffer))
		return false;
	if (buffer->start + buffer->length + length > EDGE_BUFFER)
		edge_buffer_pack(buffer);
	memcpy(buffer->data + buffer->start + buffer->length, data, length);
	buffer->length += length;
	return true;
}

void edge_buffer_drop(struct edge_buffer *buffer, size_t length)
{
	buffer->length -= length;
	buffer->start = buffer->length ? buffer->start + length : 0;
}

bool edge_socket_fill(struct edge_socket *socket)
{
	struct edge_buffer *in = &socket->in;
	ssize_t got;

	if (socket->fd < 0 || socket->ended || socket->failed || edge_buffer_room(in) == 0)
		return false;
	if (!edge_buffer_need(in)) {
		socket->failed = true;
		return false;
	}
	if (in->start + in->length == EDGE_BUFFER)
		edge_buffer_pack(in);
	do
		got = recv(socket->fd, in->data + in->start + in->length,
			EDGE_BUFFER - in->start - in->length, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		in->length += (size_t)got;
	else if (got == 0)
		socket->ended = true;
	else if (errno != EAGAIN)
		socket->failed = true;
	return got >= 0 || socket->failed;
}

bool edge_socket_drain(struct edge_socket *socket)
{
	struct edge_buffer *out = &socket->out;
	ssize_t put;

	if (socket->fd < 0 || socket->failed || out->length == 0)
		return false;
	do
		put = send(socket->fd, out->data + out->start, out->length, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put > 0)
		edge_buffer_drop(out, (size_t)put);
	else if (put < 0 && errno != EAGAIN)
		socket->failed = true;
	return put > 0 || socket->failed;
}

int edge_socket_add(struct edge *edge, struct edge_socket *socket, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = socket};

	socket->events = events;
	return epoll_ctl(edge->epoll_fd, EPOLL_CTL_ADD, socket->fd, &event) < 0 ? -errno : 0;
}

void edge_socket_watch(struct edge *edge, struct edge_socket *socket, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = socket};

	if (socket->fd < 0 || socket->events == events)
		return;
	socket->events = events;
	if (epoll_ctl(edge->epoll_fd, EPOLL_CTL_MOD, socket->fd, &event) < 0)
		socket->failed = true;
}

void edge_socket_hang_up(struct edge *edge, struct edge_socket *socket)
{
	if (socket->fd < 0)
		return;
	/* A process that another thread is starting has the connection too, for a moment: until
	 * that lets go of it, closing alone would leave it in the set. */
	epoll_ctl(edge->epoll_fd, EPOLL_CTL_DEL, socket->fd, NULL);
	close(socket->fd);
	socket->fd = -1;
}

void edge_socket_close(struct edge *edge, struct edge_socket *socket)
{
	edge_socket_hang_up(edge, socket);
	edge_buffer_free(&socket->in);
	edge_buffer_free(&socket->out);
}
