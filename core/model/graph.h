/*
 * What to do: a plan is a graph of steps. Plain data, made by plan/, run by engine/, kept by
 * store/. Every pointer belongs to its struct. Not for sharing between threads while it is being
 * built.
 */
#ifndef DRORCH_MODEL_GRAPH_H
#define DRORCH_MODEL_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

/* Which side of a cloud a step needs: the data plane goes on working when the control plane does
 * not. */
enum dro_step_class { DRO_STEP_READ, DRO_STEP_DATA_PLANE, DRO_STEP_CONTROL_PLANE };

struct dro_step {
	char *id;      /* unique in its plan: letters, digits, '-', '.' */
	char *kind;    /* a row of the engine's step table */
	char *target;  /* what it acts on, for people */
	cJSON *inputs; /* object; a string "${STEP.OUTPUT}" stands for an earlier step's output */
	char **after;  /* ids of the steps that must be done first */
	size_t after_count;
	int64_t timeout_ms;
	char *idem_key; /* 1..64 characters, from run and step */
	enum dro_step_class class;
	char *region;  /* of the control plane it needs, or "" */
	bool may_fail; /* its failure is an exception, not the end of the run */
	size_t index;  /* its place in the plan's steps */
};

struct dro_plan {
	char *id;   /* the run's id: "r-" and twelve letters */
	char *kind; /* "promote", "reconcile", … */
	char *mode; /* "cold", "switchover", "failover", … */
	char *service;
	char *from, *to; /* sites */
	char *commit;	 /* of the spec it was made from */
	char *summary;	 /* one line */
	cJSON *facts;	 /* object: what was known when it was made (backup, ages, objectives) */
	struct dro_step **steps; /* in an order in which every step comes after those it needs */
	size_t step_count;
	void *by_id; /* what dro_plan_step searches */
};

int dro_plan_new(
	struct dro_plan **out, const char *kind, const char *service, struct dro_error *err);
void dro_plan_free(struct dro_plan *plan); /* NULL-safe */

/* Adds a step with empty inputs; its idem_key is "<run>-<step>" or a hash of that where it is too
 * long. */
int dro_plan_add(struct dro_plan *plan, struct dro_step **out, const char *id, const char *kind,
	const char *target, int64_t timeout_ms, struct dro_error *err);
/* `step` waits for `id`, which must be in the plan already (so there are no cycles). */
int dro_step_after(
	struct dro_plan *plan, struct dro_step *step, const char *id, struct dro_error *err);
const struct dro_step *dro_plan_step(const struct dro_plan *plan, const char *id);

/* The plan as JSON text and back: what the store keeps. Reading checks every rule above. */
int dro_plan_print(const struct dro_plan *plan, struct dro_buf *out, struct dro_error *err);
int dro_plan_parse(struct dro_plan **out, const char *text, size_t length, struct dro_error *err);

#endif
