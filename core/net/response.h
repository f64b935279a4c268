/* An answer while it arrives, and as its reader gets it. */
#ifndef DRORCH_NET_RESPONSE_H
#define DRORCH_NET_RESPONSE_H

#include "net/http.h"

#define DRO_RESPONSE_MAX ((size_t)8 << 20)
#define DRO_RESPONSE_HEADERS_MAX 256
#define DRO_RESPONSE_HEADER_BYTES 65536

struct dro_incoming {
	int status;
	size_t header_count;
	struct dro_buf headers; /* "name\0value\0", again and again */
	struct dro_buf body;	/* its cap is for the caller to set */
};

void dro_incoming_init(struct dro_incoming *incoming);
void dro_incoming_free(struct dro_incoming *incoming);
/*
 * Takes one line of the head with its line end; a status line begins anew. Lines that are no
 * header are left out. False: more, or larger, than there may be.
 */
bool dro_incoming_line(struct dro_incoming *incoming, const char *line, size_t length);
/* Hands all over to a response. `sunk`: bytes of the body that went elsewhere. */
int dro_incoming_finish(struct dro_incoming *incoming, uint64_t sunk,
	struct dro_http_response **out, struct dro_error *err);

#endif
