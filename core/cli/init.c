/* drorch init DIR: a spec repository to begin with. */
#include "cli/commands.h"
#include "cli/print.h"
#include "spec/starter.h"

int dro_cmd_init(struct dro_cli *cli)
{
	const char *dir = cli->args[0];
	struct dro_error err = DRO_ERROR_INIT;
	const struct dro_starter_file *file;

	if (dro_spec_starter(dir, &err) < 0)
		return dro_cli_error(cli, &err);
	for (file = dro_starter_files; file->path; file++) {
		dro_print_safe(stdout, dir);
		printf("/%s\n", file->path);
	}
	return dro_cli_finish(DRO_EXIT_OK);
}
