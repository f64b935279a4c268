#include "agent/restored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>

#include "agent/state.h"
#include "base/clock.h"
#include "base/file.h"

#define FILE_NAME "restored.json"
#define FILE_MAX 16384

static int parse(void *arg, const struct dro_buf *text, struct dro_error *err)
{
	struct agent_restored *out = arg;
	const char *id, *gtid;
	cJSON *json = NULL;
	int rc;

	if ((rc = dro_json_parse(&json, dro_buf_str(text), text->length, FILE_MAX, err)) < 0 ||
		(rc = dro_json_string_need(json, "backup", &id, err)) < 0 ||
		(rc = dro_json_bool(json, "done", false, &out->done, err)) < 0 ||
		(rc = dro_json_int(json, "time_ms", 0, &out->time_ms, err)) < 0 ||
		(rc = dro_json_string(json, "gtid", "", &gtid, err)) < 0 ||
		(rc = dro_json_bool(json, "settled", false, &out->settled, err)) < 0 ||
		(rc = dro_json_bool(json, "opened", false, &out->opened, err)) < 0 ||
		!dro_backup_id_valid(id) || strlen(gtid) >= sizeof(out->gtid)) {
		rc = dro_fail(err, DRO_ECORRUPT, "see what was restored, and remove it");
		goto out;
	}
	snprintf(out->backup, sizeof(out->backup), "%s", id);
	snprintf(out->gtid, sizeof(out->gtid), "%s", gtid);
out:
	cJSON_Delete(json);
	return rc;
}

int agent_restored_read(struct agent_restored *out, const char *state_dir, struct dro_error *err)
{
	*out = (struct agent_restored){0};
	return agent_state_read(state_dir, FILE_NAME, FILE_MAX, parse, out, err);
}

int agent_restored_write(
	const char *state_dir, const struct agent_restored *restored, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);
	char time[DRO_TIME_TEXT];

	dro_time_format(time, dro_wall_ms());
	dro_buf_printf(&text, "{\"backup\":\"%s\",\"done\":%s,\"time\":\"%s\",\"time_ms\":%lld",
		restored->backup, restored->done ? "true" : "false", time,
		(long long)restored->time_ms);
	if (*restored->gtid)
		dro_buf_printf(&text, ",\"gtid\":\"%s\"", restored->gtid);
	dro_buf_printf(&text, ",\"settled\":%s,\"opened\":%s}\n",
		restored->settled ? "true" : "false", restored->opened ? "true" : "false");
	return agent_state_write(state_dir, FILE_NAME, &text, err);
}

int agent_restored_clear(const char *state_dir, struct dro_error *err)
{
	char *path = dro_path_join(state_dir, FILE_NAME);
	int rc = 0;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (unlink(path) < 0 && errno != ENOENT)
		rc = dro_fail_errno(err, "%s", path);
	free(path);
	return rc;
}
