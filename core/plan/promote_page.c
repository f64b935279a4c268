/*
 * Only the traffic moves: to a static page, the last resort, or from it back to the site behind it.
 * A page takes no writes, so nothing is fenced, and that site is left as it is.
 */
#include "plan/promote_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PUT_MS = 45000,
	LOOK_MS = 8000, /* of one that is ready */
	GONE_MS = 3000, /* of one that was: its store is away */
};

static bool to_page(const struct dro_promote_facts *facts)
{
	return facts->to->strategy == DRO_STRATEGY_STATIC_PAGE;
}

/* NULL: it was looked at. */
static const char *page_error(const struct dro_promote_facts *facts)
{
	return facts->page_error && *facts->page_error ? facts->page_error : NULL;
}

bool dro_promote_serves(const struct dro_promote_facts *facts, const struct dro_traffic *traffic)
{
	return !to_page(facts) || dro_page_serves(&facts->page.place, facts->to, traffic->name);
}

enum dro_page_verdict dro_promote_page(
	const struct dro_promote_facts *facts, char text[DRO_PAGE_TEXT])
{
	if (!page_error(facts))
		return dro_page_judge(&facts->page, facts->service->name, facts->to, text);
	snprintf(text, DRO_PAGE_TEXT, "it could not be looked at: %.500s", page_error(facts));
	return facts->page_known_ms > 0 ? DRO_PAGE_READY : DRO_PAGE_BLOCKED;
}

/* ---- to the page ----------------------------------------------------------------------------- */

static int check_names(const struct dro_promote_facts *facts, struct dro_error *err)
{
	size_t i;

	for (i = 0; i < facts->service->traffic_count; i++)
		if (dro_promote_serves(facts, &facts->service->traffic[i]))
			return 0;
	if (!facts->service->traffic_count)
		return dro_fail(err, DRO_EINVAL, "%s has no traffic", facts->service->name);
	return dro_fail(err, DRO_EINVAL,
		"%s finds a bucket by the name that is asked for, and bucket %s of site %s is "
		"called as none of %s's names: make a bucket %s, and write that into the spec",
		facts->to->provider, facts->to->bucket, facts->to->name, facts->service->name,
		facts->service->traffic[0].name);
}

/* Where it was seen ready, its store need not answer now: it is asked, and the run goes on. */
static void add_page(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	char text[DRO_PAGE_TEXT];
	bool ready = dro_promote_page(facts, text) == DRO_PAGE_READY;
	struct dro_step *step = dro_build_step(&promote->base, "page.put", facts->to->page,
		!ready		    ? PUT_MS
		: page_error(facts) ? GONE_MS
				    : LOOK_MS,
		"page");

	if (!step)
		return;
	step->class = DRO_STEP_CONTROL_PLANE;
	step->may_fail = ready;
	dro_build_input(&promote->base, step, "site", facts->to->name);
	dro_build_input(&promote->base, step, "sha256", facts->to->page_sha256);
	dro_build_input(&promote->base, step, "behind", facts->from->name);
	dro_build_input_json(&promote->base, step, "shown", cJSON_CreateTrue());
}

static int plan_to_page(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	char *summary;
	int rc;

	if ((rc = check_names(facts, promote->base.err)) < 0)
		return rc;
	if (asprintf(&summary, "show the page %s in place of %s; it takes no writes",
		    facts->to->page, facts->service->name) < 0)
		summary = NULL;
	if ((rc = promote_describe(promote, summary)) < 0)
		return rc;
	promote->ready = "page";
	promote_precheck_traffic(promote);
	add_page(promote);
	promote_switch(promote, NULL);
	promote_end(promote);
	return 0;
}

/* ---- back from it ---------------------------------------------------------------------------- */

static cJSON *addresses(const struct promote *promote)
{
	return dro_json_strings(promote->facts->addresses, promote->facts->address_count);
}

static int plan_back(struct promote *promote)
{
	const struct dro_promote_facts *facts = promote->facts;
	struct dro_step *step;
	char *summary;
	int rc;

	if (facts->address_count == 0)
		return dro_fail(promote->base.err, DRO_ECONFLICT,
			"no instance of %s runs that could take the traffic", facts->to->name);
	if (asprintf(&summary, "take the page of %s down: the traffic goes to %s again",
		    facts->shown->name, facts->to->name) < 0)
		summary = NULL;
	if ((rc = promote_describe(promote, summary)) < 0)
		return rc;
	promote_precheck_traffic(promote);
	step = dro_build_step(
		&promote->base, "app.verify", facts->to->name, PROMOTE_APP_MS, "verify-app");
	if (step) {
		dro_build_input(&promote->base, step, "site", facts->to->name);
		dro_build_input_json(&promote->base, step, "addresses", addresses(promote));
		promote_after_prechecks(promote, step);
	}
	promote_switch(promote, addresses);
	promote_end(promote);
	return 0;
}

int promote_plan_traffic(struct promote *promote)
{
	return to_page(promote->facts) ? plan_to_page(promote) : plan_back(promote);
}
