/* drorch init DIR: a spec repository to begin with. */
#include "cli/commands.h"
#include "cli/print.h"
#include "spec/starter.h"

static int print_json(const char *dir)
{
	cJSON *json = cJSON_CreateObject(), *files;
	const struct dro_starter_file *file;

	cJSON_AddNumberToObject(json, "version", 1);
	cJSON_AddStringToObject(json, "folder", dir);
	files = cJSON_AddArrayToObject(json, "files");
	for (file = dro_starter_files; file->path; file++)
		cJSON_AddItemToArray(files, cJSON_CreateString(file->path));
	dro_print_json(stdout, json);
	cJSON_Delete(json);
	return DRO_EXIT_OK;
}

int dro_cmd_init(struct dro_cli *cli)
{
	const char *dir = cli->args[0];
	struct dro_error err = DRO_ERROR_INIT;
	const struct dro_starter_file *file;

	if (dro_spec_starter(dir, &err) < 0)
		return dro_cli_error(cli, &err);
	if (cli->json)
		return print_json(dir);
	for (file = dro_starter_files; file->path; file++) {
		dro_print_safe(stdout, dir);
		printf("/%s\n", file->path);
	}
	return DRO_EXIT_OK;
}
