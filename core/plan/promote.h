/* Promote: from what is known to the graph of steps. Pure. */
#ifndef DRORCH_PLAN_PROMOTE_H
#define DRORCH_PLAN_PROMOTE_H

#include "model/backup.h"
#include "model/graph.h"
#include "model/service.h"

/* What one of the service's names points at before the promote. */
struct dro_traffic_seen {
	const struct dro_traffic *traffic;
	char **values; /* what the record holds now */
	size_t value_count;
	char *owner; /* the mark it carries, or "" */
	bool known;  /* its provider could be asked */
};

/* What was observed before anything moves. All of it belongs to the caller. */
struct dro_promote_facts {
	const struct dro_spec *spec;
	const struct dro_service *service;
	const struct dro_site *from, *to;
	const struct dro_backup_policy *policy;
	const struct dro_backup *backup;
	bool backup_stale;
	const char *const *images;		/* beside to->groups: the provider's image ids */
	const struct dro_traffic_seen *traffic; /* beside service->traffic */
	bool from_answers;			/* the old site passes its health check */
	const char *from_heard;			/* what it said */
	int64_t last_promote_ms;		/* wall clock; 0: never */
	int64_t now_ms;
};

/* A cold promote (backup-restore). DRO_EUNSUPPORTED names a strategy that cannot be promoted to in
 * this way. */
int dro_plan_promote(
	struct dro_plan **out, const struct dro_promote_facts *facts, struct dro_error *err);

#endif
