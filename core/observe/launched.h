/* What was launched so lately that a provider's lists may not show it yet. */
#ifndef DRORCH_OBSERVE_LAUNCHED_H
#define DRORCH_OBSERVE_LAUNCHED_H

#include "model/inventory.h"
#include "model/service.h"
#include "store/store.h"

/*
 * From the store's newest runs of the service: the instances that they launched in the last
 * minutes, not those that were ended since, as PENDING ones with our marks. Of a launch whose
 * answer was never heard, as many as it asked for, with ids that begin with '?' and the marks of
 * run and step, by which those that a list shows are told.
 */
int dro_launched_lately(struct dro_instance_list *out, struct dro_store *store,
	const struct dro_service *service, struct dro_error *err);

#endif
