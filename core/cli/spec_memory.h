/* The spec's files at the last good commit, in the store: what a run needs is there when git is
 * not. */
#ifndef DRORCH_CLI_SPEC_MEMORY_H
#define DRORCH_CLI_SPEC_MEMORY_H

#include "model/tree.h"
#include "store/store.h"

/* `key` says which repository, branch and folder. Large specs and files that are no text are left
 * to git: that is no error. */
int dro_spec_remember(struct dro_store *store, const char *key, const struct dro_tree *tree,
	struct dro_error *err);

/* DRO_ENOTFOUND: the files of that commit are not there. */
int dro_spec_recall(struct dro_tree **out, struct dro_store *store, const char *key,
	const char *commit, struct dro_error *err);

#endif
