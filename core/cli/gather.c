#include "cli/gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pool.h"
#include "observe/backups.h"
#include "observe/health.h"
#include "observe/images.h"
#include "plan/choose.h"

#define ASK_MS 10000
#define AGAIN_MS 300
#define VERIFY_MS (2 * 3600000)

/* One question on a worker. */
struct question {
	struct dro_gathered *gathered;
	const struct dro_setup *setup;
	int (*ask)(struct question *question, struct dro_error *err);
	size_t index; /* of the group or the traffic; of backups: how many good ones to read */
	int rc;
	struct dro_error err;
};

static struct dro_call call_for(uint64_t ms)
{
	return (struct dro_call){.size = sizeof(struct dro_call),
		.deadline_ms = dro_now_ms() + ms,
		.trace = "precheck"};
}

static int ask_backups(struct question *question, struct dro_error *err)
{
	const struct dro_promote_facts *facts = &question->gathered->facts;
	struct dro_call call = call_for(ASK_MS);

	dro_backup_list_free(&question->gathered->backups); /* of an earlier try */
	return dro_backups_find(&question->gathered->backups, question->setup->accounts,
		facts->service, facts->policy, question->index, question->setup->store, &call, err);
}

/* ---- images: remembered for the day nobody can be asked ----------------------------------- */

static int ask_image(struct question *question, struct dro_error *err)
{
	const struct dro_promote_facts *facts = &question->gathered->facts;
	const struct dro_setup *setup = question->setup;

	return dro_image_resolve(&question->gathered->images[question->index], setup->accounts,
		setup->store, &setup->log, facts->service, facts->to,
		&facts->to->groups[question->index], dro_now_ms() + ASK_MS, err);
}

/* ---- what the names point at ------------------------------------------------------------------
 */

static int keep_record(
	struct dro_traffic_seen *seen, const struct dro_record *record, struct dro_error *err)
{
	size_t i;

	seen->values = calloc(record->value_count + 1, sizeof(*seen->values));
	seen->owner = strdup(record->owner);
	if (!seen->values || !seen->owner)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	for (i = 0; i < record->value_count; i++, seen->value_count++) {
		seen->values[i] = strdup(record->values[i]);
		if (!seen->values[i])
			return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	return 0;
}

/* Of a weighted name the old site's set. */
static const struct dro_record *old_set(const struct dro_record_list *list, const char *site)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (strcmp(list->items[i]->set_id, site) == 0)
			return list->items[i];
	return list->items[0];
}

static int ask_path(struct question *question, struct dro_traffic_seen *seen,
	const struct dro_path *path, struct dro_error *err)
{
	struct dro_record_query query = {.size = sizeof(query),
		.zone = path->zone,
		.name = seen->traffic->name,
		.type = seen->traffic->type};
	struct dro_call call = call_for(ASK_MS);
	struct dro_record_list list = {0};
	struct dro_provider *provider;
	int rc;

	if ((rc = dro_accounts_get(question->setup->accounts, path->provider, &provider, err)) == 0)
		rc = dro_provider_list_records(provider, &query, &list, &call, err);
	if (rc == 0 && list.count > 0)
		rc = keep_record(seen, old_set(&list, question->gathered->facts.from->name), err);
	seen->known = rc == 0;
	dro_record_list_free(&list);
	return rc;
}

static void ask_from(struct question *question, const struct dro_traffic_seen *seen)
{
	struct dro_gathered *gathered = question->gathered;
	struct dro_health_answer answer = {0};
	size_t i;

	for (i = 0; i < seen->value_count && !gathered->facts.from_answers; i++) {
		struct dro_health_target target = {.address = seen->values[i]};

		dro_health_ask(&answer, question->setup->net, &gathered->facts.from->health,
			&target, dro_now_ms() + ASK_MS);
		gathered->facts.from_answers = answer.well;
		snprintf(gathered->heard, sizeof(gathered->heard), "%s", answer.text);
	}
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
static void work(void *arg)
{
	struct question *question = arg;
	uint64_t until = dro_now_ms() + ASK_MS;

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
		rc = dro_pool_submit(pool, work, &questions[i], err);
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

static bool all_read(const struct dro_backup_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (!list->items[i].read)
			return false;
	return true;
}

/* The newest good backup, verified now where it never was; the next older one where it turns out
 * bad. */
static int choose(struct dro_gathered *gathered, const struct dro_setup *setup, const char *wanted,
	struct dro_error *err)
{
	struct dro_promote_facts *facts = &gathered->facts;
	const struct dro_active active = {facts->from->name, facts->last_promote_ms};
	struct dro_backup *backup;
	int rc;

	for (;;) {
		struct dro_call call = call_for(VERIFY_MS);

		rc = dro_choose_backup(&backup, &facts->backup_stale, &gathered->backups,
			facts->service, facts->policy, &active, wanted, facts->now_ms, err);
		if (rc == DRO_ENOTFOUND && !all_read(&gathered->backups)) {
			/* None of the newest is good: an older one may be. */
			struct question all = {gathered, setup, ask_backups, 0, 0, DRO_ERROR_INIT};

			work(&all);
			if (all.rc == 0)
				continue;
			*err = all.err;
			rc = all.rc;
		}
		if (rc < 0)
			return rc;
		facts->backup = backup;
		if (backup->verified || *backup->problem)
			return 0;
		dro_log(&setup->log, DRO_LOG_INFO, "verifying backup %s", backup->id);
		rc = dro_backup_verify(backup, setup->accounts, facts->service, facts->policy,
			setup->store, &call, err);
		if (rc != DRO_ECORRUPT || wanted)
			return rc;
		dro_log(&setup->log, DRO_LOG_WARNING, "%s", err->message);
	}
}

int dro_gather(struct dro_gathered *gathered, const struct dro_setup *setup, const char *wanted,
	void (*meanwhile)(void *arg), void *arg, struct dro_error *err)
{
	struct dro_promote_facts *facts = &gathered->facts;
	size_t groups = facts->to->group_count, names = facts->service->traffic_count, count = 0, i;
	struct question *questions = calloc(groups + names + 1, sizeof(*questions));
	int rc;

	facts->now_ms = dro_wall_ms();
	facts->policy = dro_service_backup(facts->service, facts->to->restores);
	gathered->images = calloc(groups + 1, sizeof(*gathered->images));
	gathered->traffic = calloc(names + 1, sizeof(*gathered->traffic));
	if (!questions || !gathered->images || !gathered->traffic) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	facts->images = (const char *const *)gathered->images;
	facts->traffic = gathered->traffic;
	facts->from_heard = gathered->heard;
	/* The newest good one, and one to compare its size with; any may be the wanted one. */
	questions[count++] =
		(struct question){gathered, setup, ask_backups, wanted ? 0 : 2, 0, DRO_ERROR_INIT};
	for (i = 0; i < groups; i++)
		questions[count++] =
			(struct question){gathered, setup, ask_image, i, 0, DRO_ERROR_INIT};
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
		rc = choose(gathered, setup, wanted, err);
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
