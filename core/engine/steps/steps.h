/* What step kinds share: their inputs, and the tags and names by which things are found again. */
#ifndef DRORCH_ENGINE_STEPS_STEPS_H
#define DRORCH_ENGINE_STEPS_STEPS_H

#include "engine/engine.h"
#include "model/marks.h"
#include "observe/accounts.h"
#include "observe/known.h"

/* The site that input `key` names, and its provider (either out may be NULL). */
int dro_step_site(const struct dro_step_context *context, const char *key,
	const struct dro_site **site, struct dro_provider **provider, struct dro_error *err);
/* Where a step's instances are. */
struct dro_step_place {
	const struct dro_site *site; /* NULL: of no site, a build's machine */
	const char *region;
	struct dro_provider *provider;
};

/* From input "site", or, without one, from "provider" and "region". */
int dro_step_place(
	const struct dro_step_context *context, struct dro_step_place *out, struct dro_error *err);
/* The account that input "provider" names. */
int dro_step_provider(
	const struct dro_step_context *context, struct dro_provider **out, struct dro_error *err);
/* The backups that input "policy" names. */
int dro_step_backup_policy(const struct dro_step_context *context,
	const struct dro_backup_policy **out, struct dro_error *err);
/* The traffic that input "traffic" names. */
int dro_step_traffic(const struct dro_step_context *context, const struct dro_traffic **out,
	struct dro_error *err);

/* The strings of the array input `key`; *out is malloc'd, its strings are the input's. */
int dro_step_strings(const struct dro_step_context *context, const char *key, const char ***out,
	size_t *count, struct dro_error *err);

/* The image policy that input "build" names. */
int dro_step_image_policy(const struct dro_step_context *context,
	const struct dro_image_policy **out, struct dro_error *err);
/* "RUNS/RUN.files/NAME", malloc'd: what the run keeps beside the store, as long as it is not over.
 */
int dro_step_file(const struct dro_step_context *context, const char *name, char **out,
	struct dro_error *err);

/* Sets an output, replacing an earlier one. */
void dro_step_output(struct dro_step_context *context, const char *key, cJSON *value);

/* DRO_STEP_PENDING, to be asked again soon at first, and less often the longer it takes. */
int dro_step_pending(struct dro_step_context *context, uint64_t least_ms, uint64_t most_ms);

/* The same for what is asked of a site itself: no provider counts those calls. */
int dro_step_pending_site(struct dro_step_context *context);

/* Does any of the addresses answer the site's health check? `text` gets what was heard last. */
bool dro_step_any_well(const struct dro_step_context *context, const struct dro_site *site,
	const char *const *addresses, size_t count, char *text, size_t text_size);

/*
 * How many instances of input "ids" are up; their addresses are appended to `addresses`.
 * DRO_ECONFLICT: one of them will never be.
 */
int dro_step_count_up(
	struct dro_step_context *context, cJSON *addresses, size_t *wanted, struct dro_error *err);

/*
 * What the inventory knows of a site (dro_known_instances_set): these instances are there; these
 * are not any more. It is for those who ask later: where it cannot be written the step goes on,
 * with a warning. `site` NULL: the inventory does not have them.
 */
void dro_step_remember(struct dro_step_context *context, const struct dro_site *site,
	const struct dro_instance_list *list);
void dro_step_forget(struct dro_step_context *context, const struct dro_site *site,
	const char *const *ids, size_t count);

