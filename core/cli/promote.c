/* drorch promote SITE: look, plan, show, ask, store the run, and let a worker drive it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/gather.h"
#include "cli/print.h"
#include "cli/worker.h"
#include "engine/engine.h"
#include "engine/start.h"
#include "plan/safety.h"

#define PLAN_MAX (64u << 20)

/* ---- showing --------------------------------------------------------------------------------- */

static void show_steps(FILE *out, const struct dro_plan *plan)
{
	static const char *const columns[] = {"STEP", "WHAT", "ON", "AFTER", NULL};
	struct dro_table *table = dro_table_new(columns);
	size_t i, j;

	for (i = 0; i < plan->step_count; i++) {
		const struct dro_step *step = plan->steps[i];
		struct dro_buf after = DRO_BUF_INIT(4096);

		for (j = 0; j < step->after_count; j++)
			dro_buf_printf(&after, "%s%s", j ? ", " : "", step->after[j]);
		dro_table_cell(table, "%s", step->id);
		dro_table_cell(table, "%s", dro_step_kind(dro_step_kinds, step->kind)->describe);
		dro_table_cell(table, "%s", step->target);
		dro_table_cell(table, "%s", dro_buf_str(&after));
		dro_buf_free(&after);
	}
	dro_table_print(table, out);
	dro_table_free(table);
}

static void show_loss(FILE *out, const struct dro_promote_facts *facts, const struct dro_plan *plan)
{
	const struct dro_manifest *manifest = facts->backup->manifest;
	char time[DRO_TIME_TEXT], age[DRO_DURATION_TEXT], limit[DRO_DURATION_TEXT];
	int64_t rpo;

	dro_time_format(time, manifest->time_ms);
	dro_duration_format(age, facts->now_ms - manifest->time_ms);
	dro_print_line(out, "  backup      %s of %s, taken at %s, %llu bytes, %s", manifest->id,
		facts->policy->name, time, (unsigned long long)manifest->total,
		facts->backup->verified ? "complete and verified" : "NOT verified");
	fprintf(out, "  data loss   what was written in the last %s", age);
	if (dro_json_int(plan->facts, "rpo_ms", -1, &rpo, NULL) == 0 && rpo >= 0) {
		dro_duration_format(limit, rpo);
		fprintf(out, "; the objective (RPO) is %s: %s", limit,
			facts->now_ms - manifest->time_ms <= rpo ? "within it" : "MORE THAN THAT");
	}
	fputc('\n', out);
	if (dro_json_int(plan->facts, "rto_ms", -1, &rpo, NULL) == 0 && rpo >= 0) {
		dro_duration_format(limit, rpo);
		fprintf(out, "  objective   recovery time (RTO) %s\n", limit);
	}
}

/* What must be up for this to work. */
static void show_needs(FILE *out, const struct dro_promote_facts *facts)
{
	size_t i, j;

	fprintf(out, "  depends on  %s in %s (instances); %s (backup)", facts->to->provider,
		facts->to->region, facts->policy->provider);
	for (i = 0; i < facts->service->traffic_count; i++)
		for (j = 0; j < facts->service->traffic[i].path_count; j++)
			fprintf(out, "; %s (%s%s)", facts->service->traffic[i].paths[j].provider,
				facts->service->traffic[i].name, j ? ", the way round" : "");
	fputs("\n  needs not   git", out);
	if (strcmp(facts->from->provider, facts->to->provider) != 0 ||
		strcmp(facts->from->region, facts->to->region) != 0)
		fprintf(out, "; %s in %s", facts->from->provider, facts->from->region);
	fputc('\n', out);
}

static void show_plan(const struct dro_cli *cli, const struct dro_promote_facts *facts,
	const struct dro_plan *plan)
{
	if (cli->json) {
		struct dro_buf text = DRO_BUF_INIT(PLAN_MAX);

		if (dro_plan_print(plan, &text, NULL) == 0)
			printf("%s\n", text.data);
		dro_buf_free(&text);
		return;
	}
	printf("Promote %s of %s (%s): %s goes out of service.\n", facts->to->name,
		facts->service->name, plan->mode, facts->from->name);
	show_loss(stdout, facts, plan);
	show_needs(stdout, facts);
	dro_print_line(stdout, "  %s  %s%s%s", facts->from->name,
		facts->from_answers ? "answers" : "does not answer", *facts->from_heard ? ": " : "",
		facts->from_heard);
	fputc('\n', stdout);
	show_steps(stdout, plan);
	fputc('\n', stdout);
	fflush(stdout);
}

/* ---- doing ----------------------------------------------------------------------------------- */

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

