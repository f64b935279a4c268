/*
 * The database steps of a planned switch, in their order:
 *
 *   agent.open {host, role}               a session is open, and the host is what it should be
 *   database.catch-up {from, to}          the replica is close behind, while writes go on
 *   database.freeze {host} -> {position}  writes end; undone, they go on
 *   database.wait {host, position}        the replica has the last of them
 *
 * site.fence, database.promote and database.reprotect have files of their own.
 */
#include "engine/steps/database.h"

#include <string.h>

#include "base/clock.h"
#include "model/database.h"

#define LOOK_MS 5000
#define CLOSE_MS 1000  /* behind by less than this is close */
#define FREEZE_MS 3000 /* how long one try holds new writes back while those that run end */
#define WAIT_MS 5000
#define GIVE_UP_MS 20000 /* an undo goes on without a host that is away for so long */

int step_host_read(struct step_host *out, const struct dro_step_context *context, const char *key,
	struct dro_error *err)
{
	const cJSON *json, *address;
	const char *site;
	int rc;

	if ((rc = dro_json_object(context->inputs, key, &json, err)) < 0)
		return rc;
	site = dro_json_text(json, "site");
	address = cJSON_GetObjectItemCaseSensitive(json, "address");
	if (cJSON_IsArray(address)) /* an output: of all of its group, the first has the data */
		address = address->child;
	out->site = dro_service_site(context->world->service, site);
	if (!out->site)
		return dro_fail(err, DRO_ENOTFOUND,
			"the spec has no site \"%s\" any more; put it back, or abort the run",
			site);
	if (!cJSON_IsString(address))
		return dro_fail(err, DRO_EINVAL, "%s has no address", site);
	out->host = (struct dro_session_host){.name = dro_json_text(json, "host"),
		.address = address->valuestring,
		.service = context->world->service->name,
		.site = site,
		.agent = &out->site->agent};
	return dro_json_int(json, "port", 3306, &out->port, err);
}

int step_ask(cJSON **result, struct dro_step_context *context, const struct step_host *host,
	const char *verb, cJSON *fields, uint64_t ms, struct dro_error *err)
{
	uint64_t deadline = dro_now_ms() + ms;
	cJSON *answer = NULL;
	int rc;

	if (context->call.deadline_ms < deadline)
		deadline = context->call.deadline_ms;
	rc = dro_session_ask(
		&answer, context->world->sessions, &host->host, verb, fields, deadline, err);
	if (result)
		*result = answer;
	else
		cJSON_Delete(answer);
	return rc;
}

int step_change(cJSON **result, struct dro_step_context *context, const struct step_host *host,
	const char *verb, cJSON *fields, uint64_t ms, struct dro_error *err)
{
	const struct dro_world *world = context->world;
	int rc = 0;

	if (result)
		*result = NULL;
	if (!fields)
		fields = cJSON_CreateObject();
	if (!fields || !cJSON_AddNumberToObject(fields, "epoch", (double)world->lease->epoch))
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	if (rc == 0 && world->may_mutate)
		rc = world->may_mutate(world->may_mutate_arg, &context->call, err);
	if (rc < 0) {
		cJSON_Delete(fields);
		return rc;
	}
	return step_ask(result, context, host, verb, fields, ms, err);
}

int step_role(struct dro_step_context *context, const struct step_host *host, bool *primary,
	bool *fenced, struct dro_error *err)
{
	cJSON *hello = NULL;
	int rc;

	if ((rc = step_ask(&hello, context, host, "hello", NULL, LOOK_MS, err)) == 0) {
		*primary = strcmp(dro_json_text(hello, "role"), "primary") == 0;
		*fenced = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(hello, "fenced"));
	}
	cJSON_Delete(hello);
	return rc;
}

/* ---- before anything moves ------------------------------------------------------------------- */

int dro_step_agent_open(struct dro_step_context *context, struct dro_error *err)
{
	struct step_host host;
	bool primary, fenced;
	const char *role;
	int rc;

	if ((rc = step_host_read(&host, context, "host", err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "role", &role, err)) < 0 ||
		(rc = step_role(context, &host, &primary, &fenced, err)) < 0)
		return rc;
	dro_buf_printf(
		&context->note, "%s%s", fenced ? "fenced " : "", primary ? "primary" : "replica");
	/* Asked again after a crash, the roles may have been turned round by now. */
	if (!context->repeated && primary != (strcmp(role, "primary") == 0))
		return dro_fail(err, DRO_ECONFLICT, "%s is a %s, and should be the %s",
			host.site->name, primary ? "primary" : "replica", role);
	return DRO_STEP_DONE;
}

