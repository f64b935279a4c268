/*
 * The edge's insides: one thread, one epoll set, no blocking call. A client is a connection that
 * asks; an origin is a connection to a record's address, lent to one client at a time and kept for
 * the next in between.
 *
 * Freed connections stay in memory until the events of one wait are through (edge->dead), because a
 * later event of the same wait may still name them.
 */
#ifndef DRORCH_LAB_EDGE_INTERNAL_H
#define DRORCH_LAB_EDGE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "lab/edge_http.h"
#include "lab/edge_route.h"

#define EDGE_BUFFER 65536 /* holds a head (EDGE_HEAD_MAX) and what the edge adds to it */
#define EDGE_CLIENTS_MAX 4096
#define EDGE_IDLE_ORIGINS_MAX 256

/* Milliseconds, all of them bounds on waiting. */
struct edge_times {
	uint32_t client_idle;	/* between two requests */
	uint32_t client_head;	/* from a head's first byte to its last */
	uint32_t connect;	/* to an origin: then 522 */
	uint32_t origin_answer; /* from the last byte sent to the answer's head: then 524 */
	uint32_t stall;		/* a body without progress */
	uint32_t exchange;	/* one request and its answer altogether */
	uint32_t origin_idle;	/* a kept connection */
	uint32_t linger;	/* for a client to see the last answer */
};

struct edge_buffer {
	char *data; /* NULL while empty for long */
	size_t start;
	size_t length;
};

enum edge_kind { EDGE_LISTENER, EDGE_WAKE, EDGE_CLIENT, EDGE_ORIGIN };

/* One socket. The first member of a client and of an origin. */
struct edge_socket {
	enum edge_kind kind;
	int fd;		 /* -1: closed */
	uint32_t events; /* what epoll watches */
	bool ended;	 /* nothing more will come */
	bool failed;
	struct edge_buffer in;
	struct edge_buffer out;
};

struct edge_client;

struct edge_origin {
	struct edge_socket socket;
	struct edge_address address;
	struct edge_client *client; /* NULL: idle */
	struct edge_origin *next;   /* of the idle ones, or of the dead */
	bool connecting;
	bool reused;
	uint64_t idle_until_ms;
};

enum edge_phase {
	EDGE_READ_HEAD,
	EDGE_EXCHANGE, /* connecting, sending, receiving */
	EDGE_FLUSH,    /* the last answer is in `out`, then the connection ends */
	EDGE_LINGER,   /* ended by us: let the client read */
};

struct edge_client {
	struct edge_socket socket;
	struct edge_client *next, *previous;
	enum edge_phase phase;
	uint64_t deadline_ms;	  /* of the phase, or of the next progress */
	uint64_t exchange_end_ms; /* hard */
	size_t scanned;		  /* of a head that is not complete */
	char address[INET6_ADDRSTRLEN];
	/* The exchange. */
	struct edge_origin *origin;
	struct edge_route route;
	size_t tried;	     /* addresses of the route */
	struct dro_buf head; /* for the origin; again on another try */
	struct edge_body request_body;
	struct edge_body answer_body;
	bool body_moved; /* no other try any more */
	bool repeatable; /* may go over a kept connection, and again */
	bool head_only;	 /* HEAD */
	bool answered;	 /* the answer's head has come */
	bool origin_closes;
	bool keep; /* the client's connection, after this answer */
	int minor; /* of the client's HTTP/1 */
	int status;
	uint64_t began_ms;
	char ray[24];
	char host[256];
	char method[24];
	char target[512]; /* for the log; cut */
};

struct edge_options {
	struct edge_times times;
	uint16_t port;
	uint16_t origin_port;
	const uint16_t *website_port; /* of S3's websites; known when the first of them is asked */
	const char *log_path;	      /* NULL: none. A line a request, with the origin it went to */
	struct edge_routes *routes;
};

struct edge {
	struct edge_options options;
	pthread_t thread;
	atomic_bool ending;
	int epoll_fd;
	int log_fd;
	struct edge_socket listener;
	struct edge_socket wake; /* an eventfd */
	uint16_t port;
	struct edge_client *clients;
	size_t client_count;
	size_t clients_max; /* the others wait in the kernel's queue */
	struct edge_origin *idle;
	size_t idle_count;
	struct edge_origin *dead_origins;
	struct edge_client *dead_clients;
};

/* edge_server.c: the thread. Also usable without a lab. */
extern const struct edge_times edge_times_default;
int edge_start(struct edge **out, const struct edge_options *options, struct dro_error *err);
void edge_stop(struct edge *edge); /* NULL-safe */

/* edge_socket.c */
bool edge_buffer_need(struct edge_buffer *buffer); /* allocates; false: out of memory */
void edge_buffer_free(struct edge_buffer *buffer);
size_t edge_buffer_room(const struct edge_buffer *buffer);
/* Moves the content to the front, so that all the room is behind it. */
void edge_buffer_pack(struct edge_buffer *buffer);
bool edge_buffer_put(struct edge_buffer *buffer, const void *data, size_t length);
void edge_buffer_drop(struct edge_buffer *buffer, size_t length); /* from the front */
/* Reads or writes what goes without waiting; true: bytes moved. Sets ended and failed. */
bool edge_socket_fill(struct edge_socket *socket);
bool edge_socket_drain(struct edge_socket *socket);
int edge_socket_add(struct edge *edge, struct edge_socket *socket, uint32_t events);
void edge_socket_watch(struct edge *edge, struct edge_socket *socket, uint32_t events);
/* Out of the epoll set, and closed; what came of it is still to be read. */
void edge_socket_hang_up(struct edge *edge, struct edge_socket *socket);
void edge_socket_close(struct edge *edge, struct edge_socket *socket); /* with its buffers */

/* edge_client.c */
void edge_client_accept(struct edge *edge, int fd, const struct sockaddr_storage *peer);
void edge_client_event(struct edge *edge, struct edge_client *client, uint32_t events);
void edge_client_tick(struct edge *edge, struct edge_client *client, uint64_t now_ms);
void edge_client_end(struct edge *edge, struct edge_client *client);
/* Ends the exchange with one of the edge's own pages. */
void edge_client_fail(struct edge *edge, struct edge_client *client, int status, int code);

/* edge_exchange.c: one request and its answer */
void edge_exchange_begin(struct edge *edge, struct edge_client *client, struct edge_head *head);
bool edge_exchange_step(struct edge *edge, struct edge_client *client); /* true: progress */
void edge_exchange_timeout(struct edge *edge, struct edge_client *client);
/* The origin of the exchange could not be reached, or died before it answered. */
void edge_exchange_lost(struct edge *edge, struct edge_client *client, int error);
void edge_exchange_log(struct edge *edge, struct edge_client *client, const char *note);

/* edge_head.c: heads as they are passed on */
void edge_head_request(
	struct dro_buf *out, const struct edge_head *head, const struct edge_client *client);
void edge_head_answer(
	struct dro_buf *out, const struct edge_head *head, const struct edge_client *client);
void edge_page(struct dro_buf *out, const struct edge_client *client, int status, int code);

/* edge_origin.c */
/* Lends a kept or a new connection; 0, or the errno of a connection refused at once. */
int edge_origin_get(struct edge *edge, struct edge_client *client,
	const struct edge_address *address, bool may_reuse);
void edge_origin_put(struct edge *edge, struct edge_origin *origin, bool keep);
void edge_origin_event(struct edge *edge, struct edge_origin *origin, uint32_t events);
void edge_origin_tick(struct edge *edge, uint64_t now_ms);

#endif
