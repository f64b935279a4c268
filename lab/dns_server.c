/* One thread for all sockets: an answer is made in microseconds, and nobody's slowness holds it. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "lab/dns.h"

#define CLIENTS_MAX 64
#define IDLE_MS 10000
#define TICK_MS 1000
#define MESSAGE_MAX 65535
#define DATAGRAM_MAX 4096
#define IN_A_ROW 64
#define PORT_TRIES 16

struct service {
	struct dns_zones *zones;
	int udp, tcp;
};

/* A TCP connection: messages behind their length, one answered after the other. */
struct client {
	int fd; /* -1: free */
	struct dns_zones *zones;
	uint8_t *in; /* 2 + MESSAGE_MAX */
	size_t in_length;
	uint8_t *out; /* NULL: nothing to send */
	size_t out_length, sent;
	uint64_t until_ms;
};

struct dns_server {
	struct service services[DNS_SERVICES];
	struct client clients[CLIENTS_MAX];
	int wake;
	pthread_t thread;
};

/* ---- UDP ------------------------------------------------------------------------------------- */

static void serve_datagrams(const struct service *service)
{
	uint8_t query[DATAGRAM_MAX], *answer;
	size_t length;
	int i;

	for (i = 0; i < IN_A_ROW; i++) {
		struct sockaddr_in peer;
		socklen_t size = sizeof(peer);
		ssize_t got = recvfrom(
			service->udp, query, sizeof(query), 0, (struct sockaddr *)&peer, &size);

		if (got < 0)
			return;
		if (!dns_zones_reply(service->zones, query, (size_t)got, true, &answer, &length))
			continue;
		/* A datagram that cannot go now is lost, as datagrams are. */
		if (sendto(service->udp, answer, length, 0, (struct sockaddr *)&peer, size) < 0)
			errno = 0;
		free(answer);
	}
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static void client_end(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	free(client->in);
	free(client->out);
	*client = (struct client){.fd = -1};
}

static struct client *free_client(struct dns_server *server)
{
	size_t i;

	for (i = 0; i < CLIENTS_MAX; i++)
		if (server->clients[i].fd < 0)
			return &server->clients[i];
	return NULL;
}

static void take_client(struct dns_server *server, const struct service *service)
{
	struct client *client = free_client(server);
	int fd = client ? accept4(service->tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;

	if (fd < 0)
		return;
	*client = (struct client){.fd = fd,
		.zones = service->zones,
		.in = malloc(2 + MESSAGE_MAX),
		.until_ms = dro_now_ms() + IDLE_MS};
	if (!client->in)
		client_end(client);
}

/* Makes the answer to the first whole message there is. */
static bool client_answer(struct client *client)
{
	size_t length = client->in_length < 2 ? 0 : (size_t)client->in[0] << 8 | client->in[1];
	uint8_t *answer;
	size_t answer_length;

	if (client->out || client->in_length < 2 || client->in_length < 2 + length)
		return true;
	if (dns_zones_reply(
		    client->zones, client->in + 2, length, false, &answer, &answer_length)) {
		client->out = malloc(2 + answer_length);
		if (client->out) {
			client->out[0] = (uint8_t)(answer_length >> 8);
			client->out[1] = (uint8_t)answer_length;
			memcpy(client->out + 2, answer, answer_length);
			client->out_length = 2 + answer_length;
			client->sent = 0;
		}
		free(answer);
		if (!client->out)
			return false;
	}
	client->in_length -= 2 + length;
	memmove(client->in, client->in + 2 + length, client->in_length);
	return true;
}

static bool client_read(struct client *client)
{
	ssize_t got = recv(
		client->fd, client->in + client->in_length, 2 + MESSAGE_MAX - client->in_length, 0);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	client->in_length += (size_t)got;
	return got > 0;
}

static bool client_write(struct client *client)
{
	ssize_t put = send(client->fd, client->out + client->sent,
		client->out_length - client->sent, MSG_NOSIGNAL);

	if (put < 0)
		return errno == EAGAIN || errno == EINTR;
	client->sent += (size_t)put;
	if (client->sent == client->out_length) {
		free(client->out);
		client->out = NULL;
	}
	return true;
}

static void serve_client(struct client *client, short events)
{
	bool good = !(events & (POLLERR | POLLNVAL));

	if (good && client->out)
		good = client_write(client);
	else if (good)
		good = client_read(client);
	while (good && !client->out && client->in_length >= 2) {
		size_t before = client->in_length;

		good = client_answer(client);
		if (client->in_length == before)
			break;
	}
	client->until_ms = dro_now_ms() + IDLE_MS;
	if (!good)
		client_end(client);
}

/* ---- the thread ------------------------------------------------------------------------------ */

#define FIXED (1 + 2 * DNS_SERVICES)

static void *run(void *arg)
{
	struct dns_server *server = arg;
	struct pollfd fds[FIXED + CLIENTS_MAX];
	size_t i;

	for (;;) {
		bool room = free_client(server) != NULL;

		fds[0] = (struct pollfd){server->wake, POLLIN, 0};
		for (i = 0; i < DNS_SERVICES; i++) {
			fds[1 + 2 * i] = (struct pollfd){server->services[i].udp, POLLIN, 0};
			fds[2 + 2 * i] =
				(struct pollfd){room ? server->services[i].tcp : -1, POLLIN, 0};
		}
		for (i = 0; i < CLIENTS_MAX; i++)
			fds[FIXED + i] = (struct pollfd){server->clients[i].fd,
				server->clients[i].out ? POLLOUT : POLLIN, 0};
		if (poll(fds, FIXED + CLIENTS_MAX, TICK_MS) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			break;
		for (i = 0; i < CLIENTS_MAX; i++)
			if (server->clients[i].fd >= 0 && fds[FIXED + i].revents)
				serve_client(&server->clients[i], fds[FIXED + i].revents);
			else if (dro_now_ms() >= server->clients[i].until_ms)
				client_end(&server->clients[i]);
		for (i = 0; i < DNS_SERVICES; i++) {
			if (fds[1 + 2 * i].revents)
				serve_datagrams(&server->services[i]);
			if (fds[2 + 2 * i].revents)
				take_client(server, &server->services[i]);
		}
	}
	return NULL;
}

/* ---- start and end --------------------------------------------------------------------------- */

static int bind_at(int type, uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd >= 0 &&
		(type != SOCK_STREAM ||
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0) &&
		bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		(type != SOCK_STREAM || listen(fd, 64) == 0) &&
		getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
		*port = ntohs(address.sin_port);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The same port for both; where the kernel chooses one, it may be taken on the other. */
static int service_open(struct service *service, uint16_t *port, struct dro_error *err)
{
	uint16_t chosen = 0;
	int i;

	for (i = 0; i < PORT_TRIES && service->tcp < 0; i++) {
		chosen = *port;
		service->udp = bind_at(SOCK_DGRAM, &chosen);
		if (service->udp >= 0)
			service->tcp = bind_at(SOCK_STREAM, &chosen);
		if (service->udp >= 0 && service->tcp < 0) {
			close(service->udp);
			service->udp = -1;
		}
		if (*port)
			break;
	}
	if (service->tcp < 0)
		return dro_fail_errno(err, "the name server's port %u", *port);
	*port = chosen;
	return 0;
}

static void server_free(struct dns_server *server)
{
	size_t i;

	for (i = 0; i < CLIENTS_MAX; i++)
		client_end(&server->clients[i]);
	for (i = 0; i < DNS_SERVICES; i++) {
		if (server->services[i].udp >= 0)
			close(server->services[i].udp);
		if (server->services[i].tcp >= 0)
			close(server->services[i].tcp);
	}
	if (server->wake >= 0)
		close(server->wake);
	free(server);
}

int dns_server_start(struct dns_server **out, struct dns_zones *const zones[DNS_SERVICES],
	uint16_t ports[DNS_SERVICES], struct dro_error *err)
{
	struct dns_server *server = calloc(1, sizeof(*server));
	size_t i;
	int rc = 0;

	if (!server)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; i < CLIENTS_MAX; i++)
		server->clients[i].fd = -1;
	for (i = 0; i < DNS_SERVICES; i++)
		server->services[i] = (struct service){zones[i], -1, -1};
	server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->wake < 0)
		rc = dro_fail_errno(err, "the name server");
	for (i = 0; i < DNS_SERVICES && rc == 0; i++)
		rc = service_open(&server->services[i], &ports[i], err);
	if (rc == 0 && pthread_create(&server->thread, NULL, run, server) != 0)
		rc = dro_fail(err, DRO_EAGAIN, "no thread for the name server");
	if (rc < 0) {
		server_free(server);
		return rc;
	}
	*out = server;
	return 0;
}

void dns_server_stop(struct dns_server *server)
{
	uint64_t one = 1;

	if (!server)
		return;
	while (write(server->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(server->thread, NULL);
	server_free(server);
}
