#include "observe/accounts.h"

#include <pthread.h>
#include <stdlib.h>

struct dro_accounts {
	struct dro_registry *registry;
	const struct dro_spec *spec;
	pthread_mutex_t lock;
	struct dro_provider *open[]; /* beside spec->accounts */
};

int dro_accounts_new(struct dro_accounts **out, struct dro_registry *registry,
	const struct dro_spec *spec, struct dro_error *err)
{
	struct dro_accounts *accounts =
		calloc(1, sizeof(*accounts) + spec->account_count * sizeof(accounts->open[0]));

	if (!accounts)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	accounts->registry = registry;
	accounts->spec = spec;
	pthread_mutex_init(&accounts->lock, NULL);
	*out = accounts;
	return 0;
}

void dro_accounts_free(struct dro_accounts *accounts)
{
	size_t i;

	if (!accounts)
		return;
	for (i = 0; i < accounts->spec->account_count; i++)
		dro_provider_close(accounts->open[i]);
	pthread_mutex_destroy(&accounts->lock);
	free(accounts);
}

int dro_accounts_get(struct dro_accounts *accounts, const char *name, struct dro_provider **out,
	struct dro_error *err)
{
	const struct dro_account *account = dro_spec_account(accounts->spec, name);
	size_t index;
	int rc = 0;

	if (!account)
		return dro_fail(
			err, DRO_ENOTFOUND, "the spec has no provider account \"%s\"", name);
	index = (size_t)(account - accounts->spec->accounts);
	pthread_mutex_lock(&accounts->lock);
	if (!accounts->open[index])
		rc = dro_provider_open(&accounts->open[index], accounts->registry, account, err);
	*out = accounts->open[index];
	pthread_mutex_unlock(&accounts->lock);
	return rc;
}

void dro_accounts_warm(struct dro_accounts *accounts)
{
	struct dro_provider *provider;
	size_t i;

	for (i = 0; i < accounts->spec->account_count; i++)
		dro_accounts_get(accounts, accounts->spec->accounts[i].name, &provider, NULL);
}
