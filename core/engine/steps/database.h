/* What steps ask of a site's database, through the agent on the host that holds the data. */
#ifndef DRORCH_ENGINE_STEPS_DATABASE_H
#define DRORCH_ENGINE_STEPS_DATABASE_H

#include "engine/steps/steps.h"
#include "session/session.h"

/* A data host of the inputs: {site, host, address, port}. Its strings are theirs. */
struct step_host {
	struct dro_session_host host;
	const struct dro_site *site;
	int64_t port; /* of the database */
};

/* From the object at `key` of the inputs. DRO_ENOTFOUND where the spec has no such site any more.
 */
int step_host_read(struct step_host *out, const struct dro_step_context *context, const char *key,
	struct dro_error *err);

/*
 * Asks a verb within `ms` and the call's deadline; *result (may be NULL) as dro_session_ask has it.
 * `fields` (taken over) may be NULL.
 */
int step_ask(cJSON **result, struct dro_step_context *context, const struct step_host *host,
	const char *verb, cJSON *fields, uint64_t ms, struct dro_error *err);
/* The same for a verb that changes something: in the name of our lease's epoch, which must still
 * be ours. */
int step_change(cJSON **result, struct dro_step_context *context, const struct step_host *host,
	const char *verb, cJSON *fields, uint64_t ms, struct dro_error *err);

/* The role that the host was given, and whether it is fenced. */
int step_role(struct dro_step_context *context, const struct step_host *host, bool *primary,
	bool *fenced, struct dro_error *err);

/* `replica` follows `primary`, which waits for it with each write from then on where input
 * "semi_sync" says so. */
int step_attach(struct dro_step_context *context, const struct step_host *replica,
	const struct step_host *primary, struct dro_error *err);

/* The host fetches the application's files from whom it follows, aside of its other verbs; *result
 * is NULL where it has none. DRO_ETIMEDOUT with a *result: not all, and the next try goes on. */
int step_files(cJSON **result, struct dro_step_context *context, const struct step_host *host,
	uint64_t ms, struct dro_error *err);

/* What the primary says now is what is remembered of it, for the day it cannot be asked; not
 * `guarded`: without semi-sync, whatever it says. DRO_EAGAIN: it does not answer. */
int step_remember(const struct dro_step_context *context, const struct step_host *host,
	bool guarded, struct dro_error *err);

/* Accepts writes again, where it is a primary still; `unfence`: also where it was fenced. For undo:
 * past a while a host that cannot be reached is DRO_EIO, so that a way back comes to its end. */
int step_thaw(struct dro_step_context *context, const struct step_host *host, bool unfence,
	struct dro_error *err);

#endif
