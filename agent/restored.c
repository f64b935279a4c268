#include "agent/restored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define FILE_NAME "restored.json"
#define FILE_MAX 16384

int agent_restored_read(struct agent_restored *out, const char *state_dir, struct dro_error *err)
{
	char *path = dro_path_join(state_dir, FILE_NAME);
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);
	cJSON *json = NULL;
	const char *id, *gtid;
	int rc;

	*out = (struct agent_restored){0};
	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	rc = dro_file_read(&text, path, err);
	if (rc == DRO_ENOTFOUND) {
		rc = 0;
		goto out;
	}
	if (rc < 0)
		goto out;
	if ((rc = dro_json_parse(&json, dro_buf_str(&text), text.length, FILE_MAX, err)) < 0 ||
		(rc = dro_json_string_need(json, "backup", &id, err)) < 0 ||
		(rc = dro_json_bool(json, "done", false, &out->done, err)) < 0 ||
		(rc = dro_json_int(json, "time_ms", 0, &out->time_ms, err)) < 0 ||
		(rc = dro_json_string(json, "gtid", "", &gtid, err)) < 0 ||
		(rc = dro_json_bool(json, "settled", false, &out->settled, err)) < 0 ||
		(rc = dro_json_bool(json, "opened", false, &out->opened, err)) < 0 ||
		!dro_backup_id_valid(id) || strlen(gtid) >= sizeof(out->gtid)) {
		rc = dro_fail(err, DRO_ECORRUPT,
			"%s makes no sense: see what was restored, and remove it", path);
		goto out;
	}
	snprintf(out->backup, sizeof(out->backup), "%s", id);
	snprintf(out->gtid, sizeof(out->gtid), "%s", gtid);
out:
	cJSON_Delete(json);
	dro_buf_free(&text);
	free(path);
	return rc;
}

int agent_restored_write(
	const char *state_dir, const struct agent_restored *restored, struct dro_error *err)
{
	char *path = dro_path_join(state_dir, FILE_NAME), time[DRO_TIME_TEXT];
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);
	int rc;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	dro_time_format(time, dro_wall_ms());
	dro_buf_printf(&text, "{\"backup\":\"%s\",\"done\":%s,\"time\":\"%s\",\"time_ms\":%lld",
		restored->backup, restored->done ? "true" : "false", time,
		(long long)restored->time_ms);
	if (*restored->gtid)
		dro_buf_printf(&text, ",\"gtid\":\"%s\"", restored->gtid);
	dro_buf_printf(&text, ",\"settled\":%s,\"opened\":%s}\n",
		restored->settled ? "true" : "false", restored->opened ? "true" : "false");
	if ((rc = dro_buf_check(&text, err)) == 0)
		rc = dro_file_write(path, text.data, text.length, 0600, err);
	dro_buf_free(&text);
	free(path);
	return rc;
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
