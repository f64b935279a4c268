/* Lists of MariaDB GTIDs, "0-1-42,0-2-50": at most one for each domain and server. */
#ifndef AGENT_GTID_H
#define AGENT_GTID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define AGENT_GTIDS_MAX 256

struct agent_gtid {
	uint32_t domain, server;
	uint64_t number;
};

struct agent_gtids {
	struct agent_gtid list[AGENT_GTIDS_MAX];
	size_t count;
};

/* Adds what `text` has ("" : nothing); of one domain and server the higher counts. DRO_EPROTO. */
int agent_gtids_add(struct agent_gtids *gtids, const char *text, struct dro_error *err);
int agent_gtids_put(struct agent_gtids *gtids, struct agent_gtid gtid, struct dro_error *err);
/* The highest number of that domain and server; 0: none. */
uint64_t agent_gtids_number(const struct agent_gtids *gtids, const struct agent_gtid *like);
/*
 * Histories are lines: numbers of a domain only grow (gtid_strict_mode), and what two servers have
 * in common is all up to some GTID. So where `there` has the last of a domain it has them all, also
 * those it does not list, as a server does not that was made from a copy.
 */
/* Is anything in `here` that is not in `there`? */
bool agent_gtids_beyond(const struct agent_gtids *here, const struct agent_gtids *there);
/* What of `here` is also in `there`. */
void agent_gtids_common(
	struct agent_gtids *out, const struct agent_gtids *here, const struct agent_gtids *there);
/* The last of each domain: of several servers' the one with the highest number. */
void agent_gtids_last(struct agent_gtids *out, const struct agent_gtids *gtids);
/* In the order of their numbers, as MariaDB wants a binary log's state. */
void agent_gtids_print(struct dro_buf *out, const struct agent_gtids *gtids);

#endif
