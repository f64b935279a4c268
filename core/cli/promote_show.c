#include "cli/promote_show.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/print.h"
#include "engine/engine.h"
#include "model/manifest.h"

#define PLAN_MAX (64u << 20)

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

static void show_backup(
	FILE *out, const struct dro_promote_facts *facts, const struct dro_plan *plan)
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
}

static void show_database(
	FILE *out, const char *title, const struct dro_site *site, const struct dro_data_host *host)
{
	const struct dro_database_seen *seen = &host->seen;

	if (!*host->name)
		dro_print_line(out, "  %-11s %s: no instance is known", title, site->name);
	else if (!seen->answered)
		dro_print_line(
			out, "  %-11s %s on %s: %s", title, site->name, host->name, seen->error);
	else if (seen->primary)
		dro_print_line(out, "  %-11s %s on %s: primary%s%s%s", title, site->name,
			host->name,
			seen->fenced	  ? ", fenced"
			: seen->read_only ? ", read-only"
					  : "",
			seen->semi_sync ? ", semi-synchronous" : "",
			*seen->position ? "" : ", empty");
	else
		dro_print_line(out, "  %-11s %s on %s: replica%s%s%s", title, site->name,
			host->name, seen->replicates ? ", up to date" : ", NOT replicating",
			*seen->trouble ? ": " : "", seen->trouble);
}

/* Of a failover: nobody can be asked for what came since. */
static void show_files(FILE *out, const struct dro_promote_facts *facts)
{
	const struct dro_database_seen *seen = &facts->to_host.seen;
	char age[DRO_DURATION_TEXT];

	if (facts->mode != DRO_PROMOTE_FAILOVER || !seen->files)
		return;
	dro_duration_format(age, seen->files_age_ms);
	if (seen->files_age_ms >= 0)
		dro_print_line(out,
			"  files       as %s had them %s ago; what it got since then is not here",
			facts->from->name, age);
	else
		dro_print_line(out, "  files       NONE: %s never fetched any", facts->to->name);
}

/* Both databases, and what is lost of the old one's writes. */
static void show_databases(FILE *out, const struct dro_promote_facts *facts)
{
	char since[DRO_DURATION_TEXT];
	bool certain;
	int64_t loss = dro_promote_loss(facts, &certain);

	show_database(out, "old", facts->from, &facts->from_host);
	show_database(out, "new", facts->to, &facts->to_host);
	if (certain && loss == 0) {
		fprintf(out, "  data loss   none: %s\n",
			facts->mode == DRO_PROMOTE_SWITCHOVER
				? "writes wait until the new site has the last one"
				: "what was acknowledged was in both places");
		return;
	}
	dro_duration_format(since, facts->now_ms - facts->last.at_ms);
	if (facts->last.at_ms > 0)
		dro_print_line(out,
			"  data loss   %lld writes that %s had %s ago, and what it wrote since "
			"then",
			(long long)loss, facts->from->name, since);
	else
		dro_print_line(
			out, "  data loss   NOT KNOWN: %s was never heard of", facts->from->name);
}

/* Is there a time in which writes are in one place only? */
static bool takes_guard_off(const struct dro_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->step_count; i++)
		if (strcmp(plan->steps[i]->kind, "database.drain") == 0 &&
			strcmp(plan->mode, "switchover") == 0)
			return true;
	return false;
}

/* Nothing is lost by it, and nothing is taken. */
static void show_page(FILE *out, const struct dro_promote_facts *facts)
{
	char text[DRO_PAGE_TEXT], age[DRO_DURATION_TEXT];
	enum dro_page_verdict verdict = dro_promote_page(facts, text);
	size_t i;

	if (facts->to->strategy != DRO_STRATEGY_STATIC_PAGE) {
		dro_print_line(
			out, "  data        none is moved: %s has what it had", facts->to->name);
		return;
	}
	dro_print_line(out, "  page        %s in bucket %s: %s%s%s", facts->to->page,
		facts->to->bucket,
		verdict == DRO_PAGE_READY    ? "ready"
		: verdict == DRO_PAGE_TO_PUT ? "is put first"
					     : "NOT READY",
		*text ? ": " : "", text);
	if (*text && facts->page_known_ms) {
		dro_duration_format(age, (facts->now_ms - facts->page_known_ms) / 1000 * 1000);
		fprintf(out, "              it was seen ready %s ago\n", age);
	}
	dro_print_line(out,
		"  service     shows a notice; takes no writes: nothing is served from data, and "
		"every booking or other request to change something is refused");
	dro_print_line(
		out, "  old site    %s is not fenced: it is left as it is", facts->from->name);
	for (i = 0; i < facts->service->traffic_count; i++)
		if (!dro_promote_serves(facts, &facts->service->traffic[i]))
			dro_print_line(out,
				"  left        %s stays where it is: bucket %s answers to its own "
				"name "
				"only",
				facts->service->traffic[i].name, facts->to->bucket);
}

