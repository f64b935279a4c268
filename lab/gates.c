#include "lab/gates_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/netns.h"

#define EVENTS 64
#define ACCEPTS 16
#define FULL_MS 100

/* (locked) One of the lab's ports in one machine; what is open stays. */
static int open_one(
	struct lab_gates *gates, struct gates_machine *machine, size_t i, struct dro_error *err)
{
	struct gates_listener *listener = &machine->listeners[i];
	int rc;

	listener->port = gates->ports[i];
	if (!listener->port || listener->watch.fd >= 0)
		return 0;
	rc = lab_netns_listen(machine->net_fd, "127.0.0.1", listener->port, SOCK_NONBLOCK,
		&listener->watch.fd, err);
	if (rc < 0)
		dro_error_context(err, "the lab's port in machine %s", machine->id);
	else if (machine->cut)
		gates_deafen(listener->watch.fd, true);
	return rc;
}

static int open_ports(struct lab_gates *gates, struct gates_machine *machine, struct dro_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < LAB_GATES_PORTS && rc == 0; i++)
		rc = open_one(gates, machine, i, err);
	gates_listen(gates, machine);
	return rc;
}

int lab_gates_open(
	struct lab_gates *gates, const uint16_t ports[LAB_GATES_PORTS], struct dro_error *err)
{
	struct gates_machine *machine;
	int rc = 0;

	pthread_mutex_lock(&gates->lock);
	memcpy(gates->ports, ports, sizeof(gates->ports));
	for (machine = gates->machines; machine && rc == 0; machine = machine->next)
		rc = open_ports(gates, machine, err);
	pthread_mutex_unlock(&gates->lock);
	return rc;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void handle(struct lab_gates *gates, struct gates_watch *watch)
{
	eventfd_t ignored;
	int i;

	if (watch->fd < 0 || !watch->events)
		return; /* ended or cut by now */
	if (watch->kind == GATES_WAKE)
		eventfd_read(watch->fd, &ignored);
	if (watch->kind == GATES_LISTENER)
		for (i = 0; i < ACCEPTS && watch->events; i++)
			if (!gates_pair_accept(gates, (struct gates_listener *)watch))
				break;
	if (watch->kind == GATES_HALF)
		gates_pair_go(gates, ((struct gates_half *)watch)->pair);
}

static void free_dead(struct lab_gates *gates)
{
	struct gates_pair *pair;
	struct gates_machine *machine;

	while ((pair = gates->dead)) {
		gates->dead = pair->next;
		free(pair);
	}
	while ((machine = gates->dead_machines)) {
		gates->dead_machines = machine->next;
		free(machine);
	}
}

static void listen_again(struct lab_gates *gates)
{
	struct gates_machine *machine;

	gates->full = false;
	for (machine = gates->machines; machine; machine = machine->next)
		gates_listen(gates, machine);
}

static void *run(void *arg)
{
	struct lab_gates *gates = arg;
	struct epoll_event events[EVENTS];
	bool ending, full = false;
	int i, count;

	do {
		count = epoll_wait(gates->epoll_fd, events, EVENTS, full ? FULL_MS : -1);
		pthread_mutex_lock(&gates->lock);
		if (full)
			listen_again(gates);
		for (i = 0; i < count; i++)
			handle(gates, events[i].data.ptr);
		free_dead(gates);
		ending = gates->ending;
		full = gates->full;
		pthread_mutex_unlock(&gates->lock);
	} while (!ending);
	return NULL;
}

int lab_gates_new(struct lab_gates **out, struct dro_error *err)
{
	struct lab_gates *gates = calloc(1, sizeof(*gates));

	if (!gates)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_init(&gates->lock, NULL);
	gates->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	gates->wake.kind = GATES_WAKE;
	gates->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (gates->epoll_fd < 0 || gates->wake.fd < 0) {
		int rc = dro_fail_errno(err, "the machines' way to the lab");

		lab_gates_free(gates);
		return rc;
	}
	gates_watch(gates, &gates->wake, EPOLLIN);
	*out = gates;
	return 0;
}

/* (locked) */
static void take_out(struct lab_gates *gates, struct gates_machine *machine)
{
	struct gates_machine **at = &gates->machines;
	size_t i;

	while (machine->pairs)
		gates_pair_reset(gates, machine->pairs);
	for (i = 0; i < LAB_GATES_PORTS; i++) {
		gates_watch(gates, &machine->listeners[i].watch, 0);
		if (machine->listeners[i].watch.fd >= 0)
			close(machine->listeners[i].watch.fd);
		machine->listeners[i].watch.fd = -1;
	}
	close(machine->net_fd);
	while (*at != machine)
		at = &(*at)->next;
	*at = machine->next;
	machine->next = gates->dead_machines;
	gates->dead_machines = machine;
}

void lab_gates_free(struct lab_gates *gates)
{
	if (!gates)
		return;
	pthread_mutex_lock(&gates->lock);
	gates->ending = true;
	while (gates->machines)
		take_out(gates, gates->machines);
	pthread_mutex_unlock(&gates->lock);
	if (gates->has_thread) {
		eventfd_write(gates->wake.fd, 1);
		pthread_join(gates->thread, NULL);
	}
	free_dead(gates);
	if (gates->wake.fd >= 0)
		close(gates->wake.fd);
	if (gates->epoll_fd >= 0)
		close(gates->epoll_fd);
	pthread_mutex_destroy(&gates->lock);
	free(gates);
}

/* ---- machines -------------------------------------------------------------------------------- */

static struct gates_machine *find(struct lab_gates *gates, const char *address)
{
	struct gates_machine *machine = gates->machines;

