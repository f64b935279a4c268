/*
 * What `status` shows, as facts: "reconcile" of each service, "controller" of none. Written when a
 * visit brought something, for many services in one transaction, once a second at most.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/internal.h"

#define FACT "reconcile"
#define FACT_MAX (256u << 10)
#define FLUSH_MS 1000

void control_event(struct dro_controller *controller, const char *service, const char *run,
	const char *format, ...)
{
	struct dro_buf text = DRO_BUF_INIT(8192);
	struct dro_error err = DRO_ERROR_INIT;
	va_list args;

	va_start(args, format);
	dro_buf_vprintf(&text, format, args);
	va_end(args);
	dro_log(controller->config.log, DRO_LOG_INFO, "%s%s%s%s%s", service, *service ? ": " : "",
		run, *run ? ": " : "", dro_buf_str(&text));
	if (dro_store_event_add(controller->config.store, service, "control", run,
		    dro_buf_str(&text), &err) < 0)
		dro_log(controller->config.log, DRO_LOG_ERROR, "events: %s", err.message);
	dro_buf_free(&text);
}

void control_report(struct dro_controller *controller, struct control_service *service,
	const char *word, const char *format, ...)
{
	struct dro_buf text = DRO_BUF_INIT(16384);
	va_list args;

	(void)controller;
	va_start(args, format);
	dro_buf_vprintf(&text, format, args);
	va_end(args);
	service->word = word;
	snprintf(service->error, sizeof(service->error), "%s", dro_buf_str(&text));
	service->changed = true;
	dro_buf_free(&text);
}

/* ---- writing --------------------------------------------------------------------------------- */

static cJSON *to_json(
	const struct dro_controller *controller, const struct control_service *service)
{
	uint64_t next = dro_schedule_next_ms(controller->schedule, service->name),
		 now = control_now();
	cJSON *json = cJSON_CreateObject(), *seen = NULL;

	cJSON_AddStringToObject(json, "state", service->word);
	cJSON_AddStringToObject(json, "text", service->error);
	cJSON_AddStringToObject(json, "applied", service->applied);
	cJSON_AddStringToObject(json, "attempted", service->attempted);
	cJSON_AddNumberToObject(json, "visited_ms", (double)service->visited_ms);
	cJSON_AddNumberToObject(json, "failures", service->failures);
	if (service->state == CONTROL_RUNNING)
		cJSON_AddStringToObject(json, "run", service->run);
	if (next != UINT64_MAX)
		cJSON_AddNumberToObject(json, "next_ms",
			(double)(dro_wall_ms() + (next > now ? (int64_t)(next - now) : 0)));
	if (service->seen && (seen = cJSON_Duplicate(service->seen, 1)))
		cJSON_AddItemToObject(json, "seen", seen);
	return json;
}

static char *print(const struct dro_controller *controller, const struct control_service *service)
{
	struct dro_buf text = DRO_BUF_INIT(FACT_MAX);
	cJSON *json = to_json(controller, service);
	char *taken;

	dro_json_print(&text, json);
	cJSON_Delete(json);
	taken = dro_buf_take(&text);
	dro_buf_free(&text);
	return taken;
}

void control_report_flush(struct dro_controller *controller)
{
	struct dro_fact *facts = calloc(controller->service_count + 1, sizeof(*facts));
	struct dro_error err = DRO_ERROR_INIT;
	uint64_t now = control_now();
	size_t count = 0, i;

	if (!facts || (now - controller->flush_ms < FLUSH_MS && !controller->stop_ms))
		goto out;
	for (i = 0; i < controller->service_count; i++) {
		struct control_service *service = &controller->services[i];

		if (service->changed && (facts[count].value = print(controller, service))) {
			facts[count].service = service->name;
			facts[count++].key = FACT;
		}
	}
	if (count == 0)
		goto out;
	controller->flush_ms = now;
	if (dro_store_facts_set(controller->config.store, facts, count, &err) < 0) {
		dro_log(controller->config.log, DRO_LOG_ERROR, "status: %s", err.message);
		goto out;
	}
	for (i = 0; i < controller->service_count; i++)
		controller->services[i].changed = false;
out:
	for (i = 0; i < count; i++)
		free((char *)facts[i].value);
	free(facts);
}

void control_report_self(struct dro_controller *controller)
{
	struct dro_buf text = DRO_BUF_INIT(8192);
	struct dro_error err = DRO_ERROR_INIT;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "poll_ms", (double)controller->config.poll_ms);
	cJSON_AddNumberToObject(json, "period_ms", (double)controller->config.period_ms);
	cJSON_AddStringToObject(json, "commit", controller->spec->spec->commit);
	cJSON_AddStringToObject(json, "listen", controller->config.listen);
	dro_json_print(&text, json);
	cJSON_Delete(json);
	if (text.failed || dro_store_fact_set(controller->config.store, "", "controller",
				   dro_buf_str(&text), &err) < 0)
		dro_log(controller->config.log, DRO_LOG_ERROR, "status: %s", err.message);
	dro_buf_free(&text);
	dro_systemd_tell(controller->config.systemd, NULL, "STATUS=%zu services at commit %.12s\n",
		controller->service_count, controller->spec->spec->commit);
}

/* ---- reading, after a start ------------------------------------------------------------------ */

void control_report_load(struct dro_controller *controller, struct control_service *service)
{
	char *text = NULL;
	cJSON *json = NULL;

	if (dro_store_fact_get(controller->config.store, service->name, FACT, &text, NULL, NULL) ==
			0 &&
		dro_json_parse(&json, text, strlen(text), FACT_MAX, NULL) == 0)
		snprintf(service->applied, sizeof(service->applied), "%s",
			dro_json_text(json, "applied"));
	cJSON_Delete(json);
	free(text);
}
