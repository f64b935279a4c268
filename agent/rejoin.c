#include "agent/rejoin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/state.h"
#include "base/file.h"
#include "base/json.h"
#include "store/fault.h"

#define FILE_NAME "rejoin.json"
#define FILE_MAX (4 * AGENT_POSITION_MAX)

static int parse(void *arg, const struct dro_buf *text, struct dro_error *err)
{
	struct agent_rejoin *out = arg;
	const char *slave_pos, *binlog_state;
	cJSON *json = NULL;
	int rc;

	if ((rc = dro_json_parse(&json, dro_buf_str(text), text->length, FILE_MAX, err)) < 0 ||
		(rc = dro_json_bool(json, "reseed", false, &out->reseed, err)) < 0 ||
		(rc = dro_json_string(json, "slave_pos", "", &slave_pos, err)) < 0 ||
		(rc = dro_json_string(json, "binlog_state", "", &binlog_state, err)) < 0)
		goto out;
	if (strlen(slave_pos) >= AGENT_POSITION_MAX || strlen(binlog_state) >= AGENT_POSITION_MAX ||
		(!out->reseed && (!*slave_pos || !*binlog_state)))
		rc = dro_fail(err, DRO_ECORRUPT, "a value out of its range");
	else {
		snprintf(out->slave_pos, sizeof(out->slave_pos), "%s", slave_pos);
		snprintf(out->binlog_state, sizeof(out->binlog_state), "%s", binlog_state);
		out->begun = true;
	}
out:
	cJSON_Delete(json);
	return rc;
}

int agent_rejoin_read(
	struct agent_rejoin *out, const struct agent_config *config, struct dro_error *err)
{
	*out = (struct agent_rejoin){0};
	return agent_state_read(config->state, FILE_NAME, FILE_MAX, parse, out, err);
}

static int forget(const struct agent_config *config, struct dro_error *err)
{
	char *path = dro_path_join(config->state, FILE_NAME);
	int fd, rc = 0;

	if (!path)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (unlink(path) < 0 && errno != ENOENT)
		rc = dro_fail_errno(err, "%s", path);
	free(path);
	if (rc < 0)
		return rc;
	fd = open(config->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		rc = dro_fail_errno(err, "%s", config->state);
	if (fd >= 0)
		close(fd);
	return rc;
}

int agent_rejoin_write(
	const struct agent_rejoin *rejoin, const struct agent_config *config, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);

	dro_kill_point();
	if (!rejoin->begun)
		return forget(config, err);
	dro_buf_printf(&text, "{\"reseed\":%s,\"slave_pos\":\"%s\",\"binlog_state\":\"%s\"}\n",
		rejoin->reseed ? "true" : "false", rejoin->slave_pos, rejoin->binlog_state);
	return agent_state_write(config->state, FILE_NAME, &text, err);
}
