/* provider.probe {account}: are its credentials good, is its API there? */
#include "engine/steps/steps.h"

int dro_step_probe(struct dro_step_context *context, struct dro_error *err)
{
	struct dro_provider *provider;
	char identity[256] = "";
	const char *account;
	int rc;

	if ((rc = dro_json_string_need(context->inputs, "account", &account, err)) < 0 ||
		(rc = dro_accounts_get(context->world->accounts, account, &provider, err)) < 0 ||
		(rc = dro_provider_probe(
			 provider, identity, sizeof(identity), &context->call, err)) < 0)
		return rc;
	dro_buf_printf(&context->note, "%s", identity);
	return DRO_STEP_DONE;
}
