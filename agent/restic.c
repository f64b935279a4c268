#include "agent/restic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/child.h"
#include "agent/restic_server.h"
#include "base/clock.h"
#include "base/json.h"
#include "net/secret.h"

#define WORDS_MAX 32
#define PACK_MIN_MIB 4 /* restic makes no smaller ones */
#define SHORT_ID 64

/* What one run of it said. */
struct talk {
	bool wrong_key, full;
	char snapshot[SHORT_ID + 1]; /* from a backup's summary; "" : none came */
	int64_t bytes;		     /* a snapshot's; -1: not told */
};

/* ---- life --------------------------------------------------------------------------------- */

static int read_password(struct agent_restic *restic, struct dro_error *err)
{
	struct dro_secret key = DRO_SECRET_INIT;
	int rc = dro_secret_resolve(
		&key, &restic->config->backup_key, NULL, restic->deadline_ms, err);

	if (rc < 0)
		return dro_error_context(err, "the backup's key");
	if (strpbrk(key.value, "\r\n"))
		rc = dro_fail(err, DRO_EAUTH, "the backup's key has more than one line");
	dro_buf_append(&restic->password, key.value, key.length);
	dro_buf_puts(&restic->password, "\n");
	dro_secret_free(&key);
	return rc < 0 ? rc : dro_buf_check(&restic->password, err);
}

int agent_restic_open(struct agent_restic *out, const struct agent_config *config,
	struct agent_restic_store *store, const char *scratch, uint64_t deadline_ms,
	struct dro_error *err)
{
	const char *url;
	int rc;

	*out = (struct agent_restic){.config = config,
		.store = store,
		.password = DRO_BUF_INIT(DRO_SECRET_MAX_BYTES + 2),
		.url_fd = -1,
		.scratch = scratch,
		.deadline_ms = deadline_ms};
	if ((rc = read_password(out, err)) < 0 ||
		(rc = agent_restic_server_new(&out->server, store, err)) < 0)
		goto out;
	url = agent_restic_server_url(out->server);
	rc = out->url_fd = agent_child_file(out->url, url, strlen(url), err);
out:
	if (rc < 0)
		agent_restic_close(out);
	return rc < 0 ? rc : 0;
}

void agent_restic_close(struct agent_restic *restic)
{
	agent_restic_server_free(restic->server);
	restic->server = NULL;
	if (restic->url_fd >= 0)
		close(restic->url_fd);
	restic->url_fd = -1;
	if (restic->password.data)
		explicit_bzero(restic->password.data, restic->password.capacity);
	dro_buf_free(&restic->password);
}

/* ---- running ------------------------------------------------------------------------------ */

static void listen_json(struct talk *talk, const char *line)
{
	const char *type, *snapshot;
	struct dro_error err;
	cJSON *json = NULL;

	if (*line != '{' || dro_json_parse(&json, line, strlen(line), 65536, &err) < 0)
		return;
	if (dro_json_string(json, "message_type", "", &type, &err) == 0 &&
		strcmp(type, "summary") == 0 &&
		dro_json_string(json, "snapshot_id", "", &snapshot, &err) == 0)
		snprintf(talk->snapshot, sizeof(talk->snapshot), "%.64s", snapshot);
	else
		dro_json_int(json, "total_size", talk->bytes, &talk->bytes, &err);
	cJSON_Delete(json);
}

static void listen(void *arg, const char *line, bool error)
{
	struct talk *talk = arg;

	if (!error)
		listen_json(talk, line);
	else if (strstr(line, "wrong password or no key found"))
		talk->wrong_key = true;
	else if (strstr(line, "no space left on device"))
		talk->full = true;
}

/* `words` end with NULL. The last word is the store's, where that has failed. */
static int run(struct agent_restic *restic, const char *const *words, const char *dir,
	struct talk *talk, struct dro_error *err)
{
	const char *argv[WORDS_MAX] = {"restic", "--no-cache", "--repository-file", restic->url};
	struct dro_buf tmpdir = DRO_BUF_INIT(4200);
	const char *env[] = {NULL, "LC_ALL=C.UTF-8", NULL};
	struct dro_error failure = DRO_ERROR_INIT;
	size_t used = 4, i;
	int rc, store_rc;

