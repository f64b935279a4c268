/*
 * Plugins as files: NAME.so of one folder, looked at before it is loaded and loaded before it is
 * called. A refusal says why in one line and has run none of the plugin's code.
 */
#ifndef DRORCH_PROVIDER_LOADER_H
#define DRORCH_PROVIDER_LOADER_H

#include "base/buf.h"

#define DRO_PLUGIN_NAME_MAX 32
#define DRO_PLUGIN_OPTIONS_MAX 64

/* A loaded plugin. The tables are copies: zeros where the plugin is older than this program. */
struct dro_plugin {
	char name[DRO_PLUGIN_NAME_MAX + 1];
	void *handle;
	struct dro_provider_v1 provider; /* its table pointers lead to those below, or are NULL */
	struct dro_compute compute;
	struct dro_storage storage;
	struct dro_dns dns;
	struct dro_async async;
	struct dro_health_checks health;
	struct dro_option options[DRO_PLUGIN_OPTIONS_MAX];
	const struct dro_option *option_list[DRO_PLUGIN_OPTIONS_MAX + 1]; /* of `options` */
	size_t option_count;
};

/* DRO_ENOTFOUND where there is no such file, with the nearest name. */
int dro_plugin_load(
	struct dro_plugin **out, const char *dir, const char *name, struct dro_error *err);
void dro_plugin_free(struct dro_plugin *plugin); /* NULL-safe */

/* The names of DIR/NAME.so, sorted; `*names` ends with NULL. Free with dro_plugin_names_free. */
int dro_plugin_names(char ***names, const char *dir, struct dro_error *err);
void dro_plugin_names_free(char **names);

const struct dro_option *dro_plugin_option(const struct dro_plugin *plugin, const char *name);

#endif
