/*
 * Whether the branch's newest commit is to be followed, and what was tried last: a fact, for
 * `status` and for `drorch accept`. Thread-safe.
 */
#ifndef DRORCH_CLI_SPEC_JUDGE_H
#define DRORCH_CLI_SPEC_JUDGE_H

#include "model/service.h"
#include "store/store.h"

#define DRO_RULE_SHRUNKEN "shrunken-tree"

/* The newest commit that was looked at. */
struct dro_spec_attempt {
	char commit[65]; /* "" : git could not tell */
	char code[16];	 /* of the error */
	char rule[32];	 /* that said no, or "" */
	char error[600]; /* "" : it is followed */
	int64_t at_ms;	 /* when that was first found */
};

/* DRO_ENOTFOUND: none yet. */
int dro_spec_attempt_get(
	struct dro_store *store, struct dro_spec_attempt *out, struct dro_error *err);
/* Keeps what became of `commit`; `error` NULL: it is followed. Where that is new, and bad, there is
 * an event: once for a commit, or for git going away. */
void dro_spec_attempted(struct dro_store *store, const char *commit, const struct dro_error *error);

/*
 * Rule shrunken-tree: `now` lacks services that `before` has. DRO_ESAFETY names rule and services,
 * but for a commit that was accepted with dro_spec_accept.
 */
int dro_spec_judge(struct dro_store *store, const struct dro_spec *before,
	const struct dro_spec *now, struct dro_error *err);
/* The same for a tree without a file. */
int dro_spec_judge_empty(const char *commit, struct dro_error *err);

bool dro_spec_accepted(struct dro_store *store, const char *commit);
/*
 * Lets the commit that the rule refused pass, by its id or the first seven digits or more; goes on
 * record. DRO_ENOTFOUND: no such commit waits for it. `accepted` gets the whole id.
 */
int dro_spec_accept(struct dro_store *store, const char *commit, const char *by, const char *reason,
	char accepted[65], struct dro_error *err);

#endif
