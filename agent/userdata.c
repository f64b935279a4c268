#include "agent/userdata.h"

#include <string.h>

#include "base/file.h"
#include "model/manifest.h"

static const struct agent_userdata nothing = {NULL, "", "", "", "", 0, "", "", "", "", ""};

void agent_userdata_free(struct agent_userdata *userdata)
{
	if (!userdata)
		return;
	cJSON_Delete(userdata->json);
	*userdata = nothing;
}

const char *agent_userdata_find(const char *path)
{
	struct dro_buf text = DRO_BUF_INIT(AGENT_USERDATA_MAX);
	bool ours = dro_file_read(&text, path, NULL) == 0 && text.length && text.data[0] == '{';

	dro_buf_free(&text);
	return ours ? path : "";
}

static int parse_store(struct agent_userdata *out, const cJSON *backup, struct dro_error *err)
{
	const cJSON *store;
	int rc;

	if ((rc = dro_json_object(backup, "store", &store, err)) < 0 || !store)
		return rc;
	if ((rc = dro_json_string(store, "bucket", "", &out->bucket, err)) < 0 ||
		(rc = dro_json_string(store, "prefix", "", &out->prefix, err)) < 0)
		return rc;
	return dro_json_string(store, "region", "", &out->region, err);
}

static int parse_backup(struct agent_userdata *out, struct dro_error *err)
{
	const cJSON *backup;
	const char *sum;
	int rc;

	if ((rc = dro_json_object(out->json, "backup", &backup, err)) < 0 || !backup)
		return rc;
	if ((rc = dro_json_string_need(backup, "id", &out->backup, err)) < 0 ||
		(rc = dro_json_string_need(backup, "manifest_sha256", &sum, err)) < 0 ||
		(rc = parse_store(out, backup, err)) < 0)
		return rc;
	if (!dro_backup_id_valid(out->backup))
		return dro_fail(err, DRO_EPROTO, "\"%.80s\" cannot be a backup's id", out->backup);
	if (strlen(sum) != DRO_SHA256_HEX - 1 ||
		strspn(sum, "0123456789abcdef") != DRO_SHA256_HEX - 1)
		return dro_fail(err, DRO_EPROTO, "manifest_sha256 is not a SHA-256");
	out->manifest_sha256 = sum;
	return 0;
}

int agent_userdata_parse(
	struct agent_userdata *out, const char *text, size_t length, struct dro_error *err)
{
	int64_t version;
	int rc;

	*out = nothing;
	if ((rc = dro_json_parse(&out->json, text, length, AGENT_USERDATA_MAX, err)) < 0 ||
		(rc = dro_json_int_need(out->json, "drorch", &version, err)) < 0)
		goto out;
	if (version != 1) {
		rc = dro_fail(err, DRO_EUNSUPPORTED, "version %lld, this agent reads version 1",
			(long long)version);
		goto out;
	}
	if ((rc = dro_json_string_need(out->json, "service", &out->service, err)) < 0 ||
		(rc = dro_json_string_need(out->json, "site", &out->site, err)) < 0 ||
		(rc = dro_json_string(out->json, "role", "", &out->role, err)) < 0 ||
		(rc = dro_json_string(out->json, "run", "", &out->run, err)) < 0 ||
		(rc = dro_json_int(out->json, "epoch", 0, &out->epoch, err)) < 0)
		goto out;
	if (out->epoch < 0) {
		rc = dro_fail(err, DRO_EPROTO, "epoch %lld is below 0", (long long)out->epoch);
		goto out;
	}
	rc = parse_backup(out, err);
out:
	if (rc < 0)
		agent_userdata_free(out);
	return rc;
}

int agent_userdata_read(struct agent_userdata *out, const char *path, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(AGENT_USERDATA_MAX);
	int rc = 0;

	*out = nothing;
	if (*path)
		rc = dro_file_read(&text, path, err);
	if (rc == 0 && text.length)
		rc = agent_userdata_parse(out, text.data, text.length, err);
	if (rc < 0)
		dro_error_context(err, "user-data");
	dro_buf_free(&text);
	return rc;
}
