#include "lab/gates_internal.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Nothing is left in the set that waits for nothing: a hang-up would be told for ever. */
void gates_watch(struct lab_gates *gates, struct gates_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};
	int how = !watch->events ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

	if (watch->fd < 0 || watch->events == events)
		return;
	if (epoll_ctl(gates->epoll_fd, how, watch->fd, &event) == 0)
		watch->events = events;
}

void gates_deafen(int fd, bool deaf)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = {1, &none};
	int zero = 0;

	if (deaf)
		setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	else
		setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &zero, sizeof(zero));
}

void gates_listen(struct lab_gates *gates, struct gates_machine *machine)
{
	bool open = !machine->cut && !gates->full && machine->count < LAB_GATES_PER_MACHINE;
	size_t i;

	for (i = 0; i < LAB_GATES_PORTS; i++)
		gates_watch(gates, &machine->listeners[i].watch, open ? EPOLLIN : 0);
}

static void end(struct lab_gates *gates, struct gates_pair *pair, bool reset)
{
	struct gates_pair **at = &pair->machine->pairs;
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	int fds[2] = {pair->inside.watch.fd, pair->lab.watch.fd}, i;

	/* Closing alone does not do it while a process that is being started has them too. */
	gates_watch(gates, &pair->inside.watch, 0);
	gates_watch(gates, &pair->lab.watch, 0);
	for (i = 0; i < 2; i++) {
		if (reset)
			setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fds[i]);
	}
	pair->inside.watch.fd = pair->lab.watch.fd = -1;
	while (*at != pair)
		at = &(*at)->next;
	*at = pair->next;
	pair->machine->count--;
	gates->count--;
	pair->next = gates->dead;
	gates->dead = pair;
	gates_listen(gates, pair->machine);
}

void gates_pair_reset(struct lab_gates *gates, struct gates_pair *pair)
{
	end(gates, pair, true);
}

enum carried { NOTHING, SOME, BROKEN };

static enum carried take(struct gates_half *from)
{
	ssize_t got;

	if (from->length || from->ended)
		return NOTHING;
	do
		got = recv(from->watch.fd, from->data, sizeof(from->data), 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? NOTHING : BROKEN;
	from->start = 0;
	from->length = (size_t)got;
	from->ended = got == 0;
	return SOME;
}

static enum carried give(struct gates_half *from, struct gates_half *to)
{
	ssize_t put;

	if (!from->length) {
		if (from->ended && !to->shut) {
			shutdown(to->watch.fd, SHUT_WR);
			to->shut = true;
		}
		return NOTHING;
	}
	do
		put = send(to->watch.fd, from->data + from->start, from->length, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put < 0)
		return errno == EAGAIN ? NOTHING : BROKEN;
	from->start += (size_t)put;
	from->length -= (size_t)put;
	return SOME;
}

static uint32_t wanted(const struct gates_half *own, const struct gates_half *other)
{
	return (!own->length && !own->ended ? EPOLLIN : 0u) | (other->length ? EPOLLOUT : 0u);
}

/* Turns of both ways, bounded: the other connections wait meanwhile. */
void gates_pair_go(struct lab_gates *gates, struct gates_pair *pair)
{
	struct gates_half *inside = &pair->inside, *lab = &pair->lab;
	int turns;

	for (turns = 0; turns < 16; turns++) {
		enum carried done[4] = {
			take(inside), give(inside, lab), take(lab), give(lab, inside)};
		bool some = false;
		int i;

		for (i = 0; i < 4; i++) {
			if (done[i] == BROKEN) {
				end(gates, pair, true);
				return;
			}
			some = some || done[i] == SOME;
		}
		if (!some)
			break;
	}
	if (inside->shut && lab->shut) {
		end(gates, pair, false);
		return;
	}
	gates_watch(gates, &inside->watch, wanted(inside, lab));
	gates_watch(gates, &lab->watch, wanted(lab, inside));
}

/* Its port here is known before a byte of it goes over: who asks may be looked up by it. */
static int dial(uint16_t port, uint16_t *own_port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in own;
	socklen_t length = sizeof(own);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if ((connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS) &&
		getsockname(fd, (struct sockaddr *)&own, &length) == 0) {
		*own_port = ntohs(own.sin_port);
		return fd;
	}
	close(fd);
	return -1;
}

static void half_init(struct gates_half *half, struct gates_pair *pair, int fd)
{
	half->watch = (struct gates_watch){.kind = GATES_HALF, .fd = fd};
	half->pair = pair;
	half->start = half->length = 0;
	half->ended = half->shut = false;
}

bool gates_pair_accept(struct lab_gates *gates, struct gates_listener *listener)
{
	struct gates_machine *machine = listener->machine;
	struct gates_pair *pair;
	int fd, lab = -1, one = 1;
	uint16_t port = 0;

	if (machine->count >= LAB_GATES_PER_MACHINE)
		return false;
	fd = gates->count < GATES_MAX
		     ? accept4(listener->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)
		     : -1;
	if (fd < 0) {
		gates->full = gates->count >= GATES_MAX || errno != EAGAIN;
		gates_listen(gates, machine);
		return false;
	}
	pair = malloc(sizeof(*pair));
	if (!pair || (lab = dial(listener->port, &port)) < 0) {
		free(pair);
		close(fd);
		return true;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	half_init(&pair->inside, pair, fd);
	half_init(&pair->lab, pair, lab);
	pair->machine = machine;
	pair->lab_port = port;
	pair->next = machine->pairs;
	machine->pairs = pair;
	machine->count++;
	gates->count++;
	gates_pair_go(gates, pair);
	gates_listen(gates, machine);
	return true;
}
