/* A pass as people and programs read it. */
#include <string.h>

#include "base/json.h"
#include "cli/print.h"
#include "cli/reconcile.h"

static const char *sign_of(enum dro_action action)
{
	return action == DRO_ACTION_CREATE ? "+" : action == DRO_ACTION_DELETE ? "-" : "~";
}

/* "127.0.0.1 -> 127.0.0.2" */
static void describe(struct dro_buf *out, const struct dro_change *change)
{
	dro_buf_reset(out);
	dro_buf_puts(out, change->was);
	if (*change->was && *change->wanted)
		dro_buf_puts(out, " -> ");
	dro_buf_puts(out, change->wanted);
}

static void print_findings(FILE *out, const struct dro_diff *diff)
{
	size_t i;

	for (i = 0; i < diff->finding_count; i++)
		dro_print_line(out, "  %s: %s %s", dro_finding_name(diff->findings[i].kind),
			diff->findings[i].target, diff->findings[i].text);
}

static void print_heading(FILE *out, const struct dro_service *service, const struct dro_pass *pass)
{
	dro_print_line(out, "%s (%s is active): %s%s", service->name, pass->active,
		pass->plan->summary, pass->diff->change_count ? "." : "");
}

void dro_pass_print(FILE *out, const struct dro_service *service, const struct dro_pass *pass)
{
	static const char *const columns[] = {"", "ACTION", "WHAT", "ON", "DETAIL", NULL};
	struct dro_table *table = dro_table_new(columns);
	struct dro_buf detail = DRO_BUF_INIT(16384);
	size_t i;

	print_heading(out, service, pass);
	print_findings(out, pass->diff);
	for (i = 0; i < pass->diff->change_count; i++) {
		const struct dro_change *change = &pass->diff->changes[i];

		describe(&detail, change);
		dro_table_cell(table, "%s", sign_of(change->action));
		dro_table_cell(table, "%s", dro_action_name(change->action));
		dro_table_cell(table, "%s", dro_thing_name(change->thing));
		dro_table_cell(table, "%s", change->target);
		dro_table_cell(table, "%s", dro_buf_str(&detail));
	}
	if (pass->diff->change_count) {
		fputc('\n', out);
		dro_table_print(table, out);
	}
	if (pass->refusal_count)
		fputc('\n', out);
	for (i = 0; i < pass->refusal_count; i++)
		dro_print_line(out, "  rule %s says no: %s", pass->refusals[i].rule,
			pass->refusals[i].text);
	dro_buf_free(&detail);
	dro_table_free(table);
}

/* Of a table's cell: a bar would end it. */
static void print_cell(FILE *out, const char *text)
{
	const char *bar;

	for (; (bar = strchr(text, '|')); text = bar + 1) {
		char part[400];

		snprintf(part, sizeof(part), "%.*s", (int)(bar - text), text);
		dro_print_safe(out, part);
		fputs("\\|", out);
	}
	dro_print_safe(out, text);
}

void dro_pass_print_markdown(
	FILE *out, const struct dro_service *service, const struct dro_pass *pass)
{
	size_t i;

	fputs("### ", out);
	print_heading(out, service, pass);
	if (pass->diff->change_count)
		fputs("\n| action | what | on | before | after |\n|---|---|---|---|---|\n", out);
	for (i = 0; i < pass->diff->change_count; i++) {
		const struct dro_change *change = &pass->diff->changes[i];
		const char *cells[] = {dro_action_name(change->action),
			dro_thing_name(change->thing), change->target, change->was, change->wanted};
		size_t j;

		for (j = 0; j < sizeof(cells) / sizeof(cells[0]); j++) {
			fputs(j ? " | " : "| ", out);
			print_cell(out, cells[j]);
		}
		fputs(" |\n", out);
	}
	if (pass->diff->finding_count)
		fputc('\n', out);
	for (i = 0; i < pass->diff->finding_count; i++)
		dro_print_line(out, "- **%s** %s %s",
			dro_finding_name(pass->diff->findings[i].kind),
			pass->diff->findings[i].target, pass->diff->findings[i].text);
	if (pass->refusal_count)
		fputc('\n', out);
	for (i = 0; i < pass->refusal_count; i++)
		dro_print_line(out, "**Refused by rule %s**: %s", pass->refusals[i].rule,
			pass->refusals[i].text);
	fputc('\n', out);
}

void dro_pass_print_diff(FILE *out, const struct dro_service *service, const struct dro_pass *pass)
{
	size_t i;

	print_heading(out, service, pass);
	for (i = 0; i < pass->diff->change_count; i++) {
		const struct dro_change *change = &pass->diff->changes[i];

		fputc('\n', out);
		dro_print_line(out, "%s %s", dro_thing_name(change->thing), change->target);
		if (*change->was)
			dro_print_line(out, "- %s", change->was);
		if (*change->wanted)
			dro_print_line(out, "+ %s", change->wanted);
	}
	if (pass->diff->finding_count)
		fputc('\n', out);
	print_findings(out, pass->diff);
}

static void add_changes(cJSON *json, const struct dro_diff *diff)
{
	cJSON *array = cJSON_AddArrayToObject(json, "changes"), *item;
	size_t i;

	for (i = 0; i < diff->change_count; i++) {
		const struct dro_change *change = &diff->changes[i];

		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "action", dro_action_name(change->action));
		cJSON_AddStringToObject(item, "thing", dro_thing_name(change->thing));
		cJSON_AddStringToObject(item, "target", change->target);
		cJSON_AddStringToObject(item, "before", change->was);
		cJSON_AddStringToObject(item, "after", change->wanted);
		cJSON_AddStringToObject(item, "step", change->step);
		cJSON_AddItemToArray(array, item);
	}
}

cJSON *dro_pass_json(const struct dro_service *service, const struct dro_pass *pass)
{
	struct dro_buf text = DRO_BUF_INIT(64u << 20);
	cJSON *json = cJSON_CreateObject(), *array, *item, *plan = NULL;
	size_t i;

	cJSON_AddStringToObject(json, "name", service->name);
	cJSON_AddStringToObject(json, "active", pass->active);
	cJSON_AddStringToObject(json, "summary", pass->plan->summary);
	add_changes(json, pass->diff);
	array = cJSON_AddArrayToObject(json, "findings");
	for (i = 0; i < pass->diff->finding_count; i++) {
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(
			item, "kind", dro_finding_name(pass->diff->findings[i].kind));
		cJSON_AddStringToObject(item, "target", pass->diff->findings[i].target);
		cJSON_AddStringToObject(item, "text", pass->diff->findings[i].text);
		cJSON_AddItemToArray(array, item);
	}
	array = cJSON_AddArrayToObject(json, "refusals");
	for (i = 0; i < pass->refusal_count; i++) {
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "rule", pass->refusals[i].rule);
		cJSON_AddStringToObject(item, "text", pass->refusals[i].text);
		cJSON_AddItemToArray(array, item);
	}
	if (dro_plan_print(pass->plan, &text, NULL) == 0)
		plan = cJSON_Parse(text.data);
	dro_buf_free(&text);
	if (!plan || !cJSON_AddItemToObject(json, "plan", plan)) {
		cJSON_Delete(plan);
		cJSON_Delete(json);
		return NULL;
	}
	return json;
}
