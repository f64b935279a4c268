/*
 * What is known of a service's instances, for who must know them while no provider answers: a fact
 * of the service in the store,
 *
 *   {"at_ms":N,"seen":{"SITE":HASH},
 *    "instances":[{"id","host","name","site","group","provider","region","type",
 *                            "public_ipv4","private_ipv4","state"}]}
 *
 * sorted by host. `at_ms` is when it last changed. `seen` tells a look at a whole site that it saw
 * what the one before it saw, and nobody wrote since: that fleet is not compared one by one. `host`
 * is the name that we give the instance, "SERVICE-SITE-GROUP-N": it keeps it as long as it is
 * known, and a number becomes free with it.
 */
#ifndef DRORCH_OBSERVE_KNOWN_H
#define DRORCH_OBSERVE_KNOWN_H

#include "base/json.h"
#include "model/inventory.h"
#include "model/service.h"
#include "store/store.h"

struct dro_known_entry {
	const struct dro_site *site;
	const struct dro_instance *instance;
};

/* Whose entries are replaced. */
struct dro_known_scope {
	const struct dro_service *service;
	const char *site;	       /* NULL: all sites */
	bool add;		       /* none: what is given comes to what is known */
	const struct dro_lease *lease; /* NULL: the caller drives no run */
};

/*
 * Replaces the entries of the scope, so that with a count of 0 nothing is left of it, or adds to
 * them. In either way what is given replaces what was known of the same id, and what is terminated
 * is not kept. Writes only where something changed. Any thread, any process: what others write
 * meanwhile stays. DRO_EBUSY where the lease is no longer ours.
 */
int dro_known_instances_set(struct dro_store *store, const struct dro_known_scope *scope,
	const struct dro_known_entry *entries, size_t count, struct dro_error *err);

/* The fact as above, freed with cJSON_Delete. DRO_ENOTFOUND: nothing was ever seen.
 * DRO_ECORRUPT, DRO_EPROTO: it is damaged. */
int dro_known_instances_get(
	cJSON **out, struct dro_store *store, const char *service, struct dro_error *err);

/* "running", "stopped", …: the word for an enum dro_instance_state. */
const char *dro_instance_state_name(unsigned state);

#endif
