#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "observe/backups.h"

#define FACT "backup-latest"

int dro_backup_remember(struct dro_store *store, const struct dro_service *service,
	const struct dro_backup *backup, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(4096);
	cJSON *json = cJSON_CreateObject();
	char *before = NULL;
	int rc;

	cJSON_AddStringToObject(json, "id", backup->id);
	cJSON_AddNumberToObject(json, "time_ms", (double)backup->manifest->time_ms);
	cJSON_AddBoolToObject(json, "verified", backup->verified);
	dro_json_print(&text, json);
	if ((rc = dro_buf_check(&text, err)) < 0)
		goto out;
	if (dro_store_fact_get(store, service->name, FACT, &before, NULL, NULL) < 0)
		before = NULL;
	if (!before || strcmp(before, text.data) != 0)
		rc = dro_store_fact_set(store, service->name, FACT, text.data, err);
out:
	free(before);
	cJSON_Delete(json);
	dro_buf_free(&text);
	return rc;
}
