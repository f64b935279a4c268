/*
 * drorch promote SITE, failback, rejoin SITE: look, plan, show, ask, store the run, and let a
 * worker drive it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/gather.h"
#include "cli/promote_show.h"
#include "cli/worker.h"
#include "engine/engine.h"
#include "engine/start.h"
#include "observe/pages.h"
#include "plan/safety.h"

enum intent { PROMOTE, FAILBACK, REJOIN };

/* While the looking goes on: with the site's name given, a worker will be needed. */
struct coming {
	const struct dro_cli *cli;
	const struct dro_setup *setup;
	struct dro_worker_ready worker;
};

static void prepare_worker(void *arg)
{
	struct coming *coming = arg;

	dro_worker_prepare(
		&coming->worker, coming->cli, coming->setup->config, coming->setup->spec->commit);
}

/* Agents refuse who comes with an older epoch than they have heard of: of another store, or by
 * hand. facts->epoch is the next one then. */
static int catch_up_epoch(
	const struct dro_setup *setup, struct dro_promote_facts *facts, struct dro_error *err)
{
	int64_t heard = facts->from_host.seen.epoch > facts->to_host.seen.epoch
				? facts->from_host.seen.epoch
				: facts->to_host.seen.epoch;
	struct dro_lease lease = {0};
	bool alive;
	int rc = dro_store_lease_get(setup->store, facts->service->name, &lease, &alive, err);

	if (rc < 0 && rc != DRO_ENOTFOUND)
		return rc;
	facts->epoch = 1 + (heard > (int64_t)lease.epoch ? heard : (int64_t)lease.epoch);
	if (rc == DRO_ENOTFOUND || heard <= (int64_t)lease.epoch)
		return 0;
	return dro_store_epoch_raise(setup->store, facts->service->name, (uint64_t)heard, err);
}

static bool is_confirmed(const struct dro_cli *cli, const struct dro_site *to)
{
	const char *given = dro_cli_value(cli, "confirm");

	return given && strcmp(given, to->name) == 0 && !dro_cli_flag(cli, "dry-run");
}

/* How a site takes over: from a backup, or with the data that it has; as a page, or from one that
 * stands before it, with the traffic alone. */
static enum dro_promote_mode mode_of(const struct dro_promote_facts *facts)
{
	if (facts->to->strategy == DRO_STRATEGY_STATIC_PAGE || facts->to == facts->from)
		return DRO_PROMOTE_TRAFFIC;
	return facts->to->strategy == DRO_STRATEGY_BACKUP_RESTORE ? DRO_PROMOTE_COLD
								  : DRO_PROMOTE_SWITCHOVER;
}

/* --mode, where it is given. 0 or an enum dro_exit. */
static int take_mode(struct dro_gathered *gathered, struct dro_cli *cli)
{
	const char *given = dro_cli_value(cli, "mode");
	struct dro_promote_facts *facts = &gathered->facts;

	facts->mode = mode_of(facts);
	facts->as_is = dro_cli_flag(cli, "as-is");
	if (!given)
		return 0;
	if (facts->mode == DRO_PROMOTE_COLD)
		return dro_cli_usage(
			cli, "%s is rebuilt from a backup: leave --mode out", facts->to->name);
	if (facts->mode == DRO_PROMOTE_TRAFFIC)
		return dro_cli_usage(cli, "only the traffic moves: leave --mode out");
	if (strcmp(given, "failover") == 0)
		facts->mode = DRO_PROMOTE_FAILOVER;
	else if (strcmp(given, "switchover") != 0)
		return dro_cli_usage(cli, "--mode is switchover or failover, not %s", given);
	gathered->mode_given = true;
	return 0;
}

static int make_plan(struct dro_plan **plan, const struct dro_promote_facts *facts,
	enum intent intent, struct dro_error *err)
{
	return intent == REJOIN ? dro_plan_rejoin(plan, facts, err)
				: dro_plan_promote(plan, facts, err);
}

/* Shows the plan, and asks; 0: it is to be done. */
static int ask(struct dro_cli *cli, struct dro_setup *setup, const struct dro_promote_facts *facts,
	const struct dro_plan *plan, enum intent intent)
{
	struct dro_refusal refusals[DRO_RULES_MAX];
	size_t count;
	int rc;

	if (!cli->json || dro_cli_flag(cli, "dry-run"))
		dro_promote_show(cli, facts, plan);
	count = intent == REJOIN ? 0 : dro_safety_promote(refusals, facts);
	if ((rc = dro_ask_rules(cli, setup->store, plan, refusals, count)) != 0 ||
		dro_cli_flag(cli, "dry-run"))
		return rc;
	return dro_ask_confirm(cli, "site", facts->to->name);
}

