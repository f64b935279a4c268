/* The spec as the configuration says: from git, or from a working copy; the last good one where the
 * newest is no good. */
#ifndef DRORCH_CLI_SPEC_SOURCE_H
#define DRORCH_CLI_SPEC_SOURCE_H

#include "base/log.h"
#include "model/service.h"
#include "spec/config.h"
#include "store/store.h"

/*
 * `commit` (may be NULL) asks for exactly that one. What is wrong with a spec goes to standard
 * error; when it, or the remote, is no good, the last good commit is used with a warning in `log`.
 * Remembers the commit and a summary in `store`.
 */
int dro_spec_from_source(struct dro_spec **out, const struct dro_config *config,
	struct dro_store *store, const char *commit, const struct dro_log *log,
	struct dro_error *err);

#endif
