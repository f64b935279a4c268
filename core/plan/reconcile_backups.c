/* Backups: is the newest good one young enough, and which are kept no longer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "plan/differ.h"

#define DELETE_MS 600000

/* One rule of retention: the newest of each day, week or month, so many of them. */
struct span {
	int left;
	int64_t last; /* the day, week or month that was met last */
};

static int64_t day_of(int64_t time_ms)
{
	return time_ms / 86400000;
}

/* Weeks begin on Mondays; 1 January 1970 was a Thursday. */
static int64_t week_of(int64_t time_ms)
{
	return (day_of(time_ms) + 3) / 7;
}

static int64_t month_of(int64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm parts;

	gmtime_r(&seconds, &parts);
	return (int64_t)parts.tm_year * 12 + parts.tm_mon;
}

/* Is it the first that is met of its span, and is the span still among those kept? */
static bool takes(struct span *span, int64_t now)
{
	if (span->left <= 0 || span->last == now)
		return false;
	span->last = now;
	span->left--;
	return true;
}

static void check_age(
	struct differ *differ, const struct dro_seen_backups *seen, const struct dro_backup *newest)
{
	char age[DRO_DURATION_TEXT], limit[DRO_DURATION_TEXT];
	int64_t ms;

	if (!newest) {
		differ_finding(
			differ, DRO_FINDING_STALE, seen->policy->name, "there is no good backup");
		return;
	}
	ms = differ->facts->now_ms - newest->manifest->time_ms;
	if (seen->policy->max_age_ms == DRO_UNSET || ms <= seen->policy->max_age_ms)
		return;
	dro_duration_format(age, ms);
	dro_duration_format(limit, seen->policy->max_age_ms);
	differ_finding(differ, DRO_FINDING_STALE, seen->policy->name,
		"the newest good backup, %s, is %s old, and may be %s at most", newest->id, age,
		limit);
}

static void remove_backup(struct differ *differ, const struct dro_backup_policy *policy,
	const struct dro_backup *backup)
{
	struct dro_step *step;
	char id[300], text[300];

	snprintf(text, sizeof(text), "prune-%s-%s", policy->name, backup->id);
	dro_build_id(id, sizeof(id), text);
	step = differ_step(differ, "backup.delete", backup->id, DELETE_MS, id);
	if (!step)
		return;
	dro_build_input(&differ->base, step, "policy", policy->name);
	dro_build_input(&differ->base, step, "id", backup->id);
	snprintf(text, sizeof(text), "%s of %s", backup->id, policy->name);
	differ_change(differ, &(struct dro_change){.thing = DRO_THING_BACKUP,
				      .action = DRO_ACTION_DELETE,
				      .target = text,
				      .was = "kept no longer",
				      .step = step->id});
}

/* Newest first; only sets that were finished count, and only those older than the newest good one
 * go. */
static void prune(
	struct differ *differ, const struct dro_seen_backups *seen, const struct dro_backup *newest)
{
	const struct dro_backup_policy *policy = seen->policy;
	struct span days = {policy->keep_daily, -1}, weeks = {policy->keep_weekly, -1},
		    months = {policy->keep_monthly, -1};
	size_t i;

	for (i = 0; newest && i < seen->list->count; i++) {
		const struct dro_backup *backup = &seen->list->items[i];
		int64_t time_ms = dro_backup_id_time(backup->id);
		bool day, week, month;

		if (!backup->finished || time_ms < 0)
			continue;
		day = takes(&days, day_of(time_ms));
		week = takes(&weeks, week_of(time_ms));
		month = takes(&months, month_of(time_ms));
		if (day || week || month || backup <= newest)
			continue;
		if (*backup->problem)
			differ_finding(differ, DRO_FINDING_LEFT, policy->name,
				"%s is kept no longer, and is left for people to look at: %s",
				backup->id, backup->problem);
		else
			remove_backup(differ, policy, backup);
	}
}

void differ_backups(struct differ *differ)
{
	size_t i;

	for (i = 0; i < differ->facts->seen->backup_count && differ->base.rc == 0; i++) {
		const struct dro_seen_backups *seen = &differ->facts->seen->backups[i];
		const struct dro_backup *newest;

		if (seen->error) {
			differ_finding(differ, DRO_FINDING_UNKNOWN, seen->policy->name,
				"its backups could not be listed: %s", seen->error);
			continue;
		}
		newest = dro_backup_newest(seen->list);
		differ->diff->things += seen->list->count;
		check_age(differ, seen, newest);
		if (seen->policy->retention_given)
			prune(differ, seen, newest);
	}
}
