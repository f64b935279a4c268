/* What a promote to a site that has the data must know: both databases, and what was last heard. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/question.h"
#include "observe/databases.h"

enum { OLD, NEW };

/* A host that is not known, or does not answer, is an answer: the plan says what follows from it.
 */
static int ask_host(struct question *question, struct dro_error *err)
{
	struct dro_promote_facts *facts = &question->gathered->facts;
	const struct dro_setup *setup = question->setup;
	bool old = question->index == OLD;
	const struct dro_site *site = old ? facts->from : facts->to;
	struct dro_data_host *host = old ? &facts->from_host : &facts->to_host;
	uint64_t deadline = dro_now_ms() + QUESTION_MS;
	cJSON *addresses = old ? NULL : question->gathered->addresses;
	int rc;

	rc = dro_data_host_find(host, addresses, setup->accounts, setup->store, facts->service,
		site, deadline, err);
	if (rc == DRO_ENOTFOUND && old)
		return 0;
	if (rc == 0)
		dro_database_look(host, setup->sessions, facts->service, site, deadline);
	return rc;
}

size_t gather_hot_questions(
	struct question *out, struct dro_gathered *gathered, const struct dro_setup *setup)
{
	size_t i;

	gathered->addresses = cJSON_CreateArray();
	for (i = OLD; i <= NEW; i++)
		out[i] = (struct question){gathered, setup, ask_host, i, 0, DRO_ERROR_INIT};
	return 2 + gather_grow_questions(&out[2], gathered, setup);
}

/* What the old primary says now is the best that is known of it; else what it said last. */
static void take_point(struct dro_promote_facts *facts, const struct dro_setup *setup)
{
	const struct dro_database_seen *seen = &facts->from_host.seen;

	if (seen->answered && seen->primary)
		dro_recovery_point_set(
			setup->store, facts->service, facts->from, seen, facts->now_ms, NULL);
	dro_recovery_point_get(&facts->last, setup->store, facts->service);
}

int gather_hot_end(
	struct dro_gathered *gathered, const struct dro_setup *setup, struct dro_error *err)
{
	struct dro_promote_facts *facts = &gathered->facts;
	int rc;

	take_point(facts, setup);
	if (!gathered->mode_given)
		facts->mode = facts->from_host.seen.answered ? DRO_PROMOTE_SWITCHOVER
							     : DRO_PROMOTE_FAILOVER;
	if ((rc = dro_json_string_list(
		     &gathered->address_list, &facts->address_count, gathered->addresses, err)) < 0)
		return rc;
	facts->addresses = gathered->address_list;
	return gather_grow_end(gathered, setup, err);
}
