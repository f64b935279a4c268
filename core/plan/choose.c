#include "plan/choose.h"

#include <string.h>

#include "base/clock.h"

#define CLOCK_SLACK_MS 300000 /* how far another host's clock may be ahead of ours */

/* The next older complete backup of the same service and site, or NULL. */
static const struct dro_backup *older(const struct dro_backup_list *list, size_t index)
{
	size_t i;

	for (i = index + 1; i < list->count; i++)
		if (list->items[i].manifest && !*list->items[i].problem &&
			strcmp(list->items[i].manifest->service,
				list->items[index].manifest->service) == 0)
			return &list->items[i];
	return NULL;
}

/* Does the site hold what the active one is given, so that its backups go on counting? */
static bool replicates(const struct dro_service *service, const char *site, const char *active)
{
	const struct dro_site *found = dro_service_site(service, site);

	return found && strcmp(found->follows, active) == 0;
}

/* Right are those of the active site, and those of the policy's source but for what it wrote after
 * it was replaced. */
static int judge_site(struct dro_backup *backup, const struct dro_service *service,
	const struct dro_backup_policy *policy, const struct dro_active *active,
	struct dro_error *err)
{
	const struct dro_manifest *manifest = backup->manifest;

	if (strcmp(manifest->site, active->site) == 0)
		return 0;
	if (strcmp(manifest->site, policy->source) != 0)
		return dro_backup_refuse(backup, err, "foreign: it was taken at %s, not at %s",
			manifest->site, policy->source);
	if (active->since_ms && manifest->time_ms > active->since_ms &&
		!replicates(service, manifest->site, active->site))
		return dro_backup_refuse(backup, err,
			"foreign: it was taken at %s after %s had taken over", manifest->site,
			active->site);
	return 0;
}

static int judge(struct dro_backup_list *list, size_t index, const struct dro_service *service,
	const struct dro_backup_policy *policy, const struct dro_active *active, int64_t now_ms,
	struct dro_error *err)
{
	struct dro_backup *backup = &list->items[index];
	const struct dro_manifest *manifest = backup->manifest;
	const struct dro_backup *before;
	int rc;

	if (!backup->read || !manifest || *backup->problem)
		return 0;
	if (strcmp(manifest->service, service->name) != 0)
		return dro_backup_refuse(
			backup, err, "foreign: it is of service %s", manifest->service);
	if ((rc = judge_site(backup, service, policy, active, err)) < 0 || *backup->problem)
		return rc;
	if (manifest->time_ms > now_ms + CLOCK_SLACK_MS)
		return dro_backup_refuse(
			backup, err, "its time is in the future: a clock is wrong");
	before = older(list, index);
	if (before && policy->shrink_percent > 0 &&
		manifest->total < before->manifest->total / 100 * (uint64_t)policy->shrink_percent)
		return dro_backup_refuse(backup, err,
			"shrunken: %llu bytes, less than %d %% of %s before it (%llu bytes)",
			(unsigned long long)manifest->total, policy->shrink_percent, before->id,
			(unsigned long long)before->manifest->total);
	return 0;
}

static int choose_wanted(struct dro_backup **out, struct dro_backup_list *list, const char *wanted,
	struct dro_error *err)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (strcmp(list->items[i].id, wanted) != 0)
			continue;
		if (!list->items[i].manifest)
			return dro_fail(err, DRO_ESAFETY, "backup %s cannot be restored: %s",
				wanted, list->items[i].problem);
		*out = &list->items[i];
		return 0;
	}
	return dro_fail(err, DRO_ENOTFOUND, "there is no backup %s", wanted);
}

int dro_choose_backup(struct dro_backup **out, bool *stale, struct dro_backup_list *list,
	const struct dro_service *service, const struct dro_backup_policy *policy,
	const struct dro_active *active, const char *wanted, int64_t now_ms, struct dro_error *err)
{
	struct dro_buf reasons = DRO_BUF_INIT(700);
	size_t i;
	int rc;

	*out = NULL;
	/* Oldest first: what a newer one is compared with has been judged by then. */
	for (i = list->count; i-- > 0;)
		if ((rc = judge(list, i, service, policy, active, now_ms, err)) < 0)
			return rc;
	if (wanted) {
		rc = choose_wanted(out, list, wanted, err);
	} else {
		for (i = 0; i < list->count && !*out; i++) {
			if (!*list->items[i].problem && list->items[i].manifest)
				*out = &list->items[i];
			else if (list->items[i].read)
				dro_buf_printf(&reasons, "%s %s: %.100s", reasons.length ? ";" : "",
					list->items[i].id, list->items[i].problem);
		}
		rc = *out ? 0
			  : dro_fail(err, DRO_ENOTFOUND, "policy %s has no good backup%s%s",
				    policy->name, reasons.length ? ":" : "", dro_buf_str(&reasons));
	}
	dro_buf_free(&reasons);
	if (rc == 0)
		*stale = policy->max_age_ms != DRO_UNSET &&
			 now_ms - (*out)->manifest->time_ms > policy->max_age_ms;
	return rc;
}
