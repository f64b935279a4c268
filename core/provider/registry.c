#include <stdlib.h>
#include <string.h>

#include "provider/internal.h"

int dro_registry_new(
	struct dro_registry **out, const struct dro_registry_config *config, struct dro_error *err)
{
	struct dro_registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	registry->config = *config;
	if (!config->clock)
		registry->config.clock = &dro_clock_real;
	pthread_mutex_init(&registry->lock, NULL);
	registry->config.plugin_dir = strdup(config->plugin_dir);
	if (!registry->config.plugin_dir) {
		dro_registry_free(registry);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	*out = registry;
	return 0;
}

void dro_registry_free(struct dro_registry *registry)
{
	size_t i;

	if (!registry)
		return;
	for (i = 0; i < registry->plugin_count; i++)
		dro_plugin_free(registry->plugins[i]);
	free(registry->plugins);
	free((char *)(uintptr_t)registry->config.plugin_dir);
	pthread_mutex_destroy(&registry->lock);
	free(registry);
}

static int load(struct dro_registry *registry, const char *name, const struct dro_plugin **out,
	struct dro_error *err)
{
	struct dro_plugin **grown;
	size_t i;
	int rc;

	for (i = 0; i < registry->plugin_count; i++) {
		if (strcmp(registry->plugins[i]->name, name) == 0) {
			*out = registry->plugins[i];
			return 0;
		}
	}
	grown = realloc(registry->plugins, (registry->plugin_count + 1) * sizeof(*grown));
	if (!grown)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	registry->plugins = grown;
	rc = dro_plugin_load(
		&grown[registry->plugin_count], registry->config.plugin_dir, name, err);
	if (rc == 0)
		*out = grown[registry->plugin_count++];
	return rc;
}

int dro_registry_plugin(struct dro_registry *registry, const char *name,
	const struct dro_plugin **out, struct dro_error *err)
{
	int rc;

	pthread_mutex_lock(&registry->lock);
	rc = load(registry, name, out, err);
	pthread_mutex_unlock(&registry->lock);
	return rc;
}

int dro_registry_check_account(struct dro_registry *registry, const struct dro_account *account,
	dro_account_report report, void *arg)
{
	struct dro_error err = DRO_ERROR_INIT;
	const struct dro_plugin *plugin;

	if (dro_registry_plugin(registry, account->plugin, &plugin, &err) < 0) {
		report(arg, &account->place, err.message);
		return DRO_EINVAL;
	}
	return dro_settings_check(plugin, account, report, arg) ? DRO_EINVAL : 0;
}

static int visit_plugin(
	struct dro_registry *registry, const char *name, dro_plugin_visit visit, void *arg)
{
	struct dro_error err = DRO_ERROR_INIT;
	struct dro_plugin_info info = {.name = name, .version = ""};
	const char *capabilities[6] = {NULL};
	const struct dro_plugin *plugin;
	size_t n = 0;

	info.capabilities = capabilities;
	if (dro_registry_plugin(registry, name, &plugin, &err) < 0) {
		info.refused = err.message;
		return visit(arg, &info);
	}
	if (plugin->provider.compute)
		capabilities[n++] = "compute";
	if (plugin->provider.storage)
		capabilities[n++] = "storage";
	if (plugin->provider.dns)
		capabilities[n++] = "dns";
	if (plugin->provider.async)
		capabilities[n++] = "async";
	if (plugin->provider.health)
		capabilities[n++] = "health";
	info.version = plugin->provider.version;
	info.abi_major = plugin->provider.abi_major;
	info.abi_minor = plugin->provider.abi_minor;
	info.threaded = plugin->provider.flags & DRO_PROVIDER_THREADED;
	info.options = plugin->option_list;
	info.option_count = plugin->option_count;
	return visit(arg, &info);
}

int dro_registry_list(
	struct dro_registry *registry, dro_plugin_visit visit, void *arg, struct dro_error *err)
{
	char **names;
	size_t i;
	int rc;

	if ((rc = dro_plugin_names(&names, registry->config.plugin_dir, err)) < 0)
		return rc;
	for (i = 0; names[i] && rc == 0; i++)
		rc = visit_plugin(registry, names[i], visit, arg);
	dro_plugin_names_free(names);
	return rc;
}
