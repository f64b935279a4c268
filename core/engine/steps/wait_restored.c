/*
 * restore.wait {site, addresses, ids, backup}: until every host's agent has restored the backup and
 * started the service. An agent speaks plain HTTP, which goes beyond loopback only where the site's
 * health check does too. Where it cannot be asked, or does not answer there (its port may be closed
 * to us), the application tells: the agent starts it only when every hash was right and the restore
 * is whole.
 */
#include "engine/steps/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/endpoint.h"
#include "net/http.h"

#define LOOK_MS 10000
#define ASK_MS 5000
#define PROGRESS_MAX 65536

/* *out: the agent's progress document, NULL where it does not answer yet. DRO_EUNSUPPORTED: it can
 * never be asked. */
static int ask(cJSON **out, const struct dro_step_context *context, const struct dro_site *site,
	const char *address, struct dro_error *err)
{
	static const char *const path[] = {"v1", "progress"};
	struct dro_net_context net_context = {.user_agent = "drorch",
		.trace = context->call.trace,
		.plain = site->health.scheme && strcmp(site->health.scheme, "http") == 0};
	struct dro_http_response *response = NULL;
	struct dro_error failure = DRO_ERROR_INIT;
	uint64_t soon = dro_now_ms() + ASK_MS;
	char endpoint[128];
	struct dro_http_request request = {.size = sizeof(request),
		.method = "GET",
		.endpoint = endpoint,
		.path = path,
		.path_count = 2,
		.body_fd = -1,
		.sink_fd = -1,
		.response_max = PROGRESS_MAX,
		.deadline_ms = soon < context->call.deadline_ms ? soon : context->call.deadline_ms};
	int rc;

	*out = NULL;
	snprintf(endpoint, sizeof(endpoint), "http://%s:%d", address, site->agent.progress_port);
	rc = dro_net_request(context->world->net, &request, &net_context, &response, &failure);
	if (rc == DRO_EINVAL)
		return dro_fail(err, DRO_EUNSUPPORTED, "%s", failure.message);
	/* What is no progress document is somebody else's answer, or half of one: ask again. */
	if (rc < 0 || response->status != 200 ||
		dro_json_parse(out, response->body, response->body_length, PROGRESS_MAX, NULL) < 0)
		*out = NULL;
	rc = 0;
	dro_http_response_free(response);
	return rc;
}

/* 1: ready, 0: not yet, <0: it failed or restored something else. */
static int judge(struct dro_step_context *context, const cJSON *progress, const char *address,
	const char *backup, struct dro_error *err)
{
	const char *state = dro_json_text(progress, "state"), *restored;
	int64_t done, total;

	if (!progress) {
		dro_buf_printf(&context->note, "%s: no agent yet", address);
		return 0;
	}
	restored = dro_json_text(progress, "backup");
	if (strcmp(state, "failed") == 0)
		return dro_fail(err, DRO_ECORRUPT,
			"%s: the restore failed: %.300s. `drorch abort` ends what was launched; "
			"then promote again, or from another backup",
			address, dro_json_text(progress, "error"));
	if (*restored && strcmp(restored, backup) != 0)
		return dro_fail(err, DRO_ECONFLICT, "%s restores backup %s, not %s", address,
			restored, backup);
	if (strcmp(state, "ready") == 0 && *restored)
		return 1;
	if (dro_json_int(progress, "done_bytes", 0, &done, err) < 0 ||
		dro_json_int(progress, "total_bytes", 0, &total, err) < 0)
		return DRO_EPROTO;
	dro_buf_printf(&context->note, "%s: %s", address, state);
	if (total > 0)
		dro_buf_printf(&context->note, " %d %%", (int)(100 * done / total));
	if (*dro_json_text(progress, "error"))
		dro_buf_printf(&context->note, "; %.300s", dro_json_text(progress, "error"));
	return 0;
}

/* 1: the application answers, 0: not yet. */
static int judge_application(struct dro_step_context *context, const struct dro_site *site,
	const char *address, const char *agent)
{
	char heard[256];
	bool well = dro_step_any_well(context, site, &address, 1, heard, sizeof(heard));

	dro_buf_printf(
		&context->note, "%s: its agent %s; the application: %s", address, agent, heard);
	return well;
}

static int judge_host(struct dro_step_context *context, const struct dro_site *site,
	const char *address, const char *backup, struct dro_error *err)
{
	cJSON *progress = NULL;
	int rc = ask(&progress, context, site, address, err);

	if (rc == DRO_EUNSUPPORTED)
		rc = judge_application(context, site, address, "cannot be asked from here");
	else if (rc >= 0 && !progress && !dro_host_is_loopback(address))
		rc = judge_application(context, site, address, "does not answer");
	else if (rc >= 0)
		rc = judge(context, progress, address, backup, err);
	cJSON_Delete(progress);
	return rc;
}

/* An agent that is silent may be busy, or its host gone: now and then the provider is asked. */
static int look_at_hosts(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_error failure = DRO_ERROR_INIT;
	cJSON *addresses;
	size_t wanted;
	int64_t looked;
	int rc;

	if (dro_json_int(context->outputs, "looked", 0, &looked, NULL) < 0 ||
		looked > (int64_t)context->elapsed_ms) /* of an earlier process */
		looked = 0;
	if ((int64_t)context->elapsed_ms - looked < LOOK_MS)
		return 0;
	dro_step_output(context, "looked", cJSON_CreateNumber((double)context->elapsed_ms));
	addresses = cJSON_CreateArray();
	rc = dro_step_count_up(context, addresses, &wanted, &failure);
	cJSON_Delete(addresses);
	dro_step_output(context, "unseen", cJSON_CreateString(rc < 0 ? failure.message : ""));
	if (rc != DRO_ECONFLICT)
		return 0;
	*err = failure;
	return rc;
}

int dro_step_wait_restored(struct dro_step_context *context, struct dro_error *err)
{
	const struct dro_site *site;
	const char **addresses = NULL, *backup, *unseen;
	size_t count = 0, i;
	int rc, ready = 0;

	if ((rc = dro_step_site(context, "site", &site, NULL, err)) < 0 ||
		(rc = dro_step_strings(context, "addresses", &addresses, &count, err)) < 0 ||
		(rc = dro_json_string_need(context->inputs, "backup", &backup, err)) < 0)
		goto out;
	for (i = 0; i < count; i++) {
		dro_buf_reset(&context->note);
		if ((rc = judge_host(context, site, addresses[i], backup, err)) < 0)
			goto out;
		ready += rc;
		if (rc == 0)
			break; /* its note is the one to show */
	}
	if ((size_t)ready < count) {
		if ((rc = look_at_hosts(context, err)) < 0)
			goto out;
		unseen = dro_json_text(context->outputs, "unseen");
		if (*unseen)
			dro_buf_printf(&context->note,
				"; whether it still runs is not known: %.160s", unseen);
		rc = dro_step_pending_site(context);
		goto out;
	}
	if (!context->note.length)
		dro_buf_printf(&context->note, "%s restored", backup);
	rc = DRO_STEP_DONE;
out:
	free(addresses);
	return rc;
}
