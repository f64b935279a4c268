/* What commands stand on: configuration, store, spec, providers, opened in that order as far as a
 * command needs them. */
#ifndef DRORCH_CLI_SETUP_H
#define DRORCH_CLI_SETUP_H

#include "cli/cli.h"
#include "cli/spec_source.h"
#include "net/http.h"
#include "observe/accounts.h"
#include "session/session.h"
#include "spec/config.h"
#include "spec/load.h"
#include "store/store.h"

enum dro_need {
	DRO_NEED_CONFIG,
	DRO_NEED_STORE_READ, /* a store that is not there is none: setup.store is NULL */
	DRO_NEED_STORE,
	DRO_NEED_SPEC,	    /* and the store */
	DRO_NEED_PROVIDERS, /* and the spec */
};

struct dro_setup {
	struct dro_config *config;
	struct dro_store *store;
	struct dro_spec *spec;
	struct dro_net *net;
	struct dro_redactor *redactor;
	struct dro_budget *budget;
	struct dro_registry *registry;
	struct dro_accounts *accounts;
	struct dro_sessions *sessions; /* with agents; opened with the providers */
	struct dro_log log;	       /* the cli's, with secrets taken out */
	/* Asked before every mutation; set before the providers are opened. NULL: yes. */
	int (*may_mutate)(void *arg, const struct dro_call *call, struct dro_error *err);
	int (*may_send)(void *arg, struct dro_error *err);
	void *may_mutate_arg;
	const char
		*commit; /* the spec at this commit instead of the branch's newest; NULL: newest */
	/* Set before: the last good spec at once, while git is asked (dro_spec_early). Then
	 * dro_setup_moved is to be called before anything is done with the spec. */
	bool early;
	struct dro_spec_reader reader; /* set before: of what early finds */
	/* Set before: what runs by itself, with this share of each account's budget; 0: a person
	 * waits, and has all of it. See docs/controller.md. */
	double background;
	bool will_call; /* set before: providers come later, their library is loaded beside */
	struct dro_spec_check *check;
};

/*
 * Opens what `need` names, as far as an earlier call has not. Returns 0 or an enum dro_exit; the
 * message has been written by then. `setup` is zeroed but for the caller's settings, and is to be
 * freed with dro_setup_free in either case.
 */
int dro_setup_open(struct dro_setup *setup, struct dro_cli *cli, enum dro_need need);
void dro_setup_free(struct dro_setup *setup);
/* What accounts of any spec are opened with; dro_setup_open does it where the setup has a spec. */
int dro_setup_open_registry(struct dro_setup *setup, struct dro_error *err);
/* The same with its accounts, for a spec that is not the setup's yet, but has the same. <0: as if
 * it had not been called. */
int dro_setup_open_accounts(
	struct dro_setup *setup, const struct dro_spec *spec, struct dro_error *err);
int dro_setup_set_budgets(
	struct dro_setup *setup, const struct dro_spec *spec, struct dro_error *err);
/* What calls providers, for who is done with calling and goes on. */
void dro_setup_free_providers(struct dro_setup *setup);
/* Is the spec not the newest after all? Waits for git, once; then open another setup, not early. */
bool dro_setup_moved(struct dro_setup *setup);

/* The service that --service names, or the only one there is. NULL: said why, *exit_code is set. */
const struct dro_service *dro_setup_service(
	const struct dro_setup *setup, struct dro_cli *cli, const char *name, int *exit_code);

/* Which site of the service is active, and since when: what the store says, else its primary (0).
 * *out is malloc'd. A store that cannot be read is an error, not an answer. */
int dro_setup_active(char **out, int64_t *since_ms, const struct dro_setup *setup,
	const struct dro_service *service, struct dro_error *err);

#endif
