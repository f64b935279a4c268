#include <stdio.h>

#include "agent/files.h"
#include "agent/state.h"
#include "base/clock.h"
#include "base/json.h"

#define FILE_NAME "files.json"
#define FILE_MAX 4096

static int parse(void *arg, const struct dro_buf *text, struct dro_error *err)
{
	struct agent_files_last *out = arg;
	const char *from;
	cJSON *json = NULL;
	int rc;

	if ((rc = dro_json_parse(&json, dro_buf_str(text), text->length, FILE_MAX, err)) == 0 &&
		(rc = dro_json_int_need(json, "at_ms", &out->at_ms, err)) == 0 &&
		(rc = dro_json_int_need(json, "files", &out->files, err)) == 0 &&
		(rc = dro_json_int_need(json, "bytes", &out->bytes, err)) == 0 &&
		(rc = dro_json_string_need(json, "from", &from, err)) == 0)
		snprintf(out->from, sizeof(out->from), "%s", from);
	cJSON_Delete(json);
	return rc;
}

int agent_files_last_read(
	struct agent_files_last *out, const struct agent_config *config, struct dro_error *err)
{
	*out = (struct agent_files_last){0};
	return agent_state_read(config->state, FILE_NAME, FILE_MAX, parse, out, err);
}

int agent_files_last_write(const struct agent_files_last *last, const struct agent_config *config,
	struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);

	dro_buf_printf(&text,
		"{\"at_ms\":%lld,\"files\":%lld,\"bytes\":%lld,\"from\":", (long long)last->at_ms,
		(long long)last->files, (long long)last->bytes);
	dro_json_quote(&text, last->from);
	dro_buf_puts(&text, "}\n");
	return agent_state_write(config->state, FILE_NAME, &text, err);
}

int agent_files_facts(
	struct agent_facts *facts, const struct agent_config *config, struct dro_error *err)
{
	struct agent_files_last last;
	struct agent_facts files;
	int rc;

	if (!config->files.given)
		return 0;
	if ((rc = agent_files_last_read(&last, config, err)) < 0)
		return rc;
	agent_facts_init(&files);
	if (last.at_ms)
		agent_facts_int(&files, "age_ms", dro_wall_ms() - last.at_ms);
	else
		agent_facts_null(&files, "age_ms");
	agent_facts_text(&files, "from", last.from);
	agent_facts_int(&files, "files", last.files);
	agent_facts_int(&files, "bytes", last.bytes);
	agent_facts_put(facts, "files", &files);
	return 0;
}