/* "position" of what the host wrote; *final: no more comes. */
static int position_of(cJSON **answer, struct dro_step_context *context,
	const struct step_host *host, const char **position, bool *final, struct dro_error *err)
{
	int rc;

	if ((rc = step_ask(answer, context, host, "position", NULL, LOOK_MS, err)) < 0 ||
		(rc = dro_json_string_need(*answer, "position", position, err)) < 0)
		return rc;
	return dro_json_bool(*answer, "final", false, final, err);
}

static cJSON *wait_fields(const char *position)
{
	cJSON *fields = cJSON_CreateObject();

	cJSON_AddStringToObject(fields, "position", position);
	return fields;
}

/* It is waited for as long as the step has; what it is at, for people. */
static int not_there_yet(struct dro_step_context *context, const cJSON *facts, const char *position,
	int rc, struct dro_error *err)
{
	const char *applied = dro_json_text(facts, "applied");

	if (rc != DRO_ETIMEDOUT || !*applied)
		return rc;
	dro_buf_printf(&context->note, "%lld writes behind; %.200s",
		(long long)dro_position_missing(position, applied), err->message);
	return dro_step_pending_site(context);
}

int dro_step_catch_up(struct dro_step_context *context, struct dro_error *err)
{
	cJSON *position = NULL, *facts = NULL;
	struct step_host from, to;
	const char *text;
	bool final;
	int rc;

	if ((rc = step_host_read(&from, context, "from", err)) < 0 ||
		(rc = step_host_read(&to, context, "to", err)) < 0 ||
		(rc = position_of(&position, context, &from, &text, &final, err)) < 0)
		goto out;
	if (!*text) { /* nothing was ever written */
		rc = DRO_STEP_DONE;
		goto out;
	}
	rc = step_ask(&facts, context, &to, "wait", wait_fields(text), CLOSE_MS, err);
	if (rc == 0)
		dro_buf_puts(&context->note, "close behind");
	else
		rc = not_there_yet(context, facts, text, rc, err);
out:
	cJSON_Delete(position);
	cJSON_Delete(facts);
	return rc;
}

/* ---- freeze ---------------------------------------------------------------------------------- */

int dro_step_freeze(struct dro_step_context *context, struct dro_error *err)
{
	cJSON *position = NULL;
	struct step_host host;
	const char *text;
	bool final;
	int rc;

	if ((rc = step_host_read(&host, context, "host", err)) < 0 ||
		(rc = step_change(NULL, context, &host, "freeze", NULL, FREEZE_MS, err)) < 0 ||
		(rc = position_of(&position, context, &host, &text, &final, err)) < 0)
		goto out;
	if (!final) {
		rc = dro_fail(err, DRO_EAGAIN, "%s accepts writes again: somebody opened it",
			host.site->name);
		goto out;
	}
	dro_step_output(context, "position", cJSON_CreateString(text));
	dro_buf_printf(&context->note, "the last write is %.200s", text);
out:
	cJSON_Delete(position);
	return rc;
}

int step_thaw(struct dro_step_context *context, const struct step_host *host, bool unfence,
	struct dro_error *err)
{
	bool primary, fenced;
	cJSON *fields;
	int rc = step_role(context, host, &primary, &fenced, err);

	if (rc == 0 && (!primary || (fenced && !unfence)))
		return 0;
	if (rc == 0) {
		fields = cJSON_CreateObject();
		if (fenced)
			cJSON_AddTrueToObject(fields, "unfence");
		rc = step_change(NULL, context, host, "thaw", fields, LOOK_MS, err);
	}
	if ((rc == DRO_EAGAIN || rc == DRO_ETIMEDOUT) && context->elapsed_ms > GIVE_UP_MS)
		rc = dro_fail(err, DRO_EIO,
			"%s cannot be reached, and takes no writes: `drorch resume` when it is "
			"back, or "
			"`drorch promote --mode failover`",
			host->site->name);
	return rc;
}

int dro_step_unfreeze(struct dro_step_context *context, struct dro_error *err)
{
	struct step_host host;
	int rc;

	if ((rc = step_host_read(&host, context, "host", err)) < 0)
		return rc;
	return step_thaw(context, &host, false, err);
}

/* ---- wait ------------------------------------------------------------------------------------ */

int dro_step_database_wait(struct dro_step_context *context, struct dro_error *err)
{
	const char *position;
	struct step_host host;
	cJSON *facts = NULL;
	int rc;

	if ((rc = step_host_read(&host, context, "host", err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "position", &position, err)) < 0)
		return rc;
	if (!*position)
		return DRO_STEP_DONE;
	rc = step_ask(&facts, context, &host, "wait", wait_fields(position), WAIT_MS, err);
	if (rc == 0)
		dro_buf_puts(&context->note, "it has every write");
	else
		rc = not_there_yet(context, facts, position, rc, err);
	cJSON_Delete(facts);
	return rc;
}
