#include "repo/repo.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "repo/url.h"

#define PROGRAM "drorch-git"
#define REQUEST_MAX (64u << 10)
#define HEADER_MAX (8u << 20)
#define WAIT_MAX_MS 3600000 /* whatever deadline is asked for */

/* Where the program stands: as told, beside our own (a build folder), or where it was installed,
 * also when the whole of that was moved elsewhere. */
static int find_program(struct dro_buf *out, struct dro_error *err)
{
	const char *told = getenv("DRORCH_LIBEXEC");
	int rc;

	if (told)
		dro_buf_printf(out, "%s/" PROGRAM, told);
	else if (!dro_file_beside(out, PROGRAM) &&
		 !dro_file_beside(out, DRORCH_LIBEXEC_BESIDE "/" PROGRAM))
		dro_buf_puts(out, DRORCH_LIBEXECDIR "/" PROGRAM);
	if ((rc = dro_buf_check(out, err)) < 0)
		return rc;
	if (access(out->data, X_OK) < 0) {
		dro_fail_errno(err, "%s", out->data);
		return err ? (err->code = DRO_EIO) : DRO_EIO;
	}
	return 0;
}

/* What git, ssh and TLS need of our environment. */
static const char *const environment[] = {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR",
	"SSH_AUTH_SOCK", "SSL_CERT_FILE", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY",
	"ASAN_OPTIONS", "LSAN_OPTIONS", NULL};
#define ENVIRONMENT_MAX 16

static uint64_t deadline_of(const struct dro_repo_config *config)
{
	uint64_t latest = dro_now_ms() + WAIT_MAX_MS;

	return config->deadline_ms < latest ? config->deadline_ms : latest;
}

/* Sends the request, and parses the first line of the answer; *data is where the rest begins. */
static int ask(const struct dro_repo_config *config, const cJSON *request, struct dro_buf *answer,
	cJSON **head, size_t *data, struct dro_error *err)
{
	struct dro_buf input = DRO_BUF_INIT(REQUEST_MAX), program = DRO_BUF_INIT(2 * PATH_MAX);
	char *argv[] = {NULL, NULL}, *env[ENVIRONMENT_MAX];
	struct dro_proc_result result = {0};
	uint64_t deadline_ms = deadline_of(config);
	const char *end;
	int64_t code;
	int rc;

	env[0] = NULL;
	dro_json_print(&input, request);
	if ((rc = dro_buf_check(&input, err)) < 0 || (rc = find_program(&program, err)) < 0)
		goto out;
	argv[0] = program.data;
	dro_env_pick(env, ENVIRONMENT_MAX, environment);
	rc = dro_proc_run(argv, env, &input, answer, NULL, deadline_ms, &result, err);
	if (rc == DRO_ETIMEDOUT)
		rc = dro_fail(err, rc, "%s: no answer in time", config->url ? config->url : "git");
	if (rc < 0)
		goto out;
	end = answer->length ? memchr(answer->data, '\n', answer->length) : NULL;
	if (!end || result.exit_code != 0) {
		rc = dro_fail(err, DRO_EPROTO, "%s ended without an answer (exit %d, signal %d)",
			program.data, result.exit_code, result.signal);
		goto out;
	}
	*data = (size_t)(end - answer->data) + 1;
	if ((rc = dro_json_parse(head, answer->data, *data - 1, HEADER_MAX, err)) < 0 ||
		(rc = dro_json_int_need(*head, "code", &code, err)) < 0)
		goto out;
	if (code != 0)
		rc = dro_fail(err, code < 0 && code >= DRO_ECORRUPT ? (int)code : DRO_EPROTO, "%s",
			dro_json_text(*head, "message"));
out:
	dro_env_free(env);
	dro_buf_free(&input);
	dro_buf_free(&program);
	return rc;
}

/* A request with what both verbs need; NULL when out of memory. */
static cJSON *new_request(const struct dro_repo_config *config, const char *verb)
{
	cJSON *request = cJSON_CreateObject();

	if (cJSON_AddStringToObject(request, "verb", verb) &&
		cJSON_AddStringToObject(request, "mirror", config->mirror) &&
		cJSON_AddNumberToObject(request, "deadline_ms", (double)deadline_of(config)))
		return request;
	cJSON_Delete(request);
	return NULL;
}

