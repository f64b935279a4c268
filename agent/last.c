#include "agent/last.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"

#define FILE_NAME "last-backup.json"
#define FILE_MAX 4096

int agent_last_read(int64_t *time_ms, const char *state_dir, struct dro_error *err)
{
	char *path = dro_path_join(state_dir, FILE_NAME);
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);
	cJSON *json = NULL;
	int rc;

	*time_ms = 0;
	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	rc = dro_file_read(&text, path, err);
	if (rc == 0 &&
		((rc = dro_json_parse(&json, dro_buf_str(&text), text.length, FILE_MAX, err)) < 0 ||
			(rc = dro_json_int_need(json, "time_ms", time_ms, err)) < 0))
		rc = dro_error_context(err, "%s makes no sense", path);
	cJSON_Delete(json);
	dro_buf_free(&text);
	free(path);
	return rc == DRO_ENOTFOUND ? 0 : rc;
}

int agent_last_write(
	const struct dro_manifest *manifest, const char *state_dir, struct dro_error *err)
{
	char *path = dro_path_join(state_dir, FILE_NAME);
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);
	int rc;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	dro_buf_printf(&text, "{\"backup\":\"%s\",\"time_ms\":%lld}\n", manifest->id,
		(long long)manifest->time_ms);
	if ((rc = dro_buf_check(&text, err)) == 0)
		rc = dro_file_write(path, text.data, text.length, 0600, err);
	dro_buf_free(&text);
	free(path);
	return rc;
}
