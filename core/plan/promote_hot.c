/*
 * Hot: the new site has the data already. A switchover freezes the old one, waits until the new one
 * holds every write, and turns the roles round; a failover takes what the new one has. Both are one
 * graph: a switchover that is downgraded while it runs leaves out its graceful steps (engine.h).
 */
#include "plan/promote_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "plan/replica.h"

/* How long a step may take before it counts as failed. */
enum {
	CATCH_UP_MS = 600000, /* nobody waits for it: writes go on */
	FILES_MS = 3600000,   /* nor for it */
	FREEZE_MS = 10000,
	LAST_FILES_MS = 10000,
	WAIT_MS = 30000,
	PROMOTE_MS = 60000,
	REPROTECT_MS = 60000,
	POWER_MS = 60000,
	BOOT_MS = 900000,
	REJOIN_MS = 4 * 3600000,
};

const struct dro_replication *dro_promote_replication(const struct dro_promote_facts *facts)
{
	const struct dro_service *service = facts->service;
	size_t i;

	if (*facts->to->follows)
		return &facts->to->replication;
	/* Home from a cold site, which follows nobody: as those do who follow the primary. */
	for (i = 0; !*facts->from->follows && i < service->site_count; i++)
		if (strcmp(service->sites[i].follows, facts->to->name) == 0)
			return &service->sites[i].replication;
	return &facts->from->replication;
}

/* Of a cold site nothing stays: nobody is to wait for it once its hosts are ended. */
static bool semi_sync(const struct dro_promote_facts *facts)
{
	return dro_promote_replication(facts)->mode == DRO_REPLICATION_SEMI_SYNC &&
	       facts->from->strategy != DRO_STRATEGY_BACKUP_RESTORE;
}

