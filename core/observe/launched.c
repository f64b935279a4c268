#include "observe/launched.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "model/graph.h"
#include "model/marks.h"

#define LAG_MS 120000 /* how late lists may be: twice what providers were seen to take */
#define RUNS_MAX 8
#define OUTPUTS_MAX (1u << 20)

struct ids {
	char ids[RUNS_MAX][64];
	size_t count;
};

/* Newest first: a run that ended long ago ends the search. */
static int keep_recent(void *arg, const struct dro_run_row *run)
{
	struct ids *recent = arg;
	int64_t at = run->ended_ms ? run->ended_ms : dro_wall_ms();

	if (at + LAG_MS < dro_wall_ms() || recent->count == RUNS_MAX ||
		strlen(run->id) >= sizeof(recent->ids[0]))
		return 1;
	snprintf(recent->ids[recent->count++], sizeof(recent->ids[0]), "%s", run->id);
	return 0;
}

/* The steps of one run. */
struct search {
	struct dro_instance_list *out;
	const struct dro_service *service;
	const struct dro_plan *plan;
	cJSON *ended; /* ids that a newer step ended */
	struct dro_error *err;
};

static int add_instance(struct search *search, const struct dro_step *step, const char *id)
{
	const struct dro_pair tags[] = {{DRO_TAG_SERVICE, search->service->name},
		{DRO_TAG_SITE, dro_json_text(step->inputs, "site")},
		{DRO_TAG_GROUP, dro_json_text(step->inputs, "group")},
		{DRO_TAG_RUN, search->plan->id}, {DRO_TAG_STEP, step->id}};
	const struct dro_instance instance = {.size = sizeof(instance),
		.state = DRO_INSTANCE_PENDING,
		.id = id,
		.native_state = "launched",
		.tags = tags,
		.tag_count = sizeof(tags) / sizeof(tags[0]),
		.created_ms = dro_wall_ms()};

	return dro_instance_list_add(search->out, &instance, search->err);
}

/* It was sent out, and the run stopped before anything was heard of it. */
static bool never_heard(const struct dro_step_row *row, const cJSON *outputs)
{
	return row->attempts > 0 && !cJSON_GetObjectItemCaseSensitive(outputs, "ids") &&
	       (strcmp(row->state, "skipped") == 0 || strcmp(row->state, "running") == 0);
}

static int add_unheard(struct search *search, const struct dro_step *step)
{
	int64_t count = 0;
	char id[200];
	int rc = 0;

	dro_json_int(step->inputs, "count", 0, &count, NULL);
	for (; count > 0 && rc == 0; count--) {
		snprintf(id, sizeof(id), "?%s/%s/%d", search->plan->id, step->id, (int)count);
		rc = add_instance(search, step, id);
	}
	return rc;
}

static int visit_step(void *arg, const struct dro_step_row *row)
{
	struct search *search = arg;
	const struct dro_step *step = dro_plan_step(search->plan, row->id);
	cJSON *outputs = NULL;
	const cJSON *id;
	int rc = 0;

	if (!step)
		return 0;
	if (strcmp(step->kind, "compute.terminate") == 0)
		cJSON_ArrayForEach(id, cJSON_GetObjectItemCaseSensitive(step->inputs, "ids"))
			cJSON_AddTrueToObject(search->ended, id->valuestring);
	if ((strcmp(step->kind, "compute.launch") != 0 &&
		    strcmp(step->kind, "compute.adopt") != 0) ||
		strcmp(row->state, "undone") == 0 || !row->outputs ||
		dro_json_parse(&outputs, row->outputs, strlen(row->outputs), OUTPUTS_MAX, NULL) < 0)
		return 0;
	if (never_heard(row, outputs))
		rc = add_unheard(search, step);
	cJSON_ArrayForEach(id, cJSON_GetObjectItemCaseSensitive(outputs, "ids"))
	{
		if (rc == 0 && cJSON_IsString(id) &&
			!cJSON_GetObjectItemCaseSensitive(search->ended, id->valuestring))
			rc = add_instance(search, step, id->valuestring);
	}
	cJSON_Delete(outputs);
	return rc;
}

static bool has_instances(const char *plan)
{
	return strstr(plan, "\"compute.launch\"") || strstr(plan, "\"compute.adopt\"") ||
	       strstr(plan, "\"compute.terminate\"");
}

static int visit_run(struct search *search, struct dro_store *store, const char *id)
{
	struct dro_run_row *run = NULL;
	struct dro_plan *plan = NULL;
	int rc;

	if ((rc = dro_store_run_get(store, id, &run, search->err)) < 0)
		return rc;
	/* A plan of ten thousand records is not taken apart to see that it launches nothing. */
	if (has_instances(run->plan) &&
		(rc = dro_plan_parse(&plan, run->plan, strlen(run->plan), search->err)) == 0) {
		search->plan = plan;
		rc = dro_store_step_list(store, id, visit_step, search, search->err);
	}
	dro_plan_free(plan);
	dro_run_row_free(run);
	return rc;
}

int dro_launched_lately(struct dro_instance_list *out, struct dro_store *store,
	const struct dro_service *service, struct dro_error *err)
{
	struct search search = {.out = out, .service = service, .err = err};
	struct ids recent = {.count = 0};
	size_t i;
	int rc;

	if ((rc = dro_store_run_list(store, service->name, RUNS_MAX, keep_recent, &recent, err)) <
		0)
		return rc;
	search.ended = cJSON_CreateObject();
	if (!search.ended)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0, rc = 0; i < recent.count && rc >= 0; i++)
		rc = visit_run(&search, store, recent.ids[i]);
	cJSON_Delete(search.ended);
	return rc < 0 ? rc : 0;
}