/* `facts` has what the caller knows. */
static int promote(struct dro_cli *cli, struct dro_setup *setup,
	const struct dro_promote_facts *facts, enum intent intent, bool *moved)
{
	struct coming coming = {.cli = cli, .setup = setup};
	struct dro_gathered gathered = {.facts = *facts, .wanted = dro_cli_value(cli, "backup")};
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_plan *plan = NULL;
	int rc, looked;

	if (intent != PROMOTE) {
		gathered.facts.mode = mode_of(facts) == DRO_PROMOTE_TRAFFIC
					      ? DRO_PROMOTE_TRAFFIC
					      : DRO_PROMOTE_SWITCHOVER;
		gathered.mode_given = true;
	} else if ((rc = take_mode(&gathered, cli)) != 0) {
		goto out;
	}
	looked = dro_gather(&gathered, setup, is_confirmed(cli, facts->to) ? prepare_worker : NULL,
		&coming, &err);
	*moved = dro_setup_moved(setup);
	rc = 0;
	if (*moved)
		goto out;
	if (looked < 0 || catch_up_epoch(setup, &gathered.facts, &err) < 0 ||
		make_plan(&plan, &gathered.facts, intent, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	if ((rc = ask(cli, setup, &gathered.facts, plan, intent)) == 0 &&
		!dro_cli_flag(cli, "dry-run"))
		rc = dro_worker_run(cli, setup, plan, NULL, &coming.worker);
out:
	dro_worker_dismiss(&coming.worker);
	dro_plan_free(plan);
	dro_gathered_free(&gathered);
	return rc;
}

static int no_such_site(
	const struct dro_cli *cli, const struct dro_service *service, const char *name)
{
	struct dro_buf sites = DRO_BUF_INIT(300); /* of very many, the first */
	struct dro_error err = DRO_ERROR_INIT;
	size_t i;

	for (i = 0; i < service->site_count; i++)
		dro_buf_printf(&sites, "%s%s", i ? ", " : "", service->sites[i].name);
	dro_fail(&err, DRO_ENOTFOUND, "service %s has no site \"%s\"; it has %s", service->name,
		name, dro_buf_str(&sites));
	dro_buf_free(&sites);
	return dro_cli_error(cli, &err);
}

/* Has the spec what the command line names, so that looking makes sense? */
static bool makes_sense(const struct dro_setup *setup, const struct dro_cli *cli)
{
	const char *name = dro_cli_value(cli, "service");
	const struct dro_service *service = name ? dro_spec_service(setup->spec, name)
					    : setup->spec->service_count == 1
						    ? &setup->spec->services[0]
						    : NULL;

	return service && (!cli->arg_count || dro_service_site(service, cli->args[0]));
}

/* ---- a switchover that hangs -------------------------------------------------------------------
 */

static int keep_switchover(void *arg, const struct dro_run_row *run)
{
	struct dro_run_row *found = arg;

	snprintf(found->id, DRO_RUN_ID_MAX, "%s", run->id);
	return 1;
}

/* The service's switchover to the site, under way: `id` gets it. */
static bool switchover_runs(char id[DRO_RUN_ID_MAX], struct dro_store *store,
	const struct dro_service *service, const struct dro_site *to)
{
	struct dro_run_row *run = NULL;
	struct dro_run_row found = {.id = id};
	enum dro_run_state state;
	bool is = false;

	*id = '\0';
	if (dro_store_run_list(store, service->name, 1, keep_switchover, &found, NULL) >= 0 &&
		*id && dro_store_run_get(store, id, &run, NULL) == 0)
		is = dro_run_state_parse(run->state, &state, NULL) == 0 && !dro_run_ended(state) &&
		     strcmp(run->mode, "switchover") == 0 && strcmp(run->to, to->name) == 0;
	dro_run_row_free(run);
	return is;
}

/* It goes on as a failover: what waits for the old site is left out. */
static int downgrade(
	struct dro_cli *cli, struct dro_setup *setup, const char *run, const struct dro_site *to)
{
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	if (!cli->json)
		printf("Run %s, a switchover to %s, is under way: it goes on as a failover, "
		       "without "
		       "waiting for the old site.\n",
			run, to->name);
	if ((rc = dro_ask_confirm(cli, "site", to->name)) != 0)
		return rc;
	if (dro_store_run_wish_set(setup->store, run, DRO_WISH_DOWNGRADE, &err) < 0)
		return dro_cli_error(cli, &err);
	return dro_follow(cli, setup->store, run, -1, 0);
}

/* ---- the commands ------------------------------------------------------------------------------
 */

/* While the active site is a page: that, and the one behind it, which has the data. */
static int look_behind(
	struct dro_promote_facts *facts, const struct dro_setup *setup, struct dro_error *err)
{
	char *behind = NULL;
	int rc;

	if (!facts->from || facts->from->strategy != DRO_STRATEGY_STATIC_PAGE)
		return 0;
	facts->shown = facts->from;
	if ((rc = dro_page_behind(&behind, setup->store, facts->service, err)) < 0)
		return rc;
	facts->from = dro_service_site(facts->service, behind);
	if (!facts->from)
		rc = dro_fail(err, DRO_ENOTFOUND,
			"the spec has no site \"%s\" any more, which was active before the page",
			behind);
	free(behind);
	return rc;
}

/* The site that is meant, and the active one. 0 or an enum dro_exit. */
static int find_sites(struct dro_cli *cli, const struct dro_setup *setup,
	struct dro_promote_facts *facts, enum intent intent)
{
	const struct dro_service *service = facts->service;
	struct dro_error err = DRO_ERROR_INIT;
	const struct dro_site *has;
	char *active = NULL;
	int rc = 0;

	if (dro_setup_active(&active, &facts->last_promote_ms, setup, service, &err) < 0)
		return dro_cli_error(cli, &err);
	facts->from = dro_service_site(service, active);
	facts->to = intent == FAILBACK ? dro_service_primary(service)
				       : dro_service_site(service, cli->args[0]);
	if (!facts->to || !facts->from) {
		rc = no_such_site(cli, service, facts->to ? active : cli->args[0]);
		goto out;
	}
	if (look_behind(facts, setup, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	has = facts->shown && intent != REJOIN ? facts->shown : facts->from;
	if (has == facts->to) {
		dro_fail(&err, DRO_ESAFETY, "%s is the active site of %s already", facts->to->name,
			service->name);
		rc = dro_cli_error(cli, &err);
	}
out:
	free(active);
	return rc;
}

static int take_allow(struct dro_cli *cli, struct dro_promote_facts *facts)
{
	static const char *const words[] = {"follow", "flashback", "reseed"};
	const char *given = dro_cli_value(cli, "allow");
	size_t i;

	facts->allow = given ? given : "reseed";
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(facts->allow, words[i]) == 0)
			return 0;
	return dro_cli_usage(cli, "--allow is follow, flashback or reseed, not %s", given);
}

/* `early`: with the spec that is there already; *moved: it was not the newest, nothing was done. */
static int try_promote(struct dro_cli *cli, enum intent intent, bool early, bool *moved)
{
	struct dro_promote_facts facts = {.failback = intent != PROMOTE};
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {.early = early};
	const char *mode = dro_cli_value(cli, "mode");
	bool failover = mode && strcmp(mode, "failover") == 0;
	char run[DRO_RUN_ID_MAX];
	int rc, open;

	*moved = false;
	if ((rc = take_allow(cli, &facts)) != 0 ||
		(rc = dro_setup_open(&setup, cli, DRO_NEED_PROVIDERS)) != 0)
		goto out;
	if (!makes_sense(&setup, cli) && (*moved = dro_setup_moved(&setup)))
		goto out;
	facts.spec = setup.spec;
	facts.service = dro_setup_service(&setup, cli, dro_cli_value(cli, "service"), &rc);
	if (!facts.service)
		goto out;
	open = dro_run_check_open(setup.store, facts.service->name, "promote", &err);
	if (open < 0 && (open != DRO_EBUSY || !failover)) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	if ((rc = find_sites(cli, &setup, &facts, intent)) != 0)
		goto out;
	if (open < 0)
		rc = switchover_runs(run, setup.store, facts.service, facts.to)
			     ? downgrade(cli, &setup, run, facts.to)
			     : dro_cli_error(cli, &err);
	else
		rc = promote(cli, &setup, &facts, intent, moved);
out:
	dro_setup_free(&setup);
	return rc;
}

static int run_intent(struct dro_cli *cli, enum intent intent)
{
	bool moved;
	int rc;

	if ((rc = dro_ask_check(cli, cli->arg_count ? cli->args[0] : "SITE")) != 0)
		return rc;
	rc = try_promote(cli, intent, true, &moved);
	return moved ? try_promote(cli, intent, false, &moved) : rc;
}

int dro_cmd_promote(struct dro_cli *cli)
{
	return run_intent(cli, PROMOTE);
}

int dro_cmd_failback(struct dro_cli *cli)
{
	return run_intent(cli, FAILBACK);
}

int dro_cmd_rejoin(struct dro_cli *cli)
{
	return run_intent(cli, REJOIN);
}
