/* Storing a new run: from here on it is the service's one run, and any process may drive it. */
#ifndef DRORCH_ENGINE_START_H
#define DRORCH_ENGINE_START_H

#include "model/graph.h"
#include "store/store.h"

#define DRO_KIND_RECONCILE                                                                         \
	"reconcile" /* of plans: gives way to all others; DRO_KIND_IMAGE next                      \
		     */

/*
 * Is a run of the service in the way of one of that kind? DRO_EBUSY names it, with what can be
 * done. A failed promote is not over: it waits to be resumed or aborted. Reconcile runs are in the
 * way of reconcile only, and only while they are under way; an image's build of that and of builds.
 */
int dro_run_check_open(
	struct dro_store *store, const char *service, const char *kind, struct dro_error *err);

/*
 * Stores the plan, soon (store.h), as a run in state "planned", under the service's lease, which is
 * free again afterwards for the worker. A run under way that gives way to it is stopped within ten
 * seconds; a reconcile run that failed is over. DRO_EBUSY: another run is not over. DRO_ECONFLICT:
 * the world of the plan is gone by now: another site is active than plan->from, or `newest` (NULL:
 * not asked), the id of the service's newest run when the plan was made ("" : it had none), is no
 * longer that.
 */
int dro_run_add(struct dro_store *store, const struct dro_plan *plan, const char *newest,
	struct dro_error *err);

#define DRO_RUN_ID_MAX 32
/* Into `out`: the newest run's id where it is a reconcile run that failed, so that what it did is
 * neither all done nor all taken back; else "". */
int dro_run_broken(struct dro_store *store, const char *service, char out[DRO_RUN_ID_MAX],
	struct dro_error *err);
/* Id of the service's newest run into `out`, or "". */
int dro_run_newest(struct dro_store *store, const char *service, char out[DRO_RUN_ID_MAX],
	struct dro_error *err);

#endif
