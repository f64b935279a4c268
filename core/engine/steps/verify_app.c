/* app.verify {site, addresses}: every instance answers the site's health check, asked directly. */
#include "engine/steps/steps.h"

#include <stdlib.h>
#include <string.h>

#include "observe/health.h"

int dro_step_verify_app(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_health_answer answer = {0};
	const struct dro_site *site;
	const char **addresses = NULL;
	size_t count = 0, i;
	int rc;

	if ((rc = dro_step_site(context, "site", &site, NULL, err)) < 0 ||
		(rc = dro_step_strings(context, "addresses", &addresses, &count, err)) < 0)
		goto out;
	for (i = 0; i < count; i++) {
		struct dro_health_target target = {.address = addresses[i]};

		dro_health_ask(&answer, context->world->net, &site->health, &target,
			context->call.deadline_ms);
		if (!answer.well) {
			dro_buf_printf(&context->note, "%s: %s", addresses[i], answer.text);
			rc = dro_step_pending_site(context);
			goto out;
		}
		if (*answer.site && strcmp(answer.site, site->name) != 0) {
			rc = dro_fail(err, DRO_ECONFLICT, "%s answers as site %s, not %s",
				addresses[i], answer.site, site->name);
			goto out;
		}
	}
	dro_buf_printf(&context->note, "%s", answer.text);
	rc = DRO_STEP_DONE;
out:
	free(addresses);
	return rc;
}
