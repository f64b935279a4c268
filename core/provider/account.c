#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider/internal.h"

/* The first problem as an error; how many more there were is said at its end. */
static void first_problem(void *arg, const struct dro_place *place, const char *message)
{
	struct dro_error *err = arg;

	if (err && !err->code)
		dro_fail(err, DRO_EINVAL, "%s:%d:%d: %s", dro_text(place->file), place->line,
			place->column, message);
}

static int check_settings(
	const struct dro_plugin *plugin, const struct dro_account *account, struct dro_error *err)
{
	size_t problems;

	dro_error_clear(err);
	problems = dro_settings_check(plugin, account, first_problem, err);
	if (!problems)
		return 0;
	if (err && problems > 1) {
		size_t used = strlen(err->message);

		snprintf(err->message + used, sizeof(err->message) - used, " (and %zu more)",
			problems - 1);
	}
	return DRO_EINVAL;
}

static int open_account(struct dro_provider *provider, struct dro_error *err)
{
	const struct dro_provider_v1 *plugin = &provider->plugin->provider;
	struct dro_invoke invoke = {.provider = provider, .err = DRO_ERROR_INIT};
	int rc;

	rc = plugin->open(&provider->host, provider->options, provider->option_count,
		&provider->account, &invoke.err);
	return dro_invoke_normalise(&invoke, rc, err);
}

int dro_provider_open(struct dro_provider **out, struct dro_registry *registry,
	const struct dro_account *account, struct dro_error *err)
{
	struct dro_provider *provider = NULL;
	const struct dro_plugin *plugin;
	int rc;

	if ((rc = dro_registry_plugin(registry, account->plugin, &plugin, err)) < 0)
		return dro_error_context(err, "%s", account->name);
	if ((rc = check_settings(plugin, account, err)) < 0)
		return rc;
	provider = calloc(1, sizeof(*provider));
	if (!provider)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	provider->registry = registry;
	provider->plugin = plugin;
	pthread_mutex_init(&provider->lock, NULL);
	dro_host_init(provider);
	provider->name = strdup(account->name);
	if (!provider->name) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if ((rc = dro_settings_fill(
		     &provider->options, &provider->option_count, plugin, account, err)) < 0 ||
		(rc = dro_credentials_new(
			 &provider->credentials, account, &registry->config, err)) < 0 ||
		(rc = open_account(provider, err)) < 0)
		goto out;
	*out = provider;
	provider = NULL;
out:
	if (provider)
		provider->plugin = NULL; /* it was never opened: there is nothing to close */
	dro_provider_close(provider);
	return rc;
}

void dro_provider_close(struct dro_provider *provider)
{
	if (!provider)
		return;
	if (provider->plugin)
		provider->plugin->provider.close(provider->account);
	dro_credentials_free(provider->credentials);
	dro_settings_free(provider->options, provider->option_count);
	pthread_mutex_destroy(&provider->lock);
	free(provider->name);
	free(provider);
}

const char *dro_provider_name(const struct dro_provider *provider)
{
	return provider->name;
}

unsigned dro_provider_capabilities(const struct dro_provider *provider)
{
	const struct dro_provider_v1 *plugin = &provider->plugin->provider;

	return (plugin->compute ? DRO_CAP_COMPUTE : 0u) | (plugin->storage ? DRO_CAP_STORAGE : 0u) |
	       (plugin->dns ? DRO_CAP_DNS : 0u) | (plugin->async ? DRO_CAP_ASYNC : 0u) |
	       (plugin->health ? DRO_CAP_HEALTH : 0u);
}

const char *dro_provider_option(const struct dro_provider *provider, const char *name)
{
	size_t i;

	for (i = 0; i < provider->option_count; i++)
		if (strcmp(provider->options[i].name, name) == 0)
			return provider->options[i].value;
	return "";
}

int dro_provider_probe(struct dro_provider *provider, char *identity, size_t identity_size,
	const struct dro_call *call, struct dro_error *err)
{
	const struct dro_provider_v1 *plugin = &provider->plugin->provider;
	struct dro_invoke invoke;
	int rc;

	identity[0] = '\0';
	if ((rc = dro_invoke_begin(&invoke, provider, "probe", 0, true, call)) == 0)
		rc = plugin->probe(
			provider->account, identity, identity_size, &invoke.call, &invoke.err);
	identity[identity_size - 1] = '\0';
	return dro_invoke_end(&invoke, rc, err);
}
