/* What a cold promote must know: backups and images. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/question.h"
#include "observe/backups.h"
#include "observe/images.h"
#include "plan/choose.h"

#define VERIFY_MS (2 * 3600000)

static int ask_backups(struct question *question, struct dro_error *err)
{
	const struct dro_promote_facts *facts = &question->gathered->facts;
	struct dro_call call = question_call(QUESTION_MS);
	int rc;

	dro_backup_list_free(&question->gathered->backups); /* of an earlier try */
	rc = dro_backups_find(&question->gathered->backups, question->setup->accounts,
		facts->service, facts->policy, question->index, question->setup->store, &call, err);
	return rc < 0 ? dro_error_context(err, "the backups %s", facts->policy->name) : rc;
}

/* ---- images: remembered for the day nobody can be asked ----------------------------------- */

static int ask_image(struct question *question, struct dro_error *err)
{
	const struct dro_promote_facts *facts = &question->gathered->facts;
	const struct dro_setup *setup = question->setup;

	return dro_image_resolve(&question->gathered->images[question->index], setup->accounts,
		setup->store, &setup->log, facts->service, facts->to,
		&facts->to->groups[question->index], dro_now_ms() + QUESTION_MS, err);
}

/* ---- the choice ------------------------------------------------------------------------------ */

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
int gather_cold_end(
	struct dro_gathered *gathered, const struct dro_setup *setup, struct dro_error *err)
{
	const char *wanted = gathered->wanted;
	struct dro_promote_facts *facts = &gathered->facts;
	const struct dro_active active = {facts->from->name, facts->last_promote_ms};
	struct dro_backup *backup;
	int rc;

	for (;;) {
		struct dro_call call = question_call(VERIFY_MS);

		rc = dro_choose_backup(&backup, &facts->backup_stale, &gathered->backups,
			facts->service, facts->policy, &active, wanted, facts->now_ms, err);
		if (rc == DRO_ENOTFOUND && !all_read(&gathered->backups)) {
			/* None of the newest is good: an older one may be. */
			struct question all = {gathered, setup, ask_backups, 0, 0, DRO_ERROR_INIT};

			question_work(&all);
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

size_t gather_cold_questions(
	struct question *out, struct dro_gathered *gathered, const struct dro_setup *setup)
{
	struct dro_promote_facts *facts = &gathered->facts;
	size_t groups = facts->to->group_count, i;

	facts->policy = dro_service_backup(facts->service, facts->to->restores);
	facts->images = (const char *const *)gathered->images;
	/* The newest good one, and one to compare its size with; any may be the wanted one. */
	out[0] = (struct question){
		gathered, setup, ask_backups, gathered->wanted ? 0 : 2, 0, DRO_ERROR_INIT};
	for (i = 0; i < groups; i++)
		out[i + 1] = (struct question){gathered, setup, ask_image, i, 0, DRO_ERROR_INIT};
	return groups + 1;
}
