/*
 * The gates' insides. Everything is guarded by the one lock, which the carrying thread holds but
 * while it waits. A pair that ended stays in memory until the events of that wait are through
 * (gates->dead), because a later one may still name it; so does a machine's.
 */
#ifndef DRORCH_LAB_GATES_INTERNAL_H
#define DRORCH_LAB_GATES_INTERNAL_H

#include <pthread.h>

#include "lab/gates.h"

#define GATES_BUFFER 32768
#define GATES_MAX 1024 /* what the lab's own API port takes */

enum gates_kind { GATES_WAKE, GATES_LISTENER, GATES_HALF };

/* What epoll names. The first member of what it is in. */
struct gates_watch {
	enum gates_kind kind;
	int fd;		 /* -1: closed */
	uint32_t events; /* 0: not in the set */
};

struct gates_machine;

struct gates_listener {
	struct gates_watch watch;
	struct gates_machine *machine;
	uint16_t port;
};

/* One of the two sockets of a connection, and what came from it for the other. */
struct gates_half {
	struct gates_watch watch;
	struct gates_pair *pair;
	size_t start, length;
	bool ended; /* nothing more comes from it */
	bool shut;  /* it was told that nothing more comes */
	char data[GATES_BUFFER];
};

struct gates_pair {
	struct gates_machine *machine;
	struct gates_pair *next;
	struct gates_half inside, lab;
	uint16_t lab_port; /* where the lab sees it come from */
};

struct gates_machine {
	struct gates_machine *next;
	char address[LAB_ADDRESS];
	char id[LAB_ID];
	int net_fd;
	bool cut;
	struct gates_listener listeners[LAB_GATES_PORTS];
	struct gates_pair *pairs;
	size_t count;
};

struct lab_gates {
	pthread_mutex_t lock;
	pthread_t thread;
	bool has_thread;
	bool ending;
	bool full; /* no descriptors, or too many pairs: looked at again a little later */
	size_t count;
	int epoll_fd;
	struct gates_watch wake; /* an eventfd */
	uint16_t ports[LAB_GATES_PORTS];
	struct gates_machine *machines;
	struct gates_machine *dead_machines;
	struct gates_pair *dead;
};

/* gates_pair.c, all (locked) */
void gates_watch(struct lab_gates *gates, struct gates_watch *watch, uint32_t events);
/* Takes a waiting client over; false: none is there, or no room. */
bool gates_pair_accept(struct lab_gates *gates, struct gates_listener *listener);
/* Carries what can be carried now. */
void gates_pair_go(struct lab_gates *gates, struct gates_pair *pair);
void gates_pair_reset(struct lab_gates *gates, struct gates_pair *pair);
/* The listeners as room and link allow. */
void gates_listen(struct lab_gates *gates, struct gates_machine *machine);
/* Drops what arrives at a socket, or takes it again. */
void gates_deafen(int fd, bool deaf);

#endif
