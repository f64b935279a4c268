#include <stdio.h>
#include <string.h>
#include <time.h>

#include "provider/internal.h"

#define KEY_MAX 64

static bool good_key(const char *key)
{
	size_t i;

	for (i = 0; key && key[i]; i++)
		if (i == KEY_MAX || key[i] <= ' ' || key[i] > '~')
			return false;
	return key && i > 0;
}

/* Waits for the account no longer than to the deadline. */
static int lock_account(struct dro_invoke *invoke, uint64_t left_ms)
{
	struct dro_provider *provider = invoke->provider;
	struct timespec until;

	if (provider->plugin->provider.flags & DRO_PROVIDER_THREADED)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(left_ms / 1000);
	until.tv_nsec += (long)(left_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	if (pthread_mutex_clocklock(&provider->lock, CLOCK_MONOTONIC, &until) != 0)
		return dro_fail(&invoke->err, DRO_EAGAIN,
			"the deadline passed while other calls held the account");
	invoke->locked = true;
	return 0;
}

int dro_invoke_begin(struct dro_invoke *invoke, struct dro_provider *provider, const char *function,
	unsigned flags, bool there, const struct dro_call *call)
{
	const struct dro_registry_config *config = &provider->registry->config;
	uint64_t now = config->clock->now_ms(config->clock);
	int rc;

	*invoke = (struct dro_invoke){
		.provider = provider,
		.function = function,
		.flags = flags,
		.began_ms = now,
		.wall_ms = config->clock->wall_ms(config->clock),
		.call = *call,
		.err = DRO_ERROR_INIT,
		.emit = DRO_ERROR_INIT,
	};
	invoke->call.size = sizeof(invoke->call);
	if (!there)
		return dro_fail(&invoke->err, DRO_EUNSUPPORTED, "plugin %s has no %s",
			provider->plugin->name, function);
	if (!call->deadline_ms)
		return dro_fail(&invoke->err, DRO_EINVAL, "%s without a deadline", function);
	if ((flags & DRO_INVOKE_MUTATION) && !good_key(call->idem_key))
		return dro_fail(&invoke->err, DRO_EINVAL,
			"%s needs an idempotency key of 1 to %d characters", function, KEY_MAX);
	if (now >= call->deadline_ms)
		return dro_fail(
			&invoke->err, DRO_EAGAIN, "the deadline passed before %s", function);
	if ((rc = lock_account(invoke, call->deadline_ms - now)) < 0)
		return rc;
	if ((flags & DRO_INVOKE_MUTATION) && config->may_mutate)
		rc = config->may_mutate(config->arg, &invoke->call, &invoke->err);
	if (rc == 0 && (flags & DRO_INVOKE_MUTATION)) {
		provider->mutations++;
		invoke->counted = true;
	}
	return rc;
}

/* Provider texts end on terminals: no escapes, no second lines. */
static void clean(char *text, size_t size)
{
	size_t i;

	text[size - 1] = '\0';
	for (i = 0; text[i]; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = ' ';
}

int dro_invoke_normalise(struct dro_invoke *invoke, int rc, struct dro_error *err)
{
	const struct dro_provider *provider = invoke->provider;
	struct dro_error *own = &invoke->err;

	if (invoke->emit_rc < 0) {
		*own = invoke->emit;
		rc = invoke->emit_rc;
	}
	if (rc == 0)
		return 0;
	clean(own->message, sizeof(own->message));
	clean(own->provider_code, sizeof(own->provider_code));
	if (rc > 0 || rc < DRO_ECORRUPT)
		rc = dro_fail(own, DRO_EPROTO, "plugin %s answered %d, which is no code",
			provider->plugin->name, rc);
	else if (!own->message[0])
		snprintf(own->message, sizeof(own->message), "plugin %s failed without a reason",
			provider->plugin->name);
	own->size = sizeof(*own);
	own->code = rc;
	if (provider->registry->config.redactor)
		dro_redact_error(provider->registry->config.redactor, own);
	dro_error_context(own, "%s", provider->name);
	if (err)
		*err = *own;
	return rc;
}

int dro_invoke_end(struct dro_invoke *invoke, int rc, struct dro_error *err)
{
	struct dro_provider *provider = invoke->provider;
	const struct dro_registry_config *config = &provider->registry->config;
	struct dro_audit entry = {
		.account = provider->name,
		.plugin = provider->plugin->name,
		.function = invoke->function,
		.trace = dro_text(invoke->call.trace),
		.idem_key = dro_text(invoke->call.idem_key),
		.mutation = invoke->flags & DRO_INVOKE_MUTATION,
		.wall_ms = invoke->wall_ms,
	};

	if (invoke->counted)
		provider->mutations--;
	if (invoke->locked)
		pthread_mutex_unlock(&provider->lock);
	rc = dro_invoke_normalise(invoke, rc, err);
	if (rc == DRO_EAUTH)
		dro_credentials_forget(provider->credentials);
	entry.duration_ms = config->clock->now_ms(config->clock) - invoke->began_ms;
	entry.code = rc;
	entry.message = rc ? invoke->err.message : "";
	if (config->audit)
		config->audit(config->arg, &entry);
	return rc;
}
