/*
 * Where a lab's machines are plugged in: a bridge in a network namespace that only the lab holds,
 * and one link from there to the host, so that the host reaches every machine under the address
 * that the clouds' APIs name and they reach each other under the same. Of the host's network
 * nothing changes but that one interface (drlabN) with its /24 of 198.18.0.0/15. All of it goes
 * with the lab, however that ends: the namespace lives by a descriptor of the lab's.
 */
#ifndef DRORCH_LAB_HUB_H
#define DRORCH_LAB_HUB_H

#include "lab/lab.h"

#define LAB_HUB_METADATA "169.254.169.254"

struct lab_hub;

/* Needs root and iproute2: DRO_EPERM, DRO_EUNSUPPORTED with what is missing. */
int lab_hub_new(struct lab_hub **out, struct lab *lab, struct dro_error *err);
void lab_hub_free(struct lab_hub *hub); /* NULL-safe; no machine is plugged in any more */
/* Is the address one of the hub's machines' ? */
bool lab_hub_has(const struct lab_hub *hub, const char *address);
/* The n-th machine's address, from 1 to LAB_HUB_MACHINES. */
#define LAB_HUB_MACHINES 250
void lab_hub_address(const struct lab_hub *hub, int n, char out[LAB_ADDRESS]);

/*
 * A network namespace for machine `id` of that address, its eth0 plugged in, and the lab's own
 * ports on its 127.0.0.1 (gates.h); all of it cut until lab_hub_cut(…, false). It lives until
 * lab_hub_unplug() and as long as a process in it.
 */
int lab_hub_plug(struct lab_hub *hub, const char *address, const char *id, int *net_fd,
	struct dro_error *err);
/* Nothing where *net_fd is -1, as it is after it. */
void lab_hub_unplug(struct lab_hub *hub, const char *address, int *net_fd);
int lab_hub_cut(struct lab_hub *hub, const char *address, bool cut, struct dro_error *err);
/* Is it in that range at all, whichever lab's? Never routed anywhere: a probe may go there. */
bool lab_hub_range_has(const char *address);

#endif
