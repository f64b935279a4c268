#include "cli/gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pool.h"
#include "cli/question.h"
#include "observe/health.h"

#define AGAIN_MS 300

struct dro_call question_call(uint64_t ms)
{
	return (struct dro_call){.size = sizeof(struct dro_call),
		.deadline_ms = dro_now_ms() + ms,
		.trace = "precheck"};
}

/* ---- what the names point at ------------------------------------------------------------------
 */

static int keep_record(
	struct dro_traffic_seen *seen, const struct dro_record *record, struct dro_error *err)
{
	size_t i;

	seen->there = true;
	seen->values = calloc(record->value_count + 1, sizeof(*seen->values));
	seen->owner = strdup(record->owner);
	if (!seen->values || !seen->owner)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	if (strcmp(record->type, seen->traffic->type) != 0)
		return 0; /* a page's name, no address */
	for (i = 0; i < record->value_count; i++, seen->value_count++) {
		seen->values[i] = strdup(record->values[i]);
		if (!seen->values[i])
			return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	return 0;
}

/* Of a weighted name the old site's set. NULL: there is none at all. */
static const struct dro_record *old_set(
	const struct dro_record_list *list, const struct dro_traffic *traffic, const char *site)
{
	const struct dro_record *first = NULL;
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (!dro_traffic_has_type(traffic, list->items[i]->type))
			continue;
		if (strcmp(list->items[i]->set_id, site) == 0)
			return list->items[i];
		first = first ? first : list->items[i];
	}
	return first;
}

static int ask_path(struct question *question, struct dro_traffic_seen *seen,
	const struct dro_path *path, struct dro_error *err)
{
	const struct dro_promote_facts *facts = &question->gathered->facts;
	struct dro_record_query query = {.size = sizeof(query),
		.zone = path->zone,
		.name = seen->traffic->name,
		.type = dro_service_has_page(facts->service) ? "" : seen->traffic->type};
	struct dro_call call = question_call(QUESTION_MS);
	struct dro_record_list list = {0};
	struct dro_provider *provider;
	const struct dro_record *old;
	int rc;

	if ((rc = dro_accounts_get(question->setup->accounts, path->provider, &provider, err)) == 0)
		rc = dro_provider_list_records(provider, &query, &list, &call, err);
	if (rc == 0 && (old = old_set(&list, seen->traffic, facts->from->name)))
		rc = keep_record(seen, old, err);
	seen->known = rc == 0;
	dro_record_list_free(&list);
	return rc;
}

void gather_ask_from(struct question *question, const char *const *addresses, size_t count)
{
	struct dro_gathered *gathered = question->gathered;
	struct dro_health_answer answer = {0};
	size_t i;

	for (i = 0; i < count && !gathered->facts.from_answers; i++) {
		struct dro_health_target target = {.address = addresses[i]};

		dro_health_ask(&answer, question->setup->net, &gathered->facts.from->health,
			&target, dro_now_ms() + QUESTION_MS);
		gathered->facts.from_answers = answer.well;
		snprintf(gathered->heard, sizeof(gathered->heard), "%s", answer.text);
	}
}

static void ask_from(struct question *question, const struct dro_traffic_seen *seen)
{
	gather_ask_from(question, (const char *const *)seen->values, seen->value_count);
}

/* The first path that answers tells; where none does, the promote goes on without knowing. */
static int ask_traffic(struct question *question, struct dro_error *err)
{
	struct dro_traffic_seen *seen = &question->gathered->traffic[question->index];
	size_t i;
	int rc = 0;

	for (i = 0; i < seen->traffic->path_count && !seen->known; i++)
		rc = ask_path(question, seen, &seen->traffic->paths[i], err);
	if (rc == DRO_EAUTH || rc == DRO_ENOMEM)
		return rc;
	if (!seen->known)
		dro_log(&question->setup->log, DRO_LOG_WARNING,
			"what %s points at is not known: %s", seen->traffic->name, err->message);
	if (question->index == 0)
		ask_from(question, seen);
	return 0;
}

/* ---- all of them ------------------------------------------------------------------------------
 */