int dro_repo_sync(const struct dro_repo_config *config, const char *last_good,
	char commit[DRO_COMMIT_TEXT], struct dro_error *err)
{
	struct dro_buf answer = DRO_BUF_INIT(REQUEST_MAX);
	cJSON *request = NULL, *head = NULL;
	const char *id;
	size_t data;
	int rc;

	if ((rc = repo_url_check(config->url, err)) < 0)
		return rc;
	request = new_request(config, "sync");
	if (!request || !cJSON_AddStringToObject(request, "url", config->url) ||
		!cJSON_AddStringToObject(request, "branch", config->branch) ||
		!cJSON_AddStringToObject(request, "last_good", last_good) ||
		!cJSON_AddBoolToObject(request, "allow_rewind", config->allow_rewind) ||
		(config->token && !cJSON_AddStringToObject(request, "token", config->token)) ||
		(config->allowed_signers && !cJSON_AddStringToObject(request, "allowed_signers",
						    config->allowed_signers))) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if ((rc = ask(config, request, &answer, &head, &data, err)) < 0 ||
		(rc = dro_json_string_need(head, "commit", &id, err)) < 0)
		goto out;
	if (strlen(id) >= DRO_COMMIT_TEXT)
		rc = dro_fail(err, DRO_EPROTO, "a commit id of %zu letters", strlen(id));
	else
		snprintf(commit, DRO_COMMIT_TEXT, "%s", id);
out:
	cJSON_Delete(request);
	cJSON_Delete(head);
	dro_buf_free(&answer);
	return rc;
}

/* The files that stand behind the answer's first line. */
static int take_files(struct dro_tree *tree, const cJSON *head, const struct dro_buf *answer,
	size_t offset, struct dro_error *err)
{
	const cJSON *files, *file;
	const char *path;
	int64_t length;
	int rc;

	if ((rc = dro_json_array(head, "files", &files, err)) < 0)
		return rc;
	cJSON_ArrayForEach(file, files)
	{
		if ((rc = dro_json_string_need(file, "path", &path, err)) < 0 ||
			(rc = dro_json_int_need(file, "length", &length, err)) < 0)
			return rc;
		if (length < 0 || (uint64_t)length > answer->length - offset)
			return dro_fail(err, DRO_EPROTO, "%s: the answer is cut short", path);
		rc = dro_tree_add(tree, path, answer->data + offset, (size_t)length, err);
		if (rc < 0)
			return rc;
		offset += (size_t)length;
	}
	return 0;
}

/* "specs/prod" of "/specs/prod/"; "" for the root. */
static int trim_path(char *out, size_t size, const char *path, struct dro_error *err)
{
	size_t length;

	path = path ? path : "";
	path += strspn(path, "/");
	while (strncmp(path, "./", 2) == 0)
		path += 2 + strspn(path + 2, "/");
	if (strcmp(path, ".") == 0)
		path = "";
	length = strlen(path);
	while (length && path[length - 1] == '/')
		length--;
	if (length >= size)
		return dro_fail(err, DRO_EINVAL, "the path in the repository is too long");
	memcpy(out, path, length);
	out[length] = '\0';
	return 0;
}

static int add_path(char *path, size_t size, const char *folder, struct dro_error *err)
{
	size_t length = strlen(path);
	int more = snprintf(
		path + length, size - length, "%s%s", length && *folder ? "/" : "", folder);

	return more >= 0 && (size_t)more < size - length
		       ? 0
		       : dro_fail(err, DRO_EINVAL, "the path in the repository is too long");
}

/* `folder` NULL: the spec files. */
static int read_commit(const struct dro_repo_config *config, const char *commit, const char *folder,
	struct dro_tree **out, struct dro_error *err)
{
	struct dro_buf answer = DRO_BUF_INIT(DRO_TREE_TOTAL_MAX + HEADER_MAX);
	cJSON *request = NULL, *head = NULL;
	struct dro_tree *tree = NULL;
	char path[4096];
	size_t data;
	int rc;

	if ((rc = trim_path(path, sizeof(path), config->path, err)) < 0 ||
		(folder && (rc = add_path(path, sizeof(path), folder, err)) < 0))
		return rc;
	request = new_request(config, "read");
	if (!request || !cJSON_AddStringToObject(request, "commit", commit) ||
		!cJSON_AddStringToObject(request, "path", path) ||
		!cJSON_AddBoolToObject(request, "all", folder != NULL)) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if ((rc = ask(config, request, &answer, &head, &data, err)) < 0 ||
		(rc = dro_tree_new(&tree, commit, "", err)) < 0 ||
		(rc = take_files(tree, head, &answer, data, err)) < 0)
		goto out;
	*out = tree;
	tree = NULL;
out:
	dro_tree_free(tree);
	cJSON_Delete(request);
	cJSON_Delete(head);
	dro_buf_free(&answer);
	return rc;
}

int dro_repo_read(const struct dro_repo_config *config, const char *commit, struct dro_tree **out,
	struct dro_error *err)
{
	return read_commit(config, commit, NULL, out, err);
}

int dro_repo_read_all(const struct dro_repo_config *config, const char *commit, const char *folder,
	struct dro_tree **out, struct dro_error *err)
{
	return read_commit(config, commit, folder, out, err);
}