/* One file each in this folder. */
int dro_step_probe(struct dro_step_context *context, struct dro_error *err);
int dro_step_capacity(struct dro_step_context *context, struct dro_error *err);
int dro_step_backup_check(struct dro_step_context *context, struct dro_error *err);
int dro_step_fence(struct dro_step_context *context, struct dro_error *err);
int dro_step_unfence(struct dro_step_context *context, struct dro_error *err);
int dro_step_launch(struct dro_step_context *context, struct dro_error *err);
int dro_step_unlaunch(struct dro_step_context *context, struct dro_error *err);
int dro_step_adopt(struct dro_step_context *context, struct dro_error *err);
int dro_step_unadopt(struct dro_step_context *context, struct dro_error *err);
int dro_step_wait_running(struct dro_step_context *context, struct dro_error *err);
int dro_step_wait_restored(struct dro_step_context *context, struct dro_error *err);
int dro_step_verify_app(struct dro_step_context *context, struct dro_error *err);
int dro_step_find_traffic(struct dro_step_context *context, struct dro_error *err);
int dro_step_switch(struct dro_step_context *context, struct dro_error *err);
int dro_step_unswitch(struct dro_step_context *context, struct dro_error *err);
int dro_step_verify_traffic(struct dro_step_context *context, struct dro_error *err);
int dro_step_monitor(struct dro_step_context *context, struct dro_error *err);
int dro_step_commit(struct dro_step_context *context, struct dro_error *err);
int dro_step_dns_apply(struct dro_step_context *context, struct dro_error *err);
int dro_step_dns_unapply(struct dro_step_context *context, struct dro_error *err);
int dro_step_terminate(struct dro_step_context *context, struct dro_error *err);
int dro_step_power(struct dro_step_context *context, struct dro_error *err);
int dro_step_unpower(struct dro_step_context *context, struct dro_error *err);
int dro_step_resize(struct dro_step_context *context, struct dro_error *err);
int dro_step_unresize(struct dro_step_context *context, struct dro_error *err);
int dro_step_image_delete(struct dro_step_context *context, struct dro_error *err);
int dro_step_image_copy(struct dro_step_context *context, struct dro_error *err);
int dro_step_image_uncopy(struct dro_step_context *context, struct dro_error *err);
int dro_step_image_create(struct dro_step_context *context, struct dro_error *err);
int dro_step_image_uncreate(struct dro_step_context *context, struct dro_error *err);
int dro_step_image_prepare(struct dro_step_context *context, struct dro_error *err);
int dro_step_image_unprepare(struct dro_step_context *context, struct dro_error *err);
int dro_step_image_reach(struct dro_step_context *context, struct dro_error *err);
int dro_step_image_leave(struct dro_step_context *context, struct dro_error *err);
int dro_step_image_play(struct dro_step_context *context, struct dro_error *err);
int dro_step_image_unplay(struct dro_step_context *context, struct dro_error *err);
int dro_step_image_verify(struct dro_step_context *context, struct dro_error *err);
int dro_step_stop(struct dro_step_context *context, struct dro_error *err);
int dro_step_check_put(struct dro_step_context *context, struct dro_error *err);
int dro_step_check_unput(struct dro_step_context *context, struct dro_error *err);
int dro_step_check_delete(struct dro_step_context *context, struct dro_error *err);
int dro_step_agent_open(struct dro_step_context *context, struct dro_error *err);
int dro_step_sync_files(struct dro_step_context *context, struct dro_error *err);
int dro_step_catch_up(struct dro_step_context *context, struct dro_error *err);
int dro_step_freeze(struct dro_step_context *context, struct dro_error *err);
int dro_step_unfreeze(struct dro_step_context *context, struct dro_error *err);
int dro_step_database_wait(struct dro_step_context *context, struct dro_error *err);
int dro_step_promote_database(struct dro_step_context *context, struct dro_error *err);
int dro_step_unpromote(struct dro_step_context *context, struct dro_error *err);
int dro_step_reprotect(struct dro_step_context *context, struct dro_error *err);
int dro_step_thaw_database(struct dro_step_context *context, struct dro_error *err);
int dro_step_unthaw(struct dro_step_context *context, struct dro_error *err);
int dro_step_unguard(struct dro_step_context *context, struct dro_error *err);
int dro_step_ununguard(struct dro_step_context *context, struct dro_error *err);
int dro_step_drain(struct dro_step_context *context, struct dro_error *err);
int dro_step_guard(struct dro_step_context *context, struct dro_error *err);
int dro_step_rejoin(struct dro_step_context *context, struct dro_error *err);
int dro_step_page_put(struct dro_step_context *context, struct dro_error *err);
int dro_step_backup_delete(struct dro_step_context *context, struct dro_error *err);

#endif
