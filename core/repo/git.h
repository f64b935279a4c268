/*
 * The parts of drorch-git. It reads one JSON request on standard input,
 *   {"verb":"sync","url":…,"branch":…,"mirror":…,"last_good":…,"deadline_ms":…,…}
 *   {"verb":"read","mirror":…,"commit":…,"path":…,"all":…,"deadline_ms":…}
 * and answers with one JSON line on standard output: {"code":0,"commit":…}, or {"code":0,"files":
 * [{"path":…,"length":…}]} with the files' bytes in that order behind it, or
 * {"code":-9,"message":…}. It works alone and may be killed at any time.
 */
#ifndef DRORCH_REPO_GIT_H
#define DRORCH_REPO_GIT_H

#include <git2.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/tree.h"

struct git_request {
	const char *verb, *url, *branch, *path, *mirror, *allowed_signers, *token, *last_good,
		*commit;
	bool allow_rewind, all;
	uint64_t deadline_ms;
};

/* What libgit2 said last, as ours, after "format: ". */
int git_fail(struct dro_error *err, int git_code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Opens the mirror; DRO_ENOTFOUND where there is none. */
int git_mirror_open(git_repository **out, const char *path, struct dro_error *err);
/* Opens or makes it, and keeps other processes out until *lock is closed. */
int git_mirror_lock(git_repository **out, int *lock, const char *path, struct dro_error *err);
/* Remembers a commit under refs/drorch/NAME, so that no clean-up takes it away. */
int git_mirror_keep(
	git_repository *repo, const char *name, const git_oid *commit, struct dro_error *err);

/* Fetches the branch's newest commit into the mirror. */
int git_fetch(git_repository *repo, const struct git_request *request, git_oid *commit,
	struct dro_error *err);
/* Is the commit signed by one of request->allowed_signers? DRO_ESAFETY names it. */
int git_verify(git_repository *repo, const struct git_request *request, const git_oid *commit,
	struct dro_error *err);
/* The spec files of a commit, or all, below request->path. */
int git_read(git_repository *repo, const struct git_request *request, struct dro_tree **out,
	struct dro_error *err);

/* ssh:// through the ssh program: its known hosts, its agent, its configuration, its time-outs. */
int git_ssh_register(void);

#endif
