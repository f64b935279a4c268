/*
 * Spec repositories: what a git branch says, as files in memory. All git work happens in a child,
 * `drorch-git`, which ends by the deadline or is killed with its whole group: a silent server or a
 * hostile pack costs a fetch, not the program. Nothing is ever checked out. Thread-safe.
 */
#ifndef DRORCH_REPO_REPO_H
#define DRORCH_REPO_REPO_H

#include <stdbool.h>
#include <stdint.h>

#include "model/tree.h"

#define DRO_COMMIT_TEXT 65

struct dro_repo_config {
	const char *url;    /* https://, ssh://, user@host:path, file://, or an absolute path */
	const char *branch; /* "main" */
	const char *path;   /* folder of the specs in the repository; NULL or "": its root */
	const char *mirror; /* bare repository in the state folder; made when it is not there */
	/* As for ssh-keygen(1), ALLOWED SIGNERS: only commits signed by one of them; NULL: any. */
	const char *allowed_signers;
	const char *token;    /* password for https; NULL: none. Never in argv or a message */
	bool allow_rewind;    /* accept a branch that does not contain the last good commit */
	uint64_t deadline_ms; /* monotonic */
};

/*
 * Fetches the branch into the mirror and judges its newest commit; `last_good` ("" : none yet) is
 * the commit that was acted on last. The mirror keeps it, so that dro_repo_read of `last_good`
 * works whatever happened here.
 *   DRO_EAGAIN     the remote cannot be reached
 *   DRO_ETIMEDOUT  it did not answer by the deadline
 *   DRO_EAUTH      it refused us, or its certificate or host key is not the known one
 *   DRO_EPROTO     it redirects to another host, or drorch-git died of what it was sent
 *   DRO_ENOTFOUND  no such branch or repository, or an empty one
 *   DRO_ESAFETY    the commit is named and refused: history was rewound, or no good signature
 *   DRO_ECORRUPT   the mirror or what was sent is damaged
 */
int dro_repo_sync(const struct dro_repo_config *config, const char *last_good,
	char commit[DRO_COMMIT_TEXT], struct dro_error *err);

/*
 * The spec files at `commit`, from the mirror alone, sorted by path: *.yaml, *.yml, and everything
 * below pages/. Names that begin with a dot are skipped. A symbolic link or submodule where spec
 * files are looked for, a file past DRO_TREE_FILE_MAX, all past DRO_TREE_TOTAL_MAX, or folders too
 * deep: DRO_EINVAL with the path. DRO_ENOTFOUND: no such commit, or no such path in it.
 */
int dro_repo_read(const struct dro_repo_config *config, const char *commit, struct dro_tree **out,
	struct dro_error *err);

/*
 * All files of `folder` at `commit`, whatever they are called, with the same limits; their paths
 * begin below it. `folder` is relative to config->path; "" : that itself.
 */
int dro_repo_read_all(const struct dro_repo_config *config, const char *commit, const char *folder,
	struct dro_tree **out, struct dro_error *err);

/* The same from a working copy's folder, without git; the tree's commit is "". */
int dro_repo_read_dir(const char *dir, struct dro_tree **out, struct dro_error *err);
int dro_repo_read_dir_all(const char *dir, struct dro_tree **out, struct dro_error *err);

#endif
