/*
 * files.sync {host, last} -> {files, bytes}: the host that takes over fetches what the application
 * keeps beside its database (docs/agent.md#files). Once before writes stop, when nobody waits for
 * it, and once more, the `last` one, when nothing is written any more. A host without files has
 * none to wait for.
 */
#include "engine/steps/database.h"

#include "base/clock.h"

/* The first tries are short, so that people see how far it is; each may take as long as all before
 * it, so that one that only has to look takes as long as it must. */
#define SLICE_MS 5000
#define SLICE_MAX_MS 590000 /* an agent takes no longer deadline */
#define LAST_MS 8000

static int64_t number(const cJSON *json, const char *key)
{
	int64_t value;

	return dro_json_int(json, key, 0, &value, NULL) == 0 ? value : 0;
}

int step_files(cJSON **result, struct dro_step_context *context, const struct step_host *host,
	uint64_t ms, struct dro_error *err)
{
	struct step_host aside = *host;
	int rc;

	aside.host.aside = true;
	rc = step_change(result, context, &aside, "sync-files", NULL, ms, err);
	return rc == DRO_EUNSUPPORTED ? 0 : rc;
}

static void note(struct dro_step_context *context, const cJSON *answer)
{
	const cJSON *age = cJSON_GetObjectItemCaseSensitive(answer, "last_age_ms");
	char text[DRO_DURATION_TEXT];

	if (!*dro_json_text(answer, "from")) {
		dro_buf_puts(&context->note, "it has no files to fetch");
		return;
	}
	dro_buf_printf(&context->note, "%lld files with %lld bytes came",
		(long long)number(answer, "files"), (long long)number(answer, "bytes"));
	if (number(answer, "deleted"))
		dro_buf_printf(&context->note, ", %lld %s", (long long)number(answer, "deleted"),
			cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "kept"))
				? "that it had alone are in .drorch-old"
				: "were removed");
	if (cJSON_IsNumber(age)) {
		dro_duration_format(text, (int64_t)age->valuedouble);
		dro_buf_printf(&context->note, "; the last fetch was %s before", text);
	}
}

int dro_step_sync_files(struct dro_step_context *context, struct dro_error *err)
{
	bool last = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(context->inputs, "last"));
	uint64_t ms = last ? LAST_MS : SLICE_MS + context->elapsed_ms;
	struct step_host host;
	cJSON *answer = NULL;
	int rc;

	if ((rc = step_host_read(&host, context, "host", err)) < 0)
		return rc;
	ms = ms < SLICE_MAX_MS ? ms : SLICE_MAX_MS;
	if (!last)
		context->call.deadline_ms = dro_now_ms() + ms;
	rc = step_files(&answer, context, &host, ms, err);
	if (rc == 0) {
		dro_step_output(
			context, "files", cJSON_CreateNumber((double)number(answer, "files")));
		dro_step_output(
			context, "bytes", cJSON_CreateNumber((double)number(answer, "bytes")));
		note(context, answer);
	} else if (rc == DRO_ETIMEDOUT && !last && answer) {
		dro_buf_printf(&context->note, "%lld files with %lld bytes so far",
			(long long)number(answer, "files"), (long long)number(answer, "bytes"));
		rc = dro_step_pending_site(context);
	} else {
		dro_error_context(err, "the files of the application");
	}
	cJSON_Delete(answer);
	return rc;
}
