/* A reviewed plan as a file: {"version":1, "drorch":…, "services":[…]}, as `plan -o json` prints.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/reconcile.h"

#define FILE_MAX (64u << 20)

int dro_plan_file_write(const char *path, cJSON *services, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);
	cJSON *json = cJSON_CreateObject();
	int rc;

	cJSON_AddNumberToObject(json, "version", 1);
	cJSON_AddStringToObject(json, "drorch", DRORCH_VERSION);
	cJSON_AddItemToObject(json, "services", services);
	dro_json_print(&text, json);
	dro_buf_puts(&text, "\n");
	if ((rc = dro_buf_check(&text, err)) == 0)
		rc = dro_file_write(path, text.data, text.length, 0600, err);
	dro_buf_free(&text);
	cJSON_Delete(json);
	return rc;
}

/* Of the one service that is meant. */
static int find_plan(const cJSON **out, const cJSON *services, const char *path,
	const char *service, struct dro_error *err)
{
	const cJSON *item;

	*out = NULL;
	if (!service && cJSON_GetArraySize(services) > 1)
		return dro_fail(err, DRO_EINVAL,
			"%s holds the plans of several services: say which by --service", path);
	cJSON_ArrayForEach(item, services)
	{
		if (!service || strcmp(dro_json_text(item, "name"), service) == 0)
			*out = cJSON_GetObjectItemCaseSensitive(item, "plan");
	}
	return *out ? 0
		    : dro_fail(err, DRO_ENOTFOUND, "%s holds no plan%s%s", path,
			      service ? " of " : "", service ? service : "");
}

int dro_plan_file_read(
	struct dro_plan **out, const char *path, const char *service, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX), plan = DRO_BUF_INIT(FILE_MAX);
	const cJSON *services, *found;
	cJSON *json = NULL;
	int64_t version;
	int rc;

	if ((rc = dro_file_read(&text, path, err)) < 0)
		goto out;
	if ((rc = dro_json_parse(&json, dro_buf_str(&text), text.length, FILE_MAX, err)) < 0 ||
		(rc = dro_json_int_need(json, "version", &version, err)) < 0 ||
		(rc = dro_json_array(json, "services", &services, err)) < 0) {
		dro_error_context(err, "%s is no plan of drorch", path);
		goto out;
	}
	if (version != 1) {
		rc = dro_fail(err, DRO_EUNSUPPORTED, "%s is of another version of drorch", path);
		goto out;
	}
	if ((rc = find_plan(&found, services, path, service, err)) < 0)
		goto out;
	dro_json_print(&plan, found);
	if ((rc = dro_buf_check(&plan, err)) == 0 &&
		(rc = dro_plan_parse(out, dro_buf_str(&plan), plan.length, err)) < 0)
		dro_error_context(err, "%s", path);
out:
	cJSON_Delete(json);
	dro_buf_free(&text);
	dro_buf_free(&plan);
	return rc;
}

/* Every mention of the run's own id goes, and the keys made from it. */
static void forget_id(cJSON *json, const char *id)
{
	cJSON *child;

	cJSON_DeleteItemFromObjectCaseSensitive(json, "idem_key");
	cJSON_ArrayForEach(child, json)
	{
		if (cJSON_IsString(child) && strcmp(child->valuestring, id) == 0)
			cJSON_SetValuestring(child, "");
		else
			forget_id(child, id);
	}
}

static cJSON *without_id(const struct dro_plan *plan, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(FILE_MAX);
	cJSON *json = NULL;

	if (dro_plan_print(plan, &text, err) == 0)
		dro_json_parse(&json, dro_buf_str(&text), text.length, FILE_MAX, err);
	if (json)
		forget_id(json, plan->id);
	dro_buf_free(&text);
	return json;
}

/* What a person can do something about, first. */
static int say_what_differs(
	const struct dro_plan *reviewed, const struct dro_plan *now, struct dro_error *err)
{
	const char *what = "what is there is no longer what it was";

	if (strcmp(dro_json_text(reviewed->facts, "spec"), dro_json_text(now->facts, "spec")) != 0)
		what = "the spec was changed";
	else if (strcmp(reviewed->commit, now->commit) != 0)
		what = "the specs are at another commit";
	else if (strcmp(reviewed->from, now->from) != 0)
		what = "another site is active";
	else if (strcmp(dro_json_text(reviewed->facts, "plugins"),
			 dro_json_text(now->facts, "plugins")) != 0)
		what = "a plugin was changed";
	return dro_fail(err, DRO_ECONFLICT,
		"nothing was done: the plan is stale: %s since it was made (then: %s; now: %s). "
		"Make it anew with `drorch plan`",
		what, reviewed->summary, now->summary);
}

int dro_plan_same(
	const struct dro_plan *reviewed, const struct dro_plan *now, struct dro_error *err)
{
	cJSON *a = without_id(reviewed, err), *b = without_id(now, err);
	int rc = 0;

	if (!a || !b)
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
	else if (!cJSON_Compare(a, b, true))
		rc = say_what_differs(reviewed, now, err);
	cJSON_Delete(a);
	cJSON_Delete(b);
	return rc;
}
