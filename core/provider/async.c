#include "provider/internal.h"

int dro_provider_poll(struct dro_provider *provider, const char *operation,
	enum dro_operation_state *state, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_async *async = &provider->plugin->async;
	uint32_t answer = DRO_OPERATION_PENDING;
	struct dro_invoke invoke;
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, "async.poll", 0, async->poll, call)) == 0)
		rc = async->poll(provider->account, operation, &answer, &invoke.call, &invoke.err);
	if (rc == 0 && answer > DRO_OPERATION_FAILED)
		rc = dro_fail(
			&invoke.err, DRO_EPROTO, "the plugin gave the unknown state %u", answer);
	*state = rc == 0 ? (enum dro_operation_state)answer : DRO_OPERATION_PENDING;
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_cancel(struct dro_provider *provider, const char *operation,
	const struct dro_call *call, struct dro_error *err)
{
	const struct dro_async *async = &provider->plugin->async;
	struct dro_invoke invoke;
	int rc;

	if ((rc = dro_invoke_begin(&invoke, provider, "async.cancel", DRO_INVOKE_MUTATION,
		     async->cancel, call)) == 0)
		rc = async->cancel(provider->account, operation, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}
