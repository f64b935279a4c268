/*
 * The manifest of a backup: which objects make it, and of what. Plain data.
 *
 * A backup ID under PREFIX is the objects PREFIX + ID + "/" + key and, written last, the manifest
 * PREFIX + ID + "/manifest.json": without it there is no backup, whatever else lies there. The text
 * is JSON, "format": "drorch-backup/1"; a reader ignores keys that it does not know.
 */
#ifndef DRORCH_MODEL_MANIFEST_H
#define DRORCH_MODEL_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/json.h"

#define DRO_MANIFEST_FORMAT "drorch-backup/1"
#define DRO_MANIFEST_KEY "manifest.json"
#define DRO_MANIFEST_MAX_BYTES (8u << 20)
#define DRO_MANIFEST_MAX_OBJECTS 50000
#define DRO_BACKUP_ID_MAX 64	/* characters */
#define DRO_BACKUP_NAME_MAX 128 /* characters of a service's or site's name */
#define DRO_BACKUP_KEY_MAX 512	/* characters of an object's key */

enum dro_backup_kind {
	DRO_BACKUP_DIRECTORY, /* the objects joined are one zstd-compressed tar */
	DRO_BACKUP_SQLITE,    /* the objects joined are one zstd-compressed SQLite database */
	DRO_BACKUP_MARIADB,   /* the objects are a restic repository; a snapshot is a data folder */
};

struct dro_manifest_object {
	char *key;		     /* relative to dro_manifest_folder() */
	uint64_t length;	     /* bytes */
	char sha256[DRO_SHA256_HEX]; /* of the bytes as they are stored */
};

struct dro_manifest {
	char *id, *service, *site;
	int64_t time_ms; /* Unix ms: when the consistent snapshot was taken */
	enum dro_backup_kind kind;
	struct dro_manifest_object *objects; /* in the order in which they are joined */
	size_t object_count;
	uint64_t total;	  /* bytes of all objects; in a repository: of those that a restore needs */
	char *repository; /* "" : the objects are its own; else their folder, shared with others */
	char *snapshot;	  /* which of the repository's it is; "" without one */
	char *tool, *tool_version; /* what made it */
	cJSON *mark; /* object: what shows that the data is of one moment, as the kind has it */
};

/* An empty backup. DRO_EINVAL where a name or the id breaks its rule. */
int dro_manifest_new(struct dro_manifest **out, const char *id, const char *service,
	const char *site, enum dro_backup_kind kind, int64_t time_ms, struct dro_error *err);
/*
 * Its objects lie in PREFIX + name + "/", beside those of other backups: restic's snapshot of that
 * id (hex), of which a restore needs `bytes`. The name begins with '.', so that it is no backup's.
 * After the objects were added. DRO_EINVAL where a rule is broken.
 */
int dro_manifest_repository(struct dro_manifest *manifest, const char *name, const char *snapshot,
	uint64_t bytes, struct dro_error *err);
/* What made it, where that was not the agent alone. */
int dro_manifest_tool(struct dro_manifest *manifest, const char *name, const char *version,
	struct dro_error *err);
/* The folder of its objects below the prefix: its id, or the repository. */
const char *dro_manifest_folder(const struct dro_manifest *manifest);
/* ".restic-20261120T195553Z-k3x7qa": '.', and then as an id. */
bool dro_backup_repository_valid(const char *name);
/* Adds an object. DRO_EINVAL: the key or hash breaks its rule, or there are too many. */
int dro_manifest_add(struct dro_manifest *manifest, const char *key, uint64_t length,
	const char *sha256, struct dro_error *err);
/* Takes over `mark`, also when it fails (DRO_EINVAL: not an object; DRO_ENOMEM: NULL). */
int dro_manifest_mark(struct dro_manifest *manifest, cJSON *mark, struct dro_error *err);
void dro_manifest_free(struct dro_manifest *manifest); /* NULL-safe */

int dro_manifest_print(
	const struct dro_manifest *manifest, struct dro_buf *out, struct dro_error *err);
/*
 * Reads and checks everything: DRO_ECORRUPT says what is wrong, DRO_EUNSUPPORTED where it has
 * another format.
 */
int dro_manifest_parse(
	struct dro_manifest **out, const char *text, size_t length, struct dro_error *err);
/* Is it the backup `id` of `service`? DRO_ECORRUPT says whose it is. */
int dro_manifest_expect(const struct dro_manifest *manifest, const char *id, const char *service,
	struct dro_error *err);

/* "20261120T195553Z-k3x7qa": ids sort as their times do. */
void dro_backup_id_new(char out[DRO_BACKUP_ID_MAX + 1], int64_t time_ms);
/* When the id says it was made, Unix ms; <0: it does not say. */
int64_t dro_backup_id_time(const char *id);
/* Letters, digits, '.', '_', '-', not beginning with '.'. */
bool dro_backup_id_valid(const char *id);
/* Relative, no empty, "." or ".." segment, no control character or backslash. */
bool dro_backup_key_valid(const char *key);
const char *dro_backup_kind_name(enum dro_backup_kind kind); /* "directory", … */
int dro_backup_kind_parse(const char *name, enum dro_backup_kind *kind, struct dro_error *err);

#endif
