#include "model/graph.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define MAX_STEPS 100000
#define MAX_PLAN_BYTES (64u << 20)
#define KEY_BYTES 64 /* EC2's ClientToken, the shortest of the providers' limits */

static int no_memory(struct dro_error *err)
{
	return dro_fail(err, DRO_ENOMEM, "out of memory");
}

static void step_free(struct dro_step *step)
{
	size_t i;

	if (!step)
		return;
	for (i = 0; i < step->after_count; i++)
		free(step->after[i]);
	free(step->after);
	free(step->id);
	free(step->kind);
	free(step->target);
	free(step->idem_key);
	free(step->region);
	cJSON_Delete(step->inputs);
	free(step);
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct dro_step *)a)->id, ((const struct dro_step *)b)->id);
}

static void nothing(void *step)
{
	(void)step;
}

void dro_plan_free(struct dro_plan *plan)
{
	size_t i;

	if (!plan)
		return;
	tdestroy(plan->by_id, nothing);
	for (i = 0; i < plan->step_count; i++)
		step_free(plan->steps[i]);
	free(plan->steps);
	free(plan->id);
	free(plan->kind);
	free(plan->mode);
	free(plan->service);
	free(plan->from);
	free(plan->to);
	free(plan->commit);
	free(plan->summary);
	cJSON_Delete(plan->facts);
	free(plan);
}

/* A plan whose every string is set, or NULL. */
static struct dro_plan *empty_plan(void)
{
	struct dro_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return NULL;
	plan->id = strdup("");
	plan->kind = strdup("");
	plan->mode = strdup("");
	plan->service = strdup("");
	plan->from = strdup("");
	plan->to = strdup("");
	plan->commit = strdup("");
	plan->summary = strdup("");
	plan->facts = cJSON_CreateObject();
	if (plan->id && plan->kind && plan->mode && plan->service && plan->from && plan->to &&
		plan->commit && plan->summary && plan->facts)
		return plan;
	dro_plan_free(plan);
	return NULL;
}

static bool set(char **field, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return false;
	free(*field);
	*field = copy;
	return true;
}

int dro_plan_new(
	struct dro_plan **out, const char *kind, const char *service, struct dro_error *err)
{
	struct dro_plan *plan = empty_plan();
	char id[15] = "r-";

	dro_random_id(id + 2, 12);
	if (!plan || !set(&plan->id, id) || !set(&plan->kind, kind) ||
		!set(&plan->service, service)) {
		dro_plan_free(plan);
		return no_memory(err);
	}
	*out = plan;
	return 0;
}

const struct dro_step *dro_plan_step(const struct dro_plan *plan, const char *id)
{
	const struct dro_step wanted = {.id = (char *)id};
	void *found = tfind(&wanted, &plan->by_id, compare_ids);

	return found ? *(struct dro_step **)found : NULL;
}

/* "<run>-<step>", or where that is too long "<run>-" and as much of its SHA-256 as fits. */
static char *make_key(const char *run, const char *step)
{
	char *key = NULL, hex[DRO_SHA256_HEX];

	if (asprintf(&key, "%s-%s", run, step) < 0)
		return NULL;
	if (strlen(key) <= KEY_BYTES)
		return key;
	if (dro_sha256_hex(hex, key, strlen(key)) < 0) {
		free(key);
		return NULL;
	}
	snprintf(key, KEY_BYTES + 1, "%s-%s", run, hex);
	return key;
}

