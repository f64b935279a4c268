/*
 * The roles of two databases:
 *
 *   database.promote {from, to, position, last, semi_sync} -> {writes_lost}   the replica opens
 *   database.reprotect {from, to, semi_sync}       the old primary follows it
 *   database.thaw {host}                  a primary that takes no writes takes them again
 *   database.rejoin {host, primary, allow, semi_sync} -> {way, why, diverged}
 *                                         a host becomes a replica
 *
 * Undone, both of the first two turn the roles back without losing a write.
 */
#include "engine/steps/database.h"

#include <string.h>

#include "base/clock.h"
#include "model/database.h"
#include "observe/databases.h"

#define PROMOTE_MS 30000
#define FOLLOW_MS 15000
#define FREEZE_MS 3000
#define WAIT_MS 30000
#define LOOK_MS 5000
#define FILES_MS 60000
#define LAST_FILES_MS 10000
#define SERVER_MS 60000	 /* for a server to start */
#define REJOIN_MS 600000 /* an agent takes no longer deadline */
#define WELL_MS 15000	 /* for the application to notice that it may write again */
#define AGAIN_MS 50
#define GIVE_UP_MS 20000 /* then the data stays where it is */

static bool semi_sync(const struct dro_step_context *context)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(context->inputs, "semi_sync"));
}

static cJSON *promote_fields(const char *position, bool semi_sync)
{
	cJSON *fields = cJSON_CreateObject();

	if (*position)
		cJSON_AddStringToObject(fields, "position", position);
	if (semi_sync)
		cJSON_AddTrueToObject(fields, "semi_sync");
	return fields;
}

/* ---- forwards -------------------------------------------------------------------------------- */

/* Of what the old primary was last known to have, how much is not here. It may have been heard
 * since the plan was made. */
static void count_lost(
	struct dro_step_context *context, const struct dro_site *from, const cJSON *answer)
{
	const char *last = dro_json_text(context->inputs, "last"),
		   *seen = dro_json_text(answer, "seen");
	bool planned = *dro_json_text(context->inputs, "position") != '\0', certain = planned;
	struct dro_recovery_point point;
	int64_t lost = 0;

	dro_recovery_point_get(&point, context->world->store, context->world->service);
	if (strcmp(point.site, from->name) == 0 && *point.position) {
		last = point.position;
		certain = certain || point.semi_sync;
	}
	if (*last && *seen && !planned)
		lost = dro_position_missing(last, seen);
	dro_step_output(context, "writes_lost", cJSON_CreateNumber((double)lost));
	dro_step_output(context, "certain", cJSON_CreateBool(certain));
	if (lost > 0)
		dro_buf_printf(&context->note,
			"; %lld writes that were seen on the old primary are lost",
			(long long)lost);
}

int dro_step_promote_database(struct dro_step_context *context, struct dro_error *err)
{
	struct step_host from, to;
	cJSON *answer = NULL;
	int rc;

	if ((rc = step_host_read(&from, context, "from", err)) < 0 ||
		(rc = step_host_read(&to, context, "to", err)) < 0 ||
		(rc = step_change(&answer, context, &to, "promote",
			 promote_fields(dro_json_text(context->inputs, "position"), false),
			 PROMOTE_MS, err)) < 0)
		goto out;
	dro_buf_printf(&context->note, "%s accepts writes", to.site->name);
	count_lost(context, from.site, answer);
out:
	cJSON_Delete(answer);
	return rc;
}

int step_attach(struct dro_step_context *context, const struct step_host *replica,
	const struct step_host *primary, struct dro_error *err)
{
	cJSON *fields = cJSON_CreateObject();
	int rc;

	cJSON_AddStringToObject(fields, "host", primary->host.address);
	cJSON_AddNumberToObject(fields, "port", (double)primary->port);
	if ((rc = step_change(NULL, context, replica, "follow", fields, FOLLOW_MS, err)) < 0)
		return rc;
	return semi_sync(context) ? step_change(NULL, context, primary, "promote",
					    promote_fields("", true), PROMOTE_MS, err)
				  : 0;
}

int dro_step_reprotect(struct dro_step_context *context, struct dro_error *err)
{
	struct step_host from, to;
	int rc;

	if ((rc = step_host_read(&from, context, "from", err)) < 0 ||
		(rc = step_host_read(&to, context, "to", err)) < 0 ||
		(rc = step_attach(context, &from, &to, err)) < 0)
		return rc;
	dro_buf_printf(&context->note, "%s follows %s%s", from.site->name, to.site->name,
		semi_sync(context) ? ", semi-synchronously" : "");
	return DRO_STEP_DONE;
}