	*talk = (struct talk){.bytes = -1};
	for (i = 0; words[i] && used + 1 < WORDS_MAX; i++)
		argv[used++] = words[i];
	dro_buf_printf(&tmpdir, "TMPDIR=%s", restic->scratch);
	env[0] = dro_buf_str(&tmpdir);
	if ((rc = dro_buf_check(&tmpdir, err)) == 0)
		rc = agent_child_run(&(struct agent_child){.argv = argv,
					     .env = env,
					     .dir = dir,
					     .input = &restic->password,
					     .line = listen,
					     .arg = talk,
					     .stop = agent_restic_store_stop(restic->store),
					     .deadline_ms = restic->deadline_ms},
			err);
	dro_buf_free(&tmpdir);
	if (rc == 0)
		return 0;
	store_rc = agent_restic_store_failure(restic->store, &failure);
	if (talk->wrong_key)
		return dro_fail(err, DRO_EAUTH,
			"the key (backup.encryption.key) does not open the backup's repository");
	if (store_rc < 0) {
		if (err)
			*err = failure;
		return store_rc;
	}
	if (talk->full)
		return dro_error_context(err, "the disk is full");
	return rc;
}

static void keep_version(void *arg, const char *line, bool error)
{
	struct dro_buf *out = arg;

	if (!error && !out->length && strncmp(line, "restic ", 7) == 0)
		dro_buf_printf(out, "%.*s", (int)strcspn(line + 7, " "), line + 7);
}

int agent_restic_version(struct dro_buf *out, uint64_t deadline_ms, struct dro_error *err)
{
	static const char *const argv[] = {"restic", "version", NULL};
	int rc = agent_child_run(&(struct agent_child){.argv = argv,
					 .line = keep_version,
					 .arg = out,
					 .stop = -1,
					 .deadline_ms = deadline_ms},
		err);

	if (rc == 0 && !out->length)
		rc = dro_fail(err, DRO_EPROTO, "restic does not tell its version");
	return rc < 0 ? rc : dro_buf_check(out, err);
}

/* ---- what it does ------------------------------------------------------------------------- */

int agent_restic_init(struct agent_restic *restic, struct dro_error *err)
{
	static const char *const words[] = {"init", NULL};
	struct talk talk;
	uint64_t length;
	int rc = run(restic, words, NULL, &talk, err);

	return rc < 0 ? rc : agent_restic_store_length(restic->store, "config", &length, err);
}

int agent_restic_check(struct agent_restic *restic, struct dro_error *err)
{
	static const char *const words[] = {"check", NULL};
	struct talk talk;

	return run(restic, words, NULL, &talk, err);
}

/* What a restore reads: of the snapshot's own blobs, as they are stored. */
static int measure(
	struct agent_restic *restic, const char *snapshot, uint64_t *bytes, struct dro_error *err)
{
	const char *const words[] = {"stats", "--json", "--mode", "raw-data", snapshot, NULL};
	struct talk talk;
	int rc = run(restic, words, NULL, &talk, err);

	if (rc == 0 && talk.bytes < 0)
		rc = dro_fail(err, DRO_EPROTO, "restic does not tell the snapshot's size");
	*bytes = rc == 0 ? (uint64_t)talk.bytes : 0;
	return rc;
}

int agent_restic_backup(struct agent_restic *restic, const char *folder, const char *tag,
	char snapshot[DRO_SHA256_HEX], uint64_t *bytes, struct dro_error *err)
{
	int mib = restic->config->part_mib;
	char size[16];
	/* Copies have new times always; what has not must not be taken for unchanged. */
	const char *const words[] = {"backup", "--json", "--force", "--host",
		restic->config->service, "--tag", tag, "--pack-size", size, ".", NULL};
	struct talk talk;
	int rc;

	snprintf(size, sizeof(size), "%d", mib < PACK_MIN_MIB ? PACK_MIN_MIB : mib);
	if ((rc = run(restic, words, folder, &talk, err)) < 0)
		return rc;
	/* Its exit code alone is not the proof: the summary is, and that the snapshot came. */
	if (!*talk.snapshot)
		return dro_fail(err, DRO_EPROTO, "restic ended without a summary");
	if ((rc = agent_restic_store_snapshot(restic->store, talk.snapshot, snapshot, err)) < 0)
		return rc;
	return measure(restic, snapshot, bytes, err);
}

int agent_restic_restore(struct agent_restic *restic, const char *snapshot, const char *target,
	struct dro_error *err)
{
	const char *const words[] = {"restore", snapshot, "--target", target, NULL};
	struct talk talk;

	return run(restic, words, NULL, &talk, err);
}
