/* Steps on the hosts of databases, for the plans that have such steps. Pure. */
#ifndef DRORCH_PLAN_REPLICA_H
#define DRORCH_PLAN_REPLICA_H

#include "model/database.h"
#include "model/service.h"
#include "plan/build.h"

/* The input `key` {site, host, address, port}. `address`: a reference to a step's "addresses", the
 * first of which it is; "" : the host's own. */
void dro_build_input_host(struct dro_build *build, struct dro_step *step, const char *key,
	const struct dro_site *site, const struct dro_data_host *host, const char *address,
	int port);

/* The host of a replica is to be of another type. */
struct dro_replica_resize {
	const struct dro_site *site, *primary_site;
	const struct dro_data_host *host;
	const struct dro_data_host *primary; /* NULL: it is gone, or nobody waits for it */
	const struct dro_replication *how;
	const char *type;
	const char *previous; /* what it becomes when that is undone; "" : it stays */
	bool may_fail;	      /* of each step; one whose predecessor failed does nothing */
};

/*
 * What must be done around it while the primary goes on: its writes wait for the replica no more
 * ("unguard-SITE"), which applies what it has received ("drain-SITE"), is stopped, resized and
 * started ("resize-ID", "boot.SITE", "open.SITE"), follows again, and is waited for ("guard-SITE").
 * Between the first and the last a write that is acknowledged is on the primary alone.
 *
 * *first: what the caller orders behind what must come before; afterwards the host is at
 * "${boot.SITE.addresses}".
 */
void dro_build_replica_resize(
	struct dro_build *build, const struct dro_replica_resize *resize, struct dro_step **first);

#endif