static void show_loss(FILE *out, const struct dro_promote_facts *facts, const struct dro_plan *plan)
{
	char limit[DRO_DURATION_TEXT];
	int64_t rto;

	if (facts->mode == DRO_PROMOTE_TRAFFIC)
		show_page(out, facts);
	else if (facts->mode == DRO_PROMOTE_COLD)
		show_backup(out, facts, plan);
	else
		show_databases(out, facts);
	show_files(out, facts);
	if (takes_guard_off(plan))
		dro_print_line(out,
			"  meanwhile   %s is stopped to be resized: until it follows again, writes "
			"are on %s alone",
			facts->to->name, facts->from->name);
	if (dro_json_int(plan->facts, "rto_ms", -1, &rto, NULL) == 0 && rto >= 0) {
		dro_duration_format(limit, rto);
		fprintf(out, "  objective   recovery time (RTO) %s\n", limit);
	}
}

static void show_paths(FILE *out, const struct dro_promote_facts *facts, const char *before)
{
	size_t i, j;

	for (i = 0; i < facts->service->traffic_count; i++)
		for (j = 0; j < facts->service->traffic[i].path_count &&
			    dro_promote_serves(facts, &facts->service->traffic[i]);
			j++) {
			fprintf(out, "%s%s (%s%s)", before,
				facts->service->traffic[i].paths[j].provider,
				facts->service->traffic[i].name, j ? ", the way round" : "");
			before = "; ";
		}
}

/* Of the traffic alone. */
static void show_page_needs(FILE *out, const struct dro_promote_facts *facts)
{
	bool page = facts->to->strategy == DRO_STRATEGY_STATIC_PAGE;

	fputs("  depends on  ", out);
	show_paths(out, facts, "");
	if (page)
		fprintf(out, "; the website of bucket %s at %s", facts->to->bucket,
			facts->to->provider);
	fprintf(out, "\n  needs not   git; %s%s%s\n",
		page ? facts->from->name : facts->shown->provider, page ? "; writing to " : "",
		page ? facts->to->provider : "");
}

/* What must be up for this to work. */
static void show_needs(FILE *out, const struct dro_promote_facts *facts)
{
	bool is_other = strcmp(facts->from->provider, facts->to->provider) != 0 ||
			strcmp(facts->from->region, facts->to->region) != 0;

	if (facts->mode == DRO_PROMOTE_TRAFFIC) {
		show_page_needs(out, facts);
		return;
	}
	if (facts->mode == DRO_PROMOTE_COLD)
		fprintf(out, "  depends on  %s in %s (instances); %s (backup)", facts->to->provider,
			facts->to->region, facts->policy->provider);
	else
		fprintf(out, "  depends on  the agent of %s%s%s", facts->to->name,
			facts->mode == DRO_PROMOTE_SWITCHOVER ? "; that of " : "",
			facts->mode == DRO_PROMOTE_SWITCHOVER ? facts->from->name : "");
	show_paths(out, facts, "; ");
	if (dro_promote_grows(facts))
		fprintf(out, "; %s in %s (instances)", facts->to->provider, facts->to->region);
	fputs("\n  needs not   git", out);
	if (is_other && (facts->mode == DRO_PROMOTE_COLD || dro_promote_grows(facts)))
		fprintf(out, "; %s in %s", facts->from->provider, facts->from->region);
	else if (facts->mode != DRO_PROMOTE_COLD && !dro_promote_grows(facts))
		fprintf(out, "; %s%s%s", facts->to->provider,
			strcmp(facts->from->provider, facts->to->provider) != 0 ? "; " : "",
			strcmp(facts->from->provider, facts->to->provider) != 0
				? facts->from->provider
				: "");
	fputc('\n', out);
}

void dro_promote_show(const struct dro_cli *cli, const struct dro_promote_facts *facts,
	const struct dro_plan *plan)
{
	if (cli->json) {
		struct dro_buf text = DRO_BUF_INIT(PLAN_MAX);

		if (dro_plan_print(plan, &text, NULL) == 0)
			printf("%s\n", text.data);
		dro_buf_free(&text);
		return;
	}
	if (strcmp(plan->kind, "rejoin") == 0) {
		printf("Make the database of %s a replica of %s, by %s at most.\n", facts->to->name,
			facts->from->name, facts->allow);
		show_database(stdout, "primary", facts->from, &facts->from_host);
		show_database(stdout, "replica", facts->to, &facts->to_host);
	} else {
		printf("%s %s of %s (%s): %s goes out of service.\n",
			facts->failback ? "Fail back to" : "Promote", facts->to->name,
			facts->service->name, plan->mode, plan->from);
		show_loss(stdout, facts, plan);
		show_needs(stdout, facts);
		dro_print_line(stdout, "  %s  %s%s%s", facts->from->name,
			facts->from_answers ? "answers" : "does not answer",
			*facts->from_heard ? ": " : "", facts->from_heard);
	}
	fputc('\n', stdout);
	show_steps(stdout, plan);
	fputc('\n', stdout);
	fflush(stdout);
}
