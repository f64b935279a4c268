/*
 * What a promote must know of static pages: of the one that is to be put up how it is there; while
 * one is shown, where the site behind it is, since no name leads there.
 */
#include <stdio.h>

#include "base/clock.h"
#include "cli/question.h"
#include "observe/databases.h"
#include "observe/pages.h"

#define KNOWN_MS 4000 /* the store of a page that was seen ready is not waited for longer */

/* A store that does not answer is an answer: the plan says what follows from it. */
static int ask_page(struct question *question, struct dro_error *err)
{
	struct dro_gathered *gathered = question->gathered;
	struct dro_promote_facts *facts = &gathered->facts;
	struct dro_error why = DRO_ERROR_INIT;
	struct dro_call call;
	int rc;

	facts->page_known_ms = dro_page_known(question->setup->store, facts->service, facts->to);
	call = question_call(facts->page_known_ms ? KNOWN_MS : QUESTION_MS);
	rc = dro_page_look(&facts->page, question->setup->accounts, facts->to, &call, &why);
	if (rc < 0 && !*facts->page.place.host) {
		*err = why;
		return rc;
	}
	snprintf(gathered->page_error, sizeof(gathered->page_error), "%s",
		rc < 0 ? why.message : "");
	return 0;
}

/* One that is not known, or does not answer, is an answer as well. */
static int ask_behind(struct question *question, struct dro_error *err)
{
	struct dro_gathered *gathered = question->gathered;
	struct dro_promote_facts *facts = &gathered->facts;
	const struct dro_setup *setup = question->setup;
	struct dro_data_host host;
	int rc = dro_data_host_find(&host, gathered->behind, setup->accounts, setup->store,
		facts->service, facts->from, dro_now_ms() + QUESTION_MS, err);

	if (rc < 0)
		return rc == DRO_ENOTFOUND ? 0 : rc;
	if ((rc = dro_json_string_list(&gathered->behind_list, &facts->from_address_count,
		     gathered->behind, err)) < 0)
		return rc;
	facts->from_addresses = gathered->behind_list;
	gather_ask_from(question, facts->from_addresses, facts->from_address_count);
	return 0;
}

size_t gather_page_questions(
	struct question *out, struct dro_gathered *gathered, const struct dro_setup *setup)
{
	struct dro_promote_facts *facts = &gathered->facts;
	struct dro_error err = DRO_ERROR_INIT;
	size_t count = 0;

	facts->page_error = gathered->page_error;
	if (facts->to->strategy == DRO_STRATEGY_STATIC_PAGE)
		out[count++] = (struct question){gathered, setup, ask_page, 0, 0, DRO_ERROR_INIT};
	if (!facts->shown)
		return count;
	if (dro_page_find(&facts->shown_at, setup->accounts, facts->shown, &err) < 0)
		dro_log(&setup->log, DRO_LOG_WARNING,
			"where the page of %s is shown is not known: %s", facts->shown->name,
			err.message);
	gathered->behind = cJSON_CreateArray();
	out[count++] = (struct question){gathered, setup, ask_behind, 0, 0, DRO_ERROR_INIT};
	return count;
}

void gather_page_end(struct dro_gathered *gathered)
{
	struct dro_promote_facts *facts = &gathered->facts;

	/* Back to it: they are the new site's as well. */
	if (facts->mode == DRO_PROMOTE_TRAFFIC && facts->to == facts->from) {
		facts->addresses = facts->from_addresses;
		facts->address_count = facts->from_address_count;
	}
}
