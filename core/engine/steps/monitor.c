/* run.monitor {traffic, site, window_ms}: the new site goes on answering through its name for a
 * while. */
#include "engine/steps/traffic.h"

#define EVERY_MS 1000

/* A number kept in the outputs, so that a crash does not begin the watch anew. */
static int64_t kept(struct dro_step_context *context, const char *key, int64_t fallback)
{
	int64_t value;

	if (dro_json_int(context->outputs, key, fallback, &value, NULL) < 0)
		value = fallback;
	dro_step_output(context, key, cJSON_CreateNumber((double)value));
	return value;
}

/* How long it has been watched, also by processes before this one; the wall clock may jump. */
static int64_t watched(struct dro_step_context *context)
{
	int64_t now = (int64_t)context->elapsed_ms, before = kept(context, "elapsed_ms", 0),
		sum = kept(context, "watched_ms", 0);

	sum += now >= before ? now - before : now;
	dro_step_output(context, "elapsed_ms", cJSON_CreateNumber((double)now));
	dro_step_output(context, "watched_ms", cJSON_CreateNumber((double)sum));
	return sum;
}

int dro_step_monitor(struct dro_step_context *context, struct dro_error *err)
{
	int64_t bad = kept(context, "bad", 0), window, left;
	const struct dro_site *site;
	bool well;
	int rc;

	if ((rc = dro_json_int_need(context->inputs, "window_ms", &window, err)) < 0)
		return rc;
	if ((rc = dro_step_ask_name(context, &site, &well, err)) < 0)
		return rc;
	bad = well ? 0 : bad + 1;
	dro_step_output(context, "bad", cJSON_CreateNumber((double)bad));
	if (bad >= site->health.fail_after)
		return dro_fail(err, DRO_ECONFLICT, "%lld bad answers in a row; last: %s",
			(long long)bad, dro_buf_str(&context->note));
	left = window - watched(context);
	if (left <= 0 && bad == 0)
		return DRO_STEP_DONE;
	context->poll_ms = left > 0 && left < EVERY_MS ? (uint64_t)left : EVERY_MS;
	return DRO_STEP_PENDING;
}