int dro_plan_add(struct dro_plan *plan, struct dro_step **out, const char *id, const char *kind,
	const char *target, int64_t timeout_ms, struct dro_error *err)
{
	struct dro_step **steps, *step;

	if (!*id ||
		strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") !=
			strlen(id))
		return dro_fail(err, DRO_EINVAL, "\"%s\" cannot be a step's id", id);
	if (dro_plan_step(plan, id))
		return dro_fail(err, DRO_EINVAL, "two steps are called \"%s\"", id);
	if (plan->step_count >= MAX_STEPS)
		return dro_fail(err, DRO_EINVAL, "a plan of more than %d steps", MAX_STEPS);
	steps = realloc(plan->steps, (plan->step_count + 1) * sizeof(*steps));
	if (!steps)
		return no_memory(err);
	plan->steps = steps;
	step = calloc(1, sizeof(*step));
	if (!step)
		return no_memory(err);
	step->id = strdup(id);
	step->kind = strdup(kind);
	step->target = strdup(target);
	step->region = strdup("");
	step->inputs = cJSON_CreateObject();
	step->idem_key = make_key(plan->id, id);
	step->timeout_ms = timeout_ms;
	step->index = plan->step_count;
	if (!step->id || !step->kind || !step->target || !step->region || !step->inputs ||
		!step->idem_key || !tsearch(step, &plan->by_id, compare_ids)) {
		step_free(step);
		return no_memory(err);
	}
	plan->steps[plan->step_count++] = step;
	*out = step;
	return 0;
}

int dro_step_after(
	struct dro_plan *plan, struct dro_step *step, const char *id, struct dro_error *err)
{
	char **after;
	size_t i;

	if (strcmp(id, step->id) == 0 || !dro_plan_step(plan, id))
		return dro_fail(err, DRO_EINVAL,
			"step \"%s\" waits for \"%s\", which does not come before it", step->id,
			id);
	for (i = 0; i < step->after_count; i++)
		if (strcmp(step->after[i], id) == 0)
			return 0;
	after = realloc(step->after, (step->after_count + 1) * sizeof(*after));
	if (!after)
		return no_memory(err);
	step->after = after;
	after[step->after_count] = strdup(id);
	if (!after[step->after_count])
		return no_memory(err);
	step->after_count++;
	return 0;
}

/* ---- text --------------------------------------------------------------------------------- */

static const char *const class_names[] = {"read", "data-plane", "control-plane"};

static cJSON *step_json(const struct dro_step *step)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *after = cJSON_AddArrayToObject(json, "after");
	size_t i;

	cJSON_AddStringToObject(json, "id", step->id);
	cJSON_AddStringToObject(json, "kind", step->kind);
	cJSON_AddStringToObject(json, "target", step->target);
	cJSON_AddItemToObject(json, "inputs", cJSON_Duplicate(step->inputs, 1));
	for (i = 0; i < step->after_count; i++)
		cJSON_AddItemToArray(after, cJSON_CreateString(step->after[i]));
	cJSON_AddNumberToObject(json, "timeout_ms", (double)step->timeout_ms);
	cJSON_AddStringToObject(json, "idem_key", step->idem_key);
	cJSON_AddStringToObject(json, "class", class_names[step->class]);
	cJSON_AddStringToObject(json, "region", step->region);
	cJSON_AddBoolToObject(json, "may_fail", step->may_fail);
	return json;
}

int dro_plan_print(const struct dro_plan *plan, struct dro_buf *out, struct dro_error *err)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *steps;
	size_t i;

	cJSON_AddNumberToObject(json, "version", 1);
	cJSON_AddStringToObject(json, "id", plan->id);
	cJSON_AddStringToObject(json, "kind", plan->kind);
	cJSON_AddStringToObject(json, "mode", plan->mode);
	cJSON_AddStringToObject(json, "service", plan->service);
	cJSON_AddStringToObject(json, "from", plan->from);
	cJSON_AddStringToObject(json, "to", plan->to);
	cJSON_AddStringToObject(json, "commit", plan->commit);
	cJSON_AddStringToObject(json, "summary", plan->summary);
	cJSON_AddItemToObject(json, "facts", cJSON_Duplicate(plan->facts, 1));
	steps = cJSON_AddArrayToObject(json, "steps");
	for (i = 0; i < plan->step_count; i++)
		cJSON_AddItemToArray(steps, step_json(plan->steps[i]));
	dro_json_print(out, json);
	cJSON_Delete(json);
	return dro_buf_check(out, err);
}

/* Puts the string at `key` into *field. */
static int read_field(char **field, const cJSON *json, const char *key, struct dro_error *err)
{
	const char *text;
	int rc;

	if ((rc = dro_json_string_need(json, key, &text, err)) < 0)
		return rc;
	return set(field, text) ? 0 : no_memory(err);
}

