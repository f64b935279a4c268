/* The plugin's entry: options, accounts, probe. */
#include "plugins/cloudflare/cloudflare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_LIMIT 3500 /* of the plans that are paid for */

static const struct dro_option token = {
	.size = sizeof(token),
	.kind = DRO_OPTION_STRING,
	.flags = DRO_OPTION_REQUIRED | DRO_OPTION_CREDENTIAL,
	.name = "token",
	.help = "API token that may read zones and edit their DNS, and load balancers where used",
};
static const struct dro_option endpoint = {
	.size = sizeof(endpoint),
	.kind = DRO_OPTION_URL,
	.name = "endpoint",
	.fallback = "https://api.cloudflare.com",
	.help = "where the API is",
};
static const struct dro_option account_id = {
	.size = sizeof(account_id),
	.kind = DRO_OPTION_STRING,
	.name = "account_id",
	.help = "the account whose zones are meant, and that owns the token where no user does",
};
static const struct dro_option batch_max = {
	.size = sizeof(batch_max),
	.kind = DRO_OPTION_INTEGER,
	.name = "batch_max",
	.fallback = "200",
	.help = "changes of DNS records in one batch: 200 on the free plan, 3500 on the others",
};
static const struct dro_option check_regions = {
	.size = sizeof(check_regions),
	.kind = DRO_OPTION_STRING,
	.name = "check_regions",
	.fallback = "WEU",
	.help = "regions from which new pools are looked at, such as WEU,ENAM; the plan limits "
		"them",
};
static const struct dro_option *const options[] = {
	&token, &endpoint, &account_id, &batch_max, &check_regions, NULL};

static void cf_close(void *account)
{
	struct cf *cf = account;

	if (!cf)
		return;
	dro_zones_fini(&cf->zones);
	dro_zones_fini(&cf->accounts);
	dro_params_free(&cf->options);
	free(cf);
}

static int read_options(struct cf *cf, struct dro_error *err)
{
	const char *batch = dro_params_get(&cf->options, "batch_max", batch_max.fallback);
	char *end;

	cf->endpoint = dro_params_get(&cf->options, "endpoint", endpoint.fallback);
	cf->account_id = dro_params_get(&cf->options, "account_id", "");
	cf->regions = dro_params_get(&cf->options, "check_regions", check_regions.fallback);
	cf->batch_max = strtoul(batch, &end, 10);
	if (*end || cf->batch_max < 1 || cf->batch_max > BATCH_LIMIT)
		return cf->host->fail(
			err, DRO_EINVAL, NULL, "option batch_max is 1..%d", BATCH_LIMIT);
	return 0;
}

static int cf_open(const struct dro_host *host, const struct dro_pair *given, size_t given_count,
	void **account, struct dro_error *err)
{
	struct cf *cf = calloc(1, sizeof(*cf));
	int rc;

	if (!cf)
		return host->fail(err, DRO_ENOMEM, NULL, "out of memory");
	dro_zones_init(&cf->zones);
	dro_zones_init(&cf->accounts);
	cf->host = host;
	if ((rc = dro_params_copy(&cf->options, given, given_count, err)) < 0 ||
		(rc = read_options(cf, err)) < 0) {
		cf_close(cf);
		return rc;
	}
	*account = cf;
	return 0;
}

static int verify(struct cf *cf, const struct cf_ask *ask, char *identity, size_t identity_size,
	const struct dro_call *call, struct dro_error *err)
{
	cJSON *answer = NULL;
	const cJSON *result;
	const char *status;
	int rc;

	if ((rc = cf_ask(cf, ask, &answer, call, err)) < 0)
		return rc;
	result = cJSON_GetObjectItemCaseSensitive(answer, "result");
	status = dro_json_text(result, "status");
	if (!*status)
		rc = cf_nonsense(cf, ask, "no status of the token", err);
	else if (strcmp(status, "active") != 0)
		rc = cf->host->fail(err, DRO_EAUTH, NULL, "the token is %.32s", status);
	else
		snprintf(identity, identity_size, "token %.64s", dro_json_text(result, "id"));
	cJSON_Delete(answer);
	return rc;
}

/* A token belongs to a user, or to an account; which, only asking tells. */
static int cf_probe(void *account, char *identity, size_t identity_size,
	const struct dro_call *call, struct dro_error *err)
{
	struct cf *cf = account;
	const struct cf_ask of_user = {.method = "GET", .path = {"user", "tokens", "verify"}};
	const struct cf_ask of_account = {
		.method = "GET", .path = {"accounts", cf->account_id, "tokens", "verify"}};
	int rc = verify(cf, &of_user, identity, identity_size, call, err);

	if (rc == DRO_EAUTH && *cf->account_id)
		rc = verify(cf, &of_account, identity, identity_size, call, err);
	return rc;
}

static const struct dro_dns dns = {
	.size = sizeof(dns),
	.flags = DRO_DNS_ATOMIC | DRO_DNS_PROXIED | DRO_DNS_OWNER,
	.list_records = cf_list_records,
	.apply = cf_apply,
};

DRO_EXPORT extern const struct dro_provider_v1 dro_provider_v1;
const struct dro_provider_v1 dro_provider_v1 = {
	.magic = DRO_PROVIDER_MAGIC,
	.abi_major = DRO_ABI_MAJOR,
	.abi_minor = DRO_ABI_MINOR,
	.size = sizeof(struct dro_provider_v1),
	.flags = DRO_PROVIDER_THREADED,
	.name = "cloudflare",
	.version = DRORCH_VERSION,
	.options = options,
	.open = cf_open,
	.close = cf_close,
	.probe = cf_probe,
	.dns = &dns,
	.health = &cf_health,
};
