#include <string.h>

#include "base/clock.h"
#include "cli/follow.h"
#include "cli/print.h"

#define OUTCOME_MAX (1u << 20)

/* "1m 12s against an objective of 20m: met". */
static void print_objective(FILE *out, const char *title, const cJSON *outcome,
	const char *actual_key, const char *objective_key)
{
	char actual_text[DRO_DURATION_TEXT], objective_text[DRO_DURATION_TEXT];
	int64_t actual, objective;

	if (dro_json_int(outcome, actual_key, -1, &actual, NULL) < 0 || actual < 0)
		return;
	dro_duration_format(actual_text, actual);
	fprintf(out, "  %-16s%s", title, actual_text);
	if (dro_json_int(outcome, objective_key, -1, &objective, NULL) == 0 && objective >= 0) {
		dro_duration_format(objective_text, objective);
		fprintf(out, ", objective %s: %s", objective_text,
			actual <= objective ? "met" : "MISSED");
	}
	fputc('\n', out);
}

static void print_next(FILE *out, const struct dro_run_row *run)
{
	bool completed = strncmp(run->state, "completed", 9) == 0;
	bool failover = strcmp(run->mode, "failover") == 0 || run->wish == DRO_WISH_DOWNGRADE;

	if (strcmp(run->state, "failed") == 0)
		dro_print_line(out,
			"Next: mend what failed, then `drorch resume %s`; or `drorch abort %s` to "
			"take it back.",
			run->id, run->id);
	else if (completed && strcmp(run->mode, "page") == 0)
		dro_print_line(out,
			"Next: `drorch status`; when a site is well, `drorch failback`, or `drorch "
			"promote` it: the page goes with that.");
	else if (completed && (!*run->to || strcmp(run->kind, "rejoin") == 0 ||
				      strcmp(run->mode, "traffic") == 0))
		dro_print_line(out, "Next: `drorch plan %s` tells whether anything is left to do.",
			run->service);
	else if (completed && failover)
		dro_print_line(out,
			"Next: `drorch status`; when %s is back, `drorch rejoin %s` makes it a "
			"replica, "
			"and `drorch failback` the active site again.",
			run->from, run->from);
	else if (completed && strcmp(run->mode, "switchover") == 0)
		dro_print_line(out,
			"Next: `drorch status`; `drorch promote %s` moves back the same way.",
			run->from);
	else if (completed)
		dro_print_line(out,
			"Next: `drorch status`; take a backup of %s; keep %s off until it has been "
			"put back in order.",
			run->to, run->from);
}

static int parse_outcome(cJSON **out, const struct dro_run_row *run)
{
	return dro_json_parse(out, run->outcome, strlen(run->outcome), OUTCOME_MAX, NULL);
}

void dro_add_outcome(cJSON *json, const struct dro_run_row *run)
{
	cJSON *outcome;

	if (parse_outcome(&outcome, run) == 0)
		cJSON_AddItemToObject(json, "outcome", outcome);
}

void dro_print_outcome(FILE *out, const struct dro_run_row *run)
{
	const cJSON *exceptions, *item;
	cJSON *outcome = NULL;
	const char *error;
	int64_t lost;

	if (parse_outcome(&outcome, run) < 0)
		return;
	fputc('\n', out);
	dro_print_line(out, "Run %s: %s of %s%s%s is %s.", run->id, run->kind, run->service,
		*run->to ? " to " : "", run->to, run->state);
	print_objective(out, "recovery time", outcome, "recovery_time_ms", "rto_ms");
	print_objective(out, "recovery point", outcome, "recovery_point_ms", "rpo_ms");
	if (dro_json_int(outcome, "writes_lost", -1, &lost, NULL) == 0 && lost >= 0)
		dro_print_line(out, "  writes lost     %lld that are known of", (long long)lost);
	if (dro_json_array(outcome, "exceptions", &exceptions, NULL) == 0)
		cJSON_ArrayForEach(item, exceptions) dro_print_line(out, "  exception       %s: %s",
			dro_json_text(item, "step"), dro_json_text(item, "error"));
	error = dro_json_text(outcome, "error");
	if (*error)
		dro_print_line(out, "  because         %s", error);
	print_next(out, run);
	cJSON_Delete(outcome);
}
