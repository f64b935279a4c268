#include "cli/reconcile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define LOOK_MS 120000
#define FIRST_SERVICE "plan-begins-with" /* a fact of no service: which one is looked at first */

/* The plugin's file, hashed into the others. */
static int add_plugin(
	struct dro_buf *text, const char *folder, const char *name, struct dro_error *err)
{
	char path[4200], hash[DRO_SHA256_HEX];
	struct stat st;
	int fd, rc;

	snprintf(path, sizeof(path), "%s/%s.so", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		rc = dro_fail_errno(err, "%s", path);
	else if ((rc = dro_sha256_fd(hash, fd, 0, (uint64_t)st.st_size, err)) == 0)
		dro_buf_printf(text, "%s %s\n", name, hash);
	if (fd >= 0)
		close(fd);
	return rc;
}

int dro_plugins_digest(char out[DRO_SHA256_HEX], const char *folder, const struct dro_spec *spec,
	struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(1 << 20);
	size_t i;
	int rc = 0;

	for (i = 0; i < spec->account_count && rc == 0; i++)
		rc = add_plugin(&text, folder, spec->accounts[i].plugin, err);
	if (rc == 0 && (rc = dro_buf_check(&text, err)) == 0)
		rc = dro_sha256_hex(out, dro_buf_str(&text), text.length);
	dro_buf_free(&text);
	return rc;
}

/* The spec is there, and will be read now: its lists can be asked for meanwhile. */
static void look_early(void *arg, const struct dro_tree *tree)
{
	struct dro_reconcile *reconcile = arg;
	struct dro_setup *setup = &reconcile->setup;
	char *first = NULL;

	if (!reconcile->early &&
		dro_store_fact_get(setup->store, "", FIRST_SERVICE, &first, NULL, NULL) < 0)
		return;
	if (dro_spec_load_accounts(&reconcile->early_accounts, tree, NULL) == 0 &&
		dro_setup_open_accounts(setup, reconcile->early_accounts, NULL) == 0)
		dro_observe_early(reconcile->observer, setup->accounts, setup->store,
			first ? first : reconcile->early, dro_now_ms() + LOOK_MS);
	free(first);
}

void dro_reconcile_begins_with(
	const struct dro_reconcile *reconcile, const struct dro_service *service)
{
	struct dro_store *store = reconcile->setup.store;
	char *before = NULL;

	/* Without it the next look begins a little later. */
	if (dro_store_fact_get(store, "", FIRST_SERVICE, &before, NULL, NULL) < 0 ||
		strcmp(before, service->name) != 0)
		dro_store_fact_set(store, "", FIRST_SERVICE, service->name, NULL);
	free(before);
}

int dro_reconcile_open(struct dro_reconcile *reconcile, struct dro_cli *cli)
{
	struct dro_error err = DRO_ERROR_INIT;
	int rc;

	reconcile->setup.reader = (struct dro_spec_reader){look_early, reconcile};
	if (dro_observer_new(&reconcile->observer, false, &err) < 0)
		return dro_cli_error(cli, &err);
	if ((rc = dro_setup_open(&reconcile->setup, cli, DRO_NEED_PROVIDERS)) != 0)
		return rc;
	if (dro_plugins_digest(reconcile->plugins, reconcile->setup.config->plugins,
		    reconcile->setup.spec, &err) < 0)
		return dro_cli_error(cli, &err);
	return 0;
}

void dro_reconcile_free(struct dro_reconcile *reconcile)
{
	dro_observer_free(reconcile->observer);
	dro_setup_free(&reconcile->setup);
	dro_spec_free(reconcile->early_accounts);
}

int dro_reconcile_look(struct dro_pass **out, struct dro_reconcile *reconcile,
	const struct dro_service *service, const struct dro_adopt *adopt, struct dro_error *err)
{
	const struct dro_pass_ask ask = {.spec = reconcile->setup.spec,
		.service = service,
		.accounts = reconcile->setup.accounts,
		.observer = reconcile->observer,
		.sessions = reconcile->setup.sessions,
		.store = reconcile->setup.store,
		.log = &reconcile->setup.log,
		.plugins = reconcile->plugins,
		.deadline_ms = dro_now_ms() + LOOK_MS,
		.adopt = adopt ? *adopt : (struct dro_adopt){0}};

	return dro_pass_look(out, &ask, err);
}

bool dro_pass_unknown(const struct dro_pass *pass)
{
	size_t i;

	for (i = 0; i < pass->diff->finding_count; i++)
		if (pass->diff->findings[i].kind == DRO_FINDING_UNKNOWN)
			return true;
	return false;
}
