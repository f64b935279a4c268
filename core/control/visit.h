/* What the controller has done to one service, and what came of it. */
#ifndef DRORCH_CONTROL_VISIT_H
#define DRORCH_CONTROL_VISIT_H

#include "base/json.h"
#include "engine/start.h"
#include "model/service.h"

enum dro_visit_end {
	DRO_VISIT_STEADY,  /* nothing is to do */
	DRO_VISIT_RUN,	   /* a run was stored, for a worker */
	DRO_VISIT_REFUSED, /* a safety rule forbids what is to do */
	DRO_VISIT_BUSY,	   /* a run of the service is not over */
	DRO_VISIT_FULL,	   /* something is to do; may_store said not now */
	DRO_VISIT_FAILED,
};

struct dro_visit_ask {
	const struct dro_spec *spec;
	const struct dro_service *service;
	void *world;	      /* what the ops opened for the spec */
	uint64_t fresh_ms;    /* monotonic: nothing observed before counts */
	uint64_t deadline_ms; /* monotonic: of the looking */
	bool (*may_store)(void *arg);
	void *may_store_arg;
};

struct dro_visit {
	enum dro_visit_end end;
	char run[DRO_RUN_ID_MAX]; /* of DRO_VISIT_RUN */
	bool unknown;		  /* something could not be read */
	/*
	 * Object, for `status`: "changes", "findings" (arrays, cut at DRO_VISIT_SHOWN),
	 * "change_count", "finding_count", "refusals"; may be NULL.
	 */
	cJSON *seen;
	struct dro_error err; /* of DRO_VISIT_FAILED and DRO_VISIT_BUSY */
};

#define DRO_VISIT_SHOWN 20

void dro_visit_fini(struct dro_visit *visit);

#endif
