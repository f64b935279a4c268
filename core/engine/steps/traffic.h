/* Asking through the public name, as verification and monitoring both do. */
#ifndef DRORCH_ENGINE_STEPS_TRAFFIC_H
#define DRORCH_ENGINE_STEPS_TRAFFIC_H

#include "engine/steps/steps.h"
#include "model/page.h"
#include "observe/health.h"

/* Asks the name of input "traffic" once: is it the site of input "site" that answers, and well?
 * Writes the note. */
int dro_step_ask_name(struct dro_step_context *context, const struct dro_site **site, bool *well,
	struct dro_error *err);

/* Where a name is to lead: to a site's addresses, or to its page. */
struct step_goal {
	const char *site;
	const char *const *values; /* the addresses */
	size_t count;
	const struct dro_page_place *page; /* NULL: the addresses */
};

/* Points the name there by that path, in one change: whatever led elsewhere goes with it. Of a
 * weighted name the whole group is put, with the shares that hold while `site` is the active one;
 * a page has the name alone. */
int dro_step_put_traffic(const struct dro_step_context *context, const struct dro_traffic *traffic,
	const struct dro_path *path, const struct step_goal *goal, struct dro_error *err);

#endif
