/*
 * drorch adopt: takes over records and instances that carry no mark of ours, and touches nothing
 * else. What of them is not as the spec says is apply's to end.
 */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/reconcile.h"

/* A record may hang on a health check that is apply's to make. A record that the spec does not
 * want is no one to take over; an instance that is ours already leaves nothing to do. */
static int check_only_named(
	const struct dro_adopt *adopt, const struct dro_pass *pass, struct dro_error *err)
{
	size_t i, found = 0;

	for (i = 0; i < pass->diff->change_count; i++) {
		const struct dro_change *change = &pass->diff->changes[i];

		if (change->thing == DRO_THING_CHECK && change->action != DRO_ACTION_ADOPT)
			return dro_fail(err, DRO_ECONFLICT,
				"nothing was done: the health check %s differs as well; `drorch "
				"apply` ends that first, or it is adopted with the record",
				change->target);
		found++;
	}
	for (i = 0; i < adopt->count && !found; i++)
		if (dro_adopt_is_record(adopt->things[i]))
			return dro_fail(err, DRO_ENOTFOUND,
				"the spec wants no such record that is not its own already, or "
				"where it leads cannot be told: instances are adopted first");
	return 0;
}

int dro_cmd_adopt(struct dro_cli *cli)
{
	const struct dro_adopt adopt = {.things = (const char *const *)cli->args + 1,
		.count = (size_t)cli->arg_count - 1,
		.site = dro_cli_value(cli, "site"),
		.group = dro_cli_value(cli, "group")};
	struct dro_reconcile reconcile = {0};
	struct dro_error err = DRO_ERROR_INIT;
	const struct dro_service *service;
	struct dro_pass *pass = NULL;
	int rc;

	if ((rc = dro_ask_check(cli, cli->args[0])) != 0)
		return rc;
	if ((rc = dro_reconcile_open(&reconcile, cli)) != 0)
		goto out;
	service = dro_setup_service(&reconcile.setup, cli, cli->args[0], &rc);
	if (!service)
		goto out;
	if (dro_reconcile_look(&pass, &reconcile, service, &adopt, &err) < 0 ||
		check_only_named(&adopt, pass, &err) < 0)
		rc = dro_cli_error(cli, &err);
	else
		rc = dro_reconcile_do(cli, &reconcile, service, pass, NULL);
out:
	dro_pass_free(pass);
	dro_reconcile_free(&reconcile);
	return rc;
}
