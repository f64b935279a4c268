#include "cli/spec_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define MEMORY_MAX (2u << 20) /* of the whole text */

static bool is_text(const struct dro_tree_file *file)
{
	return !memchr(file->data, '\0', file->length);
}

static cJSON *to_json(const struct dro_tree *tree)
{
	cJSON *json = cJSON_CreateObject(), *files;
	size_t i;

	cJSON_AddStringToObject(json, "commit", tree->commit);
	files = cJSON_AddArrayToObject(json, "files");
	for (i = 0; i < tree->file_count; i++) {
		cJSON *file = cJSON_CreateObject();

		cJSON_AddStringToObject(file, "path", tree->files[i].path);
		cJSON_AddStringToObject(file, "text", tree->files[i].data);
		cJSON_AddItemToArray(files, file);
	}
	return json;
}

int dro_spec_remember(struct dro_store *store, const char *key, const struct dro_tree *tree,
	struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(MEMORY_MAX);
	cJSON *json;
	size_t i;
	int rc = 0;

	for (i = 0; i < tree->file_count; i++)
		if (!is_text(&tree->files[i]))
			return 0;
	json = to_json(tree);
	dro_json_print(&text, json);
	cJSON_Delete(json);
	if (!text.failed)
		rc = dro_store_fact_set(store, "", key, text.data, err);
	dro_buf_free(&text);
	return rc;
}

static int add_files(struct dro_tree *tree, const cJSON *json, struct dro_error *err)
{
	const cJSON *files, *file;
	int rc;

	if ((rc = dro_json_array(json, "files", &files, err)) < 0)
		return rc;
	cJSON_ArrayForEach(file, files)
	{
		const char *text = dro_json_text(file, "text");

		if ((rc = dro_tree_add(
			     tree, dro_json_text(file, "path"), text, strlen(text), err)) < 0)
			return rc;
	}
	return 0;
}

int dro_spec_recall(struct dro_tree **out, struct dro_store *store, const char *key,
	const char *commit, struct dro_error *err)
{
	struct dro_tree *tree = NULL;
	char *text = NULL;
	cJSON *json = NULL;
	int rc;

	if ((rc = dro_store_fact_get(store, "", key, &text, NULL, err)) < 0 ||
		(rc = dro_json_parse(&json, text, strlen(text), MEMORY_MAX, err)) < 0)
		goto out;
	if (strcmp(dro_json_text(json, "commit"), commit) != 0) {
		rc = dro_fail(err, DRO_ENOTFOUND, "commit %s is not remembered", commit);
		goto out;
	}
	if ((rc = dro_tree_new(&tree, commit, "", err)) < 0 ||
		(rc = add_files(tree, json, err)) < 0)
		goto out;
	*out = tree;
	tree = NULL;
out:
	dro_tree_free(tree);
	cJSON_Delete(json);
	free(text);
	return rc;
}
