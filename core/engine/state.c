#include "engine/engine.h"

#include <string.h>

static const char *const run_names[DRO_RUN_STATES] = {
	[DRO_RUN_PLANNED] = "planned",
	[DRO_RUN_RUNNING] = "running",
	[DRO_RUN_WAITING] = "waiting-for-human",
	[DRO_RUN_MONITORING] = "monitoring",
	[DRO_RUN_COMPLETED] = "completed",
	[DRO_RUN_COMPLETED_WITH_EXCEPTIONS] = "completed-with-exceptions",
	[DRO_RUN_ROLLING_BACK] = "rolling-back",
	[DRO_RUN_ROLLED_BACK] = "rolled-back",
	[DRO_RUN_FAILED] = "failed",
	[DRO_RUN_ABORTED] = "aborted",
};

static const char *const step_names[DRO_STEP_STATES] = {
	[DRO_STEP_IS_PENDING] = "pending",
	[DRO_STEP_IS_RUNNING] = "running",
	[DRO_STEP_IS_DONE] = "done",
	[DRO_STEP_IS_FAILED] = "failed",
	[DRO_STEP_IS_FAILED_IGNORED] = "failed-ignored",
	[DRO_STEP_IS_SKIPPED] = "skipped",
	[DRO_STEP_IS_UNDONE] = "undone",
};

/* What each event makes of each state; 0 (planned, which nothing leads back to) is "makes no
 * sense". */
static const enum dro_run_state transitions[DRO_RUN_STATES][DRO_RUN_EVENTS] = {
	[DRO_RUN_PLANNED] =
		{
			[DRO_RUN_STARTS] = DRO_RUN_RUNNING,
			[DRO_RUN_IS_ABORTED] = DRO_RUN_ABORTED,
			[DRO_RUN_ROLLS_BACK] = DRO_RUN_ROLLING_BACK,
		},
	[DRO_RUN_RUNNING] =
		{
			[DRO_RUN_STARTS] = DRO_RUN_RUNNING,
			[DRO_RUN_MONITORS] = DRO_RUN_MONITORING,
			[DRO_RUN_FINISHES] = DRO_RUN_COMPLETED,
			[DRO_RUN_FINISHES_WITH_EXCEPTIONS] = DRO_RUN_COMPLETED_WITH_EXCEPTIONS,
			[DRO_RUN_FAILS] = DRO_RUN_FAILED,
			[DRO_RUN_ROLLS_BACK] = DRO_RUN_ROLLING_BACK,
		},
	[DRO_RUN_WAITING] =
		{
			[DRO_RUN_STARTS] = DRO_RUN_RUNNING,
			[DRO_RUN_FAILS] = DRO_RUN_FAILED,
			[DRO_RUN_ROLLS_BACK] = DRO_RUN_ROLLING_BACK,
		},
	[DRO_RUN_MONITORING] =
		{
			[DRO_RUN_STARTS] = DRO_RUN_RUNNING,
			[DRO_RUN_MONITORS] = DRO_RUN_MONITORING,
			[DRO_RUN_FINISHES] = DRO_RUN_COMPLETED,
			[DRO_RUN_FINISHES_WITH_EXCEPTIONS] = DRO_RUN_COMPLETED_WITH_EXCEPTIONS,
			[DRO_RUN_FAILS] = DRO_RUN_FAILED,
			[DRO_RUN_ROLLS_BACK] = DRO_RUN_ROLLING_BACK,
		},
	[DRO_RUN_ROLLING_BACK] =
		{
			[DRO_RUN_ROLLS_BACK] = DRO_RUN_ROLLING_BACK,
			[DRO_RUN_IS_BACK] = DRO_RUN_ROLLED_BACK,
			[DRO_RUN_IS_ABORTED] = DRO_RUN_ABORTED,
			[DRO_RUN_FAILS] = DRO_RUN_FAILED,
		},
	[DRO_RUN_FAILED] =
		{
			[DRO_RUN_STARTS] = DRO_RUN_RUNNING,
			[DRO_RUN_ROLLS_BACK] = DRO_RUN_ROLLING_BACK,
		},
};

const char *dro_run_state_name(enum dro_run_state state)
{
	return run_names[state];
}

const char *dro_step_state_name(enum dro_step_state state)
{
	return step_names[state];
}

int dro_run_state_parse(const char *name, enum dro_run_state *out, struct dro_error *err)
{
	int i;

	for (i = 0; i < DRO_RUN_STATES; i++)
		if (strcmp(run_names[i], name) == 0) {
			*out = (enum dro_run_state)i;
			return 0;
		}
	return dro_fail(
		err, DRO_ECORRUPT, "the store holds a run in state \"%.32s\", which is none", name);
}

int dro_step_state_parse(const char *name, enum dro_step_state *out, struct dro_error *err)
{
	int i;

	for (i = 0; i < DRO_STEP_STATES; i++)
		if (strcmp(step_names[i], name) == 0) {
			*out = (enum dro_step_state)i;
			return 0;
		}
	return dro_fail(err, DRO_ECORRUPT,
		"the store holds a step in state \"%.32s\", which is none", name);
}

bool dro_run_ended(enum dro_run_state state)
{
	return state == DRO_RUN_COMPLETED || state == DRO_RUN_COMPLETED_WITH_EXCEPTIONS ||
	       state == DRO_RUN_ROLLED_BACK || state == DRO_RUN_FAILED || state == DRO_RUN_ABORTED;
}

int dro_run_next(enum dro_run_state state, enum dro_run_event event, enum dro_run_state *next,
	struct dro_error *err)
{
	static const char *const events[DRO_RUN_EVENTS] = {"start", "monitor", "finish",
		"finish with exceptions", "fail", "roll back", "be back", "be aborted"};
	enum dro_run_state to = transitions[state][event];

	if (to == DRO_RUN_PLANNED)
		return dro_fail(err, DRO_EINVAL, "a run that is %s cannot %s", run_names[state],
			events[event]);
	*next = to;
	return 0;
}
