/*
 * An HTTP server on loopback that does what it is told, right or wrong: it reads whole requests,
 * keeps them, and answers each with the next piece of a script, byte for byte. A thread a
 * connection; the port is the kernel's choice. Failures of its own abort the test.
 */
#ifndef DRORCH_TESTS_RAW_SERVER_H
#define DRORCH_TESTS_RAW_SERVER_H

#include <stddef.h>

enum raw_end {
	RAW_KEEP,    /* after the bytes: the next request of this connection */
	RAW_CLOSE,   /* the connection is closed */
	RAW_RESET,   /* it is reset */
	RAW_SILENT,  /* nothing more, and the connection stays open */
	RAW_DRIP,    /* the bytes go one by one, 20 ms apart; then as RAW_KEEP */
	RAW_ENDLESS, /* `repeat` follows again and again until the peer has enough */
};

struct raw_answer {
	const char *bytes;
	size_t length; /* 0: strlen(bytes) */
	enum raw_end end;
	const char *repeat;
	unsigned delay_ms; /* before the first byte */
};

struct raw_server;

/* Requests are answered in the order they come in; the last answer holds for all that follow. */
struct raw_server *raw_server_start(const struct raw_answer *answers, size_t count);
/* The same over TLS, with a certificate made for it: localhost, edge.example, 127.0.0.1. */
struct raw_server *raw_server_start_tls(const struct raw_answer *answers, size_t count);
void raw_server_stop(struct raw_server *server); /* closes everything and waits; NULL-safe */

int raw_server_port(const struct raw_server *server);
const char *raw_server_url(const struct raw_server *server); /* "http://127.0.0.1:PORT" */
const char *raw_server_ca(const struct raw_server *server);  /* PEM file; gone with the server */
size_t raw_server_connections(struct raw_server *server);
size_t raw_server_requests(struct raw_server *server);
/* The bytes of a request, head and body, NUL-terminated; lives until the server stops. */
const char *raw_server_request(struct raw_server *server, size_t index);
/* The name that the last TLS client asked for, or "". */
const char *raw_server_sni(struct raw_server *server);

#endif
