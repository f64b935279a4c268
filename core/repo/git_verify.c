#include "repo/git.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/proc.h"

#define SSH_SIGNATURE "-----BEGIN SSH SIGNATURE-----"
#define COMMIT_MAX (1u << 20)

struct check {
	const struct git_request *request;
	char signature[4096]; /* its file */
	char when[64]; /* a key counts if it was valid when the commit was made, as for git */
};

/* Runs ssh-keygen; 1 where it is content. Its output, and what it says on a refusal, in `said`. */
static int keygen(const struct check *check, char *const argv[], const struct dro_buf *input,
	struct dro_buf *said, struct dro_error *err)
{
	struct dro_buf errors = DRO_BUF_INIT(65536);
	struct dro_proc_result result;
	int rc = dro_proc_run(
		argv, NULL, input, said, &errors, check->request->deadline_ms, &result, err);

	dro_buf_free(&errors);
	return rc < 0 ? rc : result.exit_code == 0;
}

/* 1: a good signature of this signer. */
static int verify_as(const struct check *check, const char *signer, const struct dro_buf *data,
	struct dro_error *err)
{
	struct dro_buf said = DRO_BUF_INIT(65536);
	char *const argv[] = {"ssh-keygen", "-Y", "verify", "-f",
		(char *)check->request->allowed_signers, "-I", (char *)signer, "-n", "git", "-s",
		(char *)check->signature, (char *)check->when, NULL};
	int rc = keygen(check, argv, data, &said, err);

	dro_buf_free(&said);
	return rc;
}

/* 1: one of the allowed signers made it. */
static int verify_any(const struct check *check, const struct dro_buf *data, struct dro_error *err)
{
	struct dro_buf signers = DRO_BUF_INIT(65536);
	char *const argv[] = {"ssh-keygen", "-Y", "find-principals", "-f",
		(char *)check->request->allowed_signers, "-s", (char *)check->signature,
		(char *)check->when, NULL};
	char *list = NULL, *line, *rest;
	int rc = keygen(check, argv, NULL, &signers, err);

	if (rc > 0 && !(list = dro_buf_take(&signers)))
		rc = 0;
	for (rest = list; rc > 0 && (line = strsep(&rest, "\n"));) {
		if (!*line)
			continue;
		if ((rc = verify_as(check, line, data, err)) != 0)
			goto out;
		rc = 1; /* not that one */
	}
	if (rc > 0)
		rc = 0;
out:
	free(list);
	dro_buf_free(&signers);
	return rc;
}

static void format_when(char *out, size_t size, git_repository *repo, const git_oid *id)
{
	git_commit *commit = NULL;
	struct tm utc;
	time_t made;

	snprintf(out, size, "-Overify-time=19700101000000Z");
	if (git_commit_lookup(&commit, repo, id) == 0) {
		made = (time_t)git_commit_time(commit);
		if (gmtime_r(&made, &utc))
			strftime(out, size, "-Overify-time=%Y%m%d%H%M%SZ", &utc);
	}
	git_commit_free(commit);
}

int git_verify(git_repository *repo, const struct git_request *request, const git_oid *commit,
	struct dro_error *err)
{
	struct check check = {.request = request};
	git_buf signature = {0}, data = {0};
	struct dro_buf signed_data = DRO_BUF_INIT(COMMIT_MAX);
	char id[GIT_OID_HEXSZ + 1];
	int rc;

	git_oid_tostr(id, sizeof(id), commit);
	rc = git_commit_extract_signature(&signature, &data, repo, (git_oid *)commit, NULL);
	if (rc == GIT_ENOTFOUND) {
		rc = dro_fail(err, DRO_ESAFETY, "commit %s is not signed", id);
		goto out;
	}
	if (rc < 0) {
		rc = git_fail(err, rc, "commit %s", id);
		goto out;
	}
	if (strncmp(signature.ptr, SSH_SIGNATURE, strlen(SSH_SIGNATURE)) != 0) {
		rc = dro_fail(err, DRO_ESAFETY, "commit %s is not signed with an SSH key", id);
		goto out;
	}
	dro_buf_append(&signed_data, data.ptr, data.size);
	snprintf(check.signature, sizeof(check.signature), "%s/drorch-signature", request->mirror);
	format_when(check.when, sizeof(check.when), repo, commit);
	if ((rc = dro_buf_check(&signed_data, err)) < 0 ||
		(rc = dro_file_write(check.signature, signature.ptr, signature.size, 0600, err)) <
			0)
		goto out;
	rc = verify_any(&check, &signed_data, err);
	if (rc == 0)
		rc = dro_fail(err, DRO_ESAFETY, "commit %s has no good signature by a key of %s",
			id, request->allowed_signers);
	else if (rc > 0)
		rc = 0;
out:
	dro_buf_free(&signed_data);
	git_buf_dispose(&signature);
	git_buf_dispose(&data);
	return rc;
}