int dro_step_thaw_database(struct dro_step_context *context, struct dro_error *err)
{
	struct step_host host;
	int rc;

	if ((rc = step_host_read(&host, context, "host", err)) < 0 ||
		(rc = step_thaw(context, &host, true, err)) < 0)
		return rc;
	dro_buf_printf(&context->note, "%s accepts writes", host.site->name);
	return DRO_STEP_DONE;
}

int dro_step_unthaw(struct dro_step_context *context, struct dro_error *err)
{
	struct step_host host;
	int rc;

	if ((rc = step_host_read(&host, context, "host", err)) < 0)
		return rc;
	return step_change(NULL, context, &host, "freeze", NULL, FREEZE_MS, err);
}

/* ---- backwards ------------------------------------------------------------------------------- */

static int fetch_home(struct dro_step_context *context, const struct step_host *from, uint64_t ms,
	struct dro_error *err)
{
	cJSON *answer = NULL;
	int rc = step_files(&answer, context, from, ms, err);

	cJSON_Delete(answer);
	return rc;
}

/* The last write of `to`, which takes no more; and `from` has it, and the files. */
static int bring_home(struct dro_step_context *context, const struct step_host *from,
	const struct step_host *to, cJSON **position, struct dro_error *err)
{
	cJSON *fields = cJSON_CreateObject();
	int rc;

	cJSON_AddStringToObject(fields, "host", to->host.address);
	cJSON_AddNumberToObject(fields, "port", (double)to->port);
	/* Before the freeze, so that what takes longer keeps nobody waiting. */
	if ((rc = step_change(NULL, context, from, "follow", fields, FOLLOW_MS, err)) < 0 ||
		(rc = fetch_home(context, from, FILES_MS, err)) < 0 ||
		(rc = step_change(NULL, context, to, "freeze", NULL, FREEZE_MS, err)) < 0 ||
		(rc = step_ask(position, context, to, "position", NULL, LOOK_MS, err)) < 0)
		return rc;
	fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "position", dro_json_text(*position, "position"));
	if ((rc = step_ask(NULL, context, from, "wait", fields, WAIT_MS, err)) < 0)
		return rc;
	return fetch_home(context, from, LAST_FILES_MS, err);
}

/* The application of the old site answers well again: only then may traffic go back to it. */
static int await_well(
	struct dro_step_context *context, const struct step_host *from, struct dro_error *err)
{
	const struct dro_clock *clock = context->world->clock;
	uint64_t until = clock->now_ms(clock) + WELL_MS;
	const char *addresses[] = {from->host.address};
	char heard[256];

	while (!dro_step_any_well(context, from->site, addresses, 1, heard, sizeof(heard))) {
		if (clock->now_ms(clock) >= until)
			return dro_fail(err, DRO_EAGAIN, "%s does not answer well: %.200s",
				from->site->name, heard);
		clock->sleep_ms(clock, AGAIN_MS);
	}
	return 0;
}

/* What was frozen on the way back, and cannot be brought home, goes on where it is. */
static int stay(struct dro_step_context *context, const struct step_host *from,
	const struct step_host *to, struct dro_error *err)
{
	struct dro_error why = *err;
	bool may_pass = why.code == DRO_EAGAIN || why.code == DRO_ETIMEDOUT;

	step_thaw(context, to, true, NULL);
	if (may_pass && context->elapsed_ms < GIVE_UP_MS)
		return why.code;
	return dro_fail(err, DRO_ESAFETY, "the data stays at %s: %s cannot take it back (%.300s)",
		to->site->name, from->site->name, why.message);
}

