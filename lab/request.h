/* A request while it comes in, and its way into a lab_request. One thread: its connection's. */
#ifndef DRORCH_LAB_REQUEST_H
#define DRORCH_LAB_REQUEST_H

#include <microhttpd.h>

#include "lab/lab.h"

struct lab_incoming {
	char *uri; /* as it came, with the query */
	char *method;
	char client[64];
	uint16_t client_port;
	char machine[LAB_ID]; /* the server's to fill */
	struct lab_pairs headers;
	struct lab_pairs query;
	struct lab_pairs segments; /* their names */
	const char **segment_list;
	struct dro_buf body;
	int spool_fd; /* -1: in `body` */
	uint64_t body_length;
	bool too_large;
	bool started; /* its headers are read */
	struct lab_request request;
};

struct lab_incoming *lab_incoming_new(const char *uri);
void lab_incoming_free(struct lab_incoming *incoming); /* NULL-safe */
/* Method, headers and peer. <0: out of memory. */
int lab_incoming_start(
	struct lab_incoming *incoming, struct MHD_Connection *connection, const char *method);
/* More of the body; `dir` is where a large one is spooled. */
int lab_incoming_body(
	struct lab_incoming *incoming, const char *data, size_t length, const char *dir);
/* Fills incoming->request. <0: the path or query is broken. */
int lab_incoming_finish(struct lab_incoming *incoming);

#endif