static int read_class(struct dro_step *step, const cJSON *json, struct dro_error *err)
{
	const char *name = dro_json_text(json, "class");
	size_t i;

	for (i = 0; i < sizeof(class_names) / sizeof(class_names[0]); i++)
		if (strcmp(class_names[i], name) == 0) {
			step->class = (enum dro_step_class)i;
			return 0;
		}
	return dro_fail(
		err, DRO_EPROTO, "step \"%s\" has no such class: \"%.32s\"", step->id, name);
}

static int parse_step(struct dro_plan *plan, const cJSON *json, struct dro_error *err)
{
	const cJSON *inputs, *after, *item;
	const char *id, *kind, *target;
	struct dro_step *step;
	int64_t timeout_ms;
	int rc;

	if ((rc = dro_json_string_need(json, "id", &id, err)) < 0 ||
		(rc = dro_json_string_need(json, "kind", &kind, err)) < 0 ||
		(rc = dro_json_string_need(json, "target", &target, err)) < 0 ||
		(rc = dro_json_int_need(json, "timeout_ms", &timeout_ms, err)) < 0 ||
		(rc = dro_plan_add(plan, &step, id, kind, target, timeout_ms, err)) < 0 ||
		(rc = read_field(&step->idem_key, json, "idem_key", err)) < 0 ||
		(rc = read_field(&step->region, json, "region", err)) < 0 ||
		(rc = read_class(step, json, err)) < 0 ||
		(rc = dro_json_bool(json, "may_fail", false, &step->may_fail, err)) < 0 ||
		(rc = dro_json_object(json, "inputs", &inputs, err)) < 0 ||
		(rc = dro_json_array(json, "after", &after, err)) < 0)
		return rc;
	if (inputs) {
		cJSON_Delete(step->inputs);
		step->inputs = cJSON_Duplicate(inputs, 1);
		if (!step->inputs)
			return no_memory(err);
	}
	cJSON_ArrayForEach(item, after)
	{
		if (!cJSON_IsString(item))
			return dro_fail(err, DRO_EPROTO, "step \"%s\": \"after\" holds ids", id);
		if ((rc = dro_step_after(plan, step, item->valuestring, err)) < 0)
			return rc;
	}
	return 0;
}

int dro_plan_parse(struct dro_plan **out, const char *text, size_t length, struct dro_error *err)
{
	struct dro_plan *plan = NULL;
	const cJSON *facts, *steps, *item;
	cJSON *json = NULL;
	int64_t version;
	int rc;

	if ((rc = dro_json_parse(&json, text, length, MAX_PLAN_BYTES, err)) < 0 ||
		(rc = dro_json_int_need(json, "version", &version, err)) < 0)
		goto out;
	if (version != 1) {
		rc = dro_fail(err, DRO_EUNSUPPORTED,
			"the plan has version %lld, this program reads version 1",
			(long long)version);
		goto out;
	}
	plan = empty_plan();
	if (!plan) {
		rc = no_memory(err);
		goto out;
	}
	if ((rc = read_field(&plan->id, json, "id", err)) < 0 ||
		(rc = read_field(&plan->kind, json, "kind", err)) < 0 ||
		(rc = read_field(&plan->mode, json, "mode", err)) < 0 ||
		(rc = read_field(&plan->service, json, "service", err)) < 0 ||
		(rc = read_field(&plan->from, json, "from", err)) < 0 ||
		(rc = read_field(&plan->to, json, "to", err)) < 0 ||
		(rc = read_field(&plan->commit, json, "commit", err)) < 0 ||
		(rc = read_field(&plan->summary, json, "summary", err)) < 0 ||
		(rc = dro_json_object(json, "facts", &facts, err)) < 0 ||
		(rc = dro_json_array(json, "steps", &steps, err)) < 0)
		goto out;
	if (facts) {
		cJSON_Delete(plan->facts);
		plan->facts = cJSON_Duplicate(facts, 1);
		if (!plan->facts) {
			rc = no_memory(err);
			goto out;
		}
	}
	cJSON_ArrayForEach(item, steps) if ((rc = parse_step(plan, item, err)) < 0) goto out;
	*out = plan;
	plan = NULL;
out:
	dro_plan_free(plan);
	cJSON_Delete(json);
	return rc;
}