	while (machine && strcmp(machine->address, address) != 0)
		machine = machine->next;
	return machine;
}

static struct gates_machine *machine_new(const char *address, const char *id, int net_fd)
{
	struct gates_machine *machine = calloc(1, sizeof(*machine));
	size_t i;

	if (!machine)
		return NULL;
	snprintf(machine->address, sizeof(machine->address), "%s", address);
	snprintf(machine->id, sizeof(machine->id), "%s", id);
	machine->cut = true;
	machine->net_fd = fcntl(net_fd, F_DUPFD_CLOEXEC, 3);
	for (i = 0; i < LAB_GATES_PORTS; i++) {
		machine->listeners[i].watch =
			(struct gates_watch){.kind = GATES_LISTENER, .fd = -1};
		machine->listeners[i].machine = machine;
	}
	if (machine->net_fd >= 0)
		return machine;
	free(machine);
	return NULL;
}

int lab_gates_add(struct lab_gates *gates, const char *address, const char *id, int net_fd,
	struct dro_error *err)
{
	struct gates_machine *machine = machine_new(address, id, net_fd);
	int rc = 0;

	if (!machine)
		return dro_fail(err, DRO_ENOMEM, "no room for machine %s", id);
	lab_gates_remove(gates, address);
	pthread_mutex_lock(&gates->lock);
	machine->next = gates->machines;
	gates->machines = machine;
	if (!gates->has_thread) {
		if (pthread_create(&gates->thread, NULL, run, gates) != 0)
			rc = dro_fail(err, DRO_EAGAIN, "no thread for the machines' way here");
		gates->has_thread = rc == 0;
	}
	if (rc == 0)
		rc = open_ports(gates, machine, err);
	if (rc < 0)
		take_out(gates, machine);
	pthread_mutex_unlock(&gates->lock);
	return rc;
}

void lab_gates_remove(struct lab_gates *gates, const char *address)
{
	struct gates_machine *machine;

	pthread_mutex_lock(&gates->lock);
	if ((machine = find(gates, address)))
		take_out(gates, machine);
	pthread_mutex_unlock(&gates->lock);
	/* The thread frees it. */
	eventfd_write(gates->wake.fd, 1);
}

static void cut_pair(struct lab_gates *gates, struct gates_pair *pair, bool cut)
{
	gates_deafen(pair->inside.watch.fd, cut);
	if (!cut) {
		gates_pair_go(gates, pair);
		return;
	}
	gates_watch(gates, &pair->inside.watch, 0);
	gates_watch(gates, &pair->lab.watch, 0);
}

void lab_gates_cut(struct lab_gates *gates, const char *address, bool cut)
{
	struct gates_machine *machine;
	struct gates_pair *pair, *next;
	size_t i;

	pthread_mutex_lock(&gates->lock);
	machine = find(gates, address);
	if (machine && machine->cut != cut) {
		machine->cut = cut;
		for (i = 0; i < LAB_GATES_PORTS; i++)
			if (machine->listeners[i].watch.fd >= 0)
				gates_deafen(machine->listeners[i].watch.fd, cut);
		for (pair = machine->pairs; pair; pair = next) {
			next = pair->next;
			cut_pair(gates, pair, cut);
		}
		gates_listen(gates, machine);
	}
	pthread_mutex_unlock(&gates->lock);
}

bool lab_gates_who(struct lab_gates *gates, uint16_t port, char id[LAB_ID])
{
	const struct gates_machine *machine;
	const struct gates_pair *pair;
	bool found = false;

	pthread_mutex_lock(&gates->lock);
	for (machine = gates->machines; machine && !found; machine = machine->next)
		for (pair = machine->pairs; pair && !found; pair = pair->next)
			if ((found = pair->lab_port == port))
				memcpy(id, machine->id, LAB_ID);
	pthread_mutex_unlock(&gates->lock);
	return found;
}
