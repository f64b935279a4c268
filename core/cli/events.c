/* drorch events: from the store alone. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/setup.h"

#define EVENTS_SHOWN 50

static int print_event(void *arg, const struct dro_event *event)
{
	const struct dro_cli *cli = arg;
	char time[DRO_TIME_TEXT];

	if (cli->json) {
		cJSON *json = cJSON_CreateObject();

		cJSON_AddNumberToObject(json, "version", 1);
		cJSON_AddNumberToObject(json, "seq", (double)event->seq);
		cJSON_AddNumberToObject(json, "time_ms", (double)event->time_ms);
		cJSON_AddStringToObject(json, "service", event->service);
		cJSON_AddStringToObject(json, "kind", event->kind);
		cJSON_AddStringToObject(json, "run", event->run);
		cJSON_AddStringToObject(json, "text", event->text);
		dro_print_json(stdout, json);
		cJSON_Delete(json);
		return 0;
	}
	dro_time_format(time, event->time_ms / 1000 * 1000);
	dro_print_line(stdout, "%s  %-12s %-8s %s%s%s", time, event->service, event->kind,
		event->run, *event->run ? "  " : "", event->text);
	return 0;
}

int dro_cmd_events(struct dro_cli *cli)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_setup setup = {0};
	int rc;

	if ((rc = dro_setup_open(&setup, cli, DRO_NEED_STORE_READ)) == 0 && setup.store &&
		dro_store_event_list(setup.store, dro_cli_value(cli, "service"), EVENTS_SHOWN,
			print_event, cli, &err) < 0)
		rc = dro_cli_error(cli, &err);
	dro_setup_free(&setup);
	return rc;
}
