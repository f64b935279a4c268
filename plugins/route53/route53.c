/* The plugin's entry: options, accounts, probe, changes under way. */
#include "plugins/route53/route53.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/aws_keys.h"

static const struct dro_option endpoint = {
	.size = sizeof(endpoint),
	.kind = DRO_OPTION_URL,
	.name = "endpoint",
	.fallback = "https://route53.amazonaws.com",
	.help = "where the API is",
};
static const struct dro_option *const options[] = {&endpoint, &dro_aws_access_key_id,
	&dro_aws_secret_access_key, &dro_aws_session_token, NULL};

static void r53_close(void *account)
{
	struct r53 *r53 = account;

	if (!r53)
		return;
	dro_zones_fini(&r53->zones);
	dro_params_free(&r53->options);
	free(r53);
}

static int r53_open(const struct dro_host *host, const struct dro_pair *given, size_t given_count,
	void **account, struct dro_error *err)
{
	struct r53 *r53 = calloc(1, sizeof(*r53));
	int rc;

	if (!r53)
		return host->fail(err, DRO_ENOMEM, NULL, "out of memory");
	dro_zones_init(&r53->zones);
	r53->host = host;
	if ((rc = dro_params_copy(&r53->options, given, given_count, err)) < 0) {
		r53_close(r53);
		return rc;
	}
	r53->endpoint = dro_params_get(&r53->options, "endpoint", endpoint.fallback);
	*account = r53;
	return 0;
}

/* Route 53 does not say who we are; that it answers says that the keys are good. */
static int r53_probe(void *account, char *identity, size_t identity_size,
	const struct dro_call *call, struct dro_error *err)
{
	static const struct r53_ask ask = {.method = "GET", .path = {"hostedzonecount"}};
	struct dro_xml *xml = NULL;
	const char *count;
	int rc;

	if ((rc = r53_ask(account, &ask, &xml, call, err)) < 0)
		return rc;
	count = dro_xml_text(dro_xml_root(xml), "HostedZoneCount");
	if (!*count)
		rc = r53_nonsense(account, &ask, "no count of the zones", err);
	else
		snprintf(identity, identity_size, "an account with %.10s hosted zone%s", count,
			strcmp(count, "1") == 0 ? "" : "s");
	dro_xml_free(xml);
	return rc;
}

static int r53_poll(void *account, const char *operation, uint32_t *state,
	const struct dro_call *call, struct dro_error *err)
{
	struct r53 *r53 = account;
	const char *id = r53_id(operation, "/change/"), *status;
	const struct r53_ask ask = {.method = "GET", .path = {"change", id}};
	struct dro_xml *xml = NULL;
	int rc;

	if (!id)
		return r53->host->fail(
			err, DRO_EINVAL, NULL, "\"%.40s\" is no change of Route 53", operation);
	if ((rc = r53_ask(r53, &ask, &xml, call, err)) < 0)
		return rc;
	status = dro_xml_text(dro_xml_root(xml), "ChangeInfo/Status");
	if (!*status)
		rc = r53_nonsense(r53, &ask, "no status of the change", err);
	else /* a word that is not known is no failure */
		*state = strcmp(status, "INSYNC") == 0 ? DRO_OPERATION_DONE : DRO_OPERATION_PENDING;
	dro_xml_free(xml);
	return rc;
}

static const struct dro_dns dns = {
	.size = sizeof(dns),
	.flags =
		DRO_DNS_ATOMIC | DRO_DNS_ALIAS, /* the mark stands beside the record, not with it */
	.list_records = r53_list_records,
	.apply = r53_apply,
};

static const uint32_t intervals[] = {10, 30, 0};

static const struct dro_health_checks health = {
	.size = sizeof(health),
	.list_checks = r53_list_checks,
	.put_check = r53_put_check,
	.delete_check = r53_delete_check,
	.check_status = r53_check_status,
	.intervals = intervals,
};

static const struct dro_async async = {
	.size = sizeof(async),
	.poll = r53_poll,
};

DRO_EXPORT extern const struct dro_provider_v1 dro_provider_v1;
const struct dro_provider_v1 dro_provider_v1 = {
	.magic = DRO_PROVIDER_MAGIC,
	.abi_major = DRO_ABI_MAJOR,
	.abi_minor = DRO_ABI_MINOR,
	.size = sizeof(struct dro_provider_v1),
	.flags = DRO_PROVIDER_THREADED,
	.name = "route53",
	.version = DRORCH_VERSION,
	.options = options,
	.open = r53_open,
	.close = r53_close,
	.probe = r53_probe,
	.dns = &dns,
	.async = &async,
	.health = &health,
};
