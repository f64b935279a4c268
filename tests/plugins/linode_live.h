/* A linode account on the lab of plugins/aws_lab.h. */
#ifndef DRORCH_TESTS_LINODE_LIVE_H
#define DRORCH_TESTS_LINODE_LIVE_H

#include "provider/provider.h"

/* One of the lab's credentials, "LINODE_TOKEN", into the environment as DRORCH_TEST_ and that. */
void linode_export(const char *name);
/* The account of the lab's own credentials, of region eu-west: the API at `endpoint`, the objects
 * at the lab. What is in the environment already is left. */
struct dro_provider *linode_open(struct dro_registry *registry, char *endpoint);

#endif
