#include <stdio.h>

#include "plan/safety.h"

/* Of a percentage, one change is always allowed: a service of two things could change none. */
static size_t allowed(const struct dro_safety *safety, const struct dro_diff *diff)
{
	size_t share;

	if (safety->max_changes_percent == DRO_UNSET)
		return safety->max_changes == DRO_UNSET ? diff->things
							: (size_t)safety->max_changes;
	share = diff->things * (size_t)safety->max_changes_percent / 100;
	return share < 1 && safety->max_changes_percent > 0 ? 1 : share;
}

/* What is made new harms nothing that is there. */
static size_t count_changed(const struct dro_diff *diff, size_t *deleted)
{
	size_t changed = 0, i;

	*deleted = 0;
	for (i = 0; i < diff->change_count; i++) {
		const struct dro_change *change = &diff->changes[i];

		if (change->action == DRO_ACTION_CREATE || change->expected)
			continue;
		changed++;
		*deleted += change->action == DRO_ACTION_DELETE;
	}
	return changed;
}

static bool max_changes(const struct dro_reconcile_facts *facts, const struct dro_diff *diff,
	char *text, size_t size)
{
	size_t deleted, changed = count_changed(diff, &deleted),
			limit = allowed(&facts->service->safety, diff);

	if (changed <= limit)
		return false;
	snprintf(text, size,
		"%zu of the %zu things of %s would be changed, %zu of them deleted; max_changes "
		"allows %zu",
		changed, diff->things, facts->service->name, deleted, limit);
	return true;
}

static bool active_delete(const struct dro_reconcile_facts *facts, const struct dro_diff *diff,
	char *text, size_t size)
{
	size_t i;

	for (i = 0; i < diff->change_count; i++)
		if (diff->changes[i].active && diff->changes[i].action == DRO_ACTION_DELETE) {
			snprintf(text, size,
				"%s would be deleted, and %s, the active site, uses it",
				diff->changes[i].target, facts->active);
			return true;
		}
	return false;
}

/* An instance that takes the place of a lost one begins empty. */
static bool active_lost(const struct dro_reconcile_facts *facts, const struct dro_diff *diff,
	char *text, size_t size)
{
	size_t i;

	for (i = 0; i < diff->change_count; i++)
		if (diff->changes[i].active && diff->changes[i].action == DRO_ACTION_CREATE) {
			snprintf(text, size,
				"%s, the active site, has no instance left of %s: a new one would "
				"begin without data and take the traffic. `drorch promote` brings "
				"the service back with its data",
				facts->active, diff->changes[i].target);
			return true;
		}
	return false;
}

/* What the comparing has found already; NULL: nothing. */
static bool was_found(const char *what, char *text, size_t size)
{
	if (what)
		snprintf(text, size, "%s", what);
	return what;
}

/* Two would both think that it is theirs. */
static bool foreign_mark(const struct dro_reconcile_facts *facts, const struct dro_diff *diff,
	char *text, size_t size)
{
	(void)facts;
	return was_found(diff->marked, text, size);
}

/* Of a standby that is more than it is to be, the next pass would end the youngest. */
static bool group_full(const struct dro_reconcile_facts *facts, const struct dro_diff *diff,
	char *text, size_t size)
{
	(void)facts;
	return was_found(diff->surplus, text, size);
}

static const struct {
	const char *name;
	bool (*forbids)(const struct dro_reconcile_facts *facts, const struct dro_diff *diff,
		char *text, size_t size);
} rules[] = {
	{"max-changes", max_changes},
	{"active-delete", active_delete},
	{"active-lost", active_lost},
	{"foreign-mark", foreign_mark},
	{"group-full", group_full},
};

size_t dro_safety_reconcile(struct dro_refusal *out, const struct dro_reconcile_facts *facts,
	const struct dro_diff *diff)
{
	size_t count = 0, i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct dro_refusal *refusal = &out[count];

		if (!rules[i].forbids(facts, diff, refusal->text, sizeof(refusal->text)))
			continue;
		refusal->rule = rules[i].name;
		count++;
	}
	return count;
}
