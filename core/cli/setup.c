#include "cli/setup.h"

#include <stdlib.h>
#include <string.h>

#include "cli/spec_source.h"
#include "provider/provider.h"

/* What the command line says, as one layer of the configuration. */
static struct dro_config_layer flags_of(const struct dro_cli *cli)
{
	struct dro_config_layer flags = {0};

	flags.value[DRO_CONFIG_REPO] = dro_cli_value(cli, "repo");
	flags.value[DRO_CONFIG_BRANCH] = dro_cli_value(cli, "branch");
	flags.value[DRO_CONFIG_PATH] = dro_cli_value(cli, "path");
	flags.value[DRO_CONFIG_STATE] = dro_cli_value(cli, "state");
	flags.value[DRO_CONFIG_PLUGINS] = dro_cli_value(cli, "plugins");
	return flags;
}

static int open_config(struct dro_setup *setup, struct dro_cli *cli, struct dro_error *err)
{
	struct dro_config_layer flags = flags_of(cli);
	struct dro_report report = DRO_REPORT_INIT;
	struct dro_buf text = DRO_BUF_INIT(1 << 20);
	int rc =
		dro_config_load(&setup->config, dro_cli_value(cli, "config"), &flags, &report, err);

	dro_report_print(&report, &text);
	if (text.length)
		fputs(text.data, stderr);
	dro_buf_free(&text);
	dro_report_fini(&report);
	return rc;
}

static int open_store(struct dro_setup *setup, enum dro_need need, struct dro_error *err)
{
	int rc = dro_store_open(
		&setup->store, setup->config->state, need == DRO_NEED_STORE_READ, err);

	return rc == DRO_ENOTFOUND && need == DRO_NEED_STORE_READ ? 0 : rc;
}

static void audit(void *arg, const struct dro_audit *entry)
{
	const struct dro_setup *setup = arg;

	dro_log(&setup->log, entry->code < 0 ? DRO_LOG_INFO : DRO_LOG_DEBUG,
		"call %s %s %s %s: %llu ms%s%s", entry->account, entry->function, entry->trace,
		entry->idem_key, (unsigned long long)entry->duration_ms,
		entry->code < 0 ? ", " : "", entry->message);
}

static int allowed(void *arg, const struct dro_call *call, struct dro_error *err)
{
	struct dro_setup *setup = arg;

	return setup->may_mutate ? setup->may_mutate(setup->may_mutate_arg, call, err) : 0;
}

static int may_send(void *arg, struct dro_error *err)
{
	struct dro_setup *setup = arg;

	return setup->may_send ? setup->may_send(setup->may_mutate_arg, err) : 0;
}

int dro_setup_set_budgets(
	struct dro_setup *setup, const struct dro_spec *spec, struct dro_error *err)
{
	double share = setup->background > 0 ? setup->background : 1;
	size_t i;
	int rc = 0;

	for (i = 0; i < spec->account_count && rc == 0; i++) {
		const struct dro_account *account = &spec->accounts[i];
		struct dro_budget_rate rate = {
			account->budget.per_second * share, account->budget.burst * share};

		if (rate.burst < 1)
			rate.burst = 1;
		rc = dro_budget_set(setup->budget, account->name, "", rate, err);
	}
	return rc;
}

int dro_setup_open_registry(struct dro_setup *setup, struct dro_error *err)
{
	struct dro_registry_config config = {.plugin_dir = setup->config->plugins,
		.log = &setup->log,
		.redactor = setup->redactor,
		.may_mutate = allowed,
		.may_send = may_send,
		.audit = audit,
		.arg = setup};
	int rc;

	if ((rc = dro_budget_new(&setup->budget, NULL, err)) < 0)
		return rc;
	config.net = setup->net;
	config.budget = setup->budget;
	if (setup->background > 0)
		config.budget_class = DRO_BUDGET_BACKGROUND;
	return dro_registry_new(&setup->registry, &config, err);
}

static void close_accounts(struct dro_setup *setup)
{
	if (setup->accounts)
		dro_accounts_free(setup->accounts);
	dro_sessions_free(setup->sessions);
	dro_registry_free(setup->registry);
	dro_budget_free(setup->budget);
	setup->accounts = NULL;
	setup->sessions = NULL;
	setup->registry = NULL;
	setup->budget = NULL;
}

int dro_setup_open_accounts(
	struct dro_setup *setup, const struct dro_spec *spec, struct dro_error *err)
{
	int rc;

	if ((rc = dro_setup_open_registry(setup, err)) < 0 ||
		(rc = dro_setup_set_budgets(setup, spec, err)) < 0 ||
		(rc = dro_sessions_new(&setup->sessions, setup->redactor, err)) < 0 ||
		(rc = dro_accounts_new(&setup->accounts, setup->registry, spec, err)) < 0)
		close_accounts(setup);
	return rc;
}

