#include "control/pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pool.h"
#include "observe/backups.h"
#include "observe/databases.h"
#include "observe/known.h"
#include "observe/pages.h"

/* Which site is active: *given where a promote made it so. */
static int find_active(
	struct dro_pass *pass, bool *given, const struct dro_pass_ask *ask, struct dro_error *err)
{
	const struct dro_site *primary = dro_service_primary(ask->service);
	char *active = NULL;
	int rc = dro_store_fact_get(
		ask->store, ask->service->name, "active-site", &active, NULL, err);

	*given = rc == 0;
	if (rc < 0 && rc != DRO_ENOTFOUND)
		return rc;
	snprintf(pass->active, sizeof(pass->active), "%s",
		active	  ? active
		: primary ? primary->name
			  : "");
	free(active);
	return 0;
}

/* Where the active site is a page, which one stands behind it. */
static int find_behind(struct dro_pass *pass, const struct dro_pass_ask *ask, struct dro_error *err)
{
	const struct dro_site *active = dro_service_site(ask->service, pass->active);
	char *behind = NULL;
	int rc;

	if (!active || active->strategy != DRO_STRATEGY_STATIC_PAGE)
		return 0;
	if ((rc = dro_page_behind(&behind, ask->store, ask->service, err)) == 0)
		snprintf(pass->behind, sizeof(pass->behind), "%s", behind);
	free(behind);
	return rc;
}

/* Those that are ready, for the day their store does not answer. */
static int remember_pages(
	const struct dro_pass_ask *ask, const struct dro_observed *seen, struct dro_error *err)
{
	char text[DRO_PAGE_TEXT];
	size_t i;
	int rc = 0;

	for (i = 0; i < seen->site_count && rc == 0; i++) {
		const struct dro_seen_site *site = &seen->sites[i];

		if (site->page && !site->page_error &&
			dro_page_judge(site->page, ask->service->name, site->site, text) ==
				DRO_PAGE_READY)
			rc = dro_page_remember(
				ask->store, ask->service, site->site, dro_wall_ms(), err);
	}
	return rc;
}

/* The newest good one of all policies. */
static int remember_backup(
	const struct dro_pass_ask *ask, const struct dro_observed *seen, struct dro_error *err)
{
	const struct dro_backup *newest = NULL;
	size_t i;

	for (i = 0; i < seen->backup_count; i++) {
		const struct dro_backup *good =
			seen->backups[i].error ? NULL : dro_backup_newest(seen->backups[i].list);

		if (good && (!newest || good->manifest->time_ms > newest->manifest->time_ms))
			newest = good;
	}
	return newest ? dro_backup_remember(ask->store, ask->service, newest, err) : 0;
}

/* What is seen of instances is what the inventory tells while no provider answers. */
static int remember(
	const struct dro_pass_ask *ask, const struct dro_observed *seen, struct dro_error *err)
{
	size_t i, j, count;
	int rc = 0;

	for (i = 0; i < seen->site_count && rc == 0; i++) {
		const struct dro_seen_site *site = &seen->sites[i];
		const struct dro_known_scope scope = {
			.service = ask->service, .site = site->site->name};
		struct dro_known_entry *entries;

		if (site->error)
			continue;
		entries = calloc(site->count + 1, sizeof(*entries));
		if (!entries)
			return dro_fail(err, DRO_ENOMEM, "out of memory");
		for (j = count = 0; j < site->count; j++)
			if (site->instances[j]->id[0] != '?')
				entries[count++] =
					(struct dro_known_entry){site->site, site->instances[j]};
		rc = dro_known_instances_set(ask->store, &scope, entries, count, err);
		free(entries);
	}
	if (rc == 0)
		rc = remember_pages(ask, seen, err);
	return rc < 0 ? rc : remember_backup(ask, seen, err);
}

#define DATABASES_MS 8000 /* an agent that is away must not hold the pass up */

/* After the instances are known: where the agents are hangs on them. */
static int look_databases(struct dro_data_host **out, const struct dro_pass_ask *ask,
	const struct dro_pass *pass, int64_t now_ms, struct dro_error *err)
{
	uint64_t soon = dro_now_ms() + DATABASES_MS;
	int rc;

	*out = NULL;
	if (!ask->sessions)
		return 0;
	rc = dro_databases_look(out, ask->sessions, ask->store, ask->service,
		soon < ask->deadline_ms ? soon : ask->deadline_ms, err);
	return rc < 0 || !*out ? rc
			       : dro_databases_remember(ask->store, ask->service, *out,
					 *pass->behind ? pass->behind : pass->active, now_ms, err);
}