int64_t dro_promote_loss(const struct dro_promote_facts *facts, bool *certain)
{
	const struct dro_recovery_point *last = &facts->last;
	const struct dro_database_seen *to = &facts->to_host.seen;

	if (facts->mode == DRO_PROMOTE_SWITCHOVER) {
		*certain = true;
		return 0;
	}
	/* With semi-sync nobody was told of a write that the new site has not. */
	*certain = last->at_ms > 0 && strcmp(last->site, facts->from->name) == 0 && last->semi_sync;
	return last->at_ms > 0 && strcmp(last->site, facts->from->name) == 0
		       ? dro_position_missing(
				 last->position, *to->received ? to->received : to->position)
		       : 0;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

/* Does the new site's host not run yet, so that its address is known only when it does? */
static bool starts(const struct dro_promote_facts *facts)
{
	return facts->failback && strcmp(facts->to_host.state, "running") != 0;
}

static void input_old(struct promote *promote, struct dro_step *step, const char *key)
{
	dro_build_input_host(&promote->base, step, key, promote->facts->from,
		&promote->facts->from_host, "", dro_promote_replication(promote->facts)->port);
}

static void input_new(struct promote *promote, struct dro_step *step, const char *key)
{
	dro_build_input_host(&promote->base, step, key, promote->facts->to,
		&promote->facts->to_host, promote->new_address,
		dro_promote_replication(promote->facts)->port);
}

/* Of both, for what undoes the change of roles: the traffic goes back to the old addresses. */
static void input_both(struct promote *promote, struct dro_step *step)
{
	input_old(promote, step, "from");
	input_new(promote, step, "to");
	dro_build_input_json(
		&promote->base, step, "semi_sync", cJSON_CreateBool(semi_sync(promote->facts)));
}

static cJSON *addresses(const struct promote *promote)
{
	if (*promote->new_addresses)
		return cJSON_CreateString(promote->new_addresses);
	return dro_json_strings(promote->facts->addresses, promote->facts->address_count);
}

/* ---- before anything moves ------------------------------------------------------------------- */

static void add_open(struct promote *promote, const struct dro_site *site,
	const struct dro_data_host *host, const char *role)
{
	struct dro_step *step = dro_build_step(
		&promote->base, "agent.open", host->name, PROMOTE_PROBE_MS, "open-%s", site->name);

	if (!step)
		return;
	dro_build_input_host(&promote->base, step, "host", site, host, "",
		dro_promote_replication(promote->facts)->port);
	dro_build_input(&promote->base, step, "role", role);
}

static void add_boot(struct promote *promote)
{
	const struct dro_data_host *host = &promote->facts->to_host;
	bool off = strncmp(host->state, "stop", 4) == 0;
	const char *ids[] = {host->id};
	const char *site = promote->facts->to->name;
	struct dro_step *step;

	if (off) {
		step = dro_build_step(&promote->base, "compute.power", site, POWER_MS, "power-on");
		if (!step)
			return;
		step->class = DRO_STEP_CONTROL_PLANE;
		dro_build_input(&promote->base, step, "site", site);
		dro_build_input_json(&promote->base, step, "ids", dro_json_strings(ids, 1));
		promote_after_prechecks(promote, step);
	}
	step = dro_build_step(&promote->base, "compute.wait", site, BOOT_MS, "boot");
	if (!step)
		return;
	dro_build_input(&promote->base, step, "site", site);
	dro_build_input_json(&promote->base, step, "ids", dro_json_strings(ids, 1));
	if (off)
		dro_build_after(&promote->base, step, "power-on");
	snprintf(promote->new_address, sizeof(promote->new_address), "${boot.addresses}");
	snprintf(promote->new_addresses, sizeof(promote->new_addresses), "${boot.addresses}");
}

/* The old primary, which comes back as a replica: switched on, and made one by the gentlest way. */
static void add_return(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	const struct dro_data_host *host = &facts->to_host;
	struct dro_step *step;

	if (starts(facts))
		add_boot(promote);
	step = dro_build_step(&promote->base, "database.rejoin", host->name, REJOIN_MS, "rejoin");
	if (!step)
		return;
	step->class = DRO_STEP_DATA_PLANE;
	input_new(promote, step, "host");
	input_old(promote, step, "primary");
	dro_build_input(&promote->base, step, "allow", facts->allow);
	dro_build_input_json(&promote->base, step, "semi_sync", cJSON_CreateBool(semi_sync(facts)));
	promote_after_prechecks(promote, step);
	dro_build_after_kind(&promote->base, step, "compute.wait");
}

static void add_prechecks(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	bool planned = facts->mode == DRO_PROMOTE_SWITCHOVER;

	promote_precheck_traffic(promote);
	if (dro_promote_grows(facts))
		promote_grow_prechecks(promote);
	if (planned)
		add_open(promote, facts->from, &facts->from_host, "primary");
	if (facts->failback)
		add_return(promote);
	else
		add_open(promote, facts->to, &facts->to_host, "replica");
}

/* ---- the data -------------------------------------------------------------------------------- */

/* A host that is switched off has what the one beside it has. */
static bool has_files(const struct dro_promote_facts *facts)
{
	const struct dro_database_seen *new = &facts->to_host.seen;

	return new->answered ? new->files : facts->from_host.seen.files;
}

/* What the application keeps beside the database: most of it before the freeze, the rest in it. */
static struct dro_step *add_files(struct promote *promote, bool last)
{
	struct dro_step *step;

	if (!has_files(promote->facts))
		return NULL;
	step = dro_build_step(&promote->base, "files.sync", promote->facts->to->name,
		last ? LAST_FILES_MS : FILES_MS, last ? "sync-files" : "sync-files-ahead");
	if (!step)
		return NULL;
	step->class = DRO_STEP_DATA_PLANE;
	input_new(promote, step, "host");
	dro_build_input_json(&promote->base, step, "last", cJSON_CreateBool(last));
	return step;
}

/* What is done before writes end, so that they end for moments. */
static void add_ahead(struct promote *promote)
{
	struct dro_step *steps[2];
	size_t i;

	steps[0] = dro_build_step(&promote->base, "database.catch-up", promote->facts->to->name,
		CATCH_UP_MS, "catch-up");
	if (!steps[0])
		return;
	input_old(promote, steps[0], "from");
	input_new(promote, steps[0], "to");
	steps[1] = add_files(promote, false);
	for (i = 0; i < 2 && steps[i]; i++) {
		promote_after_prechecks(promote, steps[i]);
		promote_after_growth(promote, steps[i]);
		dro_build_after_kind(&promote->base, steps[i], "database.rejoin");
	}
}

/* Writes end on the old site only when the new one is close behind and all is known that the switch
 * needs: what is frozen waits. */
static void add_freeze(struct promote *promote)
{
	struct dro_step *step;
	char id[160];
	size_t i;

	add_ahead(promote);
	step = dro_build_step(
		&promote->base, "database.freeze", promote->facts->from->name, FREEZE_MS, "freeze");
	if (!step)
		return;
	step->class = DRO_STEP_DATA_PLANE;
	input_old(promote, step, "host");
	dro_build_after(&promote->base, step, "catch-up");
	dro_build_after_kind(&promote->base, step, "files.sync");
	for (i = 0; i < promote->facts->service->traffic_count; i++) {
		snprintf(id, sizeof(id), "find-%s", promote->facts->service->traffic[i].key);
		dro_build_after(&promote->base, step, id);
	}
	step = dro_build_step(
		&promote->base, "database.wait", promote->facts->to->name, WAIT_MS, "wait");
	if (!step)
		return;
	input_new(promote, step, "host");
	dro_build_input(&promote->base, step, "position", "${freeze.position}");
	dro_build_after(&promote->base, step, "freeze");
	step = add_files(promote, true);
	if (step)
		dro_build_after(&promote->base, step, "freeze");
}

static void add_fence(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	bool planned = facts->mode == DRO_PROMOTE_SWITCHOVER;
	struct dro_step *step = promote_fence(promote);

	if (!step)
		return;
	if (*facts->from_host.name) {
		int64_t alone_ms = strcmp(facts->last.site, facts->from->name) == 0
					   ? facts->last.self_fence_ms
					   : 0;

		input_old(promote, step, "host");
		input_new(promote, step, "to");
		dro_build_input_json(&promote->base, step, "self_fence_ms",
			cJSON_CreateNumber((double)alone_ms));
		/* One that did not answer just now is not waited for once more. */
		dro_build_input_json(&promote->base, step, "agent",
			cJSON_CreateBool(planned || facts->from_host.seen.answered));
		step->timeout_ms += alone_ms;
	}
	dro_build_input_json(&promote->base, step, "graceful", cJSON_CreateBool(planned));
	if (planned)
		dro_build_after(&promote->base, step, "freeze");
}

static void add_growth(struct promote *promote)
{
	if (!dro_promote_grows(promote->facts))
		return;
	promote_grow_data(promote);
	promote_grow_end(promote);
}

static void add_data(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	bool planned = facts->mode == DRO_PROMOTE_SWITCHOVER;
	struct dro_step *step;

	if (dro_promote_grows(facts))
		promote_grow(promote);
	if (planned) {
		add_growth(promote);
		add_freeze(promote);
	}
	add_fence(promote);
	if (!planned)
		add_growth(promote);
	step = dro_build_step(
		&promote->base, "database.promote", facts->to->name, PROMOTE_MS, "promote");
	if (!step)
		return;
	step->class = DRO_STEP_DATA_PLANE;
	input_both(promote, step);
	dro_build_input(&promote->base, step, "last", facts->last.position);
	if (planned) {
		dro_build_input(&promote->base, step, "position", "${freeze.position?}");
		dro_build_after(&promote->base, step, "wait");
		dro_build_after_kind(&promote->base, step, "files.sync");
	}
	dro_build_after_kind(&promote->base, step, "site.fence");
	promote_after_prechecks(promote, step);
	promote_after_growth(promote, step);
}

static void add_verify(struct promote *promote)
{
	struct dro_step *step = dro_build_step(&promote->base, "app.verify",
		promote->facts->to->name, PROMOTE_APP_MS, "verify-app");

	if (!step)
		return;
	dro_build_input(&promote->base, step, "site", promote->facts->to->name);
	dro_build_input_json(&promote->base, step, "addresses", addresses(promote));
	dro_build_after(&promote->base, step, "promote");
}

/* The old site follows the new one, beside the switch. It stands behind it in the plan, so that a
 * way back begins with it: the roles first, then the traffic. */
static void add_reprotect(struct promote *promote)
{
	struct dro_step *step = dro_build_step(&promote->base, "database.reprotect",
		promote->facts->from->name, REPROTECT_MS, "reprotect");

	if (!step)
		return;
	step->class = DRO_STEP_DATA_PLANE;
	step->may_fail = true;
	input_both(promote, step);
	dro_build_after(&promote->base, step, "promote");
}

/* ---- the whole ------------------------------------------------------------------------------- */

static char *summary(const struct dro_promote_facts *facts)
{
	char *text;
	int length;

	if (facts->mode == DRO_PROMOTE_SWITCHOVER)
		length = asprintf(&text, "move %s from %s to %s without losing a write",
			facts->service->name, facts->from->name, facts->to->name);
	else
		length = asprintf(&text, "move %s to %s with the writes that it has: %s is gone",
			facts->service->name, facts->to->name, facts->from->name);
	return length < 0 ? NULL : text;
}

static void add_facts(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	cJSON *json = promote->base.plan->facts;
	bool certain;
	int64_t loss = dro_promote_loss(facts, &certain);

	cJSON_AddNumberToObject(json, "writes_lost", (double)loss);
	cJSON_AddBoolToObject(json, "writes_lost_certain", certain);
	cJSON_AddBoolToObject(json, "grows", dro_promote_grows(facts));
	if (facts->mode == DRO_PROMOTE_FAILOVER && facts->to_host.seen.files)
		cJSON_AddItemToObject(json, "files_age_ms",
			facts->to_host.seen.files_age_ms < 0
				? cJSON_CreateNull()
				: cJSON_CreateNumber((double)facts->to_host.seen.files_age_ms));
	/* Only a planned one goes back by itself: of a failover the old site is no way back. */
	cJSON_AddBoolToObject(json, "rollback", facts->mode == DRO_PROMOTE_SWITCHOVER);
	if (facts->mode == DRO_PROMOTE_SWITCHOVER || certain)
		cJSON_AddNumberToObject(json, "recovery_point_ms", 0);
	else if (facts->last.at_ms > 0)
		cJSON_AddNumberToObject(
			json, "recovery_point_ms", (double)(facts->now_ms - facts->last.at_ms));
}

/* The old site must be asked to stop, and the new one be its replica. */
static int check_planned(const struct dro_promote_facts *facts, struct dro_error *err)
{
	const struct dro_database_seen *old = &facts->from_host.seen, *new = &facts->to_host.seen;

	if (!old->answered)
		return dro_fail(err, DRO_ECONFLICT,
			"the agent of %s does not answer (%.200s): a switchover needs it, `--mode "
			"failover` does without",
			facts->from->name, old->error);
	if (!old->primary || old->fenced)
		return dro_fail(err, DRO_ECONFLICT,
			"%s is the active site, but its database is a %s%s: `drorch status` tells "
			"what "
			"happened",
			facts->from->name, old->fenced ? "fenced " : "",
			old->primary ? "primary" : "replica");
	if (facts->failback)
		return 0; /* it is made a replica first */
	if (!new->answered)
		return dro_fail(err, DRO_ECONFLICT, "the agent of %s does not answer: %.300s",
			facts->to->name, new->error);
	if (new->primary || !new->replicates)
		return dro_fail(err, DRO_ECONFLICT,
			"%s does not replicate %s%s%.200s: `drorch rejoin "
			"%s` mends it",
			facts->to->name, facts->from->name, *new->trouble ? ": " : "", new->trouble,
			facts->to->name);
	return 0;
}

static int check_data(const struct dro_promote_facts *facts, struct dro_error *err)
{
	const struct dro_database_seen *new = &facts->to_host.seen;

	if (facts->mode == DRO_PROMOTE_SWITCHOVER)
		return check_planned(facts, err);
	if (!new->answered)
		return dro_fail(err, DRO_ECONFLICT, "the agent of %s does not answer: %.300s",
			facts->to->name, new->error);
	return 0;
}

int promote_plan_hot(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	int rc;

	if (facts->address_count == 0 && !starts(facts))
		return dro_fail(promote->base.err, DRO_ECONFLICT,
			"no instance of %s runs that could take the traffic", facts->to->name);
	if ((rc = check_data(facts, promote->base.err)) < 0)
		return rc;
	add_facts(promote);
	if ((rc = promote_describe(promote, summary(facts))) < 0)
		return rc;
	add_prechecks(promote);
	add_data(promote);
	add_verify(promote);
	promote_switch(promote, addresses);
	if (facts->mode == DRO_PROMOTE_SWITCHOVER)
		add_reprotect(promote);
	promote_end(promote);
	return 0;
}

int dro_plan_rejoin(
	struct dro_plan **out, const struct dro_promote_facts *facts, struct dro_error *err)
{
	struct promote promote = {.facts = facts, .base = {.err = err}};
	char *text;
	int rc;

	if (!*facts->to_host.name)
		return dro_fail(err, DRO_ENOTFOUND, "no instance of %s is known", facts->to->name);
	if ((rc = check_planned(facts, err)) < 0 ||
		(rc = dro_plan_new(&promote.base.plan, "rejoin", facts->service->name, err)) < 0)
		return rc;
	if (asprintf(&text, "make the database of %s a replica of %s", facts->to->name,
		    facts->from->name) < 0)
		text = NULL;
	rc = promote_describe(&promote, text);
	/* It moves nothing: one that fails is over, and stands in nobody's way. */
	cJSON_AddTrueToObject(promote.base.plan->facts, "rollback");
	add_open(&promote, facts->from, &facts->from_host, "primary");
	add_return(&promote);
	return promote_hand_over(out, &promote, rc);
}
