/*
 * Values of DNS records as a zone file has them, in their one spelling: what two providers, or a
 * provider and a person, write differently compares as the same.
 */
#ifndef DRORCH_BASE_RDATA_H
#define DRORCH_BASE_RDATA_H

#include <stdbool.h>

#include "base/error.h"

struct dro_buf;

/* Is it a type whose values can be spelled? A, AAAA, CNAME, NS, PTR, MX, SRV, TXT and CAA are. */
bool dro_rdata_known(const char *type);
/*
 * A value in its one spelling. DRO_EINVAL where it is none of that type, DRO_EUNSUPPORTED for a
 * type that is not known.
 */
int dro_rdata_clean(
	struct dro_buf *out, const char *type, const char *value, struct dro_error *err);

/*
 * The bytes behind "one" "two", joined as a reader of the record sees them, and the way back.
 * `base` is that of an escape's digits: 10 in zone files, 8 at Route 53, which also wants all that
 * is not ASCII escaped. <0: no quoted strings.
 */
int dro_rdata_unquote(struct dro_buf *raw, const char *value, unsigned base);
void dro_rdata_quote(struct dro_buf *out, const char *raw, size_t length, unsigned base);

/* Is `name` the zone's own or below it? Letter case does not matter. */
bool dro_name_in_zone(const char *name, const char *zone);

#endif
