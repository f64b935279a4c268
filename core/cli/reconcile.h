/* What plan, diff, apply and adopt share: a pass over a service, and how it is shown. */
#ifndef DRORCH_CLI_RECONCILE_H
#define DRORCH_CLI_RECONCILE_H

#include "cli/setup.h"
#include "control/pass.h"

/* What passes stand on. Zeroed, then opened. */
struct dro_reconcile {
	struct dro_setup setup;
	struct dro_observer *observer;
	const char *early;		 /* set before, with setup.early: the service, or NULL */
	struct dro_spec *early_accounts; /* which the accounts are then of */
	char plugins[DRO_SHA256_HEX];	 /* of the files of the plugins that the spec uses */
};

/* 0 or an enum dro_exit, the message written; to be freed in either case. */
int dro_reconcile_open(struct dro_reconcile *reconcile, struct dro_cli *cli);
void dro_reconcile_free(struct dro_reconcile *reconcile);
/* Remembers which service is looked at first where none is named: see dro_observe_early. */
void dro_reconcile_begins_with(
	const struct dro_reconcile *reconcile, const struct dro_service *service);

/* Of the files of the plugins that the spec uses. */
int dro_plugins_digest(char out[DRO_SHA256_HEX], const char *folder, const struct dro_spec *spec,
	struct dro_error *err);

/* One look at one service; `adopt` NULL: nothing is. */
int dro_reconcile_look(struct dro_pass **out, struct dro_reconcile *reconcile,
	const struct dro_service *service, const struct dro_adopt *adopt, struct dro_error *err);

/* Is there a finding of something that could not be looked at? Then not all can be well. */
bool dro_pass_unknown(const struct dro_pass *pass);

/* ---- apply.c --------------------------------------------------------------------------------- */

/* Shows, asks and does. `reviewed` (may be NULL) is what was agreed to: it runs as it is. An enum
 * dro_exit. */
int dro_reconcile_do(struct dro_cli *cli, struct dro_reconcile *reconcile,
	const struct dro_service *service, const struct dro_pass *pass,
	const struct dro_plan *reviewed);

/* ---- plan_print.c ---------------------------------------------------------------------------- */

/* A table of what would be done, what is in the way, and which rules say no. */
void dro_pass_print(FILE *out, const struct dro_service *service, const struct dro_pass *pass);
void dro_pass_print_markdown(
	FILE *out, const struct dro_service *service, const struct dro_pass *pass);
void dro_pass_print_diff(FILE *out, const struct dro_service *service, const struct dro_pass *pass);
/* NULL: out of memory. */
cJSON *dro_pass_json(const struct dro_service *service, const struct dro_pass *pass);

/* ---- plan_file.c ----------------------------------------------------------------------------- */

/* Writes the services' plans (as dro_pass_json has them, taken over) where `apply FILE` finds them:
 * 0600, complete or not at all. */
int dro_plan_file_write(const char *path, cJSON *services, struct dro_error *err);
/* The plan of one service of the file; `service` NULL: the only one there is. */
int dro_plan_file_read(
	struct dro_plan **out, const char *path, const char *service, struct dro_error *err);
/* Would both do the same to the same world? Their ids may differ. DRO_ECONFLICT says what differs.
 */
int dro_plan_same(
	const struct dro_plan *reviewed, const struct dro_plan *now, struct dro_error *err);

#endif
