/* The functions behind the command table; each stands in the file named in front of it. */
#ifndef DRORCH_CLI_COMMANDS_H
#define DRORCH_CLI_COMMANDS_H

#include "cli/cli.h"

/* validate.c, schema.c, init.c */
int dro_cmd_validate(struct dro_cli *cli);
int dro_cmd_schema(struct dro_cli *cli);
int dro_cmd_init(struct dro_cli *cli);
/* plugins.c, backup.c */
int dro_cmd_plugins(struct dro_cli *cli);
int dro_cmd_backup_list(struct dro_cli *cli);
int dro_cmd_backup_verify(struct dro_cli *cli);
/* plan.c, apply.c */
int dro_cmd_plan(struct dro_cli *cli);
int dro_cmd_diff(struct dro_cli *cli);
int dro_cmd_apply(struct dro_cli *cli);
int dro_cmd_adopt(struct dro_cli *cli);
/* image.c, image_list.c */
int dro_cmd_image_build(struct dro_cli *cli);
int dro_cmd_image_list(struct dro_cli *cli);
/* promote.c, drive.c, worker.c */
int dro_cmd_promote(struct dro_cli *cli);
int dro_cmd_failback(struct dro_cli *cli);
int dro_cmd_rejoin(struct dro_cli *cli);
int dro_cmd_attach(struct dro_cli *cli);
int dro_cmd_resume(struct dro_cli *cli);
int dro_cmd_abort(struct dro_cli *cli);
int dro_cmd_worker(struct dro_cli *cli);
/* controller.c, pause.c, accept.c */
int dro_cmd_controller(struct dro_cli *cli);
int dro_cmd_pause(struct dro_cli *cli);
int dro_cmd_unpause(struct dro_cli *cli);
int dro_cmd_accept(struct dro_cli *cli);
/* runs.c, status.c, events.c, inventory.c */
int dro_cmd_runs(struct dro_cli *cli);
int dro_cmd_show(struct dro_cli *cli);
int dro_cmd_status(struct dro_cli *cli);
int dro_cmd_events(struct dro_cli *cli);
int dro_cmd_inventory(struct dro_cli *cli);

/* help.c, completion.c, man.c */
int dro_cmd_help(struct dro_cli *cli);
int dro_cmd_version(struct dro_cli *cli);
int dro_cmd_completion(struct dro_cli *cli);
int dro_cmd_man(struct dro_cli *cli);

#endif
