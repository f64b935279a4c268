/* What backups there are. Only dro_backup_remove changes something at the provider. */
#ifndef DRORCH_OBSERVE_BACKUPS_H
#define DRORCH_OBSERVE_BACKUPS_H

#include "model/backup.h"
#include "observe/accounts.h"
#include "store/store.h"

/*
 * The policy's backups, newest first, from one listing of its prefix. Manifests are read, newest
 * first, until `good` complete ones were seen (0: all). `store` (may be NULL) tells which were
 * verified before, and which of the unread ones could not be removed (their problem says why).
 */
int dro_backups_find(struct dro_backup_list *out, struct dro_accounts *accounts,
	const struct dro_service *service, const struct dro_backup_policy *policy, size_t good,
	struct dro_store *store, const struct dro_call *call, struct dro_error *err);

/*
 * Reads every object and compares its hash; a good one is remembered in `store` (may be NULL). A
 * bad one gets its reason in backup->problem and DRO_ECORRUPT.
 */
int dro_backup_verify(struct dro_backup *backup, struct dro_accounts *accounts,
	const struct dro_service *service, const struct dro_backup_policy *policy,
	struct dro_store *store, const struct dro_call *call, struct dro_error *err);

/*
 * Removes one backup of ours: its objects that no other backup names, then its manifest. One that
 * is gone is a success. DRO_ECORRUPT where it is not whole, or another's, or shares a repository
 * and what the others there need cannot be told; `repeated`: an earlier try may have begun, so that
 * objects may be missing.
 */
int dro_backup_remove(struct dro_accounts *accounts, const struct dro_service *service,
	const struct dro_backup_policy *policy, const char *id, bool repeated,
	const struct dro_call *call, struct dro_error *err);

/* Remembers in `store` why a backup was not removed: passes to come leave it, and say so. */
int dro_backup_left(struct dro_store *store, const struct dro_service *service,
	const struct dro_backup_policy *policy, const char *id, const char *why,
	struct dro_error *err);

/* The fact "backup-latest" of the service, which `status` shows: this good one. Writes only where
 * that is news. */
int dro_backup_remember(struct dro_store *store, const struct dro_service *service,
	const struct dro_backup *backup, struct dro_error *err);

/* The prefix, the folder (a backup's id, or dro_manifest_folder) and the key as one object key;
 * malloc'd. */
char *dro_backup_key(const struct dro_backup_policy *policy, const char *folder, const char *key);
/* The text of its manifest. */
int dro_backup_get_manifest(struct dro_buf *text, struct dro_provider *provider,
	const struct dro_backup_policy *policy, const char *id, const struct dro_call *call,
	struct dro_error *err);

/* The region of the policy's store: its own, or the account's. */
const char *dro_backup_region(
	const struct dro_backup_policy *policy, const struct dro_provider *provider);

#endif
