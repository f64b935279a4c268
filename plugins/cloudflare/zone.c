#include <string.h>
#include <strings.h>

#include "plugins/cloudflare/cloudflare.h"

/* The one zone of that name in the answer: a name filter may have been taken for a pattern. */
static int pick(struct cf *cf, const struct cf_ask *ask, const cJSON *answer, const char *name,
	char id[CF_ID_MAX + 1], struct dro_error *err)
{
	const cJSON *zones = cJSON_GetObjectItemCaseSensitive(answer, "result"), *zone;
	const char *found = NULL;

	if (!cJSON_IsArray(zones))
		return cf_nonsense(cf, ask, "no list of zones", err);
	cJSON_ArrayForEach(zone, zones)
	{
		if (strcasecmp(dro_json_text(zone, "name"), name) != 0)
			continue;
		if (found)
			return cf->host->fail(err, DRO_EINVAL, NULL,
				"zone %s stands in several accounts: give option account_id", name);
		found = dro_json_text(zone, "id");
	}
	if (!found)
		return cf->host->fail(
			err, DRO_ENOTFOUND, NULL, "no zone %s, or the token may not see it", name);
	if (!*found || strlen(found) > CF_ID_MAX)
		return cf_nonsense(cf, ask, "a zone without an id", err);
	memcpy(id, found, strlen(found) + 1);
	return 0;
}

int cf_zone_id(struct cf *cf, const char *name, char id[CF_ID_MAX + 1], const struct dro_call *call,
	struct dro_error *err)
{
	const struct dro_pair query[] = {
		{"name", name}, {"per_page", "50"}, {"account.id", cf->account_id}};
	struct cf_ask ask = {.method = "GET",
		.path = {"zones"},
		.query = query,
		.query_count = *cf->account_id ? 3 : 2};
	cJSON *answer = NULL;
	int rc;

	if (dro_zones_find(&cf->zones, name, id, CF_ID_MAX + 1))
		return 0;
	if ((rc = cf_ask(cf, &ask, &answer, call, err)) < 0)
		return rc;
	if ((rc = pick(cf, &ask, answer, name, id, err)) == 0)
		rc = dro_zones_keep(&cf->zones, name, id, err);
	cJSON_Delete(answer);
	return rc;
}