/* Beside the comparing, where that needs nothing of it. */
struct remembering {
	const struct dro_pass_ask *ask;
	const struct dro_observed *seen;
	struct dro_error err;
	int rc;
};

static void remember_beside(void *arg)
{
	struct remembering *remembering = arg;

	remembering->rc = remember(remembering->ask, remembering->seen, &remembering->err);
}

static int look(struct dro_pass *pass, struct dro_reconcile_facts *facts,
	const struct dro_pass_ask *ask, bool launching, struct dro_error *err)
{
	const struct dro_look_at at = {.accounts = ask->accounts,
		.store = ask->store,
		.log = ask->log,
		.spec = ask->spec,
		.service = ask->service,
		.fresh_ms = ask->fresh_ms,
		.deadline_ms = ask->deadline_ms,
		.launching = launching};
	bool with_databases = ask->sessions && dro_service_replicates(ask->service);
	struct remembering beside = {.ask = ask, .err = DRO_ERROR_INIT};
	struct dro_data_host *databases = NULL;
	struct dro_observed *seen = NULL;
	struct dro_pool *pool;
	int rc;

	if ((rc = dro_observe(&seen, ask->observer, &at, err)) < 0)
		return rc;
	facts->seen = beside.seen = seen;
	if ((rc = dro_pool_new(&pool, 1, err)) < 0)
		goto out;
	if (!with_databases)
		rc = dro_pool_submit(pool, remember_beside, &beside, err);
	else if ((rc = remember(ask, seen, err)) == 0)
		rc = look_databases(&databases, ask, pass, facts->now_ms, err);
	seen->databases = databases;
	if (rc == 0 && (rc = dro_plan_reconcile(&pass->plan, &pass->diff, facts, err)) == 0)
		pass->refusal_count = dro_safety_reconcile(pass->refusals, facts, pass->diff);
	seen->databases = NULL;
	dro_pool_free(pool);
	if (rc == 0 && (rc = beside.rc) < 0 && err)
		*err = beside.err;
out:
	dro_observed_free(seen);
	free(databases);
	return rc;
}

static void forget_plan(struct dro_pass *pass)
{
	dro_plan_free(pass->plan);
	dro_diff_free(pass->diff);
	pass->plan = NULL;
	pass->diff = NULL;
}

int dro_pass_look(struct dro_pass **out, const struct dro_pass_ask *ask, struct dro_error *err)
{
	struct dro_reconcile_facts facts = {.spec = ask->spec,
		.service = ask->service,
		.now_ms = dro_wall_ms(),
		.adopt = ask->adopt};
	struct dro_pass *pass = calloc(1, sizeof(*pass));
	uint64_t began_ms = dro_now_ms();
	char broken[DRO_RUN_ID_MAX];
	int rc;

	if (!pass)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	facts.active = pass->active;
	facts.behind = pass->behind;
	facts.broken_run = broken;
	if ((rc = dro_run_check_open(ask->store, ask->service->name, DRO_KIND_RECONCILE, err)) <
			0 ||
		(rc = dro_run_newest(ask->store, ask->service->name, pass->newest, err)) < 0 ||
		(rc = dro_run_broken(ask->store, ask->service->name, broken, err)) < 0 ||
		(rc = find_active(pass, &facts.active_given, ask, err)) < 0 ||
		(rc = find_behind(pass, ask, err)) < 0 ||
		(rc = look(pass, &facts, ask, ask->adopt.count > 0, err)) < 0)
		goto out;
	/* Only who launches needs to know from what, and what may be there already: most passes do
	 * not. */
	if (pass->diff->wants_images) {
		forget_plan(pass);
		if ((rc = look(pass, &facts, ask, true, err)) < 0)
			goto out;
	}
	if (ask->plugins && !cJSON_AddStringToObject(pass->plan->facts, "plugins", ask->plugins)) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	dro_log(ask->log, DRO_LOG_INFO, "%s: %zu things looked at, %zu differ: %llu ms",
		ask->service->name, pass->diff->things, pass->diff->change_count,
		(unsigned long long)(dro_now_ms() - began_ms));
	*out = pass;
	pass = NULL;
out:
	dro_pass_free(pass);
	return rc;
}

void dro_pass_free(struct dro_pass *pass)
{
	if (!pass)
		return;
	forget_plan(pass);
	free(pass);
}

int dro_pass_store(struct dro_pass *pass, const struct dro_pass_ask *ask, struct dro_error *err)
{
	return dro_run_add(ask->store, pass->plan, pass->newest, err);
}
