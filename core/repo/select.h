/* Which names of a repository are spec files: the same rule for commits and working copies. */
#ifndef DRORCH_REPO_SELECT_H
#define DRORCH_REPO_SELECT_H

#include <stdbool.h>

#include "model/tree.h"

#define REPO_DEPTH_MAX 16      /* folders within each other */
#define REPO_ENTRIES_MAX 20000 /* names looked at */

enum repo_kind { REPO_FILE, REPO_FOLDER, REPO_LINK, REPO_MODULE, REPO_OTHER };

/*
 * `path` is relative to the folder that is read. 1: read the file, enter the folder. 0: not ours.
 * DRO_EINVAL: it stands where files are looked for and is nothing that is read. `all`: every file
 * is; else those of a spec.
 */
int repo_select(const char *path, enum repo_kind kind, bool all, struct dro_error *err);
/* By path, so that two ways of reading give the same tree. */
void repo_sort(struct dro_tree *tree);
/* Counts a name looked at; DRO_EINVAL past REPO_ENTRIES_MAX. */
int repo_count(size_t *entries, struct dro_error *err);
/* "DIR/NAME", or NAME where `dir` is ""; malloc'd, NULL when out of memory. */
char *repo_join(const char *dir, const char *name);

#endif
