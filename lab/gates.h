/*
 * The lab from within a machine: on 127.0.0.1 of each machine's own network namespace the same
 * ports listen as outside (API, edge, name servers by TCP), and what comes there is carried to the
 * lab. So a URL of the lab's is one and the same on both sides.
 *
 * A cut machine's gates are cut with its link: what it sends is dropped as it arrives, handshakes
 * too, and nothing is sent. Nobody sees an end or a reset, and what is still there goes on when the
 * link is back, with TCP's own retries.
 *
 * Thread-safe. One thread carries everything; it begins with the first machine.
 */
#ifndef DRORCH_LAB_GATES_H
#define DRORCH_LAB_GATES_H

#include "lab/lab.h"

#define LAB_GATES_PORTS 4
#define LAB_GATES_PER_MACHINE 64 /* connections; more wait in the backlog */

struct lab_gates;

int lab_gates_new(struct lab_gates **out, struct dro_error *err);
void lab_gates_free(struct lab_gates *gates); /* NULL-safe; resets every connection */
/* The lab's ports are known now: machines before and after get them. 0 is none. */
int lab_gates_open(
	struct lab_gates *gates, const uint16_t ports[LAB_GATES_PORTS], struct dro_error *err);

/* Machine `id`, cut until lab_gates_cut(…, false); its namespace is held until it is removed. */
int lab_gates_add(struct lab_gates *gates, const char *address, const char *id, int net_fd,
	struct dro_error *err);
/* Resets its connections. Nothing where it is not there. */
void lab_gates_remove(struct lab_gates *gates, const char *address);
void lab_gates_cut(struct lab_gates *gates, const char *address, bool cut);

/* Whose connection comes to us from that port of our loopback? false: no machine's. */
bool lab_gates_who(struct lab_gates *gates, uint16_t port, char id[LAB_ID]);

#endif
