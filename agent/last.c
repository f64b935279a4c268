#include "agent/last.h"

#include "agent/state.h"
#include "base/json.h"

#define FILE_NAME "last-backup.json"
#define FILE_MAX 4096

static int parse(void *time_ms, const struct dro_buf *text, struct dro_error *err)
{
	cJSON *json = NULL;
	int rc;

	if ((rc = dro_json_parse(&json, dro_buf_str(text), text->length, FILE_MAX, err)) == 0)
		rc = dro_json_int_need(json, "time_ms", time_ms, err);
	cJSON_Delete(json);
	return rc;
}

int agent_last_read(int64_t *time_ms, const char *state_dir, struct dro_error *err)
{
	*time_ms = 0;
	return agent_state_read(state_dir, FILE_NAME, FILE_MAX, parse, time_ms, err);
}

int agent_last_write(
	const struct dro_manifest *manifest, const char *state_dir, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);

	dro_buf_printf(&text, "{\"backup\":\"%s\",\"time_ms\":%lld}\n", manifest->id,
		(long long)manifest->time_ms);
	return agent_state_write(state_dir, FILE_NAME, &text, err);
}
