/*
 * The program's own configuration: which repository, where state and plugins are. A setting comes
 * from the command line, else the environment, else the file, else its default.
 */
#ifndef DRORCH_SPEC_CONFIG_H
#define DRORCH_SPEC_CONFIG_H

#include <stdbool.h>

#include "base/error.h"
#include "model/service.h"
#include "spec/report.h"

#define DRO_CONFIG_FILE "/etc/drorch/config.yaml"

enum dro_config_key {
	DRO_CONFIG_REPO,	    /* repository.url       --repo             DRORCH_REPO */
	DRO_CONFIG_BRANCH,	    /* repository.branch    --branch           DRORCH_BRANCH */
	DRO_CONFIG_PATH,	    /* repository.path      --path             DRORCH_PATH */
	DRO_CONFIG_ALLOWED_SIGNERS, /* repository.verify.allowed_signers DRORCH_ALLOWED_SIGNERS */
	DRO_CONFIG_ALLOW_REWIND, /* repository.allow_rewind                 DRORCH_ALLOW_REWIND */
	DRO_CONFIG_STATE,	 /* state                --state            DRORCH_STATE */
	DRO_CONFIG_PLUGINS,	 /* plugins              --plugins          DRORCH_PLUGINS */
	DRO_CONFIG_LISTEN,	 /* listen               --listen           DRORCH_LISTEN */
	DRO_CONFIG_KEYS,
};

/* One source's settings as text; NULL or "" where it says nothing. Strings stay the caller's. */
struct dro_config_layer {
	const char *value[DRO_CONFIG_KEYS];
};

/* `controller:` of the file. */
struct dro_config_controller {
	int64_t poll_ms;   /* how often git is asked; 30s */
	int64_t period_ms; /* how often each service is looked at; 5m */
	int workers;	   /* reconcile runs side by side; 4 */
	char *listen;	   /* of the webhook; "" : none */
	struct dro_secret_ref webhook_secret;
};

/* Strings are never NULL. */
struct dro_config {
	char *url;	       /* of the spec repository; "" : none given */
	char *branch;	       /* "main" */
	char *path;	       /* folder inside the repository; "" : its top */
	char *allowed_signers; /* file; "" : commits need no signature */
	bool allow_rewind;
	char *state;				 /* directory */
	char *plugins;				 /* directory */
	char *listen;				 /* "127.0.0.1:8470" */
	struct dro_config_controller controller; /* set by dro_config_load */
};

/* "DRORCH_REPO" and the like. */
const char *dro_config_variable(enum dro_config_key key);
/* Takes the layer from an environment; `lookup` is getenv or a test's own. */
void dro_config_environment(struct dro_config_layer *out, char *(*lookup)(const char *name));
/* Appends where this installation has its plugins: seen from the program, so that the whole may be
 * moved, else as it was built to be. */
void dro_config_plugins(struct dro_buf *out);
/*
 * Where nothing is said, but for the plugins. `state` is a buffer for the state directory:
 * /var/lib/drorch for root, else $XDG_STATE_HOME/drorch or ~/.local/state/drorch.
 */
void dro_config_defaults(struct dro_config_layer *out, struct dro_buf *state, bool root,
	char *(*lookup)(const char *name));
/*
 * For each key the first layer that says something, checked. DRO_EINVAL names key and value that
 * make no sense.
 */
int dro_config_merge(struct dro_config **out, const struct dro_config_layer *const *layers,
	size_t layer_count, struct dro_error *err);
/*
 * All of it: flags, environment, the file at `path`, defaults. `path` NULL: DRO_CONFIG_FILE, which
 * need not exist. What is wrong in the file goes to `report`, with DRO_EINVAL.
 */
int dro_config_load(struct dro_config **out, const char *path, const struct dro_config_layer *flags,
	struct dro_report *report, struct dro_error *err);
void dro_config_free(struct dro_config *config); /* NULL-safe */

#endif
