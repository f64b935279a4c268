#include "repo/git.h"

#include <stdio.h>
#include <string.h>

#define RECEIVED_MAX ((size_t)256 << 20) /* spec repositories are small; a flood is cut here */

struct fetch {
	const struct git_request *request;
	bool asked; /* for the token: it is not tried twice */
};

static int give_credential(git_credential **out, const char *url, const char *user,
	unsigned int allowed, void *payload)
{
	struct fetch *fetch = payload;

	(void)url;
	if (!*fetch->request->token) {
		git_error_set_str(GIT_ERROR_HTTP, "it asks for a credential and none is given");
		return GIT_EAUTH;
	}
	if (fetch->asked || !(allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT)) {
		git_error_set_str(GIT_ERROR_HTTP, "the credential was refused");
		return GIT_EAUTH;
	}
	fetch->asked = true;
	return git_credential_userpass_plaintext_new(
		out, user && *user ? user : "git", fetch->request->token);
}

static int watch_progress(const git_indexer_progress *stats, void *payload)
{
	(void)payload;
	if (stats->received_bytes <= RECEIVED_MAX)
		return 0;
	git_error_set_str(GIT_ERROR_NET, "the repository is too large");
	return GIT_EUSER;
}

/* The commit that the remote has at the branch. */
static int find_branch(git_remote *remote, const char *ref, git_oid *commit, const char *branch,
	struct dro_error *err)
{
	const git_remote_head **heads;
	size_t count, i;
	int rc;

	if ((rc = git_remote_ls(&heads, &count, remote)) < 0)
		return git_fail(err, rc, "listing its branches");
	for (i = 0; i < count; i++) {
		if (strcmp(heads[i]->name, ref) == 0) {
			*commit = heads[i]->oid;
			return 0;
		}
	}
	if (count == 0)
		return dro_fail(err, DRO_ENOTFOUND, "the repository is empty");
	return dro_fail(err, DRO_ENOTFOUND, "it has no branch \"%s\"", branch);
}

static int download(git_remote *remote, const char *ref, const git_remote_callbacks *callbacks,
	struct dro_error *err)
{
	git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
	char spec[1024], *specs[] = {spec};
	const git_strarray wanted = {specs, 1};
	int rc;

	snprintf(spec, sizeof(spec), "+%s:refs/drorch/fetched", ref);
	options.callbacks = *callbacks;
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.update_fetchhead = 0;
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	options.proxy_opts.type = GIT_PROXY_AUTO;
	if ((rc = git_remote_download(remote, &wanted, &options)) < 0)
		return git_fail(err, rc, "fetching");
	return 0;
}

int git_fetch(git_repository *repo, const struct git_request *request, git_oid *commit,
	struct dro_error *err)
{
	git_remote_connect_options options = GIT_REMOTE_CONNECT_OPTIONS_INIT;
	struct fetch fetch = {.request = request};
	git_remote *remote = NULL;
	git_commit *found = NULL;
	char ref[512];
	int valid, rc;

	rc = snprintf(ref, sizeof(ref), "refs/heads/%s", request->branch);
	if (rc >= (int)sizeof(ref) || git_reference_name_is_valid(&valid, ref) < 0 || !valid)
		return dro_fail(err, DRO_EINVAL, "\"%s\" is not a branch name", request->branch);
	options.callbacks.credentials = give_credential;
	options.callbacks.transfer_progress = watch_progress;
	options.callbacks.payload = &fetch;
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE; /* to another host; none leaves TLS */
	options.proxy_opts.type = GIT_PROXY_AUTO;
	if ((rc = git_remote_create_anonymous(&remote, repo, request->url)) < 0 ||
		(rc = git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, &options)) < 0) {
		rc = git_fail(err, rc, "connecting");
		if (strstr(err->message, "failed to resolve path"))
			rc = err->code = DRO_ENOTFOUND;
		else if (rc == DRO_EIO) /* nothing local is at work here */
			rc = err->code = DRO_EAGAIN;
		goto out;
	}
	if ((rc = find_branch(remote, ref, commit, request->branch, err)) < 0 ||
		(rc = download(remote, ref, &options.callbacks, err)) < 0)
		goto out;
	if ((rc = git_commit_lookup(&found, repo, commit)) < 0) {
		git_fail(err, rc, "what was sent");
		rc = err->code = DRO_ECORRUPT;
		goto out;
	}
	rc = git_mirror_keep(repo, "fetched", commit, err);
out:
	git_commit_free(found);
	git_remote_free(remote);
	return rc;
}
