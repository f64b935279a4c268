/* TLS for the raw server: a certificate made on the spot, a blocking stream. */
#ifndef DRORCH_TESTS_RAW_TLS_H
#define DRORCH_TESTS_RAW_TLS_H

#include <stddef.h>
#include <sys/types.h>

struct raw_tls;
struct raw_stream;

struct raw_tls *raw_tls_new(void); /* aborts where it cannot */
void raw_tls_free(struct raw_tls *tls);
const char *raw_tls_ca(const struct raw_tls *tls); /* the certificate as a PEM file */
const char *raw_tls_sni(struct raw_tls *tls);

struct raw_stream *raw_stream_accept(struct raw_tls *tls, int fd); /* NULL: no handshake */
ssize_t raw_stream_read(struct raw_stream *stream, char *data, size_t room);
ssize_t raw_stream_write(struct raw_stream *stream, const char *data, size_t length);
void raw_stream_free(struct raw_stream *stream); /* NULL-safe; the descriptor stays open */

#endif