static int open_spec(struct dro_setup *setup, struct dro_error *err)
{
	if (setup->early)
		return dro_spec_early(&setup->spec, &setup->check, setup->config, setup->store,
			&setup->log, &setup->reader, err);
	return dro_spec_from_source(
		&setup->spec, setup->config, setup->store, setup->commit, &setup->log, err);
}

bool dro_setup_moved(struct dro_setup *setup)
{
	struct dro_spec_check *check = setup->check;

	setup->check = NULL;
	return dro_spec_check_end(check, &setup->log);
}

static int open_net(struct dro_setup *setup, struct dro_error *err)
{
	int rc = dro_net_new(&setup->net, NULL, err);

	if (rc == 0)
		dro_net_warm(setup->net);
	return rc;
}

static int open_base(struct dro_setup *setup, struct dro_cli *cli, struct dro_error *err)
{
	int rc;

	setup->log = cli->log;
	if ((rc = open_config(setup, cli, err)) < 0 ||
		(rc = dro_redactor_new(&setup->redactor, err)) < 0)
		return rc;
	setup->log.redact = dro_redact;
	setup->log.redact_arg = setup->redactor;
	return 0;
}

int dro_setup_open(struct dro_setup *setup, struct dro_cli *cli, enum dro_need need)
{
	struct dro_error err = DRO_ERROR_INIT;

	/* First of all: its library takes the longest, and is loaded beside all that follows. */
	if (!setup->net && (need >= DRO_NEED_PROVIDERS || setup->will_call) &&
		open_net(setup, &err) < 0)
		return dro_cli_error(cli, &err);
	if (!setup->config && open_base(setup, cli, &err) < 0)
		return dro_cli_error(cli, &err);
	if ((!setup->store && need >= DRO_NEED_STORE_READ && open_store(setup, need, &err) < 0) ||
		(!setup->spec && need >= DRO_NEED_SPEC && open_spec(setup, &err) < 0) ||
		(!setup->accounts && need >= DRO_NEED_PROVIDERS &&
			dro_setup_open_accounts(setup, setup->spec, &err) < 0))
		return dro_cli_error(cli, &err);
	return 0;
}

void dro_setup_free_providers(struct dro_setup *setup)
{
	close_accounts(setup);
	dro_net_free(setup->net);
	setup->net = NULL;
}

void dro_setup_free(struct dro_setup *setup)
{
	dro_setup_moved(setup);
	dro_setup_free_providers(setup);
	dro_spec_free(setup->spec);
	dro_store_close(setup->store);
	dro_redactor_free(setup->redactor);
	dro_config_free(setup->config);
}

/* "memphis, tunica": what could have been named. */
static void list_services(struct dro_buf *out, const struct dro_spec *spec)
{
	size_t i;

	for (i = 0; i < spec->service_count; i++)
		dro_buf_printf(out, "%s%s", i ? ", " : "", spec->services[i].name);
}

const struct dro_service *dro_setup_service(
	const struct dro_setup *setup, struct dro_cli *cli, const char *name, int *exit_code)
{
	struct dro_buf services = DRO_BUF_INIT(300); /* of very many, the first */
	const struct dro_spec *spec = setup->spec;
	struct dro_error err = DRO_ERROR_INIT;
	const struct dro_service *service;

	*exit_code = DRO_EXIT_OK;
	service = name ? dro_spec_service(spec, name)
		       : (spec->service_count == 1 ? &spec->services[0] : NULL);
	if (service)
		return service;
	list_services(&services, spec);
	if (!name) {
		*exit_code = dro_cli_usage(
			cli, "which service? --service NAME, one of %s", dro_buf_str(&services));
	} else {
		dro_fail(&err, DRO_ENOTFOUND, "the spec has no service \"%s\"; it has %s", name,
			dro_buf_str(&services));
		*exit_code = dro_cli_error(cli, &err);
	}
	dro_buf_free(&services);
	return NULL;
}

int dro_setup_active(char **out, int64_t *since_ms, const struct dro_setup *setup,
	const struct dro_service *service, struct dro_error *err)
{
	const struct dro_site *primary = dro_service_primary(service);
	int rc = DRO_ENOTFOUND;

	if (setup->store)
		rc = dro_store_fact_get(
			setup->store, service->name, "active-site", out, since_ms, err);
	if (rc != DRO_ENOTFOUND)
		return rc;
	*since_ms = 0;
	*out = strdup(primary ? primary->name : "");
	return *out ? 0 : dro_fail(err, DRO_ENOMEM, "out of memory");
}
