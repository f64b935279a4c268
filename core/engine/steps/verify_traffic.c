/* traffic.verify {traffic, site, path} -> {recovered_ms}: the public name is answered by the new
 * site. `path` (of a page): by which of the name's paths it was switched. */
#include "engine/steps/traffic.h"

#include <string.h>

/* A page is known by its content. Its store speaks http; https is for an edge before it. */
static void ask_for_page(const struct dro_step_context *context, const struct dro_traffic *traffic,
	const struct dro_site *site, struct dro_health_target *target)
{
	int64_t path;

	target->sha256 = site->page_sha256;
	if (dro_json_int(context->inputs, "path", -1, &path, NULL) == 0 && path >= 0 &&
		(size_t)path < traffic->path_count && !traffic->paths[path].proxied)
		target->scheme = "http";
}

int dro_step_ask_name(struct dro_step_context *context, const struct dro_site **site, bool *well,
	struct dro_error *err)
{
	const struct dro_traffic *traffic;
	struct dro_health_target target;
	struct dro_health_answer answer;
	int rc;

	if ((rc = dro_step_site(context, "site", site, NULL, err)) < 0 ||
		(rc = dro_step_traffic(context, &traffic, err)) < 0)
		return rc;
	target = (struct dro_health_target){.scheme = traffic->verify.scheme,
		.host = traffic->name,
		.address = traffic->verify.address,
		.port = traffic->verify.port};
	if ((*site)->strategy == DRO_STRATEGY_STATIC_PAGE)
		ask_for_page(context, traffic, *site, &target);
	dro_health_ask(
		&answer, context->world->net, &(*site)->health, &target, context->call.deadline_ms);
	/* An answer that names no site is taken on its status, and the note says so. */
	*well = answer.well && (!*answer.site || strcmp(answer.site, (*site)->name) == 0);
	dro_buf_printf(&context->note, "%s: %s%s", traffic->name, answer.text,
		answer.well && !*answer.site && !target.sha256 ? ", which names no site" : "");
	return 0;
}

int dro_step_verify_traffic(struct dro_step_context *context, struct dro_error *err)
{
	const struct dro_clock *clock = context->world->clock;
	const struct dro_site *site;
	bool well;
	int rc;

	if ((rc = dro_step_ask_name(context, &site, &well, err)) < 0)
		return rc;
	if (!well)
		return dro_step_pending_site(context);
	if (site->strategy != DRO_STRATEGY_STATIC_PAGE) /* a notice is no recovery */
		dro_step_output(
			context, "recovered_ms", cJSON_CreateNumber((double)clock->wall_ms(clock)));
	return DRO_STEP_DONE;
}
