#include "repo/git.h"

#include <stdlib.h>
#include <string.h>

#include "repo/select.h"

struct walk {
	git_repository *repo;
	git_odb *odb;
	struct dro_tree *tree;
	size_t entries;
	bool all;
};

static enum repo_kind kind_of(const git_tree_entry *entry)
{
	switch (git_tree_entry_filemode(entry)) {
	case GIT_FILEMODE_BLOB:
	case GIT_FILEMODE_BLOB_EXECUTABLE:
		return REPO_FILE;
	case GIT_FILEMODE_TREE:
		return REPO_FOLDER;
	case GIT_FILEMODE_LINK:
		return REPO_LINK;
	case GIT_FILEMODE_COMMIT:
		return REPO_MODULE;
	default:
		return REPO_OTHER;
	}
}

static int corrupt(struct dro_error *err, int git_code, const char *path)
{
	git_fail(err, git_code, "%s", *path ? path : "the commit's tree");
	return err->code = DRO_ECORRUPT;
}

static int take_blob(struct walk *walk, const git_oid *id, const char *path, struct dro_error *err)
{
	git_blob *blob = NULL;
	git_object_t type;
	size_t length;
	int rc;

	/* The size first: a few bytes of a pack can unfold to gigabytes. */
	if ((rc = git_odb_read_header(&length, &type, walk->odb, id)) < 0)
		return corrupt(err, rc, path);
	if (type != GIT_OBJECT_BLOB)
		return dro_fail(err, DRO_ECORRUPT, "%s: not a file", path);
	if (length > DRO_TREE_FILE_MAX)
		return dro_fail(err, DRO_EINVAL, "%s: %zu bytes, more than %u", path, length,
			DRO_TREE_FILE_MAX);
	if ((rc = git_blob_lookup(&blob, walk->repo, id)) < 0)
		return corrupt(err, rc, path);
	rc = dro_tree_add(
		walk->tree, path, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob), err);
	git_blob_free(blob);
	return rc;
}

static int walk_tree(struct walk *walk, const git_oid *id, const char *below, struct dro_error *err)
{
	git_tree *tree = NULL;
	size_t i, count;
	int rc;

	if ((rc = git_tree_lookup(&tree, walk->repo, id)) < 0)
		return corrupt(err, rc, below);
	count = git_tree_entrycount(tree);
	for (i = 0; rc == 0 && i < count; i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
		enum repo_kind kind = kind_of(entry);
		char *path;

		if ((rc = repo_count(&walk->entries, err)) < 0)
			break;
		if (!(path = repo_join(below, git_tree_entry_name(entry)))) {
			rc = dro_fail(err, DRO_ENOMEM, "out of memory");
			break;
		}
		if ((rc = repo_select(path, kind, walk->all, err)) > 0)
			rc = kind == REPO_FOLDER
				     ? walk_tree(walk, git_tree_entry_id(entry), path, err)
				     : take_blob(walk, git_tree_entry_id(entry), path, err);
		free(path);
	}
	git_tree_free(tree);
	return rc;
}

/* The tree of the commit, or of `path` in it. */
static int find_root(
	git_commit *commit, const struct git_request *request, git_oid *root, struct dro_error *err)
{
	git_tree_entry *entry = NULL;
	git_tree *tree = NULL;
	int rc;

	*root = *git_commit_tree_id(commit);
	if (!*request->path)
		return 0;
	if ((rc = git_commit_tree(&tree, commit)) < 0)
		return corrupt(err, rc, "");
	rc = git_tree_entry_bypath(&entry, tree, request->path);
	if (rc == GIT_ENOTFOUND)
		rc = dro_fail(err, DRO_ENOTFOUND, "commit %s has no folder \"%s\"", request->commit,
			request->path);
	else if (rc < 0)
		rc = corrupt(err, rc, request->path);
	else if (git_tree_entry_filemode(entry) != GIT_FILEMODE_TREE)
		rc = dro_fail(err, DRO_EINVAL, "%s: not a folder", request->path);
	else
		*root = *git_tree_entry_id(entry);
	git_tree_entry_free(entry);
	git_tree_free(tree);
	return rc;
}

int git_read(git_repository *repo, const struct git_request *request, struct dro_tree **out,
	struct dro_error *err)
{
	struct walk walk = {.repo = repo, .all = request->all};
	git_commit *commit = NULL;
	git_oid id, root;
	int rc;

	if (strlen(request->commit) != GIT_OID_HEXSZ || git_oid_fromstr(&id, request->commit) < 0)
		return dro_fail(err, DRO_EINVAL, "\"%s\" is not a commit id", request->commit);
	if ((rc = git_commit_lookup(&commit, repo, &id)) < 0) {
		rc = rc == GIT_ENOTFOUND ? dro_fail(err, DRO_ENOTFOUND,
						   "the mirror has no commit %s", request->commit)
					 : corrupt(err, rc, request->commit);
		goto out;
	}
	if ((rc = git_repository_odb(&walk.odb, repo)) < 0) {
		rc = corrupt(err, rc, "");
		goto out;
	}
	if ((rc = find_root(commit, request, &root, err)) < 0 ||
		(rc = dro_tree_new(&walk.tree, request->commit, "", err)) < 0 ||
		(rc = walk_tree(&walk, &root, "", err)) < 0)
		goto out;
	repo_sort(walk.tree);
	*out = walk.tree;
	walk.tree = NULL;
out:
	dro_tree_free(walk.tree);
	git_odb_free(walk.odb);
	git_commit_free(commit);
	return rc;
}
