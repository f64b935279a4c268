#include "plan/differ.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rdata.h"

#define TEXT_MAX 1000

const char *dro_thing_name(enum dro_thing thing)
{
	static const char *const names[] = {
		"instance", "image", "record", "check", "backup", "database", "page"};

	return names[thing];
}

const char *dro_action_name(enum dro_action action)
{
	static const char *const names[] = {"create", "update", "adopt", "delete"};

	return names[action];
}

const char *dro_finding_name(enum dro_finding_kind kind)
{
	static const char *const names[] = {"unknown", "foreign", "stale", "left"};

	return names[kind];
}

void dro_diff_free(struct dro_diff *diff)
{
	size_t i;

	if (!diff)
		return;
	for (i = 0; i < diff->change_count; i++) {
		free(diff->changes[i].target);
		free(diff->changes[i].was);
		free(diff->changes[i].wanted);
		free(diff->changes[i].step);
	}
	for (i = 0; i < diff->finding_count; i++) {
		free(diff->findings[i].target);
		free(diff->findings[i].text);
	}
	free(diff->marked);
	free(diff->surplus);
	free(diff->changes);
	free(diff->findings);
	free(diff);
}

void differ_no_memory(struct differ *differ)
{
	if (differ->base.rc == 0)
		differ->base.rc = dro_fail(differ->base.err, DRO_ENOMEM, "out of memory");
}

struct dro_step *differ_step(struct differ *differ, const char *kind, const char *target,
	int64_t timeout_ms, const char *id)
{
	struct dro_step *step = dro_build_step(&differ->base, kind, target, timeout_ms, "%s", id);

	if (step) {
		step->class = DRO_STEP_CONTROL_PLANE;
		step->may_fail = !differ->facts->service->safety.rollback;
	}
	return step;
}

/* Room for one more; both lists double at powers of two. */
static bool grow(void **items, size_t count, size_t size)
{
	void *grown;

	if (count & (count - 1))
		return true;
	grown = realloc(*items, (count ? count * 2 : 1) * size);
	if (grown)
		*items = grown;
	return grown;
}

static char *copy(const char *text)
{
	return strdup(text ? text : "");
}

void differ_change(struct differ *differ, const struct dro_change *like)
{
	struct dro_diff *diff = differ->diff;
	struct dro_change *change;

	if (differ->base.rc < 0)
		return;
	if (!grow((void **)&diff->changes, diff->change_count, sizeof(*change))) {
		differ_no_memory(differ);
		return;
	}
	change = &diff->changes[diff->change_count++];
	*change = *like;
	change->target = copy(like->target);
	change->was = copy(like->was);
	change->wanted = copy(like->wanted);
	change->step = copy(like->step);
	if (!change->target || !change->was || !change->wanted || !change->step)
		differ_no_memory(differ);
}

void differ_finding(struct differ *differ, enum dro_finding_kind kind, const char *target,
	const char *format, ...)
{
	struct dro_diff *diff = differ->diff;
	struct dro_finding *finding;
	char text[TEXT_MAX];
	va_list args;

	if (differ->base.rc < 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!grow((void **)&diff->findings, diff->finding_count, sizeof(*finding))) {
		differ_no_memory(differ);
		return;
	}
	finding = &diff->findings[diff->finding_count++];
	*finding = (struct dro_finding){kind, copy(target), copy(text)};
	if (!finding->target || !finding->text)
		differ_no_memory(differ);
}

const struct dro_seen_zone *dro_seen_zone_of(
	const struct dro_observed *seen, const char *provider, const char *name)
{
	const struct dro_seen_zone *best = NULL;
	size_t i;

	for (i = 0; i < seen->zone_count; i++) {
		const struct dro_seen_zone *zone = &seen->zones[i];

		if (!zone->left && strcmp(zone->provider, provider) == 0 &&
			dro_name_in_zone(name, zone->zone) &&
			(!best || strlen(zone->zone) > strlen(best->zone)))
			best = zone;
	}
	return best;
}

/* "2 to create, 1 to update" */
static void summarise(char *out, size_t size, const struct dro_diff *diff)
{
	size_t counts[4] = {0}, i, length;

	for (i = 0; i < diff->change_count; i++)
		counts[diff->changes[i].action]++;
	snprintf(out, size, "nothing to do");
	for (i = length = 0; i < 4 && length < size; i++)
		if (counts[i])
			length += (size_t)snprintf(out + length, size - length, "%s%zu to %s",
				length ? ", " : "", counts[i], dro_action_name(i));
}

static int describe(struct differ *differ)
{
	const struct dro_reconcile_facts *facts = differ->facts;
	struct dro_plan *plan = differ->base.plan;
	char summary[200];

	summarise(summary, sizeof(summary), differ->diff);
	free(plan->mode);
	free(plan->from);
	free(plan->commit);
	free(plan->summary);
	plan->mode = strdup(facts->adopt.count ? "adopt" : "converge");
	plan->from = strdup(facts->active);
	plan->commit = strdup(facts->spec->commit);
	plan->summary = strdup(summary);
	if (!plan->mode || !plan->from || !plan->commit || !plan->summary ||
		!cJSON_AddStringToObject(plan->facts, "spec", facts->spec->digest) ||
		!cJSON_AddBoolToObject(plan->facts, "rollback", facts->service->safety.rollback) ||
		!cJSON_AddNumberToObject(plan->facts, "things", (double)differ->diff->things))
		return dro_fail(differ->base.err, DRO_ENOMEM, "out of memory");
	return 0;
}

static void tell_broken_run(struct differ *differ)
{
	const char *run = differ->facts->broken_run;

	if (run && *run)
		differ_finding(differ, DRO_FINDING_LEFT, run,
			"failed and could not take back all that it did: what it left is compared "
			"with the spec like all else; until the next run `drorch resume %s` takes "
			"it back",
			run);
}

static void compare_all(struct differ *differ)
{
	tell_broken_run(differ);
	differ_instances(differ);
	differ_pages(differ);
	differ_checks(differ);
	differ_records(differ);
	differ_unchecks(differ);
	differ_images(differ);
	differ_backups(differ);
	differ_databases(differ);
}

/* Only what was named: whatever else differs is another run's to end. */
static void compare_adopted(struct differ *differ)
{
	differ_adopt(differ);
	if (differ_adopts_checks(differ) || differ_adopts_records(differ))
		differ_checks(differ); /* which a record may name */
	if (differ_adopts_records(differ))
		differ_records(differ);
}

int dro_plan_reconcile(struct dro_plan **plan, struct dro_diff **diff,
	const struct dro_reconcile_facts *facts, struct dro_error *err)
{
	struct differ differ = {.facts = facts, .base = {.err = err}};

	differ.diff = calloc(1, sizeof(*differ.diff));
	if (!differ.diff)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	differ.base.rc = dro_plan_new(&differ.base.plan, "reconcile", facts->service->name, err);
	if (differ.base.rc == 0 && facts->adopt.count)
		compare_adopted(&differ);
	else if (differ.base.rc == 0)
		compare_all(&differ);
	free(differ.pointers);
	free(differ.adopted);
	if (differ.base.rc == 0)
		differ.base.rc = describe(&differ);
	if (differ.base.rc == 0) {
		*plan = differ.base.plan;
		*diff = differ.diff;
		return 0;
	}
	dro_plan_free(differ.base.plan);
	dro_diff_free(differ.diff);
	return differ.base.rc;
}
