/* drorch plugins: what is in the plugin folder, and what was refused. */
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/setup.h"
#include "provider/provider.h"

struct shown {
	const struct dro_cli *cli;
	cJSON *json;
	bool refused;
};

static void print_options(const struct dro_plugin_info *info)
{
	size_t i;

	for (i = 0; i < info->option_count; i++) {
		const struct dro_option *option = info->options[i];

		dro_print_line(stdout, "    %s%-20s %s%s%s%s%s",
			option->flags & DRO_OPTION_CREDENTIAL ? "credentials." : "", option->name,
			option->help, option->flags & DRO_OPTION_REQUIRED ? " (required)" : "",
			option->fallback ? " (default: " : "",
			option->fallback ? option->fallback : "", option->fallback ? ")" : "");
	}
}

static cJSON *plugin_json(const struct dro_plugin_info *info)
{
	cJSON *json = cJSON_CreateObject(), *list;
	size_t i;

	cJSON_AddStringToObject(json, "name", info->name);
	if (info->refused) {
		cJSON_AddStringToObject(json, "refused", info->refused);
		return json;
	}
	cJSON_AddStringToObject(json, "version", info->version);
	list = cJSON_AddArrayToObject(json, "abi");
	cJSON_AddItemToArray(list, cJSON_CreateNumber(info->abi_major));
	cJSON_AddItemToArray(list, cJSON_CreateNumber(info->abi_minor));
	list = cJSON_AddArrayToObject(json, "capabilities");
	for (i = 0; info->capabilities[i]; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(info->capabilities[i]));
	list = cJSON_AddArrayToObject(json, "options");
	for (i = 0; i < info->option_count; i++) {
		const struct dro_option *option = info->options[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", option->name);
		cJSON_AddStringToObject(item, "help", option->help);
		cJSON_AddBoolToObject(item, "required", (option->flags & DRO_OPTION_REQUIRED) != 0);
		cJSON_AddBoolToObject(
			item, "credential", (option->flags & DRO_OPTION_CREDENTIAL) != 0);
		if (option->fallback)
			cJSON_AddStringToObject(item, "default", option->fallback);
		cJSON_AddItemToArray(list, item);
	}
	return json;
}

static int show(void *arg, const struct dro_plugin_info *info)
{
	struct dro_buf capabilities = DRO_BUF_INIT(4096);
	struct shown *shown = arg;
	size_t i;

	shown->refused = shown->refused || info->refused;
	if (shown->cli->json) {
		cJSON_AddItemToArray(shown->json, plugin_json(info));
		return 0;
	}
	if (info->refused) {
		dro_print_line(stdout, "%s  REFUSED: %s", info->name, info->refused);
		return 0;
	}
	for (i = 0; info->capabilities[i]; i++)
		dro_buf_printf(&capabilities, "%s%s", i ? ", " : "", info->capabilities[i]);
	dro_print_line(stdout, "%s %s  ABI %u.%u  %s", info->name, info->version, info->abi_major,
		info->abi_minor, dro_buf_str(&capabilities));
	dro_buf_free(&capabilities);
	print_options(info);
	return 0;
}

int dro_cmd_plugins(struct dro_cli *cli)
{
	struct shown shown = {.cli = cli, .json = cJSON_CreateArray()};
	struct dro_registry *registry = NULL;
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {0};
	struct dro_registry_config config = {0};
	int rc;

	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_CONFIG)) != 0)
		goto out;
	config.plugin_dir = setup.config->plugins;
	config.log = &setup.log;
	if (dro_registry_new(&registry, &config, &err) < 0 ||
		dro_registry_list(registry, show, &shown, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	if (cli->json) {
		dro_print_json_list(stdout, "plugins", shown.json);
		shown.json = NULL;
	}
	rc = shown.refused ? DRO_EXIT_ERROR : DRO_EXIT_OK;
out:
	dro_registry_free(registry);
	cJSON_Delete(shown.json);
	dro_setup_free(&setup);
	return rc;
}
