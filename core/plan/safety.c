#include "plan/safety.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/marks.h"

/* A rule writes why it forbids the promote, or nothing. */
struct rule {
	const char *name;
	bool (*forbids)(const struct dro_promote_facts *facts, char *text, size_t size);
};

static bool old_site_well(const struct dro_promote_facts *facts, char *text, size_t size)
{
	if (!facts->from_answers || facts->mode == DRO_PROMOTE_SWITCHOVER)
		return false;
	if (facts->mode == DRO_PROMOTE_TRAFFIC) {
		snprintf(text, size, "%s is well (%s): the page would take it out of service",
			facts->from->name, facts->from_heard);
		return facts->to != facts->from;
	}
	if (facts->mode == DRO_PROMOTE_FAILOVER) {
		snprintf(text, size, "%s is well (%s): `--mode switchover` moves without a loss",
			facts->from->name, facts->from_heard);
		return true;
	}
	snprintf(text, size,
		"%s is well (%s): what it was given since the backup would be lost. Move by a "
		"fresh "
		"backup, or switch it off first",
		facts->from->name, facts->from_heard);
	return true;
}

static bool backup_age(const struct dro_promote_facts *facts, char *text, size_t size)
{
	char age[DRO_DURATION_TEXT], limit[DRO_DURATION_TEXT];

	if (!facts->backup || !facts->backup_stale)
		return false;
	dro_duration_format(age, facts->now_ms - facts->backup->manifest->time_ms);
	dro_duration_format(limit, facts->policy->max_age_ms);
	snprintf(text, size, "the newest good backup, %s, is %s old, and %s may be %s at most",
		facts->backup->id, age, facts->policy->name, limit);
	return true;
}

static bool backup_refused(const struct dro_promote_facts *facts, char *text, size_t size)
{
	if (!facts->backup || !*facts->backup->problem)
		return false;
	snprintf(text, size, "backup %s is refused: %s", facts->backup->id, facts->backup->problem);
	return true;
}

/* What the old primary was known to have, and what nobody knows of, against the objective. */
static bool recovery_point(const struct dro_promote_facts *facts, char *text, size_t size)
{
	int64_t rpo = facts->to->objectives.rpo_ms != DRO_UNSET ? facts->to->objectives.rpo_ms
								: facts->service->objectives.rpo_ms;
	int64_t ago = facts->now_ms - facts->last.at_ms, loss;
	char since[DRO_DURATION_TEXT], limit[DRO_DURATION_TEXT];
	bool certain,
		heard = facts->last.at_ms > 0 && strcmp(facts->last.site, facts->from->name) == 0;

	loss = dro_promote_loss(facts, &certain);
	if (facts->mode != DRO_PROMOTE_FAILOVER || rpo == DRO_UNSET || certain)
		return false;
	if (heard && rpo > 0 && ago <= rpo)
		return false;
	dro_duration_format(since, ago);
	dro_duration_format(limit, rpo);
	if (heard)
		snprintf(text, size,
			"%s was last heard of %s ago, without semi-sync: %lld writes of before "
			"then are "
			"not in %s, and those since then are not known; the objective (RPO) is %s",
			facts->from->name, since, (long long)loss, facts->to->name, limit);
	else
		snprintf(text, size,
			"nothing is known of what %s wrote last, so nobody can tell what is lost; "
			"the "
			"objective (RPO) is %s",
			facts->from->name, limit);
	return true;
}

/* What cannot be mended by putting it on the way. */
static bool page_missing(const struct dro_promote_facts *facts, char *text, size_t size)
{
	char why[DRO_PAGE_TEXT];

	if (facts->to->strategy != DRO_STRATEGY_STATIC_PAGE ||
		dro_promote_page(facts, why) != DRO_PAGE_BLOCKED)
		return false;
	snprintf(text, size, "the page of %s: %s", facts->to->name, why);
	return true;
}

static bool foreign_record(const struct dro_promote_facts *facts, char *text, size_t size)
{
	size_t i;

	for (i = 0; i < facts->service->traffic_count; i++) {
		const struct dro_traffic_seen *seen = &facts->traffic[i];
		char *owner = dro_owner_mark(facts->service->name, seen->traffic->key);
		bool foreign = seen->known && (seen->there || seen->value_count > 0) && owner &&
			       strcmp(seen->owner, owner) != 0;

		if (foreign)
			snprintf(text, size,
				"the record %s %s is not marked as ours (its mark is \"%s\", ours "
				"is \"%s\")",
				seen->traffic->name, seen->traffic->type, seen->owner, owner);
		free(owner);
		if (foreign)
			return true;
	}
	return false;
}

static bool cool_down(const struct dro_promote_facts *facts, char *text, size_t size)
{
	int64_t wait = facts->service->safety.cool_down_ms,
		ago = facts->now_ms - facts->last_promote_ms;
	char since[DRO_DURATION_TEXT], limit[DRO_DURATION_TEXT];

	/* Home again is no flapping: a person asked for it by that name. Nor is the end of a page.
	 */
	if (!facts->last_promote_ms || wait <= 0 || ago >= wait || facts->failback || facts->shown)
		return false;
	dro_duration_format(since, ago);
	dro_duration_format(limit, wait);
	snprintf(text, size, "the last promote was %s ago, and the cool-down is %s", since, limit);
	return true;
}

static const struct rule rules[] = {
	{"old-site-well", old_site_well},
	{"backup-age", backup_age},
	{"backup-refused", backup_refused},
	{"recovery-point", recovery_point},
	{"page-missing", page_missing},
	{"foreign-record", foreign_record},
	{"cool-down", cool_down},
};

_Static_assert(sizeof(rules) / sizeof(rules[0]) <= DRO_RULES_MAX, "room for every rule");

size_t dro_safety_promote(struct dro_refusal *out, const struct dro_promote_facts *facts)
{
	size_t count = 0, i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct dro_refusal *refusal = &out[count];

		if (!rules[i].forbids(facts, refusal->text, sizeof(refusal->text)))
			continue;
		refusal->rule = rules[i].name;
		count++;
	}
	return count;
}
