/*
 * page.put {site, sha256, behind, shown}: the page is in its bucket, and the bucket's website shows
 * it. `behind` (of a promote): the site that is active until then, to be remembered. `shown`: that
 * everybody may read it is looked at too. A page does no harm where it is: no undo.
 */
#include "engine/steps/steps.h"

#include <string.h>

#include "observe/pages.h"

/* One that is ready is remembered, for the day its store does not answer. */
static int look(struct dro_step_context *context, const struct dro_site *site,
	enum dro_page_verdict *verdict, char text[DRO_PAGE_TEXT], struct dro_error *err)
{
	const struct dro_world *world = context->world;
	struct dro_page_seen seen;
	int rc = dro_page_look(&seen, world->accounts, site, &context->call, err);

	if (rc < 0)
		return rc;
	*verdict = dro_page_judge(&seen, world->service->name, site, text);
	return *verdict == DRO_PAGE_READY ? dro_page_remember(world->store, world->service, site,
						    world->clock->wall_ms(world->clock), err)
					  : 0;
}

int dro_step_page_put(struct dro_step_context *context, struct dro_error *err)
{
	const struct dro_world *world = context->world;
	const char *behind = dro_json_text(context->inputs, "behind");
	bool shown = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(context->inputs, "shown"));
	enum dro_page_verdict verdict = DRO_PAGE_BLOCKED;
	const struct dro_site *site;
	char text[DRO_PAGE_TEXT];
	int rc;

	if ((rc = dro_step_site(context, "site", &site, NULL, err)) < 0 ||
		(*behind &&
			(rc = dro_page_behind_set(world->store, world->lease, behind, err)) < 0))
		return rc;
	if (strcmp(site->page_sha256, dro_json_text(context->inputs, "sha256")) != 0)
		return dro_fail(err, DRO_ECONFLICT, "the spec's page is not the one of the plan");
	if ((rc = look(context, site, &verdict, text, err)) < 0)
		return rc;
	if (verdict == DRO_PAGE_BLOCKED)
		return dro_fail(err, DRO_ECONFLICT, "%s", text);
	dro_buf_puts(&context->note, verdict == DRO_PAGE_READY ? "the page is there" : "put");
	if (verdict == DRO_PAGE_READY)
		return DRO_STEP_DONE;
	if ((rc = dro_page_put(world->accounts, world->service->name, site, &context->call, err)) <
		0)
		return rc;
	if (!shown) { /* reconcile's: its next pass tells what is missing */
		look(context, site, &verdict, text, NULL);
		return DRO_STEP_DONE;
	}
	if ((rc = look(context, site, &verdict, text, err)) < 0)
		return rc;
	return verdict == DRO_PAGE_READY ? DRO_STEP_DONE : dro_fail(err, DRO_ECONFLICT, "%s", text);
}
