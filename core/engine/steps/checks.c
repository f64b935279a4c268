/*
 * check.put {provider, id, version, check, was} -> {id}: makes or changes a provider's health
 * check. check.delete {provider, id, was}
 */
#include "engine/steps/steps.h"

#include <string.h>

static uint32_t kind_of(const char *scheme)
{
	return strcmp(scheme, "https") == 0  ? DRO_CHECK_HTTPS
	       : strcmp(scheme, "http") == 0 ? DRO_CHECK_HTTP
	       : strcmp(scheme, "tcp") == 0  ? DRO_CHECK_TCP
					     : DRO_CHECK_OTHER;
}

/* The first of an array: a reference to a step's addresses is filled in as all of them. */
static const char *address_of(const cJSON *json)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "address");

	if (cJSON_IsArray(item))
		item = item->child;
	return cJSON_IsString(item) ? item->valuestring : "";
}

static int read_check(struct dro_health_check *out, const cJSON *json, struct dro_error *err)
{
	int64_t port, interval, fail_after;
	int rc;

	if ((rc = dro_json_int_need(json, "port", &port, err)) < 0 ||
		(rc = dro_json_int_need(json, "interval_s", &interval, err)) < 0 ||
		(rc = dro_json_int_need(json, "fail_after", &fail_after, err)) < 0)
		return rc;
	*out = (struct dro_health_check){.size = sizeof(*out),
		.kind = kind_of(dro_json_text(json, "scheme")),
		.id = "",
		.version = "",
		.owner = dro_json_text(json, "owner"),
		.address = address_of(json),
		.host = dro_json_text(json, "host"),
		.path = dro_json_text(json, "path"),
		.port = (uint32_t)port,
		.interval_s = (uint32_t)interval,
		.fail_after = (uint32_t)fail_after};
	return 0;
}

static int put(struct dro_step_context *context, const cJSON *json, const char *id,
	const char *version, struct dro_error *err)
{
	struct dro_health_check check;
	struct dro_provider *provider;
	char made[128];
	int rc;

	if ((rc = dro_step_provider(context, &provider, err)) < 0 ||
		(rc = read_check(&check, json, err)) < 0)
		return rc;
	check.id = id;
	check.version = version;
	if ((rc = dro_provider_put_check(
		     provider, &check, made, sizeof(made), &context->call, err)) < 0)
		return rc;
	dro_step_output(context, "id", cJSON_CreateString(made));
	dro_buf_puts(&context->note, made);
	return DRO_STEP_DONE;
}

int dro_step_check_put(struct dro_step_context *context, struct dro_error *err)
{
	const cJSON *check;
	int rc;

	if ((rc = dro_json_object(context->inputs, "check", &check, err)) < 0)
		return rc;
	return put(context, check, dro_json_text(context->inputs, "id"),
		dro_json_text(context->inputs, "version"), err);
}

static int delete_check(struct dro_step_context *context, const char *id, struct dro_error *err)
{
	struct dro_provider *provider;
	int rc;

	if ((rc = dro_step_provider(context, &provider, err)) < 0)
		return rc;
	return dro_provider_delete_check(provider, id, &context->call, err);
}

int dro_step_check_unput(struct dro_step_context *context, struct dro_error *err)
{
	const char *id = dro_json_text(context->outputs, "id");
	const cJSON *was;
	int rc;

	if ((rc = dro_json_object(context->inputs, "was", &was, err)) < 0)
		return rc;
	if (!was)
		return *id ? delete_check(context, id, err) : DRO_STEP_DONE;
	return put(context, was, dro_json_text(context->inputs, "id"), "", err);
}

int dro_step_check_delete(struct dro_step_context *context, struct dro_error *err)
{
	const char *id;
	int rc;

	if ((rc = dro_json_string_need(context->inputs, "id", &id, err)) < 0)
		return rc;
	return delete_check(context, id, err);
}
