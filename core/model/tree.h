/* A spec repository's files at one commit, in memory: what repo/ reads and spec/ loads. */
#ifndef DRORCH_MODEL_TREE_H
#define DRORCH_MODEL_TREE_H

#include <stddef.h>

#include "base/error.h"
#include "base/hash.h"

#define DRO_TREE_FILE_MAX (1u << 20)   /* bytes of one file */
#define DRO_TREE_TOTAL_MAX (16u << 20) /* bytes of all files */

struct dro_tree_file {
	char *path; /* relative to the tree, "services/memphis.yaml" */
	char *data; /* NUL-terminated beyond `length` */
	size_t length;
};

struct dro_tree {
	char *commit; /* hex, "" for a working copy */
	char *origin; /* how messages begin a path: "" or "/srv/specs/" */
	struct dro_tree_file *files;
	size_t file_count;
	size_t total; /* bytes */
};

int dro_tree_new(
	struct dro_tree **out, const char *commit, const char *origin, struct dro_error *err);
/* Copies `data`. DRO_EINVAL past either maximum. */
int dro_tree_add(struct dro_tree *tree, const char *path, const void *data, size_t length,
	struct dro_error *err);
const struct dro_tree_file *dro_tree_find(const struct dro_tree *tree, const char *path);
/* One hash over paths and contents, each file's taking in that of those before it; "" of no file.
 */
int dro_tree_digest(const struct dro_tree *tree, char out[DRO_SHA256_HEX], struct dro_error *err);
void dro_tree_free(struct dro_tree *tree); /* NULL-safe */

#endif
