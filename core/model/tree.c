#include "model/tree.h"

#include <stdlib.h>
#include <string.h>

int dro_tree_new(
	struct dro_tree **out, const char *commit, const char *origin, struct dro_error *err)
{
	struct dro_tree *tree = calloc(1, sizeof(*tree));

	if (!tree || !(tree->commit = strdup(commit)) || !(tree->origin = strdup(origin))) {
		dro_tree_free(tree);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	*out = tree;
	return 0;
}

int dro_tree_add(struct dro_tree *tree, const char *path, const void *data, size_t length,
	struct dro_error *err)
{
	struct dro_tree_file *files, *file;

	if (length > DRO_TREE_FILE_MAX)
		return dro_fail(err, DRO_EINVAL, "%s%s: %zu bytes, more than %u", tree->origin,
			path, length, DRO_TREE_FILE_MAX);
	if (length > DRO_TREE_TOTAL_MAX - tree->total)
		return dro_fail(err, DRO_EINVAL, "%s%s: the files together have more than %u bytes",
			tree->origin, path, DRO_TREE_TOTAL_MAX);
	files = realloc(tree->files, (tree->file_count + 1) * sizeof(*files));
	if (!files)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	tree->files = files;
	file = &files[tree->file_count];
	file->path = strdup(path);
	file->data = malloc(length + 1);
	if (!file->path || !file->data) {
		free(file->path);
		free(file->data);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	if (length)
		memcpy(file->data, data, length);
	file->data[length] = '\0';
	file->length = length;
	tree->file_count++;
	tree->total += length;
	return 0;
}

const struct dro_tree_file *dro_tree_find(const struct dro_tree *tree, const char *path)
{
	size_t i;

	for (i = 0; i < tree->file_count; i++)
		if (strcmp(tree->files[i].path, path) == 0)
			return &tree->files[i];
	return NULL;
}

int dro_tree_digest(const struct dro_tree *tree, char out[DRO_SHA256_HEX], struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(16384);
	char hash[DRO_SHA256_HEX];
	size_t i;
	int rc = 0;

	out[0] = '\0';
	for (i = 0; i < tree->file_count && rc == 0; i++) {
		rc = dro_sha256_hex(hash, tree->files[i].data, tree->files[i].length);
		dro_buf_reset(&text);
		dro_buf_printf(&text, "%s %s %s", out, hash, tree->files[i].path);
		if (rc == 0 && (rc = dro_buf_check(&text, err)) == 0)
			rc = dro_sha256_hex(out, text.data, text.length);
	}
	dro_buf_free(&text);
	return rc == DRO_ENOMEM ? dro_fail(err, rc, "out of memory") : rc;
}

void dro_tree_free(struct dro_tree *tree)
{
	size_t i;

	if (!tree)
		return;
	for (i = 0; i < tree->file_count; i++) {
		free(tree->files[i].path);
		free(tree->files[i].data);
	}
	free(tree->files);
	free(tree->commit);
	free(tree->origin);
	free(tree);
}
