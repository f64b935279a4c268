#include "model/record.h"

#include <stdlib.h>

#include "base/json.h"

#define VALUES_MAX 10000

cJSON *dro_record_json(const struct dro_record *record)
{
	cJSON *json = cJSON_CreateObject();
	bool whole = json &&
		     cJSON_AddItemToObject(json, "values",
			     dro_json_strings(record->values, record->value_count)) &&
		     cJSON_AddStringToObject(json, "name", record->name) &&
		     cJSON_AddStringToObject(json, "type", record->type) &&
		     cJSON_AddNumberToObject(json, "ttl_s", record->ttl_s) &&
		     cJSON_AddStringToObject(json, "owner", record->owner) &&
		     cJSON_AddBoolToObject(json, "proxied", record->proxied);

	if (whole && *record->set_id)
		whole = cJSON_AddStringToObject(json, "set_id", record->set_id) &&
			cJSON_AddNumberToObject(json, "weight", record->weight) &&
			cJSON_AddNumberToObject(json, "failover", record->failover) &&
			cJSON_AddStringToObject(json, "health_check", record->health_check);
	if (whole && *record->alias)
		whole = cJSON_AddStringToObject(json, "alias", record->alias) &&
			cJSON_AddStringToObject(json, "alias_zone", record->alias_zone) &&
			cJSON_AddBoolToObject(json, "evaluate_health", record->evaluate_health);
	if (whole)
		return json;
	cJSON_Delete(json);
	return NULL;
}

static int read_numbers(struct dro_record *record, const cJSON *json, struct dro_error *err)
{
	int64_t ttl, weight, failover;
	bool proxied, evaluate;
	int rc;

	if ((rc = dro_json_int(json, "ttl_s", 0, &ttl, err)) < 0 ||
		(rc = dro_json_int(json, "weight", 0, &weight, err)) < 0 ||
		(rc = dro_json_int(json, "failover", 0, &failover, err)) < 0 ||
		(rc = dro_json_bool(json, "proxied", false, &proxied, err)) < 0 ||
		(rc = dro_json_bool(json, "evaluate_health", false, &evaluate, err)) < 0)
		return rc;
	if (ttl < 0 || ttl > INT32_MAX || weight < 0 || weight > INT32_MAX || failover < 0 ||
		failover > DRO_FAILOVER_SECONDARY)
		return dro_fail(err, DRO_EPROTO, "a record set with impossible numbers");
	record->ttl_s = (uint32_t)ttl;
	record->weight = (uint32_t)weight;
	record->failover = (uint32_t)failover;
	record->proxied = proxied;
	record->evaluate_health = evaluate;
	return 0;
}

static int read_values(const char ***out, size_t *count, const cJSON *json, struct dro_error *err)
{
	const cJSON *array, *item;
	int rc;

	if ((rc = dro_json_array(json, "values", &array, err)) < 0)
		return rc;
	if (cJSON_GetArraySize(array) > VALUES_MAX)
		return dro_fail(err, DRO_EPROTO, "a record set with too many values");
	*out = calloc((size_t)cJSON_GetArraySize(array) + 1, sizeof(**out));
	if (!*out)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	cJSON_ArrayForEach(item, array)
	{
		if (!cJSON_IsString(item))
			return dro_fail(err, DRO_EPROTO, "a record set's values are strings");
		(*out)[(*count)++] = item->valuestring;
	}
	return 0;
}

int dro_record_read(struct dro_record_list *out, const cJSON *json, struct dro_error *err)
{
	struct dro_record record = {.size = sizeof(record), .id = ""};
	const char **values = NULL;
	int rc;

	if ((rc = dro_json_string_need(json, "name", &record.name, err)) < 0 ||
		(rc = dro_json_string_need(json, "type", &record.type, err)) < 0 ||
		(rc = read_numbers(&record, json, err)) < 0 ||
		(rc = read_values(&values, &record.value_count, json, err)) < 0)
		goto out;
	record.values = values;
	record.set_id = dro_json_text(json, "set_id");
	record.owner = dro_json_text(json, "owner");
	record.health_check = dro_json_text(json, "health_check");
	record.alias = dro_json_text(json, "alias");
	record.alias_zone = dro_json_text(json, "alias_zone");
	rc = dro_record_list_add(out, &record, err);
out:
	free(values);
	return rc;
}

int dro_records_read(struct dro_record_list *out, const cJSON *array, struct dro_error *err)
{
	const cJSON *item;
	int rc;

	cJSON_ArrayForEach(item, array) if ((rc = dro_record_read(out, item, err)) < 0) return rc;
	return 0;
}

void dro_record_describe(struct dro_buf *out, const cJSON *json)
{
	const cJSON *values = cJSON_GetObjectItemCaseSensitive(json, "values"), *item;
	int64_t number;
	bool first = true;

	if (cJSON_IsString(values))
		dro_buf_puts(out, "the addresses of the new instances");
	cJSON_ArrayForEach(item, values)
	{
		dro_buf_printf(out, "%s%s", first ? "" : ", ", item->valuestring);
		first = false;
	}
	if (*dro_json_text(json, "alias"))
		dro_buf_printf(out, "alias of %s", dro_json_text(json, "alias"));
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "proxied")))
		dro_buf_puts(out, " proxied");
	if (dro_json_int(json, "ttl_s", 0, &number, NULL) == 0 && number)
		dro_buf_printf(out, " ttl %llds", (long long)number);
	if (*dro_json_text(json, "set_id") && dro_json_int(json, "weight", 0, &number, NULL) == 0)
		dro_buf_printf(out, " weight %lld", (long long)number);
	if (*dro_json_text(json, "health_check"))
		dro_buf_puts(out, " checked");
}
