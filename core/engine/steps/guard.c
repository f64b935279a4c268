/*
 * A replica that is stopped for a while, as its instance must be for another type:
 *
 *   database.unguard {from, to} -> {unguarded}   writes do not wait for it any more
 *   database.drain {host, unguarded} -> {drained}   it has applied what it received
 *   database.guard {from, to, semi_sync}         it follows again, and writes wait for it
 *
 * With semi-sync and no replica every commit would wait. Without it what is acknowledged meanwhile
 * is in one place only: that goes to what is known of the primary *before* it is so, since a
 * failover announces its loss by it. A restart drops what a replica received and has not applied;
 * the primary sends it again, where there is one still.
 */
#include "engine/steps/database.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "observe/databases.h"

#define LOOK_MS 5000
#define CHANGE_MS 15000
#define DRAIN_MS 5000
#define POLL_MS 1000
#define GIVE_UP_MS 90000 /* an undo goes on without: the next reconcile puts it right */

int step_remember(const struct dro_step_context *context, const struct step_host *host,
	bool guarded, struct dro_error *err)
{
	const struct dro_world *world = context->world;
	struct dro_data_host at = {0};

	snprintf(at.name, sizeof(at.name), "%s", host->host.name);
	snprintf(at.address, sizeof(at.address), "%s", host->host.address);
	dro_database_look(&at, world->sessions, world->service, host->site, dro_now_ms() + LOOK_MS);
	if (!at.seen.answered)
		return dro_fail(err, DRO_EAGAIN, "%.390s", at.seen.error);
	if (!at.seen.primary)
		return dro_fail(err, DRO_ECONFLICT, "%s is no primary any more", host->site->name);
	at.seen.semi_sync = at.seen.semi_sync && guarded;
	return dro_recovery_point_set(world->store, world->service, host->site, &at.seen,
		world->clock->wall_ms(world->clock), err);
}

/* *on, where it was asked for: whether a replica is there to wait for; else it stays off. */
static int set_semi_sync(struct dro_step_context *context, const struct step_host *primary,
	bool *on, struct dro_error *err)
{
	cJSON *fields = cJSON_CreateObject(), *answer = NULL;
	int rc;

	if (on)
		cJSON_AddTrueToObject(fields, "semi_sync");
	rc = step_change(&answer, context, primary, "promote", fields, CHANGE_MS, err);
	if (on)
		*on = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "semi_sync"));
	cJSON_Delete(answer);
	return rc;
}

static int read_both(struct step_host *from, struct step_host *to,
	const struct dro_step_context *context, struct dro_error *err)
{
	int rc = step_host_read(from, context, "from", err);

	return rc < 0 ? rc : step_host_read(to, context, "to", err);
}

int dro_step_unguard(struct dro_step_context *context, struct dro_error *err)
{
	struct step_host from, to;
	int rc;

	if ((rc = read_both(&from, &to, context, err)) < 0 ||
		(rc = step_remember(context, &from, false, err)) < 0 ||
		(rc = set_semi_sync(context, &from, NULL, err)) < 0 ||
		/* A heartbeat that looked before may have written after us. */
		(rc = step_remember(context, &from, false, err)) < 0)
		return rc;
	dro_step_output(context, "unguarded", cJSON_CreateTrue());
	dro_buf_printf(&context->note, "%s does not wait for %s: its writes are in one place",
		from.site->name, to.site->name);
	return DRO_STEP_DONE;
}

/* Its host may be booting: it is waited for as long as that should take. */
int dro_step_ununguard(struct dro_step_context *context, struct dro_error *err)
{
	bool late = context->elapsed_ms >= GIVE_UP_MS, on = false;
	struct step_host from, to;
	int rc;

	if ((rc = read_both(&from, &to, context, err)) == 0 &&
		(rc = set_semi_sync(context, &from, &on, err)) == 0)
		rc = step_remember(context, &from, true, err);
	if (rc == 0 && on)
		return DRO_STEP_DONE;
	if (rc == 0 && !late) {
		dro_buf_printf(&context->note, "%s does not follow yet", to.site->name);
		return dro_step_pending(context, POLL_MS, POLL_MS);
	}
	if (((rc == DRO_EAGAIN || rc == DRO_ETIMEDOUT) && !late) || rc == DRO_EBUSY ||
		rc == DRO_ENOMEM)
		return rc;
	dro_buf_printf(&context->note, "writes do not wait for %s%s%.200s: `drorch plan` goes on",
		to.site->name, rc < 0 ? ": " : "", rc < 0 && err ? err->message : "");
	return DRO_STEP_DONE;
}

int dro_step_drain(struct dro_step_context *context, struct dro_error *err)
{
	cJSON *status = NULL, *fields;
	struct step_host host;
	const char *received;
	int rc;

	if ((rc = step_host_read(&host, context, "host", err)) < 0 ||
		(rc = step_ask(&status, context, &host, "status", NULL, LOOK_MS, err)) < 0)
		goto out;
	received = dro_json_text(cJSON_GetObjectItemCaseSensitive(status, "replica"), "seen");
	if (*received) {
		fields = cJSON_CreateObject();
		cJSON_AddStringToObject(fields, "position", received);
		rc = step_ask(NULL, context, &host, "wait", fields, DRAIN_MS, err);
	}
	if (rc == DRO_ETIMEDOUT) {
		dro_buf_printf(&context->note, "%.200s", err->message);
		rc = dro_step_pending_site(context);
	} else if (rc == 0) {
		dro_step_output(context, "drained", cJSON_CreateTrue());
		dro_buf_puts(&context->note, "it has applied what it received");
	}
out:
	cJSON_Delete(status);
	return rc;
}

int dro_step_guard(struct dro_step_context *context, struct dro_error *err)
{
	struct step_host from, to;
	bool primary, fenced;
	int rc;

	/* The primary first: while its replica boots it hears nobody else, and might fence itself.
	 */
	if ((rc = read_both(&from, &to, context, err)) < 0 ||
		(rc = step_role(context, &from, &primary, &fenced, err)) < 0 ||
		(rc = step_attach(context, &to, &from, err)) < 0 ||
		(rc = step_remember(context, &from, true, err)) < 0)
		return rc;
	dro_buf_printf(&context->note, "%s follows %s again", to.site->name, from.site->name);
	return DRO_STEP_DONE;
}
