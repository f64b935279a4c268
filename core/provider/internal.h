/* What the files of this folder share. Nobody else includes it. */
#ifndef DRORCH_PROVIDER_INTERNAL_H
#define DRORCH_PROVIDER_INTERNAL_H

#include <pthread.h>

#include "provider/loader.h"
#include "provider/provider.h"

struct dro_credentials;

struct dro_registry {
	struct dro_registry_config config; /* plugin_dir is our copy, clock is set */
	pthread_mutex_t lock;		   /* of `plugins` */
	struct dro_plugin **plugins;
	size_t plugin_count;
};

struct dro_provider {
	struct dro_registry *registry;
	const struct dro_plugin *plugin;
	char *name;
	struct dro_pair *options;
	size_t option_count;
	struct dro_credentials *credentials;
	struct dro_host host;
	pthread_mutex_t lock; /* held around each call of a plugin that is not threaded */
	void *account;
	_Atomic unsigned mutations; /* under way */
};

/* registry.c: loads it the first time. *out lives as long as the registry. */
int dro_registry_plugin(struct dro_registry *registry, const char *name,
	const struct dro_plugin **out, struct dro_error *err);

/* settings.c: reports each problem and returns how many there were. */
size_t dro_settings_check(const struct dro_plugin *plugin, const struct dro_account *account,
	dro_account_report report, void *arg);
/* What the plugin gets: the settings and the fallbacks. */
int dro_settings_fill(struct dro_pair **out, size_t *count, const struct dro_plugin *plugin,
	const struct dro_account *account, struct dro_error *err);
void dro_settings_free(struct dro_pair *options, size_t count);

/* credential.c: an account's references, and how their values are got. Thread-safe. */
int dro_credentials_new(struct dro_credentials **out, const struct dro_account *account,
	const struct dro_registry_config *config, struct dro_error *err);
void dro_credentials_free(struct dro_credentials *credentials); /* NULL-safe */
/* DRO_ENOTFOUND where the account has none of that name. */
int dro_credentials_get(struct dro_credentials *credentials, const char *name, uint64_t deadline_ms,
	struct dro_secret *out, struct dro_error *err);
/* The provider refused them: the next look-up is a fresh one. */
void dro_credentials_forget(struct dro_credentials *credentials);

/* host.c: fills provider->host. */
void dro_host_init(struct dro_provider *provider);

/* invoke.c: what every call of a plugin goes through. */
enum dro_invoke_flag { DRO_INVOKE_MUTATION = 1 << 0 };

struct dro_invoke {
	struct dro_provider *provider;
	const char *function;
	unsigned flags;
	bool locked, counted;
	uint64_t began_ms;
	int64_t wall_ms;
	struct dro_call call;  /* what the plugin gets */
	struct dro_error err;  /* what the plugin fills */
	int emit_rc;	       /* of the list's collector, which a plugin may have ignored */
	struct dro_error emit; /* its error */
};

/*
 * 0: the plugin may be called with invoke->call and invoke->err. `there`: it has the function.
 * dro_invoke_end must follow in any case, with what begin or the plugin returned.
 */
int dro_invoke_begin(struct dro_invoke *invoke, struct dro_provider *provider, const char *function,
	unsigned flags, bool there, const struct dro_call *call);
int dro_invoke_end(struct dro_invoke *invoke, int rc, struct dro_error *err);
/* A plugin's answer as the rest of drorch may see it: a known code, a clean message, our name. */
int dro_invoke_normalise(struct dro_invoke *invoke, int rc, struct dro_error *err);

/* "" for NULL: callers may leave out what they do not care for, plugins need not look. */
static inline const char *dro_text(const char *text)
{
	return text ? text : "";
}

#endif
