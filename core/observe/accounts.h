/* The spec's accounts, opened when first asked for. Thread-safe. */
#ifndef DRORCH_OBSERVE_ACCOUNTS_H
#define DRORCH_OBSERVE_ACCOUNTS_H

#include "provider/provider.h"

struct dro_accounts;

/* Spec and registry outlive it. */
int dro_accounts_new(struct dro_accounts **out, struct dro_registry *registry,
	const struct dro_spec *spec, struct dro_error *err);
void dro_accounts_free(struct dro_accounts *accounts); /* NULL-safe; after the last call */

/* *out belongs to `accounts`. DRO_ENOTFOUND, with the name, where the spec has no such account. */
int dro_accounts_get(struct dro_accounts *accounts, const char *name, struct dro_provider **out,
	struct dro_error *err);

/* Opens all of them, so that no call has to wait for that. What fails does so again, and is told,
 * where it is needed. */
void dro_accounts_warm(struct dro_accounts *accounts);

#endif
