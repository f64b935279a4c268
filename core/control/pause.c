#include "control/pause.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

#define KEY "paused"
#define TEXT_MAX 8192

static int read_pause(struct dro_pause *out, const char *text, struct dro_error *err)
{
	cJSON *json = NULL;
	int rc;

	*out = (struct dro_pause){0};
	if ((rc = dro_json_parse(&json, text, strlen(text), TEXT_MAX, err)) < 0 ||
		(rc = dro_json_int_need(json, "since_ms", &out->since_ms, err)) < 0 ||
		(rc = dro_json_int_need(json, "until_ms", &out->until_ms, err)) < 0)
		goto out;
	snprintf(out->by, sizeof(out->by), "%s", dro_json_text(json, "by"));
	snprintf(out->reason, sizeof(out->reason), "%s", dro_json_text(json, "reason"));
out:
	cJSON_Delete(json);
	return rc;
}

int dro_pause_get(struct dro_store *store, const char *service, int64_t now_ms,
	struct dro_pause *out, struct dro_error *err)
{
	char *text = NULL;
	int rc = dro_store_fact_get(store, service, KEY, &text, NULL, err);

	if (rc < 0 && rc != DRO_ENOTFOUND)
		return rc;
	if (rc == 0 && *text && (rc = read_pause(out, text, err)) < 0) {
		free(text);
		return dro_error_context(err, "%s: whether it is paused", service);
	}
	if (rc == 0 && (!*text || out->until_ms <= now_ms))
		rc = DRO_ENOTFOUND;
	free(text);
	return rc == 0 ? 0 : dro_fail(err, DRO_ENOTFOUND, "%s is not paused", service);
}

static int write_pause(struct dro_store *store, const char *service, const struct dro_pause *pause,
	struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(TEXT_MAX);
	cJSON *json = cJSON_CreateObject();
	int rc;

	cJSON_AddStringToObject(json, "by", pause->by);
	cJSON_AddStringToObject(json, "reason", pause->reason);
	cJSON_AddNumberToObject(json, "since_ms", (double)pause->since_ms);
	cJSON_AddNumberToObject(json, "until_ms", (double)pause->until_ms);
	dro_json_print(&text, json);
	cJSON_Delete(json);
	if ((rc = dro_buf_check(&text, err)) == 0)
		rc = dro_store_fact_set(store, service, KEY, dro_buf_str(&text), err);
	dro_buf_free(&text);
	return rc;
}

int dro_pause_begin(struct dro_store *store, const char *service, const struct dro_pause *pause,
	struct dro_error *err)
{
	struct dro_buf event = DRO_BUF_INIT(2048);
	char time[DRO_TIME_TEXT];
	int rc;

	if (!*pause->reason)
		return dro_fail(err, DRO_EINVAL, "a pause needs a reason");
	if (pause->until_ms <= pause->since_ms)
		return dro_fail(err, DRO_EINVAL, "a pause must end after it began");
	dro_time_format(time, pause->until_ms / 1000 * 1000);
	dro_buf_printf(&event, "paused until %s by %s: %s", time, pause->by, pause->reason);
	/* The event first: what is paused without a word is the worse of the two. */
	if ((rc = dro_buf_check(&event, err)) == 0 &&
		(rc = dro_store_event_add(
			 store, service, "safety", "", dro_buf_str(&event), err)) == 0)
		rc = write_pause(store, service, pause, err);
	dro_buf_free(&event);
	return rc;
}

int dro_pause_end(struct dro_store *store, const char *service, const char *by, int64_t now_ms,
	struct dro_error *err)
{
	struct dro_buf event = DRO_BUF_INIT(2048);
	struct dro_pause pause;
	int rc;

	if ((rc = dro_pause_get(store, service, now_ms, &pause, err)) < 0)
		return rc;
	dro_buf_printf(&event, "no longer paused, by %s", by);
	if ((rc = dro_buf_check(&event, err)) == 0 &&
		(rc = dro_store_fact_set(store, service, KEY, "", err)) == 0)
		rc = dro_store_event_add(store, service, "safety", "", dro_buf_str(&event), err);
	dro_buf_free(&event);
	return rc;
}
