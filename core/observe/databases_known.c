/* What was heard of databases, kept in the store for the day they cannot be asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "observe/databases.h"

#define POINT "recovery-point"
#define ALL "databases"
#define FACT_MAX (64u << 10)

static void print_point(struct dro_buf *out, const struct dro_site *site,
	const struct dro_database_seen *seen, int64_t now_ms)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "at_ms", (double)now_ms);
	cJSON_AddStringToObject(json, "site", site->name);
	cJSON_AddStringToObject(json, "position", seen->position);
	cJSON_AddBoolToObject(json, "semi_sync", seen->semi_sync);
	cJSON_AddNumberToObject(json, "self_fence_ms", (double)seen->self_fence_ms);
	dro_json_print(out, json);
	cJSON_Delete(json);
}

int dro_recovery_point_set(struct dro_store *store, const struct dro_service *service,
	const struct dro_site *site, const struct dro_database_seen *seen, int64_t now_ms,
	struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(FACT_MAX);
	int rc;

	print_point(&text, site, seen, now_ms);
	if ((rc = dro_buf_check(&text, err)) == 0)
		rc = dro_store_fact_set(store, service->name, POINT, text.data, err);
	dro_buf_free(&text);
	return rc;
}

static cJSON *describe(const struct dro_site *site, const struct dro_data_host *host)
{
	const struct dro_database_seen *seen = &host->seen;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "site", site->name);
	cJSON_AddStringToObject(json, "host", host->name);
	if (!seen->answered) {
		cJSON_AddStringToObject(json, "error", seen->error);
		return json;
	}
	cJSON_AddStringToObject(json, "role", seen->primary ? "primary" : "replica");
	cJSON_AddBoolToObject(json, "fenced", seen->fenced);
	cJSON_AddBoolToObject(json, "open", !seen->read_only);
	cJSON_AddStringToObject(json, "position", seen->position);
	if (seen->primary) {
		cJSON_AddBoolToObject(json, "semi_sync", seen->semi_sync);
		return json;
	}
	cJSON_AddBoolToObject(json, "replicates", seen->replicates);
	cJSON_AddStringToObject(json, "follows", seen->follows);
	cJSON_AddStringToObject(json, "trouble", seen->trouble);
	if (seen->files && seen->files_age_ms >= 0)
		cJSON_AddNumberToObject(json, "files_age_ms", (double)seen->files_age_ms);
	else if (seen->files)
		cJSON_AddNullToObject(json, "files_age_ms");
	if (seen->lag_s >= 0)
		cJSON_AddNumberToObject(json, "lag_s", (double)seen->lag_s);
	else
		cJSON_AddNullToObject(json, "lag_s");
	return json;
}

int dro_databases_remember(struct dro_store *store, const struct dro_service *service,
	const struct dro_data_host *hosts, const char *active, int64_t now_ms,
	struct dro_error *err)
{
	struct dro_buf all = DRO_BUF_INIT(FACT_MAX), point = DRO_BUF_INIT(FACT_MAX);
	struct dro_fact facts[2] = {{service->name, ALL, NULL}};
	cJSON *json = cJSON_CreateObject(), *sites;
	size_t count = 1, i;
	int rc;

	cJSON_AddNumberToObject(json, "at_ms", (double)now_ms);
	sites = cJSON_AddArrayToObject(json, "sites");
	for (i = 0; i < service->site_count; i++) {
		const struct dro_site *site = &service->sites[i];

		if (!*hosts[i].name)
			continue;
		cJSON_AddItemToArray(sites, describe(site, &hosts[i]));
		if (strcmp(site->name, active) == 0 && hosts[i].seen.answered &&
			hosts[i].seen.primary) {
			print_point(&point, site, &hosts[i].seen, now_ms);
			facts[count++] =
				(struct dro_fact){service->name, POINT, dro_buf_str(&point)};
		}
	}
	dro_json_print(&all, json);
	facts[0].value = dro_buf_str(&all);
	if ((rc = dro_buf_check(&all, err)) == 0 && (rc = dro_buf_check(&point, err)) == 0)
		rc = dro_store_facts_set(store, facts, count, err);
	dro_buf_free(&all);
	dro_buf_free(&point);
	cJSON_Delete(json);
	return rc;
}

static int64_t number(const cJSON *json, const char *key)
{
	int64_t value;

	return dro_json_int(json, key, 0, &value, NULL) == 0 ? value : 0;
}

void dro_recovery_point_get(
	struct dro_recovery_point *out, struct dro_store *store, const struct dro_service *service)
{
	char *text = NULL;
	cJSON *json = NULL;

	*out = (struct dro_recovery_point){0};
	if (dro_store_fact_get(store, service->name, POINT, &text, NULL, NULL) == 0 &&
		dro_json_parse(&json, text, strlen(text), FACT_MAX, NULL) == 0) {
		out->at_ms = number(json, "at_ms");
		out->semi_sync = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "semi_sync"));
		out->self_fence_ms = number(json, "self_fence_ms");
		snprintf(out->site, sizeof(out->site), "%s", dro_json_text(json, "site"));
		snprintf(out->position, sizeof(out->position), "%s",
			dro_json_text(json, "position"));
	}
	cJSON_Delete(json);
	free(text);
}