static bool is_confirmed(const struct dro_cli *cli, const struct dro_site *to)
{
	const char *given = dro_cli_value(cli, "confirm");

	return given && strcmp(given, to->name) == 0 && !dro_cli_flag(cli, "dry-run");
}

static int start(struct dro_cli *cli, struct dro_setup *setup, const struct dro_plan *plan,
	struct dro_worker_ready *worker)
{
	struct dro_error err = DRO_ERROR_INIT;
	int news_fd;

	if (dro_run_add(setup->store, plan, NULL, &err) < 0 ||
		dro_worker_start(cli, setup->config, plan->id, worker, &news_fd, &err) < 0)
		return dro_cli_error(cli, &err);
	/* Beside the worker, which waits for the same before it changes anything. */
	if (dro_store_sync(setup->store, &err) < 0)
		dro_cli_error(cli, &err);
	if (!cli->json)
		printf("Run %s\n", plan->id);
	/* While the worker works, and not at the end. */
	dro_setup_free_providers(setup);
	return dro_follow(cli, setup->store, plan->id, news_fd, 0);
}

static int promote(struct dro_cli *cli, struct dro_setup *setup, const struct dro_service *service,
	const struct dro_site *from, const struct dro_site *to, int64_t last_ms, bool *moved)
{
	struct coming coming = {.cli = cli, .setup = setup};
	struct dro_gathered gathered = {0};
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_refusal refusals[DRO_RULES_MAX];
	struct dro_plan *plan = NULL;
	size_t count;
	int rc, looked;

	gathered.facts.spec = setup->spec;
	gathered.facts.service = service;
	gathered.facts.from = from;
	gathered.facts.to = to;
	gathered.facts.last_promote_ms = last_ms;
	if (to->strategy != DRO_STRATEGY_BACKUP_RESTORE) {
		dro_fail(&err, DRO_EUNSUPPORTED,
			"site %s is %s: this version promotes backup-restore sites only", to->name,
			dro_strategy_name(to->strategy));
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	looked = dro_gather(&gathered, setup, dro_cli_value(cli, "backup"),
		is_confirmed(cli, to) ? prepare_worker : NULL, &coming, &err);
	*moved = dro_setup_moved(setup);
	rc = 0;
	if (*moved)
		goto out;
	if (looked < 0 || dro_plan_promote(&plan, &gathered.facts, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	if (!cli->json || dro_cli_flag(cli, "dry-run"))
		show_plan(cli, &gathered.facts, plan);
	count = dro_safety_promote(refusals, &gathered.facts);
	if ((rc = dro_ask_rules(cli, setup->store, plan, refusals, count)) != 0 ||
		dro_cli_flag(cli, "dry-run"))
		goto out;
	if ((rc = dro_ask_confirm(cli, "site", to->name)) == 0)
		rc = start(cli, setup, plan, &coming.worker);
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
	const struct dro_site *site = service ? dro_service_site(service, cli->args[0]) : NULL;

	return site && site->strategy == DRO_STRATEGY_BACKUP_RESTORE;
}

/* `early`: with the spec that is there already; *moved: it was not the newest, nothing was done. */
static int try_promote(struct dro_cli *cli, bool early, bool *moved)
{
	const struct dro_site *from = NULL, *to;
	const struct dro_service *service;
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {.early = early};
	char *active = NULL;
	int64_t last_ms;
	int rc;

	*moved = false;
	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_PROVIDERS)) != 0)
		goto out;
	if (!makes_sense(&setup, cli) && (*moved = dro_setup_moved(&setup)))
		goto out;
	service = dro_setup_service(&setup, cli, dro_cli_value(cli, "service"), &rc);
	if (!service)
		goto out;
	if (dro_run_check_open(setup.store, service->name, "promote", &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	to = dro_service_site(service, cli->args[0]);
	if (dro_setup_active(&active, &last_ms, &setup, service, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	from = dro_service_site(service, active);
	if (!to || !from) {
		rc = no_such_site(cli, service, to ? active : cli->args[0]);
		goto out;
	}
	if (from == to) {
		dro_fail(&err, DRO_ESAFETY, "%s is the active site of %s already", to->name,
			service->name);
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	rc = promote(cli, &setup, service, from, to, last_ms, moved);
out:
	free(active);
	dro_setup_free(&setup);
	return rc;
}

int dro_cmd_promote(struct dro_cli *cli)
{
	bool moved;
	int rc;

	if ((rc = dro_ask_check(cli, cli->args[0])) != 0)
		return rc;
	rc = try_promote(cli, true, &moved);
	return moved ? try_promote(cli, false, &moved) : rc;
}
