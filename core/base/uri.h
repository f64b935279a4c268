/* Percent-encoding as RFC 3986 and AWS demand it: unreserved characters stay, all else is %XX. */
#ifndef DRORCH_BASE_URI_H
#define DRORCH_BASE_URI_H

#include <stdbool.h>

#include "base/buf.h"

void dro_uri_encode(struct dro_buf *out, const char *raw);
/* "/a/b%20c" from raw segments; "/" for none. An empty segment makes "//". */
void dro_uri_path(struct dro_buf *out, const char *const *segments, size_t count);
/* "a=1&b" in the given order; "" for none. */
void dro_uri_query(struct dro_buf *out, const struct dro_pair *query, size_t count);
/* The way back. DRO_EINVAL for a broken %XX, or one that means NUL. */
int dro_uri_decode(struct dro_buf *out, const char *encoded, bool plus_is_space);

#endif
