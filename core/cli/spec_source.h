/* The spec as the configuration says: from git, or from a working copy; the last good one where the
 * newest is no good. */
#ifndef DRORCH_CLI_SPEC_SOURCE_H
#define DRORCH_CLI_SPEC_SOURCE_H

#include <stdbool.h>

#include "base/log.h"
#include "model/service.h"
#include "model/tree.h"
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

/* All files of `folder` of the repository at the spec's commit (a working copy: as they are now).
 */
int dro_spec_folder(struct dro_tree **out, const struct dro_config *config, struct dro_store *store,
	const struct dro_spec *spec, const char *folder, struct dro_error *err);

/*
 * For who asks again and again: *out is the branch's newest commit where it is good and another
 * than `have`, else NULL. What is wrong with a commit is said once, on standard error and as an
 * event; then it is an error without another look, until the branch moves.
 */
int dro_spec_poll(struct dro_spec **out, const struct dro_config *config, struct dro_store *store,
	const char *have, struct dro_error *err);

/* Hears of the files that are remembered before they are read, which takes a while where they are
 * large. It is not called where there are none. */
struct dro_spec_reader {
	void (*begins)(void *arg, const struct dro_tree *tree); /* NULL: nobody */
	void *arg;
};

/*
 * For who cannot wait: the last good commit as the store has it, at once, while git is asked
 * beside. *check is NULL where nothing was remembered, and the spec then is the newest. What the
 * check says must be heard before anything is done with the spec.
 */
struct dro_spec_check;
int dro_spec_early(struct dro_spec **out, struct dro_spec_check **check,
	const struct dro_config *config, struct dro_store *store, const struct dro_log *log,
	const struct dro_spec_reader *reader, struct dro_error *err);
/* Waits for git, and frees. true: the branch moved, and dro_spec_from_source is to be asked. Where
 * git cannot be reached the last good commit counts, with a warning. NULL: false. */
bool dro_spec_check_end(struct dro_spec_check *check, const struct dro_log *log);

#endif
