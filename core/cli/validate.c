/* drorch validate [PATH]: is the spec repository well? */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/print.h"
#include "cli/setup.h"
#include "provider/provider.h"
#include "repo/repo.h"
#include "spec/load.h"

#define TEXT_MAX (8u << 20)

static void print_report(const struct dro_report *report)
{
	struct dro_buf text = DRO_BUF_INIT(TEXT_MAX);

	dro_report_print(report, &text);
	fputs(dro_buf_str(&text), stdout);
	dro_buf_free(&text);
}

static cJSON *item_json(const struct dro_report_item *item)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "file", item->file);
	cJSON_AddNumberToObject(json, "line", item->line);
	cJSON_AddNumberToObject(json, "column", item->column);
	cJSON_AddStringToObject(json, "message", item->message);
	return json;
}

static void print_json(const struct dro_spec *spec, const struct dro_report *report)
{
	cJSON *json = cJSON_CreateObject(), *errors = cJSON_AddArrayToObject(json, "errors");
	size_t i;

	cJSON_AddNumberToObject(json, "version", 1);
	cJSON_AddBoolToObject(json, "valid", spec != NULL);
	cJSON_AddNumberToObject(json, "services", spec ? (double)spec->service_count : 0);
	cJSON_AddNumberToObject(json, "providers", spec ? (double)spec->account_count : 0);
	for (i = 0; i < report->count; i++)
		cJSON_AddItemToArray(errors, item_json(&report->items[i]));
	cJSON_AddNumberToObject(json, "dropped", (double)report->dropped);
	dro_print_json(stdout, json);
	cJSON_Delete(json);
}

static void print_summary(const struct dro_spec *spec)
{
	size_t i, sites = 0;

	for (i = 0; i < spec->service_count; i++)
		sites += spec->services[i].site_count;
	printf("The spec is valid: %zu service%s, %zu site%s, %zu provider%s.\n",
		spec->service_count, spec->service_count == 1 ? "" : "s", sites,
		sites == 1 ? "" : "s", spec->account_count, spec->account_count == 1 ? "" : "s");
}

/* ---- what only the plugins know ----------------------------------------------------------------
 */

static void add_problem(void *arg, const struct dro_place *place, const char *message)
{
	dro_report_add(arg, place, "%s", message);
}

/* A spec may be checked where not every plugin is; what is there has its say. */
static void check_account(struct dro_registry *registry, const char *folder,
	const struct dro_account *account, struct dro_report *report)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s.so", folder, account->plugin) < 0)
		return;
	if (access(path, F_OK) == 0)
		dro_registry_check_account(registry, account, add_problem, report);
	else
		dro_print_line(stderr,
			"%s:%d:%d: warning: there is no plugin \"%s\" here, so the settings of %s "
			"are "
			"not checked; `drorch plugins` lists those there are",
			account->place.file, account->place.line, account->place.column,
			account->plugin, account->name);
	free(path);
}

/* The settings of every account; what is wrong goes to the report. */
static int check_plugins(struct dro_cli *cli, const struct dro_spec *spec,
	struct dro_report *report, struct dro_error *err)
{
	struct dro_registry_config config = {.log = &cli->log};
	struct dro_registry *registry = NULL;
	struct dro_setup setup = {0};
	size_t i;
	int rc = 0;

	/* Its message was written: the spec is judged all the same. */
	if (dro_setup_open(&setup, cli, DRO_NEED_CONFIG) != 0)
		goto out;
	config.plugin_dir = setup.config->plugins;
	if (access(config.plugin_dir, F_OK) < 0) {
		dro_print_line(stderr,
			"warning: there are no plugins here (%s), so the providers' settings are "
			"not "
			"checked",
			config.plugin_dir);
		goto out;
	}
	if ((rc = dro_registry_new(&registry, &config, err)) < 0)
		goto out;
	for (i = 0; i < spec->account_count; i++)
		check_account(registry, config.plugin_dir, &spec->accounts[i], report);
	dro_report_sort(report);
	if (dro_report_total(report))
		rc = dro_fail(err, DRO_EINVAL, "the spec has %zu error%s", dro_report_total(report),
			dro_report_total(report) == 1 ? "" : "s");
out:
	dro_registry_free(registry);
	dro_setup_free(&setup);
	return rc;
}

/* A spec is good without it; the last resort is not. */
static void warn_of_pages(const struct dro_spec *spec)
{
	size_t i, j;

	for (i = 0; i < spec->service_count; i++)
		for (j = 0; j < spec->services[i].site_count; j++) {
			const struct dro_site *site = &spec->services[i].sites[j];

			if (site->strategy == DRO_STRATEGY_STATIC_PAGE && !site->page_data)
				dro_print_line(stderr,
					"%s:%d:%d: warning: there is no file %s in this "
					"repository: %s could not be promoted",
					site->place.file, site->place.line, site->place.column,
					site->page, site->name);
		}
}

int dro_cmd_validate(struct dro_cli *cli)
{
	const char *path = cli->arg_count ? cli->args[0] : dro_cli_value(cli, "repo");
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_report report = DRO_REPORT_INIT;
	struct dro_tree *tree = NULL;
	struct dro_spec *spec = NULL;
	int rc, exit_code = DRO_EXIT_OK;

	rc = dro_repo_read_dir(path ? path : ".", &tree, &err);
	if (rc == 0)
		rc = dro_spec_load(&spec, tree, &report, &err);
	if (rc == 0 && (rc = check_plugins(cli, spec, &report, &err)) < 0) {
		dro_spec_free(spec);
		spec = NULL;
	}
	if (rc < 0 && !dro_report_total(&report)) {
		exit_code = dro_cli_error(cli, &err);
		goto out;
	}
	if (spec)
		warn_of_pages(spec);
	if (cli->json)
		print_json(spec, &report);
	else if (spec)
		print_summary(spec);
	else
		print_report(&report);
	if (rc < 0)
		exit_code = cli->json ? DRO_EXIT_ERROR : dro_cli_error(cli, &err);
out:
	dro_spec_free(spec);
	dro_report_fini(&report);
	dro_tree_free(tree);
	return exit_code;
}
