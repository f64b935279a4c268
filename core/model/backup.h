/* Backups as they were found in a store: plain data, filled by observe/, judged by plan/. */
#ifndef DRORCH_MODEL_BACKUP_H
#define DRORCH_MODEL_BACKUP_H

#include "model/manifest.h"

struct dro_backup {
	char *id;
	struct dro_manifest *manifest; /* NULL: missing, unreadable, or not read */
	char manifest_sha256[DRO_SHA256_HEX];
	char *problem;	/* why it is not complete; "" : complete, as far as listing tells */
	bool finished;	/* a manifest is listed: it was finished once */
	bool read;	/* the manifest was looked at */
	bool verified;	/* every object's hash was checked, once, against this manifest */
	uint64_t bytes; /* of its objects as listed */
};

struct dro_backup_list {
	struct dro_backup *items; /* newest first, by id */
	size_t count;
};

/* The newest that can be restored, of those that were read: what came after it may still be under
 * way. NULL: none. */
const struct dro_backup *dro_backup_newest(const struct dro_backup_list *list);
/* Replaces the reason. */
int dro_backup_refuse(struct dro_backup *backup, struct dro_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void dro_backup_list_free(struct dro_backup_list *list); /* NULL-safe; leaves an empty list */

#endif
