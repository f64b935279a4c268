/* Names in the DNS: what stands in a record, and who may claim it. */
#include <stdlib.h>
#include <string.h>

#include "base/rdata.h"
#include "spec/check.h"

#define CLOUDFLARE_TTL_MIN 60000
#define CLOUDFLARE_TTL_MAX 86400000
#define VALUE_MAX 65536

static void check_ttl(struct dro_check *check, const struct dro_account *account,
	const int64_t *ttl, bool proxied, const struct dro_place *place)
{
	bool cloudflare = account && strcmp(account->plugin, "cloudflare") == 0;

	if (*ttl == DRO_UNSET)
		return;
	if (*ttl % 1000)
		dro_check_complain(check, ttl, place, "a TTL is a number of whole seconds");
	else if (proxied)
		dro_check_complain(check, ttl, place,
			"the TTL of a proxied record is always automatic: leave it out");
	else if (cloudflare && (*ttl < CLOUDFLARE_TTL_MIN || *ttl > CLOUDFLARE_TTL_MAX))
		dro_check_complain(check, ttl, place,
			"Cloudflare takes a TTL from 60s to 24h, or none for automatic");
}

static void check_weights(struct dro_check *check, const struct dro_traffic *traffic)
{
	int total = 0;
	size_t i;

	if (traffic->policy != DRO_POLICY_WEIGHTED)
		return;
	for (i = 0; i < traffic->weight_count; i++) {
		dro_check_site(check, &traffic->weights[i].site, &traffic->place);
		total += traffic->weights[i].weight;
	}
	if (!total)
		dro_check_complain(check, &traffic->policy, &traffic->place,
			"'%s': every weight is 0, so traffic would go nowhere", traffic->key);
}

static void check_path(
	struct dro_check *check, const struct dro_traffic *traffic, const struct dro_path *path)
{
	const struct dro_path *other;

	check_ttl(check, dro_check_account(check, &path->provider, &path->place), &path->ttl_ms,
		path->proxied, &path->place);
	for (other = traffic->paths; other < path; other++)
		if (*path->provider && strcmp(other->provider, path->provider) == 0 &&
			strcmp(other->zone, path->zone) == 0) {
			dro_report_add(check->fill->report, &path->place,
				"the same path twice: provider '%s', zone '%s'", path->provider,
				path->zone);
			return;
		}
}

void dro_check_traffic(struct dro_check *check)
{
	size_t i, j;

	for (i = 0; i < check->service->traffic_count; i++) {
		const struct dro_traffic *traffic = &check->service->traffic[i];

		check_weights(check, traffic);
		for (j = 0; j < traffic->path_count; j++)
			check_path(check, traffic, &traffic->paths[j]);
	}
}

/* NULL: it is one, in whatever spelling. */
static const char *expected_value(const char *type, const char *value)
{
	static const struct {
		const char *type, *expected;
	} forms[] = {{"A", "an IPv4 address"}, {"AAAA", "an IPv6 address"},
		{"MX", "a preference and a name, such as \"10 mx1.example.com\""},
		{"SRV", "priority, weight, port and a name, such as \"0 5 443 a.example.com\""},
		{"CAA", "a flag, a tag and a value, such as '0 issue \"ca.example.net\"'"}};
	struct dro_buf clean = DRO_BUF_INIT(VALUE_MAX);
	bool good = dro_rdata_clean(&clean, type, value, NULL) == 0;
	size_t i;

	dro_buf_free(&clean);
	for (i = 0; !good && i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i].type, type) == 0)
			return forms[i].expected;
	return good ? NULL : "as a zone file has it";
}

static void check_entry(struct dro_check *check, const struct dro_dns_entry *entry)
{
	const char *expected;
	size_t i;

	for (i = 0; i < entry->provider_count; i++)
		check_ttl(check, dro_check_account(check, &entry->providers[i], &entry->place),
			&entry->ttl_ms, false, &entry->place);
	for (i = 0; i < entry->value_count; i++)
		if ((expected = expected_value(entry->type, entry->values[i])))
			dro_check_complain(check, &entry->values[i], &entry->place,
				"the value of a record of type %s is %s", entry->type, expected);
	if (strcmp(entry->type, "CNAME") == 0 && entry->value_count > 1)
		dro_check_complain(check, &entry->values, &entry->place, "a CNAME has one value");
}

void dro_check_dns(struct dro_check *check)
{
	size_t i;

	for (i = 0; i < check->service->dns_count; i++)
		check_entry(check, &check->service->dns[i]);
}
