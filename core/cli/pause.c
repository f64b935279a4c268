/* drorch pause, unpause: the controller leaves a service alone for a while. */
#include "control/pause.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/setup.h"
#include "cli/who.h"

#define SUMMARY_MAX (4u << 20)
#define LONGEST_MS (30LL * 24 * 3600 * 1000)

/* A pause of a name that nobody knows would be a typing error that is found too late. */
static int check_service(struct dro_store *store, const char *name, struct dro_error *err)
{
	cJSON *summary = NULL;
	const cJSON *service;
	char *text = NULL;
	int rc = dro_store_fact_get(store, "", "spec-summary", &text, NULL, NULL);

	if (rc == 0)
		rc = dro_json_parse(&summary, text, strlen(text), SUMMARY_MAX, err);
	free(text);
	if (rc < 0 && rc != DRO_ENOTFOUND)
		return rc;
	rc = DRO_ENOTFOUND;
	cJSON_ArrayForEach(service, cJSON_GetObjectItemCaseSensitive(summary, "services"))
	{
		if (strcmp(dro_json_text(service, "name"), name) == 0)
			rc = 0;
	}
	cJSON_Delete(summary);
	return rc == 0 ? 0 : dro_fail(err, rc, "the spec has no service \"%s\"", name);
}

static int read_options(struct dro_cli *cli, struct dro_pause *pause)
{
	const char *reason = dro_cli_value(cli, "reason"), *time = dro_cli_value(cli, "for");
	int64_t ms;

	if (!reason || !*reason || !time)
		return dro_cli_usage(cli, "pause needs --reason TEXT and --for TIME");
	if (strlen(reason) >= sizeof(pause->reason))
		return dro_cli_usage(cli, "--reason: at most %zu bytes", sizeof(pause->reason) - 1);
	if (dro_duration_parse(time, &ms) < 0 || ms < 1000 || ms > LONGEST_MS)
		return dro_cli_usage(
			cli, "--for: \"%s\" is no time of 1s to 30d, such as 2h", time);
	dro_who(pause->by);
	memcpy(pause->reason, reason, strlen(reason) + 1);
	pause->since_ms = dro_wall_ms();
	pause->until_ms = pause->since_ms + ms;
	return 0;
}

int dro_cmd_pause(struct dro_cli *cli)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_pause pause = {0};
	struct dro_setup setup = {0};
	char until[DRO_TIME_TEXT];
	int rc;

	if ((rc = read_options(cli, &pause)) != 0)
		return rc;
	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_STORE)) != 0)
		goto out;
	if (check_service(setup.store, cli->args[0], &err) < 0 ||
		dro_pause_begin(setup.store, cli->args[0], &pause, &err) < 0) {
		rc = dro_cli_error(cli, &err);
		goto out;
	}
	dro_time_format(until, pause.until_ms / 1000 * 1000);
	dro_print_line(stdout, "%s is paused until %s. A run that is under way goes on.",
		cli->args[0], until);
out:
	dro_setup_free(&setup);
	return rc;
}

int dro_cmd_unpause(struct dro_cli *cli)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {0};
	char who[128];
	int rc;

	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_STORE)) != 0)
		goto out;
	dro_who(who);
	if (dro_pause_end(setup.store, cli->args[0], who, dro_wall_ms(), &err) < 0)
		rc = dro_cli_error(cli, &err);
	else
		dro_print_line(stdout, "%s is no longer paused.", cli->args[0]);
out:
	dro_setup_free(&setup);
	return rc;
}