/* Reading changes nothing: what may be asked again is, while there is time. */
void question_work(void *arg)
{
	struct question *question = arg;
	uint64_t until = dro_now_ms() + QUESTION_MS;

	do {
		question->rc = question->ask(question, &question->err);
		if (question->rc != DRO_EAGAIN)
			break;
		dro_clock_real.sleep_ms(&dro_clock_real, AGAIN_MS);
	} while (dro_now_ms() < until);
}

static int ask_all(struct question *questions, size_t count, void (*meanwhile)(void *arg),
	void *arg, struct dro_error *err)
{
	struct dro_pool *pool;
	size_t i;
	int rc;

	if ((rc = dro_pool_new(&pool, count < 16 ? count : 16, err)) < 0)
		return rc;
	for (i = 0; i < count && rc == 0; i++)
		rc = dro_pool_submit(pool, question_work, &questions[i], err);
	/* By the worker that comes back first: the questions are out by then, and hold it up no
	 * more. */
	if (meanwhile && rc == 0)
		rc = dro_pool_submit(pool, meanwhile, arg, err);
	dro_pool_free(pool);
	for (i = 0; i < count && rc == 0; i++) {
		rc = questions[i].rc;
		if (rc < 0)
			*err = questions[i].err;
	}
	return rc;
}

int dro_gather(struct dro_gathered *gathered, const struct dro_setup *setup,
	void (*meanwhile)(void *arg), void *arg, struct dro_error *err)
{
	struct dro_promote_facts *facts = &gathered->facts;
	bool cold = facts->mode == DRO_PROMOTE_COLD, traffic = facts->mode == DRO_PROMOTE_TRAFFIC;
	size_t groups = facts->to->group_count, names = facts->service->traffic_count, count, i;
	struct question *questions = calloc(groups + names + 4, sizeof(*questions));
	int rc;

	facts->now_ms = dro_wall_ms();
	gathered->images = calloc(groups + 1, sizeof(*gathered->images));
	gathered->traffic = calloc(names + 1, sizeof(*gathered->traffic));
	if (!questions || !gathered->images || !gathered->traffic) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	facts->traffic = gathered->traffic;
	facts->from_heard = gathered->heard;
	count = gather_page_questions(questions, gathered, setup);
	if (!traffic)
		count += cold ? gather_cold_questions(&questions[count], gathered, setup)
			      : gather_hot_questions(&questions[count], gathered, setup);
	for (i = 0; i < names; i++) {
		gathered->traffic[i].traffic = &facts->service->traffic[i];
		questions[count++] =
			(struct question){gathered, setup, ask_traffic, i, 0, DRO_ERROR_INIT};
	}
	rc = ask_all(questions, count, meanwhile, arg, err);
	/* Where the first name tells of no address, the others may. */
	for (i = 1; rc == 0 && i < names && gathered->traffic[0].value_count == 0; i++)
		ask_from(&questions[0], &gathered->traffic[i]);
	if (rc == 0)
		gather_page_end(gathered);
	if (rc == 0 && !traffic)
		rc = cold ? gather_cold_end(gathered, setup, err)
			  : gather_hot_end(gathered, setup, err);
	for (i = 0; i < names; i++)
		if (!gathered->traffic[i].owner && !(gathered->traffic[i].owner = strdup("")))
			rc = rc < 0 ? rc : dro_fail(err, DRO_ENOMEM, "out of memory");
out:
	free(questions);
	return rc;
}

void dro_gathered_free(struct dro_gathered *gathered)
{
	size_t i, j;

	dro_backup_list_free(&gathered->backups);
	cJSON_Delete(gathered->addresses);
	free(gathered->address_list);
	cJSON_Delete(gathered->behind);
	free(gathered->behind_list);
	cJSON_Delete(gathered->known);
	free(gathered->members);
	for (i = 0; gathered->images && i < gathered->facts.to->group_count; i++)
		free(gathered->images[i]);
	free(gathered->images);
	for (i = 0; gathered->traffic && i < gathered->facts.service->traffic_count; i++) {
		for (j = 0; j < gathered->traffic[i].value_count; j++)
			free(gathered->traffic[i].values[j]);
		free(gathered->traffic[i].values);
		free(gathered->traffic[i].owner);
	}
	free(gathered->traffic);
}