/* A switchover in the other direction, from wherever an earlier try got to. */
static int turn_back(struct dro_step_context *context, struct dro_error *err)
{
	bool primary, fenced, old_primary, old_fenced;
	struct step_host from, to;
	cJSON *position = NULL;
	int rc;

	if ((rc = step_host_read(&from, context, "from", err)) < 0 ||
		(rc = step_host_read(&to, context, "to", err)) < 0 ||
		(rc = step_role(context, &to, &primary, &fenced, err)) < 0)
		return rc;
	if ((rc = step_role(context, &from, &old_primary, &old_fenced, err)) < 0)
		return primary ? stay(context, &from, &to, err) : rc;
	if (!primary) /* it never opened, or follows the old one already */
		return 0;
	if (old_primary && !old_fenced && !fenced)
		return dro_fail(err, DRO_ESAFETY,
			"%s and %s are both open: whose writes are to stay is for a person to say. "
			"`drorch rejoin` makes one of them the replica of the active site",
			from.site->name, to.site->name);
	if (!old_primary || old_fenced) {
		rc = bring_home(context, &from, &to, &position, err);
		if (rc == 0)
			rc = step_change(NULL, context, &to, "fence", NULL, FREEZE_MS, err);
		/* From here on the old one may be open: there is no other way than on. */
		if (rc < 0)
			rc = stay(context, &from, &to, err);
		if (rc == 0)
			rc = step_change(NULL, context, &from, "promote",
				promote_fields(dro_json_text(position, "position"), false),
				PROMOTE_MS, err);
	}
	if (rc == 0)
		rc = step_attach(context, &to, &from, err);
	if (rc == 0)
		rc = await_well(context, &from, err);
	if (rc == 0)
		dro_buf_printf(&context->note, "%s is the primary again", from.site->name);
	cJSON_Delete(position);
	return rc;
}

int dro_step_unpromote(struct dro_step_context *context, struct dro_error *err)
{
	return turn_back(context, err);
}

/* ---- rejoin ---------------------------------------------------------------------------------- */

/* What it had alone, and where the host keeps it for people. The rows themselves stay there. */
static void report_diverged(struct dro_step_context *context, const cJSON *answer)
{
	cJSON *diverged = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(answer, "diverged"), 1);
	int64_t transactions, rows;

	if (!cJSON_IsObject(diverged)) {
		cJSON_Delete(diverged);
		return;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(diverged, "head");
	if (dro_json_int(diverged, "transactions", 0, &transactions, NULL) == 0 &&
		dro_json_int(diverged, "rows", 0, &rows, NULL) == 0)
		dro_buf_printf(&context->note,
			"; %lld transactions with %lld rows were here alone, the report is %.200s",
			(long long)transactions, (long long)rows,
			dro_json_text(diverged, "report"));
	dro_step_output(context, "diverged", diverged);
}

int dro_step_rejoin(struct dro_step_context *context, struct dro_error *err)
{
	struct step_host host, primary;
	cJSON *fields = NULL, *answer = NULL;
	int rc;

	if ((rc = step_host_read(&host, context, "host", err)) < 0 ||
		(rc = step_host_read(&primary, context, "primary", err)) < 0)
		return rc;
	/* A host that has just booted answers before its server does: that is no server that is
	 * broken. */
	rc = step_ask(NULL, context, &host, "status", NULL, LOOK_MS, err);
	if ((rc == DRO_EAGAIN || rc == DRO_ETIMEDOUT) && context->elapsed_ms < SERVER_MS) {
		dro_buf_printf(&context->note, "%.300s", err->message);
		return dro_step_pending_site(context);
	}
	/* It was given time for more than one call of the engine's. */
	context->call.deadline_ms = dro_now_ms() + REJOIN_MS;
	fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "host", primary.host.address);
	cJSON_AddNumberToObject(fields, "port", (double)primary.port);
	cJSON_AddStringToObject(fields, "allow", dro_json_text(context->inputs, "allow"));
	rc = step_change(&answer, context, &host, "rejoin", fields, REJOIN_MS, err);
	if (rc == 0) {
		dro_step_output(context, "way", cJSON_CreateString(dro_json_text(answer, "way")));
		dro_step_output(context, "why", cJSON_CreateString(dro_json_text(answer, "why")));
		dro_buf_printf(&context->note, "%s follows %s by %s%s%.300s", host.site->name,
			primary.site->name, dro_json_text(answer, "way"),
			*dro_json_text(answer, "why") ? ": " : "", dro_json_text(answer, "why"));
	}
	if (rc == 0 && *dro_json_text(answer, "no_flashback"))
		dro_buf_printf(&context->note, ", and flashback is no way: %.200s",
			dro_json_text(answer, "no_flashback"));
	if (rc == 0)
		report_diverged(context, answer);
	if (rc == 0 && semi_sync(context))
		rc = step_change(NULL, context, &primary, "promote", promote_fields("", true),
			PROMOTE_MS, err);
	cJSON_Delete(answer);
	return rc;
}
