/* drorch accept: lets a commit pass that the rule shrunken-tree refused. */
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/setup.h"
#include "cli/spec_judge.h"
#include "cli/who.h"

int dro_cmd_accept(struct dro_cli *cli)
{
	const char *reason = dro_cli_value(cli, "reason");
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {0};
	char who[128], commit[65];
	int rc;

	if (!reason || !*reason)
		return dro_cli_usage(cli, "accept needs --reason TEXT: it goes on record");
	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_STORE)) != 0)
		goto out;
	dro_who(who);
	if (dro_spec_accept(setup.store, cli->args[0], who, reason, commit, &err) < 0)
		rc = dro_cli_error(cli, &err);
	else
		dro_print_line(stdout,
			"%s is followed from the next poll on. What was taken out of the spec is "
			"left alone, not removed.",
			commit);
out:
	dro_setup_free(&setup);
	return rc;
}
