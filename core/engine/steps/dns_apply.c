/*
 * dns.apply {provider, zone, put, del, was} -> {operation}: makes the record sets of one zone as
 * they are to be. Where the provider refuses a batch for one bad record, the others still go in.
 */
#include "engine/steps/steps.h"

#include <stdlib.h>
#include <string.h>

#include "model/record.h"

#define POLL_LEAST_MS 200
#define POLL_MOST_MS 5000
#define NAMED_MAX 5 /* refused records that the error names */

/* What one call is about. A unit is all of one name: it is never cut in two. */
struct job {
	struct dro_step_context *context;
	struct dro_provider *provider;
	const char *zone;
	struct dro_record_list put, del;
	const struct dro_record **all; /* of both, by name */
	bool *is_del;		       /* beside it */
	size_t count, refused;
	struct dro_buf words; /* what was refused, and why */
	char operation[256];
};

struct item {
	const struct dro_record *record;
	bool del;
};

static int by_name(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = strcmp(x->record->name, y->record->name);

	if (order == 0)
		order = strcmp(x->record->type, y->record->type);
	return order ? order : strcmp(x->record->set_id, y->record->set_id);
}

static int sort_items(struct job *job, struct dro_error *err)
{
	size_t total = job->put.count + job->del.count, i;
	struct item *items = calloc(total + 1, sizeof(*items));

	job->all = calloc(total + 1, sizeof(*job->all));
	job->is_del = calloc(total + 1, sizeof(*job->is_del));
	if (!items || !job->all || !job->is_del) {
		free(items);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	for (i = 0; i < job->put.count; i++)
		items[i] = (struct item){job->put.items[i], false};
	for (i = 0; i < job->del.count; i++)
		items[job->put.count + i] = (struct item){job->del.items[i], true};
	qsort(items, total, sizeof(*items), by_name);
	for (i = 0; i < total; i++) {
		job->all[i] = items[i].record;
		job->is_del[i] = items[i].del;
	}
	job->count = total;
	free(items);
	return 0;
}

static int apply_range(struct job *job, size_t from, size_t to, struct dro_error *err)
{
	const struct dro_record **put = calloc(to - from + 1, sizeof(*put));
	const struct dro_record **del = calloc(to - from + 1, sizeof(*del));
	char operation[sizeof(job->operation)];
	size_t puts = 0, dels = 0, i;
	int rc;

	if (!put || !del) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	for (i = from; i < to; i++)
		if (job->is_del[i])
			del[dels++] = job->all[i];
		else
			put[puts++] = job->all[i];
	rc = dro_provider_apply(job->provider, job->zone, put, puts, del, dels, operation,
		sizeof(operation), &job->context->call, err);
	if (rc == 0 && *operation)
		memcpy(job->operation, operation, sizeof(operation));
out:
	free(put);
	free(del);
	return rc;
}

/* Where the range can be cut, near its middle; `to` where it is all of one name. */
static size_t middle_of(const struct job *job, size_t from, size_t to)
{
	size_t half = from + (to - from) / 2, i;

	for (i = half; i < to; i++)
		if (i > from && strcmp(job->all[i]->name, job->all[i - 1]->name) != 0)
			return i;
	for (i = half; i > from; i--)
		if (strcmp(job->all[i]->name, job->all[i - 1]->name) != 0)
			return i;
	return to;
}

/* Is the fault in what was asked for, so that a part of it may be taken? */
static bool in_the_records(int code)
{
	return code == DRO_EINVAL || code == DRO_ECONFLICT || code == DRO_EUNSUPPORTED ||
	       code == DRO_EQUOTA || code == DRO_ENOTFOUND;
}

/* The range, and where that is refused its halves, down to the records that are at fault. */
static int apply(struct job *job, size_t from, size_t to, struct dro_error *err)
{
	struct dro_error why = DRO_ERROR_INIT;
	size_t middle;
	int rc;

	if (from == to || (rc = apply_range(job, from, to, &why)) == 0)
		return 0;
	middle = middle_of(job, from, to);
	if (!in_the_records(rc)) {
		*err = why;
		return rc;
	}
	if (middle < to) {
		if ((rc = apply(job, from, middle, err)) < 0)
			return rc;
		return apply(job, middle, to, err);
	}
	if (job->refused < NAMED_MAX)
		dro_buf_printf(&job->words, "%s%s %s: %.200s", job->refused ? "; " : "",
			job->all[from]->name, job->all[from]->type, why.message);
	job->refused += to - from;
	return 0;
}

static int poll_operation(
	struct dro_step_context *context, struct dro_provider *provider, struct dro_error *err)
{
	enum dro_operation_state state;
	int rc;

	if ((rc = dro_provider_poll(provider, dro_json_text(context->outputs, "operation"), &state,
		     &context->call, err)) < 0)
		return rc;
	if (state == DRO_OPERATION_FAILED)
		return dro_fail(err, DRO_EIO, "the provider gave the change up");
	if (state == DRO_OPERATION_DONE)
		return DRO_STEP_DONE;
	dro_buf_puts(&context->note, "spreading");
	return dro_step_pending(context, POLL_LEAST_MS, POLL_MOST_MS);
}

static int finish(struct job *job, struct dro_error *err)
{
	struct dro_step_context *context = job->context;

	if (job->refused)
		return dro_fail(err, DRO_EINVAL, "%zu of %zu record sets were refused: %s%s",
			job->refused, job->count, dro_buf_str(&job->words),
			job->refused > NAMED_MAX ? "; …" : "");
	dro_buf_printf(&context->note, "%zu set, %zu removed", job->put.count, job->del.count);
	if (!*job->operation || !(dro_provider_capabilities(job->provider) & DRO_CAP_ASYNC))
		return DRO_STEP_DONE;
	dro_step_output(context, "operation", cJSON_CreateString(job->operation));
	return dro_step_pending(context, POLL_LEAST_MS, POLL_MOST_MS);
}

static int run(struct dro_step_context *context, const cJSON *put, const cJSON *del,
	struct dro_provider *provider, struct dro_error *err)
{
	struct job job = {.context = context,
		.provider = provider,
		.zone = dro_json_text(context->inputs, "zone"),
		.words = DRO_BUF_INIT(4000)};
	int rc;

	if ((rc = dro_records_read(&job.put, put, err)) == 0 &&
		(rc = dro_records_read(&job.del, del, err)) == 0 &&
		(rc = sort_items(&job, err)) == 0 && (rc = apply(&job, 0, job.count, err)) == 0)
		rc = finish(&job, err);
	dro_record_list_free(&job.put);
	dro_record_list_free(&job.del);
	dro_buf_free(&job.words);
	free(job.all);
	free(job.is_del);
	return rc;
}

int dro_step_dns_apply(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_provider *provider;
	const cJSON *put, *del;
	int rc;

	if ((rc = dro_step_provider(context, &provider, err)) < 0 ||
		(rc = dro_json_array(context->inputs, "put", &put, err)) < 0 ||
		(rc = dro_json_array(context->inputs, "del", &del, err)) < 0)
		return rc;
	if (*dro_json_text(context->outputs, "operation"))
		return poll_operation(context, provider, err);
	return run(context, put, del, provider, err);
}

/* ---- undo ------------------------------------------------------------------------------------ */

static int compare_sets(const void *a, const void *b)
{
	const cJSON *x = *(const cJSON *const *)a, *y = *(const cJSON *const *)b;
	int order = strcmp(dro_json_text(x, "name"), dro_json_text(y, "name"));

	if (order == 0)
		order = strcmp(dro_json_text(x, "type"), dro_json_text(y, "type"));
	return order ? order : strcmp(dro_json_text(x, "set_id"), dro_json_text(y, "set_id"));
}

/* What was put and had not been there before. NULL: no memory. */
static cJSON *made_new(const cJSON *put, const cJSON *was)
{
	const cJSON **old = calloc((size_t)cJSON_GetArraySize(was) + 1, sizeof(*old)), *set;
	cJSON *made = cJSON_CreateArray();
	size_t count = 0;

	cJSON_ArrayForEach(set, was) if (old) old[count++] = set;
	if (count)
		qsort(old, count, sizeof(*old), compare_sets);
	cJSON_ArrayForEach(set, put)
	{
		if (old && !bsearch(&set, old, count, sizeof(*old), compare_sets))
			cJSON_AddItemToArray(made, cJSON_Duplicate(set, 1));
	}
	if (!old) {
		cJSON_Delete(made);
		made = NULL;
	}
	free(old);
	return made;
}

int dro_step_dns_unapply(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_provider *provider;
	const cJSON *put, *was;
	cJSON *made;
	int rc;

	if ((rc = dro_step_provider(context, &provider, err)) < 0 ||
		(rc = dro_json_array(context->inputs, "put", &put, err)) < 0 ||
		(rc = dro_json_array(context->inputs, "was", &was, err)) < 0)
		return rc;
	made = made_new(put, was);
	if (!made)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	rc = run(context, was, made, provider, err);
	cJSON_Delete(made);
	return rc == DRO_STEP_PENDING ? DRO_STEP_DONE : rc;
}
