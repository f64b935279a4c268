/*
 * Building a plan step by step. The first failure stays, and later calls do nothing: build the
 * whole plan, look at `rc` once.
 */
#ifndef DRORCH_PLAN_BUILD_H
#define DRORCH_PLAN_BUILD_H

#include "model/graph.h"

struct dro_build {
	struct dro_plan *plan;
	struct dro_error *err;
	int rc;
};

/* A step whose id is the formatted text. NULL once something failed. */
struct dro_step *dro_build_step(struct dro_build *build, const char *kind, const char *target,
	int64_t timeout_ms, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* `step` waits for the step `id`, which is there already. */
void dro_build_after(struct dro_build *build, struct dro_step *step, const char *id);
/* `step` waits for every step of that kind that stands before it and must not fail. */
void dro_build_after_kind(struct dro_build *build, struct dro_step *step, const char *kind);
void dro_build_input(
	struct dro_build *build, struct dro_step *step, const char *key, const char *text);
/* Takes `json` over, also when it fails; NULL is out of memory. */
void dro_build_input_json(
	struct dro_build *build, struct dro_step *step, const char *key, cJSON *json);
/* The text as a step's id may have it: what no id can hold becomes '-'. */
void dro_build_id(char *out, size_t size, const char *text);

#endif
