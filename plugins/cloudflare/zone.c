#include <string.h>
#include <strings.h>

#include "plugins/cloudflare/cloudflare.h"

/* The one zone of that name in the answer: a name filter may have been taken for a pattern. */
static int pick(struct cf *cf, const struct cf_ask *ask, const cJSON *answer, const char *name,
	char id[CF_ID_MAX + 1], const cJSON **out, struct dro_error *err)
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
		*out = zone;
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
	const cJSON *zone = NULL;
	cJSON *answer = NULL;
	const char *owner;
	int rc;

	if (dro_zones_find(&cf->zones, name, id, CF_ID_MAX + 1))
		return 0;
	if ((rc = cf_ask(cf, &ask, &answer, call, err)) < 0)
		return rc;
	if ((rc = pick(cf, &ask, answer, name, id, &zone, err)) == 0)
		rc = dro_zones_keep(&cf->zones, name, id, err);
	owner = dro_json_text(cJSON_GetObjectItemCaseSensitive(zone, "account"), "id");
	if (rc == 0 && *owner)
		rc = dro_zones_keep(&cf->accounts, name, owner, err);
	cJSON_Delete(answer);
	return rc;
}

/* The only account of the token, from the list of them. */
static int only_account(
	struct cf *cf, char id[CF_ID_MAX + 1], const struct dro_call *call, struct dro_error *err)
{
	const struct dro_pair query[] = {{"per_page", "5"}};
	struct cf_ask ask = {
		.method = "GET", .path = {"accounts"}, .query = query, .query_count = 1};
	cJSON *answer = NULL;
	const cJSON *list;
	const char *found;
	int rc;

	if ((rc = cf_ask_list(cf, &ask, &answer, &list, call, err)) < 0)
		goto out;
	found = dro_json_text(cJSON_GetArrayItem(list, 0), "id");
	if (cJSON_GetArraySize(list) != 1) {
		rc = cf->host->fail(err, DRO_EINVAL, NULL,
			"the token sees %d accounts: give option account_id",
			cJSON_GetArraySize(list));
	} else if (!*found || strlen(found) > CF_ID_MAX) {
		rc = cf_nonsense(cf, &ask, "an account without an id", err);
	} else {
		memcpy(id, found, strlen(found) + 1);
		rc = dro_zones_keep(&cf->accounts, "", id, err);
	}
out:
	cJSON_Delete(answer);
	return rc;
}

int cf_account_id(struct cf *cf, const char *zone, char id[CF_ID_MAX + 1],
	const struct dro_call *call, struct dro_error *err)
{
	if (strlen(cf->account_id) > CF_ID_MAX)
		return cf->host->fail(
			err, DRO_EINVAL, NULL, "option account_id is longer than an id");
	if (*cf->account_id) {
		memcpy(id, cf->account_id, strlen(cf->account_id) + 1);
		return 0;
	}
	if (dro_zones_find(&cf->accounts, zone, id, CF_ID_MAX + 1) ||
		dro_zones_find(&cf->accounts, "", id, CF_ID_MAX + 1))
		return 0;
	return only_account(cf, id, call, err);
}
